/* SPDX-License-Identifier: Apache-2.0 */
/* compare_text: what a person reads in five seconds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare_words.h"
#include "compare/judged_difference.h"
#include "model/agent_names.h"
#include "report/escape.h"

#define BOLD  "\x1b[1m"
#define DIM   "\x1b[2m"
#define GREEN "\x1b[32m"
#define RED   "\x1b[31m"
#define PLAIN "\x1b[0m"

#define COLUMNS_BESIDE 22u /* the two values */
#define RATIO_COLUMNS  23u
#define LABEL_MIN      20u
#define LABEL_MAX      44u
#define CLAIMS_MAX     10u
#define STAGES_MAX     8u

struct page {
    const struct comparison *comparison;
    const struct compare_look *look;
    struct str *text;
    unsigned label; /* columns */
};

static const char *paint(const struct page *page, const char *colour)
{
    return page->look->colour ? colour : "";
}

static const char *colour_of(const struct page *page, const struct difference *difference)
{
    if (!difference_is_claim(difference))
        return "";
    return paint(page, difference->verdict == EFFECT_SLOWER ? RED : GREEN);
}

/* A label in its column; what is too long loses its middle. */
static void label(struct page *page, const char *name, unsigned indent)
{
    struct str cut = {0};
    escape_plain_cut(&cut, name, page->label - indent, page->look->ascii);
    size_t columns = escape_columns(str_text(&cut)) + indent;
    str_printf(page->text, "%*s%s%*s", (int)indent, "", str_text(&cut),
               columns < page->label ? (int)(page->label - columns) : 0, "");
    str_free(&cut);
}

static void row(struct page *page, const char *name, unsigned indent, const struct difference *difference,
                const char *beside)
{
    struct words a = words_value(difference, difference->a), b = words_value(difference, difference->b);
    struct words ratio = words_ratio(difference);
    label(page, name, indent);
    str_printf(page->text, " %9s %9s  %s%-*s %s%s\n", a.text, b.text, colour_of(page, difference),
               (int)RATIO_COLUMNS, ratio.text, beside,
               difference_is_claim(difference) ? paint(page, PLAIN) : "");
}

static void table_head(struct page *page, const char *name)
{
    str_printf(page->text, "%s%-*s %9s %9s%s\n", paint(page, DIM), (int)page->label, name, "A", "B",
               paint(page, PLAIN));
}

static void side(struct page *page, int index)
{
    const struct compare_side *side = &page->comparison->sides[index];
    struct str files = {0}, line = {0};
    for (size_t i = 0; i < side->file_count && i < 3; i++)
        str_printf(&files, "%s%s", i ? ", " : "", side->files[i]);
    if (side->file_count > 3)
        str_printf(&files, " and %zu more", side->file_count - 3);
    if (side->title[0])
        str_printf(&line, "%s%s", side->title, files.length ? "   " : "");
    str_append(&line, str_text(&files));
    str_printf(page->text, "%s%c%s    ", paint(page, BOLD), "AB"[index], paint(page, PLAIN));
    escape_plain_cut(page->text, str_text(&line), page->look->width - 6, page->look->ascii);
    str_append(page->text, "\n");
    str_free(&files);
    str_free(&line);
}

