/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/budget_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "budget/family_stop.h"
#include "budget/spend_usage.h"

#define POLL_NS  (20 * NS_PER_MS)
#define GRACE_NS (250 * NS_PER_MS) /* to end by itself after a SIGTERM */
#define STOP_NS  (2 * NS_PER_S)

/* The sink in front of the recording's. */
struct counting {
    struct sink sink;
    struct sink *behind;
    struct budget_guard *guard;
    struct intern texts;
    struct map by_id; /* the recording's id of a text -> the id in `texts` */
};

struct budget_guard {
    struct budget_guard_options options;
    struct price_book *book;
    struct spend_watch *watch;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    bool is_ending;
    struct budget_state state;
    struct spend_total told; /* by the sink */
    uint64_t start_ns;
    struct counting counting;
};

const char *budget_kind_name(enum budget_kind kind)
{
    static const char *const names[] = {"none", "tokens", "cost", "time"};
    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

static enum budget_kind passed(const struct budget_limits *limits, const struct spend_total *spent,
                               uint64_t elapsed_ns, double ratio)
{
    if (limits->tokens && (double)spent->tokens > ratio * (double)limits->tokens)
        return BUDGET_TOKENS;
    if (limits->cost_usd > 0 && spent->cost_usd > ratio * limits->cost_usd)
        return BUDGET_COST;
    if (limits->time_ns && (double)elapsed_ns > ratio * (double)limits->time_ns)
        return BUDGET_TIME;
    return BUDGET_NONE;
}

void budget_state_judge(struct budget_state *state)
{
    state->near = passed(&state->limits, &state->spent, state->elapsed_ns, BUDGET_WARN_RATIO);
    state->exceeded = passed(&state->limits, &state->spent, state->elapsed_ns, 1);
}

/* Holds what is used up against the limits; true when one was passed just now. */
static bool judge(struct budget_guard *guard)
{
    struct spend_total spent = spend_watch_total(guard->watch);
    pthread_mutex_lock(&guard->lock);
    struct budget_state *state = &guard->state;
    spent.tokens += guard->told.tokens;
    spent.cost_usd += guard->told.cost_usd;
    spent.call_count += guard->told.call_count;
    spent.unpriced_count += guard->told.unpriced_count;
    state->spent = spent;
    if (state->exceeded == BUDGET_NONE || state->exceeded == BUDGET_TIME)
        state->elapsed_ns = clock_monotonic_ns() - guard->start_ns;
    state->near = passed(&state->limits, &spent, state->elapsed_ns, BUDGET_WARN_RATIO);
    bool is_new = false;
    if (state->exceeded == BUDGET_NONE) {
        state->exceeded = passed(&state->limits, &spent, state->elapsed_ns, 1);
        is_new = state->exceeded != BUDGET_NONE;
    }
    pthread_mutex_unlock(&guard->lock);
    return is_new;
}

static void stop_tree(struct budget_guard *guard)
{
    uint64_t before_ns = clock_monotonic_ns();
    if (!guard->options.root)
        return;
    bool is_stopped = family_stop(guard->options.root, guard->options.with_root, GRACE_NS, STOP_NS);
    pthread_mutex_lock(&guard->lock);
    guard->state.is_stopped = is_stopped;
    guard->state.stop_ns = clock_monotonic_ns() - before_ns;
    pthread_mutex_unlock(&guard->lock);
}

/* Until the next look; false: the end. */
static bool pause_now(struct budget_guard *guard)
{
    struct timespec until;
    uint64_t until_ns = clock_monotonic_ns() + POLL_NS;
    until.tv_sec = (time_t)(until_ns / NS_PER_S);
    until.tv_nsec = (long)(until_ns % NS_PER_S);
    pthread_mutex_lock(&guard->lock);
    if (!guard->is_ending)
        pthread_cond_timedwait(&guard->wake, &guard->lock, &until);
    bool goes_on = !guard->is_ending;
    pthread_mutex_unlock(&guard->lock);
    return goes_on;
}

static void *guard_run(void *context)
{
    struct budget_guard *guard = context;
    struct err ignored; /* memory ran out: the next look may have some */
    do {
        if (spend_watch_poll(guard->watch, &ignored))
            continue;
        if (judge(guard))
            stop_tree(guard);
    } while (pause_now(guard));
    /* A last look, also for files that nobody knew of. */
    if (spend_watch_look(guard->watch, &ignored) == 0 && judge(guard))
        stop_tree(guard);
    return NULL;
}

static int thread_start(struct budget_guard *guard, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&guard->thread, NULL, guard_run, guard);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        return err_errno(err, code, "could not start the thread that watches the budget");
    guard->is_started = true;
    return 0;
}

