/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal_show.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/units.h"
#include "store/history_show.h"

#define BOLD  "\x1b[1m"
#define DIM   "\x1b[2m"
#define PLAIN "\x1b[0m"

#define INDENT 5u /* columns before what belongs to an entry */

static const char *paint(const struct journal_look *look, const char *colour)
{
    return look->colour ? colour : "";
}

/* A text of the recorded program may be anything; one line of it, as wide as there is room. */
static void line(const char *sentence, unsigned indent, const struct journal_look *look, struct str *text)
{
    unsigned room = look->width > indent + 20 ? look->width - indent : 20;
    str_printf(text, "%*s", (int)indent, "");
    escape_plain_cut(text, sentence, room, look->ascii);
    str_append(text, "\n");
}

/* The found words bold, or in brackets where there is no bold. */
static void snippet_line(const char *snippet, const struct journal_look *look, struct str *text)
{
    struct str part = {0};
    str_printf(text, "%*s%s ", (int)INDENT, "", look->ascii ? "..." : "…");
    for (; *snippet; snippet++) {
        bool opens = *snippet == JOURNAL_MARK_OPEN[0], closes = *snippet == JOURNAL_MARK_CLOSE[0];
        if (!opens && !closes) {
            str_append_bytes(&part, snippet, 1);
            continue;
        }
        escape_plain(text, str_text(&part));
        str_clear(&part);
        str_append(text, opens ? (look->colour ? BOLD : "[") : (look->colour ? PLAIN : "]"));
    }
    escape_plain(text, str_text(&part));
    str_append(text, "\n");
    text->failed = text->failed || part.failed;
    str_free(&part);
}

/* A snippet that is in the sentence above it says nothing new. */
static bool is_new(const char *snippet, const char *sentence)
{
    struct str plain = {0};
    for (const char *at = snippet; *at; at++)
        if (*at != JOURNAL_MARK_OPEN[0] && *at != JOURNAL_MARK_CLOSE[0])
            str_append_bytes(&plain, at, 1);
    bool is_inside = plain.length && strstr(sentence, plain.text);
    str_free(&plain);
    return !is_inside;
}

static void factor_text(const char *word, double factor, double low, double high, struct str *text)
{
    if (!isfinite(factor) || factor <= 0)
        return;
    str_printf(text, "%s%s %s", text->length ? ", " : "", word, unit_factor(factor).text);
    if (isfinite(low) && isfinite(high) && low > 0)
        str_printf(text, " (%s to %s)", unit_factor(low).text, unit_factor(high).text);
}

void journal_outcome_text(const struct journal_entry *entry, struct str *text)
{
    struct str said = {0};
    factor_text("predicted", entry->predicted, entry->predicted_low, entry->predicted_high, &said);
    factor_text("measured", entry->measured, entry->measured_low, entry->measured_high, &said);
    if (entry->outcome)
        str_printf(&said, "%s%s", said.length ? ", " : "", entry->outcome);
    str_append(text, str_text(&said));
    text->failed = text->failed || said.failed;
    str_free(&said);
}

void journal_change_text(const struct journal_entry *entry, struct str *text)
{
    struct str said = {0};
    journal_outcome_text(entry, &said);
    if (entry->change)
        str_append(text, entry->change);
    if (said.length)
        str_printf(text, "%s%s", entry->change ? ": " : "", said.text);
    text->failed = text->failed || said.failed;
    str_free(&said);
}

void journal_entry_text(const struct journal_entry *entry, const char *snippet,
                        const struct journal_look *look, struct str *text)
{
    struct str change = {0}, head = {0};
    char number[24];
    snprintf(number, sizeof number, "#%lld", (long long)entry->id);
    str_printf(text, "%s%-*s%s", paint(look, BOLD), (int)INDENT - 1, number, paint(look, PLAIN));
    str_printf(&head, " %s  %s", history_stamp(entry->at_ns).text, entry->kind);
    if (entry->cause)
        str_printf(&head, "  %s", entry->cause);
    if (entry->agreement)
        str_printf(&head, "  (%s)", entry->agreement);
    escape_plain(text, str_text(&head));
    str_append(text, "\n");
    line(entry->finding, INDENT, look, text);
    if (snippet && is_new(snippet, entry->finding))
        snippet_line(snippet, look, text);
    journal_change_text(entry, &change);
    if (change.length)
        line(change.text, INDENT, look, text);
    text->failed = text->failed || change.failed || head.failed;
    str_free(&change);
    str_free(&head);
}

