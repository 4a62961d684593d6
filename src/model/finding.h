/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding: what an analysis of a run says; plain structs that engines fill and report prints.
 *
 * All memory belongs to one `struct verdict` (its arena); texts are "" or NULL-free: an unknown place is NULL.
 * The field names are those of schema toll.report/1 (docs/format.md).
 */
#ifndef TOLL_MODEL_FINDING_H
#define TOLL_MODEL_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/stack_kind.h"
#include "model/table.h"

/* A place in a run: any field may be NULL (line 0). Two places are equal when all fields are. */
struct where {
    const char *stage;    /* span name, or process name when the run has no spans; NULL: outside any stage */
    const char *process;  /* the program's name */
    const char *function; /* demangled */
    const char *file;     /* source file */
    uint32_t line;
    const char *peer; /* "127.0.0.1:8080", "pipe to awk", "lock 0x55… (ledger)" */
    const char *path; /* a file's path */
};

/* What an instant of the path was: running on a CPU, or a wait_reason. */
#define DOING_CPU (-1)

struct path_entry {
    struct where where;
    int doing; /* DOING_CPU or an enum wait_reason */
    uint64_t ns;
    double ratio, ratio_low, ratio_high;
};

struct via_entry {
    struct where where;
    enum wait_reason reason;
    uint64_t ns;
    double ratio;
};

struct usage_entry {
    const char *kind;
    double amount;
};

struct stage {
    const char *name;
    uint64_t call_count;
    uint64_t wall_ns;     /* sum of durations; parallel calls add up */
    uint64_t covered_ns;  /* time in which at least one call was open */
    uint64_t critical_ns; /* on the critical path */
    double critical_ratio;
    uint64_t cpu_ns;
    uint64_t wait_ns[WAIT_REASON_COUNT];
    uint64_t rss_bytes_max;
    const struct usage_entry *usage;
    size_t usage_count;
};

enum priority { PRIORITY_P0, PRIORITY_P1, PRIORITY_P2, PRIORITY_P3 };
enum effort { EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH };

struct gain {
    double factor, factor_low, factor_high; /* wall before / wall after; 0 when no promise is made */
    double factor_max;                      /* wall before / wall after if the cause were free of charge */
    uint64_t wall_ns_after;                 /* 0 when no promise is made, or of a service */
    /* of a service, whose factors are throughput after / before; 0 when no promise is made */
    double throughput_per_s_after;
    uint64_t latency_ns_after; /* p50, when the objective is latency */
};

/* Of a run of agents: what a finding's change saves when all findings before it were mended: all of them add up to no more than
 * the bill and the run. */
struct savings {
    double usd, usd_low, usd_high;
    uint64_t ns, ns_low, ns_high;
};

struct finding {
    const char *cause; /* an identifier of docs/architecture.md, "serial-independent" */
    struct where where;
    struct where where_waiting; /* lock-contention: the code that waits for what `where` holds; else empty */
    uint64_t waiter_count;      /* lock-contention: threads that waited, and how often; else 0 */
    uint64_t acquisition_count;
    const char *objective; /* wall, throughput, latency */
    double critical_ratio;
    enum priority priority;
    const char *change;     /* "workers:stage/download=10"; NULL when none is known */
    const char *assumption; /* "independence assumed"; NULL when none is needed */
    struct gain gain;
    const char *
        behind; /* the change of the finding that brings most, when this one was replayed on top of it; NULL */
    double factor_behind;  /* what this one still brings then */
    const char *title;     /* one sentence for a person: what is wrong */
    const char *fix;       /* one sentence: what to do */
    const char *rationale; /* how the gain was worked out */
    enum effort effort;
    const char *const *evidence; /* one fact each */
    size_t evidence_count;
    const char *const *sources;
    size_t source_count;
    bool has_savings; /* of a run of agents */
    struct savings savings;
};

struct cleared {
    struct where where;
    double critical_ratio;
    double factor_max;
};

struct grade {
    double score_ratio; /* 0 to 1: how far the verdict can be trusted */
    uint64_t lost_count;
    double stack_truncated_ratio;
    double critical_path_explained_ratio;
    double overhead_ratio;             /* the recorder's CPU time over the run's wall time */
    uint64_t missed_process_count_max; /* short-lived processes that may have been missed (an estimate) */
    const char *const *remarks;        /* what lowered it, one sentence each */
    size_t remark_count;
};