/* Breaks at blanks, but not before a percent sign; lines begin with the blanks that stand under the first. */
static void wrapped(struct page *page, const char *sentence, size_t indent)
{
    size_t at = indent;
    while (*sentence) {
        size_t word = strcspn(sentence, " ");
        if (strncmp(sentence + word, " %", 2) == 0)
            word += 1 + strcspn(sentence + word + 1, " ");
        if (at > indent && at + 1 + word > page->look->width) {
            str_printf(page->text, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            str_append(page->text, " ");
            at++;
        }
        str_append_bytes(page->text, sentence, word);
        at += word;
        sentence += word + (sentence[word] == ' ');
    }
    str_append(page->text, "\n");
}

static void headline(struct page *page)
{
    struct str sentence = {0};
    const struct difference *first = words_headline(page->comparison);
    words_headline_sentence(page->comparison, &sentence);
    if (first) {
        str_printf(page->text, "\n%s%s", paint(page, BOLD),
                   words_is_single(page->comparison) ? colour_of(page, first) : "");
        wrapped(page, str_text(&sentence), 0);
        str_append(page->text, paint(page, PLAIN));
    }
    str_free(&sentence);
}

static void trust(struct page *page)
{
    struct str sentences = {0}, plain = {0};
    words_trust(page->comparison, &sentences);
    bool is_first = true;
    for (char *at = sentences.text, *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        if (!end)
            break;
        *end = '\0';
        str_clear(&plain);
        escape_plain(&plain, at);
        str_printf(page->text, "%s%s%s  ", paint(page, BOLD), is_first ? "Trust" : "     ",
                   paint(page, PLAIN));
        wrapped(page, str_text(&plain), 7);
        is_first = false;
    }
    str_free(&sentences);
    str_free(&plain);
}

/* --- results --- */

static void lone(struct page *page, const char *const *names, size_t count, char side_letter)
{
    if (!count)
        return;
    str_printf(page->text, "Only in %c: ", side_letter);
    for (size_t i = 0; i < count && i < 5; i++) {
        str_append(page->text, i ? ", " : "");
        escape_plain_cut(page->text, names[i], 40, page->look->ascii);
    }
    if (count > 5)
        str_printf(page->text, " and %zu more", count - 5);
    str_append(page->text, ".\n");
}

static void results(struct page *page)
{
    const struct comparison *comparison = page->comparison;
    const char *place = NULL;
    bool has_places = false;
    for (size_t i = 1; i < comparison->differences.count; i++)
        has_places = has_places || strcmp(comparison->differences.items[i].place,
                                          comparison->differences.items[0].place) != 0;
    headline(page);
    str_append(page->text, "\n");
    table_head(page, "");
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (has_places && (!place || strcmp(place, difference->place) != 0)) {
            escape_plain_cut(page->text, difference->place, page->look->width, page->look->ascii);
            str_append(page->text, "\n");
            place = difference->place;
        }
        row(page, words_metric(difference->metric).text, has_places ? 2 : 0, difference,
            words_verdict(difference));
    }
    lone(page, comparison->only_a.items, comparison->only_a.count, 'A');
    lone(page, comparison->only_b.items, comparison->only_b.count, 'B');
    str_append(page->text, "\n");
}

/* --- recordings --- */

static void claims(struct page *page)
{
    struct claims claims;
    if (claims_find(page->comparison, &claims)) {
        page->text->failed = true;
        return;
    }
    str_append(page->text, "\n");
    if (claims.items.count)
        table_head(page, "What changed most");
    for (size_t i = 0; i < claims.items.count && i < CLAIMS_MAX; i++) {
        const struct difference *difference = claims.items.items[i];
        struct str name = {0};
        words_place(difference, &name);
        if (difference->kind == COMPARE_STAGE)
            str_printf(&name, ": %s", words_metric(difference->metric).text);
        row(page, str_text(&name), 2, difference, words_delta(difference).text);
        str_free(&name);
    }
    if (claims.items.count > CLAIMS_MAX)
        str_printf(page->text, "  and %zu smaller changes\n", claims.items.count - CLAIMS_MAX);
    str_printf(page->text, "%s changed beyond noise: ", claims.items.count ? "Nothing else" : "Nothing");
    if (page->comparison->is_agents)
        str_printf(page->text, "%zu waits and %zu figures of tasks are within it.\n",
                   claims.within_count[COMPARE_WAIT], claims.within_count[COMPARE_STAGE]);
    else
        str_printf(page->text, "%zu functions, %zu waits and %zu stage times are within it.\n",
                   claims.within_count[COMPARE_FUNCTION], claims.within_count[COMPARE_WAIT],
                   claims.within_count[COMPARE_STAGE]);
    vec_free(&claims.items);
}

