/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/measured.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

/* How far into a file a format's marks are looked for. */
#define LOOK_BYTES 65536u

const struct result_format result_formats[] = {
    {"bench", bench_recognise, bench_read},
    {"hyperfine", hyperfine_recognise, hyperfine_read},
    {"k6", k6_recognise, k6_read},
    {"vegeta", vegeta_recognise, vegeta_read},
    {"oha", oha_recognise, oha_read},
    {"autocannon", autocannon_recognise, autocannon_read},
    {"hdr-log", hdr_log_recognise, hdr_log_read},
    {"wrk", wrk_recognise, wrk_read},
    {"hgrm", hgrm_recognise, hgrm_read},
    {"go", go_recognise, go_read},
};
const size_t result_format_count = sizeof result_formats / sizeof result_formats[0];
const char compare_format_names[] = "bench hyperfine k6 vegeta oha autocannon hdr-log wrk hgrm go";

/* --- series --- */

static struct series *find(const struct measured *measured, const char *name, const char *metric)
{
    for (size_t i = measured->series.count; i-- > 0;) {
        struct series *series = &measured->series.items[i];
        if (strcmp(series->metric, metric) == 0 && strcmp(series->name, name) == 0)
            return series;
    }
    return NULL;
}

const struct series *measured_find(const struct measured *measured, const char *name, const char *metric)
{
    return find(measured, name, metric);
}

static int series_make(struct measured *measured, const struct series_kind *kind, struct series **ret_series,
                       struct err *err)
{
    if (measured->series.count == MEASURED_SERIES_MAX)
        return err_set(err, ERR_INPUT, "it has over %u series", MEASURED_SERIES_MAX);
    struct series made = {.name = arena_string(&measured->arena, kind->name),
                          .metric = arena_string(&measured->arena, kind->metric),
                          .unit = arena_string(&measured->arena, kind->unit),
                          .higher_is_better = kind->higher_is_better,
                          .is_summary = kind->is_summary};
    if (!made.name || !made.metric || !made.unit || vec_push(&measured->series, made))
        return err_memory(err);
    *ret_series = &measured->series.items[measured->series.count - 1];
    return 0;
}

static int add(struct measured *measured, const struct series_kind *kind, double value,
               struct series **ret_series, struct err *err)
{
    struct series *series = find(measured, kind->name, kind->metric);

    if (!isfinite(value) || value < 0)
        return err_set(err, ERR_INPUT, "a value of '%.60s' is %g, which nothing measures", kind->metric,
                       value);
    if (measured->value_count == MEASURED_VALUES_MAX)
        return err_set(err, ERR_INPUT, "it has over %u values", MEASURED_VALUES_MAX);
    int status = series ? 0 : series_make(measured, kind, &series, err);
    if (status)
        return status;
    if (vec_push(&series->values, value))
        return err_memory(err);
    measured->value_count++;
    *ret_series = series;
    return 0;
}

int measured_add(struct measured *measured, const struct series_kind *kind, double value, struct err *err)
{
    struct series *series;
    return add(measured, kind, value, &series, err);
}

int measured_add_round(struct measured *measured, const struct series_kind *kind, double value,
                       uint64_t round, struct err *err)
{
    struct series *series;
    int status = add(measured, kind, value, &series, err);
    if (!status && vec_push(&series->rounds, round))
        status = err_memory(err);
    return status;
}

int measured_note(struct measured *measured, const char *note, struct err *err)
{
    const char *copy = arena_string(&measured->arena, note);
    return !copy || vec_push(&measured->notes, copy) ? err_memory(err) : 0;
}

void measured_free(struct measured *measured)
{
    for (size_t i = 0; i < measured->series.count; i++) {
        vec_free(&measured->series.items[i].values);
        vec_free(&measured->series.items[i].rounds);
    }
    vec_free(&measured->series);
    vec_free(&measured->notes);
    arena_free(&measured->arena);
}

/* --- texts --- */

bool text_next(const struct compare_text *text, struct text_line *line)
{
    if (line->next >= text->length)
        return false;
    const char *start = text->text + line->next, *end = memchr(start, '\n', text->length - line->next);
    line->at = start;
    line->length = end ? (size_t)(end - start) : text->length - line->next;
    line->next += line->length + 1;
    line->number++;
    if (line->length && start[line->length - 1] == '\r')
        line->length--;
    return true;
}

