/* SPDX-License-Identifier: Apache-2.0 */
#include "record/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/dataset.h"
#include "record/recorder.h"

int doctor_test(void);

static void every_fact_says_what_was_found_and_what_is_lost(void **state)
{
    struct doctor_fact facts[DOCTOR_FACT_MAX];
    size_t count = doctor_look(facts);
    (void)state;
    assert_true(count > 5 && count <= DOCTOR_FACT_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(facts[i].found[0] != '\0');
        assert_string_not_equal(doctor_state_name(facts[i].state), "unknown");
        if (facts[i].state == DOCTOR_OK)
            assert_true(facts[i].lost[0] == '\0');
        else
            assert_true(facts[i].lost[0] != '\0');
    }
}

static void it_leaves_no_child_behind(void **state)
{
    struct doctor_fact facts[DOCTOR_FACT_MAX];
    (void)state;
    doctor_look(facts);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void the_rung_it_names_is_the_one_that_records(void **state)
{
    struct doctor_fact facts[DOCTOR_FACT_MAX];
    size_t count = doctor_look(facts);
    struct dataset dataset;
    struct record_options options = {.command = (char *const[]){"true", NULL}, .sink = &dataset.sink};
    struct record_result result;
    (void)state;
    dataset_init(&dataset);
    assert_int_equal(record_run(&options, &result, NULL), 0);
    assert_string_equal(result.rung, doctor_rung(facts, count));
    dataset_deinit(&dataset);
}

int doctor_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fact_says_what_was_found_and_what_is_lost),
        cmocka_unit_test(it_leaves_no_child_behind),
        cmocka_unit_test(the_rung_it_names_is_the_one_that_records),
    };
    return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
