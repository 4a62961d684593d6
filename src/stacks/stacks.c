/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stacks.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "stacks/stacks_state.h"
#include "symbol/name_table.h"

#define NODE_COUNT_DEFAULT (1u << 18)
#define OPEN_MAX           200u   /* files of modules kept open; others are opened by name when looked up */
#define MODULE_COUNT_MAX   65536u /* more are unknown code */
#define CHAIN_KERNEL_LIMIT 127u   /* kernel.perf_event_max_stack */
#define LARGE_BYTES        (4 << 20)
#define JIT_OPEN_MAX       200u             /* the same of files in which compilers tell their code */
#define JIT_LOOK_NS        (20 * NS_PER_MS) /* between looks whether a compiler's file is there, or has grown */
#define AHEAD_PATIENCE_NS  (20 * NS_PER_MS)
#define JIT_EPOCH_SHIFT    48 /* addresses of programs are below */

static int add_module(struct stacks *stacks, const struct code_module *wanted, const char *path,
                      uint32_t *ret_module, struct err *err)
{
    struct code_module module = *wanted;
    module.fd = -1;
    module.path = strdup(path);
    if (!module.path || vec_push(&stacks->modules, module)) {
        free(module.path);
        return err_memory(err);
    }
    *ret_module = (uint32_t)(stacks->modules.count - 1);
    return 0;
}

int stacks_create(const struct stacks_options *options, struct stacks **ret_stacks, struct err *err)
{
    uint32_t module;
    struct stacks *stacks = calloc(1, sizeof *stacks);
    if (!stacks)
        return err_memory(err);
    stacks->node_count_max = options->node_count_max ? options->node_count_max : NODE_COUNT_DEFAULT;
    stacks->next_stack_id = stacks->next_frame_id = 1;
    stacks->begun_ns = clock_realtime_ns();
    stacks->ahead_patience_ns = AHEAD_PATIENCE_NS;
    stacks->kernel_readable = name_table_kernel_is_readable();
    stacks->left_out = options->left_out;
    stacks->is_told_files = options->is_told_files;
    if (options->cache_folder)
        stacks->unwind_folder = strdup(options->cache_folder);
    int status = options->cache_folder && !stacks->unwind_folder ? err_memory(err) : 0;
    if (!status)
        status = resolver_create(options->cache_folder, &stacks->resolver, err);
    if (!status)
        status = add_module(stacks, &(struct code_module){.kind = CODE_KERNEL, .large = true},
                            SYMBOL_PATH_KERNEL, &module, err);
    if (!status)
        status = add_module(stacks, &(struct code_module){.kind = CODE_UNKNOWN}, "", &module, err);
    if (!status)
        status =
            add_module(stacks, &(struct code_module){.kind = CODE_MANAGED}, STACKS_MANAGED, &module, err);
    if (status) {
        stacks_destroy(stacks);
        return status;
    }
    *ret_stacks = stacks;
    return 0;
}

static bool is_libc(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return str_starts(name, "libc.so") || str_starts(name, "libc-2") || str_starts(name, "ld-linux") ||
           str_starts(name, "ld-2") || str_starts(name, "ld-musl") || str_starts(name, "libpthread");
}

static bool is_left_out(const struct stacks *stacks, const char *path)
{
    const char *slash = strrchr(path, '/');
    return stacks->left_out && slash && strcmp(slash + 1, stacks->left_out) == 0;
}

