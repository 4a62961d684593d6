/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/heap_sites.h"

#include <string.h>

#include "analyze/attribution.h"
#include "base/str.h"

#define DEPTH_LOOK_MAX 64
#define FREED_PART     10 /* one part in so many of what was asked for, at most: it is held */

static bool starts_with_one(const char *text, const char *const *starts)
{
    for (; *starts; starts++)
        if (str_starts(text, *starts))
            return true;
    return false;
}

/* "<&mut alloc::vec::Vec<T> as core::…>::extend", "<usize as core::fmt::LowerHex>::fmt": of the library's types, and its traits for types
 * that have no module. "<rows::Row as core::…>::fmt" is the program's own. */
static bool is_library_of_rust(const char *function)
{
    static const char *const crates[] = {"alloc::", "core::", "std::", "hashbrown::", NULL};
    const char *type = function + (function[0] == '<');

    while (*type == '&' || str_starts(type, "mut ") || str_starts(type, "dyn "))
        type += *type == '&' ? 1 : strlen("mut ");
    if (starts_with_one(type, crates))
        return true;
    const char *as = function[0] == '<' ? strstr(type, " as ") : NULL;
    const char *module = strstr(type, "::");
    return as && module && module > as && starts_with_one(as + strlen(" as "), crates);
}

bool heap_site_is_library(const char *function)
{
    static const char *const starts[] = {"__gnu_cxx::",  "void std::", "operator new",
                                         "__rust_alloc", "__rustc",    NULL};

    return starts_with_one(function, starts) || is_library_of_rust(function);
}

uint32_t heap_site_stack(const struct run *run, uint32_t stack)
{
    uint32_t script = attribute_script_stack(run, stack);

    return script == RUN_NONE ? stack : script;
}

void heap_site_place(const struct run *run, uint32_t stack, struct where *where)
{
    uint32_t at = stack;

    if (attribute_script_stack(run, stack) != RUN_NONE) {
        attribute_function(run, stack, where);
        return;
    }
    for (size_t depth = 0; at < run->stacks.count && depth < DEPTH_LOOK_MAX; depth++) {
        uint32_t index = run->stacks.items[at].frame;
        const struct run_frame *frame = index < run->frames.count ? &run->frames.items[index] : NULL;
        if (frame && attribute_is_own(frame) && !heap_site_is_library(frame->function)) {
            where->function = frame->function;
            where->file = frame->file && frame->file[0] ? frame->file : NULL;
            where->line = frame->line;
            return;
        }
        at = run->stacks.items[at].parent;
    }
    attribute_function(run, stack, where);
}

struct loading {
    const struct run *run;
    struct heap_sites *sites;
    struct map images; /* hash of track and start: rows of several come mixed */
};

static uint64_t key_of(const char *program, uint32_t stack, bool is_pages)
{
    return map_hash((uint64_t)(uintptr_t)program) ^ map_hash((uint64_t)stack << 1 | is_pages);
}

/* SIZE_MAX: memory ran out. */
static size_t site_of(struct heap_sites *sites, const struct run *run, const struct row_heap *row)
{
    uint32_t process =
        row->track && row->track <= run->tracks.count && run->tracks.items[row->track - 1].present
            ? (uint32_t)(row->track - 1)
            : RUN_NONE;
    uint32_t stack = row->stack && row->stack <= run->stacks.count
                         ? heap_site_stack(run, (uint32_t)(row->stack - 1))
                         : RUN_NONE;
    bool is_script = stack != RUN_NONE && stack == attribute_script_stack(run, stack);
    const char *program = process == RUN_NONE ? "" : run_process_name(run, process, row->end_ns);
    uint64_t key = key_of(program, stack, !is_script && row->kind == ALLOCATION_PAGES);
    const uint64_t *known = map_get(&sites->by_place, key);
    if (known)
        return (size_t)*known;
    struct heap_site site = {
        .program = program, .process = process, .stack = stack, .is_pages = row->kind == ALLOCATION_PAGES};
    if (vec_push(&sites->items, site) || map_put(&sites->by_place, key, sites->items.count - 1))
        return SIZE_MAX;
    return sites->items.count - 1;
}

static int part_add(struct heap_sites *sites, size_t site, const struct row_heap *row)
{
    uint64_t key = map_hash(site) ^ map_hash(row->stack << 1 | (row->kind == ALLOCATION_PAGES));
    const uint64_t *known = map_get(&sites->by_part, key);

    if (!known) {
        if (vec_push(&sites->parts, (struct heap_part){.site = site}) ||
            map_put(&sites->by_part, key, sites->parts.count - 1))
            return -1;
        known = map_get(&sites->by_part, key);
    }
    struct heap_part *part = &sites->parts.items[*known];
    part->bytes += row->bytes;
    part->freed_bytes += row->freed_bytes;
    part->left_bytes += row->left_bytes;
    return 0;
}

int heap_sites_add(struct heap_sites *sites, const struct run *run, const struct row_heap *row,
                   struct err *err)
{
    size_t index = site_of(sites, run, row);

    if (index == SIZE_MAX || part_add(sites, index, row))
        return err_memory(err);
    struct heap_site *site = &sites->items.items[index];
    if (row->kind == ALLOCATION_PAGES) {
        site->pages_count += row->count;
        site->pages_freed_count += row->freed_count;
    }
    site->is_pages = site->is_pages && row->kind == ALLOCATION_PAGES;
    site->count += row->count;
    site->bytes += row->bytes;
    site->freed_count += row->freed_count;
    site->freed_bytes += row->freed_bytes;
    site->temporary_count += row->temporary_count;
    site->peak_bytes += row->peak_bytes;
    site->left_bytes += row->left_bytes;
    site->left_count += row->left_bytes && row->count > row->freed_count ? row->count - row->freed_count : 0;
    return 0;
}

void heap_sites_end(struct heap_sites *sites)
{
    for (size_t i = 0; i < sites->parts.count; i++) {
        const struct heap_part *part = &sites->parts.items[i];
        if (part->freed_bytes <= part->bytes / FREED_PART)
            sites->items.items[part->site].held_bytes += part->left_bytes;
    }
}

static int load(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;

    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_heap row;
        batch_row(batch, i, (uint64_t *)&row);
        int status = heap_sites_add(loading->sites, loading->run, &row, err);
        if (status)
            return status;
        if (map_put(&loading->images, map_hash(row.track ^ map_hash(row.start_ns)), 1))
            return err_memory(err);
    }
    loading->sites->image_count = loading->images.count;
    return 0;
}

int heap_sites_load(const struct run *run, struct heap_sites *ret_sites, struct err *err)
{
    struct heap_sites sites = {0};
    struct loading loading = {.run = run, .sites = &sites};
    int status = view_scan_all(run->view, TABLE_HEAP, load, &loading, err);

    map_free(&loading.images);
    if (status) {
        heap_sites_free(&sites);
        return status;
    }
    heap_sites_end(&sites);
    *ret_sites = sites;
    return 0;
}

void heap_sites_free(struct heap_sites *sites)
{
    vec_free(&sites->items);
    map_free(&sites->by_place);
    vec_free(&sites->parts);
    map_free(&sites->by_part);
}
