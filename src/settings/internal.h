/* SPDX-License-Identifier: Apache-2.0 */
/* internal: what the readers share. A reader returns 0 also when it read nothing: then it left a note. */
#ifndef TOLL_SETTINGS_INTERNAL_H
#define TOLL_SETTINGS_INTERNAL_H

#include "base/str.h"
#include "settings/settings.h"

/* A reader of one product: the server itself, and what lies in files. -1 codes are of memory alone. */
struct settings_reader {
    const char *name;
    /* *ret_done: it answered. */
    int (*live)(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
    int (*files)(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
    bool live_is_whole; /* what it does not say is not set */
};
extern const struct settings_reader settings_readers[];
extern const size_t settings_reader_count;

/* Kept when a rule names the key. The first value of a key stays; settings_override replaces it. */
WARN_UNUSED int settings_put(struct settings *settings, const char *key, const char *value,
                             const char *origin, struct err *err);
WARN_UNUSED int settings_override(struct settings *settings, const char *key, const char *value,
                                  const char *origin, struct err *err);
/* Without memory the note is lost. */
void settings_note(struct settings *settings, const char *format, ...) PRINTF_LIKE(2, 3);
bool settings_is_secret(const char *key);
/* A text that lives as long as the settings; "" without memory. */
const char *settings_printf(struct settings *settings, const char *format, ...) PRINTF_LIKE(2, 3);

/* The word behind an option ("-D", "DIR"), or what is stuck to it ("-DDIR", "--config=FILE"); NULL. */
const char *server_option(const struct server *server, const char *option);
/* The host and the port of an address; -1 when it is none. `ret_host` of at least 64 bytes. */
int server_host(const char *address, char *ret_host, unsigned *ret_port);
/* A file as the server's process sees it (another root, a folder of its own): through /proc/PID/root and /cwd. */
const char *server_path(const struct server *server, struct settings *settings, const char *path);

/* The readers, one file each. */
int postgresql_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int postgresql_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int redis_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int redis_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int nginx_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int victoriametrics_live(const struct server *server, struct settings *settings, bool *ret_done,
                         struct err *err);
int victoriametrics_files(const struct server *server, struct settings *settings, bool *ret_done,
                          struct err *err);
int influxdb_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int influxdb_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int clickhouse_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int clickhouse_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int questdb_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int questdb_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int kernel_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int cgroup_live(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);
int file_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err);

#endif
