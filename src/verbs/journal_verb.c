/* SPDX-License-Identifier: Apache-2.0 */
/* toll journal: what was learned before, found again by its words. */
#include <string.h>

#include "decide/journal_query.h"
#include "verbs/verbs.h"

#define SEARCH_WORDS_MAX 32

struct options {
    const char *store, *kind, *cause, *since, *symptom, *where, *change, *fix, *outcome, *name, *recording;
    const char *predicted, *measured, *at;
    uint64_t limit;
    bool json;
};

#define TEXT(long_name, value_name, text, field)                                                             \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_TEXT, .argument = (value_name), .help = (text),                  \
        .offset = offsetof(struct options, field)                                                            \
    }

static const struct option_row rows[] = {
    TEXT("store", "FILE", "the journal (~/.local/share/toll/journal.db)", store),
    TEXT("kind", "KIND", "only entries of this kind: finding, experiment, outcome, note; add: what it is",
         kind),
    TEXT("cause", "CAUSE", "list: only of this cause; add: its cause (serial-independent, …)", cause),
    TEXT("since", "TIME", "list: only since then: 2026-11-20, '2026-11-20 14:03', 30d, 12h", since),
    {.name = "limit",
     .letter = 'n',
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "search, list: so many entries at most (20)",
     .offset = offsetof(struct options, limit)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "search, list, show: as JSON (toll.journal/1)",
     .offset = offsetof(struct options, json)},
    TEXT("symptom", "TEXT", "add: how it showed", symptom),
    TEXT("where", "TEXT", "add: the stage, program, function or peer", where),
    TEXT("change", "CHANGE", "add: what was, or is to be changed", change),
    TEXT("fix", "TEXT", "add: what to do about it", fix),
    TEXT("outcome", "TEXT", "add: what came of it", outcome),
    TEXT("predicted", "FACTOR", "add: the gain that was predicted: 5x", predicted),
    TEXT("measured", "FACTOR", "add: the gain that was measured", measured),
    TEXT("name", "TEXT", "add: what ran", name),
    TEXT("recording", "FILE", "add: its recording", recording),
    TEXT("at", "TIME", "add: when (now)", at),
};

static int usage(const char *how, struct err *err)
{
    err_set(err, ERR_USAGE, "could not run 'toll journal': an operand is missing or too many");
    err_hint(err, "usage: toll journal %s", how);
    return -ERR_USAGE;
}

static int write_text(struct verb_context *context, struct str *text, int status)
{
    if (!status)
        fputs(str_text(text), context->out);
    str_free(text);
    return status;
}

/* Words that stand apart are one search. */
static int search(struct verb_context *context, struct journal_query *query, struct err *err)
{
    struct str words = {0}, text = {0};
    if (context->operand_count < 2)
        return usage("search \"WORDS\"", err);
    for (size_t i = 1; i < context->operand_count; i++)
        str_printf(&words, "%s%s", i > 1 ? " " : "", context->operands[i]);
    query->text = str_text(&words);
    int status = words.failed ? err_memory(err) : decide_journal_search(query, &text, err);
    status = write_text(context, &text, status);
    str_free(&words);
    return status;
}

static int list(struct verb_context *context, const struct journal_query *query, struct err *err)
{
    struct str text = {0};
    if (context->operand_count > 1)
        return usage("list, or search, show, add, import, export", err);
    return write_text(context, &text, decide_journal_list(query, &text, err));
}

static int show(struct verb_context *context, struct journal_query *query, struct err *err)
{
    struct str text = {0};
    if (context->operand_count != 2)
        return usage("show NUMBER", err);
    query->id = context->operands[1];
    return write_text(context, &text, decide_journal_show(query, &text, err));
}

static int add(struct verb_context *context, const struct options *options, struct err *err)
{
    int64_t id = 0;
    if (context->operand_count != 2)
        return usage("add \"WHAT WAS LEARNED\" [--symptom TEXT] [--cause CAUSE]", err);
    struct journal_note note = {.store = options->store,
                                .kind = options->kind,
                                .finding = context->operands[1],
                                .symptom = options->symptom,
                                .cause = options->cause,
                                .place = options->where,
                                .change = options->change,
                                .fix = options->fix,
                                .outcome = options->outcome,
                                .name = options->name,
                                .recording = options->recording,
                                .predicted = options->predicted,
                                .measured = options->measured,
                                .at = options->at};
    int status = decide_journal_add(&note, &id, err);
    if (!status)
        fprintf(context->out, "#%lld\n", (long long)id);
    return status;
}

static int import(struct verb_context *context, const struct options *options, struct err *err)
{
    uint64_t count = 0;
    if (context->operand_count > 2)
        return usage("import [FILE | -]", err);
    const char *path = context->operand_count == 2 ? context->operands[1] : "-";
    int status = decide_journal_import(path, options->store, &count, err);
    if (!status)
        fprintf(context->out, "%llu entr%s read\n", (unsigned long long)count, count == 1 ? "y" : "ies");
    return status;
}

static int export(struct verb_context *context, const struct options *options, struct err *err)
{
    struct str text = {0};
    if (context->operand_count != 1)
        return usage("export", err);
    return write_text(context, &text, decide_journal_export(options->store, &text, err));
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    const char *what = context->operand_count ? context->operands[0] : "list";
    struct journal_query query = {.store = options->store,
                                  .kind = options->kind,
                                  .cause = options->cause,
                                  .since = options->since,
                                  .limit = options->limit,
                                  .json = options->json,
                                  .width = context->width,
                                  .colour = context->colour,
                                  .ascii = context->ascii};
    if (strcmp(what, "search") == 0)
        return search(context, &query, err);
    if (strcmp(what, "list") == 0)
        return list(context, &query, err);
    if (strcmp(what, "show") == 0)
        return show(context, &query, err);
    if (strcmp(what, "add") == 0)
        return add(context, options, err);
    if (strcmp(what, "import") == 0)
        return import(context, options, err);
    if (strcmp(what, "export") == 0)
        return export(context, options, err);
    err_set(err, ERR_USAGE, "could not run 'toll journal %.40s': there is no such thing to do", what);
    err_hint(err,
             "search WORDS, list, show NUMBER, add TEXT, import FILE, export; 'toll journal search %.40s' "
             "looks for it",
             what);
    return -ERR_USAGE;
}

static const struct example examples[] = {
    {"toll journal search 'network wait download'", "past findings and outcomes with these words"},
    {"toll journal list --cause disk-sync", "the newest ones of a cause"},
    {"toll journal show 12", "one of them whole"},
    {"toll journal add 'the nightly backup takes the disk' --symptom 'disk_sync 80 %'", "what you learned"},
    {"toll journal export > team.jsonl", "all of it, for 'toll journal import' on another machine"},
};

const struct verb journal_verb = {
    .name = "journal",
    .summary = "what was learned before: findings, experiments and outcomes, by their words",
    .usage = "search \"WORDS\" | list | show NUMBER | add TEXT | import FILE | export",
    .description =
        "toll investigate writes what it found with the symptoms, and toll verify what came of a change "
        "beside what was predicted, into one file. An investigation starts by showing cases like it from "
        "there.\n\n"
        "A search takes words in any order and form, and the beginnings of words. What has all of them "
        "comes first, ranked by bm25; then what has some. AND, OR, NOT, \"a phrase\" and 'cause: word' work "
        "as "
        "in SQLite's FTS5; what is no such expression is looked for by its words.\n\n"
        "An entry stands once: the same recording looked at twice, or a file imported twice, adds nothing.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = SEARCH_WORDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
