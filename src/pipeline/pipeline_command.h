/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline_command: a pipeline's run with its knobs set: words, variables, and the files to change.
 *
 * Knobs that are not assigned have today's value. Files are changed in place, one value each, everything else in them stays as it is
 * byte for byte; pipeline_files_keep remembers them before, and pipeline_files_restore puts them back. The copies lie beside them
 * (FILE.toll-kept) until then, so that whoever comes after a killed toll puts them back first; who comes while it lives is refused.
 */
#ifndef TOLL_PIPELINE_PIPELINE_COMMAND_H
#define TOLL_PIPELINE_PIPELINE_COMMAND_H

#include "model/change.h"
#include "model/finding.h"
#include "pipeline/pipeline_file.h"

struct pipeline_assignment {
    const char *name, *value;
};

struct pipeline_edit {
    const char *file, *key, *value;
};

/* Words, folder and variables are as bench/bench.h takes them in a struct bench_text. */
struct pipeline_command {
    char **words;     /* NULL-terminated; through /bin/sh -c where the line needs a shell */
    char **variables; /* "NAME=VALUE", NULL-terminated: the file's environment and the knobs in it */
    const char *folder;
    const char *text; /* as a person would type it: "P=10 bash fetch.sh" */
    const struct pipeline_edit *edits;
    size_t edit_count;
    const char
        *prepare; /* a line without a shell that makes the edits, for before each run; NULL: there are none */
};

/* ERR_USAGE for a knob that the file does not have, with those it has, and for a value that it cannot take. */
WARN_UNUSED int pipeline_command_fill(const struct pipeline_file *file,
                                      const struct pipeline_assignment *assignments, size_t count,
                                      struct arena *arena, struct pipeline_command *ret_command,
                                      struct err *err);

/* The same for a sweep: {NAME} stays where the value of the knob `open` goes, in words and in `prepare`; a variable is left out. */
WARN_UNUSED int pipeline_command_open(const struct pipeline_file *file, const struct pipeline_knob *open,
                                      struct arena *arena, struct pipeline_command *ret_command,
                                      struct err *err);

/* Of `set:knob/P=10`; false when it is no such change. Texts are the change's own. */
bool pipeline_assignment_of(const struct change *change, struct pipeline_assignment *ret_assignment);

/* The change of a knob that does what a finding asks for, "set:knob/P=10", in the arena; NULL when none does, or when it cannot be
 * told which. docs/pipeline.md has the rule. */
const char *pipeline_knob_change(const struct pipeline_file *file, const struct finding *finding,
                                 struct arena *arena);

/* The files that knobs are in. */
struct pipeline_kept;
WARN_UNUSED int pipeline_files_keep(const struct pipeline_file *file, struct pipeline_kept **ret_kept,
                                    struct err *err);
WARN_UNUSED int pipeline_files_set(const struct pipeline_edit *edits, size_t count, struct err *err);
/* Puts them back and forgets them. NULL is allowed. */
WARN_UNUSED int pipeline_files_restore(struct pipeline_kept *kept, struct err *err);

#endif
