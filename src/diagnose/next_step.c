/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/next_step.h"

#include <stdio.h>
#include <string.h>

#include "report/units.h"

/* A thread that uses this part of a core computes; below the other one nothing does. */
#define COMPUTES_CORES 0.70
#define RESTS_CORES    0.02
#define WAITS_RATIO    0.30
/* Growth that a person would call a leak when it goes on: of the memory in use, and in bytes, a second. */
#define GROWS_RATIO 0.005
#define GROWS_BYTES 1e6

static const char *const symptom_names[SYMPTOM_COUNT] = {"slow",       "cpu",   "memory", "tail",
                                                         "throughput", "stall", "cost"};

const char *symptom_name(enum symptom symptom)
{
    return symptom_names[symptom];
}

bool symptom_read(const char *word, enum symptom *ret_symptom)
{
    for (int i = 0; i < SYMPTOM_COUNT; i++)
        if (strcmp(word, symptom_names[i]) == 0) {
            *ret_symptom = (enum symptom)i;
            return true;
        }
    return false;
}

/* A question to the facts: whether it is so, and by which figure. */
typedef bool question(const struct plan_facts *facts, const char **ret_evidence);

static const char *ratio_text(const struct plan_facts *facts, double ratio, const char *of)
{
    return arena_printf(facts->arena, "%s %s", unit_ratio(ratio).text, of);
}

static bool computes(const struct plan_facts *facts, const char **ret_evidence)
{
    const struct use_row *cpu = use_worst(facts->machine, "cpu");
    if (facts->use) {
        *ret_evidence = facts->use->core_count >= 1.5
                            ? arena_printf(facts->arena, "%.1f cores", facts->use->core_count)
                            : ratio_text(facts, facts->use->core_count, "of a core");
        return facts->use->core_count >= COMPUTES_CORES;
    }
    *ret_evidence = cpu ? ratio_text(facts, cpu->utilisation_ratio, "of the machine's cores") : "not known";
    return cpu && cpu->state >= USE_BUSY;
}

static bool computes_on_one(const struct plan_facts *facts, const char **ret_evidence)
{
    computes(facts, ret_evidence);
    return facts->use && facts->use->core_count >= 0.9 && facts->use->core_count <= 1.1;
}

static bool waits_for_cpu(const struct plan_facts *facts, const char **ret_evidence)
{
    const struct use_row *limit = use_worst(facts->machine, "cgroup-cpu");
    if (limit && limit->saturation_ratio > 0.05) {
        *ret_evidence = ratio_text(facts, limit->saturation_ratio, "of the time throttled by its cgroup");
        return true;
    }
    if (facts->use && facts->use->queue_ratio >= 0) {
        *ret_evidence = ratio_text(facts, facts->use->queue_ratio, "of the time");
        return facts->use->queue_ratio >= WAITS_RATIO;
    }
    const struct use_row *cpu = use_worst(facts->machine, "cpu");
    *ret_evidence = cpu && cpu->saturation_ratio >= 0
                        ? ratio_text(facts, cpu->saturation_ratio, "of the time some task")
                        : "not known";
    return cpu && cpu->saturation_ratio >= WAITS_RATIO;
}

static bool waits_for_disk(const struct plan_facts *facts, const char **ret_evidence)
{
    if (facts->use && facts->use->look_count) {
        *ret_evidence = ratio_text(facts, facts->use->disk_ratio, "of its threads' time");
        return facts->use->disk_ratio >= WAITS_RATIO;
    }
    const struct use_row *disk = use_worst(facts->machine, "disk");
    *ret_evidence = disk ? arena_printf(facts->arena, "disk %s busy %s", disk->name,
                                        unit_ratio(disk->utilisation_ratio).text)
                         : "no disk is seen";
    return disk && disk->state >= USE_BUSY;
}

static bool serves(const struct plan_facts *facts, const char **ret_evidence)
{
    *ret_evidence = facts->port ? arena_printf(facts->arena, "port %u", facts->port) : "it listens nowhere";
    return facts->port != 0;
}

static bool grows(const struct plan_facts *facts, const char **ret_evidence)
{
    const struct process_use *use = facts->use;
    if (!use) {
        *ret_evidence = "not measured";
        return false;
    }
    uint64_t growth = use->rss_growth_per_s > 0 ? (uint64_t)use->rss_growth_per_s : 0;
    *ret_evidence = arena_printf(facts->arena, "%s, %s more a second", unit_bytes(use->rss_bytes).text,
                                 unit_bytes(growth).text);
    return use->rss_growth_per_s > GROWS_BYTES &&
           use->rss_growth_per_s > GROWS_RATIO * (double)use->rss_bytes;
}

