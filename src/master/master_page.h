/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_page: the sections of the page, on top of report/page.h. Each appends its section, or nothing when there is nothing to
 * say. The page needs no script to be read.
 */
#ifndef TOLL_MASTER_MASTER_PAGE_H
#define TOLL_MASTER_MASTER_PAGE_H

#include "master/digest.h"

/* The first screen: the problem, the discovery, the picture, Monday, and what is not to blame. */
void master_page_first(struct str *str, const struct digest *digest);
/* The picture of the critical path: today by stage, with the first change, the objective as a line. */
void master_page_picture(struct str *str, const struct digest *digest);

/* Every finding with its reasons; the first three open. */
void master_page_findings(struct str *str, const struct digest *digest);
void master_page_investigators(struct str *str, const struct digest *digest);
void master_page_contradictions(struct str *str, const struct digest *digest);
void master_page_roadmap(struct str *str, const struct digest *digest);
void master_page_similar(struct str *str, const struct digest *digest);
void master_page_calibration(struct str *str, const struct digest *digest);

/* The phrase, escaped, its " -> " an arrow; cleared for the next. */
void master_page_phrase(struct str *str, const char *tag, const char *attributes, struct str *phrase);
/* A row of `<dl class="plan">`; none for what is not known (text NULL). */
void master_page_row(struct str *str, const char *name, const char *text, bool is_code);

#endif
