/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/predict.h"

#include <string.h>

#include "analyze/infer.h"
#include "analyze/whatif_replay.h"
#include "ops/verdict.h"
#include "recording/reader.h"
#include "service/service.h"

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
    if (!status)
        status = whatif_replay(&whatif, changes, count, &result, err);
    if (!status)
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
    return status;
}
