/* SPDX-License-Identifier: Apache-2.0 */
#include "report/sample_verdict.h"

#include <string.h>

#include "base/clock.h"

#define MS(n)        ((uint64_t)(n)*NS_PER_MS)
#define FILE_COUNT   40
#define FILE_NS      MS(910)
#define COUNT_OF(of) (sizeof(of) / sizeof(of)[0])

static const char *const market_command[] = {"market-data", "--workers", "1"};
static const struct usage_entry download_usage[] = {{"files", FILE_COUNT}, {"bytes", 112e6}};
static const struct usage_entry parse_usage[] = {{"rows", 1785600}, {"bytes", 389e6}};
static const struct stage market_stages[] = {
    {.name = "download",
     .call_count = FILE_COUNT,
     .wall_ns = MS(34400),
     .covered_ns = MS(34400),
     .critical_ns = MS(32800),
     .critical_ratio = 0.901,
     .cpu_ns = MS(1100),
     .wait_ns = {[WAIT_NETWORK] = MS(33100), [WAIT_DISK_WRITE] = MS(200)},
     .rss_bytes_max = 9400000,
     .usage = download_usage,
     .usage_count = COUNT_OF(download_usage)},
    {.name = "parse",
     .call_count = FILE_COUNT,
     .wall_ns = MS(1640),
     .covered_ns = MS(1640),
     .critical_ns = MS(1600),
     .critical_ratio = 0.044,
     .cpu_ns = MS(1580),
     .wait_ns = {[WAIT_CPU_QUEUE] = MS(60)},
     .rss_bytes_max = 31200000,
     .usage = parse_usage,
     .usage_count = COUNT_OF(parse_usage)},
    {.name = "ingest",
     .call_count = FILE_COUNT,
     .wall_ns = MS(1500),
     .covered_ns = MS(1500),
     .critical_ns = MS(1490),
     .critical_ratio = 0.041,
     .cpu_ns = MS(400),
     .wait_ns = {[WAIT_NETWORK] = MS(1100)},
     .rss_bytes_max = 31200000,
     .usage = parse_usage,
     .usage_count = 1},
    {.name = "extract",
     .call_count = FILE_COUNT,
     .wall_ns = MS(420),
     .covered_ns = MS(420),
     .critical_ns = MS(400),
     .critical_ratio = 0.011,
     .cpu_ns = MS(380),
     .wait_ns = {[WAIT_DISK_READ] = MS(20), [WAIT_PAGE_FAULT] = MS(20)},
     .rss_bytes_max = 12000000},
};

static const struct path_entry market_path[] = {
    {{.stage = "download", .process = "market-data", .peer = "127.0.0.1:8080"},
     WAIT_NETWORK,
     MS(32090),
     0.8816,
     0.87,
     0.89},
    {{.stage = "parse", .process = "market-data", .function = "parse_row", .file = "parse.c", .line = 84},
     DOING_CPU,
     MS(1600),
     0.0440,
     0.041,
     0.047},
    {{.stage = "ingest", .process = "market-data", .peer = "127.0.0.1:8089"},
     WAIT_NETWORK,
     MS(1090),
     0.0299,
     0.029,
     0.031},
    {{.stage = "download", .process = "market-data", .function = "memcpy"},
     DOING_CPU,
     MS(800),
     0.022,
     0.02,
     0.024},
    {{.stage = "ingest", .process = "market-data", .function = "format_line"},
     DOING_CPU,
     MS(400),
     0.011,
     0.01,
     0.012},
    {{.stage = "extract", .process = "market-data", .function = "inflate"},
     DOING_CPU,
     MS(400),
     0.011,
     0.01,
     0.012},
    {{.process = "market-data"}, WAIT_UNKNOWN, MS(20), 0.0005, 0, 0.001},
};

static const struct via_entry market_via[] = {
    {{.stage = "ingest", .peer = "pipe to gzip"}, WAIT_PIPE, MS(300), 0.0082},
};

static const char *const market_evidence[] = {
    "40 calls of download, never two at a time",
    "no file, pipe or declared dependency leads from one download to the next",
    "each call waits 860 ms for 127.0.0.1:8080 and computes 27 ms",
};
static const char *const market_sources[] = {"serial-independent"};

