/* SPDX-License-Identifier: Apache-2.0 */
/* toll compare: two sides of recordings or results. */
#include "base/fs.h"
#include "ops/compare_files.h"
#include "option/output_format.h"
#include "option/shared_rows.h"
#include "verbs/verbs.h"

struct options {
    uint64_t versus;
    struct option_list qualities;
    const char *from, *format, *output, *flamegraph;
    double threshold, confidence, noise;
    bool json, fail_on_slower;
};

static const struct options defaults = {.threshold = -1, .noise = -1};

#define FORMATS "text json html flamegraph"

static const struct option_row rows[] = {
    {.name = "vs",
     .type = OPTION_DIVIDER,
     .help = "stands between the files of A and those of B where there are several",
     .offset = offsetof(struct options, versus)},
    {.name = "from",
     .type = OPTION_TEXT,
     .argument = "FORMAT",
     .choices = "bench hyperfine go wrk k6 vegeta oha autocannon hdr-log hgrm",
     .help = "what wrote the results; else seen from what is in them",
     .offset = offsetof(struct options, from)},
    ROWS_JUDGED(struct options, ),
    {.name = "noise",
     .type = OPTION_NUMBER,
     .argument = "RATIO",
     .help = "by how much the CPU time of two recordings of one program differs, where there is only one "
             "each (0.05)",
     .offset = offsetof(struct options, noise)},
    {.name = "quality",
     .type = OPTION_LIST,
     .argument = "NAME=A,B",
     .help = "of recordings: how good the result of each is, one number each, A's first; higher is better",
     .offset = offsetof(struct options, qualities)},
    {.name = "fail-on-slower",
     .type = OPTION_FLAG,
     .help = "exit status 1 when something is slower, or worse",
     .offset = offsetof(struct options, fail_on_slower)},
    ROWS_OUTPUT(struct options, FORMATS, "every comparison as JSON (toll.compare/1)"),
    {.name = "flamegraph",
     .type = OPTION_TEXT,
     .argument = "FILE.svg",
     .help = "of recordings: also a flame graph of both, coloured by what changed",
     .offset = offsetof(struct options, flamegraph)},
};

/* Two files without --vs are A and B; one is A alone. */
static int sides_find(const struct verb_context *context, size_t *ret_first, struct err *err)
{
    const struct options *options = context->options;
    size_t count = context->operand_count;
    if (options->versus && options->versus >= count) {
        err_set(err, ERR_USAGE, "could not compare A with nothing: no file stands behind '--vs'");
        err_hint(err, "usage: toll compare A… --vs B…");
        return -ERR_USAGE;
    }
    if (!options->versus && count > 2) {
        err_set(err, ERR_USAGE, "could not tell A from B among %zu files", count);
        err_hint(err, "toll compare A… --vs B…");
        return -ERR_USAGE;
    }
    *ret_first = options->versus ? (size_t)options->versus : 1;
    return 0;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    size_t first_b = 1;
    int status = sides_find(context, &first_b, err);
    if (status)
        return status;
    if (options->confidence < 0 || options->confidence >= 1)
        return err_set(err, ERR_USAGE, "could not take option '--confidence': %g is not between 0 and 1",
                       options->confidence);
    const struct output_choice choice = {
        .format = options->format, .output = options->output, .formats = FORMATS, .json = options->json};
    struct compare_request request = {.a = context->operands,
                                      .a_count = first_b,
                                      .b = context->operands + first_b,
                                      .b_count = context->operand_count - first_b,
                                      .qualities = options->qualities.items,
                                      .quality_count = options->qualities.count,
                                      .format = options->from,
                                      .output_format = output_format(&choice),
                                      .flamegraph = options->flamegraph,
                                      .options = {.confidence_ratio = options->confidence,
                                                  .threshold_ratio = options->threshold,
                                                  .noise_ratio = options->noise},
                                      .look = {.width = context->width,
                                               .colour = context->colour && !options->output,
                                               .ascii = context->ascii && !options->output}};
    struct compare_outcome outcome = {0};
    status = ops_compare(&request, &outcome, err);
    if (!status && options->output)
        status = fs_replace(options->output, str_text(&outcome.text), outcome.text.length, 0644, err);
    else if (!status)
        fwrite(str_text(&outcome.text), 1, outcome.text.length, context->out);
    if (!status && options->fail_on_slower && outcome.is_slower)
        context->exit_status = 1;
    str_free(&outcome.text);
    return status;
}

static const struct example examples[] = {
    {"toll compare before.toll after.toll", "which stage, function or wait changed"},
    {"toll compare before.toll after.toll -o difference.html", "a page with the flame graph of both"},
    {"toll compare a*.toll --vs b*.toll", "several recordings a side: their own variance is the noise"},
    {"toll compare before.toll after.toll --quality tests_passed=212,215", "of agents: what it cost, and how "
                                                                           "good it is"},
    {"toll compare bench.json", "the commands of one 'toll bench --json', by pairs"},
    {"toll compare old.txt new.txt --fail-on-slower", "Go benchmarks, in a script"},
};

const struct verb compare_verb = {
    .name = "compare",
    .summary = "what differs between two recordings, or two benchmark results",
    .usage = "A B | A… --vs B… [--json] [-o OUT]",
    .description =
        "Compares recordings (the run, its stages, functions, waits, what it used) or results: "
        "toll bench, hyperfine, Go "
        "benchmarks, wrk, k6, vegeta, oha, autocannon, HdrHistogram logs and percentile texts. A "
        "file may be a folder "
        "or a pattern; both sides must be of one kind.\n\n"
        "Of teams of agents (toll import) the bill, the tokens and the tasks are compared; --quality "
        "puts beside them how good each result is.\n\n"
        "Each metric gets the ratio B / A with its interval and a verdict: faster, slower, "
        "equivalent or inconclusive. "
        "Results of one interleaved benchmark are compared by pairs; others are unpaired, and "
        "what drifted between the two "
        "counts as a difference. A summary of one session (wrk, k6) says nothing about how "
        "sessions vary: give several "
        "files a side.\n\n"
        "Between one recording a side the noise is that of sampling and an assumed difference "
        "between runs (--noise); "
        "between several it is measured. Frames of the flame graph whose change is within the "
        "noise are grey.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .operand_min = 1,
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
