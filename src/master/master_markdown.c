/* SPDX-License-Identifier: Apache-2.0 */
/* master_markdown: the whole report as a page for an issue or a pull request (GitHub Flavored Markdown). */
#include "base/num.h"
#include "master/master_words.h"
#include "report/escape.h"
#include "report/phrases.h"
#include "report/units.h"

#define PIECES_MAX   12
#define FINDINGS_MAX 50
#define SUBJECT_MAX  50
#define CLEARED_MAX  100
#define TOP_COUNT    3

/* The finished phrase, escaped; it is cleared for the next. */
static void put(struct str *str, struct str *phrase)
{
    escape_markdown(str, str_text(phrase));
    str_clear(phrase);
}

static void put_line(struct str *str, const char *before, struct str *phrase, const char *behind)
{
    str_append(str, before);
    put(str, phrase);
    str_append(str, behind);
}

static void put_code(struct str *str, const char *before, const char *code, const char *behind)
{
    str_append(str, before);
    escape_markdown_code(str, code, false);
    str_append(str, behind);
}

/* A row of a finding's table; none for what is not known. */
static void put_cell(struct str *str, const char *name, const char *text, bool is_code)
{
    if (!text)
        return;
    str_printf(str, "| %s | ", name);
    if (is_code)
        escape_markdown_code(str, text, true);
    else
        escape_markdown(str, text);
    str_append(str, " |\n");
}

static void write_head(struct str *str, const struct digest *digest)
{
    struct str phrase = {0};

    word_problem(&phrase, digest, SUBJECT_MAX);
    put_line(str, "# ", &phrase, "\n\n");
    word_discovery(&phrase, digest);
    put_line(str, "**", &phrase, "**\n\n");
    if (phrase_poor(&phrase, digest->verdict))
        put_line(str, "> **Beware:** ", &phrase, ".\n\n");
    str_free(&phrase);
}

static void write_action(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    struct str phrase = {0};

    word_action(&phrase, conclusion);
    str_printf(str, "- **%s** ", priority_name(finding->priority));
    put_line(str, "**", &phrase, "**");
    word_move(&phrase, digest, conclusion);
    if (phrase.length)
        put_line(str, ": ", &phrase, "");
    word_reach(&phrase, digest, conclusion);
    if (phrase.length)
        put_line(str, ", ", &phrase, "");
    str_append(str, ".");
    if (finding->change)
        put_code(str, " Change: ", finding->change, ".");
    str_printf(&phrase, "agreement: ");
    word_agreement(&phrase, conclusion);
    word_capital(&phrase, 0);
    put_line(str, " ", &phrase, ".\n");
    if (word_command(conclusion))
        put_code(str, word_command(conclusion) == conclusion->claim.verify ? "  Verify: " : "  Next: ",
                 word_command(conclusion), "\n");
    str_free(&phrase);
}

static void write_then(struct str *str, const struct digest *digest)
{
    size_t from = digest->monday_count, all = digest->ordered.count;
    struct str phrase = {0};

    if (from >= all)
        return;
    str_append(str, "Then:\n\n");
    for (size_t i = from; i < all && i < from + DIGEST_THEN_MAX; i++) {
        word_alternative(&phrase, digest, digest->ordered.items[i]);
        put_line(str, "- ", &phrase, "\n");
    }
    if (all > from + DIGEST_THEN_MAX)
        str_printf(str, "- and %zu smaller one%s\n", all - from - DIGEST_THEN_MAX,
                   all == from + DIGEST_THEN_MAX + 1 ? "" : "s");
    str_append(str, "\n");
    str_free(&phrase);
}

static void write_monday(struct str *str, const struct digest *digest)
{
    size_t count = digest->monday_count;

    str_printf(str, "## %s\n\n", digest->investigation->objective.is_met ? "More could be had" : "On Monday");
    if (!count)
        str_printf(str, "%s\n", word_nothing(digest));
    for (size_t i = 0; i < count; i++)
        write_action(str, digest, digest->ordered.items[i]);
    str_append(str, "\n");
    write_then(str, digest);
}

static void write_reasons_of(struct str *str, const struct digest_cleared *row)
{
    const char *separator = "";

    for (size_t i = 0; i < row->reasons.count; i++) {
        if (!row->reasons.items[i].why)
            continue;
        str_append(str, separator);
        escape_markdown(str, row->reasons.items[i].by);
        str_append(str, ": ");
        escape_markdown(str, row->reasons.items[i].why);
        separator = "; ";
    }
}

static void write_cleared(struct str *str, const struct digest *digest)
{
    struct str phrase = {0};

    if (!digest->cleared.count)
        return;
    str_append(str, "## Not to blame\n\n| where | share | bound | who says so | why |\n"
                    "|---|---:|---|---|---|\n");
    for (size_t i = 0; i < digest->cleared.count && i < CLEARED_MAX; i++) {
        const struct digest_cleared *row = &digest->cleared.items[i];
        phrase_where(&phrase, &row->cleared.where);
        put_line(str, "| ", &phrase, "");
        str_printf(str, " | %s | ", unit_ratio(row->cleared.critical_ratio).text);
        word_bound(&phrase, row);
        put_line(str, "", &phrase, " | ");
        word_by(&phrase, row, false);
        put_line(str, "", &phrase, " | ");
        write_reasons_of(str, row);
        str_append(str, " |\n");
    }
    str_append(str, "\n");
    str_free(&phrase);
}

