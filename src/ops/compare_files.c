/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/compare_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/source.h"
#include "base/fs.h"
#include "base/num.h"
#include "judge/verdict.h"
#include "recording/reader.h"

#define RESULT_BYTES_MAX ((size_t)256 << 20)
#define MAGIC            "\x89TOLL\r\n\x1a"
#define MAGIC_BYTES      8

struct files {
    struct arena *arena;
    VEC(const char *) paths;
};

static int push_path(struct files *files, const char *path, struct err *err)
{
    const char *copy = arena_string(files->arena, path);
    if (files->paths.count == COMPARE_FILES_MAX)
        return err_set(err, ERR_USAGE, "could not compare so many files: a side has over %u",
                       COMPARE_FILES_MAX);
    return !copy || vec_push(&files->paths, copy) ? err_memory(err) : 0;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The files of a folder by name, without those of its folders. */
static int push_folder(struct files *files, const char *folder, struct err *err)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_shown, alphasort), status = 0;
    size_t before = files->paths.count;
    if (count < 0)
        return err_errno(err, errno, "could not read folder '%s'", folder);
    for (int i = 0; i < count; i++) {
        struct stat info;
        char *path = arena_printf(files->arena, "%s/%s", folder, entries[i]->d_name);
        if (!status && !path)
            status = err_memory(err);
        if (!status && stat(path, &info) == 0 && S_ISREG(info.st_mode))
            status = push_path(files, path, err);
        free(entries[i]);
    }
    free(entries);
    if (!status && files->paths.count == before)
        status = err_set(err, ERR_INPUT, "could not compare folder '%s': it holds no files", folder);
    return status;
}

static int push_pattern(struct files *files, const char *pattern, struct err *err)
{
    glob_t found;
    int result = glob(pattern, 0, NULL, &found), status = 0;
    if (result == GLOB_NOMATCH)
        return err_set(err, ERR_ENVIRONMENT, "could not open file '%s': no file is called like that",
                       pattern);
    if (result)
        return err_errno(err, errno, "could not look for files '%s'", pattern);
    for (size_t i = 0; !status && i < found.gl_pathc; i++)
        status = push_path(files, found.gl_pathv[i], err);
    globfree(&found);
    return status;
}

static int files_find(struct files *files, char *const *operands, size_t count, struct err *err)
{
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        struct stat info;
        if (stat(operands[i], &info))
            status = strpbrk(operands[i], "*?[")
                         ? push_pattern(files, operands[i], err)
                         : err_errno(err, errno, "could not open file '%s'", operands[i]);
        else if (S_ISDIR(info.st_mode))
            status = push_folder(files, operands[i], err);
        else
            status = push_path(files, operands[i], err);
    }
    return status;
}

static bool is_recording(const char *path)
{
    char bytes[MAGIC_BYTES];
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && pread(fd, bytes, sizeof bytes, 0) == MAGIC_BYTES &&
           memcmp(bytes, MAGIC, MAGIC_BYTES) == 0;
}

/* --- recordings --- */

/* A service is compared by what it served as well. */
static int service_fill(struct compare_recording *recording, struct err *err)
{
    struct verdict verdict;
    if (strcmp(verdict_objective(recording->view), "wall") == 0)
        return 0;
    int status = analyze_verdict(recording->view, &verdict, err);
    if (status)
        return err_wrap(err, "could not judge recording '%s'", recording->name);
    if (verdict.service) {
        recording->throughput_per_s = verdict.service->throughput_per_s;
        recording->latency_ns_p50 = (double)verdict.service->latency_ns_p50;
        recording->latency_ns_p99 = (double)verdict.service->latency_ns_p99;
    }
    verdict_deinit(&verdict);
    return 0;
}

static int bad_quality(const char *text, const char *why, size_t count, struct err *err)
{
    int status = err_set(err, ERR_USAGE, "could not take quality '%s': %s", text, why);
    err_hint(err, "--quality NAME=VALUE,VALUE: one number for each of the %zu recordings, those of A first",
             count);
    return status;
}

