/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/otlp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "otlp/request_write.h"

#define TEXT(literal) ((struct otlp_text){(literal), sizeof(literal) - 1})

/* What a decoding told, copied. */
struct told {
    unsigned count;
    struct otlp_span span; /* the last one: only its plain fields outlive the callback */
    char name[64], service[64], attribute[256], event[64];
    size_t attribute_count;
    struct otlp_point point;
    char unit[16];
    char body[64];
    uint64_t severity;
};

static void copy_text(struct otlp_text text, char *out, size_t size)
{
    size_t length = text.length < size - 1 ? text.length : size - 1;
    memcpy(out, text.bytes, length);
    out[length] = '\0';
}

static void copy_value(const struct otlp_attribute *attribute, char *out, size_t size)
{
    struct str text = {0};
    if (attribute)
        otlp_value_text(&attribute->value, &text);
    copy_text((struct otlp_text){str_text(&text), text.length}, out, size);
    str_free(&text);
}

static int on_span(void *context, const struct otlp_span *span, struct err *err)
{
    struct told *told = context;
    (void)err;
    told->count++;
    told->span = *span;
    told->attribute_count = span->attributes.count;
    copy_text(span->name, told->name, sizeof told->name);
    copy_value(otlp_find(&span->resource, "service.name"), told->service, sizeof told->service);
    copy_value(otlp_find(&span->attributes, "what"), told->attribute, sizeof told->attribute);
    if (span->event_count)
        copy_value(otlp_find(&span->events[0].attributes, "why"), told->event, sizeof told->event);
    return 0;
}

static int on_point(void *context, const struct otlp_point *point, struct err *err)
{
    struct told *told = context;
    (void)err;
    told->count++;
    told->point = *point;
    copy_text(point->name, told->name, sizeof told->name);
    copy_text(point->unit, told->unit, sizeof told->unit);
    copy_value(otlp_find(&point->attributes, "what"), told->attribute, sizeof told->attribute);
    return 0;
}

static int on_record(void *context, const struct otlp_record *record, struct err *err)
{
    struct told *told = context;
    struct otlp_attribute body = {.value = record->body};
    (void)err;
    told->count++;
    told->severity = record->severity;
    copy_text(record->name, told->name, sizeof told->name);
    copy_value(&body, told->body, sizeof told->body);
    return 0;
}

static int decode(enum otlp_signal signal, enum otlp_encoding encoding, struct otlp_text bytes,
                  struct told *told, struct otlp_counts *counts)
{
    struct otlp_decoder *decoder = otlp_decoder_create();
    struct otlp_request request = {signal, encoding, bytes.bytes, bytes.length};
    struct otlp_reader reader = {.span = on_span, .point = on_point, .record = on_record, .context = told};
    struct err err;
    assert_non_null(decoder);
    *told = (struct told){0};
    *counts = (struct otlp_counts){0};
    int status = otlp_decode(decoder, &request, &reader, counts, &err);
    if (status)
        assert_int_equal(err.code, ERR_INPUT);
    otlp_decoder_destroy(decoder);
    return status;
}

static void the_sample_of_the_protocol_in_json_is_read(void **state)
{
    /* As opentelemetry-proto's examples/trace.json: ids in upper case, an orphan, times as texts. */
    static const char json[] =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"my.service\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"my.library\",\"version\":"
        "\"1.0.0\",\"attributes\":[]},\"spans\":[{\"traceId\":\"5B8EFFF798038103D269B633813FC60C\","
        "\"spanId\":\"EEE19B7EC3C1B174\",\"parentSpanId\":\"EEE19B7EC3C1B173\",\"name\":\"I'm a server "
        "span\",\"startTimeUnixNano\":\"1544712660000000000\",\"endTimeUnixNano\":\"1544712661000000000\","
        "\"kind\":2,\"attributes\":[{\"key\":\"what\",\"value\":{\"stringValue\":\"some "
        "value\"}}]}]}]}]}";
    struct told told;
    struct otlp_counts counts;
    (void)state;
    assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, TEXT(json), &told, &counts), 0);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.name, "I'm a server span");
    assert_string_equal(told.service, "my.service");
    assert_string_equal(told.attribute, "some value");
    assert_int_equal(told.span.kind, OTLP_KIND_SERVER);
    assert_int_equal(told.span.span_id, 0xEEE19B7EC3C1B174ull);
    assert_int_equal(told.span.parent_id, 0xEEE19B7EC3C1B173ull);
    assert_int_equal(told.span.trace_id[0], 0x5b);
    assert_int_equal(told.span.trace_id[15], 0x0c);
    assert_int_equal(told.span.end_ns - told.span.start_ns, 1000000000);
}

