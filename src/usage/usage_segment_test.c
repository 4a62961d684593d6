/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_index.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int usage_segment_test(void);

static const struct agent_source source = {.name = "test", .ids_are_global = true};

static void shelf_fill(struct usage_shelf *shelf)
{
    struct err err;
    struct usage_collector collector;
    struct llm_call call = {.session = "s1",
                            .agent = "a1",
                            .project = "/w",
                            .task = "read all",
                            .id = "m1",
                            .model = "claude-opus-4-5",
                            .provider = "anthropic",
                            .region = "us",
                            .tools = "Bash,Read",
                            .start_ns = 5,
                            .end_ns = 9,
                            .tokens = {.input = 1, .output = 2, .cache_write_1h = 3},
                            .output_high = 20,
                            .cost_usd = NAN,
                            .web_searches = 4,
                            .tier = SERVICE_BATCH,
                            .is_partial = true};
    struct agent_facts facts = {.session = "s1", .agent = "a1", .kind = "Explore", .title = "read all"};
    *shelf = (struct usage_shelf){.source = &source, .place = "/p"};
    uint32_t file = shelf_file(shelf, "/p/s1.jsonl");
    usage_collector_init(&collector, shelf, file);
    assert_int_equal(collector.sink.llm_call(&collector.sink, &call, &err), 0);
    call.id = "";
    assert_int_equal(collector.sink.llm_call(&collector.sink, &call, &err), 0);
    assert_int_equal(collector.sink.agent(&collector.sink, &facts, &err), 0);
    assert_int_equal(collector.sink.malformed(&collector.sink, "/p/s1.jsonl", 7, "it is wrong", &err), 0);
}

static void rows_come_back_as_they_were(void **state)
{
    (void)state;
    struct err err;
    struct usage_shelf shelf, back = {.source = &source, .place = "/p"};
    struct str bytes = {0};
    size_t used = 0;
    bool no_memory = false;
    shelf_fill(&shelf);
    assert_int_equal(usage_segment_write(&shelf, &bytes, &err), 0);
    /* Twice: the texts of the second are those of the first. */
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(usage_segment_read(bytes.text, bytes.length, &back, &used, &no_memory),
                         SEGMENT_WHOLE);
        assert_int_equal(used, bytes.length);
        assert_int_equal(back.files.count, 1);
        assert_int_equal(back.calls.count, 2 * i);
        assert_int_equal(back.strings.entries.count, shelf.strings.entries.count);
    }
    const struct usage_call *call = &back.calls.items[2];
    assert_string_equal(shelf_text(&back, call->model), "claude-opus-4-5");
    assert_string_equal(shelf_text(&back, call->tools), "Bash,Read");
    assert_memory_equal(&call->tokens, &shelf.calls.items[0].tokens, sizeof call->tokens);
    assert_memory_equal(call->id, shelf.calls.items[0].id, sizeof call->id);
    assert_int_equal(call->flags, USAGE_PARTIAL);
    assert_int_equal(back.calls.items[1].id[0] | back.calls.items[1].id[1], 0);
    assert_string_equal(shelf_text(&back, back.agents.items[1].kind), "Explore");
    assert_int_equal(back.faults.items[1].line, 7);
    str_free(&bytes);
    shelf_free(&shelf);
    shelf_free(&back);
}

static void what_is_cut_or_changed_is_not_believed(void **state)
{
    (void)state;
    struct err err;
    struct usage_shelf shelf;
    struct str bytes = {0};
    size_t used = 0;
    bool no_memory = false;
    shelf_fill(&shelf);
    assert_int_equal(usage_segment_write(&shelf, &bytes, &err), 0);
    for (size_t length = 0; length < bytes.length; length++) {
        struct usage_shelf back = {.source = &source, .place = "/p"};
        assert_int_equal(usage_segment_read(bytes.text, length, &back, &used, &no_memory), SEGMENT_TORN);
        assert_int_equal(back.calls.count, 0);
        shelf_free(&back);
    }
    for (size_t at = 0; at < bytes.length; at++) {
        struct usage_shelf back = {.source = &source, .place = "/p"};
        bytes.text[at] ^= 4;
        enum segment_state found = usage_segment_read(bytes.text, bytes.length, &back, &used, &no_memory);
        bytes.text[at] ^= 4;
        /* But for eight bytes of the head that say nothing. */
        assert_true(found != SEGMENT_WHOLE || (at >= 56 && at < 64));
        shelf_free(&back);
    }
    str_free(&bytes);
    shelf_free(&shelf);
}

static void a_call_is_known_again_by_its_id(void **state)
{
    (void)state;
    struct usage_shelf one, other;
    shelf_fill(&one);
    shelf_fill(&other);
    assert_memory_equal(one.calls.items[0].id, other.calls.items[0].id, sizeof one.calls.items[0].id);
    struct usage_call *call = &one.calls.items[0];
    other.calls.items[0].tokens.output = 50;
    other.calls.items[0].flags = 0;
    usage_call_merge(call, &other.calls.items[0]);
    assert_int_equal(call->tokens.output, 50);
    assert_int_equal(call->output_high, 50);
    assert_int_equal(call->flags & USAGE_PARTIAL, 0);
    shelf_free(&one);
    shelf_free(&other);
}

int usage_segment_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were),
        cmocka_unit_test(what_is_cut_or_changed_is_not_believed),
        cmocka_unit_test(a_call_is_known_again_by_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