/* The time of each stage, and what else of it changed. */
static void stages(struct page *page)
{
    const struct comparison *comparison = page->comparison;
    size_t shown = 0;
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference->kind != COMPARE_STAGE || difference->denial == COMPARE_DENIED_BY_SIZE)
            continue;
        bool is_wanted = strcmp(difference->metric, "wall_ns") == 0 || difference->higher_is_better ||
                         difference_is_claim(difference);
        if (!is_wanted || shown++ >= STAGES_MAX)
            continue;
        struct str name = {0};
        if (shown == 1) {
            str_append(page->text, "\n");
            table_head(page, "Stages");
        }
        str_printf(&name, "%s: %s", difference->place, words_metric(difference->metric).text);
        row(page, str_text(&name), 2, difference, words_verdict(difference));
        str_free(&name);
    }
    if (shown > STAGES_MAX)
        str_printf(page->text, "  and %zu more: --json has all\n", shown - STAGES_MAX);
}

static int by_larger(const void *a, const void *b)
{
    const struct difference *left = *(const struct difference *const *)a,
                            *right = *(const struct difference *const *)b;
    double x = fmax(left->a, left->b), y = fmax(right->a, right->b);
    return (x < y) - (x > y);
}

/* Of a team: one figure of each task, the largest first. */
static void tasks(struct page *page, const char *metric, const char *head)
{
    VEC(const struct difference *) found = {0};
    const struct comparison *comparison = page->comparison;
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        bool is_it = difference->kind == COMPARE_STAGE && strcmp(difference->metric, metric) == 0 &&
                     difference->denial != COMPARE_DENIED_BY_SIZE;
        if (is_it && vec_push(&found, difference))
            page->text->failed = true;
    }
    if (found.count) {
        qsort(found.items, found.count, sizeof *found.items, by_larger);
        str_append(page->text, "\n");
        table_head(page, head);
    }
    for (size_t i = 0; i < found.count && i < STAGES_MAX; i++)
        row(page, found.items[i]->place, 2, found.items[i], words_verdict(found.items[i]));
    if (found.count > STAGES_MAX)
        str_printf(page->text, "  and %zu more: --json has all\n", found.count - STAGES_MAX);
    vec_free(&found);
}

static void run_rows(struct page *page)
{
    const struct comparison *comparison = page->comparison;
    str_append(page->text, "\n");
    table_head(page, comparison->is_rate ? "For each second" : "The run");
    for (size_t i = 0; i < comparison->differences.count; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference->kind == COMPARE_RUN)
            row(page, words_metric(difference->metric).text, 2, difference, words_verdict(difference));
    }
    for (size_t i = 0, shown = 0; i < comparison->differences.count && shown < STAGES_MAX; i++) {
        const struct difference *difference = &comparison->differences.items[i];
        if (difference->kind != COMPARE_USAGE || strcmp(difference->metric, "calls") == 0 ||
            comparison->is_agents)
            continue;
        struct str name = {0};
        str_printf(&name, "%s: %s", difference->place, difference->metric);
        row(page, str_text(&name), 2, difference,
            fabs(difference->log_ratio.value) > 0 ? "other work" : "the same work");
        str_free(&name);
        shown++;
    }
}

void compare_text_write(const struct comparison *comparison, const struct compare_look *look,
                        struct str *text)
{
    struct page page = {.comparison = comparison, .look = look, .text = text};
    unsigned beside = COLUMNS_BESIDE + RATIO_COLUMNS + 13;
    page.label = look->width > beside + LABEL_MIN ? look->width - beside : LABEL_MIN;
    if (page.label > LABEL_MAX)
        page.label = LABEL_MAX;
    for (int i = 0; i < 2; i++)
        if (comparison->sides[i].file_count || comparison->sides[i].title[0])
            side(&page, i);
    if (comparison->is_recordings) {
        headline(&page);
        claims(&page);
        if (comparison->is_agents) {
            tasks(&page, USAGE_COST, "What tasks cost");
            tasks(&page, "wall_ns", "How long they took");
        } else {
            stages(&page);
        }
        run_rows(&page);
        str_append(text, "\n");
    } else {
        results(&page);
    }
    trust(&page);
}