static void numbers_come_as_numbers_and_as_texts_and_names_in_any_order(void **state)
{
    static const char json[] =
        " {\"unknown\":{\"deep\":[1,{\"a\":null}]},\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{"
        "\"endTimeUnixNano\":1544712661000000001,\"startTimeUnixNano\":\"1544712660000000000\","
        "\"attributes\":[{\"value\":{\"intValue\":\"-7\"},\"key\":\"what\"},{\"key\":\"n\",\"value\":{"
        "\"intValue\":7}},{\"key\":\"none\",\"value\":null}],\"status\":{\"code\":2,\"message\":\"no\"},"
        "\"events\":[{\"name\":\"e\",\"timeUnixNano\":\"5\",\"attributes\":[{\"key\":\"why\",\"value\":{"
        "\"boolValue\":true}}]}],\"name\":\"tab\\t\\u00e9 \\ud83d\\ude00\","
        "\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"00000000000000ff\",\"parentSpanId\":"
        "\"\"}]}],\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
        "\"late\"}"
        "}]}}]} ";
    struct told told;
    struct otlp_counts counts;
    (void)state;
    assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, TEXT(json), &told, &counts), 0);
    assert_int_equal(counts.accepted, 1);
    assert_string_equal(told.service, "late");
    assert_string_equal(told.attribute, "-7");
    assert_string_equal(told.name, "tab\t\xc3\xa9 \xf0\x9f\x98\x80");
    assert_string_equal(told.event, "true");
    assert_int_equal(told.attribute_count, 3);
    assert_int_equal(told.span.end_ns, 1544712661000000001ull);
    assert_int_equal(told.span.status, OTLP_STATUS_ERROR);
    assert_int_equal(told.span.parent_id, 0);
    assert_int_equal(told.span.span_id, 255);
}

static struct otlp_span sample_span(const struct otlp_attribute attributes[2], const struct otlp_event *event)
{
    return (struct otlp_span){.trace_id = {1, 2, 3, [15] = 9},
                              .span_id = 0x0102030405060708ull,
                              .parent_id = 77,
                              .name = TEXT("fetch"),
                              .scope = TEXT("scope"),
                              .kind = OTLP_KIND_CLIENT,
                              .start_ns = 1000,
                              .end_ns = 5000,
                              .resource = {attributes, 1},
                              .attributes = {attributes + 1, 1},
                              .events = event,
                              .event_count = 1,
                              .status = OTLP_STATUS_ERROR,
                              .status_message = TEXT("it broke")};
}

