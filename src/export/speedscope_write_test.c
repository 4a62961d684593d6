/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "codec/json.h"
#include "export/sample_run.h"

static struct json_value *written(const char *kind)
{
    struct dataset dataset;
    struct str text = {0};
    struct json_value *root = NULL;
    sample_run(&dataset);
    sample_write(&dataset, "speedscope", kind, &text);
    assert_int_equal(json_read_text(str_text(&text), text.length, "speedscope", &root, NULL), 0);
    str_free(&text);
    dataset_deinit(&dataset);
    return root;
}

static const struct json_value *profile_named(const struct json_value *root, const char *name)
{
    const struct json_value *profiles = json_find_array(root, "profiles");
    for (size_t i = 0; i < json_count(profiles); i++) {
        const char *text;
        if (json_find_text(json_item(profiles, i), "name", &text) && strcmp(text, name) == 0)
            return json_item(profiles, i);
    }
    fail_msg("there is no profile '%s'", name);
    return NULL;
}

static const char *frame_name(const struct json_value *root, const struct json_value *index)
{
    uint64_t at = 0;
    const char *name = "";
    assert_true(json_find_count(index, NULL, &at));
    assert_true(json_find_text(json_item(json_find_array(root, "shared.frames"), at), "name", &name));
    return name;
}

static void expect_sample(const struct json_value *root, const struct json_value *profile, size_t index,
                          const char *stack, double weight)
{
    const struct json_value *frames = json_item(json_find_array(profile, "samples"), index);
    struct str text = {0};
    double number = 0;
    for (size_t i = 0; i < json_count(frames); i++)
        str_printf(&text, "%s%s", i ? "|" : "", frame_name(root, json_item(frames, i)));
    assert_string_equal(str_text(&text), stack);
    assert_true(json_find_number(json_item(json_find_array(profile, "weights"), index), NULL, &number));
    assert_true(number == weight);
    str_free(&text);
}

static void every_thread_is_a_profile_of_its_stacks(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    const struct json_value *app = profile_named(root, "app (pid 100) app (tid 100)");
    double end = 0;
    assert_int_equal(json_count(json_find_array(app, "samples")), 2);
    assert_int_equal(json_count(json_find_array(app, "weights")), 2);
    expect_sample(root, app, 0, "main|parse|trim", 300e6);
    expect_sample(root, app, 1, "main|" SAMPLE_HOSTILE, 100e6);
    assert_true(json_find_number(app, "endValue", &end) && end == 400e6);
    expect_sample(root, profile_named(root, "app (pid 100) worker (tid 101)"), 0, "[unknown]", 50e6);
    json_free(root);
}

static void what_a_program_allocated_is_a_profile_in_bytes(void **state)
{
    (void)state;
    struct json_value *root = written("peak");
    const struct json_value *profile = profile_named(root, "app (pid 100): peak");
    const char *unit = "";
    double end = 0;
    assert_true(json_find_text(profile, "unit", &unit));
    assert_string_equal(unit, "bytes");
    assert_int_equal(json_count(json_find_array(root, "profiles")), 1);
    expect_sample(root, profile, 0, "main|parse|trim", 400);
    expect_sample(root, profile, 1, "main|" SAMPLE_HOSTILE, 4096);
    assert_true(json_find_number(profile, "endValue", &end) && end == 4496);
    json_free(root);
    root = written("temporary");
    profile = profile_named(root, "app (pid 100): temporary");
    assert_true(json_find_text(profile, "unit", &unit));
    assert_string_equal(unit, "none");
    assert_int_equal(json_count(json_find_array(profile, "samples")), 1);
    expect_sample(root, profile, 0, "main|parse|trim", 5);
    json_free(root);
}

static void waits_stand_between_the_samples_when_asked_for(void **state)
{
    (void)state;
    struct json_value *root = written("all");
    const struct json_value *app = profile_named(root, "app (pid 100) app (tid 100)");
    expect_sample(root, app, 2, "main|" SAMPLE_HOSTILE "|[wait: network 127.0.0.1:8080]", 180e6);
    expect_sample(root, app, 3, "main|" SAMPLE_HOSTILE "|[wait: cpu_queue]", 20e6);
    json_free(root);
}

static void expect_events(const struct json_value *root, const char *name, const char *wanted)
{
    const struct json_value *events = json_find_array(profile_named(root, name), "events");
    struct str text = {0};
    for (size_t i = 0; i < json_count(events); i++) {
        const struct json_value *event = json_item(events, i);
        const char *type = "";
        double at = 0;
        assert_true(json_find_text(event, "type", &type) && json_find_number(event, "at", &at));
        str_printf(&text, "%s %s %.0f\n", type, frame_name(root, json_find(event, "frame")), at / 1e6);
    }
    assert_string_equal(str_text(&text), wanted);
    str_free(&text);
}

/* `ship` begins inside `load` and ends behind it: a call stack cannot hold both. */
static void spans_open_and_close_in_order_and_those_that_cross_stand_apart(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    expect_events(root, "app (pid 100) app (tid 100): spans",
                  "O load 0\nO parse 100\nC parse 200\nC load 500\n");
    expect_events(root, "app (pid 100) app (tid 100): spans that cross, 2", "O ship 400\nC ship 600\n");
    json_free(root);
}

static void the_profile_with_most_time_is_shown_first(void **state)
{
    (void)state;
    struct json_value *root = written(NULL);
    uint64_t active = 99;
    const char *name = "";
    assert_true(json_find_count(root, "activeProfileIndex", &active));
    assert_true(json_find_text(json_item(json_find_array(root, "profiles"), active), "name", &name));
    assert_string_equal(name, "app (pid 100) app (tid 100)");
    json_free(root);
}

int speedscope_write_test(void);
int speedscope_write_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_program_allocated_is_a_profile_in_bytes),
        cmocka_unit_test(every_thread_is_a_profile_of_its_stacks),
        cmocka_unit_test(waits_stand_between_the_samples_when_asked_for),
        cmocka_unit_test(spans_open_and_close_in_order_and_those_that_cross_stand_apart),
        cmocka_unit_test(the_profile_with_most_time_is_shown_first),
    };
    return cmocka_run_group_tests_name("speedscope_write", tests, NULL, NULL);
}
