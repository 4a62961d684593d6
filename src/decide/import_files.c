/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/import_files.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/source.h"
#include "base/fs.h"
#include "ingest/ingest.h"
#include "price/price.h"
#include "receive/seal.h"
#include "recording/writer.h"

#define NAME_MAX_BYTES 200

struct importer {
    struct workflow *workflow;
    struct import_result *result;
    struct price_book *book;
    struct err *err;
    VEC(const char *) traces; /* files of OpenTelemetry, in the arena */
    struct arena arena;
};

static int read_file(struct importer *importer, const struct agent_source *source, const char *path)
{
    struct source_request request = {.path = path};
    importer->result->file_count++;
    if (source == &otlp_source) {
        const char *copy = arena_string(&importer->arena, path);
        if (!copy || vec_push(&importer->traces, copy))
            return err_memory(importer->err);
    }
    workflow_ids_are_global(importer->workflow, source->ids_are_global);
    return source->read(&request, workflow_sink(importer->workflow), importer->err);
}

/* `is_guessed`: nobody said that the files are of the source, so each is looked at first. */
static int read_place(struct importer *importer, const struct agent_source *source, const char *place,
                      bool is_guessed)
{
    struct source_files files = {0};
    uint64_t unreadable = 0;
    int status = source_list(source, place, &files, &unreadable, importer->err);
    for (size_t i = 0; i < files.items.count && !status; i++) {
        const char *path = files.items.items[i].path;
        const struct agent_source *found = source;
        if (is_guessed)
            status = source_probe(path, &found, importer->err);
        if (!status && found == source)
            status = read_file(importer, source, path);
    }
    source_files_free(&files);
    importer->result->skipped_count += unreadable;
    return status;
}

/* A session's file, and the folder beside it that has its name: its subagents. */
static int read_session(struct importer *importer, const struct agent_source *source, const char *path)
{
    const char *dot = strrchr(path, '.');
    struct str folder = {0};
    struct stat about;
    int status = read_file(importer, source, path);
    if (status || !dot || strchr(dot, '/'))
        return status;
    str_append_bytes(&folder, path, (size_t)(dot - path));
    if (!folder.failed && stat(str_text(&folder), &about) == 0 && S_ISDIR(about.st_mode))
        status = read_place(importer, source, str_text(&folder), false);
    str_free(&folder);
    return status;
}

/* Of a folder each source takes the files that are its own. */
static int read_folder(struct importer *importer, const char *path)
{
    for (size_t i = 0; agent_sources[i]; i++) {
        int status = read_place(importer, agent_sources[i], path, true);
        if (status)
            return status;
    }
    return 0;
}

static int unknown_format(const char *path, struct err *err)
{
    struct str names = {0};
    source_names(&names);
    str_append(&names, "; --from NAME, if a profiler wrote it: ");
    ingest_reader_names(&names);
    int status = err_set(err, ERR_INPUT, "could not import '%s': no source knows its format", path);
    err_hint(err, "--source NAME says what it is: %s", str_text(&names));
    str_free(&names);
    return status;
}

static int read_given(struct importer *importer, const struct agent_source *source, const char *path)
{
    struct stat about;
    if (stat(path, &about))
        return err_errno(importer->err, errno, "could not import '%s'", path);
    if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode)) /* refused, whoever it is from */
        return source_probe(path, &source, importer->err);
    if (source)
        return S_ISDIR(about.st_mode) ? read_place(importer, source, path, false)
                                      : read_session(importer, source, path);
    if (S_ISDIR(about.st_mode))
        return read_folder(importer, path);
    int status = source_probe(path, &source, importer->err);
    if (status)
        return status;
    return source ? read_session(importer, source, path) : unknown_format(path, importer->err);
}

static int read_defaults(struct importer *importer, const struct agent_source *source)
{
    struct arena arena = {0};
    const char *places[SOURCE_PLACES_MAX];
    size_t count = 0;
    int status = source_default_places(source, &arena, places, &count, importer->err);
    if (!status && !count)
        status = err_set(importer->err, ERR_INPUT, "could not import from %s: it has left nothing here",
                         source->about);
    for (size_t i = 0; i < count && !status; i++)
        status = read_place(importer, source, places[i], false);
    arena_free(&arena);
    return status;
}

static int find_source(const char *name, const struct agent_source **ret_source, struct err *err)
{
    *ret_source = name ? source_find(name) : NULL;
    if (!name || *ret_source)
        return 0;
    struct str names = {0};
    source_names(&names);
    int status = err_set(err, ERR_USAGE, "there is no source '%s'", name);
    err_hint(err, "the sources are %s", str_text(&names));
    str_free(&names);
    return status;
}

