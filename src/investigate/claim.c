/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/claim.h"

#include <string.h>

#include "model/change.h"

static const char *const class_names[EVIDENCE_CLASS_COUNT] = {"measured", "experiment", "rule", "inferred"};
static const char *const stance_names[STANCE_COUNT] = {"support", "neutral", "contradict"};

const char *evidence_class_name(enum evidence_class evidence_class)
{
    return class_names[evidence_class];
}

const char *stance_name(enum stance stance)
{
    return stance_names[stance];
}

bool evidence_class_find(const char *name, enum evidence_class *ret_class)
{
    for (int i = 0; i < EVIDENCE_CLASS_COUNT; i++)
        if (strcmp(class_names[i], name) == 0) {
            *ret_class = (enum evidence_class)i;
            return true;
        }
    return false;
}

bool stance_find(const char *name, enum stance *ret_stance)
{
    for (int i = 0; i < STANCE_COUNT; i++)
        if (strcmp(stance_names[i], name) == 0) {
            *ret_stance = (enum stance)i;
            return true;
        }
    return false;
}

void claim_name(const struct claim *claim, struct str *str)
{
    str_printf(str, "%s/%s", claim->investigator, claim->id);
}

bool claim_is_named(const struct claim *claim, const char *name)
{
    size_t length = strlen(claim->investigator);
    return strncmp(claim->investigator, name, length) == 0 && name[length] == '/' &&
           strcmp(claim->id, name + length + 1) == 0;
}

bool where_overlaps(const struct where *a, const struct where *b)
{
    const struct {
        const char *a, *b;
    } parts[] = {{a->stage, b->stage},
                 {a->process, b->process},
                 {a->function, b->function},
                 {a->peer, b->peer},
                 {a->path, b->path}};
    bool is_one = false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i].a || !parts[i].b)
            continue;
        if (strcmp(parts[i].a, parts[i].b) != 0)
            return false;
        is_one = true;
    }
    return is_one;
}

bool claim_reaches_further(const struct claim *claim)
{
    static const char *const causes[] = {"serial-independent", "cpu-single-thread", "cpu-contention",
                                         "idle-worker",        "straggler",         "imbalance",
                                         "false-parallelism"};
    const struct finding *finding = &claim->finding;
    struct change change;
    struct err ignored;
    bool has_change = finding->change && !change_parse(finding->change, &change, &ignored);
    if (has_change && change.kind != CHANGE_KNOB)
        return change.op == CHANGE_WORKERS || change.op == CHANGE_OVERLAP || change.op == CHANGE_CORES;
    for (size_t i = 0; finding->cause && i < sizeof causes / sizeof causes[0]; i++)
        if (strcmp(causes[i], finding->cause) == 0)
            return true;
    return false;
}

/* --- copies --- */

/* These give false when memory ran out. */

static bool copy_texts(const char *const **texts, size_t count, struct arena *arena)
{
    const char **copies = arena_alloc(arena, (count + 1) * sizeof *copies);
    if (!copies)
        return false;
    for (size_t i = 0; i < count; i++) {
        copies[i] = arena_string(arena, (*texts)[i]);
        if (!copies[i])
            return false;
    }
    *texts = copies;
    return true;
}

static bool copy_fields(const char **const *fields, size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        if (*fields[i] && !(*fields[i] = arena_string(arena, *fields[i])))
            return false;
    }
    return true;
}

static bool copy_where(struct where *where, struct arena *arena)
{
    const char **const fields[] = {&where->stage, &where->process, &where->function,
                                   &where->file,  &where->peer,    &where->path};
    return copy_fields(fields, sizeof fields / sizeof fields[0], arena);
}

int finding_copy(const struct finding *finding, struct arena *arena, struct finding *ret_copy)
{
    struct finding copy = *finding;
    const char **const fields[] = {&copy.cause, &copy.objective, &copy.change,   &copy.assumption,
                                   &copy.title, &copy.fix,       &copy.rationale};
    if (!copy_fields(fields, sizeof fields / sizeof fields[0], arena) || !copy_where(&copy.where, arena) ||
        !copy_where(&copy.where_waiting, arena) || !copy_texts(&copy.evidence, copy.evidence_count, arena) ||
        !copy_texts(&copy.sources, copy.source_count, arena))
        return -1;
    *ret_copy = copy;
    return 0;
}

int claim_copy(const struct claim *claim, struct arena *arena, struct claim *ret_copy)
{
    struct claim copy = *claim;
    const char **const fields[] = {&copy.investigator, &copy.id, &copy.verify, &copy.revert};
    if (finding_copy(&claim->finding, arena, &copy.finding) ||
        !copy_fields(fields, sizeof fields / sizeof fields[0], arena) ||
        !copy_texts(&copy.rows, copy.row_count, arena))
        return -1;
    *ret_copy = copy;
    return 0;
}