/* One figure for each recording. */
static int quality_read(const char *text, struct compare_quality *qualities, size_t count, size_t step,
                        struct arena *arena, struct err *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return bad_quality(text, "it has no name and '='", count, err);
    const char *name = arena_printf(arena, "%.*s", (int)(equals - text), text), *at = equals + 1;
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(at, ",");
        const char *word = arena_printf(arena, "%.*s", (int)length, at);
        struct compare_quality *quality = &qualities[i * step];
        if (!name || !word)
            return err_memory(err);
        *quality = (struct compare_quality){.name = name};
        if (num_parse_double(word, &quality->value) || !(quality->value >= 0) || quality->value > 1e12)
            return bad_quality(text, "a value is missing, or is no number of 0 or more", count, err);
        at += length;
        if (i + 1 < count && *at != ',')
            return bad_quality(text, "there are too few values", count, err);
        at += *at == ',';
    }
    return *at ? bad_quality(text, "there are too many values", count, err) : 0;
}

static int qualities_read(const struct compare_request *request, struct compare_recording *recordings,
                          size_t count, struct arena *arena, struct err *err)
{
    size_t each = request->quality_count;
    struct compare_quality *qualities = arena_alloc(arena, (count * each + 1) * sizeof *qualities);
    int status = qualities ? 0 : err_memory(err);
    for (size_t i = 0; i < each && !status; i++)
        status = quality_read(request->qualities[i], &qualities[i], count, each, arena, err);
    for (size_t i = 0; i < count && !status; i++) {
        recordings[i].qualities = &qualities[i * each];
        recordings[i].quality_count = each;
    }
    return status;
}

static int compare_opened(const struct compare_request *request, const struct files *a, const struct files *b,
                          struct comparison *ret_comparison, struct err *err)
{
    size_t count = a->paths.count + b->paths.count, open = 0;
    struct reader **readers = calloc(count + 1, sizeof(struct reader *));
    struct compare_recording *recordings = calloc(count + 1, sizeof *recordings);
    int status = readers && recordings ? 0 : err_memory(err);
    while (!status && open < count) {
        const char *path =
            open < a->paths.count ? a->paths.items[open] : b->paths.items[open - a->paths.count];
        status = reader_open(path, &readers[open], err);
        if (status)
            break;
        recordings[open] = (struct compare_recording){.name = path, .view = reader_view(readers[open])};
        status = service_fill(&recordings[open++], err);
    }
    if (!status)
        status = qualities_read(request, recordings, count, a->arena, err);
    if (!status) {
        struct compare_recordings_request wanted = {.a = recordings,
                                                    .b = recordings + a->paths.count,
                                                    .count_a = a->paths.count,
                                                    .count_b = b->paths.count,
                                                    .options = request->options};
        status = compare_recordings(&wanted, ret_comparison, err);
    }
    for (size_t i = 0; i < open; i++)
        reader_close(readers[i]);
    free(readers);
    free(recordings);
    return status;
}

/* --- results --- */

/* Where no results could be read: what agents leave behind is compared as a recording. Else the error stays. */
static int transcripts_refuse(const char *path, int status_before, struct err *err)
{
    const struct agent_source *source = NULL;
    struct err unread;
    const char *slash = strrchr(path, '/');
    if (status_before != -ERR_INPUT || source_probe(path, &source, &unread) || !source)
        return status_before;
    int status =
        err_set(err, ERR_INPUT, "could not compare '%s': it is a transcript of %s", path, source->about);
    err_hint(err, "make recordings of both first: toll import %.*s -o before.toll",
             slash ? (int)(slash - path) : 1, slash ? path : ".");
    return status;
}

