/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/gate_checks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/redact.h"
#include "base/suggest.h"
#include "gate/gate_config.h"
#include "gate/gate_history.h"
#include "gate/gate_judge.h"
#include "gate/gate_measure.h"
#include "gate/gate_template.h"
#include "ops/worktree.h"
#include "store/fingerprint.h"
#include "store/revision.h"

#define BASELINES_MAX     8u
#define BUILD_TEXT_MAX    65536u
#define SUMMARY_BYTES_MAX (1000u << 10) /* of GitHub's 1 MiB for a step */
#define SEED_STEP         7919u

struct baseline_tree {
    const char *revision, *build; /* as in the config */
    struct worktree worktree;
};

struct session {
    const struct gate_request *request;
    struct gate_answer *answer;
    struct gate_config config;
    struct gate_result result;
    struct arena arena;
    struct history *history; /* NULL: none */
    struct baseline_tree trees[BASELINES_MAX];
    size_t tree_count;
    char machine[FINGERPRINT_MAX], revision[REVISION_MAX];
};

static void stage(const struct session *session, const char *what)
{
    if (session->request->stage)
        session->request->stage(session->request->context, what);
}

static bool is_wanted(const struct gate_request *request, const char *name)
{
    for (size_t i = 0; i < request->name_count; i++)
        if (strcmp(request->names[i], name) == 0)
            return true;
    return !request->name_count;
}

static int check_names(const struct session *session, struct err *err)
{
    const struct gate_config *config = &session->config;
    for (size_t i = 0; i < session->request->name_count; i++) {
        const char *name = session->request->names[i], *near = NULL;
        bool is_there = false;
        for (size_t gate = 0; gate < config->gates.count; gate++) {
            is_there = is_there || strcmp(config->gates.items[gate].name, name) == 0;
            if (suggest_is_near(name, config->gates.items[gate].name))
                near = config->gates.items[gate].name;
        }
        if (is_there)
            continue;
        err_set(err, ERR_USAGE, "could not find gate '%.64s' in '%s'", name, config->path);
        if (near)
            err_hint(err, "did you mean '%s'?", near);
        else
            err_hint(err, "its first one is '%s'", config->gates.items[0].name);
        return -ERR_USAGE;
    }
    return 0;
}

static int result_make(struct session *session, struct err *err)
{
    struct gate_config *config = &session->config;
    struct gate_result *result = &session->result;
    char here[PATH_MAX];
    result->config = config;
    result->started_at_ns = clock_realtime_ns();
    result->checks = arena_alloc(&session->arena, config->checks.count * sizeof *result->checks);
    result->was_judged = arena_alloc(&session->arena, config->checks.count * sizeof *result->was_judged);
    result->gates = arena_alloc(&session->arena, config->gates.count * sizeof *result->gates);
    if (!result->checks || !result->was_judged || !result->gates)
        return err_memory(err);
    for (size_t i = 0; i < config->checks.count; i++)
        result->was_judged[i] =
            is_wanted(session->request, config->gates.items[config->checks.items[i].gate].name);
    fingerprint_of_machine(session->machine);
    result->machine = session->machine;
    if (revision_of_folder(NULL, session->revision))
        result->revision = session->revision;
    if (!config->name && getcwd(here, sizeof here)) {
        const char *base = strrchr(here, '/');
        config->name = arena_string(&config->arena, base && base[1] ? base + 1 : here);
    }
    return 0;
}

