/* SPDX-License-Identifier: Apache-2.0 */
/* claude_tell: what was gathered of a transcript, told to a sink. */
#ifndef TOLL_AGENTS_CLAUDE_TELL_H
#define TOLL_AGENTS_CLAUDE_TELL_H

#include "agents/claude_file.h"

/* The result of an agent tells the true size of its last answer, where the transcript may hold a placeholder. Told for the
 * answer of this file, or for the one that ends the agent's own file. */
WARN_UNUSED int claude_settle_results(struct claude_file *file, struct err *err);
WARN_UNUSED int claude_tell_all(struct claude_file *file, struct err *err);
/* Where a later read begins: before whatever may still go on. */
struct source_position claude_resume(const struct claude_file *file);

#endif
