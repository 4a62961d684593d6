/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes are read as a configuration file of each form, and as an answer over HTTP. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/conf_file.h"
#include "settings/dial.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static int look(void *context, const char *key, const char *value, unsigned line, struct err *err)
{
    (void)line;
    (void)err;
    if (!*key || strlen(key) >= 2 * CONF_KEY_MAX || strlen(value) >= CONF_VALUE_MAX + CONF_KEY_MAX)
        abort();
    ++*(size_t *)context;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct err err = {0};
    struct str body = {0};
    unsigned status;
    size_t told = 0;
    for (int form = CONF_EQUALS; form <= CONF_JSON; form++)
        if (conf_text((const char *)bytes, count, (enum conf_form)form, look, &told, &err))
            abort();
    char *text = malloc(count + 1);
    if (text) {
        memcpy(text, bytes, count);
        text[count] = '\0';
        if (http_body(text, count, &status, &body, &err) && !err.what[0])
            abort();
    }
    free(text);
    str_free(&body);
    return told == SIZE_MAX;
}
