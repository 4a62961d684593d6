/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/tables.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/tables_state.h"

int tables_create(struct sink *sink, struct tables **ret_tables, struct err *err)
{
    struct tables *tables = calloc(1, sizeof *tables);
    if (!tables)
        return err_memory(err);
    tables->sink = sink;
    *ret_tables = tables;
    return 0;
}

void tables_destroy(struct tables *tables)
{
    if (!tables)
        return;
    vec_free(&tables->threads);
    vec_free(&tables->processes);
    vec_free(&tables->early);
    vec_free(&tables->images);
    intern_free(&tables->thread_keys);
    intern_free(&tables->frame_keys);
    map_free(&tables->process_of);
    map_free(&tables->thread_of);
    map_free(&tables->stack_of);
    free(tables);
}

struct sink *tables_sink(struct tables *tables)
{
    return tables->sink;
}

/* --- threads and processes --- */

static int process_index(struct tables *tables, uint64_t key, uint64_t pid, uint32_t *ret_process,
                         struct err *err)
{
    const uint64_t *known = map_get(&tables->process_of, key);
    if (known) {
        *ret_process = (uint32_t)*known;
        return 0;
    }
    struct table_process process = {.pid = pid, .track = ++tables->track_count};
    if (map_put(&tables->process_of, key, tables->processes.count) || vec_push(&tables->processes, process))
        return err_memory(err);
    *ret_process = (uint32_t)(tables->processes.count - 1);
    return 0;
}

/* What tells threads apart. */
struct thread_key {
    uint64_t pid, tid, name, life;
};

static int thread_add(struct tables *tables, const struct thread_key *key, struct err *err)
{
    struct table_thread thread = {
        .pid = key->pid, .tid = key->tid, .name = key->name, .track = 0, .waker = UINT32_MAX};
    uint64_t pid = key->pid ? key->pid : key->tid;
    int status = process_index(tables, key->life << 32 | pid, pid, &thread.process, err);
    if (status)
        return status;
    struct table_process *process = &tables->processes.items[thread.process];
    if (!process->name || (pid == key->tid && !process->is_named))
        process->name = key->name;
    process->is_named = process->is_named || pid == key->tid;
    thread.track = ++tables->track_count;
    return vec_push(&tables->threads, thread) ? err_memory(err) : 0;
}

static int thread_find(struct tables *tables, const struct tables_who *who, uint32_t *ret_thread,
                       struct err *err)
{
    struct thread_key key = {.pid = who->pid, .tid = who->tid, .life = who->life};
    uint64_t id = 0;
    bool is_new = false;
    uint32_t known = who->pid ? UINT32_MAX : tables_thread_of(tables, who->tid);
    if (known != UINT32_MAX)
        key.pid = tables->threads.items[known].pid;
    int status = tables->sink->intern(tables->sink, who->name, who->name_length, &key.name, err);
    if (status)
        return status;
    if (intern_put(&tables->thread_keys, (const char *)&key, sizeof key, &id, &is_new))
        return err_memory(err);
    if (is_new)
        status = thread_add(tables, &key, err);
    if (!status && map_put(&tables->thread_of, who->tid, id - 1))
        status = err_memory(err);
    *ret_thread = (uint32_t)(id - 1);
    return status;
}

int tables_thread(struct tables *tables, const struct tables_who *who, uint32_t *ret_thread, struct err *err)
{
    struct table_recent *recent = &tables->recent[who->tid % RECENT_COUNT];
    if (recent->name_length && recent->name_length == who->name_length && recent->tid == who->tid &&
        recent->pid == who->pid && recent->life == who->life &&
        memcmp(recent->name, who->name, who->name_length) == 0) {
        *ret_thread = recent->thread;
        return 0;
    }
    int status = thread_find(tables, who, ret_thread, err);
    if (status || who->name_length > RECENT_NAME_BYTES) {
        recent->name_length = 0;
        return status;
    }
    *recent = (struct table_recent){.pid = who->pid,
                                    .tid = who->tid,
                                    .life = who->life,
                                    .name_length = who->name_length,
                                    .thread = *ret_thread};
    memcpy(recent->name, who->name, who->name_length);
    return 0;
}

