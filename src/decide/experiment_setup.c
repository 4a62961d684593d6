/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_setup.h"

#include <string.h>

#include "decide/experiment_place.h"

struct setup {
    const struct experiment_subject *subject;
    struct arena *arena;
    struct experiment_request *request;
};

static int unreadable(const struct experiment_subject *subject, const char *why, struct err *err)
{
    err_set(err, ERR_USAGE, "could not try '%.200s': %s", subject->text, why);
    err_hint(err, "toll experiment set:knob/NAME=VALUE or speed:process/NAME=2 or remove:process/NAME, then "
                  "-- COMMAND… or a pipeline file");
    return -ERR_USAGE;
}

bool experiment_subject_is_knob(const struct experiment_subject *subject)
{
    return subject->change.op == CHANGE_SET && subject->change.kind == CHANGE_KNOB;
}

/* --- a knob without a pipeline file --- */

/* Each {NAME} replaced; NULL without memory. `ret_count` grows by how many there were. */
static char *fill_in(struct setup *setup, const char *text, const char *value, size_t *ret_count)
{
    const char *name = setup->subject->change.name;
    struct str filled = {0};
    size_t length = strlen(name);
    while (*text) {
        bool is_it = *text == '{' && strncmp(text + 1, name, length) == 0 && text[1 + length] == '}';
        if (is_it) {
            str_append(&filled, value);
            text += length + 2;
            ++*ret_count;
        } else {
            str_append_bytes(&filled, text++, 1);
        }
    }
    char *copy = filled.failed ? NULL : arena_string(setup->arena, str_text(&filled));
    str_free(&filled);
    return copy;
}

static int text_fill(struct setup *setup, const char *value, struct bench_text *ret_text, size_t *ret_count,
                     struct err *err)
{
    const struct bench_text *command = &setup->subject->command;
    size_t count = 0;
    *ret_text = *command;
    if (command->line) {
        ret_text->line = fill_in(setup, command->line, value, ret_count);
        return ret_text->line ? 0 : err_memory(err);
    }
    while (command->words[count])
        count++;
    char **words = arena_alloc(setup->arena, (count + 1) * sizeof *words);
    for (size_t i = 0; words && i < count; i++) {
        words[i] = fill_in(setup, command->words[i], value, ret_count);
        if (!words[i])
            return err_memory(err);
    }
    ret_text->words = words;
    return words ? 0 : err_memory(err);
}

/* One variable as a bench_text takes them; NULL without memory. */
static char *const *variable(struct setup *setup, const char *value)
{
    char **variables = arena_alloc(setup->arena, 2 * sizeof *variables);
    if (variables)
        variables[0] = arena_printf(setup->arena, "%s=%s", setup->subject->change.name, value);
    return variables && variables[0] ? variables : NULL;
}

/* {NAME} in the command, else a variable of its environment. */
static int knob_of_command(struct setup *setup, struct err *err)
{
    const struct experiment_subject *subject = setup->subject;
    struct experiment_request *request = setup->request;
    size_t count = 0;
    int status = text_fill(setup, subject->change.text, &request->after, &count, err);
    if (status)
        return status;
    if (count && !subject->now) {
        err_set(err, ERR_USAGE, "could not try '%s': today's value of {%s} is missing", subject->text,
                subject->change.name);
        err_hint(err, "--now VALUE says it");
        return -ERR_USAGE;
    }
    if (count)
        return text_fill(setup, subject->now, &request->command, &count, err);
    request->after.variables = variable(setup, subject->change.text);
    if (subject->now)
        request->command.variables = variable(setup, subject->now);
    return request->after.variables && (!subject->now || request->command.variables) ? 0 : err_memory(err);
}

/* --- with one --- */

static void text_of_pipeline(const struct pipeline_command *command, struct bench_text *ret_text)
{
    *ret_text = (struct bench_text){
        .words = command->words, .folder = command->folder, .variables = command->variables};
}

static int side_fill(struct setup *setup, const struct pipeline_assignment *assignment,
                     struct bench_text *ret_text, const char **ret_prepare, struct err *err)
{
    struct pipeline_command command;
    int status = pipeline_command_fill(setup->subject->file, assignment, assignment ? 1 : 0, setup->arena,
                                       &command, err);
    if (status)
        return status;
    text_of_pipeline(&command, ret_text);
    *ret_prepare = command.prepare;
    return 0;
}

