/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/gc_points.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "symbol/elf_image.h"

#define NOTE_TYPE     3 /* NT_STAPSDT */
#define NOTE_OWNER    "stapsdt"
#define NOTE_SECTION  ".note.stapsdt"
#define BASE_SECTION  ".stapsdt.base"
#define NOTE_MAX      65536
#define SYMBOL_MAX    4000000u
#define ADDRESS_COUNT 3

struct known_probe {
    const char *provider, *name;
    enum gc_role role;
    enum gc_runtime runtime;
};

static const struct known_probe known_probes[] = {{"python", "gc__start", GC_BEGINS, GC_PYTHON},
                                                  {"python", "gc__done", GC_ENDS, GC_PYTHON},
                                                  {"hotspot", "gc__begin", GC_BEGINS, GC_HOTSPOT},
                                                  {"hotspot", "gc__end", GC_ENDS, GC_HOTSPOT}};

/* The beginning of a mangled name; node 18 and newer have them among the symbols that they export. */
struct known_function {
    const char *name;
    enum gc_role role;
    const char *kind, *generation;
};

static const struct known_function known_functions[] = {
    {"_ZN2v88internal8GCTracer20StartObservablePauseE", GC_BEGINS, NULL, NULL},
    {"_ZN2v88internal8GCTracer19StopObservablePauseE", GC_ENDS, NULL, NULL},
    {"_ZN2v88internal4Heap8ScavengeEv", GC_IS, "scavenge", "young"},
    {"_ZN2v88internal4Heap11MarkCompactEv", GC_IS, "mark-compact", "full"},
    {"_ZN2v88internal4Heap16MinorMarkCompactEv", GC_IS, "minor mark-compact", "young"},
    {"_ZN2v88internal4Heap14MinorMarkSweepEv", GC_IS, "minor mark-sweep", "young"}};

/* --- arguments --- */

struct register_name {
    const char *name;
    unsigned bit;
};

#if defined(__x86_64__)
static const struct register_name register_names[] = {
    {"rax", PERF_REG_X86_AX},   {"eax", PERF_REG_X86_AX},   {"al", PERF_REG_X86_AX},
    {"rbx", PERF_REG_X86_BX},   {"ebx", PERF_REG_X86_BX},   {"bl", PERF_REG_X86_BX},
    {"rcx", PERF_REG_X86_CX},   {"ecx", PERF_REG_X86_CX},   {"cl", PERF_REG_X86_CX},
    {"rdx", PERF_REG_X86_DX},   {"edx", PERF_REG_X86_DX},   {"dl", PERF_REG_X86_DX},
    {"rsi", PERF_REG_X86_SI},   {"esi", PERF_REG_X86_SI},   {"sil", PERF_REG_X86_SI},
    {"rdi", PERF_REG_X86_DI},   {"edi", PERF_REG_X86_DI},   {"dil", PERF_REG_X86_DI},
    {"rbp", PERF_REG_X86_BP},   {"ebp", PERF_REG_X86_BP},   {"rsp", PERF_REG_X86_SP},
    {"r8", PERF_REG_X86_R8},    {"r8d", PERF_REG_X86_R8},   {"r8b", PERF_REG_X86_R8},
    {"r9", PERF_REG_X86_R9},    {"r9d", PERF_REG_X86_R9},   {"r9b", PERF_REG_X86_R9},
    {"r10", PERF_REG_X86_R10},  {"r10d", PERF_REG_X86_R10}, {"r11", PERF_REG_X86_R11},
    {"r11d", PERF_REG_X86_R11}, {"r12", PERF_REG_X86_R12},  {"r12d", PERF_REG_X86_R12},
    {"r13", PERF_REG_X86_R13},  {"r13d", PERF_REG_X86_R13}, {"r14", PERF_REG_X86_R14},
    {"r14d", PERF_REG_X86_R14}, {"r15", PERF_REG_X86_R15},  {"r15d", PERF_REG_X86_R15},
    {"r12b", PERF_REG_X86_R12}};
