/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook_stdio: streams, as far as they may go to the kernel, which they do inside the C library where no hook of
 * read or write meets them. A call that the stream's buffer most likely serves is passed on untimed.
 */
#include "preload/hook.h"

#include <stdarg.h>
#include <string.h>

#define LINE_LIKELY 256 /* bytes in a buffer that a line is most likely within */

static size_t buffered(const FILE *stream)
{
    return stream->_IO_read_end > stream->_IO_read_ptr ? (size_t)(stream->_IO_read_end - stream->_IO_read_ptr)
                                                       : 0;
}

/* Room in a buffer that is written out only when it is full. */
static size_t room(const FILE *stream)
{
    bool is_eager = stream->_flags & (0x200 | 0x2); /* _IO_LINE_BUF, _IO_UNBUFFERED */

    return !is_eager && stream->_IO_write_end > stream->_IO_write_ptr
               ? (size_t)(stream->_IO_write_end - stream->_IO_write_ptr)
               : 0;
}

static bool is_served(size_t available, size_t wanted)
{
    return __builtin_expect(available > wanted, 1);
}

static void stream_begin(struct call *call, FILE *stream)
{
    call->fd = fileno(stream);
    call->value = (uint64_t)(unsigned)call->fd;
    call_begin(call);
}

HOOK size_t fread(void *bytes, size_t size, size_t count, FILE *stream)
{
    size_t result;

    if (is_served(buffered(stream), size * count) || !calls_on())
        return REAL(fread)(bytes, size, count, stream);
    struct call call = CALL_INIT(CALL_READ, -1, 0, size * count);
    stream_begin(&call, stream);
    result = REAL(fread)(bytes, size, count, stream);
    call_end(&call, (int64_t)(result * size));
    return result;
}

HOOK char *fgets(char *line, int size, FILE *stream)
{
    char *result;

    if (is_served(buffered(stream), LINE_LIKELY) || !calls_on())
        return REAL(fgets)(line, size, stream);
    struct call call = CALL_INIT(CALL_READ, -1, 0, 0);
    stream_begin(&call, stream);
    result = REAL(fgets)(line, size, stream);
    call_end(&call, -1);
    return result;
}

static ssize_t delim_read(char **line, size_t *capacity, int delimiter, FILE *stream, const void *frame,
                          const void *caller)
{
    struct call call = {.kind = CALL_READ, .fd = -1, .frame = frame, .caller = caller};
    ssize_t result;

    if (is_served(buffered(stream), LINE_LIKELY) || !calls_on())
        return REAL(getdelim)(line, capacity, delimiter, stream);
    stream_begin(&call, stream);
    result = REAL(getdelim)(line, capacity, delimiter, stream);
    call_end(&call, -1);
    return result;
}

HOOK ssize_t getdelim(char **line, size_t *capacity, int delimiter, FILE *stream)
{
    return delim_read(line, capacity, delimiter, stream, __builtin_frame_address(0),
                      __builtin_return_address(0));
}

HOOK ssize_t __getdelim(char **line, size_t *capacity, int delimiter, FILE *stream)
{
    return delim_read(line, capacity, delimiter, stream, __builtin_frame_address(0),
                      __builtin_return_address(0));
}

HOOK ssize_t getline(char **line, size_t *capacity, FILE *stream)
{
    return delim_read(line, capacity, '\n', stream, __builtin_frame_address(0), __builtin_return_address(0));
}

