/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_hold: a stage that is a span inside a program is made longer by libtoll itself (sdk/hold.c): each such span ends later by a known
 * share of its length, in whatever process and thread, and what the run loses says how much of it hangs on the span.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "experiment/internal.h"
#include "wire/hold.h"

#define HOLD_NAME "spans"

static int hold_path(struct trial *trial, const char **ret_path, struct err *err)
{
    *ret_path = arena_printf(&trial->result->arena, "%s/" HOLD_NAME, trial->folder.path);
    return *ret_path ? 0 : err_memory(err);
}

/* The file that the run's processes add to, all zero. */
static int hold_reset(const char *path, struct err *err)
{
    const struct hold_file nothing = {0};
    FS_CLEANUP int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, &nothing, sizeof nothing) != (ssize_t)sizeof nothing)
        return err_errno(err, errno, "could not write file '%s'", path);
    return 0;
}

static int hold_read(const char *path, struct hold_file *ret_file, struct err *err)
{
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, ret_file, sizeof *ret_file) != (ssize_t)sizeof *ret_file)
        return err_errno(err, errno, "could not read file '%s'", path);
    return 0;
}

/* The command with its spans made longer. */
static int held(struct trial *trial, const char *path, double share, struct bench_text *ret_text,
                struct err *err)
{
    struct arena *arena = &trial->result->arena;
    char *const *own = trial->command.variables;
    size_t count = 0;
    while (own && own[count])
        count++;
    char **all = arena_alloc(arena, (count + 5) * sizeof *all);
    if (!all)
        return err_memory(err);
    if (count)
        memcpy(all, own, count * sizeof *all);
    char *const more[] = {arena_string(arena, "TOLL_SESSION="),
                          arena_printf(arena, HOLD_SPAN_VARIABLE "=%s", trial->request->span),
                          arena_printf(arena, HOLD_SHARE_VARIABLE "=%.0f", share * 1000),
                          arena_printf(arena, HOLD_FILE_VARIABLE "=%s", path)};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (!more[i])
            return err_memory(err);
        all[count + i] = more[i];
    }
    *ret_text = trial->command;
    ret_text->variables = all;
    return 0;
}

/* Whether the run tells of such a span at all. */
static int look(struct trial *trial, const char *path, struct err *err)
{
    struct bench_text text;
    struct hold_file file = {0};
    int status = hold_reset(path, err);
    if (!status)
        status = held(trial, path, 0, &text, err);
    if (!status)
        status = experiment_run_once(trial, &text, err);
    if (!status)
        status = hold_read(path, &file, err);
    if (!status && !file.count)
        return experiment_cannot(trial, "the run told of no span '%s' through libtoll", trial->request->span);
    return status;
}

static int calls_read(struct trial *trial, const char *path, struct err *err)
{
    struct experiment_result *result = trial->result;
    struct hold_file file;
    double runs =
        (double)((result->bench.rounds + trial->request->options.warmup_count) * (result->level_count + 1));
    int status = hold_read(path, &file, err);
    if (!status)
        result->calls = (struct experiment_stage){.call_count = (double)file.count / runs,
                                                  .elapsed_ns = (double)file.length_ns / runs};
    return status;
}

int experiment_by_span(struct trial *trial, struct err *err)
{
    struct bench_text texts[EXPERIMENT_LEVELS_MAX + 1];
    struct experiment_result *result = trial->result;
    const char *path;
    int status = hold_path(trial, &path, err);
    experiment_levels_set(result);
    if (!status)
        status = look(trial, path, err);
    for (size_t i = 0; !status && i <= result->level_count; i++)
        status = held(trial, path, i ? result->levels[i - 1] : 0, &texts[i], err);
    if (!status)
        status = hold_reset(path, err);
    if (!status)
        status = experiment_measure_levels(trial, texts, err);
    if (!status)
        status = calls_read(trial, path, err);
    return status ? status : experiment_share(trial, NULL, err);
}
