/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc_log: what runtimes print of their collectors' pauses, each a span:
 *
 *   node --trace-gc     [4711:0x5d1]       34 ms: Scavenge 4.2 (6.0) -> 3.9 (7.0) MB, 0.7 / 0.0 ms  (average mu = …) task;
 *   java -Xlog:gc       [0.123s][info][gc] GC(3) Pause Young (Normal) (G1 Evacuation Pause) 24M->3M(256M) 2.345ms
 *   GODEBUG=gctrace=1   gc 4 @0.212s 1%: 0.015+0.72+0.004 ms clock, …
 *
 * V8 and the JVM print when a pause is over, Go when the cycle began: its first and last figure are the pauses, what lies between
 * runs beside the program. Times are since the program's start. Lines of anything else (the program's own output) are counted.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "ingest/internal.h"
#include "model/meta.h"

#define LINE_BYTES_MAX 1024
#define PROBE_LINES    1000
#define TIME_S_MAX     1e9
#define BASE_NS        1000000000ull /* the program's start: an end is to lie behind zero */
#define TEXT_BYTES     96
#define ISOLATE_MAX    4096

struct gc_line {
    uint64_t pid, isolate; /* pid 0: not told */
    double start_s, end_s; /* since the program's start */
    double second_s[2];    /* of Go: the second pause */
    bool has_second;
    const char *program;    /* "node", "java", "go" */
    const char *generation; /* "" not known */
    char kind[TEXT_BYTES];  /* "scavenge" */
    char cause[TEXT_BYTES];
};

/* --- one line --- */

static bool number_read(const char **at, double *ret_number)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    *ret_number = strtod(*at, &end);
    *at = end;
    return isfinite(*ret_number) && *ret_number < TIME_S_MAX * 1e3;
}

static void text_take(char ret_text[TEXT_BYTES], const char *from, size_t length)
{
    while (length && (from[length - 1] == ' ' || from[length - 1] == ';'))
        length--;
    while (length && *from == ' ') {
        from++;
        length--;
    }
    snprintf(ret_text, TEXT_BYTES, "%.*s", (int)num_min(length, TEXT_BYTES - 1), from);
}

static void text_lower(char *text)
{
    for (; *text; text++)
        *text = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
}

static const char *v8_generation(const char *kind)
{
    return strstr(kind, "Scav") || strstr(kind, "Minor") ? "young" : "full";
}

/* "… MB, 0.7 / 0.0 ms (…) (…) cause;" behind the sizes; the cause stands behind the last parenthesis. */
static bool v8_rest(const char *at, struct gc_line *line, double time_ms)
{
    const char *rest = strstr(at, " MB, ");
    double pause_ms;
    if (!rest)
        return false;
    rest += strlen(" MB, ");
    if (!number_read(&rest, &pause_ms) || strncmp(rest, " / ", 3) != 0 || pause_ms > time_ms + 1)
        return false;
    const char *cause = strrchr(rest, ')');
    if (cause)
        text_take(line->cause, cause + 1, strlen(cause + 1));
    line->end_s = time_ms / 1e3;
    line->start_s = (time_ms - pause_ms) / 1e3;
    return true;
}

static bool v8_read(const char *text, struct gc_line *line)
{
    char *end;
    double time_ms;
    if (*text != '[' || text[1] < '0' || text[1] > '9')
        return false;
    line->pid = strtoull(text + 1, &end, 10);
    if (strncmp(end, ":0x", 3) != 0)
        return false;
    line->isolate = strtoull(end + 3, &end, 16);
    const char *at = strchr(end, ']');
    if (!at)
        return false;
    at += strspn(at + 1, " ") + 1;
    if (!number_read(&at, &time_ms) || strncmp(at, " ms: ", 5) != 0)
        return false;
    at += 5;
    size_t length = strcspn(at, "0123456789(");
    text_take(line->kind, at, length);
    line->program = "node";
    line->generation = v8_generation(line->kind);
    text_lower(line->kind);
    return line->kind[0] && v8_rest(at + length, line, time_ms);
}

/* The uptime among the decorations: "[0.123s]", "[123ms]", "[123456789ns]". */
static bool uptime_read(const char *text, double *ret_s)
{
    for (const char *at = strchr(text, '['); at; at = strchr(at + 1, '[')) {
        const char *number = at + 1;
        if (!number_read(&number, ret_s))
            continue;
        double unit = strncmp(number, "s]", 2) == 0    ? 1
                      : strncmp(number, "ms]", 3) == 0 ? 1e-3
                      : strncmp(number, "ns]", 3) == 0 ? 1e-9
                                                       : 0;
        *ret_s *= unit;
        if (unit > 0)
            return true;
    }
    return false;
}

