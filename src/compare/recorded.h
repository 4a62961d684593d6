/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorded: what one recording adds to the quantities: the run, its stages, functions, waits, usage, and its call tree.
 *
 * Names that change from run to run without meaning anything are made alike: ephemeral ports of this machine, numbers of
 * pipes and addresses of locks. The main program is called PROGRAM_MARK wherever it occurs, so that two builds of it under
 * two names are compared; recordings.c puts the name back.
 */
#ifndef TOLL_COMPARE_RECORDED_H
#define TOLL_COMPARE_RECORDED_H

#include "compare/quantities.h"

#define PROGRAM_MARK     "\2"
#define UNKNOWN_FUNCTION "[unknown]"

struct recorded {
    const char *program; /* the main command's process name */
    const char *command; /* as a person would type it */
    double wall_ns;
    double sample_count;
    double outside_cores;
    uint64_t lost_count;
    bool is_window; /* of something that ran already */
    bool is_agents; /* of a team of agents */
    bool is_cut;    /* the recorder was stopped before the run ended */
};

/* Texts of *ret_recorded are in the quantities' arena. Times of a window are per second of it. */
WARN_UNUSED int recorded_read(const struct compare_recording *from, struct quantities *quantities,
                              size_t recording, struct recorded *ret_recorded, struct err *err);

#endif
