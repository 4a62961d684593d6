/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast: who and what a recording is about: its tracks, programs, functions, stacks and peers in memory. What they did (samples,
 * waits, spans, points: the tables that grow with the run's length) stays in the view and is scanned.
 *
 * Texts point into the view, which must outlive the cast; equal texts have equal addresses. Everything is an index: id - 1.
 */
#ifndef TOLL_EXPORT_CAST_H
#define TOLL_EXPORT_CAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "model/view.h"

#define CAST_NONE      UINT32_MAX
#define CAST_DEPTH_MAX 1024 /* frames of one stack; outer ones are cut */

/* One program image of a process. */
struct cast_image {
    uint64_t start_ns;
    const char *name;
};

struct cast_track {
    const char *name;
    uint64_t pid, tid; /* made up of the track's id where it has none, so that every track has its own */
    uint64_t start_ns, end_ns; /* end_ns is the recording's end when the track was still open */
    uint32_t parent;           /* CAST_NONE */
    uint32_t
        process; /* the process that it belongs to, itself for one; the outermost track where there is no process */
    uint8_t kind;
    bool is_present;
    VEC(struct cast_image) images; /* of a process, by time */
};

struct cast_frame {
    const char *function, *file, *module; /* "" when not known */
    uint64_t address;
    uint32_t line;
    bool is_inlined;
};

/* A file of frames. */
struct cast_module {
    const char *name, *build_id; /* hex digits, two for each of BUILD_ID_BYTES_MAX bytes at most */
};

#define BUILD_ID_BYTES_MAX 32

struct cast_stack {
    uint32_t parent; /* CAST_NONE at the root; a larger index where it was told later */
    uint32_t frame;
};

struct cast_peer {
    uint64_t kind;
    const char *label; /* its address, its path, else its name; "" */
};

struct cast {
    const struct view *view;
    uint64_t start_ns, end_ns; /* of the run */
    const char *unit;          /* of samples' weights: "ns"; of an import also "cycles", "count", … */
    uint64_t unit_scale;       /* weights are so many times the unit; 1 */
    const char *command;       /* the command's words with blanks between, in the cast's own memory */
    struct str command_text;
    VEC(struct cast_track) tracks;
    VEC(struct cast_frame) frames;
    VEC(struct cast_stack) stacks;
    VEC(struct cast_peer) peers;
    VEC(struct cast_module) modules; /* whose build-id is known */
};

/* ERR_INPUT for an id over what fits in memory. */
WARN_UNUSED int cast_load(const struct view *view, struct cast *ret_cast, struct err *err);
void cast_free(struct cast *cast);

/* The index of a track, a stack, a peer that is there; else CAST_NONE. */
uint32_t cast_track(const struct cast *cast, uint64_t id);
uint32_t cast_stack(const struct cast *cast, uint64_t id);
uint32_t cast_peer(const struct cast *cast, uint64_t id);

/* The program that a track was at `t`; a fork that has not executed anything is its parent's. "" when it is not known. */
const char *cast_program(const struct cast *cast, uint32_t track, uint64_t t);

/* The frames of a stack, the innermost first; how many. */
size_t cast_chain(const struct cast *cast, uint32_t stack, uint32_t ret_frames[CAST_DEPTH_MAX]);

/* A frame's function, "[unknown]" where it has no name; any index. */
const char *cast_function(const struct cast *cast, uint32_t frame);

/* The build-id of a frame's module, "" when it is not known; as bytes, of which ret_bytes holds so many. */
const char *cast_build_id(const struct cast *cast, const char *module);
size_t cast_build_id_bytes(const struct cast *cast, const char *module,
                           uint8_t ret_bytes[BUILD_ID_BYTES_MAX]);

/* "[wait: network 127.0.0.1:8080]": the frame that stands for a wait, innermost in its stack. */
void cast_wait_frame(const struct cast *cast, uint64_t reason, uint32_t peer, struct str *str);

/* Whether weights are CPU time. */
bool cast_has_time(const struct cast *cast);

/* Nanoseconds since the run's start, 0 before it. */
static inline uint64_t cast_since(const struct cast *cast, uint64_t t)
{
    return t > cast->start_ns ? t - cast->start_ns : 0;
}

#endif
