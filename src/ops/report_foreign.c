/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/report_foreign.h"

#include <string.h>

#include "export/foreign.h"
#include "ingest/folded_view.h"
#include "recording/reader.h"

bool ops_is_foreign(const char *format)
{
    return foreign_find(format) != NULL;
}

bool ops_is_binary(const char *format)
{
    const struct foreign_format *found = foreign_find(format);
    return found && found->is_binary;
}

/* Folded stacks of another tool's samples keep their own weights, and are what that tool's scripts make of them. */
static bool is_as_imported(const struct report_foreign_request *request, const struct view *view)
{
    return strcmp(request->format, "folded") == 0 && !request->against &&
           (!request->kind || strcmp(request->kind, "cpu") == 0) && folded_view_is(view);
}

int ops_report_foreign(const struct report_foreign_request *request, struct err *err)
{
    const struct foreign_choice choice = {
        .format = foreign_find(request->format), .kind = request->kind, .title = request->path};
    struct reader *reader = NULL, *before = NULL;
    if (!choice.format)
        return err_set(err, ERR_USAGE, "could not find format '%s': toll does not write it", request->format);
    int status = reader_open(request->path, &reader, err);
    if (!status && request->against)
        status = reader_open(request->against, &before, err);
    if (!status && is_as_imported(request, reader_view(reader))) {
        status = folded_view_send(reader_view(reader), request->write, request->context, err);
    } else if (!status) {
        status = foreign_write(reader_view(reader), before ? reader_view(before) : NULL, &choice,
                               request->write, request->context, err);
        if (status)
            status = err_wrap(err, "could not write '%s' as %s", request->path, request->format);
    }
    reader_close(before);
    reader_close(reader);
    return status;
}
