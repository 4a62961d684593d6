/* SPDX-License-Identifier: Apache-2.0 */
/* answering: for tests, a server on a free port of the loopback that gives each connection in turn one answer, and hangs up. */
#ifndef TOLL_SETTINGS_ANSWERING_H
#define TOLL_SETTINGS_ANSWERING_H

#include <pthread.h>
#include <stddef.h>

#include "base/str.h"

#define ANSWERING_MAX 4

struct answering {
    int fd;
    char address[32];
    const char *answers[ANSWERING_MAX]; /* NULL: none, the connection stays open and silent */
    size_t count;
    struct str asked; /* all that was sent to it */
    pthread_t thread;
};

/* Fails the test when it cannot listen. */
void answering_start(struct answering *server, const char *const *answers, size_t count);
/* Who still waits for a client does so no longer. */
void answering_stop(struct answering *server);

#endif
