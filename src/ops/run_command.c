/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/run_command.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "model/meta.h"
#include "ops/report_file.h"
#include "ops/run_budget.h"
#include "record/recorder.h"
#include "recording/reader.h"
#include "recording/writer.h"

/* Where the recording goes. A recording that stands there is only replaced once there is something to replace it by. */
struct place {
    struct writer *writer;
    struct run_outcome *outcome; /* its path is where the recording lies now */
    const char *output;          /* its name as the user gave it */
    char wanted[PATH_MAX];       /* the file of that name; "": it lies there already */
};

static int flush(void *context, struct err *err)
{
    const struct place *place = context;
    return writer_flush(place->writer, err);
}

static void started(void *context)
{
    struct place *place = context;
    struct err ignored; /* then it stays beside, under the name that is told */
    if (place->wanted[0] && !writer_rename(place->writer, place->wanted, &ignored))
        snprintf(place->outcome->path, sizeof place->outcome->path, "%s", place->output);
}

/* Opens the recording under its name, or beside the file of that name. */
static int place_open(const struct run_request *request, struct place *place, struct err *err)
{
    char *path = place->outcome->path;
    size_t size = sizeof place->outcome->path;
    struct stat about;
    struct writer_options options = {
        .path = path, .overwrite = request->output != NULL, .compress = request->compress};
    if (request->output && stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
        access(path, W_OK) == 0 && realpath(path, place->wanted)) {
        int length = snprintf(path, size, "%s.%d.part", place->wanted, (int)getpid());
        if (length < (int)size && writer_create(&options, &place->writer, err) == 0)
            return 0;
        snprintf(path, size, "%s", request->output); /* the folder takes no new file */
        place->wanted[0] = '\0';
    }
    return writer_create(&options, &place->writer, err);
}

/* Only letters, digits, '.', '_', '+' and '-' of the command's name; a leading dot would hide the file. */
static void safe_name(const char *command, char *name, size_t size)
{
    const char *slash = strrchr(command, '/');
    const char *at = slash && slash[1] ? slash + 1 : command;
    size_t length = 0;
    for (; *at && length + 1 < size; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                     strchr("._+-", *at);
        name[length] = plain && !(length == 0 && *at == '.') ? *at : '_';
        length++;
    }
    name[length] = '\0';
}

/* What a recording is called after: the command, else the first process that is watched. */
static void subject_name(const struct run_request *request, char *name, size_t size)
{
    char path[64], comm[64] = "";
    snprintf(name, size, "machine");
    if (request->command || !request->pid_count) {
        if (request->command)
            safe_name(request->command[0], name, size);
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/comm", (int)request->pids[0]);
    if (fs_read_small(path, comm, sizeof comm) > 0)
        comm[strcspn(comm, "\n")] = '\0';
    safe_name(comm[0] ? comm : "process", name, size);
}

static void default_path(const struct run_request *request, char *path, size_t size)
{
    char name[64], stamp[32];
    time_t now = time(NULL);
    struct tm parts;
    subject_name(request, name, sizeof name);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &parts));
    snprintf(path, size, "toll-%s-%s.toll", name, stamp);
    for (int i = 2; access(path, F_OK) == 0 && i < 1000; i++)
        snprintf(path, size, "toll-%s-%s-%d.toll", name, stamp, i);
}

/* CPU time of the processes that this one waited for, and of theirs. */
static uint64_t children_cpu_ns(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage))
        return 0;
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US;
}

/* What the history keeps of a run. */
struct measured {
    uint64_t wall_ns;
    uint64_t cpu_ns; /* of the command and all that it waited for */
    struct report_numbers numbers;
};

struct peak {
    const struct view *view;
    uint64_t bytes;
};

static int add_peaks(void *context, const struct batch *batch, struct err *err)
{
    struct peak *peak = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        uint64_t bytes;
        if (strcmp(view_text(peak->view, batch->columns[COLUMN(attr, key)][i]), ATTR_RSS_BYTES_MAX) == 0 &&
            num_parse_u64(view_text(peak->view, batch->columns[COLUMN(attr, value)][i]), &bytes) == 0)
            peak->bytes = num_max(peak->bytes, bytes);
    }
    return 0;
}

