/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_merge.h"

#include <math.h>
#include <string.h>

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

static int merge_row(struct usage_answer *answer, struct map *seen, const struct usage_shelf *shelf,
                     const struct usage_call *row)
{
    bool has_id = row->id[0] || row->id[1];
    const uint64_t *known = has_id ? map_get(seen, row->id[0]) : NULL;
    if (known && answer->items.items[*known].call.id[1] == row->id[1]) {
        struct usage_item *item = &answer->items.items[*known];
        if (tells_better(shelf, row, item))
            take_texts(item, shelf, row);
        else
            usage_call_merge(&item->call, row);
        return 0;
    }
    if (has_id && !known && map_put(seen, row->id[0], answer->items.count))
        return -1;
    return vec_push(&answer->items, (struct usage_item){.shelf = shelf, .call = *row});
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

static double price_of(const struct usage_query *query, struct llm_call *call)
{
    double usd = NAN;
    return query->book && price_is_known(price_call(query->book, call, &usd)) ? usd : NAN;
}

static void price_item(const struct usage_query *query, struct usage_item *item)
{
    struct llm_call call = usage_call_event(item->shelf, &item->call);
    item->cost_usd = item->cost_usd_high = price_of(query, &call);
    if (!call.is_partial || call.output_high == call.tokens.output)
        return;
    call.tokens.output = call.output_high;
    item->cost_usd_high = price_of(query, &call);
}

int usage_merge(struct usage_answer *answer, struct err *err)
{
    struct map seen = {0};
    int status = 0;
    for (size_t i = 0; i < answer->places.count && !status; i++) {
        const struct usage_place *place = answer->places.items[i];
        for (size_t k = 0; k < place->shelf.calls.count && !status; k++)
            if (counts(place, &place->shelf.calls.items[k]))
                status = merge_row(answer, &seen, &place->shelf, &place->shelf.calls.items[k]);
    }
    map_free(&seen);
    if (status)
        return err_memory(err);
    size_t kept = 0;
    for (size_t i = 0; i < answer->items.count; i++) {
        if (!is_within(&answer->query, &answer->items.items[i].call))
            continue;
        answer->items.items[kept] = answer->items.items[i];
        price_item(&answer->query, &answer->items.items[kept++]);
    }
    answer->items.count = kept;
    return 0;
}
