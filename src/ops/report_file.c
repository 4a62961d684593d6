/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/report_file.h"

#include <string.h>

#include "base/num.h"
#include "compare/flame_pair.h"
#include "judge/opened.h"
#include "model/meta.h"
#include "report/exporter.h"

static uint64_t heap_rate(const struct view *view)
{
    uint64_t rate;
    const char *text = view_meta(view, META_HEAP_RATE);
    return text && !num_parse_u64(text, &rate) ? rate : 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int ops_report_heap_change(const struct report_request *request, struct str *ret_text, struct err *err)
{
    static const char *const whats[STACK_HEAP_COUNT] = {" allocated in all", " allocated at the run's peak",
                                                        " never freed", ", temporary ones"};
    enum stack_kind kind = STACKS_CPU;
    struct opened before = {0}, after = {0};
    int status = stack_kind_find(request->kind, &kind, err);
    if (!status && !stack_kind_is_heap(kind))
        status = err_set(err, ERR_BUG, "could not compare allocations: '%s' is none of them", request->kind);
    if (!status)
        status = opened_open_flame(request->against, kind, &before, err);
    if (status)
        return status;
    status = opened_open_flame(request->path, kind, &after, err);
    if (!status) {
        size_t index = stack_kind_heap_index(kind);
        const struct flame_pair pair = {{&before.verdict.flame_heap[index], base_name(request->against),
                                         heap_rate(reader_view(before.reader))},
                                        {&after.verdict.flame_heap[index], base_name(request->path),
                                         heap_rate(reader_view(after.reader))},
                                        whats[index]};
        status = flame_pair_write(&pair, ret_text, err);
        opened_close(&after);
    }
    opened_close(&before);
    return status;
}

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
    bool is_flame = strcmp(exporter->name, "flamegraph") == 0;
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