static const struct finding market_findings[] = {
    {.cause = "serial-independent",
     .where = {.stage = "download", .process = "market-data", .peer = "127.0.0.1:8080"},
     .objective = "wall",
     .critical_ratio = 0.901,
     .priority = PRIORITY_P0,
     .change = "workers:stage/download=10",
     .assumption = "independence assumed",
     .gain = {.factor = 8.9,
              .factor_low = 8.0,
              .factor_high = 9.6,
              .factor_max = 10.2,
              .wall_ns_after = MS(4090)},
     .title = "download is done 40 times, one after another: 90 % of the time is waiting for 127.0.0.1:8080",
     .fix = "Do 10 at once",
     .rationale =
         "the replayed run with ten download workers on the recorded cores, the link as fast as recorded",
     .effort = EFFORT_LOW,
     .evidence = market_evidence,
     .evidence_count = COUNT_OF(market_evidence),
     .sources = market_sources,
     .source_count = 1},
    {.cause = "cpu-hot",
     .where =
         {.stage = "parse", .process = "market-data", .function = "parse_row", .file = "parse.c", .line = 84},
     .objective = "wall",
     .critical_ratio = 0.044,
     .priority = PRIORITY_P3,
     .change = "speed:function/parse_row=2",
     .gain = {.factor_max = 1.046},
     .title = "parse computes in parse_row (parse.c:84) for 4.4 % of the time.",
     .fix = "Make parse_row faster",
     .effort = EFFORT_MEDIUM},
};

static const struct cleared market_cleared[] = {
    {{.stage = "ingest", .peer = "127.0.0.1:8089"}, 0.041, 1.043},
    {{.stage = "extract"}, 0.011, 1.011},
};

#define BOX(function, of, from, self, total)                                                                 \
    {                                                                                                        \
        .name = (function), .module = (of), .parent = (from), .self_ns = (self), .total_ns = (total)         \
    }

static const struct flame_node market_flame[] = {
    BOX("all", NULL, 0, 0, MS(3460)),
    BOX("main", "market-data", 0, MS(10), MS(3440)),
    BOX("run_file", "market-data", 1, MS(20), MS(3430)),
    BOX("download", "market-data", 2, MS(30), MS(1100)),
    BOX("recv", "libc.so.6", 3, MS(270), MS(1070)),
    BOX("memcpy", "libc.so.6", 4, MS(800), MS(800)),
    BOX("parse_file", "market-data", 2, MS(50), MS(1530)),
    BOX("parse_row", "market-data", 6, MS(980), MS(1480)),
    BOX("strtod", "libc.so.6", 7, MS(500), MS(500)),
    BOX("ingest", "market-data", 2, MS(40), MS(400)),
    BOX("format_line", "market-data", 9, MS(360), MS(360)),
    BOX("extract", "market-data", 2, MS(10), MS(380)),
    BOX("inflate", "libz.so.1", 11, MS(370), MS(370)),
    BOX("[unknown]", NULL, 0, MS(20), MS(20)),
};

/* What waits, for what, at whom, and who ended it. */
static const struct flame_node market_waits[] = {
    {.name = "all", .total_ns = MS(33300), .kind = FLAME_PROGRAM},
    {.name = "market-data", .parent = 0, .total_ns = MS(33300), .kind = FLAME_PROGRAM},
    {.name = "download",
     .module = "market-data",
     .parent = 1,
     .total_ns = MS(32000),
     .file = "download.c",
     .line = 41},
    {.name = "[wait: network]",
     .parent = 2,
     .total_ns = MS(32000),
     .kind = FLAME_WAIT,
     .doing = WAIT_NETWORK},
    {.name = "127.0.0.1:8080", .parent = 3, .self_ns = MS(30000), .total_ns = MS(32000), .kind = FLAME_PEER},
    {.name = "nginx", .parent = 4, .self_ns = MS(2000), .total_ns = MS(2000), .kind = FLAME_WAKER},
    {.name = "[wait: pipe]",
     .parent = 1,
     .self_ns = MS(1300),
     .total_ns = MS(1300),
     .kind = FLAME_WAIT,
     .doing = WAIT_PIPE},
};

static const struct io_entry market_io[] = {
    {"127.0.0.1:8080", "socket", "read", 4200, 88000000, MS(32100), 14200000, MS(32000)},
    {"127.0.0.1:8080", "socket", "write", 40, 6400, 720000, 33000, MS(32000)},
    {"127.0.0.1:8089", "socket", "write", 880, 61000000, MS(410), 0, MS(1080)},
    {NULL, NULL, "read", 310, 2600000, 0, 0, 0},
};

