/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "bench/plan.h"
#include "experiment/internal.h"

/* Words, so that something can stand before them; a line that a shell is to read becomes that shell's. */
static int words_of(const struct experiment_request *request, const struct bench_text *text,
                    struct arena *arena, struct bench_text *ret_text, struct err *err)
{
    struct words words;
    *ret_text = *text;
    if (request->options.use_shell) {
        char **shell = arena_alloc(arena, 4 * sizeof *shell);
        const char *line = text->words ? words_join(text->words, arena) : text->line;
        if (!shell || !line)
            return err_memory(err);
        shell[0] = arena_string(arena, "/bin/sh");
        shell[1] = arena_string(arena, "-c");
        shell[2] = arena_string(arena, line);
        ret_text->words = shell;
        return shell[0] && shell[1] && shell[2] ? 0 : err_memory(err);
    }
    if (text->words)
        return 0;
    int status = words_split(text->line, arena, &words, err);
    if (!status)
        ret_text->words = words.items;
    return status;
}

static int prepare(struct trial *trial, struct err *err)
{
    const struct experiment_request *request = trial->request;
    struct experiment_result *result = trial->result;
    struct arena *arena = &result->arena;
    if (!request->command.words && !request->command.line)
        return err_set(err, ERR_USAGE, "could not make an experiment: the command is missing");
    int status = words_of(request, &request->command, arena, &trial->command, err);
    if (!status && request->means == EXPERIMENT_KNOB)
        status = words_of(request, &request->after, arena, &trial->after, err);
    if (status)
        return status;
    const char *path = bench_variable(trial->command.variables, "PATH");
    trial->search_path = path ? path : getenv("PATH");
    trial->search_path = trial->search_path ? trial->search_path : "/usr/local/bin:/usr/bin:/bin";
    if (!realpath(trial->command.folder ? trial->command.folder : ".", trial->root))
        return err_set(err, ERR_ENVIRONMENT, "could not find folder '%s'",
                       trial->command.folder ? trial->command.folder : ".");
    result->change = request->change ? arena_string(arena, request->change) : NULL;
    const char *stage = request->span ? request->span : request->stage;
    result->stage = stage ? arena_string(arena, stage) : NULL;
    result->command = words_join(trial->command.words, arena);
    result->promise = request->promise;
    result->speed = request->speed;
    return request->note && experiment_remark(result, "%s", request->note) ? err_memory(err) : 0;
}

static int try_means(struct trial *trial, enum experiment_means means, struct err *err)
{
    trial->means = means;
    trial->result->means = means;
    trial->result->level_count = 0;
    switch (means) {
    case EXPERIMENT_KNOB: return experiment_by_knob(trial, err);
    case EXPERIMENT_REPLAY: return experiment_by_replay(trial, err);
    case EXPERIMENT_HOLD:
        return trial->request->span ? experiment_by_span(trial, err) : experiment_by_hold(trial, err);
    case EXPERIMENT_STOP:
    case EXPERIMENT_OTHERS: return experiment_by_pace(trial, err);
    case EXPERIMENT_AUTO:
    case EXPERIMENT_MEANS_COUNT: break;
    }
    return err_set(err, ERR_BUG, "there is no means of experiment %d", (int)means);
}

/* The means in turn until one is possible. */
static int try_all(struct trial *trial, struct err *err)
{
    static const enum experiment_means in_turn[] = {EXPERIMENT_REPLAY, EXPERIMENT_HOLD, EXPERIMENT_STOP};
    static const enum experiment_means of_span[] = {EXPERIMENT_HOLD};
    bool is_auto = trial->request->means == EXPERIMENT_AUTO, is_span = trial->request->span != NULL;
    const enum experiment_means *choices = is_span ? of_span : in_turn;
    size_t count = is_auto && !is_span ? sizeof in_turn / sizeof in_turn[0] : 1;
    struct str reasons = {0};
    int status = TRIAL_IMPOSSIBLE;
    for (size_t i = 0; status == TRIAL_IMPOSSIBLE && i < count; i++) {
        enum experiment_means means = is_auto ? choices[i] : trial->request->means;
        status = try_means(trial, means, err);
        if (status != TRIAL_IMPOSSIBLE)
            break;
        str_printf(&reasons, "%s%s: %s", reasons.length ? "; " : "", experiment_means_name(means),
                   trial->why_not);
        if (experiment_remark(trial->result, "%s is not possible: %s", experiment_means_name(means),
                              trial->why_not))
            status = err_memory(err);
    }
    if (status == TRIAL_IMPOSSIBLE) {
        status = err_set(err, ERR_ENVIRONMENT, "could not make an experiment on '%s': %s",
                         trial->result->stage, str_text(&reasons));
        err_hint(err,
                 "a setting can be tried with set:knob/NAME=VALUE; 'toll whatif' predicts from a recording");
    }
    str_free(&reasons);
    return status;
}

int experiment_run(const struct experiment_request *request, struct experiment_result *ret_result,
                   struct err *err)
{
    struct trial trial = {.request = request, .result = ret_result};
    *ret_result = (struct experiment_result){0};
    int status = prepare(&trial, err);
    if (!status && request->means != EXPERIMENT_KNOB)
        status = stage_folder_open(&trial.folder, request->scratch, err);
    if (!status)
        status = try_all(&trial, err);
    if (!status)
        status = experiment_conclude(ret_result, err);
    stage_folder_close(&trial.folder);
    if (status)
        experiment_result_free(ret_result);
    return status;
}

void experiment_result_free(struct experiment_result *result)
{
    if (result->has_bench)
        bench_result_free(&result->bench);
    arena_free(&result->arena);
    *result = (struct experiment_result){0};
}
