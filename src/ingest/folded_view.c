/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/folded_view.h"

#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "collapse/collapse.h"
#include "collapse/fold.h"
#include "model/meta.h"

#define DEPTH_MAX 4096u
#define ID_MAX    (1u << 30)

struct node {
    uint32_t parent, frame; /* ids */
};

struct leaf {
    uint64_t name, stack, weight;
};

/* A name that a thread had until a time; `next` is the index + 1 of the one that followed. */
struct old_name {
    uint64_t until_ns, name;
    size_t next;
};

/* What a thread is called, and the first and last of the names it had before: index + 1. `at`: the one at the time that was asked
 * for last; samples come mostly in order of time. */
struct track_name {
    uint64_t name;
    size_t first, last, at;
    uint64_t at_ns;
};

struct folder {
    const struct view *view;
    uint64_t id_max;         /* of the table that is read */
    VEC(struct node) stacks; /* by id - 1 */
    struct arena arena;
    VEC(const char *) frames;     /* the text of each, by id - 1; NULL: no such row */
    VEC(struct track_name) names; /* of tracks, by id - 1 */
    VEC(struct old_name) old_names;
    struct map leaf_of;
    VEC(struct leaf) leaves;
    struct fold *fold;
    VEC(uint32_t) numbers;    /* in the fold, by a frame's id; of 0 that of "?" */
    VEC(uint32_t) chains;     /* in the fold, by a stack's id, that number + 1; 0: not known yet */
    struct map frame_of_name; /* in the fold */
    bool is_perf;             /* blanks in the names of programs become '_' */
    bool is_tidied;           /* names are made short, as the scripts do */
    struct str text;
};

bool folded_view_is(const struct view *view)
{
    return view_meta(view, META_IMPORT_FORMAT) != NULL;
}

/* Makes room for an id. */
#define ROOM(vec, id)                                                                                        \
    ({                                                                                                       \
        int room_ = vec_reserve((vec), (size_t)(id));                                                        \
        if (!room_ && (vec)->count < (id)) {                                                                 \
            memset((vec)->items + (vec)->count, 0, ((size_t)(id) - (vec)->count) * sizeof *(vec)->items);    \
            (vec)->count = (size_t)(id);                                                                     \
        }                                                                                                    \
        room_;                                                                                               \
    })

static int take_stacks(void *context, const struct batch *batch, struct err *err)
{
    struct folder *folder = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_stack row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!row.id || row.id > folder->id_max || row.frame > ID_MAX || row.parent > ID_MAX)
            continue;
        if (ROOM(&folder->stacks, row.id))
            return err_memory(err);
        folder->stacks.items[row.id - 1] =
            (struct node){.parent = (uint32_t)row.parent, .frame = (uint32_t)row.frame};
    }
    return 0;
}

/* "[libc.so.6]" for a function without a name. */
static void name_frame(struct folder *folder, const struct row_frame *row)
{
    const char *function = view_text(folder->view, row->function),
               *module = view_text(folder->view, row->module);
    struct str *text = &folder->text;
    str_clear(text);
    if (!folder->is_tidied) {
        str_append(text, function);
    } else if (function[0]) {
        collapse_tidy(function, strlen(function), false, text);
    } else {
        const char *slash = strrchr(module, '/');
        str_printf(text, "[%s]", slash ? slash + 1 : module[0] ? module : "unknown");
    }
    if (row->inlined && !strstr(str_text(text), "_[i]"))
        str_append(text, "_[i]");
    /* ';' parts frames, and a newline lines. */
    for (size_t i = 0; i < text->length; i++) {
        if (text->text[i] == ';' || text->text[i] == '\n')
            text->text[i] = text->text[i] == ';' ? ':' : ' ';
    }
}

static int take_frames(void *context, const struct batch *batch, struct err *err)
{
    struct folder *folder = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_frame row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!row.id || row.id > folder->id_max)
            continue;
        name_frame(folder, &row);
        const char *copy = arena_copy(&folder->arena, str_text(&folder->text), folder->text.length);
        if (folder->text.failed || !copy || ROOM(&folder->frames, row.id))
            return err_memory(err);
        folder->frames.items[row.id - 1] = copy;
    }
    return 0;
}

