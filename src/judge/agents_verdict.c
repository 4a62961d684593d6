/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/agents_verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "model/meta.h"
#include "price/price.h"

struct agents_book {
    struct agent_prices prices;
    struct price_book *book;
    uint64_t start_ns;   /* of the run, on its clock */
    int64_t realtime_ns; /* and in Unix time */
};

static void set_mode(const struct team_call *call, struct llm_call *ret_call)
{
    ret_call->is_fast = strcmp(call->tier, "fast") == 0;
    if (strcmp(call->tier, "batch") == 0)
        ret_call->tier = SERVICE_BATCH;
    else if (strcmp(call->tier, "priority") == 0)
        ret_call->tier = SERVICE_PRIORITY;
    else if (strcmp(call->tier, "flex") == 0)
        ret_call->tier = SERVICE_FLEX;
}

static bool usd_of(void *context, const struct team_call *call, const struct team_tokens *tokens,
                   const char *model, double *ret_usd)
{
    const struct agents_book *book = context;
    int64_t at = book->realtime_ns
                     ? book->realtime_ns + (int64_t)(call->start_ns - num_min(book->start_ns, call->start_ns))
                     : 0;
    struct llm_call as_told = {.session = "",
                               .agent = "",
                               .project = "",
                               .task = "",
                               .tools = "",
                               .id = "",
                               .model = model,
                               .provider = "",
                               .region = "",
                               .start_ns = at,
                               .end_ns = at,
                               .tokens = {.input = num_u64(tokens->input),
                                          .output = num_u64(tokens->output),
                                          .cache_read = num_u64(tokens->cache_read),
                                          .cache_write_5m = num_u64(tokens->cache_write_5m),
                                          .cache_write_1h = num_u64(tokens->cache_write_1h),
                                          .reasoning = num_u64(tokens->reasoning)},
                               .cost_usd = NAN};
    set_mode(call, &as_told);
    return price_is_known(price_call(book->book, &as_told, ret_usd));
}

struct agents_book *agents_book_open(const struct run *run)
{
    struct agents_book *book = calloc(1, sizeof *book);
    struct err unread;
    const char *started = view_meta(run->view, META_STARTED_REALTIME);
    uint64_t realtime = 0;
    if (!book)
        return NULL;
    if (price_book_open(NULL, &book->book, &unread)) {
        free(book);
        return NULL;
    }
    if (started && !num_parse_u64(started, &realtime) && realtime < INT64_MAX)
        book->realtime_ns = (int64_t)realtime;
    book->start_ns = run->start_ns;
    book->prices = (struct agent_prices){.usd = usd_of, .context = book};
    return book;
}

void agents_book_close(struct agents_book *book)
{
    if (!book)
        return;
    price_book_close(book->book);
    free(book);
}

const struct agent_prices *agents_book_prices(const struct agents_book *book)
{
    return book ? &book->prices : NULL;
}

int agents_verdict(const struct run *run, const struct whatif *whatif, struct verdict *verdict,
                   struct err *err)
{
    struct team team;
    struct agents_judgement judgement;
    int status = team_load(run, &team, err);
    if (status)
        return status;
    struct agents_book *book = agents_book_open(run);
    struct agent_scene scene = {
        .team = &team, .whatif = whatif, .prices = agents_book_prices(book), .arena = &verdict->arena};
    status = agents_judge(&scene, &judgement, err);
    if (!status) {
        verdict->findings = judgement.findings;
        verdict->finding_count = judgement.finding_count;
        verdict->agents = judgement.facts;
    }
    agents_book_close(book);
    team_deinit(&team);
    return status;
}
