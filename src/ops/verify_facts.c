/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/verify_facts.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "judge/opened.h"
#include "judge/predict.h"
#include "judge/symptom.h"
#include "ops/worktree.h"
#include "verify/prediction.h"

#define STAT_LINES_MAX 24u
#define NAME_BYTES_MAX 512
#define SHORT_COMMIT   12

static const char *kept(struct preflight *preflight, const char *text)
{
    return text ? arena_string(&preflight->arena, text) : NULL;
}

/* The recorded command as bench writes commands, so that the two can be held against each other. */
static const char *recorded_command(struct preflight *preflight, const struct run_facts *run)
{
    char **words = arena_alloc(&preflight->arena, (run->command_count + 1) * sizeof *words);
    for (size_t i = 0; words && i < run->command_count; i++) {
        words[i] = arena_string(&preflight->arena, run->command[i]);
        if (!words[i])
            return NULL;
    }
    return words && run->command_count ? words_join(words, &preflight->arena) : NULL;
}

/* The finding that proposes it, be it with another value. */
static const struct finding *finding_of_change(const struct verdict *verdict, const char *change)
{
    size_t length = strcspn(change, "=");
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const char *proposed = verdict->findings[i].change;
        if (proposed && strcspn(proposed, "=") == length && strncmp(proposed, change, length) == 0)
            return &verdict->findings[i];
    }
    return NULL;
}

static int predict_changes(const struct verify_request *request, struct verify_prediction *prediction,
                           struct err *err)
{
    struct prediction replayed;
    int status = ops_predict(request->recording, request->changes, request->change_count, &replayed, err);
    if (status)
        return status;
    if (!replayed.wall_ns_after || !replayed.wall_ns_before)
        return err_set(err, ERR_INPUT, "could not predict from recording '%s': it has no duration",
                       request->recording);
    double before = (double)replayed.wall_ns_before;
    *prediction = (struct verify_prediction){.is_given = true,
                                             .ratio = (double)replayed.wall_ns_after / before,
                                             .ratio_low = (double)replayed.wall_ns_low / before,
                                             .ratio_high = (double)replayed.wall_ns_high / before};
    return 0;
}

static int promises_nothing(const struct verify_request *request, const struct finding *finding,
                            uint64_t number, struct err *err)
{
    err_set(err, ERR_USAGE, "could not predict from recording '%s': finding %llu (%s) promises no gain",
            request->recording, (unsigned long long)number, finding->cause);
    if (finding->change)
        err_hint(err, "--change %s predicts what that brings; --finding N takes another one",
                 finding->change);
    else
        err_hint(err, "--finding N takes another one, --change says what was changed");
    return -ERR_USAGE;
}

static int predict_finding(const struct verify_request *request, const struct verdict *verdict,
                           struct verify_prediction *prediction, const struct finding **ret_finding,
                           struct err *err)
{
    uint64_t number = request->finding ? request->finding : 1;
    if (!verdict->finding_count || number > verdict->finding_count) {
        err_set(err, ERR_USAGE, "could not predict from recording '%s': it has %zu findings",
                request->recording, verdict->finding_count);
        err_hint(err, "'toll report %s' lists them; --change says what was changed", request->recording);
        return -ERR_USAGE;
    }
    const struct finding *finding = &verdict->findings[number - 1];
    if (finding->gain.factor <= 0)
        return promises_nothing(request, finding, number, err);
    *prediction =
        prediction_of_factors(finding->gain.factor, finding->gain.factor_low, finding->gain.factor_high);
    *ret_finding = finding;
    return 0;
}

/* "a, b" for several changes at once. */
static const char *changes_joined(struct preflight *preflight, const struct verify_request *request)
{
    struct str text = {0};
    for (size_t i = 0; i < request->change_count; i++)
        str_printf(&text, "%s%s", i ? " " : "", request->changes[i]);
    const char *joined = text.failed ? NULL : kept(preflight, str_text(&text));
    str_free(&text);
    return joined;
}

static int predict_recording(const struct verify_request *request, const struct verdict *verdict,
                             struct preflight *preflight, struct preflight_facts *facts, struct err *err)
{
    struct verify_prediction *prediction = &preflight->prediction;
    const struct finding *finding = NULL;
    if (verdict->service) {
        err_set(err, ERR_USAGE, "could not predict from recording '%s': it is of a service, which has no end",
                request->recording);
        err_hint(err, "--predict 1.8x says what to expect");
        return -ERR_USAGE;
    }
    int status = request->change_count ? predict_changes(request, prediction, err)
                                       : predict_finding(request, verdict, prediction, &finding, err);
    if (status)
        return status;
    if (request->change_count == 1)
        finding = finding_of_change(verdict, request->changes[0]);
    struct str symptom = {0}, place = {0};
    symptom_of_verdict(verdict, &symptom);
    prediction->symptom = kept(preflight, str_text(&symptom));
    prediction->recording_id = kept(preflight, verdict->run.id);
    str_free(&symptom);
    if (finding) {
        symptom_place(&finding->where, &place);
        prediction->place = kept(preflight, str_text(&place));
        prediction->title = kept(preflight, finding->title);
        prediction->fix = kept(preflight, finding->fix);
        str_free(&place);
        prediction->finding = (uint64_t)(finding - verdict->findings) + 1;
        prediction->cause = kept(preflight, finding->cause);
        prediction->change = kept(preflight, finding->change);
    }
    if (request->change_count)
        prediction->change = changes_joined(preflight, request);
    prediction->source = kept(preflight, request->recording);
    prediction->drift_ratio = verdict->baseline_drift_ratio;
    prediction->recorded_ns = verdict->run.wall_ns;
    facts->recorded_command = recorded_command(preflight, &verdict->run);
    facts->recorded_cpu_count = verdict->run.cpu_count;
    return prediction->source ? 0 : err_memory(err);
}

