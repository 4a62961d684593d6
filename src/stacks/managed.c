/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of managed runtimes: their names, and their places in chains of addresses. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "stacks/stacks.h"
#include "stacks/stacks_state.h"

static int name_add(struct stacks *stacks, const char *function, const char *file, uint32_t line,
                    struct err *err)
{
    struct managed_name name = {.function = strdup(function), .file = strdup(file), .line = line};
    if (name.function && name.file && !vec_push(&stacks->managed, name))
        return 0;
    free(name.function);
    free(name.file);
    return err_memory(err);
}

int stacks_managed_frame(struct stacks *stacks, const char *function, const char *file, uint32_t line,
                         uint32_t *ret_frame, struct err *err)
{
    struct str key = {0};
    uint64_t id = 0;
    bool is_new = false;

    str_printf(&key, "%s\1%s\1%u", function, file, line);
    int status = key.failed || intern_put(&stacks->managed_keys, key.text, key.length, &id, &is_new)
                     ? err_memory(err)
                     : 0;
    str_free(&key);
    if (!status && is_new)
        status = name_add(stacks, function, file, line, err);
    if (!status && id > stacks->managed.count)
        status = err_memory(err); /* an earlier one of that name had no room */
    if (!status)
        *ret_frame = (uint32_t)(id - 1);
    return status;
}

void managed_free(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->managed.count; i++) {
        free(stacks->managed.items[i].function);
        free(stacks->managed.items[i].file);
    }
    vec_free(&stacks->managed);
    intern_free(&stacks->managed_keys);
}

static bool is_interpreter(const struct stacks_managed *managed, const struct place *place)
{
    for (size_t i = 0; place->user && i < managed->interpreter_count; i++)
        if (place->address >= managed->interpreter[i].low && place->address < managed->interpreter[i].high)
            return true;
    return false;
}

static bool is_trampoline(const struct stacks *stacks, const struct place *place)
{
    return place->user &&
           (place->module == MODULE_UNKNOWN || stacks->modules.items[place->module].kind == CODE_JIT);
}

static void place_put(struct chain *chain, size_t *count, const struct place *place)
{
    if (*count < CHAIN_MAX)
        chain->places[(*count)++] = *place;
}

/* The frames from `at` on up to the outermost of their call; returns where the next call's begin. */
static size_t call_put(struct chain *chain, size_t *count, const struct stacks_managed *managed, size_t at)
{
    while (at < managed->frame_count) {
        const struct stacks_managed_frame *frame = &managed->frames[at++];
        struct place place = {
            .module = MODULE_MANAGED, .user = true, .offset = frame->frame, .key = frame->frame};
        place_put(chain, count, &place);
        if (frame->is_entry)
            break;
    }
    return at;
}

void managed_merge(const struct stacks *stacks, struct chain *chain, const struct stacks_managed *managed)
{
    struct chain merged;
    size_t at = 0;

    merged.count = 0;
    merged.address_count = chain->address_count;
    for (size_t i = 0; i < chain->count; i++) {
        if (is_interpreter(managed, &chain->places[i]) && at < managed->frame_count)
            at = call_put(&merged, &merged.count, managed, at);
        else if (!managed->has_trampolines || !is_trampoline(stacks, &chain->places[i]))
            place_put(&merged, &merged.count, &chain->places[i]);
    }
    while (at < managed->frame_count && merged.count < CHAIN_MAX)
        at = call_put(&merged, &merged.count, managed, at);
    memcpy(chain->places, merged.places, merged.count * sizeof merged.places[0]);
    chain->count = merged.count;
    chain->address_count = merged.address_count;
}
