/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folded_export: the flame graph as `frame;frame;frame N` lines, the form that stackcollapse scripts write and that
 * every flame graph tool reads. N is the nanoseconds of CPU time with exactly this stack. One line a stack, sorted
 * by bytes; the root, which stands for "all", is not part of a stack.
 */
#include <inttypes.h>
#include <string.h>

#include "base/vec.h"
#include "report/escape.h"
#include "report/internal.h"

#define DEPTH_MAX 512

struct stack_line {
    char *text;
    uint64_t ns;
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

/* A stack deeper than DEPTH_MAX loses its outer frames. */
static void append_stack(struct str *str, const struct flame *flame, size_t index)
{
    size_t chain[DEPTH_MAX], depth = 0;

    for (size_t at = index; at && depth < DEPTH_MAX && flame->nodes[at].parent < at;
         at = flame->nodes[at].parent)
        chain[depth++] = at;
    while (depth) {
        append_frame(str, flame->nodes[chain[--depth]].name);
        if (depth)
            str_append(str, ";");
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(((const struct stack_line *)a)->text, ((const struct stack_line *)b)->text);
}

EXPORT_FUNCTION(folded_export_write)
{
    VEC(struct stack_line) lines = {0};
    int status = 0;

    (void)options;
    for (size_t i = 1; i < verdict->flame.node_count && !status; i++) {
        struct str text = {0};
        if (!verdict->flame.nodes[i].self_ns)
            continue;
        append_stack(&text, &verdict->flame, i);
        if (!text.length && !text.failed)
            continue;
        const struct stack_line line = {text.text, verdict->flame.nodes[i].self_ns};
        if (text.failed || vec_push(&lines, line)) {
            str_free(&text);
            status = err_memory(err);
        }
    }
    if (lines.count)
        qsort(lines.items, lines.count, sizeof *lines.items, compare_lines);
    for (size_t i = 0; i < lines.count; i++) {
        uint64_t ns = lines.items[i].ns;
        while (i + 1 < lines.count && strcmp(lines.items[i].text, lines.items[i + 1].text) == 0)
            ns += lines.items[++i].ns;
        str_printf(ret_text, "%s %" PRIu64 "\n", lines.items[i].text, ns);
    }
    for (size_t i = 0; i < lines.count; i++)
        free(lines.items[i].text);
    vec_free(&lines);
    return status;
}
