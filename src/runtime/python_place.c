/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_place.h"

#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "runtime/python_pieces.h"
#include "symbol/elf_image.h"

#define FILE_MAX       64
#define MAPS_BYTES_MAX (16u << 20)
#define SYMBOL_MAX     2000000u
#define EVAL_NAME      "_PyEval_EvalFrameDefault"
#define RUNTIME_BYTES  (64u << 20) /* no runtime is larger */
#define ADDRESS_MAX    (UINT64_MAX >> 16)

bool python_is_interpreter(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (str_starts(name, "lib"))
        name += strlen("lib");
    return str_starts(name, "python3") || strcmp(name, "python") == 0;
}

static void note_eval(struct python_place *place, const GElf_Sym *symbol)
{
    for (size_t i = 0; i < place->eval_count; i++)
        if (place->eval[i].low == symbol->st_value)
            return; /* in both tables */
    if (place->eval_count < PYTHON_EVAL_MAX && symbol->st_size)
        place->eval[place->eval_count++] =
            (struct python_range){symbol->st_value, symbol->st_value + symbol->st_size};
}

static void note_symbol(struct python_file *file, const char *name, const GElf_Sym *symbol)
{
    struct python_place *place = &file->place;
    if (!symbol->st_value || symbol->st_value > ADDRESS_MAX || symbol->st_size > RUNTIME_BYTES)
        return;
    if (strcmp(name, "_PyRuntime") == 0) {
        file->has_runtime = true;
        place->runtime = (struct python_range){symbol->st_value, symbol->st_value + symbol->st_size};
    } else if (strcmp(name, "Py_Version") == 0) {
        file->version_address = symbol->st_value;
    } else if (strcmp(name, "PyCode_Type") == 0) {
        place->code_type = symbol->st_value;
    } else if (str_starts(name, EVAL_NAME) &&
               (name[strlen(EVAL_NAME)] == '\0' || name[strlen(EVAL_NAME)] == '.')) {
        note_eval(place, symbol);
    }
}

static void read_table(struct python_file *file, Elf *elf, Elf_Scn *section)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    if (!gelf_getshdr(section, &header) || !header.sh_entsize ||
        (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB))
        return;
    Elf_Data *data = elf_getdata(section, NULL);
    uint64_t count = header.sh_size / header.sh_entsize;
    for (uint64_t i = 0; data && i < count && i < SYMBOL_MAX; i++) {
        if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
            continue;
        const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name && (name[0] == '_' || name[0] == 'P'))
            note_symbol(file, name, &symbol);
    }
}

/* Only memory can run out: a file that is none of ours has no runtime. */
static int read_file(struct python_file *file, int fd)
{
    struct elf_image image;
    struct err err;
    if (elf_image_open(fd, &image, &err))
        return -1;
    for (Elf_Scn *section = NULL; image.elf && (section = elf_nextscn(image.elf, section));)
        read_table(file, image.elf, section);
    int status = python_pieces_find(&image, &file->place, &err);
    for (size_t i = 0; !status && i < image.segments.count; i++) {
        const struct elf_segment *segment = &image.segments.items[i];
        struct python_range range = {segment->offset, segment->offset + segment->size};
        status = vec_push(&file->segments, range) || vec_push(&file->addresses, segment->address);
    }
    elf_image_close(&image);
    return status;
}

static void file_free(struct python_file *file)
{
    vec_free(&file->segments);
    vec_free(&file->addresses);
}

void python_files_free(struct python_files *files)
{
    for (size_t i = 0; i < files->items.count; i++)
        file_free(&files->items.items[i]);
    vec_free(&files->items);
}

struct mapped {
    uint64_t low, offset;
    uint64_t inode; /* 0: not known */
    char path[512];
};

/* NULL: it cannot be read, or is no interpreter. */
static const struct python_file *file_of(struct python_files *files, uint32_t pid,
                                         const struct mapped *mapped)
{
    char path[640];
    struct stat about;
    struct python_file file = {0};

    snprintf(path, sizeof path, "/proc/%u/root%s", pid, mapped->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_of_process = fd >= 0; /* it is gone, and may have had another root */
    if (fd < 0)
        fd = open(mapped->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &about) < 0 || !S_ISREG(about.st_mode) ||
        (!is_of_process && mapped->inode && mapped->inode != about.st_ino)) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    for (size_t i = 0; i < files->items.count; i++) {
        const struct python_file *known = &files->items.items[i];
        if (known->device == about.st_dev && known->inode == about.st_ino) {
            close(fd);
            return known;
        }
    }
    file.device = about.st_dev;
    file.inode = about.st_ino;
    if (read_file(&file, fd) || files->items.count >= FILE_MAX || vec_push(&files->items, file)) {
        file_free(&file);
        return NULL;
    }
    return &files->items.items[files->items.count - 1];
}

