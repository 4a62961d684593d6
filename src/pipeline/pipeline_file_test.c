/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/json.h"
#include "pipeline/pipeline_keys.h"

int pipeline_file_test(void);

#define RUN_A "run: ./a\n"

static struct pipeline_file read_file(const char *text)
{
    struct pipeline_file file = {0};
    struct err err = {0};
    if (pipeline_file_read_text(text, strlen(text), "/srv/project/toll.yaml", &file, &err))
        fail_msg("%s (%s)", err.what, err.hint);
    return file;
}

static void assert_refused(const char *text, const char *what, const char *hint)
{
    struct pipeline_file file;
    struct err err = {0};
    if (pipeline_file_read_text(text, strlen(text), "toll.yaml", &file, &err) != -ERR_INPUT)
        fail_msg("read: %s", text);
    if (!strstr(err.what, what))
        fail_msg("'%s' is not in '%s'", what, err.what);
    if (hint && !strstr(err.hint, hint))
        fail_msg("'%s' is not in the hint '%s'", hint, err.hint);
}

static void the_smallest_file_is_enough(void **state)
{
    (void)state;
    struct pipeline_file file = read_file("objective: wall < 1 s\n"
                                          "run: bash fetch.sh\n"
                                          "knobs:\n"
                                          "  P: {env: P, values: [1, 2, 5, 10], now: 1}\n");
    assert_int_equal(file.objective.metric, PIPELINE_WALL);
    assert_true(file.objective.value == 1e9);
    assert_string_equal(file.run_line, "bash fetch.sh");
    assert_string_equal(file.folder, "/srv/project");
    assert_string_equal(file.name, "project");
    assert_int_equal(file.warmup_count, 3);
    assert_string_equal(file.cache, "as-is");
    assert_int_equal(file.knobs.count, 1);
    const struct pipeline_knob *knob = pipeline_file_knob(&file, "P");
    assert_non_null(knob);
    assert_int_equal(knob->place, KNOB_ENVIRONMENT);
    assert_string_equal(knob->variable, "P");
    assert_string_equal(knob->values_text, "1,2,5,10");
    assert_string_equal(knob->now, "1");
    assert_true(knob->is_number && knob->now_number == 1);
    assert_int_equal(knob->role, KNOB_ROLE_WORKERS);
    pipeline_file_free(&file);
    file = read_file(RUN_A);
    assert_false(file.has_objective);
    assert_string_equal(file.objective.name, "wall");
    pipeline_file_free(&file);
}

