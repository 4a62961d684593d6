/* SPDX-License-Identifier: Apache-2.0 */
/* toll budget: what agents may use up: watched while they run, and the end of what used it up. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/foreground.h"
#include "base/num.h"
#include "budget/budget_guard.h"
#include "budget/budget_show.h"
#include "budget/spend_usage.h"
#include "budget/webhook.h"
#include "data_verbs/data_verbs.h"
#include "store/moment.h"

#define WAKE_MS 100

struct options {
    struct option_list prices;
    const char *source, *session, *since, *webhook, *stop;
    uint64_t for_ns;
    bool once, json, quiet;
};

#define TEXT(long_name, value_name, text, field)                                                             \
    {                                                                                                        \
        .name = (long_name), .type = OPTION_TEXT, .argument = (value_name), .help = (text),                  \
        .offset = offsetof(struct options, field)                                                            \
    }
#define FLAG(long_name, key, text, field)                                                                    \
    {                                                                                                        \
        .name = (long_name), .letter = (key), .type = OPTION_FLAG, .help = (text),                           \
        .offset = offsetof(struct options, field)                                                            \
    }

static const struct option_row rows[] = {
    FLAG("once", 0,
         "one look, and the answer as exit status; what was used up since midnight, unless --since says",
         once),
    TEXT("since", "TIME",
         "count from then: today, 2026-11-20, '2026-11-20 14:03', 30d, 12h (now; with --once today)", since),
    TEXT("session", "ID", "only this conversation, with all of its agents", session),
    TEXT("source", "NAME",
         "what the files given are: claude, codex, gemini, opencode, … (found out by looking)", source),
    TEXT("stop", "PID", "stop this process and all that it started when a limit is passed", stop),
    TEXT("webhook", "URL", "tell this address when a limit is passed: a POST of the JSON that --json prints",
         webhook),
    {.name = "for",
     .type = OPTION_DURATION,
     .argument = "TIME",
     .help = "watch so long, then end with 0 (until Ctrl-C)",
     .offset = offsetof(struct options, for_ns)},
    {.name = "prices",
     .type = OPTION_LIST,
     .argument = "FILE",
     .help = "prices on top of those built in and your own; many times",
     .offset = offsetof(struct options, prices)},
    FLAG("quiet", 'q', "say nothing while nothing is passed", quiet),
    FLAG("json", 0, "the outcome as JSON (toll.budget/1)", json),
};

/* What was asked for, taken apart. */
struct asked {
    struct budget_guard_options guard;
    const char *places[VERB_OPERANDS_MAX];
};

static bool is_limit(const char *word)
{
    const char *equals = strchr(word, '=');
    return equals && !memchr(word, '/', (size_t)(equals - word));
}

static int take_since(const struct options *options, int64_t *ret_since_ns, struct err *err)
{
    const char *since = options->since ? options->since : options->once ? "today" : NULL;
    int64_t now_ns = (int64_t)clock_realtime_ns();
    if (!since)
        return 0;
    if (strcmp(since, "today") != 0)
        return moment_parse(since, now_ns, ret_since_ns, err);
    time_t now = (time_t)(now_ns / (int64_t)NS_PER_S);
    struct tm day;
    localtime_r(&now, &day);
    day.tm_hour = day.tm_min = day.tm_sec = 0;
    day.tm_isdst = -1;
    *ret_since_ns = (int64_t)mktime(&day) * (int64_t)NS_PER_S;
    return 0;
}

static int take_source(const char *name, const struct agent_source **ret_source, struct err *err)
{
    struct str known = {0};
    if (!name)
        return 0;
    *ret_source = source_find(name);
    if (*ret_source)
        return 0;
    source_names(&known);
    err_set(err, ERR_USAGE, "could not take option '--source': there is no '%.40s'", name);
    err_hint(err, "there are: %s", str_text(&known));
    str_free(&known);
    return -ERR_USAGE;
}

static int take_stop(const char *text, struct budget_guard_options *guard, struct err *err)
{
    uint64_t pid;
    if (!text)
        return 0;
    if (num_parse_u64(text, &pid) || pid < 2 || pid > INT32_MAX || (kill((pid_t)pid, 0) && errno == ESRCH))
        return err_set(err, ERR_USAGE, "could not take option '--stop': there is no process '%.40s'", text);
    guard->root = (pid_t)pid;
    guard->with_root = true;
    return 0;
}

static bool is_of_recordings(const struct asked *asked)
{
    return asked->guard.watch.place_count && spend_recording_is(asked->places[0]);
}

