/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decide/investigation_jobs.h"

int investigation_jobs_test(void);

static void a_program_is_called_after_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name;
    } cases[] = {{"./mine.sh", "mine"},
                 {"python3 tools/see.py --fast", "see"},
                 {"/usr/bin/env python3 -u 'a b.py'", "a"},
                 {"KEY=1 sh ./x.sh", "x"},
                 {"exec node dist/look.cjs", "look"},
                 {"python3", "python3"},
                 {"../$(whoami)", "--whoami-"},
                 {"", "program"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct investigation_choice choice = {.always = &cases[i].line, .always_count = 1};
        struct investigation_jobs jobs;
        struct arena arena = {0};
        struct err err;
        if (investigation_jobs_choose(&choice, &arena, &jobs, &err))
            fail_msg("%s", err.what);
        const char *name = jobs.items[jobs.count - 1].name;
        /* A name that would begin with a dash is none. */
        assert_string_equal(name, cases[i].name[0] == '-' ? "program" : cases[i].name);
        arena_free(&arena);
    }
}

static void two_programs_of_one_name_are_told_apart(void **state)
{
    (void)state;
    const char *const lines[] = {"./memory", "./x.py", "sh x.sh"};
    struct investigation_choice choice = {.always = lines, .always_count = 3};
    struct investigation_jobs jobs;
    struct arena arena = {0};
    struct err err;
    assert_int_equal(investigation_jobs_choose(&choice, &arena, &jobs, &err), 0);
    assert_string_equal(jobs.items[jobs.count - 3].name, "memory-2"); /* there is a built-in one */
    assert_string_equal(jobs.items[jobs.count - 2].name, "x");
    assert_string_equal(jobs.items[jobs.count - 1].name, "x-2");
    arena_free(&arena);
}

static void only_those_that_are_named_are_asked(void **state)
{
    (void)state;
    const char *const only[] = {"profiling, mine", "integration"}, *const always[] = {"./hand"};
    const struct external_investigator known[] = {{.name = "mine", .command = "./m"},
                                                  {.name = "other", .command = "./o"}};
    struct investigation_choice choice = {
        .only = only, .only_count = 2, .known = known, .known_count = 2, .always = always, .always_count = 1};
    struct investigation_jobs jobs;
    struct arena arena = {0};
    struct err err;
    assert_int_equal(investigation_jobs_choose(&choice, &arena, &jobs, &err), 0);
    assert_int_equal(jobs.count, 4);
    assert_string_equal(jobs.items[0].name, "profiling");
    assert_string_equal(jobs.items[1].name, "integration");
    assert_string_equal(jobs.items[2].name, "mine");
    assert_string_equal(jobs.items[3].name, "hand");
    arena_free(&arena);
}

static void a_name_that_nobody_has_is_answered_with_the_nearest(void **state)
{
    (void)state;
    const char *const only[] = {"profilling"};
    struct investigation_choice choice = {.only = only, .only_count = 1};
    struct investigation_jobs jobs;
    struct arena arena = {0};
    struct err err;
    assert_int_equal(investigation_jobs_choose(&choice, &arena, &jobs, &err), -ERR_USAGE);
    assert_non_null(strstr(err.hint, "did you mean 'profiling'"));
    arena_free(&arena);
}

static void a_name_of_the_file_must_be_plain_and_free(void **state)
{
    (void)state;
    static const char *const names[] = {"../up", "a/b", "profiling", "-x", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct external_investigator known = {.name = names[i], .command = "./m"};
        struct investigation_choice choice = {.known = &known, .known_count = 1};
        struct investigation_jobs jobs;
        struct arena arena = {0};
        struct err err;
        assert_int_equal(investigation_jobs_choose(&choice, &arena, &jobs, &err), -ERR_USAGE);
        arena_free(&arena);
    }
}

int investigation_jobs_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_called_after_its_file),
        cmocka_unit_test(two_programs_of_one_name_are_told_apart),
        cmocka_unit_test(only_those_that_are_named_are_asked),
        cmocka_unit_test(a_name_that_nobody_has_is_answered_with_the_nearest),
        cmocka_unit_test(a_name_of_the_file_must_be_plain_and_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
