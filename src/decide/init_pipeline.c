/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/init_pipeline.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/redact.h"
#include "base/words.h"
#include "judge/opened.h"
#include "model/change.h"
#include "model/meta.h"
#include "pipeline/pipeline_file.h"
#include "pipeline/pipeline_template.h"
#include "report/amount.h"
#include "report/units.h"

#define STAGES_SHOWN_MAX  12u
#define STAGE_RATIO_LEAST 0.01
#define SCRIPT_BYTES_MAX  ((size_t)256 << 10)
#define FACTOR_WORTH      1.2 /* a promise below is no objective */

struct session {
    const struct init_request *request;
    struct opened opened; /* of a recording */
    struct arena arena;
    struct knob_guesses knobs;
    struct template_stage stages[STAGES_SHOWN_MAX];
    struct pipeline_template template;
    struct err *err;
};

static const char *value_of(const char *name)
{
    return getenv(name);
}

/* Up to two digits that are easy to read: 351 ms is 360 ms. */
static double round_up(double value)
{
    double step = pow(10, floor(log10(value)) - 1);
    return ceil(value / step - 1e-9) * step;
}

/* "360 ms", "2.7 s": as an objective is read. */
static const char *duration(struct session *session, double ns)
{
    double rounded = round_up(ns);
    if (rounded < 1e6)
        return arena_printf(&session->arena, "%.10g us", rounded / 1e3);
    return rounded < 1e9 ? arena_printf(&session->arena, "%.10g ms", rounded / 1e6)
                         : arena_printf(&session->arena, "%.10g s", rounded / 1e9);
}

/* The most of a kind of usage that one stage has: stages of a row all count the same rows. */
static double units_of(const struct verdict *verdict, const char *kind)
{
    double most = 0;
    for (size_t i = 0; i < verdict->stage_count; i++)
        for (size_t j = 0; j < verdict->stages[i].usage_count; j++)
            if (strcmp(verdict->stages[i].usage[j].kind, kind) == 0)
                most = fmax(most, verdict->stages[i].usage[j].amount);
    return most;
}

/* What someone can do: do more at once, send more at a time, stream, set. That a wait were gone says nothing of how. */
static bool is_doable(const struct finding *finding)
{
    struct change change;
    if (!finding->change || change_parse(finding->change, &change, NULL))
        return false;
    return change.op != CHANGE_REMOVE && change.op != CHANGE_SPEED && change.op != CHANGE_CORES;
}

/* The finding whose promise is largest at its careful end; NULL when none is worth it. */
static const struct finding *best_promise(const struct verdict *verdict)
{
    const struct finding *best = NULL;
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        if (finding->gain.factor_low >= FACTOR_WORTH && is_doable(finding) &&
            (!best || finding->gain.factor_low > best->gain.factor_low))
            best = finding;
    }
    return best;
}

/* What it reaches today, and what toll thinks it could. */
static int guess_objective(struct session *session)
{
    const struct verdict *verdict = &session->opened.verdict;
    const struct finding *best = best_promise(verdict);
    struct pipeline_template *template = &session->template;
    double wall_ns = (double)verdict->run.wall_ns, rows = units_of(verdict, "rows"), today = wall_ns;
    double wanted_ns = best ? wall_ns / best->gain.factor_low : wall_ns;
    struct pipeline_objective objective = {.metric = PIPELINE_WALL, .noun = ""};
    if (rows > 0) {
        objective = (struct pipeline_objective){.metric = PIPELINE_RATE, .noun = "rows"};
        double rate = rows / (wanted_ns / 1e9), step = pow(10, floor(log10(rate)) - 1);
        today = rows / (wall_ns / 1e9);
        template->objective = arena_printf(&session->arena, "%.10g rows/s", floor(rate / step + 1e-9) * step);
        template->rows = rows;
        template->rows_note = "of one run, as the recording counted them";
    } else {
        const char *limit = duration(session, wanted_ns);
        template->objective = limit ? arena_printf(&session->arena, "wall < %s", limit) : NULL;
    }
    template->objective_note =
        best ? arena_printf(&session->arena, "today: %s; with %s about %s as fast. Write what you need",
                            pipeline_objective_amount(&objective, today).text, best->change,
                            unit_factor(best->gain.factor).text)
             : arena_printf(&session->arena, "today: %s. Write what you need",
                            pipeline_objective_amount(&objective, today).text);
    return template->objective && template->objective_note ? 0 : err_memory(session->err);
}

