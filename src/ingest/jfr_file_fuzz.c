/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as a flight recording. */
#include "ingest/ingest_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    ingest_fuzz("jfr", bytes, count);
    return 0;
}
