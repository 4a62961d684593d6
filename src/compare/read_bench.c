/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_bench: toll's own benchmarks (docs/bench.md, toll.bench/1) and hyperfine's --export-json (1.5 and later: "times" in
 * seconds, "memory_usage_byte" since 1.20).
 */
#include <stdio.h>
#include <string.h>

#include "compare/measured.h"

#define S_TO_NS 1e9

/* --- toll bench --- */

bool bench_recognise(const struct result_input *input)
{
    const char *schema;
    return json_find_text(input->json, "schema", &schema) && strncmp(schema, "toll.bench/", 11) == 0;
}

static int bench_run_add(const struct json_value *run, const char *name, size_t index,
                         struct measured *measured, struct err *err)
{
    static const struct {
        const char *metric, *unit;
        bool is_needed;
    } metrics[] = {
        {"wall_ns", "ns", true}, {"memory_bytes_max", "bytes", true}, {"instructions", "count", false}};
    double user, system, value;
    uint64_t round;

    if (!json_find_count(run, "round", &round))
        return err_set(err, ERR_INPUT, "run %zu of '%.60s' has no round", index, name);
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        struct series_kind kind = {.name = name, .metric = metrics[i].metric, .unit = metrics[i].unit};
        if (!json_find_number(run, metrics[i].metric, &value)) {
            if (metrics[i].is_needed)
                return err_set(err, ERR_INPUT, "run %zu of '%.60s' has no %s", index, name,
                               metrics[i].metric);
            continue;
        }
        int status = measured_add_round(measured, &kind, value, round, err);
        if (status)
            return status;
    }
    if (!json_find_number(run, "user_ns", &user) || !json_find_number(run, "system_ns", &system))
        return 0;
    struct series_kind cpu = {.name = name, .metric = "cpu_ns", .unit = "ns"};
    return measured_add_round(measured, &cpu, user + system, round, err);
}

static int bench_arm_add(const struct json_value *arm, size_t index, struct measured *measured,
                         struct err *err)
{
    const char *name;
    const struct json_value *runs = json_find_array(arm, "runs");
    if (!json_find_text(arm, "command", &name) && !json_find_text(arm, "name", &name))
        return err_set(err, ERR_INPUT, "arm %zu has no command", index);
    if (!json_count(runs))
        return err_set(err, ERR_INPUT, "arm %zu, '%.60s', has no runs", index, name);
    /* The same command twice (under two names) is two arms. */
    char apart[512];
    const char *letter;
    if (measured_find(measured, name, "wall_ns") && json_find_text(arm, "name", &letter)) {
        snprintf(apart, sizeof apart, "%.200s (%.200s)", name, letter);
        name = apart;
    }
    for (size_t i = 0; json_item(runs, i); i++) {
        int status = bench_run_add(json_item(runs, i), name, i, measured, err);
        if (status)
            return status;
    }
    return 0;
}

static int bench_notes(const struct json_value *root, struct measured *measured, struct err *err)
{
    double steal;
    if (!json_find_number(root, "machine.steal_ratio", &steal) || steal < 0.05)
        return 0;
    char note[128];
    snprintf(note, sizeof note, "Other guests of the host took %.0f %% of the CPU time of a benchmark.",
             100 * steal);
    return measured_note(measured, note, err);
}

int bench_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    const struct json_value *arms = json_find_array(input->json, "arms");
    if (!arms)
        return err_set(err, ERR_INPUT, "it has no 'arms'");
    for (size_t i = 0; json_item(arms, i); i++) {
        int status = bench_arm_add(json_item(arms, i), i, measured, err);
        if (status)
            return status;
    }
    return bench_notes(input->json, measured, err);
}

/* --- hyperfine --- */

bool hyperfine_recognise(const struct result_input *input)
{
    const struct json_value *first = json_item(json_find_array(input->json, "results"), 0);
    const char *command;
    double mean;
    return json_find_text(first, "command", &command) && json_find_number(first, "mean", &mean);
}

static int hyperfine_failures(const struct json_value *result, const char *name, struct measured *measured,
                              struct err *err)
{
    const struct json_value *codes = json_find_array(result, "exit_codes");
    size_t failed = 0;
    for (size_t i = 0; json_item(codes, i); i++) {
        double code;
        failed += !json_find_number(json_item(codes, i), NULL, &code) || code < 0 || code > 0;
    }
    if (!failed)
        return 0;
    char note[256];
    snprintf(note, sizeof note, "%zu of %zu runs of '%.120s' failed.", failed, json_count(codes), name);
    return measured_note(measured, note, err);
}

static int hyperfine_values(const struct json_value *array, const struct series_kind *kind, double scale,
                            struct measured *measured, struct err *err)
{
    for (size_t i = 0; json_item(array, i); i++) {
        double value;
        if (!json_find_number(json_item(array, i), NULL, &value))
            return err_set(err, ERR_INPUT, "value %zu of '%.60s' is no number but %s", i, kind->name,
                           json_kind_name(json_item(array, i)));
        int status = measured_add(measured, kind, value * scale, err);
        if (status)
            return status;
    }
    return 0;
}

static int hyperfine_result(const struct json_value *result, size_t index, struct measured *measured,
                            struct err *err)
{
    static const struct {
        const char *key, *metric;
    } means[] = {{"user", "user_ns"}, {"system", "system_ns"}};
    const char *name;
    const struct json_value *times = json_find_array(result, "times");
    double value;
    int status;

    if (!json_find_text(result, "command", &name))
        return err_set(err, ERR_INPUT, "result %zu has no command", index);
    struct series_kind wall = {
        .name = name, .metric = "wall_ns", .unit = "ns", .is_summary = !json_count(times)};
    if (json_count(times))
        status = hyperfine_values(times, &wall, S_TO_NS, measured, err);
    else if (json_find_number(result, "median", &value) || json_find_number(result, "mean", &value))
        status = measured_add(measured, &wall, value * S_TO_NS, err);
    else
        return err_set(err, ERR_INPUT, "result %zu, '%.60s', has no times", index, name);
    struct series_kind memory = {.name = name, .metric = "memory_bytes_max", .unit = "bytes"};
    if (!status)
        status = hyperfine_values(json_find_array(result, "memory_usage_byte"), &memory, 1, measured, err);
    /* Only their means are told. */
    for (size_t i = 0; !status && i < sizeof means / sizeof means[0]; i++) {
        struct series_kind kind = {.name = name, .metric = means[i].metric, .unit = "ns", .is_summary = true};
        if (json_find_number(result, means[i].key, &value))
            status = measured_add(measured, &kind, value * S_TO_NS, err);
    }
    return status ? status : hyperfine_failures(result, name, measured, err);
}

int hyperfine_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    const struct json_value *results = json_find_array(input->json, "results");
    if (!results)
        return err_set(err, ERR_INPUT, "it has no 'results'");
    for (size_t i = 0; json_item(results, i); i++) {
        int status = hyperfine_result(json_item(results, i), i, measured, err);
        if (status)
            return status;
    }
    return 0;
}
