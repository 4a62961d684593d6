/* SPDX-License-Identifier: Apache-2.0 */
/* toll collapse: perf script's text as folded stacks: a filter. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collapse/collapse.h"
#include "data_verbs/data_verbs.h"
#include "data_verbs/inline_frames.h"

#define PIPE_BYTES (1 << 20)

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

/* The files of the command line one behind the other, or stdin. */
struct files {
    const struct verb_context *context;
    size_t next;
    int fd; /* -1: none is open */
    bool is_line_open;
};

static const char *file_name(const struct verb_context *context, size_t index)
{
    const char *name = context->operand_count ? context->operands[index] : "-";
    return strcmp(name, "-") == 0 ? NULL : name;
}

static size_t file_count(const struct verb_context *context)
{
    return context->operand_count ? context->operand_count : 1;
}

static int open_next(struct files *files, struct err *err)
{
    const char *name = file_name(files->context, files->next);
    files->next++;
    files->fd = name ? open(name, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    return files->fd < 0 ? err_errno(err, errno, "could not open file '%s'", name) : 0;
}

static void close_file(struct files *files)
{
    if (files->fd > STDIN_FILENO)
        close(files->fd);
    files->fd = -1;
}

/* A collapse_input's: the last line of a file ends where the file does. */
static int read_files(void *context, char *bytes, size_t capacity, size_t *ret_got, struct err *err)
{
    struct files *files = context;
    for (;;) {
        if (files->fd < 0 && files->next == file_count(files->context)) {
            *ret_got = 0;
            return 0;
        }
        int status = files->fd < 0 ? open_next(files, err) : 0;
        if (status)
            return status;
        ssize_t got = read(files->fd, bytes, capacity);
        if (got < 0 && errno == EINTR)
            continue;
        const char *name = file_name(files->context, files->next - 1);
        if (got < 0)
            return err_errno(err, errno, "could not read '%s'", name ? name : "stdin");
        if (got > 0) {
            files->is_line_open = bytes[got - 1] != '\n';
            *ret_got = (size_t)got;
            return 0;
        }
        close_file(files);
        if (files->is_line_open) {
            files->is_line_open = false;
            bytes[0] = '\n';
            *ret_got = 1;
            return 0;
        }
    }
}

/* Pipes of perf script and to flamegraph.pl take more at a time, where that is allowed. */
static void widen_pipe(int fd)
{
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

static int collapse_files(const struct verb_context *context, const struct collapse_options *how,
                          struct collapse *all[COLLAPSE_THREADS_MAX], struct err *err)
{
    struct files files = {.context = context, .fd = -1};
    struct collapse_input input = {.read = read_files, .context = &files};
    /* Inlined calls are looked up by one thread. */
    size_t thread_count = how->inline_of ? 1 : collapse_thread_count();
    int status = collapse_read(how, &input, thread_count, all, err);
    close_file(&files);
    return status;
}

/* Files can be read twice, a pipe cannot. */
static bool is_repeatable(const struct verb_context *context)
{
    for (size_t i = 0; i < file_count(context); i++) {
        const char *name = file_name(context, i);
        struct stat about;
        if ((name ? stat(name, &about) : fstat(STDIN_FILENO, &about)) || !S_ISREG(about.st_mode) ||
            (!name && (lseek(STDIN_FILENO, 0, SEEK_CUR) != 0 || file_count(context) > 1)))
            return false;
    }
    return true;
}

/* What files will ask for is found first, several at a time. */
static int find_inlined(const struct verb_context *context, const struct collapse_options *how,
                        struct inline_frames *inlined, struct err *err)
{
    struct collapse_options noting = *how;
    struct collapse *all[COLLAPSE_THREADS_MAX] = {NULL};
    if (!is_repeatable(context))
        return 0;
    noting.inline_of = inline_frames_note;
    int status = collapse_files(context, &noting, all, err);
    if (!status)
        status = inline_frames_find(inlined, err);
    for (size_t i = 0; i < COLLAPSE_THREADS_MAX; i++)
        collapse_destroy(all[i]);
    if (!status && !file_name(context, 0) && lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
        status = err_errno(err, errno, "could not read stdin again");
    return status;
}

static void talk(struct collapse *const all[COLLAPSE_THREADS_MAX])
{
    struct collapse_facts facts = {0};
    for (size_t i = 0; i < COLLAPSE_THREADS_MAX && all[i]; i++) {
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
    struct collapse *all[COLLAPSE_THREADS_MAX] = {NULL};
    widen_pipe(STDIN_FILENO);
    widen_pipe(fileno(context->out));
    int status = inlined ? find_inlined(context, &how, inlined, err) : 0;
    if (!status)
        status = collapse_files(context, &how, all, err);
    if (!status) {
        talk(all);
        status = collapse_write(all, COLLAPSE_THREADS_MAX, context->out, err);
    }
    for (size_t i = 0; i < COLLAPSE_THREADS_MAX; i++)
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
                   "stackcollapse-perf.pl of the FlameGraph tools, with its output, and its options but for "
                   "--srcline.\n\n"
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
