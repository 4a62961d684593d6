/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/history_query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/suggest.h"
#include "store/history_show.h"
#include "store/moment.h"

#define SERIES_SHOWN_MAX 20u     /* of one name: its metrics and kinds */
#define PRIMARY_METRIC   "wall_" /* _ns, _ratio */

/* "20%", "20 %", "20": a percentage. */
static int alert_parse(const char *text, double *ret_ratio, struct err *err)
{
    char number[32] = "";
    double percent;
    size_t length = text ? strspn(text, "0123456789.") : 0;
    *ret_ratio = SERIES_ALERT;
    if (!text)
        return 0;
    const char *rest = text + length + strspn(text + length, " ");
    if (length < sizeof number)
        memcpy(number, text, length);
    if ((*rest && strcmp(rest, "%") != 0) || num_parse_double(number, &percent) || !(percent > 0)) {
        err_set(err, ERR_USAGE, "could not take option '--alert': '%.40s' is no percentage above 0", text);
        err_hint(err, "--alert 20%% tells when it got worse by more than 20 %%");
        return -ERR_USAGE;
    }
    *ret_ratio = percent / 100;
    return 0;
}

static int filter_of(const struct history_query *query, struct history_filter *ret_filter, struct err *err)
{
    int64_t now_ns = (int64_t)clock_realtime_ns();
    struct history_filter filter = {
        .metric = query->metric, .kind = query->kind, .revision = query->revision, .tag = query->tag};
    if (query->machine && strcmp(query->machine, "all") != 0)
        filter.machine = query->machine;
    int status = query->since ? moment_parse(query->since, now_ns, &filter.since_ns, err) : 0;
    if (!status && query->before)
        status = moment_parse(query->before, now_ns, &filter.before_ns, err);
    if (!status)
        *ret_filter = filter;
    return status;
}

struct series_key {
    const char *name, *metric, *kind;
};

/* The series that a query names. */
struct found {
    struct arena arena;
    VEC(struct series_key) keys;
    const char *near; /* a name that is nearly what was asked for */
    const char *asked;
    bool has_several; /* names */
};

static int keep_key(const struct history_series *series, void *data)
{
    struct found *found = data;
    struct series_key key = {arena_string(&found->arena, series->name),
                             arena_string(&found->arena, series->metric),
                             arena_string(&found->arena, series->kind)};
    if (!key.name || !key.metric || !key.kind || vec_push(&found->keys, key))
        return -ERR_ENVIRONMENT;
    found->has_several = found->has_several || strcmp(key.name, found->keys.items[0].name) != 0;
    return 0;
}

static int keep_near(const struct history_series *series, void *data)
{
    struct found *found = data;
    if (found->near || strlen(series->name) > SUGGEST_LENGTH_MAX ||
        !suggest_is_near(found->asked, series->name))
        return 0;
    found->near = arena_string(&found->arena, series->name);
    return 0;
}

static void found_free(struct found *found)
{
    vec_free(&found->keys);
    arena_free(&found->arena);
}

static int walk_keys(struct history *history, const struct history_filter *filter, struct found *found,
                     struct err *err)
{
    struct err failure = {0};
    int status = history_series_each(history, filter, keep_key, found, &failure);
    if (status && failure.code == ERR_NONE)
        return err_memory(err);
    if (status && err)
        *err = failure;
    return status;
}

/* The whole name, else a part of it. */
static int find_series(struct history *history, const char *name, struct history_filter *filter,
                       struct found *found, struct err *err)
{
    found->asked = name;
    filter->name = name;
    int status = walk_keys(history, filter, found, err);
    if (status || found->keys.count)
        return status;
    filter->name = NULL;
    filter->part = name;
    status = walk_keys(history, filter, found, err);
    if (status || found->keys.count)
        return status;
    status = history_series_each(history, &(struct history_filter){0}, keep_near, found, err);
    if (status)
        return status;
    err_set(err, ERR_INPUT, "could not find series '%.200s': the history has no result of it that fits",
            name);
    if (found->near && strcmp(found->near, name) == 0)
        err_hint(err, "it has some that the other conditions (--metric, --kind, --machine, …) leave out");
    else if (found->near)
        err_hint(err, "there is '%.200s'; 'toll history' lists what there is", found->near);
    else
        err_hint(err, "'toll history' lists what there is");
    return -ERR_INPUT;
}

