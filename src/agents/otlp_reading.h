/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_reading: calls of models and tools, and agents, out of requests of OTLP, whichever dialect told them (genai.h).
 *
 * A call belongs to the nearest agent above it in its trace, and to the conversation that it or one above it names, else to its
 * trace. Spans come in any order, so a file is read twice: once to learn the tree, once to tell what is in it. A log that grows is
 * read once, live: then a call whose parents have not come yet belongs to its trace.
 *
 * Spans around calls repeat their usage, so an agent's own usage counts only where nothing below it tells of any: then it is told as
 * one call at the agent's end, which takes no time. Live, one that was told is taken back (agent_sink.retract) when a call below it
 * comes after it.
 */
#ifndef TOLL_AGENTS_OTLP_READING_H
#define TOLL_AGENTS_OTLP_READING_H

#include "agents/agent_events.h"
#include "otlp/otlp_file.h"

enum otlp_phase { OTLP_LEARN, OTLP_TELL, OTLP_LIVE };

struct otlp_pass {
    const char *path;
    uint64_t from; /* of a receiver's log: where the last pass ended; 0: the start */
    enum otlp_phase phase;
    bool calls_only;         /* calls of models, agents and what is malformed */
    struct agent_sink *sink; /* not for OTLP_LEARN */
};

struct otlp_reading;

WARN_UNUSED int otlp_reading_create(struct otlp_reading **ret_reading, struct err *err);
WARN_UNUSED int otlp_reading_pass(struct otlp_reading *reading, const struct otlp_pass *pass,
                                  struct otlp_file_told *ret_told, struct err *err);
/* NULL is allowed. */
void otlp_reading_destroy(struct otlp_reading *reading);

#endif
