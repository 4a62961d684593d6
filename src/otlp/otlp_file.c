/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/otlp_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "codec/gzip.h"
#include "otlp/request_log.h"

#define HEAD_BYTES 4096u

struct file_reading {
    const char *path;
    otlp_file_fn *each;
    void *context;
    uint64_t number;
    struct str unpacked;
};

static int tell(struct file_reading *reading, const struct otlp_request *request, bool is_request,
                struct err *err)
{
    return reading->each(reading->context, request, reading->number, is_request, err);
}

/* --- JSON --- */

static bool is_json(const char *head, size_t length)
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
static int read_alone(struct file_reading *reading, bool *ret_is, struct err *err)
{
    struct str text = {0};
    struct otlp_request request = {.encoding = OTLP_JSON};
    int status = fs_read(reading->path, OTLP_FILE_ALONE_BYTES_MAX, &text, err);
    *ret_is = false;
    if (status == -ERR_INPUT) /* too large: then it is lines */
        status = 0;
    else if (!status && otlp_json_signal(str_text(&text), text.length, &request.signal)) {
        *ret_is = true;
        request.bytes = str_text(&text);
        request.length = text.length;
        status = tell(reading, &request, true, err);
    }
    str_free(&text);
    return status;
}

static int read_lines(struct file_reading *reading, FILE *file, struct err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bool is_first = true, is_alone = false;
    int status = 0;
    while (!status && !is_alone && (length = getline(&line, &capacity, file)) >= 0) {
        struct otlp_request request = {.encoding = OTLP_JSON, .bytes = line, .length = (size_t)length};
        reading->number++;
        if (strspn(line, " \t\r\n") == (size_t)length)
            continue;
        bool is_request = otlp_json_signal(line, (size_t)length, &request.signal);
        if (is_first && !is_request)
            status = read_alone(reading, &is_alone, err);
        is_first = false;
        if (!status && !is_alone)
            status = tell(reading, &request, is_request, err);
    }
    free(line);
    return status;
}

/* --- protobuf --- */

enum framing { FRAME_NONE, FRAME_ALONE, FRAME_VARINT, FRAME_BYTES };

/* The length before a message; the bytes that it takes, 0 when there is none. */
static size_t varint_length(const char *bytes, size_t length, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length && i < 5; i++) {
        value |= (uint64_t)((unsigned char)bytes[i] & 0x7f) << (7 * i);
        if (!((unsigned char)bytes[i] & 0x80)) {
            *ret_value = value;
            return i + 1;
        }
    }
    return 0;
}

static size_t bytes_length(const char *bytes, size_t length, uint64_t *ret_value)
{
    if (length < 4)
        return 0;
    *ret_value = 0;
    for (size_t i = 0; i < 4; i++)
        *ret_value = *ret_value << 8 | (unsigned char)bytes[i];
    return 4;
}

static bool holds_request(const char *bytes, size_t length, uint64_t whole)
{
    enum otlp_signal signal;
    return whole && whole <= OTLP_FILE_MESSAGE_BYTES_MAX &&
           otlp_protobuf_signal(bytes, length < whole ? length : (size_t)whole, length < whole, &signal);
}

static enum framing framing_of(const char *head, size_t length)
{
    uint64_t whole = 0;
    size_t taken = bytes_length(head, length, &whole);
    if (taken && holds_request(head + taken, length - taken, whole))
        return FRAME_BYTES;
    enum otlp_signal signal;
    if (otlp_protobuf_signal(head, length, true, &signal))
        return FRAME_ALONE;
    taken = varint_length(head, length, &whole);
    return taken && holds_request(head + taken, length - taken, whole) ? FRAME_VARINT : FRAME_NONE;
}

static int tell_message(struct file_reading *reading, const char *bytes, size_t length, struct err *err)
{
    struct otlp_request request = {.encoding = OTLP_PROTOBUF, .bytes = bytes, .length = length};
    bool is_request = otlp_protobuf_signal(bytes, length, false, &request.signal);
    reading->number++;
    return tell(reading, &request, is_request || !length, err);
}

static int read_message_alone(struct file_reading *reading, struct err *err)
{
    struct str bytes = {0};
    int status = fs_read(reading->path, OTLP_FILE_ALONE_BYTES_MAX, &bytes, err);
    if (!status)
        status = tell_message(reading, str_text(&bytes), bytes.length, err);
    str_free(&bytes);
    return status;
}

