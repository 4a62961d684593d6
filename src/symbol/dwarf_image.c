/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/dwarf_image.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/search.h"
#include "base/str.h"
#include "symbol/dwarf_scopes.h"

#define UNIT_COUNT_MAX     (1u << 20)
#define FUNCTION_COUNT_MAX (4u << 20) /* of one unit */

struct range {
    uint64_t low, high;
    uint32_t index; /* of the unit, or of the function in its unit */
};

struct ranges {
    VEC(struct range) items;
};

struct unit {
    Dwarf_Die die;
    bool loaded;
    bool types_hold_functions; /* Rust */
    struct ranges functions;
    VEC(Dwarf_Die) dies; /* of the functions */
    Dwarf_Lines *lines;
    size_t line_count;
    Dwarf_Files *files;
    size_t file_count;
};

struct dwarf_image {
    Dwarf *dwarf;
    VEC(struct unit) units;
    struct ranges ranges;
    const void *function; /* of what function the following is; NULL: none */
    const char *function_name;
    struct dwarf_scopes scopes;
};

static int by_low(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

static void ranges_sort(struct ranges *ranges)
{
    if (ranges->items.count)
        qsort(ranges->items.items, ranges->items.count, sizeof *ranges->items.items, by_low);
}

/* Ranges may overlap a little (folded functions); the nearest start that covers the address wins. */
static const struct range *ranges_find(const struct ranges *ranges, uint64_t address)
{
    size_t behind = search_first(i, ranges->items.count, ranges->items.items[i].low > address);
    for (size_t back = 0; back < 8 && back < behind; back++) {
        const struct range *range = &ranges->items.items[behind - 1 - back];
        if (address < range->high)
            return range;
    }
    return NULL;
}

/* Adds the address ranges of a DIE. Address 0 marks what the linker threw away. */
static int ranges_add(struct ranges *ranges, Dwarf_Die *die, uint32_t index, struct err *err)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    for (int i = 0; i < DWARF_RANGE_COUNT_MAX; i++) {
        offset = dwarf_ranges(die, offset, &base, &low, &high);
        if (offset <= 0)
            break;
        if (low == 0 || high <= low)
            continue;
        if (vec_push(&ranges->items, (struct range){low, high, index}))
            return err_memory(err);
    }
    return 0;
}

static int add_unit(struct dwarf_image *image, Dwarf_Die *die, struct err *err)
{
    size_t before = image->ranges.items.count;
    int status = ranges_add(&image->ranges, die, (uint32_t)image->units.count, err);
    if (status || image->ranges.items.count == before)
        return status;
    struct unit unit = {.die = *die, .types_hold_functions = dwarf_srclang(die) == DW_LANG_Rust};
    return vec_push(&image->units, unit) ? err_memory(err) : 0;
}

static int index_units(struct dwarf_image *image, struct err *err)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die, sub_die;
    for (uint32_t i = 0; i < UNIT_COUNT_MAX; i++) {
        uint8_t type;
        if (dwarf_get_units(image->dwarf, unit, &unit, NULL, &type, &die, &sub_die) != 0)
            break;
        Dwarf_Die *body =
            type == DW_UT_skeleton && dwarf_tag(&sub_die) == DW_TAG_compile_unit ? &sub_die : &die;
        if (dwarf_tag(body) != DW_TAG_compile_unit)
            continue;
        int status = add_unit(image, body, err);
        if (status)
            return status;
    }
    ranges_sort(&image->ranges);
    return 0;
}

/* Sections that libdw takes strings from: under their own names, compressed (.zdebug_), of a compiler's middle step
 * (.gnu.debuglto_), split (.dwo). */
static bool holds_strings(const char *name)
{
    return (strstr(name, "debug_str") || strstr(name, "debug_line_str")) &&
           !strstr(name, "debug_str_offsets") && !str_starts(name, ".rel");
}

