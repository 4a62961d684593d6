/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta: the keys of the meta table and the names of the well-known series and attributes.
 * Numbers are decimal texts; times are CLOCK_MONOTONIC nanoseconds unless the name says realtime.
 */
#ifndef TOLL_MODEL_META_H
#define TOLL_MODEL_META_H

#define META_ID               "id"        /* 16 hex digits, random */
#define META_COMMAND          "command"   /* JSON array of strings, redacted */
#define META_SCOPE            "scope"     /* command, attached (it ran already), machine; absent: command */
#define META_OBJECTIVE        "objective" /* wall, throughput, latency; absent: wall */
#define META_DIRECTORY        "directory" /* where it ran */
#define META_HOST             "host"
#define META_KERNEL           "kernel"    /* release */
#define META_CPU_COUNT        "cpu_count" /* CPUs the run may use (affinity and cgroup quota, rounded up) */
#define META_CPU_QUOTA        "cpu_quota" /* cores of a cgroup quota, absent when there is none */
#define META_STARTED_REALTIME "started_realtime_ns"
#define META_START            "start_ns"    /* the command's start: time 0 of the run */
#define META_END              "end_ns"      /* the main command's exit; absent when the recorder was killed */
#define META_EXIT_STATUS      "exit_status" /* as a shell sees it: 128 + n for signal n */
#define META_ROOT_TRACK       "root_track"  /* id of the main command's process track */
#define META_RECORDER_CPU     "recorder_cpu" /* rung: perf, proc, none; likewise: */
#define META_RECORDER_WAIT    "recorder_wait"
#define META_RECORDER_SPANS   "recorder_spans" /* ring, none */
#define META_RECORDER_HEAP    "recorder_heap"  /* sampled, exact, none */
#define META_RECORDER_IO      "recorder_io"
#define META_RECORDER_GC                                                                                     \
    "recorder_gc"                    /* what told of collectors' pauses: hsperfdata, usdt, functions; none */
#define META_CALL_NS     "call_ns"   /* what a system call that does nothing takes on this machine */
#define META_CPU_EVENT   "cpu_event" /* cycles, cpu-clock, schedstat; with ":u" when user-only */
#define META_RATE_HZ     "rate_hz"
#define META_LOST_COUNT  "lost_count"  /* events the kernel or a ring dropped */
#define META_STACK_COUNT "stack_count" /* samples with a stack */
#define META_STACK_TRUNCATED_COUNT                                                                           \
    "stack_truncated_count" /* of them, those that do not reach a thread's start */
#define META_OVERHEAD_CPU             "overhead_cpu_ns" /* CPU time of the recorder, its library included */
#define META_MISSED_PROCESS_COUNT_MAX "missed_process_count_max" /* estimate; 0 when the rung sees all */
#define META_SAMPLE_PERIOD_PROC       "proc_period_ns"         /* mean time between two looks at one thread */
#define META_WAIT_BOUNDARY_ERROR      "wait_boundary_error_ns" /* 0 when wait times are exact */
#define META_WAIT_SEEN_NS             "wait_seen_ns"           /* blocked time whose reason a look saw */
#define META_WAIT_INFERRED_NS         "wait_inferred_ns" /* told from other waits of the thread or program */
#define META_HEAP_RATE                "heap_rate_bytes"  /* sampled: bytes between two samples, on average */
#define META_HEAP_PEAK_BYTES          "heap_peak_bytes"  /* the most that all processes had at once */
#define META_HEAP_PEAK                "heap_peak_ns"     /* when that was */
#define META_HEAP_LOST_COUNT          "heap_lost_count"
#define META_IMPORT_FORMAT            "import_format" /* of the file that a recording was made of: "perf script text" */
#define META_IMPORT_FILE              "import_file"
#define META_IMPORT_CLOCK             "import_clock" /* what its times are, and how far they are the machine's */
#define META_SAMPLE_UNIT              "sample_unit" /* of sample weights, of an import: cycles, samples; absent: ns */
#define META_SAMPLE_COUNT             "sample_count" /* of an import */
#define META_SAMPLE_SCALE             "sample_scale" /* weights are so many times the file's; absent: 1 */
#define META_REMARK                   "remark"       /* many: what was outside view, one sentence each */

/* series, all with track 0 unless said */
#define SERIES_CPU_BUSY                                                                                      \
    "cpu.busy" /* cores busy on the whole machine (unit "cores"), 10 points/s at first, 2 later */
#define SERIES_CPU_TREE    "cpu.tree"    /* cores used by the recorded tree */
#define SERIES_CPU_OUTSIDE "cpu.outside" /* cores used by everything else but the recorder */
#define SERIES_CPU_STEAL   "cpu.steal"
#define SERIES_MEMORY_STALL                                                                                  \
    "pressure.memory.some" /* part of the time in which a task was stalled for memory */