void text_copy(const struct text_line *line, char *copy, size_t capacity)
{
    size_t length = line->length < capacity - 1 ? line->length : capacity - 1;
    memcpy(copy, line->at, length);
    copy[length] = '\0';
}

const char *text_find(const struct compare_text *text, const char *word)
{
    size_t length = text->length < LOOK_BYTES ? text->length : LOOK_BYTES;
    return memmem(text->text, length, word, strlen(word));
}

const char *text_duration(const char *at, double *ret_ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1},   {"us", 1e3}, {"µs", 1e3}, {"μs", 1e3},
                 {"ms", 1e6}, {"s", 1e9},  {"m", 6e10}, {"h", 3.6e12}};
    double sum = 0;
    bool has_part = false;

    for (;;) {
        char *end;
        size_t unit = 0;
        if (!(*at >= '0' && *at <= '9'))
            break;
        double number = strtod(at, &end);
        while (unit < sizeof units / sizeof units[0] && !str_starts(end, units[unit].name))
            unit++;
        if (unit == sizeof units / sizeof units[0])
            return NULL;
        sum += number * units[unit].ns;
        at = end + strlen(units[unit].name);
        has_part = true;
    }
    if (!has_part || !isfinite(sum))
        return NULL;
    *ret_ns = sum;
    return at;
}

/* --- formats --- */

static const struct result_format *recognised(const struct result_input *input)
{
    for (size_t i = 0; i < result_format_count; i++)
        if (result_formats[i].recognise(input))
            return &result_formats[i];
    return NULL;
}

/* JSON when all of it is; an error of its syntax matters to what looks like JSON only. */
static int input_make(const struct compare_text *text, struct result_input *ret_input,
                      struct json_value **ret_json, struct err *err)
{
    size_t first = 0;
    *ret_json = NULL;
    while (first < text->length && strchr(" \t\r\n", text->text[first]))
        first++;
    bool is_json = first < text->length && (text->text[first] == '{' || text->text[first] == '[');
    int status = is_json ? json_read_text(text->text, text->length, text->name, ret_json, err) : 0;
    *ret_input = (struct result_input){.text = *text, .json = *ret_json};
    return status;
}

const char *compare_format_of(const struct compare_text *text)
{
    struct result_input input;
    struct json_value *json;
    struct err ignored;
    if (input_make(text, &input, &json, &ignored))
        return NULL;
    const struct result_format *format = recognised(&input);
    json_free(json);
    return format ? format->name : NULL;
}

static int format_choose(const struct result_input *input, const char *name,
                         const struct result_format **ret_format, struct err *err)
{
    const struct result_format *format = name ? NULL : recognised(input);
    for (size_t i = 0; name && i < result_format_count; i++)
        if (strcmp(result_formats[i].name, name) == 0)
            format = &result_formats[i];
    *ret_format = format;
    if (format)
        return 0;
    if (name)
        err_set(err, ERR_USAGE, "could not read results as '%s': toll knows no such format", name);
    else
        err_set(err, ERR_INPUT, "could not read results '%s': it is in no format that toll knows",
                input->text.name);
    err_hint(err, "recordings, and --from %s", compare_format_names);
    return name ? -ERR_USAGE : -ERR_INPUT;
}

int measured_read(const struct compare_text *text, const char *format_name,
                  const struct result_format **ret_format, struct measured *ret_measured, struct err *err)
{
    struct result_input input;
    struct json_value *json;
    struct measured measured = {0};
    const struct result_format *format = NULL;
    int status = input_make(text, &input, &json, err);

    if (!status)
        status = format_choose(&input, format_name, &format, err);
    if (!status && format) {
        status = format->read(&input, &measured, err);
        if (!status && !measured.series.count)
            status = err_set(err, ERR_INPUT, "it holds no results");
        if (status)
            (void)err_wrap(err, "could not read %s results '%s'", format->name, text->name);
    }
    json_free(json);
    if (status) {
        measured_free(&measured);
        return status;
    }
    *ret_format = format;
    *ret_measured = measured;
    return 0;
}
