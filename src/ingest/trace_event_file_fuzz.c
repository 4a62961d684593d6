/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as a trace of Chrome. */
#include "ingest/ingest_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    ingest_fuzz("trace-event", bytes, count);
    return 0;
}
