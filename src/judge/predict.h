/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict: what a recorded run would take with some changes made at once, by replay; of a recording made of a service
 * (META_OBJECTIVE), the requests a second it would serve, from a queueing model.
 */
#ifndef TOLL_JUDGE_PREDICT_H
#define TOLL_JUDGE_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "rank/best_changes.h"

#define PREDICTION_ASSUMPTIONS_MAX 4

struct prediction {
    uint64_t wall_ns_before, wall_ns_after, wall_ns_low, wall_ns_high;
    bool is_service; /* these, else the times above: */
    double throughput_per_s_before, throughput_per_s_after, throughput_per_s_low, throughput_per_s_high;
    bool has_bill; /* of a run of agents whose responses have prices: */
    double usd_before, usd_after, usd_low, usd_high;
    double factor;
    double baseline_drift_ratio;
    const char *assumptions[PREDICTION_ASSUMPTIONS_MAX]; /* what must be true for it, each once */
    size_t assumption_count;
};

/* ERR_USAGE for a change that cannot be read, names nothing in the recording, or cannot be replayed. */
WARN_UNUSED int ops_predict(const char *path, const char *const *changes, size_t count,
                            struct prediction *ret_prediction, struct err *err);

struct search_bill {
    double usd_after, usd_low, usd_high;
};

struct search_report {
    struct arena arena; /* of the texts */
    struct candidates candidates;
    struct best_changes best;
    /* Of a run of agents whose responses have prices: */
    bool has_bill;
    double usd;
    struct search_bill bills[BEST_CANDIDATES_MAX], size_bills[BEST_CHANGES_MAX], best_bill;
    uint64_t wall_ns; /* recorded */
    double baseline_drift_ratio;
};

/* The best set of up to three of the changes that the findings propose, other numbers for the same places, and `changes`: of a run of
 * agents in time and money together (agents_predict.h).
 * ERR_USAGE for a change that cannot be read, and for the recording of a service. The report is ended with
 * search_report_deinit. */
WARN_UNUSED int ops_search(const char *path, const char *const *changes, size_t count,
                           struct search_report *ret_report, struct err *err);
void search_report_deinit(struct search_report *report);
/* Schema toll.whatif/1: the best set's figures where those of one prediction are, and the search. */
void search_report_json(const struct search_report *report, struct str *str);

#endif
