/* SPDX-License-Identifier: Apache-2.0 */
#include "rank/clear_stages.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "rank/replay_crew.h"

#define CLEARED_MAX 10
/* What would bring more than this is no finding perhaps, but it is not cleared. */
#define CLEARED_FACTOR_MAX 1.25
#define CLEARED_RATIO_MAX  0.5

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool is_blamed(const struct finding *findings, size_t count, const char *stage, const char *peer)
{
    for (size_t i = 0; i < count; i++) {
        const struct where *where = &findings[i].where;
        if (findings[i].priority >= PRIORITY_P3 || findings[i].gain.factor_max <= 1)
            continue;
        if (same(where->stage, stage) || same(where->process, stage) || same(where->peer, peer))
            return true;
    }
    return false;
}

static struct cleared cleared_of(const struct scene *scene, uint32_t index)
{
    const struct stage *stage = &scene->stages[index];
    struct cleared cleared = {.where = {.stage = stage->name},
                              .critical_ratio =
                                  num_ratio(scene->attribution->stage_critical_ns[index], scene->wall_ns)};
    for (size_t i = 0; i < scene->attribution->entry_count; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (same(entry->where.stage, stage->name)) {
            cleared.where.process = cleared.where.process ? cleared.where.process : entry->where.process;
            cleared.where.peer = cleared.where.peer ? cleared.where.peer : entry->where.peer;
        }
    }
    return cleared;
}

static bool is_candidate(const struct scene *scene, const struct verdict *verdict, uint32_t index)
{
    const struct stage *stage = &scene->stages[index];
    return scene->run->stages.items[index].process != scene->run->has_spans && stage->call_count &&
           num_ratio(scene->attribution->stage_critical_ns[index], scene->wall_ns) < CLEARED_RATIO_MAX &&
           !is_blamed(verdict->findings, verdict->finding_count, stage->name, NULL);
}

/* Some stages, replayed without each of them in turn. */
struct wave {
    uint32_t stages[CLEARED_MAX];
    struct change changes[CLEARED_MAX];
    struct replay_job jobs[CLEARED_MAX];
    size_t count;
};

static int wave_add(const struct scene *scene, struct wave *wave, uint32_t index, struct err *err)
{
    struct str text = {0};
    struct err ignored; /* a name that no change can have is told nothing of */
    str_printf(&text, "remove:%s/%s", scene->run->has_spans ? "stage" : "process", scene->stages[index].name);
    int status = text.failed ? err_memory(err) : 0;
    if (!status && !change_parse(text.text, &wave->changes[wave->count], &ignored)) {
        wave->stages[wave->count] = index;
        wave->jobs[wave->count] = (struct replay_job){.changes = {&wave->changes[wave->count]}, .count = 1};
        wave->count++;
    }
    str_free(&text);
    return status;
}

static int wave_replay(const struct scene *scene, struct wave *wave, struct cleared *cleared, size_t *count,
                       struct err *err)
{
    int status = replay_crew(scene->whatif, wave->jobs, wave->count, err);
    for (size_t i = 0; i < wave->count && !status; i++) {
        const struct whatif_result *result = &wave->jobs[i].result;
        struct cleared one = cleared_of(scene, wave->stages[i]);
        one.factor_max = !wave->jobs[i].status && result->factor > 1 ? result->factor : 1;
        if (one.factor_max < CLEARED_FACTOR_MAX)
            cleared[(*count)++] = one;
    }
    wave->count = 0;
    return status;
}

static int compare_cleared(const void *a, const void *b)
{
    const struct cleared *x = a, *y = b;
    return (x->critical_ratio < y->critical_ratio) - (x->critical_ratio > y->critical_ratio);
}

int clear_stages(const struct scene *scene, struct verdict *verdict, struct err *err)
{
    struct cleared *cleared = arena_alloc(scene->arena, CLEARED_MAX * sizeof *cleared);
    struct wave wave = {.count = 0};
    size_t count = 0;
    int status = cleared ? 0 : err_memory(err);
    for (uint32_t i = 0; i < scene->run->stages.count && count < CLEARED_MAX && !status; i++) {
        if (is_candidate(scene, verdict, i))
            status = wave_add(scene, &wave, i, err);
        if (!status && count + wave.count == CLEARED_MAX)
            status = wave_replay(scene, &wave, cleared, &count, err);
    }
    if (!status && wave.count)
        status = wave_replay(scene, &wave, cleared, &count, err);
    if (status)
        return status;
    if (count)
        qsort(cleared, count, sizeof *cleared, compare_cleared);
    verdict->cleared = cleared;
    verdict->cleared_count = count;
    return 0;
}