struct run_facts {
    const char *id;
    const char *const *command;
    size_t command_count;
    const char *started_at; /* ISO 8601, UTC */
    const char *host;
    uint64_t cpu_count;
    uint64_t wall_ns;
    uint64_t cpu_ns;
    uint64_t exit_status;
    uint64_t process_count;
    uint64_t thread_count;
    uint64_t rss_bytes_max;
    const char *objective;    /* wall, throughput, latency: what the verdict is about */
    const char *scope;        /* command, attached, machine, agents, profile: what was recorded */
    const char *sample_unit;  /* of an import, what its samples count: ns, cycles, samples; else ns */
    const char *sample_event; /* what was sampled, in the words of who did: cpu, delay, cycles:u */
    bool is_timeless;         /* an import of samples without times: wall_ns means nothing */
    uint64_t sample_count;    /* of an import; else 0 */
    const char *recorder_cpu; /* rung per signal: "perf", "proc", "ring", "none" */
    const char *recorder_wait;
    const char *recorder_spans;
    const char *recorder_heap;
    const char *recorder_io;
    struct grade grade;
};

/* One track of the timeline picture: its intervals in time order, merged to a drawable number. Tracks follow those that started
 * them, all of one before the next. */
struct timeline_interval {
    uint64_t start_ns, end_ns; /* from the start of the run */
    int doing;                 /* DOING_CPU or an enum wait_reason */
    const char *label;         /* the peer or the function, NULL */
};

struct timeline_span {
    uint64_t start_ns, end_ns;
    const char *name;
    size_t depth;
};

struct timeline_track {
    const char *name; /* "curl", "worker 3" */
    uint64_t pid, tid;
    size_t depth; /* in the process tree, as far as it is shown, for indenting */
    uint64_t start_ns, end_ns;
    const struct timeline_interval *intervals;
    size_t interval_count;
    const struct timeline_span *spans;
    size_t span_count;
    size_t parent; /* the track that started it: an index below its own, SIZE_MAX: none, or it is not shown */
    size_t span_hidden_count; /* spans left out because there were too many */
};

/* One track ended another's wait; both are shown. */
struct timeline_wake {
    uint64_t from_ns, to_ns; /* the deed, and when the other went on */
    size_t from, to;         /* indexes of tracks */
};

/* A piece of the critical path, latest last; `track` indexes timeline.tracks, SIZE_MAX when not shown. */
struct timeline_step {
    uint64_t start_ns, end_ns;
    size_t track;
    int doing;
};

/* What all programs together had allocated, from that moment to the next point. */
struct timeline_memory {
    uint64_t time_ns, bytes;
};

struct timeline {
    const struct timeline_track *tracks;
    size_t track_count;
    size_t track_hidden_count; /* tracks left out because there were too many */
    const struct timeline_step *steps;
    size_t step_count;
    const struct timeline_wake *wakes; /* by to_ns: those that ended the longest waits */
    size_t wake_count, wake_hidden_count;
    uint64_t
        resolution_ns; /* shorter intervals of the track with the most of them are drawn together; 0: none are */
    const struct timeline_memory *memory; /* by time; none where allocations were not recorded */
    size_t memory_count;
    struct timeline_memory memory_peak;
};

/* What a box of a flame graph stands for. */
enum flame_kind {
    FLAME_CODE,    /* a function of a program or a library */
    FLAME_KERNEL,  /* of the kernel */
    FLAME_INLINED, /* a function that the compiler put into its caller */
    FLAME_MANAGED, /* of Python, or made by a just-in-time compiler */
    FLAME_PROGRAM, /* all of one program */
    FLAME_WAIT,    /* time waited; `doing` says for what */
    FLAME_PEER,    /* the other end of a wait */
    FLAME_WAKER,   /* the program that ended a wait; above it its stack, innermost function first */
    FLAME_KIND_COUNT
};

enum flame_unit { FLAME_NS, FLAME_BYTES, FLAME_ALLOCATIONS };

