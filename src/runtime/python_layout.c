/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_layout.h"

#include <string.h>

#define COOKIE       "xdebugpy"
#define COOKIE_BYTES 8
#define WORD_COUNT   80 /* more than the offsets of any version known */

/* Of PyCodeObject, PyUnicodeObject and PyBytesObject the fields needed lie alike in 3.11 and 3.12, apart from three. */
static const struct python_layout layout_311 = {.version = 0x030b,
                                                .interpreters_head = 40,
                                                .interpreter_next = 0,
                                                .threads_head = 16,
                                                .thread_next = 8,
                                                .thread_id = 152,
                                                .thread_native_id = 160,
                                                .thread_frame = 56,
                                                .cframe_frame = 8,
                                                .frame_code = 32,
                                                .frame_previous = 48,
                                                .frame_instruction = 56,
                                                .frame_owner = 69,
                                                .frame_entry = 68,
                                                .code_filename = 112,
                                                .code_name = 120,
                                                .code_qualname = 128,
                                                .code_linetable = 136,
                                                .code_firstlineno = 72,
                                                .code_instructions = 184,
                                                .text_length = 16,
                                                .text_state = 32,
                                                .text_data = 48,
                                                .text_kind_shift = 2,
                                                .bytes_size = 16,
                                                .bytes_data = 32,
                                                .gil_holder = 368};

static const struct python_layout layout_312 = {.version = 0x030c,
                                                .interpreters_head = 40,
                                                .interpreter_next = 0,
                                                .threads_head = 72,
                                                .thread_next = 8,
                                                .thread_id = 136,
                                                .thread_native_id = 144,
                                                .thread_frame = 56,
                                                .cframe_frame = 0,
                                                .frame_code = 0,
                                                .frame_previous = 8,
                                                .frame_instruction = 56,
                                                .frame_owner = 70,
                                                .frame_entry = PYTHON_ABSENT,
                                                .code_filename = 112,
                                                .code_name = 120,
                                                .code_qualname = 128,
                                                .code_linetable = 136,
                                                .code_firstlineno = 68,
                                                .code_instructions = 192,
                                                .text_length = 16,
                                                .text_state = 32,
                                                .text_data = 40,
                                                .text_kind_shift = 2,
                                                .bytes_size = 16,
                                                .bytes_data = 32,
                                                .gil_holder = 76392 + 1048};

/* Where the offsets lie in _Py_DebugOffsets, in words of 8 bytes: cookie, version, free_threaded, then these. */
struct debug_words {
    unsigned runtime_size, interpreters_head;
    unsigned interpreter_size, interpreter_next, threads_head, gil_holder;
    unsigned thread_next, thread_frame, thread_id, thread_native_id;
    unsigned frame_previous, frame_code, frame_instruction, frame_owner;
    unsigned code_filename, code_name, code_qualname, code_linetable, code_firstlineno, code_instructions;
    unsigned bytes_size, bytes_data;
    unsigned text_state, text_length, text_data;
};

static const struct debug_words words_313 = {.runtime_size = 3,
                                             .interpreters_head = 5,
                                             .interpreter_size = 6,
                                             .interpreter_next = 8,
                                             .threads_head = 9,
                                             .gil_holder = 18,
                                             .thread_next = 21,
                                             .thread_frame = 23,
                                             .thread_id = 24,
                                             .thread_native_id = 25,
                                             .frame_previous = 29,
                                             .frame_code = 30,
                                             .frame_instruction = 31,
                                             .frame_owner = 33,
                                             .code_filename = 35,
                                             .code_name = 36,
                                             .code_qualname = 37,
                                             .code_linetable = 38,
                                             .code_firstlineno = 39,
                                             .code_instructions = 43,
                                             .bytes_size = 65,
                                             .bytes_data = 66,
                                             .text_state = 68,
                                             .text_length = 69,
                                             .text_data = 70};

static bool offset_of(const uint64_t *words, unsigned at, uint32_t *ret_offset)
{
    if (words[at] >= PYTHON_OFFSET_MAX)
        return false;
    *ret_offset = (uint32_t)words[at];
    return true;
}

/* The main interpreter is the last field of _PyRuntime, from 3.12 on. */
static bool holder_of(const uint64_t *words, const struct debug_words *at, uint32_t *ret_offset)
{
    uint32_t runtime, interpreter, holder;
    if (!offset_of(words, at->runtime_size, &runtime) ||
        !offset_of(words, at->interpreter_size, &interpreter) || interpreter > runtime ||
        !offset_of(words, at->gil_holder, &holder) || holder >= interpreter)
        return false;
    *ret_offset = runtime - interpreter + holder;
    return true;
}

static bool layout_told(const uint64_t *words, const struct debug_words *at, struct python_layout *layout)
{
    return offset_of(words, at->interpreters_head, &layout->interpreters_head) &&
           offset_of(words, at->interpreter_next, &layout->interpreter_next) &&
           offset_of(words, at->threads_head, &layout->threads_head) &&
           offset_of(words, at->thread_next, &layout->thread_next) &&
           offset_of(words, at->thread_frame, &layout->thread_frame) &&
           offset_of(words, at->thread_id, &layout->thread_id) &&
           offset_of(words, at->thread_native_id, &layout->thread_native_id) &&
           offset_of(words, at->frame_previous, &layout->frame_previous) &&
           offset_of(words, at->frame_code, &layout->frame_code) &&
           offset_of(words, at->frame_instruction, &layout->frame_instruction) &&
           offset_of(words, at->frame_owner, &layout->frame_owner) &&
           offset_of(words, at->code_filename, &layout->code_filename) &&
           offset_of(words, at->code_name, &layout->code_name) &&
           offset_of(words, at->code_qualname, &layout->code_qualname) &&
           offset_of(words, at->code_linetable, &layout->code_linetable) &&
           offset_of(words, at->code_firstlineno, &layout->code_firstlineno) &&
           offset_of(words, at->code_instructions, &layout->code_instructions) &&
           offset_of(words, at->bytes_size, &layout->bytes_size) &&
           offset_of(words, at->bytes_data, &layout->bytes_data) &&
           offset_of(words, at->text_state, &layout->text_state) &&
           offset_of(words, at->text_length, &layout->text_length) &&
           offset_of(words, at->text_data, &layout->text_data) && holder_of(words, at, &layout->gil_holder);
}

bool python_layout_find(uint64_t version_hex, const struct python_memory *memory, uint64_t runtime,
                        struct python_layout *ret_layout)
{
    uint64_t words[WORD_COUNT];
    uint32_t version = (uint32_t)(version_hex >> 16);
    if (version == layout_311.version || version == layout_312.version) {
        *ret_layout = version == layout_311.version ? layout_311 : layout_312;
        return true;
    }
    if (version != 0x030d || !memory->read(memory->context, runtime, words, sizeof words) ||
        memcmp(words, COOKIE, COOKIE_BYTES) != 0 || words[1] >> 16 != version)
        return false;
    struct python_layout layout = {.version = version,
                                   .cframe_frame = PYTHON_ABSENT,
                                   .frame_entry = PYTHON_ABSENT,
                                   .text_kind_shift = 2};
    if (!layout_told(words, &words_313, &layout))
        return false;
    *ret_layout = layout;
    return true;
}