static int build_here(const struct session *session, struct err *err)
{
    const char *line = session->config.build;
    const char *const words[] = {"/bin/sh", "-c", line, NULL};
    struct child_options options = {.words = words,
                                    .text_bytes_max = BUILD_TEXT_MAX,
                                    .is_merged = true,
                                    .shows = session->request->show_output};
    struct child_result built;
    if (!line || session->request->no_build)
        return 0;
    stage(session, line);
    int status = child_run(&options, &built, err);
    if (status)
        return status;
    session->answer->is_interrupted = built.was_interrupted;
    if (!built.was_interrupted && built.exit_status) {
        size_t most = 400, length = built.text.length;
        while (length && built.text.text[length - 1] == '\n')
            built.text.text[--length] = '\0';
        status = err_set(err, ERR_ENVIRONMENT, "could not build by '%.200s': it ended with status %d", line,
                         built.exit_status);
        err_hint(err, "it ended with: %s", str_text(&built.text) + (length > most ? length - most : 0));
    }
    child_result_free(&built);
    return status;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *build_of(const struct session *session, const struct gate_baseline *baseline)
{
    return baseline->build ? baseline->build : session->config.build;
}

static const struct baseline_tree *tree_of(const struct session *session,
                                           const struct gate_baseline *baseline)
{
    for (size_t i = 0; i < session->tree_count; i++)
        if (same_text(session->trees[i].revision, baseline->revision) &&
            same_text(session->trees[i].build, build_of(session, baseline)))
            return &session->trees[i];
    return NULL;
}

static int tree_make(struct session *session, const struct gate_baseline *baseline, struct err *err)
{
    struct baseline_tree *tree = &session->trees[session->tree_count];
    char what[128];
    if (tree_of(session, baseline))
        return 0;
    if (session->tree_count == BASELINES_MAX)
        return err_set(err, ERR_INPUT, "could not read budgets '%s': line %u: over %u baseline revisions",
                       session->config.path, baseline->line, BASELINES_MAX);
    tree->revision = baseline->revision;
    tree->build = build_of(session, baseline);
    tree->worktree.show_output = session->request->show_output;
    snprintf(what, sizeof what, "building the baseline %.64s", baseline->revision);
    stage(session, what);
    int status = worktree_make(&tree->worktree, tree->revision, tree->build, err);
    session->tree_count += !status;
    if (status && tree->worktree.was_interrupted) {
        session->answer->is_interrupted = true;
        if (err)
            *err = (struct err){0};
        return 0;
    }
    return status;
}

/* Whether a check of the gate is compared with its baseline. */
static bool needs_baseline(const struct session *session, size_t gate)
{
    for (size_t i = 0; i < session->config.checks.count; i++) {
        const struct gate_check *check = &session->config.checks.items[i];
        if (check->gate == gate && session->result.was_judged[i] && gate_limit_is_relative(check->limit))
            return true;
    }
    return false;
}

static void baseline_name(const struct session *session, const struct gate_baseline *baseline,
                          struct str *text)
{
    const struct baseline_tree *tree;
    struct str name = {0};
    switch (baseline->kind) {
    case GATE_AGAINST_REVISION:
        tree = tree_of(session, baseline);
        str_printf(&name, "%s (%.10s)", baseline->revision, tree ? tree->worktree.commit : "?");
        break;
    case GATE_AGAINST_COMMAND:
        str_append(&name, "'");
        redact_line(baseline->command, &name);
        str_append(&name, "'");
        break;
    case GATE_AGAINST_HISTORY: str_append(&name, "the history"); break;
    case GATE_AGAINST_NOTHING: break;
    }
    if (name.length && !strstr(str_text(text), str_text(&name)))
        str_printf(text, "%s%s", text->length ? ", " : "", str_text(&name));
    str_free(&name);
}

static int baselines_make(struct session *session, struct err *err)
{
    struct str text = {0};
    int status = 0;
    for (size_t i = 0; !status && !session->answer->is_interrupted && i < session->config.gates.count; i++) {
        const struct gate_baseline *baseline = &session->config.gates.items[i].baseline;
        if (!needs_baseline(session, i))
            continue;
        if (baseline->kind == GATE_AGAINST_REVISION)
            status = tree_make(session, baseline, err);
        if (!status)
            baseline_name(session, baseline, &text);
    }
    if (!status && text.length)
        session->result.baseline_text = arena_string(&session->arena, str_text(&text));
    str_free(&text);
    return status;
}

/* What the history cannot do is told; the gate goes on without it. */
static void history_begin(struct session *session)
{
    struct err why = {0};
    if (history_open(&session->history, session->request->store, &why)) {
        session->history = NULL;
        str_printf(&session->answer->warnings, "toll: %s; this result is not kept\n", why.what);
    }
}

static void history_end(struct session *session)
{
    struct err why = {0};
    if (session->history && !session->request->no_store &&
        gate_history_add(session->history, &session->result, &why))
        str_printf(&session->answer->warnings, "toll: %s; this result is not kept\n", why.what);
    history_close(session->history);
    session->history = NULL;
}

static int measure_gate(struct session *session, size_t gate, const bool *wanted, size_t judged_count,
                        uint64_t seed, struct gate_outcome *outcomes, struct gate_measured *ret_measured,
                        struct err *err)
{
    const struct gate_request *asked = session->request;
    const struct gate_baseline *baseline = &session->config.gates.items[gate].baseline;
    const struct baseline_tree *tree = tree_of(session, baseline);
    struct gate_measure_request request = {.config = &session->config,
                                           .gate = gate,
                                           .wanted = wanted,
                                           .judged_count = judged_count,
                                           .baseline_folder = tree ? tree->worktree.folder : NULL,
                                           .history = session->history,
                                           .machine = session->machine,
                                           .seed = seed,
                                           .time_s = asked->time_s,
                                           .runs = asked->runs,
                                           .show_output = asked->show_output,
                                           .progress = asked->progress,
                                           .progress_context = asked->context};
    return gate_measure_run(&request, outcomes, ret_measured, &session->answer->is_interrupted, err);
}

static bool has_wanted(const struct session *session, size_t gate, const bool *wanted)
{
    for (size_t i = 0; i < session->config.checks.count; i++)
        if (wanted[i] && session->config.checks.items[i].gate == gate)
            return true;
    return false;
}

/* Measures and judges the wanted checks; a second time into what is for that. */
static int look(struct session *session, const bool *wanted, bool is_second, struct err *err)
{
    const struct gate_config *config = &session->config;
    struct gate_result *result = &session->result;
    struct gate_outcome outcomes[GATE_CHECKS_MAX] = {0};
    struct gate_judged judged[GATE_CHECKS_MAX];
    struct gate_measured measured[GATE_GATES_MAX] = {0};
    uint64_t seed =
        session->request->seed ? session->request->seed : result->started_at_ns >> 10 & 0x7fffffff;
    size_t count = 0, wanted_count = 0;
    int status = 0;
    for (size_t i = 0; i < config->checks.count; i++)
        wanted_count += wanted[i];
    for (size_t gate = 0; !status && !session->answer->is_interrupted && gate < config->gates.count; gate++) {
        char what[128];
        if (!has_wanted(session, gate, wanted))
            continue;
        snprintf(what, sizeof what, "%s%.64s", is_second ? "once more: " : "",
                 config->gates.items[gate].name);
        stage(session, what);
        status = measure_gate(session, gate, wanted, wanted_count, seed + gate + (is_second ? SEED_STEP : 0),
                              outcomes, &measured[gate], err);
    }
    if (status || session->answer->is_interrupted)
        return status;
    for (size_t i = 0; i < config->checks.count; i++)
        if (wanted[i])
            judged[count++] =
                (struct gate_judged){.check = &config->checks.items[i],
                                     .conditions = &measured[config->checks.items[i].gate].conditions,
                                     .outcome = &outcomes[i]};
    status = gate_judge(judged, count, config->confidence_ratio, err);
    for (size_t i = 0; !status && i < config->checks.count; i++) {
        if (!wanted[i])
            continue;
        struct gate_measured *told = &result->gates[config->checks.items[i].gate];
        const struct gate_measured *now = &measured[config->checks.items[i].gate];
        if (is_second) {
            result->checks[i].again = outcomes[i];
            result->checks[i].was_repeated = true;
            told->rounds_again = now->rounds;
            told->seed_again = now->seed;
            told->conditions_again = now->conditions;
            gate_confirm(&result->checks[i]);
        } else {
            result->checks[i].outcome = outcomes[i];
            *told = *now;
        }
    }
    return status;
}

/* What failed is measured again, in fresh processes in another order: a failure that is one recurs. Files do not vary. */
static int look_again(struct session *session, struct err *err)
{
    bool wanted[GATE_CHECKS_MAX] = {0}, is_any = false;
    for (size_t i = 0; i < session->config.checks.count; i++) {
        wanted[i] = session->result.was_judged[i] &&
                    session->config.checks.items[i].source.kind != GATE_FROM_FILES &&
                    session->result.checks[i].outcome.verdict == GATE_FAIL;
        is_any = is_any || wanted[i];
    }
    return is_any && !session->request->no_confirm ? look(session, wanted, true, err) : 0;
}

/* Appended: other steps have said something there already. */
static void summary_append(const struct session *session, const struct str *text)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct err why = {0};
    if (!path || !*path)
        return;
    FS_CLEANUP int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    size_t length = text->length < SUMMARY_BYTES_MAX ? text->length : SUMMARY_BYTES_MAX;
    if (fd < 0)
        err_errno(&why, errno, "could not open file '%s'", path);
    if (fd < 0 || fs_write_all(fd, str_text(text), length, &why))
        str_printf(&session->answer->warnings, "toll: %s; there is no summary\n", why.what);
}