static void every_key_is_understood(void **state)
{
    (void)state;
    struct pipeline_file file =
        read_file("name: ticks\n"
                  "objective: 100000 rows/s\n"
                  "run: [./load, --workers, '{workers}', '--batch={batch}']\n"
                  "environment: {LANG: C, EMPTY: }\n"
                  "warmup: 5\n"
                  "cache: warmed\n"
                  "rows: 15_000\n"
                  "measure: '([0-9]+) rows/s'\n"
                  "stages:\n"
                  "  download: {span: download}\n"
                  "  extract: {process: unzip, after: download}\n"
                  "  load: {after: [download, extract]}\n"
                  "knobs:\n"
                  "  workers: {range: 1..64, now: 4}\n"
                  "  batch: {range: 0..1000:100, now: 100}\n"
                  "  mode: {env: MODE, values: [fast, safe], now: safe, kind: other}\n"
                  "  pool: {file: conf.json, key: pool.size, values: [4, 8], now: 4}\n"
                  "investigators:\n"
                  "  mine: ./mine.sh\n"
                  "gates: {a: {command: x}}\n"
                  "baseline: main\n"
                  "time: 5s\n");
    assert_string_equal(file.name, "ticks");
    assert_string_equal(file.run_words[2], "{workers}");
    assert_null(file.run_words[4]);
    assert_string_equal(file.environment[0], "LANG=C");
    assert_string_equal(file.environment[1], "EMPTY=");
    assert_null(file.environment[2]);
    assert_int_equal(file.warmup_count, 5);
    assert_string_equal(file.cache, "warmed");
    assert_true(file.unit_count == 15000);
    assert_string_equal(file.measure.match, "([0-9]+) rows/s");
    assert_int_equal(file.stages.count, 3);
    assert_string_equal(file.stages.items[1].process, "unzip");
    assert_string_equal(file.stages.items[2].after[1], "extract");
    assert_int_equal(file.knobs.count, 4);
    const struct pipeline_knob *workers = pipeline_file_knob(&file, "workers"),
                               *batch = pipeline_file_knob(&file, "batch"),
                               *mode = pipeline_file_knob(&file, "mode"),
                               *pool = pipeline_file_knob(&file, "pool");
    assert_int_equal(workers->place, KNOB_ARGUMENT);
    assert_string_equal(workers->values_text, "1..64");
    assert_true(workers->low == 1 && workers->high == 64 && workers->step == 0);
    assert_int_equal(workers->role, KNOB_ROLE_WORKERS);
    assert_int_equal(batch->role, KNOB_ROLE_BATCH);
    assert_true(batch->step == 100);
    assert_false(mode->is_number);
    assert_true(isnan(mode->now_number));
    assert_int_equal(mode->role, KNOB_ROLE_OTHER);
    assert_int_equal(pool->place, KNOB_IN_FILE);
    assert_string_equal(pool->file, "/srv/project/conf.json");
    assert_int_equal(file.investigators.count, 1);
    assert_string_equal(file.investigators.items[0].command, "./mine.sh");
    pipeline_file_free(&file);
    file = read_file(
        RUN_A "objective: p99 < 1 s\nrows: 'loaded ([0-9]+)'\nmeasure: {match: 'p99=([0-9.]+)', unit: ms}\n"
              "investigators: [./a, ./b]\n");
    assert_true(file.measure.scale == 1e6);
    assert_string_equal(file.units_printed.match, "loaded ([0-9]+)");
    assert_null(file.investigators.items[1].name);
    pipeline_file_free(&file);
}

static void what_is_not_known_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_refused(RUN_A "knob: {}\n", "line 2, column 1: the file has no key 'knob'",
                   "did you mean 'knobs'?");
    assert_refused(RUN_A "knobs:\n  P: {enw: P}\n", "line 3, column 7: knob 'P' has no key 'enw'",
                   "did you mean 'env'?");
    assert_refused(RUN_A "stages:\n  a: {proces: b}\n", "line 3, column 7: stage 'a' has no key 'proces'",
                   "did you mean 'process'?");
    assert_refused(RUN_A "cache: warm\n", "line 2, column 1: 'cache' is no 'warm'", "did you mean 'warmed'?");
    assert_refused("- a\n", "line 1, column 1: the file is a list, not a map of keys", NULL);
    assert_refused("", "the file is empty", NULL);
    assert_refused("objective: wall\n", "there is no 'run'", "toll init");
    assert_refused("run: ./a\nrun: ./b\n", "line 2", NULL);
    assert_refused("run: ./a\nobjective: [\n", "line 3, column 1", NULL);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_refused("objective: fast\n" RUN_A, "line 1, column 1: objective 'fast': it begins with none of",
                   "wall < 60 s");
    assert_refused("run: {a: b}\n", "line 1, column 1: 'run' is a map", NULL);
    assert_refused("run: []\n", "line 1, column 1: 'run' is no list of 1", NULL);
    assert_refused(RUN_A "warmup: -1\n", "'warmup' is no whole number from 0 to 100", NULL);
    assert_refused(RUN_A "environment: {1A: b}\n", "'1A' is no name of a variable", NULL);
    assert_refused(RUN_A "rows: 0\n", "'rows' is no number of rows above 0", NULL);
    assert_refused(RUN_A "rows: 'a ([0-9]'\n", "is no extended regular expression", NULL);
    assert_refused(RUN_A "rows: '((((a{255}){255}){255}){255})'\n", "its repetitions make it too large",
                   NULL);
    assert_refused(RUN_A "rows: 'a [0-9]'\n", "needs one group", NULL);
    assert_refused(RUN_A "measure: '([0-9])'\n", "'measure' needs a 'unit'", NULL);
    assert_refused(RUN_A "stages:\n  a: {after: b}\n  b:\n", "line 3, column 7: stage 'a' comes after 'b'",
                   NULL);
    assert_refused(RUN_A "stages:\n  a: {process: b, span: c}\n", "by 'process' or by 'span'", NULL);
}

