/* SPDX-License-Identifier: Apache-2.0 */
#include "import/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "import/internal.h"

#define FILE_BYTES_MAX ((size_t)256 << 20)
#define LOOK_BYTES     ((size_t)64 << 10)

const struct importer importers[] = {
    {"cprofile", "cProfile and pstats files of Python", cprofile_recognise, cprofile_read},
    {"cpuprofile", ".cpuprofile files of Node.js and Chromium", cpuprofile_recognise, cpuprofile_read},
    {"explain", "EXPLAIN (ANALYZE, FORMAT JSON) of PostgreSQL", explain_recognise, explain_read},
    {"jfr", "jfr print --json of Java's flight recorder", jfr_print_recognise, jfr_print_read},
    {"pprof", "pprof files of Go and others", pprof_recognise, pprof_read},
    {"perf", "perf script", perf_script_recognise, perf_script_read},
    {"folded", "folded stacks, as of py-spy, heaptrack_print and flame graph tools", folded_recognise,
     folded_read},
};
const size_t importer_count = sizeof importers / sizeof importers[0];

size_t profile_function(struct profile *profile, const char *name, const char *file, uint64_t line)
{
    struct str key = {0};
    uint64_t id = 0;
    bool is_new = false;
    str_append(&key, name);
    str_append_bytes(&key, "\0", 1);
    str_append(&key, file);
    str_append_bytes(&key, "\0", 1);
    str_printf(&key, "%" PRIu64, line);
    int status = key.failed || profile->functions.count >= PROFILE_FUNCTIONS_MAX ||
                 intern_put(&profile->names, key.text, key.length, &id, &is_new);
    str_free(&key);
    if (status)
        return SIZE_MAX;
    if (!is_new)
        return (size_t)id - 1;
    struct profile_function function = {.name = arena_string(&profile->arena, name),
                                        .file = arena_string(&profile->arena, file),
                                        .line = line};
    if (!function.name || !function.file || vec_push(&profile->functions, function))
        return SIZE_MAX;
    return profile->functions.count - 1;
}

int profile_stack(struct profile *profile, const size_t *functions, size_t count, double weight)
{
    profile->stack_count++;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (functions[i] >= profile->functions.count)
            return -1;
        struct profile_function *function = &profile->functions.items[functions[i]];
        if (i == 0)
            function->self += weight;
        /* A function that calls itself is in a stack many times, and counts once. */
        if (function->stack != profile->stack_count)
            function->total += weight;
        function->stack = profile->stack_count;
    }
    profile->whole += weight;
    return 0;
}

static int function_compare(const void *a, const void *b)
{
    const struct profile_function *left = a, *right = b;
    if (left->self < right->self || left->self > right->self)
        return left->self > right->self ? -1 : 1;
    if (left->total < right->total || left->total > right->total)
        return left->total > right->total ? -1 : 1;
    int by_name = strcmp(left->name, right->name);
    return by_name ? by_name : left->line < right->line ? -1 : left->line > right->line;
}

void profile_rank(struct profile *profile)
{
    if (profile->functions.count)
        qsort(profile->functions.items, profile->functions.count, sizeof *profile->functions.items,
              function_compare);
}

void profile_free(struct profile *profile)
{
    vec_free(&profile->functions);
    intern_free(&profile->names);
    arena_free(&profile->arena);
}

bool import_begins(const struct import_bytes *bytes, const char *text)
{
    size_t at = 0, length = strlen(text);
    while (at < bytes->length && bytes->bytes[at] && strchr(" \t\r\n", bytes->bytes[at]))
        at++;
    return bytes->length - at >= length && memcmp(bytes->bytes + at, text, length) == 0;
}

bool import_holds(const struct import_bytes *bytes, const char *text)
{
    size_t length = bytes->length < LOOK_BYTES ? bytes->length : LOOK_BYTES;
    return memmem(bytes->bytes, length, text, strlen(text)) != NULL;
}

int import_not(const struct import_bytes *bytes, const char *noun, const char *why, struct err *err)
{
    return err_set(err, ERR_INPUT, "could not read %s '%s': %s", noun, bytes->name, why);
}

const struct importer *import_recognise(const struct import_bytes *bytes)
{
    for (size_t i = 0; i < importer_count; i++)
        if (importers[i].recognise(bytes))
            return &importers[i];
    return NULL;
}

int import_bytes(const struct import_bytes *bytes, const char *importer, struct profile *ret_profile,
                 struct err *err)
{
    const struct importer *chosen = importer ? NULL : import_recognise(bytes);
    for (size_t i = 0; importer && i < importer_count; i++)
        if (strcmp(importers[i].name, importer) == 0)
            chosen = &importers[i];
    if (!chosen) {
        err_set(err, ERR_INPUT, "could not read profile '%s': it is of no format that toll knows",
                bytes->name);
        if (str_ends(bytes->name, ".toll"))
            err_hint(
                err,
                "it is a recording: 'toll report %.200s' judges it, 'toll investigate %.200s' asks further",
                bytes->name, bytes->name);
        else
            err_hint(err, "it reads: cProfile, .cpuprofile, pprof, perf script, jfr print --json, EXPLAIN "
                          "(FORMAT JSON), folded stacks");
        return -ERR_INPUT;
    }
    struct profile profile = {.unit = PROFILE_SAMPLES};
    int status = chosen->read(bytes, &profile, err);
    if (status) {
        profile_free(&profile);
        return status;
    }
    profile_rank(&profile);
    *ret_profile = profile;
    return 0;
}

int import_file(const char *path, const char *importer, struct profile *ret_profile, struct err *err)
{
    struct str text = {0};
    int status = fs_read(path, FILE_BYTES_MAX, &text, err);
    const struct import_bytes bytes = {str_text(&text), text.length, path};
    if (!status)
        status = import_bytes(&bytes, importer, ret_profile, err);
    str_free(&text);
    return status;
}
