/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/change_target.h"

#include <string.h>

#include "base/str.h"
#include "base/suggest.h"

#define CANDIDATE_SHOWN_MAX 12

static uint32_t find_stage(const struct run *run, const char *name, bool process)
{
    for (uint32_t i = 0; i < run->stages.count; i++) {
        if (run->stages.items[i].process == process && strcmp(run->stages.items[i].name, name) == 0)
            return i;
    }
    return RUN_NONE;
}

bool resolve_is_peer(const struct target *target, const struct run_peer *peer)
{
    const char *name = target->change.name;
    if (!peer->kind || (peer->kind == PEER_LOCK) != (target->change.kind == CHANGE_LOCK))
        return false;
    return strcmp(peer->address, name) == 0 || strcmp(peer->name, name) == 0 ||
           (peer->kind != PEER_SOCKET && strcmp(peer->path, name) == 0);
}

static bool has_peer(const struct run *run, const struct target *target)
{
    for (size_t i = 0; i < run->peers.count; i++) {
        if (resolve_is_peer(target, &run->peers.items[i]))
            return true;
    }
    return false;
}

static bool has_function(const struct run *run, const char *name)
{
    for (size_t i = 0; i < run->frames.count; i++) {
        if (run->frames.items[i].function && strcmp(run->frames.items[i].function, name) == 0)
            return true;
    }
    return false;
}

static bool matches(const struct run *run, struct target *target, enum change_kind kind)
{
    target->change.kind = kind;
    const char *name = target->change.name;
    switch (kind) {
    case CHANGE_STAGE:
        target->stage = find_stage(run, name, !run->has_spans);
        return target->stage != RUN_NONE;
    case CHANGE_PROCESS: target->stage = find_stage(run, name, true); return target->stage != RUN_NONE;
    case CHANGE_FUNCTION: return has_function(run, name);
    case CHANGE_PEER:
    case CHANGE_LOCK: return has_peer(run, target);
    case CHANGE_WAIT:
        for (uint32_t reason = 0; reason < WAIT_REASON_COUNT; reason++) {
            if (strcmp(wait_reason_name(reason), name) == 0) {
                target->reason = reason;
                return true;
            }
        }
        return false;
    case CHANGE_RUN: return true;
    case CHANGE_ANY:
    case CHANGE_AGENT:
    case CHANGE_TASK:
    case CHANGE_KNOB:
    case CHANGE_KIND_COUNT: return false;
    }
    return false;
}

static void list_names(const struct run *run, enum change_kind kind, struct str *names)
{
    size_t shown = 0;
    if (kind == CHANGE_ANY || kind == CHANGE_STAGE || kind == CHANGE_PROCESS) {
        for (size_t i = 0; i < run->stages.count && shown < CANDIDATE_SHOWN_MAX; i++) {
            const struct run_stage *stage = &run->stages.items[i];
            if (kind == CHANGE_PROCESS && !stage->process)
                continue;
            str_printf(names, "%s%s/%s", shown++ ? ", " : "", stage->process ? "process" : "stage",
                       stage->name);
        }
    }
    for (size_t i = 0; i < run->frames.count && kind == CHANGE_FUNCTION && shown < CANDIDATE_SHOWN_MAX; i++) {
        if (run->frames.items[i].function)
            str_printf(names, "%s%s", shown++ ? ", " : "", run->frames.items[i].function);
    }
    for (size_t i = 0; i < run->peers.count && shown < CANDIDATE_SHOWN_MAX; i++) {
        const struct run_peer *peer = &run->peers.items[i];
        bool wanted = (kind == CHANGE_PEER && peer->kind && peer->kind != PEER_LOCK) ||
                      (kind == CHANGE_LOCK && peer->kind == PEER_LOCK);
        const char *name = wanted ? (peer->address[0] ? peer->address : peer->path) : "";
        if (wanted && name[0] && (!names->text || !strstr(names->text, name)))
            str_printf(names, "%s%s", shown++ ? ", " : "", name);
    }
    for (uint32_t reason = 0; kind == CHANGE_WAIT && reason < WAIT_REASON_COUNT; reason++)
        str_printf(names, "%s%s", reason ? ", " : "", wait_reason_name(reason));
}

