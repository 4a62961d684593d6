/* SPDX-License-Identifier: Apache-2.0 */
/* toll usage: what coding agents used: tokens and dollars. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "data_verbs/data_verbs.h"
#include "store/moment.h"
#include "usage/usage_show.h"

#define LIMITS_MAX      8u
#define INTERVAL_NS_MIN (200 * NS_PER_MS)
#define DATE_LENGTH     10u /* of 2026-11-20 */

struct options {
    struct option_list by, sources, prices, limits;
    const char *since, *until, *timezone;
    uint64_t top, interval_ns, for_ns;
    bool json, csv, line, watch, no_index;
};

static const struct options defaults = {.interval_ns = 2 * NS_PER_S};

#define TEXT(long_name, value_name, text, field)                                                             \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_TEXT, .argument = (value_name), .help = (text),                  \
        .offset = offsetof(struct options, field)                                                            \
    }
#define LIST(long_name, value_name, text, field)                                                             \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_LIST, .argument = (value_name), .help = (text),                  \
        .offset = offsetof(struct options, field)                                                            \
    }
#define FLAG(long_name, text, field)                                                                         \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_FLAG, .help = (text), .offset = offsetof(struct options, field)  \
    }

static const struct option_row rows[] = {
    LIST("by", "KEY",
         "day (the default), week, month, session, project, agent, task, model, tool, source; several with "
         "commas",
         by),
    TEXT("since", "TIME", "only what began then or later: 2026-11-20, '2026-11-20 14:03', 7d, 12h, today",
         since),
    TEXT("until", "TIME", "only what began before; a day alone is taken whole", until),
    TEXT("timezone", "ZONE", "where days begin: Europe/Berlin, UTC (TZ, else this machine's)", timezone),
    LIST("source", "NAME", "only this source: claude, codex, gemini, opencode, …; many times", sources),
    LIST("prices", "FILE", "prices on top of those built in and your own; many times", prices),
    {.name = "top",
     .type = OPTION_COUNT,
     .argument = "N",
     .help = "the first N rows (a table by other things than time: 20)",
     .offset = offsetof(struct options, top)},
    FLAG("json", "everything as JSON (toll.usage/1)", json),
    FLAG("csv", "the rows as CSV", csv),
    FLAG("line", "one line for a status bar: today's cost, tokens, rate", line),
    FLAG("watch", "show today, again and again, with the rate of the last 15 minutes", watch),
    LIST("limit", "LIMIT", "watch: when cost=10 or tokens=1M is reached; many times", limits),
    {.name = "interval",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "watch: how often (2s)",
     .offset = offsetof(struct options, interval_ns)},
    {.name = "for",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "watch: end after that long",
     .offset = offsetof(struct options, for_ns)},
    FLAG("no-index", "read all files anew and keep nothing of them", no_index),
};

/* --- from options to a query --- */

static int read_keys(const struct options *options, struct usage_query *query, struct err *err)
{
    for (size_t i = 0; i < options->by.count; i++)
        for (const char *at = options->by.items[i]; *at;) {
            size_t length = strcspn(at, ",");
            enum usage_key key = USAGE_BY_DAY;
            if (!usage_key_read(at, length, &key)) {
                err_set(err, ERR_USAGE, "could not take option '--by': '%.*s' is nothing to add up by",
                        (int)(length < 40 ? length : 40), at);
                err_hint(err,
                         "it is one of day, week, month, session, project, agent, task, model, tool, source");
                return -ERR_USAGE;
            }
            if (query->key_count == USAGE_KEYS_MAX)
                return err_set(err, ERR_USAGE, "could not take option '--by': at most %u at once",
                               USAGE_KEYS_MAX);
            query->keys[query->key_count++] = key;
            at += length + (at[length] == ',');
        }
    if (!query->key_count)
        query->keys[query->key_count++] = USAGE_BY_DAY;
    return 0;
}

/* Local midnight, `days` later. */
static int64_t midnight(int64_t at_ns, int days)
{
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    struct tm parts;
    if (!localtime_r(&seconds, &parts))
        return at_ns;
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    parts.tm_mday += days;
    parts.tm_isdst = -1;
    return (int64_t)mktime(&parts) * (int64_t)NS_PER_S;
}

