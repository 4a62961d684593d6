/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/predict.h"

#include <string.h>

#include "analyze/infer.h"
#include "analyze/whatif_replay.h"
#include "base/num.h"
#include "judge/agents_predict.h"
#include "judge/verdict.h"
#include "recording/reader.h"
#include "report/json_writer.h"
#include "service/service.h"
#include "team/team.h"

#define CHANGE_COUNT_MAX 16

static int read_changes(const char *const *texts, size_t count, struct change *ret_changes, struct err *err)
{
    if (count > CHANGE_COUNT_MAX)
        return err_set(err, ERR_USAGE, "could not replay %zu changes: %d at most", count, CHANGE_COUNT_MAX);
    for (size_t i = 0; i < count; i++) {
        int status = change_parse(texts[i], &ret_changes[i], err);
        if (status)
            return status;
    }
    return 0;
}

static int predict_service(const struct view *view, const struct change *changes, size_t count,
                           struct prediction *ret_prediction, struct err *err)
{
    struct run run;
    struct service_prediction service;
    int status = run_load(view, &run, err);
    if (status)
        return status;
    status = service_predict(&run, changes, count, &service, err);
    if (!status)
        *ret_prediction = (struct prediction){.is_service = true,
                                              .throughput_per_s_before = service.throughput_per_s_before,
                                              .throughput_per_s_after = service.throughput_per_s_after,
                                              .throughput_per_s_low = service.throughput_per_s_low,
                                              .throughput_per_s_high = service.throughput_per_s_high,
                                              .factor = service.factor,
                                              .baseline_drift_ratio = service.drift_ratio};
    run_deinit(&run);
    return status;
}

static int predict(const struct view *view, const struct change *changes, size_t count,
                   struct prediction *ret_prediction, struct err *err)
{
    struct run run;
    struct whatif whatif = {0};
    struct whatif_result result;
    int status = run_load(view, &run, err);
    if (status)
        return status;
    status = infer_wakers(&run, err);
    if (!status)
        status = whatif_init(&run, &whatif, err);
    bool is_done = false;
    if (!status && team_is(&run))
        status = agents_predict(&run, &whatif, changes, count, ret_prediction, &is_done, err);
    if (!status && !is_done)
        status = whatif_predict(&whatif, changes, count, &result, err);
    if (!status && !is_done)
        *ret_prediction = (struct prediction){.wall_ns_before = result.wall_ns_before,
                                              .wall_ns_after = result.wall_ns_after,
                                              .wall_ns_low = result.wall_ns_low,
                                              .wall_ns_high = result.wall_ns_high,
                                              .factor = result.factor,
                                              .baseline_drift_ratio = whatif.baseline_drift_ratio};
    whatif_deinit(&whatif);
    run_deinit(&run);
    return status;
}

int ops_predict(const char *path, const char *const *texts, size_t count, struct prediction *ret_prediction,
                struct err *err)
{
    struct change changes[CHANGE_COUNT_MAX];
    struct reader *reader;
    int status = read_changes(texts, count, changes, err);
    if (!status)
        status = reader_open(path, &reader, err);
    if (status)
        return status;
    const struct view *view = reader_view(reader);
    bool is_service = strcmp(verdict_objective(view), "wall") != 0;
    status = is_service ? predict_service(view, changes, count, ret_prediction, err)
                        : predict(view, changes, count, ret_prediction, err);
    reader_close(reader);
    for (size_t i = 0; i < count && !status; i++) {
        const char *assumption = change_assumption(&changes[i]);
        for (size_t j = 0; j < ret_prediction->assumption_count && assumption; j++)
            assumption = ret_prediction->assumptions[j] == assumption ? NULL : assumption;
        if (assumption && ret_prediction->assumption_count < PREDICTION_ASSUMPTIONS_MAX)
            ret_prediction->assumptions[ret_prediction->assumption_count++] = assumption;
    }
    return status;
}

/* --- the best set of changes --- */

static int search_run(const struct view *view, struct search_report *report, struct err *err)
{
    struct run run;
    struct whatif whatif = {0};
    int status = run_load(view, &run, err);
    if (status)
        return status;
    status = infer_wakers(&run, err);
    if (!status)
        status = whatif_init(&run, &whatif, err);
    bool is_of_agents = !status && team_is(&run);
    if (!status && !is_of_agents)
        status = candidates_of_run(&run, &report->arena, &report->candidates, err);
    if (!status)
        status = is_of_agents
                     ? agents_search(&run, &whatif, report, err)
                     : best_changes_find(&whatif, &report->candidates, &report->arena, &report->best, err);
    report->wall_ns = run.end_ns - run.start_ns;
    report->baseline_drift_ratio = whatif.baseline_drift_ratio;
    whatif_deinit(&whatif);
    run_deinit(&run);
    return status;
}

/* A change by hand is taken to be possible as it is given. */
static int add_given(const char *const *texts, size_t count, struct search_report *report, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct change change;
        int status = change_parse(texts[i], &change, err);
        if (status)
            return status;
        struct candidate candidate = {.change = arena_string(&report->arena, texts[i]),
                                      .is_promise = true,
                                      .assumption = change_assumption(&change)};
        if (!candidate.change)
            return err_memory(err);
        candidates_add(&report->candidates, &candidate);
    }
    return 0;
}

