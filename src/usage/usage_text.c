/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "report/escape.h"
#include "report/text_page.h"
#include "report/units.h"
#include "usage/usage_show.h"

#define KEY_MIN    10u
#define BAR_MAX    24u
#define BAR_MIN    6u
#define FAULTS_MAX 3u /* named in a text */

struct usage_short usage_short(uint64_t count)
{
    static const char units[] = "kMBTQ";
    struct usage_short text;
    double shown = (double)count;
    size_t unit = 0;
    if (count < 10000) {
        snprintf(text.text, sizeof text.text, "%s", unit_count(shown).text);
        return text;
    }
    for (shown /= 1000; shown >= 999.5 && unit + 2 < sizeof units; unit++)
        shown /= 1000;
    snprintf(text.text, sizeof text.text, shown < 99.95 ? "%.1f%c" : "%.0f%c", shown, units[unit]);
    return text;
}

struct usage_short usage_dollars(double usd)
{
    struct usage_short text;
    if (usd >= 1000)
        snprintf(text.text, sizeof text.text, "$%s", unit_count(usd).text);
    else if (usd >= 0.095 || usd <= 0)
        snprintf(text.text, sizeof text.text, "$%.2f", usd < 0 ? 0 : usd);
    else if (usd >= 0.0001)
        snprintf(text.text, sizeof text.text, "$%.2g", usd);
    else
        snprintf(text.text, sizeof text.text, "<$0.0001");
    return text;
}

/* --- the table --- */

struct number_column {
    const char *title;
    size_t width;
};
static const struct number_column columns[] = {
    {"input", 6}, {"output", 7}, {"cache write", 11}, {"cache read", 10}, {"cost", 9}};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

struct usage_table {
    struct text_page page;
    struct usage_answer *answer;
    size_t key_columns[USAGE_KEYS_MAX];
    size_t bar_columns; /* 0: none */
    size_t rows_shown;
    double cost_max;
};

static size_t number_columns(void)
{
    size_t sum = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        sum += columns[i].width + 2;
    return sum;
}

/* Each key takes what its longest name needs, as far as there is room. */
static void lay_out(struct usage_table *table)
{
    const struct usage_query *query = &table->answer->query;
    size_t numbers = number_columns(), room = table->page.width > numbers ? table->page.width - numbers : 0,
           used = 0;
    for (size_t k = 0; k < query->key_count; k++) {
        size_t widest = num_max(strlen(usage_key_name(query->keys[k])), k ? 0 : strlen("total"));
        for (size_t i = 0; i < table->rows_shown; i++) {
            uint32_t name = table->answer->rows.items.items[i].keys[k];
            widest = num_max(widest, escape_columns(usage_name(table->answer, name)));
        }
        size_t left = query->key_count - k - 1, spare = left * (KEY_MIN + 2);
        size_t most = room > used + spare + KEY_MIN ? room - used - spare : KEY_MIN;
        table->key_columns[k] = num_min(widest, most);
        used += table->key_columns[k] + (left ? 2 : 0);
    }
    size_t rest = room > used + 2 ? room - used - 2 : 0;
    table->bar_columns = rest >= BAR_MIN ? num_min(rest, BAR_MAX) : 0;
    for (size_t i = 0; i < table->rows_shown; i++)
        table->cost_max = fmax(table->cost_max, table->answer->rows.items.items[i].sum.cost_usd);
}

static void cell_left(struct usage_table *table, const char *text, size_t width, bool is_last)
{
    struct str cut = {0};
    escape_plain_cut(&cut, text, width, table->page.options->ascii);
    str_append(table->page.str, str_text(&cut));
    text_blanks(table->page.str, width - num_min(width, escape_columns(str_text(&cut))) + (is_last ? 0 : 2));
    str_free(&cut);
}

static void cell_right(struct usage_table *table, const char *text, size_t width)
{
    size_t length = escape_columns(text);
    text_blanks(table->page.str, 2 + width - num_min(width, length));
    str_append(table->page.str, text);
}