/* The next length; false at the end of the file, or where none is. */
static bool next_length(FILE *file, enum framing framing, bool *ret_cut, uint64_t *ret_length)
{
    char bytes[8];
    size_t count = 0;
    int next;
    *ret_cut = false;
    while (count < 5 && (next = fgetc(file)) != EOF) {
        bytes[count++] = (char)next;
        if (framing == FRAME_BYTES ? bytes_length(bytes, count, ret_length) != 0
                                   : varint_length(bytes, count, ret_length) != 0)
            return true;
    }
    *ret_cut = count > 0;
    return false;
}

/* A message into the buffer, which grows as bytes come: a damaged length is not memory. */
static int next_message(FILE *file, uint64_t length, struct str *buffer, bool *ret_whole, struct err *err)
{
    char part[16384];
    str_clear(buffer);
    while (buffer->length < length) {
        size_t left = (size_t)length - buffer->length;
        size_t count = fread(part, 1, left < sizeof part ? left : sizeof part, file);
        if (!count)
            break;
        str_append_bytes(buffer, part, count);
    }
    *ret_whole = buffer->length == length;
    return buffer->failed ? err_memory(err) : 0;
}

static int read_messages(struct file_reading *reading, FILE *file, enum framing framing, struct err *err)
{
    struct str buffer = {0};
    struct otlp_request nothing = {.encoding = OTLP_PROTOBUF, .bytes = ""};
    uint64_t length;
    bool is_cut = false, is_whole = true;
    int status = 0;
    while (!status && is_whole && next_length(file, framing, &is_cut, &length)) {
        is_whole = length <= OTLP_FILE_MESSAGE_BYTES_MAX;
        if (is_whole)
            status = next_message(file, length, &buffer, &is_whole, err);
        if (!status && is_whole)
            status = tell_message(reading, str_text(&buffer), buffer.length, err);
    }
    if (!status && (is_cut || !is_whole)) {
        reading->number++;
        status = tell(reading, &nothing, false, err);
    }
    str_free(&buffer);
    return status;
}

/* --- a receiver's log --- */

static int on_entry(void *context, const struct request_log_entry *entry, struct err *err)
{
    struct file_reading *reading = context;
    struct otlp_request request = {entry->signal, entry->encoding, entry->bytes, entry->length};
    struct err why;
    reading->number++;
    if (!entry->is_packed)
        return tell(reading, &request, true, err);
    str_clear(&reading->unpacked);
    int status = gzip_unpack(entry->bytes, entry->length, OTLP_FILE_BODY_BYTES_MAX, "a request",
                             &reading->unpacked, &why);
    if (status == -ERR_INPUT)
        return tell(reading, &request, false, err);
    if (status) {
        *err = why;
        return status;
    }
    request.bytes = str_text(&reading->unpacked);
    request.length = reading->unpacked.length;
    return tell(reading, &request, true, err);
}

static int read_log(struct file_reading *reading, uint64_t from, struct otlp_file_told *told, struct err *err)
{
    struct request_log_told log = {0};
    int status = request_log_read_on(reading->path, from, on_entry, reading, &log, err);
    told->end_offset = log.end_offset;
    told->byte_count_dropped = log.byte_count_dropped;
    str_free(&reading->unpacked);
    return status;
}

/* --- any --- */

bool otlp_file_is(const char *head, size_t length)
{
    return request_log_begins(head, length) || is_json(head, length) ||
           framing_of(head, length) != FRAME_NONE;
}

static int read_by_head(struct file_reading *reading, FILE *file, struct err *err)
{
    char head[HEAD_BYTES];
    size_t length = fread(head, 1, sizeof head, file);
    enum framing framing = length ? framing_of(head, length) : FRAME_NONE;
    rewind(file);
    if (framing == FRAME_ALONE)
        return read_message_alone(reading, err);
    return framing == FRAME_NONE ? read_lines(reading, file, err)
                                 : read_messages(reading, file, framing, err);
}

int otlp_file_read_on(const char *path, uint64_t from, otlp_file_fn *each, void *context,
                      struct otlp_file_told *ret_told, struct err *err)
{
    struct file_reading reading = {.path = path, .each = each, .context = context};
    struct otlp_file_told told = {0};
    int status;
    if (request_log_is(path)) {
        status = read_log(&reading, from, &told, err);
    } else {
        FILE *file = fopen(path, "re");
        if (!file)
            return err_errno(err, errno, "could not read '%s'", path);
        status = read_by_head(&reading, file, err);
        if (!status && ferror(file))
            status = err_errno(err, errno, "could not read '%s'", path);
        (void)fclose(file);
    }
    if (!status && ret_told)
        *ret_told = told;
    return status;
}

int otlp_file_read(const char *path, otlp_file_fn *each, void *context, struct otlp_file_told *ret_told,
                   struct err *err)
{
    return otlp_file_read_on(path, 0, each, context, ret_told, err);
}
