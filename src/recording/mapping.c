/* SPDX-License-Identifier: Apache-2.0 */
#include "recording/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fs.h"

#define PAGE_BYTES 4096u

int mapping_open(struct mapping *mapping, const char *path, struct err *err)
{
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    if (fd < 0 || fstat(fd, &about)) {
        int errnum = errno;
        err_errno(err, errnum, "could not open recording '%s'", path);
        if (errnum == ENOENT)
            err_hint(err, "'toll run -- COMMAND' makes one");
        return -ERR_ENVIRONMENT;
    }
    if (!S_ISREG(about.st_mode))
        return err_set(err, ERR_INPUT, "could not open recording '%s': it is not a file", path);
    if (about.st_size < (off_t)sizeof(struct format_header))
        return err_set(err, ERR_INPUT, "could not open recording '%s': it is too short to be one", path);
    void *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return err_errno(err, errno, "could not map recording '%s'", path);
    *mapping = (struct mapping){.bytes = bytes, .length = (size_t)about.st_size};
    return 0;
}

/* munmap and madvise take the address as a number would travel: nothing is written through it. */
static void *address_of(const struct mapping *mapping, size_t offset)
{
    return (void *)((uintptr_t)mapping->bytes + offset);
}

void mapping_close(struct mapping *mapping)
{
    if (mapping->bytes)
        munmap(address_of(mapping, 0), mapping->length);
    *mapping = (struct mapping){0};
}

void mapping_release(const struct mapping *mapping, size_t start, size_t end)
{
    start -= start % PAGE_BYTES;
    end -= end % PAGE_BYTES;
    if (start < end)
        (void)madvise(address_of(mapping, start), end - start, MADV_DONTNEED);
}

int mapping_trailer(const struct mapping *mapping, struct format_trailer *ret_trailer, struct err *err)
{
    struct format_trailer trailer;
    if (mapping->length < sizeof(struct format_header) + sizeof trailer)
        return err_set(err, ERR_INPUT, "it is not sealed: its writer did not finish");
    size_t end = mapping->length - sizeof trailer;
    memcpy(&trailer, mapping->bytes + end, sizeof trailer);
    if (memcmp(trailer.magic, FORMAT_TRAILER_MAGIC, sizeof trailer.magic) != 0)
        return err_set(err, ERR_INPUT, "it is not sealed: its writer did not finish");
    if (XXH3_64bits(&trailer, offsetof(struct format_trailer, checksum)) != trailer.checksum)
        return err_set(err, ERR_INPUT, "its trailer is damaged (checksum)");
    uint64_t wanted = FORMAT_DIRECTORY_BYTES + trailer.entry_count * sizeof(struct format_entry);
    if (trailer.index_offset < sizeof(struct format_header) || trailer.index_offset % 8 ||
        trailer.index_offset > end || trailer.index_length != end - trailer.index_offset ||
        trailer.index_length != wanted)
        return err_set(err, ERR_INPUT, "its trailer does not fit the file");
    if (XXH3_64bits(mapping->bytes + trailer.index_offset, trailer.index_length) != trailer.index_checksum)
        return err_set(err, ERR_INPUT, "its index is damaged (checksum)");
    mapping_release(mapping, trailer.index_offset + PAGE_BYTES, end);
    *ret_trailer = trailer;
    return 0;
}
