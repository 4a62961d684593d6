/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/bench_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/redact.h"
#include "ops/run_command.h"

#define FORMAT_MAX 32

/* The exporter of "FORMAT" or "FORMAT=FILE", and the file (NULL). */
static int export_parse(const char *text, bench_exporter **ret_exporter, const char **ret_file,
                        struct err *err)
{
    const char *equals = strchr(text, '=');
    char name[FORMAT_MAX] = "";
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    if (length < sizeof name)
        snprintf(name, sizeof name, "%.*s", (int)length, text);
    *ret_exporter = bench_exporter_find(name);
    *ret_file = equals && equals[1] ? equals + 1 : NULL;
    if (*ret_exporter)
        return 0;
    err_set(err, ERR_USAGE, "could not export as '%.*s': toll has no such format for benchmarks", (int)length,
            text);
    err_hint(err, "choose one of: " BENCH_EXPORTS "; FORMAT=FILE writes into a file");
    return -ERR_USAGE;
}

/* Before anything is measured: a wrong name would cost the measurement. */
static int exports_check(const struct bench_request *request, struct err *err)
{
    size_t to_stdout = request->json;
    for (size_t i = 0; i < request->export_count; i++) {
        bench_exporter *exporter;
        const char *file;
        int status = export_parse(request->exports[i], &exporter, &file, err);
        if (status)
            return status;
        to_stdout += !file;
    }
    if (to_stdout > 1)
        return err_set(err, ERR_USAGE,
                       "could not write %zu formats to one place: FORMAT=FILE writes into a file", to_stdout);
    return 0;
}

static int write_out(const struct bench_request *request, const struct bench_result *result, struct str *text,
                     struct err *err)
{
    bool has_text = false;
    for (size_t i = 0; i < request->export_count; i++) {
        bench_exporter *exporter;
        const char *file;
        struct str written = {0};
        int status = export_parse(request->exports[i], &exporter, &file, err);
        if (status)
            return status;
        exporter(result, file ? &written : text);
        has_text = has_text || !file;
        if (file)
            status =
                written.failed ? err_memory(err) : fs_replace(file, written.text, written.length, 0644, err);
        str_free(&written);
        if (status)
            return status;
    }
    if (request->json)
        bench_json(result, &request->look, text);
    else if (!has_text)
        bench_text(result, &request->look, text);
    if (text->failed)
        return err_memory(err);
    if (!request->output)
        return 0;
    int status = fs_replace(request->output, str_text(text), text->length, 0644, err);
    str_clear(text);
    return status;
}

/* One run of each arm; what the recorder lost does not take the benchmark's result away. */
static int record_arms(struct bench_result *result, const char **paths, struct err *err)
{
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        char path[256];
        struct run_outcome outcome;
        snprintf(path, sizeof path, "toll-bench-%.64s-%llu.toll", arm->name,
                 (unsigned long long)result->seed);
        for (char *at = path; *at; at++)
            *at = *at == '/' ? '_' : *at;
        struct run_request run = {.command = arm->words, .output = path};
        int status = ops_run(&run, &outcome, err);
        str_free(&outcome.text);
        if (status && !outcome.ran)
            return status;
        paths[i] = arena_string(&result->arena, path);
        if (!paths[i])
            return err_memory(err);
    }
    return 0;
}

/* What an arm's series is called: as the user named it, else the command without what looks like a secret. */
static int series_name(const struct bench_request *request, const struct bench_arm *arm, size_t index,
                       struct str *ret_name, struct err *err)
{
    struct str redacted = {0};
    if (index < request->options.name_count) {
        str_append(ret_name, arm->name);
        return ret_name->failed ? err_memory(err) : 0;
    }
    int status = keep_name(arm->words, &redacted, err);
    bool has_secret = !status && strstr(str_text(&redacted), REDACT_HIDDEN) != NULL;
    str_append(ret_name, has_secret ? str_text(&redacted) : arm->command);
    str_free(&redacted);
    return status ? status : ret_name->failed ? err_memory(err) : 0;
}

static void keep_arm(const struct bench_request *request, const struct bench_result *result, size_t index,
                     struct str *ret_warning)
{
    static const enum bench_metric metrics[] = {BENCH_WALL, BENCH_CPU, BENCH_MEMORY};
    const struct bench_arm *arm = &result->arms.items[index];
    struct history_result results[sizeof metrics / sizeof metrics[0]];
    struct str name = {0};
    struct err ignored; /* then memory ran out */
    size_t count = 0;
    if (series_name(request, arm, index, &name, &ignored))
        return;
    for (; count < sizeof metrics / sizeof metrics[0]; count++) {
        const struct bench_summary *summary = &arm->summaries[metrics[count]];
        const struct bench_comparison *comparison = bench_comparison_of(result, index, metrics[count]);
        results[count] = keep_blank("bench", str_text(&name), bench_metric_name(metrics[count]),
                                    summary->description.median);
        results[count].at_ns = (int64_t)result->started_at_ns;
        results[count].count = arm->runs.count;
        if (summary->median_confidence_ratio > 0) {
            results[count].value_low = summary->median_low;
            results[count].value_high = summary->median_high;
        }
        results[count].verdict = comparison ? effect_name(comparison->verdict) : NULL;
    }
    keep_results(&request->keep, results, count, ret_warning);
    str_free(&name);
}

int ops_bench(const struct bench_request *asked, struct bench_outcome *ret_outcome, struct err *err)
{
    struct bench_request request = *asked;
    struct bench_result result;
    struct bench_outcome outcome = {0};
    const char *recordings[BENCH_ARMS_MAX] = {0};
    int status = exports_check(&request, err);
    if (!status && request.cache)
        status = page_cache_parse(request.cache, &request.options.cache, err);
    if (!status)
        status = bench_run(&request.options, &result, err);
    if (status)
        return status;
    outcome.is_interrupted = result.stop == BENCH_STOP_INTERRUPT;
    if (request.record && !outcome.is_interrupted) {
        request.look.recordings = recordings;
        status = record_arms(&result, recordings, err);
    }
    if (!status)
        status = write_out(&request, &result, &outcome.text, err);
    for (size_t i = 0; !status && request.keep.is_on && !outcome.is_interrupted && !outcome.warning.length &&
                       i < bench_arm_count(&result);
         i++)
        keep_arm(&request, &result, i, &outcome.warning);
    bench_result_free(&result);
    if (status)
        str_free(&outcome.text);
    else
        *ret_outcome = outcome;
    return status;
}