static void weigh(const char *name, const char *candidate, const char **nearest)
{
    if (candidate && suggest_is_near(name, candidate) &&
        (!*nearest || suggest_distance(name, candidate) < suggest_distance(name, *nearest)))
        *nearest = candidate;
}

/* The name that was meant, among all of its kind; NULL when none is near. */
static const char *nearest_name(const struct run *run, const struct change *change)
{
    const char *nearest = NULL, *name = change->name;
    bool is_any = change->kind == CHANGE_ANY;
    for (size_t i = 0; i < run->stages.count; i++) {
        const struct run_stage *stage = &run->stages.items[i];
        if (is_any || change->kind == (stage->process ? CHANGE_PROCESS : CHANGE_STAGE) ||
            (change->kind == CHANGE_STAGE && !run->has_spans))
            weigh(name, stage->name, &nearest);
    }
    for (size_t i = 0; i < run->frames.count && (is_any || change->kind == CHANGE_FUNCTION); i++)
        weigh(name, run->frames.items[i].function, &nearest);
    for (size_t i = 0; i < run->peers.count && (is_any || change->kind == CHANGE_PEER); i++)
        weigh(name, run->peers.items[i].address, &nearest);
    for (uint32_t i = 0; i < WAIT_REASON_COUNT && change->kind == CHANGE_WAIT; i++)
        weigh(name, wait_reason_name(i), &nearest);
    return nearest;
}

static int unknown(const struct run *run, const struct change *change, struct err *err)
{
    struct str names = {0};
    list_names(run, change->kind, &names);
    int status = err_set(err, ERR_USAGE, "could not find %s%s'%s' in the recording",
                         change_kind_name(change->kind), change->kind ? " " : "", change->name);
    const char *nearest = nearest_name(run, change);
    if (nearest)
        err_hint(err, "did you mean '%.100s'? there are: %.360s", nearest, str_text(&names));
    else
        err_hint(err, "there are: %.480s", str_text(&names));
    str_free(&names);
    return status;
}

/* What a setting does is in no recording of a run with another one. */
static int refuse_knob(const struct change *change, struct err *err)
{
    err_set(err, ERR_USAGE, "could not predict what knob '%s' brings: it is in no recording", change->name);
    err_hint(err,
             "'toll experiment set:knob/%.64s=%.32s' tries it; or give what it does to the run: "
             "workers:process/curl=10, batch:peer/127.0.0.1:5432=100",
             change->name, change->text);
    return -ERR_USAGE;
}

int resolve_change(const struct run *run, const struct change *change, struct target *ret_target,
                   struct err *err)
{
    static const enum change_kind kinds[] = {CHANGE_STAGE, CHANGE_PROCESS, CHANGE_FUNCTION,
                                             CHANGE_PEER,  CHANGE_WAIT,    CHANGE_LOCK};
    struct target target = {.change = *change}, found = {0};
    if (change->kind == CHANGE_KNOB)
        return refuse_knob(change, err);
    if (change->kind != CHANGE_ANY) {
        if (!matches(run, &target, change->kind))
            return unknown(run, change, err);
        *ret_target = target;
        return 0;
    }
    struct str candidates = {0};
    size_t count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!matches(run, &target, kinds[i]))
            continue;
        /* Without spans a stage and the program of that name are the same. */
        if (kinds[i] == CHANGE_PROCESS && count == 1 && found.stage == target.stage)
            continue;
        if (count == 0)
            found = target;
        str_printf(&candidates, "%s%s/%s", count++ ? ", " : "", change_kind_name(kinds[i]), change->name);
    }
    int status = 0;
    if (count == 0) {
        status = unknown(run, change, err);
    } else if (count > 1) {
        status = err_set(err, ERR_USAGE, "could not tell what '%s' means: it names more than one thing",
                         change->name);
        err_hint(err, "write one of: %s", str_text(&candidates));
    } else {
        *ret_target = found;
    }
    str_free(&candidates);
    return status;
}
