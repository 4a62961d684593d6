/* SPDX-License-Identifier: Apache-2.0 */
/* toll run: record a command and say what it was waiting for. */
#include <unistd.h>

#include "decide/profile_command.h"
#include "ops/run_command.h"
#include "option/shared_rows.h"
#include "verbs/verbs.h"

struct options {
    const char *output;
    const char *recorder;
    const char *io;
    const char *profiler;
    const char *budget;
    uint64_t rate_hz;
    bool quiet;
    bool compress;
    bool system;
    bool heap, heap_exact;
    uint64_t heap_rate;
    uint64_t limit_ns;
    const char *objective, *store;
    struct option_list tags;
    bool no_store;
};

static const struct option_row rows[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the recording (toll-<command>-<time>.toll in the current folder); an existing file is replaced",
     .offset = offsetof(struct options, output)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "record only, print no verdict",
     .offset = offsetof(struct options, quiet)},
    {.name = "compress",
     .type = OPTION_FLAG,
     .help = "a file about a fifth smaller, for several times the cost of writing it",
     .offset = offsetof(struct options, compress)},
    {.name = "rate",
     .type = OPTION_COUNT,
     .argument = "HZ",
     .help = "samples per second of CPU time (199)",
     .offset = offsetof(struct options, rate_hz)},
    {.name = "system",
     .type = OPTION_FLAG,
     .help = "record the whole machine as well (root); without a command until Ctrl-C or --for",
     .offset = offsetof(struct options, system)},
    {.name = "for",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "with --system and no command: how long (30s, 5m, 500ms)",
     .offset = offsetof(struct options, limit_ns)},
    {.name = "objective",
     .type = OPTION_TEXT,
     .argument = "WHAT",
     .choices = "wall throughput latency",
     .help = "what the verdict is about: a job that ends (wall), or a service",
     .offset = offsetof(struct options, objective)},
    {.name = "recorder",
     .type = OPTION_TEXT,
     .argument = "RUNG",
     .choices = "bpf perf preload proc",
     .help = "how to record; the best that this machine allows when left out (see 'toll doctor')",
     .offset = offsetof(struct options, recorder)},
    {.name = "io",
     .type = OPTION_TEXT,
     .argument = "HOW",
     .choices = "sampled all none",
     .help = "calls and bytes by peer, with eBPF: a few milliseconds several times a second, scaled up; each "
             "call, which slows programs that do little else; or not (sampled)",
     .offset = offsetof(struct options, io)},
    {.name = "heap",
     .type = OPTION_FLAG,
     .help = "what is allocated, by call stack: peak, what was never freed, temporary allocations; sampled "
             "by bytes",
     .offset = offsetof(struct options, heap)},
    {.name = "heap-exact",
     .type = OPTION_FLAG,
     .help = "the same with every allocation and free counted, for several times the cost",
     .offset = offsetof(struct options, heap_exact)},
    {.name = "heap-rate",
     .type = OPTION_COUNT,
     .argument = "BYTES",
     .help = "with --heap: bytes between two samples on average (524288)",
     .offset = offsetof(struct options, heap_rate)},
    {.name = "budget",
     .type = OPTION_TEXT,
     .argument = "LIMITS",
     .help = "agents: stop the command and all that it started when it has used up "
             "tokens=1M,cost=10,time=30m (any of "
             "them; see 'toll budget')",
     .offset = offsetof(struct options, budget)},
    {.name = "profiler",
     .type = OPTION_TEXT,
     .argument = "NAME",
     .choices = "auto cprofile node jfr go-pprof explain perf heaptrack",
     .help =
         "run it under its runtime's own profiler and print what that found, as a ranked list; toll records "
         "it where that is not installed",
     .offset = offsetof(struct options, profiler)},
    ROWS_HISTORY(struct options),
};

