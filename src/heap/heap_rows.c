/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "model/meta.h"

#define POINTS_NS      (100 * NS_PER_MS)
#define SAMPLES_PART   50 /* rows come after one part in so many of the time so far, */
#define SAMPLES_NS_MIN (100 * NS_PER_MS)
#define SAMPLES_NS_MAX (5 * NS_PER_S)

/* Sums of sampled mode may end a rounding error below 0. */
static uint64_t whole(double value)
{
    return value > 0 ? num_u64(value + 0.5) : 0;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static int series_make(struct heap_rows *rows, struct heap_image *image, const struct heap_host *host,
                       struct sink *sink, struct err *err)
{
    int status = rows->name ? 0 : sink_intern(sink, SERIES_HEAP, &rows->name, err);

    if (!status && !rows->unit)
        status = sink_intern(sink, "bytes", &rows->unit, err);
    image->series = host->series(host->context);
    struct row_series row = {
        .id = image->series, .track = image->track, .name = rows->name, .unit = rows->unit};
    return status ? status : sink_append(sink, series, &row, err);
}

static int points_write(struct heap_rows *rows, struct heap_book *book, const struct heap_host *host,
                        struct sink *sink, uint64_t now_ns, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < book->images.count && !status; i++) {
        struct heap_image *image = &book->images.items[i];
        if (!image->track || image->live_bytes == image->written_bytes)
            continue;
        if (!image->series)
            status = series_make(rows, image, host, sink, err);
        struct row_point row = {.series = image->series,
                                .time_ns = now_ns,
                                .value = bits_of(image->live_bytes > 0 ? image->live_bytes : 0)};
        if (!status)
            status = sink_append(sink, point, &row, err);
        image->written_bytes = image->live_bytes;
    }
    return status;
}

static int sample_write(struct sink *sink, const struct row_sample *like, enum sample_kind kind, double bytes,
                        struct err *err)
{
    struct row_sample row = *like;

    row.kind = kind;
    row.weight = whole(bytes);
    return row.weight ? sink_append(sink, sample, &row, err) : 0;
}

static int samples_write(struct heap_book *book, struct sink *sink, uint64_t now_ns, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < book->dirty.count && !status; i++) {
        struct heap_site *site = &book->sites.items[book->dirty.items[i]];
        const struct row_sample like = {
            .time_ns = now_ns, .track = book->images.items[site->image].track, .stack = site->row};
        site->is_dirty = false;
        status = sample_write(sink, &like, SAMPLE_ALLOC, site->bytes - site->written_bytes, err);
        if (!status)
            status =
                sample_write(sink, &like, SAMPLE_FREE, site->freed_bytes - site->written_freed_bytes, err);
        site->written_bytes = site->bytes;
        site->written_freed_bytes = site->freed_bytes;
    }
    book->dirty.count = 0;
    return status;
}

int heap_rows_write(struct heap_rows *rows, struct heap_book *book, const struct heap_host *host,
                    struct sink *sink, uint64_t now_ns, struct err *err)
{
    int status = points_write(rows, book, host, sink, now_ns, err);
    return status ? status : samples_write(book, sink, now_ns, err);
}

int heap_rows_tick(struct heap_rows *rows, struct heap_book *book, const struct heap_host *host,
                   struct sink *sink, uint64_t now_ns, struct err *err)
{
    int status = 0;

    if (now_ns >= rows->points_due_ns) {
        status = points_write(rows, book, host, sink, now_ns, err);
        rows->points_due_ns = now_ns + POINTS_NS;
    }
    if (!status && now_ns >= rows->samples_due_ns) {
        status = samples_write(book, sink, now_ns, err);
        rows->start_ns = rows->start_ns ? rows->start_ns : now_ns;
        rows->samples_due_ns =
            now_ns +
            num_min(num_max((now_ns - rows->start_ns) / SAMPLES_PART, SAMPLES_NS_MIN), SAMPLES_NS_MAX);
    }
    return status;
}

static int attr_u64(struct sink *sink, uint64_t track, const char *key, uint64_t value, struct err *err)
{
    struct row_attr owner = {.owner_table = TABLE_TRACK, .owner = track};
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    return sink_attr(sink, &owner, key, text, err);
}

/* A process may have been several programs: the largest peak of them is its own. */
static int attrs_write(const struct heap_book *book, struct sink *sink, struct err *err)
{
    struct map largest = {0}; /* track → its image of the largest peak */
    int status = 0;

    for (size_t i = 0; i < book->images.count && !status; i++) {
        const struct heap_image *image = &book->images.items[i];
        const uint64_t *known = map_get(&largest, image->track);
        if (!known || image->peak_bytes > book->images.items[*known].peak_bytes)
            status = map_put(&largest, image->track, i) ? err_memory(err) : 0;
    }
    for (size_t i = 0; i < book->images.count && !status; i++) {
        const struct heap_image *image = &book->images.items[i];
        if (image->track && *map_get(&largest, image->track) == i)
            status = attr_u64(sink, image->track, ATTR_HEAP_PEAK_BYTES, whole(image->peak_bytes), err);
    }
    map_free(&largest);
    return status;
}

int heap_rows_table(const struct heap_book *book, struct sink *sink, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < book->sites.count && !status; i++) {
        const struct heap_site *site = &book->sites.items[i];
        const struct heap_image *image = &book->images.items[site->image];
        struct row_heap row = {.track = image->track,
                               .stack = site->row,
                               .kind = site->kind,
                               .start_ns = image->start,
                               .end_ns = image->end,
                               .count = whole(site->count),
                               .bytes = whole(site->bytes),
                               .freed_count = whole(site->freed_count),
                               .freed_bytes = whole(site->freed_bytes),
                               .temporary_count = whole(site->temporary_count),
                               .peak_bytes = whole(site->peak_bytes),
                               .left_bytes = whole(site->left_bytes)};
        status = sink_append(sink, heap, &row, err);
    }
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, whole(book->peak_bytes));
    if (!status)
        status = sink_meta(sink, META_HEAP_PEAK_BYTES, text, err);
    snprintf(text, sizeof text, "%" PRIu64, book->peak_time);
    if (!status)
        status = sink_meta(sink, META_HEAP_PEAK, text, err);
    return status ? status : attrs_write(book, sink, err);
}