#define STACK_REGISTER PERF_REG_X86_SP
#else
static const struct register_name register_names[] = {{"", 0}};
#define STACK_REGISTER 63
#endif

static bool register_of(const char *name, size_t length, uint64_t *ret_bit)
{
    for (size_t i = 0; i < sizeof register_names / sizeof register_names[0]; i++)
        if (length && strlen(register_names[i].name) == length &&
            memcmp(register_names[i].name, name, length) == 0) {
            *ret_bit = 1ull << register_names[i].bit;
            return true;
        }
    return false;
}

struct gc_argument gc_argument_of(const char *text)
{
    struct gc_argument argument = {0}, unknown = {0};
    char *rest;
    long size = strtol(text, &rest, 10);

    if (rest == text || *rest != '@' || size == 0 || size < -8 || size > 8)
        return unknown;
    argument.is_signed = size < 0;
    argument.bytes = (uint32_t)labs(size);
    const char *place = rest + 1;
    if (*place == '%') {
        argument.is_known = register_of(place + 1, strcspn(place + 1, " "), &argument.register_bit);
        return argument.is_known ? argument : unknown;
    }
    long offset = strtol(place, &rest, 10);
    if (*rest != '(' || rest[1] != '%' || offset < 0 || offset > UPROBE_STACK_MAX - 8 ||
        !register_of(rest + 2, strcspn(rest + 2, ") "), &argument.register_bit) ||
        argument.register_bit != 1ull << STACK_REGISTER)
        return unknown;
    argument.is_known = argument.is_memory = true;
    argument.offset = (int32_t)offset;
    return argument;
}

void gc_point_wants(const struct gc_point *point, struct uprobe_point *ret_wanted)
{
    const struct gc_argument *argument = &point->argument;
    ret_wanted->offset = point->offset;
    ret_wanted->counter_offset = point->counter_offset;
    if (!argument->is_known)
        return;
    ret_wanted->registers = argument->register_bit; /* a stack is told with registers alone */
    if (argument->is_memory)
        ret_wanted->stack_bytes = (uint32_t)argument->offset + 8;
}

bool gc_argument_value(const struct gc_argument *argument, const struct uprobe_hit *hit, int64_t *ret_value)
{
    uint64_t value = hit->registers[0];

    if (!argument->is_known)
        return false;
    if (argument->is_memory) {
        if ((size_t)argument->offset + 8 > hit->stack_bytes)
            return false;
        memcpy(&value, (const uint8_t *)hit->stack + argument->offset, sizeof value);
    }
    unsigned shift = 64 - 8 * argument->bytes;
    value <<= shift;
    *ret_value = argument->is_signed ? (int64_t)value >> shift : (int64_t)(value >> shift);
    return true;
}

/* --- the file --- */

static void point_add(struct gc_points *points, const struct elf_image *image, const struct gc_point *point,
                      const uint64_t *addresses)
{
    struct gc_point found = *point;

    if (points->count == GC_POINT_MAX || !elf_image_offset(image, addresses[0], &found.offset))
        return;
    if (addresses[1] && !elf_image_offset(image, addresses[1], &found.counter_offset))
        return;
    for (size_t i = 0; i < points->count; i++)
        if (points->items[i].offset == found.offset)
            return; /* in both symbol tables */
    points->items[points->count++] = found;
}

