/* SPDX-License-Identifier: Apache-2.0 */
#include "python/python_layout.h"

#include <string.h>

#define COOKIE       "xdebugpy"
#define COOKIE_BYTES 8
#define WORD_COUNT   96 /* up to the last offset needed of any version known */

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
                                                .object_type = 8,
                                                .object_size = 16,
                                                .code_copies = PYTHON_ABSENT,
                                                .gil_enabled = PYTHON_ABSENT,
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
                                                .object_type = 8,
                                                .object_size = 16,
                                                .code_copies = PYTHON_ABSENT,
                                                .gil_enabled = PYTHON_ABSENT,
                                                .gil_holder = 76392 + 1048};

/* Where the offsets lie in _Py_DebugOffsets, in words of 8 bytes: cookie, version, free_threaded, then these. Later
 * versions put words between those of earlier ones. */
struct debug_words {
    uint32_t version;
    unsigned thread, thread_id, frame, code, object, bytes; /* where the words of those structs begin */
    unsigned gil; /* of an interpreter's lock: its state, and in that enabled; locked, holder */
    unsigned frame_owner;
    unsigned code_copies; /* 0: it has no such word */
};

#define WORD_VERSION           1
#define WORD_FREE_THREADED     2
#define WORD_RUNTIME_SIZE      3
#define WORD_INTERPRETERS_HEAD 5
#define WORD_INTERPRETER_SIZE  6
#define WORD_INTERPRETER_NEXT  8
#define WORD_THREADS_HEAD      9

static const struct debug_words words_known[] = {
    {.version = 0x030d,
     .gil = 15,
     .thread = 19,
     .thread_id = 24,
     .frame = 28,
     .frame_owner = 33,
     .code = 34,
     .object = 44,
     .bytes = 64},
    {.version = 0x030e,
     .gil = 16,
     .thread = 22,
     .thread_id = 27,
     .frame = 31,
     .frame_owner = 36,
     .code = 39,
     .code_copies = 49,
     .object = 50,
     .bytes = 74},
    {.version = 0x030f,
     .gil = 16,
     .thread = 22,
     .thread_id = 30,
     .frame = 39,
     .frame_owner = 44,
     .code = 47,
     .code_copies = 57,
     .object = 58,
     .bytes = 86},
};

static bool offset_of(const uint64_t *words, unsigned at, uint32_t *ret_offset)
{
    if (words[at] >= PYTHON_OFFSET_MAX)
        return false;
    *ret_offset = (uint32_t)words[at];
    return true;
}

/* In the main interpreter, which is the last field of _PyRuntime from 3.12 on. */
static bool main_offset(const uint64_t *words, unsigned at, uint32_t *ret_offset)
{
    uint32_t runtime, interpreter, offset;
    if (!offset_of(words, WORD_RUNTIME_SIZE, &runtime) ||
        !offset_of(words, WORD_INTERPRETER_SIZE, &interpreter) || interpreter > runtime ||
        !offset_of(words, at, &offset) || offset >= interpreter)
        return false;
    *ret_offset = runtime - interpreter + offset;
    return true;
}

static bool thread_told(const uint64_t *words, const struct debug_words *at, struct python_layout *layout)
{
    return offset_of(words, at->thread + 2, &layout->thread_next) &&
           offset_of(words, at->thread + 4, &layout->thread_frame) &&
           offset_of(words, at->thread_id, &layout->thread_id) &&
           offset_of(words, at->thread_id + 1, &layout->thread_native_id) &&
           offset_of(words, at->frame + 1, &layout->frame_previous) &&
           offset_of(words, at->frame + 2, &layout->frame_code) &&
           offset_of(words, at->frame + 3, &layout->frame_instruction) &&
           offset_of(words, at->frame_owner, &layout->frame_owner);
}

static bool objects_told(const uint64_t *words, const struct debug_words *at, struct python_layout *layout)
{
    unsigned text = at->bytes + 3;
    return offset_of(words, at->code + 1, &layout->code_filename) &&
           offset_of(words, at->code + 2, &layout->code_name) &&
           offset_of(words, at->code + 3, &layout->code_qualname) &&
           offset_of(words, at->code + 4, &layout->code_linetable) &&
           offset_of(words, at->code + 5, &layout->code_firstlineno) &&
           offset_of(words, at->code + 9, &layout->code_instructions) &&
           offset_of(words, at->object, &layout->object_size) &&
           offset_of(words, at->object + 1, &layout->object_type) &&
           offset_of(words, at->bytes + 1, &layout->bytes_size) &&
           offset_of(words, at->bytes + 2, &layout->bytes_data) &&
           offset_of(words, text + 1, &layout->text_state) &&
           offset_of(words, text + 2, &layout->text_length) && offset_of(words, text + 3, &layout->text_data);
}

/* A build without the GIL: it may be switched on all the same, threads may run copies of a function's instructions, and
 * a str object counts its kind from another bit on. */
static bool free_threaded_told(const uint64_t *words, const struct debug_words *at,
                               struct python_layout *layout)
{
    if (!words[WORD_FREE_THREADED])
        return true;
    if (at->code_copies) {
        layout->text_kind_shift = 8;
        if (!offset_of(words, at->code_copies, &layout->code_copies))
            return false;
    }
    uint32_t enabled;
    if (!main_offset(words, at->gil, &layout->gil_enabled) || !offset_of(words, at->gil + 1, &enabled))
        return false;
    layout->gil_enabled += enabled;
    return true;
}

static const struct debug_words *words_of(uint32_t version)
{
    for (size_t i = 0; i < sizeof words_known / sizeof words_known[0]; i++)
        if (words_known[i].version == version)
            return &words_known[i];
    return NULL;
}

static bool layout_told(const uint64_t *words, const struct debug_words *at, struct python_layout *ret_layout)
{
    struct python_layout layout = {.version = at->version,
                                   .cframe_frame = PYTHON_ABSENT,
                                   .frame_entry = PYTHON_ABSENT,
                                   .code_copies = PYTHON_ABSENT,
                                   .gil_enabled = PYTHON_ABSENT,
                                   .text_kind_shift = 2};
    if (!offset_of(words, WORD_INTERPRETERS_HEAD, &layout.interpreters_head) ||
        !offset_of(words, WORD_INTERPRETER_NEXT, &layout.interpreter_next) ||
        !offset_of(words, WORD_THREADS_HEAD, &layout.threads_head) || !thread_told(words, at, &layout) ||
        !objects_told(words, at, &layout) || !main_offset(words, at->gil + 3, &layout.gil_holder) ||
        !free_threaded_told(words, at, &layout))
        return false;
    *ret_layout = layout;
    return true;
}

bool python_layout_find(uint64_t version_hex, const struct python_memory *memory, uint64_t runtime,
                        struct python_layout *ret_layout)
{
    uint64_t words[WORD_COUNT];
    uint32_t version = (uint32_t)(version_hex >> 16);
    const struct debug_words *at = words_of(version);
    if (version == layout_311.version || version == layout_312.version) {
        *ret_layout = version == layout_311.version ? layout_311 : layout_312;
        return true;
    }
    return at && memory->read(memory->context, runtime, words, sizeof words) &&
           memcmp(words, COOKIE, COOKIE_BYTES) == 0 && words[WORD_VERSION] >> 16 == version &&
           layout_told(words, at, ret_layout);
}
