/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plan.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/words.h"
#include "bench/spawner.h"

/* One name and its values. */
struct parameter {
    const char *name;
    VEC(const char *) values;
};

struct planner {
    const struct bench_options *options;
    struct bench_result *result;
    struct parameter parameters[PLAN_PARAMETERS_MAX];
    size_t parameter_count;
};

static int bad_parameter(const char *text, struct err *err)
{
    err_set(err, ERR_USAGE, "could not understand parameter '%s'", text);
    err_hint(err,
             "NAME=a,b,c, or NAME=1..10 or NAME=0..100..25 for numbers; {NAME} in a command stands for it");
    return -ERR_USAGE;
}

static int add_value(struct planner *planner, struct parameter *parameter, const char *value, size_t length,
                     struct err *err)
{
    const char *copy = arena_copy(&planner->result->arena, value, length);
    if (parameter->values.count >= PLAN_VALUES_MAX)
        return err_set(err, ERR_USAGE, "could not use parameter '%s': it has more than %u values",
                       parameter->name, PLAN_VALUES_MAX);
    return !copy || vec_push(&parameter->values, copy) ? err_memory(err) : 0;
}

/* "1..10", "0..100..25" or "0.3..0.7..0.2". */
struct range {
    double first, last, step;
    int decimals; /* as many as the text has */
};

static int decimals_of(const char *number)
{
    const char *point = strchr(number, '.');
    size_t count = point ? strlen(point + 1) : 0;
    return count > 9 ? 9 : (int)count;
}

/* False when the text is no range. */
static bool read_range(const char *text, struct range *ret_range)
{
    struct range range = {.step = 1};
    double *numbers[] = {&range.first, &range.last, &range.step};
    char copy[128];
    size_t count = 0;
    if (strlen(text) >= sizeof copy || !strstr(text, ".."))
        return false;
    memcpy(copy, text, strlen(text) + 1);
    for (char *at = copy; at && count < 3; count++) {
        char *dots = strstr(at, "..");
        if (dots)
            *dots = '\0';
        if (num_parse_double(at, numbers[count]))
            return false;
        range.decimals = decimals_of(at) > range.decimals ? decimals_of(at) : range.decimals;
        at = dots ? dots + 2 : NULL;
    }
    *ret_range = range;
    return count >= 2 && range.first <= range.last && range.step > 0;
}

static int read_values(struct planner *planner, struct parameter *parameter, const char *text,
                       struct err *err)
{
    struct range range;
    int status = 0;
    if (read_range(text, &range)) {
        /* A step of 0.1 is none exactly: the last value is reached all the same. */
        double steps = fmin(floor((range.last - range.first) / range.step + 1e-9), PLAN_VALUES_MAX);
        for (size_t i = 0; !status && (double)i <= steps; i++) {
            char number[64];
            int length =
                snprintf(number, sizeof number, "%.*f", range.decimals, range.first + (double)i * range.step);
            status = add_value(planner, parameter, number, (size_t)length, err);
        }
        return status;
    }
    while (!status) {
        size_t length = strcspn(text, ",");
        status = add_value(planner, parameter, text, length, err);
        if (!text[length])
            break;
        text += length + 1;
    }
    return status;
}

static int read_parameters(struct planner *planner, struct err *err)
{
    const struct bench_options *options = planner->options;
    if (options->parameter_count > PLAN_PARAMETERS_MAX)
        return err_set(err, ERR_USAGE, "could not use %zu parameters: %u at most", options->parameter_count,
                       PLAN_PARAMETERS_MAX);
    for (size_t i = 0; i < options->parameter_count; i++) {
        const char *text = options->parameters[i], *equals = strchr(text, '=');
        struct parameter *parameter = &planner->parameters[planner->parameter_count];
        if (!equals || equals == text || !equals[1])
            return bad_parameter(text, err);
        parameter->name = arena_copy(&planner->result->arena, text, (size_t)(equals - text));
        if (!parameter->name)
            return err_memory(err);
        planner->parameter_count++;
        int status = read_values(planner, parameter, equals + 1, err);
        if (status)
            return status;
    }
    return 0;
}