/* A node of the flame graph tree: index 0 is the root; children follow their parents. Amounts (_ns) are in the graph's unit. */
struct flame_node {
    const char *name;
    const char *module; /* NULL when unknown */
    size_t parent;      /* index; the root is its own parent */
    uint64_t self_ns;
    uint64_t total_ns;
    const char *file; /* NULL when unknown */
    uint32_t line;    /* in `file`, where most of the amount was; 0 when no line had most of it */
    enum flame_kind kind;
    int doing; /* of FLAME_WAIT: an enum wait_reason */
};

struct flame {
    const struct flame_node *nodes;
    size_t node_count;
    enum flame_unit unit;
};

/* What all processes did to one peer, one kind of call. */
struct io_entry {
    const char *peer; /* an address, a path, "pipe from sort to gzip"; NULL: peers that were not told apart */
    const char *kind; /* of the peer: file, socket, pipe …; NULL likewise */
    const char *operation; /* read, write, sync, connect, accept, open */
    uint64_t count, bytes;
    uint64_t time_ns;        /* in these calls; 0: not recorded */
    uint64_t latency_ns_p99; /* of a call; 0: not recorded */
    uint64_t critical_ns;    /* of the critical path: waiting for this peer, whatever the call */
};

struct io_table {
    const struct io_entry
        *entries; /* those of one peer side by side; what the critical path waited for most first */
    size_t entry_count, entry_hidden_count;
};

/* Something that a request needs a piece of: the one that is used up first limits the service. */
struct service_resource {
    const char *kind;    /* workers, lock, connections, peer, cores, device; or load: nothing is used up */
    const char *name;    /* a program, a lock, an address; "cores"; "the load offered" */
    const char *process; /* whose it is, NULL */
    double
        utilisation_ratio; /* time in use over capacity; time spent queueing for another resource is not use */
    uint64_t demand_ns;    /* of each request, on each of its servers: D = U / X */
    uint64_t capacity;     /* workers, connections, cores; 1 for a lock */
};

/* What a run or a window of one did as a service: requests, not an end. */
struct service {
    const char *entry;          /* the program that the clients talk to; NULL when it is not known */
    const char *serving;        /* the program whose workers are the service's; NULL: none was found */
    const char *request_source; /* spans, connections, waits: where requests were counted; none */
    double throughput_per_s;
    uint64_t request_count;
    /* of a request in the hands of the serving program; 0 when it cannot be told */
    uint64_t latency_ns_p50, latency_ns_p99;
    uint64_t client_count; /* connections that clients hold, 0 when not known */
    double queue_count;    /* clients that waited to be accepted, on average */
    struct service_resource saturated;
    const struct service_resource *resources; /* by utilisation, largest first */
    size_t resource_count;
    const struct path_entry *path_p50; /* an average request near the median, adds up to its latency */
    size_t path_p50_count;
    const struct path_entry *path_p99; /* and among the slowest hundredth */
    size_t path_p99_count;
    double drift_ratio; /* of the queueing model: |modelled - measured| throughput / measured; 0: no model */
};

#define AGENT_DOINGS 8

/* Tokens are disjoint, but that reasoning is a part of output. */
struct agent_usage {
    double input, output, cache_read, cache_write_5m, cache_write_1h, reasoning;
    double usd;
};

/* One agent: its life as a partition (doing_names of the facts), and what it used. */
struct agent_entry {
    const char *name, *kind, *title;
    const char *parent;        /* NULL: none */
    uint64_t start_ns, end_ns; /* from the start of the run */
    uint64_t busy_ns;          /* own work, API and tools */
    uint64_t ns[AGENT_DOINGS];
    struct agent_usage used;
    double context_tokens_max;
    uint64_t call_count, tool_count, task_count;
};

struct agent_task_entry {
    const char *name, *agent;
    uint64_t start_ns, end_ns, busy_ns;
    double tokens, usd;
    uint64_t call_count;
};

/* After a response: how large its context was, and what all had used by then. */
struct agent_point {
    uint64_t time_ns; /* from the start of the run */
    size_t agent;     /* index of the entry */
    double context_tokens, tokens_total, usd_total;
};

/* How finely the work is cut into phases, and how finely its structure asks for (agent_detect/phase_grain.h). */
struct phases {
    const char *name;       /* fine, coarse, balanced; NULL: no agent started another */
    double potential_ratio; /* of the work that could be side by side */
    double density_ratio;   /* dependencies for each agent that was started */
    uint64_t dependency_count, now_count;
    uint32_t low, high; /* phases proposed */
};

