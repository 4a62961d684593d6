/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/vec.h"
#include "recording/encode.h"
#include "recording/output.h"
#include "recording/text_index.h"

#define BLOCK_ROWS         8192
#define STRING_BYTES_FLUSH (256u << 10)
/* Columns of a table lie this far apart: not a power of two, so that they do not share cache sets. */
#define COLUMN_STRIDE (BLOCK_ROWS + 8)

static_assert(BLOCK_ROWS <= FORMAT_BLOCK_ROWS_MAX, "docs/format.md");

struct table_buffer {
    uint64_t *cells; /* NULL until the first row, and again once writing failed */
    size_t row_count;
    size_t column_count;
    bool is_flushing;
};

struct writer {
    struct sink sink; /* first: a sink pointer is a writer pointer */
    struct output output;
    char *path;
    struct encoder encoder;
    struct table_buffer tables[TABLE_END];
    struct text_index texts;
    uint64_t string_id_last;
    uint64_t sequence;
    uint64_t row_count_written;
    VEC(uint32_t) offsets; /* of the strings waiting to be written; one more than there are */
    VEC(char) bytes;
    bool failed;
    bool sealed;
};

/* The first error is the one to tell; after it nothing may be buffered. */
static int writer_fail(struct writer *writer, int status)
{
    writer->failed = true;
    for (size_t table = 0; table < TABLE_END; table++) {
        free(writer->tables[table].cells);
        writer->tables[table].cells = NULL;
        writer->tables[table].row_count = 0;
    }
    return status;
}

static int check_writable(const struct writer *writer, struct err *err)
{
    if (writer->sealed)
        return err_set(err, ERR_BUG, "could not write recording '%s': it is sealed", writer->path);
    if (writer->failed)
        return err_set(err, ERR_ENVIRONMENT, "could not write recording '%s': an earlier write failed",
                       writer->path);
    return 0;
}

static int write_block(struct writer *writer, size_t length, struct err *err)
{
    int status = output_append(&writer->output, writer->encoder.block, length, err);
    writer->sequence += !status;
    return status;
}

static int flush_strings(struct writer *writer, struct err *err)
{
    size_t count = writer->offsets.count ? writer->offsets.count - 1 : 0;
    if (!count)
        return 0;
    struct encode_string_input input = {.id_first = writer->string_id_last - count + 1,
                                        .sequence = writer->sequence,
                                        .count = count,
                                        .offsets = writer->offsets.items,
                                        .bytes = writer->bytes.items};
    size_t length;
    int status = encode_strings(&writer->encoder, &input, &length, err);
    if (!status)
        status = write_block(writer, length, err);
    if (status)
        return status;
    writer->offsets.count = 1;
    writer->bytes.count = 0;
    if (writer->bytes.capacity > 2 * STRING_BYTES_FLUSH)
        vec_free(&writer->bytes);
    return 0;
}

static int flush_table(struct writer *writer, enum table_id id, struct err *err);

/* Rows that this table may refer to come first; the schema has no cycles but a table's own. */
static int flush_referenced(struct writer *writer, const struct table *table, struct err *err)
{
    int status = flush_strings(writer, err);
    for (size_t i = 0; !status && i < table->column_count; i++) {
        if (table->columns[i].type == COLUMN_REFERENCE)
            status = flush_table(writer, (enum table_id)table->columns[i].of, err);
    }
    return status;
}

static int flush_table(struct writer *writer, enum table_id id, struct err *err)
{
    struct table_buffer *buffer = &writer->tables[id];
    if (!buffer->row_count || buffer->is_flushing)
        return 0;
    const struct table *table = table_find(id);
    buffer->is_flushing = true;
    int status = flush_referenced(writer, table, err);
    buffer->is_flushing = false;
    if (status)
        return status;
    struct encode_input input = {
        .table = table, .row_count = buffer->row_count, .sequence = writer->sequence};
    for (size_t i = 0; i < table->column_count; i++)
        input.columns[i] = buffer->cells + i * COLUMN_STRIDE;
    size_t length;
    status = encode_rows(&writer->encoder, &input, &length, err);
    if (!status)
        status = write_block(writer, length, err);
    if (status)
        return status;
    writer->row_count_written += buffer->row_count;
    buffer->row_count = 0;
    return 0;
}

