/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unwind_fuzz: arbitrary bytes as an ELF file, when they begin like one, else as a frame section: the first byte chooses
 * machine and kind. What becomes of them is looked through, and walked with.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/table_build.h"
#include "unwind/unwind_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct memory {
    const uint8_t *bytes;
    size_t size;
};

static bool memory_read(void *context, uint64_t offset, void *buffer, size_t size)
{
    const struct memory *memory = context;
    if (offset > memory->size || size > memory->size - offset)
        return false;
    memcpy(buffer, memory->bytes + offset, size);
    return true;
}

static bool find(void *context, uint64_t address, struct unwind_code *ret_code)
{
    (void)address;
    *ret_code = (struct unwind_code){.table = context};
    return true;
}

/* From some places of the table, over a stack of its own bytes. */
static void walk_some(struct unwind_table *table, const uint8_t *bytes, size_t length)
{
    uint64_t addresses[64];
    enum unwind_end end;

    for (uint32_t row = 0; row < table->row_count; row += 1 + table->row_count / 16) {
        struct unwind_input input = {
            .registers = {.ip = table->places[row], .sp = 4096, .bp = 4096 + 64, .lr = 1},
            .stack = {.bytes = bytes, .size = length, .address = 4096},
            .find = find,
            .context = table};
        if (unwind_walk(&input, addresses, 64, &end) > 64 || end > UNWIND_FULL)
            abort();
    }
}

static void table_check(void *file, size_t size, const uint8_t *bytes, size_t length)
{
    struct unwind_table table;

    if (!file)
        return;
    if (!unwind_table_open(file, size, &table))
        abort();
    for (uint32_t row = 0; row < table.row_count; row++) {
        if (row && table.places[row] <= table.places[row - 1])
            abort();
        const struct unwind_rule *rule = unwind_table_find(&table, table.places[row]);
        if ((rule == NULL) != (table.rule_indexes[row] == 0) ||
            (rule && rule != &table.rules[table.rule_indexes[row]]))
            abort();
    }
    walk_some(&table, bytes, length);
}

static void try_image(const struct frame_file *file, const struct frame_image *image, const uint8_t *bytes,
                      size_t length)
{
    void *table;
    size_t size;
    if (table_build(file, image, &table, &size, NULL) == 0) {
        table_check(table, size, bytes, length);
        free(table);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct memory memory = {bytes, length};
    const struct frame_file file = {.read = memory_read, .context = &memory};
    struct frame_image image = {0};
    struct cfi_section section = {.size = length - 1, .address = 0x1000};
    struct frame_segment all = {.offset = 0, .size = UINT32_MAX, .address = 0};

    if (length < 2)
        return 0;
    if (length > SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0) {
        if (frame_image_read(&file, &image, NULL) == 0)
            try_image(&file, &image, bytes, length);
    } else if (vec_push(&image.segments, all) == 0) {
        image.machine = section.machine = bytes[0] & 2 ? EM_AARCH64 : EM_X86_64;
        section.is_debug = bytes[0] & 1;
        *(section.is_debug ? &image.debug : &image.exceptions) = section;
        image.debug_offset = image.exceptions_offset = 1;
        try_image(&file, &image, bytes, length);
    }
    frame_image_free(&image);
    return 0;
}