uint32_t tables_thread_of(const struct tables *tables, uint64_t tid)
{
    const uint64_t *known = map_get(&tables->thread_of, tid);
    return known ? (uint32_t)*known : UINT32_MAX;
}

uint64_t tables_track(const struct tables *tables, uint32_t thread)
{
    return tables->threads.items[thread].track;
}

int tables_name_process(struct tables *tables, uint64_t pid, const char *name, struct err *err)
{
    uint32_t process;
    int status = process_index(tables, pid, pid, &process, err);
    if (!status)
        status = sink_intern(tables->sink, name, &tables->processes.items[process].name, err);
    if (!status)
        tables->processes.items[process].is_named = true;
    return status;
}

int tables_rename(struct tables *tables, uint32_t index, uint64_t time_ns, const char *name, bool is_exec,
                  struct err *err)
{
    struct table_thread *thread = &tables->threads.items[index];
    struct row_track before = {
        .id = thread->track, .kind = TRACK_THREAD, .name = thread->name, .end_ns = time_ns};
    uint64_t id = 0;
    int status = sink_intern(tables->sink, name, &id, err);
    if (status || (id == thread->name && !is_exec))
        return status;
    /* The row that follows replaces it: it tells who wants to know the name that the thread had until then. Samples may not be
     * looked at yet (tables_settle_early); of a thread without anything there is no row. */
    if (id != thread->name && (thread->is_seen || thread->sample_count))
        status = sink_append(tables->sink, track, &before, err);
    struct table_process *process = &tables->processes.items[thread->process];
    thread->name = id;
    if (!status && is_exec) {
        struct table_image image = {.start_ns = time_ns, .name = id, .process = thread->process};
        process->first_name = process->first_name ? process->first_name : process->name;
        process->name = id;
        process->is_named = true;
        status = vec_push(&tables->images, image) ? err_memory(err) : 0;
    } else if (thread->tid == process->pid && !process->name) {
        process->name = id;
    }
    return status;
}

void tables_inherit_name(struct tables *tables, uint32_t index, uint32_t maker)
{
    struct table_thread *thread = &tables->threads.items[index];
    struct table_process *process = &tables->processes.items[thread->process];
    if (process->name == thread->name)
        process->name = tables->processes.items[tables->threads.items[maker].process].name;
    thread->name = tables->threads.items[maker].name;
}

void tables_set_parent(struct tables *tables, uint32_t thread, uint32_t parent)
{
    const struct table_thread *maker = &tables->threads.items[parent];
    uint32_t process = tables->threads.items[thread].process;
    if (maker->process != process)
        tables->processes.items[process].parent = maker->process + 1u;
}

void tables_process_ended(struct tables *tables, uint32_t index, uint64_t time_ns)
{
    const struct table_thread *thread = &tables->threads.items[index];
    uint64_t parent = tables->processes.items[thread->process].parent;
    if (!parent)
        return;
    tables->processes.items[parent - 1].child_end_ns = time_ns;
    tables->processes.items[parent - 1].child_thread = index;
}

void tables_has_switches(struct tables *tables)
{
    tables->has_waits = true;
}

void tables_set_root(struct tables *tables, uint64_t pid)
{
    tables->root_pid = pid;
}

/* --- stacks --- */

static int text_id(struct tables *tables, const char *text, uint64_t *ret_id, struct err *err)
{
    *ret_id = 0;
    return text && text[0] ? sink_intern(tables->sink, text, ret_id, err) : 0;
}

int tables_frame(struct tables *tables, const struct tables_frame *frame, uint64_t *ret_frame,
                 struct err *err)
{
    struct row_frame row = {.line = frame->line, .address = frame->address, .inlined = frame->is_inlined};
    bool is_new = false;
    uint64_t id = 0;
    int status = text_id(tables, frame->function, &row.function, err);
    if (!status)
        status = text_id(tables, frame->file, &row.file, err);
    if (!status)
        status = text_id(tables, frame->module, &row.module, err);
    if (status)
        return status;
    if (intern_put(&tables->frame_keys, (const char *)&row, sizeof row, &id, &is_new))
        return err_memory(err);
    row.id = id;
    *ret_frame = id;
    return is_new ? sink_append(tables->sink, frame, &row, err) : 0;
}

