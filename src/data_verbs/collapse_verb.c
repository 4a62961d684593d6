/* SPDX-License-Identifier: Apache-2.0 */
/* toll collapse: perf script's text as folded stacks: a filter. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collapse/collapse.h"
#include "data_verbs/data_verbs.h"

#define READ_BYTES     (256u << 10)
#define LINE_BYTES_MAX (64u << 20)

struct options {
    bool pid, tid, kernel, jit, all, addrs, is_inline;
    const char *event;
};

static const struct option_row rows[] = {
    {.name = "pid",
     .type = OPTION_FLAG,
     .help = "the process's number behind its name",
     .offset = offsetof(struct options, pid)},
    {.name = "tid",
     .type = OPTION_FLAG,
     .help = "the process's and the thread's",
     .offset = offsetof(struct options, tid)},
    {.name = "kernel",
     .type = OPTION_FLAG,
     .help = "_[k] behind functions of the kernel",
     .offset = offsetof(struct options, kernel)},
    {.name = "jit",
     .type = OPTION_FLAG,
     .help = "_[j] behind functions compiled at run time",
     .offset = offsetof(struct options, jit)},
    {.name = "all", .type = OPTION_FLAG, .help = "both", .offset = offsetof(struct options, all)},
    {.name = "addrs",
     .type = OPTION_FLAG,
     .help = "the address of frames without a name",
     .offset = offsetof(struct options, addrs)},
    {.name = "inline",
     .type = OPTION_FLAG,
     .help = "refused: perf script prints inlined calls itself, unless --no-inline tells it not to",
     .offset = offsetof(struct options, is_inline)},
    {.name = "event-filter",
     .type = OPTION_TEXT,
     .argument = "EVENT",
     .help = "only samples of this event; the first there is when left out",
     .offset = offsetof(struct options, event)},
};

/* Feeds a stream to the end; what is not used of a piece stays in front of the next. */
static int feed(struct collapse *collapse, FILE *in, const char *name, struct err *err)
{
    size_t capacity = READ_BYTES, held = 0, used = 0;
    char *bytes = malloc(capacity);
    int status = bytes ? 0 : err_memory(err);
    for (bool is_end = false; !status && !is_end;) {
        size_t got = fread(bytes + held, 1, capacity - held, in);
        is_end = got == 0;
        held += got;
        status = collapse_text(collapse, bytes, held, is_end, &used, err);
        memmove(bytes, bytes + used, held - used);
        held -= used;
        if (!status && held == capacity) {
            char *grown = capacity < LINE_BYTES_MAX ? realloc(bytes, capacity * 2) : NULL;
            if (!grown)
                status = err_set(err, ERR_INPUT, "could not read '%s': a line is longer than %zu bytes", name,
                                 capacity);
            else
                bytes = grown;
            capacity *= 2;
        }
    }
    if (!status && ferror(in))
        status = err_errno(err, errno, "could not read '%s'", name);
    free(bytes);
    return status;
}

static int feed_file(struct collapse *collapse, const char *path, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return feed(collapse, stdin, "stdin", err);
    FILE *in = fopen(path, "rb");
    if (!in)
        return err_errno(err, errno, "could not open file '%s'", path);
    int status = feed(collapse, in, path, err);
    fclose(in);
    return status;
}

static void talk(const struct collapse *collapse)
{
    struct collapse_facts facts = collapse_facts(collapse);
    if (facts.event && facts.other_event_count)
        fprintf(stderr, "Filtering for events of type: %s\n", facts.event);
    if (facts.strange_count)
        fprintf(stderr, "toll: %" PRIu64 " lines are no line of perf script and were left out\n",
                facts.strange_count);
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct collapse_options how = {.with_pid = options->pid,
                                   .with_tid = options->tid,
                                   .mark_kernel = options->kernel || options->all,
                                   .mark_jit = options->jit || options->all,
                                   .with_addresses = options->addrs,
                                   .event = options->event};
    if (options->is_inline) {
        err_set(err, ERR_USAGE, "could not take option '--inline': addresses are not looked up again");
        err_hint(err, "perf script prints inlined calls itself: leave --no-inline away there; 'toll run' "
                      "records them too");
        return -ERR_USAGE;
    }
    struct collapse *collapse = NULL;
    int status = collapse_create(&how, &collapse, err);
    if (!status && !context->operand_count)
        status = feed(collapse, stdin, "stdin", err);
    for (size_t i = 0; i < context->operand_count && !status; i++)
        status = feed_file(collapse, context->operands[i], err);
    if (!status) {
        talk(collapse);
        status = collapse_write(collapse, context->out, err);
    }
    collapse_destroy(collapse);
    return status;
}

static const struct example examples[] = {
    {"perf script | toll collapse > stacks.folded",
     "folded stacks, for flamegraph.pl, speedscope and others"},
    {"perf script | toll collapse --all --tid",
     "threads apart, functions of the kernel and jitted ones marked"},
};

const struct verb collapse_verb = {
    .name = "collapse",
    .summary = "perf script's text as folded stacks",
    .usage = "[--pid|--tid] [--kernel] [--jit] [--all] [--addrs] [--event-filter EVENT] [FILE…]",
    .description = "Reads what perf script prints, from files or stdin, and writes one line for each stack "
                   "with its weight: a drop-in for "
                   "stackcollapse-perf.pl of the FlameGraph tools, with its options and its output.\n\n"
                   "Only samples of one event count, the first that there is unless --event-filter names "
                   "one. Lines that are none of perf "
                   "script's are counted on stderr.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