/* What a run of agents is beside what any run is. */
struct agents_facts {
    const char *const *doing_names; /* AGENT_DOINGS */
    const struct agent_entry *agents;
    size_t agent_count;
    const struct agent_task_entry *tasks; /* slowest first */
    size_t task_count, task_hidden_count;
    const struct agent_point *points; /* in time order, merged to a drawable number */
    size_t point_count;
    uint64_t makespan_ns, busy_ns;
    double parallel_efficiency_ratio; /* busy / (makespan x agents) */
    struct agent_usage used;
    bool is_priced; /* some response has a price: else there is no bill */
    uint64_t unpriced_count, partial_count, call_count;
    struct savings savings; /* of all findings */
    struct phases phases;
    const char *granularity; /* the same, one sentence; NULL */
};

/* What a program allocated with one stack. */
struct heap_entry {
    struct where where;        /* the program's own code nearest to the allocation */
    const char *const *frames; /* innermost first */
    size_t frame_count;
    bool is_pages; /* memory that the program mapped itself, rather than malloc's */
    uint64_t count, bytes, freed_count, freed_bytes, temporary_count;
    uint64_t peak_bytes; /* of the run's peak */
    uint64_t left_bytes; /* not freed at its end */
};

/* Of a run whose allocations were recorded; of sampled ones estimates. Counts are of malloc and its kin. */
struct heap_facts {
    const char *mode; /* sampled, exact */
    uint64_t rate_bytes;
    uint64_t peak_bytes,
        peak_ns; /* the most that all processes had at once; when, from the start of the run */
    uint64_t allocated_bytes, leaked_bytes;
    uint64_t allocation_count, freed_count, temporary_count;
    uint64_t lost_count, process_count;
    const struct heap_entry *entries; /* by peak_bytes, largest first: those that are large in some way */
    size_t entry_count, entry_hidden_count;
};

/* A kind of pause of a program's garbage collector: "gc: young". */
struct gc_kind_entry {
    const char *name;
    uint64_t count, ns, longest_ns;
};

/* The pauses of a program's garbage collector that its runtime told of. */
struct gc_entry {
    const char *process;
    const char *source; /* "hsperfdata", "usdt", "functions"; "": a file that was imported */
    uint64_t count, ns, longest_ns;
    uint64_t critical_ns; /* of the critical path, in pauses; those without a place as the others */
    uint64_t missed_count, missed_ns;  /* further ones, whose place in time is not known */
    const struct gc_kind_entry *kinds; /* by time, longest first */
    size_t kind_count;
};

struct verdict {
    struct arena arena;
    struct run_facts run;
    const struct stage *stages; /* by critical_ns, largest first */
    size_t stage_count;
    const struct path_entry *path; /* by ns, largest first; adds up to run.wall_ns exactly */
    size_t path_count;
    const struct via_entry *via;
    size_t via_count;
    const struct finding *findings; /* best first */
    size_t finding_count;
    const struct cleared *cleared;
    size_t cleared_count;
    const struct agents_facts *agents; /* of a run of agents, else NULL */
    const struct heap_facts *heap;     /* when allocations were recorded, else NULL */
    const struct gc_entry *gc;         /* by time, longest first */
    size_t gc_count;
    const struct service *service; /* when the objective is throughput or latency, else NULL */
    double baseline_drift_ratio;   /* |replayed - recorded| / recorded of the unchanged run */
    struct timeline timeline;
    struct io_table io;
    struct flame flame;       /* time on a CPU */
    struct flame flame_waits; /* time waited: by stack, then reason, other end and who ended it */
    struct flame flame_heap
        [STACK_HEAP_COUNT]; /* what was allocated, by kind of stacks; empty when it was not recorded */
};

void verdict_deinit(struct verdict *verdict);

const char *priority_name(enum priority priority);     /* "P0" … */
const char *priority_severity(enum priority priority); /* critical, warning, info */
const char *effort_name(enum effort effort);
/* From the conservative end of the gain's interval: P0 over 5x, P1 2 to 5x, P2 1.2 to 2x, P3 under. */
enum priority priority_of(double factor_low);
/* "cpu" or the reason's name. */
const char *doing_name(int doing);

#endif
