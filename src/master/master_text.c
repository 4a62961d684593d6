/* SPDX-License-Identifier: Apache-2.0 */
/* master_text: the first screen, for a terminal: what is wrong, what to do first, what is not to blame. */
#include <string.h>

#include "master/master_words.h"
#include "report/escape.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/text_page.h"
#include "report/units.h"

#define INDENT          4
#define PIECES_MAX      5
#define CLEARED_MAX     4
#define DISPUTED_MAX    3
#define FAILED_MAX      8
#define NAME_MAX        24
#define NARROW_NAME_MAX 12
#define BAR_COLUMNS     24
#define NARROW_BAR      12
#define PIECE_BAR       16
#define SUBJECT_COLUMNS 50
#define COMMAND_MAX     400
#define COMMAND_LINES   2

struct screen {
    struct text_page page;
    const struct digest *digest;
    size_t name_columns;
    size_t bar_columns;
};

static void heading(const struct screen *screen, const char *text)
{
    text_styled(&screen->page, STYLE_STRONG, text);
    str_append(screen->page.str, "\n");
}

/* `text` behind `indent` blanks, wrapped. */
static void paragraph(const struct screen *screen, size_t indent, const char *text)
{
    text_blanks(screen->page.str, indent);
    text_wrap(&screen->page, text, indent, indent);
}

static void write_name(const struct screen *screen, const char *name)
{
    struct str cut = {0};

    escape_plain_cut(&cut, name, screen->name_columns, screen->page.options->ascii);
    text_blanks(screen->page.str, 2);
    str_append(screen->page.str, str_text(&cut));
    text_blanks(screen->page.str, screen->name_columns - escape_columns(str_text(&cut)) + 2);
    str_free(&cut);
}

/* What is left of the line, cut to fit it. */
static void write_rest(const struct screen *screen, size_t used, const char *text)
{
    escape_plain_cut(screen->page.str, text, screen->page.width > used + 8 ? screen->page.width - used : 8,
                     screen->page.options->ascii);
    str_append(screen->page.str, "\n");
}

static void write_head(const struct screen *screen)
{
    struct str line = {0};
    const size_t column = strlen("toll: ");

    word_problem(&line, screen->digest, SUBJECT_COLUMNS);
    text_styled(&screen->page, STYLE_STRONG, "toll:");
    str_append(screen->page.str, " ");
    text_wrap(&screen->page, str_text(&line), column, column);
    str_clear(&line);
    word_discovery(&line, screen->digest);
    paragraph(screen, column, str_text(&line));
    str_clear(&line);
    if (phrase_poor(&line, screen->digest->verdict)) {
        str_append(&line, ".");
        text_styled(&screen->page, STYLE_P0, "Beware:");
        str_append(screen->page.str, " ");
        text_wrap(&screen->page, str_text(&line), strlen("Beware: "), 2);
    }
    str_free(&line);
}

static void write_scale(const struct screen *screen, const char *name, double ratio, const char *value)
{
    write_name(screen, name);
    text_bar(&screen->page, ratio, screen->bar_columns);
    write_rest(screen, screen->name_columns + screen->bar_columns + 6, value);
}

/* Today, with the first change, and where the objective lies, as times. */
static void write_scales(const struct screen *screen)
{
    const struct digest_picture *picture = &screen->digest->picture;
    const struct objective *objective = &screen->digest->investigation->objective;
    struct str text = {0}, name = {0};

    if (!picture->whole_ns || (!picture->change && !(picture->goal > 0)))
        return;
    str_append(screen->page.str, "\n");
    word_scale(&text, screen->digest, 1, objective->measured);
    write_scale(screen, "today", 1, str_text(&text));
    if (picture->change) {
        str_clear(&text);
        word_scale(&text, screen->digest, picture->after, picture->change->objective_after);
        word_with(&name, picture->change);
        write_scale(screen, str_text(&name), picture->after, str_text(&text));
    }
    if (picture->goal > 0) {
        str_clear(&text);
        word_scale(&text, screen->digest, picture->goal, objective->wanted);
        write_scale(screen, "objective", picture->goal, str_text(&text));
    }
    str_free(&text);
    str_free(&name);
}

/* "P0  Do 10 at once: 49,000 -> 437,000 rows/s, about 8.9x." */
static void write_action(const struct screen *screen, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    struct str line = {0}, move = {0};

    word_action(&line, conclusion);
    word_move(&move, screen->digest, conclusion);
    if (move.length)
        str_printf(&line, ": %s", str_text(&move));
    str_append(&line, ".");
    text_styled(&screen->page, text_priority_style(finding->priority), priority_name(finding->priority));
    text_blanks(screen->page.str, 2);
    text_wrap(&screen->page, str_text(&line), INDENT, INDENT);
    str_free(&line);
    str_free(&move);
}

/* To be copied, so it is not cut at the page's width. */
static void write_command(const struct screen *screen, const char *command)
{
    struct str line = {0};

    escape_plain_cut(&line, command, COMMAND_MAX, screen->page.options->ascii);
    text_blanks(screen->page.str, INDENT);
    text_styled(&screen->page, STYLE_FAINT, str_text(&line));
    str_append(screen->page.str, "\n");
    str_free(&line);
}

