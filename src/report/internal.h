/* SPDX-License-Identifier: Apache-2.0 */
/* The exporters' write functions, for the table in exporter.c. */
#ifndef TOLL_REPORT_INTERNAL_H
#define TOLL_REPORT_INTERNAL_H

#include "report/exporter.h"

#define EXPORT_FUNCTION(name)                                                                                \
    int name(const struct verdict *verdict, const struct export_options *options, struct str *ret_text,      \
             struct err *err)

EXPORT_FUNCTION(text_export_write);
EXPORT_FUNCTION(json_export_write);
EXPORT_FUNCTION(markdown_export_write);
EXPORT_FUNCTION(html_export_write);
EXPORT_FUNCTION(flamegraph_export_write);

#endif
