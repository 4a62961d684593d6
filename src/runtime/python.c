/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/python.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "runtime/python_code.h"
#include "stacks/jit_source.h"

#define STACK_COUNT_MAX 65536
#define CODE_COUNT_MAX  65536
#define LINE_COUNT_MAX  (4u << 20)
#define LINES_BYTES_ALL (64u << 20) /* of all tables of lines: a big program's are a few MB */
#define MAP_PAUSE_NS    (100 * NS_PER_MS)

struct code_known {
    struct python_code code;
};

struct stack_known {
    size_t first, count; /* in `frames` */
};

struct process_known {
    bool is_left_alone;   /* its functions cannot be read */
    bool has_trampolines; /* they are native frames as well */
    uint64_t map_due_ns;  /* when it is looked for a map of its functions again */
    uint64_t looked_ns;
    uint64_t thread_id, thread; /* the thread state found last */
    struct python_place place;
};

struct python {
    struct stacks *stacks;
    struct python_files files;
    struct map by_pid;  /* struct process_known * */
    struct map by_code; /* hash of process, code object and its lines → index in codes */
    VEC(struct code_known) codes;
    size_t lines_bytes_left; /* for their tables of lines */
    struct map by_key;       /* key of a stack → its number */
    VEC(struct stack_known) known;
    VEC(struct stacks_managed_frame) frames;
    struct python_counts counts;
};

int python_create(struct stacks *stacks, struct python **ret_python, struct err *err)
{
    struct python *python = calloc(1, sizeof *python);
    if (!python)
        return err_memory(err);
    python->stacks = stacks;
    python->lines_bytes_left = LINES_BYTES_ALL;
    *ret_python = python;
    return 0;
}

static struct process_known *process_of(const struct python *python, uint32_t pid)
{
    uint64_t *found = map_get(&python->by_pid, pid);
    return found ? (struct process_known *)(uintptr_t)*found : NULL; /* NOLINT(performance-no-int-to-ptr) */
}

void python_destroy(struct python *python)
{
    if (!python)
        return;
    for (size_t i = 0; i < python->by_pid.capacity; i++)
        if (python->by_pid.slots[i].used)
            free((void *)(uintptr_t)python->by_pid.slots[i].value); /* NOLINT(performance-no-int-to-ptr) */
    for (size_t i = 0; i < python->codes.count; i++)
        python_code_free(&python->codes.items[i].code);
    vec_free(&python->codes);
    vec_free(&python->known);
    vec_free(&python->frames);
    map_free(&python->by_pid);
    map_free(&python->by_code);
    map_free(&python->by_key);
    python_files_free(&python->files);
    free(python);
}

void python_forget(struct python *python, uint32_t pid, uint64_t exec_ns)
{
    struct process_known *process = process_of(python, pid);
    if (!process || process->looked_ns > exec_ns)
        return;
    free(process);
    map_remove(&python->by_pid, pid);
}

static const struct python_place *process_put(struct python *python, uint32_t pid,
                                              const struct process_known *process)
{
    struct process_known *copy = malloc(sizeof *copy);
    python_forget(python, pid, UINT64_MAX);
    if (!copy)
        return NULL; /* no Python frames of it */
    *copy = *process;
    if (map_put(&python->by_pid, pid, (uint64_t)(uintptr_t)copy)) {
        free(copy);
        return NULL;
    }
    return &copy->place;
}

const struct python_place *python_look(struct python *python, uint32_t pid)
{
    struct process_known process = {0};
    const struct process_known *before = process_of(python, pid);
    bool was_unknown = before && before->is_left_alone;

    enum python_found found = python_place_find(&python->files, pid, &process.place);
    process.looked_ns = clock_monotonic_ns();
    process.is_left_alone = found == PYTHON_UNKNOWN || found == PYTHON_REFUSED;
    if (found == PYTHON_NONE) {
        python_forget(python, pid, UINT64_MAX);
        return NULL;
    }
    if (found == PYTHON_FOUND)
        python->counts.process_count++;
    else if (found == PYTHON_REFUSED)
        python->counts.refused_count += !was_unknown;
    else if (!was_unknown) {
        python->counts.unknown_count++;
        python->counts.unknown_version_hex = process.place.version_hex;
    }
    const struct python_place *place = process_put(python, pid, &process);
    return process.is_left_alone ? NULL : place;
}

const struct python_place *python_known(const struct python *python, uint32_t pid)
{
    const struct process_known *process = process_of(python, pid);
    return process && !process->is_left_alone ? &process->place : NULL;
}

