/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as a file of rules, whose conditions then meet a value; or there is an error that says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/advice.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void hold(const struct rule_file *file)
{
    static const char *const values[] = {"1", "off", "128MB", "-1", "5min", ""};
    struct settings settings = {.rules = file, .facts = {.ram_bytes = 0x1p33, .cores = 2}};
    struct advice_list list = {0};
    struct err err = {0};
    for (size_t i = 0; i < file->rules.count; i++) {
        struct setting setting = {file->rules.items[i].key, values[i % (sizeof values / sizeof *values)],
                                  "fuzz"};
        if (vec_push(&settings.items, setting))
            break;
    }
    if (advice_find(&settings, &list, &err) && !err.what[0])
        abort();
    for (size_t i = 0; i < list.items.count; i++) {
        struct str text = {0};
        advice_text(file->apply ? file->apply : "{key} {value", &list.items.items[i], &text);
        str_free(&text);
    }
    advice_free(&list);
    vec_free(&settings.items);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct rule_set set = {0};
    struct err err = {0};
    if (rules_read_text(&set, (const char *)bytes, count, "fuzz", count % 2, &err)) {
        if (!err.what[0] || set.files.count)
            abort();
    } else {
        hold(&set.files.items[0]);
    }
    rules_free(&set);
    return 0;
}