/* As libdw will. False: it cannot be. */
static bool expand(Elf_Scn *section, const GElf_Shdr *header, const char *name)
{
    if (header->sh_flags & SHF_COMPRESSED)
        return elf_compress(section, 0, 0) >= 0;
    if (str_starts(name, ".z"))
        (void)elf_compress_gnu(section, 0, 0); /* an error: it is not compressed, in spite of its name */
    return true;
}

/* libdw takes the last string of a section for ended: what is damaged or made up must not have it read on behind. */
static bool strings_end(Elf *elf)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names))
        return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (!name || !holds_strings(name) || header.sh_type == SHT_NOBITS)
            continue;
        if (!expand(section, &header, name))
            return false;
        const Elf_Data *data = elf_getdata(section, NULL);
        if (!data || (data->d_size && (!data->d_buf || ((const char *)data->d_buf)[data->d_size - 1])))
            return false;
    }
    return true;
}

int dwarf_image_open(Elf *elf, struct dwarf_image **ret_image, struct err *err)
{
    *ret_image = NULL;
    Dwarf *dwarf = strings_end(elf) ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
    if (!dwarf)
        return 0;
    struct dwarf_image *image = calloc(1, sizeof *image);
    if (!image) {
        dwarf_end(dwarf);
        return err_memory(err);
    }
    image->dwarf = dwarf;
    int status = index_units(image, err);
    if (status || image->units.count == 0) {
        dwarf_image_close(image);
        return status;
    }
    *ret_image = image;
    return 0;
}

void dwarf_image_close(struct dwarf_image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->units.count; i++) {
        vec_free(&image->units.items[i].functions.items);
        vec_free(&image->units.items[i].dies);
    }
    vec_free(&image->units);
    vec_free(&image->ranges.items);
    dwarf_scopes_free(&image->scopes);
    dwarf_end(image->dwarf);
    free(image);
}

static int add_function(struct unit *unit, Dwarf_Die *die, struct err *err)
{
    size_t before = unit->functions.items.count;
    int status = ranges_add(&unit->functions, die, (uint32_t)unit->dies.count, err);
    if (status || unit->functions.items.count == before)
        return status;
    return vec_push(&unit->dies, *die) ? err_memory(err) : 0;
}

/* Collects the functions with code below a DIE: directly, and in namespaces. */
static int load_functions(struct unit *unit, Dwarf_Die *parent, unsigned depth, struct err *err)
{
    Dwarf_Die die;
    if (depth > DWARF_SCOPE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
        return 0;
    do {
        int tag = dwarf_tag(&die);
        int status = 0;
        if (tag == DW_TAG_subprogram)
            status = add_function(unit, &die, err);
        else if (tag == DW_TAG_namespace || tag == DW_TAG_module ||
                 (unit->types_hold_functions && (tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
                                                 tag == DW_TAG_enumeration_type)))
            status = load_functions(unit, &die, depth + 1, err);
        if (status)
            return status;
    } while (unit->dies.count < FUNCTION_COUNT_MAX && dwarf_siblingof(&die, &die) == 0);
    return 0;
}

static int unit_load(struct unit *unit, struct err *err)
{
    unit->loaded = true;
    if (dwarf_getsrclines(&unit->die, &unit->lines, &unit->line_count)) {
        unit->lines = NULL;
        unit->line_count = 0;
    }
    if (dwarf_getsrcfiles(&unit->die, &unit->files, &unit->file_count)) {
        unit->files = NULL;
        unit->file_count = 0;
    }
    int status = load_functions(unit, &unit->die, 0, err);
    ranges_sort(&unit->functions);
    return status;
}

static uint64_t line_address(const struct unit *unit, size_t index)
{
    Dwarf_Addr address = 0;
    dwarf_lineaddr(dwarf_onesrcline(unit->lines, index), &address);
    return address;
}

/* Rows are sorted by address; of several at one address the last counts. */
static void find_line(const struct unit *unit, uint64_t address, struct dwarf_answer *answer,
                      struct dwarf_frame *frame)
{
    size_t behind = search_first(i, unit->line_count, line_address(unit, i) > address);
    if (behind < unit->line_count)
        answer->high = num_min(answer->high, line_address(unit, behind));
    if (behind == 0)
        return;
    answer->low = num_max(answer->low, line_address(unit, behind - 1));
    Dwarf_Line *line = dwarf_onesrcline(unit->lines, behind - 1);
    bool end = false;
    int number = 0;
    if (dwarf_lineendsequence(line, &end) || end || dwarf_lineno(line, &number))
        return;
    frame->file = dwarf_linesrc(line, NULL, NULL);
    frame->line = number > 0 ? (uint32_t)number : 0;
}

static const char *die_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = NULL;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
        name = dwarf_formstring(&attribute);
    return name ? name : dwarf_diename(die);
}