/* The module of a mapping: one per path and identity. Code that has no file is MODULE_UNKNOWN. */
static int module_of(struct stacks *stacks, const struct perf_map *map, uint32_t *ret_module, struct err *err)
{
    *ret_module = MODULE_UNKNOWN;
    if (strcmp(map->path, SYMBOL_PATH_VDSO) != 0 && (map->path[0] != '/' || str_starts(map->path, "//")))
        return 0;
    size_t length = strlen(map->path);
    if (str_ends(map->path, " (deleted)"))
        length -= strlen(" (deleted)");
    struct str key = {0};
    str_append_bytes(&key, map->path, length);
    str_append_bytes(&key, "", 1);
    str_append_bytes(&key, (const char *)map->build_id, map->build_id_size);
    if (!map->build_id_size)
        str_printf(&key, "%u:%u:%" PRIu64, map->device_major, map->device_minor, map->inode);
    bool is_new = false;
    int status = key.failed ? err_memory(err) : 0;
    uint64_t id = status ? 0 : intern_find(&stacks->module_keys, key.text, key.length);
    if (!status && !id && stacks->modules.count < MODULE_COUNT_MAX &&
        intern_put(&stacks->module_keys, key.text, key.length, &id, &is_new))
        status = err_memory(err);
    if (!status && is_new) {
        struct code_module module = {.kind = CODE_FILE,
                                     .build_id_size = map->build_id_size,
                                     .device_major = map->device_major,
                                     .device_minor = map->device_minor,
                                     .inode = map->inode,
                                     .is_left_out = is_left_out(stacks, key.text),
                                     .is_libc = is_libc(key.text)};
        memcpy(module.build_id, map->build_id, sizeof module.build_id);
        status = add_module(stacks, &module, key.text, ret_module, err);
    } else if (!status && id) {
        *ret_module = (uint32_t)(id + MODULE_MANAGED);
    }
    str_free(&key);
    return status;
}

int stacks_map(struct stacks *stacks, uint32_t pid, const struct perf_map *map, struct err *err)
{
    struct mapping mapping = {
        .low = map->address, .high = map->address + map->length_bytes, .offset = map->offset_bytes};
    int status = module_of(stacks, map, &mapping.module, err);
    if (!status && mapping.module != MODULE_UNKNOWN && jit_source_is_dump(map->path) &&
        map_put(&stacks->jit_dumps, pid, mapping.module))
        status = err_memory(err);
    if (!status)
        status = process_maps_add(&stacks->maps, pid, &mapping, err);
    return status;
}

static void forget_jit(struct stacks *stacks, uint32_t pid)
{
    map_remove(&stacks->jit_modules, pid);
    map_remove(&stacks->jit_dumps, pid);
    map_remove(&stacks->jit_misses, pid);
}

int stacks_note(struct stacks *stacks, const struct perf_event *event, struct err *err)
{
    switch (event->kind) {
    case PERF_FORK:
        if (event->pid == event->ppid)
            return process_maps_thread(&stacks->maps, event->pid, err);
        forget_jit(stacks, event->pid);
        return process_maps_fork(&stacks->maps, event->pid, event->ppid, err);
    case PERF_EXEC: forget_jit(stacks, event->pid); return process_maps_exec(&stacks->maps, event->pid, err);
    case PERF_MAP: return stacks_map(stacks, event->pid, &event->map, err);
    case PERF_EXIT: process_maps_exit(&stacks->maps, event->pid); return 0;
    case PERF_COMM:
    case PERF_SWITCH_OUT:
    case PERF_SWITCH_IN:
    case PERF_SAMPLE:
    case PERF_LOST:
    case PERF_THROTTLE: return 0;
    }
    return 0;
}

/* Opened through the process's own root first: it may live in a container. */
void stacks_module_open(struct stacks *stacks, struct code_module *module, uint32_t pid)
{
    char path[4096];
    struct stat about;
    if (module->seen)
        return;
    module->seen = true;
    if (module->kind != CODE_FILE)
        return;
    module->large = resolver_debug_file_may_exist(module->build_id, module->build_id_size);
    if (module->path[0] != '/' || stacks->open_count >= OPEN_MAX)
        return;
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int length = snprintf(path, sizeof path, "/proc/%u/root%s", pid, module->path);
    int fd = length < (int)sizeof path ? open(path, flags) : -1;
    if (fd < 0)
        fd = open(module->path, flags);
    if (fd < 0)
        return;
    /* Without a build-id the inode tells whether the file is still the same. Some file systems (overlay, btrfs) show
     * the mapping another device than stat does; then nobody can tell. */
    bool replaced = fstat(fd, &about) || !S_ISREG(about.st_mode) ||
                    (!module->build_id_size && module->inode && about.st_ino != module->inode &&
                     about.st_dev == makedev(module->device_major, module->device_minor));
    if (replaced) {
        close(fd);
        module->path[0] = 0; /* its frames are unknown */
        return;
    }
    module->fd = fd;
    module->large = module->large || about.st_size > LARGE_BYTES;
    stacks->open_count++;
}