static void write_pieces(struct str *str, const struct digest *digest)
{
    const struct digest_picture *picture = &digest->picture;
    struct str phrase = {0};

    if (!picture->pieces.count)
        return;
    str_append(str, "## Where the time goes\n\n| where | share | time | mostly |\n|---|---:|---:|---|\n");
    for (size_t i = 0; i < picture->pieces.count && i < PIECES_MAX; i++) {
        const struct digest_piece *piece = &picture->pieces.items[i];
        str_append(&phrase, piece->name);
        put_line(str, "| ", &phrase, "");
        str_printf(str, " | %s | %s | %s", unit_ratio(piece->ratio).text, unit_duration(piece->ns).text,
                   phrase_doing_short(piece->doing));
        if (piece->detail) {
            str_append(str, " ");
            escape_markdown_code(str, piece->detail, true);
        }
        str_append(str, " |\n");
    }
    if (picture->pieces.count > PIECES_MAX)
        str_printf(str, "\nSmaller ones not shown: %zu.\n", picture->pieces.count - PIECES_MAX);
    str_append(str, "\n");
    str_free(&phrase);
}

static void write_rows(struct str *str, const char *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        str_append(str, i ? ", " : " (");
        escape_markdown(str, rows[i]);
    }
    str_append(str, count ? ")" : "");
}

static void write_votes(struct str *str, const struct conclusion *conclusion)
{
    for (size_t i = 0; i < conclusion->vote_count; i++) {
        const struct vote *vote = conclusion->votes[i];
        if (vote->stance == STANCE_NEUTRAL || word_vote_is_told(conclusion, i))
            continue;
        str_append(str, "- ");
        escape_markdown(str, vote->investigator ? vote->investigator : "?");
        str_append(str, vote->stance == STANCE_SUPPORT ? " supports" : " contradicts");
        if (vote->why) {
            str_append(str, ": ");
            escape_markdown(str, vote->why);
        }
        write_rows(str, vote->rows, vote->row_count);
        str_append(str, "\n");
    }
}

static void write_reasons(struct str *str, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;

    for (size_t i = 0; i < finding->evidence_count; i++) {
        str_append(str, "- ");
        escape_markdown(str, finding->evidence[i]);
        str_append(str, "\n");
    }
    if (conclusion->claim.row_count) {
        str_append(str, "- read off rows of the recording");
        write_rows(str, conclusion->claim.rows, conclusion->claim.row_count);
        str_append(str, "\n");
    }
    if (finding->rationale) {
        str_append(str, "- the gain: ");
        escape_markdown(str, finding->rationale);
        str_append(str, "\n");
    }
    for (size_t i = 0; i < finding->source_count; i++) {
        str_append(str, "- source: ");
        escape_markdown(str, finding->sources[i]);
        str_append(str, "\n");
    }
    write_votes(str, conclusion);
    str_append(str, "\n");
}

static void write_finding(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    const struct conclusion *other = digest_alternative(digest, conclusion);
    struct str phrase = {0};

    str_printf(str, "### %s: ", priority_name(finding->priority));
    word_title(&phrase, conclusion);
    put_line(str, "", &phrase, "\n\n");
    phrase_fix(&phrase, finding);
    put_line(str, "**", &phrase, finding->fix ? "**: " : "Gain**: ");
    word_move(&phrase, digest, conclusion);
    if (!phrase.length)
        str_append(&phrase, "not known");
    put_line(str, "", &phrase, ".\n\n");
    str_append(str, "| | |\n|---|---|\n| agreement | ");
    word_agreement(&phrase, conclusion);
    put_line(str, "", &phrase, " |\n");
    str_printf(str, "| known by | %s |\n| effort | %s |\n",
               evidence_class_name(conclusion->claim.evidence_class), word_effort(finding->effort));
    put_cell(str, "change", finding->change, true);
    put_cell(str, "given", finding->assumption, false);
    put_cell(str, "verify", conclusion->claim.verify, true);
    put_cell(str, "next", word_next(conclusion), true);
    put_cell(str, "revert", conclusion->claim.revert, false);
    put_cell(str, "settled by", conclusion->settled_by, false);
    if (other) {
        word_alternative(&phrase, digest, other);
        put_cell(str, "instead", str_text(&phrase), false);
    }
    str_append(str, "\n");
    write_reasons(str, conclusion);
    str_free(&phrase);
}

static void write_findings(struct str *str, const struct digest *digest)
{
    for (size_t i = 0; i < digest->ordered.count && i < FINDINGS_MAX; i++) {
        if (i == 0 || i == TOP_COUNT)
            str_append(str, i ? "## Further findings\n\n" : "## Top three\n\n");
        write_finding(str, digest, digest->ordered.items[i]);
    }
    if (digest->ordered.count > FINDINGS_MAX)
        str_printf(str, "%zu smaller findings are in report.json.\n\n", digest->ordered.count - FINDINGS_MAX);
}

