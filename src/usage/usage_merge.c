/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "price/price_book.h"

struct llm_call usage_call_event(const struct usage_shelf *shelf, const struct usage_call *row)
{
    return (struct llm_call){.session = shelf_text(shelf, row->session),
                             .agent = shelf_text(shelf, row->agent),
                             .project = shelf_text(shelf, row->project),
                             .task = shelf_text(shelf, row->task),
                             .id = "",
                             .model = shelf_text(shelf, row->model),
                             .provider = shelf_text(shelf, row->provider),
                             .region = shelf_text(shelf, row->region),
                             .tools = shelf_text(shelf, row->tools),
                             .start_ns = row->start_ns,
                             .end_ns = row->end_ns,
                             .tokens = row->tokens,
                             .output_high = row->output_high,
                             .cost_usd = row->cost_usd,
                             .web_searches = row->web_searches,
                             .attempt = row->attempt,
                             .tier = (enum service_tier)row->tier,
                             .is_fast = row->flags & USAGE_FAST,
                             .is_partial = row->flags & USAGE_PARTIAL,
                             .is_unbilled = row->flags & USAGE_UNBILLED,
                             .is_error = row->flags & USAGE_ERROR};
}

/* Whose call it is when two files tell it: the conversation's own rather than an agent's that replays it; then the file that comes
 * first by its name, so that the answer does not depend on the order of reading. */
static bool tells_better(const struct usage_shelf *shelf, const struct usage_call *row,
                         const struct usage_item *known)
{
    if (!row->agent != !known->call.agent)
        return !row->agent;
    const char *path = shelf_text(shelf, shelf->files.items[row->file].path);
    const char *other = shelf_text(known->shelf, known->shelf->files.items[known->call.file].path);
    return strcmp(path, other) < 0;
}

static void take_texts(struct usage_item *item, const struct usage_shelf *shelf, const struct usage_call *row)
{
    struct usage_call numbers = item->call;
    item->call = *row;
    usage_call_merge(&item->call, &numbers);
    /* Also what only the other telling knows. */
    if (!item->call.tools && item->shelf == shelf)
        item->call.tools = numbers.tools;
    item->shelf = shelf;
}

/* Ids are hashes already: a table of their items, of twice as many slots as there can be. */
struct id_table {
    uint32_t *slots; /* item + 1; 0: free */
    size_t mask;
};

static int id_table_init(struct id_table *table, size_t count)
{
    size_t capacity = 16;
    while (capacity < 2 * count)
        capacity *= 2;
    table->mask = capacity - 1;
    table->slots = calloc(capacity, sizeof *table->slots);
    return table->slots ? 0 : -1;
}

/* The slot of an id: its item, or a free one. */
static uint32_t *id_table_slot(const struct id_table *table, const struct usage_answer *answer,
                               const uint64_t id[2])
{
    size_t at = (size_t)id[0] & table->mask;
    for (;; at = (at + 1) & table->mask) {
        uint32_t *slot = &table->slots[at];
        if (!*slot)
            return slot;
        const uint64_t *known = answer->items.items[*slot - 1].call.id;
        if (known[0] == id[0] && known[1] == id[1])
            return slot;
    }
}

static int merge_row(struct usage_answer *answer, const struct id_table *table,
                     const struct usage_shelf *shelf, const struct usage_call *row)
{
    bool has_id = row->id[0] || row->id[1];
    uint32_t *slot = has_id ? id_table_slot(table, answer, row->id) : NULL;
    if (slot && *slot) {
        struct usage_item *item = &answer->items.items[*slot - 1];
        if (tells_better(shelf, row, item))
            take_texts(item, shelf, row);
        else
            usage_call_merge(&item->call, row);
        return 0;
    }
    if (vec_push(&answer->items, (struct usage_item){.shelf = shelf, .call = *row}))
        return -1;
    if (slot)
        *slot = (uint32_t)answer->items.count;
    return 0;
}

static bool counts(const struct usage_place *place, const struct usage_call *row)
{
    const struct usage_file *file = &place->shelf.files.items[row->file];
    return file->generation == row->generation && (file->is_there || place->is_default);
}

static bool is_within(const struct usage_query *query, const struct usage_call *call)
{
    return (!query->since_ns || call->start_ns >= query->since_ns) &&
           (!query->until_ns || (call->start_ns && call->start_ns < query->until_ns));
}

/* The models of the calls before: names are looked up once each. */
#define MODELS_KEPT 64u

struct model_memo {
    const struct usage_shelf *shelf;
    const struct price_model *model;
    uint32_t name;
};

static const struct price_model *model_of(const struct usage_query *query, const struct usage_item *item,
                                          struct model_memo memo[MODELS_KEPT])
{
    struct model_memo *kept = &memo[item->call.model % MODELS_KEPT];
    if (kept->shelf != item->shelf || kept->name != item->call.model)
        *kept = (struct model_memo){
            .shelf = item->shelf,
            .model = price_book_find(query->book, shelf_text(item->shelf, item->call.model)),
            .name = item->call.model};
    return kept->model;
}

static double price_of(const struct price_model *model, const struct llm_call *call)
{
    double usd = NAN;
    return price_is_known(price_call_found(model, call, &usd)) ? usd : NAN;
}

static void price_item(const struct usage_query *query, struct usage_item *item,
                       struct model_memo memo[MODELS_KEPT])
{
    item->cost_usd = item->cost_usd_high = NAN;
    if (!query->book)
        return;
    struct llm_call call = usage_call_event(item->shelf, &item->call);
    const struct price_model *model = model_of(query, item, memo);
    item->cost_usd = item->cost_usd_high = price_of(model, &call);
    if (!call.is_partial || call.output_high == call.tokens.output)
        return;
    call.tokens.output = call.output_high;
    item->cost_usd_high = price_of(model, &call);
}

int usage_merge(struct usage_answer *answer, struct err *err)
{
    struct id_table table;
    size_t total = 0;
    for (size_t i = 0; i < answer->places.count; i++)
        total += answer->places.items[i]->shelf.calls.count;
    if (total >= UINT32_MAX)
        return err_set(err, ERR_INPUT, "could not add up usage: there are over %u calls", UINT32_MAX);
    int status = id_table_init(&table, total);
    for (size_t i = 0; i < answer->places.count && !status; i++) {
        const struct usage_place *place = answer->places.items[i];
        for (size_t k = 0; k < place->shelf.calls.count && !status; k++)
            if (counts(place, &place->shelf.calls.items[k]))
                status = merge_row(answer, &table, &place->shelf, &place->shelf.calls.items[k]);
    }
    free(table.slots);
    if (status)
        return err_memory(err);
    size_t kept = 0;
    struct model_memo memo[MODELS_KEPT] = {0};
    for (size_t i = 0; i < answer->items.count; i++) {
        if (!is_within(&answer->query, &answer->items.items[i].call))
            continue;
        answer->items.items[kept] = answer->items.items[i];
        price_item(&answer->query, &answer->items.items[kept++], memo);
    }
    answer->items.count = kept;
    return 0;
}
