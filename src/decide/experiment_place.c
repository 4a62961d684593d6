/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_place.h"

#include <stdio.h>
#include <string.h>

#define MOST_RATIO 0.95 /* of the time at a place, for one process to stand for it */

static bool are_equal(const char *one, const char *other)
{
    return one && other && strcmp(one, other) == 0;
}

static const char *field_of(const struct where *where, enum change_kind kind)
{
    switch (kind) {
    case CHANGE_STAGE: return where->stage;
    case CHANGE_PROCESS: return where->process;
    case CHANGE_FUNCTION: return where->function;
    case CHANGE_PEER:
    case CHANGE_LOCK: return where->peer;
    case CHANGE_ANY:
    case CHANGE_WAIT:
    case CHANGE_AGENT:
    case CHANGE_TASK:
    case CHANGE_KNOB:
    case CHANGE_RUN:
    case CHANGE_KIND_COUNT: break;
    }
    return NULL;
}

struct sought {
    enum change_kind kind;
    const char *name; /* of the stage, function, peer; of a path: kind CHANGE_ANY */
};

static bool is_there(const struct path_entry *entry, const struct sought *sought)
{
    if (sought->kind == CHANGE_ANY)
        return are_equal(entry->where.path, sought->name);
    if (sought->kind == CHANGE_WAIT)
        return entry->doing != DOING_CPU && are_equal(doing_name(entry->doing), sought->name);
    return are_equal(field_of(&entry->where, sought->kind), sought->name);
}

/* The process that has the most of the path at that place, when that is nearly all of it. */
static void process_at(const struct verdict *verdict, const struct sought *sought,
                       struct experiment_place *place)
{
    uint64_t total_ns = 0, most_ns = 0;
    for (size_t i = 0; i < verdict->path_count; i++) {
        if (!is_there(&verdict->path[i], sought))
            continue;
        const char *process = verdict->path[i].where.process;
        uint64_t own_ns = 0;
        total_ns += verdict->path[i].ns;
        for (size_t j = 0; process && j < verdict->path_count; j++)
            if (is_there(&verdict->path[j], sought) && are_equal(verdict->path[j].where.process, process))
                own_ns += verdict->path[j].ns;
        if (own_ns > most_ns) {
            most_ns = own_ns;
            place->process = process;
        }
    }
    if (place->process && (double)most_ns >= MOST_RATIO * (double)total_ns)
        return;
    snprintf(place->why_not, sizeof place->why_not,
             place->process ? "several programs have a part in '%.100s'"
                            : "'%.100s' is not on the critical path of the recording, in no program",
             sought->name);
    place->process = NULL;
}

/* Whether the process does something on the path outside the stage. */
static bool does_more(const struct verdict *verdict, const char *process, const struct sought *sought)
{
    for (size_t i = 0; i < verdict->path_count; i++)
        if (are_equal(verdict->path[i].where.process, process) && !is_there(&verdict->path[i], sought))
            return true;
    return false;
}

static bool is_process(const struct verdict *verdict, const char *name)
{
    for (size_t i = 0; i < verdict->path_count; i++)
        if (are_equal(verdict->path[i].where.process, name))
            return true;
    return false;
}

static void find_in_recording(const struct verdict *verdict, const struct sought *sought,
                              struct experiment_place *place)
{
    process_at(verdict, sought, place);
    if (!place->process && sought->kind == CHANGE_STAGE && is_process(verdict, sought->name)) {
        place->process = sought->name;
        return;
    }
    if (!place->process)
        return;
    place->is_wider = does_more(verdict, place->process, sought);
    if (!place->is_wider || sought->kind != CHANGE_STAGE)
        return;
    snprintf(place->why_not, sizeof place->why_not,
             "stage '%.100s' is a part of what '%.100s' does, not a process of its own", sought->name,
             place->process);
    place->process = NULL;
    place->span = sought->name;
}

/* What the change is about, or the claim where the change says nothing that is a place. */
static bool seek(const struct change *change, const struct where *where, struct sought *sought)
{
    bool has_name = change->kind == CHANGE_STAGE || change->kind == CHANGE_FUNCTION ||
                    change->kind == CHANGE_PEER || change->kind == CHANGE_LOCK || change->kind == CHANGE_WAIT;
    *sought = (struct sought){.kind = change->kind, .name = has_name ? change->name : NULL};
    if (has_name || !where)
        return has_name;
    static const enum change_kind kinds[] = {CHANGE_PEER, CHANGE_FUNCTION, CHANGE_STAGE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sought->kind = kinds[i];
        sought->name = field_of(where, kinds[i]);
        if (sought->name)
            return true;
    }
    sought->kind = CHANGE_ANY;
    sought->name = where->path;
    return sought->name != NULL;
}

void experiment_place_find(const struct change *change, const struct where *where,
                           const struct verdict *verdict, struct experiment_place *ret_place)
{
    struct sought sought;
    *ret_place = (struct experiment_place){0};
    /* `cores:` and settings of the run name no place. */
    bool is_named = change->kind == CHANGE_ANY && change->op != CHANGE_CORES;
    bool is_plain =
        change->kind == CHANGE_PROCESS || (is_named && (!verdict || is_process(verdict, change->name)));
    if (is_plain) {
        ret_place->process = change->name;
    } else if (change->kind == CHANGE_STAGE && !verdict) {
        ret_place->process = change->name;
    } else if (is_named) {
        sought = (struct sought){CHANGE_STAGE, change->name};
        find_in_recording(verdict, &sought, ret_place);
    } else if (!seek(change, where, &sought)) {
        if (where && where->process)
            ret_place->process = where->process;
        else
            snprintf(ret_place->why_not, sizeof ret_place->why_not, "it names no part of the run");
    } else if (!verdict) {
        snprintf(ret_place->why_not, sizeof ret_place->why_not,
                 "which program has to do with '%.100s' only a recording can tell", sought.name);
    } else {
        find_in_recording(verdict, &sought, ret_place);
    }
}