static void write_investigators(struct str *str, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;
    struct str phrase = {0};

    if (!investigation->statement_count)
        return;
    word_effort_spent(&phrase, digest);
    put_line(str, "## Who looked\n\n", &phrase, ".\n\n");
    str_append(str, "| investigator | result | time | notes |\n|---|---|---:|---|\n");
    for (size_t i = 0; i < investigation->statement_count; i++) {
        const struct statement *statement = &investigation->statements[i];
        str_append(str, "| ");
        escape_markdown(str, statement->investigator);
        word_result(&phrase, statement);
        put_line(str, " | ", &phrase, "");
        str_printf(str, " | %s | ", unit_duration(statement->wall_ns).text);
        for (size_t j = 0; j < statement->note_count; j++) {
            str_append(str, j ? "; " : "");
            escape_markdown(str, statement->notes[j]);
        }
        str_append(str, " |\n");
    }
    str_append(str, "\n");
    str_free(&phrase);
}

static void write_contradictions(struct str *str, const struct investigation *investigation)
{
    struct str phrase = {0};

    if (!investigation->contradiction_count)
        return;
    str_append(str, "## Contradictions\n\n");
    for (size_t i = 0; i < investigation->contradiction_count; i++) {
        const struct contradiction *contradiction = &investigation->contradictions[i];
        word_side_for(&phrase, contradiction);
        put_line(str, "- ", &phrase, "\n");
        word_side_against(&phrase, contradiction);
        put_line(str, "  - ", &phrase, "\n");
        word_settled(&phrase, contradiction);
        put_line(str, "  - ", &phrase, "\n");
    }
    str_append(str, "\n");
    str_free(&phrase);
}

static void write_roadmap(struct str *str, const struct digest *digest)
{
    struct str phrase = {0};

    if (!digest->ordered.count)
        return;
    str_append(str, "## Roadmap\n\n| when | what | brings | effort | agreement |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < digest->ordered.count && i < FINDINGS_MAX; i++) {
        const struct conclusion *conclusion = digest->ordered.items[i];
        const struct finding *finding = &conclusion->claim.finding;
        str_printf(str, "| %s (%s) | ", word_phase(finding->priority), priority_name(finding->priority));
        word_action(&phrase, conclusion);
        put(str, &phrase);
        word_move(&phrase, digest, conclusion);
        put_line(str, " | ", &phrase, "");
        str_printf(str, " | %s | %s |\n", effort_name(finding->effort),
                   agreement_name(conclusion->agreement));
    }
    str_append(str, "\n");
    str_free(&phrase);
}

static void write_similar(struct str *str, const struct investigation *investigation)
{
    if (!investigation->similar_count)
        return;
    str_append(str,
               "## Seen before\n\n| when | symptom | found | change | outcome |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < investigation->similar_count; i++) {
        const struct similar_case *similar = &investigation->similar[i];
        const char *cells[] = {similar->when, similar->symptom, similar->finding, similar->change,
                               similar->outcome};
        for (size_t j = 0; j < sizeof cells / sizeof cells[0]; j++) {
            str_append(str, "| ");
            escape_markdown(str, cells[j] ? cells[j] : "");
            str_append(str, " ");
        }
        str_append(str, "|\n");
    }
    str_append(str, "\n");
}

static void write_trust(struct str *str, const struct digest *digest)
{
    const struct grade *grade = &digest->verdict->run.grade;
    struct str phrase = {0};

    word_calibration(&phrase, digest->options->calibration);
    put_line(str, "## Calibration\n\n", &phrase, "\n\n");
    phrase_trust(&phrase, digest->verdict);
    put_line(str, "Trust in the recording: ", &phrase, "\n");
    for (size_t i = 0; i < grade->remark_count; i++) {
        str_append(str, "- ");
        escape_markdown(str, grade->remarks[i]);
        str_append(str, "\n");
    }
    str_append(
        str, "\nThe evidence lies beside this page: `report.json` has every claim and vote, `evidence/` the "
             "recording and what each investigator was asked and answered.\n");
    str_free(&phrase);
}

int master_markdown(const struct investigation *investigation, const struct master_options *options,
                    struct str *ret_text, struct err *err)
{
    size_t length = ret_text->length;
    struct digest digest;
    int status = digest_make(investigation, options, &digest, err);

    if (status)
        return status;
    write_head(ret_text, &digest);
    write_monday(ret_text, &digest);
    write_cleared(ret_text, &digest);
    write_pieces(ret_text, &digest);
    write_findings(ret_text, &digest);
    write_investigators(ret_text, &digest);
    write_contradictions(ret_text, investigation);
    write_roadmap(ret_text, &digest);
    write_similar(ret_text, investigation);
    write_trust(ret_text, &digest);
    digest_free(&digest);
    return master_finish(ret_text, length, err);
}
