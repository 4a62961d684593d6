/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rung.h"

#include <string.h>

static const char *const names[RUNG_COUNT] = {
    [RUNG_BPF] = "bpf", [RUNG_PERF] = "perf", [RUNG_PROC] = "proc", [RUNG_PRELOAD] = "preload"};

const char *rung_name(enum record_rung rung)
{
    return (unsigned)rung < RUNG_COUNT && names[rung] ? names[rung] : "";
}

bool rung_find(const char *name, enum record_rung *ret_rung)
{
    for (unsigned i = 1; i < RUNG_COUNT; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_rung = (enum record_rung)i;
            return true;
        }
    }
    return false;
}
