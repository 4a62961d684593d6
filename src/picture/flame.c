/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The samples, the waits, or the allocations, of all tracks as one tree.
 *
 * A tree of waits goes on above the code that waited: what it waited for, at whom, and who ended it. A waker's stack stands
 * upside down, so that the function that did it touches the wait (B. Gregg's off-wake graphs).
 */
#include <string.h>

#include "analyze/attribution.h"
#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"
#include "picture/picture.h"

#define STACK_DEPTH_MAX 256
#define NODE_MAX        500000
#define RECENT_COUNT    256 /* a power of two */

/* Where the last samples of a stack went: most stacks are sampled again and again. */
struct known {
    const char *program;
    size_t node;
    uint64_t ns;
};

/* Where the last waits of a kind went. */
struct recent {
    size_t code;
    uint64_t key;
    size_t node; /* 0: empty */
};

struct tree {
    const struct run *run;
    VEC(struct flame_node) nodes;
    VEC(uint64_t)
    votes; /* by node: how much more time its line had than all others (Boyer and Moore's majority vote) */
    struct map children; /* (parent, name, kind) to index */
    struct known *known; /* by stack */
    struct recent recent[RECENT_COUNT];
    const char *wait_names[WAIT_REASON_COUNT];
};

/* Names are interned in the view, so equal names have equal addresses. SIZE_MAX: no memory. */
static size_t child_of(struct tree *tree, const struct flame_node *wanted)
{
    uint64_t key = map_hash((uint64_t)(uintptr_t)wanted->name) ^
                   map_hash(wanted->parent * FLAME_KIND_COUNT + (uint64_t)wanted->kind + 1);
    if (wanted->parent == SIZE_MAX)
        return SIZE_MAX;
    const uint64_t *found = map_get(&tree->children, key);
    if (found)
        return (size_t)*found;
    if (tree->nodes.count >= NODE_MAX)
        return wanted->parent;
    if (vec_push(&tree->nodes, *wanted) || vec_push(&tree->votes, 0) ||
        map_put(&tree->children, key, tree->nodes.count - 1))
        return SIZE_MAX;
    return tree->nodes.count - 1;
}

static bool ends_in(const char *text, const char *const *endings)
{
    for (; *endings; endings++) {
        size_t length = strlen(text), ending = strlen(*endings);
        if (length > ending && strcmp(text + length - ending, *endings) == 0)
            return true;
    }
    return false;
}

static bool is_one_of(const char *text, const char *const *names)
{
    while (*names && strcmp(text, *names) != 0)
        names++;
    return *names != NULL;
}

/* The kernel and its modules stand in brackets: "[kernel]", "[ext4]". */
static enum flame_kind kind_of(const struct run_frame *frame)
{
    static const char *const scripts[] = {".py", ".js", ".mjs", ".java", ".rb", ".php", NULL};
    static const char *const no_kernel[] = {"[vdso]", "[vsyscall]", "[stack]", "[heap]",
                                            "[anon]", "[unknown]",  "[]",      NULL};
    static const char *const managed[] = {MODULE_NAME_JIT, MODULE_NAME_INTERPRETED, MODULE_NAME_PYTHON, NULL};
    const char *module = frame->module ? frame->module : "";
    if (frame->inlined)
        return FLAME_INLINED;
    if (is_one_of(module, managed) || strncmp(module, "/tmp/perf-", 10) == 0 ||
        (frame->file && ends_in(frame->file, scripts)))
        return FLAME_MANAGED;
    return module[0] == '[' && !is_one_of(module, no_kernel) ? FLAME_KERNEL : FLAME_CODE;
}

static size_t frame_node(struct tree *tree, size_t parent, uint32_t index)
{
    if (index >= tree->run->frames.count)
        return parent;
    const struct run_frame *frame = &tree->run->frames.items[index];
    struct flame_node node = {
        .name = frame->function && frame->function[0] ? frame->function : "[unknown]",
        .module = frame->module,
        .file = frame->file,
        .kind = kind_of(frame),
        .parent = parent,
    };
    return child_of(tree, &node);
}

/* The frames of a stack, innermost first. */
static size_t frames_of(const struct run *run, uint32_t stack, uint32_t frames[STACK_DEPTH_MAX])
{
    size_t depth = 0;
    for (uint32_t at = stack; at != RUN_NONE && at < run->stacks.count && depth < STACK_DEPTH_MAX;
         at = run->stacks.items[at].parent)
        frames[depth++] = run->stacks.items[at].frame;
    return depth;
}

static size_t program_node(struct tree *tree, const char *program, enum flame_kind kind, size_t parent)
{
    struct flame_node node = {.name = program, .kind = kind, .parent = parent};
    return child_of(tree, &node);
}

/* The node of the innermost frame; `ns` counts for the choice of the lines. */
static size_t code_node(struct tree *tree, const char *program, uint32_t stack, uint64_t ns)
{
    if (stack >= tree->run->stacks.count)
        return program_node(tree, program, FLAME_PROGRAM, 0);
    struct known *known = &tree->known[stack];
    if (known->program != program) {
        uint32_t frames[STACK_DEPTH_MAX];
        size_t depth = frames_of(tree->run, stack, frames);
        size_t node = program_node(tree, program, FLAME_PROGRAM, 0);
        while (depth-- && node != SIZE_MAX)
            node = frame_node(tree, node, frames[depth]);
        *known = (struct known){program, node, 0};
    }
    known->ns += ns;
    return known->node;
}

static void vote(struct tree *tree, size_t index, uint32_t line, uint64_t ns)
{
    struct flame_node *node = &tree->nodes.items[index];
    uint64_t *votes = &tree->votes.items[index];
    if (node->line == line) {
        *votes += ns;
    } else if (*votes >= ns) {
        *votes -= ns;
    } else {
        node->line = line;
        *votes = ns - *votes;
    }
}

/* A stack's frames and its nodes go outwards side by side. */
static void choose_lines(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->run->stacks.count; i++) {
        size_t node = tree->known[i].node;
        for (uint32_t at = i; tree->known[i].ns && node && at != RUN_NONE;
             at = tree->run->stacks.items[at].parent) {
            uint32_t index = tree->run->stacks.items[at].frame;
            if (index >= tree->run->frames.count)
                continue;
            const struct run_frame *frame = &tree->run->frames.items[index];
            const char *name = frame->function && frame->function[0] ? frame->function : "[unknown]";
            if (tree->nodes.items[node].name != name && strcmp(tree->nodes.items[node].name, name) != 0)
                break; /* a stack that was cut */
            vote(tree, node, frame->line, tree->known[i].ns);
            node = tree->nodes.items[node].parent;
        }
    }
}

