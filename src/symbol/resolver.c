/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache_folder.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/num.h"
#include "base/str.h"
#include "symbol/debug_file.h"
#include "symbol/demangle.h"
#include "symbol/kernel_names.h"
#include "symbol/program.h"
#include "symbol/symbol_cache.h"

#define NAME_BYTES          4096u
#define OPEN_MAX            8u    /* programs kept open: their debug information is in memory */
#define FUNCTION_PLACES_MAX 2000u /* of one function, learnt at once */

struct module {
    char *path;
    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;
    struct place_table table;
    struct program *program;
    struct map texts; /* of the open program: its text to ours */
    uint64_t used;    /* larger: later */
    bool dirty;       /* the cache file lacks something */
    bool broken;      /* could not be opened: not tried again */
    bool is_kernel;
};

struct resolver {
    char *cache_folder;
    struct intern keys; /* path and build-id; ids are indexes in modules + 1 */
    struct intern texts;
    VEC(struct module) modules;
    uint64_t clock;
    uint64_t hit_count;
    struct dwarf_answer scratch;
};

void symbol_answer_deinit(struct symbol_answer *answer)
{
    vec_free(&answer->frames);
    vec_free(&answer->places);
}

int resolver_create(const char *cache_folder, struct resolver **ret_resolver, struct err *err)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return err_memory(err);
    resolver->cache_folder = cache_folder ? strdup(cache_folder) : cache_folder_of("symbols");
    if (!resolver->cache_folder) {
        free(resolver);
        return err_memory(err);
    }
    *ret_resolver = resolver;
    return 0;
}

/* Modules come and go while the kernel runs: what was known of them is not. */
static void drop_kernel_modules(struct place_table *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->ranges.count; i++) {
        const struct place_range *range = &table->ranges.items[i];
        if (range->count && !table->frames.items[range->first].file)
            table->ranges.items[kept++] = *range;
    }
    table->ranges.count = kept;
}

bool resolver_debug_file_may_exist(const uint8_t *build_id, size_t size)
{
    return debug_file_is_installed(build_id, size) || debug_file_may_download();
}

/* A cache made without lines is stale once a debug file is installed. */
static int module_load_cache(struct resolver *resolver, struct module *module, struct err *err)
{
    struct cache_key key = {resolver->cache_folder, module->build_id, module->build_id_size};
    int status = cache_load(&key, &resolver->texts, &module->table, err);
    if (!status && module->is_kernel)
        drop_kernel_modules(&module->table);
    else if (!status && module->table.ranges.count && !module->table.has_lines &&
             resolver_debug_file_may_exist(module->build_id, module->build_id_size))
        place_table_free(&module->table);
    return status;
}

static int find_module(struct resolver *resolver, const struct symbol_module *wanted,
                       struct module **ret_module, struct err *err)
{
    struct str key = {0};
    bool is_new = false;
    uint64_t id = 0;
    size_t build_id_size =
        wanted->build_id && wanted->build_id_size <= ELF_BUILD_ID_MAX ? wanted->build_id_size : 0;
    str_append_bytes(&key, wanted->path, strlen(wanted->path) + 1);
    if (build_id_size)
        str_append_bytes(&key, (const char *)wanted->build_id, build_id_size);
    int status = key.failed || intern_put(&resolver->keys, key.text, key.length, &id, &is_new);
    str_free(&key);
    if (status)
        return err_memory(err);
    if (is_new) {
        struct module module = {.path = strdup(wanted->path),
                                .build_id_size = build_id_size,
                                .is_kernel = strcmp(wanted->path, SYMBOL_PATH_KERNEL) == 0};
        if (build_id_size)
            memcpy(module.build_id, wanted->build_id, build_id_size);
        else if (module.is_kernel)
            module.build_id_size = kernel_boot_id(module.build_id) ? KERNEL_BOOT_ID_BYTES : 0;
        if (!module.path || vec_push(&resolver->modules, module)) {
            free(module.path);
            return err_memory(err);
        }
    }
    if (id > resolver->modules.count)
        return err_memory(err); /* it ran out when this module came first */
    *ret_module = &resolver->modules.items[id - 1];
    (*ret_module)->used = ++resolver->clock;
    return is_new ? module_load_cache(resolver, *ret_module, err) : 0;
}

static void close_oldest(struct resolver *resolver)
{
    size_t open_count = 0;
    struct module *oldest = NULL;
    for (size_t i = 0; i < resolver->modules.count; i++) {
        struct module *module = &resolver->modules.items[i];
        if (!module->program)
            continue;
        open_count++;
        if (!oldest || module->used < oldest->used)
            oldest = module;
    }
    if (open_count < OPEN_MAX)
        return;
    program_close(oldest->program);
    map_free(&oldest->texts);
    oldest->program = NULL;
}

