/* SPDX-License-Identifier: Apache-2.0 */
/* toll history: what was measured, and what it says over time. */
#include <string.h>

#include "ops/history_query.h"
#include "option/output_format.h"
#include "option/shared_rows.h"
#include "verbs/verbs.h"

#define EXIT_ALERT 1

struct options {
    const char *store, *metric, *kind, *machine, *revision, *tag, *since, *before, *alert, *html, *format,
        *output;
    const char *unit, *better, *at;
    uint64_t newest;
    bool json, fail;
};

#define FORMATS "text json html"

#define TEXT(long_name, value_name, text, field)                                                             \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_TEXT, .argument = (value_name), .help = (text),                  \
        .offset = offsetof(struct options, field)                                                            \
    }

static const struct option_row rows[] = {
    TEXT("store", "FILE", "the history (~/.local/share/toll/history.db)", store),
    TEXT("metric", "NAME", "only this metric: wall_ns, cpu_ns, memory_bytes_max, …; add: what the value is",
         metric),
    TEXT("kind", "KIND", "only results of this kind: bench, verify, run, gate, tune, value", kind),
    TEXT("machine", "TEXT",
         "only results of machines with this in their description; 'all': of any (of the one that has the "
         "newest)",
         machine),
    TEXT("revision", "REVISION", "only results of revisions that begin like this", revision),
    TEXT("tag", "TAG", "only results with this tag; add and import: their tags, comma between them", tag),
    TEXT("since", "TIME", "only results since then: 2026-11-20, '2026-11-20 14:03', 30d, 12h", since),
    TEXT("before", "TIME", "only results before then; prune: what to remove", before),
    {.name = "newest",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "the newest so many results of a series (1000)",
     .offset = offsetof(struct options, newest)},
    TEXT("alert", "PERCENT", "tell when a series got worse by more than that (20%)", alert),
    {.name = "fail",
     .type = OPTION_FLAG,
     .help = "end with status 1 when there is such an alert",
     .offset = offsetof(struct options, fail)},
    ROWS_OUTPUT(struct options, FORMATS, "everything as JSON (toll.history/1)"),
    TEXT("html", "FILE", "as --format html -o FILE, and the text as well; '-': instead of it", html),
    TEXT("unit", "UNIT", "add, import: what to write behind the number (the metric's name says it)", unit),
    {.name = "better",
     .type = OPTION_TEXT,
     .argument = "WAY",
     .choices = "lower higher",
     .help = "add, import: which way is better (lower, but for metrics that end in _per_s)",
     .offset = offsetof(struct options, better)},
    TEXT("at", "TIME", "add, import: when it was measured (now)", at),
};

static int show(struct verb_context *context, const struct history_query *query, struct err *err)
{
    const struct options *options = context->options;
    struct history_answer answer = {0};
    int status = ops_history(query, &answer, err);
    if (status)
        return status;
    fputs(str_text(&answer.text), context->out);
    str_free(&answer.text);
    if (answer.has_alert && options->fail)
        context->exit_status = EXIT_ALERT;
    return 0;
}

static int usage(const char *how, struct err *err)
{
    err_set(err, ERR_USAGE, "could not run 'toll history': an operand is missing or too many");
    err_hint(err, "usage: toll history %s", how);
    return -ERR_USAGE;
}

static int add(struct verb_context *context, struct history_number *number, struct err *err)
{
    if (context->operand_count != 3)
        return usage("add NAME VALUE [--metric NAME] [--unit UNIT]", err);
    number->name = context->operands[1];
    number->value = context->operands[2];
    return ops_history_add(number, err);
}

static int import(struct verb_context *context, const struct history_number *number, struct err *err)
{
    uint64_t count = 0;
    if (context->operand_count > 2)
        return usage("import [FILE | -]", err);
    int status =
        ops_history_import(context->operand_count == 2 ? context->operands[1] : "-", number, &count, err);
    if (!status)
        fprintf(context->out, "%llu result%s added\n", (unsigned long long)count, count == 1 ? "" : "s");
    return status;
}

