/* SPDX-License-Identifier: Apache-2.0 */
/* The diagnosis for a person at a terminal: what it is and the next command first, then why, then what was found. */
#include <stdio.h>
#include <string.h>

#include "diagnose/diagnosis.h"
#include "report/escape.h"
#include "report/units.h"

#define NAME_COLUMNS 15
#define INDENT       13
#define NOTE_COLUMN  (INDENT + NAME_COLUMNS + 36)
#define LISTED_MAX   6
#define WIDTH_MIN    40u
#define QUESTION_MAX 36

struct page {
    const struct diagnosis *diagnosis;
    const struct diagnosis_look *look;
    struct str *text;
    size_t column; /* of the paragraph that is being written */
};

static const char *paint(const struct page *page, const char *code)
{
    return page->look->colour ? code : "";
}

#define STRONG(page) paint(page, "\033[1m")
#define FAINT(page)  paint(page, "\033[2m")
#define PLAIN(page)  paint(page, "\033[0m")

static size_t width_of(const struct page *page)
{
    return page->look->width > WIDTH_MIN ? page->look->width : 80;
}

/* Adds words to a paragraph that hangs at `indent` columns. */
static void words_add(struct page *page, size_t indent, const char *words)
{
    struct str safe = {0};
    escape_plain(&safe, words);
    for (const char *at = str_text(&safe); *at;) {
        size_t length = strcspn(at, " ");
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        size_t columns = escape_columns(word);
        if (page->column > indent && page->column + 1 + columns >= width_of(page)) {
            str_printf(page->text, "\n%*s", (int)indent, "");
            page->column = indent;
        }
        str_printf(page->text, "%s%s", page->column > indent ? " " : "", word);
        page->column += columns + (page->column > indent);
        at += length;
        at += strspn(at, " ");
    }
    str_free(&safe);
}

static void label(struct page *page, const char *name)
{
    str_printf(page->text, "%s%-*s%s", FAINT(page), INDENT, name, PLAIN(page));
    page->column = INDENT;
}

/* A sign behind the last word; words_add leaves the column for it. */
static void sign_add(struct page *page, const char *sign)
{
    str_append(page->text, sign);
    page->column++;
}

static void line_end(struct page *page)
{
    str_append(page->text, "\n");
}

static void head_write(struct page *page)
{
    const struct diagnosis *diagnosis = page->diagnosis;
    const struct plan *plan = &diagnosis->plan;
    char words[512];
    page->column = 0;
    str_append(page->text, STRONG(page));
    if (diagnosis->target == TARGET_PROCESS)
        snprintf(words, sizeof words, "%s (%llu): ", diagnosis->name, (unsigned long long)diagnosis->pid);
    else
        snprintf(words, sizeof words, "%s: ", diagnosis->name);
    words_add(page, 0, words);
    if (plan->is_given)
        snprintf(words, sizeof words, "%s, as you say.", symptom_name(plan->symptom));
    else
        snprintf(words, sizeof words, "%s (%s).", symptom_name(plan->symptom), plan->evidence);
    words_add(page, 0, words);
    str_printf(page->text, "%s\n\n", PLAIN(page));
    /* One line however long it is: it is there to be copied. */
    label(page, "Next");
    str_append(page->text, STRONG(page));
    escape_plain(page->text, plan->command);
    str_printf(page->text, "%s\n%*s", PLAIN(page), INDENT, "");
    page->column = INDENT;
    words_add(page, INDENT, plan->why);
    str_append(page->text, "\n\n");
}

static void steps_write(struct page *page)
{
    const struct plan *plan = &page->diagnosis->plan;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct plan_step *step = &plan->steps[i];
        label(page, i ? "" : "Because");
        str_printf(page->text, "%-*s %s%-3s%s  ", QUESTION_MAX, step->question,
                   step->answer ? STRONG(page) : "", step->answer ? "yes" : "no",
                   step->answer ? PLAIN(page) : "");
        page->column = INDENT + QUESTION_MAX + 6;
        words_add(page, page->column, step->evidence);
        line_end(page);
    }
    line_end(page);
}

/* What makes the figures untrue, before them. */
static void caveats_write(struct page *page)
{
    const struct diagnosis *diagnosis = page->diagnosis;
    char words[160];
    for (size_t i = 0; i < diagnosis->disturber_count; i++) {
        const struct diagnosis_disturber *at = &diagnosis->disturbers[i];
        label(page, i ? "" : "Disturbed");
        snprintf(words, sizeof words,
                 "%s (%llu) is at work%s: it %s what it looks at; measure when it has ended", at->name,
                 (unsigned long long)at->pid, at->is_tracer ? " on it" : "", profiler_way_name(at->way));
        words_add(page, INDENT, words);
        line_end(page);
    }
    if (diagnosis->is_hidden) {
        label(page, "Hidden");
        words_add(page, INDENT, "it is another user's: its libraries, files and environment are not shown");
        line_end(page);
    }
    if (diagnosis->disturber_count || diagnosis->is_hidden)
        line_end(page);
}

static bool is_shown(const struct use_table *table, const struct use_row *row)
{
    if (row->state != USE_OK && row->state != USE_NOT_KNOWN)
        return true;
    if (strcmp(row->resource, "files") == 0 || strcmp(row->resource, "tcp") == 0 ||
        strcmp(row->resource, "cgroup-tasks") == 0)
        return false;
    /* Of several disks or links that are well the busiest stands for all. */
    return row == use_worst(table, row->resource) || row->state == USE_NOT_KNOWN;
}

static struct unit ratio_text(double ratio)
{
    return ratio < 0 ? (struct unit){"-"} : unit_ratio(ratio);
}

