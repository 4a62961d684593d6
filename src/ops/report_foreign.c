/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/report_foreign.h"

#include "export/foreign.h"
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
    if (!status) {
        status = foreign_write(reader_view(reader), before ? reader_view(before) : NULL, &choice,
                               request->write, request->context, err);
        if (status)
            status = err_wrap(err, "could not write '%s' as %s", request->path, request->format);
    }
    reader_close(before);
    reader_close(reader);
    return status;
}