static const struct run_facts market_run = {
    .id = "5f0c3d2a91b47e68",
    .command = market_command,
    .command_count = COUNT_OF(market_command),
    .started_at = "2026-03-14T09:26:53Z",
    .host = "atlas",
    .cpu_count = 2,
    .wall_ns = MS(36400),
    .cpu_ns = MS(3460),
    .exit_status = 0,
    .process_count = 2,
    .thread_count = 3,
    .rss_bytes_max = 31200000,
    .recorder_cpu = "perf",
    .recorder_wait = "perf",
    .recorder_spans = "ring",
    .recorder_heap = "none",
    .recorder_io = "proc",
    .grade = {.score_ratio = 0.98,
              .stack_truncated_ratio = 0.01,
              .critical_path_explained_ratio = 0.994,
              .overhead_ratio = 0.003},
};

/* The parts of one file's turn, in ms from its start. */
static const struct {
    const char *stage;
    unsigned start, end;
    int doing;
    const char *label;
} turn[] = {
    {"download", 0, 800, WAIT_NETWORK, "127.0.0.1:8080"},
    {"download", 800, 820, DOING_CPU, "memcpy"},
    {"extract", 820, 830, DOING_CPU, "inflate"},
    {"parse", 830, 870, DOING_CPU, "parse_row"},
    {"ingest", 870, 880, DOING_CPU, "format_line"},
    {"ingest", 880, 907, WAIT_NETWORK, "127.0.0.1:8089"},
    {"ingest", 907, 910, WAIT_UNKNOWN, NULL},
};

static void *array(struct verdict *verdict, size_t count, size_t size)
{
    return arena_alloc(&verdict->arena, count * size);
}

static void fill_worker(struct verdict *verdict, struct timeline_track *track)
{
    static const struct {
        const char *name;
        unsigned start, end;
    } spans[] = {{"file", 0, 910},
                 {"download", 0, 820},
                 {"extract", 820, 830},
                 {"parse", 830, 870},
                 {"ingest", 870, 910}};
    struct timeline_interval *intervals = array(verdict, FILE_COUNT * COUNT_OF(turn), sizeof *intervals);
    struct timeline_span *named = array(verdict, FILE_COUNT * COUNT_OF(spans), sizeof *named);

    *track = (struct timeline_track){.name = "worker 1",
                                     .pid = 4711,
                                     .tid = 4713,
                                     .depth = 1,
                                     .end_ns = FILE_COUNT * FILE_NS,
                                     .intervals = intervals,
                                     .spans = named};
    for (size_t file = 0; file < FILE_COUNT; file++) {
        uint64_t at = file * FILE_NS;
        for (size_t i = 0; i < COUNT_OF(turn); i++)
            intervals[track->interval_count++] = (struct timeline_interval){
                at + MS(turn[i].start), at + MS(turn[i].end), turn[i].doing, turn[i].label};
        for (size_t i = 0; i < COUNT_OF(spans); i++)
            named[track->span_count++] =
                (struct timeline_span){at + MS(spans[i].start), at + MS(spans[i].end), spans[i].name, i > 0};
    }
}

static void fill_timeline(struct verdict *verdict)
{
    static const struct timeline_wake market_wakes[] = {{MS(800), MS(801), 2, 1}};
    static const struct timeline_interval main_intervals[] = {
        {0, MS(12), DOING_CPU, "main"},
        {MS(12), MS(36392), WAIT_LOCK, "lock results"},
        {MS(36392), MS(36400), DOING_CPU, "print_summary"},
    };
    static const struct timeline_interval gzip_intervals[] = {
        {MS(200), MS(9000), WAIT_PIPE, "pipe from market-data"},
        {MS(9000), MS(9900), DOING_CPU, "deflate"},
        {MS(9900), MS(21000), WAIT_PIPE, "pipe from market-data"},
        {MS(21000), MS(22100), WAIT_DISK_SYNC, "out.gz"},
        {MS(22100), MS(36300), WAIT_PIPE, "pipe from market-data"},
    };
    struct timeline_track *tracks = array(verdict, 3, sizeof *tracks);
    struct timeline_step *steps = array(verdict, FILE_COUNT * COUNT_OF(turn) + 2, sizeof *steps);
    size_t count = 0;

    tracks[0] = (struct timeline_track){
        "market-data", 4711, 4711,     0, 0, MS(36400), main_intervals, COUNT_OF(main_intervals),
        NULL,          0,    SIZE_MAX, 0};
    fill_worker(verdict, &tracks[1]);
    tracks[2] = (struct timeline_track){
        "gzip", 4720, 4720, 1, MS(200), MS(36300), gzip_intervals, COUNT_OF(gzip_intervals), NULL, 0, 0, 0};
    for (size_t file = 0; file < FILE_COUNT; file++)
        for (size_t i = 0; i < COUNT_OF(turn); i++)
            steps[count++] = (struct timeline_step){file * FILE_NS + MS(turn[i].start),
                                                    file * FILE_NS + MS(turn[i].end), 1, turn[i].doing};
    steps[count - 1].end_ns = MS(36392);
    steps[count++] = (struct timeline_step){MS(36392), MS(36400), 0, DOING_CPU};
    verdict->timeline = (struct timeline){.tracks = tracks,
                                          .track_count = 3,
                                          .steps = steps,
                                          .step_count = count,
                                          .wakes = market_wakes,
                                          .wake_count = 1};
}

