/* SPDX-License-Identifier: Apache-2.0 */
/* recordings: the quantities of two sets of recordings judged; noise.h says what counts as a change. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/judged_difference.h"
#include "compare/recorded.h"
#include "model/agent_names.h"
#include "stats/quantile.h"

/* What page faults, a cold cache or losing turns on the CPU may add to any time; where several recordings tell most of it,
 * less. */
#define TIME_NOISE_NS          15e6
#define TIME_NOISE_MEASURED_NS 3e6
/* A frame with less of the CPU time is not tested, and stays grey. */
#define FRAME_RATIO_MIN 0.002
#define SAMPLES_MIN     8
/* Fewer samples in the rest than this do not tell whether it moved as well. */
#define REST_COUNT_MIN 20.0

struct judging {
    struct comparison *comparison;
    struct quantities *quantities;
    struct noise noise;
    struct reading *totals; /* all samples of a recording */
    double wall_ns, cpu_ns; /* of A: what a part's size is held against */
    size_t test_count[2];   /* of everything but functions, of functions: two families */
};

static struct noise_side side_a(const struct judging *judging, const struct reading *readings)
{
    return quantity_a(judging->quantities, readings);
}

static struct noise_side side_b(const struct judging *judging, const struct reading *readings)
{
    return quantity_b(judging->quantities, readings);
}

static double mean_a(const struct judging *judging, const struct reading *readings)
{
    struct noise_side side = side_a(judging, readings);
    return noise_mean(&side);
}

static double mean_b(const struct judging *judging, const struct reading *readings)
{
    struct noise_side side = side_b(judging, readings);
    return noise_mean(&side);
}

/* --- names --- */

struct labels {
    const char *program; /* what PROGRAM_MARK stands for */
};

static int labels_make(struct comparison *comparison, const struct recorded *a, const struct recorded *b,
                       struct labels *ret_labels, struct err *err)
{
    if (!a->program || !b->program)
        return err_set(err, ERR_BUG, "could not compare recordings: a side has none");
    bool is_same = strcmp(a->program, b->program) == 0;
    ret_labels->program =
        is_same ? a->program : arena_printf(&comparison->arena, "%s / %s", a->program, b->program);
    return ret_labels->program ? 0 : err_memory(err);
}

static const char *unmarked(const struct labels *labels, const char *name)
{
    return name && strcmp(name, PROGRAM_MARK) == 0 ? labels->program : name;
}

/* --- what is worth a test --- */

static bool is_time(const struct quantity *quantity)
{
    return strcmp(quantity->key.unit, "ns") == 0;
}

/* Size depends on both sides together, not on their difference, so leaving out the small ones favours nothing. */
static bool is_small(const struct judging *judging, const struct quantity *quantity)
{
    double whole = quantity->key.kind == COMPARE_FUNCTION ? judging->cpu_ns : judging->wall_ns;
    double larger = fmax(mean_a(judging, quantity->readings), mean_b(judging, quantity->readings));
    /* A latency is no part of the run. */
    bool is_part = is_time(quantity) && !str_starts(quantity->key.metric, "latency_");
    return is_part && larger < judging->comparison->options.threshold_ratio * whole;
}

static bool is_machine(const struct quantity *quantity)
{
    return quantity->key.kind == COMPARE_WAIT &&
           strcmp(quantity->key.detail, wait_reason_name(WAIT_CPU_QUEUE)) == 0;
}

/* Code without a name in one recording may have one in another. */
static bool is_nameless(const struct quantity *quantity)
{
    return quantity->key.kind == COMPARE_FUNCTION && strcmp(quantity->key.detail, UNKNOWN_FUNCTION) == 0;
}

/* So few samples in all that no split of them would be evidence. Their number says nothing about the split. */
static bool is_few(const struct judging *judging, enum reading_kind kind, const struct reading *readings)
{
    double count = 0;
    for (size_t i = 0; i < judging->quantities->count_a + judging->quantities->count_b; i++)
        count += readings[i].count;
    return kind == READING_SAMPLED && count < SAMPLES_MIN;
}

/* Of stages that run side by side now the one and now the other is on the path. */
static bool is_path(const struct quantity *quantity)
{
    return quantity->key.kind == COMPARE_STAGE && strcmp(quantity->key.metric, "critical_ns") == 0;
}

/* What one recording a side says nothing about: which stage is on the path, and the waits of a window, which are what
 * running and queueing leave of it. */
static bool is_alone(const struct comparison *comparison, const struct quantity *quantity)
{
    bool is_rest = comparison->is_rate && quantity->key.kind == COMPARE_WAIT;
    return (is_path(quantity) || is_rest) &&
           comparison->sides[0].file_count + comparison->sides[1].file_count <= 2;
}

