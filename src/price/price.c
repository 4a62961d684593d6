/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price.h"

#include <math.h>
#include <strings.h>

#include "price/price_book.h"

#define PER_MILLION 1e-6
#define PER_1K      1e-3

bool price_is_known(enum price_answer answer)
{
    return answer <= PRICE_UNBILLED;
}

const char *price_answer_text(enum price_answer answer)
{
    static const char *const texts[] = {
        [PRICE_KNOWN] = "priced",
        [PRICE_TOLD] = "the cost is the source's own",
        [PRICE_UNBILLED] = "nobody pays for it",
        [PRICE_NO_MODEL] = "the call names no model",
        [PRICE_UNKNOWN_MODEL] = "the model is in no price book",
        [PRICE_BEFORE] = "it is older than the first price of its model",
        [PRICE_AFTER] = "the last price of its model had ended",
        [PRICE_NO_MODE] = "its model has no price for that mode (batch, priority, flex or fast)",
        [PRICE_NO_CACHE_READ] = "its model has no price for reading the cache",
        [PRICE_NO_WEB_SEARCH] = "its model has no price for web searches",
    };
    return answer < sizeof texts / sizeof *texts ? texts[answer] : "unknown";
}

static const struct price_rates *rates_of(const struct price_set *set, uint64_t prompt)
{
    const struct price_rates *rates = &set->rates;
    for (size_t i = 0; i < set->above_count; i++)
        if (prompt > set->above[i].prompt)
            rates = &set->above[i].rates;
    return rates;
}

static bool mode_of(const struct llm_call *call, enum price_mode_id *ret_mode)
{
    static const enum price_mode_id of_tier[] = {[SERVICE_BATCH] = PRICE_MODE_BATCH,
                                                 [SERVICE_PRIORITY] = PRICE_MODE_PRIORITY,
                                                 [SERVICE_FLEX] = PRICE_MODE_FLEX};
    if (!call->is_fast && call->tier == SERVICE_STANDARD)
        return false;
    *ret_mode = call->is_fast ? PRICE_MODE_FAST : of_tier[call->tier];
    return true;
}

static double region_ratio(const struct price_row *row, const char *region)
{
    for (size_t i = 0; i < row->region_count && region; i++)
        if (strcasecmp(row->regions[i].name, region) == 0)
            return row->regions[i].ratio;
    return 1;
}

static double amount(uint64_t tokens, double rate, double ratio)
{
    return tokens ? (double)tokens * PER_MILLION * rate * ratio : 0;
}

static enum price_answer price_by_row(const struct price_row *row, const struct llm_call *call,
                                      struct price_parts *ret_parts)
{
    const struct tokens *tokens = &call->tokens;
    const struct price_set *set = &row->set;
    double ratio = region_ratio(row, call->region);
    enum price_mode_id mode;
    if (mode_of(call, &mode)) {
        if (row->modes[mode].set)
            set = row->modes[mode].set;
        else if (isnan(row->modes[mode].ratio))
            return PRICE_NO_MODE;
        else
            ratio *= row->modes[mode].ratio;
    }
    const struct price_rates *rates = rates_of(set, tokens_prompt(tokens));
    if (tokens->cache_read && isnan(rates->cache_read))
        return PRICE_NO_CACHE_READ;
    if (call->web_searches && isnan(row->web_search_per_1k))
        return PRICE_NO_WEB_SEARCH;
    double write_5m = isnan(rates->cache_write_5m) ? rates->input : rates->cache_write_5m;
    double write_1h = isnan(rates->cache_write_1h) ? write_5m : rates->cache_write_1h;
    struct price_parts parts = {
        .input = amount(tokens->input, rates->input, ratio),
        .output = amount(tokens->output, rates->output, ratio),
        .cache_read = amount(tokens->cache_read, rates->cache_read, ratio),
        .cache_write_5m = amount(tokens->cache_write_5m, write_5m, ratio),
        .cache_write_1h = amount(tokens->cache_write_1h, write_1h, ratio),
        .web_search = call->web_searches ? call->web_searches * PER_1K * row->web_search_per_1k : 0,
    };
    parts.total = parts.input + parts.output + parts.cache_read + parts.cache_write_5m +
                  parts.cache_write_1h + parts.web_search;
    *ret_parts = parts;
    return PRICE_KNOWN;
}

static enum price_answer price_by_model(const struct price_model *model, const struct llm_call *call,
                                        struct price_parts *ret_parts)
{
    if (!model)
        return PRICE_UNKNOWN_MODEL;
    enum price_answer answer = PRICE_KNOWN;
    const struct price_row *row =
        price_model_row(model, call->start_ns ? call->start_ns : call->end_ns, &answer);
    return row ? price_by_row(row, call, ret_parts) : answer;
}

static enum price_answer price_by_book(const struct price_book *book, const struct llm_call *call,
                                       const char *name, struct price_parts *ret_parts)
{
    return name && *name ? price_by_model(price_book_find(book, name), call, ret_parts) : PRICE_NO_MODEL;
}

enum price_answer price_call_as(const struct price_book *book, const struct llm_call *call, const char *model,
                                struct price_parts *ret_parts)
{
    if (call->is_unbilled) {
        *ret_parts = (struct price_parts){0};
        return PRICE_UNBILLED;
    }
    return price_by_book(book, call, model, ret_parts);
}

/* What no book knows costs what its source says. */
static enum price_answer price_or_told(enum price_answer answer, const struct llm_call *call,
                                       struct price_parts *parts)
{
    if (price_is_known(answer) || !(call->cost_usd > 0) || isinf(call->cost_usd))
        return answer;
    *parts = (struct price_parts){.total = call->cost_usd};
    return PRICE_TOLD;
}

enum price_answer price_call_parts(const struct price_book *book, const struct llm_call *call,
                                   struct price_parts *ret_parts)
{
    return price_or_told(price_call_as(book, call, call->model, ret_parts), call, ret_parts);
}

enum price_answer price_call_found(const struct price_model *model, const struct llm_call *call,
                                   double *ret_usd)
{
    struct price_parts parts = {0};
    enum price_answer answer =
        price_or_told(call->is_unbilled ? PRICE_UNBILLED : price_by_model(model, call, &parts), call, &parts);
    if (price_is_known(answer))
        *ret_usd = parts.total;
    return answer;
}

enum price_answer price_call(const struct price_book *book, const struct llm_call *call, double *ret_usd)
{
    struct price_parts parts = {0};
    enum price_answer answer = price_call_parts(book, call, &parts);
    if (price_is_known(answer))
        *ret_usd = parts.total;
    return answer;
}