#define NO_FRAME UINT32_MAX

static bool is_full(const struct stacks *stacks)
{
    return stacks->nodes.count >= stacks->node_count_max;
}

/* NO_FRAME for a new place when there is no room for what would stand on it. */
static int frame_index(struct stacks *stacks, const struct place *place, uint32_t pid, uint32_t *ret_frame,
                       struct err *err)
{
    struct code_module *module = &stacks->modules.items[place->module];
    const uint64_t *known = map_get(&module->frames, place->key);
    if (known) {
        *ret_frame = (uint32_t)*known;
        return 0;
    }
    *ret_frame = NO_FRAME;
    if (is_full(stacks))
        return 0;
    stacks_module_open(stacks, module, pid);
    uint32_t index = (uint32_t)stacks->raw_frames.count;
    struct raw_frame frame = {.offset = place->offset, .at = place->at, .module = place->module};
    if (vec_push(&stacks->raw_frames, frame) || vec_push(&stacks->pending_frames, index) ||
        map_put(&module->frames, place->key, index))
        return err_memory(err);
    stacks->counts.frame_count++;
    *ret_frame = index;
    return 0;
}

/* The child of a node (index + 1; 0 is the root) for a frame; 0 in ret_child when there are too many nodes. */
static int child_of(struct stacks *stacks, uint32_t parent, uint32_t frame, uint32_t *ret_child,
                    struct err *err)
{
    uint64_t key = (uint64_t)parent << 32 | frame;
    const uint64_t *known = map_get(&stacks->children, key);
    if (known) {
        *ret_child = (uint32_t)*known + 1;
        return 0;
    }
    *ret_child = 0;
    if (frame == NO_FRAME || is_full(stacks))
        return 0;
    uint32_t index = (uint32_t)stacks->nodes.count;
    struct stack_node node = {.parent = parent, .frame = frame, .id = (uint32_t)stacks->next_stack_id};
    if (vec_push(&stacks->nodes, node) || vec_push(&stacks->pending_nodes, index) ||
        map_put(&stacks->children, key, index))
        return err_memory(err);
    stacks->next_stack_id++;
    *ret_child = index + 1;
    return 0;
}

void stacks_take(struct stacks *stacks, uint64_t *ret_stack, uint64_t *ret_frame)
{
    *ret_stack = stacks->next_stack_id++;
    *ret_frame = stacks->next_frame_id++;
}

void stacks_set_time(struct stacks *stacks, uint64_t time_ns)
{
    stacks->now_ns = time_ns;
}

/* A module of its own for each process, and each program that it executes. */
static int add_jit_module(struct stacks *stacks, uint32_t pid, const struct jit_source *source,
                          uint32_t *ret_module, struct err *err)
{
    char key[64];
    uint64_t id; /* keeps the numbers of keys and modules in step */
    int length = snprintf(key, sizeof key, "[jit %u] %zu", pid, stacks->modules.count);
    struct code_module module = {.kind = CODE_JIT, .jit = *source, .looked_ns = stacks->now_ns};
    if (intern_put(&stacks->module_keys, key, (size_t)length, &id, NULL))
        return err_memory(err);
    int status = add_module(stacks, &module, MODULE_NAME_JIT, ret_module, err);
    stacks->jit_open_count++;
    if (!status && map_put(&stacks->jit_modules, pid, *ret_module))
        status = err_memory(err);
    return status;
}

static bool is_time_to_look(const struct stacks *stacks, uint64_t last_ns)
{
    return stacks->now_ns >= last_ns + JIT_LOOK_NS;
}

/* The module for code without a file: that of the process when its compiler tells what it makes. Compilers begin with
 * that some time after the process has begun. */
