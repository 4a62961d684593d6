/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/heap_facts.h"

#include <string.h>

#include "analyze/attribution.h"
#include "base/num.h"
#include "heap_detect/heap_sites.h"
#include "model/meta.h"

#define TOP_COUNT       20 /* sites told, by each of: peak, left, count, temporary */
#define STACK_DEPTH_MAX 64

static uint64_t meta_number(const struct view *view, const char *key)
{
    uint64_t value;
    const char *text = view_meta(view, key);
    return text && !num_parse_u64(text, &value) ? value : 0;
}

/* Of a site in Python the functions of Python alone. */
static int fill_frames(const struct run *run, struct arena *arena, uint32_t stack, struct heap_entry *entry)
{
    const char **frames = arena_alloc(arena, STACK_DEPTH_MAX * sizeof *frames);
    bool is_script = attribute_script_stack(run, stack) != RUN_NONE;

    if (!frames)
        return -1;
    for (uint32_t at = stack;
         at != RUN_NONE && at < run->stacks.count && entry->frame_count < STACK_DEPTH_MAX;
         at = run->stacks.items[at].parent) {
        uint32_t frame = run->stacks.items[at].frame;
        const char *function = frame < run->frames.count ? run->frames.items[frame].function : NULL;
        if (is_script && (!function || !attribute_is_script(&run->frames.items[frame])))
            continue;
        frames[entry->frame_count++] = function && function[0] ? function : "?";
    }
    entry->frames = frames;
    return 0;
}

static int fill_entry(const struct run *run, struct arena *arena, const struct heap_site *site,
                      struct heap_entry *ret_entry)
{
    struct heap_entry entry = {.where = {.process = site->program},
                               .is_pages = site->is_pages,
                               .count = site->count,
                               .bytes = site->bytes,
                               .freed_count = site->freed_count,
                               .freed_bytes = site->freed_bytes,
                               .temporary_count = site->temporary_count,
                               .peak_bytes = site->peak_bytes,
                               .left_bytes = site->left_bytes};

    if (site->stack != RUN_NONE)
        heap_site_place(run, site->stack, &entry.where);
    if (fill_frames(run, arena, site->stack, &entry))
        return -1;
    *ret_entry = entry;
    return 0;
}

/* --- the sites that are large in some way --- */

static uint64_t measure(const struct heap_site *site, size_t which)
{
    const uint64_t values[] = {site->peak_bytes, site->left_bytes, site->count, site->temporary_count,
                               site->bytes};
    return values[which];
}
#define MEASURE_COUNT 5

struct ranked {
    uint64_t value;
    size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static void choose(const struct heap_sites *sites, struct ranked *ranked, bool *chosen)
{
    size_t count = sites->items.count;

    for (size_t which = 0; which < MEASURE_COUNT; which++) {
        for (size_t i = 0; i < count; i++)
            ranked[i] = (struct ranked){measure(&sites->items.items[i], which), i};
        qsort(ranked, count, sizeof *ranked, compare_ranked);
        for (size_t i = 0; i < count && i < TOP_COUNT && ranked[i].value; i++)
            chosen[ranked[i].index] = true;
    }
    for (size_t i = 0; i < count; i++) /* and by peak, for their order */
        ranked[i] = (struct ranked){sites->items.items[i].peak_bytes, i};
    qsort(ranked, count, sizeof *ranked, compare_ranked);
}

static int fill_entries(const struct run *run, struct arena *arena, const struct heap_sites *sites,
                        struct heap_facts *facts)
{
    size_t count = sites->items.count;
    struct ranked *ranked = calloc(count + 1, sizeof *ranked);
    bool *chosen = calloc(count + 1, sizeof *chosen);
    struct heap_entry *entries = arena_alloc(arena, (MEASURE_COUNT * TOP_COUNT) * sizeof *entries);
    int status = ranked && chosen && entries ? 0 : -1;

    if (!status && count)
        choose(sites, ranked, chosen);
    for (size_t i = 0; i < count && !status; i++) {
        if (!chosen[ranked[i].index])
            continue;
        status = fill_entry(run, arena, &sites->items.items[ranked[i].index], &entries[facts->entry_count]);
        facts->entry_count++;
    }
    facts->entries = entries;
    facts->entry_hidden_count = count - facts->entry_count;
    free(ranked);
    free(chosen);
    return status;
}

int heap_facts_of(const struct run *run, struct arena *arena, const struct heap_facts **ret_facts,
                  struct err *err)
{
    const char *mode = view_meta(run->view, META_RECORDER_HEAP);
    struct heap_facts *facts = arena_alloc(arena, sizeof *facts);
    struct heap_sites sites = {0};

    *ret_facts = NULL;
    if (!facts)
        return err_memory(err);
    if (!mode || !mode[0] || strcmp(mode, "none") == 0)
        return 0;
    int status = heap_sites_load(run, &sites, err);
    if (status)
        return status;
    uint64_t peak_ns = meta_number(run->view, META_HEAP_PEAK);
    *facts = (struct heap_facts){.mode = mode,
                                 .rate_bytes = meta_number(run->view, META_HEAP_RATE),
                                 .peak_bytes = meta_number(run->view, META_HEAP_PEAK_BYTES),
                                 .peak_ns = peak_ns > run->start_ns ? peak_ns - run->start_ns : 0,
                                 .lost_count = meta_number(run->view, META_HEAP_LOST_COUNT),
                                 .process_count = sites.image_count};
    for (size_t i = 0; i < sites.items.count; i++) {
        const struct heap_site *site = &sites.items.items[i];
        facts->allocated_bytes += site->bytes;
        facts->leaked_bytes += site->left_bytes;
        facts->allocation_count += site->count - site->pages_count;
        facts->freed_count += site->freed_count - site->pages_freed_count;
        facts->temporary_count += site->temporary_count;
    }
    status = fill_entries(run, arena, &sites, facts) ? err_memory(err) : 0;
    heap_sites_free(&sites);
    if (!status)
        *ret_facts = facts;
    return status;
}
