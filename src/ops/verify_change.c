/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/verify_change.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/redact.h"
#include "base/words.h"
#include "bench/conditions.h"
#include "ops/keep_outcome.h"
#include "ops/verify_facts.h"
#include "ops/worktree.h"
#include "store/fingerprint.h"
#include "store/history.h"
#include "store/revision.h"
#include "verify/outcome.h"
#include "verify/verify_export.h"

#define LOOK_AT_LOAD_NS (200 * NS_PER_MS)
#define SHORT_COMMIT    12
#define BEFORE          0
#define AFTER           1

static const char *const side_names[] = {"before", "after"};

struct session {
    const struct verify_request *request;
    struct preflight preflight;
    struct preflight_facts facts;
    bool decides[BENCH_METRIC_COUNT];
    struct bench_text texts[2];
    char *variables[2][VERIFY_VARIABLES_MAX + 1];
    struct worktree trees[2];
    struct verify_answer answer;
};

static bool is_given(const struct bench_text *text)
{
    return text->line || text->words;
}

static int usage(struct err *err, const char *what)
{
    err_set(err, ERR_USAGE, "could not run 'toll verify': %s", what);
    err_hint(err, "toll verify 'BEFORE' --vs 'AFTER'; toll verify --env NAME=OLD,NEW -- COMMAND…; "
                  "toll verify --revisions A..B --build 'make' -- COMMAND…");
    return -ERR_USAGE;
}

/* What differs, from what was given. */
static int kind_find(const struct verify_request *request, enum verify_kind *ret_kind, struct err *err)
{
    bool commands = is_given(&request->after), environment = request->environment_count,
         revisions = request->revisions;
    if (commands + environment + revisions > 1)
        return usage(err, "one thing may differ: choose one of --vs, --env and --revisions");
    if (!is_given(&request->before))
        return usage(err, "the command is missing");
    if (commands + environment + revisions == 0)
        return usage(err, "what differs is missing");
    if (request->build && !revisions)
        return usage(err, "--build is for --revisions");
    *ret_kind = commands ? VERIFY_COMMANDS : environment ? VERIFY_ENVIRONMENT : VERIFY_REVISIONS;
    return 0;
}

static int metrics_find(struct session *session, struct err *err)
{
    const struct verify_request *request = session->request;
    enum bench_metric metric;
    for (size_t i = 0; i < request->metric_count; i++) {
        if (!outcome_metric_find(request->metrics[i], &metric)) {
            err_set(err, ERR_USAGE, "could not decide by metric '%.100s': toll has none of that name",
                    request->metrics[i]);
            err_hint(err, "choose wall, cpu, memory or instructions; --metric may be given many times");
            return -ERR_USAGE;
        }
        session->decides[metric] = true;
    }
    session->decides[BENCH_WALL] = session->decides[BENCH_WALL] || !request->metric_count;
    return 0;
}

/* A command as a line, and as words for what is told about it. */
static int command_read(struct session *session, const struct bench_text *text, const char **ret_line,
                        char *const **ret_words, struct err *err)
{
    struct arena *arena = &session->preflight.arena;
    struct words words;
    *ret_words = text->words;
    *ret_line = text->words ? words_join(text->words, arena) : text->line;
    if (!*ret_line)
        return err_memory(err);
    if (text->words)
        return 0;
    int status = words_split(text->line, arena, &words, err);
    if (status)
        return status;
    if (words.shell_character)
        session->facts.shell_character = words.shell_character;
    *ret_words = words.items;
    return 0;
}

static int commands_prepare(struct session *session, struct err *err)
{
    const struct verify_request *request = session->request;
    struct preflight *preflight = &session->preflight;
    char *const *before, *const *after;
    int status = command_read(session, &request->before, &preflight->before, &before, err);
    if (!status)
        status = command_read(session, &request->after, &preflight->after, &after, err);
    if (!status)
        status = preflight_words(preflight, before, after, err);
    if (status)
        return status;
    session->facts.before_command = preflight->before;
    session->facts.other_program = strcmp(before[0], after[0]) != 0;
    session->texts[BEFORE] = request->before;
    session->texts[AFTER] = request->after;
    int failed = 0;
    if (!preflight->changes.list.count)
        failed = verify_line(&preflight->changes, &preflight->arena, "none: both commands are the same");
    failed = failed || verify_line(&preflight->reverts, &preflight->arena, "run: %s", preflight->before);
    return failed ? err_memory(err) : 0;
}

