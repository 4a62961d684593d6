/* SPDX-License-Identifier: Apache-2.0 */
/* cache_folder: where toll keeps what it can find out again, one folder a kind, files named by what they are of. */
#ifndef TOLL_BASE_CACHE_FOLDER_H
#define TOLL_BASE_CACHE_FOLDER_H

#include <stddef.h>

#include "base/err.h"

#define CACHE_FILE_COUNT_MAX  512u
#define CACHE_FILE_COUNT_KEPT 384u

/* ${XDG_CACHE_HOME:-~/.cache}/toll/KIND; "" where there is no such place. Free it; NULL when memory ran out. */
char *cache_folder_of(const char *kind);
/* mkdir -p, for the user alone. */
WARN_UNUSED int cache_folder_make(const char *folder, struct err *err);
/* Says that a file is in use: it is kept longest. */
void cache_file_touch(const char *path);
/* Removes the files with a suffix that were used longest ago when there are too many, and what writers that were killed left
 * unfinished over an hour ago. */
void cache_folder_prune(const char *folder, const char *suffix);

#endif
