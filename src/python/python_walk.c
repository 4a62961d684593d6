/* SPDX-License-Identifier: Apache-2.0 */
#include "python/python_walk.h"

#include <string.h>

#define FRAME_BYTES     80
#define INTERPRETER_MAX 64
#define AGAIN_DEPTH     2

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

/* Frames from `address` on, `depth_max` at most. */
static bool frames_read(const struct python_memory *memory, const struct python_layout *layout,
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
        if (!python_memory_u64(memory, frame.code + layout->code_linetable, &frame.lines))
            return false;
        stack->frames[stack->count++] = frame;
    }
    return true;
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
