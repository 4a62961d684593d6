/* SPDX-License-Identifier: Apache-2.0 */
/* toll investigate: several investigators look at a run, side by side, and agree on what to do first. */
#include "base/clock.h"
#include "base/num.h"
#include "decide/investigate_progress.h"
#include "decide/investigate_run.h"
#include "verbs/verbs.h"

struct options {
    const char *output, *memory, *recorder, *rules, *store;
    struct option_list only, externals;
    uint64_t deadline_ns, deadline_each_ns, timeout_ns;
    bool json, quiet, no_store;
};

static const struct options defaults = {.timeout_ns = 3600 * NS_PER_S};

#define AT(field) .offset = offsetof(struct options, field)

static const struct option_row rows[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "DIR",
     .help = "the report and its evidence (toll-investigation-<time>); one of an earlier investigation is "
             "replaced",
     AT(output)},
    {.name = "json", .type = OPTION_FLAG, .help = "print the report as JSON", AT(json)},
    {.name = "only",
     .type = OPTION_LIST,
     .argument = "NAMES",
     .help = "only these investigators, with commas between them",
     AT(only)},
    {.name = "investigator",
     .type = OPTION_LIST,
     .argument = "COMMAND",
     .help = "one more, a program that speaks JSON lines; many times",
     AT(externals)},
    {.name = "deadline",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "for all of them (60s for a recording; with a pipeline 20 runs more, at most 15m)",
     AT(deadline_ns)},
    {.name = "deadline-each",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "for each of them, in each of the two rounds",
     AT(deadline_each_ns)},
    {.name = "timeout",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "for one run of the pipeline, warm-up or recorded: one that takes longer is ended (1h)",
     AT(timeout_ns)},
    {.name = "memory",
     .type = OPTION_TEXT,
     .argument = "SIZE",
     .help = "what each of them may use (1GB)",
     AT(memory)},
    {.name = "recorder",
     .type = OPTION_TEXT,
     .argument = "RUNG",
     .choices = "bpf perf preload proc",
     .help = "how the pipeline's run is recorded; the best that this machine allows when left out",
     AT(recorder)},
    {.name = "rules",
     .type = OPTION_TEXT,
     .argument = "FOLDER",
     .help = "rules of one's own for the configuration investigator, beside the built-in ones",
     AT(rules)},
    {.name = "store",
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the journal that knows past cases and gets this one (~/.local/share/toll/journal.db)",
     AT(store)},
    {.name = "no-store",
     .type = OPTION_FLAG,
     .help = "look for no past cases and keep this one nowhere",
     AT(no_store)},
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .help = "show no progress", AT(quiet)},
};

#define MEMORY_BYTES_MIN ((uint64_t)16 << 20)

static int read_memory(const char *text, uint64_t *ret_bytes, struct err *err)
{
    if (!text || (num_parse_bytes(text, ret_bytes) == 0 && *ret_bytes >= MEMORY_BYTES_MIN))
        return 0;
    err_set(err, ERR_USAGE, "could not take '%s' for '--memory': it should be a size of 16MB or more", text);
    err_hint(err, "512MB, 1GB, 1.5GB");
    return -(int)ERR_USAGE;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct investigate_progress progress;
    struct investigate_outcome outcome;
    struct investigate_request request = {
        .subject = context->operand_count ? context->operands[0] : NULL,
        .output = options->output,
        .only = options->only.items,
        .only_count = options->only.count,
        .externals = options->externals.items,
        .external_count = options->externals.count,
        .deadline_ns = options->deadline_ns,
        .deadline_each_ns = options->deadline_each_ns,
        .limit_ns = options->timeout_ns,
        .rung = options->recorder,
        .rules = options->rules,
        .store = options->store,
        .no_store = options->no_store,
        .width = context->width,
        .colour = context->colour,
        .ascii = context->ascii,
        .json = options->json,
        .show = options->quiet ? NULL : investigate_progress_show,
        .say = options->quiet ? NULL : investigate_progress_say,
        .context = &progress,
    };
    int status = read_memory(options->memory, &request.memory_bytes, err);
    if (status)
        return status;
    investigate_progress_init(&progress, stderr, context->width, context->colour_talk);
    status = investigate_run(&request, &outcome, err);
    if (outcome.warning.length)
        fprintf(stderr, "%s", outcome.warning.text);
    if (!status) {
        fwrite(str_text(&outcome.text), 1, outcome.text.length, context->out);
        if (!options->quiet && !options->json)
            fprintf(stderr, "toll: the report is in %s\n", outcome.folder);
    }
    context->exit_status = outcome.exit_status;
    str_free(&outcome.text);
    str_free(&outcome.warning);
    return status;
}

static const struct example examples[] = {
    {"toll investigate", "the pipeline of ./toll.yaml: recorded, looked at, tried"},
    {"toll investigate run.toll -o report", "a recording alone: nothing is run"},
    {"toll investigate run.toll --only profiling,memory", "two of them"},
    {"toll investigate run.toll --investigator ./mine.py", "and one of your own"},
};

const struct verb investigate_verb = {
    .name = "investigate",
    .summary = "ask several investigators about a run and agree on what to do first",
    .usage = "[toll.yaml | FILE.toll] [-o DIR] [--only NAMES] [--investigator COMMAND]",
    .description =
        "Investigators look at a run side by side, each in a process of its own, and say what to change and "
        "what that brings. Then each "
        "says what it holds of the others' claims. What stands is told first on the report's first page.\n\n"
        "With a pipeline file the run is recorded first, and some investigators try its knobs. With a "
        "recording nothing is run.\n\n"
        "The folder gets report.md, report.html, report.json and the evidence. 'did not finish' of an "
        "investigator is told, and "
        "is never taken for 'found nothing'.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .operand_max = 1,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
