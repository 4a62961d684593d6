/* SPDX-License-Identifier: Apache-2.0 */
/* data_verbs: verbs over what other programs left behind, each defined in its own file; cmd/verb_table.c puts them in order. */
#ifndef TOLL_DATA_VERBS_DATA_VERBS_H
#define TOLL_DATA_VERBS_DATA_VERBS_H

#include "option/verb.h"

extern const struct verb import_verb;   /* import_verb.c */
extern const struct verb record_verb;   /* record_verb.c */
extern const struct verb prices_verb;   /* prices_verb.c */
extern const struct verb usage_verb;    /* usage_verb.c */
extern const struct verb budget_verb;   /* budget_verb.c */
extern const struct verb query_verb;    /* query_verb.c */
extern const struct verb collapse_verb; /* collapse_verb.c */

#endif
