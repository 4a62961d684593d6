/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "gate/gate_export.h"
#include "gate/gate_phrases.h"
#include "report/escape.h"
#include "report/units.h"

#define BOLD   "\x1b[1m"
#define DIM    "\x1b[2m"
#define GREEN  "\x1b[32m"
#define RED    "\x1b[31m"
#define YELLOW "\x1b[33m"
#define PLAIN  "\x1b[0m"

struct page {
    const struct gate_result *result;
    const struct gate_look *look;
    struct str *text;
    int values, ratios; /* widths of the columns */
};

static const char *paint(const struct page *page, const char *colour)
{
    return page->look->colour ? colour : "";
}

static const char *colour_of(enum gate_verdict verdict)
{
    return verdict == GATE_PASS ? GREEN : verdict == GATE_FAIL ? RED : YELLOW;
}

static const char *arrow(const struct page *page)
{
    return page->look->ascii ? "->" : "→";
}

static void widths_fill(struct page *page)
{
    for (size_t i = 0; i < page->result->config->checks.count; i++) {
        struct str values = {0}, ratio = {0};
        if (!page->result->was_judged[i])
            continue;
        gate_values_text(&values, &page->result->config->checks.items[i], &page->result->checks[i].outcome,
                         arrow(page));
        gate_ratio_text(&ratio, &page->result->checks[i].outcome);
        int value_columns = (int)escape_columns(str_text(&values)), ratio_columns = (int)ratio.length;
        page->values = value_columns > page->values ? value_columns : page->values;
        page->ratios = ratio_columns > page->ratios ? ratio_columns : page->ratios;
        str_free(&values);
        str_free(&ratio);
    }
}

static void check_row(struct page *page, size_t index)
{
    const struct gate_check *check = &page->result->config->checks.items[index];
    const struct gate_outcome *outcome = &page->result->checks[index].outcome;
    struct str values = {0}, ratio = {0};
    gate_values_text(&values, check, outcome, arrow(page));
    gate_ratio_text(&ratio, outcome);
    int columns = (int)escape_columns(str_text(&values));
    str_printf(page->text, "  %s%-6s%s%-8s%s%*s", paint(page, colour_of(outcome->verdict)),
               gate_mark(outcome->verdict), paint(page, PLAIN), gate_metric_about(check->metric)->key,
               str_text(&values), page->values - columns + 2, "");
    if (page->ratios)
        str_printf(page->text, "%-*s  ", page->ratios, str_text(&ratio));
    str_printf(page->text, "%s%s%s\n", paint(page, DIM), gate_limit_text(check).text, paint(page, PLAIN));
    str_free(&values);
    str_free(&ratio);
}

static void gate_rows(struct page *page, size_t index)
{
    const struct gate_result *result = page->result;
    const struct gate *gate = &result->config->gates.items[index];
    bool is_named = false;
    for (size_t i = 0; i < result->config->checks.count; i++) {
        if (!result->was_judged[i] || result->config->checks.items[i].gate != index)
            continue;
        if (!is_named) {
            str_append(page->text, paint(page, BOLD));
            escape_plain(page->text, gate->name);
            str_printf(page->text, "%s  %s", paint(page, PLAIN), paint(page, DIM));
            size_t used = escape_columns(gate->name) + 2;
            escape_plain_cut(page->text, gate->command ? gate->command : "files",
                             page->look->width > used + 20 ? page->look->width - used : 20,
                             page->look->ascii);
            str_printf(page->text, "%s\n", paint(page, PLAIN));
            is_named = true;
        }
        check_row(page, i);
    }
}

/* What did not pass, in words. */
static void sentences(struct page *page)
{
    const struct gate_result *result = page->result;
    for (size_t i = 0; i < result->config->checks.count; i++) {
        const struct gate_check *check = &result->config->checks.items[i];
        enum gate_verdict verdict = result->checks[i].outcome.verdict;
        struct str sentence = {0};
        if (!result->was_judged[i] || verdict == GATE_PASS)
            continue;
        gate_sentence(&sentence, result, i);
        str_printf(page->text, "%s%s%s ", paint(page, colour_of(verdict)),
                   verdict == GATE_FAIL    ? "Failed:"
                   : verdict == GATE_NOISY ? "Too noisy:"
                                           : "Inconclusive:",
                   paint(page, PLAIN));
        escape_plain(page->text, result->config->gates.items[check->gate].name);
        str_printf(page->text, ", %s.\n", str_text(&sentence));
        str_free(&sentence);
    }
}

static void trust(struct page *page)
{
    const struct gate_result *result = page->result;
    double outside = 0, steal = 0;
    size_t rounds = 0;
    unsigned cpus = 0;
    for (size_t i = 0; i < result->config->gates.count; i++) {
        const struct gate_measured *measured = &result->gates[i];
        rounds += measured->rounds + measured->rounds_again;
        outside = measured->conditions.outside_cores > outside ? measured->conditions.outside_cores : outside;
        steal = measured->conditions.steal_ratio > steal ? measured->conditions.steal_ratio : steal;
        cpus = measured->conditions.cpu_count > cpus ? measured->conditions.cpu_count : cpus;
    }
    if (result->baseline_text) {
        str_append(page->text, "against ");
        escape_plain(page->text, result->baseline_text);
        str_append(page->text, ", ");
    }
    if (rounds)
        str_printf(page->text, "%zu rounds, ", rounds);
    if (cpus)
        str_printf(page->text, "others kept %.1f of %u CPUs busy, ", outside, cpus);
    if (steal >= 0.001)
        str_printf(page->text, "steal %s, ", amount_percent((double)(int)(steal * 1000) / 1000).text);
    str_printf(page->text, "%s\n", unit_duration(result->duration_ns).text);
}

void gate_text(const struct gate_result *result, const struct gate_look *look, struct str *text)
{
    struct page page = {.result = result, .look = look, .text = text};
    struct str summary = {0};
    widths_fill(&page);
    for (size_t i = 0; i < result->config->gates.count; i++)
        gate_rows(&page, i);
    str_append(text, "\n");
    sentences(&page);
    gate_summary(&summary, result);
    str_printf(text, "%s%s%s: ", paint(&page, colour_of(result->verdict)), str_text(&summary),
               paint(&page, PLAIN));
    trust(&page);
    str_free(&summary);
}
