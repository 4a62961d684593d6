/* SPDX-License-Identifier: Apache-2.0 */
/* tables_finish: the lives of threads and processes, and what is told of the whole. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ingest/tables_state.h"
#include "model/meta.h"

/* It tells where CPU time went, and what stood still for a collector, but of no other time what it was for. */
static bool is_profile(const struct tables *tables)
{
    return !tables->has_waits && tables->span_count == tables->pause_count &&
           (tables->sample_count || !tables->span_count);
}

/* Of a file of spans alone nobody knows whether their time was work or waiting: it must not be told as work. */
static bool is_of_spans_alone(const struct tables *tables)
{
    return tables->span_count && !tables->has_waits && !tables->sample_count;
}

static int write_not_known(struct tables *tables, const struct table_thread *thread, struct err *err)
{
    const struct row_wait row = {.track = thread->track,
                                 .start_ns = thread->start_ns,
                                 .end_ns = thread->end_ns,
                                 .count = 1,
                                 .blocked_ns = thread->end_ns - thread->start_ns,
                                 .reason = WAIT_UNKNOWN};
    return row.blocked_ns ? sink_append(tables->sink, wait, &row, err) : 0;
}

/* Where switches are told, a thread whose end is not lives on, and the wait that it is in goes on. */
static int end_thread(struct tables *tables, struct table_thread *thread, struct err *err)
{
    if (!thread->is_seen)
        return 0;
    if (is_of_spans_alone(tables))
        return write_not_known(tables, thread, err);
    if (tables->has_waits && !thread->is_ended) {
        thread->end_ns = tables->end_ns;
        return thread->is_off ? tables_close_wait(tables, thread, tables->end_ns, err) : 0;
    }
    /* What follows the last sample, where samples are all that tells of running. */
    if (!tables->has_waits && thread->is_covered &&
        thread->end_ns > thread->covered_ns + thread->last_covers_ns + thread->last_covers_ns / 2) {
        thread->off_ns = thread->covered_ns;
        return tables_close_wait(tables, thread, thread->end_ns, err);
    }
    return 0;
}

static int write_thread(struct tables *tables, struct table_thread *thread, struct err *err)
{
    struct table_process *process = &tables->processes.items[thread->process];
    int status = end_thread(tables, thread, err);
    struct row_track row = {.id = thread->track,
                            .parent = process->track,
                            .kind = TRACK_THREAD,
                            .name = thread->name,
                            .pid = thread->pid ? thread->pid : thread->tid,
                            .tid = thread->tid,
                            .start_ns = thread->start_ns,
                            .end_ns = thread->end_ns};
    if (!thread->is_seen || status)
        return status;
    if (!process->is_seen || thread->start_ns < process->start_ns)
        process->start_ns = thread->start_ns;
    process->end_ns = num_max(process->end_ns, thread->end_ns);
    process->sample_count += thread->sample_count;
    process->is_seen = true;
    return sink_append(tables->sink, track, &row, err);
}

static int write_image(struct tables *tables, const struct table_process *process, uint64_t name,
                       uint64_t start_ns, uint64_t end_ns, struct err *err)
{
    struct row_span image = {.id = ++tables->span_count,
                             .track = process->track,
                             .name = name,
                             .category = SPAN_EXEC,
                             .start_ns = start_ns,
                             .end_ns = end_ns};
    return end_ns > start_ns ? sink_append(tables->sink, span, &image, err) : 0;
}