/* The first row of a table, or a call that has to fail. */
static __attribute__((noinline)) int open_table(struct writer *writer, enum table_id id, struct err *err)
{
    int status = check_writable(writer, err);
    if (status)
        return status;
    const struct table *table = table_find(id);
    if (!table || id == TABLE_STRING)
        return err_set(err, ERR_BUG, "could not append row: table %d takes none", (int)id);
    struct table_buffer *buffer = &writer->tables[id];
    buffer->cells = malloc(table->column_count * COLUMN_STRIDE * sizeof *buffer->cells);
    if (!buffer->cells)
        return err_memory(err);
    buffer->column_count = table->column_count;
    return 0;
}

static __attribute__((noinline)) int flush_full(struct writer *writer, enum table_id id, struct err *err)
{
    int status = flush_table(writer, id, err);
    return status ? writer_fail(writer, status) : 0;
}

static int writer_append(struct sink *sink, enum table_id id, const uint64_t *row, struct err *err)
{
    struct writer *writer = (struct writer *)sink;
    if ((unsigned)id >= TABLE_END || !writer->tables[id].cells) {
        int status = open_table(writer, id, err);
        if (status)
            return status;
    }
    struct table_buffer *buffer = &writer->tables[id];
    uint64_t *at = buffer->cells + buffer->row_count;
    for (size_t i = 0, column_count = buffer->column_count; i < column_count; i++)
        at[i * COLUMN_STRIDE] = row[i];
    if (++buffer->row_count == BLOCK_ROWS)
        return flush_full(writer, id, err);
    return 0;
}

static int append_string(struct writer *writer, const char *bytes, size_t length, struct err *err)
{
    if (vec_reserve(&writer->offsets, BLOCK_ROWS + 1) ||
        vec_reserve(&writer->bytes, writer->bytes.count + length + 1))
        return err_memory(err);
    if (!writer->offsets.count)
        writer->offsets.items[writer->offsets.count++] = 0;
    if (length)
        memcpy(writer->bytes.items + writer->bytes.count, bytes, length);
    writer->bytes.items[writer->bytes.count + length] = '\0';
    writer->bytes.count += length + 1;
    writer->offsets.items[writer->offsets.count++] = (uint32_t)writer->bytes.count;
    return 0;
}

/* Before the text is added: a block of strings holds few enough, and short enough ones. */
static int make_string_room(struct writer *writer, size_t length, struct err *err)
{
    if (writer->offsets.count <= BLOCK_ROWS && writer->bytes.count + length < STRING_BYTES_FLUSH)
        return 0;
    int status = flush_strings(writer, err);
    return status ? writer_fail(writer, status) : 0;
}

static int writer_intern(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id,
                         struct err *err)
{
    struct writer *writer = (struct writer *)sink;
    struct text_slot *slot;
    int status = check_writable(writer, err);
    if (status)
        return status;
    if (length > FORMAT_STRING_BYTES_MAX)
        return err_set(err, ERR_INPUT, "could not record a text of %zu bytes: the most is %u", length,
                       FORMAT_STRING_BYTES_MAX);
    if (text_index_put(&writer->texts, bytes, length, &slot))
        return err_memory(err);
    if (!slot->id) {
        status = make_string_room(writer, length, err);
        if (!status)
            status = append_string(writer, bytes, length, err);
        if (status)
            return status;
        slot->id = ++writer->string_id_last;
        text_index_taken(&writer->texts);
    }
    *ret_id = slot->id;
    return 0;
}

static int write_header(struct writer *writer, bool compress, struct err *err)
{
    struct format_header header = {.version = FORMAT_VERSION,
                                   .header_bytes = sizeof header,
                                   .clock = FORMAT_CLOCK_MONOTONIC,
                                   .created_realtime_ns = clock_realtime_ns(),
                                   .flags = compress ? FORMAT_COMPRESSED : 0};
    memcpy(header.magic, FORMAT_MAGIC, sizeof header.magic);
    if (getrandom(header.uuid, sizeof header.uuid, 0) != sizeof header.uuid)
        return err_errno(err, errno, "could not draw a random number");
    header.checksum = XXH3_64bits(&header, offsetof(struct format_header, checksum));
    return output_append(&writer->output, &header, sizeof header, err);
}