/* The command; one that fills the screen is left to the page. */
static void write_confirmation(const struct screen *screen, const struct conclusion *conclusion)
{
    const char *command = word_command(conclusion);
    bool is_long = command && escape_columns(command) > COMMAND_LINES * screen->page.width;

    if (!command)
        return;
    if (is_long && screen->digest->options->folder)
        paragraph(screen, INDENT, "The command that confirms it is long: report.md and report.html have it.");
    else
        write_command(screen, command);
}

static void write_reasons(const struct screen *screen, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    struct str line = {0};

    word_reach(&line, screen->digest, conclusion);
    word_capital(&line, 0);
    if (line.length)
        str_append(&line, ". ");
    size_t from = line.length;
    word_agreement(&line, conclusion);
    if (conclusion->agreement == AGREEMENT_CONSENSUS)
        word_capital(&line, from);
    str_printf(&line, ". Effort: %s.", word_effort(finding->effort));
    paragraph(screen, INDENT, str_text(&line));
    str_clear(&line);
    if (finding->assumption) {
        str_printf(&line, "Given: %s.", finding->assumption);
        paragraph(screen, INDENT, str_text(&line));
    }
    str_free(&line);
}

static void write_monday(const struct screen *screen)
{
    const struct digest *digest = screen->digest;
    size_t count = digest->monday_count, all = digest->ordered.count;

    str_append(screen->page.str, "\n");
    heading(screen, digest->investigation->objective.is_met ? "More could be had" : "On Monday");
    if (!count)
        paragraph(screen, INDENT, word_nothing(digest));
    for (size_t i = 0; i < count; i++) {
        const struct conclusion *conclusion = digest->ordered.items[i];
        write_action(screen, conclusion);
        if (conclusion->claim.finding.change)
            write_command(screen, conclusion->claim.finding.change);
        write_reasons(screen, conclusion);
        write_confirmation(screen, conclusion);
    }
    if (count < all)
        heading(screen, "Then");
    for (size_t i = count; i < all && i < count + DIGEST_THEN_MAX; i++)
        write_action(screen, digest->ordered.items[i]);
    if (all > count + DIGEST_THEN_MAX)
        str_printf(screen->page.str, "    and %zu smaller one%s\n", all - count - DIGEST_THEN_MAX,
                   all == count + DIGEST_THEN_MAX + 1 ? "" : "s");
}

static void write_pieces(const struct screen *screen)
{
    const struct digest_picture *picture = &screen->digest->picture;
    const size_t columns = screen->bar_columns > PIECE_BAR ? PIECE_BAR : screen->bar_columns;
    const size_t used = screen->name_columns + 4 + 8 + columns + 2;
    double rest = 0;

    if (!picture->pieces.count)
        return;
    str_append(screen->page.str, "\n");
    heading(screen, phrase_serves(screen->digest->verdict) ? "Where a request's time goes (median)"
                                                           : "Where the time goes");
    for (size_t i = 0; i < picture->pieces.count; i++) {
        const struct digest_piece *piece = &picture->pieces.items[i];
        struct str what = {0};
        if (i >= PIECES_MAX) {
            rest += piece->ratio;
            continue;
        }
        write_name(screen, piece->name);
        str_printf(screen->page.str, "%6s  ", unit_ratio(piece->ratio).text);
        text_bar(&screen->page, piece->ratio, columns);
        str_printf(&what, "%s%s%s", phrase_doing_short(piece->doing), piece->detail ? " " : "",
                   piece->detail ? piece->detail : "");
        write_rest(screen, used, str_text(&what));
        str_free(&what);
    }
    if (rest > 0) {
        write_name(screen, "all others");
        str_printf(screen->page.str, "%6s\n", unit_ratio(rest).text);
    }
}

static void write_cleared_row(const struct screen *screen, const struct digest_cleared *row)
{
    const size_t column = screen->name_columns + 4 + 8;
    struct str name = {0}, what = {0};

    phrase_where(&name, &row->cleared.where);
    write_name(screen, str_text(&name));
    str_printf(screen->page.str, "%6s  ", unit_ratio(row->cleared.critical_ratio).text);
    if (!row->is_of_one_thing)
        str_printf(&what, "at most %s: ", unit_factor(row->cleared.factor_max).text);
    word_by(&what, row, false);
    text_wrap(&screen->page, str_text(&what), column, column);
    for (size_t i = 0; i < row->reasons.count && row->is_of_one_thing; i++)
        if (row->reasons.items[i].why) {
            str_clear(&what);
            str_printf(&what, "%s: ", row->reasons.items[i].by);
            phrase_sentence(&what, row->reasons.items[i].why);
            paragraph(screen, INDENT, str_text(&what));
        }
    str_free(&name);
    str_free(&what);
}

static void write_cleared(const struct screen *screen)
{
    const struct digest *digest = screen->digest;
    size_t count = 0;

    for (size_t i = 0; i < digest->cleared.count; i++) {
        if (!digest->cleared.items[i].is_suspect)
            continue;
        if (!count++)
            heading(screen, "Not to blame");
        if (count <= CLEARED_MAX)
            write_cleared_row(screen, &digest->cleared.items[i]);
    }
    if (count > CLEARED_MAX)
        str_printf(screen->page.str, "  and %zu more\n", count - CLEARED_MAX);
}

