/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_values.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/words.h"
#include "gate/gate_source.h"

#define OUTPUT_BYTES_MAX ((size_t)16 << 20)
#define STEADY_ROUNDS    3u
#define ROUNDS_BEYOND    6u /* those that a fail needs at least see only the largest differences */
#define SAID_MAX         200

struct runner {
    const struct gate_values_request *request;
    struct gate_values *values;
    struct arena arena;
    const char *const *words[GATE_SIDES_MAX]; /* of the sides' commands */
    const char *input;                        /* absolute: the sides' folders differ; NULL: none */
    bool was_interrupted;
};

/* sh, for a line that is for a shell or for a file as stdin. */
static int words_of_line(struct runner *runner, const char *line, bool is_command,
                         const char *const **ret_words, struct err *err)
{
    const struct gate *gate = runner->request->gate;
    struct words words = {0};
    bool has_input = is_command && runner->input;
    if (!gate->use_shell) {
        int status = words_split(line, &runner->arena, &words, err);
        if (status || !has_input) {
            *ret_words = (const char *const *)words.items;
            return status;
        }
    }
    const char **shell = arena_alloc(&runner->arena, (words.count + 6) * sizeof *shell);
    if (!shell)
        return err_memory(err);
    shell[0] = "/bin/sh";
    shell[1] = "-c";
    shell[2] = !has_input        ? line
               : gate->use_shell ? "exec /bin/sh -c \"$1\" < \"$0\""
                                 : "exec \"$@\" < \"$0\"";
    if (has_input) {
        shell[3] = runner->input;
        shell[4] = line;
        for (size_t i = 0; i < words.count; i++)
            shell[4 + i] = words.items[i];
    }
    *ret_words = shell;
    return 0;
}

/* Runs words in a folder; they must succeed. */
static int run_words(struct runner *runner, const char *const *words, const char *line, const char *folder,
                     struct str *ret_output, struct err *err)
{
    struct child_options options = {.words = words, .folder = folder, .text_bytes_max = OUTPUT_BYTES_MAX};
    struct child_result result;
    char said[SAID_MAX];
    int status = child_run(&options, &result, err);
    if (status)
        return status;
    runner->was_interrupted = result.was_interrupted;
    if (!result.was_interrupted && result.exit_status) {
        child_last_line(&result.errors, said, sizeof said);
        status = err_set(err, ERR_ENVIRONMENT, "could not run command '%.200s': it ended with status %d",
                         line, result.exit_status);
        if (*said)
            err_hint(err, "it said: %s", said);
    }
    if (ret_output)
        str_append_bytes(ret_output, str_text(&result.text), result.text.length);
    child_result_free(&result);
    return status;
}

static int run_hook(struct runner *runner, const char *line, const char *folder, struct err *err)
{
    const char *const *words;
    if (!line || runner->was_interrupted)
        return 0;
    int status = words_of_line(runner, line, false, &words, err);
    return status ? status : run_words(runner, words, line, folder, NULL, err);
}

static int read_check(const struct gate_check *check, const struct gate_side *side, const struct str *output,
                      double *ret_value, struct err *err)
{
    char path[PATH_MAX], name[PATH_MAX + 16];
    struct str text = {0};
    if (!check->source.file)
        return gate_source_number(&check->source, check->metric, str_text(output), output->length,
                                  "what the command prints", ret_value, err);
    bool is_here = !side->folder || *check->source.file == '/';
    int length = snprintf(path, sizeof path, "%s%s%s", is_here ? "" : side->folder, is_here ? "" : "/",
                          check->source.file);
    if (length < 0 || (size_t)length >= sizeof path)
        return err_set(err, ERR_INPUT, "could not open a file: its path is too long");
    snprintf(name, sizeof name, "file '%s'", check->source.file);
    int status = fs_read(path, OUTPUT_BYTES_MAX, &text, err);
    if (!status)
        status = gate_source_number(&check->source, check->metric, str_text(&text), text.length, name,
                                    ret_value, err);
    str_free(&text);
    return status;
}

