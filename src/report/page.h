/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page: the sections of the HTML report. Each appends its section, or nothing when the verdict has nothing for it.
 *
 * The page needs no script to be read: the script adds the theme switch and the zoom of the flame graph.
 * Colours are classes, `d-<doing>`; report.css gives them their values for light and dark.
 */
#ifndef TOLL_REPORT_PAGE_H
#define TOLL_REPORT_PAGE_H

#include "base/str.h"
#include "model/finding.h"

/* Tracks drawn at most; the page tells how many were left out. */
#define PAGE_TRACKS_MAX 200

/* A longer text loses its middle, so that no name makes the page heavy. */
#define PAGE_TEXT_MAX 400

/* Text, escaped and bounded. */
void page_text(struct str *str, const char *text);
/* `<tag attributes>text</tag>`, the text as by page_text; attributes ("" or " class=…") are ours. */
void page_element(struct str *str, const char *tag, const char *attributes, const char *text);
/* ` title="…"` */
void page_title_attribute(struct str *str, const char *text);

WARN_UNUSED int page_stages(struct str *str, const struct verdict *verdict, struct err *err);
WARN_UNUSED int page_timeline(struct str *str, const struct verdict *verdict, struct err *err);
WARN_UNUSED int page_flame(struct str *str, const struct verdict *verdict, struct err *err);

/* The colours' names; `is_used` is indexed by doing + 1. */
#define PAGE_DOING_COUNT (WAIT_REASON_COUNT + 1)
void page_legend(struct str *str, const bool *is_used);
/* The index for `is_used`, in range for any doing. */
size_t page_doing_index(int doing);

/* The sections of a service; nothing when the verdict is about an end. */
void page_service(struct str *str, const struct verdict *verdict);

#endif
