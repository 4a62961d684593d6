/* SPDX-License-Identifier: Apache-2.0 */
/* Spans as a receiver appends them to its log, watched live; and recordings. */
#include "budget/spend_watch.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "otlp/request_log.h"

int spend_watch_test(void);

struct place {
    char folder[32], path[64];
    struct request_log *log;
    struct price_book *book;
    struct spend_watch *watch;
    const char *places[1];
};

static struct place *place_make(void)
{
    struct place *place = calloc(1, sizeof *place);
    struct price_book_options prices = {.built_in_only = true};
    struct err err = {0};
    snprintf(place->folder, sizeof place->folder, "/tmp/toll-watch-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/a.toll", place->folder);
    assert_int_equal(request_log_create(place->path, false, &place->log, &err), 0);
    assert_int_equal(price_book_open(&prices, &place->book, &err), 0);
    place->places[0] = place->path;
    struct spend_watch_options options = {.book = place->book, .places = place->places, .place_count = 1};
    if (spend_watch_create(&options, &place->watch, &err))
        fail_msg("%s", err.what);
    return place;
}

static void place_remove(struct place *place)
{
    spend_watch_destroy(place->watch);
    price_book_close(place->book);
    request_log_destroy(place->log);
    (void)unlink(place->path);
    (void)rmdir(place->folder);
    free(place);
}

/* A span of an agent (invoke_agent) or a call of a model (chat) with so many tokens; then what is counted. */
static uint64_t after(struct place *place, const char *operation, unsigned id, unsigned parent,
                      unsigned tokens)
{
    char text[1024];
    struct err err = {0};
    int length = snprintf(
        text, sizeof text,
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"5b8efff798038103d269b633813fc60c\","
        "\"spanId\":\"%016x\",\"parentSpanId\":\"%016x\",\"name\":\"s\",\"startTimeUnixNano\":"
        "\"1795737600000000000\","
        "\"endTimeUnixNano\":\"1795737601000000000\",\"attributes\":[{\"key\":\"gen_ai.operation.name\","
        "\"value\":"
        "{\"stringValue\":\"%s\"}},{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"claude-"
        "opus-5\"}},"
        "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"%u\"}}]}]}]}]}",
        id, parent, operation, tokens);
    struct request_log_entry entry = {
        .signal = OTLP_TRACES, .encoding = OTLP_JSON, .bytes = text, .length = (size_t)length};
    assert_int_equal(request_log_append(place->log, &entry, &err), 0);
    assert_int_equal(spend_watch_look(place->watch, &err), 0);
    return spend_watch_total(place->watch).tokens;
}

static void calls_count_as_the_receiver_appends_them(void **state)
{
    (void)state;
    struct place *place = place_make();
    assert_int_equal(after(place, "chat", 1, 9, 100), 100);
    assert_int_equal(after(place, "chat", 2, 9, 20), 120);
    assert_int_equal(after(place, "chat", 1, 9, 100), 120); /* sent again */
    struct spend_total total = spend_watch_total(place->watch);
    assert_int_equal(total.call_count, 2);
    assert_true(total.cost_usd > 0.000599 && total.cost_usd < 0.000601);
    place_remove(place);
}

static void an_agent_that_repeats_its_calls_counts_nothing(void **state)
{
    (void)state;
    struct place *place = place_make();
    assert_int_equal(after(place, "chat", 1, 2, 100), 100);
    assert_int_equal(after(place, "execute_tool", 2, 3, 0), 100);
    assert_int_equal(after(place, "invoke_agent", 3, 4, 100), 100);
    assert_int_equal(after(place, "invoke_agent", 4, 0, 100), 100);
    place_remove(place);
}

static void an_agent_without_calls_counts_until_one_comes(void **state)
{
    (void)state;
    struct place *place = place_make();
    assert_int_equal(after(place, "invoke_agent", 3, 4, 100), 100);
    assert_int_equal(after(place, "invoke_agent", 4, 0, 100), 100); /* around it */
    assert_int_equal(after(place, "chat", 1, 2, 70), 170);          /* whose it is nobody knows yet */
    assert_int_equal(after(place, "execute_tool", 2, 3, 0), 70);    /* now it is known: taken back */
    assert_int_equal(spend_watch_total(place->watch).call_count, 1);
    place_remove(place);
}

static void a_log_that_was_sealed_is_not_read_as_one(void **state)
{
    (void)state;
    struct place *place = place_make();
    struct err err = {0};
    assert_int_equal(after(place, "chat", 1, 0, 100), 100);
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        fputs("\x89TOLL something else\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(spend_watch_look(place->watch, &err), 0);
    assert_int_equal(spend_watch_total(place->watch).tokens, 100);
    place_remove(place);
}

int spend_watch_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_count_as_the_receiver_appends_them),
        cmocka_unit_test(an_agent_that_repeats_its_calls_counts_nothing),
        cmocka_unit_test(an_agent_without_calls_counts_until_one_comes),
        cmocka_unit_test(a_log_that_was_sealed_is_not_read_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
