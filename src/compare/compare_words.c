/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/compare_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare/judged_difference.h"
#include "model/agent_names.h"
#include "report/units.h"

/* An interval that goes further both ways says nothing. */
#define RATIO_SHOWN_MAX 100
/* Nor does a smallest effect of so many times. */
#define SMALLEST_SHOWN_MAX 10

static void duration(struct words *words, double ns)
{
    static const struct {
        double ns;
        const char *name;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t unit = 0;
    while (unit < 3 && fabs(ns) < units[unit].ns)
        unit++;
    double value = ns / units[unit].ns;
    int digits = fabs(value) >= 1000 ? 0 : fabs(value) >= 100 ? 1 : fabs(value) >= 10 ? 2 : 3;
    snprintf(words->text, sizeof words->text, "%.*f %s", ns > 0 || ns < 0 ? digits : 0, value,
             units[unit].name);
}

static bool is_unit(const struct difference *difference, const char *unit)
{
    return strcmp(difference->unit, unit) == 0;
}

static uint64_t whole(double value)
{
    return value > 0 && value < 1e19 ? (uint64_t)value : 0;
}

struct words words_value(const struct difference *difference, double value)
{
    struct words words;
    if (is_unit(difference, "ns"))
        duration(&words, value);
    else if (is_unit(difference, "bytes"))
        snprintf(words.text, sizeof words.text, "%s", unit_bytes(whole(value)).text);
    else if (is_unit(difference, "per_s"))
        snprintf(words.text, sizeof words.text, "%s/s", value >= 100 ? unit_count(value).text : "");
    else if (is_unit(difference, "count"))
        snprintf(words.text, sizeof words.text, "%s", value >= 100 ? unit_count(value).text : "");
    else if (is_unit(difference, "usd"))
        snprintf(words.text, sizeof words.text, value > 0 && value < 0.1 ? "$%.4f" : "$%.2f", value);
    else if (is_unit(difference, "score"))
        snprintf(words.text, sizeof words.text, "%.4g", value);
    else
        snprintf(words.text, sizeof words.text, "%.5g %.40s", value, difference->unit);
    if ((is_unit(difference, "per_s") || is_unit(difference, "count")) && value < 100)
        snprintf(words.text, sizeof words.text, "%.4g%s", value, is_unit(difference, "per_s") ? "/s" : "");
    return words;
}

struct words words_delta(const struct difference *difference)
{
    struct words words = {""}, amount;
    double delta = difference->b - difference->a;
    if (!is_unit(difference, "ns") && !is_unit(difference, "bytes") && !is_unit(difference, "usd"))
        return words;
    amount = words_value(difference, fabs(delta));
    snprintf(words.text, sizeof words.text, "%c%.90s", delta < 0 ? '-' : '+', amount.text);
    return words;
}

static void factor(char *text, size_t capacity, double ratio)
{
    if (!isfinite(ratio))
        snprintf(text, capacity, "any");
    else
        snprintf(text, capacity, ratio >= 10 ? "%.1f" : ratio >= 2 ? "%.2f" : "%.3f", ratio);
}

struct words words_ratio(const struct difference *difference)
{
    struct words words;
    char ratio[24], low[24], high[24];
    if (!(difference->a > 0)) {
        snprintf(words.text, sizeof words.text, difference->b > 0 ? "new" : "");
        return words;
    }
    if (!(difference->b > 0)) {
        snprintf(words.text, sizeof words.text, "gone");
        return words;
    }
    factor(ratio, sizeof ratio, difference->ratio);
    factor(low, sizeof low, difference->ratio_low);
    factor(high, sizeof high, difference->ratio_high);
    bool is_open = difference->ratio_high > RATIO_SHOWN_MAX && difference->ratio_low < 1.0 / RATIO_SHOWN_MAX;
    bool is_told = difference->has_verdict || difference->denial == COMPARE_DENIED_BY_FEW;
    if (difference->is_exact || is_open || !is_told)
        snprintf(words.text, sizeof words.text, "%sx", ratio);
    else
        snprintf(words.text, sizeof words.text, "%sx (%s to %s)", ratio, low, high);
    return words;
}

struct words words_metric(const char *metric)
{
    static const struct {
        const char *metric, *words;
    } known[] = {{"wall_ns", "wall time"},
                 {"cpu_ns", "CPU time"},
                 {"user_ns", "user time"},
                 {"system_ns", "system time"},
                 {"critical_ns", "critical path"},
                 {"wait_ns", "waiting"},
                 {"memory_bytes_max", "memory"},
                 {"time_per_op", "time/op"},
                 {"bytes_per_op", "bytes/op"},
                 {"allocations_per_op", "allocs/op"},
                 {USAGE_COST, "cost"},
                 {USAGE_INPUT, "tokens in"},
                 {USAGE_OUTPUT, "tokens out"},
                 {USAGE_CACHE_READ, "cache reads"},
                 {USAGE_CACHE_WRITE_5M, "cache writes"},
                 {USAGE_CACHE_WRITE_1H, "cache writes, 1 h"},
                 {USAGE_REASONING, "reasoning"}};
    struct words words;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].metric, metric) == 0) {
            snprintf(words.text, sizeof words.text, "%s", known[i].words);
            return words;
        }
    size_t length = strlen(metric);
    const char *quantile = strstr(metric, "_p");
    const char *unit = strstr(metric, "_ns_");
    if (unit)
        snprintf(words.text, sizeof words.text, "%.*s %.40s", (int)(unit - metric), metric, unit + 4);
    else if (str_ends(metric, "_per_s"))
        snprintf(words.text, sizeof words.text, "%.*s/s", (int)(length < 60 ? length - 6 : 60), metric);
    else if (quantile && quantile[2] >= '0' && quantile[2] <= '9')
        snprintf(words.text, sizeof words.text, "%.*s %.40s", (int)(quantile - metric), metric, quantile + 1);
    else
        snprintf(words.text, sizeof words.text, "%.90s", metric);
    return words;
}