/* One note: three addresses, provider, name and arguments, each with its end. */
static void note_read(struct gc_points *points, const struct elf_image *image, const char *bytes, size_t size,
                      uint64_t moved)
{
    uint64_t addresses[ADDRESS_COUNT];
    const char *texts[3], *at = bytes + sizeof addresses, *end = bytes + size;

    if (size < sizeof addresses)
        return;
    memcpy(addresses, bytes, sizeof addresses);
    for (size_t i = 0; i < 3; i++) {
        const char *text_end = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
        if (!text_end)
            return;
        texts[i] = at;
        at = text_end + 1;
    }
    uint64_t base = moved ? moved - addresses[1] : 0; /* the file was linked to another place later */
    uint64_t places[] = {addresses[0] + base, addresses[2] ? addresses[2] + base : 0};
    for (size_t i = 0; i < sizeof known_probes / sizeof known_probes[0]; i++) {
        const struct known_probe *probe = &known_probes[i];
        if (strcmp(texts[0], probe->provider) != 0 || strcmp(texts[1], probe->name) != 0)
            continue;
        struct gc_point point = {.role = probe->role, .runtime = probe->runtime};
        if (probe->role == GC_BEGINS)
            point.argument = gc_argument_of(texts[2]);
        point_add(points, image, &point, places);
    }
}

static void notes_read(struct gc_points *points, const struct elf_image *image, Elf_Scn *section,
                       uint64_t moved)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Nhdr header;
    size_t name_at, text_at, at = 0;

    for (size_t count = 0; data && count < NOTE_MAX; count++) {
        size_t next = gelf_getnote(data, at, &header, &name_at, &text_at);
        if (!next)
            return;
        const char *bytes = data->d_buf;
        if (header.n_type == NOTE_TYPE && header.n_namesz == sizeof NOTE_OWNER &&
            memcmp(bytes + name_at, NOTE_OWNER, sizeof NOTE_OWNER) == 0)
            note_read(points, image, bytes + text_at, header.n_descsz, moved);
        at = next;
    }
}

static void symbols_read(struct gc_points *points, const struct elf_image *image, Elf_Scn *section,
                         const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    uint64_t count = header->sh_entsize ? num_min(header->sh_size / header->sh_entsize, SYMBOL_MAX) : 0;
    GElf_Sym symbol;

    for (uint64_t i = 0; data && i < count; i++) {
        if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
            continue;
        const char *name = elf_strptr(image->elf, header->sh_link, symbol.st_name);
        if (!name || !str_starts(name, "_ZN2v88internal"))
            continue;
        for (size_t k = 0; k < sizeof known_functions / sizeof known_functions[0]; k++) {
            const struct known_function *function = &known_functions[k];
            struct gc_point point = {.role = function->role,
                                     .runtime = GC_V8,
                                     .kind = function->kind,
                                     .generation = function->generation};
            if (str_starts(name, function->name))
                point_add(points, image, &point, (uint64_t[]){symbol.st_value, 0});
        }
    }
}

static const char *section_name(const struct elf_image *image, const GElf_Shdr *header)
{
    size_t names;
    const char *name =
        elf_getshdrstrndx(image->elf, &names) ? NULL : elf_strptr(image->elf, names, header->sh_name);
    return name ? name : "";
}

static void image_read(struct gc_points *points, const struct elf_image *image)
{
    GElf_Shdr header;
    uint64_t moved = 0;

    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));)
        if (gelf_getshdr(section, &header) && strcmp(section_name(image, &header), BASE_SECTION) == 0)
            moved = header.sh_addr;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header))
            continue;
        if (header.sh_type == SHT_NOTE && strcmp(section_name(image, &header), NOTE_SECTION) == 0)
            notes_read(points, image, section, moved);
        else if (header.sh_type == SHT_DYNSYM)
            symbols_read(points, image, section, &header);
    }
}

void gc_points_of(int fd, struct gc_points *ret_points)
{
    struct elf_image image;
    struct err ignored;
    bool begins = false, ends = false;

    *ret_points = (struct gc_points){0};
    if (elf_image_open(fd, &image, &ignored))
        return;
    if (image.elf)
        image_read(ret_points, &image);
    elf_image_close(&image);
    for (size_t i = 0; i < ret_points->count; i++) {
        begins = begins || ret_points->items[i].role == GC_BEGINS;
        ends = ends || ret_points->items[i].role == GC_ENDS;
    }
    if (!begins || !ends)
        ret_points->count = 0;
}