void sample_market(struct verdict *ret_verdict)
{
    *ret_verdict = (struct verdict){
        .run = market_run,
        .stages = market_stages,
        .stage_count = COUNT_OF(market_stages),
        .path = market_path,
        .path_count = COUNT_OF(market_path),
        .via = market_via,
        .via_count = COUNT_OF(market_via),
        .findings = market_findings,
        .finding_count = COUNT_OF(market_findings),
        .cleared = market_cleared,
        .cleared_count = COUNT_OF(market_cleared),
        .baseline_drift_ratio = 0.012,
        .io = {market_io, COUNT_OF(market_io), 2},
        .flame = {.nodes = market_flame, .node_count = COUNT_OF(market_flame)},
        .flame_waits = {.nodes = market_waits, .node_count = COUNT_OF(market_waits)},
    };
    fill_timeline(ret_verdict);
}

void sample_quiet(struct verdict *ret_verdict)
{
    static const char *const command[] = {"sh", "-c", "for f in *.csv; do sort $f; done"};
    static const struct path_entry path[] = {
        {{.process = "sort", .function = "compare"}, DOING_CPU, MS(90), 0.6, 0.5, 0.7},
        {{.process = "sh"}, WAIT_CHILD, MS(60), 0.4, 0.3, 0.5},
    };

    *ret_verdict = (struct verdict){
        .run = {.id = "00000000000000ff",
                .command = command,
                .command_count = COUNT_OF(command),
                .started_at = "2026-03-14T09:26:53Z",
                .wall_ns = MS(150),
                .cpu_ns = MS(140),
                .exit_status = 137,
                .process_count = 9,
                .thread_count = 9,
                .recorder_cpu = "proc",
                .recorder_wait = "proc",
                .recorder_spans = "none",
                .recorder_heap = "none",
                .recorder_io = "none",
                .grade = {.score_ratio = 0.93,
                          .critical_path_explained_ratio = 0.97,
                          .overhead_ratio = 0.012,
                          .missed_process_count_max = 3}},
        .path = path,
        .path_count = COUNT_OF(path),
        .baseline_drift_ratio = 0.031,
    };
}

void sample_bare(struct verdict *ret_verdict)
{
    *ret_verdict = (struct verdict){0};
}

#define MARKUP "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"' onmouseover='alert(3)"
#define BROKEN "\xff\xfe\xc0\xaf\xed\xa0\x80 \x1b[2J\x1b]0;owned\a \xc2\x9b\x31m"

