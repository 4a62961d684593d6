/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_text: what `perf script` prints. Samples and stacks are those that collapse/ finds, so that a recording's folded
 * stacks are what stackcollapse-perf.pl makes of the text; beside them the first line of each event tells thread, CPU and time.
 *
 *     comm pid/tid [cpu] seconds: period event:
 *     comm pid/tid [cpu] seconds: sched:sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 …
 *     comm pid/tid [cpu] seconds: sched:sched_wakeup: comm=a pid=1 …
 *
 * The scheduler's events become waits: who leaves the CPU waits until it is the next one again; who is woken by a thread
 * waited for it (from the idle task: for an interrupt).
 */
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/vec.h"
#include "collapse/collapse.h"
#include "ingest/internal.h"

#define HEADER_LINES_MAX 4096u
#define NAME_BYTES_MAX   64u
#define ROW_NONE         UINT64_MAX
#define UNTIMED_NS       NS_PER_MS /* between samples that have no time */

/* Of collapse's frame: its rows in the frame table, the outermost first. */
struct frame_parts {
    size_t first, count; /* in reader.parts */
};

/* Rows of the stack table by a number of collapse's; ROW_NONE: not made yet. */
struct row_list {
    uint64_t *items;
    size_t count, capacity;
};

struct reader {
    const struct ingest_input *input;
    struct tables *tables;
    struct ingest_notes *notes;
    struct collapse *collapse;
    struct row_list rows, rest_rows; /* of stacks, and of rests */
    VEC(struct frame_parts) frames;  /* by collapse's frame */
    VEC(uint64_t) parts;
    uint32_t thread;
    uint64_t time_ns;
    bool is_ns, is_switch; /* of the open sample */
    bool has_process;
    uint64_t untimed_count, cpu_count, switch_count;
    uint64_t endless_count; /* waits whose end was not recorded */
};

/* --- the first line --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "12.345678:" at the beginning of a word, nanoseconds. */
static bool read_time(const char *word, size_t length, uint64_t *ret_ns)
{
    uint64_t seconds = 0, fraction = 0, unit = NS_PER_S;
    size_t at = 0;
    for (; at < length && is_digit(word[at]); at++)
        if (num_mul_u64(seconds, 10, &seconds) || num_add_u64(seconds, (uint64_t)(word[at] - '0'), &seconds))
            return false;
    if (!at || at == length || word[at] != '.' || length < 3 || word[length - 1] != ':')
        return false;
    for (at++; at + 1 < length && is_digit(word[at]); at++) {
        unit /= 10;
        fraction += (uint64_t)(word[at] - '0') * unit;
    }
    return at + 1 == length && !num_mul_u64(seconds, NS_PER_S, &seconds) &&
           !num_add_u64(seconds, fraction, ret_ns);
}

struct place {
    uint64_t cpu; /* UINT64_MAX: not told */
    uint64_t time_ns;
    bool has_time;
    const char *rest; /* behind the time */
    size_t rest_length;
};

#define WORDS_BEFORE_TIME_MAX 6u

/* Words behind the numbers of thread and process: a CPU, flags, the time. */
static struct place read_place(const struct collapse_event *event)
{
    struct place place = {.cpu = UINT64_MAX};
    const char *at = event->line + event->name_length, *end = event->line + event->length;
    for (size_t words = 0; words < WORDS_BEFORE_TIME_MAX && at < end; words++) {
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        const char *word = at;
        while (at < end && *at != ' ' && *at != '\t')
            at++;
        size_t length = (size_t)(at - word);
        if (length > 2 && word[0] == '[' && word[length - 1] == ']') {
            place.cpu = 0;
            for (size_t i = 1; i + 1 < length; i++)
                place.cpu = is_digit(word[i]) && place.cpu < 100000
                                ? place.cpu * 10 + (uint64_t)(word[i] - '0')
                                : UINT64_MAX;
        } else if (read_time(word, length, &place.time_ns)) {
            place.has_time = true;
            place.rest = at;
            place.rest_length = (size_t)(end - at);
            return place;
        }
    }
    return place;
}

/* --- the scheduler's events --- */

/* The value of "key=": up to the next blank, or for names up to " until". NULL when there is none. */
static const char *field(const char *text, size_t length, const char *key, const char *until,
                         size_t *ret_length)
{
    const char *at = memmem(text, length, key, strlen(key));
    if (!at)
        return NULL;
    at += strlen(key);
    size_t left = (size_t)(text + length - at);
    const char *end = memmem(at, left, until, strlen(until));
    *ret_length = end ? (size_t)(end - at) : left;
    return at;
}