/* The program of a process is a span of it; of one that executed others, each is. */
static int write_process(struct tables *tables, const struct table_process *process, uint32_t index,
                         size_t *cursor, struct err *err)
{
    /* A parent of which the file tells nothing else has no row. */
    const struct table_process *parent =
        process->parent ? &tables->processes.items[process->parent - 1] : NULL;
    struct row_track row = {.id = process->track,
                            .parent = parent && parent->is_seen ? parent->track : 0,
                            .kind = TRACK_PROCESS,
                            .name = process->name,
                            .pid = process->pid,
                            .start_ns = process->start_ns,
                            .end_ns = process->end_ns};
    uint64_t name = process->first_name ? process->first_name : process->name, since = process->start_ns;
    int status = sink_append(tables->sink, track, &row, err);
    for (; *cursor < tables->images.count && tables->images.items[*cursor].process <= index && !status;
         (*cursor)++) {
        const struct table_image *image = &tables->images.items[*cursor];
        if (image->process != index || image->start_ns >= process->end_ns)
            continue;
        status = write_image(tables, process, name, since, image->start_ns, err);
        since = num_max(image->start_ns, since);
        name = image->name;
    }
    return status ? status : write_image(tables, process, name, since, process->end_ns, err);
}

/* The kernel's idle task, process 0, is nobody's command. */
static const struct table_process *root_of(const struct tables *tables)
{
    const struct table_process *most = NULL;
    for (size_t i = 0; i < tables->processes.count; i++) {
        const struct table_process *process = &tables->processes.items[i];
        if (!process->is_seen)
            continue;
        if (tables->root_pid && process->pid == tables->root_pid)
            return process;
        if (!most || !most->pid || (process->pid && process->sample_count > most->sample_count))
            most = process;
    }
    return most;
}

static int meta(struct tables *tables, const char *key, const char *value, struct err *err)
{
    return value && value[0] ? sink_meta(tables->sink, key, value, err) : 0;
}

static int meta_number(struct tables *tables, const char *key, uint64_t value, struct err *err)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return sink_meta(tables->sink, key, text, err);
}

/* A name as a JSON array of one string. */
static int meta_command(struct tables *tables, const struct tables_about *about, struct err *err)
{
    struct str json = {0};
    if (about->command)
        return meta(tables, META_COMMAND, about->command, err);
    str_append(&json, "[\"");
    for (const char *at = about->file; *at; at++) {
        if ((unsigned char)*at < 0x20)
            str_printf(&json, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            str_printf(&json, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
    }
    str_append(&json, "\"]");
    int status = json.failed ? err_memory(err) : meta(tables, META_COMMAND, str_text(&json), err);
    str_free(&json);
    return status;
}

static int write_texts(struct tables *tables, const struct tables_about *about, struct err *err)
{
    char id[20];
    uint64_t hash = map_hash_bytes(about->file, strlen(about->file)) ^ map_hash(tables->start_ns) ^
                    map_hash(tables->end_ns + tables->sample_count);
    snprintf(id, sizeof id, "%016" PRIx64, hash);
    const struct {
        const char *key, *value;
    } texts[] = {
        {META_ID, id},
        {META_SCOPE, is_profile(tables) ? SCOPE_PROFILE : NULL},
        {META_RECORDER_CPU, tables->sample_count ? "import" : NULL},
        {META_RECORDER_WAIT, tables->has_waits ? "import" : NULL},
        {META_CPU_EVENT, about->event},
        {META_IMPORT_FORMAT, about->format},
        {META_IMPORT_FILE, about->file},
        {META_IMPORT_CLOCK, about->clock},
        {META_SAMPLE_UNIT, about->unit},
        {META_HOST, about->host},
        {META_KERNEL, about->kernel},
    };
    int status = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && !status; i++)
        status = meta(tables, texts[i].key, texts[i].value, err);
    for (size_t i = 0; i < about->remark_count && !status; i++)
        status = meta(tables, META_REMARK, about->remarks[i], err);
    return status;
}

static int write_numbers(struct tables *tables, const struct tables_about *about, uint64_t root,
                         struct err *err)
{
    const struct {
        const char *key;
        uint64_t value;
        bool is_wanted;
    } numbers[] = {
        {META_START, tables->start_ns, true},
        {META_END, tables->end_ns, true},
        {META_STARTED_REALTIME,
         about->realtime_less_ns ? about->realtime_less_ns + tables->start_ns : about->started_realtime_ns,
         about->started_realtime_ns || about->realtime_less_ns},
        {META_STACK_COUNT, about->stack_count, about->stack_count != 0},
        {META_STACK_TRUNCATED_COUNT, about->stack_truncated_count, about->stack_count != 0},
        {META_CPU_COUNT, about->cpu_count, about->cpu_count != 0},
        {META_ROOT_TRACK, root, true},
        {META_LOST_COUNT, about->lost_count, true},
        {META_SAMPLE_COUNT, tables->sample_count, true},
        {META_SAMPLE_SCALE, about->scale, about->scale > 1},
    };
    int status = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && !status; i++)
        if (numbers[i].is_wanted)
            status = meta_number(tables, numbers[i].key, numbers[i].value, err);
    return status;
}

