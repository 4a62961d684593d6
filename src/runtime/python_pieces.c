/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_pieces.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "base/vec.h"
#include "unwind/cfi.h"

#define JUMP_COUNT_MIN 2 /* into a piece: one may be bytes that only look like a jump */
#define CANDIDATE_MAX  64
#define PIECE_BYTES    (1u << 20) /* at most: the whole function has 84 KiB, and each byte is looked at often */
#define NEAR_JUMP      0xe9
#define TWO_BYTES      0x0f
#define CONDITION_LOW  0x80
#define CONDITION_HIGH 0x8f

struct candidate {
    struct python_range range;
    unsigned jump_count;
};

static int32_t signed_at(const uint8_t *bytes)
{
    int32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static const uint8_t *bytes_of(const struct python_code_bytes *code, const struct python_range *range)
{
    if (range->high <= range->low || range->high - range->low > PIECE_BYTES || range->low < code->address ||
        range->low - code->address > code->size ||
        range->high - range->low > code->size - (range->low - code->address))
        return NULL;
    return code->bytes + (range->low - code->address);
}

/* Where a direct jump at the offset goes to; 0: there is none. Bytes of other instructions may look like one. */
static uint64_t target_at(const struct python_range *range, const uint8_t *bytes, size_t offset)
{
    size_t size = (size_t)(range->high - range->low);
    if (offset + 5 <= size && bytes[offset] == NEAR_JUMP)
        return range->low + offset + 5 + (uint64_t)(int64_t)signed_at(bytes + offset + 1);
    if (offset + 6 <= size && bytes[offset] == TWO_BYTES && bytes[offset + 1] >= CONDITION_LOW &&
        bytes[offset + 1] <= CONDITION_HIGH)
        return range->low + offset + 6 + (uint64_t)(int64_t)signed_at(bytes + offset + 2);
    return 0;
}

/* The function whose middle an address is in: a jump to its beginning may be a call in the place of a return. */
static const struct python_range *middle_of(const struct python_range *functions, size_t count,
                                            uint64_t address)
{
    size_t behind = search_first(i, count, functions[i].low >= address);
    return behind && address < functions[behind - 1].high ? &functions[behind - 1] : NULL;
}

static bool is_known(const struct python_place *place, uint64_t low)
{
    for (size_t i = 0; i < place->eval_count; i++)
        if (place->eval[i].low == low)
            return true;
    return false;
}

static unsigned jumps_into(const struct python_code_bytes *code, const struct python_range *from,
                           const struct python_range *into)
{
    const uint8_t *bytes = bytes_of(code, from);
    unsigned count = 0;
    for (size_t i = 0; bytes && i < from->high - from->low; i++) {
        uint64_t target = target_at(from, bytes, i);
        count += target > into->low && target < into->high;
    }
    return count;
}

static void candidate_note(struct candidate *candidates, size_t *count, const struct python_range *range)
{
    for (size_t i = 0; i < *count; i++)
        if (candidates[i].range.low == range->low) {
            candidates[i].jump_count++;
            return;
        }
    if (*count < CANDIDATE_MAX)
        candidates[(*count)++] = (struct candidate){.range = *range, .jump_count = 1};
}

void python_pieces_join(const struct python_code_bytes *code, const struct python_range *functions,
                        size_t function_count, struct python_place *place)
{
    for (size_t piece = 0; piece < place->eval_count; piece++) {
        struct python_range from = place->eval[piece];
        struct candidate candidates[CANDIDATE_MAX];
        size_t count = 0;
        const uint8_t *bytes = bytes_of(code, &from);
        for (size_t i = 0; bytes && i < from.high - from.low; i++) {
            const struct python_range *into =
                middle_of(functions, function_count, target_at(&from, bytes, i));
            if (into && !is_known(place, into->low))
                candidate_note(candidates, &count, into);
        }
        for (size_t i = 0; i < count && place->eval_count < PYTHON_EVAL_MAX; i++)
            if (candidates[i].jump_count >= JUMP_COUNT_MIN &&
                jumps_into(code, &candidates[i].range, &from) >= JUMP_COUNT_MIN)
                place->eval[place->eval_count++] = candidates[i].range;
    }
}

struct functions {
    VEC(struct python_range) items;
};

static int on_function(void *context, const struct cfi_function *function, bool *ret_wanted, struct err *err)
{
    struct functions *functions = context;
    struct python_range range = {function->low, function->high};
    *ret_wanted = false;
    return vec_push(&functions->items, range) ? err_memory(err) : 0;
}

static int on_row(void *context, uint64_t address, const struct unwind_rule *rule, struct err *err)
{
    (void)context, (void)address, (void)rule, (void)err;
    return 0;
}

static int by_low(const void *left, const void *right)
{
    const struct python_range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

static bool section_has(const GElf_Shdr *header, uint64_t address)
{
    return address >= header->sh_addr && address - header->sh_addr < header->sh_size;
}

int python_pieces_find(const struct elf_image *image, struct python_place *place, struct err *err)
{
    struct cfi_section frames = {0};
    struct python_code_bytes code = {0};
    struct functions functions = {0};
    struct cfi_visitor visitor = {.context = &functions, .function = on_function, .row = on_row};
    GElf_Ehdr file;
    GElf_Shdr header;
    size_t names;

    if (!image->elf || !place->eval_count || !gelf_getehdr(image->elf, &file) ||
        file.e_machine != EM_X86_64 || elf_getshdrstrndx(image->elf, &names))
        return 0;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
            continue;
        const char *name = elf_strptr(image->elf, names, header.sh_name);
        bool has_frames = name && strcmp(name, ".eh_frame") == 0;
        bool has_code = header.sh_flags & SHF_EXECINSTR && section_has(&header, place->eval[0].low);
        const Elf_Data *data = has_frames || has_code ? elf_getdata(section, NULL) : NULL;
        if (data && has_frames)
            frames = (struct cfi_section){data->d_buf, data->d_size, header.sh_addr, false, EM_X86_64};
        else if (data)
            code = (struct python_code_bytes){data->d_buf, header.sh_addr, data->d_size};
    }
    if (!frames.bytes || !code.bytes)
        return 0;
    int status = cfi_visit(&frames, &visitor, err);
    if (!status && functions.items.count) {
        qsort(functions.items.items, functions.items.count, sizeof functions.items.items[0], by_low);
        python_pieces_join(&code, functions.items.items, functions.items.count, place);
    }
    vec_free(&functions.items);
    return status;
}
