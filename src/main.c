/* SPDX-License-Identifier: Apache-2.0 */
/* toll: dispatches to a verb, prints the one error, and makes sure that the result reached stdout. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/verb_table.h"

static void print_error(const struct err *err)
{
    fprintf(stderr, "toll: %s\n", err->what);
    if (err->hint[0])
        fprintf(stderr, "hint: %s\n", err->hint);
}

/* Of a write in the middle stdio has forgotten why it failed: one byte more fails as well, and says it. */
static int stdout_reason(int reason)
{
    return reason ? reason : write(STDOUT_FILENO, "\n", 1) < 0 ? errno : EIO;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int exit_status = verb_dispatch(argc, argv, &err);

    if (err.what[0] && exit_status)
        print_error(&err);
    errno = 0;
    if (fflush(stdout) || ferror(stdout)) {
        err_errno(&err, stdout_reason(errno), "could not write the result to stdout");
        print_error(&err);
        return exit_status ? exit_status : ERR_ENVIRONMENT;
    }
    return exit_status;
}
