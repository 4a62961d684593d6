/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_book.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

/* Of small allocations the quotient's limit: the rate. */
double heap_weight(double rate_bytes, uint64_t size)
{
    if (rate_bytes <= 0)
        return (double)size;
    double part = -expm1(-(double)size / rate_bytes);
    return part > 0 ? (double)size / part : rate_bytes;
}

static double weight_of(const struct heap_book *book, const struct heap_site *site, uint64_t size)
{
    return heap_weight(site->kind == ALLOCATION_PAGES ? 0 : book->rate_bytes, size);
}

static double count_of(double weight, uint64_t size)
{
    return size ? weight / (double)size : 1;
}

/* --- sites --- */

/* Before what stands of it changes. */
static void site_touch(struct heap_book *book, struct heap_site *site)
{
    if (site->peak == book->peak)
        return;
    site->peak_bytes = site->live_bytes;
    site->peak = book->peak;
}

static void site_note(struct heap_book *book, uint64_t index)
{
    struct heap_site *site = &book->sites.items[index];

    if (site->is_dirty)
        return;
    site->is_dirty = true;
    if (vec_push(&book->dirty, index))
        book->is_failed = true;
}

/* Stacks of other numbers may be the same row: they are one site. One whose row is not told yet is a site of its own. */
static uint64_t site_key(uint64_t row, uint32_t stack, enum allocation_kind kind)
{
    return (row ? (uint64_t)1 << 63 | row << 1 : (uint64_t)stack << 1) | (kind == ALLOCATION_PAGES);
}

/* UINT64_MAX when memory ran out. */
static uint64_t site_find(struct heap_book *book, uint32_t image, uint32_t stack, enum allocation_kind kind)
{
    struct heap_image *of = &book->images.items[image];
    const uint64_t *row = map_get(&of->stack_rows, stack);
    uint64_t key = site_key(row ? *row : 0, stack, kind);
    const uint64_t *known = map_get(&of->sites, key);

    if (known)
        return *known;
    struct heap_site site = {
        .image = image, .stack = stack, .kind = kind, .row = row ? *row : 0, .peak = book->peak};
    if (vec_push(&book->sites, site) || map_put(&of->sites, key, book->sites.count - 1)) {
        book->is_failed = true;
        return UINT64_MAX;
    }
    return book->sites.count - 1;
}

static struct heap_recent *recent_of(struct heap_book *book, uint32_t image, uint32_t stack)
{
    return &book->recent[(stack ^ image * 0x9e3779b1u) & (HEAP_RECENT_COUNT - 1)];
}

static uint64_t site_of(struct heap_book *book, uint32_t image, uint32_t stack, enum allocation_kind kind)
{
    struct heap_recent *recent = recent_of(book, image, stack);

    if (recent->kind == kind && recent->stack == stack && recent->image == image)
        return recent->site;
    uint64_t site = site_find(book, image, stack, kind);
    if (site != UINT64_MAX)
        *recent = (struct heap_recent){.image = image, .stack = stack, .kind = kind, .site = site};
    return site;
}

static void live_change(struct heap_book *book, uint64_t index, double bytes)
{
    struct heap_site *site = &book->sites.items[index];
    struct heap_image *image = &book->images.items[site->image];

    site_touch(book, site);
    site->live_bytes += bytes;
    image->live_bytes += bytes;
    book->live_bytes += bytes;
    if (image->live_bytes > image->peak_bytes)
        image->peak_bytes = image->live_bytes;
}

static void peak_look(struct heap_book *book, uint64_t time)
{
    if (book->live_bytes <= book->peak_bytes)
        return;
    book->peak_bytes = book->live_bytes;
    book->peak_time = time;
    book->peak++;
}

static void site_takes(struct heap_book *book, uint64_t index, uint64_t size, uint64_t time)
{
    struct heap_site *site = &book->sites.items[index];
    double weight = weight_of(book, site, size), count = count_of(weight, size);

    site->count += count;
    site->bytes += weight;
    if (site->kind == ALLOCATION_MALLOC)
        book->count += count;
    live_change(book, index, weight);
    peak_look(book, time);
    site_note(book, index);
}

