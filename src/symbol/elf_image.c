/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/elf_image.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/search.h"
#include "base/sort.h"
#include "symbol/plt.h"

#define SEGMENT_COUNT_MAX 4096u
#define SYMBOL_COUNT_MAX  (16u << 20)
#define READ_BYTES_MAX    (256 << 20)
#define PAGE_BYTES        4096u
#define NESTED_MAX        8u
#define VDSO_BYTES_MAX    (64u << 10)

static void read_segments(struct elf_image *image)
{
    size_t count;
    if (elf_getphdrnum(image->elf, &count) || count > SEGMENT_COUNT_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(image->elf, (int)i, &header) || header.p_type != PT_LOAD)
            continue;
        struct elf_segment segment = {header.p_offset, header.p_filesz, header.p_vaddr};
        uint64_t end;
        if (num_add_u64(segment.offset, segment.size, &end) ||
            num_add_u64(segment.address, segment.size, &end))
            continue;
        if (vec_push(&image->segments, segment))
            return;
    }
}

static void note_build_id(struct elf_image *image, Elf_Data *data)
{
    size_t offset = 0, name_offset, desc_offset;
    GElf_Nhdr note;
    while (data && (offset = gelf_getnote(data, offset, &note, &name_offset, &desc_offset)) > 0) {
        const char *bytes = data->d_buf;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz <= ELF_BUILD_ID_MAX &&
            memcmp(bytes + name_offset, "GNU", 4) == 0) {
            memcpy(image->build_id, bytes + desc_offset, note.n_descsz);
            image->build_id_size = note.n_descsz;
            return;
        }
    }
}

static void read_build_id(struct elf_image *image)
{
    Elf_Scn *section = NULL;
    while (!image->build_id_size && (section = elf_nextscn(image->elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_NOTE)
            note_build_id(image, elf_getdata(section, NULL));
    }
    size_t count;
    if (image->build_id_size || elf_getphdrnum(image->elf, &count) || count > SEGMENT_COUNT_MAX)
        return;
    for (size_t i = 0; i < count && !image->build_id_size; i++) { /* section headers may be stripped */
        GElf_Phdr header;
        if (gelf_getphdr(image->elf, (int)i, &header) && header.p_type == PT_NOTE)
            note_build_id(image, elf_getdata_rawchunk(image->elf, (int64_t)header.p_offset, header.p_filesz,
                                                      header.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
    }
}

static void image_begin(struct elf_image *image)
{
    if (image->elf && (elf_kind(image->elf) != ELF_K_ELF || gelf_getclass(image->elf) == ELFCLASSNONE)) {
        elf_end(image->elf);
        image->elf = NULL;
    }
    if (!image->elf)
        return;
    read_segments(image);
    read_build_id(image);
}

int elf_image_open(int fd, struct elf_image *ret_image, struct err *err)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return err_set(err, ERR_BUG, "could not start libelf: its version does not fit");
    struct stat about;
    bool large = fstat(fd, &about) == 0 && about.st_size > READ_BYTES_MAX;
    *ret_image =
        (struct elf_image){.fd = fd, .elf = elf_begin(fd, large ? ELF_C_READ_MMAP : ELF_C_READ, NULL)};
    image_begin(ret_image);
    return 0;
}

int elf_image_open_vdso(struct elf_image *ret_image, struct err *err)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return err_set(err, ERR_BUG, "could not start libelf: its version does not fit");
    *ret_image = (struct elf_image){.fd = -1};
    const Elf64_Ehdr *vdso =
        (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR); /* NOLINT: an address by contract */
    if (!vdso || vdso->e_ident[EI_CLASS] != ELFCLASS64)
        return 0;
    uint64_t size = vdso->e_shoff + (uint64_t)vdso->e_shentsize * vdso->e_shnum;
    if (size > VDSO_BYTES_MAX)
        return 0;
    ret_image->memory = malloc(size);
    if (!ret_image->memory)
        return err_memory(err);
    memcpy(ret_image->memory, vdso, size);
    ret_image->elf = elf_memory(ret_image->memory, size);
    image_begin(ret_image);
    return 0;
}

void elf_image_close(struct elf_image *image)
{
    if (image->elf)
        elf_end(image->elf);
    if (image->fd >= 0)
        close(image->fd);
    free(image->memory);
    vec_free(&image->segments);
    vec_free(&image->symbols);
    arena_free(&image->texts);
    *image = (struct elf_image){.fd = -1};
}

static bool section_runs(const struct elf_image *source, size_t index)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_getscn(source->elf, index);
    return section && gelf_getshdr(section, &header) && header.sh_flags & SHF_EXECINSTR;
}

