/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page: the sections of the HTML report. Each appends its section, or nothing when the verdict has nothing for it.
 *
 * The page needs no script to be read: scripts add the theme switch, zoom and search.
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

/* From the doctype to `<main>`, with the brand and the theme switch; `style` is added to report.css, "" for nothing. The
 * page's policy allows its own scripts by hash and nothing else. */
void page_begin(struct str *str, const char *title, const char *style);
/* The script, behind `</main>` and the footer, and the end. */
void page_end(struct str *str);
/* A name and a value within `<dl class="facts">`. */
void page_fact(struct str *str, const char *name, const char *value);
/* What a finding brings: a block beside its words. */
void page_gain(struct str *str, const struct verdict *verdict, const struct finding *finding);
/* How far to trust the recording: a section. */
void page_trust(struct str *str, const struct verdict *verdict);
/* What lowered it, a list; nothing when there is none. */
void page_remarks(struct str *str, const struct grade *grade);
/* The footer: where and when it was recorded; `file` NULL is not told. */
void page_foot(struct str *str, const struct verdict *verdict, const char *file);

WARN_UNUSED int page_stages(struct str *str, const struct verdict *verdict, struct err *err);
WARN_UNUSED int page_timeline(struct str *str, const struct verdict *verdict, struct err *err);
/* Input and output by the other end; nothing when none was recorded. */
void page_io(struct str *str, const struct verdict *verdict);
/* The flame graphs with their style and script: of time on a CPU, of time waited, and of memory where that was recorded. */
WARN_UNUSED int page_flame(struct str *str, const struct verdict *verdict, struct err *err);

/* The colours' names; `is_used` is indexed by doing + 1. */
#define PAGE_DOING_COUNT (WAIT_REASON_COUNT + 1)
void page_legend(struct str *str, const bool *is_used);
/* The index for `is_used`, in range for any doing. */
size_t page_doing_index(int doing);

/* The sections of a service; nothing when the verdict is about an end. */
void page_service(struct str *str, const struct verdict *verdict);

#endif
