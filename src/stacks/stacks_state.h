/* SPDX-License-Identifier: Apache-2.0 */
/* stacks_state: what stacks.c gathers, stacks_ahead.c looks up and stacks_write.c writes out. For these alone. */
#ifndef TOLL_STACKS_STATE_H
#define TOLL_STACKS_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/meta.h"
#include "stacks/jit_source.h"
#include "stacks/names_ahead.h"
#include "stacks/process_maps.h"
#include "stacks/stacks.h"
#include "symbol/resolver.h"
#include "unwind/unwind_tables.h"

enum code_kind {
    CODE_FILE = 1, /* offsets in an ELF file */
    CODE_KERNEL,   /* addresses; one frame at 0 when their names are hidden */
    CODE_JIT,      /* addresses in a process whose compiler tells what code it makes */
    CODE_UNKNOWN,  /* one frame at 0 */
    CODE_MANAGED   /* of a managed runtime: numbers of stacks.managed */
};

struct code_module {
    enum code_kind kind;
    struct jit_source jit; /* CODE_JIT */
    uint64_t looked_ns;    /* CODE_JIT: when it was last looked at */
    char *path;            /* without " (deleted)" */
    int fd;                /* -1: not open */
    uint8_t build_id[PERF_BUILD_ID_MAX];
    size_t build_id_size;
    bool is_build_id_told;
    uint32_t device_major, device_minor;
    uint64_t inode;
    bool seen;        /* it has frames, and its file was opened if it could be */
    bool is_left_out; /* stacks_options.left_out */
    bool is_libc;     /* or the loader: what calls a program's main and its threads' functions */
    bool large;       /* its debug information may take long to read */
    bool unwind_seen; /* `unwind` was asked for: it has a table if there is one */
    struct unwind_file unwind;
    struct map frames;     /* offset to index in raw_frames */
    uint64_t ahead_weight; /* chains of its places when they were last looked up ahead */
};

/* A place in a module, however many functions are inlined there. */
struct raw_frame {
    uint64_t offset;
    uint64_t at; /* CODE_JIT: when it was first seen, as jit_code counts */
    uint32_t module;
    uint32_t first_row; /* id of the outermost function's frame row; 0: not written yet */
    uint32_t row_count;
    uint32_t chain_count;       /* chains it is in */
    uint32_t root_count;        /* chains that end here */
    uint32_t root_caller_count; /* of them, those that go on in another module */
    bool is_start;              /* its function is where threads start */
    bool is_leaf;               /* a thread was seen at it, not only in what it calls */
    bool is_named;
};

/* A chain up to here. Its id is that of the row with the innermost function. */
struct stack_node {
    uint32_t parent; /* index + 1; 0: none */
    uint32_t frame;
    uint32_t id;
};

/* A frame that its caller names. */
struct managed_name {
    char *function, *file;
    uint32_t line;
};

struct stacks {
    size_t node_count_max;
    struct process_maps maps;
    struct resolver *resolver;
    char *unwind_folder; /* of the cache; NULL: the user's */
    const char *left_out;
    bool is_told_files;
    struct map map_looks;             /* pid to the next look at its mappings: stacks_maps.c */
    struct intern module_keys;        /* ids are indexes in modules + 1 */
    VEC(struct code_module) modules;  /* 0 is the kernel, 1 what is unknown */
    VEC(struct raw_frame) raw_frames; /* no more than nodes */
    VEC(struct stack_node) nodes;
    struct map children; /* parent << 32 | frame to index in nodes */
    VEC(uint32_t) pending_frames;
    VEC(uint32_t) pending_nodes;
    struct intern managed_keys; /* ids are indexes in managed + 1 */
    VEC(struct managed_name) managed;
    struct map jit_modules; /* pid to module */
    struct map jit_dumps;   /* pid to module of the jitdump file that it has mapped */
    struct map jit_misses;  /* pid to when no source was found */
    uint64_t now_ns;        /* of what is being added; 0: not told */
    uint64_t begun_ns;      /* CLOCK_REALTIME */
    uint64_t next_stack_id;
    uint64_t next_frame_id;
    size_t open_count, jit_open_count; /* files of modules; of compilers */
    bool kernel_readable;
    struct stacks_counts counts;
    struct names_ahead *ahead; /* NULL: not begun, or over */
    bool is_ahead_over;        /* or it could not begin */
    uint64_t ahead_idle_ns;    /* when it was over */
    uint64_t ahead_patience_ns;
    uint64_t ahead_due_count; /* chains there must be before more is looked up */
};

#define STACKS_MANAGED MODULE_NAME_PYTHON

#define MODULE_KERNEL  0u
#define MODULE_UNKNOWN 1u
#define MODULE_MANAGED 2u /* the last that is no file */
#define CHAIN_MAX      1024u
#define LINES_RATIO    100u /* functions in fewer chains than one of so many are named without lines */

struct place {
    uint32_t module;
    bool user;
    uint64_t offset;
    uint64_t key;     /* of its frame in the module; the offset, but for code that comes and goes */
    uint64_t at;      /* as in struct raw_frame */
    uint64_t address; /* of the program; the byte before where it is a return address */
};

struct chain {
    size_t count;
    size_t address_count;
    struct place places[CHAIN_MAX]; /* innermost first */
};

/* managed.c: puts frames of a managed runtime into the places of a chain of the program's. */
void managed_merge(const struct stacks *stacks, struct chain *chain, const struct stacks_managed *managed);
void managed_free(struct stacks *stacks);

/* stacks.c: what lies there from now on. */
int stacks_map(struct stacks *stacks, uint32_t pid, const struct perf_map *map, struct err *err);
/* stacks_maps.c: valid until the next call; it may change the process's mappings. */
const struct mapping *stacks_map_find(struct stacks *stacks, uint32_t pid, uint64_t address);

/* stacks.c: opens the file of a module of a process, once. */
void stacks_module_open(struct stacks *stacks, struct code_module *module, uint32_t pid);

/* stacks_ahead.c: no names are looked up ahead from here on, and the resolver is the caller's. */
void stacks_ahead_end(struct stacks *stacks);

struct stacks_unwound {
    uint64_t addresses[CHAIN_MAX];
    size_t count;
    bool is_rooted; /* it is known to reach the thread's start */
};

/* stacks_unwind.c: the chain with its program's part found anew; false when nothing could be found. */
bool stacks_unwind(struct stacks *stacks, uint32_t pid, const struct stacks_dumped *dumped,
                   struct stacks_unwound *ret_unwound);

#endif
