/* SPDX-License-Identifier: Apache-2.0 */
/* event_files: descriptors of kernel events, of which there is one for each place and CPU: room for them, and their end. */
#ifndef TOLL_KERNEL_EVENT_FILES_H
#define TOLL_KERNEL_EVENT_FILES_H

#include <stddef.h>

/* Raises this process's soft limit to so many descriptors, as far as it may; where that is refused opening them says so. */
void event_files_allow(size_t needed);
/* The same for so many beside those that are open. */
void event_files_allow_more(size_t count);

/*
 * Closes descriptors whose last close takes long (of a uprobe 0.1 s, one after the other): here at once, for good in a process
 * of its own, which has nothing else open and is nobody's child, so that none waits for it. Returns its gate: it holds them
 * until that is closed. -1 where there can be no such process: then all were closed here. Sorts the array. What maps the
 * descriptors must be gone before.
 */
int event_files_leave(int *fds, size_t count);

#endif
