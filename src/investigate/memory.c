/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory: what the run's memory costs it, as far as the recording holds it: waits for pages and for memory to be freed, time in the
 * allocator, processes that grow all along. What is not to blame is cleared with its share of the path.
 */
#include <string.h>

#include "analyze/trend.h"
#include "base/clock.h"
#include "base/num.h"
#include "investigate/finding_claim.h"
#include "investigate/investigators.h"
#include "investigate/path_vote.h"
#include "model/meta.h"
#include "report/units.h"

/* A rise that is less than this is the start of a program, not a leak. */
#define RISE_BYTES_MIN  (32e6)
#define RISE_RATIO_MIN  0.2 /* of what the process holds in the end */
#define RISE_NS_MIN     (5 * NS_PER_S)
#define SOON_S          3600.0
#define ALLOCATOR_RATIO 0.05 /* of the path */
#define CLEARED_RATIO   0.2
#define LEAKS_MAX       10u
#define SPEED_TOLD      2.0

/* --- growth --- */

static double fills_in_s(const struct run *run, const struct run_series *memory, const struct trend *trend)
{
    const struct run_series *total = trend_series(run, RUN_NONE, SERIES_MEMORY_TOTAL);
    return total && trend->rate_per_s > 0 ? (total->last.value - memory->last.value) / trend->rate_per_s : 0;
}

static void claim_growth(const struct question *question, struct answers *answers,
                         const struct run_series *series, const struct trend *trend, size_t number)
{
    const struct run *run = question->opened->run;
    struct arena *arena = question->arena;
    const char *name = run_process_name(run, series->process, trend->end_ns);
    double soon_s = fills_in_s(run, series, trend);
    const char *evidence[3];
    size_t count = 0;
    evidence[count++] =
        arena_printf(arena, "from %s to %s in %s, and it still grew when the recording ended",
                     unit_bytes(num_u64(trend->low)).text, unit_bytes(num_u64(trend->high)).text,
                     unit_duration(trend->end_ns - trend->start_ns).text);
    if (soon_s > 0)
        evidence[count++] = arena_printf(arena, "at that pace it fills the machine's memory in %s",
                                         unit_duration(num_u64(soon_s * (double)NS_PER_S)).text);
    const char *row = arena_printf(arena, "series %s of %s", SERIES_RSS, name);
    struct claim claim = {
        .id = arena_printf(arena, "growth-%zu", number),
        .finding = {.cause = "memory-leak",
                    .where = {.process = name, .stage = run->has_spans ? NULL : name},
                    .objective = "memory",
                    .title = arena_printf(arena, "%s grows all along: %s a second", name,
                                          unit_bytes(num_u64(trend->rate_per_s)).text),
                    .fix = "find what is kept: take a heap profile at two moments and compare them",
                    .rationale = "no time is gained by mending it; it fails when the memory is full",
                    .assumption = "what it keeps is not needed any more",
                    .gain = {.factor_max = 1},
                    .effort = EFFORT_MEDIUM,
                    .evidence = evidence,
                    .evidence_count = count},
        .evidence_class = EVIDENCE_INFERRED,
        .rows = &row,
        .row_count = row ? 1 : 0};
    answers_claim(answers, &claim);
    if (soon_s > 0 && soon_s < SOON_S)
        answers_note(answers, "%s fills the machine's memory in %s at this pace", name,
                     unit_duration(num_u64(soon_s * (double)NS_PER_S)).text);
}

/* How many processes grow. */
static size_t claim_leaks(const struct question *question, struct answers *answers)
{
    const struct run *run = question->opened->run;
    size_t count = 0;
    for (size_t i = 0; i < run->series.count && count < LEAKS_MAX; i++) {
        const struct run_series *series = &run->series.items[i];
        struct trend trend;
        if (series->process == RUN_NONE || strcmp(series->name, SERIES_RSS) != 0 ||
            !trend_of(series, &trend) || !trend.is_lasting || trend.high - trend.low < RISE_BYTES_MIN ||
            trend.high - trend.low < RISE_RATIO_MIN * trend.high ||
            trend.end_ns - trend.start_ns < RISE_NS_MIN)
            continue;
        claim_growth(question, answers, series, &trend, ++count);
    }
    return count;
}

/* --- the allocator --- */

static bool is_allocator(const char *function)
{
    static const char *const names[] = {"malloc",          "free",
                                        "calloc",          "realloc",
                                        "_int_malloc",     "_int_free",
                                        "_int_realloc",    "malloc_consolidate",
                                        "unlink_chunk",    "sysmalloc",
                                        "cfree",           "operator new",
                                        "operator delete", "je_malloc",
                                        "je_free",         "tc_malloc",
                                        "tc_free",         "mi_malloc",
                                        "mi_free",         "_PyObject_Malloc",
                                        "_PyObject_Free",  "PyObject_Malloc",
                                        "PyObject_Free"};
    for (size_t i = 0; function && i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(function, names[i], length) == 0 && (function[length] == '\0' || function[length] == '('))
            return true;
    }
    return false;
}

