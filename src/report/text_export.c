/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_export: the verdict for a person at a terminal. The answer comes first: what is wrong, what to do, what it
 * brings; then where the time went, what is not to blame, and how far to trust it. About ten lines.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "report/agents_report.h"
#include "report/escape.h"
#include "report/heap_report.h"
#include "report/internal.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/text_page.h"
#include "report/units.h"

#define FINDINGS_MAX     3
#define SHARES_MAX       5
#define CLEARED_MAX      4
#define REMARKS_MAX      4
#define NAME_MAX         24
#define PROFILE_MAX      12
#define PROFILE_NAME_MAX 44
#define SERVICE_NAME_MAX 34
#define NARROW_NAME_MAX  12
#define BAR_COLUMNS      12
#define INDENT           4
#define CHANGE_MAX       160

struct page {
    struct text_page text;
    const struct verdict *verdict;
    size_t name_columns; /* of the tables' first column */
};

static void write_head(const struct page *page)
{
    const struct run_facts *run = &page->verdict->run;
    struct str command = {0}, line = {0}, work = {0};

    phrase_subject(&command, page->verdict);
    escape_plain_cut(&line, command.length ? str_text(&command) : "the run",
                     page->text.width - page->text.width / 3, page->text.options->ascii);
    if (page->verdict->service) {
        str_append(&line, ": ");
        phrase_service(&line, page->verdict);
        str_append(&line, ".");
    } else if (run->scope && strcmp(run->scope, "attached") == 0) {
        str_printf(&line, ", watched for %s.", unit_duration(run->wall_ns).text);
    } else if (phrase_is_profile(page->verdict)) {
        phrase_samples(&line, run);
    } else {
        str_printf(&line, " took %s", unit_duration(run->wall_ns).text);
        phrase_bill(&line, page->verdict->agents);
        if (!page->verdict->agents && phrase_knows_exit(run)) {
            str_append(&line, " (");
            phrase_exit(&line, run);
            str_append(&line, ")");
        }
        str_append(&line, ".");
        phrase_work(&work, page->verdict);
    }
    if (work.length)
        str_printf(&line, " %s.", str_text(&work));
    text_styled(&page->text, STYLE_STRONG, "toll:");
    str_append(page->text.str, " ");
    text_wrap(&page->text, str_text(&line), strlen("toll: "), strlen("toll: "));
    str_free(&command);
    str_free(&line);
    str_free(&work);
}

static void write_remarks(const struct page *page)
{
    const struct grade *grade = &page->verdict->run.grade;

    for (size_t i = 0; i < grade->remark_count && i < REMARKS_MAX; i++) {
        struct str line = {0};
        phrase_sentence(&line, grade->remarks[i]);
        text_blanks(page->text.str, 2);
        str_append(page->text.str, "- ");
        text_wrap(&page->text, str_text(&line), INDENT, INDENT);
        str_free(&line);
    }
    if (grade->remark_count > REMARKS_MAX)
        str_printf(page->text.str, "  - and %zu more.\n", grade->remark_count - REMARKS_MAX);
}

/* A poor recording is told before anything is concluded from it. */
static bool write_poor(const struct page *page)
{
    struct str line = {0};
    bool is_poor = phrase_poor(&line, page->verdict);

    if (is_poor) {
        str_append(page->text.str, "\n");
        text_styled(&page->text, STYLE_P0, "Beware:");
        str_append(page->text.str, " ");
        str_append(&line, page->verdict->run.grade.remark_count ? ":" : ".");
        text_wrap(&page->text, str_text(&line), strlen("Beware: "), 2);
        write_remarks(page);
    }
    str_free(&line);
    return is_poor;
}

static void write_fix(const struct page *page, const struct finding *finding)
{
    struct str line = {0}, gain = {0};

    phrase_gain(&gain, page->verdict, finding);
    phrase_fix(&line, finding);
    if (gain.length)
        str_printf(&line, "%s%s", line.length ? ": " : "", str_text(&gain));
    if (line.length) {
        str_append(&line, ".");
        text_blanks(page->text.str, INDENT);
        text_wrap(&page->text, str_text(&line), INDENT, INDENT);
    }
    str_free(&line);
    str_free(&gain);
}

