/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_layout: where CPython keeps what is needed to tell what a thread runs: 3.11 and 3.12 by their released headers
 * (the same in every patch release), 3.13 to 3.15 by the offsets that the interpreter tells itself at the beginning of
 * _PyRuntime (_Py_DebugOffsets).
 *
 * _PyRuntime → interpreters → thread states → innermost frame → its callers. A frame has its code object and the
 * instruction that it is at. One call of _PyEval_EvalFrameDefault on the native stack runs several frames, where Python
 * calls Python: the outermost of them is marked (3.11: is_entry), or followed by a frame of the interpreter's own.
 */
#ifndef TOLL_PYTHON_LAYOUT_H
#define TOLL_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "python/python_memory.h"

#define PYTHON_VERSIONS    "3.11 to 3.15" /* whose layout is known */
#define PYTHON_PARKS_SINCE 0x030du
#define PYTHON_ABSENT      UINT32_MAX
#define PYTHON_OFFSET_MAX  (1u << 24) /* of a field in its struct */

struct python_layout {
    uint32_t version; /* 0x030b: 3.11 */
    /* offsets in bytes; PYTHON_ABSENT where that version has no such field */
    uint32_t interpreters_head; /* in _PyRuntime */
    uint32_t interpreter_next, threads_head;
    uint32_t thread_next, thread_id, thread_native_id;
    uint32_t thread_frame; /* the innermost frame; 3.11, 3.12: a struct that holds it at cframe_frame */
    uint32_t cframe_frame;
    uint32_t frame_code, frame_previous, frame_instruction, frame_owner;
    uint32_t frame_entry; /* 3.11: a byte that says that the frame is the outermost of its call */
    uint32_t code_filename, code_name, code_qualname, code_linetable, code_firstlineno, code_instructions;
    uint32_t text_length, text_state, text_data;
    uint32_t text_kind_shift; /* in the state: three bits of kind, then compact, then ascii */
    uint32_t bytes_size, bytes_data;
    uint32_t object_type, object_size; /* of any object: the address of its type, the bytes of its head */
    uint32_t
        code_copies;     /* free-threaded: the address of a list of copies of the instructions, for threads */
    uint32_t gil_holder; /* in _PyRuntime: the thread state that has or last had the lock */
    uint32_t gil_enabled; /* free-threaded, in _PyRuntime: an int, 0 where there is no lock at all */
};

#define PYTHON_OWNER_INTERPRETER 3 /* owners from here on: a frame that is no function's */
#define PYTHON_TAG_BITS          7ull /* of an object's address: 3.14 and newer say in them how a frame holds it */

/* The layout of a version (PY_VERSION_HEX). `runtime`: the address of _PyRuntime, whose first bytes are asked for from
 * 3.13 on. False where that version is not known, or its offsets make no sense. */
bool python_layout_find(uint64_t version_hex, const struct python_memory *memory, uint64_t runtime,
                        struct python_layout *ret_layout);

#endif
