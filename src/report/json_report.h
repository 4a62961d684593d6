/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_report: the parts of schema toll.report/1, for who adds fields of its own: `toll report`, and the report of an
 * investigation. The outermost object is the caller's to open and close; the parts come in this order.
 */
#ifndef TOLL_REPORT_JSON_REPORT_H
#define TOLL_REPORT_JSON_REPORT_H

#include "model/finding.h"
#include "report/json_writer.h"

/* "schema", "run", "stages", "path", "via", "io" and "service". */
void json_report_run(struct json_writer *json, const struct verdict *verdict);
/* The fields of one entry of "findings"; the object is the caller's. `agreement` NULL: it is "single". */
void json_report_finding(struct json_writer *json, const struct finding *finding, const char *agreement);
/* The fields of one entry of "cleared". */
void json_report_cleared(struct json_writer *json, const struct cleared *cleared);

/* How long the two lists that the caller writes would be. */
struct json_report_counts {
    size_t finding_count;
    size_t cleared_count;
};
/* "left_out" and "replay". */
void json_report_end(struct json_writer *json, const struct verdict *verdict,
                     struct json_report_counts counts);

/* How many entries of a list are written. */
size_t json_report_shown(size_t count);

/* A place: what is unknown has no field. */
void json_report_where(struct json_writer *json, const char *key, const struct where *where);
void json_report_texts(struct json_writer *json, const char *key, const char *const *texts, size_t count);
/* Where no promise is made the promised figures are null. */
void json_report_gain(struct json_writer *json, const struct gain *gain);

#endif
