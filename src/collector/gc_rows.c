/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/gc_rows.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"

static const char *source_name(enum gc_source source)
{
    static const char *const names[GC_SOURCE_COUNT] = {
        [GC_HSPERFDATA] = "hsperfdata", [GC_USDT] = "usdt", [GC_FUNCTIONS] = "functions"};
    return source < GC_SOURCE_COUNT && names[source] ? names[source] : "";
}

/* NULL: memory ran out. */
static struct gc_owner *owner_of(struct gc_rows *rows, uint64_t track)
{
    const uint64_t *known = map_get(&rows->owner_of, track);
    if (known)
        return &rows->owners.items[*known];
    if (map_put(&rows->owner_of, track, rows->owners.count) ||
        vec_push(&rows->owners, (struct gc_owner){.track = track, .room = GC_SPANS_PER_S}))
        return NULL;
    return &rows->owners.items[rows->owners.count - 1];
}

/* A bucket that fills by GC_SPANS_PER_S each second, and holds as many. */
static bool room_take(struct gc_owner *owner, uint64_t now_ns)
{
    if (now_ns > owner->room_ns) {
        double more = (double)(now_ns - owner->room_ns) / NS_PER_S * GC_SPANS_PER_S;
        owner->room = owner->room + more < GC_SPANS_PER_S ? owner->room + more : GC_SPANS_PER_S;
        owner->room_ns = now_ns;
    }
    if (owner->room < 1)
        return false;
    owner->room -= 1;
    return true;
}

static int attr_write(const struct collectors_host *host, uint64_t span, const char *key, const char *value,
                      struct err *err)
{
    const struct row_attr owner = {.owner_table = TABLE_SPAN, .owner = span};
    return value && *value ? sink_attr(host->sink, &owner, key, value, err) : 0;
}

int gc_rows_pause(struct gc_rows *rows, const struct collectors_host *host, const struct gc_pause *pause,
                  struct err *err)
{
    struct row_span row = {
        .track = pause->track, .category = SPAN_GC, .start_ns = pause->start_ns, .end_ns = pause->end_ns};
    struct gc_owner *owner = owner_of(rows, pause->process_track);

    if (!owner)
        return err_memory(err);
    owner->source = pause->source;
    if (pause->end_ns - pause->start_ns < GC_SHORT_NS && !room_take(owner, pause->end_ns)) {
        owner->missed_count++;
        owner->missed_ns += pause->end_ns - pause->start_ns;
        return 0;
    }
    int status = sink_intern(host->sink, pause->name, &row.name, err);
    if (status)
        return status;
    row.id = host->new_span(host->context);
    status = sink_append(host->sink, span, &row, err);
    if (!status)
        status = attr_write(host, row.id, ATTR_GC_GENERATION, pause->generation, err);
    if (!status)
        status = attr_write(host, row.id, ATTR_GC_CAUSE, pause->cause, err);
    return status ? status : attr_write(host, row.id, ATTR_GC_COLLECTOR, pause->collector, err);
}

int gc_rows_missed(struct gc_rows *rows, const struct gc_owner *missed, struct err *err)
{
    struct gc_owner *owner = owner_of(rows, missed->track);
    if (!owner)
        return err_memory(err);
    owner->source = missed->source;
    owner->missed_count += missed->missed_count;
    owner->missed_ns += missed->missed_ns;
    return 0;
}

static int fact_write(const struct collectors_host *host, const struct gc_owner *owner, const char *key,
                      const char *value, struct err *err)
{
    const struct row_attr track = {.owner_table = TABLE_TRACK, .owner = owner->track};
    return sink_attr(host->sink, &track, key, value, err);
}

int gc_rows_finish(struct gc_rows *rows, const struct collectors_host *host, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < rows->owners.count && !status; i++) {
        const struct gc_owner *owner = &rows->owners.items[i];
        char count[32], ns[32];
        snprintf(count, sizeof count, "%" PRIu64, owner->missed_count);
        snprintf(ns, sizeof ns, "%" PRIu64, owner->missed_ns);
        status = fact_write(host, owner, ATTR_GC_SOURCE, source_name(owner->source), err);
        if (!status && owner->missed_count)
            status = fact_write(host, owner, ATTR_GC_MISSED_COUNT, count, err);
        if (!status && owner->missed_count)
            status = fact_write(host, owner, ATTR_GC_MISSED_NS, ns, err);
    }
    return status;
}

const char *gc_rows_sources(struct gc_rows *rows)
{
    bool is_there[GC_SOURCE_COUNT] = {false};
    size_t length = 0;

    for (size_t i = 0; i < rows->owners.count; i++)
        is_there[rows->owners.items[i].source] = true;
    snprintf(rows->sources, sizeof rows->sources, "none");
    for (unsigned i = GC_HSPERFDATA; i < GC_SOURCE_COUNT; i++)
        if (is_there[i])
            length += (size_t)snprintf(rows->sources + length, sizeof rows->sources - length, "%s%s",
                                       length ? ", " : "", source_name(i));
    return rows->sources;
}

void gc_rows_free(struct gc_rows *rows)
{
    vec_free(&rows->owners);
    map_free(&rows->owner_of);
}
