/* SPDX-License-Identifier: Apache-2.0 */
/* compare_html: one page that fetches nothing: the headline, what changed, all tables, the flame graph of both sides. */
#include <math.h>
#include <string.h>

#include "compare/compare_words.h"
#include "compare/judged_difference.h"
#include "report/escape.h"
#include "report/report_assets.h"

#define ROWS_MAX 200u /* of one table */

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1d2329;--dim:#57606a;--line:#e3e1dc;--page:#fbfaf8;--card:#fff;--slow:#b3261e;"
    "--fast:#1c7a4a}\n"
    "@media "
    "(prefers-color-scheme:dark){:root{--ink:#e8eaed;--dim:#aeb6bf;--line:#30363d;--page:#14171b;--card:#"
    "1c2026;"
    "--slow:#f0857b;--fast:#5cc28d}}\n"
    "body{font:15px/1.5 system-ui,\"Noto Sans\",\"DejaVu Sans\",sans-serif;max-width:76rem;margin:2rem "
    "auto;padding:0 1.2rem;"
    "color:var(--ink);background:var(--page)}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:.4rem 0 "
    "1.2rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2rem 0 "
    ".6rem}\n"
    ".brand{font-weight:700}.note{color:var(--dim);max-width:60em}.scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid "
    "var(--line)}td,th{padding:.35rem "
    ".7rem;text-align:right;border-bottom:1px solid "
    "var(--line);vertical-align:top;white-space:nowrap}td:first-child,th:first-child{text-align:"
    "left;overflow-wrap:anywhere;white-space:normal;min-width:13rem}td:last-child,th:last-child{text-align:"
    "left}th{color:var("
    "--dim);font-weight:"
    "500}\n"
    "code{font:13px "
    "ui-monospace,monospace;overflow-wrap:anywhere}.fg-still{width:100%;height:auto;display:block}\n"
    ".slower{color:var(--slow);font-weight:600}.faster{color:var(--fast);font-weight:600}.none{color:var(--"
    "dim)}\n";

static void head(const struct comparison *comparison, struct str *text)
{
    struct str sentence = {0};
    words_headline_sentence(comparison, &sentence);
    str_printf(
        text,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; script-src 'sha256-%s'; "
        "base-uri 'none'; form-action 'none'\">\n<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<title>toll compare</title>\n<style>\n",
        flame_js_hash);
    str_append(text, tokens_css);
    str_append(text, style);
    str_append(text, "</style>\n</head>\n<body>\n<p class=\"brand\">toll compare</p>\n<h1>");
    escape_markup(text, str_text(&sentence));
    str_append(text, "</h1>\n");
    for (int i = 0; i < 2; i++) {
        const struct compare_side *side = &comparison->sides[i];
        if (!side->file_count && !side->title[0])
            continue;
        str_printf(text, "<p><b>%c</b> <code>", "AB"[i]);
        escape_markup(text, side->title);
        str_append(text, "</code> <span class=\"note\">");
        for (size_t j = 0; j < side->file_count; j++) {
            str_append(text, j ? ", " : "");
            escape_markup(text, side->files[j]);
        }
        str_append(text, "</span></p>\n");
    }
    str_free(&sentence);
}

static void cell(struct str *text, const char *value)
{
    str_append(text, "<td>");
    escape_markup(text, value);
    str_append(text, "</td>");
}

static void table_row(const struct difference *difference, bool has_metric, struct str *text)
{
    struct str name = {0};
    words_place(difference, &name);
    bool is_claim = difference_is_claim(difference);
    cell(text, str_text(&name));
    if (has_metric)
        cell(text, words_metric(difference->metric).text);
    cell(text, words_value(difference, difference->a).text);
    cell(text, words_value(difference, difference->b).text);
    cell(text, words_delta(difference).text);
    cell(text, words_ratio(difference).text);
    str_printf(text, "<td class=\"%s\">",
               !is_claim                              ? "none"
               : difference->verdict == EFFECT_SLOWER ? "slower"
                                                      : "faster");
    if (difference->kind != COMPARE_USAGE)
        str_append(text, words_verdict(difference));
    else
        str_append(text, fabs(difference->log_ratio.value) > 0 ? "other work" : "the same work");
    str_append(text, "</td></tr>\n");
    str_free(&name);
}

static void table_head(const char *title, bool has_metric, struct str *text)
{
    str_printf(
        text,
        "<h2>%s</h2>\n<div class=\"scroll\"><table><tr><th></th>%s<th>A</th><th>B</th><th>change</th><th>B / "
        "A</th><th></th></tr>\n",
        title, has_metric ? "<th></th>" : "");
}

static void changed(const struct comparison *comparison, struct str *text)
{
    struct claims claims;
    if (claims_find(comparison, &claims)) {
        text->failed = true;
        return;
    }
    if (!claims.items.count)
        str_append(text, "<h2>What changed</h2>\n<p>Nothing changed beyond noise.</p>\n");
    else
        table_head("What changed most", true, text);
    for (size_t i = 0; i < claims.items.count && i < ROWS_MAX; i++) {
        str_append(text, "<tr>");
        table_row(claims.items.items[i], true, text);
    }
    if (claims.items.count)
        str_append(text, "</table></div>\n");
    vec_free(&claims.items);
}

static void of_kind(const struct comparison *comparison, enum compare_kind kind, const char *title,
                    struct str *text)
{
    size_t count = 0, small = 0;
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference->kind != kind)
            continue;
        if (difference->denial == COMPARE_DENIED_BY_SIZE || count == ROWS_MAX) {
            small++;
            continue;
        }
        if (!count++)
            table_head(title, true, text);
        str_append(text, "<tr>");
        table_row(difference, true, text);
    }
    if (count)
        str_append(text, "</table></div>\n");
    if (count && small)
        str_printf(text, "<p class=\"note\">%zu more are too small to matter.</p>\n", small);
}

static void trust(const struct comparison *comparison, struct str *text)
{
    struct str sentences = {0};
    words_trust(comparison, &sentences);
    str_append(text, "<h2>Trust</h2>\n<p class=\"note\">");
    escape_markup(text, str_text(&sentences));
    str_append(text, "</p>\n</body>\n</html>\n");
    str_free(&sentences);
}

int compare_html_write(const struct comparison *comparison, struct str *text, struct err *err)
{
    int status = 0;
    head(comparison, text);
    if (comparison->is_recordings) {
        changed(comparison, text);
        if (!comparison->is_agents) {
            str_append(text, "<h2>Where CPU time changed</h2>\n");
            status = compare_flame_figure(comparison, text, err);
        }
        of_kind(comparison, COMPARE_RUN, comparison->is_rate ? "For each second" : "The run", text);
        of_kind(comparison, COMPARE_STAGE, comparison->is_agents ? "Tasks" : "Stages", text);
        of_kind(comparison, COMPARE_FUNCTION, "Functions", text);
        of_kind(comparison, COMPARE_WAIT, "Waits", text);
        if (!comparison->is_agents)
            of_kind(comparison, COMPARE_USAGE, "Work done", text);
    } else {
        of_kind(comparison, COMPARE_RESULT, "All metrics", text);
    }
    trust(comparison, text);
    if (!status && text->failed)
        status = err_memory(err);
    return status;
}