/* The largest process's peak, read off the recording where no verdict was asked for; 0 when it is not known. */
static uint64_t peak_memory(const char *path)
{
    struct reader *reader;
    struct err ignored;
    if (reader_open(path, &reader, &ignored))
        return 0;
    struct peak peak = {.view = reader_view(reader)};
    int status = view_scan_all(peak.view, TABLE_ATTR, add_peaks, &peak, &ignored);
    reader_close(reader);
    return status ? 0 : peak.bytes;
}

static void keep(const struct run_request *request, const struct measured *measured,
                 struct run_outcome *outcome)
{
    struct history_result results[3];
    struct str name = {0};
    struct err ignored; /* then memory ran out */
    size_t count = 0;
    if (!request->keep.is_on || !request->command || outcome->exit_status != 0 ||
        keep_name(request->command, &name, &ignored))
        return;
    results[count++] = keep_blank("run", str_text(&name), "wall_ns", (double)measured->wall_ns);
    results[count++] = keep_blank("run", str_text(&name), "cpu_ns", (double)measured->cpu_ns);
    uint64_t memory = request->verdict ? measured->numbers.rss_bytes_max : peak_memory(outcome->path);
    if (memory)
        results[count++] = keep_blank("run", str_text(&name), "memory_bytes_max", (double)memory);
    for (size_t i = 1; i < count; i++)
        results[i].at_ns = results[0].at_ns;
    keep_results(&request->keep, results, count, &outcome->warning);
    str_free(&name);
}

static int record(const struct run_request *request, struct place *place, struct run_outcome *outcome,
                  struct measured *measured, struct err *err)
{
    bool is_command = request->command != NULL;
    struct record_options options = {.command = request->command,
                                     .pids = request->pids,
                                     .pid_count = request->pid_count,
                                     .whole_machine = request->whole_machine,
                                     .limit_ns = request->limit_ns,
                                     .objective = request->objective ? request->objective
                                                  : is_command       ? "wall"
                                                                     : "throughput",
                                     .rung = request->rung,
                                     .io = request->io,
                                     .heap = request->heap,
                                     .heap_rate_bytes = request->heap_rate_bytes,
                                     .rate_hz = request->rate_hz,
                                     .sink = writer_sink(place->writer),
                                     .flush = flush,
                                     .started = started,
                                     .context = place};
    struct record_result result = {0};
    struct budget_guard *guard = NULL;
    uint64_t cpu_before_ns = children_cpu_ns();
    int status = request->budget ? run_budget_start(request->budget, &options.sink, &guard, err) : 0;
    if (status)
        return status;
    status = record_run(&options, &result, err);
    outcome->is_over_budget = run_budget_finish(guard, &outcome->budget);
    measured->wall_ns = result.wall_ns;
    measured->cpu_ns = children_cpu_ns() - cpu_before_ns;
    outcome->exit_status = !status && outcome->is_over_budget ? ERR_THRESHOLD : result.exit_status;
    outcome->ran = !status;
    if (status)
        return status;
    if (result.incomplete) {
        *err = result.failure;
        int failed = err_wrap(
            err, "%s, but its recording '%s' is incomplete",
            is_command ? "the command ran to its end" : "what was watched was not disturbed", outcome->path);
        if (!err->hint[0])
            err_hint(err, "'toll recover %s' saves what was written", outcome->path);
        return failed;
    }
    return writer_seal(place->writer, err);
}

int ops_run(const struct run_request *request, struct run_outcome *ret_outcome, struct err *err)
{
    struct run_outcome outcome = {.exit_status = RECORD_STATUS_FAILED};
    if (request->output)
        snprintf(outcome.path, sizeof outcome.path, "%s", request->output);
    else
        default_path(request, outcome.path, sizeof outcome.path);
    struct place place = {.outcome = &outcome, .output = request->output};
    int status = place_open(request, &place, err);
    if (status) {
        outcome.path[0] = '\0';
        *ret_outcome = outcome;
        return status;
    }
    struct measured measured = {0};
    status = record(request, &place, &outcome, &measured, err);
    writer_destroy(place.writer);
    if (status && !outcome.ran) {
        /* Nothing ran, so nothing was recorded: an empty file would only be in the way. */
        unlink(outcome.path);
        outcome.path[0] = '\0';
    }
    if (!status && request->verdict) {
        struct report_request report = {.path = outcome.path,
                                        .width = request->width,
                                        .colour = request->colour,
                                        .ascii = request->ascii};
        status = ops_report_numbers(&report, &outcome.text, &measured.numbers, err);
    }
    if (!status)
        keep(request, &measured, &outcome);
    *ret_outcome = outcome;
    return status;
}
