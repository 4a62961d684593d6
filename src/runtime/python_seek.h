/* SPDX-License-Identifier: Apache-2.0 */
/*
 * python_seek: whether a process runs Python, where no event of the kernel says when to ask: again and again while the
 * process is young, as it may have just begun to run, and then no more.
 */
#ifndef TOLL_RUNTIME_PYTHON_SEEK_H
#define TOLL_RUNTIME_PYTHON_SEEK_H

#include "runtime/python.h"

/* Of one process. All zero when it begins to run another program. */
struct python_seek {
    uint64_t first_ns, due_ns;
    bool is_over; /* it was found, or will not be */
};

/* Asks when it is due. Returns whether the process was found to run Python, now or before. */
bool python_seek_tick(struct python *python, uint32_t pid, uint64_t now_ns, struct python_seek *seek);

#endif
