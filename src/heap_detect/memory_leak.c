/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory-leak: what one stack allocated stands more and more to the end, and next to none of it is ever freed (in Python: of what a
 * line's native stacks allocated, each looked at alone). Of a run whose
 * allocations were recorded: the samples of kind alloc and free say when, the heap table what was left. No time is lost until
 * the memory is used up. What is built up once (a cache, a table) stops growing, and is none.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/attribution.h"
#include "analyze/trend.h"
#include "base/clock.h"
#include "base/num.h"
#include "heap_detect/heap_detectors.h"
#include "heap_detect/heap_sites.h"
#include "model/meta.h"

#define LEFT_BYTES_MIN (512u * 1024)
#define PEAK_RATIO     0.1  /* of the run's peak, at least */
#define WARNING_S      3600 /* memory that is used up so soon is a warning, later it is worth knowing */
#define CANDIDATES_MAX 8
#define STACK_KNOWN    (1u << CANDIDATES_MAX)
#define QUARTERS       4
#define STACK_TOLD     5
#define RSS_POINTS_MIN 5 /* fewer looks tell nothing of a pace */

/* A site that may leak, and what stood of it over time. */
struct growing {
    const struct heap_site *site;
    struct run_series series;
    double value;
    int status;
};

struct watching {
    const struct scene *scene;
    struct growing items[CANDIDATES_MAX];
    size_t count;
    uint16_t
        *by_stack; /* bits: the candidates whose site that stack belongs to; STACK_KNOWN: it was looked at */
};

static int compare_held(const void *a, const void *b)
{
    const struct heap_site *x = a, *y = b;
    return (x->held_bytes < y->held_bytes) - (x->held_bytes > y->held_bytes);
}

static bool may_leak(const struct heap_site *site, uint64_t peak_bytes)
{
    return site->stack != RUN_NONE && site->process != RUN_NONE && site->held_bytes >= LEFT_BYTES_MIN &&
           (double)site->held_bytes >= PEAK_RATIO * (double)peak_bytes;
}

/* A program has many more samples than stacks. */
static unsigned candidates_of(const struct watching *watching, uint32_t stack)
{
    const struct run *run = watching->scene->run;

    if (stack >= run->stacks.count)
        return 0;
    if (!watching->by_stack[stack]) {
        uint32_t site = heap_site_stack(run, stack);
        unsigned bits = STACK_KNOWN;
        for (size_t i = 0; i < watching->count; i++)
            bits |= watching->items[i].site->stack == site ? 1u << i : 0;
        watching->by_stack[stack] = (uint16_t)bits;
    }
    return watching->by_stack[stack];
}

static int add_samples(void *context, const struct batch *batch, struct err *err)
{
    struct watching *watching = context;
    const struct run *run = watching->scene->run;

    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_sample row;
        batch_row(batch, i, (uint64_t *)&row);
        if ((row.kind != SAMPLE_ALLOC && row.kind != SAMPLE_FREE) || !row.stack || !row.track)
            continue;
        unsigned candidates =
            row.stack <= run->stacks.count ? candidates_of(watching, (uint32_t)(row.stack - 1)) : 0;
        for (size_t j = 0; j < watching->count; j++) {
            struct growing *growing = &watching->items[j];
            if (!(candidates & 1u << j) || row.track > run->tracks.count ||
                run_process_name(run, (uint32_t)(row.track - 1), row.time_ns) != growing->site->program)
                continue;
            growing->value += row.kind == SAMPLE_ALLOC ? (double)row.weight : -(double)row.weight;
            growing->series.last = (struct run_point){.time_ns = row.time_ns, .value = growing->value};
            if (vec_push(&growing->series.points, growing->series.last))
                return err_memory(err);
        }
    }
    return 0;
}

/* The slowest and the fastest of the rise's quarters. */
static void rates_of(const struct growing *growing, const struct trend *trend, double *ret_low,
                     double *ret_high)
{
    uint64_t step_ns = (trend->end_ns - trend->start_ns) / QUARTERS;

    *ret_low = *ret_high = trend->rate_per_s;
    for (uint64_t i = 0; i < QUARTERS && step_ns; i++) {
        double rate = trend_rate_between(&growing->series, trend->start_ns + i * step_ns,
                                         trend->start_ns + (i + 1) * step_ns);
        *ret_low = rate < *ret_low ? rate : *ret_low;
        *ret_high = rate > *ret_high ? rate : *ret_high;
    }
}

static const char *bytes_text(const struct scene *scene, double bytes)
{
    double value = bytes < 0 ? 0 : bytes;
    const char *unit = value >= 1e9 ? "GB" : value >= 1e6 ? "MB" : "kB";
    value /= value >= 1e9 ? 1e9 : value >= 1e6 ? 1e6 : 1e3;
    const char *text = arena_printf(scene->arena, "%.*f %s", value < 10 ? 1 : 0, value, unit);
    return text ? text : "";
}

