/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as a callgrind profile. */
#include "ingest/ingest_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    ingest_fuzz("callgrind", bytes, count);
    return 0;
}