/* What has to be added to the file's addresses. */
static bool bias_of(const struct python_file *file, const struct mapped *mapped, uint64_t *ret_bias)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < file->segments.count; i++) {
        const struct python_range *range = &file->segments.items[i];
        uint64_t first = range->low & ~(page - 1);
        if (mapped->offset < first || mapped->offset >= range->high)
            continue;
        *ret_bias = mapped->low - ((file->addresses.items[i] & ~(page - 1)) + (mapped->offset - first));
        return true;
    }
    return false;
}

static void place_move(struct python_place *place, uint64_t bias)
{
    place->runtime.low += bias;
    place->runtime.high += bias;
    if (place->code_type)
        place->code_type += bias;
    for (size_t i = 0; i < place->eval_count; i++) {
        place->eval[i].low += bias;
        place->eval[i].high += bias;
    }
}

static enum python_found place_fill(const struct python_file *file, uint32_t pid, uint64_t bias,
                                    struct python_place *ret_place)
{
    struct python_memory memory = python_memory_of(&pid);
    struct python_place place = file->place;

    place_move(&place, bias);
    if (!file->version_address) {
        *ret_place = place;
        return PYTHON_UNKNOWN;
    }
    if (!python_memory_u64(&memory, file->version_address + bias, &place.version_hex))
        return PYTHON_REFUSED;
    bool is_known = python_layout_find(place.version_hex, &memory, place.runtime.low, &place.layout);
    *ret_place = place;
    return is_known ? PYTHON_FOUND : PYTHON_UNKNOWN;
}

/* One line of /proc/PID/maps; false when it is no executable mapping of an interpreter. */
static bool line_read(const char *line, struct mapped *ret_mapped)
{
    char permissions[8] = "";
    int name = 0;
    if (sscanf(line, "%" SCNx64 "-%*x %7s %" SCNx64 " %*x:%*x %*u %n", &ret_mapped->low, permissions,
               &ret_mapped->offset, &name) < 3 || /* NOLINT(cert-err34-c): another form is left out */
        !name ||
        permissions[2] != 'x' || !python_is_interpreter(line + name))
        return false;
    return snprintf(ret_mapped->path, sizeof ret_mapped->path, "%s", line + name) <
           (int)sizeof ret_mapped->path;
}

enum python_found python_place_find(struct python_files *files, uint32_t pid, struct python_place *ret_place)
{
    char path[64];
    struct str text = {0};
    struct err ignored;
    enum python_found found = PYTHON_NONE;

    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    int status = fs_read(path, MAPS_BYTES_MAX, &text, &ignored);
    char *rest = status ? NULL : text.text;
    for (char *line; found == PYTHON_NONE && rest && (line = strsep(&rest, "\n"));) {
        struct mapped mapped = {0};
        uint64_t bias;
        if (!line_read(line, &mapped))
            continue;
        const struct python_file *file = file_of(files, pid, &mapped);
        if (file && file->has_runtime && bias_of(file, &mapped, &bias))
            found = place_fill(file, pid, bias, ret_place);
    }
    str_free(&text);
    return found;
}

size_t python_eval_find(struct python_files *files, uint32_t pid, const struct python_mapping *mapping,
                        struct python_range ret_ranges[PYTHON_EVAL_MAX])
{
    struct mapped mapped = {.low = mapping->address, .offset = mapping->offset, .inode = mapping->inode};
    uint64_t bias;

    if (!python_is_interpreter(mapping->path) ||
        snprintf(mapped.path, sizeof mapped.path, "%s", mapping->path) >= (int)sizeof mapped.path)
        return 0;
    const struct python_file *file = file_of(files, pid, &mapped);
    if (!file || !file->has_runtime || !bias_of(file, &mapped, &bias))
        return 0;
    struct python_place place = file->place;
    place_move(&place, bias);
    memcpy(ret_ranges, place.eval, sizeof place.eval);
    return place.eval_count;
}
