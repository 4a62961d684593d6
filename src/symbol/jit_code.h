/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jit_code: what a just-in-time compiler tells of the code that it made: perf-PID.map ("START SIZE NAME", numbers in
 * hex) and jitdump (jit-PID.dump).
 *
 * A compiler gives up code and puts other code in the same place, so each answer holds from when the code was there
 * until something else was. Times are those of the source: nanoseconds of CLOCK_MONOTONIC for a dump; for a map,
 * which tells none, the number of bytes that it had: an entry that was not written yet was not there yet.
 *
 * Source: tools/perf/Documentation/jitdump-specification.txt and jit-interface.txt of Linux.
 */
#ifndef TOLL_SYMBOL_JIT_CODE_H
#define TOLL_SYMBOL_JIT_CODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct jit_entry {
    uint64_t low, high;
    uint64_t from; /* since when it is there */
    uint64_t to;   /* when it was moved away; UINT64_MAX: not told */
    const char *name;
    uint32_t first_line, line_count; /* in lines; none where they are not told, or make no sense */
};

struct jit_line {
    uint64_t address; /* the first of its code */
    const char *file;
    uint32_t line;
};

/* Zero-initialise. */
struct jit_code {
    struct arena arena;
    VEC(struct jit_entry) entries; /* by low, then by from */
    VEC(struct jit_line) lines;    /* ascending within an entry */
    uint64_t size_max;             /* of an entry */
};

struct jit_place {
    const char *name;
    const char *file; /* NULL when unknown */
    uint32_t line;
    bool is_interpreted; /* by the name: a function that is not compiled */
};

/* Reads an open file from its begin, whichever of the two it is; a broken one as far as it goes. */
WARN_UNUSED int jit_code_read(struct jit_code *code, int fd, struct err *err);
/* For who has the bytes. */
WARN_UNUSED int jit_code_parse(struct jit_code *code, const char *bytes, size_t length, struct err *err);
/* What was at an address at a time. Where nothing was yet, what came first (compilers write late). false: nothing
 * ever. Texts live as long as the code. */
bool jit_code_find(const struct jit_code *code, uint64_t address, uint64_t at, struct jit_place *ret_place);
void jit_code_free(struct jit_code *code);

/* Whether a name is one of V8's, of JavaScript. */
bool jit_name_is_v8(const char *name);
/* A name as compilers write it ("JS:*parse /app/main.js:12:7", "py::parse:/app/main.py", "Lcom/x/Main;::run"), taken
 * apart; file is NULL where the name holds none. Texts are in the arena. */
WARN_UNUSED int jit_name_split(struct arena *arena, const char *name, struct jit_place *ret_place,
                               struct err *err);

#endif
