/* SPDX-License-Identifier: Apache-2.0 */
#include "heap_detect/path_samples.h"

#include <string.h>

#include "analyze/attribution.h"
#include "base/map.h"
#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"

#define DEPTH_LOOK_MAX 64

/* --- what a stack is in --- */

static const struct run_frame *frame_at(const struct run *run, uint32_t stack)
{
    uint32_t frame = stack < run->stacks.count ? run->stacks.items[stack].frame : RUN_NONE;
    return frame < run->frames.count ? &run->frames.items[frame] : NULL;
}

static const char *module_name(const struct run_frame *frame)
{
    const char *slash = frame->module ? strrchr(frame->module, '/') : NULL;
    return slash ? slash + 1 : frame->module ? frame->module : "";
}

/* Functions of allocators that are not behind malloc in the C library; their parts begin with the same letters. */
static bool is_allocator(const struct run_frame *frame)
{
    static const char *const exact[] = {"malloc",       "free",           "calloc",        "realloc",
                                        "cfree",        "posix_memalign", "aligned_alloc", "memalign",
                                        "reallocarray", "valloc"};
    static const char *const prefixes[] = {"_int_malloc",
                                           "_int_free",
                                           "_int_realloc",
                                           "_int_memalign",
                                           "__libc_malloc",
                                           "__libc_free",
                                           "__libc_calloc",
                                           "__libc_realloc",
                                           "__GI___libc_malloc",
                                           "__GI___libc_free",
                                           "__GI___libc_realloc",
                                           "malloc_consolidate",
                                           "unlink_chunk",
                                           "sysmalloc",
                                           "systrim",
                                           "tcache_",
                                           "operator new",
                                           "operator delete",
                                           "je_",
                                           "mi_malloc",
                                           "mi_free",
                                           "tc_malloc",
                                           "tc_free",
                                           "tcmalloc::"};
    const char *name = frame->function;

    if (!name || str_starts(module_name(frame), "libtoll_heap"))
        return false;
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
        if (strcmp(name, exact[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (str_starts(name, prefixes[i]))
            return true;
    return false;
}

/* The allocator and what it calls lie innermost: behind the first function of the program's own nothing is looked at. The
 * recording's own library in between is no time of the program's. */
const char *stack_in_allocator(const struct run *run, uint32_t stack)
{
    for (size_t depth = 0; stack < run->stacks.count && depth < DEPTH_LOOK_MAX; depth++) {
        const struct run_frame *frame = frame_at(run, stack);
        if (frame && is_allocator(frame))
            return frame->function;
        if (frame && (attribute_is_own(frame) || str_starts(module_name(frame), "libtoll_heap")))
            return NULL;
        stack = run->stacks.items[stack].parent;
    }
    return NULL;
}

const char *stack_in_collector(const struct run *run, uint32_t stack)
{
    for (size_t depth = 0; stack < run->stacks.count && depth < DEPTH_LOOK_MAX; depth++) {
        const struct run_frame *frame = frame_at(run, stack);
        const char *part = frame ? scene_collector_part(frame->function) : NULL;
        if (part)
            return part;
        stack = run->stacks.items[stack].parent;
    }
    return NULL;
}

/* --- the path's time --- */

static uint64_t hash_of(const char *text)
{
    return text ? map_hash_bytes(text, strlen(text)) : 0;
}

/* `places`: hash of program and function → index in times. */
static struct inside_time *time_of(struct inside_times *times, struct map *places, const struct where *where)
{
    uint64_t key = map_hash(hash_of(where->process)) ^ hash_of(where->function);
    const uint64_t *known = map_get(places, key);

    if (known)
        return &times->items.items[*known];
    if (vec_push(&times->items, (struct inside_time){.where = *where}) ||
        map_put(places, key, times->items.count - 1))
        return NULL;
    return &times->items.items[times->items.count - 1];
}

static void add_sample(struct inside_time *item, const struct run_sample *sample, uint64_t ns,
                       const char *inner)
{
    item->ns += ns;
    item->weight += sample->weight;
    if (!inner)
        return;
    item->inside_ns += ns;
    item->inside_weight += sample->weight;
    item->inner = inner;
}

static int add_step(const struct scene *scene, const struct path_step *step, stack_is_fn *is_inside,
                    bool by_function, struct inside_times *times, struct map *places)
{
    const struct run *run = scene->run;
    const struct run_track *track = &run->tracks.items[step->actor];
    size_t first = run_samples_before(track, step->start_ns), last = run_samples_before(track, step->end_ns);
    uint64_t left_ns = step->end_ns - step->start_ns;
    const char *process = run_process_name(run, step->actor, step->end_ns);
    const struct where whole = {.process = process, .stage = run->has_spans ? NULL : process};

    for (size_t i = first; i < last; i++) {
        uint64_t part_ns = left_ns / (last - i);
        struct where where = whole;
        if (by_function)
            attribute_function(run, track->samples.items[i].stack, &where);
        struct inside_time *item = time_of(times, places, &where);
        left_ns -= part_ns;
        if (!item)
            return -1;
        add_sample(item, &track->samples.items[i], part_ns, is_inside(run, track->samples.items[i].stack));
    }
    if (first < last || by_function)
        return 0;
    struct inside_time *item = time_of(times, places, &whole);
    if (!item)
        return -1;
    item->unhit_ns += left_ns;
    return 0;
}

/* Stretches shorter than a sample's period are seldom hit: as in attribution, what the samples stand for is shared out, where
 * that is no minor part. */
static void share_unhit(const struct run *run, struct inside_time *item)
{
    const char *unit = view_meta(run->view, META_SAMPLE_UNIT);
    bool weights_are_ns = !unit || strcmp(unit, "ns") == 0;
    uint64_t seen_ns = num_max(item->ns, weights_are_ns ? item->weight : 0);

    if (!item->weight || seen_ns < item->unhit_ns / 2)
        return;
    item->ns += item->unhit_ns;
    item->inside_ns +=
        num_u64((double)item->unhit_ns * num_ratio(num_min(item->inside_weight, item->weight), item->weight));
}

static int compare_times(const void *a, const void *b)
{
    const struct inside_time *x = a, *y = b;
    return (x->inside_ns < y->inside_ns) - (x->inside_ns > y->inside_ns);
}

int inside_times_of(const struct scene *scene, stack_is_fn *is_inside, bool by_function,
                    struct inside_times *ret_times, struct err *err)
{
    struct inside_times times = {0};
    struct map places = {0};
    int status = 0;

    for (size_t i = 0; !status && i < scene->path->steps.count; i++) {
        const struct path_step *step = &scene->path->steps.items[i];
        if (step->doing != DOING_CPU || step->actor == RUN_NONE)
            continue;
        status = add_step(scene, step, is_inside, by_function, &times, &places);
    }
    map_free(&places);
    if (status) {
        inside_times_free(&times);
        return err_memory(err);
    }
    for (size_t i = 0; i < times.items.count; i++)
        share_unhit(scene->run, &times.items.items[i]);
    if (times.items.count)
        qsort(times.items.items, times.items.count, sizeof *times.items.items, compare_times);
    *ret_times = times;
    return 0;
}

uint64_t inside_before_ns(const struct scene *scene, stack_is_fn *is_inside, const char *process,
                          uint64_t before_ns)
{
    struct inside_times times = {0};
    struct map places = {0};
    uint64_t ns = 0;
    int status = 0;

    for (size_t i = 0; !status && i < scene->path->steps.count; i++) {
        struct path_step step = scene->path->steps.items[i];
        if (step.start_ns >= before_ns)
            break;
        step.end_ns = num_min(step.end_ns, before_ns);
        if (step.doing == DOING_CPU && step.actor != RUN_NONE &&
            strcmp(run_process_name(scene->run, step.actor, step.end_ns), process) == 0)
            status = add_step(scene, &step, is_inside, false, &times, &places);
    }
    for (size_t i = 0; i < times.items.count; i++) {
        share_unhit(scene->run, &times.items.items[i]);
        ns += times.items.items[i].inside_ns;
    }
    map_free(&places);
    inside_times_free(&times);
    return ns;
}

void inside_times_free(struct inside_times *times)
{
    vec_free(&times->items);
}
