/* SPDX-License-Identifier: Apache-2.0 */
/* master_sections: what lies below the first screen of the page. */
#include <string.h>

#include "master/master_page.h"
#include "master/master_words.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/units.h"

#define FINDINGS_MAX 50
#define TOP_COUNT    3

static void write_rows(struct str *str, const char *const *rows, size_t count)
{
    if (!count)
        return;
    str_append(str, " <small class=\"rows\">");
    for (size_t i = 0; i < count; i++) {
        str_append(str, i ? ", " : "");
        page_text(str, rows[i]);
    }
    str_append(str, "</small>");
}

static void write_votes(struct str *str, const struct conclusion *conclusion)
{
    for (size_t i = 0; i < conclusion->vote_count; i++) {
        const struct vote *vote = conclusion->votes[i];
        struct str text = {0};
        if (vote->stance == STANCE_NEUTRAL || word_vote_is_told(conclusion, i))
            continue;
        str_printf(&text, "%s %s%s%s", vote->investigator ? vote->investigator : "someone",
                   vote->stance == STANCE_SUPPORT ? "supports" : "contradicts", vote->why ? ": " : "",
                   vote->why ? vote->why : "");
        str_append(str, "<li>");
        page_text(str, str_text(&text));
        write_rows(str, vote->rows, vote->row_count);
        str_append(str, "</li>");
        str_free(&text);
    }
}

static void write_reasons(struct str *str, const struct conclusion *conclusion, bool is_open)
{
    const struct finding *finding = &conclusion->claim.finding;

    if (!finding->evidence_count && !finding->rationale && !conclusion->claim.row_count &&
        !conclusion->vote_count)
        return;
    str_printf(str, "<details%s><summary>Why</summary><ul>", is_open ? " open=\"\"" : "");
    for (size_t i = 0; i < finding->evidence_count; i++)
        page_element(str, "li", "", finding->evidence[i]);
    if (conclusion->claim.row_count) {
        str_append(str, "<li>read off the recording:");
        write_rows(str, conclusion->claim.rows, conclusion->claim.row_count);
        str_append(str, "</li>");
    }
    if (finding->rationale) {
        str_append(str, "<li>the gain: ");
        page_text(str, finding->rationale);
        str_append(str, "</li>");
    }
    write_votes(str, conclusion);
    str_append(str, "</ul></details>\n");
}

void master_page_row(struct str *str, const char *name, const char *text, bool is_code)
{
    if (!text)
        return;
    str_append(str, "<div>");
    page_element(str, "dt", "", name);
    str_append(str, "<dd>");
    if (is_code)
        page_element(str, "code", "", text);
    else
        page_text(str, text);
    str_append(str, "</dd></div>");
}

static void write_plan(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    const struct conclusion *other = digest_alternative(digest, conclusion);
    struct str text = {0};

    str_append(str, "<dl class=\"plan\">");
    master_page_row(str, "change", finding->change, true);
    master_page_row(str, "given", finding->assumption, false);
    word_agreement(&text, conclusion);
    master_page_row(str, "agreement", str_text(&text), false);
    master_page_row(str, "settled by", conclusion->settled_by, false);
    master_page_row(str, "known by", evidence_class_name(conclusion->claim.evidence_class), false);
    master_page_row(str, "effort", word_effort(finding->effort), false);
    master_page_row(str, "verify", conclusion->claim.verify, true);
    master_page_row(str, "next", word_next(conclusion), true);
    master_page_row(str, "revert", conclusion->claim.revert, false);
    if (other) {
        str_clear(&text);
        word_alternative(&text, digest, other);
        master_page_row(str, "instead", str_text(&text), false);
    }
    for (size_t i = 0; i < finding->source_count; i++)
        master_page_row(str, "source", finding->sources[i], false);
    str_append(str, "</dl>\n");
    str_free(&text);
}

/* The bars are of the time: an objective that is something else is told in words. */
static bool tells_more_than_time(const struct digest *digest, const struct conclusion *conclusion)
{
    const struct objective *objective = &digest->investigation->objective;

    return objective->metric && strcmp(objective->metric, "wall") != 0 && conclusion->objective_after > 0 &&
           !digest->verdict->service;
}

static void write_finding(struct str *str, const struct digest *digest, const struct conclusion *conclusion,
                          bool is_open)
{
    const struct finding *finding = &conclusion->claim.finding;
    struct str text = {0};

    str_printf(str, "<article class=\"finding p%d\">\n<div class=\"what\"><div class=\"badge\">%s</div><div>",
               (int)finding->priority, priority_name(finding->priority));
    word_title(&text, conclusion);
    master_page_phrase(str, "h3", "", &text);
    phrase_fix(&text, finding);
    if (text.length) {
        str_append(&text, ".");
        master_page_phrase(str, "p", " class=\"fix\"", &text);
    }
    write_plan(str, digest, conclusion);
    write_reasons(str, conclusion, is_open);
    str_append(str, "</div></div>\n<div>");
    struct finding filled = digest_finding(digest, conclusion);
    page_gain(str, digest->verdict, &filled);
    if (tells_more_than_time(digest, conclusion)) {
        word_move(&text, digest, conclusion);
        master_page_phrase(str, "p", " class=\"note\"", &text);
    }
    str_append(str, "</div></article>\n");
    str_free(&text);
}

