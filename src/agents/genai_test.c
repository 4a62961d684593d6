/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/genai.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

int genai_test(void);

#define ATTRIBUTES_MAX 12

/* A span of attributes that are texts, but where the text is a number. */
struct sample {
    struct otlp_attribute attributes[ATTRIBUTES_MAX];
    struct otlp_span span;
};

static void fill(struct sample *sample, const char *name, const char *scope, const char *const (*pairs)[2])
{
    *sample = (struct sample){.span = {.name = {name, strlen(name)}, .scope = {scope, strlen(scope)}}};
    size_t count = 0;
    for (; pairs[count][0]; count++) {
        const char *value = pairs[count][1];
        struct otlp_attribute *attribute = &sample->attributes[count];
        assert_true(count < ATTRIBUTES_MAX);
        attribute->key = (struct otlp_text){pairs[count][0], strlen(pairs[count][0])};
        if (value[0] >= '0' && value[0] <= '9')
            attribute->value = (struct otlp_value){.kind = OTLP_INTEGER, .integer = strtol(value, NULL, 10)};
        else
            attribute->value = (struct otlp_value){.kind = OTLP_TEXT, .text = {value, strlen(value)}};
    }
    sample->span.attributes = (struct otlp_attributes){sample->attributes, count};
}

static void expect_tokens(const struct genai *genai, const struct tokens *tokens)
{
    assert_int_equal(genai->kind, GENAI_LLM);
    assert_int_equal(genai->tokens.input, tokens->input);
    assert_int_equal(genai->tokens.output, tokens->output);
    assert_int_equal(genai->tokens.cache_read, tokens->cache_read);
    assert_int_equal(genai->tokens.cache_write_5m, tokens->cache_write_5m);
    assert_int_equal(genai->tokens.cache_write_1h, tokens->cache_write_1h);
    assert_int_equal(genai->tokens.reasoning, tokens->reasoning);
}

#define PAIRS(...) ((const char *const[][2]){__VA_ARGS__, {NULL, NULL}})

/* 1,000 of input, 600 of them read from the cache, 100 written: 300 are left. */
static const struct tokens expected = {.input = 300, .output = 50, .cache_read = 600, .cache_write_5m = 100};

static void every_dialect_says_the_same_tokens(void **state)
{
    const struct {
        const char *name, *scope;
        const char *const (*pairs)[2];
    } dialects[] = {
        {"chat claude", "opentelemetry.instrumentation.anthropic",
         PAIRS({"gen_ai.operation.name", "chat"}, {"gen_ai.provider.name", "anthropic"},
               {"gen_ai.request.model", "claude-opus-5"}, {"gen_ai.usage.input_tokens", "1000"},
               {"gen_ai.usage.output_tokens", "50"}, {"gen_ai.usage.cache_read.input_tokens", "600"},
               {"gen_ai.usage.cache_creation.input_tokens", "100"})},
        {"anthropic.chat", "old conventions",
         PAIRS({"llm.request.type", "chat"}, {"gen_ai.system", "Anthropic"},
               {"gen_ai.request.model", "claude-opus-5"}, {"gen_ai.usage.prompt_tokens", "1000"},
               {"gen_ai.usage.completion_tokens", "50"}, {"gen_ai.usage.cache_read_input_tokens", "600"},
               {"gen_ai.usage.cache_creation_input_tokens", "100"})},
        {"ChatAnthropic", "openinference.instrumentation.langchain",
         PAIRS({"openinference.span.kind", "LLM"}, {"llm.model_name", "claude-opus-5"},
               {"llm.token_count.prompt", "1000"}, {"llm.token_count.completion", "50"},
               {"llm.token_count.prompt_details.cache_read", "600"},
               {"llm.token_count.prompt_details.cache_write", "100"})},
        {"ai.generateText.doGenerate", "ai",
         PAIRS({"ai.operationId", "ai.generateText.doGenerate"}, {"ai.model.provider", "anthropic.messages"},
               {"ai.model.id", "claude-opus-5"}, {"ai.usage.inputTokens", "1000"},
               {"ai.usage.inputTokenDetails.noCacheTokens", "300"}, {"ai.usage.outputTokens", "50"},
               {"ai.usage.inputTokenDetails.cacheReadTokens", "600"},
               {"ai.usage.inputTokenDetails.cacheWriteTokens", "100"})},
        {"chat claude", "pydantic-ai",
         PAIRS({"gen_ai.operation.name", "chat"}, {"gen_ai.request.model", "claude-opus-5"},
               {"gen_ai.usage.input_tokens", "1000"}, {"gen_ai.usage.output_tokens", "50"},
               {"gen_ai.usage.details.cache_read_tokens", "600"},
               {"gen_ai.usage.details.cache_write_tokens", "100"})},
        {"claude_code.llm_request", "com.anthropic.claude_code.tracing",
         PAIRS({"gen_ai.request.model", "claude-opus-5"}, {"input_tokens", "300"}, {"output_tokens", "50"},
               {"cache_read_tokens", "600"}, {"cache_creation_tokens", "100"})},
        {"chat", "strands.telemetry.tracer",
         PAIRS({"gen_ai.operation.name", "chat"}, {"gen_ai.request.model", "claude-opus-5"},
               {"gen_ai.usage.input_tokens", "300"}, {"gen_ai.usage.output_tokens", "50"},
               {"gen_ai.usage.cache_read_input_tokens", "600"},
               {"gen_ai.usage.cache_write_input_tokens", "100"})},
        {"ai.streamText.doStream", "ai",
         PAIRS({"ai.operationId", "ai.streamText.doStream"}, {"ai.model.provider", "anthropic.messages"},
               {"ai.model.id", "claude-opus-5"}, {"ai.usage.promptTokens", "300"},
               {"ai.usage.completionTokens", "50"}, {"ai.usage.cachedInputTokens", "600"},
               {"gen_ai.usage.cache_creation.input_tokens", "100"})},
        {"one that cannot be inclusive", "unknown",
         PAIRS({"gen_ai.operation.name", "chat"}, {"gen_ai.request.model", "claude-opus-5"},
               {"gen_ai.usage.input_tokens", "300"}, {"gen_ai.usage.output_tokens", "50"},
               {"gen_ai.usage.cache_read.input_tokens", "600"},
               {"gen_ai.usage.cache_creation.input_tokens", "100"})},
    };
    (void)state;
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        struct sample sample;
        struct genai genai;
        fill(&sample, dialects[i].name, dialects[i].scope, dialects[i].pairs);
        assert_true(genai_read(&sample.span, &genai));
        expect_tokens(&genai, &expected);
        assert_string_equal(genai.model, "claude-opus-5");
    }
}

