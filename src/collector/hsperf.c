/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/hsperf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"

#define PROLOGUE_BYTES  32
#define ENTRY_BYTES     20
#define ENTRY_COUNT_MAX 8192
#define FREQUENCY_MAX   (1000 * NS_PER_S)
#define TICKS_MAX       (UINT64_MAX >> 2)

static const char magic[] = {'\xca', '\xfe', '\xc0', '\xc0'};

static uint32_t get_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t get_u64(const uint8_t *bytes, size_t size, uint32_t at)
{
    uint64_t value;
    if (!at || at > size || size - at < sizeof value)
        return 0;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

/* --- the layout --- */

struct entry {
    const char *name;
    uint32_t data, count; /* where in the file; elements of a text, 0: one number */
    char type;
};

static bool entry_read(const uint8_t *bytes, size_t size, size_t at, struct entry *ret_entry,
                       uint32_t *ret_length)
{
    if (size - at < ENTRY_BYTES)
        return false;
    uint32_t length = get_u32(bytes + at), name = get_u32(bytes + at + 4), data = get_u32(bytes + at + 16);
    if (length < ENTRY_BYTES || length > size - at || name >= length || data >= length ||
        !memchr(bytes + at + name, 0, length - name))
        return false;
    *ret_entry = (struct entry){.name = (const char *)bytes + at + name,
                                .data = (uint32_t)at + data,
                                .count = get_u32(bytes + at + 8),
                                .type = (char)bytes[at + 12]};
    if ((ret_entry->type == 'J' && length - data < sizeof(uint64_t)) ||
        (ret_entry->type == 'B' && ret_entry->count > length - data))
        return false;
    *ret_length = length;
    return true;
}

/* A text may fill its place without an end. */
static void text_read(const uint8_t *bytes, size_t size, uint32_t at, char ret_text[HSPERF_TEXT_BYTES])
{
    size_t length = 0;
    while (at && length < HSPERF_TEXT_BYTES - 1 && at + length < size && bytes[at + length])
        length++;
    memcpy(ret_text, bytes + at, length);
    ret_text[length] = '\0';
}

/* "sun.gc.collector.N.FIELD" */
static void collector_note(struct hsperf_layout *layout, const char *rest, const uint8_t *bytes, size_t size,
                           const struct entry *entry)
{
    char *field;
    unsigned long index = strtoul(rest, &field, 10);
    if (field == rest || *field != '.' || index >= HSPERF_COLLECTOR_MAX)
        return;
    struct hsperf_place *place = &layout->collectors[index];
    field++;
    if (strcmp(field, "name") == 0 && entry->type == 'B')
        text_read(bytes, size, entry->data, place->name);
    else if (entry->type != 'J')
        return;
    else if (strcmp(field, "invocations") == 0)
        place->invocations = entry->data;
    else if (strcmp(field, "time") == 0)
        place->time = entry->data;
    else if (strcmp(field, "lastEntryTime") == 0)
        place->entry = entry->data;
    else if (strcmp(field, "lastExitTime") == 0)
        place->exit = entry->data;
    layout->collector_count = num_max(layout->collector_count, index + 1);
}

static void entry_note(struct hsperf_layout *layout, const uint8_t *bytes, size_t size,
                       const struct entry *entry)
{
    static const char collector[] = "sun.gc.collector.";
    if (str_starts(entry->name, collector))
        collector_note(layout, entry->name + strlen(collector), bytes, size, entry);
    else if (strcmp(entry->name, "sun.os.hrt.frequency") == 0 && entry->type == 'J')
        layout->frequency = get_u64(bytes, size, entry->data);
    else if (strcmp(entry->name, "sun.os.hrt.ticks") == 0 && entry->type == 'J')
        layout->ticks = entry->data;
    else if (strcmp(entry->name, "sun.gc.lastCause") == 0 && entry->type == 'B')
        layout->last_cause = entry->data;
}

bool hsperf_layout_of(const uint8_t *bytes, size_t size, struct hsperf_layout *ret_layout)
{
    static const uint16_t one = 1;
    struct hsperf_layout layout = {0};
    /* magic; byte order, version 2.0; whether all entries are there; bytes used */
    if (size < PROLOGUE_BYTES || memcmp(bytes, magic, sizeof magic) != 0 ||
        bytes[4] != *(const uint8_t *)&one || bytes[5] != 2 || !bytes[7])
        return false;
    uint64_t at = get_u32(bytes + 24), count = num_min(get_u32(bytes + 28), ENTRY_COUNT_MAX);
    uint32_t length = 0;
    for (uint64_t i = 0; i < count; i++, at += length) {
        struct entry entry;
        if (at < PROLOGUE_BYTES || at >= size || !entry_read(bytes, size, at, &entry, &length))
            return false;
        entry_note(&layout, bytes, size, &entry);
    }
    if (!layout.frequency || layout.frequency > FREQUENCY_MAX || !layout.collector_count)
        return false;
    *ret_layout = layout;
    return true;
}

/* --- the watch --- */

static uint64_t scaled_ns(const struct hsperf_watch *watch, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * NS_PER_S / watch->layout.frequency);
}

