/* SPDX-License-Identifier: Apache-2.0 */
/* The trace as a reader of its packets sees it: names by their numbers, slices by track. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/map.h"
#include "codec/protobuf.h"
#include "export/sample_run.h"

#define ITEMS_MAX 64

/* The named things of one sequence, by number. */
struct seen {
    const char *names[ITEMS_MAX], *functions[ITEMS_MAX];
    size_t name_lengths[ITEMS_MAX], function_lengths[ITEMS_MAX];
    uint64_t frame_functions[ITEMS_MAX];
    struct protobuf_field stacks[ITEMS_MAX];
    struct str text;
};

static bool find(const struct protobuf_field *message, uint32_t number, struct protobuf_field *ret_field)
{
    struct protobuf_cursor at = {.bytes = message->bytes, .length = message->length};
    while (protobuf_next(&at, ret_field))
        if (ret_field->number == number)
            return true;
    assert_false(at.is_broken);
    return false;
}

static uint64_t number(const struct protobuf_field *message, uint32_t which)
{
    struct protobuf_field field;
    return find(message, which, &field) ? field.value : 0;
}

static void take_interned(struct seen *seen, const struct protobuf_field *interned)
{
    struct protobuf_cursor at = {.bytes = interned->bytes, .length = interned->length};
    struct protobuf_field field, text;
    while (protobuf_next(&at, &field)) {
        uint64_t id = number(&field, 1);
        assert_in_range(id, 1, ITEMS_MAX - 1);
        if (field.number == 2 && find(&field, 2, &text)) {
            assert_null(seen->names[id]);
            seen->names[id] = text.bytes;
            seen->name_lengths[id] = text.length;
        } else if (field.number == 5 && find(&field, 2, &text)) {
            seen->functions[id] = text.bytes;
            seen->function_lengths[id] = text.length;
        } else if (field.number == 6) {
            seen->frame_functions[id] = number(&field, 2);
        } else if (field.number == 7) {
            seen->stacks[id] = field;
        }
    }
}

static void tell_event(struct seen *seen, const struct protobuf_field *event, uint64_t time_ns)
{
    static const char *const types[] = {"?", "begin", "end", "instant", "counter"};
    struct protobuf_field flow;
    uint64_t name = number(event, 10), value = number(event, 44);
    double counter;
    memcpy(&counter, &value, sizeof counter);
    str_printf(&seen->text, "%llu %s", (unsigned long long)(time_ns / 1000000 - 1000),
               types[number(event, 9)]);
    if (name) {
        str_append(&seen->text, " ");
        str_append_bytes(&seen->text, seen->names[name], seen->name_lengths[name]);
    }
    if (number(event, 9) == 4)
        str_printf(&seen->text, " %g", counter);
    if (find(event, 47, &flow))
        str_printf(&seen->text, " ->%llu", (unsigned long long)flow.value);
    if (find(event, 48, &flow))
        str_printf(&seen->text, " <-%llu", (unsigned long long)flow.value);
    str_append(&seen->text, "\n");
}

static void tell_sample(struct seen *seen, const struct protobuf_field *sample, uint64_t time_ns)
{
    uint64_t stack = number(sample, 4);
    struct protobuf_field frame;
    str_printf(&seen->text, "%llu sample %llu/%llu %llu", (unsigned long long)(time_ns / 1000000 - 1000),
               (unsigned long long)number(sample, 2), (unsigned long long)number(sample, 3),
               (unsigned long long)number(sample, 6) / 1000000);
    struct protobuf_cursor at = {.bytes = seen->stacks[stack].bytes, .length = seen->stacks[stack].length};
    while (stack && protobuf_next(&at, &frame)) {
        uint64_t function = frame.number == 2 ? seen->frame_functions[frame.value] : 0;
        if (function) {
            str_append(&seen->text, " ");
            str_append_bytes(&seen->text, seen->functions[function], seen->function_lengths[function]);
        }
    }
    str_append(&seen->text, "\n");
}

