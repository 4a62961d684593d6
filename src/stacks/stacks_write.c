/* SPDX-License-Identifier: Apache-2.0 */
/* The second half of stacks.h: places become functions, and the rows are written. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "model/meta.h"
#include "stacks/stacks.h"
#include "stacks/stacks_state.h"
#include "symbol/jit_code.h"
#include "symbol/spin_loop.h"

#define BATCH_COUNT 128u /* places looked up between two looks at the clock */

struct writer {
    struct stacks *stacks;
    struct sink *sink;
    struct err *err;
    uint64_t deadline_ns;
    bool is_last; /* everything that is left */
    struct symbol_answer answer;
};

static int by_module_and_offset(const void *left, const void *right, void *context)
{
    const struct stacks *stacks = context;
    const struct raw_frame *a = &stacks->raw_frames.items[*(const uint32_t *)left];
    const struct raw_frame *b = &stacks->raw_frames.items[*(const uint32_t *)right];
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static bool is_thread_start(const char *function)
{
    static const char *const names[] = {"_start",
                                        "__libc_start_main",
                                        "__libc_start_main_impl",
                                        "__libc_start_call_main",
                                        "start_thread",
                                        "clone",
                                        "clone3",
                                        "__clone",
                                        "__clone3",
                                        "__clone_internal",
                                        "thread_start",
                                        "_dl_start_user",
                                        "_dl_start",
                                        "_dl_start_final",
                                        "runtime.goexit",
                                        "runtime.goexit.abi0",
                                        "runtime.mstart"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(function, names[i]) == 0)
            return true;
    return false;
}

static int write_frame(struct writer *writer, struct raw_frame *raw, const struct symbol_frame *symbol,
                       const char *module)
{
    struct stacks *stacks = writer->stacks;
    struct row_frame row = {.id = stacks->next_frame_id,
                            .line = symbol->line,
                            .address = raw->offset,
                            .inlined = symbol->inlined};
    int status = sink_intern(writer->sink, symbol->function, &row.function, writer->err);
    if (!status && symbol->file)
        status = sink_intern(writer->sink, symbol->file, &row.file, writer->err);
    if (!status && *module)
        status = sink_intern(writer->sink, module, &row.module, writer->err);
    if (!status)
        status = sink_append(writer->sink, frame, &row, writer->err);
    if (status)
        return status;
    if (!raw->first_row)
        raw->first_row = (uint32_t)row.id;
    raw->row_count++;
    stacks->next_frame_id++;
    return 0;
}

/* "[libc.so.6]" tells more than "[unknown]". */
static int write_unnamed(struct writer *writer, struct raw_frame *raw, const char *path)
{
    char name[280];
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    if (*base == '[')
        snprintf(name, sizeof name, "%.270s", base);
    else
        snprintf(name, sizeof name, "[%.270s]", *base ? base : "unknown");
    writer->stacks->counts.unknown_count++;
    return write_frame(writer, raw, &(struct symbol_frame){.function = name}, path);
}

static int write_place(struct writer *writer, struct raw_frame *raw, const struct symbol_place *place,
                       const struct code_module *module)
{
    const char *path = module->path;
    const struct symbol_frame *frames = place->count ? writer->answer.frames.items + place->first : NULL;
    for (size_t i = 0; i < place->count; i++) {
        struct symbol_frame frame = frames[i];
        raw->is_named = raw->is_named || frame.function;
        raw->is_start = raw->is_start || (frame.function && is_thread_start(frame.function));
        if (!frame.function)
            frame.function = "[unknown]";
        if (module->kind == CODE_KERNEL && frame.file) {
            path = frame.file; /* the kernel's module */
            frame.file = NULL;
        }
        int status = write_frame(writer, raw, &frame, path);
        if (status)
            return status;
    }
    return place->count ? 0 : write_unnamed(writer, raw, path);
}

/* Code at which threads were seen running, and which only looks whether something changed. */
static int note_spin(struct writer *writer, int fd, const struct raw_frame *raw)
{
    uint8_t code[2 * SPIN_LOOP_REACH];
    size_t before = raw->offset < SPIN_LOOP_REACH ? (size_t)raw->offset : SPIN_LOOP_REACH;
    if (fd < 0 || !raw->is_leaf || !raw->first_row)
        return 0;
    ssize_t got = pread(fd, code, sizeof code, (off_t)(raw->offset - before));
    if (got <= (ssize_t)before || !spin_loop_at(code, (size_t)got, before))
        return 0;
    struct row_attr owner = {.owner_table = TABLE_FRAME, .owner = raw->first_row + raw->row_count - 1};
    return sink_attr(writer->sink, &owner, ATTR_SPIN, "loop", writer->err);
}

/* Which build of the file it was: once, with the first of its frames. */
static int note_build_id(struct writer *writer, struct code_module *module, const struct raw_frame *raw)
{
    char text[2 * PERF_BUILD_ID_MAX + 1] = "";
    struct row_attr owner = {.owner_table = TABLE_FRAME, .owner = raw->first_row};
    if (module->is_build_id_told || !module->build_id_size || !raw->first_row)
        return 0;
    for (size_t i = 0; i < module->build_id_size; i++)
        snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
    module->is_build_id_told = true;
    return sink_attr(writer->sink, &owner, ATTR_BUILD_ID, text, writer->err);
}

/* Looks up places of one file, in batches until the deadline; ret_done tells how many are written. */
static int write_file_frames(struct writer *writer, struct code_module *module, const uint32_t *frames,
                             size_t count, size_t *ret_done)
{
    struct raw_frame *raws = writer->stacks->raw_frames.items;
    struct symbol_module symbols = {.path = module->path,
                                    .fd = module->fd,
                                    .build_id = module->build_id_size ? module->build_id : NULL,
                                    .build_id_size = module->build_id_size};
    int fd = module->fd;
    if (fd < 0 && module->path[0] == '/')
        fd = open(module->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t done = 0, batch_max = writer->is_last ? count : BATCH_COUNT;
    uint64_t *offsets = calloc(2 * batch_max, sizeof *offsets), *weights = offsets + batch_max;
    int status = offsets ? 0 : err_memory(writer->err);
    while (!status && done < count && (writer->is_last || clock_monotonic_ns() < writer->deadline_ns)) {
        size_t batch = 0;
        for (; batch < batch_max && done + batch < count; batch++) {
            offsets[batch] = raws[frames[done + batch]].offset;
            weights[batch] = raws[frames[done + batch]].chain_count;
        }
        struct symbol_request request = {.offsets = offsets,
                                         .count = batch,
                                         .weights = writer->is_last ? weights : NULL,
                                         .weight_min = writer->stacks->counts.stack_count / LINES_RATIO};
        status = resolver_lookup(writer->stacks->resolver, &symbols, &request, &writer->answer, writer->err);
        for (size_t i = 0; !status && i < batch; i++)
            status = write_place(writer, &raws[frames[done + i]], &writer->answer.places.items[i], module);
        for (size_t i = 0; !status && i < batch; i++)
            status = note_spin(writer, fd, &raws[frames[done + i]]);
        if (!status)
            status = note_build_id(writer, module, &raws[frames[done]]);
        done += batch;
    }
    if (fd != module->fd && fd >= 0)
        close(fd);
    free(offsets);
    *ret_done = status ? 0 : done;
    return status;
}

static int write_jit_frame(struct writer *writer, const struct jit_code *code, struct arena *arena,
                           struct raw_frame *raw, const char *path)
{
    struct jit_place found, place;
    if (!jit_code_find(code, raw->offset, raw->at, &found))
        return write_unnamed(writer, raw, path);
    int status = jit_name_split(arena, found.name, &place, writer->err);
    if (status)
        return status;
    raw->is_named = true;
    struct symbol_frame frame = {.function = place.name,
                                 .file = found.file ? found.file : place.file,
                                 .line = found.file ? found.line : place.line};
    return write_frame(writer, raw, &frame, place.is_interpreted ? MODULE_NAME_INTERPRETED : path);
}

/* Code that a just-in-time compiler made and told of. */
static int write_jit_frames(struct writer *writer, const struct code_module *module, const uint32_t *frames,
                            size_t count)
{
    struct jit_code code = {0};
    struct arena arena = {0};
    int status = jit_code_read(&code, module->jit.fd, writer->err);
    for (size_t i = 0; !status && i < count; i++)
        status = write_jit_frame(writer, &code, &arena, &writer->stacks->raw_frames.items[frames[i]],
                                 module->path);
    arena_free(&arena);
    jit_code_free(&code);
    return status;
}

/* Their names came with them. The outermost of a runtime is where its thread starts, as far as it is concerned. */
static int write_managed_frames(struct writer *writer, const uint32_t *frames, size_t count)
{
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        struct raw_frame *raw = &writer->stacks->raw_frames.items[frames[i]];
        const struct managed_name *name = &writer->stacks->managed.items[raw->offset];
        raw->is_named = raw->is_start = true;
        status = write_frame(writer, raw,
                             &(struct symbol_frame){.function = name->function,
                                                    .file = name->file[0] ? name->file : NULL,
                                                    .line = name->line},
                             STACKS_MANAGED);
    }
    return status;
}

/* The frames of one module; fewer than `count` in ret_done when they have to wait. */
static int write_module_frames(struct writer *writer, const uint32_t *frames, size_t count, size_t *ret_done)
{
    struct stacks *stacks = writer->stacks;
    struct raw_frame *first = &stacks->raw_frames.items[frames[0]];
    struct code_module *module = &stacks->modules.items[first->module];
    *ret_done = 0;
    if (module->kind == CODE_UNKNOWN) {
        *ret_done = count;
        return write_unnamed(writer, first, ""); /* its one frame */
    }
    if (module->kind == CODE_MANAGED) {
        *ret_done = count;
        return write_managed_frames(writer, frames, count);
    }
    if (module->kind == CODE_FILE || module->kind == CODE_KERNEL)
        return module->large && !writer->is_last ? 0
                                                 : write_file_frames(writer, module, frames, count, ret_done);
    if (!writer->is_last)
        return 0;
    *ret_done = count;
    return write_jit_frames(writer, module, frames, count);
}

static int write_frames(struct writer *writer)
{
    struct stacks *stacks = writer->stacks;
    uint32_t *pending = stacks->pending_frames.items;
    size_t count = stacks->pending_frames.count, kept = 0;
    int status = 0;
    if (count)
        qsort_r(pending, count, sizeof *pending, by_module_and_offset, stacks);
    for (size_t start = 0, end; !status && start < count; start = end) {
        uint32_t module = stacks->raw_frames.items[pending[start]].module;
        size_t done;
        for (end = start; end < count && stacks->raw_frames.items[pending[end]].module == module;)
            end++;
        status = write_module_frames(writer, pending + start, end - start, &done);
        for (size_t i = start + (status ? 0 : done); i < end; i++)
            pending[kept++] = pending[i];
    }
    stacks->pending_frames.count = kept;
    return status;
}

/* One row per function of the node's place; the innermost has the node's id. */
static int write_node(struct writer *writer, const struct stack_node *node)
{
    struct stacks *stacks = writer->stacks;
    const struct raw_frame *raw = &stacks->raw_frames.items[node->frame];
    struct row_stack row = {.parent = node->parent ? stacks->nodes.items[node->parent - 1].id : 0};
    for (uint32_t i = 0; i < raw->row_count; i++) {
        row.id = i + 1 == raw->row_count ? node->id : stacks->next_stack_id++;
        row.frame = raw->first_row + i;
        int status = sink_append(writer->sink, stack, &row, writer->err);
        if (status)
            return status;
        row.parent = row.id;
    }
    return 0;
}

static int write_nodes(struct writer *writer)
{
    struct stacks *stacks = writer->stacks;
    uint32_t *pending = stacks->pending_nodes.items;
    size_t kept = 0;
    for (size_t i = 0; i < stacks->pending_nodes.count; i++) {
        const struct stack_node *node = &stacks->nodes.items[pending[i]];
        if (!stacks->raw_frames.items[node->frame].first_row) {
            pending[kept++] = pending[i];
            continue;
        }
        int status = write_node(writer, node);
        if (status)
            return status;
    }
    stacks->pending_nodes.count = kept;
    return 0;
}

static int write_pending(struct writer *writer)
{
    int status = write_frames(writer);
    if (!status)
        status = write_nodes(writer);
    symbol_answer_deinit(&writer->answer);
    return status;
}

int stacks_advance(struct stacks *stacks, struct sink *sink, uint64_t budget_ns, struct err *err)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct writer writer = {.stacks = stacks, .sink = sink, .err = err, .deadline_ns = now_ns + budget_ns};
    if (!stacks->pending_nodes.count || (stacks->ahead && !names_ahead_try_lock(stacks->ahead, now_ns)))
        return 0;
    int status = write_pending(&writer);
    if (stacks->ahead)
        names_ahead_unlock(stacks->ahead);
    return status;
}

/*
 * A chain is whole when its outermost function starts threads. The C library's are not in its dynamic symbols, so
 * unnamed code there that calls another module counts as well: it calls main, or a thread's function.
 */
static void count_truncated(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->raw_frames.count; i++) {
        struct raw_frame *raw = &stacks->raw_frames.items[i];
        bool calls_main = !raw->is_named && stacks->modules.items[raw->module].is_libc;
        if (!raw->is_start)
            stacks->counts.truncated_count += raw->root_count - (calls_main ? raw->root_caller_count : 0);
        raw->root_count = raw->root_caller_count = 0;
    }
}

int stacks_finish(struct stacks *stacks, struct sink *sink, struct err *err)
{
    struct writer writer = {.stacks = stacks, .sink = sink, .err = err, .is_last = true};
    stacks_ahead_end(stacks);
    int status = write_pending(&writer);
    if (!status)
        count_truncated(stacks);
    return status;
}
