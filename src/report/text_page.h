/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_page: what texts for a terminal are made of: styles, wrapped lines, bars. Whatever the names, a line keeps to
 * the page's width, and what steers a terminal is made harmless.
 */
#ifndef TOLL_REPORT_TEXT_PAGE_H
#define TOLL_REPORT_TEXT_PAGE_H

#include "report/exporter.h"

struct text_page {
    struct str *str;
    const struct export_options *options;
    size_t width; /* from text_page_width */
};

enum text_style { STYLE_STRONG, STYLE_FAINT, STYLE_P0, STYLE_P1, STYLE_P2, STYLE_P3, STYLE_BAR, STYLE_GOOD };

/* The options' width, or the default; never under EXPORT_WIDTH_MIN. */
size_t text_page_width(const struct export_options *options);

/* The text as it is, in a style where the options have colours. */
void text_styled(const struct text_page *page, enum text_style style, const char *text);
/* The style of a finding's priority. */
enum text_style text_priority_style(enum priority priority);

void text_blanks(struct str *str, size_t count);

/* Words of `text` from column `at` on, and a newline; further lines start at `indent`. A word longer than a line is cut. */
void text_wrap(const struct text_page *page, const char *text, size_t at, size_t indent);

/* A share of `columns` in eighths of a cell where the characters allow it, blanks up to columns + 2; what is above nothing
 * shows something. */
void text_bar(const struct text_page *page, double ratio, size_t columns);

/* A word as a shell takes it. */
void text_quoted(struct str *str, const char *word);

#endif
