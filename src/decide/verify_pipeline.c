/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/verify_pipeline.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/pipeline_command.h"

bool verify_is_pipeline(const char *operand)
{
    return (str_ends(operand, ".yaml") || str_ends(operand, ".yml")) && access(operand, F_OK) == 0;
}

static int check_folder(const struct verify_request *request, const char *pipeline, const char *folder,
                        struct err *err)
{
    char here[PATH_MAX], there[PATH_MAX];
    if (!request->revisions ||
        (getcwd(here, sizeof here) && realpath(folder, there) && strcmp(here, there) == 0))
        return 0;
    err_set(err, ERR_USAGE, "could not verify revisions with pipeline file '%s': it lies in another folder",
            pipeline);
    err_hint(err, "cd %.300s", folder);
    return -ERR_USAGE;
}

static int fill(const struct pipeline_file *file, const char *pipeline, struct arena *arena,
                struct verify_request *request, struct err *err)
{
    struct pipeline_command command;
    int status = pipeline_command_fill(file, NULL, 0, arena, &command, err);
    if (!status)
        status = check_folder(request, pipeline, command.folder, err);
    if (status)
        return status;
    request->before =
        (struct bench_text){.words = command.words, .variables = command.variables, .folder = command.folder};
    if (!request->options.prepare)
        request->options.prepare = command.prepare;
    if (!request->name)
        request->name = file->name;
    return 0;
}

int decide_verify(const struct verify_request *request, const char *pipeline,
                  struct verify_answer *ret_answer, struct err *err)
{
    struct verify_request filled = *request;
    struct pipeline_file file = {0};
    struct arena arena = {0};
    *ret_answer = (struct verify_answer){0};
    int status = pipeline_file_read(pipeline, &file, err);
    if (!status)
        status = fill(&file, pipeline, &arena, &filled, err);
    if (!status)
        status = ops_verify(&filled, ret_answer, err);
    pipeline_file_free(&file);
    arena_free(&arena);
    return status;
}
