/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/spend.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static struct spend_total part_of(const struct spend *spend, const struct llm_call *call)
{
    struct llm_call most = *call;
    struct spend_total part = {.call_count = 1, .partial_count = call->is_partial};
    double usd = 0;
    if (call->is_partial && call->output_high > call->tokens.output)
        most.tokens.output = call->output_high;
    part.tokens = tokens_total(&most.tokens);
    if (price_is_known(price_call(spend->book, &most, &usd)))
        part.cost_usd = usd;
    else
        part.unpriced_count = part.tokens > 0;
    return part;
}

void spend_total_add(struct spend_total *total, const struct spend_total *more)
{
    total->tokens += more->tokens;
    total->cost_usd += more->cost_usd;
    total->call_count += more->call_count;
    total->unpriced_count += more->unpriced_count;
    total->partial_count += more->partial_count;
    if (*more->unpriced_model)
        memcpy(total->unpriced_model, more->unpriced_model, sizeof total->unpriced_model);
}

static void total_add(struct spend *spend, const struct spend_total *part, const char *model)
{
    struct spend_total *total = &spend->total;
    spend_total_add(total, part);
    if (part->unpriced_count)
        snprintf(total->unpriced_model, sizeof total->unpriced_model, "%s", *model ? model : "(no name)");
}

static void total_remove(struct spend *spend, const struct spend_total *part)
{
    struct spend_total *total = &spend->total;
    total->tokens -= part->tokens;
    total->cost_usd -= part->cost_usd;
    total->call_count -= part->call_count;
    total->unpriced_count -= part->unpriced_count;
    total->partial_count -= part->partial_count;
}

/* A text that lives as long as the spend, once. */
static const char *text_keep(struct spend *spend, const char *text)
{
    uint64_t id;
    return text && intern_put(&spend->texts, text, strlen(text), &id, NULL) == 0
               ? intern_text(&spend->texts, id)
               : "";
}

static int keep(struct spend *spend, uint64_t key, const struct llm_call *call, struct err *err)
{
    struct spend_call kept = {.call = *call};
    kept.call.session = kept.call.agent = kept.call.project = kept.call.task = kept.call.id = "";
    kept.call.tools = "";
    kept.call.model = text_keep(spend, call->model);
    kept.call.provider = text_keep(spend, call->provider);
    kept.call.region = text_keep(spend, call->region);
    kept.part = part_of(spend, &kept.call);
    if ((key && map_put(&spend->by_key, key, spend->calls.count)) || vec_push(&spend->calls, kept))
        return err_memory(err);
    total_add(spend, &kept.part, kept.call.model);
    return 0;
}

/* The start, as coarse as the time that is held against it: transcripts have milliseconds, or whole seconds. */
static int64_t since_for(const struct spend *spend, int64_t at_ns)
{
    int64_t coarse_ns = at_ns % (int64_t)NS_PER_S ? (int64_t)NS_PER_MS : (int64_t)NS_PER_S;
    return spend->since_ns - spend->since_ns % coarse_ns;
}

static uint64_t key_of(struct spend *spend, const char *scope, const char *id, bool makes)
{
    char text[1024];
    uint64_t key = 0;
    int length = snprintf(text, sizeof text, "%s\x1f%s", scope, id);
    if (length < 0)
        return 0;
    if (!makes)
        return intern_find(&spend->keys, text, strlen(text));
    return intern_put(&spend->keys, text, strlen(text), &key, NULL) ? 0 : key;
}

int spend_take(struct spend *spend, const char *scope, const struct llm_call *call, struct err *err)
{
    uint64_t key = 0;
    int64_t at_ns = call->end_ns ? call->end_ns : call->start_ns;
    if (at_ns && at_ns < since_for(spend, at_ns))
        return 0;
    if (spend->session && strcmp(spend->session, call->session) != 0)
        return 0;
    if (*call->id && !(key = key_of(spend, scope, call->id, true)))
        return err_memory(err);
    const uint64_t *place = key ? map_get(&spend->by_key, key) : NULL;
    if (!place)
        return keep(spend, key, call, err);
    struct spend_call *known = &spend->calls.items[*place];
    total_remove(spend, &known->part);
    llm_call_merge(&known->call, call);
    known->part = part_of(spend, &known->call);
    total_add(spend, &known->part, known->call.model);
    return 0;
}

void spend_drop(struct spend *spend, const char *scope, const char *id)
{
    uint64_t key = key_of(spend, scope, id, false);
    const uint64_t *place = key ? map_get(&spend->by_key, key) : NULL;
    if (!place)
        return;
    struct spend_call *known = &spend->calls.items[*place];
    total_remove(spend, &known->part);
    known->part = (struct spend_total){0};
    map_remove(&spend->by_key, key);
}

void spend_free(struct spend *spend)
{
    vec_free(&spend->calls);
    map_free(&spend->by_key);
    intern_free(&spend->keys);
    intern_free(&spend->texts);
}
