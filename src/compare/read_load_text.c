/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_load_text: what wrk, wrk2 and `vegeta report` print. One session is one number each: how sessions vary it does not say.
 *
 * wrk 4 (src/wrk.c, print_stats…): times as 1.99ms, rates as 17.25MB in powers of 1024. --latency adds the quantiles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/measured.h"

#define LINE_MAX_BYTES 1024
#define COLUMNS_MAX    16

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

static int add_summary(struct measured *measured, const char *metric, const char *unit, double value,
                       struct err *err)
{
    struct series_kind kind = {.name = "",
                               .metric = metric,
                               .unit = unit,
                               .higher_is_better = str_ends(unit, "per_s"),
                               .is_summary = true};
    return measured_add(measured, &kind, value, err);
}

/* --- wrk --- */

bool wrk_recognise(const struct result_input *input)
{
    return !input->json && text_find(&input->text, "Requests/sec:") &&
           text_find(&input->text, "Thread Stats");
}

static int wrk_quantile(const char *at, struct measured *measured, struct err *err)
{
    static const struct {
        const char *label, *metric;
    } quantiles[] = {{"50", "latency_ns_p50"}, {"90", "latency_ns_p90"}, {"99", "latency_ns_p99"}};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        size_t length = strlen(quantiles[i].label);
        if (strncmp(at, quantiles[i].label, length) != 0)
            continue;
        /* wrk2 prints 50.000% */
        const char *end = at + length + strspn(at + length, ".0");
        double ns;
        /* wrk2 --u_latency lists what it measured without the delay of late starts as well, below the real ones. */
        if (*end == '%' && !measured_find(measured, "", quantiles[i].metric) &&
            text_duration(skip_blanks(end + 1), &ns))
            return add_summary(measured, quantiles[i].metric, "ns", ns, err);
    }
    return 0;
}

static int wrk_count_note(const char *line, struct measured *measured, struct err *err)
{
    if (strstr(line, "Socket errors: "))
        return measured_note(measured, "Sessions had socket errors.", err);
    if (!strstr(line, "Non-2xx or 3xx responses: "))
        return 0;
    return measured_note(measured, "Sessions had responses that were neither 2xx nor 3xx.", err);
}

static int wrk_line(const char *line, struct measured *measured, double *mean_ns, struct err *err)
{
    const char *at = skip_blanks(line);
    if (str_starts(at, "Latency ") && *mean_ns < 0) {
        (void)text_duration(skip_blanks(at + 8), mean_ns);
        return 0;
    }
    return *at >= '0' && *at <= '9' ? wrk_quantile(at, measured, err) : wrk_count_note(at, measured, err);
}

/* It stands last and is told first. */
static int wrk_rate(const struct compare_text *text, struct measured *measured, struct err *err)
{
    struct text_line line = {0};
    char copy[LINE_MAX_BYTES];
    while (text_next(text, &line)) {
        char *end;
        text_copy(&line, copy, sizeof copy);
        if (!str_starts(copy, "Requests/sec:"))
            continue;
        double rate = strtod(copy + 13, &end);
        if (end == copy + 13)
            return err_set(err, ERR_INPUT, "line %zu has no number", line.number);
        return add_summary(measured, "requests_per_s", "per_s", rate, err);
    }
    return err_set(err, ERR_INPUT, "it has no line 'Requests/sec:'");
}

int wrk_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    struct text_line line = {0};
    char copy[LINE_MAX_BYTES];
    double mean_ns = -1;
    int status = wrk_rate(&input->text, measured, err);
    while (!status && text_next(&input->text, &line)) {
        text_copy(&line, copy, sizeof copy);
        status = wrk_line(copy, measured, &mean_ns, err);
    }
    if (!status && mean_ns >= 0 && !measured_find(measured, "", "latency_ns_p50"))
        status = add_summary(measured, "latency_ns_mean", "ns", mean_ns, err);
    return status;
}

/* --- vegeta's text: `Latencies  [min, mean, 50, 90, 95, 99, max]  1ms, 2ms, …` --- */

struct vegeta_columns {
    char *labels[COLUMNS_MAX], *values[COLUMNS_MAX];
    size_t count;
};

static size_t split_list(char *list, char **parts)
{
    char *save = NULL;
    size_t count = 0;
    for (char *part = strtok_r(list, ", ", &save); part && count < COLUMNS_MAX;
         part = strtok_r(NULL, ", ", &save))
        parts[count++] = part;
    return count;
}

/* Cuts up the line; no columns when it has another form. */
static void columns_read(char *line, struct vegeta_columns *columns)
{
    char *open = strchr(line, '['), *close = open ? strchr(open, ']') : NULL;
    columns->count = 0;
    if (!close)
        return;
    *close = '\0';
    size_t labels = split_list(open + 1, columns->labels), values = split_list(close + 1, columns->values);
    columns->count = labels < values ? labels : values;
}

static int vegeta_latency(const struct vegeta_columns *columns, size_t number, struct measured *measured,
                          struct err *err)
{
    static const struct {
        const char *label, *metric;
    } wanted[] = {{"50", "latency_ns_p50"}, {"95", "latency_ns_p95"}, {"99", "latency_ns_p99"}};
    for (size_t i = 0; i < columns->count; i++)
        for (size_t j = 0; j < sizeof wanted / sizeof wanted[0]; j++) {
            double ns;
            if (strcmp(columns->labels[i], wanted[j].label) != 0)
                continue;
            if (!text_duration(columns->values[i], &ns))
                return err_set(err, ERR_INPUT, "line %zu: '%.40s' is no duration", number,
                               columns->values[i]);
            int status = add_summary(measured, wanted[j].metric, "ns", ns, err);
            if (status)
                return status;
        }
    return 0;
}

static int vegeta_rates(const struct vegeta_columns *columns, size_t number, struct measured *measured,
                        struct err *err)
{
    for (size_t i = 0; i < columns->count; i++) {
        char *end;
        if (strcmp(columns->labels[i], "throughput") != 0 && strcmp(columns->labels[i], "rate") != 0)
            continue;
        double rate = strtod(columns->values[i], &end);
        if (end == columns->values[i])
            return err_set(err, ERR_INPUT, "line %zu: '%.40s' is no number", number, columns->values[i]);
        const char *metric = columns->labels[i][0] == 't' ? "throughput_per_s" : "requests_per_s";
        int status = add_summary(measured, metric, "per_s", rate, err);
        if (status)
            return status;
    }
    return 0;
}

int vegeta_text_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    struct text_line line = {0};
    char copy[LINE_MAX_BYTES];
    int status = 0;
    while (!status && text_next(&input->text, &line)) {
        struct vegeta_columns columns;
        text_copy(&line, copy, sizeof copy);
        bool is_latency = str_starts(copy, "Latencies"), is_rate = str_starts(copy, "Requests "),
             is_success = str_starts(copy, "Success");
        columns_read(copy, &columns);
        if (is_latency)
            status = vegeta_latency(&columns, line.number, measured, err);
        else if (is_rate)
            status = vegeta_rates(&columns, line.number, measured, err);
        else if (is_success && columns.count && strtod(columns.values[0], NULL) < 100)
            status = measured_note(measured, "Sessions had requests that failed.", err);
    }
    return status;
}