static int jit_module(struct stacks *stacks, uint32_t pid, uint32_t *ret_module, struct err *err)
{
    const uint64_t *known = map_get(&stacks->jit_modules, pid);
    if (known) {
        struct code_module *module = &stacks->modules.items[*known];
        if (is_time_to_look(stacks, module->looked_ns)) {
            jit_source_refresh(&module->jit);
            module->looked_ns = stacks->now_ns;
        }
        *ret_module = (uint32_t)*known;
        return 0;
    }
    *ret_module = MODULE_UNKNOWN;
    const uint64_t *missed_ns = map_get(&stacks->jit_misses, pid);
    if ((missed_ns && !is_time_to_look(stacks, *missed_ns)) || stacks->modules.count >= MODULE_COUNT_MAX ||
        stacks->jit_open_count >= JIT_OPEN_MAX)
        return 0;
    struct jit_source source;
    const uint64_t *dump = map_get(&stacks->jit_dumps, pid);
    jit_source_open(pid, dump ? stacks->modules.items[*dump].path : NULL, stacks->begun_ns, &source);
    if (source.fd >= 0)
        return add_jit_module(stacks, pid, &source, ret_module, err);
    return map_put(&stacks->jit_misses, pid, stacks->now_ns) ? err_memory(err) : 0;
}

static int place_user(struct stacks *stacks, uint32_t pid, uint64_t address, struct place *ret_place,
                      struct err *err)
{
    const struct mapping *mapping = stacks_map_find(stacks, pid, address);
    struct place place = {.module = MODULE_UNKNOWN, .user = true, .address = address};
    int status = 0;
    if (mapping && mapping->module != MODULE_UNKNOWN) {
        place.module = mapping->module;
        place.offset = address - mapping->low + mapping->offset;
        place.key = place.offset;
    } else {
        status = jit_module(stacks, pid, &place.module, err);
        if (!status && place.module != MODULE_UNKNOWN) {
            const struct jit_source *source = &stacks->modules.items[place.module].jit;
            place.offset = address;
            place.key = address ^ (uint64_t)source->epoch << JIT_EPOCH_SHIFT;
            place.at = source->is_dump ? stacks->now_ns : source->size;
        }
    }
    if (!status)
        *ret_place = place;
    return status;
}

/*
 * Addresses to places. What follows a return address is not the call, so callers are looked up one byte before.
 * Unknown code in sequence is one frame; at the outer end it is what a program without frame pointers leaves in
 * their register, and no caller at all.
 */
static int read_chain(struct stacks *stacks, uint32_t pid, const uint64_t *addresses, size_t count,
                      struct chain *chain, struct err *err)
{
    uint64_t context = PERF_CONTEXT_USER;
    bool is_caller = false;
    chain->count = chain->address_count = 0;
    for (size_t i = 0; i < count && chain->count < CHAIN_MAX; i++) {
        uint64_t address = addresses[i];
        if (address >= PERF_CONTEXT_MAX) {
            context = address;
            is_caller = false;
            continue;
        }
        chain->address_count++;
        address -= is_caller && address;
        is_caller = true;
        struct place place = {.module = MODULE_KERNEL, .offset = stacks->kernel_readable ? address : 0};
        place.key = place.offset;
        if (context == PERF_CONTEXT_USER) {
            int status = place_user(stacks, pid, address, &place, err);
            if (status)
                return status;
        } else if (context != PERF_CONTEXT_KERNEL) {
            continue; /* a hypervisor's, a guest's */
        }
        const struct place *last = chain->count ? &chain->places[chain->count - 1] : NULL;
        if (last && place.offset == 0 && last->module == place.module && last->offset == 0)
            continue;
        chain->places[chain->count++] = place;
    }
    while (chain->count > 1 && chain->places[chain->count - 1].module == MODULE_UNKNOWN)
        chain->count--;
    return 0;
}

/* The library was at work where it was interrupted itself, or something that it called from below its outermost function. */
static void leave_out(const struct stacks *stacks, struct chain *chain)
{
    size_t first = 0, end, kept;

    while (first < chain->count && !stacks->modules.items[chain->places[first].module].is_left_out)
        first++;
    for (end = first; end < chain->count && stacks->modules.items[chain->places[end].module].is_left_out;)
        end++;
    bool is_at_work = end > first && (first == 0 || end - first > 1);
    kept = is_at_work ? 0 : first;
    if (is_at_work)
        chain->places[kept++] = chain->places[end - 1];
    for (size_t i = end; i < chain->count; i++)
        if (!stacks->modules.items[chain->places[i].module].is_left_out)
            chain->places[kept++] = chain->places[i];
    chain->count = kept;
}