static void hotspot_kind(struct gc_line *line, const char *pause, size_t length)
{
    const char *end = pause + length, *open = NULL;
    for (const char *at = pause; at < end; at++)
        open = *at == '(' ? at : open;
    const char *close = open ? memchr(open, ')', (size_t)(end - open)) : NULL;
    if (close)
        text_take(line->cause, open + 1, (size_t)(close - open) - 1);
    text_take(line->kind, pause, num_min(strcspn(pause, "(0123456789"), length));
    text_lower(line->kind);
    line->generation = *pause == 'Y' ? "young" : strncmp(pause, "Full", 4) == 0 ? "full" : "concurrent";
}

static bool hotspot_read(const char *text, struct gc_line *line)
{
    const char *collection = strstr(text, "GC("), *pause = collection ? strstr(collection, "Pause ") : NULL;
    size_t length = strlen(text);
    double pause_ms;
    if (!pause || length < 4 || strcmp(text + length - 2, "ms") != 0 || !uptime_read(text, &line->end_s))
        return false;
    const char *number = text + length - 2;
    while (number > pause && ((number[-1] >= '0' && number[-1] <= '9') || number[-1] == '.'))
        number--;
    const char *pause_end = number;
    if (!number_read(&number, &pause_ms) || pause_ms / 1e3 > line->end_s + 1e-3)
        return false;
    pause += strlen("Pause ");
    const char *sizes = strstr(pause, "->"); /* "24M->3M(256M)" is behind what it is called */
    for (; sizes && sizes > pause && sizes[-1] != ' '; sizes--)
        pause_end = sizes - 1;
    hotspot_kind(line, pause, pause < pause_end ? (size_t)(pause_end - pause) : 0);
    line->start_s = line->end_s - pause_ms / 1e3;
    line->program = "java";
    return line->kind[0] != '\0';
}

static bool go_read(const char *text, struct gc_line *line)
{
    double number, percent, parts[3];
    const char *at = text + 3;
    if (strncmp(text, "gc ", 3) != 0 || !number_read(&at, &number) || strncmp(at, " @", 2) != 0)
        return false;
    at += 2;
    if (!number_read(&at, &line->start_s) || strncmp(at, "s ", 2) != 0)
        return false;
    at += 2;
    if (!number_read(&at, &percent) || strncmp(at, "%: ", 3) != 0)
        return false;
    at += 3;
    for (size_t i = 0; i < 3; i++) {
        if (!number_read(&at, &parts[i]) || (i < 2 && *at != '+'))
            return false;
        at += i < 2;
    }
    if (strncmp(at, " ms clock", 9) != 0)
        return false;
    line->end_s = line->start_s + parts[0] / 1e3;
    line->second_s[0] = line->end_s + parts[1] / 1e3;
    line->second_s[1] = line->second_s[0] + parts[2] / 1e3;
    line->has_second = true;
    line->program = "go";
    line->generation = "full";
    snprintf(line->kind, sizeof line->kind, "sweep termination");
    return true;
}

static bool line_read(const char *bytes, size_t length, struct gc_line *ret_line)
{
    char text[LINE_BYTES_MAX];
    struct gc_line line = {.generation = ""};
    while (length && (bytes[length - 1] == '\r' || bytes[length - 1] == ' '))
        length--;
    if (length == 0 || length >= sizeof text || memchr(bytes, 0, length))
        return false;
    memcpy(text, bytes, length);
    text[length] = '\0';
    bool is_known = *text == '[' ? v8_read(text, &line) || hotspot_read(text, &line) : go_read(text, &line);
    if (is_known && line.end_s < TIME_S_MAX && line.second_s[1] < TIME_S_MAX)
        *ret_line = line;
    return is_known && line.end_s < TIME_S_MAX && line.second_s[1] < TIME_S_MAX;
}

/* --- the file --- */

struct reading {
    struct tables *tables;
    struct ingest_notes *notes;
    struct map thread_of; /* pid and isolate → thread */
    uint64_t isolate_count;
    uint64_t last_ns[ISOLATE_MAX]; /* by isolate: no two pauses of one lie over one another */
    uint64_t other_count, pause_count;
};

static bool next_line(const struct ingest_input *input, size_t *at, const char **ret_line, size_t *ret_length)
{
    if (*at >= input->length)
        return false;
    const char *line = input->bytes + *at;
    const char *end = memchr(line, '\n', input->length - *at);
    *ret_line = line;
    *ret_length = end ? (size_t)(end - line) : input->length - *at;
    *at += *ret_length + 1;
    return true;
}

