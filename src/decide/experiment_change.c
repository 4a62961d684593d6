/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_change.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/experiment_place.h"
#include "judge/opened.h"
#include "judge/predict.h"
#include "model/change.h"
#include "verify/prediction.h"

struct trying {
    const struct change_request *request;
    struct change change;
    struct arena arena;
    struct experiment_request experiment;
    struct experiment_place place;
    struct opened opened;
    bool is_open;
    char *variable[2]; /* of a knob that is one */
};

static int unreadable(const struct change_request *request, const char *why, struct err *err)
{
    err_set(err, ERR_USAGE, "could not try '%.200s': %s", request->change, why);
    err_hint(err, "toll experiment set:knob/NAME=VALUE or speed:process/NAME=2 or remove:process/NAME, then "
                  "-- COMMAND…");
    return -ERR_USAGE;
}

/* --- what was promised --- */

static void promise_of_ratios(struct experiment_promise *promise, double ratio, double low, double high)
{
    promise->factor = 1 / ratio;
    if (low > 0 && isfinite(low) && high > 0 && isfinite(high)) {
        promise->factor_low = 1 / high;
        promise->factor_high = 1 / low;
    }
}

static const struct finding *finding_of_change(const struct verdict *verdict, const char *change)
{
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (verdict->findings[i].change && strcmp(verdict->findings[i].change, change) == 0)
            return &verdict->findings[i];
    return NULL;
}

/* What the recording says the change brings: its finding, or a replay. One that cannot be replayed promises nothing. */
static void promise_of_recording(struct trying *trying)
{
    const char *change = trying->request->change, *path = trying->request->recording;
    struct experiment_promise *promise = &trying->experiment.promise;
    const struct finding *finding = finding_of_change(&trying->opened.verdict, change);
    struct prediction replayed;
    struct err err = {0};
    promise->source = path;
    if (finding && finding->gain.factor > 0) {
        promise->factor = finding->gain.factor;
        promise->factor_low = finding->gain.factor_low;
        promise->factor_high = finding->gain.factor_high;
    } else if (!ops_predict(path, &change, 1, &replayed, &err) && !replayed.is_service &&
               replayed.wall_ns_before && replayed.wall_ns_after) {
        double before = (double)replayed.wall_ns_before;
        promise_of_ratios(promise, (double)replayed.wall_ns_after / before,
                          (double)replayed.wall_ns_low / before, (double)replayed.wall_ns_high / before);
    }
}

static int promise_find(struct trying *trying, struct err *err)
{
    const struct change_request *request = trying->request;
    struct verify_prediction prediction;
    if (request->predicted) {
        int status = prediction_parse(request->predicted, &prediction, err);
        if (status)
            return status;
        promise_of_ratios(&trying->experiment.promise, prediction.ratio, prediction.ratio_low,
                          prediction.ratio_high);
        return 0;
    }
    if (trying->is_open)
        promise_of_recording(trying);
    return 0;
}

/* --- a knob --- */

/* Each {NAME} replaced; NULL without memory. `ret_count` grows by how many there were. */
static char *fill_in(struct arena *arena, const char *text, const char *name, const char *value,
                     size_t *ret_count)
{
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
    char *copy = filled.failed ? NULL : arena_string(arena, str_text(&filled));
    str_free(&filled);
    return copy;
}

static int text_fill(struct trying *trying, const char *value, struct bench_text *ret_text, size_t *ret_count,
                     struct err *err)
{
    const struct bench_text *command = &trying->request->command;
    size_t count = 0;
    *ret_text = *command;
    if (command->line) {
        ret_text->line = fill_in(&trying->arena, command->line, trying->change.name, value, ret_count);
        return ret_text->line ? 0 : err_memory(err);
    }
    while (command->words[count])
        count++;
    char **words = arena_alloc(&trying->arena, (count + 1) * sizeof *words);
    for (size_t i = 0; words && i < count; i++) {
        words[i] = fill_in(&trying->arena, command->words[i], trying->change.name, value, ret_count);
        if (!words[i])
            return err_memory(err);
    }
    ret_text->words = words;
    return words ? 0 : err_memory(err);
}

/* {NAME} in the command, else a variable of its environment. */
static int knob_prepare(struct trying *trying, struct err *err)
{
    const struct change_request *request = trying->request;
    struct experiment_request *experiment = &trying->experiment;
    const char *value = trying->change.text;
    size_t count = 0;
    experiment->means = EXPERIMENT_KNOB;
    int status = text_fill(trying, value, &experiment->after, &count, err);
    if (status)
        return status;
    if (count && !request->now) {
        err_set(err, ERR_USAGE, "could not try '%s': today's value of {%s} is missing", request->change,
                trying->change.name);
        err_hint(err, "--now VALUE says it");
        return -ERR_USAGE;
    }
    if (count)
        return text_fill(trying, request->now, &experiment->command, &count, err);
    experiment->after.variables = trying->variable;
    trying->variable[0] = arena_printf(&trying->arena, "%s=%s", trying->change.name, value);
    if (request->now) {
        char **before = arena_alloc(&trying->arena, 2 * sizeof *before);
        if (!before)
            return err_memory(err);
        before[0] = arena_printf(&trying->arena, "%s=%s", trying->change.name, request->now);
        experiment->command.variables = before;
    }
    return trying->variable[0] ? 0 : err_memory(err);
}

/* --- a place --- */