static int tree_begin(struct tree *tree, const struct run *run)
{
    *tree = (struct tree){.run = run, .known = calloc(run->stacks.count + 1, sizeof *tree->known)};
    struct flame_node root = {.name = "all", .kind = FLAME_PROGRAM};
    return !tree->known || vec_push(&tree->nodes, root) || vec_push(&tree->votes, 0) ? -1 : 0;
}

/* Children stand behind their parents: one pass from the back adds up the totals. */
static int tree_end(struct tree *tree, int status, struct arena *arena, struct flame *ret_flame,
                    struct err *err)
{
    if (!status)
        choose_lines(tree);
    for (size_t i = tree->nodes.count; i-- > 0 && !status;) {
        struct flame_node *node = &tree->nodes.items[i];
        node->total_ns += node->self_ns;
        if (i)
            tree->nodes.items[node->parent].total_ns += node->total_ns;
    }
    struct flame_node *nodes = status ? NULL : arena_alloc(arena, (tree->nodes.count + 1) * sizeof *nodes);
    for (size_t i = 0; nodes && i < tree->nodes.count; i++)
        nodes[i] = tree->nodes.items[i];
    *ret_flame = (struct flame){.nodes = nodes, .node_count = nodes ? tree->nodes.count : 0};
    vec_free(&tree->nodes);
    vec_free(&tree->votes);
    map_free(&tree->children);
    free(tree->known);
    return status || nodes ? status : err_memory(err);
}

