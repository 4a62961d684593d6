/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/otlp_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

bool otlp_file_is(const char *head, size_t length)
{
    static const char *const marks[] = {"\"resourceSpans\"", "\"resourceMetrics\"", "\"resourceLogs\""};
    size_t at = 0;
    while (at < length && strchr(" \t\r\n", head[at]))
        at++;
    if (at == length || head[at] != '{')
        return false;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (memmem(head + at, length - at, marks[i], strlen(marks[i])))
            return true;
    return false;
}

/* A first line that is no request: all of the file may be one. */
static int read_alone(const char *path, otlp_file_fn *each, void *context, bool *ret_is, struct err *err)
{
    struct str text = {0};
    struct otlp_request request = {.encoding = OTLP_JSON};
    int status = fs_read(path, OTLP_FILE_ALONE_BYTES_MAX, &text, err);
    *ret_is = false;
    if (status == -ERR_INPUT) /* too large: then it is lines */
        status = 0;
    else if (!status && otlp_json_signal(str_text(&text), text.length, &request.signal)) {
        *ret_is = true;
        request.bytes = str_text(&text);
        request.length = text.length;
        status = each(context, &request, 1, true, err);
    }
    str_free(&text);
    return status;
}

int otlp_file_read(const char *path, otlp_file_fn *each, void *context, struct err *err)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    uint64_t number = 0;
    bool is_first = true, is_alone = false;
    int status = 0;
    if (!file)
        return err_errno(err, errno, "could not read '%s'", path);
    while (!status && !is_alone && (length = getline(&line, &capacity, file)) >= 0) {
        struct otlp_request request = {.encoding = OTLP_JSON, .bytes = line, .length = (size_t)length};
        number++;
        if (strspn(line, " \t\r\n") == (size_t)length)
            continue;
        bool is_request = otlp_json_signal(line, (size_t)length, &request.signal);
        if (is_first && !is_request)
            status = read_alone(path, each, context, &is_alone, err);
        is_first = false;
        if (!status && !is_alone)
            status = each(context, &request, number, is_request, err);
    }
    if (!status && ferror(file))
        status = err_errno(err, errno, "could not read '%s'", path);
    free(line);
    (void)fclose(file);
    return status;
}