static int write_file(const char *path, struct str *text, struct err *err)
{
    int status = text->failed ? err_memory(err) : fs_replace(path, str_text(text), text->length, 0644, err);
    str_free(text);
    return status;
}

static int write_out(struct session *session, struct err *err)
{
    const struct gate_request *request = session->request;
    const struct gate_result *result = &session->result;
    struct gate_answer *answer = session->answer;
    struct str junit = {0}, sarif = {0}, markdown = {0};
    int status = 0;
    if (request->json)
        gate_json(result, &answer->text);
    else
        gate_text(result, &request->look, &answer->text);
    gate_markdown(result, &markdown);
    if (request->github) {
        gate_annotations(result, &answer->annotations);
        summary_append(session, &markdown);
    }
    if (request->junit) {
        gate_junit(result, &junit);
        status = write_file(request->junit, &junit, err);
    }
    if (!status && request->sarif) {
        gate_sarif(result, request->version, &sarif);
        status = write_file(request->sarif, &sarif, err);
    }
    if (!status && request->markdown)
        status = write_file(request->markdown, &markdown, err);
    str_free(&markdown);
    if (!status && request->output) {
        struct str text = answer->text;
        answer->text = (struct str){0};
        status = write_file(request->output, &text, err);
    }
    return status ? status : answer->text.failed || answer->annotations.failed ? err_memory(err) : 0;
}

