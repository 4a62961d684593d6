/* SPDX-License-Identifier: Apache-2.0 */
/* master_html: the page of an investigation: its first screen, its sections (master_page.h), the recording below. */
#include <math.h>
#include <string.h>

#include "master/master_assets.h"
#include "master/master_page.h"
#include "master/master_words.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define SUBJECT_MAX 50
#define CLEARED_MAX 4

void master_page_phrase(struct str *str, const char *tag, const char *attributes, struct str *phrase)
{
    struct str inner = {0};

    str_printf(str, "<%s%s>", tag, attributes);
    page_text(&inner, str_text(phrase));
    for (const char *at = str_text(&inner); *at;) {
        if (strncmp(at, " -&gt; ", 7) == 0) {
            str_append(str, " &rarr; ");
            at += 7;
        } else {
            str_append_bytes(str, at++, 1);
        }
    }
    str_printf(str, "</%s>", tag);
    str_free(&inner);
    str_clear(phrase);
}

static void write_action(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    static const char *const reach_class[] = {[REACH_UNKNOWN] = "",
                                              [REACH_NO] = " class=\"short\"",
                                              [REACH_LIKELY] = "",
                                              [REACH_YES] = " class=\"enough\""};
    struct str phrase = {0};

    str_printf(str, "<article class=\"action p%d\">\n<div class=\"badge\">%s</div><div>",
               (int)finding->priority, priority_name(finding->priority));
    word_action(&phrase, conclusion);
    master_page_phrase(str, "h3", "", &phrase);
    word_move(&phrase, digest, conclusion);
    if (phrase.length)
        master_page_phrase(str, "p", " class=\"move\"", &phrase);
    str_append(str, "<p class=\"meta\">");
    word_reach(&phrase, digest, conclusion);
    word_capital(&phrase, 0);
    if (phrase.length)
        master_page_phrase(str, "span", reach_class[digest_reach(digest, conclusion)], &phrase);
    word_agreement(&phrase, conclusion);
    master_page_phrase(str, "span", "", &phrase);
    str_printf(&phrase, "effort: %s", word_effort(finding->effort));
    master_page_phrase(str, "span", "", &phrase);
    str_append(str, "</p>");
    str_append(str, "<dl class=\"plan\">");
    master_page_row(str, "change", finding->change, true);
    master_page_row(str, "given", finding->assumption, false);
    master_page_row(str, word_command(conclusion) == conclusion->claim.verify ? "verify" : "next",
                    word_command(conclusion), true);
    str_append(str, "</dl>");
    str_append(str, "</div></article>\n");
    str_free(&phrase);
}

/* What comes behind Monday, a line each; the sections have the rest. */
static void write_then(struct str *str, const struct digest *digest)
{
    size_t from = digest->monday_count, all = digest->ordered.count;
    struct str phrase = {0};

    if (from >= all)
        return;
    str_append(str, "<h3 class=\"then\">Then</h3>\n<ul class=\"then\">");
    for (size_t i = from; i < all && i < from + DIGEST_THEN_MAX; i++) {
        word_alternative(&phrase, digest, digest->ordered.items[i]);
        master_page_phrase(str, "li", "", &phrase);
    }
    if (all > from + DIGEST_THEN_MAX) {
        str_printf(&phrase, "and %zu smaller one%s", all - from - DIGEST_THEN_MAX,
                   all == from + DIGEST_THEN_MAX + 1 ? "" : "s");
        master_page_phrase(str, "li", "", &phrase);
    }
    str_append(str, "</ul>\n");
    str_free(&phrase);
}

static void write_monday(struct str *str, const struct digest *digest)
{
    size_t count = digest->monday_count;

    str_append(str, "<div class=\"monday\">");
    page_element(str, "h2", "", digest->investigation->objective.is_met ? "More could be had" : "On Monday");
    str_append(str, "\n");
    for (size_t i = 0; i < count; i++)
        write_action(str, digest, digest->ordered.items[i]);
    if (!count)
        page_element(str, "p", " class=\"note\"", word_nothing(digest));
    write_then(str, digest);
    str_append(str, "</div>\n");
}

static void write_cleared_row(struct str *str, const struct digest_cleared *row)
{
    struct str phrase = {0};

    str_append(str, "<li>");
    phrase_where(&phrase, &row->cleared.where);
    master_page_phrase(str, "b", "", &phrase);
    str_printf(&phrase, "%s of the time, ", unit_ratio(row->cleared.critical_ratio).text);
    word_bound(&phrase, row);
    master_page_phrase(str, "span", "", &phrase);
    size_t told = 0;
    for (size_t i = 0; i < row->reasons.count; i++) {
        if (!row->reasons.items[i].why)
            continue;
        str_printf(&phrase, "%s: %s", row->reasons.items[i].by, row->reasons.items[i].why);
        master_page_phrase(str, "small", "", &phrase);
        told++;
    }
    if (told < row->reasons.count || !told) {
        str_append(&phrase, "by ");
        word_by(&phrase, row, true);
        master_page_phrase(str, "small", "", &phrase);
    }
    str_append(str, "</li>\n");
    str_free(&phrase);
}

