/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape: text from the recorded program, made safe for a format. Names are bytes: what is not UTF-8 becomes
 * U+FFFD, so every output is valid UTF-8.
 */
#ifndef TOLL_REPORT_ESCAPE_H
#define TOLL_REPORT_ESCAPE_H

#include "base/str.h"

/* The length in bytes of the well-formed UTF-8 character at `text` (Unicode 15, table 3-7), 0 when there is none. */
size_t escape_utf8_length(const char *text);

/* The characters of a UTF-8 text, each taken as one column. */
size_t escape_columns(const char *text);

/* For a terminal: control characters (also C1: they steer terminals) become '?'. */
void escape_plain(struct str *str, const char *text);

/* At most `columns` columns; what is too long loses its middle, where names differ least, to "…" ("..." if ascii). */
void escape_plain_cut(struct str *str, const char *text, size_t columns, bool ascii);

/* The inside of a JSON string (RFC 8259), without the quotes. */
void escape_json(struct str *str, const char *text);

/* The inside of a JSON string that may stand in a script element of HTML and of XML: no markup, no character that XML lacks. */
void escape_script(struct str *str, const char *text);

/* Text and quoted attribute values of HTML and XML: no markup survives; control characters become U+FFFD. */
void escape_markup(struct str *str, const char *text);

/* Inline text of GitHub Flavored Markdown, also inside a table's cell. */
void escape_markdown(struct str *str, const char *text);

/* A code span of Markdown that holds any text; inside a table's cell it escapes the bars too. */
void escape_markdown_code(struct str *str, const char *text, bool in_cell);

#endif
