/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate: how good the predictions in a history were. */
#ifndef TOLL_OPS_CALIBRATE_H
#define TOLL_OPS_CALIBRATE_H

#include "base/str.h"
#include "bench/bench_export.h"
#include "verify/calibration.h"

struct calibrate_request {
    const char *store;   /* the history's file; NULL: the default one */
    const char *machine; /* part of a machine's fingerprint; NULL: all machines */
    int64_t since_ns;    /* CLOCK_REALTIME; 0: from the beginning */
    bool json;
    struct bench_look look;
};

/* A history that is not there has no predictions, which is an answer. The caller frees the text. */
WARN_UNUSED int ops_calibrate(const struct calibrate_request *request, struct str *ret_text, struct err *err);

/* The same as figures; the caller frees them with calibration_deinit, also after a failure. `json` and `look` are not used. */
WARN_UNUSED int ops_calibration(const struct calibrate_request *request, struct calibration *ret_calibration,
                                struct err *err);

#endif
