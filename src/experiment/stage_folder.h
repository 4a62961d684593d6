/* SPDX-License-Identifier: Apache-2.0 */
/* stage_folder: the folder in which the stand-in for a stage's program stands (stage_wire.h), and what its log says. */
#ifndef TOLL_EXPERIMENT_STAGE_FOLDER_H
#define TOLL_EXPERIMENT_STAGE_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

struct stage_folder {
    char path[PATH_MAX];    /* "" before it is open */
    char program[PATH_MAX]; /* the stand-in's own name: for the pacer */
};

/* Makes it in `parent`; NULL: in the folder for temporary files. Closing removes it. */
WARN_UNUSED int stage_folder_open(struct stage_folder *folder, const char *parent, struct err *err);
void stage_folder_close(struct stage_folder *folder);

/* Puts the stand-in in PATH's way under the names of the programs in `search_path` that the kernel would call `stage` (it cuts names
 * at 15 bytes). The number of names; none: the stage is not found through PATH. */
WARN_UNUSED int stage_folder_names(const struct stage_folder *folder, const char *stage,
                                   const char *search_path, size_t *ret_count, struct err *err);

struct stage_line {
    char kind;
    const char *why; /* STAGE_UNKEPT, words with blanks; else NULL */
    uint64_t elapsed_ns, added_ns, blocked_ns, running_ns;
};

struct stage_lines {
    VEC(struct stage_line) list; /* in the order in which they ended */
};

/* The lines of FOLDER/NAME, appended; none when there is no such file. What is no line is left out. */
WARN_UNUSED int stage_log_read(const struct stage_folder *folder, const char *name, struct arena *arena,
                               struct stage_lines *lines, struct err *err);
/* Of a text. */
WARN_UNUSED int stage_log_parse(const char *text, struct arena *arena, struct stage_lines *lines,
                                struct err *err);
void stage_log_forget(const struct stage_folder *folder, const char *name);

#endif
