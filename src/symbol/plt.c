/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/plt.h"

#include <gelf.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

#define SLOT_COUNT_MAX  (1u << 20)
#define SLOT_TOTAL_MAX  (16u << 20) /* of all tables: many may name the same bytes */
#define NAME_BYTES_MAX  (64u << 20) /* of all entries: each may have the same long name */
#define TABLE_BYTES_MAX (64u << 20)
#define ENTRY_SHORT     8u /* of .plt.got; else 16 bytes */
#define ENTRY_LONG      16u

struct slots {
    struct map names; /* address to the name of what is put there */
    uint64_t count_left, name_bytes_left;
};

/* Takes the slots of a relocation table. */
static int note_slots(struct slots *slots, Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                      struct err *err)
{
    GElf_Shdr symbols_header;
    Elf_Scn *symbols_section = elf_getscn(elf, header->sh_link);
    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Data *symbols = symbols_section && gelf_getshdr(symbols_section, &symbols_header)
                            ? elf_getdata(symbols_section, NULL)
                            : NULL;
    if (!data || !symbols || !header->sh_entsize)
        return 0;
    uint64_t count =
        num_min(header->sh_size / header->sh_entsize, num_min(SLOT_COUNT_MAX, slots->count_left));
    slots->count_left -= count;
    for (uint64_t i = 0; i < count; i++) {
        GElf_Rela slot;
        GElf_Sym symbol;
        if (!gelf_getrela(data, (int)i, &slot))
            break;
        uint64_t type = GELF_R_TYPE(slot.r_info);
        if ((type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) ||
            !gelf_getsym(symbols, (int)GELF_R_SYM(slot.r_info), &symbol))
            continue;
        const char *name = elf_strptr(elf, symbols_header.sh_link, symbol.st_name);
        if (name && *name && map_put(&slots->names, slot.r_offset, (uint64_t)(uintptr_t)name))
            return err_memory(err);
    }
    return 0;
}

/* Where an entry's `jmp *slot(%rip)` (ff 25, distance) loads from; false when there is none near. */
static bool slot_of(const uint8_t *code, size_t size, uint64_t address, uint64_t *ret_slot)
{
    for (size_t i = 0; i + 6 <= size && i < ENTRY_LONG; i++) {
        int32_t distance;
        if (code[i] != 0xff || code[i + 1] != 0x25)
            continue;
        memcpy(&distance, code + i + 2, sizeof distance);
        *ret_slot = address + i + 6 + (uint64_t)(int64_t)distance;
        return true;
    }
    return false;
}

static int name_entry(struct elf_image *image, uint64_t low, uint64_t high, const char *target,
                      struct err *err)
{
    const char *name = arena_printf(&image->texts, "%s@plt", target);
    /* Below every other name of the place. */
    return !name || vec_push(&image->symbols, (struct elf_symbol){low, high, name, 0}) ? err_memory(err) : 0;
}

/* Each entry with a jump through a slot. */
static int name_table_entries(struct elf_image *image, struct slots *slots, Elf_Scn *section,
                              const GElf_Shdr *header, uint64_t step, struct err *err)
{
    Elf_Data *data = header->sh_size <= TABLE_BYTES_MAX ? elf_getdata(section, NULL) : NULL;
    if (!data || !data->d_buf)
        return 0;
    const uint8_t *code = data->d_buf;
    for (uint64_t at = 0; at + ENTRY_SHORT <= data->d_size; at += step) {
        uint64_t slot;
        size_t size = (size_t)num_min(step, data->d_size - at);
        if (!slot_of(code + at, size, header->sh_addr + at, &slot))
            continue;
        const uint64_t *found = map_get(&slots->names, slot);
        if (!found)
            continue;
        const char *name = (const char *)(uintptr_t)*found; /* NOLINT(performance-no-int-to-ptr) */
        size_t bytes = strlen(name) + sizeof(struct elf_symbol);
        if (bytes > slots->name_bytes_left)
            return 0;
        slots->name_bytes_left -= bytes;
        int status = name_entry(image, header->sh_addr + at, header->sh_addr + at + size, name, err);
        if (status)
            return status;
    }
    return 0;
}

static bool is_plt(Elf *elf, size_t names, const GElf_Shdr *header)
{
    const char *name = elf_strptr(elf, names, header->sh_name);
    return name && header->sh_type == SHT_PROGBITS && strncmp(name, ".plt", 4) == 0;
}

static int name_tables(struct elf_image *image, struct slots *slots, struct err *err)
{
    size_t names;
    if (elf_getshdrstrndx(image->elf, &names))
        return 0;
    Elf_Scn *section = NULL;
    int status = 0;
    while (!status && (section = elf_nextscn(image->elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && is_plt(image->elf, names, &header))
            status = name_table_entries(image, slots, section, &header,
                                        header.sh_entsize == ENTRY_SHORT ? ENTRY_SHORT : ENTRY_LONG, err);
    }
    return status;
}

int plt_load_symbols(struct elf_image *image, struct err *err)
{
    GElf_Ehdr about;
    if (!image->elf || !gelf_getehdr(image->elf, &about) || about.e_machine != EM_X86_64)
        return 0;
    struct slots slots = {.count_left = SLOT_TOTAL_MAX, .name_bytes_left = NAME_BYTES_MAX};
    Elf_Scn *section = NULL;
    int status = 0;
    while (!status && (section = elf_nextscn(image->elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA)
            status = note_slots(&slots, image->elf, section, &header, err);
    }
    if (!status && slots.names.count)
        status = name_tables(image, &slots, err);
    map_free(&slots.names);
    return status;
}
