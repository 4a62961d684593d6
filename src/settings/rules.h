/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules: what is known of one product's settings, as data (docs/configuration.md): share/rules/NAME.yaml, built into the program,
 * and files of one's own.
 *
 * A rule says of one key which values are development defaults, what production would use, why and after which source, and
 * how much of the server's time the difference is expected to bring. Every rule of a file is checked when it is read: a file
 * is taken whole or not at all. Nothing in it is trusted.
 */
#ifndef TOLL_SETTINGS_RULES_H
#define TOLL_SETTINGS_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

#define RULES_FILES_MAX    100u
#define RULES_PER_FILE_MAX 500u
#define RULE_LIST_MAX      16u

/* How much faster the server does what it acts on. */
enum impact { IMPACT_UNDER_5, IMPACT_ABOUT_10, IMPACT_ABOUT_50, IMPACT_COUNT };

/* What a setting changes: which waits of a run a kernel's setting can shorten, and what a report says of a server's. */
enum acts_on {
    ACTS_ON_WRITES,
    ACTS_ON_READS,
    ACTS_ON_CONNECTIONS,
    ACTS_ON_CPU,
    ACTS_ON_MEMORY,
    ACTS_ON_COUNT
};

struct rule {
    const char *key;
    const char *const *development; /* conditions (expression.h): any of them */
    size_t development_count;
    const char *production; /* an expression */
    const char *unit;       /* of a bare number in a file, "8kB"; NULL */
    const char *built_in;   /* the value when no file sets it; NULL: then the key is not judged */
    const char *why, *source;
    const char *caution; /* what is lost by it, NULL */
    enum impact impact;
    enum acts_on acts_on;
    bool needs_restart;
    bool is_bounded; /* false: promised whatever the server's share (`bound: no`) */
    unsigned line;
};

struct rule_file {
    const char *path;             /* as messages name it: "share/rules/redis.yaml" */
    const char *product;          /* "postgresql" */
    const char *title;            /* "PostgreSQL" */
    const char *reader;           /* how settings are read: a product toll knows, or "file" */
    const char *const *processes; /* programs' names */
    size_t process_count;
    const char *const *ports;
    size_t port_count;
    const char *const *sockets; /* parts of a unix socket's name */
    size_t socket_count;
    const char *const *files; /* where they lie when nothing says; of reader "file": the settings */
    size_t file_count;
    const char *format;      /* of reader "file": "key = value", "key value", "json", "ini" */
    const char *bytes;       /* the unit proposals of bytes are written in, NULL: plain bytes */
    const char *apply;       /* how to set it, with {key} and {value}; NULL */
    const char *revert;      /* with {key} and {found}; NULL */
    const char *connections; /* the key that limits connections, NULL */
    const char *commits;     /* the key that says whether a commit waits for the disk, NULL */
    bool is_own;             /* from --rules */
    VEC(struct rule) rules;
};

struct rule_set {
    struct arena arena;
    VEC(struct rule_file) files;
};

/* The built-in ones. A failure is a bug, or memory. */
WARN_UNUSED int rules_built_in(struct rule_set *set, struct err *err);
/* One file more; of a product that is there already its rules are added, those for the same key replace. ERR_INPUT with line,
 * column, what was expected and the nearest known key. */
WARN_UNUSED int rules_read_text(struct rule_set *set, const char *text, size_t length, const char *path,
                                bool is_own, struct err *err);
/* All *.yaml of a folder, by name. */
WARN_UNUSED int rules_read_folder(struct rule_set *set, const char *folder, struct err *err);
/* The same, only to learn whether they can be read. */
WARN_UNUSED int rules_check_folder(const char *folder, struct err *err);
void rules_free(struct rule_set *set);

const struct rule_file *rules_find(const struct rule_set *set, const char *product);
const struct rule *rules_key(const struct rule_file *file, const char *key);

const char *impact_phrase(enum impact impact);  /* "under 5 %" … */
const char *impact_name(enum impact impact);    /* "under-5", "about-10", "about-50" */
const char *acts_on_name(enum acts_on acts_on); /* "writes" … */

#endif
