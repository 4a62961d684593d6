/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/measuring.h"

#include "base/clock.h"

void measured_fill(const struct measured_options *measured, struct bench_options *options)
{
    options->use_shell = measured->shell;
    options->prepare = measured->prepare;
    options->prepares = measured->prepares.items;
    options->prepare_count = measured->prepares.count;
    options->cleanup = measured->cleanup;
    options->setup = measured->setup;
    options->conclude = measured->conclude;
    options->input = measured->input;
    options->cache_files = measured->cache_files.items;
    options->cache_file_count = measured->cache_files.count;
    options->warmup_count = measured->warmup;
    options->round_count = measured->runs;
    options->round_count_min = measured->runs_min;
    options->round_count_max = measured->runs_max;
    options->time_s = (double)measured->time_ns / (double)NS_PER_S;
    options->limit_s = (double)measured->timeout_ns / (double)NS_PER_S;
    options->precision_ratio = measured->precision;
    options->confidence_ratio = measured->confidence;
    options->threshold_ratio = measured->threshold;
    options->seed = measured->seed;
    options->ignore_failure = measured->ignore_failure;
    options->show_output = measured->show_output;
    options->no_jitter = measured->no_jitter;
    options->no_control = measured->no_control;
    options->cpu = -1;
}

struct bench_text measured_command(const struct verb_context *context,
                                   const struct measured_options *measured)
{
    if (measured->shell && context->command_count == 1)
        return (struct bench_text){.line = context->command[0]};
    if (context->command_count)
        return (struct bench_text){.words = context->command};
    return (struct bench_text){0};
}
