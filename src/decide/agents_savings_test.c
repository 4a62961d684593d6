/* SPDX-License-Identifier: Apache-2.0 */
/* Random teams of agents, from events to the verdict: what its findings save can be spent once, whatever the team did. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/map.h"
#include "judge/verdict.h"
#include "model/dataset.h"
#include "price/price.h"
#include "workflow/workflow.h"

#define TEAM_COUNT 1000
#define AGENTS_MAX 7

int agents_savings_test(void);

struct maker {
    uint64_t state;
    struct agent_sink *sink;
    struct err err;
    int told;
};

static uint64_t below(struct maker *maker, uint64_t limit)
{
    maker->state++;
    return map_hash(maker->state) % limit;
}

#define MS ((int64_t)NS_PER_MS)

static int64_t tell_call(struct maker *maker, const char *agent, int64_t at, uint64_t kind)
{
    static const char *const models[] = {"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5",
                                         "nobody-knows"};
    char id[24];
    snprintf(id, sizeof id, "m%d", maker->told++);
    uint64_t read = below(maker, kind == 3 ? 2000000 : 60000);
    struct llm_call call = {
        .session = "s",
        .agent = agent,
        .project = "",
        .task = "",
        .tools = "",
        .id = id,
        .model = models[below(maker, 20) ? kind % 3 : 3],
        .provider = "",
        .region = "",
        .start_ns = at,
        .end_ns = at + (int64_t)(20 + below(maker, 3000)) * MS,
        .tokens = {.input = read, .output = below(maker, 900), .cache_read = below(maker, 2) * read},
        .cost_usd = NAN,
        .is_error = below(maker, 15) == 0};
    call.output_high = call.tokens.output;
    assert_int_equal(maker->sink->llm_call(maker->sink, &call, &maker->err), 0);
    return call.end_ns;
}

static int64_t tell_tool(struct maker *maker, const char *agent, const char *child, int64_t at, int64_t end)
{
    static const char *const texts[] = {"make test", "a.c", "b.c", ""};
    char id[24];
    snprintf(id, sizeof id, "t%d", maker->told++);
    struct tool_call tool = {.session = "s",
                             .agent = agent,
                             .id = id,
                             .name = child[0] ? "Task" : "Bash",
                             .text = texts[below(maker, 12) > 3 ? 0 : below(maker, 4)],
                             .child_agent = child,
                             .start_ns = at,
                             .end_ns = end,
                             .result_bytes = below(maker, 100000),
                             .is_error = below(maker, 3) == 0};
    assert_int_equal(maker->sink->tool_call(maker->sink, &tool, &maker->err), 0);
    return end;
}

static int64_t tell_wait(struct maker *maker, const char *agent, int64_t at)
{
    struct agent_wait wait = {.session = "s",
                              .agent = agent,
                              .on = "",
                              .reason = (enum agent_wait_reason)below(maker, 3),
                              .start_ns = at,
                              .end_ns = at + (int64_t)below(maker, 4000) * MS};
    assert_int_equal(maker->sink->wait(maker->sink, &wait, &maker->err), 0);
    return wait.end_ns;
}

/* What an agent does from `at` on; when it is done. */
static int64_t tell_life(struct maker *maker, const char *agent, int64_t at)
{
    uint64_t kind = below(maker, 4);
    for (uint64_t steps = 1 + below(maker, 14); steps--;) {
        at = tell_call(maker, agent, at, kind);
        if (below(maker, 3))
            at = tell_tool(maker, agent, "", at, at + (int64_t)below(maker, 600) * MS);
        if (below(maker, 3) == 0)
            tell_tool(maker, agent, "", at - 100 * MS, at + (int64_t)below(maker, 600) * MS);
        if (below(maker, 5) == 0)
            at = tell_wait(maker, agent, at);
        at += (int64_t)below(maker, 2) * (int64_t)below(maker, 900) * MS;
    }
    return at;
}

/* Many that do one small thing each, one after another. */
static int64_t tell_small(struct maker *maker, int64_t at)
{
    for (uint64_t i = 0, count = 6 + below(maker, 7); i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%d", (int)i);
        struct agent_facts facts = {
            .session = "s", .agent = name, .parent = "", .kind = "small", .title = "", .spawn_id = ""};
        assert_int_equal(maker->sink->agent(maker->sink, &facts, &maker->err), 0);
        int64_t end = tell_call(maker, name, at + 5 * MS, 1);
        tell_tool(maker, "", name, at, end + 2 * MS);
        at = tell_call(maker, "", end + 2 * MS, 1);
    }
    return at;
}

/* Three that stand still for a fourth, which serves them in turn. */
static int64_t tell_queue(struct maker *maker, int64_t at)
{
    int64_t served = at + 500 * MS, end = at;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            char name[8];
            snprintf(name, sizeof name, "q%d", i);
            int64_t asked = tell_call(maker, name, round ? end : at, 1);
            served = tell_call(maker, "shared", served > asked ? served : asked, 1);
            tell_tool(maker, name, "shared", asked, served + 1 * MS);
        }
        end = served + 2 * MS;
    }
    return end;
}