/* The change as `toll whatif` takes it: to be copied, so it is not cut, however narrow the terminal. */
static void write_change(const struct page *page, const struct finding *finding)
{
    struct str line = {0}, assumption = {0};

    if (!finding->change)
        return;
    escape_plain_cut(&line, finding->change, CHANGE_MAX, page->text.options->ascii);
    if (finding->assumption)
        escape_plain(&assumption, finding->assumption);
    text_blanks(page->text.str, INDENT);
    bool fits = INDENT + escape_columns(str_text(&line)) + 2 + escape_columns(str_text(&assumption)) <=
                page->text.width;
    if (assumption.length && fits)
        str_printf(&line, ", %s", str_text(&assumption));
    text_styled(&page->text, STYLE_FAINT, str_text(&line));
    str_append(page->text.str, "\n");
    if (assumption.length && !fits) {
        text_blanks(page->text.str, INDENT);
        text_wrap(&page->text, str_text(&assumption), INDENT, INDENT);
    }
    str_free(&line);
    str_free(&assumption);
}

static void write_findings(const struct page *page)
{
    const struct verdict *verdict = page->verdict;
    struct str line = {0};

    str_append(page->text.str, "\n");
    if (!verdict->finding_count) {
        phrase_no_finding(&line, verdict);
        str_append(&line, ".");
        line.text[0] = 'N';
        text_wrap(&page->text, str_text(&line), 0, 0);
    }
    for (size_t i = 0; i < verdict->finding_count && i < FINDINGS_MAX; i++) {
        const struct finding *finding = &verdict->findings[i];
        str_clear(&line);
        phrase_title(&line, finding);
        text_styled(&page->text, text_priority_style(finding->priority), priority_name(finding->priority));
        text_blanks(page->text.str, 2);
        text_wrap(&page->text, str_text(&line), INDENT, INDENT);
        write_fix(page, finding);
        write_change(page, finding);
    }
    if (verdict->finding_count > FINDINGS_MAX)
        str_printf(page->text.str, "    and %zu more: --format markdown shows all\n",
                   verdict->finding_count - FINDINGS_MAX);
    str_free(&line);
}

static void write_name(const struct page *page, const char *name)
{
    struct str cut = {0};

    escape_plain_cut(&cut, name, page->name_columns, page->text.options->ascii);
    text_blanks(page->text.str, 2);
    str_append(page->text.str, str_text(&cut));
    text_blanks(page->text.str, page->name_columns - escape_columns(str_text(&cut)) + 2);
    str_free(&cut);
}

static void write_share(const struct page *page, const struct share *share)
{
    const struct share_part *part = share->parts.items;
    struct str what = {0};
    size_t used = 2 + page->name_columns + 2 + 6 + 2;

    phrase_share(&what, page->verdict, share);
    write_name(page, str_text(&what));
    str_clear(&what);
    str_printf(page->text.str, "%6s  ", unit_ratio(share->ratio).text);
    if (page->text.width >= used + BAR_COLUMNS + 2 + 20) {
        text_bar(&page->text, share->ratio, BAR_COLUMNS);
        used += BAR_COLUMNS + 2;
    }
    str_append(&what, phrase_doing_short(part->doing));
    const char *detail = phrase_detail(part->where);
    if (detail && detail != share->process)
        str_printf(&what, " %s", detail);
    escape_plain_cut(page->text.str, str_text(&what),
                     page->text.width > used + 8 ? page->text.width - used : 8, page->text.options->ascii);
    str_append(page->text.str, "\n");
    str_free(&what);
}

static void write_shares(const struct page *page, const struct share_list *list)
{
    size_t count = list->shares.count;
    double rest = 0;

    if (!count)
        return;
    str_append(page->text.str, "\n");
    text_styled(&page->text, STYLE_STRONG, "Where the time went");
    str_append(page->text.str, "\n");
    if (count > SHARES_MAX + 1)
        count = SHARES_MAX;
    for (size_t i = 0; i < count; i++)
        write_share(page, &list->shares.items[i]);
    for (size_t i = count; i < list->shares.count; i++)
        rest += list->shares.items[i].ratio;
    if (count < list->shares.count) {
        write_name(page, "all others");
        str_printf(page->text.str, "%6s\n", unit_ratio(rest).text);
    }
}

/* A name, a share with its bar, and a word about it. */
static void write_row(const struct page *page, const char *name, double ratio, const char *what)
{
    size_t used = 2 + page->name_columns + 2 + 6 + 2;

    write_name(page, name);
    str_printf(page->text.str, "%6s  ", unit_ratio(ratio).text);
    if (page->text.width >= used + BAR_COLUMNS + 2 + 20) {
        text_bar(&page->text, ratio, BAR_COLUMNS);
        used += BAR_COLUMNS + 2;
    }
    escape_plain_cut(page->text.str, what, page->text.width > used + 8 ? page->text.width - used : 8,
                     page->text.options->ascii);
    str_append(page->text.str, "\n");
}