static size_t family_of(const struct quantity *quantity)
{
    return quantity->key.kind == COMPARE_FUNCTION;
}

static bool is_tested(const struct judging *judging, const struct quantity *quantity)
{
    return quantity->key.kind != COMPARE_USAGE && !is_small(judging, quantity) && !is_machine(quantity) &&
           !is_nameless(quantity) && !is_alone(judging->comparison, quantity) &&
           !is_few(judging, quantity->key.reading, quantity->readings);
}

/* --- one quantity --- */

static bool is_sure_way(const struct estimate *estimate, bool is_more)
{
    return is_more ? estimate->low > 0 : estimate->high < 0;
}

/* The noise with the confidence that one of so many intervals needs. */
static struct noise noise_among(const struct judging *judging, size_t count)
{
    struct noise noise = judging->noise;
    noise.confidence_ratio =
        1 - (1 - judging->comparison->options.confidence_ratio) / (count ? (double)count : 1);
    return noise;
}

/* Everything but this reading, of all recordings. */
static struct reading *rest_of(const struct judging *judging, const struct reading *readings)
{
    size_t count = judging->quantities->count_a + judging->quantities->count_b;
    struct reading *rest = calloc(count, sizeof *rest);
    for (size_t i = 0; rest && i < count; i++) {
        rest[i].value = fmax(0, judging->totals[i].value - readings[i].value);
        rest[i].count = fmax(0, judging->totals[i].count - readings[i].count);
        rest[i].squares = fmax(0, judging->totals[i].squares - readings[i].squares);
    }
    return rest;
}

/* Whether it moved against the rest as well: a slower machine moves all alike. Asked of claims alone, one by one: it can only
 * take them back. */
static int stands_out(const struct judging *judging, const struct reading *readings, bool is_more,
                      bool *ret_stands_out, struct err *err)
{
    struct reading *rest = rest_of(judging, readings);
    if (!rest)
        return err_memory(err);
    size_t count = judging->quantities->count_a + judging->quantities->count_b;
    double fewest = INFINITY;
    for (size_t i = 0; i < count; i++)
        fewest = fmin(fewest, reading_effective_count(&rest[i]));
    *ret_stands_out = true;
    if (fewest >= REST_COUNT_MIN) {
        struct noise_side a = side_a(judging, readings), b = side_b(judging, readings);
        struct noise_side rest_a = side_a(judging, rest), rest_b = side_b(judging, rest);
        struct noise noise = noise_among(judging, 1);
        struct estimate share = noise_share_ratio(&noise, &a, &b, &rest_a, &rest_b);
        *ret_stands_out = is_sure_way(&share, is_more);
    }
    free(rest);
    return 0;
}

static int quantity_judge(struct judging *judging, const struct labels *labels,
                          const struct quantity *quantity, struct err *err)
{
    struct comparison *comparison = judging->comparison;
    const struct quantity_key *key = &quantity->key;
    struct noise_side a = side_a(judging, quantity->readings), b = side_b(judging, quantity->readings);
    struct difference difference = {
        .kind = key->kind,
        .place = unmarked(labels, key->place),
        .detail = key->detail,
        .peer = key->peer,
        .metric = key->metric,
        .unit = key->unit,
        .higher_is_better = key->higher_is_better,
        .follows = key->follows,
        .count_a = a.count,
        .count_b = b.count,
        .a = noise_mean(&a),
        .b = noise_mean(&b),
        .is_primary = key->kind == COMPARE_RUN && strcmp(key->metric, "wall_ns") == 0,
        .is_exact = key->reading == READING_EXACT,
        .is_assumed = !comparison->is_noise_measured && key->reading != READING_EXACT};
    if (!(difference.a > 0) && !(difference.b > 0))
        return 0;
    size_t family_count = judging->test_count[family_of(quantity)];
    struct noise noise = noise_among(judging, family_count);
    bool has_least =
        key->reading == READING_MEASURED && is_time(quantity) && !str_starts(key->metric, "latency_");
    struct noise_terms terms = {
        key->reading, key->factor,
        has_least ? comparison->is_noise_measured ? TIME_NOISE_MEASURED_NS : TIME_NOISE_NS : 0};
    difference.log_ratio = noise_ratio(&noise, &terms, &a, &b);
    if (is_machine(quantity))
        difference.denial = COMPARE_DENIED_BY_MACHINE;
    else if (is_nameless(quantity))
        difference.denial = COMPARE_DENIED_BY_NAME;
    else if (is_alone(comparison, quantity))
        difference.denial = COMPARE_DENIED_BY_RUNS;
    else if (is_small(judging, quantity))
        difference.denial = COMPARE_DENIED_BY_SIZE;
    else if (is_few(judging, key->reading, quantity->readings))
        difference.denial = COMPARE_DENIED_BY_FEW;
    difference_judge(&difference, &comparison->options);
    if (key->kind == COMPARE_USAGE)
        difference.has_verdict = false;
    if (!isnan(difference.p_value) && !difference.is_exact)
        difference.p_value_adjusted = fmin(1, difference.p_value * (double)family_count);
    if (key->kind == COMPARE_FUNCTION && difference_is_claim(&difference)) {
        bool is_alone = true;
        int status = stands_out(judging, quantity->readings, difference.b > difference.a, &is_alone, err);
        if (status)
            return status;
        if (!is_alone) {
            difference.verdict = EFFECT_INCONCLUSIVE;
            difference.denial = COMPARE_DENIED_BY_COMMON;
        }
    }
    return vec_push(&comparison->differences, difference) ? err_memory(err) : 0;
}

