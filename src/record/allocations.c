/* SPDX-License-Identifier: Apache-2.0 */
#include "record/allocations.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "model/meta.h"

static const char *const names[] = {[HEAP_SAMPLED] = "sampled", [HEAP_EXACT] = "exact"};

bool allocations_mode_find(const char *name, enum heap_mode *ret_mode)
{
    for (unsigned i = HEAP_SAMPLED; name && i <= HEAP_EXACT; i++)
        if (strcmp(names[i], name) == 0) {
            *ret_mode = (enum heap_mode)i;
            return true;
        }
    return false;
}

const char *allocations_name(const struct allocations *allocations)
{
    return allocations->drain ? names[allocations->mode] : "none";
}

static void note(struct allocations *allocations, const struct perf_event *event)
{
    struct err err = {0};

    if (stacks_note(allocations->stacks, event, &err))
        emit_fail(allocations->emit, &err);
}

static uint64_t on_image(void *context, uint32_t pid, uint64_t time_ns)
{
    struct allocations *allocations = context;
    struct perf_event event = {
        .kind = PERF_EXEC, .time_ns = clock_monotonic_ns(), .pid = pid, .tid = pid, .name = ""};

    python_told_image(allocations->python, pid);
    if (allocations->is_alone)
        note(allocations, &event);
    return allocations->track_of(allocations->context, pid, 0, time_ns);
}

static void on_module(void *context, uint32_t pid, const struct heap_module *module)
{
    struct perf_event event = {.kind = PERF_MAP,
                               .time_ns = clock_monotonic_ns(),
                               .pid = pid,
                               .tid = pid,
                               .map = {.address = module->address,
                                       .length_bytes = module->length_bytes,
                                       .offset_bytes = module->offset_bytes,
                                       .path = module->path,
                                       .device_major = major(module->device),
                                       .device_minor = minor(module->device),
                                       .inode = module->inode}};
    const struct python_mapping mapping = {.path = module->path,
                                           .address = module->address,
                                           .offset = module->offset_bytes,
                                           .inode = module->inode};
    struct allocations *allocations = context;
    struct err err = {0};

    note(allocations, &event);
    if (python_told_module(allocations->python, pid, &mapping, &err))
        emit_fail(allocations->emit, &err);
}

static uint64_t on_code(void *context, const char *name, const char *file)
{
    struct allocations *allocations = context;
    struct err err = {0};
    uint64_t code = 0;

    if (python_told_code(allocations->python, name, file, &code, &err))
        emit_fail(allocations->emit, &err);
    return code;
}

static uint64_t on_stack(void *context, uint32_t pid, const struct heap_told_stack *told)
{
    struct allocations *allocations = context;
    const struct stacks_dumped dumped = {.chain = told->addresses,
                                         .chain_count = told->count,
                                         .dump = {.ip = told->addresses[0],
                                                  .sp = told->sp,
                                                  .bp = told->bp,
                                                  .bytes = (const uint8_t *)told->top,
                                                  .size = told->top_bytes}};
    struct python_told_frame frames[HEAP_FRAMES_MAX];
    struct err err = {0};
    uint64_t stack = 0;

    for (size_t i = 0; i < told->frames->count; i++)
        frames[i] = (struct python_told_frame){.code = told->frames->items[i].code,
                                               .line = told->frames->items[i].line,
                                               .is_entry = told->frames->items[i].is_entry};
    if (python_told_stack(allocations->python, pid, &dumped, frames, told->frames->count, &stack, &err))
        emit_fail(allocations->emit, &err);
    return stack;
}

static uint64_t on_series(void *context)
{
    return ++((struct allocations *)context)->emit->series_count;
}

static bool is_there(void *context, uint32_t pid)
{
    const struct allocations *allocations = context;
    return tracks_process(allocations->tracks, pid) || kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static struct heap_host host_of(struct allocations *allocations)
{
    return (struct heap_host){.context = allocations,
                              .image = on_image,
                              .module = on_module,
                              .code = on_code,
                              .stack = on_stack,
                              .series = on_series,
                              .is_there = is_there};
}

int allocations_open(struct allocations *allocations, const char *folder, struct err *err)
{
    struct heap_drain_options options = {
        .folder = folder, .mode = allocations->mode, .rate_bytes = allocations->rate_bytes};

    if (!allocations->stacks)
        return err_memory(err);
    int status = python_told_create(allocations->stacks, &allocations->python, err);
    return status ? status : heap_drain_create(&options, &allocations->drain, err);
}

void allocations_poll(struct allocations *allocations)
{
    struct heap_host host = host_of(allocations);
    struct err err = {0};

    if (!allocations->drain)
        return;
    if (allocations->emit->failed) { /* nothing can be kept any more: no program has to wait for it */
        allocations_close(allocations);
        return;
    }
    if (heap_drain_poll(allocations->drain, &host, allocations->emit->sink, &err))
        emit_fail(allocations->emit, &err);
    allocations->due_ns = clock_monotonic_ns() + heap_drain_pause_ns(allocations->drain);
}

void allocations_finish(struct allocations *allocations)
{
    struct heap_host host = host_of(allocations);
    struct emit *emit = allocations->emit;
    struct err err = {0};

    if (!allocations->drain || emit->failed)
        return;
    if (heap_drain_finish(allocations->drain, &host, emit->sink, &err))
        emit_fail(emit, &err);
    struct heap_totals totals = heap_drain_totals(allocations->drain);
    if (allocations->mode == HEAP_SAMPLED)
        emit_meta_u64(emit, META_HEAP_RATE,
                      allocations->rate_bytes ? allocations->rate_bytes : HEAP_RATE_DEFAULT);
    emit_meta_u64(emit, META_HEAP_LOST_COUNT, totals.lost_count);
    if (totals.lost_count)
        emit_remark(emit, "%" PRIu64 " events of the heap were dropped: a ring was full, or could not be had",
                    totals.lost_count);
    if (totals.is_given_up)
        emit_remark(emit,
                    "the heap is known in part: toll did not read for so long that programs stopped telling");
    if (totals.broken_count)
        emit_remark(emit, "%" PRIu64 " events of the heap made no sense: a program wrote over them",
                    totals.broken_count);
    if (totals.refused_count)
        emit_remark(emit, "the heap of %" PRIu64 " program%s built with a sanitizer was left alone",
                    totals.refused_count, totals.refused_count == 1 ? "" : "s");
    uint64_t nameless_count = python_told_nameless(allocations->python);
    if (nameless_count)
        emit_remark(emit, "%" PRIu64 " Python functions that allocate have no name: there are more than %d",
                    nameless_count, PYTHON_TOLD_COUNT_MAX);
    if (!totals.image_count && !totals.refused_count)
        emit_remark(emit, "no program told of its heap: static, or with an allocator of its own");
}

void allocations_close(struct allocations *allocations)
{
    heap_drain_destroy(allocations->drain);
    python_told_destroy(allocations->python);
    allocations->python = NULL;
    allocations->drain = NULL;
}
