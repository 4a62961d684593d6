/* SPDX-License-Identifier: Apache-2.0 */
#include "export/cast.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "codec/json.h"
#include "model/meta.h"

#define HOPS_MAX     256
#define MADE_UP_FROM 2000000000u /* pids and tids of tracks without: over what a kernel gives */

struct loading {
    struct cast *cast;
    uint64_t id_max;
    uint64_t last_ns, first_ns;
    bool has_end;
};

static const char *text_of(const struct loading *loading, uint64_t string)
{
    return view_text(loading->cast->view, string);
}

/* Rows that are not there are `fill` bytes: a stack that is none has neither a parent nor a frame. */
#define GROW_TO(loading, vec, wanted, fill, err)                                                             \
    do {                                                                                                     \
        if ((wanted) == 0 || (wanted) > (loading)->id_max)                                                   \
            return err_set((err), ERR_INPUT, "could not read recording: id %llu is out of range",            \
                           (unsigned long long)(wanted));                                                    \
        if (vec_reserve((vec), (size_t)(wanted)))                                                            \
            return err_memory(err);                                                                          \
        if ((vec)->count < (wanted)) {                                                                       \
            memset((vec)->items + (vec)->count, (fill),                                                      \
                   ((size_t)(wanted) - (vec)->count) * sizeof *(vec)->items);                                \
            (vec)->count = (size_t)(wanted);                                                                 \
        }                                                                                                    \
    } while (0)

static int load_tracks(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_track row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loading, &loading->cast->tracks, row.id, 0, err);
        struct cast_track *track = &loading->cast->tracks.items[row.id - 1];
        track->name = text_of(loading, row.name);
        track->pid = row.pid;
        track->tid = row.tid;
        track->start_ns = row.start_ns;
        track->end_ns = row.end_ns;
        track->parent = row.parent && row.parent <= loading->id_max ? (uint32_t)(row.parent - 1) : CAST_NONE;
        track->kind = row.kind < TRACK_KIND_COUNT ? (uint8_t)row.kind : 0;
        track->is_present = true;
        loading->last_ns = num_max(loading->last_ns, num_max(row.start_ns, row.end_ns));
        loading->first_ns = num_min(loading->first_ns, row.start_ns);
    }
    return 0;
}

static int load_frames(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_frame row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loading, &loading->cast->frames, row.id, 0, err);
        loading->cast->frames.items[row.id - 1] =
            (struct cast_frame){.function = text_of(loading, row.function),
                                .file = text_of(loading, row.file),
                                .module = text_of(loading, row.module),
                                .address = row.address,
                                .line = (uint32_t)num_min(row.line, UINT32_MAX),
                                .is_inlined = row.inlined != 0};
    }
    return 0;
}

static int load_stacks(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_stack row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loading, &loading->cast->stacks, row.id, 0xff, err);
        loading->cast->stacks.items[row.id - 1] =
            (struct cast_stack){.parent = (uint32_t)num_min(row.parent, UINT32_MAX) - 1,
                                .frame = (uint32_t)num_min(row.frame, UINT32_MAX) - 1};
    }
    return 0;
}

static bool is_build_id(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdef");
    return digits && digits % 2 == 0 && digits <= (size_t)2 * BUILD_ID_BYTES_MAX && !text[digits];
}

static int load_modules(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_attr row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.owner_table != TABLE_FRAME || !row.owner || row.owner > loading->cast->frames.count ||
            strcmp(text_of(loading, row.key), ATTR_BUILD_ID) != 0)
            continue;
        struct cast_module module = {.name = loading->cast->frames.items[row.owner - 1].module,
                                     .build_id = text_of(loading, row.value)};
        if (module.name && module.name[0] && is_build_id(module.build_id) &&
            vec_push(&loading->cast->modules, module))
            return err_memory(err);
    }
    return 0;
}

static int load_peers(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_peer row;
        batch_row(batch, i, (uint64_t *)&row);
        GROW_TO(loading, &loading->cast->peers, row.id, 0, err);
        const char *address = text_of(loading, row.address), *path = text_of(loading, row.path);
        loading->cast->peers.items[row.id - 1] =
            (struct cast_peer){.kind = row.kind,
                               .label = address[0] ? address
                                        : path[0]  ? path
                                                   : text_of(loading, row.name)};
    }
    return 0;
}