/* and, for each server on this machine that the run talks to, cores it used: this and the server\'s name */
#define SERIES_CPU_SERVER "cpu.server:"
#define SERIES_RSS        "rss"             /* bytes, per process track */
#define SERIES_HEAP       "heap_live_bytes" /* likewise: allocated and not freed; of `toll run --heap` */
/* likewise: open descriptors; bytes that wait in a socket to be read and to be sent, clients that wait to be accepted
 * (these with the address behind the name); since it was worth a series */
#define SERIES_DESCRIPTORS   "descriptors"
#define SERIES_QUEUE_RECEIVE "queue.receive:"
#define SERIES_QUEUE_SEND    "queue.send:"
#define SERIES_QUEUE_ACCEPT  "queue.accept:"
#define SERIES_MEMORY_TOTAL  "memory.total" /* bytes, of the machine */
#define SERIES_TCP_OPENS     "tcp.opens" /* connections opened since boot, of the whole machine (track 0) */

/* attrs of a process track (owner_table TABLE_TRACK) */
#define ATTR_COMMAND         "command" /* JSON array of the last exec's arguments, redacted */
#define ATTR_RSS_BYTES_MAX   "rss_bytes_max"
#define ATTR_HEAP_PEAK_BYTES "heap_peak_bytes" /* the most that one of its programs had allocated */
/* of a process whose collector's pauses are told: those that have no span, and how long they took together */
#define ATTR_GC_SOURCE                "gc_source"
#define ATTR_GC_MISSED_COUNT          "gc_missed_count"
#define ATTR_GC_MISSED_NS             "gc_missed_ns"
#define ATTR_CPU_USER_NS              "cpu_user_ns"
#define ATTR_CPU_SYSTEM_NS            "cpu_system_ns"
#define ATTR_RECORDING_NS             "recording_ns" /* of its CPU time, toll's own library was at work */
#define ATTR_FAULT_MINOR_COUNT        "fault_minor_count"
#define ATTR_FAULT_MAJOR_COUNT        "fault_major_count"
#define ATTR_SWITCH_VOLUNTARY_COUNT   "switch_voluntary_count"
#define ATTR_SWITCH_INVOLUNTARY_COUNT "switch_involuntary_count"
#define ATTR_READ_COUNT               "read_count" /* calls that read and wrote: syscr and syscw */
#define ATTR_WRITE_COUNT              "write_count"
#define ATTR_READ_BYTES               "read_bytes" /* /proc/PID/io rchar and wchar */
#define ATTR_WRITE_BYTES              "write_bytes"
#define ATTR_DESCRIPTOR_LIMIT         "descriptor_limit" /* RLIMIT_NOFILE of a process that opened some */
#define ATTR_DISK_READ_BYTES          "disk_read_bytes"
#define ATTR_DISK_WRITE_BYTES         "disk_write_bytes"

/* attrs of a span that is a collector's pause (owner_table TABLE_SPAN) */
#define ATTR_GC_GENERATION "generation" /* "young", "full"; of CPython "0" to "2" */
#define ATTR_GC_CAUSE      "cause"
#define ATTR_GC_COLLECTOR  "collector"

/* attr of a peer (owner_table TABLE_PEER): the server behind a loopback address, "nginx[123]" */
#define ATTR_SERVER "server"

/* attr of a frame (owner_table TABLE_FRAME): "loop" where the machine code there only looks whether something changed */
#define ATTR_SPIN "spin"
/* likewise, of the first frame of a file: the file's build-id in hex digits */
#define ATTR_BUILD_ID "build_id"

/* frame.module of frames that a Python interpreter runs: function, file and line are of Python code */
#define MODULE_NAME_PYTHON "[python]"
/* frame.module of functions that a just-in-time compiler made code of; and of those that it told of, and that an
 * interpreter still runs */
#define MODULE_NAME_JIT         "[jit]"
#define MODULE_NAME_INTERPRETED "[interpreted]"

/* names of PEER_LOCK peers, by what the futex call looks like */
#define PEER_NAME_LOCK      "lock"
#define PEER_NAME_CONDITION "condition"
#define PEER_NAME_GIL       "GIL" /* of a Python interpreter: one thread at a time runs its code */

/* META_SCOPE of a recording that knows where CPU time went, and nothing of waits */
#define SCOPE_PROFILE "profile"
/* META_SAMPLE_UNIT of weights of which nothing else is known, and which have no times */
#define SAMPLE_UNIT_COUNT "count"

#endif