HOOK size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream)
{
    size_t result;

    if (is_served(room(stream), size * count) || !calls_on())
        return REAL(fwrite)(bytes, size, count, stream);
    struct call call = CALL_INIT(CALL_WRITE, -1, 0, size * count);
    stream_begin(&call, stream);
    result = REAL(fwrite)(bytes, size, count, stream);
    call_end(&call, -1);
    return result;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types and arguments */
#define HOOK_STREAM(type, name, parameters, arguments, kind, served, stream)                                 \
    HOOK type name parameters                                                                                \
    {                                                                                                        \
        type result;                                                                                         \
                                                                                                             \
        if ((served) || !calls_on())                                                                         \
            return REAL(name) arguments;                                                                     \
        struct call call = CALL_INIT(kind, -1, 0, 0);                                                        \
        stream_begin(&call, stream);                                                                         \
        result = REAL(name) arguments;                                                                       \
        call_end(&call, -1);                                                                                 \
        return result;                                                                                       \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

HOOK_STREAM(int, fputs, (const char *text, FILE *stream), (text, stream), CALL_WRITE,
            is_served(room(stream), strlen(text)), stream)
HOOK_STREAM(int, puts, (const char *text), (text), CALL_WRITE, is_served(room(stdout), strlen(text) + 1),
            stdout)
HOOK_STREAM(int, vfprintf, (FILE * stream, const char *format, va_list arguments),
            (stream, format, arguments), CALL_WRITE, is_served(room(stream), LINE_LIKELY), stream)
HOOK_STREAM(int, vprintf, (const char *format, va_list arguments), (format, arguments), CALL_WRITE,
            is_served(room(stdout), LINE_LIKELY), stdout)

HOOK int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);
HOOK_STREAM(int, __vfprintf_chk, (FILE * stream, int flag, const char *format, va_list arguments),
            (stream, flag, format, arguments), CALL_WRITE, is_served(room(stream), LINE_LIKELY), stream)
HOOK size_t __fread_chk(void *bytes, size_t capacity, size_t size, size_t count, FILE *stream);
HOOK_STREAM(size_t, __fread_chk, (void *bytes, size_t capacity, size_t size, size_t count, FILE *stream),
            (bytes, capacity, size, count, stream), CALL_READ, is_served(buffered(stream), size *count),
            stream)
HOOK char *__fgets_chk(char *line, size_t capacity, int size, FILE *stream);
HOOK_STREAM(char *, __fgets_chk, (char *line, size_t capacity, int size, FILE *stream),
            (line, capacity, size, stream), CALL_READ, is_served(buffered(stream), LINE_LIKELY), stream)

HOOK int printf(const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = vprintf(format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized): va_start did */
    va_end(arguments);
    return result;
}

HOOK int fprintf(FILE *stream, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result =
        vfprintf(stream, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized): va_start did */
    va_end(arguments);
    return result;
}

HOOK int __printf_chk(int flag, const char *format, ...);
HOOK int __printf_chk(int flag, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = __vfprintf_chk(stdout, flag, format,
                            arguments); /* NOLINT(clang-analyzer-valist.Uninitialized): va_start did */
    va_end(arguments);
    return result;
}

HOOK int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
HOOK int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = __vfprintf_chk(stream, flag, format,
                            arguments); /* NOLINT(clang-analyzer-valist.Uninitialized): va_start did */
    va_end(arguments);
    return result;
}

/* All streams at once write to who knows where. */
HOOK int fflush(FILE *stream)
{
    int result;

    if (!stream || stream->_IO_write_ptr == stream->_IO_write_base || !calls_on())
        return REAL(fflush)(stream);
    struct call call = CALL_INIT(CALL_WRITE, -1, 0, 0);
    stream_begin(&call, stream);
    result = REAL(fflush)(stream);
    call_end(&call, -1);
    return result;
}

HOOK int fclose(FILE *stream)
{
    struct call call = CALL_INIT(CALL_CLOSE, -1, 0, 0);
    int result, fd;

    if (!calls_on())
        return REAL(fclose)(stream);
    fd = fileno(stream);
    if (fd >= 0 && (unsigned)fd < FD_COUNT_MAX && fd_table[fd].serial)
        call.fd = fd;
    call.value = (uint64_t)fd;
    call_begin(&call);
    if (fd >= 0)
        fd_forget(fd);
    call.fd = -1;
    result = REAL(fclose)(stream);
    call_end(&call, 0);
    return result;
}

static FILE *file_opened(struct call *call, FILE *stream, const char *path)
{
    call->value = (uint64_t)path;
    call_end(call, -1);
    if (stream)
        fd_forget(fileno(stream));
    return stream;
}

#define HOOK_FOPEN(symbol)                                                                                   \
    HOOK FILE *symbol(const char *path, const char *mode)                                                    \
    {                                                                                                        \
        struct call call = CALL_INIT(CALL_OPEN, -1, 0, 0);                                                   \
                                                                                                             \
        if (!calls_on() || call_is_inner(call.frame))                                                        \
            return REAL(fopen)(path, mode);                                                                  \
        call_begin(&call);                                                                                   \
        return file_opened(&call, REAL(fopen)(path, mode), path);                                            \
    }
HOOK_FOPEN(fopen)
HOOK_FOPEN(fopen64)