static int compare_read(const struct compare_request *request, const struct files *a, const struct files *b,
                        struct comparison *ret_comparison, struct err *err)
{
    size_t count = a->paths.count + b->paths.count;
    struct str *contents = calloc(count + 1, sizeof *contents);
    struct compare_text *texts = calloc(count + 1, sizeof *texts);
    int status = contents && texts ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < count; i++) {
        const char *path = i < a->paths.count ? a->paths.items[i] : b->paths.items[i - a->paths.count];
        status = fs_read(path, RESULT_BYTES_MAX, &contents[i], err);
        texts[i] = (struct compare_text){path, str_text(&contents[i]), contents[i].length};
    }
    if (!status) {
        struct compare_results_request wanted = {.a = texts,
                                                 .b = texts + a->paths.count,
                                                 .count_a = a->paths.count,
                                                 .count_b = b->paths.count,
                                                 .format = request->format,
                                                 .options = request->options};
        status = compare_results(&wanted, ret_comparison, err);
    }
    for (size_t i = 0; contents && i < count; i++)
        str_free(&contents[i]);
    free(contents);
    free(texts);
    return status && a->paths.count ? transcripts_refuse(a->paths.items[0], status, err) : status;
}

/* --- all of it --- */

/* All of one kind; the first of the other kind is named. */
static int kind_find(const struct files *a, const struct files *b, bool *ret_recordings, struct err *err)
{
    if (!a->paths.count)
        return err_set(err, ERR_USAGE, "could not compare nothing: there is no file of A");
    bool first = is_recording(a->paths.items[0]);
    const struct files *sides[] = {a, b};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < sides[side]->paths.count; i++)
            if (is_recording(sides[side]->paths.items[i]) != first)
                return err_set(err, ERR_INPUT,
                               "could not compare '%s' with '%s': one is a recording, the other is not",
                               a->paths.items[0], sides[side]->paths.items[i]);
    if (first && !b->paths.count) {
        err_set(err, ERR_USAGE, "could not compare recording '%s' with nothing", a->paths.items[0]);
        err_hint(err, "toll compare A.toll B.toll");
        return -ERR_USAGE;
    }
    *ret_recordings = first;
    return 0;
}

static int write_out(const struct compare_request *request, const struct comparison *comparison,
                     struct str *text, struct err *err)
{
    const char *format = request->output_format;
    int status = 0;
    if (strcmp(format, "json") == 0)
        compare_json_write(comparison, text);
    else if (strcmp(format, "html") == 0)
        status = compare_html_write(comparison, text, err);
    else if (strcmp(format, "flamegraph") == 0)
        status = compare_flame_write(comparison, text, err);
    else
        compare_text_write(comparison, &request->look, text);
    if (!status && text->failed)
        status = err_memory(err);
    if (status || !request->flamegraph)
        return status;
    struct str picture = {0};
    status = compare_flame_write(comparison, &picture, err);
    if (!status)
        status = fs_replace(request->flamegraph, str_text(&picture), picture.length, 0644, err);
    str_free(&picture);
    return status;
}

int ops_compare(const struct compare_request *request, struct compare_outcome *ret_outcome, struct err *err)
{
    struct arena arena = {0};
    struct files a = {.arena = &arena}, b = {.arena = &arena};
    struct compare_outcome outcome = {0};
    struct comparison comparison = {0};
    bool are_recordings = false;
    int status = files_find(&a, request->a, request->a_count, err);
    if (!status)
        status = files_find(&b, request->b, request->b_count, err);
    if (!status && !request->format)
        status = kind_find(&a, &b, &are_recordings, err);
    if (!status && !are_recordings && request->quality_count)
        status = err_set(err, ERR_USAGE, "could not take option '--quality': it goes with recordings");
    if (!status)
        status = are_recordings ? compare_opened(request, &a, &b, &comparison, err)
                                : compare_read(request, &a, &b, &comparison, err);
    if (!status) {
        status = write_out(request, &comparison, &outcome.text, err);
        outcome.is_slower = comparison_is_slower(&comparison);
        comparison_free(&comparison);
    }
    vec_free(&a.paths);
    vec_free(&b.paths);
    arena_free(&arena);
    if (status)
        str_free(&outcome.text);
    else
        *ret_outcome = outcome;
    return status;
}