static int open_file(struct writer *writer, const struct writer_options *options, struct err *err)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | (options->overwrite ? O_TRUNC : O_EXCL);
    mode_t mode = options->mode ? options->mode : 0600;
    writer->output.fd = open(options->path, flags, mode);
    struct stat status;
    if (writer->output.fd >= 0 && (fstat(writer->output.fd, &status) || !S_ISREG(status.st_mode)))
        return err_set(err, ERR_ENVIRONMENT, "could not create recording '%s': it is no regular file",
                       options->path);
    if (writer->output.fd >= 0) {
        /* A file that was there before is not to stay readable by all; another's keeps what it has. */
        (void)!(options->overwrite && fchmod(writer->output.fd, mode));
        return 0;
    }
    int errnum = errno;
    err_errno(err, errnum, "could not create recording '%s'", options->path);
    if (errnum == EEXIST)
        err_hint(err, "choose another name with -o, or remove the file");
    else if (errnum == EACCES || errnum == EROFS || errnum == EPERM || errnum == ENOSPC)
        err_hint(err, "choose a file that can be written with -o");
    return -ERR_ENVIRONMENT;
}

int writer_create(const struct writer_options *options, struct writer **ret_writer, struct err *err)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return err_memory(err);
    writer->sink = (struct sink){.append = writer_append, .intern = writer_intern};
    writer->path = strdup(options->path);
    writer->output =
        (struct output){.fd = -1, .path = writer->path, .pwrite = options->pwrite ? options->pwrite : pwrite};
    int status = writer->path ? encoder_init(&writer->encoder, options->compress, err) : err_memory(err);
    if (!status)
        status = open_file(writer, options, err);
    if (!status)
        status = write_header(writer, options->compress, err);
    if (status) {
        writer_destroy(writer);
        return status;
    }
    *ret_writer = writer;
    return 0;
}

int writer_rename(struct writer *writer, const char *path, struct err *err)
{
    char *copy = strdup(path);
    if (!copy)
        return err_memory(err);
    if (rename(writer->path, path)) {
        int errnum = errno;
        free(copy);
        return err_errno(err, errnum, "could not rename recording '%s' to '%s'", writer->path, path);
    }
    free(writer->path);
    writer->path = copy;
    writer->output.path = copy;
    return 0;
}

struct sink *writer_sink(struct writer *writer)
{
    return &writer->sink;
}

int writer_flush(struct writer *writer, struct err *err)
{
    int status = check_writable(writer, err);
    if (status)
        return status;
    status = flush_strings(writer, err);
    for (int id = TABLE_META; !status && id < TABLE_END; id++)
        status = flush_table(writer, (enum table_id)id, err);
    return status ? writer_fail(writer, status) : 0;
}

int writer_seal(struct writer *writer, struct err *err)
{
    int status = writer_flush(writer, err);
    if (!status)
        status = output_seal(&writer->output, 0, err);
    if (status)
        return writer_fail(writer, status);
    (void)writer_fail(writer, 0);
    writer->sealed = true;
    return 0;
}

uint64_t writer_file_bytes(const struct writer *writer)
{
    return writer->output.end_bytes;
}

uint64_t writer_row_count(const struct writer *writer)
{
    uint64_t row_count = writer->row_count_written;
    for (size_t table = 0; table < TABLE_END; table++)
        row_count += writer->tables[table].row_count;
    return row_count;
}

void writer_destroy(struct writer *writer)
{
    if (!writer)
        return;
    (void)writer_fail(writer, 0);
    encoder_deinit(&writer->encoder);
    text_index_free(&writer->texts);
    vec_free(&writer->offsets);
    vec_free(&writer->bytes);
    if (writer->output.fd >= 0)
        close(writer->output.fd);
    free(writer->path);
    free(writer);
}
