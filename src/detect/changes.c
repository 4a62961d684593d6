/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/changes.h"

#include <string.h>

static const struct default_change table[] = {
    {"serial-independent", "independence assumed", "run several at once instead of one after another",
     EFFORT_LOW, true},
    {"serial-stages", "the next stage can begin on a part of what it gets",
     "let the stages of an item, or of one item and the next, overlap", EFFORT_MEDIUM, true},
    {"network-wait", "the other end answers twice as fast",
     "ask for less, ask earlier, or make the other end faster", EFFORT_MEDIUM, false},
    {"disk-sync", "one sync per batch instead of one per record", "sync once per batch", EFFORT_LOW, true},
    {"disk-read", "the data is cached or read ahead",
     "read larger pieces ahead of need, or keep the data in memory", EFFORT_MEDIUM, true},
    {"sleep-poll", "woken by the event instead of by the clock",
     "wait for the event itself instead of sleeping and looking", EFFORT_LOW, true},
    {"child-wait", "the child runs twice as fast", "make the child faster, or do not wait for it",
     EFFORT_MEDIUM, false},
    {"pipe-backpressure", "this process runs twice as fast",
     "make this process faster: the others wait for it", EFFORT_MEDIUM, false},
    {"lock-contention", "the lock can be split or held for less",
     "hold the lock for less: move slow work out of it, or split it", EFFORT_MEDIUM, true},
    {"false-parallelism", "what they compute need not be under the lock",
     "compute outside the lock, give each thread its own data, or use processes instead of threads",
     EFFORT_HIGH, true},
    {"cpu-contention", "as many cores as there are runnable threads",
     "run fewer things at once, or give the run more cores", EFFORT_LOW, true},
    {"spin", "who spins is woken by what it spins for",
     "sleep until it happens (a condition variable, a blocking call) instead of looking again and again",
     EFFORT_LOW, true},
    {"straggler", "it can take as long as the others do",
     "find out why this one takes longer, start it first, or cut it into pieces", EFFORT_MEDIUM, true},
    {"imbalance", "the work can be shared evenly",
     "hand out smaller pieces as workers come free, instead of fixed shares", EFFORT_MEDIUM, true},
    {"idle-worker", "what feeds the workers can be spread over them",
     "let the workers do what one thread does for them now", EFFORT_MEDIUM, true},
    {"config", "its tasks are independent, and the other end serves that many at once", "change the setting",
     EFFORT_LOW, true},
    {"memory-reclaim", "there is enough memory for what it uses",
     "give it more memory (its control group's limit, the machine), or let it use less at once", EFFORT_LOW,
     true},
    {"page-faults", "the memory is reused instead of mapped anew",
     "reuse buffers instead of mapping fresh memory", EFFORT_MEDIUM, true},
    {"cpu-hot", "this code runs twice as fast", "make this code faster, or call it less", EFFORT_MEDIUM,
     false},
    {"chatty-client", "a question in a batch takes the other end a tenth of one alone",
     "ask for many things at once, or send questions ahead of the answers", EFFORT_MEDIUM, true},
    {"small-batches", "a piece in a batch takes the other end a fifth of one alone",
     "send many pieces at once", EFFORT_LOW, true},
    {"connection-churn", "three of five calls of each request were for its connection",
     "keep connections open and use them again", EFFORT_LOW, true},
    {"unbuffered-io", "the bytes go through a buffer", "read and write through a buffer", EFFORT_LOW, true},
    {"allocation-churn", "blocks are reused instead of allocated anew",
     "reuse buffers: allocate once outside the loop, or take blocks from a pool", EFFORT_MEDIUM, true},
    {"gc", "so little garbage is made that none needs to be collected",
     "make less garbage, or collect it less often", EFFORT_MEDIUM, true},
    {"memory-leak", NULL, "free what is no longer needed, or bound what is kept", EFFORT_MEDIUM, false},
    {"handle-leak", NULL, "close what was opened", EFFORT_LOW, false},
    {"queue-growth", NULL, "take in less, or work off faster: bound the queue, or give it more workers",
     EFFORT_MEDIUM, false},
    {"cpu-single-thread", "the work can be split evenly", "spread the work over more threads", EFFORT_HIGH,
     true},
};

const struct default_change *default_change_of(const char *cause)
{
    static const struct default_change other = {"", NULL, "", EFFORT_MEDIUM, false};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].cause, cause) == 0)
            return &table[i];
    }
    return &other;
}