static bool field_number(const char *text, size_t length, const char *key, uint64_t *ret_number)
{
    size_t digits = 0, at = 0;
    const char *value = field(text, length, key, " ", &digits);
    uint64_t number = 0;
    for (; value && at < digits && is_digit(value[at]); at++)
        if (num_mul_u64(number, 10, &number) || num_add_u64(number, (uint64_t)(value[at] - '0'), &number))
            return false;
    *ret_number = number;
    return at > 0;
}

static int thread_named(struct reader *reader, uint64_t tid, const char *name, size_t length,
                        uint32_t *ret_thread, struct err *err)
{
    struct tables_who who = {.tid = tid, .name = name, .name_length = num_min(length, NAME_BYTES_MAX)};
    return tables_thread(reader->tables, &who, ret_thread, err);
}

static int read_switch(struct reader *reader, const struct place *place, struct err *err)
{
    const char *text = place->rest;
    size_t length = place->rest_length, prev_length = 0, next_length = 0, state_length = 0;
    uint64_t prev = 0, next = 0;
    const char *prev_name = field(text, length, "prev_comm=", " prev_pid=", &prev_length);
    const char *next_name = field(text, length, "next_comm=", " next_pid=", &next_length);
    const char *state = field(text, length, "prev_state=", " ", &state_length);
    uint32_t thread = 0;
    int status = 0;
    if (!prev_name || !next_name || !state || !field_number(text, length, "prev_pid=", &prev) ||
        !field_number(text, length, "next_pid=", &next)) {
        ingest_left_out(reader->notes, "switches that could not be read", 1);
        return 0;
    }
    reader->switch_count++;
    /* The idle task is nobody. */
    if (prev) {
        status = thread_named(reader, prev, prev_name, prev_length, &thread, err);
        if (!status)
            status = tables_off(reader->tables, thread, place->time_ns, state_length && state[0] == 'R', err);
    }
    if (!status && next) {
        status = thread_named(reader, next, next_name, next_length, &thread, err);
        if (!status)
            status = tables_on(reader->tables, thread, place->time_ns, err);
    }
    return status;
}

static void read_wakeup(struct reader *reader, const struct collapse_event *event, const struct place *place)
{
    uint64_t woken = 0;
    if (!field_number(place->rest, place->rest_length, " pid=", &woken)) {
        ingest_left_out(reader->notes, "wake-ups that could not be read", 1);
        return;
    }
    uint32_t thread = tables_thread_of(reader->tables, woken);
    if (thread != UINT32_MAX)
        tables_wake(reader->tables, thread, place->time_ns,
                    event->tid ? tables_thread_of(reader->tables, event->tid) : UINT32_MAX);
}

static bool holds(const struct place *place, const char *word)
{
    return memmem(place->rest, place->rest_length, word, strlen(word)) != NULL;
}

static int read_scheduler(struct reader *reader, const struct collapse_event *event,
                          const struct place *place, struct err *err)
{
    if (holds(place, " sched:sched_switch: ")) {
        reader->is_switch = true;
        return read_switch(reader, place, err);
    }
    if (holds(place, " sched:sched_wakeup: ") || holds(place, " sched:sched_waking: ") ||
        holds(place, " sched:sched_wakeup_new: "))
        read_wakeup(reader, event, place);
    else
        return 0;
    reader->is_switch = true;
    return 0;
}

static bool is_switch(const struct collapse_event *event)
{
    static const char *const names[] = {"sched:sched_switch", "context-switches", "cs"};
    for (size_t i = 0; event->event && i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == event->event_length &&
            memcmp(names[i], event->event, event->event_length) == 0)
            return true;
    return false;
}

/* Of clocks the period is in nanoseconds. */
static bool is_clock(const struct collapse_event *event)
{
    return event->event && event->event_length >= 9 &&
           (memcmp(event->event, "cpu-clock", 9) == 0 ||
            (event->event_length >= 10 && memcmp(event->event, "task-clock", 10) == 0));
}

/* Samples without a time stand one behind the other. */
static void take_time(struct reader *reader, const struct place *place)
{
    reader->untimed_count += !place->has_time;
    reader->time_ns = place->has_time ? num_max(place->time_ns, 1) : reader->time_ns + UNTIMED_NS;
}

