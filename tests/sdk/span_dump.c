/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_dump: runs a command under a drain and prints the rows, tab-separated, for tests of the bindings:
 *
 *     span ID PARENT TRACK NAME STATUS DURATION_NS       usage SPAN KIND AMOUNT       point SERIES_NAME VALUE
 *     track ID KIND NAME                                 bind TRACK THREAD            edge FROM TO KIND
 *     thread ID PID TID                                  lost COUNT                   exit STATUS
 *
 * Ids are those of the model. A thread is a track that the drain asked for; TID 0 is the process.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/dataset.h"
#include "rings/spans.h"
#include "wire/ring.h"

struct rig {
    struct dataset rows;
    struct map tracks;
    uint64_t ids[TABLE_END];
};

static uint64_t track_of(void *context, uint64_t pid, uint64_t tid, uint64_t time_ns)
{
    struct rig *rig = context;
    const uint64_t *known = map_get(&rig->tracks, pid << 32 | tid);

    (void)time_ns;
    if (known)
        return *known;
    if (map_put(&rig->tracks, pid << 32 | tid, ++rig->ids[TABLE_TRACK]))
        abort();
    printf("thread\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", rig->ids[TABLE_TRACK], pid, tid);
    return rig->ids[TABLE_TRACK];
}

static uint64_t new_id(void *context, enum table_id table)
{
    return ++((struct rig *)context)->ids[table];
}

static const char *series_name(const struct rig *rig, uint64_t series)
{
    uint64_t name = rig->rows.columns[TABLE_SERIES][COLUMN(series, name)].items[series - 1];

    return view_text(&rig->rows.view, name);
}

static void print_row(const struct rig *rig, enum table_id table, const uint64_t *row)
{
    const struct view *view = &rig->rows.view;

#define CELL(name, field) row[COLUMN(name, field)]
    if (table == TABLE_SPAN && CELL(span, end_ns))
        printf("span\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%" PRIu64 "\t%" PRIu64 "\n", CELL(span, id),
               CELL(span, parent), CELL(span, track), view_text(view, CELL(span, name)), CELL(span, status),
               CELL(span, end_ns) - CELL(span, start_ns));
    else if (table == TABLE_USAGE)
        printf("usage\t%" PRIu64 "\t%s\t%.17g\n", CELL(usage, span), view_text(view, CELL(usage, kind)),
               num_double(CELL(usage, amount)));
    else if (table == TABLE_POINT)
        printf("point\t%s\t%.17g\n", series_name(rig, CELL(point, series)), num_double(CELL(point, value)));
    else if (table == TABLE_TRACK && CELL(track, end_ns))
        printf("track\t%" PRIu64 "\t%s\t%s\n", CELL(track, id), track_kind_name(CELL(track, kind)),
               view_text(view, CELL(track, name)));
    else if (table == TABLE_BIND)
        printf("bind\t%" PRIu64 "\t%" PRIu64 "\n", CELL(bind, track), CELL(bind, thread));
    else if (table == TABLE_EDGE)
        printf("edge\t%" PRIu64 "\t%" PRIu64 "\t%s\n", CELL(edge, from_track), CELL(edge, to_track),
               CELL(edge, kind) == EDGE_MESSAGE ? "message" : "depends");
#undef CELL
}

static int print_batch(void *context, const struct batch *batch, struct err *err)
{
    uint64_t row[TABLE_COLUMN_MAX];

    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        batch_row(batch, i, row);
        print_row(context, batch->table, row);
    }
    return 0;
}

static int record(struct span_drain *drain, struct rig *rig, char **command, int *ret_status, struct err *err)
{
    struct span_host host = {.context = rig, .sink = &rig->rows.sink, .track_of = track_of, .new_id = new_id};
    pid_t child = fork();
    int result = 0;

    if (child == 0) {
        setenv(WIRE_SESSION_VARIABLE, span_drain_folder(drain), 1);
        execvp(command[0], command);
        _exit(127);
    }
    while (!result && waitpid(child, ret_status, WNOHANG) == 0) {
        result = span_drain_poll(drain, &host, err);
        usleep(1000);
    }
    return result ? result : span_drain_finish(drain, &host, clock_monotonic_ns(), err);
}

int main(int argc, char **argv)
{
    static const enum table_id tables[] = {TABLE_TRACK, TABLE_BIND,  TABLE_SPAN,
                                           TABLE_USAGE, TABLE_POINT, TABLE_EDGE};
    struct rig rig = {0};
    struct span_drain *drain = NULL;
    struct err err = {0};
    int result, status = 0;

    if (argc < 2)
        return 2;
    dataset_init(&rig.rows);
    result = span_drain_create(&(struct span_drain_options){0}, &drain, &err);
    if (!result)
        result = record(drain, &rig, argv + 1, &status, &err);
    for (size_t i = 0; !result && i < sizeof tables / sizeof tables[0]; i++)
        result = view_scan_all(&rig.rows.view, tables[i], print_batch, &rig, &err);
    if (result)
        fprintf(stderr, "span_dump: %s\n", err.what);
    else
        printf("lost\t%" PRIu64 "\nexit\t%d\n", span_drain_totals(drain).lost_count,
               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    span_drain_destroy(drain);
    dataset_deinit(&rig.rows);
    map_free(&rig.tracks);
    return result ? 1 : 0;
}
