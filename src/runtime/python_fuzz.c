/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_fuzz: arbitrary bytes as the memory of a Python process. Addresses wrap around, so that any word is a pointer to
 * something; the first byte chooses the version and which addresses cannot be read.
 */
#include <stdlib.h>
#include <string.h>

#include "python/python_walk.h"
#include "runtime/python_code.h"
#include "runtime/python_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct image {
    uint8_t *bytes;
    size_t length;
    uint64_t hole; /* addresses with this remainder of 16 cannot be read; 16: all can */
};

static bool image_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    const struct image *image = context;
    uint8_t *out = ret_bytes;
    if (address % 16 == image->hole)
        return false;
    for (size_t i = 0; i < size; i++)
        out[i] = image->bytes[(address + i) % image->length];
    return true;
}

static void codes_read(const struct python_memory *memory, const struct python_layout *layout,
                       const struct python_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct python_frame *frame = &stack->frames[i];
        struct python_code code;
        if (!python_code_read(memory, layout, 0, frame->code, &code))
            continue;
        if (!memchr(code.name, 0, sizeof code.name) || !memchr(code.file, 0, sizeof code.file))
            abort();
        volatile uint32_t line =
            python_code_line(&code, python_code_instruction(memory, layout, frame->code, frame->instruction));
        (void)line;
        python_code_free(&code);
    }
}

/* Code of functions of some length each; one of them is the interpreter's. */
static void pieces_join(const uint8_t *bytes, size_t length)
{
    struct python_code_bytes code = {.bytes = bytes, .address = 0x1000, .size = length};
    struct python_range functions[16];
    struct python_place place = {0};
    size_t each = 1 + bytes[0];
    for (size_t i = 0; i < 16; i++)
        functions[i] = (struct python_range){0x1000 + i * each, 0x1000 + (i + 1) * each};
    place.eval[place.eval_count++] = functions[bytes[1] & 15];
    python_pieces_join(&code, functions, 16, &place);
    if (place.eval_count > PYTHON_EVAL_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const uint64_t versions[] = {0x030b02f0, 0x030c01f0, 0x030d00f0, 0x030e00f0, 0x030f00f0};
    struct python_layout layout;
    struct python_stack stack;

    if (length < 64)
        return 0;
    struct image image = {.bytes = malloc(length - 1), .length = length - 1, .hole = bytes[0] >> 2 & 31};
    if (!image.bytes)
        return 0;
    memcpy(image.bytes, bytes + 1, image.length);
    pieces_join(image.bytes, image.length);
    uint64_t version = versions[(bytes[0] & 7) % 5];
    memcpy(image.bytes, "xdebugpy", 8); /* NOLINT(bugprone-not-null-terminated-result): bytes, no text */
    memcpy(image.bytes + 8, &version, sizeof version);
    struct python_memory memory = {.context = &image, .read = image_read};
    if (python_layout_find(version, &memory, 0, &layout)) {
        uint64_t native_id = bytes[1];
        uint64_t thread = python_thread_find(&memory, &layout, 0, native_id);
        for (uint64_t at = thread ? thread : 16; at < 16 + 8 * 4; at += 8)
            if (python_stack_read(&memory, &layout, at, &stack))
                codes_read(&memory, &layout, &stack);
        if (thread && python_stack_read(&memory, &layout, thread, &stack))
            codes_read(&memory, &layout, &stack);
        if (thread && python_stack_read_own(&memory, &layout, thread, &stack))
            codes_read(&memory, &layout, &stack);
        struct python_names names = {.first_line = 1, .lines = bytes[3], .instructions = bytes[4]};
        volatile uint32_t line =
            python_line_find(image.bytes, image.length, 1, bytes[2]) +
            python_line_read(&memory, &layout, &names, names.instructions + 8 * (uint64_t)bytes[5]);
        (void)line;
    }
    free(image.bytes);
    return 0;
}