static const char *stack_text(const struct scene *scene, uint32_t stack)
{
    const struct run *run = scene->run;
    const char *text = NULL;
    bool is_script = attribute_script_stack(run, stack) != RUN_NONE;

    for (size_t told = 0; stack < run->stacks.count && told < STACK_TOLD;
         stack = run->stacks.items[stack].parent) {
        uint32_t frame = run->stacks.items[stack].frame;
        const char *function = frame < run->frames.count ? run->frames.items[frame].function : NULL;
        if (!function || !function[0] || (is_script && !attribute_is_script(&run->frames.items[frame])))
            continue;
        text = text ? arena_printf(scene->arena, "%s < %s", text, function) : function;
        told++;
        if (!text)
            break;
    }
    return text ? text : "";
}

/* Where the line frees as well: what of it never is. */
static const char *held_text(const struct scene *scene, const struct heap_site *site)
{
    const char *text = NULL;

    if (site->held_bytes < site->left_bytes)
        text = arena_printf(scene->arena, ", %s of them by calls below it of which next to nothing was freed",
                            bytes_text(scene, (double)site->held_bytes));
    return text ? text : "";
}

static int claim_growing(const struct scene *scene, struct cause_claims *claims,
                         const struct growing *growing, const struct trend *trend, struct err *err)
{
    const struct heap_site *site = growing->site;
    const struct run_series *total = trend_series(scene->run, RUN_NONE, SERIES_MEMORY_TOTAL);
    const struct run_series *rss = trend_series(scene->run, site->process, SERIES_RSS);
    double low, high, limit = total ? total->last.value : 0;
    double left_s = limit > trend->last ? (limit - trend->last) / trend->rate_per_s : WARNING_S;
    struct cause_claim claim = {
        .cause = "memory-leak",
        .where = {.process = site->program, .stage = scene->run->has_spans ? NULL : site->program},
        .is_growth = true,
        .priority = left_s < WARNING_S ? PRIORITY_P2 : PRIORITY_P3};

    heap_site_place(scene->run, site->stack, &claim.where);
    rates_of(growing, trend, &low, &high);
    claim.title = arena_printf(scene->arena, "%s allocates memory that is never freed: %s more every second",
                               scene_place(scene, &claim.where), bytes_text(scene, trend->rate_per_s));
    claim_evidence(
        scene, &claim,
        "what it allocated and nothing freed rose from %s to %s in %s, by %s to %s a second in each quarter",
        bytes_text(scene, trend->low), bytes_text(scene, trend->high),
        scene_duration(scene, trend->end_ns - trend->start_ns), bytes_text(scene, low),
        bytes_text(scene, high));
    claim_evidence(scene, &claim, "%s of its %s were left when the program ended%s",
                   bytes_text(scene, (double)site->left_bytes), bytes_text(scene, (double)site->bytes),
                   held_text(scene, site));
    claim_evidence(scene, &claim, "allocated by %s", stack_text(scene, site->stack));
    if (rss && rss->points.count >= RSS_POINTS_MIN)
        claim_evidence(scene, &claim, "the process's resident memory grew by %s a second meanwhile",
                       bytes_text(scene, trend_rate_between(rss, trend->start_ns, trend->end_ns)));
    if (limit > 0)
        claim_evidence(scene, &claim, "at that pace the machine's memory (%s) is used up in %s",
                       bytes_text(scene, limit), scene_duration(scene, num_u64(left_s * (double)NS_PER_S)));
    return claim_add(claims, &claim, err);
}

static int watch(struct watching *watching, struct cause_claims *claims, struct err *err)
{
    const struct scene *scene = watching->scene;
    struct view_query query = {.table = TABLE_SAMPLE, .range_column = VIEW_NO_RANGE};
    int status;

    watching->by_stack = calloc(scene->run->stacks.count + 1, sizeof *watching->by_stack);
    status = watching->by_stack ? view_scan(scene->run->view, &query, add_samples, watching, err)
                                : err_memory(err);
    for (size_t i = 0; i < watching->count && !status; i++) {
        struct trend trend;
        if (trend_of(&watching->items[i].series, &trend) && trend.is_lasting)
            status = claim_growing(scene, claims, &watching->items[i], &trend, err);
    }
    return status;
}

int detect_memory_leak(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    struct watching watching = {.scene = scene};
    struct heap_sites sites = {0};
    const char *peak_text = view_meta(scene->run->view, META_HEAP_PEAK_BYTES);
    uint64_t peak_bytes = 0;
    int status =
        peak_text && !num_parse_u64(peak_text, &peak_bytes) ? heap_sites_load(scene->run, &sites, err) : 0;

    if (sites.items.count)
        qsort(sites.items.items, sites.items.count, sizeof *sites.items.items, compare_held);
    for (size_t i = 0; i < sites.items.count && watching.count < CANDIDATES_MAX; i++)
        if (may_leak(&sites.items.items[i], peak_bytes))
            watching.items[watching.count++] = (struct growing){.site = &sites.items.items[i]};
    if (!status && watching.count)
        status = watch(&watching, claims, err);
    for (size_t i = 0; i < watching.count; i++)
        vec_free(&watching.items[i].series.points);
    free(watching.by_stack);
    heap_sites_free(&sites);
    return status;
}
