/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as lines of perf script; the first byte chooses the options. */
#include <stdint.h>
#include <stdlib.h>

#include "collapse/collapse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint8_t chosen = count ? bytes[0] : 0;
    struct collapse_options options = {.with_pid = chosen & 1,
                                       .with_tid = chosen & 2,
                                       .mark_kernel = chosen & 4,
                                       .mark_jit = chosen & 8,
                                       .with_addresses = chosen & 16};
    struct collapse *collapse = NULL;
    struct err err;
    char *text = NULL;
    size_t used = 0, length = 0;
    if (collapse_create(&options, &collapse, &err))
        return 0;
    if (collapse_text(collapse, (const char *)bytes, count, true, &used, &err) || used != count)
        abort();
    FILE *out = open_memstream(&text, &length);
    if (!out || collapse_write(&collapse, 1, out, &err))
        abort();
    fclose(out);
    free(text);
    collapse_destroy(collapse);
    return 0;
}
