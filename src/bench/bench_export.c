/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_export.h"

#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/json_writer.h"

#define SECOND_NS 1e9

static double mean_s(const struct bench_arm *arm, enum bench_metric metric)
{
    return arm->summaries[metric].description.mean / SECOND_NS;
}

void bench_hyperfine_json(const struct bench_result *result, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_open(&json, "results", '[');
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct description *wall = &arm->summaries[BENCH_WALL].description;
        json_open(&json, NULL, '{');
        json_text(&json, "command", arm->command);
        json_number(&json, "mean", wall->mean / SECOND_NS);
        if (wall->count > 1)
            json_number(&json, "stddev", wall->deviation / SECOND_NS);
        else
            json_nothing(&json, "stddev");
        json_number(&json, "median", wall->median / SECOND_NS);
        json_number(&json, "user", mean_s(arm, BENCH_USER));
        json_number(&json, "system", mean_s(arm, BENCH_SYSTEM));
        json_number(&json, "min", wall->min / SECOND_NS);
        json_number(&json, "max", wall->max / SECOND_NS);
        json_open(&json, "times", '[');
        for (size_t run = 0; run < arm->runs.count; run++)
            json_number(&json, NULL, (double)arm->runs.items[run].wall_ns / SECOND_NS);
        json_close(&json, ']');
        json_open(&json, "memory_usage_byte", '[');
        for (size_t run = 0; run < arm->runs.count; run++)
            json_u64(&json, NULL, arm->runs.items[run].memory_bytes_max);
        json_close(&json, ']');
        json_open(&json, "exit_codes", '[');
        for (size_t run = 0; run < arm->runs.count; run++)
            json_u64(&json, NULL, (uint64_t)arm->runs.items[run].exit_status);
        json_close(&json, ']');
        if (arm->parameter_count)
            json_open(&json, "parameters", '{');
        for (size_t at = 0; at < arm->parameter_count; at++)
            json_text(&json, arm->parameters[at].name, arm->parameters[at].value);
        if (arm->parameter_count)
            json_close(&json, '}');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}

/* RFC 4180: quoted where it holds a comma, a quote or the end of a line. */
static void cell(struct str *text, const char *value)
{
    if (!value[strcspn(value, ",\"\r\n")]) {
        str_append(text, value);
        return;
    }
    str_append(text, "\"");
    for (; *value; value++)
        str_printf(text, "%s%c", *value == '"' ? "\"" : "", *value);
    str_append(text, "\"");
}

void bench_csv(const struct bench_result *result, struct str *text)
{
    const struct bench_arm *first = &result->arms.items[0];
    str_append(text, "command,mean,stddev,median,user,system,min,max");
    for (size_t at = 0; at < first->parameter_count; at++) {
        str_append(text, ",parameter_");
        cell(text, first->parameters[at].name);
    }
    str_append(text, "\n");
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct description *wall = &arm->summaries[BENCH_WALL].description;
        cell(text, arm->command);
        str_printf(text, ",%.12g,%.12g,%.12g,%.12g,%.12g,%.12g,%.12g", wall->mean / SECOND_NS,
                   wall->deviation / SECOND_NS, wall->median / SECOND_NS, mean_s(arm, BENCH_USER),
                   mean_s(arm, BENCH_SYSTEM), wall->min / SECOND_NS, wall->max / SECOND_NS);
        for (size_t at = 0; at < arm->parameter_count; at++) {
            str_append(text, ",");
            cell(text, arm->parameters[at].value);
        }
        str_append(text, "\n");
    }
}

/* How a table's rows are put together. The code of a command is between `open` and `close`. */
struct table_form {
    const char *before, *after; /* of the whole table */
    const char *head_after;     /* behind the row of names */
    const char *row, *row_end;
    const char *cell, *cell_end; /* of the second cell on */
    const char *gap;             /* between the row's start and its first cell */
    void (*code)(struct str *text, const char *command);
};

static void markdown_code(struct str *text, const char *command)
{
    escape_markdown_code(text, command, true);
}

/* AsciiDoc: a bar would begin the next cell. */
static void asciidoc_code(struct str *text, const char *command)
{
    struct str plain = {0};
    escape_plain(&plain, command);
    str_append(text, "`");
    for (const char *at = str_text(&plain); *at; at++)
        str_printf(text, "%s%c", *at == '|' ? "\\" : "", *at);
    str_append(text, "`");
    str_free(&plain);
}

