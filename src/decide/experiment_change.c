/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_change.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/words.h"
#include "decide/experiment_keep.h"
#include "decide/experiment_setup.h"
#include "judge/opened.h"
#include "judge/predict.h"
#include "verify/prediction.h"

struct trying {
    const struct change_request *request;
    struct arena arena;
    struct experiment_subject subject;
    struct experiment_request experiment;
    struct pipeline_file file;
    struct opened opened;
    bool is_open;
};

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
    if (trying->is_open && !request->predicted)
        promise_of_recording(trying);
    if (!request->predicted)
        return 0;
    int status = prediction_parse(request->predicted, &prediction, err);
    if (!status)
        promise_of_ratios(&trying->experiment.promise, prediction.ratio, prediction.ratio_low,
                          prediction.ratio_high);
    return status;
}

/* --- what is run --- */

/* A pipeline file that was named; without a command the one that lies here. */
static int file_read(struct trying *trying, struct err *err)
{
    const struct change_request *request = trying->request;
    bool has_command = request->command.words || request->command.line;
    const char *path = request->pipeline;
    if (path && has_command)
        return err_set(err, ERR_USAGE, "could not run both a command and pipeline file '%s'", path);
    if (!path && !has_command && access(PIPELINE_FILE_DEFAULT, F_OK) == 0)
        path = PIPELINE_FILE_DEFAULT;
    if (!path)
        return 0;
    int status = pipeline_file_read(path, &trying->file, err);
    if (!status)
        trying->subject.file = &trying->file;
    return status;
}

static int subject_fill(struct trying *trying, struct err *err)
{
    const struct change_request *request = trying->request;
    struct experiment_subject *subject = &trying->subject;
    subject->text = request->change;
    subject->command = request->command;
    subject->now = request->now;
    subject->means = request->means;
    int status = change_parse(request->change, &subject->change, err);
    if (!status)
        status = file_read(trying, err);
    if (status || !request->recording)
        return status;
    status = opened_open(request->recording, NULL, &trying->opened, err);
    trying->is_open = status == 0;
    if (!status)
        subject->verdict = &trying->opened.verdict;
    return status;
}

static int prepare(struct trying *trying, struct err *err)
{
    int status = subject_fill(trying, err);
    trying->experiment.options = trying->request->options;
    if (!status)
        status = experiment_setup(&trying->subject, &trying->arena, &trying->experiment, err);
    /* A pipeline has its own warm-ups; the command line's are the default of one. */
    if (!status && trying->subject.file)
        status = page_cache_parse(trying->file.cache, &trying->experiment.options.cache, err);
    return status ? status : promise_find(trying, err);
}

/* --- what came of it --- */

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

static void keep(struct trying *trying, const struct experiment_result *result, struct change_answer *answer)
{
    const struct change_request *request = trying->request;
    const struct experiment_keeping keeping = {.options = request->keep,
                                               .name =
                                                   trying->subject.file ? trying->file.name : result->command,
                                               .recording = request->recording};
    if (answer->exit_status != CHANGE_EXIT_INTERRUPTED)
        experiment_keep(&keeping, result, &answer->warning);
}

static int run(struct trying *trying, struct change_answer *answer, struct err *err)
{
    struct experiment_result result;
    int status = experiment_attempt(&trying->subject, &trying->experiment, &result, err);
    if (status) {
        if (bench_was_interrupted())
            answer->exit_status = CHANGE_EXIT_INTERRUPTED;
        return status;
    }
    answer->exit_status = exit_status_of(&result);
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
    pipeline_file_free(&trying.file);
    arena_free(&trying.arena);
    if (status) {
        str_free(&ret_answer->text);
        str_free(&ret_answer->warning);
    }
    return status;
}