void master_page_findings(struct str *str, const struct digest *digest)
{
    size_t count = digest->ordered.count;

    if (!count)
        return;
    str_append(str, "<section id=\"findings\"><h2>Top three</h2>\n");
    for (size_t i = 0; i < count && i < FINDINGS_MAX; i++) {
        if (i == TOP_COUNT)
            str_append(str, "</section>\n<section id=\"further\"><h2>Further findings</h2>\n");
        write_finding(str, digest, digest->ordered.items[i], i < TOP_COUNT);
    }
    if (count > FINDINGS_MAX)
        str_printf(str, "<p class=\"note\">%zu smaller findings are in report.json.</p>\n",
                   count - FINDINGS_MAX);
    str_append(str, "</section>\n");
}

static void write_statement(struct str *str, const struct statement *statement)
{
    bool is_finished = statement->outcome == STATEMENT_FINISHED;
    struct str text = {0};

    str_append(str, "<tr>");
    page_element(str, "td", "", statement->investigator ? statement->investigator : "?");
    word_result(&text, statement);
    master_page_phrase(str, "td", is_finished ? "" : " class=\"failed\"", &text);
    page_element(str, "td", " class=\"number\"", unit_duration(statement->wall_ns).text);
    page_element(str, "td", " class=\"number\"",
                 statement->rss_bytes_max ? unit_bytes(statement->rss_bytes_max).text : "");
    str_append(str, "<td class=\"notes\">");
    for (size_t i = 0; i < statement->note_count; i++)
        page_element(str, "p", "", statement->notes[i]);
    str_append(str, "</td></tr>\n");
    str_free(&text);
}

void master_page_investigators(struct str *str, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;
    struct str text = {0};

    if (!investigation->statement_count)
        return;
    str_append(str, "<section id=\"investigators\"><h2>Who looked</h2>\n");
    word_effort_spent(&text, digest);
    str_append(&text, ". Each looks alone, then says of every claim of the others whether it holds.");
    master_page_phrase(str, "p", " class=\"note\"", &text);
    str_append(
        str,
        "\n<div class=\"wide\"><table><thead><tr><th>investigator</th><th>result</th>"
        "<th class=\"number\">time</th><th class=\"number\">memory</th><th>notes</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < investigation->statement_count; i++)
        write_statement(str, &investigation->statements[i]);
    str_append(str, "</tbody></table></div></section>\n");
    str_free(&text);
}

void master_page_contradictions(struct str *str, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;
    struct str text = {0};

    if (!investigation->contradiction_count)
        return;
    str_append(str, "<section id=\"contradictions\"><h2>Contradictions</h2>\n");
    for (size_t i = 0; i < investigation->contradiction_count; i++) {
        const struct contradiction *contradiction = &investigation->contradictions[i];
        str_printf(str, "<article class=\"dispute%s\">", contradiction->is_settled ? " settled" : "");
        word_side_for(&text, contradiction);
        master_page_phrase(str, "p", "", &text);
        str_append(str, "<p>");
        word_side_against(&text, contradiction);
        page_text(str, str_text(&text));
        str_clear(&text);
        if (contradiction->vote)
            write_rows(str, contradiction->vote->rows, contradiction->vote->row_count);
        str_append(str, "</p>");
        word_settled(&text, contradiction);
        master_page_phrase(str, "p", " class=\"outcome\"", &text);
        str_append(str, "</article>\n");
    }
    str_append(str, "</section>\n");
    str_free(&text);
}

static void write_step(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    struct str text = {0};

    str_printf(str, "<tr class=\"p%d\"><td><span class=\"badge\">%s</span> %s</td>", (int)finding->priority,
               priority_name(finding->priority), word_phase(finding->priority));
    word_action(&text, conclusion);
    master_page_phrase(str, "td", "", &text);
    word_move(&text, digest, conclusion);
    master_page_phrase(str, "td", "", &text);
    page_element(str, "td", "", effort_name(finding->effort));
    page_element(str, "td", "", agreement_name(conclusion->agreement));
    str_append(str, "</tr>\n");
    str_free(&text);
}

void master_page_roadmap(struct str *str, const struct digest *digest)
{
    if (!digest->ordered.count)
        return;
    str_append(
        str,
        "<section id=\"roadmap\"><h2>Roadmap</h2>\n<p class=\"note\">Each figure is of its change alone, on "
        "the run as it was recorded; measure again after each.</p>\n<div class=\"wide\"><table><thead><tr>"
        "<th>when</th><th>what</th><th>brings</th><th>effort</th><th>agreement</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < digest->ordered.count && i < FINDINGS_MAX; i++)
        write_step(str, digest, digest->ordered.items[i]);
    str_append(str, "</tbody></table></div></section>\n");
}

void master_page_similar(struct str *str, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;

    if (!investigation->similar_count)
        return;
    str_append(
        str,
        "<section id=\"similar\"><h2>Seen before</h2>\n<div class=\"wide\"><table><thead><tr><th>when</th>"
        "<th>symptom</th><th>found</th><th>change</th><th>outcome</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < investigation->similar_count; i++) {
        const struct similar_case *similar = &investigation->similar[i];
        const char *cells[] = {similar->when, similar->symptom, similar->finding, similar->change,
                               similar->outcome};
        str_append(str, "<tr>");
        for (size_t j = 0; j < sizeof cells / sizeof cells[0]; j++)
            page_element(str, "td", "", cells[j] ? cells[j] : "");
        str_append(str, "</tr>\n");
    }
    str_append(str, "</tbody></table></div></section>\n");
}

void master_page_calibration(struct str *str, const struct digest *digest)
{
    struct str text = {0};

    str_append(str, "<section id=\"calibration\"><h2>Calibration</h2>\n");
    word_calibration(&text, digest->options->calibration);
    master_page_phrase(str, "p", " class=\"note\"", &text);
    str_append(str, "</section>\n");
    str_free(&text);
}
