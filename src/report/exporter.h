/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter: a verdict as a text of some format. One file and one row of exporters[] each.
 *
 * Exporters are pure: the same verdict and options give the same bytes. Names in a verdict come from the
 * recorded program, so an exporter escapes them for its format; whatever the bytes, its output is valid.
 */
#ifndef TOLL_REPORT_EXPORTER_H
#define TOLL_REPORT_EXPORTER_H

#include "base/str.h"
#include "model/finding.h"
#include "model/stack_kind.h"

#define EXPORT_WIDTH_DEFAULT 80
#define EXPORT_WIDTH_MIN     40

struct export_options {
    const char *file;     /* the recording's name, for "More" and page titles; NULL: not told */
    unsigned width;       /* columns of a text; 0: EXPORT_WIDTH_DEFAULT */
    bool colour;          /* ANSI colours in a text */
    enum stack_kind kind; /* what a flame graph shows; not STACKS_ALL */
    bool ascii;           /* a text's own characters are ASCII (the locale is not UTF-8) */
};

struct exporter {
    const char *name;      /* what --format takes */
    const char *extension; /* of a file of this format, without the dot */
    /* Appends to ret_text; fails only when memory runs out, or when the verdict is broken (ERR_BUG). */
    int (*write)(const struct verdict *verdict, const struct export_options *options, struct str *ret_text,
                 struct err *err);
};

extern const struct exporter exporters[];
extern const size_t exporter_count;

/* ERR_USAGE with the names there are. */
WARN_UNUSED int exporter_find(const char *name, const struct exporter **ret_exporter, struct err *err);

/* Appends the verdict in the exporter's format; nothing is appended on failure. */
WARN_UNUSED int exporter_write(const struct exporter *exporter, const struct verdict *verdict,
                               const struct export_options *options, struct str *ret_text, struct err *err);

#endif
