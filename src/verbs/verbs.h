/* SPDX-License-Identifier: Apache-2.0 */
/* verbs: each verb's description, defined in its own file; cmd/verb_table.c puts them in order. */
#ifndef TOLL_VERBS_VERBS_H
#define TOLL_VERBS_VERBS_H

#include "option/verb.h"

extern const struct verb attach_verb;       /* attach_verb.c */
extern const struct verb bench_verb;        /* bench.c */
extern const struct verb calibration_verb;  /* calibration_verb.c */
extern const struct verb check_verb;        /* check.c */
extern const struct verb compare_verb;      /* compare.c */
extern const struct verb experiment_verb;   /* experiment_verb.c */
extern const struct verb diagnose_verb;     /* diagnose_verb.c */
extern const struct verb gate_verb;         /* gate_verb.c */
extern const struct verb history_verb;      /* history_verb.c */
extern const struct verb init_verb;         /* init_verb.c */
extern const struct verb investigate_verb;  /* investigate_verb.c */
extern const struct verb investigator_verb; /* investigator_verb.c */
extern const struct verb journal_verb;      /* journal_verb.c */
extern const struct verb law_verb;          /* law.c */
extern const struct verb mark_verb;         /* mark.c */
extern const struct verb recover_verb;      /* recover.c */
extern const struct verb set_key_verb;      /* set_key_verb.c */
extern const struct verb span_verb;         /* span.c */
extern const struct verb tune_verb;         /* tune.c */
extern const struct verb verify_verb;       /* verify.c */
extern const struct verb run_verb;
extern const struct verb report_verb;
extern const struct verb whatif_verb;
extern const struct verb doctor_verb;

#endif
