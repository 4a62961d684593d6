/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_hdr: HdrHistogram's logs and its percentile text.
 *
 * A log (hdr_log.h) has one histogram for each interval of one session. Each interval's quantiles are values in time
 * order, so one session says something about how it varied; with intervals too few or too thin, the session as a whole is
 * one number. A percentile text ("Value Percentile TotalCount 1/(1-Percentile)") is one session.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/hdr_log.h"
#include "compare/measured.h"

#define LINE_MAX_BYTES 512
/* A quantile of fewer values than this beyond it is hardly one. */
#define BEYOND_MIN 10.0

static const struct {
    double quantile;
    const char *metric;
} quantiles[] = {{0.5, "value_p50"}, {0.9, "value_p90"}, {0.99, "value_p99"}};
#define QUANTILE_COUNT (sizeof quantiles / sizeof quantiles[0])

bool hdr_log_recognise(const struct result_input *input)
{
    return !input->json && (text_find(&input->text, "Histogram log format version") ||
                            text_find(&input->text, "\"StartTimestamp\""));
}

struct hdr_reading {
    struct measured *measured;
    struct hdr_counts all; /* of the session */
    bool has_intervals;    /* add each interval's quantiles */
    bool is_thin[QUANTILE_COUNT];
    size_t interval_count;
};

static int thin_look(void *context, const struct hdr_interval *interval, struct err *err)
{
    struct hdr_reading *reading = context;
    if (!interval->counts.total)
        return 0;
    reading->interval_count++;
    for (size_t i = 0; i < QUANTILE_COUNT; i++)
        if ((double)interval->counts.total * (1 - quantiles[i].quantile) < BEYOND_MIN)
            reading->is_thin[i] = true;
    return hdr_counts_add(&reading->all, &interval->counts, err);
}

static int interval_add(void *context, const struct hdr_interval *interval, struct err *err)
{
    struct hdr_reading *reading = context;
    int status = 0;
    for (size_t i = 0; !status && interval->counts.total && i < QUANTILE_COUNT; i++) {
        struct series_kind kind = {.name = "", .metric = quantiles[i].metric, .unit = "count"};
        if (!reading->is_thin[i])
            status = measured_add(reading->measured, &kind,
                                  hdr_counts_quantile(&interval->counts, quantiles[i].quantile), err);
    }
    return status;
}

/* The unit is not in the log: what is recorded is up to who recorded it. */
int hdr_log_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    struct hdr_reading reading = {.measured = measured};
    int status = hdr_log_each(&input->text, thin_look, &reading, err);
    if (!status && reading.interval_count)
        status = hdr_log_each(&input->text, interval_add, &reading, err);
    for (size_t i = 0; !status && reading.all.total && i < QUANTILE_COUNT; i++) {
        struct series_kind kind = {
            .name = "", .metric = quantiles[i].metric, .unit = "count", .is_summary = true};
        if (reading.is_thin[i])
            status =
                measured_add(measured, &kind, hdr_counts_quantile(&reading.all, quantiles[i].quantile), err);
    }
    hdr_counts_free(&reading.all);
    return status;
}

/* --- percentile text --- */

bool hgrm_recognise(const struct result_input *input)
{
    return !input->json && text_find(&input->text, "Percentile") && text_find(&input->text, "TotalCount") &&
           !wrk_recognise(input);
}

static int hgrm_add(struct measured *measured, const char *metric, double value, struct err *err)
{
    struct series_kind kind = {.name = "", .metric = metric, .unit = "count", .is_summary = true};
    return measured_add(measured, &kind, value, err);
}

/* Rows rise in both columns: the first row at or past a quantile has its value. */
int hgrm_read(const struct result_input *input, struct measured *measured, struct err *err)
{
    struct text_line line = {0};
    char copy[LINE_MAX_BYTES];
    size_t wanted = 0, row_count = 0;
    double previous = 0;
    int status = 0;
    while (!status && text_next(&input->text, &line)) {
        double value, quantile, count;
        text_copy(&line, copy, sizeof copy);
        char *end, *at = copy;
        value = strtod(at, &end);
        if (end == at)
            continue;
        at = end;
        quantile = strtod(at, &end);
        if (end == at)
            return err_set(err, ERR_INPUT, "line %zu has no percentile", line.number);
        count = strtod(end, NULL);
        if (!(quantile >= previous && quantile <= 1) || !(count >= 0))
            return err_set(err, ERR_INPUT, "line %zu: percentile %g after %g", line.number, quantile,
                           previous);
        previous = quantile;
        row_count++;
        for (; !status && wanted < QUANTILE_COUNT && quantile >= quantiles[wanted].quantile; wanted++)
            status = hgrm_add(measured, quantiles[wanted].metric, value, err);
    }
    if (!status && !row_count)
        return err_set(err, ERR_INPUT, "it has no rows");
    return status;
}