static void a_span_in_protobuf_comes_back_as_it_was(void **state)
{
    /* {["a\"b", 3]} as a list */
    static const char list[] = "\x0a\x05\x0a\x03"
                               "a\"b"
                               "\x0a\x02\x18\x03";
    struct otlp_attribute attributes[2] = {{TEXT("service.name"), {.kind = OTLP_TEXT, .text = TEXT("shop")}},
                                           {TEXT("what"), {.kind = OTLP_LIST, .text = TEXT(list)}}};
    struct otlp_attribute why = {TEXT("why"), {.kind = OTLP_DOUBLE, .number = 1.5}};
    struct otlp_event event = {TEXT("e"), 3000, {&why, 1}};
    struct otlp_span span = sample_span(attributes, &event);
    struct str bytes = {0};
    struct told told;
    struct otlp_counts counts;
    struct err err;
    (void)state;
    assert_int_equal(otlp_write_spans(&span, 1, &bytes, &err), 0);
    struct otlp_text text = {bytes.text, bytes.length};
    assert_int_equal(decode(OTLP_TRACES, OTLP_PROTOBUF, text, &told, &counts), 0);
    assert_int_equal(counts.accepted, 1);
    assert_string_equal(told.name, "fetch");
    assert_string_equal(told.service, "shop");
    assert_string_equal(told.attribute, "[\"a\\\"b\",3]");
    assert_string_equal(told.event, "1.5");
    assert_int_equal(told.span.span_id, span.span_id);
    assert_int_equal(told.span.parent_id, 77);
    assert_memory_equal(told.span.trace_id, span.trace_id, 16);
    assert_int_equal(told.span.kind, OTLP_KIND_CLIENT);
    assert_int_equal(told.span.status, OTLP_STATUS_ERROR);
    assert_int_equal(told.span.end_ns, 5000);
    /* Cut anywhere it is no request, or one with less in it; never more. */
    for (size_t length = 0; length < bytes.length; length++) {
        text.length = length;
        if (decode(OTLP_TRACES, OTLP_PROTOBUF, text, &told, &counts) == 0)
            assert_int_equal(counts.accepted, 0);
    }
    str_free(&bytes);
}

static void a_span_without_identity_is_rejected_and_the_others_are_told(void **state)
{
    static const char json[] = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["
                               "{\"traceId\":\"zz\",\"spanId\":\"0000000000000001\",\"name\":\"bad\"},"
                               "{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":"
                               "\"0000000000000001\",\"name\":\"good\"}]}]}]}";
    struct told told;
    struct otlp_counts counts;
    struct str answer = {0};
    (void)state;
    assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, TEXT(json), &told, &counts), 0);
    assert_int_equal(counts.accepted, 1);
    assert_int_equal(counts.rejected, 1);
    assert_string_equal(told.name, "good");
    otlp_write_accepted(OTLP_TRACES, OTLP_JSON, &counts, &answer);
    assert_string_equal(str_text(&answer),
                        "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"a "
                        "span has no trace id of 16 bytes\"}}");
    str_free(&answer);
}

static void what_is_no_otlp_is_an_error_that_says_where(void **state)
{
    static const char *const broken[] = {
        "{", "[]", "{\"resourceSpans\":[}", "{\"a\":1}x", "{\"a\":tru}", "{\"a\":\"\x01\"}", "\"text\"",
    };
    struct told told;
    struct otlp_counts counts;
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct otlp_text text = {broken[i], strlen(broken[i])};
        assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, text, &told, &counts), -ERR_INPUT);
    }
    assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, TEXT("{\"resourceSpans\":null}"), &told, &counts), 0);
    /* An object of something else: undefined behaviour under the fuzzer once. */
    assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, TEXT("{\"agentType\":\"x\",\"n\":1}"), &told, &counts),
                     0);
    assert_int_equal(counts.accepted, 0);
    assert_int_equal(decode(OTLP_TRACES, OTLP_PROTOBUF, TEXT(""), &told, &counts), 0);
    assert_int_equal(decode(OTLP_TRACES, OTLP_PROTOBUF, TEXT("\x0a\x7f"), &told, &counts), -ERR_INPUT);
    char deep[400];
    memset(deep, '[', sizeof deep);
    struct otlp_text text = {deep, sizeof deep};
    assert_int_equal(decode(OTLP_TRACES, OTLP_JSON, text, &told, &counts), -ERR_INPUT);
}

