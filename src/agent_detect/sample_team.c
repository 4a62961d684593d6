/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_detect/sample_team.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/agent_names.h"
#include "model/meta.h"

enum { PEER_BASH = 1, PEER_RETRY, PEER_LIMIT };

#define AT(ms) ((1000ull + (unsigned)(ms)) * NS_PER_MS)

#define PUT(sample, name, ...)                                                                               \
    do {                                                                                                     \
        struct row_##name row = {__VA_ARGS__};                                                               \
        assert_int_equal(sink_append(&(sample)->data.sink, name, &row, &(sample)->err), 0);                  \
    } while (0)

static uint64_t text(struct sample_team *sample, const char *word)
{
    uint64_t id = 0;
    if (word[0])
        assert_int_equal(sink_intern(&sample->data.sink, word, &id, &sample->err), 0);
    return id;
}

static bool usd_of(void *context, const struct team_call *call, const struct team_tokens *tokens,
                   const char *model, double *ret_usd)
{
    double part = strcmp(model, "m-big") == 0 ? 1 : 0.1;
    (void)context;
    (void)call;
    if (strcmp(model, "m-big") != 0 && strcmp(model, "m-small") != 0)
        return false;
    *ret_usd = part * 1e-6 *
               (10 * tokens->input + tokens->cache_read + 12.5 * tokens->cache_write_5m +
                20 * tokens->cache_write_1h + 50 * tokens->output);
    return true;
}

void sample_begin(struct sample_team *sample, int wall_ms)
{
    char end[24];
    *sample = (struct sample_team){0};
    snprintf(end, sizeof end, "%llu", (unsigned long long)AT(wall_ms));
    dataset_init(&sample->data);
    assert_int_equal(sink_meta(&sample->data.sink, META_START, "1000000000", &sample->err), 0);
    assert_int_equal(sink_meta(&sample->data.sink, META_END, end, &sample->err), 0);
    assert_int_equal(sink_meta(&sample->data.sink, META_ROOT_TRACK, "1", &sample->err), 0);
    assert_int_equal(sink_meta(&sample->data.sink, META_CPU_COUNT, "64", &sample->err), 0);
    PUT(sample, peer, .id = PEER_BASH, .kind = PEER_PROCESS, .name = text(sample, "Bash"));
    PUT(sample, peer, .id = PEER_RETRY, .kind = PEER_API, .name = text(sample, PEER_NAME_RETRY));
    PUT(sample, peer, .id = PEER_LIMIT, .kind = PEER_API, .name = text(sample, PEER_NAME_RATE_LIMIT));
    sample_agent(sample, "main", "", 0, wall_ms);
}

uint64_t sample_agent(struct sample_team *sample, const char *name, const char *kind, int start_ms,
                      int end_ms)
{
    uint64_t id = ++sample->tracks;
    PUT(sample, track, .id = id, .parent = id > 1, .kind = TRACK_AGENT, .name = text(sample, name),
        .start_ns = AT(start_ms), .end_ns = AT(end_ms));
    struct row_attr about = {.owner_table = TABLE_TRACK, .owner = id};
    if (kind[0])
        assert_int_equal(sink_attr(&sample->data.sink, &about, ATTR_AGENT_KIND, kind, &sample->err), 0);
    if (id > 1)
        PUT(sample, edge, .from_track = 1, .from_ns = AT(start_ms), .to_track = id, .to_ns = AT(start_ms),
            .kind = EDGE_SPAWN, .source = EDGE_RECORDED);
    return id;
}

uint64_t sample_task(struct sample_team *sample, uint64_t track, const char *name, int start_ms, int end_ms)
{
    uint64_t id = ++sample->spans;
    PUT(sample, span, .id = id, .track = track, .name = text(sample, name), .category = SPAN_TASK,
        .start_ns = AT(start_ms), .end_ns = AT(end_ms));
    return id;
}

static void use(struct sample_team *sample, uint64_t span, const char *kind, double amount)
{
    if (amount > 0)
        PUT(sample, usage, .span = span, .kind = text(sample, kind), .amount = num_bits(amount));
}

void sample_wait(struct sample_team *sample, uint64_t track, int start_ms, int end_ms,
                 enum wait_reason reason, uint64_t waker)
{
    PUT(sample, wait, .track = track, .start_ns = AT(start_ms), .end_ns = AT(end_ms), .count = 1,
        .blocked_ns = AT(end_ms) - AT(start_ms), .reason = reason, .waker_track = waker,
        .waker_source = WAKER_EXACT);
}