static const char *denied(const struct difference *difference)
{
    switch (difference->denial) {
    case COMPARE_DENIED_BY_RUNS:
        return difference->kind == COMPARE_RESULT ? "one number each" : "one recording each";
    case COMPARE_DENIED_BY_FEW: return "too few";
    case COMPARE_DENIED_BY_ZERO: return "no ratio to 0";
    case COMPARE_DENIED_BY_MANY: return "may be chance";
    case COMPARE_DENIED_BY_COMMON: return "as everything else";
    case COMPARE_DENIED_BY_MACHINE: return "up to other programs";
    case COMPARE_DENIED_BY_NAME: return "no name";
    case COMPARE_DENIED_BY_SIZE: return "too small to matter";
    case COMPARE_NOT_DENIED: break;
    }
    return "within noise";
}

const char *words_verdict(const struct difference *difference)
{
    bool is_more = difference->ratio > 1 || !(difference->a > 0);
    if (!difference->has_verdict || difference->verdict == EFFECT_INCONCLUSIVE)
        return denied(difference);
    if (difference->verdict == EFFECT_EQUIVALENT)
        return "the same";
    if (difference->higher_is_better)
        return is_more ? "higher, which is better" : "lower, which is worse";
    if (is_unit(difference, "ns"))
        return is_more ? "slower" : "faster";
    if (is_unit(difference, "usd"))
        return is_more ? "dearer" : "cheaper";
    return is_more ? "more" : "less";
}

static void spaced(struct str *text, const char *reason)
{
    for (; *reason; reason++)
        str_append_bytes(text, *reason == '_' ? " " : reason, 1);
}

void words_place(const struct difference *difference, struct str *text)
{
    switch (difference->kind) {
    case COMPARE_FUNCTION:
        str_append(text, difference->detail);
        if (difference->place[0])
            str_printf(text, " in %s", difference->place);
        break;
    case COMPARE_WAIT:
        str_append(text, difference->place[0] ? difference->place : "outside stages");
        str_append(text, " waits: ");
        spaced(text, difference->detail);
        if (difference->peer[0])
            str_printf(text, " %s", difference->peer);
        break;
    case COMPARE_RESULT:
    case COMPARE_RUN:
    case COMPARE_STAGE:
    case COMPARE_USAGE: str_append(text, difference->place[0] ? difference->place : "the run"); break;
    }
}

/* --- claims --- */

static double size_of(const struct difference *difference)
{
    return fabs(difference->b - difference->a);
}

/* Money first: it is not held against time. */
static int by_size(const void *a, const void *b)
{
    const struct difference *left = *(const struct difference *const *)a,
                            *right = *(const struct difference *const *)b;
    double x = size_of(left), y = size_of(right);
    if (is_unit(left, "usd") != is_unit(right, "usd"))
        return is_unit(left, "usd") ? -1 : 1;
    return (x < y) - (x > y);
}