/* What such a recording cannot say. */
static int write_limits(struct tables *tables, struct err *err)
{
    char text[160];
    int status = 0;
    if (is_profile(tables))
        status =
            meta(tables, META_REMARK,
                 "the file tells where CPU time went, and nothing of waits: what was waited for, and for "
                 "whom, is not known",
                 err);
    if (is_of_spans_alone(tables))
        status = meta(tables, META_REMARK,
                      "the file tells spans alone: whether their time was work or waiting is not known", err);
    if (!status && tables->is_measured && !tables->has_waits && tables->sample_count) {
        snprintf(
            text, sizeof text,
            "a sample stands for %.3g ms before it, as measured between samples: busy times are estimates",
            (double)tables->interval_ns / (double)NS_PER_MS);
        status = meta(tables, META_REMARK, text, err);
    }
    return status;
}

static int compare_images(const void *a, const void *b)
{
    const struct table_image *x = a, *y = b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int write_tracks(struct tables *tables, struct tables_facts *facts, struct err *err)
{
    size_t cursor = 0;
    int status = 0;
    for (size_t i = 0; i < tables->threads.count && !status; i++) {
        status = write_thread(tables, &tables->threads.items[i], err);
        facts->thread_count += tables->threads.items[i].is_seen;
    }
    facts->span_count = tables->span_count;
    if (tables->images.count)
        qsort(tables->images.items, tables->images.count, sizeof tables->images.items[0], compare_images);
    for (size_t i = 0; i < tables->processes.count && !status; i++) {
        if (!tables->processes.items[i].is_seen)
            continue;
        status = write_process(tables, &tables->processes.items[i], (uint32_t)i, &cursor, err);
        facts->process_count++;
    }
    return status;
}

int tables_finish(struct tables *tables, const struct tables_about *about, struct tables_facts *ret_facts,
                  struct err *err)
{
    struct tables_facts facts = {0};
    int status = tables_settle_early(tables, err);
    if (status)
        return status;
    if (!tables->is_seen && !tables->sample_count)
        return err_set(err, ERR_INPUT, "could not import '%s': there is no sample, no wait and no span in it",
                       about->file);
    if (!tables->is_seen || tables->end_ns <= tables->start_ns)
        return err_set(err, ERR_INPUT, "could not import '%s': nothing in it has a time", about->file);
    status = write_texts(tables, about, err);
    if (!status)
        status = write_limits(tables, err);
    if (!status)
        status = meta_command(tables, about, err);
    if (!status)
        status = write_tracks(tables, &facts, err);
    if (!status)
        status = write_numbers(tables, about, root_of(tables)->track, err);
    facts.sample_count = tables->sample_count;
    facts.wait_count = tables->has_waits ? tables->wait_count : 0;
    facts.stack_count = tables->stack_of.count;
    facts.start_ns = tables->start_ns;
    facts.end_ns = tables->end_ns;
    facts.interval_ns = tables->is_measured ? tables->interval_ns : 0;
    facts.has_waits = tables->has_waits;
    if (!status)
        *ret_facts = facts;
    return status;
}
