/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "ops/recover_file.h"
#include "verbs/verbs.h"

struct recover_verb_options {
    const char *output;
};

static const struct option_row recover_rows[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "OUT",
     .help = "write the copy here; may be FILE itself",
     .offset = offsetof(struct recover_verb_options, output)},
};

static int run_recover(struct verb_context *context, struct err *err)
{
    const struct recover_verb_options *options = context->options;
    struct ops_recovered recovered;
    int status = ops_recover(context->operands[0], options->output, &recovered, err);
    if (status)
        return status;
    const struct recover_result *result = &recovered.result;
    if (result->was_sealed && !result->byte_count_dropped)
        fprintf(context->out, "nothing was lost: the recording is whole\n");
    fprintf(context->out, "%" PRIu64 " rows kept, %" PRIu64 " bytes dropped: %s\n", result->row_count,
            result->byte_count_dropped, str_text(&recovered.path));
    str_free(&recovered.path);
    return 0;
}

static const struct example recover_examples[] = {
    {"toll recover a.toll", "writes a.recovered.toll"},
    {"toll recover a.toll -o a.toll", "replaces the file by its recovered copy"},
};

const struct verb recover_verb = {
    .name = "recover",
    .summary = "make a recording that was cut short readable",
    .usage = "FILE [-o OUT]",
    .description =
        "A recording whose recorder was killed, or whose disk was full, has no end. This writes a sealed "
        "copy of what is whole in it, and tells what was dropped: at most what was recorded in the last "
        "second. Damaged blocks in the middle are left out.\n\n"
        "Without -o the copy of a.toll is a.recovered.toll. A file that exists already is not replaced, "
        "unless OUT is FILE itself.",
    .options = recover_rows,
    .option_count = sizeof recover_rows / sizeof recover_rows[0],
    .options_size = sizeof(struct recover_verb_options),
    .operand_min = 1,
    .operand_max = 1,
    .examples = recover_examples,
    .example_count = sizeof recover_examples / sizeof recover_examples[0],
    .run = run_recover,
};
