/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "recording/block.h"
#include "recording/mapping.h"
#include "recording/output.h"

#define RELEASE_BYTES (4u << 20)

static bool is_same_file(const char *one, const char *other)
{
    struct stat first, second;
    return !stat(one, &first) && !stat(other, &second) && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* The block as it is, but for its padding: that is written anew. */
static int copy_block(const struct block *block, struct output *output, struct err *err)
{
    static const uint8_t padding[8];
    size_t used = block_used_bytes(block);
    int status = output_append(output, block->bytes, used, err);
    return status ? status : output_append(output, padding, block->header.length - used, err);
}

/* Copies what is whole; sequence numbers that do not grow are an earlier life of the same disk space. */
static int copy_blocks(const struct mapping *mapping, uint64_t end, struct output *output,
                       struct recover_result *result, struct err *err)
{
    uint64_t offset = sizeof(struct format_header), released = 0, sequence_next = 0;
    uint64_t byte_count_kept = 0;
    struct block block;
    int status = output_append(output, mapping->bytes, sizeof(struct format_header), err);
    while (!status && block_find(mapping->bytes, end, &offset, &block)) {
        uint32_t length = block.header.length;
        if (block.header.sequence >= sequence_next) {
            status = copy_block(&block, output, err);
            sequence_next = block.header.sequence + 1;
            byte_count_kept += length;
            result->block_count++;
            result->row_count += block.header.row_count;
        }
        offset += length;
        if (offset - released >= RELEASE_BYTES) {
            mapping_release(mapping, released, offset);
            released = offset;
        }
    }
    result->byte_count_dropped = end - sizeof(struct format_header) - byte_count_kept;
    return status;
}

static int copy_and_seal(const struct mapping *mapping, struct output *output, struct recover_result *result,
                         struct err *err)
{
    struct format_trailer trailer = {.flags = 0};
    uint64_t end = mapping->length;
    result->was_sealed = mapping_trailer(mapping, &trailer, NULL) == 0;
    if (result->was_sealed)
        end = trailer.index_offset;
    int status = copy_blocks(mapping, end, output, result, err);
    if (status)
        return status;
    bool is_whole = result->was_sealed && !result->byte_count_dropped;
    return output_seal(output, is_whole ? trailer.flags : trailer.flags | FORMAT_RECOVERED, err);
}

/* The finished copy takes its name; an existing file only when that was asked for. */
static int take_name(const struct recover_options *options, const char *written, struct err *err)
{
    bool replace = options->overwrite || is_same_file(options->path, options->output);
    if (!renameat2(AT_FDCWD, written, AT_FDCWD, options->output, replace ? 0 : RENAME_NOREPLACE))
        return 0;
    int errnum = errno;
    /* Some file systems cannot rename without replacing. */
    if (errnum == EINVAL && access(options->output, F_OK) && !rename(written, options->output))
        return 0;
    err_errno(err, errnum, "could not create recording '%s'", options->output);
    if (errnum == EEXIST)
        err_hint(err, "choose another name with -o, or remove the file");
    return -ERR_ENVIRONMENT;
}

static int write_copy(const struct recover_options *options, const struct mapping *mapping,
                      struct recover_result *ret_result, struct err *err)
{
    struct recover_result result = {0};
    struct str name = {0};
    str_printf(&name, "%s.XXXXXX", options->output);
    if (name.failed)
        return err_memory(err);
    struct output output = {.fd = mkstemp(name.text), .path = options->output, .pwrite = pwrite};
    if (output.fd < 0) {
        int status = err_errno(err, errno, "could not create recording '%s'", options->output);
        str_free(&name);
        return status;
    }
    int status = copy_and_seal(mapping, &output, &result, err);
    if (close(output.fd) && !status)
        status = err_errno(err, errno, "could not write recording '%s'", options->output);
    if (!status)
        status = take_name(options, name.text, err);
    if (status)
        unlink(name.text);
    else
        *ret_result = result;
    str_free(&name);
    return status;
}

int recover_recording(const struct recover_options *options, struct recover_result *ret_result,
                      struct err *err)
{
    struct mapping mapping = {0};
    struct format_header header;
    int status = mapping_open(&mapping, options->path, err);
    if (status)
        return status;
    status = format_header_read(mapping.bytes, mapping.length, &header, err);
    if (status)
        err_wrap(err, "could not recover recording '%s'", options->path);
    else
        status = write_copy(options, &mapping, ret_result, err);
    mapping_close(&mapping);
    return status;
}
