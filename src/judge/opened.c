/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/opened.h"

#include "judge/verdict.h"

int opened_open(const char *path, const char *objective, struct opened *ret_opened, struct err *err)
{
    struct opened opened = {0};
    int status = reader_open(path, &opened.reader, err);
    if (status)
        return status;
    if (analyze_verdict_for(reader_view(opened.reader), objective, &opened.verdict, err)) {
        reader_close(opened.reader);
        return err_wrap(err, "could not judge recording '%s'", path);
    }
    *ret_opened = opened;
    return 0;
}

void opened_close(struct opened *opened)
{
    verdict_deinit(&opened->verdict);
    reader_close(opened->reader);
    *opened = (struct opened){0};
}