int tables_stack(struct tables *tables, uint64_t parent, uint64_t frame, uint64_t *ret_stack, struct err *err)
{
    /* Both fit in 32 bits: they count rows that are in memory. */
    uint64_t key = parent << 32 | frame;
    const uint64_t *known = map_get(&tables->stack_of, key);
    if (known) {
        *ret_stack = *known;
        return 0;
    }
    struct row_stack row = {.id = tables->stack_of.count + 1, .parent = parent, .frame = frame};
    if (row.id >= UINT32_MAX || map_put(&tables->stack_of, key, row.id))
        return err_memory(err);
    *ret_stack = row.id;
    return sink_append(tables->sink, stack, &row, err);
}

/* --- time --- */

static void seen(struct tables *tables, struct table_thread *thread, uint64_t start_ns, uint64_t end_ns)
{
    if (!thread->is_seen || start_ns < thread->start_ns)
        thread->start_ns = start_ns;
    if (!thread->is_seen || end_ns > thread->end_ns)
        thread->end_ns = end_ns;
    thread->is_seen = true;
    if (!tables->is_seen || start_ns < tables->start_ns)
        tables->start_ns = start_ns;
    tables->end_ns = num_max(tables->end_ns, end_ns);
    tables->is_seen = true;
}

static int add_wait(struct tables *tables, const struct table_thread *thread, struct row_wait wait,
                    struct err *err)
{
    if (wait.end_ns <= wait.start_ns)
        return 0;
    wait.track = thread->track;
    wait.count = wait.count ? wait.count : 1;
    if (!wait.blocked_ns && !wait.runnable_ns)
        wait.blocked_ns = wait.end_ns - wait.start_ns;
    tables->wait_count++;
    return sink_append(tables->sink, wait, &wait, err);
}

/* A sample's running, behind what was known of the thread; half an interval is the clock's and the kernel's freedom. */
static int cover(struct tables *tables, const struct table_early *sample, struct err *err)
{
    struct table_thread *thread = &tables->threads.items[sample->thread];
    uint64_t covers = sample->covers_ns ? sample->covers_ns : tables->interval_ns;
    uint64_t from = sample->time_ns > covers ? sample->time_ns - covers : 1; /* 0 says "not known" */
    int status = 0;
    /* A life may have begun before the first sample; what is known of its end may have come before it was looked at. */
    uint64_t since = from;
    if (thread->is_covered)
        since = thread->covered_ns;
    else if (thread->is_seen)
        since = num_min(thread->start_ns, from);
    if (!tables->has_waits && from > since + covers / 2)
        status = add_wait(tables, thread, (struct row_wait){.start_ns = since, .end_ns = from}, err);
    /* Waits that the file tells say themselves where the thread ran. */
    if (!tables->has_waits || !thread->is_seen)
        seen(tables, thread, from, sample->time_ns);
    else
        seen(tables, thread, sample->time_ns, sample->time_ns);
    thread->covered_ns = num_max(thread->covered_ns, sample->time_ns);
    thread->is_covered = true;
    thread->last_covers_ns = covers;
    return status;
}