static void field(const char *name, const char *value, const struct journal_look *look, struct str *text)
{
    if (!value)
        return;
    str_printf(text, "%s%-10s%s  ", paint(look, DIM), name, paint(look, PLAIN));
    escape_plain(text, value);
    str_append(text, "\n");
}

void journal_entry_whole(const struct journal_entry *entry, const struct journal_look *look, struct str *text)
{
    struct str change = {0};
    str_printf(text, "%s#%lld%s  %s  %s\n", paint(look, BOLD), (long long)entry->id, paint(look, PLAIN),
               history_stamp(entry->at_ns).text, entry->kind);
    field("finding", entry->finding, look, text);
    field("symptom", entry->symptom, look, text);
    field("cause", entry->cause, look, text);
    field("where", entry->place, look, text);
    field("change", entry->change, look, text);
    field("fix", entry->fix, look, text);
    journal_outcome_text(entry, &change);
    field("outcome", change.length ? change.text : NULL, look, text);
    field("agreement", entry->agreement, look, text);
    field("of", entry->name, look, text);
    field("recording", entry->recording, look, text);
    field("machine", entry->machine, look, text);
    field("revision", entry->revision, look, text);
    text->failed = text->failed || change.failed;
    str_free(&change);
}

static void json_if_said(struct json_writer *json, const char *key, double value)
{
    if (isfinite(value))
        json_number(json, key, value);
}

static void json_if_text(struct json_writer *json, const char *key, const char *text)
{
    if (text)
        json_text(json, key, text);
}

static void snippet_json(const char *snippet, struct json_writer *json)
{
    struct str text = {0};
    for (; *snippet; snippet++)
        str_append_bytes(&text,
                         *snippet == JOURNAL_MARK_OPEN[0]    ? "["
                         : *snippet == JOURNAL_MARK_CLOSE[0] ? "]"
                                                             : snippet,
                         1);
    json_text(json, "snippet", str_text(&text));
    json->str->failed = json->str->failed || text.failed;
    str_free(&text);
}

void journal_entry_json(const struct journal_entry *entry, const struct journal_hit *hit,
                        struct json_writer *json)
{
    json_open(json, NULL, '{');
    if (entry->id)
        json_u64(json, "id", (uint64_t)entry->id);
    json_u64(json, "at_ns", (uint64_t)entry->at_ns);
    json_text(json, "at", history_stamp_utc(entry->at_ns).text);
    json_text(json, "kind", entry->kind);
    json_text(json, "finding", entry->finding);
    json_if_text(json, "symptom", entry->symptom);
    json_if_text(json, "cause", entry->cause);
    json_if_text(json, "where", entry->place);
    json_if_text(json, "change", entry->change);
    json_if_text(json, "fix", entry->fix);
    json_if_text(json, "outcome", entry->outcome);
    json_if_text(json, "agreement", entry->agreement);
    json_if_text(json, "name", entry->name);
    json_if_text(json, "recording", entry->recording);
    json_if_text(json, "machine", entry->machine);
    json_if_text(json, "revision", entry->revision);
    json_if_text(json, "key", entry->key);
    json_if_said(json, "predicted", entry->predicted);
    json_if_said(json, "predicted_low", entry->predicted_low);
    json_if_said(json, "predicted_high", entry->predicted_high);
    json_if_said(json, "measured", entry->measured);
    json_if_said(json, "measured_low", entry->measured_low);
    json_if_said(json, "measured_high", entry->measured_high);
    if (hit) {
        json_number(json, "score", hit->score);
        json_bool(json, "has_all_words", hit->has_all);
        snippet_json(hit->snippet, json);
    }
    json_close(json, '}');
}
