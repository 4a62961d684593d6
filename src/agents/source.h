/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source: the table of the programs and formats whose data toll reads, where they keep it, and how a file is read.
 *
 * A source is one file here and one row of agent_sources[]. It reads one file of its kind and tells a struct agent_sink what is in it;
 * it keeps nothing between two files, so many threads read many files at once, each with a sink of its own.
 */
#ifndef TOLL_AGENTS_SOURCE_H
#define TOLL_AGENTS_SOURCE_H

#include "agents/agent_events.h"
#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"

#define SOURCE_PLACES_MAX 64u      /* of one source: a variable may list many */
#define SOURCE_FILES_MAX  1000000u /* below one place */
#define SOURCE_DEPTH_MAX  16u      /* of folders */
#define SOURCE_HEAD_BYTES 4096u    /* what a probe sees of a file */

/*
 * Where a program keeps its files: `$variable/below` when the variable is set and not empty, else `$HOME/home`. A row is left out when
 * the variable `unless` is set, or when what it needs is not there (variable NULL and home NULL say nothing).
 */
struct source_place {
    const char *variable; /* NULL: none moves it */
    const char *below;    /* NULL: the variable's value itself */
    const char *home;     /* NULL: no default */
    const char *unless;   /* NULL: always */
    bool is_list;         /* commas between several places */
};

/* A place in a file of lines. */
struct source_position {
    uint64_t offset;
    uint64_t line; /* the number of the line there, from 1 on; 0 where it is not known: at the start */
};

struct source_request {
    const char *path;
    struct source_position from; /* all 0, or what an earlier read gave as *ret_resume */
    bool calls_only; /* llm_call, agent and malformed are wanted, nothing else: as fast as can be */
    struct source_position
        *ret_resume; /* may be NULL: from where to read when the file has grown; only where can_resume */
};

struct agent_source {
    const char *name;  /* "claude": what --source takes, and the name in results */
    const char *about; /* "Claude Code" */
    const struct source_place *places;
    size_t place_count;
    const char *
        journal; /* what is behind a file's name for its log, whose size and time are the file's as well ("-wal"); NULL */
    bool
        can_resume; /* files grow at their end only, and may be read from *ret_resume on; what is told twice merges */
    bool ids_are_global; /* the same id in two sessions is the same response (forks, replays): counted once */
    /* Whether a file found below a place is one of its own, by its path alone. */
    bool (*takes)(const char *path);
    /* Whether a file that was given is of this format, by its name and its first bytes (at most SOURCE_HEAD_BYTES). */
    bool (*probe)(const char *path, const char *head, size_t length);
    /* Reads one file. What cannot be read goes to sink->malformed and is left out; an error is of the environment, or the sink's. */
    int (*read)(const struct source_request *request, struct agent_sink *sink, struct err *err);
};

extern const struct agent_source claude_source; /* claude_code.c */
extern const struct agent_source codex_source;
extern const struct agent_source gemini_source;
extern const struct agent_source opencode_source;
extern const struct agent_source langfuse_source;
extern const struct agent_source langsmith_source;
extern const struct agent_source otlp_source;

/* In the order in which a file is probed; ends with NULL. */
extern const struct agent_source *const agent_sources[];

/* NULL when there is none of that name. */
const struct agent_source *source_find(const char *name);
/* "claude, codex, …" for messages, into the text. */
void source_names(struct str *ret_text);

/* The source whose format a file has; NULL when none knows it. ERR_ENVIRONMENT when it cannot be read, ERR_INPUT for what is no regular
 * file. */
WARN_UNUSED int source_probe(const char *path, const struct agent_source **ret_source, struct err *err);

struct source_file {
    const char *path;
    uint64_t size_bytes; /* with its journal */
    int64_t changed_ns;  /* Unix time; the later one of it and its journal */
    uint64_t inode;
};

struct source_files {
    struct arena arena;
    VEC(struct source_file) items; /* by path */
};

/* The folders where the source's files are by default, that exist; each once. Free with the arena. */
WARN_UNUSED int source_default_places(const struct agent_source *source, struct arena *arena,
                                      const char **ret_places, size_t *ret_count, struct err *err);

/* Adds the source's files below a folder, or the file itself, sorted by path. Folders that cannot be read are left out and counted
 * in *ret_unreadable. Links to folders are not followed, but for the place itself. */
WARN_UNUSED int source_list(const struct agent_source *source, const char *place, struct source_files *files,
                            uint64_t *ret_unreadable, struct err *err);
void source_files_free(struct source_files *files);

#endif