static int thread_find(struct reading *reading, const struct gc_line *line, uint64_t *ret_isolate,
                       uint32_t *ret_thread, struct err *err)
{
    uint64_t key = map_hash(line->pid) ^ map_hash(line->isolate + 1) ^
                   map_hash_bytes(line->program, strlen(line->program));
    const uint64_t *known = map_get(&reading->thread_of, key);
    const struct tables_who who = {.pid = line->pid ? line->pid : 1,
                                   .tid = (line->pid ? line->pid : 1) + reading->isolate_count,
                                   .name = line->program,
                                   .name_length = strlen(line->program)};
    if (known) {
        *ret_isolate = *known >> 32;
        *ret_thread = (uint32_t)*known;
        return 0;
    }
    if (reading->isolate_count == ISOLATE_MAX)
        return err_set(err, ERR_INPUT, "there are pauses of over %d programs and workers", ISOLATE_MAX);
    int status = tables_thread(reading->tables, &who, ret_thread, err);
    *ret_isolate = reading->isolate_count++;
    if (!status && map_put(&reading->thread_of, key, *ret_isolate << 32 | *ret_thread))
        status = err_memory(err);
    if (!status)
        tables_life(reading->tables, *ret_thread, BASE_NS, 0);
    return status;
}

static uint64_t ns_of(double seconds)
{
    return BASE_NS + (seconds > 0 ? (uint64_t)llround(seconds * 1e9) : 0);
}

/* Between pauses the program did what the file does not tell. */
static int gap_add(struct reading *reading, uint32_t thread, uint64_t start_ns, uint64_t end_ns,
                   struct err *err)
{
    const struct row_wait wait = {.start_ns = start_ns,
                                  .end_ns = end_ns,
                                  .count = 1,
                                  .blocked_ns = end_ns - start_ns,
                                  .reason = WAIT_UNKNOWN};
    return end_ns > start_ns ? tables_wait(reading->tables, thread, wait, err) : 0;
}

static int span_add(struct reading *reading, const struct gc_line *line, const double *times, struct err *err)
{
    struct row_span span = {.category = SPAN_GC, .start_ns = ns_of(times[0]), .end_ns = ns_of(times[1])};
    struct row_attr owner = {.owner_table = TABLE_SPAN};
    struct sink *sink = tables_sink(reading->tables);
    char name[TEXT_BYTES + 8];
    uint64_t isolate = 0;
    uint32_t thread = 0;

    snprintf(name, sizeof name, "gc: %s", line->kind);
    int status = thread_find(reading, line, &isolate, &thread, err);
    if (status)
        return status;
    uint64_t before_ns = num_max(reading->last_ns[isolate], BASE_NS);
    span.start_ns = num_max(span.start_ns, before_ns); /* times are rounded to a millisecond */
    span.end_ns = reading->last_ns[isolate] = num_max(span.end_ns, span.start_ns + 1);
    reading->pause_count++;
    status = gap_add(reading, thread, before_ns, span.start_ns, err);
    if (!status)
        status = sink_intern(sink, name, &span.name, err);
    if (!status)
        status = tables_span(reading->tables, thread, span, &owner.owner, err);
    if (!status && line->generation[0])
        status = sink_attr(sink, &owner, ATTR_GC_GENERATION, line->generation, err);
    if (!status && line->cause[0])
        status = sink_attr(sink, &owner, ATTR_GC_CAUSE, line->cause, err);
    return status;
}

static int line_add(struct reading *reading, struct gc_line *line, struct err *err)
{
    const double times[] = {line->start_s, line->end_s};
    int status = span_add(reading, line, times, err);
    if (status || !line->has_second)
        return status;
    snprintf(line->kind, sizeof line->kind, "mark termination");
    return span_add(reading, line, line->second_s, err);
}

static int gc_log_read(const struct ingest_input *input, const struct ingest_choice *choice,
                       struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading *reading = calloc(1, sizeof *reading);
    const char *text;
    size_t at = 0, length;
    int status = 0;
    (void)choice;
    if (!reading)
        return err_memory(err);
    *reading = (struct reading){.tables = tables, .notes = notes};
    while (!status && next_line(input, &at, &text, &length)) {
        struct gc_line line;
        if (line_read(text, length, &line))
            status = line_add(reading, &line, err);
        else
            reading->other_count += length > 0;
    }
    if (!status && !reading->pause_count)
        status =
            err_set(err, ERR_INPUT,
                    "line 1: no pause of a collector as node --trace-gc, java -Xlog:gc or GODEBUG=gctrace=1 "
                    "print it");
    notes->about.clock = "since the program's start, as the runtime prints it";
    ingest_left_out(notes, "lines of other output", reading->other_count);
    ingest_remark(
        notes,
        "the file tells of garbage collection alone: what the program did between pauses is not known");
    map_free(&reading->thread_of);
    free(reading);
    return status;
}

static bool gc_log_probe(const struct ingest_input *input)
{
    const char *text;
    size_t at = 0, length;
    struct gc_line line;
    for (size_t i = 0; i < PROBE_LINES && next_line(input, &at, &text, &length); i++)
        if (line_read(text, length, &line))
            return true;
    return false;
}

const struct ingest_reader ingest_gc_log = {
    .name = "trace-gc",
    .about = "a log of garbage collection",
    .probe = gc_log_probe,
    .read = gc_log_read,
};
