/* SPDX-License-Identifier: Apache-2.0 */
/* toll record: what programs that are instrumented with OpenTelemetry send, as a recording. */
#include <inttypes.h>

#include "data_verbs/data_verbs.h"
#include "ops/record_otlp.h"

#define SPANS_MANY 500000u

struct options {
    bool otlp;
    const char *output;
    const char *budget;
    uint64_t limit_ns;
    bool quiet;
};

static const struct option_row rows[] = {
    {.name = "otlp",
     .type = OPTION_FLAG,
     .help = "receive OTLP over HTTP at ADDR (127.0.0.1:4318)",
     .offset = offsetof(struct options, otlp)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the recording (toll-otlp-<time>.toll)",
     .offset = offsetof(struct options, output)},
    {.name = "for",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "end after this long: 30s, 5m",
     .offset = offsetof(struct options, limit_ns)},
    {.name = "budget",
     .type = OPTION_TEXT,
     .argument = "LIMITS",
     .help = "tokens=1M,cost=10,time=30m: when one is used up the command is stopped with all that it "
             "started, and the "
             "receiving ends (see 'toll budget')",
     .offset = offsetof(struct options, budget)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "say nothing but errors",
     .offset = offsetof(struct options, quiet)},
};

static void started(void *context, const char *address, const char *path)
{
    const struct verb_context *verb = context;
    const struct options *options = verb->options;
    if (options->quiet)
        return;
    fprintf(stderr, "toll: receiving OTLP at http://%s into %s%s\n", address, path,
            verb->command_count ? "" : "; Ctrl-C ends it");
    fflush(stderr);
}

/* Making a recording of many takes a while. */
static void ended(void *context, uint64_t span_count)
{
    const struct verb_context *verb = context;
    const struct options *options = verb->options;
    if (!options->quiet && span_count >= SPANS_MANY)
        fprintf(stderr, "toll: received %" PRIu64 " spans, making the recording\n", span_count);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_calls(const struct trace_counts *counts)
{
    fprintf(stderr, "toll: %" PRIu64 " call%s of models, %" PRIu64 " tokens", counts->call_count,
            plural(counts->call_count), counts->tokens);
    if (counts->unpriced_count < counts->call_count)
        fprintf(stderr, ", $%.4f", counts->cost_usd);
    if (counts->unpriced_count)
        fprintf(stderr, ", %" PRIu64 " without a price", counts->unpriced_count);
    fputc('\n', stderr);
}

static void print_outcome(const struct record_otlp_outcome *outcome)
{
    const struct trace_counts *counts = &outcome->sealed.counts;
    const struct receiver_counts *received = &outcome->received;
    uint64_t rejected = 0;
    for (int i = 0; i < OTLP_SIGNAL_COUNT; i++)
        rejected += received->rejected_count[i];
    if (!outcome->is_sealed) {
        fprintf(stderr, "toll: no span was received; %s\n",
                received->request_count ? "metrics or logs alone make no recording" : "nothing is recorded");
        return;
    }
    fprintf(stderr,
            "toll: recorded %" PRIu64 " span%s of %" PRIu64 " trace%s and %" PRIu64 " service%s into %s\n",
            counts->span_count, plural(counts->span_count), counts->trace_root_count,
            plural(counts->trace_root_count), counts->service_count, plural(counts->service_count),
            outcome->path);
    if (counts->call_count)
        print_calls(counts);
    if (rejected || received->refused_count)
        fprintf(stderr,
                "toll: %" PRIu64 " piece%s rejected, %" PRIu64
                " request%s refused; the senders were told why\n",
                rejected, rejected == 1 ? " was" : "s were", received->refused_count,
                received->refused_count == 1 ? " was" : "s were");
    fprintf(stderr, "toll: see toll report %s\n", outcome->path);
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct record_otlp_outcome outcome;
    if (!options->otlp) {
        err_set(err, ERR_USAGE, "could not record: nothing says what");
        err_hint(err, "toll record --otlp receives spans; toll run -- CMD records a command");
        return -ERR_USAGE;
    }
    struct record_otlp_request request = {.address = context->operand_count ? context->operands[0] : NULL,
                                          .output = options->output,
                                          .budget = options->budget,
                                          .limit_ns = options->limit_ns,
                                          .command = context->command_count ? context->command : NULL,
                                          .started = started,
                                          .ended = ended,
                                          .context = context};
    int status = ops_record_otlp(&request, &outcome, err);
    if (request.command && outcome.ran)
        context->exit_status = outcome.exit_status;
    else if (status && request.command)
        context->exit_status = outcome.exit_status;
    if (outcome.is_over_budget)
        context->exit_status = ERR_THRESHOLD;
    fputs(!options->quiet || outcome.is_over_budget ? str_text(&outcome.budget) : "", stderr);
    str_free(&outcome.budget);
    if (!status && !options->quiet)
        print_outcome(&outcome);
    return status;
}

static const struct example examples[] = {
    {"toll record --otlp", "receive from any OpenTelemetry SDK until Ctrl-C"},
    {"toll record --otlp 127.0.0.1:0 -o a.toll -- node agent.js",
     "a program and what it sends, at any free port"},
    {"toll record --otlp 127.0.0.1:0 --budget tokens=1M,cost=10 -- node agent.js",
     "stop it when what it tells of its calls passes that"},
    {"toll record --otlp 0.0.0.0:4318 --for 5m", "from other machines as well, for five minutes"},
};

const struct verb record_verb = {
    .name = "record",
    .summary = "receive spans from OpenTelemetry and record them",
    .usage = "--otlp [ADDR] [-o FILE] [--for TIME] [--budget LIMITS] [-q] [-- CMD…]",
    .description =
        "Receives what OpenTelemetry SDKs and collectors send by OTLP over HTTP: traces, metrics and logs, "
        "as "
        "protobuf or JSON, compressed or not. It listens on this machine alone unless ADDR says otherwise, "
        "and "
        "ends with Ctrl-C, after --for, or with the command. The command is told where to send by "
        "OTEL_EXPORTER_OTLP_ENDPOINT.\n\n"
        "What is acknowledged is in the file: if toll is killed, 'toll recover FILE' makes the recording. "
        "Senders that are too fast are told to try again later.\n\n"
        "Services become processes of the recording, calls of models become spans with their tokens, agents "
        "become tracks of their own; 'toll report' walks the critical path across all of them.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = 1,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
