/* SPDX-License-Identifier: Apache-2.0 */
/* toll import: what other programs left behind, as a recording. */
#include <inttypes.h>
#include <string.h>

#include "data_verbs/data_verbs.h"
#include "decide/import_files.h"
#include "decide/import_profile.h"

struct options {
    const char *source;
    const char *from;
    const char *event;
    const char *output;
    struct option_list prices;
    bool compress, quiet;
};

static const struct option_row rows[] = {
    {.name = "source",
     .letter = 's',
     .type = OPTION_TEXT,
     .argument = "NAME",
     .help =
         "what the files are (claude, codex, gemini, opencode, langfuse, langsmith, otlp); found out when "
         "left out",
     .offset = offsetof(struct options, source)},
    {.name = "from",
     .type = OPTION_TEXT,
     .argument = "NAME",
     .help = "the profiler or tracer that wrote the file (docs/import.md); found out when left out",
     .offset = offsetof(struct options, from)},
    {.name = "event-filter",
     .type = OPTION_TEXT,
     .argument = "EVENT",
     .help = "of a profile with several events, the samples of this one; the first when left out",
     .offset = offsetof(struct options, event)},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the recording; else it is named after the first file",
     .offset = offsetof(struct options, output)},
    {.name = "prices",
     .type = OPTION_LIST,
     .argument = "FILE",
     .help = "prices on top of the built-in ones; many times",
     .offset = offsetof(struct options, prices)},
    {.name = "compress",
     .type = OPTION_FLAG,
     .help = "a smaller file",
     .offset = offsetof(struct options, compress)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "say nothing",
     .offset = offsetof(struct options, quiet)},
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_result(const struct import_result *result, FILE *out)
{
    const struct workflow_facts *facts = &result->facts;
    if (result->span_count) {
        fprintf(out,
                "%s: %" PRIu64 " span%s of %" PRIu64 " trace%s and %" PRIu64 " service%s from %" PRIu64
                " file%s\n",
                str_text(&result->output), result->span_count, plural(result->span_count),
                result->trace_count, plural(result->trace_count), result->service_count,
                plural(result->service_count), result->file_count, plural(result->file_count));
        if (result->malformed[0])
            fprintf(out, "not all could be read, the first: %s\n", result->malformed);
        fprintf(out, "next: toll report %s\n", str_text(&result->output));
        return;
    }
    fprintf(out,
            "%s: %" PRIu64 " agent%s in %" PRIu64 " session%s, %" PRIu64 " response%s, %" PRIu64
            " tool call%s from %" PRIu64 " file%s\n",
            str_text(&result->output), facts->agent_count, plural(facts->agent_count), facts->session_count,
            plural(facts->session_count), facts->call_count, plural(facts->call_count), facts->tool_count,
            plural(facts->tool_count), result->file_count, plural(result->file_count));
    fprintf(out, "%" PRIu64 " tokens, $%.4f", result->tokens_total, result->cost_usd);
    if (facts->unpriced_count)
        fprintf(out, " and %" PRIu64 " response%s without a price", facts->unpriced_count,
                plural(facts->unpriced_count));
    fputc('\n', out);
    if (facts->malformed_count)
        fprintf(out, "%" PRIu64 " piece%s could not be read, the first: %s\n", facts->malformed_count,
                plural(facts->malformed_count), result->malformed);
    fprintf(out, "next: toll report %s\n", str_text(&result->output));
}