int verify_predict(const struct verify_request *request, struct preflight *preflight,
                   struct preflight_facts *facts, struct err *err)
{
    struct opened opened;
    if ((request->change_count || request->finding) && !request->recording) {
        err_set(err, ERR_USAGE, "could not predict a change: there is no recording of what was before");
        err_hint(err, "--recording FILE, made by 'toll run' before the change; or --predict 1.8x");
        return -ERR_USAGE;
    }
    if (request->predicted && request->recording)
        return err_set(err, ERR_USAGE, "could not use two predictions: choose --recording or --predict");
    if (request->change_count && request->finding)
        return err_set(err, ERR_USAGE, "could not use two predictions: choose --change or --finding");
    if (request->predicted)
        return prediction_parse(request->predicted, &preflight->prediction, err);
    if (!request->recording)
        return 0;
    int status = opened_open(request->recording, NULL, &opened, err);
    if (status)
        return status;
    status = predict_recording(request, &opened.verdict, preflight, facts, err);
    opened_close(&opened);
    return status;
}

/* What git prints, without its failure: then there is nothing to tell. */
static bool git_tells(const char *const *words, struct str *ret_text)
{
    return worktree_git(NULL, words, "ask git", ret_text, NULL) == 0;
}

static bool is_ancestor(const char *older, const char *newer)
{
    const char *const words[] = {"merge-base", "--is-ancestor", older, newer, NULL};
    struct str text;
    if (!git_tells(words, &text))
        return false;
    str_free(&text);
    return true;
}

/* Both sides of "A..B". */
static int range_split(const char *revisions, char *ret_before, char *ret_after, struct err *err)
{
    const char *dots = strstr(revisions, "..");
    size_t length = dots ? (size_t)(dots - revisions) : strlen(revisions);
    if (strstr(revisions, "...") || length >= NAME_BYTES_MAX ||
        (dots && strlen(dots + 2) >= NAME_BYTES_MAX) || (!length && (!dots || !dots[2]))) {
        err_set(err, ERR_USAGE, "could not understand revisions '%.200s'", revisions);
        err_hint(err, "A..B compares commit B with commit A before it; A.. and A alone mean A..HEAD");
        return -ERR_USAGE;
    }
    snprintf(ret_before, NAME_BYTES_MAX, "%.*s", length ? (int)length : 4, length ? revisions : "HEAD");
    snprintf(ret_after, NAME_BYTES_MAX, "%s", dots && dots[2] ? dots + 2 : "HEAD");
    return 0;
}

/* "3f2a9c1 subject" */
static const char *commit_title(struct preflight *preflight, const char *commit)
{
    const char *const words[] = {"log", "-1", "--format=%h %s", commit, NULL};
    struct str text;
    if (!git_tells(words, &text))
        return kept(preflight, commit);
    const char *title = kept(preflight, str_text(&text));
    str_free(&text);
    return title;
}

/* Lines of a text; the last one, which sums up, also when there are too many. */
static int lines_take(struct preflight *preflight, const char *text)
{
    size_t count = 0, at = 0;
    int failed = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        count++;
    for (const char *line = text; *line && !failed; at++) {
        size_t length = strcspn(line, "\n");
        while (length && at < STAT_LINES_MAX && *line == ' ') {
            line++;
            length--;
        }
        if (at < STAT_LINES_MAX || at + 1 == count)
            failed = verify_line(&preflight->changes, &preflight->arena, "%.*s", (int)length, line);
        else if (at == STAT_LINES_MAX)
            failed = verify_line(&preflight->changes, &preflight->arena, "… and %zu files more",
                                 count - 1 - STAT_LINES_MAX);
        line += length;
        line += *line == '\n';
    }
    return failed;
}

static int difference(struct preflight *preflight, unsigned width, struct err *err)
{
    char stat[32];
    const char *const words[] = {
        "diff", "--no-color", "--no-ext-diff", stat, preflight->base, preflight->head, "--", NULL};
    struct str text;
    snprintf(stat, sizeof stat, "--stat=%u", width > 51 ? width - 11 : 40);
    int status = worktree_git(NULL, words, "compare the two revisions", &text, err);
    if (status)
        return status;
    int failed = text.length ? lines_take(preflight, str_text(&text))
                             : verify_line(&preflight->changes, &preflight->arena, "no file differs");
    str_free(&text);
    return failed ? err_memory(err) : 0;
}