static int variable_prepare(struct session *session, const char *text, size_t index, const char *now,
                            struct err *err)
{
    struct preflight *preflight = &session->preflight;
    struct arena *arena = &preflight->arena;
    const char *before = NULL, *after = NULL;
    int status = preflight_variable(preflight, text, now, &before, &after, err);
    if (status)
        return status;
    char **sides[2] = {session->variables[BEFORE], session->variables[AFTER]};
    size_t at = 0;
    while (sides[BEFORE][at])
        at++;
    /* A variable that is not set now stays so before. */
    sides[BEFORE][at] = before ? arena_string(arena, before) : NULL;
    sides[AFTER][index] = arena_string(arena, after);
    size_t length = strcspn(after, "=");
    if (!sides[AFTER][index] || (before && !sides[BEFORE][at]))
        return err_memory(err);
    int failed = before ? verify_line(&preflight->reverts, arena, "export %s", before)
                        : verify_line(&preflight->reverts, arena, "unset %.*s", (int)length, after);
    return failed ? err_memory(err) : 0;
}

/* "A=1 B=2", or what is not set. */
static const char *variables_joined(struct preflight *preflight, char *const *variables)
{
    struct str text = {0};
    for (size_t i = 0; variables[i]; i++)
        str_printf(&text, "%s%s", i ? " " : "", variables[i]);
    const char *joined = arena_string(&preflight->arena, text.length ? str_text(&text) : "as it is");
    str_free(&text);
    return joined;
}

static int environment_prepare(struct session *session, struct err *err)
{
    const struct verify_request *request = session->request;
    struct preflight *preflight = &session->preflight;
    char *const *words;
    int status = command_read(session, &request->before, &preflight->command, &words, err);
    if (request->environment_count > VERIFY_VARIABLES_MAX)
        return err_set(err, ERR_USAGE, "could not compare more than %u variables", VERIFY_VARIABLES_MAX);
    for (size_t i = 0; !status && i < request->environment_count; i++) {
        char name[256];
        const char *text = request->environment[i];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
        status = variable_prepare(session, text, i, getenv(name), err);
    }
    if (status)
        return status;
    session->facts.before_command = preflight->command;
    for (int side = BEFORE; side <= AFTER; side++) {
        session->texts[side] = request->before;
        session->texts[side].variables = session->variables[side];
    }
    preflight->before = variables_joined(preflight, session->variables[BEFORE]);
    preflight->after = variables_joined(preflight, session->variables[AFTER]);
    return preflight->before && preflight->after ? 0 : err_memory(err);
}

static int revisions_prepare(struct session *session, struct err *err)
{
    const struct verify_request *request = session->request;
    struct preflight *preflight = &session->preflight;
    char *const *words;
    int status = command_read(session, &request->before, &preflight->command, &words, err);
    if (!status)
        status = verify_revisions(request->revisions, preflight, request->look.width, err);
    preflight->build = request->build;
    session->facts.before_command = preflight->command;
    return status;
}

static double outside_cores_now(void)
{
    struct conditions before = conditions_now();
    clock_sleep_until(clock_monotonic_ns() + LOOK_AT_LOAD_NS);
    struct conditions after = conditions_now();
    return conditions_outside_cores(&before, &after, 0);
}

static int prepare(struct session *session, struct err *err)
{
    const struct verify_request *request = session->request;
    struct preflight *preflight = &session->preflight;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    preflight->cpu_count = cpus > 0 ? (unsigned)cpus : 1;
    preflight->prediction.drift_ratio = NAN;
    session->facts.options = &request->options;
    int status = kind_find(request, &preflight->kind, err);
    if (!status)
        status = metrics_find(session, err);
    if (!status)
        status = preflight->kind == VERIFY_COMMANDS      ? commands_prepare(session, err)
                 : preflight->kind == VERIFY_ENVIRONMENT ? environment_prepare(session, err)
                                                         : revisions_prepare(session, err);
    if (!status)
        status = verify_predict(request, preflight, &session->facts, err);
    if (status)
        return status;
    preflight->outside_cores = outside_cores_now();
    return preflight_complete(preflight, &session->facts, err);
}

static void tell(const struct session *session, const char *what, const char *which)
{
    char text[256];
    if (!session->request->tell)
        return;
    snprintf(text, sizeof text, "%s %.200s", what, which);
    session->request->tell(session->request->context, text);
}

