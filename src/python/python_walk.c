/* SPDX-License-Identifier: Apache-2.0 */
#include "python/python_walk.h"

#include <string.h>

#define FRAME_BYTES     80
#define INTERPRETER_MAX 64
#define AGAIN_DEPTH     2
#define NAMES_BYTES     32 /* of a code object, from its file's name to its table of lines */
#define NAMES_MIX       0x9e3779b97f4a7c15ull

uint64_t python_thread_find(const struct python_memory *memory, const struct python_layout *layout,
                            uint64_t runtime, uint64_t native_id)
{
    uint64_t interpreter, thread, id;
    unsigned left = PYTHON_THREAD_MAX;

    if (!python_memory_u64(memory, runtime + layout->interpreters_head, &interpreter))
        return 0;
    for (unsigned i = 0; interpreter && i < INTERPRETER_MAX; i++) {
        if (!python_memory_u64(memory, interpreter + layout->threads_head, &thread))
            return 0;
        for (; thread && left; left--) {
            if (!python_memory_u64(memory, thread + layout->thread_native_id, &id))
                return 0;
            if (id == native_id)
                return thread;
            if (!python_memory_u64(memory, thread + layout->thread_next, &thread))
                return 0;
        }
        if (!python_memory_u64(memory, interpreter + layout->interpreter_next, &interpreter))
            return 0;
    }
    return 0;
}

static bool head_read(const struct python_memory *memory, const struct python_layout *layout, uint64_t thread,
                      uint64_t *ret_frame)
{
    uint64_t at = thread + layout->thread_frame;
    if (layout->cframe_frame != PYTHON_ABSENT) {
        if (!python_memory_u64(memory, at, &at) || !at)
            return false;
        at += layout->cframe_frame;
    }
    return python_memory_u64(memory, at, ret_frame);
}

static bool fits(const struct python_layout *layout)
{
    return layout->frame_code <= FRAME_BYTES - 8 && layout->frame_previous <= FRAME_BYTES - 8 &&
           layout->frame_instruction <= FRAME_BYTES - 8 && layout->frame_owner < FRAME_BYTES &&
           (layout->frame_entry == PYTHON_ABSENT || layout->frame_entry < FRAME_BYTES);
}

static uint64_t word_at(const uint8_t *bytes, uint32_t offset)
{
    uint64_t word;
    memcpy(&word, bytes + offset, sizeof word);
    return word;
}

/* Frames from `address` on, `depth_max` at most, without what their code says. */
static bool chain_read(const struct python_memory *memory, const struct python_layout *layout,
                       uint64_t address, size_t depth_max, struct python_stack *stack)
{
    uint8_t bytes[FRAME_BYTES];
    unsigned shims = 0;

    while (address) {
        if (!memory->read(memory->context, address, bytes, FRAME_BYTES))
            return false;
        address = word_at(bytes, layout->frame_previous);
        if (layout->frame_entry == PYTHON_ABSENT && bytes[layout->frame_owner] >= PYTHON_OWNER_INTERPRETER) {
            if (++shims > PYTHON_SHIMS_MAX)
                return false;
            if (stack->count)
                stack->frames[stack->count - 1].is_entry = true;
            continue;
        }
        if (stack->count == depth_max) {
            stack->is_cut = true;
            return true;
        }
        struct python_frame frame = {.code = word_at(bytes, layout->frame_code) & ~PYTHON_TAG_BITS,
                                     .instruction = word_at(bytes, layout->frame_instruction)};
        frame.is_entry = layout->frame_entry != PYTHON_ABSENT && bytes[layout->frame_entry];
        stack->frames[stack->count++] = frame;
    }
    return true;
}

static bool frames_read(const struct python_memory *memory, const struct python_layout *layout,
                        uint64_t address, size_t depth_max, struct python_stack *stack)
{
    if (!chain_read(memory, layout, address, depth_max, stack))
        return false;
    for (size_t i = 0; i < stack->count; i++) {
        struct python_frame *frame = &stack->frames[i];
        if (!python_memory_u64(memory, frame->code + layout->code_linetable, &frame->lines))
            return false;
    }
    return true;
}

static bool each_read(const struct python_memory *memory, const uint64_t *addresses, size_t count,
                      uint8_t *ret_bytes, size_t size)
{
    if (memory->read_each)
        return memory->read_each(memory->context, addresses, count, ret_bytes, size);
    for (size_t i = 0; i < count; i++)
        if (!memory->read(memory->context, addresses[i], ret_bytes + i * size, size))
            return false;
    return true;
}

/* What the code of all frames says, at once. In versions whose names do not lie there only their tables of lines. */
static bool codes_read(const struct python_memory *memory, const struct python_layout *layout,
                       struct python_stack *stack)
{
    uint8_t bytes[PYTHON_DEPTH_MAX * NAMES_BYTES];
    uint64_t addresses[PYTHON_DEPTH_MAX];
    uint32_t file = layout->code_filename, name = layout->code_qualname, lines = layout->code_linetable;
    bool has_names = file < name && name < lines && lines + 8 - file <= NAMES_BYTES;
    uint32_t first = has_names ? file : lines;
    size_t size = lines + 8 - first;

    for (size_t i = 0; i < stack->count; i++)
        addresses[i] = stack->frames[i].code + first;
    if (stack->count && !each_read(memory, addresses, stack->count, bytes, size))
        return false;
    for (size_t i = 0; i < stack->count; i++) {
        const uint8_t *code = bytes + i * size;
        stack->frames[i].lines = word_at(code, lines - first);
        stack->frames[i].names = has_names ? word_at(code, 0) * NAMES_MIX + word_at(code, name - file) : 0;
    }
    return true;
}

bool python_stack_read_own(const struct python_memory *memory, const struct python_layout *layout,
                           uint64_t thread, struct python_stack *ret_stack)
{
    uint64_t head;

    ret_stack->count = 0;
    ret_stack->is_cut = false;
    return fits(layout) && head_read(memory, layout, thread, &head) &&
           chain_read(memory, layout, head, PYTHON_DEPTH_MAX, ret_stack) &&
           codes_read(memory, layout, ret_stack);
}

/* The innermost function and where its caller calls it: what the innermost is at may well go on. */
static bool is_same(const struct python_stack *before, const struct python_stack *after)
{
    const struct python_frame *a = before->frames, *b = after->frames;
    if (!before->count || !after->count)
        return before->count == after->count;
    if (a[0].code != b[0].code || a[0].lines != b[0].lines)
        return false;
    if (before->count == 1 || after->count == 1)
        return before->count == after->count;
    return a[1].code == b[1].code && a[1].instruction == b[1].instruction;
}

bool python_stack_read(const struct python_memory *memory, const struct python_layout *layout,
                       uint64_t thread, struct python_stack *ret_stack)
{
    struct python_stack stack = {0}, again = {0};
    uint64_t before, after;

    if (!fits(layout) || !head_read(memory, layout, thread, &before) ||
        !frames_read(memory, layout, before, PYTHON_DEPTH_MAX, &stack) ||
        !head_read(memory, layout, thread, &after) || after != before ||
        !frames_read(memory, layout, after, AGAIN_DEPTH, &again) || !is_same(&stack, &again))
        return false;
    *ret_stack = stack;
    return true;
}