/* Whether a stage is a span: the timeline has one of that name. */
static bool is_span(const struct verdict *verdict, const char *name)
{
    const struct timeline *timeline = &verdict->timeline;
    for (size_t i = 0; i < timeline->track_count; i++)
        for (size_t j = 0; j < timeline->tracks[i].span_count; j++)
            if (strcmp(timeline->tracks[i].spans[j].name, name) == 0)
                return true;
    return false;
}

static void guess_stages(struct session *session)
{
    const struct verdict *verdict = &session->opened.verdict;
    struct pipeline_template *template = &session->template;
    for (size_t i = 0; i < verdict->stage_count && template->stage_count < STAGES_SHOWN_MAX; i++) {
        const struct stage *stage = &verdict->stages[i];
        if (stage->critical_ratio < STAGE_RATIO_LEAST || !stage->name[0])
            continue;
        session->stages[template->stage_count++] =
            (struct template_stage){stage->name, is_span(verdict, stage->name), stage->critical_ratio};
    }
    template->stages = session->stages;
}

/* Those of the command's words that are scripts: files of text. */
static int guess_scripts(struct session *session, char *const *words, const char *folder)
{
    int status = 0;
    for (size_t i = 0; !status && words[i]; i++) {
        struct stat about;
        struct str text = {0};
        const char *path = words[i][0] == '/' || !folder
                               ? words[i]
                               : arena_printf(&session->arena, "%s/%s", folder, words[i]);
        if (!path)
            return err_memory(session->err);
        if (stat(path, &about) != 0 || !S_ISREG(about.st_mode) || (size_t)about.st_size > SCRIPT_BYTES_MAX ||
            fs_read(path, SCRIPT_BYTES_MAX, &text, NULL) || memchr(str_text(&text), '\0', text.length)) {
            str_free(&text);
            continue;
        }
        const char *base = strrchr(words[i], '/');
        status = knob_guess_script(str_text(&text), base ? base + 1 : words[i], value_of, &session->arena,
                                   &session->knobs, session->err);
        str_free(&text);
    }
    return status;
}

/* The command with its knobs taken out; a script's text within it (sh -c '…') may read variables too. */
static int guess_command(struct session *session, char *const *words, const char *folder)
{
    const char *line = words_join(words, &session->arena);
    int status = line ? knob_guess_line(line, &session->arena, &session->knobs, session->err)
                      : err_memory(session->err);
    if (!status)
        status =
            knob_guess_script(line, "the command", value_of, &session->arena, &session->knobs, session->err);
    if (!status)
        status = guess_scripts(session, words, folder);
    session->template.line = session->knobs.line;
    session->template.is_redacted = !status && strstr(line, REDACT_HIDDEN) != NULL;
    session->template.knobs = &session->knobs;
    return status;
}

/* Findings reach as far as they ask; one that nothing guessed can do is told. */
static int guess_proposals(struct session *session)
{
    const struct verdict *verdict = &session->opened.verdict;
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct finding *finding = &verdict->findings[i];
        struct change change;
        if (!finding->change || change_parse(finding->change, &change, NULL) ||
            (change.op != CHANGE_WORKERS && change.op != CHANGE_BATCH))
            continue;
        bool has_knob = false;
        for (size_t j = 0; j < session->knobs.count; j++)
            has_knob = has_knob || session->knobs.items[j].role ==
                                       (change.op == CHANGE_WORKERS ? KNOB_ROLE_WORKERS : KNOB_ROLE_BATCH);
        if (change.op == CHANGE_WORKERS)
            knob_guess_reach(&session->knobs, change.value);
        if (has_knob || session->template.proposal)
            continue;
        session->template.proposal = finding->change;
        if (finding->gain.factor > 0) {
            session->template.proposal_note =
                arena_printf(&session->arena, "about %s as fast", unit_factor(finding->gain.factor).text);
            if (!session->template.proposal_note)
                return err_memory(session->err);
        }
    }
    return 0;
}

