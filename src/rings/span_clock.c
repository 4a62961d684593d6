/* SPDX-License-Identifier: Apache-2.0 */
#include "rings/span_clock.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/search.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define PAIR_DISTANCE_NS (NS_PER_S / 4)
#define PAIR_TRY_COUNT   5
#define PAIR_COUNT_MAX   65536 /* 4.5 hours; then every other one goes */

static bool has_word(const char *line, const char *word)
{
    const char *found = strstr(line, word);
    size_t length = strlen(word);

    for (; found; found = strstr(found + 1, word))
        if (found > line && found[-1] == ' ' && (found[length] == ' ' || found[length] == '\n'))
            return true;
    return false;
}

bool span_clock_is_tsc_good(void)
{
#if defined(__x86_64__)
    char sources[256], line[8192];
    bool is_good = false;
    FILE *cpus;

    /* The kernel takes the counter off this list when it caught it drifting. */
    sources[0] = ' ';
    if (fs_read_small("/sys/devices/system/clocksource/clocksource0/available_clocksource", sources + 1,
                      sizeof sources - 1) < 0 ||
        !has_word(sources, "tsc"))
        return false;
    cpus = fopen("/proc/cpuinfo", "re");
    if (!cpus)
        return false;
    while (fgets(line, sizeof line, cpus))
        if (strncmp(line, "flags", 5) == 0) {
            is_good = has_word(line, "constant_tsc") && has_word(line, "nonstop_tsc");
            break;
        }
    fclose(cpus);
    return is_good;
#else
    return false;
#endif
}

/* The pair whose two looks at the counter lie closest around the look at the clock. */
static struct span_clock_pair pair_take(void)
{
    struct span_clock_pair best = {0, 0};
#if defined(__x86_64__)
    uint64_t width_min = UINT64_MAX;

    for (int i = 0; i < PAIR_TRY_COUNT; i++) {
        uint64_t before = __rdtsc(), ns = clock_monotonic_ns(), after = __rdtsc();

        if (after - before < width_min) {
            width_min = after - before;
            best = (struct span_clock_pair){before + (after - before) / 2, ns};
        }
    }
#endif
    return best;
}

/* On the line through two pairs, before, between and behind them. */
static uint64_t on_line(struct span_clock_pair a, struct span_clock_pair b, uint64_t raw)
{
    double slope, offset;

    if (b.raw == a.raw)
        return a.ns;
    slope = (double)(b.ns - a.ns) / (double)(b.raw - a.raw);
    if (raw >= a.raw) {
        offset = (double)(raw - a.raw) * slope;
        return offset < 9e18 - (double)a.ns ? a.ns + (uint64_t)offset : (uint64_t)9e18;
    }
    offset = (double)(a.raw - raw) * slope;
    return offset < (double)a.ns ? a.ns - (uint64_t)offset : 0;
}

int span_clock_init(struct span_clock *clock, enum wire_clock kind)
{
    *clock = (struct span_clock){.kind = kind};
    if (kind == WIRE_CLOCK_MONOTONIC)
        return 0;
    /* Two, so that there is a line; the second is replaced by a better one at the next look. */
    if (vec_push(&clock->pairs, pair_take()))
        return -1;
    while (clock_monotonic_ns() - clock->pairs.items[0].ns < 100 * NS_PER_US)
        ;
    return vec_push(&clock->pairs, pair_take());
}

static void thin(struct span_clock *clock)
{
    size_t kept = 0;

    for (size_t i = 0; i < clock->pairs.count; i++)
        if (i % 2 == 0 || i + 1 == clock->pairs.count)
            clock->pairs.items[kept++] = clock->pairs.items[i];
    clock->pairs.count = kept;
}

int span_clock_look(struct span_clock *clock)
{
    struct span_clock_pair now, *last;
    uint64_t expected;

    if (clock->kind == WIRE_CLOCK_MONOTONIC)
        return 0;
    now = pair_take();
    last = &clock->pairs.items[clock->pairs.count - 1];
    if (now.raw <= last->raw || now.ns <= last->ns)
        return 0;
    if (last->ns - last[-1].ns < PAIR_DISTANCE_NS) {
        *last = now;
        return 0;
    }
    expected = on_line(last[-1], *last, now.raw);
    expected = expected > now.ns ? expected - now.ns : now.ns - expected;
    if (expected > clock->residual_ns_max)
        clock->residual_ns_max = expected;
    if (clock->pairs.count >= PAIR_COUNT_MAX)
        thin(clock);
    return vec_push(&clock->pairs, now);
}

uint64_t span_clock_ns(const struct span_clock *clock, uint64_t raw)
{
    const struct span_clock_pair *pairs = clock->pairs.items;

    if (clock->kind == WIRE_CLOCK_MONOTONIC)
        return raw;
    /* Between two pairs; before the first and behind the last the nearest two give the line. */
    size_t last = clock->pairs.count - 2;
    size_t low = raw >= pairs[last].raw ? last : search_first(i, last, pairs[i + 1].raw > raw);
    return on_line(pairs[low], pairs[low + 1], raw);
}

uint64_t span_clock_raw(const struct span_clock *clock)
{
    return clock->kind == WIRE_CLOCK_MONOTONIC ? clock_monotonic_ns() : pair_take().raw;
}

uint64_t span_clock_ticks_per_us(const struct span_clock *clock)
{
    if (clock->kind == WIRE_CLOCK_MONOTONIC || clock->pairs.count < 2)
        return NS_PER_US;
    const struct span_clock_pair *first = clock->pairs.items, *last = first + clock->pairs.count - 1;
    if (last->ns <= first->ns)
        return NS_PER_US;
    return num_max((last->raw - first->raw) * NS_PER_US / (last->ns - first->ns), 1);
}

void span_clock_deinit(struct span_clock *clock)
{
    vec_free(&clock->pairs);
}