void sample_ask(struct sample_team *sample, const struct sample_call *call)
{
    uint64_t id = ++sample->spans;
    double usd = 0;
    PUT(sample, span, .id = id, .parent = call->task, .track = call->track, .name = text(sample, call->model),
        .category = SPAN_LLM, .start_ns = AT(call->start_ms), .end_ns = AT(call->end_ms));
    use(sample, id, USAGE_INPUT, call->tokens.input);
    use(sample, id, USAGE_OUTPUT, call->tokens.output);
    use(sample, id, USAGE_CACHE_READ, call->tokens.cache_read);
    use(sample, id, USAGE_CACHE_WRITE_5M, call->tokens.cache_write_5m);
    use(sample, id, USAGE_CONTEXT_BYTES, call->context_bytes);
    if (usd_of(NULL, NULL, &call->tokens, call->model, &usd))
        use(sample, id, USAGE_COST, usd);
    sample_wait(sample, call->track, call->start_ms, call->end_ms, WAIT_REMOTE, 0);
}

void sample_tool(struct sample_team *sample, uint64_t track, uint64_t task, const char *said, int start_ms,
                 int end_ms)
{
    uint64_t id = ++sample->spans;
    struct row_attr about = {.owner_table = TABLE_SPAN, .owner = id};
    PUT(sample, span, .id = id, .parent = task, .track = track, .name = text(sample, "Bash"),
        .category = SPAN_TOOL, .start_ns = AT(start_ms), .end_ns = AT(end_ms));
    assert_int_equal(sink_attr(&sample->data.sink, &about, ATTR_TEXT, said, &sample->err), 0);
    PUT(sample, wait, .track = track, .start_ns = AT(start_ms), .end_ns = AT(end_ms), .count = 1,
        .blocked_ns = AT(end_ms) - AT(start_ms), .reason = WAIT_CHILD, .peer = PEER_BASH,
        .waker_source = WAKER_EXACT);
}

void sample_pause(struct sample_team *sample, uint64_t track, int start_ms, int end_ms, const char *peer)
{
    PUT(sample, wait, .track = track, .start_ns = AT(start_ms), .end_ns = AT(end_ms), .count = 1,
        .blocked_ns = AT(end_ms) - AT(start_ms), .reason = WAIT_RATE_LIMIT,
        .peer = strcmp(peer, PEER_NAME_RETRY) == 0 ? PEER_RETRY : PEER_LIMIT, .waker_source = WAKER_EXACT);
}

void sample_needs(struct sample_team *sample, uint64_t track, uint64_t other, int at_ms)
{
    PUT(sample, edge, .from_track = other, .from_ns = AT(at_ms), .to_track = track, .to_ns = AT(at_ms),
        .kind = EDGE_DEPENDS, .source = EDGE_DECLARED);
}

void sample_load(struct sample_team *sample)
{
    if (run_load(&sample->data.view, &sample->run, &sample->err) ||
        whatif_init(&sample->run, &sample->whatif, &sample->err) ||
        team_load(&sample->run, &sample->team, &sample->err))
        fail_msg("%s", sample->err.what);
    sample->prices = (struct agent_prices){.usd = usd_of};
    sample->scene = (struct agent_scene){
        .team = &sample->team, .whatif = &sample->whatif, .prices = &sample->prices, .arena = &sample->arena};
}

static void forget(struct sample_team *sample)
{
    for (size_t i = 0; i < sample->claims.items.count; i++)
        vec_free(&sample->claims.items.items[i].effects.items);
    vec_free(&sample->claims.items);
}

const struct agent_claim *sample_detect(struct sample_team *sample,
                                        int (*detect)(const struct agent_scene *, struct agent_claims *,
                                                      struct err *))
{
    forget(sample);
    assert_int_equal(detect(&sample->scene, &sample->claims, &sample->err), 0);
    return sample->claims.items.count ? sample->claims.items.items : NULL;
}

double sample_wall_ms(struct sample_team *sample, const struct agent_claim *claim, enum team_case which)
{
    uint64_t wall = 0;
    assert_int_equal(team_replay(&sample->team, &sample->whatif, &claim->effects, which, &wall, &sample->err),
                     0);
    return (double)wall / (double)NS_PER_MS;
}

double sample_bill(const struct sample_team *sample, const struct agent_claim *claim, enum team_case which)
{
    return team_bill(&sample->team, &claim->effects, which);
}

void sample_end(struct sample_team *sample)
{
    forget(sample);
    team_deinit(&sample->team);
    whatif_deinit(&sample->whatif);
    run_deinit(&sample->run);
    dataset_deinit(&sample->data);
    arena_free(&sample->arena);
}
