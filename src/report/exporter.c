/* SPDX-License-Identifier: Apache-2.0 */
#include "report/exporter.h"

#include <string.h>

#include "report/internal.h"

const struct exporter exporters[] = {
    {"text", "txt", text_export_write},
    {"json", "json", json_export_write},
    {"markdown", "md", markdown_export_write},
    {"html", "html", html_export_write},
    {"flamegraph", "svg", flamegraph_export_write},
};
const size_t exporter_count = sizeof exporters / sizeof exporters[0];

int exporter_find(const char *name, const struct exporter **ret_exporter, struct err *err)
{
    struct str names = {0};

    for (size_t i = 0; i < exporter_count; i++) {
        if (strcmp(exporters[i].name, name) == 0) {
            *ret_exporter = &exporters[i];
            str_free(&names);
            return 0;
        }
        str_printf(&names, "%s%s", i ? ", " : "", exporters[i].name);
    }
    err_set(err, ERR_USAGE, "could not find format '%s': toll does not write it", name);
    err_hint(err, "the formats are: %s", str_text(&names));
    str_free(&names);
    return -(int)ERR_USAGE;
}

int exporter_write(const struct exporter *exporter, const struct verdict *verdict,
                   const struct export_options *options, struct str *ret_text, struct err *err)
{
    size_t length = ret_text->length;
    int status = exporter->write(verdict, options, ret_text, err);

    if (!status && ret_text->failed)
        status = err_memory(err);
    if (status && ret_text->text) {
        ret_text->length = length;
        ret_text->text[length] = '\0';
    }
    return status;
}