static int reverts_fill(struct preflight *preflight)
{
    struct arena *arena = &preflight->arena;
    const char *base = preflight->base, *head = preflight->head;
    const char *const parents[] = {"rev-list", "--parents", "-1", head, NULL};
    struct str text;
    bool is_one = false;
    if (strcmp(base, head) != 0 && is_ancestor(head, base))
        return verify_line(&preflight->reverts, arena, "nothing: %.*s is the older one; stay with %.*s",
                           SHORT_COMMIT, head, SHORT_COMMIT, base);
    if (!is_ancestor(head, "HEAD"))
        return verify_line(&preflight->reverts, arena,
                           "nothing: the branch that is checked out does not have %.*s; leave it out",
                           SHORT_COMMIT, head);
    if (git_tells(parents, &text)) {
        const char *parent = strchr(str_text(&text), ' ');
        is_one = parent && strcmp(parent + 1, base) == 0;
        str_free(&text);
    }
    if (is_one)
        return verify_line(&preflight->reverts, arena, "git revert --no-edit %.*s", SHORT_COMMIT, head);
    return verify_line(&preflight->reverts, arena, "git revert --no-edit %.*s..%.*s", SHORT_COMMIT, base,
                       SHORT_COMMIT, head);
}

/* Whether a file says how the project is built, or with what. */
static bool is_build_file(const char *path)
{
    static const char *const patterns[] = {
        "[Mm]akefile", "GNUmakefile", "*.mk",         "*.mak",          "CMakeLists.txt",
        "*.cmake",     "meson.build", "meson*.txt",   "configure*",     "*.ninja",
        "BUILD",       "BUILD.bazel", "Cargo.toml",   "Cargo.lock",     "package.json",
        "*-lock.json", "*-lock.yaml", "yarn.lock",    "go.mod",         "go.sum",
        "pom.xml",     "*.gradle",    "*.gradle.kts", "pyproject.toml", "requirements*.txt",
        "setup.py",    "Dockerfile",  "*.csproj"};
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (fnmatch(patterns[i], slash ? slash + 1 : path, 0) == 0)
            return true;
    return false;
}

/* The first file that differs and says how to build; told, because it may be what makes the difference. */
static int risk_of_build(struct preflight *preflight)
{
    const char *const words[] = {"diff", "--name-only", preflight->base, preflight->head, "--", NULL};
    struct str text;
    int failed = 0;
    if (!git_tells(words, &text))
        return 0;
    for (char *line = text.text, *next; line && *line && !failed; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!is_build_file(line))
            continue;
        failed = verify_line(&preflight->risks, &preflight->arena,
                             "How it is built differs too (%s): what is measured is both.", line);
        break;
    }
    str_free(&text);
    return failed;
}

static int risks_fill(struct preflight *preflight)
{
    static const char *const dirty[] = {"status", "--porcelain", "--untracked-files=no", NULL};
    const char *const modules[] = {"ls-tree",       "--full-tree", "--name-only",
                                   preflight->head, ".gitmodules", NULL};
    struct verify_lines *risks = &preflight->risks;
    struct arena *arena = &preflight->arena;
    struct str text;
    int failed = 0;
    if (strcmp(preflight->base, preflight->head) == 0)
        failed = verify_line(risks, arena, "Both are the same commit: there is nothing to see.");
    else if (!is_ancestor(preflight->base, preflight->head))
        failed = verify_line(risks, arena,
                             "The first is no ancestor of the second: they differ by the changes of both.");
    if (!failed && git_tells(dirty, &text)) {
        if (text.length)
            failed = verify_line(risks, arena, "Changes that are not committed are in neither of them.");
        str_free(&text);
    }
    failed = failed || risk_of_build(preflight);
    if (!failed && git_tells(modules, &text)) {
        if (text.length)
            failed = verify_line(risks, arena, "Submodules are not checked out: --build may do that.");
        str_free(&text);
    }
    return failed ||
           verify_line(risks, arena,
                       "Files that git does not know (data, settings, what was built) are in neither.");
}

int verify_revisions(const char *revisions, struct preflight *preflight, unsigned width, struct err *err)
{
    char before[NAME_BYTES_MAX], after[NAME_BYTES_MAX], base[WORKTREE_COMMIT_MAX], head[WORKTREE_COMMIT_MAX];
    int status = range_split(revisions, before, after, err);
    if (!status)
        status = worktree_commit(before, base, err);
    if (!status)
        status = worktree_commit(after, head, err);
    if (status)
        return status;
    preflight->base = kept(preflight, base);
    preflight->head = kept(preflight, head);
    if (!preflight->base || !preflight->head)
        return err_memory(err);
    preflight->before = commit_title(preflight, base);
    preflight->after = commit_title(preflight, head);
    status = difference(preflight, width, err);
    if (!status && (reverts_fill(preflight) || risks_fill(preflight)))
        status = err_memory(err);
    return status;
}
