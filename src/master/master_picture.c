/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_picture: the critical path as one bar, a piece a stage; below it, on the same axis of time, the run with the first
 * change and the interval of that prediction; a line through both where the objective would be met.
 */
#include <math.h>

#include "master/master_page.h"
#include "master/master_words.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define PIECES_MAX 6
#define PIECE_MIN  0.0005 /* of the bar: thinner is not drawn */

static double percent(double ratio)
{
    return ratio > 0 ? fmin(ratio, 1) * 100 : 0;
}

static void begin_row(struct str *str, const char *name, const char *label)
{
    str_append(str, "<div class=\"strip\">");
    page_element(str, "span", "", name);
    str_append(str, "<svg role=\"img\" aria-label=\"");
    page_text(str, label);
    str_append(str, "\">");
}

static void end_row(struct str *str, const struct digest *digest, const char *value)
{
    double goal = percent(digest->picture.goal);

    if (goal > 0)
        str_printf(str,
                   "<rect class=\"goal\" x=\"%.2f%%\" y=\"0\" width=\"2\" "
                   "height=\"100%%\"/>",
                   goal);
    str_append(str, "</svg>");
    page_element(str, "b", "", value);
    str_append(str, "</div>\n");
}

static void word_piece(struct str *str, const struct digest_piece *piece)
{
    str_printf(str, "%s: %s, %s", piece->name, unit_ratio(piece->ratio).text,
               phrase_doing_short(piece->doing));
    if (piece->detail)
        str_printf(str, " %s", piece->detail);
}

static void write_today(struct str *str, const struct digest *digest)
{
    const struct digest_picture *picture = &digest->picture;
    struct str text = {0};
    double at = 0;

    for (size_t i = 0; i < picture->pieces.count && i < PIECES_MAX; i++) {
        str_append(&text, i ? "; " : "today: ");
        word_piece(&text, &picture->pieces.items[i]);
    }
    begin_row(str, "today", str_text(&text));
    for (size_t i = 0; i < picture->pieces.count; i++) {
        const struct digest_piece *piece = &picture->pieces.items[i];
        if (piece->ratio >= PIECE_MIN && at < 1) {
            str_printf(str, "<rect class=\"d-%s\" x=\"%.2f%%\" y=\"0\" width=\"%.2f%%\" height=\"100%%\">",
                       doing_name(piece->doing), percent(at), percent(fmin(piece->ratio, 1 - at)));
            str_clear(&text);
            word_piece(&text, piece);
            page_element(str, "title", "", str_text(&text));
            str_append(str, "</rect>");
        }
        at += piece->ratio > 0 ? piece->ratio : 0;
    }
    str_clear(&text);
    word_scale(&text, digest, 1, digest->investigation->objective.measured);
    end_row(str, digest, str_text(&text));
    str_free(&text);
}

static void write_after(struct str *str, const struct digest *digest)
{
    const struct digest_picture *picture = &digest->picture;
    struct str name = {0}, label = {0};

    if (!picture->change)
        return;
    word_with(&name, picture->change);
    word_move(&label, digest, picture->change);
    begin_row(str, str_text(&name), str_text(&label));
    str_printf(str, "<rect class=\"after\" x=\"0\" y=\"0\" width=\"%.2f%%\" height=\"100%%\"/>",
               fmax(percent(picture->after), 0.3));
    str_printf(str, "<rect class=\"range\" x=\"%.2f%%\" y=\"0\" width=\"%.2f%%\" height=\"100%%\"/>",
               percent(picture->after_low), fmax(percent(picture->after_high - picture->after_low), 0.3));
    str_clear(&label);
    word_scale(&label, digest, picture->after, picture->change->objective_after);
    end_row(str, digest, str_text(&label));
    str_free(&name);
    str_free(&label);
}

/* Where the line stands, in words below it. */
static void write_goal(struct str *str, const struct digest *digest)
{
    struct str text = {0};
    double goal = percent(digest->picture.goal);

    if (!(goal > 0))
        return;
    str_append(&text, "objective ");
    word_scale(&text, digest, digest->picture.goal, digest->investigation->objective.wanted);
    str_append(str, "<div class=\"strip\"><span></span><div class=\"goal-name\">");
    if (goal <= 50)
        str_printf(str, "<span style=\"left:%.2f%%\">", goal);
    else
        str_printf(str, "<span style=\"right:%.2f%%\">", 100 - goal);
    page_text(str, str_text(&text));
    str_append(str, "</span></div><b></b></div>\n");
    str_free(&text);
}

static void write_legend(struct str *str, const struct digest *digest)
{
    const struct digest_picture *picture = &digest->picture;
    double rest = 0;

    str_append(str, "<ul class=\"legend\">");
    for (size_t i = 0; i < picture->pieces.count; i++) {
        const struct digest_piece *piece = &picture->pieces.items[i];
        struct str text = {0};
        if (i >= PIECES_MAX) {
            rest += piece->ratio;
            continue;
        }
        str_printf(str, "<li><i class=\"d-%s\"></i>", doing_name(piece->doing));
        page_element(str, "b", "", piece->name);
        str_printf(&text, " %s %s%s%s", unit_ratio(piece->ratio).text, phrase_doing_short(piece->doing),
                   piece->detail ? " " : "", piece->detail ? piece->detail : "");
        page_text(str, str_text(&text));
        str_append(str, "</li>");
        str_free(&text);
    }
    if (rest > 0) {
        str_append(str, "<li>all others ");
        page_text(str, unit_ratio(rest).text);
        str_append(str, "</li>");
    }
    str_append(str, "</ul>\n");
}

void master_page_picture(struct str *str, const struct digest *digest)
{
    const struct digest_picture *picture = &digest->picture;

    if (!picture->whole_ns || !picture->pieces.count)
        return;
    str_append(str, "<div class=\"picture\">\n");
    if (phrase_serves(digest->verdict))
        str_append(str, "<p class=\"note\">Where the time of a request near the median goes.</p>\n");
    write_today(str, digest);
    write_after(str, digest);
    write_goal(str, digest);
    write_legend(str, digest);
    str_append(str, "</div>\n");
}