static void hostile_pictures(struct verdict *verdict)
{
    static const struct io_entry io[] = {{MARKUP, BROKEN, MARKUP, 1, 2, 3, 4, 5}};
    static const struct timeline_interval intervals[] = {{0, MS(1000), 999, MARKUP}};
    static const struct timeline_span spans[] = {{0, MS(1000), MARKUP, 0}, {MS(10), MS(900), BROKEN, 1}};
    static const struct timeline_track tracks[] = {
        {MARKUP, 1, 1, 0, 0, MS(1000), intervals, 1, spans, 2, 7, 0}};
    static const struct timeline_wake wakes[] = {{MS(5), MS(2), 0, 9}, {MS(1), MS(3000), 0, 0}};
    static const struct timeline_step steps[] = {{0, MS(1000), 7, DOING_CPU},
                                                 {0, MS(1000), SIZE_MAX, DOING_CPU}};
    static const struct flame_node flame[] = {BOX("root;\n", NULL, 0, 0, 10),
                                              BOX(MARKUP ";semi\ncolon", MARKUP, 0, 5, 10),
                                              BOX(BROKEN, NULL, 1, 5, 5)};

    verdict->timeline = (struct timeline){.tracks = tracks,
                                          .track_count = COUNT_OF(tracks),
                                          .track_hidden_count = 3,
                                          .steps = steps,
                                          .step_count = COUNT_OF(steps),
                                          .wakes = wakes,
                                          .wake_count = COUNT_OF(wakes)};
    verdict->flame = (struct flame){.nodes = flame, .node_count = COUNT_OF(flame)};
    verdict->flame_waits = (struct flame){.nodes = flame, .node_count = COUNT_OF(flame)};
    verdict->io = (struct io_table){io, COUNT_OF(io), 0};
}

void sample_hostile(struct verdict *ret_verdict)
{
    static char huge[4001];
    static const char *const command[] = {huge, MARKUP, BROKEN, "a\nb|c`d"};
    static const struct path_entry path[] = {
        {{.stage = huge, .function = MARKUP}, DOING_CPU, MS(600), 0.6, 0.5, 0.7},
        {{.stage = MARKUP, .peer = BROKEN}, WAIT_NETWORK, MS(400), 0.4, 0.3, 0.5},
    };
    static const struct usage_entry usage[] = {{"rows\"<", 5}};
    static const struct stage stages[] = {
        {.name = huge,
         .call_count = 1,
         .critical_ns = MS(600),
         .critical_ratio = 0.6,
         .usage = usage,
         .usage_count = 1},
        {.name = MARKUP, .call_count = 1, .critical_ns = MS(400), .critical_ratio = 0.4},
    };
    static const char *const evidence[] = {MARKUP, BROKEN};
    static const struct finding findings[] = {
        {.cause = "cpu-hot",
         .where = {.function = MARKUP, .file = BROKEN, .line = 1},
         .objective = "wall",
         .critical_ratio = 0.6,
         .priority = PRIORITY_P1,
         .change = "speed:function/" MARKUP "=2",
         .assumption = BROKEN,
         .gain = {.factor = 2.1,
                  .factor_low = 2.05,
                  .factor_high = 2.2,
                  .factor_max = 3,
                  .wall_ns_after = MS(480)},
         .title = MARKUP " | a `table` *cell*\nwith lines " BROKEN,
         .fix = MARKUP,
         .evidence = evidence,
         .evidence_count = COUNT_OF(evidence)},
    };
    static const struct cleared cleared[] = {{{.stage = huge}, 0.1, 1.1}, {{.path = MARKUP}, 0.1, 1.1}};

    memset(huge, 'h', sizeof huge - 1);
    *ret_verdict = (struct verdict){
        .run = {.command = command,
                .command_count = COUNT_OF(command),
                .host = MARKUP,
                .wall_ns = MS(1000),
                .recorder_cpu = MARKUP,
                .grade = {.score_ratio = 1, .critical_path_explained_ratio = 1}},
        .stages = stages,
        .stage_count = COUNT_OF(stages),
        .path = path,
        .path_count = COUNT_OF(path),
        .findings = findings,
        .finding_count = COUNT_OF(findings),
        .cleared = cleared,
        .cleared_count = COUNT_OF(cleared),
    };
    hostile_pictures(ret_verdict);
}

