/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/tune_command.h"

#include <string.h>

#include "base/fs.h"

/* The place of a name among others; ERR_USAGE. */
static int choose(const char *option, const char *name, const char *const *names, size_t count,
                  size_t *ret_at, struct err *err)
{
    for (*ret_at = 0; *ret_at < count; ++*ret_at)
        if (strcmp(names[*ret_at], name) == 0)
            return 0;
    return err_set(err, ERR_USAGE, "could not understand '%s' of --%s", name, option);
}

/* One thing is made better: what is printed, rows, or what was named. */
static int objective_fill(const struct tune_request *request, struct sweep_options *options, struct err *err)
{
    static const char *const names[] = {"wall", "cpu", "memory"};
    static const enum sweep_objective objectives[] = {SWEEP_WALL, SWEEP_CPU, SWEEP_MEMORY};
    size_t at = 0;
    int status = choose("objective", request->objective ? request->objective : "wall", names, 3, &at, err);
    if (status)
        return status;
    if ((request->objective != NULL) + (options->rows != NULL) + (options->bench.printed != NULL) > 1)
        return err_set(err, ERR_USAGE,
                       "could not tune for two things: one of --objective, --rows and --metric");
    options->objective = objectives[at];
    if (options->rows)
        options->objective = SWEEP_ROWS;
    if (options->bench.printed)
        options->objective =
            request->better && strcmp(request->better, "less") == 0 ? SWEEP_PRINTED_LESS : SWEEP_PRINTED_MORE;
    else if (request->better)
        return err_set(err, ERR_USAGE, "could not use --better: it is about what --metric reads");
    return 0;
}

static int options_fill(const struct tune_request *request, struct sweep_options *options, struct err *err)
{
    static const char *const laws[] = {"auto", "none", "usl", "batch"};
    size_t law = 0;
    int status = objective_fill(request, options, err);
    if (!status)
        status = choose("fit", request->law ? request->law : "auto", laws, sizeof laws / sizeof laws[0], &law,
                        err);
    options->law = (enum sweep_law)law;
    if (!status && request->cache)
        status = page_cache_parse(request->cache, &options->bench.cache, err);
    return status;
}

static int write_file(const char *path, const struct str *text, struct err *err)
{
    return text->failed ? err_memory(err) : fs_replace(path, str_text(text), text->length, 0644, err);
}

static int write_out(const struct tune_request *request, const struct sweep_result *result, struct str *text,
                     struct err *err)
{
    struct str page = {0};
    int status = 0;
    if (request->html) {
        sweep_html(result, &page);
        status = write_file(request->html, &page, err);
        str_free(&page);
    }
    if (status)
        return status;
    if (request->json)
        sweep_json(result, text);
    else
        sweep_text(result, &request->look, text);
    if (text->failed)
        return err_memory(err);
    if (request->output) {
        status = write_file(request->output, text, err);
        str_clear(text);
    }
    return status;
}

int ops_tune(const struct tune_request *request, struct tune_outcome *ret_outcome, struct err *err)
{
    struct sweep_options options = request->options;
    struct sweep_result result;
    struct tune_outcome outcome = {0};
    int status = options_fill(request, &options, err);
    if (!status)
        status = sweep_run(&options, &result, err);
    if (status)
        return status;
    outcome.is_interrupted = result.bench.stop == BENCH_STOP_INTERRUPT;
    status = write_out(request, &result, &outcome.text, err);
    sweep_result_free(&result);
    if (status)
        str_free(&outcome.text);
    else
        *ret_outcome = outcome;
    return status;
}