/* Whether the file will lie in the folder where the run worked; where that is not known there is nothing to say. */
static bool is_here(const char *output, const char *folder)
{
    char real[PATH_MAX], other[PATH_MAX], place[PATH_MAX] = ".";
    const char *slash = output ? strrchr(output, '/') : NULL;
    if (slash)
        snprintf(place, sizeof place, "%.*s", (int)(slash - output) + (slash == output), output);
    return !folder || !realpath(place, real) || !realpath(folder, other) || strcmp(real, other) == 0;
}

static int of_recording(struct session *session)
{
    const struct run_facts *run;
    int status = opened_open(session->request->recording, "wall", &session->opened, session->err);
    if (status)
        return status;
    run = &session->opened.verdict.run;
    if (!run->command_count)
        return err_set(session->err, ERR_INPUT,
                       "could not make a pipeline file of '%s': it is no recording of a command",
                       session->request->recording);
    char **words = arena_alloc(&session->arena, (run->command_count + 1) * sizeof *words);
    for (size_t i = 0; words && i < run->command_count; i++) {
        words[i] = arena_string(&session->arena, run->command[i]);
        words = words[i] ? words : NULL;
    }
    if (!words)
        return err_memory(session->err);
    const char *base = strrchr(session->request->recording, '/'),
               *folder = view_meta(reader_view(session->opened.reader), META_DIRECTORY);
    session->template.made_of = base ? base + 1 : session->request->recording;
    status = guess_objective(session);
    if (!status)
        status = guess_command(session, words, folder);
    session->template.folder = is_here(session->request->output, folder) ? NULL : folder;
    if (!status)
        status = guess_proposals(session);
    guess_stages(session);
    return status;
}

static int of_command(struct session *session)
{
    session->template.objective = "wall";
    session->template.objective_note = "or what you need: wall < 60 s, 100000 rows/s, p99 under 200 ms";
    return guess_command(session, session->request->command, NULL);
}

/* What is written has to be read: the reader is the judge of it. */
static int check(const char *path, const struct str *text, struct err *err)
{
    struct pipeline_file file;
    struct err why = {0};
    int status = pipeline_file_read_text(str_text(text), text->length, path, &file, &why);
    if (!status)
        pipeline_file_free(&file);
    return status ? err_set(err, why.code, "could not write pipeline file '%s': %.600s", path, why.what) : 0;
}

/* --force is not meant for what it is made of. */
static bool is_recording(const struct init_request *request, const char *path)
{
    struct stat one, other;
    return request->recording && stat(request->recording, &one) == 0 && stat(path, &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int write_out(const struct init_request *request, const struct str *text, struct str *ret_text,
                     struct err *err)
{
    const char *path = request->output ? request->output : PIPELINE_FILE_DEFAULT;
    int status = text->failed ? err_memory(err) : 0;
    if (!status && strcmp(path, "-") == 0) {
        status = check(PIPELINE_FILE_DEFAULT, text, err);
        str_append(ret_text, str_text(text));
        return status;
    }
    if (!status && is_recording(request, path)) {
        err_set(err, ERR_USAGE, "could not write file '%s': it is the recording", path);
        err_hint(err, "-o FILE names another, -o - prints");
        return -ERR_USAGE;
    }
    if (!status)
        status = check(path, text, err);
    if (!status)
        status = request->force ? fs_replace(path, str_text(text), text->length, 0644, err)
                                : fs_create(path, str_text(text), text->length, 0644, err);
    if (status == -ERR_USAGE)
        err_hint(err, "--force writes over it, -o FILE names another, -o - prints");
    if (!status)
        str_printf(ret_text, "%s is written: look at it, then 'toll investigate%s%s'.\n\n%s", path,
                   request->output ? " " : "", request->output ? request->output : "", str_text(text));
    return status;
}

int decide_init(const struct init_request *request, struct str *ret_text, struct err *err)
{
    struct err own;
    struct session session = {.request = request, .err = err ? err : &own};
    struct str text = {0};
    int status = request->recording ? of_recording(&session) : of_command(&session);
    if (!status) {
        pipeline_template_write(&session.template, &text);
        status = write_out(request, &text, ret_text, session.err);
    }
    str_free(&text);
    if (session.opened.reader)
        opened_close(&session.opened);
    arena_free(&session.arena);
    return status;
}