#define KNOB "run: ./a {P}\nknobs:\n  "

static void a_knob_that_cannot_be_turned_is_refused(void **state)
{
    (void)state;
    assert_refused(RUN_A "knobs:\n  P: {values: [1], now: 1}\n", "line 3, column 3: knob 'P' is nowhere",
                   "{P}");
    assert_refused(KNOB "P: {now: 1}\n", "knob 'P' has no values to try", NULL);
    assert_refused(KNOB "P: {values: [1, 2]}\n", "knob 'P' has no 'now'", NULL);
    assert_refused(KNOB "P: {values: [1, 2, 1], now: 1}\n", "value '1' is there twice", NULL);
    assert_refused(KNOB "P: {values: ['1,2'], now: 1}\n", "holds a comma", NULL);
    assert_refused(KNOB "P: {values: [1], range: 1..2, now: 1}\n", "'values' or a 'range', not both", NULL);
    assert_refused(KNOB "P: {range: 5..1, now: 1}\n", "'5..1' is no range", NULL);
    assert_refused(KNOB "P: {range: 1..5, now: many}\n", "'now' of knob 'P' is no number", NULL);
    assert_refused(KNOB "P: {env: A, file: b, key: c, values: [1], now: 1}\n", "not both", NULL);
    assert_refused(KNOB "P: {file: b, values: [1], now: 1}\n", "needs 'file' and 'key'", NULL);
    assert_refused(KNOB "P: {file: nowhere.json, key: c, values: [1]}\n", "could not open file", NULL);
    assert_refused(KNOB "P: {env: 'A B', values: [1], now: 1}\n", "is no name of a variable", NULL);
    assert_refused(KNOB "'P=': {values: [1], now: 1}\n", "is no name of a knob", NULL);
    assert_refused(KNOB "P: {values: [1], now: 1, kind: work}\n", "'kind' is no 'work'", "workers");
    assert_refused(KNOB "P: 5\n", "knob 'P' is a text, not a map", NULL);
}

/* Every key of `keys` is a property of the schema at that path, and the schema has no others. */
static void assert_schema_has(const struct json_value *schema, const char *path, const char *const *keys)
{
    const struct json_value *properties = json_find_object(schema, path);
    size_t count = 0;
    for (; keys[count]; count++)
        if (!json_member(properties, keys[count]))
            fail_msg("the schema has no '%s' at %s", keys[count], path);
    assert_int_equal(json_count(properties), count);
}

static void the_schema_has_every_key_that_is_read(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_SCHEMA");
    struct json_value *schema = NULL;
    struct err err = {0};
    assert_non_null(path);
    if (json_read_file(path, &schema, &err))
        fail_msg("%s", err.what);
    assert_schema_has(schema, "properties", pipeline_keys_all);
    assert_schema_has(schema, "$defs.knob.properties", pipeline_keys_knob);
    assert_schema_has(schema, "$defs.stage.properties", pipeline_keys_stage);
    assert_schema_has(schema, "$defs.number.properties", pipeline_keys_number);
    json_free(schema);
}

int pipeline_file_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_file_is_enough),
        cmocka_unit_test(every_key_is_understood),
        cmocka_unit_test(what_is_not_known_is_refused_with_its_place),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_knob_that_cannot_be_turned_is_refused),
        cmocka_unit_test(the_schema_has_every_key_that_is_read),
    };
    return cmocka_run_group_tests_name("pipeline_file", tests, NULL, NULL);
}