static void site_gives(struct heap_book *book, uint64_t index, double weight, double count, bool is_temporary)
{
    struct heap_site *site = &book->sites.items[index];

    site->freed_count += count;
    site->freed_bytes += weight;
    if (site->kind == ALLOCATION_MALLOC)
        book->freed_count += count;
    if (is_temporary) {
        site->temporary_count += count;
        site->temporary_bytes += weight;
        book->temporary_count += count;
    }
    live_change(book, index, -weight);
    site_note(book, index);
}

/* --- images --- */

static void image_see(struct heap_image *image, uint64_t time)
{
    image->end = num_max(image->end, time);
}

void heap_book_end(struct heap_book *book, uint32_t index)
{
    struct heap_image *image = &book->images.items[index];

    if (image->is_over)
        return;
    image->is_over = true;
    for (size_t i = 0; i < image->sites.capacity; i++) {
        if (!image->sites.slots[i].used)
            continue;
        struct heap_site *site = &book->sites.items[image->sites.slots[i].value];
        site->left_bytes = site->live_bytes;
        live_change(book, image->sites.slots[i].value, -site->live_bytes);
        site->live_bytes = 0;
    }
    heap_live_free(&image->live);
    vec_free(&image->regions);
    map_free(&image->sites);
    map_free(&image->stack_rows);
}

uint32_t heap_book_image(struct heap_book *book, uint32_t pid, uint64_t nonce, uint64_t now)
{
    struct heap_image image = {.pid = pid, .nonce = nonce, .start = now, .end = now, .written_bytes = -1};

    const uint64_t *last = map_get(&book->by_pid, pid);

    if (last && book->images.items[*last].nonce == nonce)
        return (uint32_t)*last;
    if (last)
        heap_book_end(book, (uint32_t)*last); /* it became another program, or the number another process */
    if (book->images.count >= UINT32_MAX - 1 || vec_push(&book->images, image) ||
        map_put(&book->by_pid, pid, book->images.count - 1)) {
        book->is_failed = true;
        return UINT32_MAX;
    }
    return (uint32_t)(book->images.count - 1);
}

void heap_book_stack(struct heap_book *book, uint32_t index, uint32_t stack, uint64_t row)
{
    struct heap_image *image = &book->images.items[index];

    if (image->is_over)
        return;
    if (map_put(&image->stack_rows, stack, row))
        book->is_failed = true;
    for (int kind = ALLOCATION_MALLOC; kind <= ALLOCATION_PAGES;
         kind++) { /* another thread's ring named it first */
        const uint64_t *site = map_get(&image->sites, site_key(0, stack, (enum allocation_kind)kind));
        if (site)
            book->sites.items[*site].row = row;
    }
    recent_of(book, index, stack)->kind = 0;
}

/* --- blocks --- */

static void block_gives(struct heap_book *book, struct heap_image *image, struct heap_block *block,
                        bool is_temporary)
{
    double weight = weight_of(book, &book->sites.items[block->site], block->size);

    site_gives(book, block->site, weight, count_of(weight, block->size), is_temporary);
    heap_live_remove(&image->live, block);
}

void heap_book_alloc(struct heap_book *book, uint32_t index, const struct heap_event *event)
{
    struct heap_image *image = &book->images.items[index];
    struct heap_block *old = heap_live_find(&image->live, event->address);

    if (image->is_over || !event->address)
        return;
    image_see(image, event->time);
    if (old)
        block_gives(book, image, old, false);
    uint64_t site = site_of(book, index, event->stack, ALLOCATION_MALLOC);
    struct heap_block block = {event->address, event->size, event->time, site};
    if (site == UINT64_MAX || heap_live_add(&image->live, &block)) {
        book->is_failed = true;
        return;
    }
    site_takes(book, site, event->size, event->time);
}

