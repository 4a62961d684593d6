/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpuprofile_file: `.cpuprofile` of V8 (Chrome DevTools Protocol, Profiler.Profile), as `node --cpu-prof` and browsers write it.
 *
 * `nodes` is the call tree, each with its children's ids; `samples` says which node was at work at startTime plus the `timeDeltas` up to
 * then, in microseconds. A node was at work until the next sample. What V8 calls (idle) is no work: it is left out, and the thread
 * waited there. A sample earlier than the one before it, which V8 may write, stands where that one does.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "ingest/internal.h"
#include "ingest/json_file.h"

#define NO_NODE   SIZE_MAX
#define TIME_MAX  1e15 /* microseconds: 31 years */
#define DEPTH_MAX 4096u

struct node {
    uint64_t frame;
    uint64_t stack; /* once it is made; of the root and of (idle) none is */
    size_t parent;
    bool is_root, is_idle, is_made;
};

struct reading {
    const struct ingest_input *input;
    struct tables *tables;
    VEC(struct node) nodes;
    struct map node_of;   /* by id */
    struct map parent_of; /* id of a child to id of its parent */
    struct str name, file;
    uint64_t back_count, idle_count, unknown_count;
};

static int broken(const struct reading *reading, const struct json_scan *scan, const char *what,
                  struct err *err)
{
    return json_part_broken(reading->input, scan, what, err);
}

/* V8 counts lines from 0, and says -1 where there is none. */
static void take_call_frame(struct reading *reading, struct json_scan *scan, uint64_t *ret_line)
{
    struct json_slice key, text;
    double line;
    if (!scan_object(scan))
        return;
    while (scan_key(scan, &key)) {
        if (scan_is(&key, "functionName") && scan_text(scan, &text))
            json_part_text(&text, &reading->name);
        else if (scan_is(&key, "url") && scan_text(scan, &text))
            json_part_text(&text, &reading->file);
        else if (scan_is(&key, "lineNumber") && scan_double(scan, &line))
            *ret_line = line >= 0 && line < 1e9 ? (uint64_t)line + 1 : 0;
        else if (!scan_is(&key, "functionName") && !scan_is(&key, "url") && !scan_is(&key, "lineNumber"))
            scan_skip(scan);
    }
}

static int take_children(struct reading *reading, struct json_scan *scan, uint64_t parent, struct err *err)
{
    uint64_t child;
    if (!scan_array(scan))
        return 0;
    while (scan_item(scan))
        if (scan_u64(scan, &child) && map_put(&reading->parent_of, child, parent))
            return err_memory(err);
    return 0;
}

static int take_node(struct reading *reading, struct json_scan *scan, struct err *err)
{
    struct json_slice key, children = {.bytes = ""};
    struct node node = {.parent = NO_NODE};
    uint64_t id = 0, line = 0, parent;
    str_clear(&reading->name);
    str_clear(&reading->file);
    if (!scan_object(scan))
        return broken(reading, scan, "a node is no object", err);
    int status = 0;
    while (!status && scan_key(scan, &key)) {
        if (scan_is(&key, "id"))
            (void)scan_u64(scan, &id);
        else if (scan_is(&key, "callFrame"))
            take_call_frame(reading, scan, &line);
        else if (scan_is(&key, "children"))
            scan_raw(scan, &children);
        else if (scan_is(&key, "parent") && scan_u64(scan, &parent))
            status = map_put(&reading->parent_of, id, parent) ? err_memory(err) : 0;
        else if (!scan_is(&key, "parent"))
            scan_skip(scan);
    }
    struct json_scan inner = json_part(&children);
    if (!status && children.length)
        status = take_children(reading, &inner, id, err);
    const char *name = str_text(&reading->name);
    node.is_root = strcmp(name, "(root)") == 0;
    node.is_idle = strcmp(name, "(idle)") == 0;
    const struct tables_frame row = {.function = name[0] ? name : "(anonymous)",
                                     .file = reading->file.length ? str_text(&reading->file) : NULL,
                                     .line = line};
    if (!status && (reading->name.failed || reading->file.failed))
        status = err_memory(err);
    if (!status)
        status = tables_frame(reading->tables, &row, &node.frame, err);
    if (!status && (map_put(&reading->node_of, id, reading->nodes.count) || vec_push(&reading->nodes, node)))
        status = err_memory(err);
    return status;
}

static int take_nodes(struct reading *reading, const struct json_slice *nodes, struct err *err)
{
    struct json_scan scan = json_part(nodes);
    int status = 0;
    if (!nodes->length || !scan_array(&scan))
        return err_set(err, ERR_INPUT, "byte 0x0: there is no list of nodes, or the file is cut short");
    while (!status && scan_item(&scan))
        status = take_node(reading, &scan, err);
    if (!status && scan.failed)
        status = broken(reading, &scan, "nodes is no list of objects", err);
    for (size_t i = 0; i < reading->node_of.capacity && !status; i++) {
        if (!reading->node_of.slots[i].used)
            continue;
        const uint64_t *parent = map_get(&reading->parent_of, reading->node_of.slots[i].key);
        const uint64_t *at = parent ? map_get(&reading->node_of, *parent) : NULL;
        if (at)
            reading->nodes.items[reading->node_of.slots[i].value].parent = (size_t)*at;
    }
    return status;
}

