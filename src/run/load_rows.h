/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_rows: the rows of a view as the vectors of a run, each where it belongs. Ids become indexes, what points nowhere
 * becomes RUN_NONE, a value outside its enum 0. What a row means beside others is settled afterwards (settle.h).
 */
#ifndef TOLL_RUN_LOAD_ROWS_H
#define TOLL_RUN_LOAD_ROWS_H

#include "run/recorded_run.h"

/* Reads run->view. *ret_last_ns is the latest time of any row: where a recording cut short ends. ERR_INPUT where an id is
 * out of range; the run is the caller's to run_deinit, also then. */
WARN_UNUSED int load_rows(struct run *run, uint64_t *ret_last_ns, struct err *err);
/* The same of tracks, spans, samples and stacks alone. */
WARN_UNUSED int load_sample_rows(struct run *run, uint64_t *ret_last_ns, struct err *err);

#endif
