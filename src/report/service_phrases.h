/* SPDX-License-Identifier: Apache-2.0 */
/* service_phrases: the words of a verdict on a service, shared by text, Markdown and HTML. Not escaped, as phrases.h. */
#ifndef TOLL_REPORT_SERVICE_PHRASES_H
#define TOLL_REPORT_SERVICE_PHRASES_H

#include <stdbool.h>

#include "base/str.h"
#include "model/finding.h"

/* Whether the verdict is that of a service: without requests where the time went is all there is to say. */
bool phrase_serves(const struct verdict *verdict);
/* "482 requests/s over 4 s, 8.2 ms each (p99 8.7 ms)" */
void phrase_service(struct str *str, const struct verdict *verdict);
/* What was recorded: the command, or "nginx, shop and postgres" that ran already, or "the whole machine". */
void phrase_subject(struct str *str, const struct verdict *verdict);
/* "4 workers of shop", "2 connections to 127.0.0.1:5432", "2 cores" */
void phrase_resource(struct str *str, const struct service_resource *resource);
/* "2.08 ms a request, at most 482 requests/s" */
void phrase_demand(struct str *str, const struct service_resource *resource);
/* "at most 482/s" */
void phrase_most(struct str *str, const struct service_resource *resource);
/* What limits a service without a finding: the load. */
void phrase_service_limit(struct str *str, const struct service *service);
/* "482 -> 963 requests/s" or "8.2 ms -> 4.1 ms" */
void phrase_service_gain(struct str *str, const struct verdict *verdict, const struct finding *finding);
/* "482" and "0.8": three digits, a rate is not known better. */
void phrase_rate(struct str *str, double rate);

#endif
