/* SPDX-License-Identifier: Apache-2.0 */
/* toll query: a recording asked in SQL. */
#include "data_verbs/data_verbs.h"
#include "sql/sql.h"

struct options {
    bool schema, csv, json;
};

static const struct option_row rows[] = {
    {.name = "schema",
     .type = OPTION_FLAG,
     .help = "what there is to ask: tables and views, or the columns of the one that is named",
     .offset = offsetof(struct options, schema)},
    {.name = "csv",
     .type = OPTION_FLAG,
     .help = "comma-separated values, the names first",
     .offset = offsetof(struct options, csv)},
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "the answer as JSON (toll.query/1)",
     .offset = offsetof(struct options, json)},
};

static bool is_file(const char *word)
{
    FILE *file = fopen(word, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

/* `--schema`, `--schema TABLE`, `FILE --schema`, `FILE --schema TABLE`. */
static int tell_schema(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    bool has_file =
        context->operand_count == 2 || (context->operand_count == 1 && is_file(context->operands[0]));
    const char *table = context->operand_count > (size_t)has_file ? context->operands[has_file] : NULL;
    struct sql *sql = NULL;
    struct str text = {0};
    int status = has_file ? sql_open(context->operands[0], &sql, err) : 0;
    if (!status)
        status = sql_schema(sql, table, options->json, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    sql_close(sql);
    return status;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    if (options->csv && options->json)
        return err_set(err, ERR_USAGE, "could not take options '--csv' and '--json': one of them");
    if (options->schema)
        return tell_schema(context, err);
    if (context->operand_count < 2) {
        err_set(err, ERR_USAGE, "could not run 'toll query': it needs a recording and a question");
        err_hint(err, "toll query FILE \"SELECT name, count(*) FROM span GROUP BY name\"; 'toll query "
                      "--schema' lists the tables");
        return -ERR_USAGE;
    }
    struct sql *sql = NULL;
    struct sql_output output = {.out = context->out,
                                .format = options->json  ? SQL_JSON
                                          : options->csv ? SQL_CSV
                                                         : SQL_TABLE,
                                .file = context->operands[0]};
    int status = sql_open(context->operands[0], &sql, err);
    if (!status)
        status = sql_run(sql, context->operands[1], &output, err);
    sql_close(sql);
    return status;
}

static const struct example examples[] = {
    {"toll query a.toll \"SELECT reason, count(*), sum(end_ns - start_ns) / 1e9 AS seconds FROM wait GROUP "
     "BY reason\"",
     "what was waited for, and how long"},
    {"toll query a.toll \"SELECT function, sum(weight) FROM samples_named GROUP BY function ORDER BY 2 DESC "
     "LIMIT 10\"",
     "the hottest functions"},
    {"toll query a.toll --csv \"SELECT * FROM spans_named WHERE name = 'parse'\" > parse.csv",
     "rows for a spreadsheet"},
    {"toll query --schema wait", "the columns of a table, with their units"},
};

const struct verb query_verb = {
    .name = "query",
    .summary = "a recording asked in SQL",
    .usage = "FILE \"SELECT …\" [--csv|--json], or [FILE] --schema [TABLE]",
    .description = "Answers one SELECT of SQLite's SQL over the tables of a recording. Texts and kinds are "
                   "text, times are ns of "
                   "CLOCK_MONOTONIC, ids are numbers that refer to the column id of another table (0: none); "
                   "the views whose names end in "
                   "_named have the names beside them. Nothing can be changed.\n\n"
                   "Conditions on times, numbers and names leave out whole blocks of the file, and GROUP BY "
                   "of names or ids needs no sorting: "
                   "millions of rows take about a second. A table's cells are cut at 80 columns; --csv and "
                   "--json have all of them.\n\n"
                   "Exit status: 2 the question cannot be understood, 4 it is no sealed recording.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = 2,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