int budget_guard_start(const struct budget_guard_options *options, struct budget_guard **ret_guard,
                       struct err *err)
{
    pthread_condattr_t clock;
    struct budget_guard *guard = calloc(1, sizeof *guard);
    if (!guard)
        return err_memory(err);
    guard->options = *options;
    guard->state.limits = options->limits;
    guard->start_ns = clock_monotonic_ns();
    pthread_mutex_init(&guard->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&guard->wake, &clock);
    pthread_condattr_destroy(&clock);
    int status = price_book_open(&options->prices, &guard->book, err);
    struct spend_watch_options watch = options->watch;
    watch.book = guard->book;
    if (!watch.since_ns)
        watch.since_ns = (int64_t)clock_realtime_ns();
    if (!status)
        status = spend_watch_create(&watch, &guard->watch, err);
    if (!status)
        status = thread_start(guard, err);
    if (status)
        budget_guard_destroy(guard);
    else
        *ret_guard = guard;
    return status;
}

struct budget_state budget_guard_now(struct budget_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    struct budget_state state = guard->state;
    pthread_mutex_unlock(&guard->lock);
    return state;
}

static void end_thread(struct budget_guard *guard)
{
    if (!guard->is_started)
        return;
    pthread_mutex_lock(&guard->lock);
    guard->is_ending = true;
    pthread_cond_signal(&guard->wake);
    pthread_mutex_unlock(&guard->lock);
    pthread_join(guard->thread, NULL);
    guard->is_started = false;
}

void budget_guard_finish(struct budget_guard *guard, struct budget_state *ret_state)
{
    end_thread(guard);
    *ret_state = guard->state;
}

void budget_guard_destroy(struct budget_guard *guard)
{
    if (!guard)
        return;
    end_thread(guard);
    spend_watch_destroy(guard->watch);
    price_book_close(guard->book);
    intern_free(&guard->counting.texts);
    map_free(&guard->counting.by_id);
    pthread_cond_destroy(&guard->wake);
    pthread_mutex_destroy(&guard->lock);
    free(guard);
}

/* --- the sink --- */

static const char *text_of(const struct counting *counting, uint64_t id)
{
    const uint64_t *known = map_get(&counting->by_id, id);
    return known ? intern_text(&counting->texts, *known) : "";
}

static void count_usage(struct counting *counting, const struct row_usage *row)
{
    struct budget_guard *guard = counting->guard;
    struct spend_usage usage = {.kind = text_of(counting, row->kind),
                                .model = row->model ? text_of(counting, row->model) : "",
                                .amount = num_double(row->amount)};
    struct spend_total more = {0};
    if (!spend_usage_add(guard->book, &usage, &more))
        return;
    pthread_mutex_lock(&guard->lock);
    guard->told.tokens += more.tokens;
    guard->told.cost_usd += more.cost_usd;
    guard->told.call_count += more.call_count;
    guard->told.unpriced_count += more.unpriced_count;
    /* A limit that is passed by this does not wait for the next look. */
    if (guard->state.exceeded == BUDGET_NONE &&
        passed(&guard->state.limits, &guard->told, 0, 1) != BUDGET_NONE)
        pthread_cond_signal(&guard->wake);
    pthread_mutex_unlock(&guard->lock);
}

static int counting_append(struct sink *sink, enum table_id table, const uint64_t *row, struct err *err)
{
    struct counting *counting = (struct counting *)sink;
    if (table == TABLE_USAGE)
        count_usage(counting, (const struct row_usage *)row);
    return counting->behind->append(counting->behind, table, row, err);
}

static int counting_intern(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id,
                           struct err *err)
{
    struct counting *counting = (struct counting *)sink;
    uint64_t id, known;
    int status = counting->behind->intern(counting->behind, bytes, length, &id, err);
    if (status)
        return status;
    /* Names of models and kinds are short. */
    if (length <= SPEND_MODEL_BYTES && !map_get(&counting->by_id, id) &&
        (intern_put(&counting->texts, bytes, length, &known, NULL) || map_put(&counting->by_id, id, known)))
        return err_memory(err);
    *ret_id = id;
    return 0;
}

struct sink *budget_guard_sink(struct budget_guard *guard, struct sink *sink)
{
    guard->counting.sink = (struct sink){.append = counting_append, .intern = counting_intern};
    guard->counting.behind = sink;
    guard->counting.guard = guard;
    return &guard->counting.sink;
}