/* Weights that are no time (cycles of an import) share the time that the threads ran. */
static void weights_to_time(struct tree *tree)
{
    const struct run *run = tree->run;
    const char *unit = view_meta(run->view, META_SAMPLE_UNIT);
    double weight = 0, run_ns = 0;
    if (!unit || strcmp(unit, "ns") == 0)
        return;
    for (size_t i = 0; i < tree->nodes.count; i++)
        weight += (double)tree->nodes.items[i].self_ns;
    for (size_t i = 0; i < run->tracks.count; i++)
        run_ns += (double)run->tracks.items[i].run_ns;
    for (size_t i = 0; i < tree->nodes.count && weight > 0; i++)
        tree->nodes.items[i].self_ns = num_u64((double)tree->nodes.items[i].self_ns * (run_ns / weight));
}

int picture_flame(const struct run *run, struct arena *arena, struct flame *ret_flame, struct err *err)
{
    struct tree tree;
    int status = tree_begin(&tree, run);
    for (uint32_t i = 0; i < run->tracks.count && !status; i++) {
        for (size_t j = 0; j < run->tracks.items[i].samples.count && !status; j++) {
            const struct run_sample *sample = &run->tracks.items[i].samples.items[j];
            const char *program = run_process_name(run, i, sample->time_ns);
            size_t node = code_node(&tree, program, sample->stack, sample->weight);
            if (node == SIZE_MAX)
                status = -1;
            else
                tree.nodes.items[node].self_ns += sample->weight;
        }
    }
    if (!status)
        weights_to_time(&tree);
    return tree_end(&tree, status ? err_memory(err) : 0, arena, ret_flame, err);
}

/* --- waits --- */

static int name_waits(struct tree *tree, struct arena *arena)
{
    for (int i = 0; i < WAIT_REASON_COUNT; i++) {
        tree->wait_names[i] = arena_printf(arena, "[wait: %s]", wait_reason_name((uint64_t)i));
        if (!tree->wait_names[i])
            return -1;
    }
    return 0;
}

static size_t reason_node(struct tree *tree, size_t code, uint8_t reason)
{
    uint8_t known = reason < WAIT_REASON_COUNT ? reason : WAIT_UNKNOWN;
    struct flame_node node = {
        .name = tree->wait_names[known], .kind = FLAME_WAIT, .doing = known, .parent = code};
    return child_of(tree, &node);
}

/* The reason, the other end, the waker and its stack. A process's number tells less than its name, as a waker, and that of a pipe
 * nothing. */
static size_t wait_node(struct tree *tree, size_t code, const struct run_wait *wait, const char *waker)
{
    bool is_told = waker && wait->peer != RUN_NONE && tree->run->peers.items[wait->peer].kind == PEER_PROCESS;
    const char *peer = is_told ? NULL : run_peer_name(tree->run, wait->peer);
    if (peer && (str_starts(peer, "pipe:[") || str_starts(peer, "socket:[")))
        peer = NULL;
    size_t node = reason_node(tree, code, wait->reason);
    if (peer && peer[0] && node != SIZE_MAX)
        node = child_of(tree, &(struct flame_node){.name = peer, .kind = FLAME_PEER, .parent = node});
    if (!waker || node == SIZE_MAX)
        return node;
    node = program_node(tree, waker, FLAME_WAKER, node);
    uint32_t frames[STACK_DEPTH_MAX];
    size_t depth = frames_of(tree->run, wait->waker_stack, frames);
    for (size_t i = 0; i < depth && node != SIZE_MAX; i++)
        node = frame_node(tree, node, frames[i]);
    return node;
}

