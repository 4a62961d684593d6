/* SPDX-License-Identifier: Apache-2.0 */
/* history_show: a history, and series of it, for a terminal, as a page and as JSON (schema toll.history/1; docs/history.md). */
#ifndef TOLL_STORE_HISTORY_SHOW_H
#define TOLL_STORE_HISTORY_SHOW_H

#include "base/str.h"
#include "store/overview.h"
#include "store/series.h"

struct history_look {
    const char *path; /* of the history */
    int64_t now_ns;   /* CLOCK_REALTIME */
    unsigned width;   /* columns */
    bool colour;
    bool ascii;
};

void overview_text(const struct overview *overview, const struct history_look *look, struct str *text);
void overview_json(const struct overview *overview, const struct history_look *look, struct str *text);

/* The results as a plot with the changes marked, and what they say. */
void series_text(const struct series *series, const struct history_look *look, struct str *text);
void series_json(const struct series *series, size_t count, const struct history_look *look,
                 struct str *text);
/* One page that fetches nothing. */
void series_html(const struct series *series, size_t count, const struct history_look *look,
                 struct str *text);

/* The plot alone: `rows` lines of dots, the axis, the changes under it. */
void series_plot(const struct series *series, const struct history_look *look, struct str *text);

/* From the lowest to the highest value that a plot shows; results far off the others are left at its edge. */
void series_axis(const struct series *series, double *ret_low, double *ret_high);

/* "2026-11-20 14:03" in local time; "2026-11-20T14:03:00Z" for programs. */
struct history_stamp {
    char text[32];
};
struct history_stamp history_stamp(int64_t at_ns);
struct history_stamp history_stamp_utc(int64_t at_ns);

#endif