void python_fork(struct python *python, uint32_t pid, uint32_t parent_pid)
{
    const struct process_known *parent = process_of(python, parent_pid);
    if (parent && pid != parent_pid && process_put(python, pid, parent))
        python->counts.process_count++;
}

struct bpf_python python_for_bpf(const struct python_place *place, uint64_t salt)
{
    const struct python_layout *layout = &place->layout;
    return (struct bpf_python){.interpreters = place->runtime.low + layout->interpreters_head,
                               .gil_holder = place->runtime.low + layout->gil_holder,
                               .runtime_low = place->runtime.low,
                               .runtime_high = place->runtime.high,
                               .salt = salt,
                               .interpreter_next = layout->interpreter_next,
                               .threads_head = layout->threads_head,
                               .thread_next = layout->thread_next,
                               .thread_id = layout->thread_id,
                               .thread_native_id = layout->thread_native_id,
                               .thread_frame = layout->thread_frame,
                               .cframe_frame = layout->cframe_frame,
                               .frame_code = layout->frame_code,
                               .frame_previous = layout->frame_previous,
                               .frame_instruction = layout->frame_instruction,
                               .frame_owner = layout->frame_owner,
                               .frame_entry = layout->frame_entry,
                               .code_lines = layout->code_linetable,
                               .parks = layout->version >= PYTHON_PARKS_SINCE};
}

static uint64_t code_key(uint32_t pid, uint64_t looked_ns, const struct python_frame *frame)
{
    return map_hash(frame->code ^ map_hash(frame->lines ^ ((uint64_t)pid << 32) ^ looked_ns));
}

/* Reads and keeps it; where it is gone, what a relative (a fork of the same program) said of that place. */
static const struct code_known *code_read(struct python *python, uint32_t pid,
                                          const struct process_known *process,
                                          const struct python_frame *frame)
{
    struct python_memory memory = python_memory_of(&pid);
    struct code_known known = {0};
    uint64_t of_family = code_key(0, process->looked_ns, frame);
    const uint64_t *relative = map_get(&python->by_code, of_family);

    if (!python_code_read(&memory, &process->place.layout, process->place.code_type, frame->code,
                          &known.code))
        return relative ? &python->codes.items[*relative] : NULL;
    python_code_spend(&known.code, &python->lines_bytes_left);
    if (vec_push(&python->codes, known)) {
        python_code_free(&known.code);
        return NULL;
    }
    size_t index = python->codes.count - 1;
    if (map_put(&python->by_code, code_key(pid, process->looked_ns, frame), index) ||
        map_put(&python->by_code, of_family, index))
        return NULL; /* it is read again the next time */
    return &python->codes.items[index];
}

/* The code object of a frame; NULL when it cannot be named. */
static const struct code_known *code_of(struct python *python, uint32_t pid,
                                        const struct process_known *process, const struct python_frame *frame)
{
    const uint64_t *found = map_get(&python->by_code, code_key(pid, process->looked_ns, frame));
    if (found)
        return &python->codes.items[*found];
    return python->codes.count < CODE_COUNT_MAX ? code_read(python, pid, process, frame) : NULL;
}

static int frame_note(struct python *python, uint32_t pid, const struct process_known *process,
                      const struct python_frame *frame, struct err *err)
{
    struct stacks_managed_frame managed = {.is_entry = frame->is_entry};
    const struct code_known *known = code_of(python, pid, process, frame);
    struct python_memory memory = python_memory_of(&pid);
    int status;

    if (known) {
        uint64_t instruction =
            python_code_instruction(&memory, &process->place.layout, frame->code, frame->instruction);
        status = stacks_managed_frame(python->stacks, known->code.name, known->code.file,
                                      python_code_line(&known->code, instruction), &managed.frame, err);
    } else {
        python->counts.unnamed_count++;
        status = stacks_managed_frame(python->stacks, "[python]", "", 0, &managed.frame, err);
    }
    if (!status && vec_push(&python->frames, managed))
        status = err_memory(err);
    return status;
}

/* With -X perf or -X perf_jit the interpreter makes a native function of each of Python's, and lists them from when it has
 * started, or when the program asks for it. */
static bool looks_trampolines(struct process_known *process, uint32_t pid)
{
    uint64_t now_ns = process->has_trampolines ? 0 : clock_monotonic_ns();
    if (process->has_trampolines || now_ns < process->map_due_ns)
        return process->has_trampolines;
    process->map_due_ns = now_ns + MAP_PAUSE_NS;
    process->has_trampolines = jit_source_begins_with(pid, "py::");
    return process->has_trampolines;
}