static void cost_cell(struct usage_table *table, const struct usage_sum *sum)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s", usage_dollars(sum->cost_usd).text, sum->unpriced_count ? "+" : "");
    cell_right(table, usage_has_cost(sum) ? text : "unpriced", columns[4].width);
}

static void number_cells(struct usage_table *table, const struct usage_sum *sum)
{
    const struct tokens *tokens = &sum->tokens;
    char output[64];
    snprintf(output, sizeof output, "%s%s", usage_short(tokens->output).text, sum->partial_count ? "+" : "");
    cell_right(table, usage_short(tokens->input).text, columns[0].width);
    cell_right(table, output, columns[1].width);
    cell_right(table, usage_short(tokens->cache_write_5m + tokens->cache_write_1h).text, columns[2].width);
    cell_right(table, usage_short(tokens->cache_read).text, columns[3].width);
    cost_cell(table, sum);
}

static void trim_end(struct str *str)
{
    while (str->length && str->text[str->length - 1] == ' ')
        str->text[--str->length] = '\0';
}

static void head_line(struct usage_table *table)
{
    const struct usage_query *query = &table->answer->query;
    struct str *out = table->page.str, line = {0};
    table->page.str = &line;
    for (size_t k = 0; k < query->key_count; k++)
        cell_left(table, usage_key_name(query->keys[k]), table->key_columns[k], k + 1 == query->key_count);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        cell_right(table, columns[i].title, columns[i].width);
    table->page.str = out;
    text_styled(&table->page, STYLE_FAINT, str_text(&line));
    str_append(out, "\n");
    str_free(&line);
}

static void row_line(struct usage_table *table, const struct usage_row *row)
{
    const struct usage_query *query = &table->answer->query;
    for (size_t k = 0; k < query->key_count; k++)
        cell_left(table, usage_name(table->answer, row->keys[k]), table->key_columns[k],
                  k + 1 == query->key_count);
    number_cells(table, &row->sum);
    if (table->bar_columns && table->cost_max > 0 && row->sum.cost_usd > 0) {
        str_append(table->page.str, "  ");
        text_bar(&table->page, row->sum.cost_usd / table->cost_max, table->bar_columns);
    }
    trim_end(table->page.str);
    str_append(table->page.str, "\n");
}

static void total_line(struct usage_table *table)
{
    const struct usage_query *query = &table->answer->query;
    struct str *out = table->page.str, line = {0};
    table->page.str = &line;
    for (size_t k = 0; k < query->key_count; k++)
        cell_left(table, k ? "" : "total", table->key_columns[k], k + 1 == query->key_count);
    number_cells(table, &table->answer->totals);
    table->page.str = out;
    text_styled(&table->page, STYLE_STRONG, str_text(&line));
    str_append(out, "\n");
    str_free(&line);
}

/* --- around it --- */

static void append_day(struct str *str, int64_t at_ns)
{
    time_t seconds = (time_t)(at_ns / (int64_t)NS_PER_S);
    char text[32] = "";
    struct tm parts;
    if (localtime_r(&seconds, &parts))
        strftime(text, sizeof text, "%Y-%m-%d", &parts);
    str_append(str, text);
}

/* "2026-11-20 to 2026-11-26", a day alone once. */
static void append_days(struct str *str, int64_t first_ns, int64_t last_ns)
{
    struct str first = {0}, last = {0};
    append_day(&first, first_ns);
    append_day(&last, last_ns);
    str_append(str, str_text(&first));
    if (strcmp(str_text(&first), str_text(&last)) != 0)
        str_printf(str, " to %s", str_text(&last));
    str_free(&first);
    str_free(&last);
}

