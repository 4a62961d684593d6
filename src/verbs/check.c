/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ops/recover_file.h"
#include "verbs/verbs.h"

struct check_options {
    bool json;
    bool quiet;
};

static const struct option_row check_rows[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "write JSON (schema toll.check/1)",
     .offset = offsetof(struct check_options, json)},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "write nothing, only set the exit status",
     .offset = offsetof(struct check_options, quiet)},
};

static uint64_t total_rows(const struct check_result *result)
{
    uint64_t row_count = 0;
    for (size_t table = 0; table < TABLE_END; table++)
        row_count += result->row_counts[table];
    return row_count;
}

static size_t shown_count(const struct check_result *result)
{
    return result->problem_count < CHECK_PROBLEM_MAX ? (size_t)result->problem_count : CHECK_PROBLEM_MAX;
}

/* The texts are toll's own: they need no escaping. */
static void write_json(FILE *out, const struct check_result *result)
{
    fprintf(out,
            "{\"schema\": \"toll.check/1\", \"file_bytes\": %" PRIu64 ", \"block_count\": %" PRIu64
            ", \"recovered\": %s, \"reference_count_lost\": %" PRIu64 ", \"problem_count\": %" PRIu64
            ",\n \"rows\": {",
            result->file_bytes, result->block_count, result->is_recovered ? "true" : "false",
            result->reference_count_lost, result->problem_count);
    for (uint64_t table = TABLE_META; table < TABLE_END; table++)
        fprintf(out, "%s\"%s\": %" PRIu64, table == TABLE_META ? "" : ", ", table_find(table)->name,
                result->row_counts[table]);
    fprintf(out, "},\n \"problems\": [");
    for (size_t i = 0; i < shown_count(result); i++)
        fprintf(out, "%s\n  {\"offset\": %" PRIu64 ", \"what\": \"%s\"}", i ? "," : "",
                result->problems[i].offset, result->problems[i].what);
    fprintf(out, "]}\n");
}

static void write_text(FILE *out, const struct check_result *result)
{
    if (result->problem_count)
        fprintf(out, "damaged: %" PRIu64 " %s\n", result->problem_count,
                result->problem_count == 1 ? "problem" : "problems");
    else
        fprintf(out, "ok: %" PRIu64 " rows in %" PRIu64 " blocks, %" PRIu64 " bytes\n", total_rows(result),
                result->block_count, result->file_bytes);
    for (size_t i = 0; i < shown_count(result); i++)
        fprintf(out, "  at byte %" PRIu64 ": %s\n", result->problems[i].offset, result->problems[i].what);
    if (result->problem_count > CHECK_PROBLEM_MAX)
        fprintf(out, "  and %" PRIu64 " more\n", result->problem_count - CHECK_PROBLEM_MAX);
    if (result->is_recovered)
        fprintf(out, "it was recovered: %" PRIu64 " references lead to rows that were lost\n",
                result->reference_count_lost);
}

static int run_check(struct verb_context *context, struct err *err)
{
    const struct check_options *options = context->options;
    struct check_result result;
    int status = ops_check(context->operands[0], &result, err);
    if (status)
        return status;
    if (options->json)
        write_json(context->out, &result);
    else if (!options->quiet)
        write_text(context->out, &result);
    context->exit_status = result.problem_count ? ERR_THRESHOLD : ERR_NONE;
    return 0;
}

static const struct example check_examples[] = {
    {"toll check a.toll", "verify every block and every reference"},
};

const struct verb check_verb = {
    .name = "check",
    .summary = "verify a recording: every block, every reference",
    .usage = "FILE [--json]",
    .description =
        "Reads the whole recording and tells what is wrong with it: checksums, encodings, the index, "
        "references to rows that are not there, times outside the run, intervals that end before they "
        "start.\n\n"
        "Exit status: 0 nothing is wrong, 1 there are problems, 4 it is no sealed recording.",
    .options = check_rows,
    .option_count = sizeof check_rows / sizeof check_rows[0],
    .options_size = sizeof(struct check_options),
    .operand_min = 1,
    .operand_max = 1,
    .examples = check_examples,
    .example_count = sizeof check_examples / sizeof check_examples[0],
    .run = run_check,
};