static int claims_push(const struct comparison *comparison, struct claims *claims, bool stages)
{
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        bool is_wanted = stages ? difference->kind == COMPARE_STAGE
                                : difference->kind == COMPARE_FUNCTION ||
                                      (difference->kind == COMPARE_WAIT && !difference->follows);
        if (is_wanted && difference_is_claim(difference) && vec_push(&claims->items, difference))
            return -1;
    }
    return 0;
}

int claims_find(const struct comparison *comparison, struct claims *ret_claims)
{
    struct claims claims = {0};
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        bool is_tested =
            difference->denial == COMPARE_NOT_DENIED || difference->denial == COMPARE_DENIED_BY_COMMON;
        claims.within_count[difference->kind] += is_tested && !difference_is_claim(difference);
    }
    int status = claims_push(comparison, &claims, false);
    if (!status && (!claims.items.count || comparison->is_agents))
        status = claims_push(comparison, &claims, true);
    if (status) {
        vec_free(&claims.items);
        return -1;
    }
    if (claims.items.count)
        qsort(claims.items.items, claims.items.count, sizeof *claims.items.items, by_size);
    *ret_claims = claims;
    return 0;
}

/* --- sentences --- */

const struct difference *words_headline(const struct comparison *comparison)
{
    const struct difference *first = comparison->differences.count ? &comparison->differences.items[0] : NULL;
    for (size_t i = 0; i < comparison->differences.count; i++)
        if (comparison->differences.items[i].kind == COMPARE_RUN)
            return &comparison->differences.items[i];
    return first;
}

static const char *claim_word(const struct difference *difference)
{
    bool is_time = is_unit(difference, "ns");
    if (is_unit(difference, "usd"))
        return difference->verdict == EFFECT_SLOWER ? "dearer" : "cheaper";
    if (difference->verdict == EFFECT_SLOWER)
        return is_time ? "slower" : "worse";
    return is_time ? "faster" : "better";
}

/* "parse_row in work is slower: 2.01x (1.78 to 2.27). " where the whole run has no verdict. */
static void largest_claim(const struct comparison *comparison, struct str *text)
{
    struct claims claims;
    if (claims_find(comparison, &claims)) {
        text->failed = true;
        return;
    }
    if (claims.items.count) {
        const struct difference *largest = claims.items.items[0];
        words_place(largest, text);
        if (largest->kind == COMPARE_WAIT)
            str_printf(text, ", %s than before: %s. ",
                       largest->verdict == EFFECT_SLOWER ? "longer" : "shorter", words_ratio(largest).text);
        else
            str_printf(text, " is %s: %s. ", claim_word(largest), words_ratio(largest).text);
    }
    vec_free(&claims.items);
}

bool words_is_single(const struct comparison *comparison)
{
    size_t count = 0;
    for (size_t i = 0; i < comparison->differences.count; i++)
        count += comparison->differences.items[i].is_primary;
    return count < 2;
}

static void counts_sentence(const struct comparison *comparison, struct str *text)
{
    size_t worse = 0, better = 0, other = 0;
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (!difference_is_claim(difference))
            other++;
        else if (difference->verdict == EFFECT_SLOWER)
            worse++;
        else
            better++;
    }
    str_printf(text, "%zu worse, %zu better, %zu without a difference that can be told from noise.", worse,
               better, other);
}

/* "B is cheaper: 0.37x (0.30 to 0.46) of A's cost, $2.76 -> $1.03. " */
static void bill_sentence(const struct comparison *comparison, struct str *text)
{
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *bill = &comparison->differences.items[i];
        if (bill->kind != COMPARE_RUN || strcmp(bill->metric, USAGE_COST) != 0)
            continue;
        struct words a = words_value(bill, bill->a), b = words_value(bill, bill->b),
                     ratio = words_ratio(bill);
        if (difference_is_claim(bill))
            str_printf(text, "B is %s: %s of A's cost, %s -> %s. ", claim_word(bill), ratio.text, a.text,
                       b.text);
        else if (bill->verdict == EFFECT_EQUIVALENT)
            str_printf(text, "B costs the same, %s. ", b.text);
        else
            str_printf(text, "No verdict on cost: %s -> %s, %s. ", a.text, b.text, words_verdict(bill));
        return;
    }
}

