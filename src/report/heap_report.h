/* SPDX-License-Identifier: Apache-2.0 */
/* heap_report: the sections of memory and of its collectors of a report, in each format. All append; texts are escaped for their format. */
#ifndef TOLL_REPORT_HEAP_REPORT_H
#define TOLL_REPORT_HEAP_REPORT_H

#include "model/finding.h"
#include "report/json_writer.h"
#include "report/text_page.h"

void text_heap(const struct text_page *page, const struct heap_facts *facts);
void markdown_heap(struct str *str, const struct heap_facts *facts);
void page_heap(struct str *str, const struct heap_facts *facts);
/* Key "heap". */
void json_heap(struct json_writer *json, const struct heap_facts *facts);

/* Pauses of garbage collectors; a text has those of a hundredth of the run or more. Nothing where there are none. */
void text_gc(const struct text_page *page, const struct verdict *verdict);
void markdown_gc(struct str *str, const struct verdict *verdict);
void page_gc(struct str *str, const struct verdict *verdict);
/* Key "gc". */
void json_gc(struct json_writer *json, const struct verdict *verdict);

#endif
