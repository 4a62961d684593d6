/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pipeline/pipeline_command.h"

int pipeline_template_test(void);

static struct arena arena;

static const char *nothing_is_set(const char *name)
{
    (void)name;
    return NULL;
}

static const char *all_is_seven(const char *name)
{
    (void)name;
    return "7";
}

static struct knob_guesses guess_line(const char *line)
{
    struct knob_guesses guesses = {0};
    assert_int_equal(knob_guess_line(line, &arena, &guesses, NULL), 0);
    return guesses;
}

static void numbers_behind_options_are_knobs(void **state)
{
    (void)state;
    struct knob_guesses guesses = guess_line("./load --workers 8 --batch-size=100 -j4 --name 5 --port=80");
    assert_string_equal(guesses.line,
                        "./load --workers {workers} --batch-size={batch_size} -j{j} --name 5 --port=80");
    assert_int_equal(guesses.count, 3);
    assert_string_equal(guesses.items[0].name, "workers");
    assert_string_equal(guesses.items[0].now, "8");
    assert_int_equal(guesses.items[0].low, 1);
    assert_int_equal(guesses.items[0].high, 32);
    assert_string_equal(guesses.items[1].why, "--batch-size 100 in the command");
    assert_int_equal(guesses.items[1].role, KNOB_ROLE_BATCH);
    assert_int_equal(guesses.items[1].low, 10);
    assert_int_equal(guesses.items[1].high, 10000);
    guesses = guess_line("sh -c 'seq 9 | head -c 5 | xargs -P 4 -n 1 curl' -c");
    assert_string_equal(guesses.line, "sh -c 'seq 9 | head -c 5 | xargs -P {P} -n 1 curl' -c");
    assert_int_equal(guesses.count, 1);
    guesses = guess_line("./a --workers many --jobs 0 --threads= -j x -P 99999999999");
    assert_int_equal(guesses.count, 0);
    knob_guess_reach(&guesses, 20);
    guesses = guess_line("make -j 2 -j 3");
    assert_string_equal(guesses.line, "make -j {j} -j 3");
    knob_guess_reach(&guesses, 20);
    assert_int_equal(guesses.items[0].high, 40);
}

static void variables_that_a_script_reads_are_knobs(void **state)
{
    (void)state;
    struct knob_guesses guesses = {0};
    static const char script[] =
        "w=${WORKERS:-4}\nxargs -P $P\necho $HOME ${PATH} \"$JOBS_DONE\" $WORKERSX_\n"
        "n = int(os.environ.get('BATCH', '100'))\nos.environ[\"THREADS\"]\nworkers = 5\n";
    assert_int_equal(knob_guess_script(script, "a.sh", nothing_is_set, &arena, &guesses, NULL), 0);
    assert_int_equal(guesses.count, 6);
    assert_string_equal(guesses.items[0].variable, "WORKERS");
    assert_string_equal(guesses.items[0].now, "4");
    assert_string_equal(guesses.items[1].name, "P");
    assert_string_equal(guesses.items[1].now, "1");
    assert_non_null(strstr(guesses.items[1].why, "is 1 what it is today?"));
    assert_string_equal(guesses.items[4].name, "BATCH");
    assert_string_equal(guesses.items[4].now, "100");
    assert_string_equal(guesses.items[5].name, "THREADS");
    struct knob_guesses set = {0};
    assert_int_equal(knob_guess_script("${WORKERS:-4}", "a.sh", all_is_seven, &arena, &set, NULL), 0);
    assert_string_equal(set.items[0].now, "7");
    assert_string_equal(set.items[0].why, "a.sh reads it");
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct knob_guesses knobs = guess_line("'./it'\\''s' --workers 8 'a: b # {x}' -j 2 -c 4");
    const struct template_stage stages[] = {
        {"download: a", true, 0.9}, {"it's", false, 0.05}, {"null", false, 0.01}};
    struct pipeline_template template = {.made_of = "a\nb.toll",
                                         .folder = "/srv/a\tb",
                                         .objective = "100000 rows/s",
                                         .objective_note = "today: 5\n6",
                                         .line = knobs.line,
                                         .is_redacted = true,
                                         .rows = 1785600,
                                         .rows_note = "counted",
                                         .stages = stages,
                                         .stage_count = 3,
                                         .knobs = &knobs,
                                         .proposal = "workers:process/a\nb=10",
                                         .proposal_note = "about 8.7x"};
    struct str text = {0};
    struct pipeline_file file = {0};
    struct err err = {0};
    pipeline_template_write(&template, &text);
    if (pipeline_file_read_text(str_text(&text), text.length, "toll.yaml", &file, &err))
        fail_msg("%s\n%s", err.what, str_text(&text));
    assert_string_equal(file.run_line, knobs.line);
    assert_string_equal(file.objective.name, "rows/s");
    assert_true(file.unit_count == 1785600);
    assert_int_equal(file.stages.count, 3);
    assert_string_equal(file.stages.items[0].span, "download: a");
    assert_string_equal(file.stages.items[2].process, "null");
    assert_int_equal(file.knobs.count, 3);
    struct pipeline_command command;
    assert_int_equal(pipeline_command_fill(&file, NULL, 0, &arena, &command, NULL), 0);
    pipeline_file_free(&file);
    str_clear(&text);
    pipeline_template_write(&(struct pipeline_template){.objective = "wall", .line = "./a"}, &text);
    assert_int_equal(pipeline_file_read_text(str_text(&text), text.length, "toll.yaml", &file, NULL), 0);
    assert_int_equal(file.knobs.count, 0);
    pipeline_file_free(&file);
    str_free(&text);
}

int pipeline_template_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_behind_options_are_knobs),
        cmocka_unit_test(variables_that_a_script_reads_are_knobs),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    int failed = cmocka_run_group_tests_name("pipeline_template", tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