static void title_lines(struct usage_table *table, const struct usage_look *look)
{
    const struct usage_answer *answer = table->answer;
    struct str title = {0}, about = {0};
    str_append(&title, "Usage by ");
    for (size_t k = 0; k < answer->query.key_count; k++)
        str_printf(&title, "%s%s", k ? " and " : "", usage_key_name(answer->query.keys[k]));
    text_styled(&table->page, STYLE_STRONG, str_text(&title));
    str_printf(&about, "  %s call%s", unit_count((double)answer->totals.call_count).text,
               answer->totals.call_count == 1 ? "" : "s");
    if (answer->totals.first_ns) {
        str_append(&about, ", ");
        append_days(&about, answer->totals.first_ns, answer->totals.last_ns);
    }
    if (look->timezone && *look->timezone)
        str_printf(&about, ", %s", look->timezone);
    struct str safe = {0};
    escape_plain(&safe, str_text(&about));
    text_styled(&table->page, STYLE_FAINT, str_text(&safe));
    str_append(table->page.str, "\n\n");
    str_free(&title);
    str_free(&about);
    str_free(&safe);
}

static int top_lines(struct usage_table *table, struct err *err)
{
    struct usage_top tops[USAGE_TOP_MAX];
    size_t count = 0, widest = 0, most = table->page.width - 32;
    int status = usage_tops(table->answer, tops, &count, err);
    if (status || !count)
        return status;
    str_append(table->page.str, "\n");
    text_styled(&table->page, STYLE_STRONG, "Most of it");
    str_append(table->page.str, "\n");
    for (size_t i = 0; i < count; i++)
        widest = num_max(widest, escape_columns(tops[i].name));
    widest = num_min(widest, most);
    for (size_t i = 0; i < count; i++) {
        str_printf(table->page.str, "  %-9s", usage_key_name(tops[i].key));
        cell_left(table, tops[i].name, widest, true);
        str_printf(table->page.str, "  %6s  %9s\n", unit_ratio(tops[i].ratio).text,
                   tops[i].has_cost ? usage_dollars(tops[i].cost_usd).text
                                    : usage_short(tops[i].tokens).text);
    }
    return 0;
}

static void note_line(struct usage_table *table, const char *text)
{
    str_append(table->page.str, "  - ");
    text_wrap(&table->page, text, 4, 4);
}

static void partial_note(struct usage_table *table)
{
    const struct usage_sum *sum = &table->answer->totals;
    struct str text = {0};
    if (!sum->partial_count)
        return;
    str_printf(
        &text,
        "%s answer%s recorded only in part (+): %s output tokens are told, by their text it is at most %s",
        unit_count((double)sum->partial_count).text, sum->partial_count == 1 ? " is" : "s are",
        usage_short(sum->tokens.output).text, usage_short(sum->tokens_output_high).text);
    if (usage_has_cost(sum) && sum->cost_usd_high > sum->cost_usd)
        str_printf(&text, ", %s at most", usage_dollars(sum->cost_usd_high).text);
    str_append(&text, ".");
    note_line(table, str_text(&text));
    str_free(&text);
}

static void unpriced_note(struct usage_table *table)
{
    const struct usage_sum *sum = &table->answer->totals;
    struct str text = {0};
    if (!sum->unpriced_count)
        return;
    str_printf(&text, "Unpriced: %s call%s, %s tokens of ", unit_count((double)sum->unpriced_count).text,
               sum->unpriced_count == 1 ? "" : "s", usage_short(sum->unpriced_tokens).text);
    for (size_t i = 0; i < sum->unpriced_models.count; i++)
        str_printf(&text, "%s%s", i ? ", " : "", usage_name(table->answer, sum->unpriced_models.items[i]));
    str_append(&text, ". 'toll prices' lists the prices, --prices FILE adds some.");
    note_line(table, str_text(&text));
    str_free(&text);
}