static int on_event(void *context, const struct collapse_event *event, struct err *err)
{
    struct reader *reader = context;
    struct place place = read_place(event);
    bool was_off = false;
    struct tables_who who = {
        .pid = event->pid, .tid = event->tid, .name = event->line, .name_length = event->name_length};
    if (place.cpu != UINT64_MAX)
        reader->cpu_count = num_max(reader->cpu_count, place.cpu + 1);
    if (!event->is_counted)
        return 0;
    take_time(reader, &place);
    reader->has_process = reader->has_process || event->pid;
    reader->is_ns = is_clock(event);
    reader->is_switch = is_switch(event);
    int status = tables_thread(reader->tables, &who, &reader->thread, err);
    /* Who does something is on a CPU, even where its switch there was not recorded. */
    if (!status && place.has_time && reader->switch_count)
        status = tables_active(reader->tables, reader->thread, place.time_ns, &was_off, err);
    reader->endless_count += was_off;
    if (!status && place.has_time && !event->event)
        status = read_scheduler(reader, event, &place, err);
    return status;
}

/* --- stacks --- */

/* "outer;mid_[i];inner_[i]": the rows of a frame's parts. */
static int make_parts(struct reader *reader, uint32_t frame, struct err *err)
{
    const char *module, *text = collapse_frame(reader->collapse, frame, &module);
    bool is_inlined = false;
    struct str name = {0};
    int status = 0;
    reader->frames.items[frame - 1].first = reader->parts.count;
    while (text && !status) {
        const char *end = strchr(text, ';');
        size_t length = end ? (size_t)(end - text) : strlen(text);
        if (is_inlined && length >= 4 && memcmp(text + length - 4, "_[i]", 4) == 0)
            length -= 4;
        str_clear(&name);
        str_append_bytes(&name, text, length);
        struct tables_frame row = {.function = str_text(&name), .module = module, .is_inlined = is_inlined};
        uint64_t id = 0;
        status = name.failed ? err_memory(err) : tables_frame(reader->tables, &row, &id, err);
        if (!status && vec_push(&reader->parts, id))
            status = err_memory(err);
        is_inlined = true;
        text = end ? end + 1 : NULL;
    }
    str_free(&name);
    reader->frames.items[frame - 1].count = reader->parts.count - reader->frames.items[frame - 1].first;
    return status;
}

/* They stand on `stack`. */
static int add_parts(struct reader *reader, uint32_t frame, uint64_t *stack, struct err *err)
{
    while (reader->frames.count < frame)
        if (vec_push(&reader->frames, (struct frame_parts){0}))
            return err_memory(err);
    int status = reader->frames.items[frame - 1].count ? 0 : make_parts(reader, frame, err);
    const struct frame_parts *parts = &reader->frames.items[frame - 1];
    for (size_t i = 0; i < parts->count && !status; i++)
        status = tables_stack(reader->tables, *stack, reader->parts.items[parts->first + i], stack, err);
    return status;
}

/* The row that `made` says, or UINT64_MAX where there is none yet. */
static int row_made(struct row_list *made, uint64_t id, uint64_t *ret_row, struct err *err)
{
    while (made->count < id)
        if (vec_push(made, ROW_NONE))
            return err_memory(err);
    *ret_row = made->items[id - 1];
    return 0;
}

/* Of the frames behind the innermost one. */
static int callers_row(struct reader *reader, const struct collapse_stack *stack, uint64_t *ret_row,
                       struct err *err)
{
    int status = row_made(&reader->rest_rows, stack->rest, ret_row, err);
    if (status || *ret_row != ROW_NONE)
        return status;
    *ret_row = 0;
    for (size_t i = stack->rest_count; i-- > 0 && !status;)
        status = add_parts(reader, stack->rest_frames[i], ret_row, err);
    reader->rest_rows.items[stack->rest - 1] = *ret_row;
    return status;
}

static int stack_row(struct reader *reader, uint64_t id, uint64_t *ret_row, struct err *err)
{
    struct collapse_stack stack;
    int status = row_made(&reader->rows, id, ret_row, err);
    if (status || *ret_row != ROW_NONE)
        return status;
    collapse_stack(reader->collapse, id, &stack);
    status = callers_row(reader, &stack, ret_row, err);
    if (!status && stack.first)
        status = add_parts(reader, stack.first, ret_row, err);
    reader->rows.items[id - 1] = *ret_row;
    return status;
}

static int on_sample(void *context, uint64_t stack, uint64_t period, struct err *err)
{
    struct reader *reader = context;
    struct tables_sample sample = {.thread = reader->thread,
                                   .time_ns = reader->time_ns,
                                   .weight = period,
                                   .kind = reader->is_switch ? SAMPLE_OFF_CPU : SAMPLE_CPU,
                                   .covers_ns = reader->is_ns && period > 1 ? period : 0};
    int status = stack_row(reader, stack, &sample.stack, err);
    return status ? status : tables_sample(reader->tables, &sample, err);
}