static void metrics_and_logs_are_told(void **state)
{
    static const char metrics[] =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"claude_code.token.usage\","
        "\"unit\":"
        "\"tokens\",\"sum\":{\"aggregationTemporality\":1,\"isMonotonic\":true,\"dataPoints\":[{\"asDouble\":"
        "12.5,\"timeUnixNano\":\"9\",\"attributes\":[{\"key\":\"what\",\"value\":{\"stringValue\":\"input\"}}"
        "]"
        "}]}},{\"name\":\"h\",\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":[{"
        "\"count\":\"2\",\"sum\":2}]}}]}]}]}";
    static const char logs[] =
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\",\"severityNumber\":9,"
        "\"eventName\":\"claude_code.api_request\",\"body\":{\"stringValue\":\"hello\"}}]}]}]}";
    /* the first metric in protobuf: sum {as_int -5 at 9} */
    static const char protobuf[] = "\x0a\x1f\x12\x1d\x12\x1b\x0a\x01m\x1a\x01u\x3a\x13\x0a\x0f"
                                   "\x31\xfb\xff\xff\xff\xff\xff\xff\xff"
                                   "\x3a\x04\x0a\x02"
                                   "ab"
                                   "\x10\x02";
    struct told told;
    struct otlp_counts counts;
    (void)state;
    assert_int_equal(decode(OTLP_METRICS, OTLP_JSON, TEXT(metrics), &told, &counts), 0);
    assert_int_equal(counts.accepted, 2);
    assert_string_equal(told.name, "h");
    assert_int_equal(told.point.count, 2);
    assert_true(told.point.value == 2);
    assert_int_equal(told.point.temporality, 2);
    assert_int_equal(decode(OTLP_LOGS, OTLP_JSON, TEXT(logs), &told, &counts), 0);
    assert_string_equal(told.name, "claude_code.api_request");
    assert_string_equal(told.body, "hello");
    assert_int_equal(told.severity, 9);
    assert_int_equal(decode(OTLP_METRICS, OTLP_PROTOBUF, TEXT(protobuf), &told, &counts), 0);
    assert_int_equal(counts.accepted, 1);
    assert_true(told.point.value == -5);
    assert_string_equal(told.unit, "u");
    assert_int_equal(told.point.temporality, 2);
}

static void a_line_of_json_says_which_signal_it_is(void **state)
{
    enum otlp_signal signal;
    (void)state;
    assert_true(otlp_json_signal(" {\"a\":1,\"resourceLogs\":[]}", 26, &signal));
    assert_int_equal(signal, OTLP_LOGS);
    assert_false(otlp_json_signal("{\"type\":\"user\"}", 15, &signal));
    assert_false(otlp_json_signal("", 0, &signal));
}

static void a_refusal_is_a_status(void **state)
{
    struct str answer = {0};
    (void)state;
    otlp_write_refused(OTLP_JSON, 3, "say \"no\"", &answer);
    assert_string_equal(str_text(&answer), "{\"code\":3,\"message\":\"say \\\"no\\\"\"}");
    str_clear(&answer);
    otlp_write_refused(OTLP_PROTOBUF, 3, "no", &answer);
    assert_int_equal(answer.length, 6);
    assert_memory_equal(answer.text, "\x08\x03\x12\x02no", 6);
    str_free(&answer);
}

int otlp_test(void);

int otlp_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_of_the_protocol_in_json_is_read),
        cmocka_unit_test(numbers_come_as_numbers_and_as_texts_and_names_in_any_order),
        cmocka_unit_test(a_span_in_protobuf_comes_back_as_it_was),
        cmocka_unit_test(a_span_without_identity_is_rejected_and_the_others_are_told),
        cmocka_unit_test(what_is_no_otlp_is_an_error_that_says_where),
        cmocka_unit_test(metrics_and_logs_are_told),
        cmocka_unit_test(a_line_of_json_says_which_signal_it_is),
        cmocka_unit_test(a_refusal_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
