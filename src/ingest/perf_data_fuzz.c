/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as perf.data. The first eight are put right, so that most get past them. */
#include "ingest/ingest_fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count + 1);
    if (!copy)
        return 0;
    memcpy(copy, bytes, count);
    if (count >= 8)
        memcpy(copy, "PERFILE2", 8); /* NOLINT(bugprone-not-null-terminated-result): bytes, no text */
    ingest_fuzz("perf-data", copy, count);
    free(copy);
    return 0;
}