static int read_moment(const char *text, int64_t now_ns, int64_t *ret_at_ns, struct err *err)
{
    if (strcmp(text, "today") == 0) {
        *ret_at_ns = midnight(now_ns, 0);
        return 0;
    }
    if (strcmp(text, "yesterday") == 0) {
        *ret_at_ns = midnight(now_ns, -1);
        return 0;
    }
    return moment_parse(text, now_ns, ret_at_ns, err);
}

static int read_times(const struct options *options, int64_t now_ns, struct usage_query *query,
                      struct err *err)
{
    int status = options->since ? read_moment(options->since, now_ns, &query->since_ns, err) : 0;
    if (!status && options->until)
        status = read_moment(options->until, now_ns, &query->until_ns, err);
    if (status)
        return status;
    bool is_day = options->until &&
                  (strlen(options->until) == DATE_LENGTH || strchr("ty", *options->until)) &&
                  *options->until != '@';
    if (is_day)
        query->until_ns = midnight(query->until_ns, 1);
    if (!options->since && (options->watch || options->line))
        query->since_ns = midnight(now_ns, 0);
    if (query->since_ns && query->until_ns && query->since_ns >= query->until_ns)
        return err_set(err, ERR_USAGE, "could not take '--since %s --until %s': nothing lies between",
                       options->since, options->until);
    return 0;
}

/* A zone without its file would be taken for UTC, silently. */
static int set_timezone(const char *zone, struct err *err)
{
    struct str path = {0};
    const char *folder = getenv("TZDIR");
    if (!zone)
        return 0;
    str_printf(&path, "%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", zone);
    bool is_known = strcmp(zone, "UTC") == 0 ||
                    (!path.failed && *zone && !strstr(zone, "..") && access(path.text, R_OK) == 0);
    str_free(&path);
    if (!is_known) {
        err_set(err, ERR_USAGE, "could not take option '--timezone': there is no zone '%.60s'", zone);
        err_hint(err, "zones are called like Europe/Berlin; they are in %s (package tzdata)",
                 folder && *folder ? folder : "/usr/share/zoneinfo");
        return -ERR_USAGE;
    }
    if (setenv("TZ", zone, 1))
        return err_memory(err);
    tzset();
    return 0;
}

static const char *timezone_name(const struct options *options)
{
    static char name[64];
    const char *variable = getenv("TZ");
    time_t now = time(NULL);
    struct tm parts;
    if (options->timezone)
        return options->timezone;
    if (variable && *variable && *variable != ':' && *variable != '/')
        return variable;
    if (localtime_r(&now, &parts) && strftime(name, sizeof name, "%Z", &parts))
        return name;
    return "UTC";
}

/* --- what is shown --- */

static int show(struct verb_context *context, const struct options *options, struct usage_answer *answer,
                const struct usage_look *look, struct str *text, struct err *err)
{
    (void)context;
    if (options->json)
        return usage_json(answer, look, text, err);
    if (options->csv)
        usage_csv(answer, look, text);
    else if (options->line)
        usage_line(answer, look, text);
    else
        return usage_text(answer, look, text, err);
    return text->failed ? err_memory(err) : 0;
}

static int ask_once(struct verb_context *context, const struct options *options,
                    const struct usage_query *query, const struct usage_look *look, struct err *err)
{
    struct usage_answer answer;
    struct str text = {0};
    int status = usage_ask(query, &answer, err);
    if (!status)
        status = show(context, options, &answer, look, &text, err);
    if (!status)
        fputs(str_text(&text), context->out);
    str_free(&text);
    usage_answer_free(&answer);
    return status;
}

struct watching {
    struct usage_limit limits[LIMITS_MAX];
    size_t limit_count;
    bool is_terminal;
    struct str before; /* what was shown last */
};

static int watch_once(struct verb_context *context, const struct options *options,
                      const struct usage_query *query, struct watching *watching, struct err *err)
{
    struct usage_look look = {.width = context->width,
                              .colour = context->colour,
                              .ascii = context->ascii,
                              .top = options->top,
                              .timezone = timezone_name(options),
                              .now_ns = (int64_t)clock_realtime_ns()};
    struct usage_query now = *query;
    struct usage_answer answer;
    struct str text = {0};
    if (!options->since) /* a new day begins at midnight */
        now.since_ns = midnight(look.now_ns, 0);
    int status = usage_ask(&now, &answer, err);
    if (!status)
        status = show(context, options, &answer, &look, &text, err);
    if (!status && !options->json && !options->csv && !options->line) {
        str_append(&text, "\n");
        if (usage_watch_text(&answer, &look, watching->limits, watching->limit_count, &text))
            context->exit_status = ERR_THRESHOLD;
    }
    if (!status && strcmp(str_text(&text), str_text(&watching->before)) != 0) {
        fprintf(context->out, "%s%s", watching->is_terminal ? "\x1b[H\x1b[2J" : "", str_text(&text));
        fflush(context->out);
        str_free(&watching->before);
        watching->before = text;
        text = (struct str){0};
    }
    str_free(&text);
    usage_answer_free(&answer);
    return status;
}