/* Runs the command under another profiler; *ret_is_missing when there is none, and nothing was run. */
static int run_profiler(struct verb_context *context, bool *ret_is_missing, struct err *err)
{
    const struct options *options = context->options;
    struct profile_request request = {.command = context->command,
                                      .profiler = options->profiler,
                                      .output = options->output,
                                      .width = context->width,
                                      .colour = context->colour_talk,
                                      .ascii = context->ascii};
    struct profile_outcome outcome;
    if (options->system || options->recorder)
        return err_set(err, ERR_USAGE,
                       "could not take option '--profiler': it takes the place of toll's recorder");
    int status = decide_profile(&request, &outcome, err);
    *ret_is_missing = outcome.is_missing;
    if (outcome.is_missing)
        fprintf(stderr, "toll: %s: toll records it instead\n", outcome.why);
    context->exit_status = outcome.exit_status;
    if (!options->quiet)
        fputs(str_text(&outcome.text), stderr);
    str_free(&outcome.text);
    return status;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (options->rate_hz > 10000)
        return err_set(err, ERR_USAGE, "could not record at %llu Hz: 10000 at most",
                       (unsigned long long)options->rate_hz);
    bool is_command = context->command_count > 0;
    if (!is_command && !options->system) {
        err_set(err, ERR_USAGE, "could not run 'toll run': the command is missing");
        err_hint(err, "usage: toll run %s", run_verb.usage);
        return -ERR_USAGE;
    }
    if (options->budget && (!is_command || options->profiler))
        return err_set(err, ERR_USAGE,
                       "could not take option '--budget': it holds a command that toll records");
    if (options->limit_ns && is_command)
        return err_set(err, ERR_USAGE, "could not take option '--for': a command is recorded until it ends");
    if ((options->heap || options->heap_exact) && (!is_command || options->profiler))
        return err_set(err, ERR_USAGE,
                       "could not take option '--heap%s': it is a library that a command starts with",
                       options->heap_exact ? "-exact" : "");
    if (options->profiler) {
        bool is_missing = false;
        if (!is_command)
            return err_set(err, ERR_USAGE, "could not take option '--profiler': the command is missing");
        int profiled = run_profiler(context, &is_missing, err);
        if (profiled || !is_missing)
            return profiled;
    }
    struct run_request request = {.command = is_command ? context->command : NULL,
                                  .whole_machine = options->system,
                                  .limit_ns = options->limit_ns,
                                  .objective = options->objective,
                                  .output = options->output,
                                  .rung = options->recorder,
                                  .io = options->io,
                                  .heap = options->heap_exact                   ? "exact"
                                          : options->heap || options->heap_rate ? "sampled"
                                                                                : NULL,
                                  .heap_rate_bytes = options->heap_rate,
                                  .rate_hz = (unsigned)options->rate_hz,
                                  .budget = options->budget,
                                  .verdict = !options->quiet,
                                  .compress = options->compress,
                                  .width = context->width,
                                  .colour = context->colour_talk,
                                  .ascii = context->ascii,
                                  .keep = {.is_on = !options->no_store,
                                           .store = options->store,
                                           .tags = options->tags.items,
                                           .tag_count = options->tags.count}};
    struct run_outcome outcome;
    int status = ops_run(&request, &outcome, err);
    context->exit_status = outcome.exit_status;
    fputs(!options->quiet || outcome.is_over_budget ? str_text(&outcome.budget) : "", stderr);
    str_free(&outcome.budget);
    if (outcome.text.length) {
        fputs(str_text(&outcome.text), stderr);
    } else if (status == 0 && !options->quiet) {
        fprintf(stderr, "toll: recorded %s\n", outcome.path);
    }
    fputs(str_text(&outcome.warning), stderr);
    str_free(&outcome.warning);
    str_free(&outcome.text);
    return status;
}

static const struct example examples[] = {
    {"toll run -- ./pipeline --workers 1", "record a program and print what it was waiting for"},
    {"toll run -q -o before.toll -- make -j2", "only record, into a file of your choice"},
    {"sudo toll run --system --for 30s", "record everything on this machine for half a minute"},
    {"toll run --profiler auto -- python3 job.py", "what Python's own profiler says, as a short list"},
    {"toll run --budget tokens=1M,cost=10 -- ./agents.sh",
     "record agents, and stop them when they have used that up"},
    {"toll run --recorder proc -- ./server-test", "record as in a container where perf is refused"},
};

const struct verb run_verb = {
    .name = "run",
    .summary = "record a command and say what it was waiting for",
    .usage =
        "[-o FILE] [-q] [--compress] [--rate HZ] [--recorder RUNG] [--io HOW] [--heap] [--profiler NAME] "
        "[--system] -- COMMAND…",
    .description =
        "Runs the command, records its whole process tree until the command ends, writes a "
        "recording and prints the "
        "verdict to stderr. The command's stdin, stdout and stderr are its own, signals are "
        "passed on to it, and "
        "toll's exit status is the command's; 125 when toll failed, 126 when the command cannot "
        "be executed, 127 "
        "when there is no such command.\n\n"
        "No root is needed. The environment is not recorded, and arguments that look like secrets "
        "are left out.\n\n"
        "With --profiler the command runs under its runtime's own profiler instead: cProfile (python3), "
        "--cpu-prof (node), "
        "the flight recorder (java), pprof (go test), EXPLAIN ANALYZE (psql -c), perf or heaptrack; auto "
        "chooses by the command. "
        "What it found is printed as a ranked list, and -o keeps its file. What is not installed is replaced "
        "by toll's own "
        "recorder.\n\n"
        "With --budget the transcripts that agents write meanwhile and the usage of spans are counted, and "
        "the whole "
        "tree is stopped when a limit is passed; the exit status is 1 then.\n\n"
        "The wall time, CPU time and peak memory of a command that ends with 0 go into the history (toll "
        "history; --no-store).",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .takes_command = true,
    .command_optional = true,
    .exit_status_failed = 125,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