static int place_prepare(struct trying *trying, struct err *err)
{
    const struct change_request *request = trying->request;
    struct experiment_request *experiment = &trying->experiment;
    experiment->means = EXPERIMENT_AUTO;
    if (request->means && !experiment_means_find(request->means, &experiment->means))
        return unreadable(request, "there is no such means", err);
    if (experiment->means == EXPERIMENT_KNOB)
        return unreadable(request, "it sets no knob", err);
    experiment_place_find(&trying->change, NULL, trying->is_open ? &trying->opened.verdict : NULL,
                          &trying->place);
    if (!trying->place.process) {
        unreadable(request, trying->place.why_not, err);
        if (!trying->is_open)
            err_hint(err, "--recording FILE, made by 'toll run'");
        return -ERR_USAGE;
    }
    experiment->stage = trying->place.process;
    if (trying->place.is_wider) {
        experiment->note =
            arena_printf(&trying->arena, "%s as a whole is tried: what is a part of it can bring no more",
                         trying->place.process);
        if (!experiment->note)
            return err_memory(err);
    }
    /* A place that is made so many times as fast, where it is the whole process; else what it is worth at most. */
    bool is_speed = trying->change.op == CHANGE_SPEED && trying->change.value > 1 && !trying->place.is_wider;
    if (is_speed)
        experiment->speed = trying->change.value;
    return 0;
}

static int prepare(struct trying *trying, struct err *err)
{
    const struct change_request *request = trying->request;
    int status = change_parse(request->change, &trying->change, err);
    if (!status && !request->command.words && !request->command.line)
        status = unreadable(request, "the command is missing", err);
    if (!status && request->recording && request->predicted)
        status = err_set(err, ERR_USAGE, "could not use two predictions: choose --recording or --predict");
    if (status)
        return status;
    if (request->recording) {
        status = opened_open(request->recording, NULL, &trying->opened, err);
        trying->is_open = status == 0;
    }
    trying->experiment.change = request->change;
    trying->experiment.command = request->command;
    trying->experiment.options = request->options;
    bool is_knob = trying->change.op == CHANGE_SET && trying->change.kind == CHANGE_KNOB;
    if (!status)
        status = is_knob ? knob_prepare(trying, err) : place_prepare(trying, err);
    if (!status)
        status = promise_find(trying, err);
    return status;
}

/* --- what came of it --- */

/* A ratio after / before, beside what was promised, as toll verify keeps it. */
static void keep(const struct trying *trying, const struct experiment_result *result,
                 struct change_answer *answer)
{
    const struct experiment_gain *gain = &result->gain;
    struct err err;
    struct str name = {0};
    const char *tags[2] = {trying->request->change, experiment_means_name(result->means)};
    if (!trying->request->keep.is_on || !result->has_gain || !(gain->factor_low > 0))
        return;
    if (trying->request->command.words) {
        if (keep_name(trying->request->command.words, &name, &err))
            return;
    } else {
        str_append(&name, trying->request->command.line);
    }
    struct history_result row = keep_blank("experiment", str_text(&name), "wall_ratio", 1 / gain->factor);
    row.value_low = 1 / gain->factor_high;
    row.value_high = 1 / gain->factor_low;
    row.count = result->bench.rounds;
    row.verdict = experiment_outcome_name(result->outcome);
    if (!gain->is_bound && result->promise.factor > 0) {
        row.predicted = 1 / result->promise.factor;
        if (result->promise.factor_low > 0 && result->promise.factor_high > 0) {
            row.predicted_low = 1 / result->promise.factor_high;
            row.predicted_high = 1 / result->promise.factor_low;
        }
    }
    struct keep_options options = trying->request->keep;
    if (!options.tag_count) {
        options.tags = tags;
        options.tag_count = 2;
    }
    keep_results(&options, &row, 1, &answer->warning);
    str_free(&name);
}

static int exit_status_of(const struct experiment_result *result)
{
    if (result->has_bench && result->bench.stop == BENCH_STOP_INTERRUPT)
        return CHANGE_EXIT_INTERRUPTED;
    switch (result->outcome) {
    case EXPERIMENT_REJECTED: return CHANGE_EXIT_REJECTED;
    case EXPERIMENT_UNDECIDED: return CHANGE_EXIT_UNDECIDED;
    case EXPERIMENT_MEASURED:
    case EXPERIMENT_CONFIRMED: break;
    }
    return 0;
}

static int run(struct trying *trying, struct change_answer *answer, struct err *err)
{
    struct experiment_result result;
    int status = experiment_run(&trying->experiment, &result, err);
    if (status) {
        if (bench_was_interrupted())
            answer->exit_status = CHANGE_EXIT_INTERRUPTED;
        return status;
    }
    answer->exit_status = exit_status_of(&result);
    if (answer->exit_status != CHANGE_EXIT_INTERRUPTED)
        keep(trying, &result, answer);
    if (trying->request->json)
        experiment_json(&result, &answer->text);
    else
        experiment_text(&result, &trying->request->look, &answer->text);
    experiment_result_free(&result);
    return answer->text.failed ? err_memory(err) : 0;
}

int decide_experiment(const struct change_request *request, struct change_answer *ret_answer, struct err *err)
{
    struct trying trying = {.request = request};
    *ret_answer = (struct change_answer){0};
    int status = prepare(&trying, err);
    if (!status)
        status = run(&trying, ret_answer, err);
    if (trying.is_open)
        opened_close(&trying.opened);
    arena_free(&trying.arena);
    if (status) {
        str_free(&ret_answer->text);
        str_free(&ret_answer->warning);
    }
    return status;
}
