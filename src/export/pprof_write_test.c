/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/vec.h"
#include "codec/gzip.h"
#include "codec/protobuf.h"
#include "export/sample_run.h"

#define ITEMS_MAX 16

/* What a profile holds, by number: each location its functions, each function its name. */
struct decoded {
    struct str bytes;
    VEC(struct protobuf_field) strings, samples, locations, functions, mappings;
};

static void decode(const char *kind, struct decoded *ret_decoded)
{
    struct dataset dataset;
    struct str packed = {0};
    *ret_decoded = (struct decoded){0};
    sample_run(&dataset);
    sample_write(&dataset, "pprof", kind, &packed);
    assert_int_equal(gzip_unpack(packed.text, packed.length, 1 << 20, "it", &ret_decoded->bytes, NULL), 0);
    struct protobuf_cursor at = {.bytes = ret_decoded->bytes.text, .length = ret_decoded->bytes.length};
    struct protobuf_field field;
    while (protobuf_next(&at, &field)) {
        assert_false(field.number == 2 && vec_push(&ret_decoded->samples, field));
        assert_false(field.number == 3 && vec_push(&ret_decoded->mappings, field));
        assert_false(field.number == 4 && vec_push(&ret_decoded->locations, field));
        assert_false(field.number == 5 && vec_push(&ret_decoded->functions, field));
        assert_false(field.number == 6 && vec_push(&ret_decoded->strings, field));
    }
    assert_false(at.is_broken);
    str_free(&packed);
    dataset_deinit(&dataset);
}

static void decoded_free(struct decoded *decoded)
{
    str_free(&decoded->bytes);
    vec_free(&decoded->strings);
    vec_free(&decoded->samples);
    vec_free(&decoded->locations);
    vec_free(&decoded->functions);
    vec_free(&decoded->mappings);
}

/* The numbers of one field of a message, packed or one by one; how many. */
static size_t numbers(const struct protobuf_field *message, uint32_t number, uint64_t ret_values[ITEMS_MAX])
{
    struct protobuf_cursor at = {.bytes = message->bytes, .length = message->length};
    struct protobuf_field field;
    size_t count = 0;
    while (protobuf_next(&at, &field)) {
        struct protobuf_cursor packed = {.bytes = field.bytes, .length = field.length};
        if (field.number != number)
            continue;
        if (field.kind == PROTOBUF_NUMBER)
            ret_values[count++] = field.value;
        while (field.kind == PROTOBUF_BYTES && count < ITEMS_MAX &&
               protobuf_varint(&packed, &ret_values[count]))
            count++;
    }
    return count;
}

static uint64_t number(const struct protobuf_field *message, uint32_t which)
{
    uint64_t values[ITEMS_MAX] = {0};
    return numbers(message, which, values) ? values[0] : 0;
}

static void append_string(const struct decoded *decoded, uint64_t index, struct str *str)
{
    assert_true(index < decoded->strings.count);
    str_append_bytes(str, decoded->strings.items[index].bytes, decoded->strings.items[index].length);
}

/* "trim+parse main", the innermost first, functions of one location with + between. */
static void append_stack(const struct decoded *decoded, const struct protobuf_field *sample, struct str *str)
{
    uint64_t ids[ITEMS_MAX];
    size_t count = numbers(sample, 1, ids);
    for (size_t i = 0; i < count; i++) {
        const struct protobuf_field *location = &decoded->locations.items[ids[i] - 1];
        struct protobuf_cursor at = {.bytes = location->bytes, .length = location->length};
        struct protobuf_field line;
        assert_true(number(location, 1) == ids[i]);
        const char *between = i ? " " : "";
        while (protobuf_next(&at, &line)) {
            if (line.number != 4)
                continue;
            str_append(str, between);
            append_string(decoded, number(&decoded->functions.items[number(&line, 1) - 1], 2), str);
            between = "+";
        }
    }
}

static void describe(const struct decoded *decoded, struct str *str)
{
    for (size_t i = 0; i < decoded->samples.count; i++) {
        uint64_t values[ITEMS_MAX] = {0};
        append_stack(decoded, &decoded->samples.items[i], str);
        assert_int_equal(numbers(&decoded->samples.items[i], 2, values), 3);
        str_printf(str, ": %llu, cpu %llu, off %llu\n", (unsigned long long)values[0],
                   (unsigned long long)values[1] / 1000000, (unsigned long long)values[2] / 1000000);
    }
}