static int load_images(void *context, const struct batch *batch, struct err *err)
{
    struct loading *loading = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint32_t at = cast_track(loading->cast, batch->columns[COLUMN(span, track)][i]);
        if (at == CAST_NONE || batch->columns[COLUMN(span, category)][i] != SPAN_EXEC)
            continue;
        struct cast_image image = {.start_ns = batch->columns[COLUMN(span, start_ns)][i],
                                   .name = text_of(loading, batch->columns[COLUMN(span, name)][i])};
        if (vec_push(&loading->cast->tracks.items[at].images, image))
            return err_memory(err);
    }
    return 0;
}

static int compare_images(const void *a, const void *b)
{
    const struct cast_image *x = a, *y = b;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static uint32_t process_of(const struct cast *cast, uint32_t at)
{
    for (int hops = 0; hops < HOPS_MAX; hops++) {
        const struct cast_track *track = &cast->tracks.items[at];
        bool has_parent = track->parent < cast->tracks.count && track->parent != at &&
                          cast->tracks.items[track->parent].is_present;
        if (track->kind == TRACK_PROCESS || !has_parent)
            return at;
        at = track->parent;
    }
    return at;
}

static void settle_tracks(struct cast *cast)
{
    for (uint32_t i = 0; i < cast->tracks.count; i++) {
        struct cast_track *track = &cast->tracks.items[i];
        if (!track->is_present)
            continue;
        track->process = process_of(cast, i);
        if (!track->end_ns || track->end_ns < track->start_ns)
            track->end_ns = num_max(cast->end_ns, track->start_ns);
        if (!track->tid)
            track->tid = track->pid ? track->pid : MADE_UP_FROM + i;
        if (track->images.count > 1)
            qsort(track->images.items, track->images.count, sizeof *track->images.items, compare_images);
    }
    for (uint32_t i = 0; i < cast->tracks.count; i++) {
        struct cast_track *track = &cast->tracks.items[i];
        if (track->is_present && !track->pid)
            track->pid = cast->tracks.items[track->process].pid ? cast->tracks.items[track->process].pid
                                                                : MADE_UP_FROM + track->process;
    }
}

static int load_command(struct cast *cast, struct err *err)
{
    const char *text = view_meta(cast->view, META_COMMAND);
    struct json_value *words = NULL;
    /* A command that cannot be read costs a title, no more. */
    if (text && !json_read_text(text, strlen(text), META_COMMAND, &words, NULL)) {
        for (size_t i = 0; i < json_count(words); i++) {
            const char *word;
            if (json_find_text(json_item(words, i), NULL, &word))
                str_printf(&cast->command_text, "%s%s", cast->command_text.length ? " " : "", word);
        }
    }
    json_free(words);
    cast->command = str_text(&cast->command_text);
    return cast->command_text.failed ? err_memory(err) : 0;
}

static uint64_t meta_number(const struct view *view, const char *key, uint64_t otherwise)
{
    const char *text = view_meta(view, key);
    uint64_t value;
    return text && !num_parse_u64(text, &value) ? value : otherwise;
}

static int load(struct cast *cast, struct err *err)
{
    static const struct {
        enum table_id table;
        view_batch_fn *each;
    } steps[] = {
        {TABLE_TRACK, load_tracks}, {TABLE_FRAME, load_frames}, {TABLE_STACK, load_stacks},
        {TABLE_PEER, load_peers},   {TABLE_ATTR, load_modules},
    };
    struct loading loading = {.cast = cast, .first_ns = UINT64_MAX};
    int status = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && !status; i++) {
        loading.id_max = view_id_max(cast->view, steps[i].table, CAST_NONE - 1);
        status = view_scan_all(cast->view, steps[i].table, steps[i].each, &loading, err);
    }
    const struct view_query images = {.table = TABLE_SPAN,
                                      .column_mask = 1u << COLUMN(span, track) | 1u << COLUMN(span, name) |
                                                     1u << COLUMN(span, category) |
                                                     1u << COLUMN(span, start_ns),
                                      .range_column = COLUMN(span, category),
                                      .low = SPAN_EXEC,
                                      .high = SPAN_EXEC};
    if (!status)
        status = view_scan(cast->view, &images, load_images, &loading, err);
    if (status)
        return status;
    cast->start_ns =
        meta_number(cast->view, META_START, loading.first_ns == UINT64_MAX ? 0 : loading.first_ns);
    cast->end_ns = num_max(meta_number(cast->view, META_END, loading.last_ns), cast->start_ns);
    const char *unit = view_meta(cast->view, META_SAMPLE_UNIT);
    cast->unit = unit ? unit : "ns";
    cast->unit_scale = num_max(meta_number(cast->view, META_SAMPLE_SCALE, 1), 1);
    settle_tracks(cast);
    return load_command(cast, err);
}