/* Of a machine the busiest process may be a compiler that was started a second ago: it grows and is no leak. Whoever names a process knows
 * it. */
static bool keeps_growing(const struct plan_facts *facts, const char **ret_evidence)
{
    if (!grows(facts, ret_evidence) || facts->target == TARGET_PROCESS)
        return grows(facts, ret_evidence);
    return facts->use->rss_growth_settled_per_s > GROWS_BYTES &&
           facts->use->rss_growth_settled_per_s > GROWS_RATIO * (double)facts->use->rss_bytes;
}

static bool memory_is_short(const struct plan_facts *facts, const char **ret_evidence)
{
    const struct use_row *limit = use_worst(facts->machine, "cgroup-memory");
    const struct use_row *memory = use_worst(facts->machine, "memory");
    const struct use_row *row = limit && limit->utilisation_ratio >= USE_FULL_RATIO ? limit : memory;
    *ret_evidence = !row ? "not known"
                         : ratio_text(facts, row->utilisation_ratio,
                                      row == limit ? "of its cgroup's limit" : "of the machine's");
    return row && (row->state == USE_SATURATED || row->state == USE_ERRORS);
}

static bool rests(const struct plan_facts *facts, const char **ret_evidence)
{
    computes(facts, ret_evidence);
    return facts->use && facts->use->core_count < RESTS_CORES;
}

static bool network_errs(const struct plan_facts *facts, const char **ret_evidence)
{
    const struct use_row *tcp = use_worst(facts->machine, "tcp"),
                         *link = use_worst(facts->machine, "network");
    const struct use_row *row = tcp && tcp->state >= USE_SATURATED ? tcp : link;
    bool errs = row && (row->state == USE_SATURATED || row->state == USE_ERRORS);
    *ret_evidence = errs && row->note[0] ? row->note : errs ? "packets are lost" : "nothing lost";
    return errs;
}

static bool there_is_something(const struct plan_facts *facts, const char **ret_evidence)
{
    *ret_evidence = facts->pid             ? facts->name
                    : facts->has_pipeline  ? "objective in toll.yaml"
                    : facts->start.command ? facts->start.why
                                           : "nothing";
    return facts->pid || facts->has_pipeline || facts->start.command;
}

struct branch {
    enum symptom symptom;
    const char *question;
    question *asks; /* NULL: the last, what is left */
    enum advice advice;
};

static const struct branch branches[] = {
    {SYMPTOM_SLOW, "is memory short?", memory_is_short, ADVICE_MEMORY},
    {SYMPTOM_SLOW, "does it compute?", computes, ADVICE_CPU},
    {SYMPTOM_SLOW, "does it wait for a CPU?", waits_for_cpu, ADVICE_WAITS},
    {SYMPTOM_SLOW, "does it wait for a disk?", waits_for_disk, ADVICE_DISK},
    {SYMPTOM_SLOW, "does it serve clients?", serves, ADVICE_LATENCY},
    {SYMPTOM_SLOW, "is there something to look at?", there_is_something, ADVICE_WAITS},
    {SYMPTOM_CPU, "does it compute now?", computes, ADVICE_CPU},
    {SYMPTOM_CPU, "does it wait for a CPU?", waits_for_cpu, ADVICE_WAITS},
    {SYMPTOM_CPU, "is there something to look at?", there_is_something, ADVICE_CPU},
    {SYMPTOM_MEMORY, "does it grow?", grows, ADVICE_MEMORY},
    {SYMPTOM_MEMORY, "is memory short?", memory_is_short, ADVICE_MEMORY},
    {SYMPTOM_MEMORY, "is there something to look at?", there_is_something, ADVICE_MEMORY},
    {SYMPTOM_TAIL, "does it wait for a CPU?", waits_for_cpu, ADVICE_LATENCY},
    {SYMPTOM_TAIL, "does the network lose anything?", network_errs, ADVICE_LATENCY},
    {SYMPTOM_TAIL, "is there something to look at?", there_is_something, ADVICE_LATENCY},
    {SYMPTOM_THROUGHPUT, "does one thread compute all the time?", computes_on_one, ADVICE_CPU},
    {SYMPTOM_THROUGHPUT, "does the network lose anything?", network_errs, ADVICE_THROUGHPUT},
    {SYMPTOM_THROUGHPUT, "is there something to look at?", there_is_something, ADVICE_THROUGHPUT},
    {SYMPTOM_STALL, "does it wait for a disk?", waits_for_disk, ADVICE_DISK},
    {SYMPTOM_STALL, "is memory short?", memory_is_short, ADVICE_MEMORY},
    {SYMPTOM_STALL, "does it compute after all?", computes, ADVICE_CPU},
    {SYMPTOM_STALL, "is there something to look at?", there_is_something, ADVICE_WAITS},
    {SYMPTOM_COST, "does it compute?", computes, ADVICE_CPU},
    {SYMPTOM_COST, "does it rest most of the time?", rests, ADVICE_THROUGHPUT},
    {SYMPTOM_COST, "is there something to look at?", there_is_something, ADVICE_THROUGHPUT},
};

