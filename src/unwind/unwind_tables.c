/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind/unwind_tables.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/cache_folder.h"
#include "base/fs.h"
#include "base/map.h"
#include "unwind/table_build.h"

#define PATH_BYTES     4096u
#define SUFFIX         ".unw"
#define TABLE_BYTES    ((size_t)(128 << 20))
#define VDSO_BYTES_MAX (64u << 10)

/* False when the file has no build-id or there is no cache. */
static bool cache_path(const char *folder, const struct frame_image *image, char *path)
{
    size_t length;
    if (!*folder || image->build_id_size < 2)
        return false;
    length = (size_t)snprintf(path, PATH_BYTES, "%s/", folder);
    if (length + 2 * (size_t)UNWIND_BUILD_ID_MAX + sizeof SUFFIX > PATH_BYTES)
        return false;
    for (size_t i = 0; i < image->build_id_size; i++)
        length += (size_t)snprintf(path + length, PATH_BYTES - length, "%02x", image->build_id[i]);
    snprintf(path + length, PATH_BYTES - length, "%s", SUFFIX);
    return true;
}

static bool is_sound(const struct str *text, const struct frame_image *image)
{
    struct unwind_header header;
    struct unwind_table ignored;

    if (!unwind_table_open(text->text, text->length, &ignored))
        return false;
    memcpy(&header, text->text, sizeof header);
    return memcmp(header.magic, UNWIND_MAGIC, sizeof header.magic) == 0 && header.machine == image->machine &&
           header.build_id_size == image->build_id_size &&
           memcmp(header.build_id, image->build_id, image->build_id_size) == 0 &&
           map_hash_bytes(text->text + sizeof header, text->length - sizeof header) == header.hash;
}

static void cache_load(const char *path, const struct frame_image *image, struct unwind_file *ret_file)
{
    struct str text = {0};
    struct err ignored;

    if (fs_read(path, TABLE_BYTES, &text, &ignored) || !text.text || !is_sound(&text, image)) {
        str_free(&text);
        return;
    }
    cache_file_touch(path);
    *ret_file = (struct unwind_file){.bytes = text.text, .is_cached = true};
    (void)unwind_table_open(text.text, text.length, &ret_file->table);
}

static void cache_save(const char *folder, const char *path, const void *bytes, size_t size)
{
    struct err ignored;
    if (size <= TABLE_BYTES && cache_folder_make(folder, &ignored) == 0) {
        int code = fs_replace(path, bytes, size, 0600, &ignored);
        (void)code; /* built again the next time */
    }
}

static int load(const char *folder, const struct frame_file *file, const struct frame_image *image,
                struct unwind_file *ret_file, struct err *err)
{
    char path[PATH_BYTES];
    size_t size;
    bool has_path = cache_path(folder, image, path);

    if (has_path)
        cache_load(path, image, ret_file);
    if (ret_file->bytes)
        return 0;
    int code = table_build(file, image, &ret_file->bytes, &size, err);
    if (code || !ret_file->bytes)
        return code;
    (void)unwind_table_open(ret_file->bytes, size, &ret_file->table);
    if (has_path)
        cache_save(folder, path, ret_file->bytes, size);
    return 0;
}

int unwind_file_load(const char *folder, const struct frame_file *file, struct unwind_file *ret_file,
                     struct err *err)
{
    struct frame_image image;
    char *own = folder ? strdup(folder) : cache_folder_of("unwind");

    *ret_file = (struct unwind_file){0};
    int code = own ? frame_image_read(file, &image, err) : err_memory(err);
    if (!code) {
        code = load(own, file, &image, ret_file, err);
        frame_image_free(&image);
    }
    free(own);
    return code;
}

static bool fd_read(void *context, uint64_t offset, void *buffer, size_t size)
{
    char *at = buffer;
    while (size) {
        ssize_t got = pread(*(const int *)context, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

int unwind_file_load_fd(const char *folder, int fd, struct unwind_file *ret_file, struct err *err)
{
    const struct frame_file file = {.read = fd_read, .context = &fd};
    return unwind_file_load(folder, &file, ret_file, err);
}

struct memory {
    const uint8_t *bytes;
    uint64_t size;
};

static bool memory_read(void *context, uint64_t offset, void *buffer, size_t size)
{
    const struct memory *memory = context;
    if (offset > memory->size || size > memory->size - offset)
        return false;
    memcpy(buffer, memory->bytes + offset, size);
    return true;
}

int unwind_file_load_vdso(struct unwind_file *ret_file, struct err *err)
{
    const Elf64_Ehdr *vdso =
        (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address by contract */
    struct memory memory = {.bytes = (const uint8_t *)vdso};
    const struct frame_file file = {.read = memory_read, .context = &memory};

    *ret_file = (struct unwind_file){0};
    if (!vdso || vdso->e_ident[EI_CLASS] != ELFCLASS64)
        return 0;
    memory.size = vdso->e_shoff + (uint64_t)vdso->e_shentsize * vdso->e_shnum;
    return memory.size > VDSO_BYTES_MAX ? 0 : unwind_file_load("", &file, ret_file, err);
}

void unwind_file_free(struct unwind_file *file)
{
    free(file->bytes);
    *file = (struct unwind_file){0};
}

void unwind_cache_prune(const char *folder)
{
    char *own = folder ? strdup(folder) : cache_folder_of("unwind");
    if (own && *own)
        cache_folder_prune(own, SUFFIX);
    free(own);
}