void sample_poor(struct verdict *ret_verdict)
{
    static const char *const command[] = {"ledger"};
    static const char *const remarks[] = {
        "events were dropped for 4.1 s of the run",
        "half of the call stacks end early: the program is built without frame pointers",
    };
    static const struct path_entry path[] = {
        {{.process = "ledger"}, WAIT_UNKNOWN, MS(5000), 0.5, 0, 0.5},
        {{.process = "ledger", .function = "sum"}, DOING_CPU, MS(3000), 0.3, 0.1, 0.4},
        {{.stage = "post", .process = "ledger", .path = "/var/lib/ledger/journal"},
         WAIT_DISK_SYNC,
         MS(2000),
         0.2,
         0.1,
         0.3},
    };
    static const struct finding findings[] = {
        {.cause = "disk-sync",
         .where = {.stage = "post", .process = "ledger", .path = "/var/lib/ledger/journal"},
         .objective = "wall",
         .critical_ratio = 0.2,
         .priority = PRIORITY_P2,
         .change = "remove:wait/disk_sync",
         .gain = {.factor = 1.25,
                  .factor_low = 1.2,
                  .factor_high = 1.3,
                  .factor_max = 1.25,
                  .wall_ns_after = MS(8000)},
         .title = "post waits for the disk to confirm 2,000 writes, one by one",
         .fix = "Confirm once per batch",
         .effort = EFFORT_LOW},
        {.cause = "cpu-hot",
         .where = {.process = "ledger", .function = "sum"},
         .objective = "wall",
         .critical_ratio = 0.3,
         .priority = PRIORITY_P2,
         .gain = {.factor_max = 1.43},
         .title = "sum computes for 30 % of the time",
         .fix = "Make sum faster",
         .effort = EFFORT_HIGH},
    };

    *ret_verdict = (struct verdict){
        .run = {.id = "ab",
                .command = command,
                .command_count = 1,
                .wall_ns = MS(10000),
                .cpu_ns = MS(3000),
                .exit_status = 1,
                .process_count = 1,
                .thread_count = 1,
                .recorder_cpu = "proc",
                .recorder_wait = "proc",
                .recorder_spans = "none",
                .grade = {.score_ratio = 0.42,
                          .lost_count = 12345,
                          .stack_truncated_ratio = 0.5,
                          .critical_path_explained_ratio = 0.5,
                          .overhead_ratio = 0.04,
                          .remarks = remarks,
                          .remark_count = COUNT_OF(remarks)}},
        .path = path,
        .path_count = COUNT_OF(path),
        .findings = findings,
        .finding_count = COUNT_OF(findings),
        .baseline_drift_ratio = 0.12,
    };
}

void sample_many_tracks(struct verdict *ret_verdict, size_t track_count)
{
    static const int doings[] = {DOING_CPU, WAIT_LOCK, WAIT_DISK_READ, WAIT_PIPE, WAIT_CPU_QUEUE, WAIT_SLEEP};

    sample_market(ret_verdict);
    struct timeline_track *tracks = array(ret_verdict, track_count, sizeof *tracks);
    struct timeline_step *steps = array(ret_verdict, track_count, sizeof *steps);
    for (size_t t = 0; t < track_count; t++) {
        struct timeline_interval *intervals = array(ret_verdict, 100, sizeof *intervals);
        uint64_t start = MS(36400) * t / (track_count * 2), step = (MS(36400) - start) / 100;
        for (size_t i = 0; i < 100; i++)
            intervals[i] =
                (struct timeline_interval){start + i * step, start + (i + 1) * step,
                                           doings[(i * 7 + t * 3 + i * i / 5) % COUNT_OF(doings)], NULL};
        tracks[t] = (struct timeline_track){arena_printf(&ret_verdict->arena, "worker %zu", t),
                                            100,
                                            100 + t,
                                            t > 0,
                                            start,
                                            start + 100 * step,
                                            intervals,
                                            100,
                                            NULL,
                                            0,
                                            t ? 0 : SIZE_MAX,
                                            0};
        steps[t] = (struct timeline_step){MS(36400) * t / track_count, MS(36400) * (t + 1) / track_count,
                                          (t * 7) % track_count, DOING_CPU};
    }
    ret_verdict->timeline = (struct timeline){.tracks = tracks,
                                              .track_count = track_count,
                                              .track_hidden_count = 12,
                                              .steps = steps,
                                              .step_count = track_count};
}

/* --- a service --- */

#define SHOP_DATABASE "10.0.0.7:5432"

static const struct service_resource shop_resources[] = {
    {.kind = "connections",
     .name = SHOP_DATABASE,
     .process = "shop",
     .utilisation_ratio = 0.978,
     .demand_ns = 2600000,
     .capacity = 2},
    {.kind = "workers",
     .name = "shop",
     .process = "shop",
     .utilisation_ratio = 0.442,
     .demand_ns = 1175000,
     .capacity = 8},
    {.kind = "lock",
     .name = "4711:0x55d4371bda00",
     .process = "shop",
     .utilisation_ratio = 0.11,
     .demand_ns = 292000,
     .capacity = 1},
    {.kind = "cores", .name = "cores", .utilisation_ratio = 0.063, .demand_ns = 167000, .capacity = 2},
    {.kind = "workers",
     .name = "nginx",
     .process = "nginx",
     .utilisation_ratio = 0.0004,
     .demand_ns = 1000,
     .capacity = 1},
};