static int run(struct session *session, struct err *err)
{
    uint64_t begin_ns = clock_monotonic_ns();
    int status = check_names(session, err);
    if (!status)
        status = result_make(session, err);
    if (!status)
        status = build_here(session, err);
    if (!status && !session->answer->is_interrupted)
        status = baselines_make(session, err);
    if (status || session->answer->is_interrupted)
        return status;
    history_begin(session);
    status = look(session, session->result.was_judged, false, err);
    if (!status && !session->answer->is_interrupted)
        status = look_again(session, err);
    session->result.duration_ns = clock_monotonic_ns() - begin_ns;
    if (!status && !session->answer->is_interrupted) {
        session->answer->verdict = session->result.verdict = gate_verdict_of(&session->result);
        history_end(session);
        status = write_out(session, err);
    }
    return status;
}

int ops_gate(const struct gate_request *request, struct gate_answer *ret_answer, struct err *err)
{
    struct gate_answer answer = {0};
    struct session session = {.request = request, .answer = &answer};
    int status = gate_config_read(request->config ? request->config : GATE_CONFIG_DEFAULT, request->baseline,
                                  &session.config, err);
    if (status)
        return status;
    status = run(&session, err);
    history_close(session.history);
    for (size_t i = 0; i < session.tree_count; i++)
        worktree_remove(&session.trees[i].worktree);
    gate_config_free(&session.config);
    arena_free(&session.arena);
    if (status)
        gate_answer_free(&answer);
    else
        *ret_answer = answer;
    return status;
}

void gate_answer_free(struct gate_answer *answer)
{
    str_free(&answer->text);
    str_free(&answer->annotations);
    str_free(&answer->warnings);
}

/* The branch that others start from, else the one that is checked out, into `ret_name`; false outside a repository with a
 * commit. */
static bool usual_baseline(char *ret_name, size_t size)
{
    static const char *const usual[] = {"main", "master"};
    static const char *const words[] = {"symbolic-ref", "--short", "HEAD", NULL};
    char commit[WORKTREE_COMMIT_MAX];
    struct str branch = {0};
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        snprintf(ret_name, size, "%s", usual[i]);
        if (worktree_commit(usual[i], commit, NULL) == 0)
            return true;
    }
    if (worktree_git(NULL, words, "read the branch", &branch, NULL))
        return false;
    snprintf(ret_name, size, "%s", str_text(&branch));
    str_free(&branch);
    return worktree_commit(ret_name, commit, NULL) == 0;
}

static int write_new(const char *path, const struct str *text, struct err *err)
{
    int status = fs_create(path, str_text(text), text->length, 0644, err);
    if (status == -ERR_USAGE)
        err_hint(err, "add a gate to it by hand, or name another with --config");
    return status;
}

int ops_gate_init(const struct gate_init_request *request, struct str *ret_text, struct err *err)
{
    const char *path = request->config ? request->config : GATE_CONFIG_DEFAULT;
    struct bench_text command = {.words = request->command};
    struct bench_options options = {.commands = &command,
                                    .command_count = 1,
                                    .warmup_count = 1,
                                    .time_s = 1,
                                    .threshold_ratio = -1,
                                    .cpu = -1};
    struct bench_result result;
    struct str text = {0};
    char branch[256];
    if (access(path, F_OK) == 0)
        return write_new(path, &text, err);
    int status = bench_run(&options, &result, err);
    if (status)
        return status;
    bool has_makefile = access("Makefile", F_OK) == 0 || access("makefile", F_OK) == 0;
    const struct bench_summary *summaries = result.arms.items[0].summaries;
    struct gate_template template = {.command = result.arms.items[0].command,
                                     .program = request->command[0],
                                     .baseline = request->baseline                       ? request->baseline
                                                 : usual_baseline(branch, sizeof branch) ? branch
                                                                                         : NULL,
                                     .build = request->build ? request->build
                                              : has_makefile ? "make"
                                                             : NULL,
                                     .wall_ns = summaries[BENCH_WALL].description.median,
                                     .memory_bytes_max = summaries[BENCH_MEMORY].description.median};
    gate_template_write(&template, &text);
    status = text.failed ? err_memory(err) : write_new(path, &text, err);
    if (!status)
        str_printf(ret_text, "%s is written; 'toll gate' measures it.\n\n%s", path, str_text(&text));
    str_free(&text);
    bench_result_free(&result);
    return status;
}
