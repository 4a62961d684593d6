/* SPDX-License-Identifier: Apache-2.0 */
/* Where the runtime's own profiler sees more than toll's recorder does. The first row that fits is taken. */
#include "diagnose/next_step.h"

const struct route routes[] = {
    {.advice = ADVICE_CPU,
     .target = TARGET_PROCESS,
     .languages = "Python",
     .profiler = "py-spy",
     .command =
         "py-spy record --nonblocking --duration 30 --format raw --output /tmp/toll-{PID}.folded --pid {PID}",
     .why = "py-spy sees Python's functions from outside, without pausing it"},
};
const size_t route_count = sizeof routes / sizeof routes[0];
