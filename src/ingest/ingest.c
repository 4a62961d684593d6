/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "ingest/internal.h"

#define COPY_BYTES (256u << 10)

const struct ingest_reader *const ingest_readers[] = {
    &ingest_perf_data,
    &ingest_pprof,
    &ingest_speedscope,
    &ingest_cpuprofile,
    &ingest_trace_event,
    &ingest_callgrind,
    &ingest_jfr,
    &ingest_gc_log,
    &ingest_perf_text,
    &ingest_folded,
    NULL,
};

const struct ingest_reader *ingest_reader_find(const char *name)
{
    for (size_t i = 0; ingest_readers[i]; i++)
        if (strcmp(ingest_readers[i]->name, name) == 0)
            return ingest_readers[i];
    return NULL;
}

void ingest_reader_names(struct str *ret_names)
{
    for (size_t i = 0; ingest_readers[i]; i++)
        str_printf(ret_names, "%s%s", i ? ", " : "", ingest_readers[i]->name);
}

const struct ingest_reader *ingest_probe(const struct ingest_input *input)
{
    for (size_t i = 0; ingest_readers[i]; i++)
        if (ingest_readers[i]->probe(input))
            return ingest_readers[i];
    return NULL;
}

void ingest_left_out(struct ingest_notes *notes, const char *what, uint64_t count)
{
    size_t at = 0;
    while (at < notes->left_out_count && strcmp(notes->left_out[at].what, what) != 0)
        at++;
    if (!count || at == INGEST_LEFT_OUT_MAX)
        return;
    notes->left_out[at].what = what;
    notes->left_out[at].count += count;
    notes->left_out_count += at == notes->left_out_count;
}

void ingest_remark(struct ingest_notes *notes, const char *text)
{
    if (text && notes->remark_count < INGEST_REMARK_MAX)
        notes->remarks[notes->remark_count++] = text;
}

/* --- files --- */

/* What cannot be mapped goes to a file without a name. */
static int spool(int from, const char *path, int *ret_fd, struct err *err)
{
    int fd = fs_nameless(), status = 0;
    char *bytes = malloc(COPY_BYTES);
    if (fd < 0)
        status = err_errno(err, errno, "could not make a file for what comes from '%s'", path);
    if (!status && !bytes)
        status = err_memory(err);
    while (!status) {
        ssize_t got = read(from, bytes, COPY_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = err_errno(err, errno, "could not read '%s'", path);
        if (got <= 0)
            break;
        status = fs_write_all(fd, bytes, (size_t)got, err);
    }
    free(bytes);
    if (status && fd >= 0)
        close(fd);
    else
        *ret_fd = fd;
    return status;
}

static int map(int fd, const char *path, struct ingest_file *file, struct err *err)
{
    struct stat about;
    if (fstat(fd, &about))
        return err_errno(err, errno, "could not read '%s'", path);
    if (S_ISDIR(about.st_mode))
        return err_errno(err, EISDIR, "could not read '%s'", path);
    file->input = (struct ingest_input){.path = path, .bytes = "", .length = (size_t)about.st_size};
    if (!about.st_size)
        return 0;
    file->mapping = mmap(NULL, file->input.length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file->mapping == MAP_FAILED) {
        file->mapping = NULL;
        return err_errno(err, errno, "could not map '%s'", path);
    }
    file->input.bytes = file->mapping;
    return 0;
}

int ingest_open(const char *path, struct ingest_file *ret_file, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "stdin" : path;
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC), spooled = -1;
    struct ingest_file file = {0};
    struct stat about;
    if (fd < 0 || fstat(fd, &about)) {
        int status = err_errno(err, errno, "could not open file '%s'", name);
        fs_close(&fd);
        return status;
    }
    bool is_whole = S_ISREG(about.st_mode) || S_ISDIR(about.st_mode);
    int status = is_whole ? map(fd, name, &file, err) : spool(fd, name, &spooled, err);
    if (!status && !is_whole)
        status = map(spooled, name, &file, err);
    fs_close(&fd);
    fs_close(&spooled);
    if (!status)
        *ret_file = file;
    return status;
}

void ingest_close(struct ingest_file *file)
{
    if (file->mapping)
        munmap(file->mapping, file->input.length);
    *file = (struct ingest_file){0};
}

/* --- rows --- */

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int ingest_read(const struct ingest_reader *reader, const struct ingest_input *input,
                const struct ingest_choice *choice, struct sink *sink, struct ingest_result *ret_result,
                struct err *err)
{
    struct ingest_result result = {.notes.about.file = name_of(input->path)};
    struct tables *tables = NULL;
    int status = tables_create(sink, &tables, err);
    result.notes.about.format = reader->about;
    if (!status)
        status = reader->read(input, choice, tables, &result.notes, err);
    result.notes.about.remarks = result.notes.remarks;
    result.notes.about.remark_count = result.notes.remark_count;
    if (!status)
        status = tables_finish(tables, &result.notes.about, &result.facts, err);
    else
        err_wrap(err, "importing '%s' as %s", input->path, reader->about);
    tables_destroy(tables);
    if (status) {
        ingest_result_deinit(&result);
        return status;
    }
    *ret_result = result;
    return 0;
}

void ingest_result_deinit(struct ingest_result *result)
{
    arena_free(&result->notes.arena);
    *result = (struct ingest_result){0};
}