/* What happened on the track of that number (0: the samples), a line each. */
static void expect(const char *kind, uint64_t track, const char *wanted)
{
    struct dataset dataset;
    struct str bytes = {0};
    struct seen seen = {0};
    sample_run(&dataset);
    sample_write(&dataset, "perfetto", kind, &bytes);
    struct protobuf_cursor at = {.bytes = bytes.text, .length = bytes.length};
    struct protobuf_field packet, field;
    for (size_t i = 0; protobuf_next(&at, &packet); i++) {
        assert_int_equal(packet.number, 1);
        assert_int_equal(number(&packet, 10), 1);
        assert_int_equal(number(&packet, 13), i ? 2 : 3);
        if (find(&packet, 12, &field))
            take_interned(&seen, &field);
        if (find(&packet, 11, &field) && number(&field, 11) == track)
            tell_event(&seen, &field, number(&packet, 8));
        if (find(&packet, 66, &field) && track == 0 && number(&field, 6) % 100000000 == 0)
            tell_sample(&seen, &field, number(&packet, 8));
    }
    assert_false(at.is_broken);
    assert_string_equal(str_text(&seen.text), wanted);
    str_free(&seen.text);
    str_free(&bytes);
    dataset_deinit(&dataset);
}

#define KINDS           66 /* tracks of the trace for each of the recording */
#define ROW(track)      ((track)*KINDS)
#define WAITS(track)    ((track)*KINDS + 1)
#define LANE(track, at) ((track)*KINDS + 2 + (at))
#define COUNTER         ((uint64_t)1 << 48)

static void spans_begin_and_end_on_their_thread(void **state)
{
    (void)state;
    expect(NULL, ROW(2), "0 begin load\n100 begin parse\n200 end\n500 end\n");
    expect(NULL, LANE(2, 1), "400 begin ship\n600 end\n");
}

static void a_wait_ends_where_the_flow_from_its_waker_does(void **state)
{
    (void)state;
    expect(
        NULL, WAITS(2),
        "600 begin network\n780 end\n780 begin cpu_queue\n800 end\n200 instant wakes worker (tid 101) ->1\n");
    expect(NULL, WAITS(3), "100 begin lock\n200 end\n200 instant woken <-1\n");
    expect("cpu", WAITS(3), "");
}

static void samples_have_their_stack_and_the_cpu_time_so_far(void **state)
{
    (void)state;
    expect("cpu", 0,
           "90 sample 100/100 100 main parse trim\n190 sample 100/100 200 main parse trim\n"
           "290 sample 100/100 300 main parse trim\n490 sample 100/100 400 main " SAMPLE_HOSTILE "\n");
    expect("off-cpu", 0, "");
}

static void series_are_counters(void **state)
{
    (void)state;
    expect(NULL, COUNTER, "0 counter 1e+06\n500 counter 3e+06\n");
}

/* Bytes, where other formats have digits; its number is that of the path. */
static void a_file_has_its_build_id(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc,
                                     0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0x00, 0x11, 0x22, 0x33};
    struct dataset dataset;
    struct str bytes = {0};
    size_t with = 0, without = 0;
    sample_run(&dataset);
    sample_write(&dataset, "perfetto", "cpu", &bytes);
    struct protobuf_cursor at = {.bytes = bytes.text, .length = bytes.length};
    struct protobuf_field packet, interned, mapping, build_id, text;
    while (protobuf_next(&at, &packet)) {
        if (!find(&packet, 12, &interned) || !find(&interned, 19, &mapping))
            continue;
        if (!find(&interned, 16, &build_id)) {
            assert_false(find(&mapping, 2, &text));
            without++;
            continue;
        }
        assert_true(find(&build_id, 2, &text) && text.length == sizeof wanted);
        assert_memory_equal(text.bytes, wanted, sizeof wanted);
        assert_int_equal(number(&mapping, 2), number(&build_id, 1));
        with++;
    }
    assert_true(with == 1 && without == 1);
    str_free(&bytes);
    dataset_deinit(&dataset);
}

int perfetto_write_test(void);
int perfetto_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_begin_and_end_on_their_thread),
        cmocka_unit_test(a_wait_ends_where_the_flow_from_its_waker_does),
        cmocka_unit_test(samples_have_their_stack_and_the_cpu_time_so_far),
        cmocka_unit_test(series_are_counters),
        cmocka_unit_test(a_file_has_its_build_id),
    };
    return cmocka_run_group_tests_name("perfetto_write", tests, NULL, NULL);
}
