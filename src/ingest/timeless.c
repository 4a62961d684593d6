/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/timeless.h"

#include "base/clock.h"
#include "base/num.h"

int timeless_add(struct timeless *timeless, struct tables *tables, uint32_t thread, uint64_t stack,
                 uint64_t weight, struct err *err)
{
    if (!weight)
        return 0;
    while (timeless->ends.count <= thread)
        if (vec_push(&timeless->ends, NS_PER_S))
            return err_memory(err);
    uint64_t *end = &timeless->ends.items[thread];
    if (num_add_u64(*end, weight, end))
        return err_set(err, ERR_INPUT, "the weights of a thread add up to more than 64 bits hold");
    const struct tables_sample sample = {.thread = thread,
                                         .time_ns = *end,
                                         .stack = stack,
                                         .weight = weight,
                                         .kind = SAMPLE_CPU,
                                         .covers_ns = weight};
    return tables_sample(tables, &sample, err);
}
