/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python_told.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "python/python_walk.h"
#include "stacks/jit_source.h"

#define MAP_PAUSE_NS (100 * NS_PER_MS)

struct told_code {
    char *name, *file;
};

struct told_process {
    uint32_t pid;
    bool has_trampolines; /* Python's functions are native frames as well */
    uint64_t map_due_ns;  /* when it is looked for a map of its functions again */
    struct stacks_range interpreter[PYTHON_EVAL_MAX];
    size_t interpreter_count;
};

struct python_told {
    struct stacks *stacks;
    struct python_files files;
    VEC(struct told_code) codes;
    struct map by_text; /* hash of name and file: number in codes */
    uint64_t nameless_count;
    VEC(struct told_process) processes;
    struct map by_pid; /* index in processes */
};

int python_told_create(struct stacks *stacks, struct python_told **ret_told, struct err *err)
{
    struct python_told *told = calloc(1, sizeof *told);

    if (!told)
        return err_memory(err);
    told->stacks = stacks;
    *ret_told = told;
    return 0;
}

void python_told_destroy(struct python_told *told)
{
    if (!told)
        return;
    for (size_t i = 0; i < told->codes.count; i++) {
        free(told->codes.items[i].name);
        free(told->codes.items[i].file);
    }
    vec_free(&told->codes);
    map_free(&told->by_text);
    vec_free(&told->processes);
    map_free(&told->by_pid);
    python_files_free(&told->files);
    free(told);
}

int python_told_code(struct python_told *told, const char *name, const char *file, uint64_t *ret_code,
                     struct err *err)
{
    struct told_code code = {0};
    uint64_t text = map_hash_bytes(name, strlen(name)) ^ map_hash(map_hash_bytes(file, strlen(file)));
    const uint64_t *known = map_get(&told->by_text, text);

    *ret_code = known ? *known : 0;
    if (known)
        return 0;
    if (told->codes.count >= PYTHON_TOLD_COUNT_MAX) {
        told->nameless_count++;
        return 0;
    }
    code.name = strdup(name);
    code.file = strdup(file);
    if (!code.name || !code.file || vec_push(&told->codes, code)) {
        free(code.name);
        free(code.file);
        return err_memory(err);
    }
    if (map_put(&told->by_text, text, told->codes.count))
        return err_memory(err);
    *ret_code = told->codes.count;
    return 0;
}

uint64_t python_told_nameless(const struct python_told *told)
{
    return told->nameless_count;
}

static struct told_process *process_of(const struct python_told *told, uint32_t pid)
{
    const uint64_t *found = map_get(&told->by_pid, pid);
    return found ? &told->processes.items[*found] : NULL;
}

void python_told_image(struct python_told *told, uint32_t pid)
{
    struct told_process *process = process_of(told, pid);

    if (process)
        *process = (struct told_process){.pid = pid};
}

int python_told_module(struct python_told *told, uint32_t pid, const struct python_mapping *mapping,
                       struct err *err)
{
    struct python_range ranges[PYTHON_EVAL_MAX];
    size_t count = python_eval_find(&told->files, pid, mapping, ranges);
    struct told_process *process = process_of(told, pid);

    if (!count)
        return 0;
    if (!process) {
        if (vec_push(&told->processes, (struct told_process){.pid = pid}) ||
            map_put(&told->by_pid, pid, told->processes.count - 1))
            return err_memory(err);
        process = &told->processes.items[told->processes.count - 1];
    }
    process->interpreter_count = count;
    for (size_t i = 0; i < count; i++)
        process->interpreter[i] = (struct stacks_range){ranges[i].low, ranges[i].high};
    return 0;
}

/* With -X perf or -X perf_jit the interpreter makes a native function of each of Python's. */
static bool looks_trampolines(struct told_process *process)
{
    uint64_t now_ns = process->has_trampolines ? 0 : clock_monotonic_ns();

    if (process->has_trampolines || now_ns < process->map_due_ns)
        return process->has_trampolines;
    process->map_due_ns = now_ns + MAP_PAUSE_NS;
    process->has_trampolines = jit_source_begins_with(process->pid, "py::");
    return process->has_trampolines;
}

static int frame_find(struct python_told *told, const struct python_told_frame *frame,
                      struct stacks_managed_frame *ret_frame, struct err *err)
{
    bool is_known = frame->code && frame->code <= told->codes.count;
    const struct told_code *code = is_known ? &told->codes.items[frame->code - 1] : NULL;

    ret_frame->is_entry = frame->is_entry;
    return stacks_managed_frame(told->stacks, code ? code->name : "[python]", code ? code->file : "",
                                code ? frame->line : 0, &ret_frame->frame, err);
}

int python_told_stack(struct python_told *told, uint32_t pid, const struct stacks_dumped *dumped,
                      const struct python_told_frame *frames, size_t frame_count, uint64_t *ret_row,
                      struct err *err)
{
    struct stacks_managed_frame named[PYTHON_DEPTH_MAX];
    struct told_process *process = process_of(told, pid);
    struct stacks_managed managed = {.frames = named};
    struct stacks_dumped whole = *dumped;

    if (!frame_count)
        return stacks_add_dumped(told->stacks, pid, dumped, ret_row, err);
    while (managed.frame_count < frame_count && managed.frame_count < PYTHON_DEPTH_MAX) {
        int status = frame_find(told, &frames[managed.frame_count], &named[managed.frame_count], err);
        if (status)
            return status;
        managed.frame_count++;
    }
    if (process) {
        managed.interpreter = process->interpreter;
        managed.interpreter_count = process->interpreter_count;
        managed.has_trampolines = looks_trampolines(process);
    }
    whole.managed = &managed;
    return stacks_add_dumped(told->stacks, pid, &whole, ret_row, err);
}