static void write_contradiction(const struct screen *screen, const struct contradiction *contradiction)
{
    const struct finding *finding = &contradiction->claim->finding;
    struct str line = {0};

    str_printf(&line, "%s: ", contradiction->claim->investigator ? contradiction->claim->investigator : "?");
    phrase_bare(&line, finding->fix ? finding->fix : finding->title ? finding->title : finding->cause);
    if (contradiction->vote && contradiction->vote->investigator)
        str_printf(&line, "; %s contradicts", contradiction->vote->investigator);
    str_append(&line, ". ");
    size_t from = line.length;
    if (contradiction->outcome)
        phrase_sentence(&line, contradiction->outcome);
    word_capital(&line, from);
    str_append(screen->page.str, "  - ");
    text_wrap(&screen->page, str_text(&line), INDENT, INDENT);
    str_free(&line);
}

static void write_disputes(const struct screen *screen)
{
    const struct investigation *investigation = screen->digest->investigation;

    if (!investigation->contradiction_count)
        return;
    heading(screen, "Disputed");
    for (size_t i = 0; i < investigation->contradiction_count && i < DISPUTED_MAX; i++)
        write_contradiction(screen, &investigation->contradictions[i]);
    if (investigation->contradiction_count > DISPUTED_MAX)
        str_printf(screen->page.str, "  - and %zu more\n", investigation->contradiction_count - DISPUTED_MAX);
}

static void write_failed(const struct screen *screen)
{
    const struct investigation *investigation = screen->digest->investigation;
    size_t count = 0;

    for (size_t i = 0; i < investigation->statement_count; i++) {
        const struct statement *statement = &investigation->statements[i];
        struct str line = {0};
        if (statement->outcome == STATEMENT_FINISHED)
            continue;
        if (!count++)
            heading(screen, "Did not finish");
        if (count <= FAILED_MAX) {
            str_printf(&line, "%s: ", statement->investigator);
            phrase_sentence(&line, statement->why_not ? statement->why_not : "the reason is not known");
            str_append(screen->page.str, "  - ");
            text_wrap(&screen->page, str_text(&line), INDENT, INDENT);
            str_free(&line);
        }
    }
    if (count > FAILED_MAX)
        str_printf(screen->page.str, "  - and %zu more\n", count - FAILED_MAX);
}

static void write_foot(const struct screen *screen)
{
    struct str line = {0};
    const size_t column = strlen("Trust  ");

    text_styled(&screen->page, STYLE_STRONG, "Trust");
    text_blanks(screen->page.str, 2);
    word_effort_spent(&line, screen->digest);
    str_append(&line, "; ");
    phrase_trust(&line, screen->digest->verdict);
    text_wrap(&screen->page, str_text(&line), column, column);
    if (screen->digest->options->folder) {
        str_clear(&line);
        text_quoted(&line, screen->digest->options->folder);
        str_append(&line, "/report.html");
        text_styled(&screen->page, STYLE_STRONG, "More");
        text_blanks(screen->page.str, 3);
        escape_plain(screen->page.str, str_text(&line));
        str_append(screen->page.str, "\n");
    }
    str_free(&line);
}

static void grow(size_t *columns, const char *name)
{
    size_t length = escape_columns(name);

    *columns = length > *columns ? length : *columns;
}

static size_t name_columns(const struct digest *digest, size_t limit)
{
    size_t columns = strlen("with the P0?");

    for (size_t i = 0; i < digest->picture.pieces.count && i < PIECES_MAX; i++)
        grow(&columns, digest->picture.pieces.items[i].name);
    for (size_t i = 0; i < digest->cleared.count && i < CLEARED_MAX; i++) {
        struct str name = {0};
        phrase_where(&name, &digest->cleared.items[i].cleared.where);
        grow(&columns, str_text(&name));
        str_free(&name);
    }
    return columns < limit ? columns : limit;
}

static void write_screen(const struct screen *screen)
{
    write_head(screen);
    write_scales(screen);
    write_monday(screen);
    write_pieces(screen);
    write_cleared(screen);
    write_disputes(screen);
    write_failed(screen);
    write_foot(screen);
}

int master_text(const struct investigation *investigation, const struct master_options *options,
                struct str *ret_text, struct err *err)
{
    size_t length = ret_text->length, width = text_page_width(&options->look);
    struct digest digest;
    int status = digest_make(investigation, options, &digest, err);

    if (status)
        return status;
    struct screen screen = {.page = {ret_text, &options->look, width},
                            .digest = &digest,
                            .name_columns = name_columns(&digest, width < 60 ? NARROW_NAME_MAX : NAME_MAX),
                            .bar_columns = width < 72 ? NARROW_BAR : BAR_COLUMNS};
    if (width < 60)
        screen.bar_columns = NARROW_BAR / 2;
    write_screen(&screen);
    digest_free(&digest);
    return master_finish(ret_text, length, err);
}