static void claim_churn(const struct question *question, struct answers *answers)
{
    const struct verdict *verdict = &question->opened->verdict;
    struct arena *arena = question->arena;
    const struct path_entry *largest = NULL;
    const char *rows[PATH_ROWS_MAX];
    size_t row_count = 0;
    double ratio = 0;
    for (size_t i = 0; i < verdict->path_count; i++) {
        const struct path_entry *entry = &verdict->path[i];
        if (entry->doing != DOING_CPU || !is_allocator(entry->where.function))
            continue;
        largest = largest ? largest : entry;
        ratio += entry->ratio;
        if (row_count < PATH_ROWS_MAX)
            rows[row_count++] = arena_printf(arena, "path %zu", i);
    }
    if (!largest || ratio < ALLOCATOR_RATIO)
        return;
    const char *evidence = arena_printf(arena, "%s of the critical path is in %s and its like",
                                        unit_ratio(ratio).text, largest->where.function);
    const char *owner = largest->where.process ? largest->where.process : "the run";
    struct claim claim = {
        .id = "churn",
        .finding = {.cause = "allocation-churn",
                    .where = largest->where,
                    .objective = "wall",
                    .critical_ratio = ratio,
                    .change =
                        arena_printf(arena, "speed:function/%s=%g", largest->where.function, SPEED_TOLD),
                    .title = arena_printf(arena, "%s spends its time getting and returning memory", owner),
                    .fix = "keep buffers and use them again instead of allocating for each item",
                    .gain = {.factor_max = path_factor_max(ratio)},
                    .effort = EFFORT_MEDIUM,
                    .evidence = &evidence,
                    .evidence_count = evidence ? 1 : 0},
        .evidence_class = EVIDENCE_MEASURED,
        .rows = rows,
        .row_count = row_count};
    answers_claim(answers, &claim);
}

/* --- what is not to blame --- */

static bool is_waiting_for_memory(int doing)
{
    return doing == WAIT_PAGE_FAULT || doing == WAIT_RECLAIM;
}

static void clear_memory(const struct question *question, struct answers *answers, size_t leak_count)
{
    const struct verdict *verdict = &question->opened->verdict;
    const struct run *run = question->opened->run;
    double ratio = 0;
    for (size_t i = 0; i < verdict->path_count; i++)
        if (is_waiting_for_memory(verdict->path[i].doing) || is_allocator(verdict->path[i].where.function))
            ratio += verdict->path[i].ratio;
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (finding_is_about_memory(verdict->findings[i].cause))
            return;
    if (leak_count || ratio > CLEARED_RATIO)
        return;
    struct cleared cleared = {
        .where = {.process = run_process_name(run, run->root, run->end_ns)},
        .critical_ratio = ratio > 1 ? 1 : ratio,
        .factor_max = path_factor_max(ratio),
    };
    const char *held = verdict->run.rss_bytes_max
                           ? arena_printf(question->arena, "; the largest process held %s",
                                          unit_bytes(verdict->run.rss_bytes_max).text)
                           : "";
    const char *why =
        arena_printf(question->arena, "memory: waits for it and its allocation are %s of the critical path%s",
                     unit_ratio(ratio).text, held ? held : "");
    answers_cleared(answers, &cleared, why);
}

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    const struct run *run = question->opened->run;
    int status = findings_claim(question, answers, true, err);
    if (status)
        return status;
    claim_churn(question, answers);
    size_t leak_count = claim_leaks(question, answers);
    clear_memory(question, answers, leak_count);
    if (run_stalled_ratio(run) > RUN_STALLED_MIN)
        answers_note(answers, "programs of the machine were stalled for memory in %s of the time",
                     unit_ratio(run_stalled_ratio(run)).text);
    return answers_status(answers, err);
}

/* Of other things it knows no more than the path, for which profiling speaks. */
static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    size_t replays_left = path_replays_max(question);
    for (size_t i = 0; i < question->claim_count; i++) {
        struct vote vote;
        if (!finding_is_about_memory(question->claims[i].finding.cause))
            continue;
        int status = path_vote(question, &question->claims[i], &replays_left, &vote, err);
        if (status)
            return status;
        answers_vote(answers, &vote);
    }
    return answers_status(answers, err);
}

const struct investigator memory_investigator = {
    .name = "memory",
    .about = "what memory costs the run: faults, reclaim, the allocator, growth",
    .claims = claims,
    .votes = votes,
};
