/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe: the looks at /proc, on both rungs, within a budget.
 *
 * On the perf rung switches are exact and a look only tells what a blocked thread waits for: once for each wait
 * long enough to be met. On the proc rung looks are all there is: each reads the thread's counters, asks for its
 * call when it had a turn since, and the ledger tells the pieces in between.
 *
 * A tick looks at as many threads as the budget allows, in turn, and takes care of processes: their name (proc
 * rung: an exec), descriptors and resources, often while they are young and rarely later. The time between ticks
 * grows until looking costs no more than OBSERVE_BUDGET_RATIO of one CPU, and when it can grow no more the age at which
 * a process is first taken care of does: of thousands of short ones little but their times is known. It is jittered, so that nothing
 * periodic hides from it. It also grows while no wait is there to be looked into; on the perf rung,
 * where switches are told anyway, by more; on the bpf rung, where nothing is asked of threads, by most.
 */
#ifndef TOLL_RECORD_OBSERVE_H
#define TOLL_RECORD_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "record/descriptors.h"
#include "record/peers.h"
#include "record/tracks.h"
#include "record/waits.h"

#define OBSERVE_BUDGET_RATIO  0.01
#define OBSERVE_PERIOD_NS_MIN 1000000ull
#define OBSERVE_PERIOD_NS_MAX 20000000ull
#define OBSERVE_LOOK_MAX      128 /* threads a tick */

struct stacks;

struct observe {
    struct emit *emit;
    struct tracks *tracks;
    struct waits *waits;
    struct peers *peers;
    struct resolve *resolve;
    bool is_exact; /* perf rung */
    bool is_told;  /* bpf rung: waits need no looks, processes do */

    struct stacks *stacks; /* preload and proc rungs; NULL on others */
    struct python *python; /* NULL on the bpf rung, and where there is no memory */
    bool has_python;       /* one of the processes runs it */

    /* preload rung; NULL on others. */
    void *inside;
    void (*inside_poll)(void *inside);
    void (*inside_settle)(void *inside, struct task *task, uint64_t end_ns);

    /* proc rung: nothing there tells which function runs, but CPU time is exact: a sample weighs the time since
     * the last one and has one frame, the program, "[name]". An image's id is its frame and its stack. */
    struct intern images;
    struct map image_stacks;   /* image's id → its stack, where that is another number */
    uint64_t sample_period_ns; /* CPU time for one sample */

    uint64_t period_ns;
    uint64_t pace_ns;    /* between ticks, from period_ns up while there is nothing to look into */
    uint64_t news_count; /* looks since the last tick, and what was there then */
    uint64_t thread_count, unseen_ns, peer_count;
    uint64_t news_ns; /* when there was something new last */
    uint64_t
        care_ns; /* age at which a process's resources are first looked at, and the least between two looks */
    uint64_t cursor;
    uint64_t pipe_count;               /* at the last listing of descriptors */
    uint64_t window_ns, window_cpu_ns; /* when the budget was looked at last */
    uint64_t excluded_cpu_ns; /* what the recorder's thread spent on other things: the owner adds to it */
    uint64_t random;
    uint64_t look_count; /* looks at a thread, and the time between two at the same one, summed */
    uint64_t look_gap_ns;
    uint64_t refused_count; /* looks that the kernel did not allow */
};

/* After the pointers, is_exact and sample_period_ns were set. */
void observe_init(struct observe *observe);
void observe_deinit(struct observe *observe);
/* One round; returns when the next is due. */
uint64_t observe_tick(struct observe *observe, uint64_t now_ns);
/* proc rung: the thread was seen for the last time at `now_ns`, or is about to be; returns when it ended. `is_now`:
 * it ended only just now, else some time since the last look. */
uint64_t observe_last(struct observe *observe, struct task *task, bool is_now, uint64_t now_ns);
/* proc rung: the counters of a thread that just appeared. */
void observe_first(struct task *task);
/* proc rung: the same of a thread that ran before the recording: what its counters hold is not of the recording. */
void observe_join(struct task *task);
/* What has passed of a long wait is written. */
void observe_checkpoint(struct observe *observe, struct task *task, uint64_t now_ns);
/* The command ended: a last look at every thread, and what is known of waits that go on. */
void observe_finish(struct observe *observe, uint64_t end_ns);
/* The row of what the thread ran in Python about then, as a look saw it; 0. */
uint64_t observe_python(struct observe *observe, const struct task *task, uint64_t time_ns);
/* Mean time between two looks at one thread. */
uint64_t observe_gap_ns(const struct observe *observe);

#endif
