/* SPDX-License-Identifier: Apache-2.0 */
/* toll diagnose: what is wrong in a few seconds, and what to run next. */
#include "decide/diagnose_target.h"
#include "verbs/verbs.h"

struct options {
    const char *symptom;
    uint64_t window_ns;
    bool json;
};

static const struct option_row rows[] = {
    {.name = "symptom",
     .letter = 's',
     .type = OPTION_TEXT,
     .argument = "WHAT",
     .choices = "slow cpu memory tail throughput stall cost",
     .help =
         "what is wrong: too slow, CPU spikes, growing memory, a few slow answers (tail), too little done "
         "(throughput), standing still (stall), too dear (cost); worked out from the window when left out",
     .offset = offsetof(struct options, symptom)},
    {.name = "for",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "how long to look (1s)",
     .offset = offsetof(struct options, window_ns)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "all of it as JSON",
     .offset = offsetof(struct options, json)},
};

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct diagnose_request request = {.target = context->operand_count ? context->operands[0] : NULL,
                                       .symptom = options->symptom,
                                       .window_ns = options->window_ns,
                                       .is_json = options->json,
                                       .width = context->width,
                                       .colour = context->colour,
                                       .ascii = context->ascii};
    struct str text = {0};
    int status = decide_diagnose(&request, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    return status;
}

static const struct example examples[] = {
    {"toll diagnose $(pgrep -o nginx)", "a program that runs: what it does, and what to run next"},
    {"toll diagnose . --symptom memory", "the project in this folder, which uses too much memory"},
    {"toll diagnose job.prof", "what Python's profiler found, as a short list"},
    {"toll diagnose --for 5s", "the machine, watched for five seconds"},
};

const struct verb diagnose_verb = {
    .name = "diagnose",
    .summary = "what is wrong in a few seconds, and the exact command to run next",
    .usage = "[PID | DIR | PROFILE] [--symptom WHAT] [--for TIME] [--json]",
    .description = "Looks at a process, at the project in a folder, or, without an operand, at the machine, "
                   "and prints the next command on its "
                   "first lines: one that can be copied and works. Below it stand the questions that led "
                   "there with their answers; the machine "
                   "by the USE method (how busy each resource is, what waits for it, what failed); "
                   "languages, runtimes, frameworks and databases "
                   "that were found; whether this is production or development, by which signs; and which "
                   "profilers are installed and safe "
                   "here.\n\n"
                   "A profile that another tool wrote (cProfile, .cpuprofile, pprof, JFR, perf script, "
                   "folded stacks, EXPLAIN in JSON) is "
                   "printed as a ranked list of its functions.\n\n"
                   "Only /proc, /sys and package files are read: nothing is stopped, traced, changed or "
                   "sent. No root is needed; what cannot be "
                   "read is said to be unknown.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = 1,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
