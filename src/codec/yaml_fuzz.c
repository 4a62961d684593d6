/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as YAML, and the values of the tree are looked at, so many of them: aliases share. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/yaml.h"

#define LOOKS_MAX 100000u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* `limit`: the bytes of the file. */
static size_t look(const struct yaml_value *value, unsigned depth, size_t limit, size_t *left)
{
    size_t sum = yaml_count(value) + yaml_line(value) + yaml_is_quoted(value);
    if (depth > YAML_DEPTH_MAX)
        abort();
    struct yaml_place place = yaml_place(value);
    if (place.start > place.end || place.end > limit || (yaml_line(value) && !place.line))
        abort();
    sum += yaml_column(value) + place.column;
    if (yaml_text(value))
        sum += strlen(yaml_text(value));
    for (const struct yaml_value *at = yaml_first(value); at && *left; at = yaml_next(at)) {
        --*left;
        if (yaml_kind(value) == YAML_MAP && yaml_member(value, yaml_key(at)) != at)
            abort();
        sum += look(at, depth + 1, limit, left);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct yaml_value *root = NULL;
    struct err err;
    size_t left = LOOKS_MAX, sum = 0;
    if (!yaml_read_text((const char *)bytes, count, "fuzz", &root, &err)) {
        sum = look(root, 0, count, &left);
        yaml_free(root);
    } else if (!err.what[0]) {
        abort();
    }
    return sum == SIZE_MAX;
}
