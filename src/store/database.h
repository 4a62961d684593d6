/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database: a SQLite file of toll's own, opened so that nothing is lost and nothing of others is touched; what the history and the
 * journal share.
 *
 * Many processes may write at once: each writer is one transaction in a write-ahead log and waits for others up to
 * DATABASE_WAIT_MS. A process that is killed loses at most the transaction it was in. The file is 0600; its folders are made.
 * Another program's file is refused and left as it is. The layout has a number (`PRAGMA user_version`): an older one is brought
 * forward when it is opened, a newer one is refused.
 */
#ifndef TOLL_STORE_DATABASE_H
#define TOLL_STORE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/err.h"
#include "base/str.h"

#define DATABASE_WAIT_MS 5000 /* for other writers */

/* What kind of file it is. */
struct database_kind {
    const char *noun;      /* in messages: "history" */
    const char *file_name; /* below the data folder: "history.db" */
    int32_t magic;         /* SQLite's application_id */
    int version;
    const char *const *steps; /* SQL, one a version: step i brings a file of version i to i + 1 */
};

/* Zero-initialise it. */
struct database {
    const struct database_kind *kind;
    sqlite3 *handle;
    char *path;
};

/* Opens the file, made with its folders when it is not there. `path` NULL: the default. ERR_ENVIRONMENT when that cannot be,
 * ERR_INPUT for a file that is damaged, no file of this kind, or of a newer toll. `database` is to be closed also then. */
WARN_UNUSED int database_open(struct database *database, const struct database_kind *kind, const char *path,
                              struct err *err);

/* Opens what is there to look at only, also where nothing can be written. *ret_exists is false when there is no such file. */
WARN_UNUSED int database_open_to_read(struct database *database, const struct database_kind *kind,
                                      const char *path, bool *ret_exists, struct err *err);

/* What SQLite refused, in words: `could not <do> <noun> '<path>': …`. Returns the negative code. */
int database_refused(const struct database *database, const char *verb, struct err *err);

/* $XDG_DATA_HOME/toll/<file>, else ~/.local/share/toll/<file>. ERR_ENVIRONMENT without a home. */
WARN_UNUSED int database_default_path(const struct database_kind *kind, struct str *ret_path,
                                      struct err *err);

void database_close(struct database *database);

/* The length of a text's part that is kept: up to `limit` bytes, whole UTF-8 characters. */
int database_text_length(const char *text, size_t limit);

#endif