static const struct path_entry shop_path_p50[] = {
    {.where = {.process = "shop", .peer = "4711:0x56278a2989a8"},
     .doing = WAIT_LOCK,
     .ns = 11900000,
     .ratio = 0.56},
    {.where = {.process = "postgres", .peer = SHOP_DATABASE},
     .doing = WAIT_REMOTE,
     .ns = 5000000,
     .ratio = 0.24},
    {.where = {.process = "shop"}, .doing = WAIT_SLEEP, .ns = 4050000, .ratio = 0.19},
    {.where = {.process = "shop", .function = "render"}, .doing = DOING_CPU, .ns = 210000, .ratio = 0.01},
};

static const struct path_entry shop_path_p99[] = {
    {.where = {.process = "shop", .peer = "4711:0x56278a2989a8"},
     .doing = WAIT_LOCK,
     .ns = 40000000,
     .ratio = 0.8},
    {.where = {.process = "postgres", .peer = SHOP_DATABASE},
     .doing = DOING_CPU,
     .ns = 10000000,
     .ratio = 0.2},
};

static const struct service shop_service = {
    .entry = "nginx",
    .serving = "shop",
    .request_source = "connections",
    .throughput_per_s = 376.3,
    .request_count = 11289,
    .latency_ns_p50 = 21400000,
    .latency_ns_p99 = 50000000,
    .client_count = 32,
    .queue_count = 24,
    .saturated = {.kind = "connections",
                  .name = SHOP_DATABASE,
                  .process = "shop",
                  .utilisation_ratio = 0.978,
                  .demand_ns = 2600000,
                  .capacity = 2},
    .resources = shop_resources,
    .resource_count = COUNT_OF(shop_resources),
    .path_p50 = shop_path_p50,
    .path_p50_count = COUNT_OF(shop_path_p50),
    .path_p99 = shop_path_p99,
    .path_p99_count = COUNT_OF(shop_path_p99),
    .drift_ratio = 0.046,
};

static const char *const shop_evidence[] = {"in use 98 % of the time, 2.60 ms for each request"};

static const struct finding shop_findings[] = {
    {.cause = "config",
     .where = {.process = "shop", .peer = SHOP_DATABASE},
     .objective = "throughput",
     .critical_ratio = 0.978,
     .priority = PRIORITY_P2,
     .change = "workers:peer/" SHOP_DATABASE "=4",
     .assumption = "the other end can do as many at once",
     .gain = {.factor = 1.92,
              .factor_low = 1.84,
              .factor_high = 2,
              .factor_max = 2,
              .throughput_per_s_after = 722.7},
     .title = "shop has 2 connections to " SHOP_DATABASE ", in use all the time",
     .fix = "open 4 connections to " SHOP_DATABASE " instead of 2",
     .rationale = "a closed queueing network of the measured demands",
     .effort = EFFORT_LOW,
     .evidence = shop_evidence,
     .evidence_count = COUNT_OF(shop_evidence)},
};

static const struct cleared shop_cleared[] = {
    {.where = {.process = "shop"}, .critical_ratio = 0.442, .factor_max = 1}};

void sample_service(struct verdict *ret_verdict)
{
    static const char *const command[] = {"nginx: master process", "-c", "shop.conf"};
    *ret_verdict = (struct verdict){.run = {.id = "5e47ed",
                                            .command = command,
                                            .command_count = COUNT_OF(command),
                                            .started_at = "2026-11-20T10:00:00Z",
                                            .host = "shop1",
                                            .cpu_count = 2,
                                            .wall_ns = 30000000000,
                                            .cpu_ns = 4000000000,
                                            .process_count = 12,
                                            .thread_count = 20,
                                            .objective = "throughput",
                                            .scope = "attached",
                                            .recorder_cpu = "perf",
                                            .recorder_wait = "perf",
                                            .recorder_spans = "none",
                                            .recorder_heap = "none",
                                            .recorder_io = "proc",
                                            .grade = {.score_ratio = 0.97,
                                                      .critical_path_explained_ratio = 0.99,
                                                      .overhead_ratio = 0.02}},
                                    .service = &shop_service,
                                    .findings = shop_findings,
                                    .finding_count = COUNT_OF(shop_findings),
                                    .cleared = shop_cleared,
                                    .cleared_count = COUNT_OF(shop_cleared)};
}
