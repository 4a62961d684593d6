/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/calibrate.h"

#include <math.h>

#include "store/history.h"
#include "verify/calibration.h"

struct collecting {
    struct calibration *calibration;
    struct err *err;
};

static int collect(const struct history_result *result, void *data)
{
    struct collecting *collecting = data;
    struct calibration_point point = {.at_ns = result->at_ns,
                                      .name = result->name,
                                      .predicted = result->predicted,
                                      .predicted_low = result->predicted_low,
                                      .predicted_high = result->predicted_high,
                                      .measured = result->value,
                                      .measured_low = result->value_low,
                                      .measured_high = result->value_high};
    if (isnan(result->predicted))
        return 0;
    return calibration_add(collecting->calibration, &point, result->tags, collecting->err);
}

static int collect_all(const struct calibrate_request *request, struct history *history,
                       struct calibration *calibration, struct err *err)
{
    struct collecting collecting = {calibration, err};
    struct history_filter filter = {
        .kind = "verify", .machine = request->machine, .since_ns = request->since_ns};
    return history ? history_each(history, &filter, collect, &collecting, err) : 0;
}

int ops_calibrate(const struct calibrate_request *request, struct str *ret_text, struct err *err)
{
    struct calibration calibration = {0};
    struct history *history = NULL;
    struct str path = {0}, text = {0};
    int status = request->store ? 0 : history_default_path(&path, err);
    if (request->store)
        str_append(&path, request->store);
    if (!status)
        status = history_open_to_read(&history, str_text(&path), err);
    if (!status)
        status = collect_all(request, history, &calibration, err);
    if (!status)
        status = calibration_judge(&calibration, err);
    if (!status && request->json)
        calibration_json(&calibration, str_text(&path), &text);
    else if (!status)
        calibration_text(&calibration, str_text(&path), &request->look, &text);
    if (!status && text.failed)
        status = err_memory(err);
    history_close(history);
    calibration_deinit(&calibration);
    str_free(&path);
    if (status)
        str_free(&text);
    else
        *ret_text = text;
    return status;
}