static int take_apart(const struct verb_context *context, struct asked *asked, struct err *err)
{
    const struct options *options = context->options;
    struct budget_guard_options *guard = &asked->guard;
    int status = 0;
    for (size_t i = 0; i < context->operand_count && !status; i++)
        if (is_limit(context->operands[i]))
            status = budget_limits_parse(context->operands[i], &guard->limits, err);
        else
            asked->places[guard->watch.place_count++] = context->operands[i];
    if (!status && !budget_limits_any(&guard->limits))
        guard->limits =
            (struct budget_limits){.tokens = BUDGET_TOKENS_DEFAULT, .cost_usd = BUDGET_USD_DEFAULT};
    guard->watch.places = asked->places;
    guard->watch.session = options->session;
    guard->prices =
        (struct price_book_options){.files = options->prices.items, .file_count = options->prices.count};
    if (!status)
        status = take_since(options, &guard->watch.since_ns, err);
    if (!status)
        status = take_source(options->source, &guard->watch.source, err);
    if (!status)
        status = take_stop(options->stop, guard, err);
    if (!status && options->webhook)
        status = webhook_check(options->webhook, err);
    if (!status && options->once && guard->limits.time_ns && !is_of_recordings(asked))
        status = err_set(err, ERR_USAGE, "could not take budget 'time': one look takes no time (--once)");
    if (!status && context->command_count && (options->once || options->stop || options->for_ns))
        status = err_set(err, ERR_USAGE, "could not take option '--%s': a command is watched until it ends",
                         options->once   ? "once"
                         : options->stop ? "stop"
                                         : "for");
    if (!status && context->command_count) {
        guard->root = getpid(); /* not toll itself: all that it started */
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    return status;
}

/* --- while it runs --- */

static void say_near(const struct budget_state *state, bool *said)
{
    struct str text = {0};
    if (*said || state->near == BUDGET_NONE || state->exceeded != BUDGET_NONE)
        return;
    budget_line(state, &text);
    fprintf(stderr, "toll: over 80 %% of the budget: %s\n", str_text(&text));
    str_free(&text);
    *said = true;
}

static void show_line(const struct budget_state *state, const struct verb_context *context)
{
    struct str text = {0};
    budget_line(state, &text);
    if ((size_t)context->width < text.length + 1 && context->width > 1)
        text.text[context->width - 1] = '\0';
    fprintf(stderr, "\r\x1b[K%s", str_text(&text));
    str_free(&text);
}

/* Until a limit is passed, a signal comes, or the time is over. */
static void watch(const struct verb_context *context, struct budget_guard *guard)
{
    const struct options *options = context->options;
    uint64_t until_ns = options->for_ns ? clock_monotonic_ns() + options->for_ns : UINT64_MAX, shown_ns = 0;
    bool is_shown = !options->quiet && isatty(STDERR_FILENO), said = options->quiet;
    struct timespec wait = {.tv_nsec = WAKE_MS * (long)NS_PER_MS};
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, &before);
    for (;;) {
        struct budget_state state = budget_guard_now(guard);
        uint64_t now_ns = clock_monotonic_ns();
        if (state.exceeded != BUDGET_NONE || now_ns >= until_ns)
            break;
        if (is_shown && now_ns - shown_ns >= NS_PER_S) {
            show_line(&state, context);
            shown_ns = now_ns;
        } else if (!is_shown) {
            say_near(&state, &said);
        }
        if (sigtimedwait(&ends, NULL, &wait) > 0)
            break;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (is_shown)
        fputs("\r\x1b[K", stderr);
}

static int tell(struct verb_context *context, const struct budget_state *state, struct err *err)
{
    const struct options *options = context->options;
    struct str text = {0}, json = {0};
    bool is_over = state->exceeded != BUDGET_NONE;
    int status = 0;
    budget_json(state, false, &json);
    if (options->json)
        fputs(str_text(&json), context->out);
    budget_verdict(state, &text);
    if (is_over)
        fprintf(stderr, "toll: %s\n", str_text(&text));
    else if (!options->quiet && !options->json)
        fprintf(context->command_count ? stderr : context->out, "%s%s\n",
                context->command_count ? "toll: " : "", str_text(&text));
    str_clear(&text);
    budget_remarks(state, &text);
    if (!options->quiet)
        fputs(str_text(&text), stderr);
    if (is_over && options->webhook)
        status = webhook_post(options->webhook, str_text(&json), err);
    if (is_over)
        context->exit_status = ERR_THRESHOLD;
    str_free(&text);
    str_free(&json);
    return status;
}

/* --- a run that is over --- */

/* Of several the sums, and the longest. */
static int add_recordings(const struct asked *asked, const struct price_book *book,
                          struct budget_state *state, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < asked->guard.watch.place_count && !status; i++) {
        struct spend_total total = {0};
        uint64_t time_ns = 0;
        status = spend_recording(asked->places[i], book, &total, &time_ns, err);
        spend_total_add(&state->spent, &total);
        state->elapsed_ns = num_max(state->elapsed_ns, time_ns);
    }
    budget_state_judge(state);
    return status;
}

