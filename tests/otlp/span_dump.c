/* SPDX-License-Identifier: Apache-2.0 */
/* span_dump FILE: the spans of a recording, one a line: id, parent, category, name, the attribute `path`, and usage as kind=amount,
 * separated by tabs. For tests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "recording/reader.h"

struct dumped {
    struct row_span row;
    const char *path;
    struct str usage;
};

struct dump {
    const struct view *view;
    VEC(struct dumped) spans; /* by id */
};

static struct dumped *span_at(struct dump *dump, uint64_t id)
{
    while (dump->spans.count <= id)
        if (vec_push(&dump->spans, (struct dumped){.path = ""}))
            exit(3);
    return &dump->spans.items[id];
}

static int on_spans(void *context, const struct batch *batch, struct err *err)
{
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_span row;
        batch_row(batch, i, (uint64_t *)&row);
        span_at(context, row.id)->row = row;
    }
    return 0;
}

static int on_attrs(void *context, const struct batch *batch, struct err *err)
{
    struct dump *dump = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_attr row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.owner_table == TABLE_SPAN && strcmp(view_text(dump->view, row.key), "path") == 0)
            span_at(dump, row.owner)->path = view_text(dump->view, row.value);
    }
    return 0;
}

static int on_usage(void *context, const struct batch *batch, struct err *err)
{
    struct dump *dump = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_usage row;
        batch_row(batch, i, (uint64_t *)&row);
        str_printf(&span_at(dump, row.span)->usage, "\t%s=%.17g", view_text(dump->view, row.kind),
                   num_double(row.amount));
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct reader *reader = NULL;
    struct dump dump = {0};
    struct err err;
    int status = argc == 2 ? reader_open(argv[1], &reader, &err) : -1;
    if (!status) {
        dump.view = reader_view(reader);
        status = view_scan_all(dump.view, TABLE_SPAN, on_spans, &dump, &err);
    }
    if (!status)
        status = view_scan_all(dump.view, TABLE_ATTR, on_attrs, &dump, &err);
    if (!status)
        status = view_scan_all(dump.view, TABLE_USAGE, on_usage, &dump, &err);
    for (size_t i = 1; !status && i < dump.spans.count; i++) {
        struct dumped *span = &dump.spans.items[i];
        printf("%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%s%s\n", span->row.id, span->row.parent,
               span_category_name(span->row.category), view_text(dump.view, span->row.name), span->path,
               str_text(&span->usage));
        str_free(&span->usage);
    }
    vec_free(&dump.spans);
    reader_close(reader);
    return status ? 1 : 0;
}