static int compare_gaps(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The shortest quarter of the gaps ends at the interval: threads that are always on a CPU have no others. Samples come
 * thick while the kernel adjusts its period to the rate: gaps that no rate has are passed over, if there are others. */
static int measure_interval(struct tables *tables, struct err *err)
{
    VEC(uint64_t) gaps = {0};
    size_t thick = 0;
    VEC(uint64_t) last = {0};
    int status = 0;
    for (size_t i = 0; i < tables->threads.count && !status; i++)
        status = vec_push(&last, 0);
    for (size_t i = 0; i < tables->early.count && !status; i++) {
        const struct table_early *sample = &tables->early.items[i];
        uint64_t before = last.items[sample->thread];
        if (!sample->covers_ns && before && sample->time_ns > before)
            status = vec_push(&gaps, sample->time_ns - before);
        last.items[sample->thread] = sample->time_ns;
    }
    tables->interval_ns = INTERVAL_NS_DEFAULT;
    if (!status && gaps.count) {
        qsort(gaps.items, gaps.count, sizeof gaps.items[0], compare_gaps);
        while (thick < gaps.count && gaps.items[thick] < INTERVAL_NS_MIN)
            thick++;
        thick = thick == gaps.count ? 0 : thick;
        tables->interval_ns = num_min(gaps.items[thick + (gaps.count - thick) / 4], INTERVAL_NS_MAX);
        tables->is_measured = true;
    }
    vec_free(&gaps);
    vec_free(&last);
    return status ? err_memory(err) : 0;
}

int tables_settle_early(struct tables *tables, struct err *err)
{
    int status = tables->is_settled ? 0 : measure_interval(tables, err);
    tables->is_settled = true;
    for (size_t i = 0; i < tables->early.count && !status; i++)
        status = cover(tables, &tables->early.items[i], err);
    vec_free(&tables->early);
    return status;
}

int tables_sample(struct tables *tables, const struct tables_sample *sample, struct err *err)
{
    struct table_early early = {
        .thread = sample->thread, .time_ns = sample->time_ns, .covers_ns = sample->covers_ns};
    struct row_sample row = {.time_ns = sample->time_ns,
                             .track = tables->threads.items[sample->thread].track,
                             .stack = sample->stack,
                             .weight = sample->weight,
                             .kind = sample->kind};
    int status = sink_append(tables->sink, sample, &row, err);
    tables->sample_count++;
    tables->threads.items[sample->thread].sample_count++;
    if (status || sample->kind != SAMPLE_CPU) {
        if (!status)
            seen(tables, &tables->threads.items[sample->thread], sample->time_ns, sample->time_ns);
        return status;
    }
    if (tables->is_settled)
        return cover(tables, &early, err);
    if (vec_push(&tables->early, early))
        return err_memory(err);
    return tables->early.count < EARLY_MAX ? 0 : tables_settle_early(tables, err);
}

int tables_off(struct tables *tables, uint32_t index, uint64_t time_ns, bool is_preempted, struct err *err)
{
    struct table_thread *thread = &tables->threads.items[index];
    (void)err;
    tables->has_waits = true;
    seen(tables, thread, time_ns, time_ns);
    thread->off_ns = time_ns;
    thread->is_off = true;
    thread->is_preempted = is_preempted;
    thread->woken_ns = 0;
    thread->waker = UINT32_MAX;
    return 0;
}

void tables_wake(struct tables *tables, uint32_t index, uint64_t time_ns, uint32_t waker)
{
    struct table_thread *thread = &tables->threads.items[index];
    tables->has_waits = true;
    if (!thread->is_off || thread->is_preempted || thread->woken_ns)
        return;
    thread->woken_ns = num_max(time_ns, thread->off_ns);
    thread->waker = waker;
    thread->is_woken_from_outside = waker == UINT32_MAX;
}

/* Nothing else of a wait is told than when it ended: shortly after a child did. */
static bool waited_for_child(struct tables *tables, const struct table_thread *thread, struct row_wait *wait)
{
    struct table_process *process = &tables->processes.items[thread->process];
    uint64_t ended_ns = process->child_end_ns;
    if (!ended_ns || ended_ns < wait->start_ns || ended_ns > wait->end_ns ||
        wait->end_ns - ended_ns > CHILD_DELAY_NS_MAX)
        return false;
    process->child_end_ns = 0;
    wait->reason = WAIT_CHILD;
    wait->waker_track = tables->threads.items[process->child_thread].track;
    wait->waker_source = WAKER_INFERRED;
    wait->blocked_ns = ended_ns - wait->start_ns;
    wait->runnable_ns = wait->end_ns - ended_ns;
    return true;
}

/* What is behind the waking is queueing for a CPU; who was only seen to go on may have queued too. */
int tables_on(struct tables *tables, uint32_t index, uint64_t time_ns, struct err *err)
{
    struct table_thread *thread = &tables->threads.items[index];
    struct row_wait wait = {.start_ns = thread->off_ns, .end_ns = time_ns};
    tables->has_waits = true;
    seen(tables, thread, time_ns, time_ns);
    if (!thread->is_off)
        return 0;
    thread->is_off = false;
    uint64_t runnable = thread->woken_ns && time_ns > thread->woken_ns ? time_ns - thread->woken_ns : 0;
    if (thread->is_preempted) {
        wait.reason = WAIT_CPU_QUEUE;
        wait.runnable_ns = time_ns > thread->off_ns ? time_ns - thread->off_ns : 0;
    } else {
        wait.runnable_ns = runnable;
        wait.blocked_ns = time_ns > thread->off_ns ? time_ns - thread->off_ns - runnable : 0;
    }
    if (!thread->is_preempted && !thread->woken_ns && waited_for_child(tables, thread, &wait))
        return add_wait(tables, thread, wait, err);
    const struct table_thread *waker =
        thread->waker != UINT32_MAX ? &tables->threads.items[thread->waker] : NULL;
    /* One of which the file tells nothing else has no row to refer to. */
    if (waker && (waker->is_seen || waker->sample_count)) {
        wait.waker_track = waker->track;
        wait.waker_source = WAKER_EXACT;
    } else if (thread->woken_ns && thread->is_woken_from_outside) {
        wait.waker_source = WAKER_INTERRUPT;
    }
    return add_wait(tables, thread, wait, err);
}

int tables_close_wait(struct tables *tables, struct table_thread *thread, uint64_t time_ns, struct err *err)
{
    struct row_wait wait = {.start_ns = thread->off_ns, .end_ns = time_ns};
    thread->is_off = false;
    return add_wait(tables, thread, wait, err);
}

int tables_active(struct tables *tables, uint32_t index, uint64_t time_ns, bool *ret_was_off, struct err *err)
{
    struct table_thread *thread = &tables->threads.items[index];
    *ret_was_off = thread->is_off;
    if (!thread->is_off)
        return 0;
    seen(tables, thread, time_ns, time_ns);
    return tables_close_wait(tables, thread, time_ns, err);
}

int tables_wait(struct tables *tables, uint32_t thread, struct row_wait wait, struct err *err)
{
    tables->has_waits = true;
    seen(tables, &tables->threads.items[thread], wait.start_ns, wait.end_ns);
    return add_wait(tables, &tables->threads.items[thread], wait, err);
}

int tables_span(struct tables *tables, uint32_t thread, struct row_span span, uint64_t *ret_span,
                struct err *err)
{
    seen(tables, &tables->threads.items[thread], span.start_ns, num_max(span.start_ns, span.end_ns));
    span.id = ++tables->span_count;
    span.track = tables->threads.items[thread].track;
    if (ret_span)
        *ret_span = span.id;
    return sink_append(tables->sink, span, &span, err);
}

int tables_process_span(struct tables *tables, uint32_t thread, struct row_span span, uint64_t *ret_span,
                        struct err *err)
{
    struct table_thread *on = &tables->threads.items[thread];
    seen(tables, on, span.start_ns, num_max(span.start_ns, span.end_ns));
    span.id = *ret_span = ++tables->span_count;
    span.track = tables->processes.items[on->process].track;
    tables->pause_count += span.category == SPAN_GC;
    return sink_append(tables->sink, span, &span, err);
}

void tables_life(struct tables *tables, uint32_t thread, uint64_t start_ns, uint64_t end_ns)
{
    if (start_ns)
        seen(tables, &tables->threads.items[thread], start_ns, start_ns);
    if (end_ns)
        seen(tables, &tables->threads.items[thread], end_ns, end_ns);
    tables->threads.items[thread].is_ended = tables->threads.items[thread].is_ended || end_ns;
}