static void a_location_holds_what_was_inlined_into_it(void **state)
{
    (void)state;
    struct decoded decoded;
    struct str text = {0};
    decode(NULL, &decoded);
    describe(&decoded, &text);
    assert_string_equal(str_text(&text),
                        "trim+parse main: 30, cpu 300, off 0\n" SAMPLE_HOSTILE " main: 10, cpu 100, off 0\n"
                        "[unknown]: 5, cpu 50, off 0\n"
                        "[wait: network 127.0.0.1:8080] " SAMPLE_HOSTILE " main: 1, cpu 0, off 180\n"
                        "[wait: cpu_queue] " SAMPLE_HOSTILE " main: 1, cpu 0, off 20\n"
                        "[wait: lock 100:0x55]: 1, cpu 0, off 100\n");
    str_free(&text);
    decoded_free(&decoded);
}

static void allocations_are_told_as_go_tells_them(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {{"alloc", "alloc_space"},
                                           {"peak", "peak_space"},
                                           {"leak", "inuse_space"},
                                           {"temporary", "temporary_objects"}};
    static const uint64_t wanted[2][6] = {{10, 1000, 2, 100, 400, 5}, {1, 4096, 1, 4096, 4096, 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct decoded decoded;
        decode(kinds[i][0], &decoded);
        struct protobuf_field whole = {.bytes = decoded.bytes.text, .length = decoded.bytes.length};
        struct str first = {0};
        append_string(&decoded, number(&whole, 14), &first);
        assert_string_equal(str_text(&first), kinds[i][1]);
        assert_int_equal(number(&whole, 12), 512);
        assert_int_equal(decoded.samples.count, 2);
        for (size_t j = 0; j < 2; j++) {
            uint64_t values[ITEMS_MAX];
            assert_int_equal(numbers(&decoded.samples.items[j], 2, values), 6);
            assert_memory_equal(values, wanted[j], sizeof wanted[j]);
        }
        str_clear(&first);
        append_stack(&decoded, &decoded.samples.items[0], &first);
        assert_string_equal(str_text(&first), "trim+parse main");
        str_free(&first);
        decoded_free(&decoded);
    }
}

static void a_file_has_its_build_id(void **state)
{
    (void)state;
    struct decoded decoded;
    struct str text = {0};
    decode("cpu", &decoded);
    for (size_t i = 0; i < decoded.mappings.count; i++) {
        append_string(&decoded, number(&decoded.mappings.items[i], 5), &text);
        str_append(&text, " ");
        append_string(&decoded, number(&decoded.mappings.items[i], 6), &text);
        str_append(&text, "\n");
    }
    assert_string_equal(str_text(&text), "app " SAMPLE_BUILD_ID "\nlibc.so.6 \n");
    str_free(&text);
    decoded_free(&decoded);
}

static void the_first_string_is_empty(void **state)
{
    (void)state;
    struct decoded decoded;
    decode("cpu", &decoded);
    assert_int_equal(decoded.strings.items[0].length, 0);
    assert_int_equal(decoded.samples.count, 3);
    decoded_free(&decoded);
}

static void the_same_recording_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < foreign_format_count; i++) {
        struct str texts[2] = {{0}};
        for (size_t j = 0; j < 2; j++) {
            struct dataset dataset;
            sample_run(&dataset);
            sample_write(&dataset, foreign_formats[i].name, NULL, &texts[j]);
            dataset_deinit(&dataset);
        }
        assert_int_equal(texts[0].length, texts[1].length);
        assert_memory_equal(texts[0].text, texts[1].text, texts[0].length);
        str_free(&texts[0]);
        str_free(&texts[1]);
    }
}

int pprof_write_test(void);
int pprof_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_location_holds_what_was_inlined_into_it),
        cmocka_unit_test(allocations_are_told_as_go_tells_them),
        cmocka_unit_test(a_file_has_its_build_id),
        cmocka_unit_test(the_first_string_is_empty),
        cmocka_unit_test(the_same_recording_gives_the_same_bytes),
    };
    return cmocka_run_group_tests_name("pprof_write", tests, NULL, NULL);
}
