/* SPDX-License-Identifier: Apache-2.0 */
#include "unwind/frame_section.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define SEGMENT_COUNT_MAX 4096u
#define CODE_COUNT_MAX    64u /* segments with code; one is usual */
#define NAMES_BYTES_MAX   (16u << 20)
#define NOTE_BYTES_MAX    65536u
#define FRAME_BYTES_MAX   (256u << 20)

static bool header_read(const struct frame_file *file, Elf64_Ehdr *ret_header)
{
    Elf64_Ehdr header;
    if (!file->read(file->context, 0, &header, sizeof header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB ||
        (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64))
        return false;
    *ret_header = header;
    return true;
}

/* An array of the file in memory; NULL in ret_items when it is not there. */
static int array_read(const struct frame_file *file, uint64_t offset, uint64_t bytes, void **ret_items,
                      struct err *err)
{
    *ret_items = NULL;
    uint64_t end;
    char last;
    if (bytes == 0 || num_add_u64(offset, bytes, &end) || !file->read(file->context, end - 1, &last, 1))
        return 0; /* a size that a file does not have costs no memory */
    void *items = malloc(bytes);
    if (!items)
        return err_memory(err);
    if (!file->read(file->context, offset, items, bytes)) {
        free(items);
        items = NULL;
    }
    *ret_items = items;
    return 0;
}

static uint64_t aligned(uint64_t value)
{
    return (value + 3) & ~3ull;
}

static void build_id_find(struct frame_image *image, const uint8_t *notes, uint64_t size)
{
    uint64_t at = 0;
    Elf64_Nhdr note;

    while (!image->build_id_size && size - at >= sizeof note) {
        memcpy(&note, notes + at, sizeof note);
        at += sizeof note;
        uint64_t name = at, text = name + aligned(note.n_namesz), end = text + aligned(note.n_descsz);
        if (end > size)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz <= UNWIND_BUILD_ID_MAX &&
            memcmp(notes + name, "GNU", 4) == 0) {
            memcpy(image->build_id, notes + text, note.n_descsz);
            image->build_id_size = note.n_descsz;
        }
        at = end;
    }
}

static int notes_read(const struct frame_file *file, struct frame_image *image, uint64_t offset,
                      uint64_t bytes, struct err *err)
{
    void *notes;
    if (image->build_id_size || bytes > NOTE_BYTES_MAX)
        return 0;
    int code = array_read(file, offset, bytes, &notes, err);
    if (!code && notes)
        build_id_find(image, notes, bytes);
    free(notes);
    return code;
}

static int by_address(const void *left, const void *right)
{
    const struct frame_segment *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

/* A table of the linker's that says where .eh_frame begins, for files without section headers. */
static void found_by_header(const struct frame_file *file, struct frame_image *image,
                            const Elf64_Phdr *header)
{
    uint8_t head[8];
    int32_t relative;

    if (!file->read(file->context, header->p_offset, head, sizeof head) || head[0] != 1 || head[1] != 0x1b)
        return; /* version 1, relative to its own place in four bytes: all that linkers write */
    memcpy(&relative, head + 4, sizeof relative);
    image->exceptions.address = header->p_vaddr + 4 + (uint64_t)(int64_t)relative;
    image->exceptions_offset = header->p_offset + 4 + (uint64_t)(int64_t)relative;
}

static int segments_read(const struct frame_file *file, const Elf64_Ehdr *header, struct frame_image *image,
                         struct err *err)
{
    void *items;
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > SEGMENT_COUNT_MAX)
        return 0;
    int code = array_read(file, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr), &items, err);
    const Elf64_Phdr *headers = items;
    for (size_t i = 0; !code && headers && i < header->e_phnum; i++) {
        struct frame_segment segment = {headers[i].p_offset, headers[i].p_filesz, headers[i].p_vaddr};
        uint64_t end;
        if (num_add_u64(segment.offset, segment.size, &end) ||
            num_add_u64(segment.address, segment.size, &end))
            continue;
        bool is_code = headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_X;
        if (is_code && image->segments.count < CODE_COUNT_MAX && vec_push(&image->segments, segment))
            code = err_memory(err);
        else if (headers[i].p_type == PT_NOTE)
            code = notes_read(file, image, segment.offset, segment.size, err);
        else if (headers[i].p_type == PT_GNU_EH_FRAME)
            found_by_header(file, image, &headers[i]);
    }
    if (image->segments.count)
        qsort(image->segments.items, image->segments.count, sizeof *image->segments.items, by_address);
    free(items);
    return code;
}