static int take_tracks(void *context, const struct batch *batch, struct err *err)
{
    struct folder *folder = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_track row;
        batch_row(batch, i, (uint64_t *)&row);
        if (!row.id || row.id > folder->id_max)
            continue;
        if (ROOM(&folder->names, row.id))
            return err_memory(err);
        struct track_name *track = &folder->names.items[row.id - 1];
        /* A row without a start tells of a name that ended. */
        if (row.start_ns || !row.end_ns) {
            track->name = row.name;
            continue;
        }
        struct old_name old = {.until_ns = row.end_ns, .name = row.name};
        if (vec_push(&folder->old_names, old))
            return err_memory(err);
        if (track->last)
            folder->old_names.items[track->last - 1].next = folder->old_names.count;
        else
            track->first = folder->old_names.count;
        track->last = folder->old_names.count;
    }
    return 0;
}

static uint64_t name_at(struct folder *folder, uint64_t track, uint64_t time_ns)
{
    if (!track || track > folder->names.count)
        return 0;
    struct track_name *name = &folder->names.items[track - 1];
    size_t at = name->at_ns && time_ns >= name->at_ns ? name->at : name->first;
    while (at && time_ns >= folder->old_names.items[at - 1].until_ns)
        at = folder->old_names.items[at - 1].next;
    name->at = at;
    name->at_ns = time_ns;
    return at ? folder->old_names.items[at - 1].name : name->name;
}

static int take_samples(void *context, const struct batch *batch, struct err *err)
{
    struct folder *folder = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_sample row;
        batch_row(batch, i, (uint64_t *)&row);
        uint64_t name = name_at(folder, row.track, row.time_ns);
        uint64_t stack = row.stack <= folder->stacks.count ? row.stack : 0, key = name << 32 | stack;
        uint64_t *known = map_get(&folder->leaf_of, key);
        if (known) {
            folder->leaves.items[*known].weight += row.weight;
            continue;
        }
        struct leaf leaf = {.name = name, .stack = stack, .weight = row.weight};
        if (name > UINT32_MAX || map_put(&folder->leaf_of, key, folder->leaves.count) ||
            vec_push(&folder->leaves, leaf))
            return err_memory(err);
    }
    return 0;
}

/* The number of a frame's name in the fold. */
static uint32_t number_of(const struct folder *folder, uint64_t frame)
{
    return folder->numbers.items[frame < folder->numbers.count ? frame : 0];
}

/* The number of a program's name; blanks of perf's are '_'. */
static int name_leaf(struct folder *folder, uint64_t name, uint32_t *ret_frame, struct err *err)
{
    const uint64_t *known = map_get(&folder->frame_of_name, name);
    struct str *text = &folder->text;
    if (known) {
        *ret_frame = (uint32_t)*known;
        return 0;
    }
    str_clear(text);
    str_append(text, view_text(folder->view, name));
    for (size_t i = 0; i < text->length; i++)
        if (folder->is_perf && text->text[i] == ' ')
            text->text[i] = '_';
    int status = text->failed ? err_memory(err)
                              : fold_frame(folder->fold, str_text(text), text->length, ret_frame, err);
    return !status && map_put(&folder->frame_of_name, name, *ret_frame) ? err_memory(err) : status;
}