/* The text with each {NAME} replaced. */
static char *fill_in(struct planner *planner, const struct bench_arm *arm, const char *text)
{
    struct str filled = {0};
    while (*text) {
        const struct bench_parameter *found = NULL;
        for (size_t i = 0; *text == '{' && i < arm->parameter_count && !found; i++) {
            size_t length = strlen(arm->parameters[i].name);
            if (strncmp(text + 1, arm->parameters[i].name, length) == 0 && text[length + 1] == '}')
                found = &arm->parameters[i];
        }
        if (found) {
            str_append(&filled, found->value);
            text += strlen(found->name) + 2;
        } else {
            str_append_bytes(&filled, text++, 1);
        }
    }
    char *copy = filled.failed ? NULL : arena_string(&planner->result->arena, str_text(&filled));
    str_free(&filled);
    return copy;
}

const char *bench_variable(char *const *variables, const char *name)
{
    const char *value = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; variables && variables[i]; i++)
        if (strncmp(variables[i], name, length) == 0 && variables[i][length] == '=')
            value = variables[i] + length + 1;
    return value;
}

/* The words to execute for a line, through the shell if one is asked for. */
static int words_of_line(struct planner *planner, char *line, char *const **ret_words, struct err *err)
{
    struct arena *arena = &planner->result->arena;
    struct words words;
    if (planner->options->use_shell) {
        char **items = arena_alloc(arena, 4 * sizeof *items);
        if (!items)
            return err_memory(err);
        items[0] = arena_string(arena, "/bin/sh");
        items[1] = arena_string(arena, "-c");
        items[2] = line;
        *ret_words = items;
        return items[0] && items[1] ? 0 : err_memory(err);
    }
    int status = words_split(line, arena, &words, err);
    if (status)
        return status;
    if (words.shell_character && !planner->result->shell_character)
        planner->result->shell_character = words.shell_character;
    *ret_words = words.items;
    return 0;
}

/* Words stay words: a value with a blank in it stays one argument. */
static int words_of_words(struct planner *planner, const struct bench_arm *arm, char *const *words,
                          char *const **ret_words, struct err *err)
{
    size_t count = 0;
    while (words[count])
        count++;
    char **items = arena_alloc(&planner->result->arena, (count + 1) * sizeof *items);
    for (size_t i = 0; items && i < count; i++) {
        items[i] = fill_in(planner, arm, words[i]);
        if (!items[i])
            items = NULL;
    }
    if (!items)
        return err_memory(err);
    *ret_words = items;
    return 0;
}

static int command_fill(struct planner *planner, const struct bench_text *text, struct bench_arm *arm,
                        struct err *err)
{
    struct arena *arena = &planner->result->arena;
    char path[PATH_MAX];
    struct spawn_place place = {text->folder, bench_variable(text->variables, "PATH")};
    arm->folder = text->folder;
    arm->variables = text->variables;
    const char *line = text->words ? words_join(text->words, arena) : text->line;
    char *filled = line ? fill_in(planner, arm, line) : NULL;
    if (!filled)
        return err_memory(err);
    arm->command = filled;
    int status = text->words && !planner->options->use_shell
                     ? words_of_words(planner, arm, text->words, &arm->words, err)
                     : words_of_line(planner, filled, &arm->words, err);
    if (!status && text->words && !planner->options->use_shell)
        arm->command = words_join(arm->words, arena);
    if (!status)
        status = arm->words ? spawner_resolve(arm->words[0], &place, path, err) : err_memory(err);
    if (!status)
        arm->path = arena_string(arena, path);
    const char *variables = text->variables && text->variables[0] ? words_join(text->variables, arena) : NULL;
    if (!status && variables && arm->command)
        arm->command = arena_printf(arena, "%s %s", variables, arm->command);
    return status ? status : arm->path && arm->command ? 0 : err_memory(err);
}

/* Words of a hook's line; NULL for no line. */
static int hook_fill(struct planner *planner, const struct bench_arm *arm, const char *line,
                     char *const **ret_words, struct err *err)
{
    char *filled = line ? fill_in(planner, arm, line) : NULL;
    if (!line)
        return 0;
    return filled ? words_of_line(planner, filled, ret_words, err) : err_memory(err);
}

/* A to Z, then A2, B2, and so on. */
static const char *letters(struct arena *arena, size_t index)
{
    if (index < 26)
        return arena_printf(arena, "%c", (char)('A' + index));
    return arena_printf(arena, "%c%zu", (char)('A' + index % 26), index / 26 + 1);
}

/* The one --prepare of all commands, or this one's. */
static const char *prepare_of(const struct bench_options *options, size_t command)
{
    if (options->prepare_count == 0)
        return options->prepare;
    return options->prepares[options->prepare_count == 1 ? 0 : command];
}