/* The verdict's texts point into the view, which goes with the reader. */
static int keep_texts(struct search_report *report, struct err *err)
{
    for (size_t i = 0; i < report->candidates.count; i++) {
        struct candidate *candidate = &report->candidates.items[i];
        candidate->change = arena_string(&report->arena, candidate->change);
        if (candidate->assumption)
            candidate->assumption = arena_string(&report->arena, candidate->assumption);
        if (!candidate->change)
            return err_memory(err);
    }
    return 0;
}

static int search_view(const struct view *view, const char *const *texts, size_t count,
                       struct search_report *report, struct err *err)
{
    struct verdict verdict;
    if (strcmp(verdict_objective(view), "wall") != 0) {
        int status =
            err_set(err, ERR_USAGE, "could not search for changes: this is the recording of a service");
        err_hint(err, "toll report ranks its changes; toll whatif FILE CHANGE… predicts any of them");
        return status;
    }
    int status = add_given(texts, count, report, err);
    if (status)
        return status;
    status = analyze_verdict(view, &verdict, err);
    if (status)
        return status;
    status = candidates_of_findings(verdict.findings, verdict.finding_count, &report->arena,
                                    &report->candidates, err);
    if (!status)
        status = keep_texts(report, err);
    verdict_deinit(&verdict);
    return status ? status : search_run(view, report, err);
}

int ops_search(const char *path, const char *const *changes, size_t count, struct search_report *ret_report,
               struct err *err)
{
    struct search_report report = {0};
    struct reader *reader;
    int status = reader_open(path, &reader, err);
    if (status)
        return status;
    status = search_view(reader_view(reader), changes, count, &report, err);
    reader_close(reader);
    if (status)
        search_report_deinit(&report);
    else
        *ret_report = report;
    return status;
}

void search_report_deinit(struct search_report *report)
{
    arena_free(&report->arena);
    *report = (struct search_report){0};
}

static void json_result(struct json_writer *json, const struct whatif_result *result)
{
    json_u64(json, "wall_ns_after", result->wall_ns_after);
    json_u64(json, "wall_ns_low", result->wall_ns_low);
    json_u64(json, "wall_ns_high", result->wall_ns_high);
    json_number(json, "factor", result->factor);
}

static void json_bill(struct json_writer *json, const struct search_report *report,
                      const struct search_bill *bill)
{
    if (!report->has_bill)
        return;
    json_number(json, "cost_usd_after", bill->usd_after);
    json_number(json, "cost_usd_low", bill->usd_low);
    json_number(json, "cost_usd_high", bill->usd_high);
}

static void json_set(struct json_writer *json, const char *key, const struct search_report *report,
                     const struct change_set *set, const struct search_bill *bill)
{
    json_open(json, key, '{');
    json_open(json, "changes", '[');
    for (size_t i = 0; i < set->count; i++)
        json_text(json, NULL, report->candidates.items[set->members[i]].change);
    json_close(json, ']');
    json_result(json, &set->result);
    json_bill(json, report, bill);
    json_close(json, '}');
}

static void json_candidate(struct json_writer *json, const struct search_report *report, size_t index)
{
    const struct candidate *candidate = &report->candidates.items[index];
    json_open(json, NULL, '{');
    json_text(json, "change", candidate->change);
    json_bool(json, "promise", candidate->is_promise);
    json_text(json, "assumption", candidate->assumption);
    if (candidate->is_replayed) {
        json_result(json, &candidate->result);
        json_bill(json, report, &report->bills[index]);
    } else {
        json_text(json, "refused",
                  candidate->refusal ? candidate->refusal : "the search's budget was used up");
    }
    json_close(json, '}');
}

void search_report_json(const struct search_report *report, struct str *str)
{
    struct json_writer json = {.str = str};
    const struct change_set *best = &report->best.best;
    struct whatif_result none = {.wall_ns_after = report->wall_ns,
                                 .wall_ns_low = report->wall_ns,
                                 .wall_ns_high = report->wall_ns,
                                 .factor = 1};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.whatif/1");
    json_u64(&json, "wall_ns_before", report->wall_ns);
    json_result(&json, best->count ? &best->result : &none);
    if (report->has_bill)
        json_number(&json, "cost_usd_before", report->usd);
    json_bill(&json, report, &report->best_bill);
    json_number(&json, "baseline_drift_ratio", report->baseline_drift_ratio);
    if (best->count)
        json_set(&json, "best", report, best, &report->best_bill);
    else
        json_nothing(&json, "best");
    json_open(&json, "sets", '[');
    for (size_t i = 0; i < BEST_CHANGES_MAX; i++) {
        if (report->best.sizes[i].count)
            json_set(&json, NULL, report, &report->best.sizes[i], &report->size_bills[i]);
    }
    json_close(&json, ']');
    json_open(&json, "candidates", '[');
    for (size_t i = 0; i < report->candidates.count; i++)
        json_candidate(&json, report, i);
    json_close(&json, ']');
    json_u64(&json, "candidate_left_out_count", report->candidates.left_out_count);
    json_u64(&json, "replay_count", report->best.replay_count);
    json_bool(&json, "exhaustive", report->best.is_exhaustive);
    json_close(&json, '}');
    json_end(&json);
}