static int module_open(struct resolver *resolver, struct module *module, const struct symbol_module *wanted,
                       bool is_early, struct err *err)
{
    const struct program_options options = {.cache_folder = resolver->cache_folder, .is_early = is_early};
    if (module->program || module->broken)
        return 0;
    close_oldest(resolver);
    int status = program_open(wanted, &options, &module->program, err);
    if (status)
        return status;
    module->broken = !module->program && !is_early;
    if (module->program)
        module->table.has_lines = program_has_lines(module->program);
    return 0;
}

/* Texts of an open program stay where they are (but for the kernel's, which may be read anew), and most are met again and again. */
static int keep_text(struct resolver *resolver, struct module *module, const char *text, bool is_mangled,
                     const char **ret_text, struct err *err)
{
    char name[NAME_BYTES];
    const uint64_t *known = module->is_kernel ? NULL : map_get(&module->texts, (uint64_t)(uintptr_t)text);
    uint64_t id;
    if (known) {
        *ret_text = intern_text(&resolver->texts, *known);
        return 0;
    }
    size_t length = is_mangled ? demangle(text, name, sizeof name) : strlen(text);
    if (intern_put(&resolver->texts, is_mangled ? name : text, length, &id, NULL) ||
        (!module->is_kernel && map_put(&module->texts, (uint64_t)(uintptr_t)text, id)))
        return err_memory(err);
    *ret_text = intern_text(&resolver->texts, id);
    return 0;
}

static int keep_frame(struct resolver *resolver, struct module *module, const struct dwarf_frame *found,
                      bool inlined, struct err *err)
{
    struct symbol_frame frame = {.line = found->line, .inlined = inlined};
    int status = 0;
    if (found->name)
        status = keep_text(resolver, module, found->name, true, &frame.function, err);
    if (!status && found->file)
        status = keep_text(resolver, module, found->file, false, &frame.file, err);
    if (!status && vec_push(&module->table.frames, frame))
        status = err_memory(err);
    return status;
}

static int keep_frames(struct resolver *resolver, struct module *module, struct place_range *range,
                       struct err *err)
{
    const struct dwarf_answer *found = &resolver->scratch;
    *range = (struct place_range){.low = found->low,
                                  .high = found->high,
                                  .first = (uint32_t)module->table.frames.count,
                                  .count = (uint32_t)found->frames.count};
    for (size_t i = 0; i < found->frames.count; i++) {
        int status = keep_frame(resolver, module, &found->frames.items[i], i > 0, err);
        if (status)
            return status;
    }
    return 0;
}

/* Asks the program and keeps the answer, also that there is none. */
static int learn_place(struct resolver *resolver, struct module *module, uint64_t offset,
                       struct place_range *ret_range, struct err *err)
{
    int status = program_find_lines(module->program, offset, &resolver->scratch, err);
    if (!status)
        status = keep_frames(resolver, module, ret_range, err);
    if (!status && vec_push(&module->table.ranges, *ret_range))
        status = err_memory(err);
    module->dirty = true;
    return status;
}

/* The places of a function that are not known yet, up to `*ret_end`. */
static int learn_function(struct resolver *resolver, struct module *module, struct place_table *known,
                          struct place_range function, uint64_t *ret_end, struct err *err)
{
    uint64_t at = function.low;
    for (size_t count = 0; at < function.high && count < FUNCTION_PLACES_MAX; count++) {
        known->ranges.items = module->table.ranges.items; /* they move when the array grows */
        const struct place_range *range = place_table_find(known, at);
        struct place_range learnt;
        int status = range ? 0 : learn_place(resolver, module, at, &learnt, err);
        if (status)
            return status;
        at = num_max(range ? range->high : learnt.high, at + 1);
    }
    *ret_end = at;
    return 0;
}

/* Learns the places [first, end) of a request, all in one function; `known` are the ranges from before. */
static int learn_places(struct resolver *resolver, struct module *module, struct place_table *known,
                        const struct symbol_request *request, size_t first, size_t end, struct err *err)
{
    struct place_range function = {.low = resolver->scratch.low, .high = resolver->scratch.high}, last = {0};
    uint64_t done = 0;
    int status = 0;
    if (program_has_lines(module->program) && resolver->scratch.frames.count)
        status = learn_function(resolver, module, known, function, &done, err);
    for (size_t i = first; !status && i < end; i++) {
        uint64_t offset = request->offsets[i];
        known->ranges.items = module->table.ranges.items;
        if (offset < done || (offset >= last.low && offset < last.high) || place_table_find(known, offset))
            continue;
        status = learn_place(resolver, module, offset, &last, err);
    }
    return status;
}

static bool is_over(const struct resolver_limit *limit)
{
    return (limit->stop && atomic_load(limit->stop)) ||
           (limit->cpu_ns && clock_thread_cpu_ns() >= limit->cpu_ns);
}

