/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/tune_command.h"

#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "base/words.h"

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
    if (strcmp(request->format, "json") == 0)
        sweep_json(result, text);
    else if (strcmp(request->format, "html") == 0)
        sweep_html(result, text);
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

/* What the tags say besides: the value of each knob that was best. */
static int keep_options_fill(const struct tune_request *request, const struct sweep_result *result,
                             struct arena *arena, struct keep_options *ret_options)
{
    const struct sweep_value *best = &result->values.items[result->best];
    size_t given = request->keep.tag_count;
    const char **tags = arena_alloc(arena, (given + SWEEP_KNOBS_MAX) * sizeof *tags);
    *ret_options = request->keep;
    for (size_t i = 0; tags && i < given + result->knob_count; i++) {
        tags[i] = i < given ? request->keep.tags[i]
                            : arena_printf(arena, "%s=%s", result->knobs[i - given].name,
                                           best->knobs[i - given].text);
        tags = tags[i] ? tags : NULL;
    }
    ret_options->tags = tags;
    ret_options->tag_count = given + result->knob_count;
    return tags ? 0 : -1;
}

/* The command with its knobs' places left open. */
static int name_fill(const struct bench_options *bench, struct arena *arena, struct str *ret_name,
                     struct err *err)
{
    const struct bench_text *command = &bench->commands[0];
    const char *const line[] = {command->line, NULL};
    struct words words = {.items =
                              command->words ? (char **)(uintptr_t)command->words : (char **)(uintptr_t)line};
    int status = command->words || bench->use_shell ? 0 : words_split(command->line, arena, &words, err);
    return status ? status : keep_name(words.items, ret_name, err);
}

/* The best value's figure, as it is shown. */
static struct history_result best_of(const struct sweep_result *result, const char *name)
{
    const struct sweep_value *best = &result->values.items[result->best];
    enum sweep_objective objective = result->objective;
    double one = sweep_shown(objective, best->cost_low), other = sweep_shown(objective, best->cost_high);
    struct history_result kept =
        keep_blank("tune", name, sweep_objective_name(objective), sweep_shown(objective, best->cost));
    kept.at_ns = (int64_t)result->bench.started_at_ns;
    kept.better = sweep_is_rate(objective) ? HISTORY_MORE : HISTORY_LESS;
    kept.count = best->count;
    kept.value_low = fmin(one, other);
    kept.value_high = fmax(one, other);
    kept.verdict = result->move.is_known ? effect_name(result->move.verdict) : NULL;
    return kept;
}

static void keep(const struct tune_request *request, const struct sweep_result *result,
                 struct str *ret_warning)
{
    struct arena arena = {0};
    struct str name = {0};
    struct keep_options options;
    struct err ignored; /* then memory ran out */
    if (!name_fill(&request->options.bench, &arena, &name, &ignored) &&
        !keep_options_fill(request, result, &arena, &options)) {
        struct history_result best = best_of(result, str_text(&name));
        keep_results(&options, &best, 1, ret_warning);
    }
    str_free(&name);
    arena_free(&arena);
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
    if (!status && request->keep.is_on && !outcome.is_interrupted && result.best != SWEEP_NONE)
        keep(request, &result, &outcome.warning);
    sweep_result_free(&result);
    if (status)
        str_free(&outcome.text);
    else
        *ret_outcome = outcome;
    return status;
}
