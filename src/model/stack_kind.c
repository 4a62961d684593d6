/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stack_kind.h"

#include <stddef.h>
#include <string.h>

#include "model/meta.h"

static const char *const names[STACK_KIND_COUNT] = {[STACKS_CPU] = "cpu",
                                                    [STACKS_OFF_CPU] = "off-cpu",
                                                    [STACKS_ALL] = "all",
                                                    [STACKS_ALLOC] = "alloc",
                                                    [STACKS_PEAK] = "peak",
                                                    [STACKS_LEAK] = "leak",
                                                    [STACKS_TEMPORARY] = "temporary"};

const char *stack_kind_name(enum stack_kind kind)
{
    return (unsigned)kind < STACK_KIND_COUNT ? names[kind] : "unknown";
}

int stack_kind_check(enum stack_kind kind, const struct view *view, struct err *err)
{
    const char *recorder = view_meta(view, META_RECORDER_HEAP);
    if (!stack_kind_is_heap(kind) || (recorder && recorder[0] && strcmp(recorder, "none") != 0))
        return 0;
    int status = err_set(err, ERR_INPUT, "no allocations were recorded, so it has no stacks of kind '%s'",
                         stack_kind_name(kind));
    err_hint(err, "record them with toll run --heap -- CMD");
    return status;
}

uint64_t stack_kind_amount(enum stack_kind kind, const struct row_heap *row)
{
    if (kind == STACKS_TEMPORARY)
        return row->temporary_count;
    if (kind == STACKS_PEAK)
        return row->peak_bytes;
    return kind == STACKS_LEAK ? row->left_bytes : row->bytes;
}

int stack_kind_find(const char *name, enum stack_kind *ret_kind, struct err *err)
{
    for (int i = 0; i < STACK_KIND_COUNT; i++) {
        if (!name || strcmp(names[i], name) == 0) {
            *ret_kind = name ? (enum stack_kind)i : STACKS_CPU;
            return 0;
        }
    }
    int status = err_set(err, ERR_USAGE, "could not find kind of stacks '%s': there is none", name);
    err_hint(err, "the kinds are: " STACK_KINDS);
    return status;
}