/* The stack of a node, and those of the nodes around it that have none yet. */
static int make_stack(struct reading *reading, size_t index, uint64_t *ret_stack, struct err *err)
{
    size_t chain[DEPTH_MAX], depth = 0, at = index;
    int status = 0;
    while (at != NO_NODE && !reading->nodes.items[at].is_made && depth < DEPTH_MAX) {
        chain[depth++] = at;
        at = reading->nodes.items[at].parent;
    }
    uint64_t stack = at != NO_NODE && reading->nodes.items[at].is_made ? reading->nodes.items[at].stack : 0;
    while (depth-- && !status) {
        struct node *node = &reading->nodes.items[chain[depth]];
        if (!node->is_root)
            status = tables_stack(reading->tables, stack, node->frame, &stack, err);
        node->stack = stack;
        node->is_made = true;
    }
    *ret_stack = stack;
    return status;
}

static uint64_t ns_of(double us)
{
    return us > 0 && us < TIME_MAX ? (uint64_t)llround(us * 1e3) : 0;
}

/* A node at work from one moment to another. */
static int add_sample(struct reading *reading, uint32_t thread, uint64_t id, uint64_t start_ns,
                      uint64_t end_ns, struct err *err)
{
    const uint64_t *index = map_get(&reading->node_of, id);
    struct tables_sample sample = {.thread = thread,
                                   .time_ns = end_ns,
                                   .weight = end_ns - start_ns,
                                   .kind = SAMPLE_CPU,
                                   .covers_ns = end_ns - start_ns};
    if (!index) {
        reading->unknown_count++;
        return 0;
    }
    VEC_HAS_ITEMS(&reading->nodes);
    const struct node *node = &reading->nodes.items[*index];
    reading->idle_count += node->is_idle;
    if (node->is_idle || end_ns == start_ns)
        return 0;
    int status = make_stack(reading, (size_t)*index, &sample.stack, err);
    return status ? status : tables_sample(reading->tables, &sample, err);
}

struct times {
    double start_us, end_us;
    struct json_slice samples, deltas;
};

static int take_samples(struct reading *reading, const struct times *times, uint32_t thread, struct err *err)
{
    struct json_scan samples = json_part(&times->samples), deltas = json_part(&times->deltas);
    double at_us = times->start_us, delta, shift_us = times->start_us < 1e6 ? 1e6 - times->start_us : 0;
    uint64_t id, before_id = 0, before_ns = 0;
    bool has_before = false;
    int status = 0;
    if (!scan_array(&samples) || !scan_array(&deltas))
        return broken(reading, &samples, "there are no samples or no timeDeltas", err);
    while (!status && scan_item(&samples)) {
        if (!scan_u64(&samples, &id))
            return broken(reading, &samples, "a sample is no node's id", err);
        if (!scan_item(&deltas) || !scan_double(&deltas, &delta))
            return broken(reading, &samples, "there are more samples than timeDeltas", err);
        at_us += delta;
        uint64_t now_ns = ns_of(at_us + shift_us);
        reading->back_count += now_ns < before_ns;
        now_ns = num_max(now_ns, before_ns);
        if (has_before)
            status = add_sample(reading, thread, before_id, before_ns, now_ns, err);
        before_id = id;
        before_ns = now_ns;
        has_before = true;
    }
    if (!status && samples.failed)
        return broken(reading, &samples, "samples is no list", err);
    uint64_t end_ns = num_max(ns_of(times->end_us + shift_us), before_ns);
    if (!status && has_before)
        status = add_sample(reading, thread, before_id, before_ns, end_ns, err);
    tables_life(reading->tables, thread, ns_of(times->start_us + shift_us), end_ns);
    return status;
}

static int take_file(struct reading *reading, struct err *err)
{
    const struct json_slice whole = json_part_whole(reading->input), nodes = json_part_find(&whole, "nodes"),
                            start = json_part_find(&whole, "startTime"),
                            end = json_part_find(&whole, "endTime");
    struct times times = {.samples = json_part_find(&whole, "samples"),
                          .deltas = json_part_find(&whole, "timeDeltas")};
    struct json_scan start_scan = json_part(&start), end_scan = json_part(&end);
    const struct tables_who who = {.tid = 1, .name = "javascript", .name_length = strlen("javascript")};
    uint32_t thread;
    (void)(start.length && scan_double(&start_scan, &times.start_us));
    (void)(end.length && scan_double(&end_scan, &times.end_us));
    int status = take_nodes(reading, &nodes, err);
    if (!status)
        status = tables_thread(reading->tables, &who, &thread, err);
    return status ? status : take_samples(reading, &times, thread, err);
}

static int cpuprofile_read(const struct ingest_input *input, const struct ingest_choice *choice,
                           struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading reading = {.input = input, .tables = tables};
    (void)choice;
    int status = take_file(&reading, err);
    notes->about.unit = "ns";
    notes->about.clock = "the JavaScript engine's own, in microseconds";
    ingest_remark(
        notes,
        "a function counts until the next sample, as the engine sees it: time in system calls is in it");
    ingest_left_out(notes, "samples without work: (idle)", reading.idle_count);
    ingest_left_out(notes, "samples of nodes that there are not", reading.unknown_count);
    if (reading.back_count)
        ingest_remark(notes,
                      "some samples were earlier than the one before them: they stand where that one does");
    vec_free(&reading.nodes);
    map_free(&reading.node_of);
    map_free(&reading.parent_of);
    str_free(&reading.name);
    str_free(&reading.file);
    return status;
}

static bool cpuprofile_probe(const struct ingest_input *input)
{
    /* A browser's trace has pieces of such profiles among its events. */
    return json_file_is(input, "\"nodes\"") && json_file_is(input, "\"callFrame\"") &&
           !json_file_is(input, "\"traceEvents\"");
}

const struct ingest_reader ingest_cpuprofile = {
    .name = "cpuprofile",
    .about = "a .cpuprofile of V8",
    .probe = cpuprofile_probe,
    .read = cpuprofile_read,
};
