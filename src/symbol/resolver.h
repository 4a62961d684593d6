/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver: places in programs become functions, source lines and inlined calls.
 *
 * A module is an ELF file and a place is an offset in that file, which is what a mapping gives without knowing
 * where the loader put it. Names come from .symtab and .dynsym, of the file or of its separate debug file
 * (/usr/lib/debug/.build-id); lines and inlined calls from DWARF, through elfutils' libdw; where else a debug file is looked for is told in
 * debug_file.h. The outermost function is
 * named by the symbol table, which knows what the linker did; inlined ones by DWARF.
 *
 * What was found is kept as ranges of offsets with one answer each, in memory and, for modules with a build-id, in
 * a cache folder. Of a function with debug information all places are kept at once: the next run hits others of them. Neither an unwritable folder nor a broken cache file or ELF file is a failure: places
 * are then unknown. Not for several threads.
 */
#ifndef TOLL_SYMBOL_RESOLVER_H
#define TOLL_SYMBOL_RESOLVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

#define SYMBOL_PATH_VDSO   "[vdso]"   /* the recorder's own, the same for all on one kernel */
#define SYMBOL_PATH_KERNEL "[kernel]" /* offsets are addresses; a frame's file is its "[module]", if any */

struct symbol_module {
    const char *path;        /* absolute, or one of the two above */
    int fd;                  /* open for reading, or -1: the path is opened */
    const uint8_t *build_id; /* NULL: whatever the file has; else a file with another one is refused */
    size_t build_id_size;
};

struct symbol_frame {
    const char *function; /* readable; NULL when unknown */
    const char *file;     /* NULL when unknown */
    uint32_t line;        /* 0 when unknown; in a caller of an inlined function the line of that call */
    bool inlined;         /* part of the frame before it */
};

/* frames[first] is the outermost; those behind it are inlined into it, one into the other. */
struct symbol_place {
    size_t first;
    size_t count; /* 0: nothing is known */
};

/* Zero-initialise; a lookup replaces what it held. Texts live as long as the resolver. */
struct symbol_answer {
    VEC(struct symbol_frame) frames;
    VEC(struct symbol_place) places; /* one for each offset asked for */
};

void symbol_answer_deinit(struct symbol_answer *answer);

struct resolver;

/* cache_folder: NULL for ${XDG_CACHE_HOME:-~/.cache}/toll/symbols, "" for none. */
WARN_UNUSED int resolver_create(const char *cache_folder, struct resolver **ret_resolver, struct err *err);

/* Give return addresses minus 1: the call, not what comes after it. */
struct symbol_request {
    const uint64_t *offsets; /* ascending when there are weights */
    size_t count;
    const uint64_t *weights; /* one for each offset; NULL: all matter */
    uint64_t weight_min;     /* a function whose places weigh less together is named, and that is all: reading
                              * debug information takes long */
};

struct resolver_limit {
    const atomic_bool *stop; /* another thread sets it */
    uint64_t cpu_ns;         /* the thread has used so much in all; 0: any */
};

/* Looks up what resolver_lookup will be asked for, so that it need not: the same request now gets its answer from memory. Places
 * in files whose debug information may have to be fetched from a server are left out, and what is left at the limit, which is looked
 * at between functions. Fails only when memory runs out. */
WARN_UNUSED int resolver_prepare(struct resolver *resolver, const struct symbol_module *module,
                                 const struct symbol_request *request, const struct resolver_limit *limit,
                                 struct err *err);

/* Fails only when memory runs out. */
WARN_UNUSED int resolver_lookup(struct resolver *resolver, const struct symbol_module *module,
                                const struct symbol_request *request, struct symbol_answer *answer,
                                struct err *err);

/* Whether a separate debug file is installed for a build-id, or could come from a server that the user set: without a
 * build-id (size 0) too, as the file itself may have one. */
bool resolver_debug_file_may_exist(const uint8_t *build_id, size_t size);

/* How many of the places asked for so far were answered from the cache (memory or disk). */
uint64_t resolver_hit_count(const struct resolver *resolver);

/* Writes what is new to the cache folder. */
void resolver_destroy(struct resolver *resolver);

#endif
