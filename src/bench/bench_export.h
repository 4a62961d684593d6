/* SPDX-License-Identifier: Apache-2.0 */
/* bench_export: a benchmark's result for a person, for programs, and as other runners write it. */
#ifndef TOLL_BENCH_BENCH_EXPORT_H
#define TOLL_BENCH_BENCH_EXPORT_H

#include "base/str.h"
#include "bench/bench.h"
#include "report/json_writer.h"

struct bench_look {
    unsigned width; /* columns */
    bool colour;
    bool ascii;
    const char *const
        *recordings; /* a path for each arm, NULL where there is none; NULL: no arm was recorded */
};

/* What a person reads in five seconds. */
void bench_text(const struct bench_result *result, const struct bench_look *look, struct str *text);

/* Everything, schema toll.bench/1; docs/bench.md has the fields. */
void bench_json(const struct bench_result *result, const struct bench_look *look, struct str *text);

/* Parts of it for an object of another schema: a comparison with its other metrics, and how it was measured, control and arms. */
void bench_json_comparison(struct json_writer *json, const char *key, const struct bench_result *result,
                           const struct bench_comparison *comparison);
void bench_json_measurement(struct json_writer *json, const struct bench_result *result);

/* As hyperfine 1.15 and later write them, byte for byte in their keys and units (seconds). */
void bench_hyperfine_json(const struct bench_result *result, struct str *text);
void bench_csv(const struct bench_result *result, struct str *text);
void bench_markdown(const struct bench_result *result, struct str *text);
void bench_asciidoc(const struct bench_result *result, struct str *text);
void bench_orgmode(const struct bench_result *result, struct str *text);

/* One page that fetches nothing: the table, every run as a dot, the intervals of the ratios. */
void bench_html(const struct bench_result *result, struct str *text);

/* The start of such a page up to its first heading, dark and light, for other results that look alike; `more_style` is CSS. */
void bench_page_open(const char *verb, const char *subject, const char *more_style, struct str *text);

/* The format of a name: hyperfine-json, csv, markdown, asciidoc, orgmode, html. NULL when there is none. */
typedef void bench_exporter(const struct bench_result *result, struct str *text);
bench_exporter *bench_exporter_find(const char *name);
#define BENCH_EXPORTS "hyperfine-json csv markdown asciidoc orgmode html"

#endif
