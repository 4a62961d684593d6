/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_settle.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "decide/experiment_setup.h"
#include "investigate/consensus.h"

#define TIME_EACH_S   10.0
#define RUNS_LEAST    21.0 /* six rounds of three sides, a warm-up of each */
#define PRECISION     0.05 /* a contradiction is about more than that */
#define WARMUP_ROUNDS 1u

struct settling {
    struct investigation *investigation;
    const struct settle_options *options;
    size_t made;
    bool was_interrupted;
};

static int outcome_set(struct settling *settling, struct contradiction *contradiction, const char *why,
                       struct err *err)
{
    contradiction->outcome = arena_string(&settling->investigation->arena, why);
    return contradiction->outcome ? 0 : err_memory(err);
}

/* What cannot be tried is settled by making the change: "not settled: no experiment can be made: stage 'download' is a part of what
 * 'pipeline' does, not a process of its own; make the change, then: toll verify …" */
static int cannot_try(struct settling *settling, struct contradiction *contradiction, const char *why,
                      struct err *err)
{
    const struct conclusion *conclusion = consensus_of_claim(settling->investigation, contradiction->claim);
    const char *colon = strstr(why, "': "); /* behind what the error says of the change */
    struct str text = {0};
    str_printf(&text, "not settled: no experiment can be made: %s", colon ? colon + 3 : why);
    if (conclusion && conclusion->claim.verify)
        str_printf(&text, "; make the change, then: %s", conclusion->claim.verify);
    int status = outcome_set(settling, contradiction, str_text(&text), err);
    str_free(&text);
    return status;
}

/* "not settled: there is no pipeline file; toll experiment …" */
static int by_hand(struct settling *settling, struct contradiction *contradiction, const char *why,
                   struct err *err)
{
    const struct conclusion *conclusion = consensus_of_claim(settling->investigation, contradiction->claim);
    struct str text = {0};
    str_printf(&text, "not settled: %s", why);
    if (conclusion && conclusion->next_command)
        str_printf(&text, "; %s", conclusion->next_command);
    int status = outcome_set(settling, contradiction, str_text(&text), err);
    str_free(&text);
    return status;
}

static void promise_fill(struct settling *settling, const struct claim *claim,
                         struct experiment_promise *promise)
{
    struct str name = {0};
    claim_name(claim, &name);
    *promise =
        (struct experiment_promise){.factor = claim->finding.gain.factor,
                                    .factor_low = claim->finding.gain.factor_low,
                                    .factor_high = claim->finding.gain.factor_high,
                                    .source = arena_string(&settling->investigation->arena, str_text(&name))};
    str_free(&name);
}

/* The result beside the rest of the evidence; what cannot be written is no reason to lose the result. */
static void evidence_write(const struct settling *settling, const struct experiment_result *result)
{
    char path[PATH_MAX];
    struct str text = {0};
    struct err err;
    if (!settling->options->evidence)
        return;
    snprintf(path, sizeof path, "%s/experiment-%zu.json", settling->options->evidence, settling->made);
    experiment_json(result, &text);
    int status = text.failed ? -1 : fs_replace(path, str_text(&text), text.length, 0644, &err);
    (void)status;
    str_free(&text);
}

static bool is_too_late(const struct settling *settling)
{
    const struct verdict *verdict = settling->investigation->verdict;
    double wall_ns = verdict ? (double)verdict->run.wall_ns : 0;
    uint64_t now_ns = clock_monotonic_ns(), deadline_ns = settling->options->deadline_ns;
    return deadline_ns && (now_ns >= deadline_ns || (double)(deadline_ns - now_ns) < RUNS_LEAST * wall_ns);
}

static uint64_t runs_of(const struct experiment_result *result)
{
    uint64_t runs = 0;
    for (size_t i = 0; result->has_bench && i < result->bench.arms.count; i++)
        runs += result->bench.arms.items[i].runs.count + WARMUP_ROUNDS;
    return runs;
}

/* An experiment on the claim; without one the outcome says why. */
static int attempt(struct settling *settling, struct contradiction *contradiction, struct err *err)
{
    struct investigation *investigation = settling->investigation;
    const struct claim *claim = contradiction->claim;
    struct experiment_subject subject = {.text = claim->finding.change ? claim->finding.change : "",
                                         .where = &claim->finding.where,
                                         .verdict = investigation->verdict,
                                         .file = settling->options->file};
    struct experiment_request request = {.options = {.time_s = TIME_EACH_S,
                                                     .warmup_count = WARMUP_ROUNDS,
                                                     .round_count_min = BENCH_ROUNDS_LEAST,
                                                     .precision_ratio = PRECISION,
                                                     .cpu = -1,
                                                     .threshold_ratio = -1},
                                         .scratch = settling->options->scratch};
    struct experiment_result result;
    struct err failure = {0};
    /* A claim without a change is about its place. */
    bool has_change =
        claim->finding.change && change_parse(claim->finding.change, &subject.change, &failure) == 0;
    if (!has_change)
        subject.change = (struct change){.op = CHANGE_SET, .kind = CHANGE_RUN};
    int status = experiment_setup(&subject, &investigation->arena, &request, &failure);
    if (status)
        return cannot_try(settling, contradiction, failure.what, err);
    /* What a place is worth at most is far from what is claimed, or not settled: no need to know the machine's own noise. */
    request.options.no_control = request.means != EXPERIMENT_KNOB;
    promise_fill(settling, claim, &request.promise);
    status = experiment_attempt(&subject, &request, &result, &failure);
    if (status && bench_was_interrupted()) {
        settling->was_interrupted = true;
        return by_hand(settling, contradiction, "interrupted", err);
    }
    if (status)
        return by_hand(settling, contradiction, failure.what, err);
    settling->made++;
    settling->was_interrupted = result.has_bench && result.bench.stop == BENCH_STOP_INTERRUPT;
    investigation->run_count += runs_of(&result);
    evidence_write(settling, &result);
    status = consensus_settle(investigation, contradiction, &result, err);
    experiment_result_free(&result);
    return status;
}

static int settle_one(struct settling *settling, struct contradiction *contradiction, struct err *err)
{
    const struct settle_options *options = settling->options;
    if (!options->file)
        return by_hand(settling, contradiction,
                       "the run cannot be repeated from a recording alone, a pipeline file says how", err);
    if (settling->was_interrupted)
        return by_hand(settling, contradiction, "interrupted", err);
    if (settling->made >= SETTLE_EXPERIMENTS_MAX || is_too_late(settling))
        return by_hand(settling, contradiction, "there was no time left for an experiment", err);
    if (options->tell) {
        struct str text = {0};
        str_append(&text, "experiment on ");
        claim_name(contradiction->claim, &text);
        options->tell(options->context, str_text(&text));
        str_free(&text);
    }
    return attempt(settling, contradiction, err);
}

int experiment_settle(struct investigation *investigation, const struct settle_options *options,
                      struct err *err)
{
    struct settling settling = {.investigation = investigation, .options = options};
    int status = 0;
    for (size_t i = 0; !status && i < investigation->contradiction_count; i++)
        status = settle_one(&settling, &investigation->contradictions[i], err);
    if (!status && settling.was_interrupted)
        status = err_set(err, ERR_THRESHOLD, "interrupted");
    return status;
}
