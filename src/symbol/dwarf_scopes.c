/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/dwarf_scopes.h"

#include <dwarf.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/search.h"

#define SCOPE_COUNT_MAX (1u << 20) /* of one function */

struct span {
    uint64_t low, high;
    uint32_t scope; /* index; callers come before what they call */
};

struct spans {
    VEC(struct span) items;
};

static int add_spans(struct spans *spans, Dwarf_Die *die, uint32_t scope, struct err *err)
{
    Dwarf_Addr base, low, high;
    ptrdiff_t offset = 0;
    for (int i = 0; i < DWARF_RANGE_COUNT_MAX; i++) {
        offset = dwarf_ranges(die, offset, &base, &low, &high);
        if (offset <= 0)
            break;
        if (high > low && vec_push(&spans->items, (struct span){low, high, scope}))
            return err_memory(err);
    }
    return 0;
}

/* The scopes below one, which is `parent` - 1. */
static int add_scopes(struct dwarf_scopes *scopes, struct spans *spans, Dwarf_Die *outer, uint32_t parent,
                      unsigned depth, struct err *err)
{
    Dwarf_Die die;
    if (depth >= DWARF_SCOPE_DEPTH_MAX || dwarf_child(outer, &die) != 0)
        return 0;
    do {
        int tag = dwarf_tag(&die);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block)
            continue;
        size_t before = spans->items.count;
        uint32_t index = (uint32_t)scopes->scopes.count;
        int status = add_spans(spans, &die, index, err);
        if (!status && spans->items.count == before)
            continue; /* no code is left of it */
        struct dwarf_scope scope = {
            .die = die, .parent = parent, .is_call = tag == DW_TAG_inlined_subroutine};
        if (!status && vec_push(&scopes->scopes, scope))
            status = err_memory(err);
        if (!status)
            status = add_scopes(scopes, spans, &die, index + 1, depth + 1, err);
        if (status)
            return status;
    } while (scopes->scopes.count < SCOPE_COUNT_MAX && dwarf_siblingof(&die, &die) == 0);
    return 0;
}

static int compare_spans(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return (a->scope > b->scope) - (a->scope < b->scope);
}

static int begin_stretch(struct dwarf_scopes *scopes, uint64_t low, uint32_t scope, struct err *err)
{
    size_t count = scopes->stretches.count;
    if (count && scopes->stretches.items[count - 1].low == low) {
        scopes->stretches.items[count - 1].scope = scope;
        return 0;
    }
    return vec_push(&scopes->stretches, (struct dwarf_stretch){low, scope}) ? err_memory(err) : 0;
}

/* `open` are the spans around an address, the innermost last. */
struct sweep {
    struct dwarf_scopes *scopes;
    struct span open[DWARF_SCOPE_DEPTH_MAX + 1];
    size_t open_count;
};

static int close_until(struct sweep *sweep, uint64_t address, struct err *err)
{
    while (sweep->open_count && sweep->open[sweep->open_count - 1].high <= address) {
        uint64_t end = sweep->open[--sweep->open_count].high;
        uint32_t scope = sweep->open_count ? sweep->open[sweep->open_count - 1].scope + 1 : 0;
        int status = begin_stretch(sweep->scopes, end, scope, err);
        if (status)
            return status;
    }
    return 0;
}

/* A span ends where that around it ends, whatever it says. */
static int open_span(struct sweep *sweep, struct span span, struct err *err)
{
    int status = close_until(sweep, span.low, err);
    if (status || sweep->open_count > DWARF_SCOPE_DEPTH_MAX)
        return status;
    if (sweep->open_count)
        span.high = num_min(span.high, sweep->open[sweep->open_count - 1].high);
    sweep->open[sweep->open_count++] = span;
    return begin_stretch(sweep->scopes, span.low, span.scope + 1, err);
}

int dwarf_scopes_read(struct dwarf_scopes *scopes, Dwarf_Die *function, struct err *err)
{
    struct spans spans = {0};
    struct sweep sweep = {.scopes = scopes};
    scopes->scopes.count = scopes->stretches.count = 0;
    int status = add_scopes(scopes, &spans, function, 0, 0, err);
    if (spans.items.count)
        qsort(spans.items.items, spans.items.count, sizeof *spans.items.items, compare_spans);
    for (size_t i = 0; !status && i < spans.items.count; i++)
        status = open_span(&sweep, spans.items.items[i], err);
    if (!status)
        status = close_until(&sweep, UINT64_MAX, err);
    vec_free(&spans.items);
    return status;
}

uint32_t dwarf_scopes_find(const struct dwarf_scopes *scopes, uint64_t address, uint64_t *low, uint64_t *high)
{
    const struct dwarf_stretch *stretches = scopes->stretches.items;
    size_t behind = search_first(i, scopes->stretches.count, stretches[i].low > address);
    if (behind < scopes->stretches.count)
        *high = num_min(*high, stretches[behind].low);
    if (behind == 0)
        return 0;
    *low = num_max(*low, stretches[behind - 1].low);
    return stretches[behind - 1].scope;
}

void dwarf_scopes_free(struct dwarf_scopes *scopes)
{
    vec_free(&scopes->scopes);
    vec_free(&scopes->stretches);
}
