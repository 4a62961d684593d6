/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/profilers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"

#define NATIVE "C|C++|Rust|Go"

static const struct profiler_rule rules[] = {
    {"perf", "perf", "--version", NULL, "CPU", PROFILER_SAMPLES, "under 1 % at 99 Hz"},
    {"bpftrace", "bpftrace", "--version", NULL, "kernel events", PROFILER_COUNTS, "costs by event; root"},
    {"py-spy", "py-spy", "--version", "Python", "CPU", PROFILER_SAMPLES,
     "with --nonblocking nothing is paused"},
    {"austin", "austin", "--version", "Python", "CPU", PROFILER_SAMPLES, "a frame stack sampler"},
    {"cProfile", "python3", "--version", "Python", "CPU by function", PROFILER_SLOWS,
     "each call is traced: about 2x"},
    {"memray", "memray", "--version", "Python", "memory", PROFILER_SLOWS, "each allocation is traced"},
    {"scalene", "scalene", "--version", "Python", "CPU and memory", PROFILER_RESTART, "10 to 20 %"},
    {"node --cpu-prof", "node", "--version", "JavaScript|TypeScript", "CPU", PROFILER_RESTART,
     "1 to 5 %, started with it"},
    {"clinic", "clinic", "--version", "JavaScript|TypeScript", "event loop", PROFILER_SLOWS,
     "for load tests"},
    {"0x", "0x", "--version", "JavaScript|TypeScript", "CPU", PROFILER_RESTART, "perf or --prof behind it"},
    {"go tool pprof", "go", "version", "Go", "CPU and memory", PROFILER_SAMPLES,
     "needs net/http/pprof in the program, or go test"},
    {"JFR", "jcmd", NULL, "Java|Kotlin|Scala", "CPU, locks, memory", PROFILER_SAMPLES,
     "about 1 %, into a running JVM"},
    {"async-profiler", "asprof", "--version", "Java|Kotlin|Scala", "CPU, locks, memory", PROFILER_SAMPLES,
     "about 1 %"},
    {"rbspy", "rbspy", "--version", "Ruby", "CPU", PROFILER_SAMPLES, "from outside"},
    {"dotnet-trace", "dotnet-trace", "--version", "C#", "CPU", PROFILER_SAMPLES, "event pipe"},
    {"heaptrack", "heaptrack", "--version", NATIVE, "memory", PROFILER_SLOWS, "each allocation is recorded"},
    {"valgrind", "valgrind", "--version", NATIVE, "memory, calls", PROFILER_SLOWS, "20x and more"},
    {"samply", "samply", "--version", NATIVE, "CPU", PROFILER_SAMPLES, "perf events"},
    {"gdb", "gdb", "--version", NATIVE, "stacks", PROFILER_STOPS, "the program stands while it looks"},
    {"strace", "strace", "--version", NULL, "system calls", PROFILER_STOPS, "stops at each call"},
    {"EXPLAIN ANALYZE", "psql", "--version", NULL, "queries of PostgreSQL", PROFILER_SLOWS,
     "runs the statement"},
    {"nsys", "nsys", "--version", NULL, "GPU", PROFILER_RESTART, "CUDA and NVTX"},
};

_Static_assert(sizeof rules / sizeof rules[0] <= PROFILER_MAX, "raise PROFILER_MAX");

const char *program_find(const char *name, struct arena *arena)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin"; *at; at += *at == ':') {
        char full[512];
        struct stat about;
        size_t length = strcspn(at, ":");
        int written = snprintf(full, sizeof full, "%.*s/%s", (int)length, at, name);
        at += length;
        if (length && written > 0 && (size_t)written < sizeof full && access(full, X_OK) == 0 &&
            stat(full, &about) == 0 && S_ISREG(about.st_mode))
            return arena_string(arena, full);
    }
    return NULL;
}

bool profiler_way_is_safe(enum profiler_way way, enum deployment_kind kind)
{
    return way == PROFILER_SAMPLES || way == PROFILER_COUNTS || kind == DEPLOYMENT_DEVELOPMENT;
}

const char *profiler_way_name(enum profiler_way way)
{
    static const char *const names[] = {"samples", "counts", "restarts", "slows", "stops"};
    return names[way];
}

const struct profiler_rule *profiler_rule_of(const char *process)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].program, rules[i].name) == 0 && strcmp(process, rules[i].program) == 0)
            return &rules[i];
    return NULL;
}

/* The first number with a full stop in it that a program prints: "perf version 6.1.192", "v20.20.2", "GNU gdb (Debian 13.1-3) 13.1". */
static const char *version_ask(const char *path, const char *word, struct arena *arena)
{
    /* One that hangs is left without a version; where there is no `timeout`, all are. */
    const char *words[] = {"timeout", "5", path, word, NULL};
    struct child_options options = {.words = words, .is_merged = true, .text_bytes_max = 4096};
    struct child_result result;
    struct err ignored;
    const char *version = "";
    if (child_run(&options, &result, &ignored))
        return version;
    if (result.exit_status == 0)
        for (const char *at = str_text(&result.text); *at; at++) {
            size_t length = strspn(at, "0123456789.");
            if (length > 2 && *at != '.' && memchr(at, '.', length)) {
                while (at[length - 1] == '.')
                    length--;
                version = arena_copy(arena, at, length);
                break;
            }
            at += length ? length - 1 : 0;
        }
    child_result_free(&result);
    return version ? version : "";
}

static bool fits(const struct profiler_rule *rule, const struct technologies *found)
{
    bool has_language = false;
    if (strcmp(rule->name, "EXPLAIN ANALYZE") == 0)
        return technologies_have(found, TECHNOLOGY_DATABASE, "PostgreSQL") ||
               technologies_have(found, TECHNOLOGY_DATABASE, "PostgreSQL (client)");
    if (strcmp(rule->name, "nsys") == 0)
        return technologies_have(found, TECHNOLOGY_RUNTIME, "CUDA");
    for (size_t i = 0; i < found->items.count; i++) {
        if (found->items.items[i].kind != TECHNOLOGY_LANGUAGE)
            continue;
        has_language = true;
        if (!rule->languages || technology_matches(rule->languages, found->items.items[i].name))
            return true;
    }
    return !has_language && !rule->languages;
}

void profilers_find(const struct technologies *found, enum deployment_kind kind, struct arena *arena,
                    struct profilers *ret_profilers)
{
    ret_profilers->count = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct profiler *profiler = &ret_profilers->items[ret_profilers->count++];
        *profiler = (struct profiler){.rule = &rules[i],
                                      .path = program_find(rules[i].program, arena),
                                      .version = "",
                                      .is_fit = fits(&rules[i], found),
                                      .is_safe = profiler_way_is_safe(rules[i].way, kind)};
        if (profiler->path && profiler->is_fit && rules[i].version_word)
            profiler->version = version_ask(profiler->path, rules[i].version_word, arena);
    }
}

const struct profiler *profiler_installed(const struct profilers *profilers, const char *name)
{
    for (size_t i = 0; i < profilers->count; i++)
        if (profilers->items[i].path && strcmp(profilers->items[i].rule->name, name) == 0)
            return &profilers->items[i];
    return NULL;
}
