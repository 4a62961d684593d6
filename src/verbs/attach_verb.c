/* SPDX-License-Identifier: Apache-2.0 */
/* toll attach: record programs that run already and say what limits them. */
#include <limits.h>

#include "base/num.h"
#include "ops/run_command.h"
#include "verbs/verbs.h"

struct options {
    const char *output;
    const char *recorder;
    const char *io;
    const char *objective;
    uint64_t rate_hz;
    uint64_t limit_ns;
    bool quiet;
};

static const struct option_row rows[] = {
    {.name = "for",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "how long (30s, 5m, 500ms); until Ctrl-C when left out",
     .offset = offsetof(struct options, limit_ns)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the recording (toll-<program>-<time>.toll in the current folder); an existing file is replaced",
     .offset = offsetof(struct options, output)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "record only, print no verdict",
     .offset = offsetof(struct options, quiet)},
    {.name = "objective",
     .type = OPTION_TEXT,
     .argument = "WHAT",
     .choices = "throughput latency wall",
     .help = "what the verdict is about (throughput)",
     .offset = offsetof(struct options, objective)},
    {.name = "rate",
     .type = OPTION_COUNT,
     .argument = "HZ",
     .help = "samples per second of CPU time (199)",
     .offset = offsetof(struct options, rate_hz)},
    {.name = "recorder",
     .type = OPTION_TEXT,
     .argument = "RUNG",
     .choices = "bpf perf proc",
     .help = "how to record; the best that this machine allows when left out (see 'toll doctor')",
     .offset = offsetof(struct options, recorder)},
    {.name = "io",
     .type = OPTION_TEXT,
     .argument = "HOW",
     .choices = "none sampled all",
     .help = "calls and bytes by peer, with eBPF: not, and the messages of each connection are counted "
             "instead, which costs the programs nothing; a few milliseconds several times a second; or each "
             "(none)",
     .offset = offsetof(struct options, io)},
};

static int read_pids(const struct verb_context *context, pid_t *pids, struct err *err)
{
    for (size_t i = 0; i < context->operand_count; i++) {
        uint64_t pid;
        if (num_parse_u64(context->operands[i], &pid) || pid == 0 || pid > INT_MAX) {
            err_set(err, ERR_USAGE, "could not attach to process '%s': that is no process's number",
                    context->operands[i]);
            err_hint(err, "'pgrep -f NAME' finds the number of a program that runs");
            return -ERR_USAGE;
        }
        pids[i] = (pid_t)pid;
    }
    return 0;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    pid_t pids[VERB_OPERANDS_MAX];
    int status = read_pids(context, pids, err);

    if (status)
        return status;
    if (options->rate_hz > 10000)
        return err_set(err, ERR_USAGE, "could not record at %llu Hz: 10000 at most",
                       (unsigned long long)options->rate_hz);
    struct run_request request = {.pids = pids,
                                  .pid_count = context->operand_count,
                                  .limit_ns = options->limit_ns,
                                  .objective = options->objective,
                                  .output = options->output,
                                  .rung = options->recorder,
                                  .io = options->io ? options->io : "none",
                                  .rate_hz = (unsigned)options->rate_hz,
                                  .verdict = !options->quiet,
                                  .width = context->width,
                                  .colour = context->colour_talk,
                                  .ascii = context->ascii};
    struct run_outcome outcome;
    status = ops_run(&request, &outcome, err);
    context->exit_status = status ? 0 : outcome.exit_status;
    if (outcome.text.length)
        fputs(str_text(&outcome.text), stderr);
    else if (status == 0 && !options->quiet)
        fprintf(stderr, "toll: recorded %s\n", outcome.path);
    str_free(&outcome.text);
    return status;
}

static const struct example examples[] = {
    {"toll attach --for 30s $(pgrep -o nginx)", "watch nginx and its workers for half a minute"},
    {"toll attach -q -o shop.toll 4711 4712", "only record two processes, until Ctrl-C"},
};

const struct verb attach_verb = {
    .name = "attach",
    .summary = "record programs that run already and say what limits them",
    .usage = "PID… [--for TIME] [-o FILE] [-q] [--objective WHAT] [--rate HZ] [--recorder RUNG] [--io HOW]",
    .description =
        "Records running processes: all their threads, the processes they have made and those they make "
        "meanwhile. It ends with Ctrl-C, after --for, or when all of them have ended, and then prints the "
        "verdict "
        "to stderr.\n\n"
        "Nothing is stopped, paused, traced or put into the programs, and nothing is left behind when toll "
        "ends, "
        "however it ends. Your own processes need no root, another user's do. A verdict about throughput "
        "says "
        "which resource limits the service: workers, a lock, connections, cores, a database; or that the "
        "load "
        "offered does.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
