/* SPDX-License-Identifier: Apache-2.0 */
#include "analyze/path_index.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/search.h"

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_by_actor(const void *a, const void *b)
{
    const struct path_piece *x = a, *y = b;
    return x->actor != y->actor ? compare_u64(x->actor, y->actor) : compare_u64(x->start_ns, y->start_ns);
}

static int compare_by_process(const void *a, const void *b)
{
    const struct path_piece *x = a, *y = b;
    return x->process != y->process ? compare_u64(x->process, y->process)
                                    : compare_u64(x->start_ns, y->start_ns);
}

int path_index_init(struct path_index *ret_index, const struct run *run, const struct path *path,
                    struct err *err)
{
    struct path_index index = {.count = path->steps.count};

    index.by_actor = calloc(index.count + 1, sizeof *index.by_actor);
    index.by_process = calloc(index.count + 1, sizeof *index.by_process);
    if (!index.by_actor || !index.by_process) {
        path_index_deinit(&index);
        return err_memory(err);
    }
    for (size_t i = 0; i < index.count; i++) {
        const struct path_step *step = &path->steps.items[i];
        index.by_actor[i] = index.by_process[i] = (struct path_piece){
            .start_ns = step->start_ns,
            .end_ns = step->end_ns,
            .actor = step->actor,
            .process = step->actor == RUN_NONE ? RUN_NONE : run->tracks.items[step->actor].process};
    }
    qsort(index.by_actor, index.count, sizeof *index.by_actor, compare_by_actor);
    qsort(index.by_process, index.count, sizeof *index.by_process, compare_by_process);
    *ret_index = index;
    return 0;
}

void path_index_deinit(struct path_index *index)
{
    free(index->by_actor);
    free(index->by_process);
    *index = (struct path_index){0};
}

static uint64_t inside_ns(const struct path_piece *piece, uint64_t from_ns, uint64_t to_ns)
{
    uint64_t start_ns = num_max(piece->start_ns, from_ns), end_ns = num_min(piece->end_ns, to_ns);
    return end_ns > start_ns ? end_ns - start_ns : 0;
}

uint64_t path_index_actor_ns(const struct path_index *index, uint32_t actor, uint64_t from_ns, uint64_t to_ns)
{
    const struct path_piece *pieces = index->by_actor;
    size_t at = search_first(
        i, index->count, pieces[i].actor > actor || (pieces[i].actor == actor && pieces[i].end_ns > from_ns));
    uint64_t ns = 0;

    for (; at < index->count && pieces[at].actor == actor && pieces[at].start_ns < to_ns; at++)
        ns += inside_ns(&pieces[at], from_ns, to_ns);
    return ns;
}

uint64_t path_index_process_ns(const struct path_index *index, uint32_t process, uint64_t from_ns,
                               uint64_t to_ns)
{
    const struct path_piece *pieces = index->by_process;
    size_t at = search_first(i, index->count,
                             pieces[i].process > process ||
                                 (pieces[i].process == process && pieces[i].end_ns > from_ns));
    uint64_t ns = 0;

    for (; at < index->count && pieces[at].process == process && pieces[at].start_ns < to_ns; at++)
        ns += inside_ns(&pieces[at], from_ns, to_ns);
    return ns;
}
