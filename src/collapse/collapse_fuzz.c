/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as lines of perf script; the first byte chooses the options. Stacks that are known as a whole are what their
 * lines are one by one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collapse/collapse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

struct folded {
    char *bytes; /* with the NUL bytes of the text */
    size_t length;
};

static struct folded folded(const struct collapse_options *options, const char *text, size_t count,
                            bool by_lines)
{
    struct collapse *collapse = NULL;
    struct err err;
    struct folded result = {0};
    if (collapse_create(options, &collapse, &err))
        abort();
    for (size_t at = 0, used = 0; at < count; at += used) {
        const char *end = by_lines ? memchr(text + at, '\n', count - at) : NULL;
        size_t part = end ? (size_t)(end - text) + 1 - at : count - at;
        if (collapse_text(collapse, text + at, part, true, &used, &err) || used != part)
            abort();
    }
    FILE *out = open_memstream(&result.bytes, &result.length);
    if (!out || collapse_write(&collapse, 1, out, &err))
        abort();
    fclose(out);
    collapse_destroy(collapse);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    uint8_t chosen = count ? bytes[0] : 0;
    struct collapse_options options = {.with_pid = chosen & 1,
                                       .with_tid = chosen & 2,
                                       .mark_kernel = chosen & 4,
                                       .mark_jit = chosen & 8,
                                       .with_addresses = chosen & 16};
    struct folded whole = folded(&options, (const char *)bytes, count, false);
    struct folded by_lines = folded(&options, (const char *)bytes, count, true);
    if (whole.length != by_lines.length || memcmp(whole.bytes, by_lines.bytes, whole.length) != 0)
        abort();
    free(whole.bytes);
    free(by_lines.bytes);
    return 0;
}
