/* SPDX-License-Identifier: Apache-2.0 */
/* timeless: samples that have no times: those of a thread stand one behind the other, each as long as its weight. */
#ifndef TOLL_INGEST_TIMELESS_H
#define TOLL_INGEST_TIMELESS_H

#include "base/vec.h"
#include "ingest/tables.h"

/* Zero-initialise it; free it with vec_free(&timeless->ends). */
struct timeless {
    VEC(uint64_t) ends; /* by thread: where its last sample stands */
};

/* ERR_INPUT when the weights of a thread are more than 64 bits hold. A weight of 0 is no sample. */
WARN_UNUSED int timeless_add(struct timeless *timeless, struct tables *tables, uint32_t thread,
                             uint64_t stack, uint64_t weight, struct err *err);

#endif
