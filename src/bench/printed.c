/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/printed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/pattern.h"

#define DIGITS_MAX 64

struct printed {
    int fd;
    regex_t expression;
    char *text; /* PRINTED_BYTES_MAX and a NUL */
    const char *source;
};

int printed_open(const char *expression, struct printed **ret_printed, struct err *err)
{
    struct err why = {0};
    struct printed *printed = calloc(1, sizeof *printed);
    if (!printed)
        return err_memory(err);
    if (pattern_compile(expression, REG_NEWLINE, &printed->expression, &why)) {
        free(printed);
        err_set(err, ERR_USAGE, "could not understand regular expression '%.200s': %s", expression, why.what);
        if (why.hint[0])
            err_hint(err, "%s", why.hint);
        return -ERR_USAGE;
    }
    printed->source = expression;
    printed->text = malloc(PRINTED_BYTES_MAX + 1);
    printed->fd = memfd_create("toll-printed", MFD_CLOEXEC);
    int status = !printed->text    ? err_memory(err)
                 : printed->fd < 0 ? err_errno(err, errno, "could not keep what the command prints")
                                   : 0;
    if (!status && printed->expression.re_nsub < 1) {
        status = err_set(err, ERR_USAGE, "could not read a number by '%s': it has no brackets", expression);
        err_hint(err, "'([0-9.]+) rows/s' reads the number before 'rows/s'");
    }
    if (status)
        printed_close(printed);
    else
        *ret_printed = printed;
    return status;
}

void printed_close(struct printed *printed)
{
    if (!printed)
        return;
    fs_close(&printed->fd);
    regfree(&printed->expression);
    free(printed->text);
    free(printed);
}

int printed_fd(const struct printed *printed)
{
    return printed->fd;
}

void printed_clear(struct printed *printed)
{
    if (!printed)
        return;
    /* The command writes where the offset is, which it shares: back to the start. */
    if (ftruncate(printed->fd, 0) == 0)
        lseek(printed->fd, 0, SEEK_SET);
}

static size_t read_text(struct printed *printed)
{
    off_t end = lseek(printed->fd, 0, SEEK_END);
    off_t at = end > (off_t)PRINTED_BYTES_MAX ? end - (off_t)PRINTED_BYTES_MAX : 0;
    size_t length = 0;
    while (length < PRINTED_BYTES_MAX) {
        ssize_t got =
            pread(printed->fd, printed->text + length, PRINTED_BYTES_MAX - length, at + (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    /* A NUL would end the search; a program that rewrites its line means lines. */
    for (size_t i = 0; i < length; i++)
        if (printed->text[i] == '\0' || printed->text[i] == '\r')
            printed->text[i] = '\n';
    printed->text[length] = '\0';
    return length;
}

int printed_number(struct printed *printed, double *ret_number, struct err *err)
{
    regmatch_t matches[2], last = {.rm_so = -1};
    char digits[DIGITS_MAX];
    size_t count = 0;
    double number;
    if (!printed)
        return 0;
    size_t length = read_text(printed);
    /* With the length given, no call measures the whole rest of the text anew. */
    for (regoff_t at = 0, end = (regoff_t)length; at < end;) {
        matches[0] = (regmatch_t){.rm_so = at, .rm_eo = end};
        if (regexec(&printed->expression, printed->text, 2, matches, REG_STARTEND))
            break;
        if (matches[1].rm_so >= 0)
            last = matches[1];
        at = matches[0].rm_eo > at ? matches[0].rm_eo : at + 1;
    }
    if (last.rm_so < 0)
        return err_set(err, ERR_INPUT, "could not find '%s' in what it prints", printed->source);
    for (regoff_t i = last.rm_so; i < last.rm_eo && count + 1 < sizeof digits; i++)
        if (printed->text[i] != ',')
            digits[count++] = printed->text[i];
    digits[count] = '\0';
    if (num_parse_double(digits, &number) || number <= 0)
        return err_set(err, ERR_INPUT, "could not take '%s', which it prints, as a number above 0", digits);
    *ret_number = number;
    return 0;
}
