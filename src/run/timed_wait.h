/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timed_wait: waits that ended because their time was up. A thread that waits for a condition which nobody signals, until
 * its time is up, sleeps: virtual machines sleep so. Where somebody was woken more than once, it waits for the same as they did and
 * looks up from time to time (a queue asked with a time limit, HotSpot's monitors).
 */
#ifndef TOLL_RUN_TIMED_WAIT_H
#define TOLL_RUN_TIMED_WAIT_H

#include "run/recorded_run.h"

/* Names as sleeps what is sleep: at such conditions, and at the pipe that an event loop is woken through, unless the process has a socket for
 * new clients: one of them may have ended the wait as well. The lock of a Python interpreter has another name by then. Looks at the others, one after the other, become one wait for who signals in the end. */
WARN_UNUSED int timed_waits_name(struct run *run, struct err *err);

#endif
