/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/calibrate.h"

#include <math.h>

#include "store/history.h"

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

static int find_store(const struct calibrate_request *request, struct str *path, struct err *err)
{
    if (!request->store)
        return history_default_path(path, err);
    str_append(path, request->store);
    return path->failed ? err_memory(err) : 0;
}

static int read_store(const struct calibrate_request *request, const char *path,
                      struct calibration *calibration, struct err *err)
{
    struct history *history = NULL;
    int status = history_open_to_read(&history, path, err);

    if (!status)
        status = collect_all(request, history, calibration, err);
    history_close(history);
    return status ? status : calibration_judge(calibration, err);
}

int ops_calibration(const struct calibrate_request *request, struct calibration *ret_calibration,
                    struct err *err)
{
    struct str path = {0};
    int status = find_store(request, &path, err);

    *ret_calibration = (struct calibration){0};
    if (!status)
        status = read_store(request, str_text(&path), ret_calibration, err);
    str_free(&path);
    return status;
}

int ops_calibrate(const struct calibrate_request *request, struct str *ret_text, struct err *err)
{
    struct calibration calibration = {0};
    struct str path = {0}, text = {0};
    int status = find_store(request, &path, err);

    if (!status)
        status = read_store(request, str_text(&path), &calibration, err);
    if (!status && request->json)
        calibration_json(&calibration, str_text(&path), &text);
    else if (!status)
        calibration_text(&calibration, str_text(&path), &request->look, &text);
    if (!status && text.failed)
        status = err_memory(err);
    calibration_deinit(&calibration);
    str_free(&path);
    if (status)
        str_free(&text);
    else
        *ret_text = text;
    return status;
}