/* Whether the chain ends where threads start is told by its outermost function, known when it is looked up. */
static void note_root(struct stacks *stacks, const struct chain *chain, uint32_t frame)
{
    const struct place *root = &chain->places[chain->count - 1];
    if (!root->user)
        return;
    if (chain->address_count >= CHAIN_KERNEL_LIMIT || root->module == MODULE_UNKNOWN || frame == NO_FRAME) {
        stacks->counts.truncated_count++;
        return;
    }
    struct raw_frame *raw = &stacks->raw_frames.items[frame];
    raw->root_count++;
    raw->root_caller_count += chain->count > 1 && root[-1].user && root[-1].module != root->module;
}

static int chain_put(struct stacks *stacks, uint32_t pid, const struct chain *chain, bool is_rooted,
                     uint64_t *ret_stack, struct err *err)
{
    uint32_t node = 0;
    for (size_t i = chain->count; i-- > 0;) {
        const struct place *place = &chain->places[i];
        uint32_t frame, child;
        int status = frame_index(stacks, place, pid, &frame, err);
        if (!status)
            status = child_of(stacks, node, frame, &child, err);
        if (status)
            return status;
        if (i == chain->count - 1 && !is_rooted)
            note_root(stacks, chain, frame);
        if (i == 0 && frame != NO_FRAME)
            stacks->raw_frames.items[frame].is_leaf = true;
        if (!child) {
            stacks->counts.overflow_count++;
            break;
        }
        node = child;
        stacks->raw_frames.items[frame].chain_count++;
    }
    stacks->counts.stack_count += chain->count > 0;
    *ret_stack = node ? stacks->nodes.items[node - 1].id : 0;
    return 0;
}

int stacks_add(struct stacks *stacks, uint32_t pid, const uint64_t *chain_addresses, size_t chain_count,
               uint64_t *ret_stack, struct err *err)
{
    struct chain chain;
    int status = read_chain(stacks, pid, chain_addresses, chain_count, &chain, err);
    if (!status && stacks->left_out)
        leave_out(stacks, &chain);
    return status ? status : chain_put(stacks, pid, &chain, false, ret_stack, err);
}

int stacks_add_dumped(struct stacks *stacks, uint32_t pid, const struct stacks_dumped *dumped,
                      uint64_t *ret_stack, struct err *err)
{
    struct stacks_unwound unwound;
    struct chain chain;
    bool is_unwound = dumped->dump.size && stacks_unwind(stacks, pid, dumped, &unwound);
    int status = is_unwound ? read_chain(stacks, pid, unwound.addresses, unwound.count, &chain, err)
                            : read_chain(stacks, pid, dumped->chain, dumped->chain_count, &chain, err);
    if (status)
        return status;
    if (stacks->left_out)
        leave_out(stacks, &chain);
    if (dumped->managed)
        managed_merge(stacks, &chain, dumped->managed);
    return chain_put(stacks, pid, &chain, is_unwound && unwound.is_rooted, ret_stack, err);
}

struct stacks_counts stacks_counts(const struct stacks *stacks)
{
    return stacks->counts;
}

void stacks_destroy(struct stacks *stacks)
{
    if (!stacks)
        return;
    stacks_ahead_end(stacks);
    for (size_t i = 0; i < stacks->modules.count; i++) {
        struct code_module *module = &stacks->modules.items[i];
        free(module->path);
        fs_close(&module->fd);
        if (module->kind == CODE_JIT)
            fs_close(&module->jit.fd);
        map_free(&module->frames);
        unwind_file_free(&module->unwind);
    }
    vec_free(&stacks->modules);
    intern_free(&stacks->module_keys);
    process_maps_free(&stacks->maps);
    vec_free(&stacks->raw_frames);
    vec_free(&stacks->nodes);
    map_free(&stacks->children);
    map_free(&stacks->jit_modules);
    map_free(&stacks->jit_dumps);
    map_free(&stacks->jit_misses);
    map_free(&stacks->map_looks);
    managed_free(stacks);
    vec_free(&stacks->pending_frames);
    vec_free(&stacks->pending_nodes);
    resolver_destroy(stacks->resolver);
    unwind_cache_prune(stacks->unwind_folder);
    free(stacks->unwind_folder);
    free(stacks);
}
