/* SPDX-License-Identifier: Apache-2.0 */
/* symptom: how a run looked, in words that a search finds again when another one looks like it. */
#ifndef TOLL_JUDGE_SYMPTOM_H
#define TOLL_JUDGE_SYMPTOM_H

#include "base/str.h"
#include "model/finding.h"

/* "wall 36.4 s: 84 % network 127.0.0.1:8080 in download, 9 % CPU inflate in extract": what the most of the path was; of a service
 * what is used most. */
void symptom_of_verdict(const struct verdict *verdict, struct str *str);

/* "download, curl, fetch(), 127.0.0.1:8080": what is known of a place, the outer first; nothing appended when nothing is. */
void symptom_place(const struct where *where, struct str *str);

/* The recorded command, as one line; "" when it is not known. */
void symptom_command(const struct run_facts *run, struct str *str);

#endif
