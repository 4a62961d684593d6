/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/import_profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "recording/writer.h"

#define PARTIAL_SUFFIX ".part"

bool import_profile_knows(const char *path)
{
    struct ingest_file file;
    struct stat about;
    struct err ignored;
    /* What comes through a pipe can be read once, so it is not looked at here; a device may never end. */
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return S_ISFIFO(about.st_mode);
    if (strcmp(path, "-") == 0 || ingest_open(path, &file, &ignored))
        return false;
    bool is_known = ingest_probe(&file.input) != NULL;
    ingest_close(&file);
    return is_known;
}

static int choose(const struct profile_request *request, const struct ingest_input *input,
                  const struct ingest_reader **ret_reader, struct err *err)
{
    struct str names = {0};
    int status;
    *ret_reader = request->from ? ingest_reader_find(request->from) : ingest_probe(input);
    if (*ret_reader)
        return 0;
    if (request->from)
        status = err_set(err, ERR_USAGE, "there is no reader '%s'", request->from);
    else
        status = err_set(err, ERR_INPUT, "could not import '%s': no reader knows its format", input->path);
    ingest_reader_names(&names);
    err_hint(err, "--from NAME says what it is: %s", str_text(&names));
    str_free(&names);
    return status;
}

/* "run/perf.txt" is "perf.toll" here. */
static int name_output(const struct profile_request *request, struct str *ret_output, struct err *err)
{
    const char *slash = strrchr(request->path, '/'), *name = slash ? slash + 1 : request->path;
    const char *dot = strrchr(name, '.');
    size_t length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    if (request->output)
        str_append(ret_output, request->output);
    else if (strcmp(request->path, "-") == 0 || !length)
        str_append(ret_output, "imported.toll");
    else
        str_printf(ret_output, "%.*s.toll", (int)length, name);
    return ret_output->failed ? err_memory(err) : 0;
}

static int write_recording(const struct profile_request *request, const struct ingest_input *input,
                           const char *partial, struct profile_result *result, struct err *err)
{
    const struct ingest_reader *reader;
    struct ingest_choice choice = {.event = request->event};
    struct writer_options options = {.path = partial, .compress = request->compress, .overwrite = true};
    struct writer *writer = NULL;
    int status = choose(request, input, &reader, err);
    if (!status)
        status = writer_create(&options, &writer, err);
    if (status)
        return status;
    status = ingest_read(reader, input, &choice, writer_sink(writer), &result->ingested, err);
    if (!status)
        status = writer_seal(writer, err);
    writer_destroy(writer);
    if (!status && rename(partial, str_text(&result->output)))
        status = err_errno(err, errno, "could not write file '%s'", str_text(&result->output));
    if (status)
        remove(partial);
    return status;
}

int ops_import_profile(const struct profile_request *request, struct profile_result *ret_result,
                       struct err *err)
{
    struct profile_result result = {0};
    struct ingest_file file = {0};
    struct str partial = {0};
    int status = name_output(request, &result.output, err);
    str_printf(&partial, "%s" PARTIAL_SUFFIX, str_text(&result.output));
    if (!status && partial.failed)
        status = err_memory(err);
    if (!status)
        status = ingest_open(request->path, &file, err);
    if (!status)
        status = write_recording(request, &file.input, str_text(&partial), &result, err);
    ingest_close(&file);
    str_free(&partial);
    if (status)
        profile_result_deinit(&result);
    else
        *ret_result = result;
    return status;
}

void profile_result_deinit(struct profile_result *result)
{
    str_free(&result->output);
    ingest_result_deinit(&result->ingested);
}