static uint64_t die_number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value))
        return 0;
    return value;
}

/* The name of an inlined function, and the place of its call. */
static void scope_look(const struct unit *unit, struct dwarf_scope *scope)
{
    uint64_t file = die_number(&scope->die, DW_AT_call_file);
    scope->is_known = true;
    scope->name = die_name(&scope->die);
    scope->line = (uint32_t)num_min(die_number(&scope->die, DW_AT_call_line), UINT32_MAX);
    if (unit->files && file < unit->file_count)
        scope->file = dwarf_filesrc(unit->files, file, NULL, NULL);
}

/* The place of a call belongs to the frame around it. */
static int push_inlined(const struct unit *unit, struct dwarf_scope *scope, struct dwarf_answer *answer,
                        struct err *err)
{
    struct dwarf_frame *caller = &answer->frames.items[answer->frames.count - 1];
    if (!scope->is_known)
        scope_look(unit, scope);
    caller->file = scope->file ? scope->file : caller->file;
    caller->line = scope->line;
    return vec_push(&answer->frames, (struct dwarf_frame){.name = scope->name}) ? err_memory(err) : 0;
}

static int find_inlined(struct dwarf_image *image, const struct unit *unit, uint64_t address,
                        struct dwarf_answer *answer, struct err *err)
{
    struct dwarf_scope *scopes = image->scopes.scopes.items, *calls[DWARF_SCOPE_DEPTH_MAX];
    size_t count = 0;
    int status = 0;
    for (uint32_t at = dwarf_scopes_find(&image->scopes, address, &answer->low, &answer->high); at;
         at = scopes[at - 1].parent)
        if (scopes[at - 1].is_call && count < DWARF_SCOPE_DEPTH_MAX)
            calls[count++] = &scopes[at - 1];
    while (!status && count)
        status = push_inlined(unit, calls[--count], answer, err);
    return status;
}

/* The function whose scopes are at hand. */
static int load_function(struct dwarf_image *image, struct unit *unit, uint32_t index, struct err *err)
{
    Dwarf_Die *die = &unit->dies.items[index];
    if (image->function == die->addr)
        return 0;
    image->function = NULL;
    image->function_name = die_name(die);
    int status = dwarf_scopes_read(&image->scopes, die, err);
    if (!status)
        image->function = die->addr;
    return status;
}

int dwarf_image_find(struct dwarf_image *image, uint64_t address, struct dwarf_answer *answer,
                     struct err *err)
{
    answer->frames.count = 0;
    const struct range *range = ranges_find(&image->ranges, address);
    if (!range)
        return 0;
    struct unit *unit = &image->units.items[range->index];
    answer->low = num_max(answer->low, range->low);
    answer->high = num_min(answer->high, range->high);
    int status = unit->loaded ? 0 : unit_load(unit, err);
    if (status)
        return status;
    const struct range *function = ranges_find(&unit->functions, address);
    struct dwarf_frame outer = {0};
    if (function) {
        answer->low = num_max(answer->low, function->low);
        answer->high = num_min(answer->high, function->high);
        status = load_function(image, unit, function->index, err);
        outer.name = image->function_name;
    }
    if (status)
        return status;
    if (vec_push(&answer->frames, outer))
        return err_memory(err);
    if (function)
        status = find_inlined(image, unit, address, answer, err);
    if (status)
        return status;
    find_line(unit, address, answer, &answer->frames.items[answer->frames.count - 1]);
    return 0;
}