/* --- a profile: functions by their own CPU time --- */

struct own_time {
    const char *name, *module;
    uint64_t ns;
};

static int compare_own(const void *a, const void *b)
{
    const struct own_time *x = a, *y = b;

    return x->ns != y->ns ? (x->ns < y->ns ? 1 : -1) : strcmp(x->name, y->name);
}

/* Of all programs and callers together; texts of a verdict are the same where their addresses are. NULL without memory. */
static struct own_time *own_times(const struct flame *flame, size_t *ret_count)
{
    struct own_time *times = calloc(flame->node_count + 1, sizeof *times);
    struct map index = {0};
    size_t count = 0;

    for (size_t i = 1; times && i < flame->node_count; i++) {
        const struct flame_node *node = &flame->nodes[i];
        uint64_t key = (uint64_t)(uintptr_t)node->name;
        const uint64_t *known = node->self_ns ? map_get(&index, key) : NULL;
        if (known) {
            times[*known].ns += node->self_ns;
        } else if (node->self_ns && !map_put(&index, key, count)) {
            times[count++] = (struct own_time){node->name, node->module, node->self_ns};
        }
    }
    map_free(&index);
    if (count)
        qsort(times, count, sizeof *times, compare_own);
    *ret_count = count;
    return times;
}

static void write_profile(const struct page *page)
{
    const struct flame *flame = &page->verdict->flame;
    uint64_t all_ns = flame->node_count ? flame->nodes[0].total_ns : 0, rest_ns = all_ns;
    size_t count = 0;
    struct own_time *times = own_times(flame, &count);
    struct str heading = {0};

    if (!all_ns || !times) {
        free(times);
        return;
    }
    str_append(page->text.str, "\n");
    str_append(&heading, "Where ");
    str_append(&heading, phrase_profiled(&page->verdict->run));
    str_append(&heading, " went");
    text_styled(&page->text, STYLE_STRONG, str_text(&heading));
    str_free(&heading);
    str_append(page->text.str, "\n");
    for (size_t i = 0; i < count && i < PROFILE_MAX; i++) {
        const char *slash = times[i].module ? strrchr(times[i].module, '/') : NULL;
        const char *module = slash ? slash + 1 : times[i].module ? times[i].module : "";
        write_row(page, times[i].name, num_ratio(times[i].ns, all_ns), module);
        rest_ns -= times[i].ns;
    }
    if (rest_ns) {
        write_name(page, "all others");
        str_printf(page->text.str, "%6s\n", unit_ratio(num_ratio(rest_ns, all_ns)).text);
    }
    free(times);
}

static size_t profile_columns(const struct verdict *verdict, size_t limit)
{
    size_t count = 0, columns = strlen("all others");
    struct own_time *times = own_times(&verdict->flame, &count);

    for (size_t i = 0; times && i < count && i < PROFILE_MAX; i++) {
        size_t length = escape_columns(times[i].name);
        columns = length > columns ? length : columns;
    }
    free(times);
    return columns < limit ? columns : limit;
}

static void write_service(const struct page *page)
{
    const struct service *service = page->verdict->service;
    struct str name = {0}, what = {0};

    if (!service)
        return;
    if (service->resource_count) {
        str_append(page->text.str, "\n");
        text_styled(&page->text, STYLE_STRONG, "What is in use");
        str_append(page->text.str, "\n");
    }
    for (size_t i = 0; i < service->resource_count && i < SHARES_MAX; i++) {
        str_clear(&name);
        str_clear(&what);
        phrase_resource(&name, &service->resources[i]);
        phrase_most(&what, &service->resources[i]);
        write_row(page, str_text(&name), service->resources[i].utilisation_ratio, str_text(&what));
    }
    if (service->path_p50_count) {
        text_styled(&page->text, STYLE_STRONG, "Where a request's time goes (median)");
        str_append(page->text.str, "\n");
    }
    for (size_t i = 0; i < service->path_p50_count && i < SHARES_MAX; i++) {
        const struct path_entry *entry = &service->path_p50[i];
        const char *detail = phrase_detail(&entry->where);
        str_clear(&what);
        str_append(&what, phrase_doing_short(entry->doing));
        if (detail && detail != entry->where.process)
            str_printf(&what, " %s", detail);
        write_row(page, entry->where.process ? entry->where.process : "", entry->ratio, str_text(&what));
    }
    str_free(&name);
    str_free(&what);
}