static const char *state_colour(const struct page *page, enum use_state state)
{
    return paint(page, state == USE_ERRORS || state == USE_SATURATED ? "\033[31m"
                       : state == USE_BUSY                           ? "\033[33m"
                       : state == USE_OK                             ? "\033[32m"
                                                                     : "\033[2m");
}

static void use_write(struct page *page)
{
    const struct use_table *table = &page->diagnosis->use;
    label(page, "Machine");
    str_printf(page->text, "%s%-*s%7s%8s%8s  %-11s%s\n", FAINT(page), NAME_COLUMNS, "", "used", "waits",
               "errors", "state", PLAIN(page));
    for (size_t i = 0; i < table->count; i++) {
        const struct use_row *row = &table->rows[i];
        char name[64], errors[24];
        if (!is_shown(table, row))
            continue;
        snprintf(name, sizeof name, "%s%s%s", row->resource, row->name[0] ? " " : "", row->name);
        snprintf(errors, sizeof errors, row->error_count < 0 ? "-" : "%.0f", row->error_count);
        label(page, "");
        str_printf(page->text, "%-*.*s%7s%8s%8s  %s%-11s%s", NAME_COLUMNS, NAME_COLUMNS, name,
                   ratio_text(row->utilisation_ratio).text, ratio_text(row->saturation_ratio).text, errors,
                   state_colour(page, row->state), use_state_name(row->state), PLAIN(page));
        page->column = NOTE_COLUMN;
        str_append(page->text, FAINT(page));
        words_add(page, NOTE_COLUMN, row->note);
        str_append(page->text, PLAIN(page));
        line_end(page);
    }
    line_end(page);
}

static void top_write(struct page *page)
{
    const struct diagnosis *diagnosis = page->diagnosis;
    for (size_t i = 0; i < diagnosis->top_count && i < 3; i++) {
        const struct diagnosis_process *at = &diagnosis->top[i];
        char words[128];
        label(page, i ? "" : "Busiest");
        snprintf(words, sizeof words, "%s (%llu): %s of a core, %s", at->name, (unsigned long long)at->pid,
                 unit_ratio(at->core_count).text, unit_bytes(at->rss_bytes).text);
        words_add(page, INDENT, words);
        line_end(page);
    }
    if (diagnosis->port_count) {
        label(page, "Serves");
        for (size_t i = 0; i < diagnosis->port_count; i++) {
            char words[24];
            snprintf(words, sizeof words, "port %u%s", diagnosis->ports[i],
                     i + 1 < diagnosis->port_count ? "," : "");
            words_add(page, INDENT, words);
        }
        line_end(page);
    }
}

static void found_write(struct page *page)
{
    static const char *const names[TECHNOLOGY_KINDS] = {"Languages", "Runtimes", "Frameworks", "Databases",
                                                        "Servers"};
    const struct technologies *found = &page->diagnosis->found;
    for (int kind = 0; kind < TECHNOLOGY_KINDS; kind++) {
        size_t count = 0;
        for (size_t i = 0; i < found->items.count; i++) {
            const struct technology *at = &found->items.items[i];
            char words[256];
            if ((int)at->kind != kind || count++ >= LISTED_MAX)
                continue;
            if (count == 1)
                label(page, names[kind]);
            else
                sign_add(page, ",");
            snprintf(words, sizeof words, "%s%s%s (%.120s)", at->name, at->version[0] ? " " : "", at->version,
                     at->evidence);
            words_add(page, INDENT, words);
        }
        if (count > LISTED_MAX)
            str_printf(page->text, ", %zu more", count - LISTED_MAX);
        if (count)
            line_end(page);
    }
}

static void deployment_write(struct page *page)
{
    const struct deployment *deployment = &page->diagnosis->deployment;
    char words[256];
    label(page, "Environment");
    snprintf(words, sizeof words, "%s%s", deployment_name(deployment->kind),
             deployment->kind == DEPLOYMENT_UNKNOWN ? " (treated like production)" : "");
    words_add(page, INDENT, words);
    for (size_t i = 0; i < deployment->sign_count; i++) {
        sign_add(page, i ? "," : ":");
        snprintf(words, sizeof words, "%s (%+d)", deployment->signs[i].says, deployment->signs[i].weight);
        words_add(page, INDENT, words);
    }
    line_end(page);
}

static void profilers_write(struct page *page, bool safe)
{
    const struct profilers *profilers = &page->diagnosis->profilers;
    size_t count = 0;
    for (size_t i = 0; i < profilers->count; i++) {
        const struct profiler *at = &profilers->items[i];
        char words[160];
        if (!at->path || !at->is_fit || at->is_safe != safe)
            continue;
        if (count++ == 0) {
            label(page, safe ? "Profilers" : "");
            words_add(page, INDENT, safe ? "safe here: toll," : "not here:");
        } else {
            sign_add(page, ",");
        }
        if (safe)
            snprintf(words, sizeof words, "%s%s%s (%s)", at->rule->name, at->version[0] ? " " : "",
                     at->version, at->rule->measures);
        else
            snprintf(words, sizeof words, "%s%s%s (%s it)", at->rule->name, at->version[0] ? " " : "",
                     at->version, profiler_way_name(at->rule->way));
        words_add(page, INDENT, words);
    }
    if (count == 0 && safe) {
        label(page, "Profilers");
        words_add(page, INDENT, "safe here: toll; no other that fits is installed");
    }
    if (count || safe)
        line_end(page);
}

void diagnosis_text(const struct diagnosis *diagnosis, const struct diagnosis_look *look, struct str *text)
{
    struct page page = {.diagnosis = diagnosis, .look = look, .text = text};
    head_write(&page);
    steps_write(&page);
    caveats_write(&page);
    use_write(&page);
    top_write(&page);
    found_write(&page);
    deployment_write(&page);
    profilers_write(&page, true);
    profilers_write(&page, false);
}