/* --- peers that only one side has --- */

/* A name that no recording of the other side knows (a temporary file, a port) would be one wait gone and another come: they
 * are put together, without the name. */
static int merge_lone_peers(struct judging *judging, struct err *err)
{
    struct quantities *quantities = judging->quantities;
    size_t count = quantities->items.count, recordings = quantities->count_a + quantities->count_b;
    for (size_t i = 0; i < count; i++) {
        struct quantity *quantity = &quantities->items.items[i];
        if (quantity->key.kind != COMPARE_WAIT || !quantity->key.peer[0])
            continue;
        if (mean_a(judging, quantity->readings) > 0 && mean_b(judging, quantity->readings) > 0)
            continue;
        struct quantity_key key = quantity->key;
        struct reading *readings = quantity->readings;
        key.peer = NULL;
        for (size_t r = 0; r < recordings; r++) {
            struct quantity_part part = {r, readings[r].value, readings[r].count, readings[r].squares, 0, 0};
            int status = part.value > 0 ? quantities_add(quantities, &key, &part, err) : 0;
            if (status)
                return status;
            readings[r] = (struct reading){0};
        }
    }
    return 0;
}

/* --- the noise --- */

static int typical_fill(struct judging *judging, enum reading_kind kind, struct err *err)
{
    const struct quantities *quantities = judging->quantities;
    double *variances = calloc(quantities->items.count + 1, sizeof *variances);
    size_t count = 0, recordings = quantities->count_a + quantities->count_b;
    if (!variances)
        return err_memory(err);
    for (size_t i = 0; i < quantities->items.count; i++) {
        const struct quantity *quantity = &quantities->items.items[i];
        struct noise_side a = side_a(judging, quantity->readings), b = side_b(judging, quantity->readings);
        double variance = quantity->key.reading == kind && is_tested(judging, quantity)
                              ? noise_excess_variance(kind, &a, &b)
                              : NAN;
        if (isfinite(variance))
            variances[count++] = variance;
    }
    sort_values(variances, count);
    judging->noise.typical_variance[kind] = noise_typical_variance(variances, count, recordings);
    free(variances);
    return 0;
}

static int noise_fill(struct judging *judging, struct err *err)
{
    struct comparison *comparison = judging->comparison;
    const struct quantities *quantities = judging->quantities;
    for (size_t i = 0; i < quantities->items.count; i++)
        if (is_tested(judging, &quantities->items.items[i]))
            judging->test_count[family_of(&quantities->items.items[i])]++;
    judging->noise.run_deviation = comparison->noise_ratio = comparison->options.noise_ratio;
    if (quantities->count_a + quantities->count_b <= 2)
        return 0;
    int status = typical_fill(judging, READING_SAMPLED, err);
    if (!status)
        status = typical_fill(judging, READING_MEASURED, err);
    comparison->noise_ratio = sqrt(judging->noise.typical_variance[READING_SAMPLED]);
    comparison->is_noise_measured = true;
    return status;
}

static void sizes_fill(struct judging *judging)
{
    const struct quantities *quantities = judging->quantities;
    size_t count = quantities->count_a + quantities->count_b;
    for (size_t i = 0; i < quantities->items.count; i++) {
        const struct quantity *quantity = &quantities->items.items[i];
        if (quantity->key.kind == COMPARE_RUN && strcmp(quantity->key.metric, "wall_ns") == 0)
            judging->wall_ns = mean_a(judging, quantity->readings);
        if (quantity->key.kind != COMPARE_FUNCTION)
            continue;
        for (size_t r = 0; r < count; r++) {
            judging->totals[r].value += quantity->readings[r].value;
            judging->totals[r].count += quantity->readings[r].count;
            judging->totals[r].squares += quantity->readings[r].squares;
        }
    }
    judging->cpu_ns = mean_a(judging, judging->totals);
    if (!(judging->wall_ns > 0))
        judging->wall_ns = 1e9; /* a window: everything is per second */
}

