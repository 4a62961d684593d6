/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change: a hypothetical change to a run, `OP:KIND/NAME=VALUE`.
 *
 *     workers:stage/download=10   speed:function/parse_row=2   remove:wait/disk_sync   workers:process/curl=10
 *
 * `KIND/` may be left out where the name is unique (kind CHANGE_ANY); who resolves it against a run reports an
 * ambiguous or unknown name with the candidates. A name may contain '/', ':' and '=': the value is what follows
 * the last '='. OP remove takes no value.
 */
#ifndef TOLL_MODEL_CHANGE_H
#define TOLL_MODEL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum change_op {
    CHANGE_SPEED = 1,
    CHANGE_WORKERS,
    CHANGE_BATCH,
    CHANGE_CACHED,
    CHANGE_REMOVE,
    CHANGE_OVERLAP,
    CHANGE_CORES,
    CHANGE_MODEL,
    CHANGE_SET,
    CHANGE_OP_COUNT
};

enum change_kind {
    CHANGE_ANY = 0,
    CHANGE_STAGE,
    CHANGE_PROCESS,
    CHANGE_FUNCTION,
    CHANGE_PEER,
    CHANGE_WAIT,
    CHANGE_LOCK,
    CHANGE_AGENT,
    CHANGE_TASK,
    CHANGE_KNOB,
    CHANGE_RUN,
    CHANGE_KIND_COUNT
};

struct change {
    enum change_op op;
    enum change_kind kind;
    char name[256];
    char text[64]; /* the value as written, "" when there is none */
    double value;  /* the value as a number, 0 when it is none */
};

/* ERR_USAGE with what was expected. speed and workers need a number >= 1 (speed: > 0). */
WARN_UNUSED int change_parse(const char *text, struct change *ret_change, struct err *err);
void change_print(const struct change *change, struct str *str);
/* `overlap:…=ahead`: the stage works on the next item while what follows it is at work on this one. Any other overlap hands what
 * a stage makes to the next one in parts: the two are different acts on one place. */
#define CHANGE_AHEAD "ahead"
bool change_is_ahead(const struct change *change);
/* The same act on the same place, whatever the values: of two such changes only one can be made. Kinds are not compared. */
bool change_same_act(const struct change *a, const struct change *b);
/* What has to be true of the program for the change to be possible, "independence assumed"; NULL when nothing is assumed, or
 * when it is plain from the change itself (speed, remove). */
const char *change_assumption(const struct change *change);
const char *change_op_name(enum change_op op);
const char *change_kind_name(enum change_kind kind);

#endif