/* The one that is shown whole: wall time, else the one with the newest result. */
static size_t primary_of(const struct found *found)
{
    for (size_t i = 0; i < found->keys.count; i++)
        if (str_starts(found->keys.items[i].metric, PRIMARY_METRIC))
            return i;
    return 0;
}

struct shown {
    const struct history_query *query;
    struct history_look look;
    double alert_ratio;
    struct history_filter filter;
};

static int load_one(struct history *history, const struct shown *shown, const struct series_key *key,
                    struct series *ret_series, struct err *err)
{
    struct series_request request = {.filter = shown->filter,
                                     .all_machines =
                                         shown->query->machine && strcmp(shown->query->machine, "all") == 0,
                                     .alert_ratio = shown->alert_ratio};
    request.filter.part = NULL;
    request.filter.name = key->name;
    request.filter.metric = key->metric;
    request.filter.kind = key->kind;
    request.filter.newest = shown->query->newest ? shown->query->newest : SERIES_NEWEST;
    return series_load(history, &request, ret_series, err);
}

/* The primary series first, the others behind it. */
static int load_all(struct history *history, const struct shown *shown, const struct found *found,
                    struct series *series, size_t *ret_count, struct err *err)
{
    size_t primary = primary_of(found), loaded = 0;
    int status = load_one(history, shown, &found->keys.items[primary], &series[0], err);
    if (status)
        return status;
    for (size_t i = 0, at = 1; !status && i < found->keys.count && at < SERIES_SHOWN_MAX; i++) {
        loaded = at;
        if (i == primary)
            continue;
        status = load_one(history, shown, &found->keys.items[i], &series[at], err);
        at += !status;
        loaded = at;
    }
    *ret_count = loaded ? loaded : 1;
    for (size_t i = 0; status && i < *ret_count; i++)
        series_free(&series[i]);
    return status;
}

static int others_text(struct history *history, const struct shown *shown, const struct series *primary,
                       struct str *text, struct err *err)
{
    struct overview overview;
    struct history_filter filter = shown->filter;
    filter.part = NULL;
    filter.name = primary->name;
    int status = overview_load(history, &filter, &overview, err);
    if (status)
        return status;
    str_append(text, "\n");
    overview_text(&overview, &shown->look, text);
    overview_free(&overview);
    return 0;
}

static int write_page(const struct shown *shown, const struct series *series, size_t count, struct str *text,
                      struct err *err)
{
    struct str page = {0};
    const char *path = shown->query->html;
    bool is_text = strcmp(path, "-") == 0;
    series_html(series, count, &shown->look, is_text ? text : &page);
    int status = page.failed ? err_memory(err) : 0;
    if (!status && !is_text)
        status = fs_replace(path, str_text(&page), page.length, 0644, err);
    str_free(&page);
    return status;
}

static int show_series(struct history *history, const struct shown *shown, const struct found *found,
                       struct history_answer *answer, struct err *err)
{
    struct series *series = calloc(SERIES_SHOWN_MAX, sizeof *series);
    size_t count = 0;
    if (!series)
        return err_memory(err);
    int status = load_all(history, shown, found, series, &count, err);
    if (status) {
        free(series);
        return status;
    }
    for (size_t i = 0; i < count; i++)
        answer->has_alert = answer->has_alert || series[i].alert.kind != SERIES_NO_ALERT;
    const struct history_query *query = shown->query;
    bool is_page_alone = query->html && strcmp(query->html, "-") == 0;
    if (query->html)
        status = write_page(shown, series, count, &answer->text, err);
    if (!status && query->json)
        series_json(series, count, &shown->look, &answer->text);
    if (!status && !query->json && !is_page_alone) {
        series_text(&series[0], &shown->look, &answer->text);
        if (count > 1)
            status = others_text(history, shown, &series[0], &answer->text, err);
    }
    for (size_t i = 0; i < count; i++)
        series_free(&series[i]);
    free(series);
    return status;
}