/* Both revisions, checked out and built. */
static int trees_make(struct session *session, struct err *err)
{
    const struct preflight *preflight = &session->preflight;
    for (int side = BEFORE; side <= AFTER; side++) {
        char commit[SHORT_COMMIT + 1]; /* of these many digits: it is told to people, too */
        snprintf(commit, sizeof commit, "%s", side == BEFORE ? preflight->base : preflight->head);
        struct worktree *tree = &session->trees[side];
        tree->show_output = session->request->options.show_output;
        tell(session, preflight->build ? "building" : "checking out",
             side == BEFORE ? preflight->before : preflight->after);
        int status = worktree_make(tree, commit, preflight->build, err);
        if (status) {
            session->answer.exit_status = tree->was_interrupted ? OUTCOME_EXIT_INTERRUPTED : 0;
            return status;
        }
        session->texts[side] = session->request->before;
        session->texts[side].folder = tree->folder;
    }
    return 0;
}

static int measure(struct session *session, struct bench_result *ret_result, struct err *err)
{
    struct bench_options options = session->request->options;
    options.commands = session->texts;
    options.command_count = 2;
    options.names = side_names;
    options.name_count = 2;
    int status = bench_run(&options, ret_result, err);
    if (status && bench_was_interrupted())
        session->answer.exit_status = OUTCOME_EXIT_INTERRUPTED;
    else if (status && session->preflight.kind == VERIFY_REVISIONS && err && !session->request->build)
        err_hint(err, "is there something to build? --build 'make' does that in each revision's folder");
    return status;
}

/* A command without what looks like a secret. */
static const char *redacted(struct arena *arena, const char *line)
{
    struct str text = {0};
    redact_line(line, &text);
    bool has_secret = strstr(str_text(&text), REDACT_HIDDEN) != NULL;
    const char *name = text.failed ? NULL : has_secret ? arena_string(arena, str_text(&text)) : line;
    str_free(&text);
    return name;
}

/* What was compared, short: the key of its series in the history; NULL without memory. */
static const char *series_name(struct session *session)
{
    const struct preflight *preflight = &session->preflight;
    struct arena *arena = &session->preflight.arena;
    const char *first = session->request->environment_count ? session->request->environment[0] : "";
    if (session->request->name)
        return session->request->name;
    bool are_commands = preflight->kind == VERIFY_COMMANDS;
    const char *command = redacted(arena, are_commands ? preflight->before : preflight->command);
    const char *after = are_commands ? redacted(arena, preflight->after) : command;
    if (!command || !after)
        return NULL;
    switch (preflight->kind) {
    case VERIFY_COMMANDS: return arena_printf(arena, "%s -> %s", command, after);
    case VERIFY_ENVIRONMENT:
        return arena_printf(arena, "%s [%.*s]", command, (int)strcspn(first, "="), first);
    case VERIFY_REVISIONS: break;
    }
    return command;
}

/* A tag of the history, in which a comma would end it. */
static void tag_append(struct str *tags, const char *key, const char *value)
{
    if (!value)
        return;
    str_printf(tags, "%s%s", tags->length ? "," : "", key);
    for (; *value; value++)
        str_append_bytes(tags, *value == ',' ? ";" : value, 1);
}

/* "cause=cpu-hot,change=speed:function/f=2" and the user's own; NULL for none. */
static const char *tags_joined(struct session *session)
{
    const struct verify_prediction *prediction = &session->preflight.prediction;
    struct str tags = {0};
    tag_append(&tags, "cause=", prediction->cause);
    tag_append(&tags, "change=", prediction->change);
    for (size_t i = 0; i < session->request->tag_count; i++)
        str_printf(&tags, "%s%s", tags.length ? "," : "", session->request->tags[i]);
    const char *joined =
        tags.length && !tags.failed ? arena_string(&session->preflight.arena, str_text(&tags)) : NULL;
    str_free(&tags);
    return joined;
}

static double finite_or_none(double value)
{
    return isfinite(value) ? value : NAN;
}

/* One row of each metric: after / before. */
static size_t rows_fill(struct session *session, const struct outcome *outcome, const char *machine,
                        const char *revision, struct history_result *ret_rows)
{
    static const char *const names[BENCH_METRIC_COUNT] = {[BENCH_WALL] = "wall_ratio",
                                                          [BENCH_CPU] = "cpu_ratio",
                                                          [BENCH_MEMORY] = "memory_ratio",
                                                          [BENCH_INSTRUCTIONS] = "instructions_ratio"};
    const struct verify_prediction *prediction = &session->preflight.prediction;
    const char *name = series_name(session), *tags = tags_joined(session);
    uint64_t now = clock_realtime_ns();
    for (size_t i = 0; i < outcome->metric_count; i++) {
        const struct verify_metric *metric = &outcome->metrics[i];
        const struct bench_comparison *comparison = metric->comparison;
        bool is_predicted = prediction->is_given && comparison->metric == BENCH_WALL;
        ret_rows[i] = (struct history_result){.at_ns = (int64_t)now,
                                              .kind = "verify",
                                              .name = name,
                                              .metric = names[comparison->metric],
                                              .value = comparison->ratio,
                                              .value_low = finite_or_none(comparison->ratio_low),
                                              .value_high = finite_or_none(comparison->ratio_high),
                                              .count = comparison->pair_count,
                                              .verdict = effect_name(metric->verdict),
                                              .predicted = is_predicted ? prediction->ratio : NAN,
                                              .predicted_low = is_predicted ? prediction->ratio_low : NAN,
                                              .predicted_high = is_predicted ? prediction->ratio_high : NAN,
                                              .machine = machine,
                                              .revision = revision,
                                              .tags = tags};
    }
    return name ? outcome->metric_count : 0;
}