static void tell_team(struct maker *maker)
{
    int64_t at = (int64_t)1790000000 * (int64_t)NS_PER_S;
    uint64_t children = below(maker, AGENTS_MAX);
    bool in_row = below(maker, 2);
    at = tell_life(maker, "", at);
    at = below(maker, 4) == 0 ? tell_small(maker, at) : at;
    at = below(maker, 4) == 0 ? tell_queue(maker, at) : at;
    for (uint64_t i = 0; i < children; i++) {
        char name[8];
        snprintf(name, sizeof name, "a%d", (int)i);
        int64_t end = tell_life(maker, name, at + 5 * MS);
        tell_tool(maker, "", name, at, end + 2 * MS);
        at = in_row ? tell_call(maker, "", end + 2 * MS, 1) : at;
    }
    tell_life(maker, "", at + 20000 * MS);
}

static void check(const struct verdict *verdict)
{
    const struct agents_facts *facts = verdict->agents;
    double low = 0, usd = 0, high = 0, bill = facts ? facts->used.usd * (1 + 1e-9) + 1e-12 : 0;
    uint64_t ns_low = 0, ns = 0, ns_high = 0, path = 0;
    assert_non_null(facts);
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const struct savings *savings = &verdict->findings[i].savings;
        assert_true(verdict->findings[i].has_savings);
        assert_true(savings->usd_low >= 0 && savings->usd_low <= savings->usd &&
                    savings->usd <= savings->usd_high);
        assert_true(savings->ns_low <= savings->ns && savings->ns <= savings->ns_high);
        low += savings->usd_low;
        usd += savings->usd;
        high += savings->usd_high;
        ns_low += savings->ns_low;
        ns += savings->ns;
        ns_high += savings->ns_high;
    }
    assert_true(low <= bill && usd <= bill && high <= bill);
    assert_true(ns_low <= verdict->run.wall_ns && ns <= verdict->run.wall_ns &&
                ns_high <= verdict->run.wall_ns);
    for (size_t i = 0; i < verdict->path_count; i++)
        path += verdict->path[i].ns;
    assert_int_equal(path, verdict->run.wall_ns);
    for (size_t i = 0; facts && i < facts->agent_count; i++) {
        const struct agent_entry *agent = &facts->agents[i];
        uint64_t life = 0;
        for (size_t j = 0; j < AGENT_DOINGS; j++)
            life += agent->ns[j];
        assert_int_equal(life, agent->end_ns - agent->start_ns);
    }
}

/* Teams in which a cause was found. */
struct tally {
    size_t batches, phases, overloads;
};

static void count_causes(const struct verdict *verdict, struct tally *tally)
{
    for (size_t i = 0; i < verdict->finding_count; i++) {
        const char *cause = verdict->findings[i].cause;
        tally->batches += strcmp(cause, "small-batches") == 0;
        tally->phases += strcmp(cause, "config") == 0;
        tally->overloads += strcmp(cause, "agent-overload") == 0;
    }
}

static bool price_of(void *context, const struct llm_call *call, double *ret_usd)
{
    return price_is_known(price_call(context, call, ret_usd));
}

static void what_findings_save_can_be_spent_once(void **state)
{
    size_t findings = 0;
    struct tally tally = {0};
    struct price_book_options options = {.built_in_only = true};
    struct price_book *book = NULL;
    struct err err;
    (void)state;
    assert_int_equal(price_book_open(&options, &book, &err), 0);
    struct workflow_price price = {.usd = price_of, .context = book};
    for (uint64_t number = 0; number < TEAM_COUNT; number++) {
        struct workflow *workflow = workflow_create();
        struct maker maker = {.state = number * 1000003};
        struct dataset data;
        struct workflow_facts facts;
        struct verdict verdict = {0};
        assert_non_null(workflow);
        maker.sink = workflow_sink(workflow);
        dataset_init(&data);
        tell_team(&maker);
        if (workflow_write(workflow, "random", &price, &data.sink, &facts, &maker.err) ||
            analyze_verdict(&data.view, &verdict, &maker.err))
            fail_msg("team %d: %s", (int)number, maker.err.what);
        check(&verdict);
        findings += verdict.finding_count;
        count_causes(&verdict, &tally);
        verdict_deinit(&verdict);
        dataset_deinit(&data);
        workflow_destroy(workflow);
    }
    price_book_close(book);
    /* It is no proof when there is nothing to save. */
    assert_true(findings > TEAM_COUNT);
    assert_true(tally.batches > 20 && tally.phases > 20 && tally.overloads > 20);
}

int agents_savings_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_findings_save_can_be_spent_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
