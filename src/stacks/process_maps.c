/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/process_maps.h"

#include <stdlib.h>
#include <string.h>

#include "base/search.h"
#include "base/vec.h"

/* A program that maps more code than this keeps what it mapped first. */
#define MAPPING_COUNT_MAX 16384u

struct mapping_set {
    size_t owner_count;
    VEC(struct mapping) items; /* by low, disjoint */
};

struct process_image {
    struct mapping_set *set;
    uint64_t thread_count;
};

static struct process_image *find_process(const struct process_maps *maps, uint32_t pid)
{
    const uint64_t *place = map_get(&maps->processes, pid);
    return place ? (struct process_image *)(uintptr_t)*place : NULL; /* NOLINT(performance-no-int-to-ptr) */
}

static void set_release(struct mapping_set *set)
{
    if (!set || --set->owner_count)
        return;
    vec_free(&set->items);
    free(set);
}

static void forget(struct process_maps *maps, uint32_t pid)
{
    struct process_image *process = find_process(maps, pid);
    if (!process)
        return;
    map_remove(&maps->processes, pid);
    set_release(process->set);
    free(process);
}

static int put_process(struct process_maps *maps, uint32_t pid, struct mapping_set *set, struct err *err)
{
    struct process_image *process = calloc(1, sizeof *process);
    if (!process || map_put(&maps->processes, pid, (uint64_t)(uintptr_t)process)) {
        free(process);
        return err_memory(err);
    }
    process->set = set;
    process->thread_count = 1;
    if (set)
        set->owner_count++;
    return 0;
}

int process_maps_fork(struct process_maps *maps, uint32_t pid, uint32_t parent_pid, struct err *err)
{
    forget(maps, pid);
    const struct process_image *parent = find_process(maps, parent_pid);
    return put_process(maps, pid, parent ? parent->set : NULL, err);
}

int process_maps_thread(struct process_maps *maps, uint32_t pid, struct err *err)
{
    struct process_image *process = find_process(maps, pid);
    if (!process)
        return put_process(maps, pid, NULL, err);
    process->thread_count++;
    return 0;
}

int process_maps_exec(struct process_maps *maps, uint32_t pid, struct err *err)
{
    struct process_image *process = find_process(maps, pid);
    if (!process)
        return put_process(maps, pid, NULL, err);
    set_release(process->set);
    process->set = NULL;
    process->thread_count = 1; /* exec ends all others */
    return 0;
}

void process_maps_exit(struct process_maps *maps, uint32_t pid)
{
    struct process_image *process = find_process(maps, pid);
    if (process && (process->thread_count <= 1 || --process->thread_count == 0))
        forget(maps, pid);
}

/* A set of the process's own, with room for two more (a mapping in the middle of one splits it). */
static struct mapping_set *own_set(struct process_image *process)
{
    struct mapping_set *old = process->set;
    if (old && old->owner_count == 1)
        return vec_reserve(&old->items, old->items.count + 2) ? NULL : old;
    struct mapping_set *set = calloc(1, sizeof *set);
    size_t count = old ? old->items.count : 0;
    if (!set || vec_reserve(&set->items, count + 8)) {
        free(set);
        return NULL;
    }
    if (count)
        memcpy(set->items.items, old->items.items, count * sizeof *set->items.items);
    set->items.count = count;
    set->owner_count = 1;
    set_release(old);
    process->set = set;
    return set;
}

/* The first mapping that ends behind the address. */
static size_t first_behind(const struct mapping_set *set, uint64_t address)
{
    return search_first(i, set->items.count, set->items.items[i].high > address);
}

static void insert_at(struct mapping_set *set, size_t index, struct mapping mapping)
{
    struct mapping *items = set->items.items;
    memmove(items + index + 1, items + index, (set->items.count - index) * sizeof *items);
    items[index] = mapping;
    set->items.count++;
}

static void set_replace(struct mapping_set *set, const struct mapping *mapping)
{
    struct mapping *items = set->items.items;
    size_t first = first_behind(set, mapping->low);
    if (first < set->items.count && items[first].low < mapping->low) {
        struct mapping tail = items[first];
        items[first].high = mapping->low;
        first++;
        if (tail.high > mapping->high) { /* the new one lies in the middle */
            tail.offset += mapping->high - tail.low;
            tail.low = mapping->high;
            insert_at(set, first, tail);
        }
    }
    size_t end = first;
    while (end < set->items.count && items[end].high <= mapping->high)
        end++;
    if (end < set->items.count && items[end].low < mapping->high) {
        items[end].offset += mapping->high - items[end].low;
        items[end].low = mapping->high;
    }
    if (end == first) {
        insert_at(set, first, *mapping);
        return;
    }
    items[first] = *mapping;
    memmove(items + first + 1, items + end, (set->items.count - end) * sizeof *items);
    set->items.count -= end - first - 1;
}

int process_maps_add(struct process_maps *maps, uint32_t pid, const struct mapping *mapping, struct err *err)
{
    struct process_image *process = find_process(maps, pid);
    if (!process) {
        int status = put_process(maps, pid, NULL, err);
        if (status)
            return status;
        process = find_process(maps, pid);
    }
    if (mapping->high <= mapping->low || (process->set && process->set->items.count >= MAPPING_COUNT_MAX))
        return 0;
    struct mapping_set *set = own_set(process);
    if (!set)
        return err_memory(err);
    set_replace(set, mapping);
    return 0;
}

const struct mapping *process_maps_find(const struct process_maps *maps, uint32_t pid, uint64_t address)
{
    const struct process_image *process = find_process(maps, pid);
    if (!process || !process->set)
        return NULL;
    size_t index = first_behind(process->set, address);
    if (index == process->set->items.count || process->set->items.items[index].low > address)
        return NULL;
    return &process->set->items.items[index];
}

void process_maps_free(struct process_maps *maps)
{
    for (size_t i = 0; i < maps->processes.capacity; i++) {
        if (!maps->processes.slots[i].used)
            continue;
        struct process_image *process =
            (struct process_image *)(uintptr_t)maps->processes.slots[i].value; /* NOLINT */
        set_release(process->set);
        free(process);
    }
    map_free(&maps->processes);
}
