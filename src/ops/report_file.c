/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/report_file.h"

#include <string.h>

#include "judge/opened.h"
#include "report/exporter.h"

int ops_report_numbers(const struct report_request *request, struct str *ret_text,
                       struct report_numbers *ret_numbers, struct err *err)
{
    const struct exporter *exporter;
    enum stack_kind kind = STACKS_CPU;
    int status = exporter_find(request->format ? request->format : "text", &exporter, err);
    if (!status)
        status = stack_kind_find(request->kind, &kind, err);
    if (status)
        return status;
    struct opened opened;
    bool is_flame = strcmp(exporter->name, "flamegraph") == 0 && !stack_kind_is_heap(kind);
    status = is_flame ? opened_open_flame(request->path, kind, &opened, err)
                      : opened_open(request->path, request->objective, &opened, err);
    if (status)
        return status;
    struct export_options options = {.file = request->path,
                                     .width = request->width,
                                     .kind = kind,
                                     .colour = request->colour,
                                     .ascii = request->ascii};
    status = exporter_write(exporter, &opened.verdict, &options, ret_text, err);
    if (!status)
        ret_numbers->rss_bytes_max = opened.verdict.run.rss_bytes_max;
    opened_close(&opened);
    return status;
}

int ops_report(const struct report_request *request, struct str *ret_text, struct err *err)
{
    struct report_numbers ignored;
    return ops_report_numbers(request, ret_text, &ignored, err);
}