static uint64_t key_of(uint32_t pid, const struct python_stack *stack)
{
    uint64_t key = map_hash(pid);
    for (size_t i = 0; i < stack->count; i++) {
        const struct python_frame *frame = &stack->frames[i];
        key = map_hash(key ^ frame->code) + map_hash(frame->instruction + frame->lines);
    }
    return key | 1;
}

int python_stack_note(struct python *python, uint32_t pid, uint64_t key, const struct python_stack *read,
                      uint64_t *ret_stack, struct err *err)
{
    const struct process_known *process = process_of(python, pid);
    struct stack_known known = {.first = python->frames.count};
    int status = 0;

    *ret_stack = 0;
    if (!read->count || !process || process->is_left_alone)
        return 0;
    key = key ? key : key_of(pid, read);
    *ret_stack = python_stack_find(python, key);
    if (*ret_stack)
        return 0;
    if (python->known.count >= STACK_COUNT_MAX || python->frames.count >= LINE_COUNT_MAX) {
        python->counts.overflow_count++;
        return 0;
    }
    for (size_t i = 0; !status && i < read->count; i++)
        status = frame_note(python, pid, process, &read->frames[i], err);
    known.count = read->count;
    if (!status && (vec_push(&python->known, known) || map_put(&python->by_key, key, python->known.count)))
        status = err_memory(err);
    if (status)
        return status;
    python->counts.stack_count++;
    *ret_stack = python->known.count;
    return 0;
}

uint64_t python_stack_find(const struct python *python, uint64_t key)
{
    const uint64_t *found = key ? map_get(&python->by_key, key) : NULL;
    return found ? *found : 0;
}

int python_thread_read(struct python *python, uint32_t pid, uint32_t tid, uint64_t *ret_stack,
                       struct err *err)
{
    struct process_known *process = process_of(python, pid);
    struct python_memory memory = python_memory_of(&pid);
    struct python_stack stack;
    uint64_t id = 0;

    *ret_stack = 0;
    if (!process || process->is_left_alone)
        return 0;
    const struct python_layout *layout = &process->place.layout;
    if (process->thread_id != tid || !process->thread ||
        !python_memory_u64(&memory, process->thread + layout->thread_native_id, &id) || id != tid) {
        process->thread = python_thread_find(&memory, layout, process->place.runtime.low, tid);
        process->thread_id = tid;
    }
    if (!process->thread || !python_stack_read(&memory, layout, process->thread, &stack))
        return 0;
    return python_stack_note(python, pid, 0, &stack, ret_stack, err);
}

int python_stacks_add(struct python *python, uint32_t pid, const struct stacks_dumped *dumped, uint64_t stack,
                      uint64_t *ret_row, struct err *err)
{
    struct process_known *process = process_of(python, pid);
    const struct python_place *place = process && !process->is_left_alone ? &process->place : NULL;
    struct stacks_range interpreter[PYTHON_EVAL_MAX];
    struct stacks_dumped whole = *dumped;

    if (!stack || stack > python->known.count)
        return stacks_add_dumped(python->stacks, pid, dumped, ret_row, err);
    const struct stack_known *known = &python->known.items[stack - 1];
    struct stacks_managed managed = {.frames = python->frames.items + known->first,
                                     .frame_count = known->count,
                                     .interpreter = interpreter,
                                     .interpreter_count = place ? place->eval_count : 0,
                                     .has_trampolines = place && looks_trampolines(process, pid)};
    for (size_t i = 0; i < managed.interpreter_count; i++)
        interpreter[i] = (struct stacks_range){place->eval[i].low, place->eval[i].high};
    whole.managed = &managed;
    return stacks_add_dumped(python->stacks, pid, &whole, ret_row, err);
}

bool python_parks(const struct python *python, uint32_t pid)
{
    const struct python_place *place = python_known(python, pid);
    return place && place->layout.version >= PYTHON_PARKS_SINCE;
}

bool python_is_gil(const struct python *python, uint32_t pid, uint64_t address)
{
    const struct process_known *process = process_of(python, pid);
    if (!process || address < process->place.runtime.low || address >= process->place.runtime.high)
        return false;
    struct python_memory memory = python_memory_of(&pid);
    uint32_t offset = process->place.layout.gil_enabled, enabled = 0;
    return process->is_left_alone || offset == PYTHON_ABSENT ||
           (memory.read(memory.context, process->place.runtime.low + offset, &enabled, sizeof enabled) &&
            enabled);
}

struct python_counts python_counts(const struct python *python)
{
    return python->counts;
}
