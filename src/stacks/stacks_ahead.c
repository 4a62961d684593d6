/* SPDX-License-Identifier: Apache-2.0 */
/* Which places are looked up ahead: of the modules with the most chains first, and again when those have doubled. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "stacks/stacks.h"
#include "stacks/stacks_state.h"

#define CHAINS_MIN    8u  /* what is in fewer may turn out to be rare */
#define GROWTH        2u  /* of a module's chains since it was last asked for */
#define DUE_PARTS     4u  /* chains have grown by this part before it is looked for more */
#define IDLE_RATIO    10u /* of the time, when nobody else wants the processor */
#define SHARED_RATIO  100u
#define SHARED_NS_MIN (2 * NS_PER_S)

struct tally {
    uint64_t weight;
    size_t count, first;
};

static bool is_wanted(const struct stacks *stacks, const struct code_module *module,
                      const struct tally *tally)
{
    bool has_names = module->kind == CODE_FILE ? module->path[0] != 0
                                               : module->kind == CODE_KERNEL && stacks->kernel_readable;
    /* Debug information that takes long to open is left for the end where that would take it from others. */
    has_names = has_names && (!module->large || names_ahead_is_idle_class(stacks->ahead));
    return has_names && tally->weight >= CHAINS_MIN && tally->weight >= GROWTH * module->ahead_weight;
}

static int module_add(struct names_job *job, const struct code_module *module, uint32_t number,
                      struct tally *tally)
{
    struct names_module wanted = {
        .number = number,
        .weight = tally->weight,
        .first = job->places.count,
        .symbols = {.path = strdup(module->path), .fd = module->fd, .build_id_size = module->build_id_size}};
    memcpy(wanted.build_id, module->build_id, sizeof module->build_id);
    if (!wanted.symbols.path || vec_push(&job->modules, wanted)) {
        free((char *)(uintptr_t)wanted.symbols.path);
        return -1;
    }
    if (vec_reserve(&job->places, job->places.count + tally->count))
        return -1;
    tally->first = job->places.count;
    job->places.count += tally->count;
    return 0;
}

static int by_weight(const void *left, const void *right)
{
    const struct names_module *a = left, *b = right;
    return (a->weight < b->weight) - (a->weight > b->weight);
}

/* Places that are not written yet, by module. */
static int job_fill(const struct stacks *stacks, struct names_job *job)
{
    const uint32_t *pending = stacks->pending_frames.items;
    struct tally *tallies = calloc(stacks->modules.count, sizeof *tallies);
    int status = tallies ? 0 : -1;
    for (size_t i = 0; !status && i < stacks->pending_frames.count; i++) {
        const struct raw_frame *frame = &stacks->raw_frames.items[pending[i]];
        tallies[frame->module].weight += frame->chain_count;
        tallies[frame->module].count++;
    }
    for (uint32_t i = 0; !status && i < stacks->modules.count; i++) {
        const struct code_module *module = &stacks->modules.items[i];
        if (is_wanted(stacks, module, &tallies[i]))
            status = module_add(job, module, i, &tallies[i]);
        else
            tallies[i].count = 0;
    }
    for (size_t i = 0; !status && i < job->modules.count; i++) {
        struct names_module *module = &job->modules.items[i];
        module->count = tallies[module->number].count;
    }
    for (size_t i = 0; !status && i < stacks->pending_frames.count; i++) {
        const struct raw_frame *frame = &stacks->raw_frames.items[pending[i]];
        struct tally *tally = &tallies[frame->module];
        if (tally->count)
            job->places.items[tally->first++] =
                (struct names_place){.offset = frame->offset, .weight = frame->chain_count};
    }
    if (!status && job->modules.count)
        qsort(job->modules.items, job->modules.count, sizeof *job->modules.items, by_weight);
    free(tallies);
    return status;
}

static void job_take_back(struct stacks *stacks)
{
    struct names_job job;
    if (!names_ahead_take(stacks->ahead, &job))
        return;
    if (job.done_count < job.modules.count)
        stacks->ahead_due_count = 0;
    for (size_t i = 0; i < job.done_count; i++)
        stacks->modules.items[job.modules.items[i].number].ahead_weight = job.modules.items[i].weight;
    names_job_free(&job);
}

/* How much the thread may have used in all by now. */
static uint64_t cpu_limit_ns(const struct stacks *stacks, uint64_t elapsed_ns)
{
    if (names_ahead_is_idle_class(stacks->ahead))
        return elapsed_ns / IDLE_RATIO;
    return elapsed_ns < SHARED_NS_MIN ? 0 : elapsed_ns / SHARED_RATIO;
}

static bool has_begun(struct stacks *stacks)
{
    struct err ignored; /* then all is done at the end */
    if (!stacks->ahead && !stacks->is_ahead_over)
        stacks->is_ahead_over = names_ahead_create(stacks->resolver, &stacks->ahead, &ignored) != 0;
    return stacks->ahead != NULL;
}

void stacks_look_ahead(struct stacks *stacks, uint64_t elapsed_ns)
{
    struct names_job job = {.weight_min = num_max(stacks->counts.stack_count / LINES_RATIO, CHAINS_MIN)};
    if (stacks->counts.stack_count < CHAINS_MIN || !has_begun(stacks))
        return;
    job_take_back(stacks);
    job.patience_ns = stacks->ahead_patience_ns;
    job.cpu_limit_ns = cpu_limit_ns(stacks, elapsed_ns);
    if (names_ahead_is_busy(stacks->ahead) || names_ahead_cpu_ns(stacks->ahead) >= job.cpu_limit_ns)
        return;
    if (stacks->counts.stack_count < stacks->ahead_due_count)
        return; /* all pending places are gone through: not each time */
    stacks->ahead_due_count = stacks->counts.stack_count + stacks->counts.stack_count / DUE_PARTS;
    if (job_fill(stacks, &job) == 0 && job.modules.count)
        names_ahead_post(stacks->ahead, &job);
    names_job_free(&job);
}

uint64_t stacks_ahead_idle_ns(const struct stacks *stacks)
{
    if (!stacks->ahead)
        return stacks->ahead_idle_ns;
    return names_ahead_is_idle_class(stacks->ahead) ? names_ahead_cpu_ns(stacks->ahead) : 0;
}

void stacks_ahead_end(struct stacks *stacks)
{
    stacks->ahead_idle_ns = stacks_ahead_idle_ns(stacks);
    names_ahead_destroy(stacks->ahead);
    stacks->ahead = NULL;
    stacks->is_ahead_over = true;
}
