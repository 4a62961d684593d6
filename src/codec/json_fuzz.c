/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as JSON, whole and as a leading value, and every value of the tree is looked at. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

#define DEPTH_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static size_t look(const struct json_value *value, unsigned depth)
{
    size_t sum = json_count(value);
    double number = 0;
    uint64_t whole = 0;
    const char *text = "";
    bool truth = false;

    if (depth > DEPTH_MAX)
        abort();
    sum += json_find_number(value, NULL, &number);
    sum += json_find_count(value, NULL, &whole);
    sum += json_find_bool(value, NULL, &truth);
    if (json_find_text(value, NULL, &text))
        sum += strlen(text);
    for (size_t i = 0; json_item(value, i); i++)
        sum += look(json_item(value, i), depth + 1);
    for (struct json_member_at at = json_members(value); at.value; json_members_next(&at)) {
        sum += strlen(at.key) + (json_find(value, at.key) != NULL);
        sum += look(at.value, depth + 1);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct json_value *root = NULL;
    struct err err;
    size_t length = 0, sum = 0;

    if (!json_read_text((const char *)bytes, count, "fuzz", &root, &err)) {
        sum += look(root, 0);
        json_free(root);
    }
    if (!json_read_lead((const char *)bytes, count, "fuzz", &root, &length, &err)) {
        if (length > count)
            abort();
        sum += look(root, 0);
        json_free(root);
    }
    return sum == SIZE_MAX;
}