static int read_all(struct importer *importer, const struct import_request *request)
{
    const struct agent_source *source;
    int status = find_source(request->source, &source, importer->err);
    if (status)
        return status;
    if (!request->path_count && !source) {
        status = err_set(importer->err, ERR_USAGE, "could not import: there is no file");
        err_hint(importer->err,
                 "toll import FILE|FOLDER…, or toll import --source claude for its own folder");
        return status;
    }
    if (!request->path_count)
        return read_defaults(importer, source);
    for (size_t i = 0; i < request->path_count && !status; i++)
        status = read_given(importer, source, request->paths[i]);
    return status;
}

/* --- the recording --- */

static bool price_of(void *context, const struct llm_call *call, double *ret_usd)
{
    struct importer *importer = context;
    double usd = 0;
    bool is_known = price_is_known(price_call(importer->book, call, &usd));
    importer->result->tokens_total += tokens_total(&call->tokens);
    if (is_known) {
        importer->result->cost_usd += usd;
        *ret_usd = usd;
    }
    return is_known;
}

/* "a.jsonl" is "a"; a folder has its own name. */
static void name_of(const struct import_request *request, char *ret_name)
{
    const char *path = request->path_count ? request->paths[0] : request->source;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start && path[start - 1] != '/')
        start--;
    size_t length = end - start;
    const char *dot = memchr(path + start, '.', length);
    if (dot && dot > path + start)
        length = (size_t)(dot - (path + start));
    if (!length || strncmp(path + start, ".", length) == 0 || strncmp(path + start, "..", length) == 0)
        snprintf(ret_name, NAME_MAX_BYTES, "agents");
    else
        snprintf(ret_name, NAME_MAX_BYTES, "%.*s", (int)(length < 150 ? length : 150), path + start);
}

static int write_traces(struct importer *importer)
{
    struct import_result *result = importer->result;
    struct seal_result sealed;
    struct seal_request request = {.paths = importer->traces.items,
                                   .path_count = importer->traces.count,
                                   .output = str_text(&result->output)};
    int status = seal_spans(&request, &sealed, importer->err);
    if (status)
        return status;
    result->span_count = sealed.counts.span_count;
    result->trace_count = sealed.counts.trace_root_count;
    result->service_count = sealed.counts.service_count;
    return 0;
}

static int write_recording(struct importer *importer, const struct import_request *request)
{
    struct import_result *result = importer->result;
    struct workflow_price price = {.usd = price_of, .context = importer};
    struct writer *writer = NULL;
    char name[NAME_MAX_BYTES];
    name_of(request, name);
    if (request->output)
        str_append(&result->output, request->output);
    else
        str_printf(&result->output, "%s.toll", name);
    if (result->output.failed)
        return err_memory(importer->err);
    struct writer_options options = {.path = str_text(&result->output),
                                     .compress = request->compress,
                                     .overwrite = request->overwrite || request->output};
    int status = writer_create(&options, &writer, importer->err);
    if (status)
        return status;
    status =
        workflow_write(importer->workflow, name, &price, writer_sink(writer), &result->facts, importer->err);
    if (!status)
        status = writer_seal(writer, importer->err);
    writer_destroy(writer);
    if (status)
        remove(options.path);
    /* Traces of services hold no agents; they make a recording all the same. */
    if (status == -ERR_INPUT && importer->traces.count == result->file_count)
        return write_traces(importer);
    return status;
}

int ops_import(const struct import_request *request, struct import_result *ret_result, struct err *err)
{
    struct import_result result = {0};
    struct importer importer = {.workflow = workflow_create(), .result = &result, .err = err};
    struct price_book_options prices = {.files = request->prices, .file_count = request->price_count};
    int status = importer.workflow ? 0 : err_memory(err);
    if (!status)
        status = price_book_open(&prices, &importer.book, err);
    if (!status)
        status = read_all(&importer, request);
    if (!status && !result.file_count)
        status = unknown_format(request->path_count ? request->paths[0] : request->source, err);
    if (!status)
        status = write_recording(&importer, request);
    if (importer.workflow)
        snprintf(result.malformed, sizeof result.malformed, "%s", workflow_malformed(importer.workflow));
    price_book_close(importer.book);
    workflow_destroy(importer.workflow);
    vec_free(&importer.traces);
    arena_free(&importer.arena);
    if (status)
        import_result_deinit(&result);
    else
        *ret_result = result;
    return status;
}

void import_result_deinit(struct import_result *result)
{
    str_free(&result->output);
}
