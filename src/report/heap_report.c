/* SPDX-License-Identifier: Apache-2.0 */
#include "report/heap_report.h"

#include <string.h>

#include "base/num.h"
#include "report/escape.h"
#include "report/page.h"
#include "report/units.h"

#define TEXT_ROWS_MAX   3
#define PAGE_ROWS_MAX   15
#define PAGE_COLUMNS    200
#define JSON_FRAMES_MAX 64
#define PLACE_CHAIN     3 /* callers told behind the place */
#define TABLE_COLUMN    8
#define WORTH_RATIO     0.01 /* of the sum: what is less is not told in a text */

/* The three questions, each a way to rank the same entries. */
enum heap_question { HEAP_AT_PEAK, HEAP_LEFT, HEAP_TEMPORARY, HEAP_QUESTION_COUNT };
static const char *const question_names[HEAP_QUESTION_COUNT] = {"at the peak", "never freed", "temporary"};

static uint64_t answer_of(const struct heap_entry *entry, enum heap_question question)
{
    if (question == HEAP_TEMPORARY)
        return entry->temporary_count;
    return question == HEAP_LEFT ? entry->left_bytes : entry->peak_bytes;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_place(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->is_pages == b->is_pages && a->where.line == b->where.line && a->where.function &&
           same_text(a->where.function, b->where.function) && same_text(a->where.file, b->where.file) &&
           same_text(a->where.process, b->where.process);
}

/* Of all stacks that asked for memory at the entry's place, told by the first of them: the others are 0. */
static uint64_t answer(const struct heap_facts *facts, const struct heap_entry *entry,
                       enum heap_question question)
{
    uint64_t sum = answer_of(entry, question);

    for (size_t i = 0; i < facts->entry_count; i++) {
        const struct heap_entry *other = &facts->entries[i];
        if (other == entry || !same_place(entry, other))
            continue;
        if (other < entry)
            return 0;
        sum += answer_of(other, question);
    }
    return sum;
}

static bool is_alone(const struct heap_facts *facts, const struct heap_entry *entry)
{
    for (size_t i = 0; i < facts->entry_count; i++)
        if (&facts->entries[i] != entry && same_place(entry, &facts->entries[i]))
            return false;
    return true;
}

static uint64_t whole_of(const struct heap_facts *facts, enum heap_question question)
{
    if (question == HEAP_TEMPORARY)
        return facts->allocation_count;
    return question == HEAP_LEFT ? facts->leaked_bytes : facts->peak_bytes;
}

static struct unit amount_text(uint64_t amount, enum heap_question question)
{
    return question == HEAP_TEMPORARY ? unit_count((double)amount) : unit_bytes(amount);
}

/* The entry that is next behind `before` in that order; NULL: none is worth it. */
static const struct heap_entry *next_entry(const struct heap_facts *facts, enum heap_question question,
                                           const struct heap_entry *before)
{
    const struct heap_entry *best = NULL;
    uint64_t best_value = 0, limit = before ? answer(facts, before, question) : 0;

    for (size_t i = 0; i < facts->entry_count; i++) {
        const struct heap_entry *entry = &facts->entries[i];
        uint64_t value = answer(facts, entry, question);
        if (!value || entry == before || (before && (value > limit || (value == limit && entry < before))))
            continue;
        if (!best || value > best_value) {
            best = entry;
            best_value = value;
        }
    }
    return best;
}

/* What every stack of a C program ends with says nothing. */
static bool is_start(const char *function)
{
    static const char *const starts[] = {
        "__libc_start_call_main", "__libc_start_main", "_start", "start_thread", "clone3", "clone", "?"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncmp(function, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* Appends it where there is room. */
static bool append_fitting(struct str *str, struct str *more, size_t columns)
{
    bool fits = escape_columns(str_text(str)) + escape_columns(str_text(more)) <= columns;

    if (fits)
        str_append(str, str_text(more));
    str_clear(more);
    return fits;
}

/* "grow (table.c:12), mapped, in worker, from load < main": as much of it as has room. */
static void place_text(struct str *str, const struct heap_facts *facts, const struct heap_entry *entry,
                       size_t columns)
{
    const char *function = entry->where.function ? entry->where.function
                           : entry->frame_count  ? entry->frames[0]
                                                 : "?";
    const char *slash = entry->where.file ? strrchr(entry->where.file, '/') : NULL;
    struct str more = {0};
    size_t told = 0, at = 0;
    bool has_room;

    str_append(str, function);
    if (entry->where.file && entry->where.line)
        str_printf(&more, " (%s:%u)", slash ? slash + 1 : entry->where.file, entry->where.line);
    append_fitting(str, &more, columns);
    str_append(&more, entry->is_pages ? ", mapped" : "");
    has_room = append_fitting(str, &more, columns);
    if (entry->where.process)
        str_printf(&more, " in %s", entry->where.process);
    has_room = append_fitting(str, &more, columns) && has_room && is_alone(facts, entry);
    while (at < entry->frame_count && strcmp(entry->frames[at], function) != 0)
        at++;
    for (at++; has_room && at < entry->frame_count && told < PLACE_CHAIN && !is_start(entry->frames[at]);
         at++) {
        str_printf(&more, "%s%s", told++ ? " < " : ", from ", entry->frames[at]);
        has_room = append_fitting(str, &more, columns);
    }
    str_free(&more);
}

static void summary_text(struct str *str, const struct heap_facts *facts)
{
    bool is_exact = strcmp(facts->mode, "exact") == 0;

    if (!facts->process_count) {
        str_append(
            str,
            "no program told of its allocations: static, or with an allocator or a sanitizer of its own");
        return;
    }
    str_printf(str, "%s at most%s%s, %s never freed, %s allocations (%s)", unit_bytes(facts->peak_bytes).text,
               facts->peak_ns ? ", after " : "", facts->peak_ns ? unit_duration(facts->peak_ns).text : "",
               unit_bytes(facts->leaked_bytes).text, unit_count((double)facts->allocation_count).text,
               unit_bytes(facts->allocated_bytes).text);
    if (facts->temporary_count)
        str_printf(str, ", %s of them temporary",
                   unit_ratio(num_ratio(facts->temporary_count, facts->allocation_count)).text);
    if (!is_exact)
        str_printf(str, "; estimated from one sample in %s", unit_bytes(facts->rate_bytes).text);
}

/* --- for a terminal --- */

static void text_question(const struct text_page *page, const struct heap_facts *facts,
                          enum heap_question question)
{
    const struct heap_entry *entry = NULL;
    struct str place = {0}, line = {0};
    uint64_t whole = whole_of(facts, question);
    const size_t used = 2 + 12 + TABLE_COLUMN + 2 + TABLE_COLUMN + 2;
    size_t columns = page->width > used + 8 ? page->width - used : 8;

    for (size_t i = 0; i < TEXT_ROWS_MAX; i++) {
        entry = next_entry(facts, question, entry);
        if (!entry || (double)answer(facts, entry, question) < WORTH_RATIO * (double)whole)
            break;
        str_clear(&place);
        str_clear(&line);
        place_text(&place, facts, entry, columns);
        str_printf(page->str, "  %-12s%*s%*s  ", i ? "" : question_names[question], TABLE_COLUMN + 2,
                   amount_text(answer(facts, entry, question), question).text, TABLE_COLUMN,
                   unit_ratio(num_ratio(answer(facts, entry, question), whole)).text);
        escape_plain_cut(&line, str_text(&place), columns, page->options->ascii);
        str_append(page->str, str_text(&line));
        str_append(page->str, "\n");
    }
    str_free(&place);
    str_free(&line);
}

void text_heap(const struct text_page *page, const struct heap_facts *facts)
{
    struct str line = {0};

    text_styled(page, STYLE_STRONG, "Memory");
    text_blanks(page->str, 2);
    summary_text(&line, facts);
    str_append(&line, ".");
    text_wrap(page, str_text(&line), 8, 8);
    for (int question = 0; question < HEAP_QUESTION_COUNT; question++)
        text_question(page, facts, (enum heap_question)question);
    str_free(&line);
}

/* --- Markdown --- */

void markdown_heap(struct str *str, const struct heap_facts *facts)
{
    struct str text = {0};

    summary_text(&text, facts);
    str_append(str, "### Memory\n\n");
    escape_markdown(str, str_text(&text));
    str_append(str, ".\n\n| | amount | share | where |\n|---|---:|---:|---|\n");
    for (int i = 0; i < HEAP_QUESTION_COUNT; i++) {
        enum heap_question question = (enum heap_question)i;
        const struct heap_entry *entry = NULL;
        for (size_t row = 0; row < PAGE_ROWS_MAX && (entry = next_entry(facts, question, entry)) != NULL;
             row++) {
            str_clear(&text);
            place_text(&text, facts, entry, PAGE_COLUMNS);
            str_printf(str, "| %s | %s | %s | ", question_names[question],
                       amount_text(answer(facts, entry, question), question).text,
                       unit_ratio(num_ratio(answer(facts, entry, question), whole_of(facts, question))).text);
            escape_markdown(str, str_text(&text));
            str_append(str, " |\n");
        }
    }
    str_append(str, "\n");
    str_free(&text);
}

/* --- the page --- */

static void page_question(struct str *str, const struct heap_facts *facts, enum heap_question question)
{
    const struct heap_entry *entry = NULL;
    struct str text = {0};
    uint64_t whole = whole_of(facts, question);

    if (!next_entry(facts, question, NULL))
        return;
    str_printf(str,
               "<table><thead><tr><th>%s</th><th class=\"number\">%s</th><th class=\"number\">share</th>"
               "</tr></thead><tbody>\n",
               question_names[question], question == HEAP_TEMPORARY ? "allocations" : "bytes");
    for (size_t row = 0; row < PAGE_ROWS_MAX && (entry = next_entry(facts, question, entry)) != NULL; row++) {
        str_clear(&text);
        place_text(&text, facts, entry, PAGE_COLUMNS);
        str_append(str, "<tr>");
        page_element(str, "td", "", str_text(&text));
        page_element(str, "td", " class=\"number\"",
                     amount_text(answer(facts, entry, question), question).text);
        page_element(str, "td", " class=\"number\"",
                     unit_ratio(num_ratio(answer(facts, entry, question), whole)).text);
        str_append(str, "</tr>\n");
    }
    str_append(str, "</tbody></table>\n");
    str_free(&text);
}

void page_heap(struct str *str, const struct heap_facts *facts)
{
    struct str text = {0};

    if (!facts)
        return;
    summary_text(&text, facts);
    str_append(&text, ".");
    str_append(str, "<section id=\"memory\"><h2>Memory</h2>\n");
    page_element(str, "p", " class=\"note\"", str_text(&text));
    str_append(str, "\n");
    for (int question = 0; question < HEAP_QUESTION_COUNT; question++)
        page_question(str, facts, (enum heap_question)question);
    str_append(str, "</section>\n");
    str_free(&text);
}

/* --- JSON --- */

static void json_entry(struct json_writer *json, const struct heap_entry *entry)
{
    json_open(json, NULL, '{');
    json_text(json, "process", entry->where.process);
    if (entry->where.function)
        json_text(json, "function", entry->where.function);
    if (entry->where.file)
        json_text(json, "file", entry->where.file);
    if (entry->where.line)
        json_u64(json, "line", entry->where.line);
    json_text(json, "kind", entry->is_pages ? "pages" : "malloc");
    json_u64(json, "count", entry->count);
    json_u64(json, "bytes", entry->bytes);
    json_u64(json, "freed_count", entry->freed_count);
    json_u64(json, "freed_bytes", entry->freed_bytes);
    json_u64(json, "temporary_count", entry->temporary_count);
    json_u64(json, "peak_bytes", entry->peak_bytes);
    json_u64(json, "leaked_bytes", entry->left_bytes);
    json_open(json, "stack", '[');
    for (size_t i = 0; i < entry->frame_count && i < JSON_FRAMES_MAX; i++)
        json_text(json, NULL, entry->frames[i]);
    json_close(json, ']');
    json_close(json, '}');
}

void json_heap(struct json_writer *json, const struct heap_facts *facts)
{
    json_open(json, "heap", '{');
    json_text(json, "mode", facts->mode);
    if (facts->rate_bytes)
        json_u64(json, "rate_bytes", facts->rate_bytes);
    json_u64(json, "peak_bytes", facts->peak_bytes);
    json_u64(json, "peak_ns", facts->peak_ns);
    json_u64(json, "leaked_bytes", facts->leaked_bytes);
    json_u64(json, "allocated_bytes", facts->allocated_bytes);
    json_u64(json, "allocation_count", facts->allocation_count);
    json_u64(json, "freed_count", facts->freed_count);
    json_u64(json, "temporary_count", facts->temporary_count);
    json_u64(json, "process_count", facts->process_count);
    json_u64(json, "lost_count", facts->lost_count);
    json_open(json, "stacks", '[');
    for (size_t i = 0; i < facts->entry_count; i++)
        json_entry(json, &facts->entries[i]);
    json_close(json, ']');
    json_u64(json, "left_out", facts->entry_hidden_count);
    json_close(json, '}');
}

/* --- pauses of collectors --- */

static bool is_gc_worth_it(const struct verdict *verdict, const struct gc_entry *entry)
{
    return (double)(entry->ns + entry->missed_ns) >= WORTH_RATIO * (double)verdict->run.wall_ns;
}

/* "gc: young" is told as "young". */
static const char *kind_name(const struct gc_kind_entry *kind)
{
    return strncmp(kind->name, "gc: ", 4) == 0 ? kind->name + 4 : kind->name;
}

static const char *gc_source_text(const struct gc_entry *entry)
{
    if (strcmp(entry->source, "hsperfdata") == 0)
        return "the JVM's counters";
    if (strcmp(entry->source, "usdt") == 0)
        return "the runtime's probes";
    return strcmp(entry->source, "functions") == 0 ? "the runtime's functions" : "the imported file";
}

/* "74 pauses, 1.4 s together (62 % of the time on the path), the longest 57 ms: 67 scavenge (1.2 s), 7 mark-compact (0.1 s)" */
static void gc_text(struct str *str, const struct verdict *verdict, const struct gc_entry *entry)
{
    uint64_t count = entry->count + entry->missed_count;

    str_printf(str, "%s pause%s, %s together", unit_count((double)count).text, count == 1 ? "" : "s",
               unit_duration(entry->ns + entry->missed_ns).text);
    str_printf(str, " (%s of the critical path)",
               unit_ratio(num_ratio(entry->critical_ns, verdict->run.wall_ns)).text);
    if (entry->count)
        str_printf(str, ", the longest %s", unit_duration(entry->longest_ns).text);
    for (size_t i = 0; i < entry->kind_count; i++)
        str_printf(str, "%s%s %s (%s)", i ? ", " : ": ", unit_count((double)entry->kinds[i].count).text,
                   kind_name(&entry->kinds[i]), unit_duration(entry->kinds[i].ns).text);
    if (entry->missed_count)
        str_printf(str, ", %s not seen one by one (%s)", unit_count((double)entry->missed_count).text,
                   unit_duration(entry->missed_ns).text);
}

void text_gc(const struct text_page *page, const struct verdict *verdict)
{
    struct str line = {0};

    for (size_t i = 0; i < verdict->gc_count && i < TEXT_ROWS_MAX; i++) {
        const struct gc_entry *entry = &verdict->gc[i];
        if (!is_gc_worth_it(verdict, entry))
            break;
        text_styled(page, STYLE_STRONG, "Garbage");
        text_blanks(page->str, 1);
        str_clear(&line);
        str_printf(&line, "%s: ", entry->process);
        gc_text(&line, verdict, entry);
        str_append(&line, ".");
        text_wrap(page, str_text(&line), 8, 8);
    }
    str_free(&line);
}

void markdown_gc(struct str *str, const struct verdict *verdict)
{
    struct str text = {0};

    if (!verdict->gc_count)
        return;
    str_append(str, "### Garbage collection\n\n");
    for (size_t i = 0; i < verdict->gc_count; i++) {
        str_clear(&text);
        str_printf(&text, "%s: ", verdict->gc[i].process);
        gc_text(&text, verdict, &verdict->gc[i]);
        str_append(str, "- ");
        escape_markdown(str, str_text(&text));
        str_append(str, "\n");
    }
    str_append(str, "\n");
    str_free(&text);
}

static void page_gc_row(struct str *str, const char *what, const struct gc_kind_entry *kind)
{
    str_append(str, "<tr>");
    page_element(str, "td", "", what);
    page_element(str, "td", " class=\"number\"", unit_count((double)kind->count).text);
    page_element(str, "td", " class=\"number\"", unit_duration(kind->ns).text);
    page_element(str, "td", " class=\"number\"",
                 kind->longest_ns ? unit_duration(kind->longest_ns).text : "");
    str_append(str, "</tr>\n");
}

void page_gc(struct str *str, const struct verdict *verdict)
{
    struct str text = {0};

    if (!verdict->gc_count)
        return;
    str_append(str, "<section id=\"garbage\"><h2>Garbage collection</h2>\n");
    for (size_t i = 0; i < verdict->gc_count; i++) {
        const struct gc_entry *entry = &verdict->gc[i];
        const struct gc_kind_entry missed = {.count = entry->missed_count, .ns = entry->missed_ns};
        str_clear(&text);
        str_printf(&text, "%s: ", entry->process);
        gc_text(&text, verdict, entry);
        str_printf(&text, ". Told by %s.", gc_source_text(entry));
        page_element(str, "p", " class=\"note\"", str_text(&text));
        str_append(
            str, "\n<table><thead><tr><th>pauses</th><th class=\"number\">count</th>"
                 "<th class=\"number\">together</th><th class=\"number\">longest</th></tr></thead><tbody>\n");
        for (size_t k = 0; k < entry->kind_count; k++)
            page_gc_row(str, kind_name(&entry->kinds[k]), &entry->kinds[k]);
        if (missed.count)
            page_gc_row(str, "not seen one by one", &missed);
        str_append(str, "</tbody></table>\n");
    }
    str_append(str, "</section>\n");
    str_free(&text);
}

void json_gc(struct json_writer *json, const struct verdict *verdict)
{
    json_open(json, "gc", '[');
    for (size_t i = 0; i < verdict->gc_count; i++) {
        const struct gc_entry *entry = &verdict->gc[i];
        json_open(json, NULL, '{');
        json_text(json, "process", entry->process);
        json_text(json, "source", entry->source[0] ? entry->source : "import");
        json_u64(json, "count", entry->count);
        json_u64(json, "pause_ns", entry->ns);
        json_u64(json, "longest_ns", entry->longest_ns);
        json_u64(json, "critical_ns", entry->critical_ns);
        json_u64(json, "missed_count", entry->missed_count);
        json_u64(json, "missed_ns", entry->missed_ns);
        json_open(json, "kinds", '[');
        for (size_t k = 0; k < entry->kind_count; k++) {
            json_open(json, NULL, '{');
            json_text(json, "name", entry->kinds[k].name);
            json_u64(json, "count", entry->kinds[k].count);
            json_u64(json, "pause_ns", entry->kinds[k].ns);
            json_u64(json, "longest_ns", entry->kinds[k].longest_ns);
            json_close(json, '}');
        }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}