static int watch(struct verb_context *context, const struct options *options, const struct usage_query *query,
                 struct err *err)
{
    struct watching watching = {.is_terminal = isatty(STDOUT_FILENO) == 1};
    uint64_t begun_ns = clock_monotonic_ns(), next_ns = begun_ns;
    uint64_t interval_ns = options->interval_ns < INTERVAL_NS_MIN ? INTERVAL_NS_MIN : options->interval_ns;
    int status = 0;
    for (size_t i = 0; i < options->limits.count && !status; i++)
        status =
            watching.limit_count < LIMITS_MAX
                ? usage_limit_read(options->limits.items[i], &watching.limits[watching.limit_count++], err)
                : err_set(err, ERR_USAGE, "could not take option '--limit': at most %u", LIMITS_MAX);
    while (!status) {
        context->exit_status = 0;
        status = watch_once(context, options, query, &watching, err);
        next_ns += interval_ns;
        if (options->for_ns && next_ns >= begun_ns + options->for_ns)
            break;
        if (!status)
            clock_sleep_until(next_ns);
    }
    str_free(&watching.before);
    return status;
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct usage_query query = {.sources = options->sources.items,
                                .source_count = options->sources.count,
                                .paths = (const char *const *)context->operands,
                                .path_count = context->operand_count,
                                .no_index = options->no_index};
    struct price_book_options how = {.files = options->prices.items, .file_count = options->prices.count};
    struct price_book *book = NULL;
    int64_t now_ns = (int64_t)clock_realtime_ns();
    if (options->limits.count && !options->watch)
        return err_set(err, ERR_USAGE, "could not take option '--limit': it goes with --watch");
    int status = set_timezone(options->timezone, err);
    if (!status)
        status = read_keys(options, &query, err);
    if (!status)
        status = read_times(options, now_ns, &query, err);
    if (!status)
        status = price_book_open(&how, &book, err);
    if (status)
        return status;
    query.book = book;
    struct usage_look look = {.width = context->width,
                              .colour = context->colour,
                              .ascii = context->ascii,
                              .top = options->top,
                              .timezone = timezone_name(options),
                              .now_ns = now_ns};
    status = options->watch ? watch(context, options, &query, err)
                            : ask_once(context, options, &query, &look, err);
    price_book_close(book);
    return status;
}

static const struct example examples[] = {
    {"toll usage", "what all agents on this machine used, day by day"},
    {"toll usage --by model --since 7d", "the last week by model"},
    {"toll usage --by month,project", "two keys at once"},
    {"toll usage --by task --top 10", "which tasks of subagents cost most"},
    {"toll usage --source claude ./projects", "files that were copied from elsewhere"},
    {"toll usage --watch --limit cost=20", "today, live, and when 20 dollars are reached"},
    {"toll usage --line", "for a status bar"},
};

const struct verb usage_verb = {
    .name = "usage",
    .summary = "what coding agents used: tokens and dollars by day, model, task, …",
    .usage = "[FILE | FOLDER…] [--by KEY] [--since TIME] [--source NAME] [--json | --csv | --line | --watch]",
    .description = "Reads the transcripts that coding agents keep on this machine, or files and folders that "
                   "are given. Each "
                   "answer of a model counts once, however often it was written down; what was recorded only "
                   "in part is marked "
                   "(+) and bounded. Input excludes what came from the cache. Dollars are those of the day "
                   "of the call ('toll "
                   "prices'); a model without a price is unpriced, never free.\n\n"
                   "What was read is kept below ~/.local/share/toll/usage, so that a second look reads only "
                   "what is new, and "
                   "what agents have removed since stays (of files and folders that are given, only what is "
                   "there counts). "
                   "docs/usage.md explains each field.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .defaults = &defaults,
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
