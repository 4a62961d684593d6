/* SPDX-License-Identifier: Apache-2.0 */
#include "model/change.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

static const char *const op_names[CHANGE_OP_COUNT] = {
    [CHANGE_SPEED] = "speed",   [CHANGE_WORKERS] = "workers", [CHANGE_BATCH] = "batch",
    [CHANGE_CACHED] = "cached", [CHANGE_REMOVE] = "remove",   [CHANGE_OVERLAP] = "overlap",
    [CHANGE_CORES] = "cores",   [CHANGE_MODEL] = "model",     [CHANGE_SET] = "set",
};

static const char *const kind_names[CHANGE_KIND_COUNT] = {
    [CHANGE_ANY] = "",
    [CHANGE_STAGE] = "stage",
    [CHANGE_PROCESS] = "process",
    [CHANGE_FUNCTION] = "function",
    [CHANGE_PEER] = "peer",
    [CHANGE_WAIT] = "wait",
    [CHANGE_LOCK] = "lock",
    [CHANGE_AGENT] = "agent",
    [CHANGE_TASK] = "task",
    [CHANGE_KNOB] = "knob",
    [CHANGE_RUN] = "run",
};

const char *change_op_name(enum change_op op)
{
    return op > 0 && op < CHANGE_OP_COUNT ? op_names[op] : "unknown";
}

const char *change_kind_name(enum change_kind kind)
{
    return kind < CHANGE_KIND_COUNT ? kind_names[kind] : "unknown";
}

static int bad_change(struct err *err, const char *text, const char *why)
{
    int status = err_set(err, ERR_USAGE, "could not read change '%s': %s", text, why);
    err_hint(err, "a change is OP:KIND/NAME=VALUE, for example workers:stage/download=10, "
                  "speed:function/parse_row=2, remove:wait/disk_sync");
    return status;
}

static size_t find_name(const char *const *names, size_t count, const char *text, size_t length)
{
    for (size_t i = 1; i < count; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], text, length) == 0)
            return i;
    }
    return 0;
}

static int check_value(const struct change *change, const char *text, struct err *err)
{
    if (change->op == CHANGE_REMOVE)
        return change->text[0] ? bad_change(err, text, "remove takes no value") : 0;
    if (!change->text[0] && change->op != CHANGE_CACHED && change->op != CHANGE_OVERLAP)
        return bad_change(err, text, "the value is missing");
    if (change->op == CHANGE_SPEED && !(change->value > 0))
        return bad_change(err, text, "speed needs a number above 0 (2 is twice as fast)");
    if ((change->op == CHANGE_WORKERS || change->op == CHANGE_CORES || change->op == CHANGE_BATCH) &&
        !(change->value >= 1))
        return bad_change(err, text, "a number of 1 or more is needed");
    return 0;
}

int change_parse(const char *text, struct change *ret_change, struct err *err)
{
    struct change change = {0};
    const char *colon = strchr(text, ':');
    if (!colon)
        return bad_change(err, text, "there is no ':' behind the operation");
    change.op = (enum change_op)find_name(op_names, CHANGE_OP_COUNT, text, (size_t)(colon - text));
    if (!change.op)
        return bad_change(err, text,
                          "the operation is none of speed, workers, batch, cached, remove, overlap, cores, "
                          "model, set");
    const char *name = colon + 1;
    const char *slash = strchr(name, '/');
    if (slash) {
        change.kind =
            (enum change_kind)find_name(kind_names, CHANGE_KIND_COUNT, name, (size_t)(slash - name));
        if (change.kind)
            name = slash + 1;
    }
    const char *equals = change.op == CHANGE_REMOVE ? NULL : strrchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    if (length == 0 || length >= sizeof change.name)
        return bad_change(err, text, "the name is empty or too long");
    memcpy(change.name, name, length);
    if (equals) {
        if (strlen(equals + 1) >= sizeof change.text)
            return bad_change(err, text, "the value is too long");
        snprintf(change.text, sizeof change.text, "%s", equals + 1);
        if (num_parse_double(change.text, &change.value))
            change.value = 0;
    }
    int status = check_value(&change, text, err);
    if (!status)
        *ret_change = change;
    return status;
}

void change_print(const struct change *change, struct str *str)
{
    str_printf(str, "%s:", change_op_name(change->op));
    if (change->kind)
        str_printf(str, "%s/", change_kind_name(change->kind));
    str_append(str, change->name);
    if (change->text[0])
        str_printf(str, "=%s", change->text);
}

bool change_is_ahead(const struct change *change)
{
    return change->op == CHANGE_OVERLAP && strcmp(change->text, CHANGE_AHEAD) == 0;
}

bool change_same_act(const struct change *a, const struct change *b)
{
    return a->op == b->op && change_is_ahead(a) == change_is_ahead(b) && strcmp(a->name, b->name) == 0;
}

const char *change_assumption(const struct change *change)
{
    switch (change->op) {
    case CHANGE_WORKERS: return "independence assumed, and that the other end serves that many at once";
    case CHANGE_BATCH:
        if (change->kind == CHANGE_AGENT)
            return "the tasks are known beforehand, and one answer can hold several of them";
        return "a piece in a batch takes the other end a tenth of one alone, a fifth where it is sent";
    case CHANGE_MODEL: return "the other model does it as well";
    case CHANGE_CACHED:
        if (change->kind == CHANGE_AGENT || change->kind == CHANGE_TASK)
            return "the prompts begin alike, and what they begin with stays as it is";
        return "three of five calls of each request were for its connection";
    case CHANGE_OVERLAP:
        if (change_is_ahead(change))
            return "an item does not need what becomes of the one before it";
        return "the next stage can begin on a part of what it gets";
    case CHANGE_SET:
        return change->kind == CHANGE_RUN && strcmp(change->name, "phases") == 0
                   ? "the work can be cut, or put together, where it has to be"
                   : NULL;
    case CHANGE_SPEED:
    case CHANGE_REMOVE:
    case CHANGE_CORES:
    case CHANGE_OP_COUNT: return NULL;
    }
    return NULL;
}