void words_headline_sentence(const struct comparison *comparison, struct str *text)
{
    const struct difference *headline = words_headline(comparison);
    if (!headline)
        return;
    if (!words_is_single(comparison)) {
        counts_sentence(comparison, text);
        return;
    }
    struct words metric = words_metric(headline->metric), ratio = words_ratio(headline);
    bool is_claim = difference_is_claim(headline), is_same = headline->verdict == EFFECT_EQUIVALENT;
    if (comparison->is_agents)
        bill_sentence(comparison, text);
    else if (comparison->is_recordings && !is_claim)
        largest_claim(comparison, text);
    if (is_claim)
        str_printf(text, "B is %s: ", claim_word(headline));
    else if (is_same)
        str_append(text, is_unit(headline, "ns") ? "B is as fast: " : "B is the same: ");
    else if (!comparison->is_recordings)
        str_append(text, "No verdict: ");
    if (comparison->is_recordings && !is_claim && !is_same) {
        str_printf(text, "No verdict on %s: %s, %s.", metric.text, ratio.text, words_verdict(headline));
        return;
    }
    str_printf(text, "%s of A's %s", ratio.text[0] ? ratio.text : "any part", metric.text);
    if (!is_claim && !is_same)
        str_printf(text, ", %s", words_verdict(headline));
    str_append(text, ".");
}

static void percent(char *text, size_t capacity, double ratio)
{
    snprintf(text, capacity, ratio >= 0.1 ? "%.0f %%" : "%.1f %%", 100 * ratio);
}

static void trust_recordings(const struct comparison *comparison, struct str *text)
{
    char deviation[24];
    percent(deviation, sizeof deviation, comparison->noise_ratio);
    if (comparison->is_noise_measured)
        str_printf(
            text, "%zu and %zu recordings: what differs between those of one side (typically %s) is noise.\n",
            comparison->sides[0].file_count, comparison->sides[1].file_count, deviation);
    else
        str_printf(text,
                   "One recording each does not tell how runs vary: %s of %s is assumed, twice that of "
                   "waits (--noise).\nSeveral a side tell: toll compare a*.toll --vs b*.toll\n",
                   deviation, comparison->is_agents ? "tokens and cost" : "CPU time");
    if (comparison->is_agents)
        return;
    str_printf(text,
               "%.0f and %.0f CPU samples. The intervals of functions hold together at %.0f %%, the others "
               "likewise.\n",
               comparison->sides[0].sample_count, comparison->sides[1].sample_count,
               100 * comparison->options.confidence_ratio);
}

static void trust_results(const struct comparison *comparison, struct str *text)
{
    bool is_paired = false, is_unpaired = false, is_summary = false;
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        is_paired = is_paired || difference->is_paired;
        is_summary = is_summary || (difference->is_primary && difference->denial == COMPARE_DENIED_BY_RUNS);
        is_unpaired = is_unpaired || (!difference->is_paired && !difference->is_exact &&
                                      difference->denial != COMPARE_DENIED_BY_RUNS);
    }
    if (is_paired)
        str_append(text, "Paired: the runs were interleaved, each round is a pair.\n");
    if (is_unpaired)
        str_append(text, "Unpaired: what drifted between the two counts as a difference. toll bench 'A' --vs "
                         "'B' runs them "
                         "side by side.\n");
    if (is_summary)
        str_append(
            text,
            "One number for a session does not tell how sessions vary: give several files a side (four or "
            "more), A… --vs B….\n");
}

void words_trust(const struct comparison *comparison, struct str *text)
{
    char smallest[24];
    if (comparison->is_recordings)
        trust_recordings(comparison, text);
    else
        trust_results(comparison, text);
    percent(smallest, sizeof smallest, comparison->smallest_effect_ratio);
    if (comparison->smallest_effect_ratio > 0 && comparison->smallest_effect_ratio < SMALLEST_SHOWN_MAX)
        str_printf(text, "A difference of %s %swould have been seen nine times of ten.\n", smallest,
                   comparison->is_agents          ? "in cost "
                   : comparison->is_recordings    ? "in CPU time "
                   : !words_is_single(comparison) ? "in any of them "
                                                  : "");
    for (size_t i = 0; i < comparison->notes.count; i++)
        str_printf(text, "%s\n", comparison->notes.items[i]);
}