void heap_book_free(struct heap_book *book, uint32_t index, const struct heap_event *event)
{
    struct heap_image *image = &book->images.items[index];
    struct heap_block *block = heap_live_find(&image->live, event->address);

    if (image->is_over)
        return;
    image_see(image, event->time);
    if (block && event->time >= block->since)
        block_gives(book, image, block, event->is_temporary);
}

/* --- pages --- */

static size_t region_at(const struct heap_image *image, uint64_t address)
{
    size_t low = 0, high = image->regions.count;

    while (low < high) { /* the first that ends behind the address */
        size_t middle = low + (high - low) / 2;
        if (image->regions.items[middle].high > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int region_insert(struct heap_image *image, size_t at, const struct heap_region *region)
{
    if (vec_push(&image->regions, *region))
        return -1;
    struct heap_region *items = image->regions.items;
    memmove(items + at + 1, items + at, (image->regions.count - 1 - at) * sizeof *items);
    items[at] = *region;
    return 0;
}

/* A region that is cut in two or shortened counts as freed when it is wholly gone. Returns the bytes that are gone. */
static uint64_t regions_cut(struct heap_book *book, struct heap_image *image, uint64_t low, uint64_t high)
{
    uint64_t bytes = 0;
    size_t at = region_at(image, low);

    while (at < image->regions.count && image->regions.items[at].low < high) {
        struct heap_region *region = &image->regions.items[at], old = *region;
        uint64_t from = num_max(low, old.low), to = num_min(high, old.high);
        bool is_gone = from == old.low && to == old.high;
        site_gives(book, old.site, (double)(to - from), is_gone, false);
        bytes += to - from;
        if (is_gone) {
            memmove(region, region + 1, (image->regions.count - at - 1) * sizeof *region);
            image->regions.count--;
            continue;
        }
        if (from > old.low)
            region->high = from;
        else
            region->low = to;
        if (from > old.low && to < old.high) {
            const struct heap_region rest = {to, old.high, old.site};
            if (region_insert(image, at + 1, &rest))
                book->is_failed = true;
            return bytes;
        }
        at++;
    }
    return bytes;
}

void heap_book_mapped(struct heap_book *book, uint32_t index, const struct heap_event *event)
{
    struct heap_image *image = &book->images.items[index];
    uint64_t low = event->address, high = low + event->size;

    if (image->is_over || !low || high <= low)
        return;
    image_see(image, event->time);
    regions_cut(book, image, low, high);
    uint64_t site = site_of(book, index, event->stack, ALLOCATION_PAGES);
    const struct heap_region region = {low, high, site};
    if (site == UINT64_MAX || region_insert(image, region_at(image, low), &region)) {
        book->is_failed = true;
        return;
    }
    site_takes(book, site, event->size, event->time);
}

uint64_t heap_book_unmapped(struct heap_book *book, uint32_t index, const struct heap_event *event)
{
    struct heap_image *image = &book->images.items[index];
    uint64_t page = 4095, high = event->address + ((event->size + page) & ~page);

    if (image->is_over || high <= event->address)
        return 0;
    image_see(image, event->time);
    return regions_cut(book, image, event->address, high);
}

/* --- the end --- */

void heap_book_close(struct heap_book *book)
{
    for (size_t i = 0; i < book->images.count; i++)
        heap_book_end(book, (uint32_t)i);
    for (size_t i = 0; i < book->sites.count; i++)
        site_touch(book, &book->sites.items[i]);
}

void heap_book_deinit(struct heap_book *book)
{
    for (size_t i = 0; i < book->images.count; i++) {
        struct heap_image *image = &book->images.items[i];
        heap_live_free(&image->live);
        vec_free(&image->regions);
        map_free(&image->sites);
        map_free(&image->stack_rows);
    }
    vec_free(&book->images);
    map_free(&book->by_pid);
    vec_free(&book->sites);
    vec_free(&book->dirty);
}
