/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_io: I/O by peer on the bpf rung: rows of `io` with calls, bytes, time and histograms for each process, other
 * end and operation, about once a second.
 *
 * To count each call, the kernel has to stop by at the entry and exit of every system call of the machine. So by
 * default they are counted for WATCH_IO_WINDOW_NS out of about WATCH_IO_PERIOD_NS, at random instants, and the
 * sums are scaled up by what was left out; a remark says so. After some WATCH_IO_WINDOW_COUNT windows the time between
 * them grows with the age of the run, to WATCH_IO_PERIOD_NS_MAX: what is rare enough to need more is not worth more. A call is counted where it returns, so that long
 * calls are met as often as short ones.
 */
#ifndef TOLL_RECORD_WATCH_IO_H
#define TOLL_RECORD_WATCH_IO_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_IO_WINDOW_NS     4000000ull
#define WATCH_IO_WINDOW_COUNT  20
#define WATCH_IO_PERIOD_NS     100000000ull
#define WATCH_IO_PERIOD_NS_MAX 250000000ull

enum watch_io_mode { WATCH_IO_SAMPLED = 0, WATCH_IO_ALL, WATCH_IO_NONE };

struct watch;

struct watch_io {
    enum watch_io_mode mode;
    bool is_on;
    uint64_t start_ns;   /* of the recording */
    uint64_t on_ns;      /* since when it is on */
    uint64_t due_ns;     /* when it goes on or off next */
    uint64_t row_due_ns; /* when rows are written next */
    uint64_t from_ns;    /* what the next rows stand for begins here, */
    uint64_t counted_ns; /* and so much of it was counted, the windows that are over */
    uint64_t random;
    uint64_t end_ns; /* of the interval being written */
    double scale;
    uint64_t row_count;
    uint64_t all_counted_ns, all_ns; /* of the whole recording */
};

/* "sampled", "all", "none"; false for another word. NULL: sampled. */
bool watch_io_mode_find(const char *word, enum watch_io_mode *ret_mode);
/* The recording begins. A kernel that refuses leaves I/O by peer out. */
void watch_io_start(struct watch *watch, uint64_t now_ns);
/* What is due; returns when it is due next. */
uint64_t watch_io_tick(struct watch *watch, uint64_t now_ns);
/* The last rows, and a remark. */
void watch_io_finish(struct watch *watch, uint64_t end_ns);
/* For META_RECORDER_IO. */
const char *watch_io_name(const struct watch *watch);

#endif
