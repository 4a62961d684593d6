/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/request_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/fs.h"

#define LOG_MAGIC      "TOLLOTLP"
#define ENTRY_MAGIC    0x454c544fu /* "OTLE" */
#define LOG_VERSION    1
#define BODY_BYTES_MAX ((uint64_t)1 << 30)

struct request_log_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t started_ns;
    uint64_t nothing[4];
    uint64_t checksum;
};

struct entry_header {
    uint32_t magic;
    uint8_t signal, encoding, packing, nothing;
    uint64_t length, received_ns;
    uint64_t checksum;
};
static_assert(sizeof(struct request_log_header) == 64, "layout");
static_assert(sizeof(struct entry_header) == 32, "layout");

struct request_log {
    int fd;
    char *path;
    uint64_t end_bytes;
};

static uint64_t entry_checksum(const struct entry_header *header, const char *bytes)
{
    return XXH3_64bits_withSeed(header, offsetof(struct entry_header, checksum),
                                XXH3_64bits(bytes, header->length));
}

static int append_failed(struct request_log *log, int errnum, struct err *err)
{
    /* A half of an entry would end the log for those behind it. */
    (void)!ftruncate(log->fd, (off_t)log->end_bytes);
    err_errno(err, errnum, "could not write recording '%s'", log->path);
    if (errnum == ENOSPC || errnum == EFBIG || errnum == EDQUOT)
        err_hint(err, "the disk is full; make room, or write elsewhere with -o");
    return -ERR_ENVIRONMENT;
}

static int append_parts(struct request_log *log, struct iovec *parts, int count, struct err *err)
{
    uint64_t offset = log->end_bytes;
    while (count) {
        ssize_t written = pwritev(log->fd, parts, count, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return append_failed(log, written < 0 ? errno : ENOSPC, err);
        offset += (uint64_t)written;
        size_t left = (size_t)written;
        while (count && left >= parts->iov_len) {
            left -= parts->iov_len;
            parts++;
            count--;
        }
        if (count) {
            parts->iov_base = (char *)parts->iov_base + left;
            parts->iov_len -= left;
        }
    }
    log->end_bytes = offset;
    return 0;
}

static int write_header(struct request_log *log, struct err *err)
{
    struct request_log_header header = {
        .version = LOG_VERSION, .header_bytes = sizeof header, .started_ns = clock_realtime_ns()};
    struct iovec part = {&header, sizeof header};
    memcpy(header.magic, LOG_MAGIC, sizeof header.magic);
    header.checksum = XXH3_64bits(&header, offsetof(struct request_log_header, checksum));
    return append_parts(log, &part, 1, err);
}

static int create_error(const char *path, int errnum, struct err *err)
{
    err_errno(err, errnum, "could not create recording '%s'", path);
    if (errnum == EEXIST)
        err_hint(err, "choose another name with -o, or remove the file");
    else
        err_hint(err, "choose a file that can be written with -o");
    return -ERR_ENVIRONMENT;
}

int request_log_create(const char *path, bool overwrite, struct request_log **ret_log, struct err *err)
{
    struct request_log *log = calloc(1, sizeof *log);
    if (!log)
        return err_memory(err);
    log->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL), 0600);
    log->path = strdup(path);
    int status = log->fd < 0 ? create_error(path, errno, err) : log->path ? 0 : err_memory(err);
    if (!status)
        status = write_header(log, err);
    if (status) {
        request_log_destroy(log);
        return status;
    }
    (void)!fchmod(log->fd, 0600);
    *ret_log = log;
    return 0;
}

int request_log_append(struct request_log *log, const struct request_log_entry *entry, struct err *err)
{
    struct entry_header header = {.magic = ENTRY_MAGIC,
                                  .signal = (uint8_t)entry->signal,
                                  .encoding = (uint8_t)entry->encoding,
                                  .packing = entry->is_packed,
                                  .length = entry->length,
                                  .received_ns = entry->received_ns};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)entry->bytes, entry->length}};
    header.checksum = entry_checksum(&header, entry->bytes);
    return append_parts(log, parts, entry->length ? 2 : 1, err);
}

uint64_t request_log_bytes(const struct request_log *log)
{
    return log->end_bytes;
}

void request_log_destroy(struct request_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log);
}

