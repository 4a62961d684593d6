/* SPDX-License-Identifier: Apache-2.0 */
/* investigators: each one's row, defined in its own file; investigators.c puts them in order. */
#ifndef TOLL_INVESTIGATE_INVESTIGATORS_H
#define TOLL_INVESTIGATE_INVESTIGATORS_H

#include "investigate/investigator.h"

extern const struct investigator profiling_investigator;      /* profiling.c */
extern const struct investigator configuration_investigator;  /* configuration.c */
extern const struct investigator batch_size_investigator;     /* batch_size.c */
extern const struct investigator concurrency_investigator;    /* concurrency.c */
extern const struct investigator client_library_investigator; /* client_library.c */
extern const struct investigator memory_investigator;         /* memory.c */
extern const struct investigator integration_investigator;    /* integration.c */

#endif
