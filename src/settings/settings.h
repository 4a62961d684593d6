/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings: the settings that rules name, as a server, its files, the kernel or a control group have them now.
 *
 * Only keys that a rule names are kept, and what looks like a secret reads "***". A server is asked only on this machine (a
 * loopback address or a unix socket), with what the user's environment and files give (PGPASSFILE and the like), never with
 * a question to the user; each connection has SETTINGS_ASK_MS. What refuses is told in a note and the files are read
 * instead. Nothing is changed anywhere. One thread.
 */
#ifndef TOLL_SETTINGS_SETTINGS_H
#define TOLL_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "settings/expression.h"
#include "settings/rules.h"

#define SETTINGS_ASK_MS    2000
#define SETTINGS_BYTES_MAX ((size_t)4 << 20) /* of one file, of one answer */
#define SETTINGS_FILES_MAX 200u              /* read through includes */
#define SETTINGS_WORDS_MAX 256u
#define SETTINGS_SECRET    "***"
#define SETTINGS_LIVE      "live" /* the origin of what a server says itself */

/* A server as a recording knows it. */
struct server {
    const char *product;      /* NULL: none that rules know */
    const char *address;      /* "127.0.0.1:5432", "/run/redis.sock"; NULL: not over a socket */
    const char *process;      /* its program's name, NULL */
    uint64_t pid;             /* 0: not known, or not running any more */
    const char *const *words; /* its command line, as it runs or as it was recorded */
    size_t word_count;
    bool may_ask; /* on this machine, and it is the one that was recorded */
};

struct setting {
    const char *key, *value;
    const char *origin; /* "live", "/etc/redis.conf:12", "command line", "built-in default" */
};

struct settings {
    struct arena arena;
    const struct rule_file *rules;
    VEC(struct setting) items;
    VEC(const char *) notes; /* what could not be read, and what would help */
    bool is_live;            /* the server said them itself */
    struct setting_facts
        facts; /* of what the server may use: its control group's limits, else the machine's */
};

/* Reads what can be read. Fails for want of memory alone. The caller ends it with settings_free, also after a failure. */
WARN_UNUSED int settings_read(const struct rule_file *rules, const struct server *server,
                              struct settings *ret_settings, struct err *err);
void settings_free(struct settings *settings);
/* Its value was a secret. */
bool settings_is_hidden(const struct setting *setting);
/* NULL when it is not there. */
const struct setting *settings_find(const struct settings *settings, const char *key);
/* The machine's memory and cores, and those of a process's control group where they are less; 0: this process. */
void settings_facts(uint64_t pid, struct setting_facts *ret_facts);

/* The product of a rule file that has this process name, port or socket; NULL when none does. */
const char *settings_product(const struct rule_set *set, const char *process, const char *const *words,
                             size_t word_count, const char *address);
/* The pid's command line into the arena; 0 words when it cannot be read. */
WARN_UNUSED int settings_words(uint64_t pid, struct arena *arena, const char *const **ret_words,
                               size_t *ret_count, struct err *err);
/* 127.…, ::1, a unix socket. */
bool settings_is_local(const char *address);

#endif
