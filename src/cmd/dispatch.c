/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch: from argv to a verb's run function and back to an exit status. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/help.h"
#include "cmd/verb_table.h"
#include "option/parse.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40
#define WIDTH_MAX     200

static bool wants_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(fd) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

static unsigned clamp_width(uint64_t width)
{
    return (unsigned)num_min(num_max(width, WIDTH_MIN), WIDTH_MAX);
}

/* COLUMNS, else the terminal's own width, else 80. */
static unsigned find_width(void)
{
    const char *columns = getenv("COLUMNS");
    uint64_t width;
    struct winsize size;

    if (columns && num_parse_u64(columns, &width) == 0 && width)
        return clamp_width(width);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return clamp_width(size.ws_col);
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return clamp_width(size.ws_col);
    return WIDTH_DEFAULT;
}

static int unknown_verb(const char *word, struct err *err)
{
    const struct verb *nearest = verb_nearest(word);
    err_set(err, ERR_USAGE, "could not understand '%s': toll has no such verb", word);
    if (nearest)
        err_hint(err, "did you mean 'toll %s'? 'toll help' lists the verbs", nearest->name);
    else
        err_hint(err, "'toll help' lists the verbs; to record a command: toll run -- %s", word);
    return ERR_USAGE;
}

static int failed_status(const struct verb *verb, int status, int chosen)
{
    if (chosen)
        return chosen;
    return verb->exit_status_failed ? verb->exit_status_failed : -status;
}

static int run_verb(const struct verb *verb, char *const *arguments, struct err *err)
{
    struct parsed parsed;
    void *options = calloc(1, verb->options_size ? verb->options_size : 1);

    if (!options)
        return failed_status(verb, err_memory(err), 0);
    if (verb->defaults)
        memcpy(options, verb->defaults, verb->options_size);
    int exit_status = 0;
    int status = parse_arguments(verb, arguments, options, &parsed, err);
    if (status) {
        exit_status = failed_status(verb, status, 0);
    } else if (parsed.wants_help) {
        help_print_verb(verb, find_width(), stdout);
    } else {
        struct verb_context context = {
            .verb = verb,
            .options = options,
            .operands = parsed.operands,
            .operand_count = parsed.operand_count,
            .command = parsed.command,
            .command_count = parsed.command_count,
            .out = stdout,
            .width = find_width(),
            .colour = wants_colour(STDOUT_FILENO),
            .colour_talk = wants_colour(STDERR_FILENO),
            .ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0,
        };
        status = verb->run(&context, err);
        exit_status = status ? failed_status(verb, status, context.exit_status) : context.exit_status;
    }
    free(options);
    return exit_status;
}

int verb_dispatch(int argc, char **argv, struct err *err)
{
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        help_print_overview(find_width(), stderr);
        return ERR_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        word = "help";
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        word = "version";
    const struct verb *verb = verb_find(word);
    return verb ? run_verb(verb, argv + 2, err) : unknown_verb(word, err);
}