/* Frames behind the innermost one, of which many stacks have the same, the outermost last; one that has no row is "?". */
static int fold_callers(struct folder *folder, uint32_t stack, uint32_t *ret_chain, struct err *err)
{
    uint32_t chain[DEPTH_MAX];
    size_t depth = 0;
    if (stack > folder->stacks.count)
        stack = 0; /* no such row: no callers, and no room for them */
    if (ROOM(&folder->chains, stack + 1))
        return err_memory(err);
    uint32_t *known = &folder->chains.items[stack];
    /* A caller may be told after who it calls; rings end at the limit. */
    for (uint64_t at = stack; !*known && at && at <= folder->stacks.count && depth < DEPTH_MAX;
         at = folder->stacks.items[at - 1].parent)
        chain[depth++] = number_of(folder, folder->stacks.items[at - 1].frame);
    int status = *known ? 0 : fold_chain(folder->fold, chain, depth, ret_chain, err);
    if (status)
        return status;
    if (*known)
        *ret_chain = *known - 1;
    else
        *known = *ret_chain + 1;
    return 0;
}

static int fold_leaf(struct folder *folder, const struct leaf *leaf, struct err *err)
{
    struct fold_stack stack = {.program = FOLD_NONE, .first = FOLD_NONE, .weight = leaf->weight};
    uint32_t callers = 0;
    if (leaf->stack) {
        const struct node *node = &folder->stacks.items[leaf->stack - 1];
        stack.first = number_of(folder, node->frame);
        callers = node->parent;
    }
    int status = fold_callers(folder, callers, &stack.chain, err);
    if (!status && (!leaf->stack || view_text(folder->view, leaf->name)[0]))
        status = name_leaf(folder, leaf->name, &stack.program, err);
    return status ? status : fold_stack(folder->fold, &stack, err);
}

static int write_lines(struct folder *folder, fold_write_fn *write, void *context, struct err *err)
{
    const char *told = view_meta(folder->view, META_SAMPLE_SCALE);
    uint64_t scale = 1;
    int status = fold_create(&folder->fold, err);
    if (!told || num_parse_u64(told, &scale) || !scale)
        scale = 1;
    for (size_t i = 0; i <= folder->frames.count && !status; i++) {
        const char *name = i && folder->frames.items[i - 1] ? folder->frames.items[i - 1] : "?";
        uint32_t number = 0;
        status = fold_frame(folder->fold, name, strlen(name), &number, err);
        if (!status && vec_push(&folder->numbers, number))
            status = err_memory(err);
    }
    for (size_t i = 0; i < folder->leaves.count && !status; i++)
        status = fold_leaf(folder, &folder->leaves.items[i], err);
    if (!status)
        status = fold_write(folder->fold, scale, write, context, err);
    fold_destroy(folder->fold);
    return status;
}

int folded_view_send(const struct view *view, fold_write_fn *write, void *context, struct err *err)
{
    static const struct {
        enum table_id table;
        view_batch_fn *take;
    } steps[] = {{TABLE_STACK, take_stacks},
                 {TABLE_FRAME, take_frames},
                 {TABLE_TRACK, take_tracks},
                 {TABLE_SAMPLE, take_samples}};
    const char *format = view_meta(view, META_IMPORT_FORMAT);
    struct folder folder = {.view = view,
                            .is_perf = format && str_starts(format, "perf"),
                            .is_tidied = format && strcmp(format, "perf.data") == 0};
    int status = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !status; i++) {
        folder.id_max = view_id_max(view, steps[i].table, ID_MAX);
        status = view_scan_all(view, steps[i].table, steps[i].take, &folder, err);
    }
    if (!status)
        status = write_lines(&folder, write, context, err);
    vec_free(&folder.stacks);
    vec_free(&folder.frames);
    vec_free(&folder.names);
    vec_free(&folder.old_names);
    vec_free(&folder.leaves);
    vec_free(&folder.numbers);
    vec_free(&folder.chains);
    map_free(&folder.leaf_of);
    map_free(&folder.frame_of_name);
    arena_free(&folder.arena);
    str_free(&folder.text);
    return status;
}

static int append(void *context, const char *bytes, size_t length, struct err *err)
{
    struct str *text = context;
    str_append_bytes(text, bytes, length);
    return text->failed ? err_memory(err) : 0;
}

int folded_view_write(const struct view *view, struct str *ret_text, struct err *err)
{
    return folded_view_send(view, append, ret_text, err);
}