/* Learns what the request asks for and is not known: functions that matter with their lines, others when that takes
 * no time. */
static int learn(struct resolver *resolver, struct module *module, const struct symbol_request *request,
                 const struct resolver_limit *limit, struct err *err)
{
    const uint64_t *offsets = request->offsets;
    struct place_table known = module->table;
    struct dwarf_answer *scratch = &resolver->scratch;
    int status = 0;
    for (size_t i = 0, end; !status && i < request->count; i = end) {
        end = i + 1;
        known.ranges.items = module->table.ranges.items;
        if (place_table_find(&known, offsets[i]))
            continue;
        if (limit && is_over(limit))
            break;
        status = program_find_name(module->program, offsets[i], scratch, err);
        while (end < request->count && offsets[end] >= offsets[i] && offsets[end] < scratch->high)
            end++;
        uint64_t weight = 0;
        for (size_t k = end; request->weights && k > 0 && offsets[k - 1] >= scratch->low; k--)
            weight += request->weights[k - 1];
        if (request->weights && weight < request->weight_min && program_has_lines(module->program))
            continue;
        if (!status)
            status = learn_places(resolver, module, &known, request, i, end, err);
    }
    place_table_sort(&module->table);
    return status;
}

/* The range of a place that was not learnt: its function's name alone, for this answer only. */
static int name_place(struct resolver *resolver, struct module *module, uint64_t offset,
                      struct place_range *range, struct err *err)
{
    if (!module->program) {
        *range = (struct place_range){.low = offset, .high = offset + 1};
        return 0;
    }
    int status = program_find_name(module->program, offset, &resolver->scratch, err);
    return status ? status : keep_frames(resolver, module, range, err);
}

static int answer_add(struct symbol_answer *answer, const struct place_table *table,
                      const struct place_range *range, struct err *err)
{
    struct symbol_place place = {answer->frames.count, range->count};
    for (uint32_t i = 0; i < range->count; i++)
        if (vec_push(&answer->frames, table->frames.items[range->first + i]))
            return err_memory(err);
    return vec_push(&answer->places, place) ? err_memory(err) : 0;
}

static size_t count_known(const struct module *module, const struct symbol_request *request)
{
    size_t count = 0;
    for (size_t i = 0; i < request->count; i++)
        count += place_table_find(&module->table, request->offsets[i]) != NULL;
    return count;
}

int resolver_prepare(struct resolver *resolver, const struct symbol_module *module,
                     const struct symbol_request *request, const struct resolver_limit *limit,
                     struct err *err)
{
    struct module *known = NULL;
    int status = find_module(resolver, module, &known, err);
    if (status || count_known(known, request) == request->count)
        return status;
    status = module_open(resolver, known, module, true, err);
    return !status && known->program ? learn(resolver, known, request, limit, err) : status;
}

int resolver_lookup(struct resolver *resolver, const struct symbol_module *module,
                    const struct symbol_request *request, struct symbol_answer *answer, struct err *err)
{
    struct module *known = NULL;
    struct place_range named = {0};
    answer->frames.count = 0;
    answer->places.count = 0;
    int status = find_module(resolver, module, &known, err);
    if (status)
        return status;
    size_t hit_count = count_known(known, request);
    resolver->hit_count += hit_count;
    if (hit_count < request->count)
        status = module_open(resolver, known, module, false, err);
    if (!status && hit_count < request->count && known->program)
        status = learn(resolver, known, request, NULL, err);
    for (size_t i = 0; !status && i < request->count; i++) {
        uint64_t offset = request->offsets[i];
        const struct place_range *range = place_table_find(&known->table, offset);
        if (!range && (offset < named.low || offset >= named.high))
            status = name_place(resolver, known, offset, &named, err);
        if (!status)
            status = answer_add(answer, &known->table, range ? range : &named, err);
    }
    return status;
}

uint64_t resolver_hit_count(const struct resolver *resolver)
{
    return resolver->hit_count;
}

void resolver_destroy(struct resolver *resolver)
{
    if (!resolver)
        return;
    bool saved = false;
    for (size_t i = 0; i < resolver->modules.count; i++) {
        struct module *module = &resolver->modules.items[i];
        struct cache_key key = {resolver->cache_folder, module->build_id, module->build_id_size};
        struct err ignored;
        if (module->dirty && module->build_id_size)
            saved |= cache_save(&key, &module->table, &ignored) == 0;
        program_close(module->program);
        map_free(&module->texts);
        place_table_free(&module->table);
        free(module->path);
    }
    if (saved && *resolver->cache_folder)
        cache_folder_prune(resolver->cache_folder, ".sym");
    vec_free(&resolver->modules);
    vec_free(&resolver->scratch.frames);
    intern_free(&resolver->keys);
    intern_free(&resolver->texts);
    free(resolver->cache_folder);
    free(resolver);
}
