/* SPDX-License-Identifier: Apache-2.0 */
/* toll collapse: perf script's text as folded stacks: a filter. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collapse/collapse.h"
#include "data_verbs/data_verbs.h"
#include "data_verbs/inline_frames.h"

#define READ_BYTES     (256u << 10)
#define LINE_BYTES_MAX (64u << 20)

struct options {
    bool pid, tid, kernel, jit, all, addrs, is_inline, is_context;
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
     .help = "looks inlined calls up again, with addr2line (binutils)",
     .offset = offsetof(struct options, is_inline)},
    {.name = "context",
     .type = OPTION_FLAG,
     .help = "file and line behind what --inline finds",
     .offset = offsetof(struct options, is_context)},
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

/* A whole file that can be mapped, from its beginning; NULL for a pipe and the like. */
static char *map_whole(int fd, size_t *ret_length)
{
    struct stat about;
    if (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_size <= 0 || lseek(fd, 0, SEEK_CUR) != 0)
        return NULL;
    *ret_length = (size_t)about.st_size;
    char *text = mmap(NULL, *ret_length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    return text == MAP_FAILED ? NULL : text;
}

/* One file by two threads; *ret_is_done is false where it has to be read as a stream. */
static int collapse_mapped(const struct verb_context *context, const struct collapse_options *how,
                           struct collapse *all[COLLAPSE_HALVES], bool *ret_is_done, struct err *err)
{
    bool is_stdin = !context->operand_count || strcmp(context->operands[0], "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(context->operands[0], O_RDONLY | O_CLOEXEC), status = 0;
    size_t length = 0;
    char *text = context->operand_count < 2 && fd >= 0 ? map_whole(fd, &length) : NULL;
    if (text) {
        status = collapse_whole(how, text, length, all, err);
        munmap(text, length);
    }
    if (!is_stdin && fd >= 0)
        close(fd);
    *ret_is_done = text != NULL;
    return status;
}

/* What the text of a file will ask for is found first, several at a time. */
static int find_inlined(const struct verb_context *context, const struct collapse_options *how,
                        struct inline_frames *inlined, struct err *err)
{
    struct collapse_options noting = *how;
    struct collapse *collapse = NULL;
    bool is_stdin = !context->operand_count || strcmp(context->operands[0], "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(context->operands[0], O_RDONLY | O_CLOEXEC), status = 0;
    size_t length = 0, used = 0;
    char *text = context->operand_count < 2 && fd >= 0 ? map_whole(fd, &length) : NULL;
    noting.inline_of = inline_frames_note;
    if (text) {
        status = collapse_create(&noting, &collapse, err);
        if (!status)
            status = collapse_text(collapse, text, length, true, &used, err);
        if (!status)
            status = inline_frames_find(inlined, err);
        collapse_destroy(collapse);
        munmap(text, length);
    }
    if (!is_stdin && fd >= 0)
        close(fd);
    return status;
}

static int collapse_streams(const struct verb_context *context, const struct collapse_options *how,
                            struct collapse **ret_collapse, struct err *err)
{
    int status = collapse_create(how, ret_collapse, err);
    if (!status && !context->operand_count)
        status = feed(*ret_collapse, stdin, "stdin", err);
    for (size_t i = 0; i < context->operand_count && !status; i++)
        status = feed_file(*ret_collapse, context->operands[i], err);
    return status;
}

static void talk(struct collapse *const all[COLLAPSE_HALVES])
{
    struct collapse_facts facts = {0};
    for (size_t i = 0; i < COLLAPSE_HALVES && all[i]; i++) {
        struct collapse_facts part = collapse_facts(all[i]);
        facts.event = facts.event ? facts.event : part.event;
        facts.other_event_count += part.other_event_count;
        facts.strange_count += part.strange_count;
    }
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
    struct inline_frames *inlined = NULL;
    if (options->is_inline && inline_frames_create(options->is_context, &inlined, err))
        return -(int)err->code;
    if (inlined) {
        how.inline_of = inline_frames_of;
        how.inline_context = inlined;
    }
    struct collapse *all[COLLAPSE_HALVES] = {NULL, NULL};
    bool is_done = false;
    int status = inlined ? find_inlined(context, &how, inlined, err)
                         : collapse_mapped(context, &how, all, &is_done, err);
    if (!status && !is_done)
        status = collapse_streams(context, &how, &all[0], err);
    if (!status) {
        talk(all);
        status = collapse_write(all, COLLAPSE_HALVES, context->out, err);
    }
    for (size_t i = 0; i < COLLAPSE_HALVES; i++)
        collapse_destroy(all[i]);
    inline_frames_destroy(inlined);
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
    .usage = "[--pid|--tid] [--kernel] [--jit] [--all] [--addrs] [--inline [--context]] [--event-filter "
             "EVENT] [FILE…]",
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