static void write_cleared(const struct page *page)
{
    const struct verdict *verdict = page->verdict;

    if (!verdict->cleared_count)
        return;
    text_styled(&page->text, STYLE_STRONG, "Not to blame");
    str_append(page->text.str, "\n");
    for (size_t i = 0; i < verdict->cleared_count && i < CLEARED_MAX; i++) {
        const struct cleared *cleared = &verdict->cleared[i];
        struct str name = {0};
        phrase_where(&name, &cleared->where);
        write_name(page, str_text(&name));
        const char *what = verdict->service ? " with more of it" : " faster if it were free";
        str_printf(page->text.str, "%6s  at most %s%s\n", unit_ratio(cleared->critical_ratio).text,
                   unit_factor(cleared->factor_max).text, page->text.width < 72 ? "" : what);
        str_free(&name);
    }
}

/* The commands that say more: the page, and another look at the first change. */
static void write_more(const struct page *page)
{
    const struct verdict *verdict = page->verdict;
    struct str line = {0};

    str_append(&line, "toll report ");
    text_quoted(&line, page->text.options->file);
    str_append(&line, " --format html -o report.html");
    text_styled(&page->text, STYLE_STRONG, "More");
    text_blanks(page->text.str, 3);
    escape_plain(page->text.str, str_text(&line));
    str_append(page->text.str, "\n");
    const char *change = verdict->finding_count ? verdict->findings[0].change : NULL;
    if (change && escape_columns(change) <= CHANGE_MAX) {
        str_clear(&line);
        str_append(&line, "toll whatif ");
        text_quoted(&line, page->text.options->file);
        str_append(&line, " ");
        text_quoted(&line, change);
        text_blanks(page->text.str, strlen("More") + 3);
        escape_plain(page->text.str, str_text(&line));
        str_append(page->text.str, "\n");
    }
    str_free(&line);
}

static void write_foot(const struct page *page, bool remarks_told)
{
    struct str line = {0};
    const size_t column = strlen("Trust  ");

    text_styled(&page->text, STYLE_STRONG, "Trust");
    text_blanks(page->text.str, 2);
    phrase_trust(&line, page->verdict);
    text_wrap(&page->text, str_text(&line), column, column);
    if (!remarks_told && page->verdict->run.grade.score_ratio < SCORE_GOOD)
        write_remarks(page);
    if (page->text.options->file)
        write_more(page);
    str_free(&line);
}

static size_t name_columns(const struct verdict *verdict, const struct share_list *list, size_t limit)
{
    size_t columns = strlen("all others");
    const struct service *service = verdict->service;

    for (size_t i = 0; service && i < service->resource_count && i < SHARES_MAX; i++) {
        struct str name = {0};
        phrase_resource(&name, &service->resources[i]);
        size_t length = escape_columns(str_text(&name));
        columns = length > columns ? length : columns;
        str_free(&name);
    }
    for (size_t i = 0; i < list->shares.count && i <= SHARES_MAX; i++) {
        struct str name = {0};
        phrase_share(&name, verdict, &list->shares.items[i]);
        size_t length = escape_columns(str_text(&name));
        columns = length > columns ? length : columns;
        str_free(&name);
    }
    for (size_t i = 0; i < verdict->cleared_count && i < CLEARED_MAX; i++) {
        struct str name = {0};
        phrase_where(&name, &verdict->cleared[i].where);
        size_t length = escape_columns(str_text(&name));
        columns = length > columns ? length : columns;
        str_free(&name);
    }
    return columns < limit ? columns : limit;
}

EXPORT_FUNCTION(text_export_write)
{
    struct page page = {.text = {ret_text, options, text_page_width(options)}, .verdict = verdict};
    struct share_list list;

    if (phrase_shares(verdict, &list))
        return err_memory(err);
    size_t limit = verdict->service ? SERVICE_NAME_MAX : NAME_MAX;
    limit = page.text.width < 60 ? NARROW_NAME_MAX : limit;
    page.name_columns = phrase_is_profile(verdict)
                            ? profile_columns(verdict, page.text.width < 80 ? limit : PROFILE_NAME_MAX)
                            : name_columns(verdict, &list, limit);
    write_head(&page);
    bool is_poor = write_poor(&page);
    write_findings(&page);
    if (phrase_serves(verdict))
        write_service(&page);
    else if (phrase_is_profile(verdict))
        write_profile(&page);
    else
        write_shares(&page, &list);
    if (verdict->agents)
        text_agents(&page.text, verdict->agents);
    if (verdict->heap)
        text_heap(&page.text, verdict->heap);
    text_gc(&page.text, verdict);
    write_cleared(&page);
    write_foot(&page, is_poor);
    phrase_shares_free(&list);
    return 0;
}