static void write_cleared(struct str *str, const struct digest *digest)
{
    size_t count = 0, told = 0;

    for (size_t i = 0; i < digest->cleared.count; i++)
        count += digest->cleared.items[i].is_suspect;
    if (!count)
        return;
    str_append(str, "<div class=\"cleared\" id=\"cleared\"><h2>Not to blame</h2>\n<ul>");
    for (size_t i = 0; i < digest->cleared.count; i++) {
        if (!digest->cleared.items[i].is_suspect)
            continue;
        if (told++ == CLEARED_MAX)
            str_printf(str, "</ul><details><summary>and %zu more</summary><ul>", count - CLEARED_MAX);
        write_cleared_row(str, &digest->cleared.items[i]);
    }
    str_append(str, count > CLEARED_MAX ? "</ul></details></div>\n" : "</ul></div>\n");
}

void master_page_first(struct str *str, const struct digest *digest)
{
    struct str phrase = {0};

    str_append(str, "<section class=\"hero\">\n");
    word_subject(&phrase, digest, 0);
    master_page_phrase(str, "p", " class=\"command\"", &phrase);
    if (phrase_poor(&phrase, digest->verdict)) {
        str_append(str, "<div class=\"beware\" role=\"note\"><b>Beware:</b> ");
        page_text(str, str_text(&phrase));
        str_append(str, ".");
        page_remarks(str, &digest->verdict->run.grade);
        str_append(str, "</div>\n");
    }
    str_clear(&phrase);
    word_problem(&phrase, digest, SUBJECT_MAX);
    master_page_phrase(str, "h1", "", &phrase);
    word_discovery(&phrase, digest);
    master_page_phrase(str, "p", " class=\"lead\"", &phrase);
    str_append(str, "\n");
    master_page_picture(str, digest);
    str_append(str, "<div class=\"screen\">\n");
    write_monday(str, digest);
    write_cleared(str, digest);
    str_append(str, "</div>\n");
    word_unfinished(&phrase, digest);
    if (phrase.length)
        master_page_phrase(str, "p", " class=\"note unfinished\"", &phrase);
    str_append(str, "</section>\n");
    str_free(&phrase);
}

static int write_recording(struct str *str, const struct digest *digest, struct err *err)
{
    const struct verdict *verdict = digest->verdict;
    int status = 0;

    page_service(str, verdict);
    if (!phrase_serves(verdict))
        status = page_stages(str, verdict, err);
    if (!status)
        status = page_timeline(str, verdict, err);
    if (!status)
        status = page_flame(str, verdict, err);
    if (!status)
        page_io(str, verdict);
    return status;
}

static void write_evidence(struct str *str)
{
    str_append(
        str,
        "<section id=\"evidence\"><h2>The evidence</h2>\n<p class=\"note\">Beside this page: "
        "<code>report.json</code> has every claim and every vote, <code>report.md</code> is this page for "
        "an issue, <code>evidence/</code> holds the recording and what each investigator was asked, "
        "answered and complained about.</p></section>\n");
}

int master_html(const struct investigation *investigation, const struct master_options *options,
                struct str *ret_text, struct err *err)
{
    size_t length = ret_text->length;
    struct digest digest;
    struct str title = {0};
    int status = digest_make(investigation, options, &digest, err);

    if (status)
        return status;
    word_subject(&title, &digest, 0);
    page_begin(ret_text, str_text(&title), master_css);
    str_free(&title);
    master_page_first(ret_text, &digest);
    master_page_findings(ret_text, &digest);
    master_page_investigators(ret_text, &digest);
    master_page_contradictions(ret_text, &digest);
    master_page_roadmap(ret_text, &digest);
    master_page_similar(ret_text, &digest);
    status = write_recording(ret_text, &digest, err);
    master_page_calibration(ret_text, &digest);
    page_trust(ret_text, digest.verdict);
    write_evidence(ret_text);
    str_append(ret_text, "</main>\n");
    page_foot(ret_text, digest.verdict, investigation->recording);
    page_end(ret_text);
    digest_free(&digest);
    ret_text->failed = ret_text->failed || status;
    return master_finish(ret_text, length, err);
}