/* --- the call tree --- */

static int flame_fill(struct judging *judging, const struct labels *labels, struct err *err)
{
    struct comparison *comparison = judging->comparison;
    const struct quantities *quantities = judging->quantities;
    for (size_t i = 0; i < quantities->nodes.count; i++) {
        const struct frame_node *node = &quantities->nodes.items[i];
        struct flame_change change = {.name = unmarked(labels, node->name),
                                      .module = node->module,
                                      .parent = node->parent,
                                      .self_a = mean_a(judging, node->readings),
                                      .self_b = mean_b(judging, node->readings)};
        change.total_a = change.self_a;
        change.total_b = change.self_b;
        change.ratio = change.self_a > 0 ? change.self_b / change.self_a : change.self_b > 0 ? INFINITY : 1;
        if (vec_push(&comparison->flame, change))
            return err_memory(err);
    }
    for (size_t i = comparison->flame.count; i-- > 1;) {
        struct flame_change *change = &comparison->flame.items[i],
                            *parent = &comparison->flame.items[change->parent];
        parent->total_a += change->total_a;
        parent->total_b += change->total_b;
    }
    return 0;
}

static bool is_frame_tested(const struct judging *judging, size_t index)
{
    const struct flame_change *root = &judging->comparison->flame.items[0],
                              *change = &judging->comparison->flame.items[index];
    return change->self_a + change->self_b > FRAME_RATIO_MIN * (root->total_a + root->total_b) &&
           !is_few(judging, READING_SAMPLED, judging->quantities->nodes.items[index].readings);
}

static int flame_judge(struct judging *judging, struct err *err)
{
    struct comparison *comparison = judging->comparison;
    size_t tested = 0;
    for (size_t i = 0; i < comparison->flame.count; i++)
        tested += is_frame_tested(judging, i);
    struct noise noise = noise_among(judging, tested);
    static const struct noise_terms terms = {READING_SAMPLED, 1, 0};
    for (size_t i = 0; i < comparison->flame.count; i++) {
        struct flame_change *change = &comparison->flame.items[i];
        const struct reading *readings = judging->quantities->nodes.items[i].readings;
        struct noise_side a = side_a(judging, readings), b = side_b(judging, readings);
        if (!is_frame_tested(judging, i))
            continue;
        struct estimate estimate = noise_ratio(&noise, &terms, &a, &b);
        enum effect_verdict verdict = effect_judge(&estimate, comparison->options.threshold_ratio);
        if (verdict != EFFECT_SLOWER && verdict != EFFECT_FASTER)
            continue;
        int status = stands_out(judging, readings, verdict == EFFECT_SLOWER, &change->is_changed, err);
        if (status)
            return status;
    }
    return 0;
}

/* --- notes --- */

static int note(struct comparison *comparison, const char *text, struct err *err)
{
    return !text || vec_push(&comparison->notes, text) ? err_memory(err) : 0;
}

static int notes_fill(struct judging *judging, const struct labels *labels, struct err *err)
{
    struct comparison *comparison = judging->comparison;
    struct arena *arena = &comparison->arena;
    int status = 0;
    for (int side = 0; !status && side < 2; side++)
        if (comparison->sides[side].lost_count)
            status = note(comparison,
                          arena_printf(arena, "%s lost %llu events.", side ? "B" : "A",
                                       (unsigned long long)comparison->sides[side].lost_count),
                          err);
    double outside = comparison->sides[1].outside_cores - comparison->sides[0].outside_cores;
    if (!status && fabs(outside) > 0.3)
        status = note(comparison,
                      arena_printf(arena, "Other programs used %.1f CPUs beside A and %.1f beside B.",
                                   comparison->sides[0].outside_cores, comparison->sides[1].outside_cores),
                      err);
    for (size_t i = 0; !status && i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        bool is_work = difference->kind == COMPARE_USAGE && strcmp(difference->metric, "calls") != 0;
        /* Tokens are what agents use, not what they get done. */
        if (is_work && !comparison->is_rate && !comparison->is_agents &&
            fabs(difference->b - difference->a) > 0.001 * difference->a)
            status = note(comparison,
                          arena_printf(arena, "%s did not do the same work: %.0f %s in A, %.0f in B.",
                                       unmarked(labels, difference->place), difference->a, difference->metric,
                                       difference->b),
                          err);
    }
    if (!status && judging->quantities->is_cut)
        status = note(comparison,
                      "There are more functions and places than toll compares; the rest is left out.", err);
    return status;
}

