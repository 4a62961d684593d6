/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

int heap_frames_test(void);

#define KEY 0x123456789abcull

/* A HEAP_CODE of "grow" in "/srv/app.py". */
static void code_make(uint64_t *words, uint64_t key)
{
    memset(words, 0, 6 * sizeof *words);
    words[0] = HEAP_CODE;
    words[1] = key | 4ull << 48;
    words[2] = 11;
    memcpy(words + 3, "grow", 4);
    memcpy(words + 4, "/srv/app.py", 11);
}

static void a_function_is_one_of_its_program(void **state)
{
    struct heap_codes codes = {0};
    struct heap_told_code code;
    struct heap_told_frames frames;
    uint64_t words[6];
    const uint64_t stack[] = {HEAP_PYTHON, 3, KEY, 12, KEY | HEAP_ENTRY, 40, HEAP_ENTRY, 0};

    (void)state;
    code_make(words, KEY);
    assert_int_equal(heap_event_words(words, 6), 6);
    assert_true(heap_codes_is_new(&codes, 0, words, &code));
    assert_string_equal(code.name, "grow");
    assert_string_equal(code.file, "/srv/app.py");
    assert_int_equal(heap_codes_put(&codes, 0, words, 7), 0);
    assert_false(heap_codes_is_new(&codes, 0, words, &code));
    assert_true(heap_codes_is_new(&codes, 1, words, &code));
    assert_int_equal(heap_event_words(stack, 8), 8);
    heap_frames_read(&codes, 0, stack, &frames);
    assert_int_equal(frames.count, 3);
    assert_true(frames.items[0].code == 7 && frames.items[0].line == 12 && !frames.items[0].is_entry);
    assert_true(frames.items[1].code == 7 && frames.items[1].line == 40 && frames.items[1].is_entry);
    assert_true(frames.items[2].code == 0 && frames.items[2].is_entry);
    heap_frames_read(&codes, 1, stack, &frames); /* another program's keys are other functions */
    assert_int_equal(frames.items[0].code, 0);
    heap_codes_deinit(&codes);
}

/* A program whose children come and go tells its functions again and again, in each: there is room for new ones for ever. */
static void what_was_named_lately_is_known_and_what_is_new_has_room(void **state)
{
    struct heap_codes codes = {0};
    struct heap_told_code code;
    struct heap_told_frames frames;
    uint64_t words[6];
    const uint64_t stack[] = {HEAP_PYTHON, 1, KEY, 12};

    (void)state;
    code_make(words, KEY);
    assert_int_equal(heap_codes_put(&codes, 0, words, 7), 0);
    for (uint32_t image = 1; image <= 2 * HEAP_CODE_COUNT_MAX + 1; image++) {
        assert_true(heap_codes_is_new(&codes, image, words, &code));
        assert_int_equal(heap_codes_put(&codes, image, words, 8), 0);
        if (image % (HEAP_CODE_COUNT_MAX / 4) == 0) {
            heap_frames_read(&codes, 0, stack, &frames);
            assert_int_equal(frames.items[0].code, 7);
        }
    }
    assert_true(codes.by_key.young.count + codes.by_key.old.count <= 2 * HEAP_CODE_COUNT_MAX);
    heap_codes_deinit(&codes);
}

static void what_is_too_long_is_no_event(void **state)
{
    uint64_t words[6];
    struct heap_codes codes = {0};
    struct heap_told_code code;

    (void)state;
    code_make(words, KEY);
    words[1] = KEY | (HEAP_NAME_BYTES_MAX + 1ull) << 48;
    assert_int_equal(heap_event_words(words, 6), 0);
    code_make(words, KEY);
    words[2] = HEAP_PATH_BYTES_MAX + 1;
    assert_int_equal(heap_event_words(words, 6), 0);
    assert_int_equal(heap_event_words((const uint64_t[]){HEAP_PYTHON, HEAP_FRAMES_MAX + 1}, 2), 0);
    assert_int_equal(heap_event_words((const uint64_t[]){HEAP_PYTHON}, 1), 0);
    code_make(words, KEY);
    words[3] = 0; /* a name of nothing */
    assert_false(heap_codes_is_new(&codes, 0, words, &code));
}

int heap_frames_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_is_one_of_its_program),
        cmocka_unit_test(what_was_named_lately_is_known_and_what_is_new_has_room),
        cmocka_unit_test(what_is_too_long_is_no_event),
    };
    return cmocka_run_group_tests_name("heap_frames", tests, NULL, NULL);
}
