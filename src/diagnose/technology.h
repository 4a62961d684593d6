/* SPDX-License-Identifier: Apache-2.0 */
/*
 * technology: which languages, runtimes, frameworks, databases and other servers a process or a folder shows.
 *
 * The rules are data: one table a kind (languages.c, runtimes.c, frameworks.c, databases.c, servers.c). A rule's texts are lists,
 * with '|' between their items; a '*' at an item's end (of files: at its begin) stands for anything.
 */
#ifndef TOLL_DIAGNOSE_TECHNOLOGY_H
#define TOLL_DIAGNOSE_TECHNOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/vec.h"
#include "diagnose/process_look.h"

enum technology_kind {
    TECHNOLOGY_LANGUAGE,
    TECHNOLOGY_RUNTIME,
    TECHNOLOGY_FRAMEWORK,
    TECHNOLOGY_DATABASE,
    TECHNOLOGY_SERVER,
    TECHNOLOGY_KINDS
};

/* Where a kind of package names what it needs. */
enum package_kind {
    PACKAGES_NONE,
    PACKAGES_NODE,
    PACKAGES_PYTHON,
    PACKAGES_GO,
    PACKAGES_JAVA,
    PACKAGES_RUST,
    PACKAGES_RUBY,
    PACKAGES_PHP,
    PACKAGES_COMPOSE,
    PACKAGES_BUILD,
    PACKAGES_KINDS
};

struct technology_rule {
    const char *name;
    const char *programs;  /* of a process: the name of its executable, or how it calls itself */
    const char *libraries; /* mapped by a process */
    const char *words;     /* the last part of a word of its command line */
    const char *marks;     /* sections of its executable, or what its .comment says */
    const char *files;     /* of a folder */
    bool otherwise;        /* in a process: only where nothing else of its kind was found */
    enum package_kind in;  /* which files of a folder name … */
    const char *packages;  /* … one of these */
};

struct technology_table {
    const char *plural; /* "languages": the key in JSON */
    const struct technology_rule *rules;
    const size_t *count;
};
extern const struct technology_table technology_tables[TECHNOLOGY_KINDS];

struct technology {
    enum technology_kind kind;
    const char *name;
    const char *version;  /* "" where it does not show */
    const char *evidence; /* "program python3.11", "flask in requirements.txt", "12 files *.py" */
    uint64_t pid;         /* of the process that shows it; 0: a folder does */
};

struct technologies {
    struct arena *arena;
    VEC(struct technology) items; /* one of a name and kind; in order of discovery */
};

/* How to start what a folder holds, by what its package files say. Shell text, run in that folder. */
struct start_command {
    const char *build;   /* first; NULL: nothing */
    const char *command; /* NULL: not known */
    const char *why;     /* "scripts.start in package.json" */
};

#define FOLDER_FILES_MAX 20000u /* looked at; more are left out */
#define FOLDER_DEPTH_MAX 4u

/* -1 when memory ran out. */
int technologies_of_process(struct technologies *found, const char *root, const struct process_about *about);
int technologies_of_folder(struct technologies *found, const char *path, unsigned depth_max);
bool technologies_have(const struct technologies *found, enum technology_kind kind, const char *name);
void technologies_free(struct technologies *found);

/* Whether a folder's toll.yaml says what is to be reached and how to run it, which is what `toll investigate` reads. */
bool pipeline_is_there(const char *path);

void start_command_find(const char *path, struct arena *arena, struct start_command *ret_command);

/* Whether an ELF executable has a section of that list, or its .comment holds one of the texts; the one into *ret_mark. */
bool technology_mark(const char *path, const char *list, struct arena *arena, const char **ret_mark);

/* Whether a name is one of a list. */
bool technology_matches(const char *list, const char *name);
/* Where a text names a package as a whole word (letters, digits, '_' and '-' go on), behind it; NULL when it does not. In
 * package.json it stands in quotes, in a compose file behind 'image:'. */
const char *technology_named(const char *text, enum package_kind in, const char *package);
/* The names of the files of a kind, as a list. */
extern const char *const package_files[PACKAGES_KINDS];
/* Adds one unless it is there; -1 when memory ran out. */
int technology_add(struct technologies *found, const struct technology *technology);

extern const struct technology_rule language_rules[], runtime_rules[], framework_rules[], database_rules[],
    server_rules[];
extern const size_t language_rule_count, runtime_rule_count, framework_rule_count, database_rule_count,
    server_rule_count;

#endif
