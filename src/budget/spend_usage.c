/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/spend_usage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "model/agent_names.h"
#include "model/meta.h"
#include "recording/format.h"
#include "recording/reader.h"

static uint64_t *tokens_of(const char *kind, struct tokens *tokens)
{
    const struct {
        const char *kind;
        uint64_t *field;
    } fields[] = {{USAGE_INPUT, &tokens->input},
                  {USAGE_OUTPUT, &tokens->output},
                  {USAGE_CACHE_READ, &tokens->cache_read},
                  {USAGE_CACHE_WRITE_5M, &tokens->cache_write_5m},
                  {USAGE_CACHE_WRITE_1H, &tokens->cache_write_1h}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (strcmp(kind, fields[i].kind) == 0)
            return fields[i].field;
    return NULL;
}

static void name_unpriced(struct spend_total *total, const char *model)
{
    snprintf(total->unpriced_model, sizeof total->unpriced_model, "%s", *model ? model : "(no name)");
}

bool spend_usage_add(const struct price_book *book, const struct spend_usage *row, struct spend_total *total)
{
    struct llm_call call = {.model = row->model,
                            .region = "",
                            .start_ns = row->start_ns,
                            .end_ns = row->start_ns,
                            .cost_usd = NAN};
    double usd = 0;
    if (!(row->amount > 0) || isinf(row->amount))
        return false;
    if (strcmp(row->kind, USAGE_COST) == 0) {
        total->cost_usd += row->amount;
        return true;
    }
    uint64_t *field = tokens_of(row->kind, &call.tokens);
    if (!field)
        return false;
    *field = num_u64(row->amount);
    bool is_priced = price_is_known(price_call(book, &call, &usd));
    total->tokens += *field;
    total->cost_usd += is_priced ? usd : 0;
    total->call_count++;
    total->unpriced_count += !is_priced;
    if (!is_priced)
        name_unpriced(total, row->model);
    return true;
}

/* --- a recording --- */

struct adding {
    const struct view *view;
    const struct price_book *book;
    struct spend_total total;
    struct map outputs; /* of spans with a bound: what is told */
    bool is_of_agents;
    int64_t start_ns;
};

/* The bound of a partial usage stands for its output, so what is told of that is taken off. */
static int add_agents_row(struct adding *adding, const struct row_usage *row, const char *kind)
{
    struct spend_total *total = &adding->total;
    struct tokens tokens = {0};
    double amount = num_double(row->amount);
    bool is_output = strcmp(kind, USAGE_OUTPUT) == 0, is_high = strcmp(kind, USAGE_OUTPUT_HIGH) == 0;
    if (!(amount > 0) || isinf(amount))
        return 0;
    if (strcmp(kind, USAGE_COST) == 0)
        total->cost_usd += amount;
    else if (tokens_of(kind, &tokens))
        total->tokens += num_u64(amount);
    if (is_output && map_put(&adding->outputs, row->span, num_u64(amount)))
        return -1;
    if (is_high) {
        const uint64_t *told = map_get(&adding->outputs, row->span);
        uint64_t high = num_u64(amount), output = told ? *told : 0;
        total->partial_count += high > output;
        total->tokens += high > output ? high - output : 0;
    }
    return 0;
}

static int add_usage(void *context, const struct batch *batch, struct err *err)
{
    struct adding *adding = context;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_usage row;
        batch_row(batch, i, (uint64_t *)&row);
        const char *kind = view_text(adding->view, row.kind);
        struct spend_usage usage = {.kind = kind,
                                    .model = view_text(adding->view, row.model),
                                    .amount = num_double(row.amount),
                                    .start_ns = adding->start_ns};
        if (!adding->is_of_agents)
            (void)spend_usage_add(adding->book, &usage, &adding->total);
        else if (add_agents_row(adding, &row, kind))
            return err_memory(err);
    }
    return 0;
}

static int add_calls(void *context, const struct batch *batch, struct err *err)
{
    struct adding *adding = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++)
        adding->total.call_count += batch->columns[COLUMN(span, category)][i] == SPAN_LLM;
    return 0;
}

static int add_unpriced(void *context, const struct batch *batch, struct err *err)
{
    struct adding *adding = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_attr row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.owner_table != TABLE_SPAN || strcmp(view_text(adding->view, row.key), ATTR_UNPRICED) != 0)
            continue;
        adding->total.unpriced_count++;
        name_unpriced(&adding->total, view_text(adding->view, row.value));
    }
    return 0;
}

static uint64_t meta_number(const struct view *view, const char *key)
{
    const char *text = view_meta(view, key);
    uint64_t number = 0;
    return text && !num_parse_u64(text, &number) ? number : 0;
}

static int add_all(struct adding *adding, struct err *err)
{
    const char *scope = view_meta(adding->view, META_SCOPE);
    adding->is_of_agents = scope && strcmp(scope, SCOPE_AGENTS) == 0;
    adding->start_ns = (int64_t)num_min(meta_number(adding->view, META_STARTED_REALTIME), INT64_MAX);
    int status = view_scan_all(adding->view, TABLE_USAGE, add_usage, adding, err);
    if (!status && adding->is_of_agents)
        status = view_scan_all(adding->view, TABLE_SPAN, add_calls, adding, err);
    if (!status && adding->is_of_agents)
        status = view_scan_all(adding->view, TABLE_ATTR, add_unpriced, adding, err);
    return status;
}

int spend_recording(const char *path, const struct price_book *book, struct spend_total *ret_total,
                    uint64_t *ret_time_ns, struct err *err)
{
    struct reader *reader = NULL;
    int status = reader_open(path, &reader, err);
    if (status)
        return status;
    struct adding adding = {.view = reader_view(reader), .book = book};
    status = add_all(&adding, err);
    if (!status) {
        uint64_t start_ns = meta_number(adding.view, META_START), end_ns = meta_number(adding.view, META_END);
        *ret_time_ns = end_ns > start_ns ? end_ns - start_ns : 0;
        *ret_total = adding.total;
    }
    map_free(&adding.outputs);
    reader_close(reader);
    return status;
}

bool spend_recording_is(const char *path)
{
    char head[sizeof FORMAT_MAGIC];
    struct stat about;
    if (stat(path, &about) || !S_ISREG(about.st_mode)) /* a pipe would be waited for */
        return false;
    ssize_t length = fs_read_small(path, head, sizeof head);
    return length == sizeof FORMAT_MAGIC - 1 && memcmp(head, FORMAT_MAGIC, sizeof FORMAT_MAGIC - 1) == 0;
}