/* An arm whose parameters are filled in already. */
static int finish_arm(struct planner *planner, size_t command, struct bench_arm arm, struct err *err)
{
    struct bench_result *result = planner->result;
    const struct bench_options *options = planner->options;
    size_t index = result->arms.count;
    /* Commands of the same values are compared with the first of them, values alone with the first arm. */
    arm.baseline = command ? index - command : 0;
    if (index >= BENCH_ARMS_MAX)
        return err_set(err, ERR_USAGE, "could not measure more than %u commands at once", BENCH_ARMS_MAX);
    arm.name = index < options->name_count ? options->names[index] : letters(&result->arena, index);
    int status = arm.name ? command_fill(planner, &options->commands[command], &arm, err) : err_memory(err);
    if (!status)
        status = hook_fill(planner, &arm, prepare_of(options, command), &arm.prepare, err);
    if (!status)
        status = hook_fill(planner, &arm, options->cleanup, &arm.cleanup, err);
    if (!status)
        status = hook_fill(planner, &arm, options->setup, &arm.setup, err);
    if (!status)
        status = hook_fill(planner, &arm, options->conclude, &arm.conclude, err);
    if (!status && vec_push(&result->arms, arm))
        status = err_memory(err);
    return status;
}

/* `choice` counts through the parameters' values, the last parameter fastest. */
static int add_arm(struct planner *planner, size_t command, size_t choice, struct err *err)
{
    struct bench_arm arm = {.parameter_count = planner->parameter_count};
    arm.parameters = arena_alloc(&planner->result->arena, (arm.parameter_count + 1) * sizeof *arm.parameters);
    if (!arm.parameters)
        return err_memory(err);
    for (size_t i = arm.parameter_count; i-- > 0;) {
        const struct parameter *parameter = &planner->parameters[i];
        arm.parameters[i] = (struct bench_parameter){
            parameter->name, parameter->values.items[choice % parameter->values.count]};
        choice /= parameter->values.count;
    }
    return finish_arm(planner, command, arm, err);
}

/* The first arm once more, to be compared with itself. */
static int add_control(struct planner *planner, struct err *err)
{
    struct bench_arm control = planner->result->arms.items[0];
    control.name = "control";
    control.is_control = true;
    control.setup = control.conclude = NULL; /* the first arm's serve both */
    planner->result->has_control = true;
    return vec_push(&planner->result->arms, control) ? err_memory(err) : 0;
}

static int add_arms(struct planner *planner, struct err *err)
{
    size_t choices = 1;
    int status = 0;
    for (size_t i = 0; i < planner->parameter_count; i++) {
        choices *= planner->parameters[i].values.count;
        if (choices > BENCH_ARMS_MAX)
            return err_set(err, ERR_USAGE, "could not measure more than %u commands at once", BENCH_ARMS_MAX);
    }
    for (size_t choice = 0; !status && choice < choices; choice++)
        for (size_t command = 0; !status && command < planner->options->command_count; command++)
            status = add_arm(planner, command, choice, err);
    if (!status && planner->result->arms.count > 1 && !planner->options->no_control)
        status = add_control(planner, err);
    return status;
}

int plan_arm_of(const struct bench_options *options, const struct bench_parameter *parameters, size_t count,
                struct bench_result *result, struct err *err)
{
    struct planner planner = {.options = options, .result = result};
    struct bench_arm arm = {.parameter_count = count};
    arm.parameters = arena_alloc(&result->arena, (count + 1) * sizeof *arm.parameters);
    if (!arm.parameters)
        return err_memory(err);
    memcpy(arm.parameters, parameters, count * sizeof *parameters);
    return finish_arm(&planner, 0, arm, err);
}

char *plan_fill_in(const struct bench_arm *arm, const char *text, struct bench_result *result)
{
    struct planner planner = {.result = result};
    return fill_in(&planner, arm, text);
}

int plan_arms(const struct bench_options *options, struct bench_result *result, struct err *err)
{
    struct planner planner = {.options = options, .result = result};
    int status = 0;
    if (options->prepare_count > 1 && options->prepare_count != options->command_count)
        return err_set(err, ERR_USAGE,
                       "could not use %zu times --prepare with %zu commands: one for all, or one for each",
                       options->prepare_count, options->command_count);
    status = read_parameters(&planner, err);
    if (!status)
        status = add_arms(&planner, err);
    for (size_t i = 0; i < planner.parameter_count; i++)
        vec_free(&planner.parameters[i].values);
    return status;
}
