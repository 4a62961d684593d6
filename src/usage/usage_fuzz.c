/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a segment of an index: behind a right checksum, so that what it holds is looked into. */
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

#include "usage/usage_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct agent_source source = {.name = "test"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct usage_shelf shelf = {.source = &source, .place = "/p"};
    size_t used = 0;
    bool no_memory = false;
    if (size < 64)
        return 0;
    struct str bytes = {0};
    str_append_bytes(&bytes, "AUSESEG1", 8);
    uint64_t length = size - 64;
    str_append_bytes(&bytes, (const char *)&length, sizeof length);
    uint64_t checksum = XXH3_64bits(data + 64, length);
    str_append_bytes(&bytes, (const char *)&checksum, sizeof checksum);
    str_append_bytes(&bytes, (const char *)data + 24, size - 24);
    if (!bytes.failed)
        for (int i = 0; i < 2; i++)
            if (usage_segment_read(bytes.text, bytes.length, &shelf, &used, &no_memory) != SEGMENT_WHOLE)
                break;
    str_free(&bytes);
    shelf_free(&shelf);
    return 0;
}
