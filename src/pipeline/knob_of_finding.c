/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which knob does what a finding asks for. A finding says what to change in the run as it was recorded (workers:process/curl=10,
 * batch:peer/127.0.0.1:5432=100); a knob sets such a number where its name, its variable or its place says that it is one (how many at
 * once, how much at a time), and where today's value is the number that the recording showed. More than one such knob: the one whose
 * name has something of the place's; else it cannot be told.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "pipeline/pipeline_command.h"

#define WORD_MAX 64u

/* A finding that things are done one after another saw one worker; of a pool the number is in its facts: "pool size: 4 found". */
static double workers_seen(const struct finding *finding)
{
    if (finding->cause && strcmp(finding->cause, "serial-independent") == 0)
        return 1;
    for (size_t i = 0; i < finding->evidence_count; i++) {
        unsigned found;
        if (sscanf(finding->evidence[i], "pool size: %u found", &found) == 1)
            return found;
    }
    return NAN;
}

static bool same_letters(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]))
            return false;
    return true;
}

/* A word of the place stands in the knob's name: "download" in "download_workers". */
static bool is_named_after(const struct pipeline_knob *knob, const char *place)
{
    size_t length = place ? strlen(place) : 0;
    if (length < 3 || length > WORD_MAX)
        return false;
    for (const char *at = knob->name; strlen(at) >= length; at++)
        if (same_letters(at, place, length))
            return true;
    return false;
}

static bool fits(const struct pipeline_knob *knob, enum knob_role role, double seen)
{
    bool may_be = knob->role == role || (knob->role == KNOB_ROLE_OTHER && role == KNOB_ROLE_WORKERS);
    return knob->is_number && may_be && (isnan(seen) || fabs(knob->now_number - seen) < 1e-9);
}

/* The one knob that fits; a knob whose name says what it is before one whose name does not. */
static const struct pipeline_knob *choose(const struct pipeline_file *file, const struct finding *finding,
                                          enum knob_role role, double seen)
{
    const struct pipeline_knob *best = NULL;
    unsigned best_score = 0, same = 0;
    for (size_t i = 0; i < file->knobs.count; i++) {
        const struct pipeline_knob *knob = &file->knobs.items[i];
        if (!fits(knob, role, seen))
            continue;
        bool is_named =
            is_named_after(knob, finding->where.stage) || is_named_after(knob, finding->where.process);
        unsigned score = 1u + (knob->role == role ? 2u : 0) + (is_named ? 4u : 0);
        same = score == best_score ? same + 1 : score > best_score ? 1 : same;
        best = score > best_score ? knob : best;
        best_score = score > best_score ? score : best_score;
    }
    return same == 1 ? best : NULL;
}

/* The knob's value nearest to a number: the least of its list that is not below it, or the largest. */
static const char *value_near(const struct pipeline_knob *knob, double number, struct arena *arena)
{
    const char *nearest = NULL;
    double nearest_number = NAN, largest = -INFINITY;
    for (size_t i = 0; i < knob->value_count; i++) {
        double value;
        if (num_parse_double(knob->values[i], &value))
            return NULL;
        if (value >= number && !(nearest_number <= value)) {
            nearest = knob->values[i];
            nearest_number = value;
        }
        largest = fmax(largest, value);
    }
    for (size_t i = 0; !nearest && i < knob->value_count; i++) {
        double value;
        if (!num_parse_double(knob->values[i], &value) && value >= largest)
            nearest = knob->values[i];
    }
    if (knob->value_count)
        return nearest;
    number = fmin(fmax(number, knob->low), knob->high);
    if (knob->step > 0)
        number = knob->low + round((number - knob->low) / knob->step) * knob->step;
    return arena_printf(arena, "%.15g", number);
}

const char *pipeline_knob_change(const struct pipeline_file *file, const struct finding *finding,
                                 struct arena *arena)
{
    struct change change;
    if (!finding->change || change_parse(finding->change, &change, NULL) || !(change.value >= 1))
        return NULL;
    bool is_batch = change.op == CHANGE_BATCH;
    if (!is_batch && change.op != CHANGE_WORKERS)
        return NULL;
    const struct pipeline_knob *knob = choose(file, finding, is_batch ? KNOB_ROLE_BATCH : KNOB_ROLE_WORKERS,
                                              is_batch ? NAN : workers_seen(finding));
    /* batch:X=N lets N of today's calls become one. */
    double wanted = is_batch && knob ? change.value * knob->now_number : change.value;
    const char *value = knob ? value_near(knob, wanted, arena) : NULL;
    if (!value || strcmp(value, knob->now) == 0)
        return NULL;
    return arena_printf(arena, "set:knob/%s=%s", knob->name, value);
}
