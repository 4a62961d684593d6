/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol: what travels between the engine and an investigator's process: one request as a JSON line on its stdin, answers as
 * JSON lines on its stdout (docs/investigators.md). Nothing that a process says is trusted: sizes and counts are limited, and
 * the first line that makes no sense ends the reading, with the line's number and what was expected.
 */
#ifndef TOLL_INVESTIGATE_PROTOCOL_H
#define TOLL_INVESTIGATE_PROTOCOL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "investigate/claim.h"

#define PROTOCOL_SCHEMA         "toll.investigate/1"
#define PROTOCOL_LINE_BYTES_MAX ((size_t)1 << 20)
#define PROTOCOL_BYTES_MAX      ((size_t)64 << 20) /* of all lines of a process */
#define PROTOCOL_CLAIMS_MAX     10000u             /* and as many places cleared */
#define PROTOCOL_VOTES_MAX      100000u
#define PROTOCOL_NOTES_MAX      1000u
#define PROTOCOL_DOING_MAX      120

enum round { ROUND_CLAIMS, ROUND_VOTES };

const char *round_name(enum round round); /* claims, votes */

/* --- the request --- */

struct request {
    enum round round;
    const char *investigator;
    const char *recording; /* absolute, as all paths here */
    const char *report;    /* toll.report/1 of the recording */
    const char *pipeline;  /* NULL */
    const char *rules;     /* a folder of configuration rules beside the built-in ones; NULL */
    const char *scratch;
    double deadline_s; /* from now */
    uint64_t memory_bytes;
    const struct claim *claims; /* of the others */
    size_t claim_count;
    const struct cleared_by *cleared;
    size_t cleared_count;
};

/* One line with its newline. */
void request_write(const struct request *request, struct str *ret_line);
/* Texts in the arena. ERR_INPUT for what is no request. */
WARN_UNUSED int request_read(const char *text, size_t length, struct arena *arena,
                             struct request *ret_request, struct err *err);

/* --- the answers, as they come --- */

struct protocol {
    struct arena *arena; /* of what was said */
    const char *investigator;
    enum round round;
    struct str line; /* the last one, as far as it came */
    size_t bytes;    /* so far */
    uint64_t line_count, unknown_count;
    char doing[PROTOCOL_DOING_MAX]; /* the last progress, made safe for a terminal; "" */
    double done_ratio;              /* below 0: not known */
    VEC(struct claim) claims;
    VEC(struct vote) votes;
    VEC(struct cleared_by) cleared;
    VEC(const char *) notes;
};

void protocol_init(struct protocol *protocol, enum round round, const char *investigator,
                   struct arena *arena);
/* Some bytes of a process's stdout. ERR_INPUT for the first line that makes no sense: nothing must be fed behind it. */
WARN_UNUSED int protocol_feed(struct protocol *protocol, const char *bytes, size_t count, struct err *err);
/* Its stdout is closed: a last line without a newline counts. */
WARN_UNUSED int protocol_end(struct protocol *protocol, struct err *err);
/* Adds what was said to a statement (its lists in the arena): claims, cleared and notes of round one, votes of round two. */
WARN_UNUSED int protocol_keep(const struct protocol *protocol, struct statement *statement, struct err *err);
void protocol_deinit(struct protocol *protocol);

#endif