static int run_side(struct runner *runner, size_t side, size_t round, struct err *err)
{
    const struct gate_values_request *request = runner->request;
    const struct gate_side *at = &request->sides[side];
    struct str output = {0};
    int status = run_hook(runner, request->gate->prepare, at->folder, err);
    if (!status && at->command && !runner->was_interrupted)
        status = run_words(runner, runner->words[side], at->command, at->folder, &output, err);
    for (size_t i = 0; !status && !runner->was_interrupted && i < request->check_count; i++)
        status = read_check(request->checks[i], at, &output,
                            &runner->values->values[side][i * GATE_VALUES_ROUNDS_MAX + round], err);
    if (!status)
        status = run_hook(runner, request->gate->cleanup, at->folder, err);
    str_free(&output);
    return status;
}

static bool are_steady(const struct gate_values_request *request, const struct gate_values *values)
{
    for (size_t side = 0; side < request->side_count; side++)
        for (size_t i = 0; i < request->check_count; i++)
            for (size_t round = 1; round < values->rounds; round++)
                if (fabs(gate_values_of(values, side, i)[round] - gate_values_of(values, side, i)[0]) > 0)
                    return false;
    return true;
}

static size_t rounds_wanted(const struct gate_values_request *request, const struct gate_values *values,
                            uint64_t begin_ns)
{
    const struct gate *gate = request->gate;
    bool has_command = false;
    for (size_t side = 0; side < request->side_count; side++)
        has_command = has_command || request->sides[side].command;
    if (!has_command)
        return 1;
    size_t wanted = request->round_least;
    if (gate->runs)
        wanted = gate->runs;
    else if (values->rounds >= STEADY_ROUNDS && are_steady(request, values))
        wanted = STEADY_ROUNDS;
    else if ((double)(clock_monotonic_ns() - begin_ns) < request->time_s * (double)NS_PER_S)
        wanted += ROUNDS_BEYOND;
    return wanted < GATE_VALUES_ROUNDS_MAX ? wanted : GATE_VALUES_ROUNDS_MAX;
}

static int run_rounds(struct runner *runner, struct err *err)
{
    const struct gate_values_request *request = runner->request;
    struct gate_values *values = runner->values;
    uint64_t begin_ns = clock_monotonic_ns();
    int status = 0;
    for (size_t wanted = 1; !status && !runner->was_interrupted && values->rounds < wanted;
         wanted = rounds_wanted(request, values, begin_ns)) {
        /* The sides take turns in going first. */
        for (size_t i = 0; !status && !runner->was_interrupted && i < request->side_count; i++)
            status = run_side(runner, (i + values->rounds) % request->side_count, values->rounds, err);
        values->rounds += !status && !runner->was_interrupted;
        if (request->progress)
            request->progress(request->progress_context, values->rounds, wanted);
    }
    values->was_interrupted = runner->was_interrupted;
    return status;
}

int gate_values_run(const struct gate_values_request *request, struct gate_values *ret_values,
                    struct err *err)
{
    struct gate_values values = {0};
    struct runner runner = {.request = request, .values = &values};
    char input[PATH_MAX];
    int status = 0;
    if (request->gate->input) {
        if (!realpath(request->gate->input, input))
            return err_errno(err, errno, "could not open file '%s'", request->gate->input);
        runner.input = input;
    }
    for (size_t side = 0; !status && side < request->side_count && side < GATE_SIDES_MAX; side++) {
        values.values[side] = calloc(request->check_count * GATE_VALUES_ROUNDS_MAX, sizeof(double));
        if (!values.values[side])
            status = err_memory(err);
        else if (request->sides[side].command)
            status = words_of_line(&runner, request->sides[side].command, true, &runner.words[side], err);
    }
    if (!status)
        status = run_rounds(&runner, err);
    arena_free(&runner.arena);
    if (status)
        gate_values_free(&values);
    else
        *ret_values = values;
    return status;
}

void gate_values_free(struct gate_values *values)
{
    for (size_t side = 0; side < GATE_SIDES_MAX; side++) {
        free(values->values[side]);
        values->values[side] = NULL;
    }
}
