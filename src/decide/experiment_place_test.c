/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/experiment_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A script that downloads with curl in stage `download`, and a program with two stages that talks to a database. */
static const struct path_entry path[] = {
    {.where = {.stage = "download", .process = "curl", .peer = "web:80"}, .doing = WAIT_NETWORK, .ns = 600},
    {.where = {.stage = "parse", .process = "load", .function = "parse_row"}, .doing = DOING_CPU, .ns = 200},
    {.where = {.stage = "insert", .process = "load", .peer = "db:5432"}, .doing = WAIT_NETWORK, .ns = 100},
    {.where = {.process = "sh"}, .doing = DOING_CPU, .ns = 10},
};
static const struct verdict verdict = {.path = path, .path_count = sizeof path / sizeof path[0]};

static struct experiment_place found(const char *text, const struct where *where,
                                     const struct verdict *recorded)
{
    struct change change;
    struct experiment_place place;
    assert_int_equal(change_parse(text, &change, NULL), 0);
    experiment_place_find(&change, where, recorded, &place);
    static char kept[256]; /* a change's name is the change's own */
    if (place.process) {
        strncpy(kept, place.process, sizeof kept - 1);
        place.process = kept;
    }
    return place;
}

static void a_process_is_its_own_place(void **state)
{
    (void)state;
    assert_string_equal(found("speed:process/curl=2", NULL, NULL).process, "curl");
    assert_string_equal(found("speed:curl=2", NULL, &verdict).process, "curl");
    assert_string_equal(found("remove:stage/curl", NULL, NULL).process, "curl");
}

static void a_stage_is_the_program_that_does_it(void **state)
{
    (void)state;
    struct experiment_place place = found("workers:stage/download=10", NULL, &verdict);
    assert_string_equal(place.process, "curl");
    assert_false(place.is_wider);
    assert_string_equal(found("speed:download=2", NULL, &verdict).process, "curl");
}

static void a_part_of_a_process_cannot_be_tried(void **state)
{
    (void)state;
    struct experiment_place place = found("speed:stage/insert=2", NULL, &verdict);
    assert_null(place.process);
    assert_string_equal(place.why_not,
                        "stage 'insert' is a part of what 'load' does, not a process of its own");
    assert_non_null(place.span);
    assert_null(found("speed:stage/nowhere=2", NULL, &verdict).process);
}

static void a_peer_or_a_function_is_bounded_by_the_process(void **state)
{
    (void)state;
    struct experiment_place place = found("speed:peer/db:5432=2", NULL, &verdict);
    assert_string_equal(place.process, "load");
    assert_true(place.is_wider);
    assert_true(found("speed:function/parse_row=2", NULL, &verdict).is_wider);
    place = found("speed:peer/web:80=2", NULL, &verdict);
    assert_string_equal(place.process, "curl");
    assert_false(place.is_wider);
    assert_null(found("speed:peer/db:5432=2", NULL, NULL).process);
    /* Two programs wait for it. */
    assert_null(found("remove:wait/network", NULL, &verdict).process);
}

static void a_change_without_a_place_is_about_the_claim(void **state)
{
    (void)state;
    const struct where server = {.process = "postgres", .peer = "db:5432"}, program = {.process = "curl"};
    assert_string_equal(found("set:run/shared_buffers=8GB", &server, &verdict).process, "load");
    assert_string_equal(found("cores:run=4", &program, &verdict).process, "curl");
    assert_null(found("cores:run=4", NULL, &verdict).process);
}

int experiment_place_test(void);
int experiment_place_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_its_own_place),
        cmocka_unit_test(a_stage_is_the_program_that_does_it),
        cmocka_unit_test(a_part_of_a_process_cannot_be_tried),
        cmocka_unit_test(a_peer_or_a_function_is_bounded_by_the_process),
        cmocka_unit_test(a_change_without_a_place_is_about_the_claim),
    };
    return cmocka_run_group_tests_name("experiment_place", tests, NULL, NULL);
}
