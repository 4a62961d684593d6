/* SPDX-License-Identifier: Apache-2.0 */
/* agents_report: the section of agents of a report, in each format. All append; texts are escaped for their format. */
#ifndef TOLL_REPORT_AGENTS_REPORT_H
#define TOLL_REPORT_AGENTS_REPORT_H

#include "model/finding.h"
#include "report/json_writer.h"
#include "report/text_page.h"

void text_agents(const struct text_page *page, const struct agents_facts *facts);
void markdown_agents(struct str *str, const struct agents_facts *facts);
/* Names and values for the head of the page. */
void page_agent_facts(struct str *str, const struct agents_facts *facts);
void page_agents(struct str *str, const struct verdict *verdict);
/* Key "agents". */
void json_agents(struct json_writer *json, const struct agents_facts *facts);
/* Key "savings". */
void json_savings(struct json_writer *json, const struct savings *savings);

/* "$1.24", "$0.0031", "unpriced" */
struct unit money_text(const struct agents_facts *facts, double usd);
/* "812", "47k", "1.2M" */
struct unit tokens_text(double tokens);
/* Read and written. */
double used_tokens(const struct agent_usage *used);
/* " and cost $1.24"; nothing where nothing has a price, or of no team (NULL) */
void phrase_bill(struct str *str, const struct agents_facts *facts);
/* "6 agents, 41 % parallel efficiency, 1.2M tokens, $3.10; $0.40 and 12 s can be saved ($0.20 to $0.60, 9 to 14 s)" */
void phrase_agents(struct str *str, const struct agents_facts *facts);

#endif