static void fault_notes(struct usage_table *table)
{
    const struct usage_answer *answer = table->answer;
    struct str text = {0};
    if (!answer->fault_count)
        return;
    str_printf(&text,
               "%s line%s could not be read and left out:", unit_count((double)answer->fault_count).text,
               answer->fault_count == 1 ? "" : "s");
    note_line(table, str_text(&text));
    for (size_t i = 0; i < answer->faults.count && i < FAULTS_MAX; i++) {
        const struct usage_fault_told *fault = &answer->faults.items[i];
        str_clear(&text);
        str_printf(&text, "%s:%llu: %s", fault->path, (unsigned long long)fault->line, fault->why);
        str_append(table->page.str, "    ");
        text_wrap(&table->page, str_text(&text), 4, 6);
    }
    if (answer->fault_count > FAULTS_MAX)
        str_printf(table->page.str, "    ... and %llu more (--json names them)\n",
                   (unsigned long long)(answer->fault_count - FAULTS_MAX));
    str_free(&text);
}

static void notes(struct usage_table *table)
{
    const struct usage_answer *answer = table->answer;
    size_t before = table->page.str->length;
    str_append(table->page.str, "\n");
    size_t start = table->page.str->length;
    partial_note(table);
    unpriced_note(table);
    fault_notes(table);
    for (size_t i = 0; i < answer->places.count; i++) {
        const struct usage_place *place = answer->places.items[i];
        if (*place->facts.note)
            note_line(table, place->facts.note);
        if (place->facts.unreadable_count) {
            struct str text = {0};
            str_printf(&text, "%llu files or folders of '%s' could not be read.",
                       (unsigned long long)place->facts.unreadable_count, place->path);
            note_line(table, str_text(&text));
            str_free(&text);
        }
    }
    if (table->page.str->length == start) {
        table->page.str->length = before;
        if (table->page.str->text)
            table->page.str->text[before] = '\0';
    }
}

static void nothing_found(struct usage_table *table)
{
    const struct usage_answer *answer = table->answer;
    struct str text = {0};
    uint64_t files = 0;
    for (size_t i = 0; i < answer->places.count; i++)
        files += answer->places.items[i]->facts.file_count;
    if (files)
        str_printf(&text, "No calls of models in %s file%s%s.", unit_count((double)files).text,
                   files == 1 ? "" : "s",
                   answer->query.since_ns || answer->query.until_ns ? " within that time" : "");
    else if (answer->query.path_count)
        str_append(&text, "No transcripts of agents there.");
    else
        str_append(
            &text,
            "No transcripts of agents in their usual places: 'toll usage --source NAME FOLDER' says where "
            "they are, 'toll help usage' which are known.");
    text_wrap(&table->page, str_text(&text), 0, 0);
    str_free(&text);
}

int usage_text(struct usage_answer *answer, const struct usage_look *look, struct str *text, struct err *err)
{
    struct export_options options = {.width = look->width, .colour = look->colour, .ascii = look->ascii};
    struct usage_table table = {.page = {.str = text, .options = &options}, .answer = answer};
    bool is_by_time = answer->query.key_count && usage_key_is_time(answer->query.keys[0]);
    uint64_t most = look->top ? look->top : is_by_time ? UINT64_MAX : USAGE_ROWS_SHOWN;
    int status = 0;
    table.page.width = text_page_width(&options);
    table.rows_shown = num_min(answer->rows.items.count, most);
    if (!answer->rows.items.count) {
        nothing_found(&table);
        notes(&table);
        return text->failed ? err_memory(err) : 0;
    }
    lay_out(&table);
    title_lines(&table, look);
    head_line(&table);
    for (size_t i = 0; i < table.rows_shown; i++)
        row_line(&table, &answer->rows.items.items[i]);
    if (table.rows_shown < answer->rows.items.count)
        str_printf(text, "... and %s more (--top N)\n",
                   unit_count((double)(answer->rows.items.count - table.rows_shown)).text);
    total_line(&table);
    status = top_lines(&table, err);
    notes(&table);
    return status ? status : text->failed ? err_memory(err) : 0;
}
