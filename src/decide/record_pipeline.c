/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/record_pipeline.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/fs.h"
#include "bench/page_cache.h"
#include "bench/printed.h"
#include "pipeline/pipeline_command.h"
#include "report/units.h"

/* The command with what stands before it: its variables, and toll itself for the run that is recorded. */
struct line {
    const char **words;
    size_t count;
};

static int make_line(const struct pipeline_command *command, const char *const *before, size_t before_count,
                     struct arena *arena, struct line *ret_line, struct err *err)
{
    size_t word_count = 0, variable_count = 0;
    while (command->words[word_count])
        word_count++;
    while (command->variables[variable_count])
        variable_count++;
    struct line line = {
        .words = arena_alloc(arena, (word_count + variable_count + before_count + 2) * sizeof *line.words)};
    if (!line.words)
        return err_memory(err);
    if (variable_count)
        line.words[line.count++] = "env";
    for (size_t i = 0; i < variable_count; i++)
        line.words[line.count++] = command->variables[i];
    for (size_t i = 0; i < before_count; i++)
        line.words[line.count++] = before[i];
    for (size_t i = 0; i < word_count; i++)
        line.words[line.count++] = command->words[i];
    *ret_line = line;
    return 0;
}

static int run_line(const struct line *line, const struct pipeline_command *command, uint64_t limit_ns,
                    const char *what, struct child_result *ret_result, struct err *err)
{
    struct child_options options = {.words = line->words, .folder = command->folder, .limit_ns = limit_ns};
    int status = child_run(&options, ret_result, err);
    if (status)
        return status;
    if (ret_result->was_interrupted) {
        child_result_free(ret_result);
        return err_set(err, ERR_THRESHOLD, "interrupted: %s was not finished", what);
    }
    if (ret_result->is_late) {
        child_result_free(ret_result);
        err_set(err, ERR_ENVIRONMENT, "could not finish %s of '%s': it took longer than %s", what,
                command->text, unit_duration(limit_ns).text);
        err_hint(err, "if it does not hang: --timeout gives it longer");
        return -ERR_ENVIRONMENT;
    }
    if (ret_result->exit_status) {
        char last[256];
        child_last_line(&ret_result->errors, last, sizeof last);
        if (!last[0])
            child_last_line(&ret_result->text, last, sizeof last);
        status = err_set(err, ERR_ENVIRONMENT, "could not finish %s of '%s': it ended with status %d%s%s",
                         what, command->text, ret_result->exit_status, last[0] ? ": " : "", last);
        child_result_free(ret_result);
    }
    return status;
}

static int set_cache(const struct pipeline_file *file, struct err *err)
{
    enum page_cache state;
    int status = page_cache_parse(file->cache, &state, err);
    /* Runs before it have warmed what it reads. */
    return status || state != PAGE_CACHE_DROPPED ? status : page_cache_set(state, NULL, 0, err);
}

static int warm_up(const struct record_pipeline_request *request, const struct pipeline_command *command,
                   struct arena *arena, struct err *err)
{
    const struct pipeline_file *file = request->file;
    struct line line;
    char what[64];
    int status = make_line(command, NULL, 0, arena, &line, err);
    for (size_t i = 0; i < file->warmup_count && !status; i++) {
        struct child_result result = {0};
        snprintf(what, sizeof what, "warm-up %zu of %zu", i + 1, file->warmup_count);
        if (request->say)
            request->say(request->context, what);
        status = set_cache(file, err);
        if (!status)
            status = run_line(&line, command, request->limit_ns, what, &result, err);
        if (!status)
            child_result_free(&result);
    }
    return status;
}

static int record(const struct record_pipeline_request *request, const struct pipeline_command *command,
                  struct arena *arena, struct recorded_pipeline *recorded, struct err *err)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return err_errno(err, errno, "could not find toll's own program");
    self[length] = '\0';
    const char *before[] = {self,         "run",         "--quiet", "--no-store", "-o", request->recording,
                            "--recorder", request->rung, "--"};
    size_t before_count = sizeof before / sizeof before[0];
    if (!request->rung) {
        before[before_count - 3] = "--";
        before_count -= 2;
    }
    struct line line;
    struct child_result result = {0};
    if (request->say)
        request->say(request->context, "the recorded run");
    int status = make_line(command, before, before_count, arena, &line, err);
    if (!status)
        status = set_cache(request->file, err);
    uint64_t start_ns = clock_monotonic_ns();
    if (!status)
        status = run_line(&line, command, request->limit_ns, "the recorded run", &result, err);
    if (status)
        return status;
    recorded->wall_ns = clock_monotonic_ns() - start_ns;
    recorded->printed = result.text;
    result.text = (struct str){0};
    child_result_free(&result);
    return 0;
}

/* As the file says, or as the run printed; what it does not print is not known. */
static double count_units(const struct pipeline_file *file, const struct str *printed_text)
{
    struct printed *printed = NULL;
    struct err ignored;
    double count = 0;
    if (file->unit_count > 0 || !file->units_printed.match)
        return file->unit_count;
    if (printed_open(file->units_printed.match, &printed, &ignored))
        return 0;
    if (fs_write_all(printed_fd(printed), str_text(printed_text), printed_text->length, &ignored) ||
        printed_number(printed, &count, &ignored))
        count = 0;
    printed_close(printed);
    return count * (file->units_printed.scale > 0 ? file->units_printed.scale : 1);
}

int record_pipeline(const struct record_pipeline_request *request, struct recorded_pipeline *ret_recorded,
                    struct err *err)
{
    struct recorded_pipeline recorded = {0};
    struct pipeline_command command;
    struct pipeline_kept *kept = NULL;
    struct arena arena = {0};
    struct err restore_err;
    int status = pipeline_command_fill(request->file, NULL, 0, &arena, &command, err);
    if (!status)
        status = pipeline_files_keep(request->file, &kept, err);
    if (!status)
        status = pipeline_files_set(command.edits, command.edit_count, err);
    if (!status)
        status = warm_up(request, &command, &arena, err);
    if (!status)
        status = record(request, &command, &arena, &recorded, err);
    int restored = pipeline_files_restore(kept, &restore_err);
    if (!status && restored) {
        *err = restore_err;
        status = restored;
    }
    arena_free(&arena);
    if (status) {
        str_free(&recorded.printed);
        return status;
    }
    recorded.run_count = request->file->warmup_count + 1;
    recorded.unit_count = count_units(request->file, &recorded.printed);
    *ret_recorded = recorded;
    return 0;
}