/* A value of the JVM's clock that was not there in the reading before. */
static void clock_bound(struct hsperf_watch *watch, uint64_t ticks, const struct hsperf_reading *reading)
{
    if (!ticks || ticks > TICKS_MAX)
        return;
    int64_t value_ns = (int64_t)num_min(scaled_ns(watch, ticks), INT64_MAX / 2);
    int64_t high = (int64_t)reading->after_ns - value_ns;
    int64_t low = watch->is_begun ? (int64_t)watch->read_ns - value_ns : INT64_MIN;
    watch->since_low = low > watch->since_low ? low : watch->since_low;
    watch->since_high = high < watch->since_high ? high : watch->since_high;
    if (watch->since_low > watch->since_high) /* the clocks do not go alike: the last word counts */
        watch->since_low = watch->since_high = high;
}

static int pause_tell(struct hsperf_watch *watch, size_t collector, const struct hsperf_pause *pause)
{
    struct hsperf_seen *seen = &watch->seen[collector];
    seen->told_ticks += pause->end_ticks - pause->start_ticks;
    seen->entry = pause->start_ticks;
    seen->exit = pause->end_ticks;
    return vec_push(&watch->pauses, *pause);
}

struct counters {
    uint64_t invocations, time, entry, exit;
};

/* The last pause that is over, if it is new. A JVM counts a pause when it begins, and writes when that was just after. */
static int pauses_take(struct hsperf_watch *watch, size_t index, const struct counters *now,
                       const char *cause)
{
    struct hsperf_seen *seen = &watch->seen[index];
    bool is_open = now->entry > now->exit;
    uint64_t over = now->invocations - is_open;
    struct hsperf_pause pause = {.collector = index, .end_ticks = now->exit};

    if (over <= seen->invocations || over > now->invocations || now->exit <= seen->exit ||
        now->exit > TICKS_MAX)
        return 0;
    uint64_t new_count = over - seen->invocations;
    if (!is_open)
        pause.start_ticks = now->entry;
    else if (new_count == 1 && now->time > seen->time && now->time - seen->time < now->exit)
        pause.start_ticks =
            now->exit - (now->time - seen->time); /* its entry is overwritten by that of the open one */
    bool is_known = pause.start_ticks && pause.start_ticks >= seen->exit;
    snprintf(pause.cause, sizeof pause.cause, "%s", cause);
    seen->invocations = over;
    seen->missed_count += new_count - is_known;
    seen->time = now->time;
    if (!is_known) {
        seen->exit = now->exit;
        return 0;
    }
    return pause_tell(watch, index, &pause);
}