/* --- the whole --- */

/* "# hostname : box": what stands behind the colon of a line of perf script --header. */
static const char *header_value(struct reader *reader, const char *line, size_t length, const char *key)
{
    size_t at = strlen(key);
    if (length <= at || memcmp(line, key, at) != 0)
        return NULL;
    while (at < length && (line[at] == ' ' || line[at] == ':'))
        at++;
    return arena_copy(&reader->notes->arena, line + at, length - at);
}

static void read_header(struct reader *reader)
{
    const char *at = reader->input->bytes, *end = at + reader->input->length;
    struct tables_about *about = &reader->notes->about;
    for (size_t lines = 0; lines < HEADER_LINES_MAX && at < end && *at == '#'; lines++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((line_end ? line_end : end) - at);
        const char *host = header_value(reader, at, length, "# hostname"), *cpus;
        const char *kernel = header_value(reader, at, length, "# os release");
        about->host = host ? host : about->host;
        about->kernel = kernel ? kernel : about->kernel;
        cpus = header_value(reader, at, length, "# nrcpus online");
        if (cpus && num_parse_u64(cpus, &about->cpu_count))
            about->cpu_count = 0;
        at += length + 1;
    }
}

static const char *unit_of(const struct reader *reader, const char *event)
{
    if (!event)
        return "an event";
    if (strncmp(event, "cpu-clock", 9) == 0 || strncmp(event, "task-clock", 10) == 0)
        return "ns";
    const char *copy = arena_string(&reader->notes->arena, event);
    return copy ? copy : "an event";
}

static void tell(struct reader *reader, const struct ingest_choice *choice)
{
    struct collapse_facts facts = collapse_facts(reader->collapse);
    struct ingest_notes *notes = reader->notes;
    const char *event = choice->event ? choice->event : facts.event;
    notes->about.unit = unit_of(reader, event);
    notes->about.event = event ? arena_string(&notes->arena, event) : NULL;
    notes->about.clock =
        "perf's clock, seconds since the recording machine booted; the time of day is not told";
    notes->about.cpu_count = num_max(notes->about.cpu_count, reader->cpu_count);
    ingest_left_out(notes, "samples of other events (--event-filter takes another)", facts.other_event_count);
    ingest_left_out(notes, "lines that are no line of perf script", facts.strange_count);
    if (reader->untimed_count)
        ingest_remark(notes,
                      "samples without a time (perf script -F +time prints it) stand one behind the other");
    if (reader->endless_count)
        ingest_remark(notes,
                      arena_printf(&notes->arena,
                                   "%llu waits end where their thread was seen next, because its switch to a "
                                   "CPU was not recorded (perf record -a does)",
                                   (unsigned long long)reader->endless_count));
    if (!reader->has_process)
        ingest_remark(notes,
                      "the text names threads, not processes (perf script -F +pid does): each thread is "
                      "a process here");
}

static int perf_text_read(const struct ingest_input *input, const struct ingest_choice *choice,
                          struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reader reader = {.input = input, .tables = tables, .notes = notes, .time_ns = NS_PER_S};
    struct collapse_options options = {.event = choice->event, .with_modules = true};
    struct collapse_watch watch = {.event = on_event, .sample = on_sample, .context = &reader};
    size_t used = 0;
    int status = collapse_create(&options, &reader.collapse, err);
    if (status)
        return status;
    collapse_tell(reader.collapse, &watch);
    read_header(&reader);
    status = collapse_text(reader.collapse, input->bytes, input->length, true, &used, err);
    if (!status && !collapse_facts(reader.collapse).sample_count && !reader.switch_count) {
        status = err_set(err, ERR_INPUT, "it has no sample with a stack%s%s",
                         choice->event ? " of event " : "", choice->event ? choice->event : "");
        err_hint(err, "perf record -g, then perf script, prints one behind each event");
    }
    if (!status)
        tell(&reader, choice);
    collapse_destroy(reader.collapse);
    vec_free(&reader.rows);
    vec_free(&reader.rest_rows);
    vec_free(&reader.frames);
    vec_free(&reader.parts);
    return status;
}

/* A line of an event that ends in the event's name, or one with the scheduler's fields; after comments. */
static bool perf_text_probe(const struct ingest_input *input)
{
    return collapse_recognise(input->bytes, input->length);
}

const struct ingest_reader ingest_perf_text = {
    .name = "perf-text",
    .about = "perf script text",
    .probe = perf_text_probe,
    .read = perf_text_read,
};
