/* SPDX-License-Identifier: Apache-2.0 */
#include "record/ledger.h"

#include "base/num.h"

void ledger_start(struct ledger *ledger, const struct ledger_look *look)
{
    *ledger = (struct ledger){.open_ns = look->time_ns,
                              .seen_ns = look->time_ns,
                              .cpu_ns = look->cpu_ns,
                              .queue_ns = look->queue_ns,
                              .turn_count = look->turn_count,
                              .fresh = true};
}

bool ledger_changed(const struct ledger *ledger, const struct ledger_look *look)
{
    return !ledger->blocked || look->turn_count != ledger->turn_count;
}

/* Between two looks; a counter that is not believed (a thread id used again) stays within it. */
#define TURN_COUNT_MAX ((uint64_t)1 << 32)

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* What lies between `from` and a look, in exact sums. */
struct sums {
    uint64_t from_ns;
    uint64_t turn_count;
    uint64_t run_ns;
    uint64_t queue_ns;
    uint64_t blocked_ns;
    uint64_t between_count; /* waits that no look saw */
    uint64_t share_ns;      /* of blocked_ns for one wait */
    uint64_t delay_ns;      /* of queue_ns for one turn */
};

static struct sums sums_take(const struct ledger *ledger, const struct ledger_look *look)
{
    struct sums sums = {.from_ns = ledger->blocked ? ledger->seen_ns : ledger->open_ns,
                        .turn_count = num_min(minus(look->turn_count, ledger->turn_count), TURN_COUNT_MAX)};
    uint64_t wall = minus(look->time_ns, sums.from_ns);

    sums.run_ns = num_min(minus(look->cpu_ns, ledger->cpu_ns), wall);
    sums.queue_ns = num_min(minus(look->queue_ns, ledger->queue_ns), wall - sums.run_ns);
    sums.blocked_ns = wall - sums.run_ns - sums.queue_ns;
    if (!look->blocked && !look->has_slept) {
        sums.run_ns += sums.blocked_ns;
        sums.blocked_ns = 0;
    }
    bool first_waits = ledger->blocked || ledger->fresh;
    sums.between_count = sums.turn_count - (first_waits && sums.turn_count ? 1 : 0);
    uint64_t wait_count = sums.between_count + ledger->blocked + (look->blocked && !look->ended);
    sums.share_ns = wait_count ? sums.blocked_ns / wait_count : 0;
    sums.delay_ns = sums.turn_count ? sums.queue_ns / sums.turn_count : 0;
    return sums;
}

/* The first wait: the one seen before, or a new thread's way to its first turn. Returns where it ends. */
static uint64_t first_piece(const struct ledger *ledger, const struct sums *sums,
                            struct ledger_piece *ret_piece)
{
    uint64_t blocked = ledger->blocked ? sums->from_ns - ledger->open_ns + sums->share_ns : 0;
    *ret_piece = (struct ledger_piece){.side = LEDGER_BEFORE,
                                       .start_ns = ledger->open_ns,
                                       .end_ns = ledger->open_ns + blocked + sums->delay_ns,
                                       .count = 1,
                                       .blocked_ns = blocked,
                                       .runnable_ns = sums->delay_ns};
    return ret_piece->end_ns;
}

/* `from` to `to` holds the waits nobody saw, with a run before, between and behind them. */
static void between_piece(const struct sums *sums, uint64_t from, uint64_t to, struct ledger_piece *ret_piece)
{
    uint64_t count = sums->between_count;
    uint64_t blocked = sums->share_ns * count, runnable = sums->delay_ns * count;
    uint64_t waited = num_min(blocked + runnable, minus(to, from));
    uint64_t run = (minus(to, from) - waited) / (count + 1);

    blocked = num_min(blocked, waited);
    ret_piece->side = LEDGER_BETWEEN;
    ret_piece->start_ns = from + run;
    ret_piece->end_ns = count == 1 ? from + run + waited : to - run;
    ret_piece->count = count;
    ret_piece->blocked_ns = blocked;
    ret_piece->runnable_ns = waited - blocked;
}

static size_t turns_settle(struct ledger *ledger, const struct ledger_look *look,
                           struct ledger_piece *ret_pieces)
{
    struct sums sums = sums_take(ledger, look);
    uint64_t from = sums.from_ns, to = look->time_ns - (look->blocked && !look->ended ? sums.share_ns : 0);
    size_t count = 0;

    if (ledger->blocked || ledger->fresh) {
        from = first_piece(ledger, &sums, &ret_pieces[0]);
        count += ret_pieces[0].end_ns > ret_pieces[0].start_ns;
    }
    if (sums.between_count && sums.share_ns + sums.delay_ns) {
        between_piece(&sums, from, to, &ret_pieces[count]);
        count += ret_pieces[count].end_ns > ret_pieces[count].start_ns;
    }
    ledger->open_ns = num_max(to, from);
    /* Queueing told late, that this window has no room for, is the next one's: its CPU time was given on credit. */
    ledger->cpu_ns = look->blocked ? look->cpu_ns : ledger->cpu_ns + sums.run_ns;
    ledger->queue_ns = look->blocked ? look->queue_ns : ledger->queue_ns + sums.queue_ns;
    return count;
}

bool ledger_is_due(const struct ledger *ledger, const struct ledger_look *look)
{
    uint64_t since = ledger->blocked ? ledger->seen_ns : ledger->open_ns;
    return look->turn_count != ledger->turn_count && look->time_ns - since >= LEDGER_WINDOW_NS;
}

size_t ledger_settle(struct ledger *ledger, const struct ledger_look *look, struct ledger_piece *ret_pieces)
{
    size_t count = 0;

    if (look->turn_count == ledger->turn_count) {
        if (ledger->blocked || !look->blocked) {
            if (ledger->blocked)
                ledger->seen_ns = look->time_ns;
            return 0;
        }
        /* It ran on from where it was and then blocked: exactly here. Who is new and blocks without another turn
         * was running when it started: the main command, let go before its first look. */
        uint64_t run = minus(look->cpu_ns, ledger->cpu_ns);
        ledger->open_ns = num_min(ledger->open_ns + run, look->time_ns);
        ledger->cpu_ns = look->cpu_ns;
        ledger->queue_ns = look->queue_ns;
    } else {
        if (!look->blocked && !ledger_is_due(ledger, look))
            return 0;
        count = turns_settle(ledger, look, ret_pieces);
    }
    ledger->turn_count = look->turn_count;
    ledger->blocked = look->blocked;
    ledger->seen_ns = look->time_ns;
    ledger->fresh = false;
    return count;
}