/* Functions before mere labels, global before weak before local, then names without leading underscores. */
static uint8_t symbol_rank(const GElf_Sym *symbol, const char *name)
{
    unsigned rank = GELF_ST_TYPE(symbol->st_info) != STT_NOTYPE ? 16 : 0;
    if (GELF_ST_BIND(symbol->st_info) == STB_GLOBAL)
        rank += 8;
    else if (GELF_ST_BIND(symbol->st_info) == STB_WEAK)
        rank += 4;
    if (name[0] != '_')
        rank += 2;
    else if (name[1] != '_')
        rank += 1;
    return (uint8_t)rank;
}

static int load_table(struct elf_image *image, const struct elf_image *source, Elf_Scn *section,
                      const GElf_Shdr *header, struct err *err)
{
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || header->sh_entsize == 0)
        return 0;
    uint64_t count = num_min(header->sh_size / header->sh_entsize, SYMBOL_COUNT_MAX);
    for (uint64_t i = 0; i < count && image->symbols.count < SYMBOL_COUNT_MAX; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        unsigned type = GELF_ST_TYPE(symbol.st_info);
        if (symbol.st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC &&
                                             (type != STT_NOTYPE || symbol.st_shndx >= SHN_LORESERVE ||
                                              !section_runs(source, symbol.st_shndx))))
            continue;
        const char *name = elf_strptr(source->elf, header->sh_link, symbol.st_name);
        uint64_t high;
        if (!name || !*name || *name == '$' || *name == '.' ||
            num_add_u64(symbol.st_value, symbol.st_size, &high))
            continue;
        if (vec_push(&image->symbols,
                     (struct elf_symbol){symbol.st_value, high, name, symbol_rank(&symbol, name)}))
            return err_memory(err);
    }
    return 0;
}

/* Whether the first of two names of one address is the one to show. */
static bool is_better(const struct elf_symbol *a, const struct elf_symbol *b)
{
    if (a->rank != b->rank)
        return a->rank > b->rank;
    if ((a->high > a->low) != (b->high > b->low))
        return a->high > a->low;
    return strcmp(a->name, b->name) < 0;
}

/* Keeps the best name of each address; a symbol without a size reaches to the next one. */
static void tidy_symbols(struct elf_image *image)
{
    struct elf_symbol *symbols = image->symbols.items;
    size_t kept = 0;
    for (size_t i = 0; i < image->symbols.count; i++) {
        if (kept && symbols[kept - 1].low == symbols[i].low) {
            uint64_t high = num_max(symbols[kept - 1].high, symbols[i].high);
            if (is_better(&symbols[i], &symbols[kept - 1]))
                symbols[kept - 1] = symbols[i];
            symbols[kept - 1].high = high;
            continue;
        }
        symbols[kept++] = symbols[i];
    }
    image->symbols.count = kept;
    for (size_t i = 0; i < kept; i++)
        if (symbols[i].high == symbols[i].low)
            symbols[i].high = i + 1 < kept ? symbols[i + 1].low : symbols[i].low + PAGE_BYTES;
}

