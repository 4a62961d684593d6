/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/folded_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "collapse/collapse.h"
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
    bool is_perf;   /* blanks in the names of programs become '_' */
    bool is_tidied; /* names are made short, as the scripts do */
    struct str text;
};

struct line {
    char *text;
    size_t length;
    uint64_t weight;
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

/* The name of the program, then the frames. */
static void write_stack(struct folder *folder, const struct leaf *leaf)
{
    uint32_t chain[DEPTH_MAX];
    size_t depth = 0;
    struct str *text = &folder->text;
    str_clear(text);
    str_append(text, view_text(folder->view, leaf->name));
    for (size_t i = 0; i < text->length; i++)
        if (folder->is_perf && text->text[i] == ' ')
            text->text[i] = '_';
    /* A caller may be told after who it calls; rings end at the limit. */
    for (uint64_t at = leaf->stack; at && at <= folder->stacks.count && depth < DEPTH_MAX;
         at = folder->stacks.items[at - 1].parent)
        chain[depth++] = folder->stacks.items[at - 1].frame;
    while (depth--) {
        const char *name = chain[depth] && chain[depth] <= folder->frames.count
                               ? folder->frames.items[chain[depth] - 1]
                               : NULL;
        if (text->length)
            str_append(text, ";");
        str_append(text, name ? name : "?");
    }
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *left = a, *right = b;
    int order = memcmp(left->text, right->text, num_min(left->length, right->length));
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

/* Weights that were scaled up, because the file had fractions, are told as it did. */
static void write_weight(struct str *text, uint64_t weight, uint64_t scale)
{
    str_printf(text, " %" PRIu64, weight / scale);
    uint64_t rest = weight % scale;
    if (rest) {
        str_append(text, ".");
        for (uint64_t unit = scale / 10; unit && rest; unit /= 10) {
            str_printf(text, "%" PRIu64, rest / unit);
            rest %= unit;
        }
    }
    str_append(text, "\n");
}

static int write_lines(struct folder *folder, struct str *ret_text, struct err *err)
{
    struct line *lines = calloc(folder->leaves.count + 1, sizeof *lines);
    const char *told = view_meta(folder->view, META_SAMPLE_SCALE);
    uint64_t scale = 1;
    int status = lines ? 0 : err_memory(err);
    if (!told || num_parse_u64(told, &scale) || !scale)
        scale = 1;
    for (size_t i = 0; i < folder->leaves.count && !status; i++) {
        write_stack(folder, &folder->leaves.items[i]);
        lines[i] =
            (struct line){.text = arena_copy(&folder->arena, str_text(&folder->text), folder->text.length),
                          .length = folder->text.length,
                          .weight = folder->leaves.items[i].weight};
        if (folder->text.failed || !lines[i].text)
            status = err_memory(err);
    }
    if (!status && folder->leaves.count)
        qsort(lines, folder->leaves.count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < folder->leaves.count && !status; i++) {
        if (i + 1 < folder->leaves.count && compare_lines(&lines[i], &lines[i + 1]) == 0) {
            lines[i + 1].weight += lines[i].weight;
            continue;
        }
        str_append_bytes(ret_text, lines[i].text, lines[i].length);
        write_weight(ret_text, lines[i].weight, scale);
    }
    free(lines);
    return !status && ret_text->failed ? err_memory(err) : status;
}

int folded_view_write(const struct view *view, struct str *ret_text, struct err *err)
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
        status = write_lines(&folder, ret_text, err);
    vec_free(&folder.stacks);
    vec_free(&folder.frames);
    vec_free(&folder.names);
    vec_free(&folder.old_names);
    vec_free(&folder.leaves);
    map_free(&folder.leaf_of);
    arena_free(&folder.arena);
    str_free(&folder.text);
    return status;
}