/* --- all of it --- */

static int recordings_read(const struct compare_recordings_request *request, struct comparison *comparison,
                           struct quantities *quantities, struct labels *ret_labels, struct err *err)
{
    size_t count = request->count_a + request->count_b;
    struct recorded first[2] = {{0}};
    for (size_t i = 0; i < count; i++) {
        bool is_b = i >= request->count_a;
        const struct compare_recording *recording = is_b ? &request->b[i - request->count_a] : &request->a[i];
        struct compare_side *side = &comparison->sides[is_b];
        double share = 1 / (double)(is_b ? request->count_b : request->count_a);
        struct recorded recorded = {0};
        int status = recorded_read(recording, quantities, i, &recorded, err);
        if (status)
            return err_wrap(err, "could not compare recording '%s'", recording->name);
        if (!first[is_b].program)
            first[is_b] = recorded;
        side->title = first[is_b].command;
        side->sample_count += recorded.sample_count;
        side->lost_count += recorded.lost_count;
        side->outside_cores += recorded.outside_cores * share;
        if (i && recorded.is_window != comparison->is_rate)
            return err_set(
                err, ERR_INPUT,
                "could not compare '%s' with the others: a run from start to end and a window of one",
                recording->name);
        comparison->is_rate = recorded.is_window;
        comparison->is_agents = recorded.is_agents && (i == 0 || comparison->is_agents);
        if (recorded.is_cut)
            status =
                note(comparison,
                     arena_printf(&comparison->arena,
                                  "The recorder of '%s' was stopped before the run ended.", recording->name),
                     err);
        if (status)
            return status;
    }
    return labels_make(comparison, &first[0], &first[1], ret_labels, err);
}

static int names_fill(const struct compare_recording *recordings, size_t count, struct comparison *comparison,
                      int side, struct err *err)
{
    const char **names = arena_alloc(&comparison->arena, (count + 1) * sizeof *names);
    for (size_t i = 0; names && i < count; i++) {
        names[i] = arena_string(&comparison->arena, recordings[i].name);
        if (!names[i])
            return err_memory(err);
    }
    comparison->sides[side].files = names;
    comparison->sides[side].file_count = count;
    return names ? 0 : err_memory(err);
}

static int all_judge(struct judging *judging, const struct labels *labels, struct err *err)
{
    int status = 0;
    size_t count = judging->quantities->count_a + judging->quantities->count_b;
    judging->totals = arena_alloc(&judging->comparison->arena, count * sizeof *judging->totals);
    if (!judging->totals)
        return err_memory(err);
    status = merge_lone_peers(judging, err);
    if (status)
        return status;
    sizes_fill(judging);
    status = noise_fill(judging, err);
    for (size_t i = 0; !status && i < judging->quantities->items.count; i++)
        status = quantity_judge(judging, labels, &judging->quantities->items.items[i], err);
    if (!status)
        status = flame_fill(judging, labels, err);
    if (!status)
        status = flame_judge(judging, err);
    return status ? status : notes_fill(judging, labels, err);
}

/* Of the run's CPU time; of a team its bill. */
static void smallest_fill(struct comparison *comparison)
{
    const char *metric = comparison->is_agents ? USAGE_COST : "cpu_ns";
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference->kind == COMPARE_RUN && strcmp(difference->metric, metric) == 0)
            comparison->smallest_effect_ratio = difference->smallest_effect_ratio;
    }
}

int compare_recordings(const struct compare_recordings_request *request, struct comparison *ret_comparison,
                       struct err *err)
{
    struct comparison comparison = {
        .is_recordings = true, .format = "recording", .options = options_filled(&request->options)};
    struct quantities quantities = {.count_a = request->count_a, .count_b = request->count_b};
    struct judging judging = {.comparison = &comparison, .quantities = &quantities};
    struct labels labels = {0};
    int status = quantities_init(&quantities, &comparison.arena, err);
    if (!status)
        status = names_fill(request->a, request->count_a, &comparison, 0, err);
    if (!status)
        status = names_fill(request->b, request->count_b, &comparison, 1, err);
    if (!status)
        status = recordings_read(request, &comparison, &quantities, &labels, err);
    if (!status)
        status = all_judge(&judging, &labels, err);
    smallest_fill(&comparison);
    quantities_free(&quantities);
    if (status)
        comparison_free(&comparison);
    else
        *ret_comparison = comparison;
    return status;
}