int elf_image_load_symbols(struct elf_image *image, const struct elf_image *source, struct err *err)
{
    if (!source->elf)
        return 0;
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(source->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
            continue;
        int status = load_table(image, source, section, &header, err);
        if (status)
            return status;
    }
    if (source == image && plt_load_symbols(image, err))
        return err_memory(err);
    if (sort_by_u64(image->symbols.items, image->symbols.count, sizeof *image->symbols.items,
                    offsetof(struct elf_symbol, low)))
        return err_memory(err);
    tidy_symbols(image);
    return 0;
}

/* The first section of one of two names that has bytes in the file; NULL when there is none. */
static Elf_Scn *find_section(const struct elf_image *image, const char *name, const char *other)
{
    size_t names;
    Elf_Scn *section = NULL;
    if (!image->elf || elf_getshdrstrndx(image->elf, &names))
        return NULL;
    while ((section = elf_nextscn(image->elf, section))) {
        GElf_Shdr header;
        const char *found =
            gelf_getshdr(section, &header) ? elf_strptr(image->elf, names, header.sh_name) : NULL;
        if (found && header.sh_type != SHT_NOBITS && (strcmp(found, name) == 0 || strcmp(found, other) == 0))
            return section;
    }
    return NULL;
}

bool elf_image_has_lines(const struct elf_image *image)
{
    return find_section(image, ".debug_info", ".zdebug_info") != NULL;
}

/* The name, a NUL, up to three bytes more, the checksum. */
bool elf_image_debug_link(const struct elf_image *image, struct elf_debug_link *ret_link)
{
    Elf_Scn *section = find_section(image, ".gnu_debuglink", "");
    const Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    if (!data || !data->d_buf || data->d_size < 8)
        return false;
    size_t length = strnlen(data->d_buf, data->d_size - 4);
    size_t at = (length + 4) & ~(size_t)3;
    if (length == 0 || at + 4 > data->d_size)
        return false;
    ret_link->name = data->d_buf;
    memcpy(&ret_link->checksum, (const char *)data->d_buf + at, 4);
    return true;
}

const struct elf_symbol *elf_image_find(const struct elf_image *image, uint64_t address, uint64_t *ret_low,
                                        uint64_t *ret_high)
{
    const struct elf_symbol *symbols = image->symbols.items;
    size_t behind = search_first(i, image->symbols.count, symbols[i].low > address);
    *ret_low = 0;
    *ret_high = behind < image->symbols.count ? symbols[behind].low : UINT64_MAX;
    for (size_t back = 0; back < NESTED_MAX && back < behind;
         back++) { /* a label may lie inside a function */
        const struct elf_symbol *symbol = &symbols[behind - 1 - back];
        if (address < symbol->high) {
            *ret_low = num_max(*ret_low, symbol->low);
            *ret_high = num_min(*ret_high, symbol->high);
            return symbol;
        }
        *ret_low = num_max(*ret_low, symbol->high);
    }
    return NULL;
}

/* Mappings are whole pages, so a segment's first and last page also hold its neighbours' bytes. */
bool elf_image_address(const struct elf_image *image, uint64_t offset, uint64_t *ret_address)
{
    const struct elf_segment *near = NULL;
    for (size_t i = 0; i < image->segments.count; i++) {
        const struct elf_segment *segment = &image->segments.items[i];
        if (offset >= segment->offset && offset - segment->offset < segment->size) {
            *ret_address = segment->address + (offset - segment->offset);
            return true;
        }
        if (offset >= segment->offset && offset - segment->offset < segment->size + PAGE_BYTES)
            near = segment;
    }
    if (near)
        *ret_address = near->address + (offset - near->offset);
    return near != NULL;
}

bool elf_image_offset(const struct elf_image *image, uint64_t address, uint64_t *ret_offset)
{
    for (size_t i = 0; i < image->segments.count; i++) {
        const struct elf_segment *segment = &image->segments.items[i];
        if (address >= segment->address && address - segment->address <= segment->size) {
            *ret_offset = segment->offset + (address - segment->address);
            return true;
        }
    }
    return false;
}
