/* SPDX-License-Identifier: Apache-2.0 */
/* stage_files: the files below a folder and what became of them; inside the stand-in (stage_main.c). */
#ifndef TOLL_EXPERIMENT_STAGE_FILES_H
#define TOLL_EXPERIMENT_STAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define STAGE_FILES_MAX 20000u
#define STAGE_DEPTH_MAX 64u

struct stage_file {
    char *path; /* absolute */
    mode_t mode;
    uint64_t inode, size, changed_ns;
};

struct stage_files {
    struct stage_file *items; /* by path */
    size_t count, capacity;
    bool is_cut; /* there are more, or one could not be read */
};

/* All below the root, except below `except`, and the files that the words name elsewhere. */
void stage_files_list(const char *root, const char *except, char *const *words, struct stage_files *files);

/* The file of that path; NULL. */
const struct stage_file *stage_files_find(const struct stage_files *files, const char *path);

bool stage_file_is_same(const struct stage_file *one, const struct stage_file *other);

#endif
