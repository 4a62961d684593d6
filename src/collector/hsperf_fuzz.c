/* SPDX-License-Identifier: Apache-2.0 */
/* What a JVM's file says, twice: the second time with its bytes moved by one, as a file that changes. */
#include <stdlib.h>
#include <string.h>

#include "collector/hsperf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hsperf_watch watch = {0};
    uint64_t count, ns;

    for (uint64_t round = 0; round < 4 && size > 64; round++) {
        uint8_t *bytes = malloc(size); /* of exactly that size: what reads behind it is found */
        if (!bytes)
            break;
        memcpy(bytes, data, size);
        if (round)
            memmove(bytes + 64, bytes + 64 + round, size - 64 > round ? size - 64 - round : 0);
        struct hsperf_reading reading = {.bytes = bytes,
                                         .size = size,
                                         .before_ns = 1000000 * (round + 1),
                                         .after_ns = 1000000 * (round + 1) + 100,
                                         .is_new = data[size - 1] & 1};
        int status = hsperf_watch_read(&watch, &reading);
        free(bytes);
        if (status)
            break;
    }
    if (watch.is_begun) {
        for (size_t i = 0; i < watch.pauses.count; i++)
            if (watch.pauses.items[i].end_ticks < watch.pauses.items[i].start_ticks)
                abort();
        hsperf_missed(&watch, &count, &ns);
        hsperf_time_ns(&watch, ns);
        hsperf_error_ns(&watch);
    }
    hsperf_watch_free(&watch);
    return 0;
}