static int collector_read(struct hsperf_watch *watch, size_t index, const struct hsperf_reading *reading,
                          const char *cause)
{
    const struct hsperf_place *place = &watch->layout.collectors[index];
    struct hsperf_seen *seen = &watch->seen[index];
    struct counters now = {.invocations = get_u64(reading->bytes, reading->size, place->invocations),
                           .time = get_u64(reading->bytes, reading->size, place->time),
                           .entry = get_u64(reading->bytes, reading->size, place->entry),
                           .exit = get_u64(reading->bytes, reading->size, place->exit)};

    if (now.entry != seen->read_entry)
        clock_bound(watch, now.entry, reading);
    if (now.exit != seen->read_exit)
        clock_bound(watch, now.exit, reading);
    seen->read_entry = now.entry;
    seen->read_exit = now.exit;
    if (!watch->is_begun && !reading->is_new) { /* what was before is not asked for */
        seen->invocations = now.invocations - (now.entry > now.exit);
        seen->exit = now.exit;
        seen->time = seen->first_time = now.time;
    }
    return pauses_take(watch, index, &now, cause);
}

int hsperf_watch_read(struct hsperf_watch *watch, const struct hsperf_reading *reading)
{
    char cause[HSPERF_TEXT_BYTES];
    int status = 0;

    if (!watch->is_begun) {
        if (!hsperf_layout_of(reading->bytes, reading->size, &watch->layout))
            return 0;
        watch->since_low = INT64_MIN;
        watch->since_high = INT64_MAX;
    }
    text_read(reading->bytes, reading->size, watch->layout.last_cause, cause);
    uint64_t ticks = get_u64(reading->bytes, reading->size, watch->layout.ticks);
    if (ticks != watch->ticks)
        clock_bound(watch, ticks, reading);
    watch->ticks = ticks;
    for (size_t i = 0; i < watch->layout.collector_count && !status; i++)
        status = collector_read(watch, i, reading, cause);
    watch->is_begun = true;
    watch->read_ns = reading->before_ns;
    return status;
}

void hsperf_watch_free(struct hsperf_watch *watch)
{
    vec_free(&watch->pauses);
}

uint64_t hsperf_time_ns(const struct hsperf_watch *watch, uint64_t ticks)
{
    if (watch->since_high == INT64_MAX)
        return 0;
    int64_t since = watch->since_high;
    if (watch->since_low != INT64_MIN)
        since = watch->since_low + (watch->since_high - watch->since_low) / 2;
    int64_t time = since + (int64_t)num_min(scaled_ns(watch, ticks), INT64_MAX / 2);
    return time > 0 ? (uint64_t)time : 0;
}

uint64_t hsperf_error_ns(const struct hsperf_watch *watch)
{
    if (watch->since_low == INT64_MIN || watch->since_high == INT64_MAX)
        return UINT64_MAX;
    return (uint64_t)(watch->since_high - watch->since_low) / 2;
}

void hsperf_missed(const struct hsperf_watch *watch, uint64_t *ret_count, uint64_t *ret_ns)
{
    uint64_t count = 0, ticks = 0;
    for (size_t i = 0; i < watch->layout.collector_count; i++) {
        const struct hsperf_seen *seen = &watch->seen[i];
        uint64_t told = seen->first_time + seen->told_ticks;
        count += seen->missed_count;
        ticks += seen->missed_count && seen->time > told ? seen->time - told : 0;
    }
    *ret_count = count;
    *ret_ns = count ? scaled_ns(watch, ticks) : 0;
}

const char *hsperf_generation(const char *collector)
{
    static const char *const known[][2] = {
        {"young", "young"},       {"incremental", "young"},      {"Copy", "young"},
        {"PSScavenge", "young"},  {"ParNew", "young"},           {"full", "full"},
        {"MSC", "full"},          {"PSParallelCompact", "full"}, {"concurrent", "concurrent"},
        {"phases", "concurrent"}, {"CMS", "concurrent"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strstr(collector, known[i][0]))
            return known[i][1];
    return "";
}
