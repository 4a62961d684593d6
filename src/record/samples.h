/* SPDX-License-Identifier: Apache-2.0 */
/*
 * samples: CPU samples of the proc rung. Nothing there tells which function runs; CPU time is exact though, so a
 * sample has the time since the last one as its weight and one frame: the program, "[name]".
 */
#ifndef TOLL_RECORD_SAMPLES_H
#define TOLL_RECORD_SAMPLES_H

#include "base/map.h"
#include "record/emit.h"

struct task;

struct samples {
    struct emit *emit;
    struct intern images; /* an id is the program's frame and its stack */
    uint64_t period_ns;   /* CPU time for one sample */
};

void samples_init(struct samples *samples, struct emit *emit, unsigned rate_hz);
void samples_deinit(struct samples *samples);
/* The thread's CPU time now; a sample when it is worth one, or when `is_last`. */
void samples_add(struct samples *samples, struct task *task, uint64_t cpu_ns, uint64_t time_ns, bool is_last);

#endif