static void a_span_around_calls_is_no_call(void **state)
{
    struct sample sample;
    struct genai genai;
    (void)state;
    fill(&sample, "ai.generateText", "ai",
         PAIRS({"ai.operationId", "ai.generateText"}, {"ai.model.id", "m"}, {"ai.usage.promptTokens", "10"}));
    assert_true(genai_read(&sample.span, &genai));
    assert_int_equal(genai.kind, GENAI_AGENT);
    fill(&sample, "invoke_agent planner", "pydantic-ai",
         PAIRS({"gen_ai.operation.name", "invoke_agent"}, {"gen_ai.agent.name", "planner"},
               {"gen_ai.usage.input_tokens", "10"}));
    assert_true(genai_read(&sample.span, &genai));
    assert_int_equal(genai.kind, GENAI_AGENT);
    assert_string_equal(genai.agent, "planner");
}

static void tools_waits_and_others_are_told_apart(void **state)
{
    struct sample sample;
    struct genai genai;
    (void)state;
    fill(&sample, "execute_tool bash", "x",
         PAIRS({"gen_ai.operation.name", "execute_tool"}, {"gen_ai.tool.name", "bash"},
               {"gen_ai.tool.call.id", "toolu_x"}));
    assert_true(genai_read(&sample.span, &genai));
    assert_int_equal(genai.kind, GENAI_TOOL);
    assert_string_equal(genai.tool, "bash");
    assert_string_equal(genai.tool_id, "toolu_x");
    fill(&sample, "claude_code.tool.blocked_on_user", "x", PAIRS({"session.id", "s"}));
    assert_true(genai_read(&sample.span, &genai));
    assert_int_equal(genai.kind, GENAI_HUMAN);
    fill(&sample, "GET /", "x", PAIRS({"http.route", "/"}, {"server.address", "a"}, {"session.id", "s"}));
    assert_false(genai_read(&sample.span, &genai));
    fill(&sample, "claude_code.llm_request", "x",
         PAIRS({"input_tokens", "1"}, {"output_tokens", "2"}, {"attempt", "3"}, {"ttft_ms", "40"},
               {"agent_id", "a7"}));
    assert_true(genai_read(&sample.span, &genai));
    assert_int_equal(genai.attempt, 2);
    assert_int_equal(genai.first_token_after_ns, 40 * NS_PER_MS);
    assert_string_equal(genai.agent_id, "a7");
    assert_true(isnan(genai.cost_usd));
}

static void splits_of_the_cache_and_reasoning_are_kept(void **state)
{
    struct sample sample;
    struct genai genai;
    (void)state;
    fill(&sample, "chat", "x",
         PAIRS({"gen_ai.operation.name", "chat"}, {"gen_ai.usage.input_tokens", "1000"},
               {"gen_ai.usage.output_tokens", "50"}, {"gen_ai.usage.cache_creation.input_tokens", "300"},
               {"gen_ai.usage.cache_creation.ephemeral_1h_input_tokens", "200"},
               {"gen_ai.usage.reasoning.output_tokens", "20"}));
    assert_true(genai_read(&sample.span, &genai));
    struct tokens tokens = {
        .input = 700, .output = 50, .cache_write_5m = 100, .cache_write_1h = 200, .reasoning = 20};
    expect_tokens(&genai, &tokens);
}

static void a_record_of_claude_code_is_a_call(void **state)
{
    struct sample sample;
    struct genai genai;
    uint64_t duration_ns = 0;
    (void)state;
    fill(&sample, "", "",
         PAIRS({"event.name", "api_request"}, {"model", "claude-opus-5"}, {"input_tokens", "300"},
               {"output_tokens", "50"}, {"cache_read_tokens", "600"}, {"cache_creation_tokens", "100"},
               {"duration_ms", "1500"}, {"request_id", "req_x"}));
    struct otlp_record record = {.attributes = sample.span.attributes};
    assert_true(genai_read_record(&record, &genai, &duration_ns));
    expect_tokens(&genai, &expected);
    assert_int_equal(duration_ns, 1500 * NS_PER_MS);
    assert_string_equal(genai.id, "req_x");
    fill(&sample, "", "", PAIRS({"event.name", "user_prompt"}, {"prompt_length", "3"}));
    record.attributes = sample.span.attributes;
    assert_false(genai_read_record(&record, &genai, &duration_ns));
}

int genai_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_says_the_same_tokens),
        cmocka_unit_test(a_span_around_calls_is_no_call),
        cmocka_unit_test(tools_waits_and_others_are_told_apart),
        cmocka_unit_test(splits_of_the_cache_and_reasoning_are_kept),
        cmocka_unit_test(a_record_of_claude_code_is_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
