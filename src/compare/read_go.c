/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_go: the text of `go test -bench`, and of everything that prints the same (golang.org/design/14313-benchmark-format):
 * `BenchmarkName-8  1000  123 ns/op  16 B/op`, with `-count` many lines of one name; `Unit <unit> better=higher`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/measured.h"

#define LINE_MAX_BYTES 4096
#define UNITS_MAX      64

struct go_units {
    struct {
        char unit[64];
        bool higher_is_better;
    } items[UNITS_MAX];
    size_t count;
};

/* "BenchmarkX", then blanks and a number of iterations. */
static bool is_result(const char *line, const char **ret_after)
{
    if (!str_starts(line, "Benchmark"))
        return false;
    const char *at = line + strcspn(line, " \t");
    at += strspn(at, " \t");
    char *end;
    if (!(*at >= '0' && *at <= '9'))
        return false;
    (void)strtoull(at, &end, 10);
    *ret_after = end;
    return *end == ' ' || *end == '\t';
}

bool go_recognise(const struct result_input *input)
{
    struct text_line line = {0};
    char copy[LINE_MAX_BYTES];
    const char *after;
    if (input->json)
        return false;
    while (text_next(&input->text, &line)) {
        text_copy(&line, copy, sizeof copy);
        if (is_result(copy, &after))
            return true;
    }
    return false;
}

/* Bytes and calls for each operation are fewer the better; what is per second is more the better. */
static bool is_higher_better(const struct go_units *units, const char *unit)
{
    for (size_t i = units->count; i-- > 0;)
        if (strcmp(units->items[i].unit, unit) == 0)
            return units->items[i].higher_is_better;
    return str_ends(unit, "/s") || str_ends(unit, "/sec");
}

static void unit_line(const char *line, struct go_units *units)
{
    char unit[64];
    if (units->count == UNITS_MAX || sscanf(line, "Unit %63s", unit) != 1)
        return;
    bool higher = strstr(line, "better=higher"), lower = strstr(line, "better=lower");
    if (!higher && !lower)
        return;
    snprintf(units->items[units->count].unit, sizeof unit, "%s", unit);
    units->items[units->count++].higher_is_better = higher;
}

static void kind_of(const char *unit, struct series_kind *kind)
{
    static const struct {
        const char *go, *metric, *unit;
    } known[] = {{"ns/op", "time_per_op", "ns"},
                 {"B/op", "bytes_per_op", "bytes"},
                 {"allocs/op", "allocations_per_op", "count"}};
    kind->metric = kind->unit = unit;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].go, unit) == 0) {
            kind->metric = known[i].metric;
            kind->unit = known[i].unit;
        }
}

static int result_line(char *line, char *after, const struct go_units *units, size_t number,
                       struct measured *measured, struct err *err)
{
    char *save = NULL;
    line[strcspn(line, " \t")] = '\0';
    char *value = strtok_r(after, " \t", &save);
    if (!value)
        return err_set(err, ERR_INPUT, "line %zu has no value", number);
    for (; value; value = strtok_r(NULL, " \t", &save)) {
        char *end, *unit = strtok_r(NULL, " \t", &save);
        double amount = strtod(value, &end);
        if (!unit || *end || end == value)
            return err_set(err, ERR_INPUT, "line %zu: '%.40s' is no number with a unit", number, value);
        struct series_kind kind = {.name = line, .higher_is_better = is_higher_better(units, unit)};
        kind_of(unit, &kind);
        int status = measured_add(measured, &kind, amount, err);
        if (status)
            return status;
    }
    return 0;
}

int go_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    struct text_line line = {0};
    struct go_units *units = arena_alloc(&measured->arena, sizeof *units);
    char copy[LINE_MAX_BYTES];
    int status = units ? 0 : err_memory(err);

    while (!status && text_next(&input->text, &line)) {
        const char *after;
        text_copy(&line, copy, sizeof copy);
        if (str_starts(copy, "Unit "))
            unit_line(copy, units);
        else if (is_result(copy, &after))
            status = result_line(copy, copy + (after - copy), units, line.number, measured, err);
        else if (str_starts(copy, "--- FAIL") || str_starts(copy, "FAIL\t"))
            status = measured_note(measured, "A Go test failed.", err);
    }
    return status;
}