static int show_list(struct history *history, const struct shown *shown, struct history_answer *answer,
                     struct err *err)
{
    struct overview overview;
    if (shown->query->html) {
        err_set(err, ERR_USAGE, "could not make a page of all series: name one");
        err_hint(
            err,
            "'toll history' lists them; 'toll history NAME --format html -o FILE' makes the page of one");
        return -ERR_USAGE;
    }
    int status = overview_load(history, &shown->filter, &overview, err);
    if (status)
        return status;
    if (shown->query->json)
        overview_json(&overview, &shown->look, &answer->text);
    else if (overview.rows.count)
        overview_text(&overview, &shown->look, &answer->text);
    else
        str_printf(&answer->text, "no results in %s that fit\n", shown->look.path);
    overview_free(&overview);
    return 0;
}

static int show(struct history *history, struct shown *shown, struct history_answer *answer, struct err *err)
{
    struct found found = {0};
    const char *name = shown->query->name;
    int status = name ? find_series(history, name, &shown->filter, &found, err) : 0;
    if (!status)
        status = name && !found.has_several ? show_series(history, shown, &found, answer, err)
                                            : show_list(history, shown, answer, err);
    found_free(&found);
    return status;
}

/* Nothing was kept yet. With a name, or a file that was asked for, that is an error. */
static int show_nothing(const struct history_query *query, const char *path, struct history_answer *answer,
                        struct err *err)
{
    struct overview overview = {0};
    struct history_look look = {.path = path};
    if (query->name || query->store) {
        err_set(err, ERR_ENVIRONMENT, "could not read history '%s': No such file or directory", path);
        err_hint(
            err,
            "toll bench and toll run make it and add their results; so does 'toll history add NAME VALUE'");
        return -ERR_ENVIRONMENT;
    }
    if (query->json)
        overview_json(&overview, &look, &answer->text);
    else
        str_printf(
            &answer->text,
            "No results yet in %s.\ntoll bench and toll run add theirs; 'toll history add NAME VALUE' adds "
            "any number.\n",
            path);
    return 0;
}

static int answer_write(const struct history_query *query, struct history_answer *answer, struct err *err)
{
    if (answer->text.failed)
        return err_memory(err);
    if (!query->output)
        return 0;
    int status = fs_replace(query->output, str_text(&answer->text), answer->text.length, 0644, err);
    str_clear(&answer->text);
    return status;
}

int ops_history(const struct history_query *query, struct history_answer *ret_answer, struct err *err)
{
    struct history_answer answer = {0};
    struct history *history = NULL;
    struct str path = {0};
    struct shown shown = {.query = query,
                          .look = {.now_ns = (int64_t)clock_realtime_ns(),
                                   .width = query->width,
                                   .colour = query->colour && !query->output,
                                   .ascii = query->ascii}};
    int status = alert_parse(query->alert, &shown.alert_ratio, err);
    if (!status)
        status = filter_of(query, &shown.filter, err);
    if (!status && query->store)
        str_append(&path, query->store);
    else if (!status)
        status = history_default_path(&path, err);
    shown.look.path = str_text(&path);
    if (!status)
        status = history_open_to_read(&history, shown.look.path, err);
    if (!status)
        status = history ? show(history, &shown, &answer, err)
                         : show_nothing(query, shown.look.path, &answer, err);
    history_close(history);
    if (!status)
        status = answer_write(query, &answer, err);
    str_free(&path);
    if (status)
        str_free(&answer.text);
    else
        *ret_answer = answer;
    return status;
}

int ops_history_prune(const struct history_query *query, uint64_t *ret_count, struct err *err)
{
    struct history_filter filter = {0};
    struct history *history = NULL;
    int status = filter_of(query, &filter, err);
    if (status)
        return status;
    filter.name = query->name;
    if (!query->name && !query->metric && !query->kind && !query->revision && !query->tag &&
        !filter.machine && !query->since && !query->before) {
        err_set(err, ERR_USAGE, "could not prune the history: it is not said which results");
        err_hint(err,
                 "toll history prune --before 90d, or NAME, --metric, --kind, --machine, --revision, --tag");
        return -ERR_USAGE;
    }
    *ret_count = 0;
    status = history_open_to_read(&history, query->store, err);
    if (!status && history)
        status = history_remove(history, &filter, ret_count, err);
    history_close(history);
    return status;
}