/* The symptom that the window shows, each with its question; the first that is answered with yes. */
static const struct {
    enum symptom symptom;
    question *asks;
    const char *says;
} signs[] = {
    {SYMPTOM_MEMORY, keeps_growing, "its memory grows"},
    {SYMPTOM_MEMORY, memory_is_short, "memory is short"},
    {SYMPTOM_STALL, waits_for_disk, "it waits for a disk"},
    {SYMPTOM_CPU, computes, "it computes"},
    {SYMPTOM_CPU, waits_for_cpu, "it waits for a CPU"},
    {SYMPTOM_THROUGHPUT, network_errs, "the network loses packets"},
    {SYMPTOM_TAIL, serves, "it serves clients and computes little"},
    {SYMPTOM_STALL, rests, "it does nothing"},
};

static enum symptom symptom_find(const struct plan_facts *facts, const char **ret_evidence)
{
    if (facts->target == TARGET_FOLDER) {
        *ret_evidence = "nothing runs yet";
        return SYMPTOM_SLOW;
    }
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        const char *figure = NULL;
        if (!signs[i].asks(facts, &figure))
            continue;
        if (!facts->pid && signs[i].asks == rests)
            continue;
        *ret_evidence = arena_printf(facts->arena, "%s: %s", signs[i].says, figure ? figure : "");
        return signs[i].symptom;
    }
    *ret_evidence = "nothing stands out";
    return SYMPTOM_SLOW;
}

/* A folder has nothing that was measured: only what can be started is asked for. */
static bool is_asked(const struct branch *branch, const struct plan_facts *facts)
{
    return facts->target != TARGET_FOLDER || branch->asks == there_is_something;
}

static enum advice advice_of_folder(enum symptom symptom)
{
    static const enum advice advices[SYMPTOM_COUNT] = {[SYMPTOM_SLOW] = ADVICE_WAITS,
                                                       [SYMPTOM_CPU] = ADVICE_CPU,
                                                       [SYMPTOM_MEMORY] = ADVICE_MEMORY,
                                                       [SYMPTOM_TAIL] = ADVICE_LATENCY,
                                                       [SYMPTOM_THROUGHPUT] = ADVICE_THROUGHPUT,
                                                       [SYMPTOM_STALL] = ADVICE_WAITS,
                                                       [SYMPTOM_COST] = ADVICE_CPU};
    return advices[symptom];
}

int plan_make(const struct plan_facts *facts, const enum symptom *given, struct plan *ret_plan)
{
    struct plan plan = {.is_given = given != NULL, .evidence = "", .advice = ADVICE_NOTHING};
    plan.symptom = given ? *given : symptom_find(facts, &plan.evidence);
    for (size_t i = 0; i < sizeof branches / sizeof branches[0]; i++) {
        const struct branch *branch = &branches[i];
        if (branch->symptom != plan.symptom || !is_asked(branch, facts) || plan.step_count == PLAN_STEP_MAX)
            continue;
        struct plan_step step = {.question = branch->question, .evidence = ""};
        step.answer = branch->asks(facts, &step.evidence);
        if (!step.evidence || !plan.evidence)
            return -1;
        plan.steps[plan.step_count++] = step;
        if (step.answer) {
            plan.advice = branch->advice;
            break;
        }
    }
    if (facts->target == TARGET_FOLDER && plan.advice != ADVICE_NOTHING)
        plan.advice = advice_of_folder(plan.symptom);
    if (plan_command(facts, &plan))
        return -1;
    *ret_plan = plan;
    return 0;
}