static int prune(struct verb_context *context, struct history_query *query, struct err *err)
{
    uint64_t count = 0;
    if (context->operand_count > 2)
        return usage("prune [NAME] --before TIME", err);
    query->name = context->operand_count == 2 ? context->operands[1] : NULL;
    int status = ops_history_prune(query, &count, err);
    if (!status)
        fprintf(context->out, "%llu result%s removed\n", (unsigned long long)count, count == 1 ? "" : "s");
    return status;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    const char *first = context->operand_count ? context->operands[0] : NULL;
    const struct output_choice choice = {
        .format = options->format, .output = options->output, .formats = FORMATS, .json = options->json};
    const char *format = output_format(&choice);
    struct history_query query = {.store = options->store,
                                  .name = first,
                                  .metric = options->metric,
                                  .kind = options->kind,
                                  .revision = options->revision,
                                  .tag = options->tag,
                                  .machine = options->machine,
                                  .since = options->since,
                                  .before = options->before,
                                  .alert = options->alert,
                                  .newest = options->newest,
                                  .json = strcmp(format, "json") == 0,
                                  .html = strcmp(format, "html") == 0 ? "-" : options->html,
                                  .output = options->output,
                                  .width = context->width,
                                  .colour = context->colour,
                                  .ascii = context->ascii};
    struct history_number number = {.store = options->store,
                                    .metric = options->metric,
                                    .kind = options->kind,
                                    .unit = options->unit,
                                    .better = options->better,
                                    .at = options->at,
                                    .machine = options->machine,
                                    .revision = options->revision,
                                    .tags = options->tag};
    if (first && strcmp(first, "add") == 0)
        return add(context, &number, err);
    if (first && strcmp(first, "import") == 0)
        return import(context, &number, err);
    if (first && strcmp(first, "prune") == 0)
        return prune(context, &query, err);
    if (first && strcmp(first, "show") == 0) {
        if (context->operand_count != 2)
            return usage("show NAME", err);
        query.name = context->operands[1];
    } else if (context->operand_count > 1) {
        return usage("[NAME], or add, import, prune", err);
    }
    return show(context, &query, err);
}

static const struct example examples[] = {
    {"toll history", "the series, the one with the newest result first"},
    {"toll history 'make -j2'", "one series: plot, changes, trend, what comes next"},
    {"toll history 'make -j2' --alert 10% --fail", "end with status 1 when it got worse by more than 10 %"},
    {"toll history 'make -j2' --format html -o make.html", "the same as a page"},
    {"toll history add bundle 812345 --metric size_bytes", "keep any number"},
    {"toll history import numbers.csv --tag nightly", "many: columns name,value,metric,at,…"},
    {"toll history prune --before 90d", "remove what is older than 90 days"},
};

const struct verb history_verb = {
    .name = "history",
    .summary = "what was measured over time: changes, trends, what comes next",
    .usage =
        "[NAME] [--metric NAME] [--since TIME] [--alert PERCENT] [--json] | add NAME VALUE | import FILE | "
        "prune --before TIME",
    .description =
        "toll bench, verify, run, gate and tune put their results into one file, with the machine and git's "
        "revision. "
        "Without an operand the series are listed; with a name, or a part of one, that series is shown: its "
        "results "
        "as a plot, where its level changed, whether it has a trend, and where the next result will lie.\n\n"
        "A change of level is told when series without one look like that in at most 3 of 100 cases, also "
        "when "
        "results depend on those before them; it takes five results on each side. An alert is told when the "
        "last "
        "level, a trend, or the newest result alone is worse than before by more than 20 % (--alert).\n\n"
        "Results of other machines are left out (--machine all). Scripts add numbers with 'add' and "
        "'import'; a "
        "series that is called like one of these is shown with 'show NAME'.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = 3,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
