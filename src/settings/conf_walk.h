/* SPDX-License-Identifier: Apache-2.0 */
/* conf_walk: one configuration file and those that it includes, into settings. */
#ifndef TOLL_SETTINGS_CONF_WALK_H
#define TOLL_SETTINGS_CONF_WALK_H

#include "settings/conf_file.h"
#include "settings/internal.h"

struct conf_walk {
    const struct server *server;
    struct settings *settings;
    enum conf_form form;
    bool last_counts;                /* of a key that occurs twice; else the first */
    bool by_last_name;               /* keys are known by their last part, whatever block they stand in */
    const char *const *include_keys; /* NULL-terminated; NULL: the form has no includes */
    const char *include_folder; /* what relative names are relative to; NULL: the including file's folder */
    /* The name by which rules know a key, into `ret_name` (2 * CONF_KEY_MAX); NULL: its own. false: it is none of theirs. */
    bool (*rename)(const char *key, char *ret_name);
    const char *port_key; /* its value is kept in `port`; NULL */
    char port[32];
    size_t file_count; /* read so far */
    char path[512];    /* of the file at hand */
};

/* *ret_read: the file was there. A note says why not, where that is no surprise of its own (`is_expected`). */
WARN_UNUSED int conf_walk(struct conf_walk *walk, const char *path, bool is_expected, bool *ret_read,
                          struct err *err);

/* The files of a folder with this ending, by name; a folder that is not there has none. */
WARN_UNUSED int conf_walk_folder(struct conf_walk *walk, const char *folder, const char *ending,
                                 struct err *err);

#endif