/* An unwritable history is told, and no reason to fail: what was measured stands. */
static void keep(struct session *session, const struct outcome *outcome, struct verify_story *story)
{
    const struct verify_request *request = session->request;
    struct history_result rows[VERIFY_METRICS_MAX];
    char machine[FINGERPRINT_MAX], revision[REVISION_MAX];
    struct history *history = NULL;
    struct err err = {0};
    if (request->no_store || outcome->is_interrupted)
        return;
    fingerprint_of_machine(machine);
    const char *head = session->preflight.head;
    if (!head)
        head = revision_of_folder(NULL, revision) ? revision : NULL;
    size_t count = rows_fill(session, outcome, machine, head, rows);
    int status = history_open(&history, request->store, &err);
    if (!status)
        status = history_add(history, rows, count, &err);
    struct arena *arena = &session->preflight.arena;
    if (!status) {
        story->history_path = arena_string(arena, history_path(history));
    } else {
        story->history_error = arena_string(arena, err.what);
        str_printf(&session->answer.warning, "the result is not in the history: %s", err.what);
    }
    history_close(history);
    struct outcome_record record = {
        .history = request->store, .name = rows[0].name, .machine = machine, .revision = head};
    if (count && !status)
        keep_outcome(&record, &session->preflight.prediction, outcome, &session->answer.warning);
}

static int tell_outcome(struct session *session, const struct bench_result *result, struct err *err)
{
    const struct verify_request *request = session->request;
    struct outcome outcome;
    int status = outcome_judge(result, session->decides, &session->preflight.prediction, &outcome, err);
    if (status)
        return status;
    struct verify_story story = {.preflight = &session->preflight, .result = result, .outcome = &outcome};
    keep(session, &outcome, &story);
    if (request->json)
        verify_json(&story, &session->answer.text);
    else
        outcome_text(&story, &request->look, &session->answer.text);
    session->answer.exit_status = outcome_exit_status(&outcome);
    return session->answer.text.failed ? err_memory(err) : 0;
}

static int go_on(struct session *session, struct err *err)
{
    struct bench_result result;
    int status = session->preflight.kind == VERIFY_REVISIONS ? trees_make(session, err) : 0;
    if (!status)
        status = measure(session, &result, err);
    if (status)
        return status;
    status = tell_outcome(session, &result, err);
    bench_result_free(&result);
    return status;
}

/* The preflight as text, and leave to go on. */
static bool may_go_on(struct session *session)
{
    const struct verify_request *request = session->request;
    struct str text = {0};
    preflight_text(&session->preflight, &request->look, &text);
    bool may = request->may_go_on(request->context, str_text(&text));
    str_free(&text);
    return may;
}

static int preflight_only(struct session *session, struct err *err)
{
    struct verify_story story = {.preflight = &session->preflight};
    if (session->request->json)
        verify_json(&story, &session->answer.text);
    else
        preflight_text(&session->preflight, &session->request->look, &session->answer.text);
    return session->answer.text.failed ? err_memory(err) : 0;
}

int ops_verify(const struct verify_request *request, struct verify_answer *ret_answer, struct err *err)
{
    struct session session = {.request = request};
    int status = prepare(&session, err);
    if (!status && request->preflight_only)
        status = preflight_only(&session, err);
    else if (!status && !may_go_on(&session))
        session.answer.was_declined = true;
    else if (!status)
        status = go_on(&session, err);
    worktree_remove(&session.trees[AFTER]);
    worktree_remove(&session.trees[BEFORE]);
    preflight_deinit(&session.preflight);
    if (status) {
        str_free(&session.answer.text);
        str_free(&session.answer.warning);
    }
    *ret_answer = session.answer;
    return status;
}
