/* SPDX-License-Identifier: Apache-2.0 */
/* gate_source: numbers that are not measured by running: in texts, in JSON, the bytes of files. */
#ifndef TOLL_GATE_GATE_SOURCE_H
#define TOLL_GATE_GATE_SOURCE_H

#include "base/err.h"
#include "gate/gate.h"

#define GATE_FILES_MAX   1000000u /* that one pattern may lead to, in folders too */
#define GATE_PATTERN_MAX 1024u

/* The number that a source of kind GATE_FROM_TEXT takes from a text; `name` says in messages where the text is from.
 * ERR_INPUT when it is not there or no amount of the metric's. */
WARN_UNUSED int gate_source_number(const struct gate_source *source, enum gate_metric metric,
                                   const char *text, size_t length, const char *name, double *ret_value,
                                   struct err *err);

/* Whether a pattern is one, with a group, for messages before anything is run. */
WARN_UNUSED int gate_source_check_match(const char *match, struct err *err);

/* The bytes of all files that the patterns match below `folder`, each counted once; links are not followed.
 * ERR_INPUT when there is none. */
WARN_UNUSED int gate_source_bytes(const char *const *patterns, const char *folder, double *ret_bytes,
                                  struct err *err);

#endif