/* Org: nothing is escaped within verbatim text, so a command with a bar is not verbatim. */
static void org_code(struct str *text, const char *command)
{
    struct str plain = {0};
    const char *mark = strchr(command, '|') ? "" : "=";
    escape_plain(&plain, command);
    str_append(text, mark);
    for (const char *at = str_text(&plain); *at; at++) {
        if (*at == '|')
            str_append(text, "\\vert{}");
        else
            str_append_bytes(text, at, 1);
    }
    str_append(text, mark);
    str_free(&plain);
}

/* A row: its first cell is open, behind it come these. */
static void cells(const struct table_form *form, const char *const *texts, size_t count, struct str *text)
{
    str_append(text, form->cell_end);
    for (size_t i = 0; i < count; i++)
        str_printf(text, "%s%s%s", form->cell, texts[i], form->cell_end);
    str_append(text, form->row_end);
}

#define CELL_MAX 96

/* hyperfine's columns; the last one is toll's interval instead of a propagated deviation. */
static void table(const struct bench_result *result, const struct table_form *form, struct str *text)
{
    bool in_seconds = result->arms.items[0].summaries[BENCH_WALL].description.mean >= SECOND_NS;
    double scale = in_seconds ? SECOND_NS : 1e6;
    const char *const in_s[] = {"Mean [s]", "Min [s]", "Max [s]", "Relative"}, *const in_ms[] = {
                                                                                   "Mean [ms]", "Min [ms]",
                                                                                   "Max [ms]", "Relative"};
    str_printf(text, "%s%sCommand", form->before, form->row);
    cells(form, in_seconds ? in_s : in_ms, 4, text);
    str_append(text, form->head_after);
    for (size_t i = 0; i < bench_arm_count(result); i++) {
        const struct bench_arm *arm = &result->arms.items[i];
        const struct description *wall = &arm->summaries[BENCH_WALL].description;
        const struct bench_comparison *comparison = bench_comparison_of(result, i, BENCH_WALL);
        char mean[CELL_MAX], min[CELL_MAX], max[CELL_MAX], relative[CELL_MAX] = "1.00";
        snprintf(mean, sizeof mean, "%.1f ± %.1f", wall->mean / scale, wall->deviation / scale);
        snprintf(min, sizeof min, "%.1f", wall->min / scale);
        snprintf(max, sizeof max, "%.1f", wall->max / scale);
        if (comparison)
            snprintf(relative, sizeof relative, "%.3f (%.3f to %.3f)", comparison->ratio,
                     comparison->ratio_low, comparison->ratio_high);
        str_printf(text, "%s%s", i ? form->gap : "", form->row);
        form->code(text, arm->command);
        cells(form, (const char *const[]){mean, min, max, relative}, 4, text);
    }
    str_append(text, form->after);
}

void bench_markdown(const struct bench_result *result, struct str *text)
{
    table(result,
          &(struct table_form){.before = "",
                               .after = "",
                               .head_after = "|:---|---:|---:|---:|---:|\n",
                               .row = "| ",
                               .row_end = "|\n",
                               .cell = "| ",
                               .cell_end = " ",
                               .gap = "",
                               .code = markdown_code},
          text);
}

void bench_asciidoc(const struct bench_result *result, struct str *text)
{
    table(result,
          &(struct table_form){.before = "[cols=\"<,>,>,>,>\"]\n|===\n",
                               .after = "|===\n",
                               .head_after = "\n",
                               .row = "| ",
                               .row_end = "",
                               .cell = "| ",
                               .cell_end = " \n",
                               .gap = "\n",
                               .code = asciidoc_code},
          text);
}

void bench_orgmode(const struct bench_result *result, struct str *text)
{
    table(result,
          &(struct table_form){.before = "",
                               .after = "",
                               .head_after = "|--+--+--+--+--|\n",
                               .row = "| ",
                               .row_end = "\n",
                               .cell = "  ",
                               .cell_end = " |",
                               .gap = "",
                               .code = org_code},
          text);
}

bench_exporter *bench_exporter_find(const char *name)
{
    static const struct {
        const char *name;
        bench_exporter *exporter;
    } exporters[] = {{"hyperfine-json", bench_hyperfine_json},
                     {"csv", bench_csv},
                     {"markdown", bench_markdown},
                     {"asciidoc", bench_asciidoc},
                     {"orgmode", bench_orgmode},
                     {"html", bench_html}};
    for (size_t i = 0; i < sizeof exporters / sizeof exporters[0]; i++)
        if (strcmp(exporters[i].name, name) == 0)
            return exporters[i].exporter;
    return NULL;
}
