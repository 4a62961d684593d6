/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_advice: how to verify a claim's change once it is made, and how to take it back, as commands to copy. Pure.
 *
 * A knob is verified by its two values (`toll verify --env P=1,10`, or the command with either), and taken back by today's value. A
 * change of the program is verified between two commits, beside what the recording predicts, and taken back with git revert. A
 * team of agents is run again by who runs it: its transcripts are imported and compared.
 */
#ifndef TOLL_INVESTIGATE_VERIFY_ADVICE_H
#define TOLL_INVESTIGATE_VERIFY_ADVICE_H

#include "base/arena.h"
#include "investigate/claim.h"
#include "pipeline/pipeline_file.h"

struct verify_advice_facts {
    const struct pipeline_file *file; /* NULL: only a recording */
    const char *pipeline;             /* its path as given; NULL */
    const char *recording;            /* a path to copy; NULL */
    bool is_agents;                   /* a team of agents: another run of it is imported and compared */
    const char *const *command;       /* of the recorded run; NULL */
    size_t command_count;
};

/* Fills verify and revert where the claim says none; texts are in the arena. What has no command to give stays NULL. */
WARN_UNUSED int verify_advice_fill(const struct verify_advice_facts *facts, struct arena *arena,
                                   struct claim *claim, struct err *err);

#endif
