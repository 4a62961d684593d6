/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/profile_command.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/foreground.h"
#include "base/fs.h"
#include "decide/runner.h"
#include "diagnose/profilers.h"
#include "import/profile_show.h"

#define RAW_BYTES_MAX ((size_t)1 << 30)

static int folder_make(char *folder, size_t capacity, struct err *err)
{
    const char *below = getenv("TMPDIR");
    int length = snprintf(folder, capacity, "%s/toll-profile-XXXXXX", below && *below ? below : "/tmp");
    if (length < 0 || (size_t)length >= capacity || !mkdtemp(folder))
        return err_errno(err, errno, "could not make a folder for the profile in '%s'",
                         below && *below ? below : "/tmp");
    return 0;
}

/* Profilers write files there, and no folders. */
static void folder_remove(const char *path)
{
    char file[512];
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file)
            unlink(file);
    if (folder)
        closedir(folder);
    rmdir(path);
}

static int raw_keep(const struct runner_place *place, const char *output, struct err *err)
{
    struct str bytes = {0};
    int status = fs_read(place->raw, RAW_BYTES_MAX, &bytes, err);
    if (!status)
        status = fs_replace(output, str_text(&bytes), bytes.length, 0600, err);
    str_free(&bytes);
    return status;
}

/* What the profiler left, as a list. */
static int profile_read(const struct profile_request *request, const struct runner *runner,
                        struct runner_place *place, struct str *text, struct err *err)
{
    struct profile profile;
    struct stat about;
    int status = runner->collect ? runner->collect(place, err) : 0;
    if (!status && stat(place->text, &about) != 0)
        status =
            err_set(err, ERR_ENVIRONMENT, "could not find the profile of %s: none was written", runner->name);
    if (!status)
        status = import_file(place->text, runner->importer, &profile, err);
    if (status)
        return status;
    profile.source = runner->source ? runner->source : profile.source;
    profile.measures = runner->measures ? runner->measures : profile.measures;
    profile.unit = runner->is_bytes ? PROFILE_BYTES : profile.unit;
    const struct profile_look look = {
        .width = request->width, .colour = request->colour, .ascii = request->ascii};
    profile_text(&profile, &look, text);
    profile_free(&profile);
    return request->output ? raw_keep(place, request->output, err) : 0;
}

static int run_under(const struct profile_request *request, const struct runner *runner,
                     struct runner_place *place, struct profile_outcome *outcome, struct err *err)
{
    struct runner_words words = {0};
    int status = runner->wrap(place, request->command, &words, err);
    if (!status && (words.failed || vec_push(&words.items, NULL)))
        status = err_memory(err);
    if (status) {
        outcome->exit_status = 125;
    } else {
        status = foreground_run(words.items.items, &outcome->exit_status, err);
        if (!status && profile_read(request, runner, place, &outcome->text, err))
            status = err_wrap(err, "the command ran to its end");
    }
    vec_free(&words.items);
    return status;
}

/* Which runner, or why there is none. */
static const struct runner *choose(const struct profile_request *request, struct arena *arena, char *why,
                                   size_t size)
{
    bool is_auto = strcmp(request->profiler, "auto") == 0;
    const struct runner *runner = is_auto ? runner_choose(request->command) : runner_find(request->profiler);
    if (!runner || !runner->fits(request->command)) {
        snprintf(why, size, "%s: %s profiler fits '%.60s'", is_auto ? "auto" : request->profiler,
                 is_auto ? "no runtime's own" : "this", request->command[0]);
        return NULL;
    }
    const char *tool = runner->tool ? runner->tool : request->command[0];
    if (!strchr(tool, '/') && !program_find(tool, arena)) {
        snprintf(why, size, "%s: %s is not installed (apt-get install %s)", runner->name, tool,
                 runner->package);
        return NULL;
    }
    return runner;
}

int decide_profile(const struct profile_request *request, struct profile_outcome *ret_outcome,
                   struct err *err)
{
    struct profile_outcome outcome = {.exit_status = 125};
    struct arena arena = {0};
    char folder[256];
    int status = 0;
    const struct runner *runner = choose(request, &arena, outcome.why, sizeof outcome.why);
    outcome.is_missing = !runner;
    if (runner)
        status = folder_make(folder, sizeof folder, err);
    if (runner && !status) {
        struct runner_place place = {.folder = folder, .arena = &arena};
        snprintf(place.raw, sizeof place.raw, "%s/%s", folder, runner->raw);
        snprintf(place.text, sizeof place.text, "%s", place.raw);
        status = run_under(request, runner, &place, &outcome, err);
        folder_remove(folder);
    }
    arena_free(&arena);
    *ret_outcome = outcome;
    return status;
}

/* A recording of Java's flight recorder is read by its own tool. */
static int jfr_read(const char *path, struct profile *profile, struct err *err)
{
    const char *words[] = {"jfr", "print", "--json", "--stack-depth", "64", "--events", "jdk.ExecutionSample",
                           path,  NULL};
    struct child_options options = {.words = words, .text_bytes_max = (size_t)128 << 20};
    struct child_result result;
    int status = child_run(&options, &result, err);
    if (status)
        return status;
    const struct import_bytes bytes = {str_text(&result.text), result.text.length, path};
    if (result.exit_status == 0) {
        status = import_bytes(&bytes, "jfr", profile, err);
    } else {
        err_set(err, ERR_ENVIRONMENT, "could not read profile '%s': jfr failed", path);
        err_hint(err, "apt-get install default-jdk-headless");
        status = -ERR_ENVIRONMENT;
    }
    child_result_free(&result);
    return status;
}

int decide_profile_open(const char *path, struct profile *ret_profile, struct err *err)
{
    char head[8] = "";
    bool is_jfr = fs_read_small(path, head, sizeof head) >= 4 && memcmp(head, "FLR\0", 4) == 0;
    return is_jfr ? jfr_read(path, ret_profile, err) : import_file(path, NULL, ret_profile, err);
}
