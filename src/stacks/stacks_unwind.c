/* SPDX-License-Identifier: Apache-2.0 */
/* The program's part of a chain from its registers and a copy of its stack, with the tables of the files mapped there. */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <string.h>
#include <unistd.h>

#include "stacks/stacks.h"
#include "stacks/stacks_state.h"
#include "unwind/unwind_walk.h"

struct place_finder {
    struct stacks *stacks;
    uint32_t pid;
    const struct mapping *last; /* callers are often neighbours */
};

/* Without memory for it there is no table. */
static void table_load(struct stacks *stacks, struct code_module *module, uint32_t pid)
{
    module->unwind_seen = true;
    if (module->kind != CODE_FILE)
        return;
    if (strcmp(module->path, SYMBOL_PATH_VDSO) == 0) {
        (void)!unwind_file_load_vdso(&module->unwind, NULL);
        return;
    }
    stacks_module_open(stacks, module, pid);
    int fd = module->fd;
    if (fd < 0 && module->path[0] == '/')
        fd = open(module->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    (void)!unwind_file_load_fd(stacks->unwind_folder, fd, &module->unwind, NULL);
    if (fd != module->fd)
        close(fd);
}

static bool code_find(void *context, uint64_t address, struct unwind_code *ret_code)
{
    struct place_finder *finder = context;
    const struct mapping *mapping = finder->last;

    if (!mapping || address < mapping->low || address >= mapping->high)
        mapping = stacks_map_find(finder->stacks, finder->pid, address);
    finder->last = mapping;
    if (!mapping)
        return false;
    *ret_code = (struct unwind_code){.bias = mapping->low - mapping->offset};
    if (mapping->module == MODULE_UNKNOWN)
        return true; /* code that was made while it ran */
    struct code_module *module = &finder->stacks->modules.items[mapping->module];
    if (!module->unwind_seen)
        table_load(finder->stacks, module, finder->pid);
    ret_code->table = module->unwind.bytes ? &module->unwind.table : NULL;
    return true;
}

/* The chain's first address of the program; the chain's length when it has none. A chain without a marker is the
 * program's. */
static size_t program_part(const uint64_t *chain, size_t count)
{
    size_t at = 0;
    if (count == 0 || chain[0] < PERF_CONTEXT_MAX)
        return 0;
    while (at < count && chain[at] != PERF_CONTEXT_USER)
        at++;
    return at < count ? at + 1 : count;
}

/* Frame pointers may reach further than the copy: what they tell behind the last caller that both know. */
static void tail_put(struct stacks_unwound *unwound, const uint64_t *chain, size_t count)
{
    uint64_t last = unwound->addresses[unwound->count - 1];
    size_t at = 0;

    while (at < count && chain[at] != last)
        at++;
    for (at++; at < count && chain[at] < PERF_CONTEXT_MAX && unwound->count < CHAIN_MAX; at++)
        unwound->addresses[unwound->count++] = chain[at];
}

bool stacks_unwind(struct stacks *stacks, uint32_t pid, const struct stacks_dumped *dumped,
                   struct stacks_unwound *ret_unwound)
{
    const struct perf_dump *dump = &dumped->dump;
    struct place_finder finder = {.stacks = stacks, .pid = pid};
    struct unwind_input input = {
        .registers = {.ip = dump->ip, .sp = dump->sp, .bp = dump->bp, .base = dump->base, .lr = dump->lr},
        .stack = {.bytes = dump->bytes, .size = dump->size, .address = dump->sp},
        .find = code_find,
        .context = &finder};
    size_t program = program_part(dumped->chain, dumped->chain_count);
    enum unwind_end end;

    ret_unwound->count = 0;
    for (size_t i = 0; i < program && ret_unwound->count < CHAIN_MAX / 2; i++)
        ret_unwound->addresses[ret_unwound->count++] = dumped->chain[i];
    if (program == dumped->chain_count && program)
        ret_unwound->addresses[ret_unwound->count++] = PERF_CONTEXT_USER;
    size_t found = unwind_walk(&input, ret_unwound->addresses + ret_unwound->count,
                               CHAIN_MAX - ret_unwound->count, &end);
    ret_unwound->count += found;
    ret_unwound->is_rooted = end == UNWIND_ROOT;
    if (found && !ret_unwound->is_rooted)
        tail_put(ret_unwound, dumped->chain + program, dumped->chain_count - program);
    return found > 0;
}
