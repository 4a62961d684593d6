/* SPDX-License-Identifier: Apache-2.0 */
/* sample_run: for tests, a small recording of which every number is known. */
#ifndef TOLL_EXPORT_SAMPLE_RUN_H
#define TOLL_EXPORT_SAMPLE_RUN_H

#include "export/foreign.h"
#include "model/dataset.h"

/*
 * From 1 s to 2 s, a program `app` (pid 100) of two threads. Thread app (tid 100): 30 samples of 10 ms in main;parse;trim, trim
 * inlined into parse, 10 samples in main;write\"x;y" (a name that no format may take literally); waits 200 ms in main;write…
 * for a socket, of which the last 20 ms it only wanted a CPU. Thread worker (tid 101): 5 samples without a stack; waits 100 ms for a
 * lock, without a stack, woken by thread app. Spans of app: load 1.0 to 1.5 s with parse 1.1 to 1.2 s in it, and ship 1.4 to 1.6 s,
 * which crosses load. A series rss of app: 1 MB at 1.0 s, 3 MB at 1.5 s. Allocated: 10 times 1,000 B in all in main;parse;trim (5 of them
 * temporary; 400 B at the peak; 2 with 100 B never freed), and 4,096 B of pages in main;write…, never freed.
 */
void sample_run(struct dataset *ret_dataset);

#define SAMPLE_BUILD_ID "0123456789abcdeffedcba987654321000112233" /* of the file app */
#define SAMPLE_HOSTILE  "write\\\"x;y\""

/* The dataset in the format, as one text. Fails the test when it cannot be written. */
void sample_write(const struct dataset *dataset, const char *format, const char *kind, struct str *ret_text);

#endif
