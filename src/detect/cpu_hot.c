/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu-hot: one function, or where no stacks were recorded one program, runs for a large part of the path. Running
 * under a pipe's via belongs to pipe-backpressure, running in a collector to gc.
 */
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "detect/detectors.h"

#define HOT_RATIO_MIN 0.1
/* Samples that are looked at for names. */
#define NAMELESS_LOOK_MAX 1000

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *change_of(const struct scene *scene, const struct where *where, const char *factor)
{
    if (where->function)
        return arena_printf(scene->arena, "speed:function/%s=%s", where->function, factor);
    return where->process ? arena_printf(scene->arena, "speed:process/%s=%s", where->process, factor) : NULL;
}

/* The loop of an interpreter stands for the program that it runs. */
static const char *language_of(const char *function)
{
    static const char *const loops[][2] = {
        {"_PyEval_EvalFrameDefault", "Python"},
        {"JavaCalls::call_helper", "Java"}, /* calls what was compiled, which has no names of its own */
        {"Builtins_InterpreterEntryTrampoline", "JavaScript"},
        {"Perl_runops_standard", "Perl"},
        {"vm_exec_core", "Ruby"},
        {"luaV_execute", "Lua"},
        {"execute_ex", "PHP"},
    };
    for (size_t i = 0; function && i < sizeof loops / sizeof loops[0]; i++) {
        if (strcmp(function, loops[i][0]) == 0)
            return loops[i][1];
    }
    return NULL;
}

/* Where a virtual machine's compiled code has no names, and the stacks end there. */
static const char *language_of_process(const struct scene *scene, const struct where *where)
{
    const struct run *run = scene->run;
    for (uint32_t i = 0; where->process && !where->function && i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (track->present && track->kind == TRACK_THREAD && same(track->name, "VM Thread") &&
            same(run_process_name(run, i, track->end_ns), where->process))
            return "Java";
    }
    return NULL;
}

/* A thread that spins uses the CPU too: that is spin's to tell. */
static bool spins_in(const struct scene *scene, const char *function)
{
    const struct spins *spins = &scene->whatif->spins;
    for (size_t i = 0; function && i < spins->items.count; i++) {
        uint32_t frame = spins->items.items[i].frame;
        if (frame != RUN_NONE && strcmp(scene->run->frames.items[frame].function, function) == 0)
            return true;
    }
    return false;
}

/* A fifth or more of the program's samples are in code without names: the file that it lies in. */
static const char *nameless_file(const struct scene *scene, const char *process)
{
    const struct run *run = scene->run;
    size_t total = 0, nameless = 0;
    const char *file = NULL;
    for (uint32_t i = 0; process && i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->samples.count && total < NAMELESS_LOOK_MAX; j++) {
            if (j == 0 && !same(run_process_name(run, i, track->samples.items[j].time_ns), process))
                break;
            const char *found = attribute_nameless(run, track->samples.items[j].stack);
            total++;
            nameless += found != NULL;
            file = found ? found : file;
        }
    }
    return nameless * 5 > total ? file : NULL;
}

static int claim_place(const struct scene *scene, struct cause_claims *claims, const struct path_entry *entry,
                       uint64_t ns, struct err *err)
{
    struct cause_claim claim = {.cause = "cpu-hot", .where = entry->where, .critical_ns = ns};
    claim.change = change_of(scene, &claim.where, "2");
    claim.max_change = change_of(scene, &claim.where, "1000000");
    const char *language = language_of(claim.where.function);
    const char *file = claim.where.function ? NULL : nameless_file(scene, claim.where.process);
    /* What a virtual machine compiles lies in no file; its library may itself be without names. */
    if (!language && (!file || str_ends(file, "/libjvm.so")))
        language = language_of_process(scene, &claim.where);
    if (language && claim.where.process) {
        claim.title = arena_printf(scene->arena, "the %s code that %s runs uses the CPU for %s", language,
                                   claim.where.process, scene_duration(scene, ns));
        claim.fix = arena_printf(
            scene->arena, "make the %s code faster, or do less; its own profiler tells which line", language);
    } else {
        claim.title = arena_printf(scene->arena, "%s uses the CPU for %s", scene_place(scene, &claim.where),
                                   scene_duration(scene, ns));
    }
    if (file && !language)
        claim.fix =
            arena_printf(scene->arena,
                         "make this code faster, or call it less (debug symbols of %s are missing: they "
                         "would name its functions)",
                         file);
    claim_evidence(scene, &claim, "%s of the path is running %s", scene_duration(scene, ns),
                   scene_place(scene, &claim.where));
    return claim_add(claims, &claim, err);
}

int detect_cpu_hot(const struct scene *scene, struct cause_claims *claims, struct err *err)
{
    uint64_t running = scene_doing_ns(scene, DOING_CPU, NULL);
    uint64_t piped = scene_doing_under_ns(scene, DOING_CPU, WAIT_PIPE);
    if (running && piped * 2 > running)
        return 0;
    int claimed = 0;
    size_t looked = num_min(scene->attribution->entry_count, ENTRY_LOOK_MAX);
    for (size_t i = 0; i < looked && claimed < 3; i++) {
        const struct path_entry *entry = &scene->attribution->entries[i];
        if (entry->doing != DOING_CPU || spins_in(scene, entry->where.function) ||
            scene_collector_part(entry->where.function))
            continue;
        /* The same function in several stages is one place. */
        uint64_t ns = 0;
        bool counted = false;
        for (size_t j = 0; j < scene->attribution->entry_count; j++) {
            const struct path_entry *other = &scene->attribution->entries[j];
            bool alike = other->doing == DOING_CPU && same(other->where.function, entry->where.function) &&
                         same(other->where.process, entry->where.process);
            if (j == i || alike)
                ns += other->ns;
            counted = counted || (alike && j < i);
        }
        if (counted || num_ratio(ns, scene->wall_ns) < HOT_RATIO_MIN)
            continue;
        int status = claim_place(scene, claims, entry, ns, err);
        if (status)
            return status;
        claimed++;
    }
    return 0;
}