static size_t recent_wait_node(struct tree *tree, size_t code, const struct run_wait *wait)
{
    /* An interrupt names whoever it interrupted. */
    bool is_known = wait->waker != RUN_NONE && wait->waker_source != WAKER_INTERRUPT;
    const char *waker = is_known ? run_process_name(tree->run, wait->waker, wait->end_ns) : NULL;
    uint64_t key = map_hash(((uint64_t)wait->peer << 32 | wait->waker_stack) + wait->reason) ^
                   map_hash((uint64_t)(uintptr_t)waker + code);
    struct recent *recent = &tree->recent[key % RECENT_COUNT];
    if (recent->key != key || recent->code != code || !recent->node)
        *recent = (struct recent){code, key, wait_node(tree, code, wait, waker)};
    return recent->node;
}

static int add_wait(struct tree *tree, uint32_t actor, const struct run_wait *wait)
{
    const char *program = run_process_name(tree->run, actor, wait->start_ns);
    if (wait->blocked_ns + wait->runnable_ns == 0 || wait->start_ns >= tree->run->end_ns)
        return 0;
    size_t code = code_node(tree, program, wait->stack, wait->blocked_ns + wait->runnable_ns);
    if (code == SIZE_MAX)
        return -1;
    if (wait->blocked_ns) {
        size_t node = recent_wait_node(tree, code, wait);
        if (node == SIZE_MAX)
            return -1;
        tree->nodes.items[node].self_ns += wait->blocked_ns;
    }
    if (wait->runnable_ns) {
        size_t node = reason_node(tree, code, WAIT_CPU_QUEUE);
        if (node == SIZE_MAX)
            return -1;
        tree->nodes.items[node].self_ns += wait->runnable_ns;
    }
    return 0;
}

int picture_flame_waits(const struct run *run, struct arena *arena, struct flame *ret_flame, struct err *err)
{
    struct tree tree;
    int status = tree_begin(&tree, run);
    if (!status)
        status = name_waits(&tree, arena);
    for (uint32_t i = 0; i < run->tracks.count && !status; i++)
        for (size_t j = 0; j < run->tracks.items[i].waits.count && !status; j++)
            status = add_wait(&tree, i, &run->tracks.items[i].waits.items[j]);
    return tree_end(&tree, status ? err_memory(err) : 0, arena, ret_flame, err);
}

/* --- allocations --- */

struct allocations {
    struct tree *tree;
    enum stack_kind kind;
};

static int add_allocations(void *context, const struct batch *batch, struct err *err)
{
    struct allocations *allocations = context;
    struct tree *tree = allocations->tree;
    const struct run *run = tree->run;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_heap row;
        batch_row(batch, i, (uint64_t *)&row);
        uint64_t amount = stack_kind_amount(allocations->kind, &row);
        bool has_track =
            row.track && row.track <= run->tracks.count && run->tracks.items[row.track - 1].present;
        if (!amount || !has_track)
            continue;
        uint32_t stack = row.stack && row.stack <= run->stacks.count ? (uint32_t)(row.stack - 1) : RUN_NONE;
        size_t node =
            code_node(tree, run_process_name(run, (uint32_t)(row.track - 1), row.end_ns), stack, amount);
        if (node == SIZE_MAX)
            return err_memory(err);
        tree->nodes.items[node].self_ns += amount;
    }
    return 0;
}

int picture_flame_heap(const struct run *run, enum stack_kind kind, struct arena *arena,
                       struct flame *ret_flame, struct err *err)
{
    struct tree tree;
    struct allocations allocations = {&tree, kind};
    int status = tree_begin(&tree, run) ? err_memory(err) : 0;
    if (!status)
        status = view_scan_all(run->view, TABLE_HEAP, add_allocations, &allocations, err);
    status = tree_end(&tree, status, arena, ret_flame, err);
    ret_flame->unit = kind == STACKS_TEMPORARY ? FLAME_ALLOCATIONS : FLAME_BYTES;
    return status;
}