static void print_profile(const struct profile_result *result, FILE *out)
{
    const struct tables_facts *facts = &result->ingested.facts;
    const struct ingest_notes *notes = &result->ingested.notes;
    const char *output = str_text(&result->output), *event = notes->about.event;
    fprintf(out, "%s: ", output);
    if (facts->sample_count)
        fprintf(out, "%" PRIu64 " sample%s%s%s, ", facts->sample_count, plural(facts->sample_count),
                event ? " of " : "", event ? event : "");
    if (facts->span_count)
        fprintf(out, "%" PRIu64 " span%s, ", facts->span_count, plural(facts->span_count));
    if (facts->wait_count)
        fprintf(out, "%" PRIu64 " wait%s, ", facts->wait_count, plural(facts->wait_count));
    fprintf(out, "%" PRIu64 " thread%s in %" PRIu64 " process%s, from %s (%s)\n", facts->thread_count,
            plural(facts->thread_count), facts->process_count, facts->process_count == 1 ? "" : "es",
            notes->about.file, notes->about.format);
    for (size_t i = 0; i < notes->left_out_count; i++)
        fprintf(out, "left out: %" PRIu64 " %s\n", notes->left_out[i].count, notes->left_out[i].what);
    fprintf(out, "next: toll report %s\n", output);
}

static int import_profile(const struct verb_context *context, const struct options *options, struct err *err)
{
    struct profile_request request = {.path = context->operand_count ? context->operands[0] : "-",
                                      .from = options->from,
                                      .event = options->event,
                                      .output = options->output,
                                      .compress = options->compress};
    struct profile_result result;
    if (context->operand_count > 1) {
        int status = err_set(err, ERR_USAGE, "could not import '%s': a recording is made of one profile",
                             context->operands[1]);
        err_hint(err, "import each on its own; toll compare takes several recordings");
        return status;
    }
    int status = ops_import_profile(&request, &result, err);
    if (status)
        return status;
    if (!options->quiet)
        print_profile(&result, context->out);
    profile_result_deinit(&result);
    return 0;
}

/* A profile is known by its first bytes; what comes through a pipe is one. */
static bool is_profile(const struct verb_context *context, const struct options *options)
{
    if (options->source || !context->operand_count)
        return options->from != NULL;
    return options->from || strcmp(context->operands[0], "-") == 0 ||
           import_profile_knows(context->operands[0]);
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (is_profile(context, options))
        return import_profile(context, options, err);
    struct import_request request = {.paths = (const char *const *)context->operands,
                                     .path_count = context->operand_count,
                                     .source = options->source,
                                     .output = options->output,
                                     .prices = options->prices.items,
                                     .price_count = options->prices.count,
                                     .compress = options->compress};
    struct import_result result;
    int status = ops_import(&request, &result, err);
    if (status)
        return status;
    if (!options->quiet)
        print_result(&result, context->out);
    import_result_deinit(&result);
    return 0;
}

static const struct example examples[] = {
    {"toll import ~/.claude/projects/-home-me-app -o app.toll",
     "a project's sessions, their subagents with them"},
    {"toll import session.jsonl -o a.toll && toll report a.toll",
     "what the agents waited for, and what it cost"},
    {"toll import --source codex", "all of a program's own folder"},
    {"perf script | toll import - -o perf.toll", "what perf recorded: tracks, stacks, flame graph"},
};

const struct verb import_verb = {
    .name = "import",
    .summary = "what other programs left behind, as a recording",
    .usage = "[--source NAME | --from NAME] [-o OUT] [FILE|FOLDER…]",
    .description =
        "Reads transcripts of coding agents (Claude Code, Codex, Gemini, OpenCode) and exports of what "
        "watches "
        "agents (OpenTelemetry, Langfuse, LangSmith), and writes a recording that `toll report`, `toll "
        "whatif`, "
        "`toll investigate` and `toll compare` take: who waited for whom, what it cost, what a change would "
        "bring.\n\n"
        "Reads as well what profilers and tracers wrote (perf script and others: docs/import.md), one file "
        "at a "
        "time, or a pipe "
        "(-): its threads, samples, stacks, and waits where it tells them.\n\n"
        "The format is found out file by file. Of a folder all files that a source knows are read. A "
        "response is "
        "counted once, however often its file repeats it; what cannot be read is left out, counted and "
        "named.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
