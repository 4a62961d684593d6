/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/unnamed_code.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"

#define SAMPLE_COUNT_MIN 20
#define UNNAMED_MIN      0.2

struct runtime {
    const char *process;
    const char *interpreter; /* a function that stands for any code of the program's; NULL: none */
    const char *code, *advice;
};

static const struct runtime runtimes[] = {
    {.process = "node",
     .interpreter = "Builtins_InterpreterEntryTrampoline",
     .code = "JavaScript",
     .advice =
         "NODE_OPTIONS='--perf-basic-prof --interpreted-frames-native-stack' in the environment names it"},
    {.process = "java",
     .code = "Java code",
     .advice = "-XX:+PreserveFramePointer, and 'jcmd PID Compiler.perfmap' while it runs, name it"}};

static bool is_told(const struct run_frame *frame)
{
    return frame->module && frame->function && frame->function[0] != '[' &&
           (strcmp(frame->module, MODULE_NAME_JIT) == 0 ||
            strcmp(frame->module, MODULE_NAME_INTERPRETED) == 0) &&
           !(frame->file && str_starts(frame->file, "node:"));
}

static bool is_unknown(const struct runtime *runtime, const struct run_frame *frame)
{
    return frame->function && (strcmp(frame->function, "[unknown]") == 0 ||
                               (runtime->interpreter && strcmp(frame->function, runtime->interpreter) == 0));
}

/* Code of the program's, and no function of it that has a name. */
static bool is_unnamed(const struct run *run, const struct runtime *runtime, uint32_t stack)
{
    bool has_unknown = false;
    for (uint32_t at = stack; at < run->stacks.count; at = run->stacks.items[at].parent) {
        uint32_t index = run->stacks.items[at].frame;
        if (index >= run->frames.count)
            continue;
        if (is_told(&run->frames.items[index]))
            return false;
        has_unknown = has_unknown || is_unknown(runtime, &run->frames.items[index]);
    }
    return has_unknown;
}

struct count {
    uint64_t samples, unnamed;
};

static struct count count_samples(const struct run *run, const struct runtime *runtime)
{
    struct count count = {0};
    for (uint32_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        for (size_t j = 0; j < track->samples.count; j++) {
            const struct run_sample *sample = &track->samples.items[j];
            if (strcmp(run_process_name(run, i, sample->time_ns), runtime->process) != 0)
                continue;
            count.samples++;
            count.unnamed += is_unnamed(run, runtime, sample->stack);
        }
    }
    return count;
}

const char *unnamed_code_remark(const struct run *run, struct arena *arena, double *ret_ratio)
{
    *ret_ratio = 0;
    for (size_t i = 0; i < sizeof runtimes / sizeof runtimes[0]; i++) {
        const struct runtime *runtime = &runtimes[i];
        struct count count = count_samples(run, runtime);
        double ratio = num_ratio(count.unnamed, count.samples);
        if (count.samples < SAMPLE_COUNT_MIN || ratio < UNNAMED_MIN)
            continue;
        *ret_ratio = ratio;
        return arena_printf(arena, "%.0f %% of the samples of %s are in %s without names: %s", 100 * ratio,
                            runtime->process, runtime->code, runtime->advice);
    }
    return NULL;
}
