/* SPDX-License-Identifier: Apache-2.0 */
/* tidy_frame: the line of a frame taken apart, and its functions' names made short. Inside collapse/ only. */
#ifndef TOLL_COLLAPSE_TIDY_FRAME_H
#define TOLL_COLLAPSE_TIDY_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "collapse/collapse.h"

static inline bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool is_word(char c)
{
    static const bool words[256] = {
        ['0' ... '9'] = true, ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['_'] = true};
    return words[(unsigned char)c];
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "  55f0 main+0x1c (/usr/bin/x)": parts of the line. */
struct frame_line {
    const char *address, *function, *module;
    size_t address_length, function_length, module_length;
};

/* False for a line that is no frame. */
bool frame_line_read(const char *line, size_t length, struct frame_line *ret_frame);

/* Appends the names, one behind the other with ';' between; false when the line adds none. `is_java`: the program's
 * name begins so. */
bool frame_line_tidy(const struct frame_line *frame, const struct collapse_options *options, bool is_java,
                     struct str *ret_text);

#endif
