/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/event_line.h"

#include "base/num.h"
#include "collapse/tidy_frame.h"

static size_t skip_digits(const char *line, size_t at, size_t length)
{
    while (at < length && is_digit(line[at]))
        at++;
    return at;
}

static bool event_numbers(const char *line, size_t length, size_t at, struct event_line *ret_event)
{
    size_t end = skip_digits(line, at, length), second;
    if (end == at)
        return false;
    for (second = end; second < length && line[second] == '/'; second++)
        ;
    size_t second_end = skip_digits(line, second, length);
    if (second_end == length || !is_blank(line[second_end]))
        return false;
    ret_event->first = line + at;
    ret_event->first_length = end - at;
    ret_event->second = second_end > second ? line + second : NULL;
    ret_event->second_length = second_end - second;
    return true;
}

bool event_line_read(const char *line, size_t length, struct event_line *ret_event)
{
    for (size_t end = 2; end < length; end++) {
        if (!is_blank(line[end]))
            continue;
        size_t at = end;
        while (at < length && is_blank(line[at]))
            at++;
        if (event_numbers(line, length, at, ret_event)) {
            ret_event->name_length = end;
            return true;
        }
        end = at - 1; /* the same blanks, from further on, end where these do */
    }
    return false;
}

bool event_end_read(const char *line, size_t length, struct event_end *ret_end)
{
    while (length && is_blank(line[length - 1]))
        length--;
    size_t from = length;
    while (from && !is_blank(line[from - 1]))
        from--;
    if (length - from < 2 || line[length - 1] != ':')
        return false;
    size_t behind = from;
    while (behind && is_blank(line[behind - 1]))
        behind--;
    size_t digits = behind;
    while (digits && is_digit(line[digits - 1]))
        digits--;
    size_t colon = digits;
    while (colon && is_blank(line[colon - 1]))
        colon--;
    if (behind == from || !colon || line[colon - 1] != ':')
        return false;
    *ret_end = (struct event_end){.event = line + from,
                                  .event_length = length - 1 - from,
                                  .period = digits < behind ? line + digits : NULL,
                                  .period_length = behind - digits};
    return true;
}

uint64_t event_number(const char *digits, size_t length)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        if (num_mul_u64(number, 10, &number) || num_add_u64(number, (uint64_t)(digits[i] - '0'), &number))
            return UINT64_MAX;
    return number;
}