static int judge_recordings(struct verb_context *context, const struct asked *asked, struct err *err)
{
    const struct options *options = context->options;
    struct budget_state state = {.limits = asked->guard.limits};
    struct price_book *book = NULL;
    const char *wrong = context->command_count ? "--"
                        : options->stop        ? "--stop"
                        : options->session     ? "--session"
                        : options->since       ? "--since"
                        : options->source      ? "--source"
                        : options->for_ns      ? "--for"
                                               : NULL;
    if (wrong)
        return err_set(err, ERR_USAGE, "could not take option '%s': '%s' is a recording, its run is over",
                       wrong, asked->places[0]);
    int status = price_book_open(&asked->guard.prices, &book, err);
    if (!status)
        status = add_recordings(asked, book, &state, err);
    price_book_close(book);
    return status ? status : tell(context, &state, err);
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct asked asked = {0};
    struct budget_guard *guard = NULL;
    struct budget_state state;
    int command_status = 0;
    int status = take_apart(context, &asked, err);
    if (!status && is_of_recordings(&asked))
        return judge_recordings(context, &asked, err);
    if (!status)
        status = budget_guard_start(&asked.guard, &guard, err);
    if (status)
        return status;
    if (context->command_count)
        status = foreground_run((const char *const *)context->command, &command_status, err);
    else if (!options->once)
        watch(context, guard);
    budget_guard_finish(guard, &state);
    budget_guard_destroy(guard);
    context->exit_status = command_status;
    if (status)
        return status;
    if (options->once)
        state.elapsed_ns = 0;
    return tell(context, &state, err);
}

static const struct example examples[] = {
    {"toll budget tokens=1M,cost=10 -- ./agents.sh",
     "stop a command and all that it started when either is used up"},
    {"toll budget cost=20 --since today", "watch all agents of this user: 20 dollars for the day"},
    {"toll budget tokens=500k --stop 4711 --webhook https://example.org/hook",
     "stop a process that runs already"},
    {"toll budget cost=50 --once --since 7d --json", "whether the last week kept to 50 dollars"},
    {"toll budget tokens=2M --session 0b6f1c2e", "one conversation with all of its agents"},
    {"toll budget cost=5,time=10m app.toll", "whether a run that was recorded kept to it"},
    {"toll budget tokens=1M live.toll --stop 4711",
     "what 'toll record --otlp -o live.toll' receives meanwhile"},
};

const struct verb budget_verb = {
    .name = "budget",
    .summary = "hold agents to a budget of tokens, money and time; stop what passes it",
    .usage = "[tokens=N] [cost=USD] [time=TIME] [FILE|FOLDER…] [--once] [--stop PID] [-- COMMAND…]",
    .description =
        "Watches the transcripts that coding agents write, in their default places or where you say, and "
        "counts each "
        "response once, at the prices of its moment. When a limit is passed it says so, tells the webhook, "
        "stops the "
        "command's whole tree of processes (SIGSTOP to all, then SIGTERM, and SIGKILL a quarter of a second "
        "later), and ends with "
        "1. "
        "Without a limit it holds to 1,000,000 tokens and 10 dollars.\n\n"
        "A file may be the log of 'toll record --otlp' while it receives, or a recording: then it is judged "
        "at once, with the "
        "time of its run.\n\n"
        "Tokens are input, output and all of the cache. A usage that was not written in full counts by the "
        "most that its text "
        "allows. Calls without a price count as tokens alone, and it is said how many they are.\n\n"
        "The exit status is 1 when a limit was passed, else the command's, or 0. 'toll run --budget' does "
        "the same "
        "and records the command.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .operand_max = VERB_OPERANDS_MAX,
    .takes_command = true,
    .command_optional = true,
    .examples = examples,
    .example_count = sizeof examples / sizeof examples[0],
    .run = run,
};