int cast_load(const struct view *view, struct cast *ret_cast, struct err *err)
{
    *ret_cast = (struct cast){.view = view};
    int status = load(ret_cast, err);
    if (status)
        cast_free(ret_cast);
    return status;
}

void cast_free(struct cast *cast)
{
    for (size_t i = 0; i < cast->tracks.count; i++)
        vec_free(&cast->tracks.items[i].images);
    vec_free(&cast->tracks);
    vec_free(&cast->frames);
    vec_free(&cast->stacks);
    vec_free(&cast->peers);
    vec_free(&cast->modules);
    str_free(&cast->command_text);
}

bool cast_has_time(const struct cast *cast)
{
    return strcmp(cast->unit, "ns") == 0;
}

uint32_t cast_track(const struct cast *cast, uint64_t id)
{
    return id && id <= cast->tracks.count && cast->tracks.items[id - 1].is_present ? (uint32_t)(id - 1)
                                                                                   : CAST_NONE;
}

uint32_t cast_stack(const struct cast *cast, uint64_t id)
{
    return id && id <= cast->stacks.count ? (uint32_t)(id - 1) : CAST_NONE;
}

uint32_t cast_peer(const struct cast *cast, uint64_t id)
{
    return id && id <= cast->peers.count && cast->peers.items[id - 1].label ? (uint32_t)(id - 1) : CAST_NONE;
}

/* The image that a process had just before `t`; its first one when `t` is before all. */
static const char *image_at(const struct cast_track *process, uint64_t t)
{
    size_t low = 0, high = process->images.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (process->images.items[middle].start_ns < t)
            low = middle + 1;
        else
            high = middle;
    }
    return process->images.count ? process->images.items[low ? low - 1 : 0].name : NULL;
}

const char *cast_program(const struct cast *cast, uint32_t track, uint64_t t)
{
    for (int hops = 0; track < cast->tracks.count && hops < HOPS_MAX; hops++) {
        const struct cast_track *of = &cast->tracks.items[track];
        if (of->kind == TRACK_AGENT)
            return of->name;
        const struct cast_track *process = &cast->tracks.items[of->process];
        const char *name = image_at(process, t);
        bool is_last = process->parent >= cast->tracks.count || process->parent == of->process ||
                       !cast->tracks.items[process->parent].is_present;
        if (name || is_last)
            return name ? name : process->name;
        t = process->start_ns;
        track = process->parent;
    }
    return "";
}

size_t cast_chain(const struct cast *cast, uint32_t stack, uint32_t ret_frames[CAST_DEPTH_MAX])
{
    size_t depth = 0;
    for (size_t steps = 0; stack < cast->stacks.count && steps < CAST_DEPTH_MAX;
         steps++) { /* damage goes in circles */
        uint32_t frame = cast->stacks.items[stack].frame;
        stack = cast->stacks.items[stack].parent;
        if (frame < cast->frames.count && cast->frames.items[frame].function)
            ret_frames[depth++] = frame;
    }
    return depth;
}

const char *cast_function(const struct cast *cast, uint32_t frame)
{
    const char *name = frame < cast->frames.count ? cast->frames.items[frame].function : NULL;
    return name && name[0] ? name : "[unknown]";
}

const char *cast_build_id(const struct cast *cast, const char *module)
{
    for (size_t i = 0; i < cast->modules.count; i++)
        if (strcmp(cast->modules.items[i].name, module) == 0)
            return cast->modules.items[i].build_id;
    return "";
}

static uint8_t digit_of(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

size_t cast_build_id_bytes(const struct cast *cast, const char *module, uint8_t ret_bytes[BUILD_ID_BYTES_MAX])
{
    const char *digits = cast_build_id(cast, module);
    size_t size = 0;
    for (; digits[2 * size]; size++)
        ret_bytes[size] = (uint8_t)(digit_of(digits[2 * size]) << 4 | digit_of(digits[2 * size + 1]));
    return size;
}

void cast_wait_frame(const struct cast *cast, uint64_t reason, uint32_t peer, struct str *str)
{
    const char *label = peer < cast->peers.count ? cast->peers.items[peer].label : NULL;
    str_printf(str, "[wait: %s%s%s]", wait_reason_name(reason), label && label[0] ? " " : "",
               label ? label : "");
}
