/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers: where an investigator says what it found; each call is one JSON line on its stdout (docs/investigators.md).
 *
 * A failure to write is kept and told by answers_status: who says something goes on without asking. Not for several threads.
 */
#ifndef TOLL_INVESTIGATE_ANSWERS_H
#define TOLL_INVESTIGATE_ANSWERS_H

#include "base/err.h"
#include "base/str.h"
#include "investigate/claim.h"

struct answers {
    int fd;
    int status; /* of the first failure, 0 */
    struct str line;
    struct err failure;
};

/* What it is doing, and how far it is: 0 to 1, below 0 when that is not known. */
void answers_progress(struct answers *answers, const char *doing, double done_ratio);
void answers_claim(struct answers *answers, const struct claim *claim);
void answers_cleared(struct answers *answers, const struct cleared *cleared, const char *why);
void answers_vote(struct answers *answers, const struct vote *vote);
/* A sentence for the investigator's summary. */
void answers_note(struct answers *answers, const char *format, ...) PRINTF_LIKE(2, 3);

/* 0, or the first failure. */
WARN_UNUSED int answers_status(const struct answers *answers, struct err *err);
void answers_deinit(struct answers *answers);

#endif