struct names {
    const char *text;
    uint64_t bytes;
};

static bool name_is(const struct names *names, uint64_t at, const char *name)
{
    size_t bytes = strlen(name) + 1;
    return at < names->bytes && bytes <= names->bytes - at && memcmp(names->text + at, name, bytes) == 0;
}

static void section_note(struct frame_image *image, const Elf64_Shdr *section, const struct names *names)
{
    if (section->sh_type == SHT_NOBITS || section->sh_flags & SHF_COMPRESSED ||
        section->sh_size > FRAME_BYTES_MAX)
        return;
    struct cfi_section found = {.size = (size_t)section->sh_size, .address = section->sh_addr};
    if (name_is(names, section->sh_name, ".eh_frame")) {
        image->exceptions = found;
        image->exceptions_offset = section->sh_offset;
    } else if (name_is(names, section->sh_name, ".debug_frame")) {
        image->debug = found;
        image->debug_offset = section->sh_offset;
    }
}

static int sections_read(const struct frame_file *file, const Elf64_Ehdr *header, struct frame_image *image,
                         struct err *err)
{
    void *items, *text = NULL;
    struct names names = {0};
    if (header->e_shentsize != sizeof(Elf64_Shdr))
        return 0;
    int code = array_read(file, header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr), &items, err);
    const Elf64_Shdr *sections = items;
    if (!code && sections && header->e_shstrndx < header->e_shnum) {
        names.bytes = sections[header->e_shstrndx].sh_size;
        if (names.bytes <= NAMES_BYTES_MAX)
            code = array_read(file, sections[header->e_shstrndx].sh_offset, names.bytes, &text, err);
        names.text = text;
    }
    for (size_t i = 0; names.text && i < header->e_shnum; i++)
        section_note(image, &sections[i], &names);
    free(items);
    free(text);
    return code;
}

/* Without a section header it ends with its segment at the latest; a length of 0 ends it before. */
static void exceptions_measure(const struct frame_file *file, const Elf64_Ehdr *header,
                               struct frame_image *image)
{
    Elf64_Phdr segment;
    uint64_t at = image->exceptions_offset;

    for (size_t i = 0; at && !image->exceptions.size && i < header->e_phnum; i++) {
        if (!file->read(file->context, header->e_phoff + i * sizeof segment, &segment, sizeof segment))
            return;
        if (segment.p_type == PT_LOAD && at >= segment.p_offset && at - segment.p_offset < segment.p_filesz)
            image->exceptions.size =
                (size_t)num_min(segment.p_filesz - (at - segment.p_offset), FRAME_BYTES_MAX);
    }
}

int frame_image_read(const struct frame_file *file, struct frame_image *ret_image, struct err *err)
{
    struct frame_image image = {0};
    Elf64_Ehdr header;

    *ret_image = image;
    if (!header_read(file, &header))
        return 0;
    int code = segments_read(file, &header, &image, err);
    if (!code)
        code = sections_read(file, &header, &image, err);
    if (code) {
        frame_image_free(&image);
        return code;
    }
    if (header.e_phentsize == sizeof(Elf64_Phdr) && header.e_phnum <= SEGMENT_COUNT_MAX)
        exceptions_measure(file, &header, &image);
    image.machine = image.exceptions.machine = image.debug.machine = header.e_machine;
    image.debug.is_debug = true;
    *ret_image = image;
    return 0;
}

void frame_image_free(struct frame_image *image)
{
    vec_free(&image->segments);
}

bool frame_image_offset(const struct frame_image *image, uint64_t address, uint64_t *ret_offset,
                        uint64_t *ret_left)
{
    for (size_t i = 0; i < image->segments.count; i++) {
        const struct frame_segment *segment = &image->segments.items[i];
        if (address >= segment->address && address - segment->address < segment->size) {
            *ret_offset = segment->offset + (address - segment->address);
            *ret_left = segment->size - (address - segment->address);
            return true;
        }
    }
    return false;
}