static int knob_of_pipeline(struct setup *setup, struct err *err)
{
    struct pipeline_assignment assignment;
    if (!pipeline_assignment_of(&setup->subject->change, &assignment))
        return unreadable(setup->subject, "it sets no knob", err);
    return side_fill(setup, &assignment, &setup->request->after, &setup->request->prepare_after, err);
}

/* --- a place --- */

/* What the pipeline file says of a stage: the program that does it. */
static const char *process_of_stage(const struct pipeline_file *file, const char *name, const char **ret_span)
{
    *ret_span = NULL;
    for (size_t i = 0; file && i < file->stages.count; i++) {
        const struct pipeline_stage *stage = &file->stages.items[i];
        if (strcmp(stage->name, name) != 0)
            continue;
        *ret_span = stage->process ? NULL : stage->span;
        return stage->process;
    }
    return NULL;
}

static int place_fill(struct setup *setup, struct err *err)
{
    const struct experiment_subject *subject = setup->subject;
    struct experiment_request *request = setup->request;
    struct experiment_place place;
    const char *span = NULL;
    if (subject->means && !experiment_means_find(subject->means, &request->means))
        return unreadable(subject, "there is no such means", err);
    if (request->means == EXPERIMENT_KNOB)
        return unreadable(subject, "it sets no knob", err);
    experiment_place_find(&subject->change, subject->where, subject->verdict, &place);
    bool is_stage = subject->change.kind == CHANGE_STAGE || subject->change.kind == CHANGE_ANY;
    const char *process = is_stage ? process_of_stage(subject->file, subject->change.name, &span) : NULL;
    if (process)
        place = (struct experiment_place){.process = process};
    else if (span)
        place = (struct experiment_place){.span = span};
    /* A span inside a program is held by libtoll; the other means know processes alone. */
    if (!place.process && place.span &&
        (request->means == EXPERIMENT_AUTO || request->means == EXPERIMENT_HOLD)) {
        request->span = place.span;
        return 0;
    }
    if (!place.process) {
        unreadable(subject, place.why_not, err);
        if (!subject->verdict)
            err_hint(err, "--recording FILE, made by 'toll run'");
        return -ERR_USAGE;
    }
    request->stage = place.process;
    /* A place that is made so many times as fast, where it is the whole process; else what it is worth at most. */
    if (subject->change.op == CHANGE_SPEED && subject->change.value > 1 && !place.is_wider)
        request->speed = subject->change.value;
    if (!place.is_wider)
        return 0;
    request->note = arena_printf(
        setup->arena, "%s as a whole is tried: what is a part of it can bring no more", place.process);
    return request->note ? 0 : err_memory(err);
}

/* A setting that is no knob of the pipeline (a server's): what can be tried is the place that it is said to act on. */
static bool is_elsewhere(const struct experiment_subject *subject)
{
    return subject->file && subject->where && !pipeline_file_knob(subject->file, subject->change.name);
}

int experiment_setup(const struct experiment_subject *subject, struct arena *arena,
                     struct experiment_request *request, struct err *err)
{
    struct setup setup = {subject, arena, request};
    bool is_knob = experiment_subject_is_knob(subject) && !is_elsewhere(subject);
    request->change = subject->text;
    request->command = subject->command;
    request->means = is_knob ? EXPERIMENT_KNOB : EXPERIMENT_AUTO;
    if (!subject->file && !subject->command.words && !subject->command.line)
        return unreadable(subject, "the command is missing", err);
    int status =
        subject->file ? side_fill(&setup, NULL, &request->command, &request->prepare_before, err) : 0;
    if (status)
        return status;
    if (!is_knob)
        return place_fill(&setup, err);
    return subject->file ? knob_of_pipeline(&setup, err) : knob_of_command(&setup, err);
}

int experiment_attempt(const struct experiment_subject *subject, const struct experiment_request *request,
                       struct experiment_result *ret_result, struct err *err)
{
    struct pipeline_kept *kept = NULL;
    struct err restoring;
    if (!subject->file)
        return experiment_run(request, ret_result, err);
    int status = pipeline_files_keep(subject->file, &kept, err);
    if (status)
        return status;
    status = experiment_run(request, ret_result, err);
    int restored = pipeline_files_restore(kept, status ? &restoring : err);
    if (!status && restored)
        experiment_result_free(ret_result);
    return status ? status : restored;
}
