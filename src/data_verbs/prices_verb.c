/* SPDX-License-Identifier: Apache-2.0 */
/* toll prices: the price book: what models cost, since when, and whether one's own file of prices is right. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "data_verbs/data_verbs.h"
#include "price/price_file.h"
#include "price/price_show.h"

#define CHECK_FILES_MAX VERB_OPERANDS_MAX

struct options {
    struct option_list files;
    const char *at;
    bool all, no_usage, json;
};

static const struct option_row rows[] = {
    {.name = "prices",
     .type = OPTION_LIST,
     .argument = "FILE",
     .help = "prices on top of those built in and your own: YAML, or LiteLLM's JSON; many times",
     .offset = offsetof(struct options, files)},
    {.name = "at",
     .type = OPTION_TEXT,
     .argument = "DAY",
     .help = "the prices of that day: 2026-10-07 (now, and those to come)",
     .offset = offsetof(struct options, at)},
    {.name = "all",
     .letter = 'a',
     .type = OPTION_FLAG,
     .help = "those of the past too",
     .offset = offsetof(struct options, all)},
    {.name = "no-usage",
     .type = OPTION_FLAG,
     .help = "check: do not look for models in use without a price",
     .offset = offsetof(struct options, no_usage)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "the answer as JSON (toll.prices/1)",
     .offset = offsetof(struct options, json)},
};

static int list(struct verb_context *context, const struct options *options, struct err *err)
{
    struct price_book_options how = {.files = options->files.items, .file_count = options->files.count};
    struct price_look look = {.models = (const char *const *)context->operands,
                              .model_count = context->operand_count,
                              .now_ns = (int64_t)clock_realtime_ns(),
                              .all_rows = options->all,
                              .colour = context->colour};
    if (options->at && price_day_read(options->at, &look.at_ns)) {
        err_set(err, ERR_USAGE, "could not take option '--at': '%.40s' is not a day", options->at);
        err_hint(err, "write it as 2026-10-07, or 2026-10-07T12:00:00Z");
        return -ERR_USAGE;
    }
    struct price_book *book = NULL;
    struct str text = {0};
    int status = price_book_open(&how, &book, err);
    if (!status)
        status = options->json ? price_show_json(book, &look, &text, err)
                               : price_show_text(book, &look, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    price_book_close(book);
    return status;
}

/* Files to check and what is wrong with each. */
struct checking {
    struct price_verdict verdicts[CHECK_FILES_MAX + OPTION_LIST_MAX + 1];
    struct err wrongs[CHECK_FILES_MAX + OPTION_LIST_MAX + 1];
    size_t count, wrong_count;
    enum err_code worst;
};

static void check_file(struct checking *checking, struct price_book *book, const char *file)
{
    struct price_verdict *verdict = &checking->verdicts[checking->count];
    struct err *wrong = &checking->wrongs[checking->count];
    size_t before = book->models.count;
    *verdict = (struct price_verdict){.file = file};
    if (price_book_add_file(book, file, wrong)) {
        checking->wrong_count++;
        checking->worst = wrong->code > checking->worst ? wrong->code : checking->worst;
    }
    verdict->wrong = wrong->what;
    verdict->hint = wrong->hint;
    price_verdict_models(verdict, book, before);
    checking->count++;
}

/* The user's own file, those of --prices, those named: each on top of the ones before. */
static int check_files(struct verb_context *context, const struct options *options, const char *own,
                       struct price_book *book, struct checking *checking)
{
    if (own && access(own, F_OK) == 0)
        check_file(checking, book, own);
    for (size_t i = 0; i < options->files.count; i++)
        check_file(checking, book, options->files.items[i]);
    for (size_t i = 1; i < context->operand_count; i++)
        check_file(checking, book, context->operands[i]);
    return 0;
}

static int check(struct verb_context *context, const struct options *options, struct err *err)
{
    static struct checking checking;
    struct price_book_options how = {.built_in_only = true};
    struct price_book *book = NULL;
    struct price_seen seen = {0};
    struct str own = {0}, text = {0};
    int status = price_book_open(&how, &book, err);
    checking = (struct checking){0};
    if (!status)
        status =
            check_files(context, options, price_user_path(&own) ? NULL : str_text(&own), book, &checking);
    bool looks = !options->no_usage && !checking.wrong_count;
    if (!status && looks)
        status = price_seen_look(book, &seen, err);
    if (!status) {
        struct price_findings findings = {
            .files = checking.verdicts, .file_count = checking.count, .seen = looks ? &seen : NULL};
        if (options->json)
            price_check_json(&findings, &text);
        else
            price_check_text(&findings, context->colour, &text);
        fputs(str_text(&text), context->out);
        context->exit_status = checking.wrong_count ? (int)checking.worst
                               : seen.gaps.count    ? ERR_THRESHOLD
                                                    : 0;
    }
    str_free(&own);
    str_free(&text);
    price_seen_free(&seen);
    price_book_close(book);
    return status;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (context->operand_count && strcmp(context->operands[0], "check") == 0)
        return check(context, options, err);
    return list(context, options, err);
}

static const struct example examples[] = {
    {"toll prices", "what each model costs now, and the changes to come"},
    {"toll prices claude-sonnet-5-5 --all",
     "one model through time: its tiers, batch, fees, where it is published"},
    {"toll prices gpt --at 2026-07-01", "all whose name has 'gpt', on a day of the past"},
    {"toll prices check my-prices.yaml", "whether a file is right, and which models in use have no price"},
};

const struct verb prices_verb = {
    .name = "prices",
    .summary = "what models cost, since when; checks your own prices",
    .usage = "[MODEL…] [--at DAY] [--all] [--json], or check [FILE…]",
    .description =
        "Lists the price book: dollars for a million tokens, with the day from which each price holds. A "
        "call is priced "
        "as of its own day. A model is named in any usual way (with the day of its snapshot, the prefix of "
        "Bedrock or a gateway), or by a part of its name.\n\n"
        "Your own prices are in ~/.config/toll/prices.yaml and in files given with --prices; they come "
        "before those that are built in. check reads them and says what is wrong with line and column, then "
        "looks through the transcripts of coding agents for models that have no price. It ends with 1 when "
        "there "
        "are any, and with 4 when a file is wrong.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
