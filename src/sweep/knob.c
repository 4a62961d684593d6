/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep/knob.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define DECIMALS_MAX 9
#define NUMBER_MAX   64

static int bad_knob(const char *text, struct err *err)
{
    err_set(err, ERR_USAGE, "could not understand knob '%s'", text);
    err_hint(err, "NAME=1..64 spreads values over a range, NAME=0..60:10 takes steps, NAME=a,b,c is a list");
    return -ERR_USAGE;
}

bool knob_equal(const struct knob_value *a, const struct knob_value *b)
{
    if (isfinite(a->number) && isfinite(b->number))
        return !(fabs(a->number - b->number) > 1e-9 * fmax(fabs(a->number), fabs(b->number)));
    return strcmp(a->text, b->text) == 0;
}

static int decimals_of(const char *number)
{
    const char *point = strchr(number, '.');
    size_t count = point ? strlen(point + 1) : 0;
    return count > DECIMALS_MAX ? DECIMALS_MAX : (int)count;
}

/* "LOW..HIGH" or "LOW..HIGH:STEP"; false when the text is none. */
static bool read_range(const char *text, struct knob *knob)
{
    char copy[3 * NUMBER_MAX];
    if (strlen(text) >= sizeof copy)
        return false;
    memcpy(copy, text, strlen(text) + 1);
    char *dots = strstr(copy, ".."), *colon = strchr(copy, ':');
    if (!dots || (colon && colon < dots))
        return false;
    *dots = '\0';
    if (colon)
        *colon++ = '\0';
    const char *parts[] = {copy, dots + 2, colon};
    double *numbers[] = {&knob->low, &knob->high, &knob->step};
    for (size_t i = 0; i < 3 && parts[i]; i++) {
        if (num_parse_double(parts[i], numbers[i]))
            return false;
        int decimals = decimals_of(parts[i]);
        knob->decimals = decimals > knob->decimals ? decimals : knob->decimals;
    }
    double unit = pow(10, -knob->decimals);
    knob->is_number = true;
    knob->is_log = !colon && knob->low >= unit;
    if (!colon)
        knob->step = unit;
    return knob->step >= unit && knob->low < knob->high && fabs(knob->high) < 1e15 && fabs(knob->low) < 1e15;
}

static int read_list(const char *text, struct arena *arena, struct knob *knob, struct err *err)
{
    knob->is_list = knob->is_number = true;
    for (const char *at = text;;) {
        size_t length = strcspn(at, ",");
        struct knob_value value = {.text = arena_copy(arena, at, length), .number = NAN};
        if (!value.text)
            return err_memory(err);
        if (num_parse_double(value.text, &value.number)) {
            value.number = NAN;
            knob->is_number = false;
        }
        if (knob->value_count >= KNOB_VALUES_MAX)
            return err_set(err, ERR_USAGE, "could not use knob '%s': it has more than %u values", knob->name,
                           KNOB_VALUES_MAX);
        for (size_t i = 0; i < knob->value_count; i++)
            if (knob_equal(&knob->values[i], &value))
                return err_set(err, ERR_USAGE, "could not use knob '%s': value '%s' is there twice",
                               knob->name, value.text);
        knob->values[knob->value_count++] = value;
        if (!at[length])
            break;
        at += length + 1;
    }
    /* Some numbers among names have no order with them. */
    for (size_t i = 0; i < knob->value_count && !knob->is_number; i++)
        knob->values[i].number = NAN;
    return 0;
}

static bool is_variable_name(const char *name)
{
    if (isdigit((unsigned char)*name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

int knob_parse(const char *text, bool is_environment, struct arena *arena, struct knob *ret_knob,
               struct err *err)
{
    struct knob knob = {.is_environment = is_environment};
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return bad_knob(text, err);
    knob.name = arena_copy(arena, text, (size_t)(equals - text));
    if (!knob.name)
        return err_memory(err);
    if (is_environment && !is_variable_name(knob.name))
        return err_set(err, ERR_USAGE,
                       "could not use knob '%s': no variable of the environment has such a name", knob.name);
    if (strstr(equals + 1, "..")) {
        if (!read_range(equals + 1, &knob))
            return bad_knob(text, err);
    } else {
        int status = read_list(equals + 1, arena, &knob, err);
        if (status)
            return status;
    }
    *ret_knob = knob;
    return 0;
}

static struct knob_value make(const struct knob *knob, double number, struct arena *arena)
{
    char text[NUMBER_MAX];
    snprintf(text, sizeof text, "%.*f", knob->decimals, number);
    return (struct knob_value){.text = arena_string(arena, text), .number = number};
}

int knob_value_of(const struct knob *knob, const char *text, struct arena *arena,
                  struct knob_value *ret_value, struct err *err)
{
    struct knob_value value = {.text = arena_string(arena, text), .number = NAN};
    if (!value.text)
        return err_memory(err);
    if (knob->is_number && num_parse_double(text, &value.number))
        return err_set(err, ERR_USAGE, "could not set knob '%s' to '%s': that is no number", knob->name,
                       text);
    *ret_value = value;
    return 0;
}

/* The nearest value that the range has. */
static double snap(const struct knob *knob, double number)
{
    double origin = knob->is_log ? 0 : knob->low;
    double snapped = origin + round((number - origin) / knob->step) * knob->step;
    return fmin(fmax(snapped, knob->low), knob->high);
}

/* `part` (0 to 1) of the way from one value to another, by the logarithm where the knob is spread so. */
static double along(const struct knob *knob, double from, double to, double part)
{
    return knob->is_log ? from * pow(to / from, part) : from + (to - from) * part;
}

size_t knob_coarse(const struct knob *knob, size_t wanted, struct arena *arena,
                   struct knob_value ret_values[KNOB_VALUES_MAX])
{
    size_t count = 0;
    if (knob->is_list) {
        memcpy(ret_values, knob->values, knob->value_count * sizeof *ret_values);
        return knob->value_count;
    }
    wanted = wanted < 2 ? 2 : wanted > KNOB_VALUES_MAX ? KNOB_VALUES_MAX : wanted;
    /* A step need not divide the range: the last value is the last step within it. */
    double high = knob->is_log ? knob->high
                               : knob->low + floor((knob->high - knob->low) / knob->step + 1e-9) * knob->step;
    for (size_t i = 0; i < wanted; i++) {
        double number = snap(knob, along(knob, knob->low, high, (double)i / (double)(wanted - 1)));
        if (count && !(number > ret_values[count - 1].number))
            continue;
        ret_values[count] = make(knob, number, arena);
        if (!ret_values[count++].text)
            return 0;
    }
    return count;
}

size_t knob_between(const struct knob *knob, double below, double above, size_t wanted, struct arena *arena,
                    struct knob_value ret_values[KNOB_VALUES_MAX])
{
    size_t count = 0;
    double half = knob->step / 2;
    if (knob->is_list || !(above > below))
        return 0;
    wanted = wanted > KNOB_VALUES_MAX ? KNOB_VALUES_MAX : wanted;
    for (size_t i = 0; i < wanted; i++) {
        double number = snap(knob, along(knob, below, above, (double)(i + 1) / (double)(wanted + 1)));
        if (number < below + half || number > above - half ||
            (count && number < ret_values[count - 1].number + half))
            continue;
        ret_values[count] = make(knob, number, arena);
        if (!ret_values[count++].text)
            return 0;
    }
    return count;
}