static bool header_holds(const struct request_log_header *header)
{
    return memcmp(header->magic, LOG_MAGIC, sizeof header->magic) == 0 && header->version == LOG_VERSION &&
           header->header_bytes == sizeof *header &&
           header->checksum == XXH3_64bits(header, offsetof(struct request_log_header, checksum));
}

bool request_log_is(const char *path)
{
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char magic[8];
    return fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic &&
           memcmp(magic, LOG_MAGIC, sizeof magic) == 0;
}

bool request_log_begins(const char *head, size_t length)
{
    return length >= strlen(LOG_MAGIC) && memcmp(head, LOG_MAGIC, strlen(LOG_MAGIC)) == 0;
}

/* All of it, or less at the file's end; -1 with errno. */
static ssize_t read_at(int fd, void *buffer, size_t length, uint64_t offset)
{
    size_t got = 0;
    while (got < length) {
        ssize_t count = pread(fd, (char *)buffer + got, length - got, (off_t)(offset + got));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        got += (size_t)count;
    }
    return (ssize_t)got;
}

/* The entry at `offset`, into the buffer, which grows; *ret_whole false when it does not hold. */
static int entry_at(int fd, uint64_t offset, uint64_t file_bytes, struct str *buffer,
                    struct request_log_entry *ret_entry, bool *ret_whole, struct err *err)
{
    struct entry_header header;
    *ret_whole = false;
    if (file_bytes - offset < sizeof header || read_at(fd, &header, sizeof header, offset) != sizeof header ||
        header.magic != ENTRY_MAGIC || header.length > BODY_BYTES_MAX ||
        header.length > file_bytes - offset - sizeof header || header.signal >= OTLP_SIGNAL_COUNT ||
        header.encoding > OTLP_JSON || header.packing > 1)
        return 0;
    if (header.length >= buffer->capacity) {
        char *grown = realloc(buffer->text, (size_t)header.length + 1);
        if (!grown)
            return err_memory(err);
        buffer->text = grown;
        buffer->capacity = (size_t)header.length + 1;
    }
    if (read_at(fd, buffer->text, (size_t)header.length, offset + sizeof header) != (ssize_t)header.length ||
        header.checksum != entry_checksum(&header, buffer->text))
        return 0;
    *ret_entry = (struct request_log_entry){.signal = (enum otlp_signal)header.signal,
                                            .encoding = (enum otlp_encoding)header.encoding,
                                            .is_packed = header.packing,
                                            .received_ns = header.received_ns,
                                            .bytes = buffer->text,
                                            .length = (size_t)header.length};
    *ret_whole = true;
    return 0;
}

static int read_entries(int fd, uint64_t file_bytes, request_log_entry_fn *each, void *context,
                        struct request_log_told *told, struct err *err)
{
    struct str buffer = {0};
    uint64_t offset = told->end_offset;
    int status = 0;
    while (!status && offset < file_bytes) {
        struct request_log_entry entry;
        bool is_whole;
        status = entry_at(fd, offset, file_bytes, &buffer, &entry, &is_whole, err);
        if (status || !is_whole)
            break;
        status = each(context, &entry, err);
        told->entry_count++;
        offset += sizeof(struct entry_header) + entry.length;
    }
    told->end_offset = offset;
    told->byte_count_dropped = file_bytes > offset ? file_bytes - offset : 0;
    str_free(&buffer);
    return status;
}

int request_log_read(const char *path, request_log_entry_fn *each, void *context,
                     struct request_log_told *ret_told, struct err *err)
{
    return request_log_read_on(path, 0, each, context, ret_told, err);
}

int request_log_read_on(const char *path, uint64_t from, request_log_entry_fn *each, void *context,
                        struct request_log_told *ret_told, struct err *err)
{
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct request_log_header header;
    struct request_log_told told = {0};
    struct stat about;
    if (fd < 0 || fstat(fd, &about))
        return err_errno(err, errno, "could not read recording '%s'", path);
    if (read_at(fd, &header, sizeof header, 0) != sizeof header || !header_holds(&header))
        return err_set(err, ERR_INPUT,
                       "could not read recording '%s': it was not begun by toll record --otlp", path);
    told.started_ns = header.started_ns;
    told.end_offset = from ? from : sizeof header;
    int status = read_entries(fd, (uint64_t)about.st_size, each, context, &told, err);
    if (!status)
        *ret_told = told;
    return status;
}
