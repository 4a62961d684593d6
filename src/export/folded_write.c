/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folded_write: `program;frame;frame N` lines, the form that stackcollapse scripts write and that every flame graph tool reads; N is
 * nanoseconds. One line a stack, sorted by bytes. A stack that waited ends in a frame that says for what: `[wait: network 10.0.0.5:80]`.
 *
 * Of a difference, `program;frame;frame BEFORE AFTER`, as difffolded.pl writes it (FlameGraph, B. Gregg).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "export/internal.h"
#include "export/stack_sum.h"
#include "model/meta.h"
#include "report/escape.h"

struct folded_line {
    const char *text;
    uint64_t ns;
};

struct folded {
    struct arena arena;
    VEC(struct folded_line) lines; /* by text, each once */
};

/* ';' parts frames, and the last blank of a line its number. */
static void append_frame(struct str *str, const char *name)
{
    size_t from = str->length;
    escape_plain(str, *name ? name : "?");
    for (size_t i = from; i < str->length; i++)
        if (str->text[i] == ';')
            str->text[i] = ':';
}

/* Where a Python function was is told with it: `fetch (prices.py:16)`. */
static void append_function(struct str *str, const struct cast *cast, uint32_t index)
{
    const struct cast_frame *frame = index < cast->frames.count ? &cast->frames.items[index] : NULL;
    append_frame(str, cast_function(cast, index));
    if (!frame || strcmp(frame->module, MODULE_NAME_PYTHON) != 0 || !frame->file[0])
        return;
    const char *slash = strrchr(frame->file, '/');
    str_append(str, " (");
    append_frame(str, slash ? slash + 1 : frame->file);
    str_printf(str, ":%" PRIu32 ")", frame->line);
}

static void append_stack(struct str *str, const struct cast *cast, const struct stack_entry *entry)
{
    uint32_t frames[CAST_DEPTH_MAX];
    size_t depth = cast_chain(cast, entry->stack, frames);
    append_frame(str, entry->program);
    while (depth--) {
        str_append(str, ";");
        append_function(str, cast, frames[depth]);
    }
    if (entry->reason != STACK_ON_CPU) {
        struct str wait = {0};
        cast_wait_frame(cast, (uint64_t)entry->reason, entry->peer, &wait);
        str_append(str, ";");
        append_frame(str, str_text(&wait));
        str->failed |= wait.failed;
        str_free(&wait);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(((const struct folded_line *)a)->text, ((const struct folded_line *)b)->text);
}

/* Different stacks may have the same text: functions of one name in two files. */
static void merge_equal(struct folded *folded)
{
    size_t kept = 0;
    if (folded->lines.count)
        qsort(folded->lines.items, folded->lines.count, sizeof *folded->lines.items, compare_lines);
    for (size_t i = 0; i < folded->lines.count; i++) {
        struct folded_line line = folded->lines.items[i];
        if (kept && strcmp(folded->lines.items[kept - 1].text, line.text) == 0)
            folded->lines.items[kept - 1].ns += line.ns;
        else
            folded->lines.items[kept++] = line;
    }
    folded->lines.count = kept;
}

static int make_folded(const struct cast *cast, enum stack_kind kind, struct folded *folded, struct err *err)
{
    struct stack_sum sum;
    struct str text = {0};
    int status = stack_sum_make(cast, kind, STACK_SUM_BY_PROGRAM, &sum, err);
    if (status)
        return status;
    for (size_t i = 0; i < sum.entries.count && !status; i++) {
        str_clear(&text);
        append_stack(&text, cast, &sum.entries.items[i]);
        const struct folded_line line = {
            text.failed ? NULL : arena_copy(&folded->arena, str_text(&text), text.length),
            sum.entries.items[i].ns};
        if (!line.text || vec_push(&folded->lines, line))
            status = err_memory(err);
    }
    merge_equal(folded);
    str_free(&text);
    stack_sum_free(&sum);
    return status;
}

static void free_folded(struct folded *folded)
{
    vec_free(&folded->lines);
    arena_free(&folded->arena);
}

/* Two sorted lists at once; a stack that one side does not have has 0 there. */
static void write_difference(const struct folded *before, const struct folded *after,
                             struct byte_stream *stream)
{
    size_t i = 0, j = 0;
    while (i < before->lines.count || j < after->lines.count) {
        int order = i == before->lines.count ? 1
                    : j == after->lines.count
                        ? -1
                        : strcmp(before->lines.items[i].text, after->lines.items[j].text);
        stream_text(stream, order <= 0 ? before->lines.items[i].text : after->lines.items[j].text);
        stream_text(stream, " ");
        stream_u64(stream, order <= 0 ? before->lines.items[i++].ns : 0);
        stream_text(stream, " ");
        stream_u64(stream, order >= 0 ? after->lines.items[j++].ns : 0);
        stream_text(stream, "\n");
    }
}

FOREIGN_WRITER(folded_write)
{
    struct folded before = {0}, after = {0};
    int status = make_folded(input->cast, input->kind, &after, err);
    if (!status && input->against)
        status = make_folded(input->against, input->kind, &before, err);
    if (!status && input->against)
        write_difference(&before, &after, stream);
    for (size_t i = 0; i < after.lines.count && !status && !input->against; i++) {
        stream_text(stream, after.lines.items[i].text);
        stream_text(stream, " ");
        stream_u64(stream, after.lines.items[i].ns);
        stream_text(stream, "\n");
    }
    free_folded(&before);
    free_folded(&after);
    return status;
}
