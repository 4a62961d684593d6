/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each sample in each format against tests/data/report/<sample>.<extension>. UPDATE=1 rewrites those files;
 * a format without a file there is checked by properties alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "report/exporter.h"
#include "report/phrases.h"
#include "report/sample_verdict.h"
#include "report/text_checks.h"

static const struct {
    const char *name;
    void (*make)(struct verdict *);
} samples[] = {
    {"market", sample_market},   {"quiet", sample_quiet}, {"bare", sample_bare},
    {"hostile", sample_hostile}, {"poor", sample_poor},   {"service", sample_service},
};

#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])

static void render(const struct verdict *verdict, const char *format, const struct export_options *options,
                   struct str *ret_text)
{
    const struct exporter *exporter;
    struct err err = {0};

    assert_int_equal(exporter_find(format, &exporter, &err), 0);
    assert_int_equal(exporter_write(exporter, verdict, options, ret_text, &err), 0);
}

static void render_sample(size_t index, const char *format, const struct export_options *options,
                          struct str *ret_text)
{
    struct verdict verdict;

    samples[index].make(&verdict);
    render(&verdict, format, options, ret_text);
    verdict_deinit(&verdict);
}

static void the_readable_formats_are_as_agreed(void **state)
{
    (void)state;
    static const char *const formats[] = {"text", "json", "markdown"};
    const struct export_options options = {.file = "a run.toll"};

    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
            struct str text = {0}, name = {0};
            render_sample(i, formats[f], &options, &text);
            str_printf(&name, "%s.%s", samples[i].name, formats[f]);
            check_golden(str_text(&name), &text);
            str_free(&text);
            str_free(&name);
        }
}

static void a_text_keeps_to_its_width(void **state)
{
    (void)state;
    static const unsigned widths[] = {40, 60, 80, 120, 200};
    static const char *const changes[] = {"    speed:", "    workers:", NULL}; /* may be longer than a line */

    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            struct str text = {0};
            render_sample(i, "text", &(struct export_options){.width = widths[w]}, &text);
            assert_in_range(text_longest_line(str_text(&text), changes), 1, widths[w]);
            str_free(&text);
        }
}

static void colour_adds_nothing_but_colour(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str plain = {0}, coloured = {0};
        render_sample(i, "text", &(struct export_options){0}, &plain);
        render_sample(i, "text", &(struct export_options){.colour = true}, &coloured);
        check_colours(&plain, &coloured);
        str_free(&plain);
        str_free(&coloured);
    }
}

static void an_ascii_text_is_ascii_for_ascii_names(void **state)
{
    (void)state;
    struct str text = {0};

    render_sample(0, "text", &(struct export_options){.ascii = true}, &text);
    check_ascii(str_text(&text));
    str_free(&text);
}

static void every_format_is_utf8_whatever_the_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t f = 0; f < exporter_count; f++) {
            struct str text = {0};
            render_sample(i, exporters[f].name, &(struct export_options){0}, &text);
            check_utf8(&text);
            str_free(&text);
        }
}

static void the_path_of_a_json_adds_up_to_the_wall_time(void **state)
{
    (void)state;
    struct str text = {0};
    unsigned long long wall = 0, sum = 0;

    render_sample(0, "json", &(struct export_options){0}, &text);
    const char *at = strstr(str_text(&text), "\"wall_ns\": ");
    wall = strtoull(at + strlen("\"wall_ns\": "), NULL, 10);
    const char *end = strstr(str_text(&text), "\"via\": [");
    for (at = strstr(str_text(&text), "\"path\": ["); (at = strstr(at, "\"ns\": ")) && at < end; at++)
        sum += strtoull(at + strlen("\"ns\": "), NULL, 10);
    assert_true(wall > 0 && wall == sum);
    str_free(&text);
}

static void a_json_of_many_stages_is_bounded_and_says_so(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct verdict verdict;
    struct str text = {0};
    unsigned long long sum = 0, sum_cpu = 0;
    struct stage *stages = calloc(COUNT, sizeof *stages);
    struct path_entry *path = calloc(COUNT, sizeof *path);

    assert_true(stages && path);
    sample_market(&verdict);
    for (size_t i = 0; i < COUNT; i++) {
        stages[i] = (struct stage){.name = "stage", .call_count = 1};
        path[i] = (struct path_entry){.where = {.stage = "stage"}, .doing = i % 2 ? DOING_CPU : WAIT_SLEEP};
        path[i].ns = COUNT - i;
    }
    verdict.stages = stages;
    verdict.path = path;
    verdict.stage_count = verdict.path_count = COUNT;
    render(&verdict, "json", &(struct export_options){0}, &text);
    assert_in_range(text.length, 100000, 1000000);
    assert_non_null(strstr(str_text(&text), "\"stages\": 49000"));
    assert_non_null(strstr(str_text(&text), "\"path\": 49000"));
    const char *end = strstr(str_text(&text), "\"via\": [");
    for (const char *at = strstr(str_text(&text), "\"path\": [");
         (at = strstr(at, "\"doing\": ")) && at < end; at++) {
        unsigned long long ns = strtoull(strstr(at, "\"ns\": ") + strlen("\"ns\": "), NULL, 10);
        sum += ns;
        sum_cpu += strncmp(at, "\"doing\": \"cpu\"", 14) == 0 ? ns : 0;
    }
    assert_true(sum == (unsigned long long)COUNT * (COUNT + 1) / 2);
    assert_true(sum_cpu == (unsigned long long)(COUNT / 2) * (COUNT / 2));
    str_free(&text);
    verdict_deinit(&verdict);
    free(stages);
    free(path);
}

static void no_name_becomes_markup(void **state)
{
    (void)state;
    static const char *const svg[] = {"xml", "svg", "style", "rect", "text", "g", "title", "script", NULL};

    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str text = {0};
        render_sample(i, "html", &(struct export_options){.file = "<b>.toll"}, &text);
        check_page(str_text(&text));
        bool has_flame = strstr(str_text(&text), "id=\"flame\"") != NULL;
        bool has_timeline = strstr(str_text(&text), "id=\"timeline\"") != NULL;
        assert_int_equal(text_occurrences(str_text(&text), "<script>"), 1 + has_flame + has_timeline);
        /* http-equiv, and the names of XHTML and SVG in our script */
        assert_int_equal(text_occurrences(str_text(&text), "http"), 1 + 2 * has_flame);
        str_clear(&text);
        render_sample(i, "flamegraph", &(struct export_options){0}, &text);
        check_markup(str_text(&text), svg);
        str_free(&text);
    }
}

static void a_page_of_many_tracks_is_bounded_and_says_so(void **state)
{
    (void)state;
    struct verdict verdict;
    struct str text = {0};

    sample_many_tracks(&verdict, 1000);
    render(&verdict, "html", &(struct export_options){0}, &text);
    assert_in_range(text.length, 100000, 6000000);
    assert_non_null(strstr(str_text(&text), "812 more tracks are not shown."));
    assert_non_null(strstr(str_text(&text), "class=\"critical\""));
    str_free(&text);
    verdict_deinit(&verdict);
}

static void the_page_holds_all_parts(void **state)
{
    (void)state;
    static const char *const parts[] = {"id=\"findings\"",        "id=\"stages\"",         "id=\"timeline\"",
                                        "id=\"flame\"",           "id=\"cleared\"",        "id=\"trust\"",
                                        "127.0.0.1:8080",         "class=\"d-network\"",   "parse_row",
                                        "On a CPU: 3.5 s",        "Waiting: 33.3 s",       "99 %&nbsp;within",
                                        "others, not told apart", "2 rows that cost less", "wait d-network"};
    struct str text = {0};

    render_sample(0, "html", &(struct export_options){0}, &text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(str_text(&text), parts[i]))
            fail_msg("the page has no %s", parts[i]);
    str_free(&text);
}

/* pipe:[1], a lock's address: new in every run, so only the change, which needs it, holds it. */
static void names_without_meaning_are_not_told(void **state)
{
    (void)state;
    static const char *const names[] = {"pipe:[1246934]", "socket:[7]", "4690:0x558ea97a6060"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct finding finding = {.cause = "lock-contention",
                                  .title = "4 threads queue",
                                  .where = {.process = "crawler", .peer = names[i]}};
        struct str text = {0};
        phrase_title(&text, &finding);
        phrase_where(&text, &finding.where);
        assert_string_equal(str_text(&text), "4 threads queue.crawler");
        assert_null(
            phrase_detail(&(struct where){.stage = "crawler", .process = "crawler", .peer = names[i]}));
        str_free(&text);
    }
    assert_string_equal(phrase_detail(&(struct where){.peer = "127.0.0.1:80"}), "127.0.0.1:80");
}

static void a_gain_without_bound_is_told_in_words(void **state)
{
    (void)state;
    struct verdict verdict = {.run = {.wall_ns = 2000000000}};
    struct finding finding = {.gain = {.factor_max = 1e6}};
    struct str text = {0};

    phrase_gain(&text, &verdict, &finding);
    assert_string_equal(str_text(&text), "next to nothing would be left if it cost nothing");
    str_clear(&text);
    finding.gain = (struct gain){
        .factor = 1e6, .factor_low = 1e6, .factor_high = 1e6, .factor_max = 1e6, .wall_ns_after = 2000};
    phrase_gain(&text, &verdict, &finding);
    assert_string_equal(str_text(&text), "2 s -> 2 us, over 1000x");
    str_free(&text);
}

static void an_unknown_format_lists_those_there_are(void **state)
{
    (void)state;
    const struct exporter *exporter = NULL;
    struct err err = {0};

    assert_int_equal(exporter_find("pdf", &exporter, &err), -ERR_USAGE);
    assert_null(exporter);
    assert_non_null(strstr(err.hint, "text, json"));
}

int exporter_test(void);
int exporter_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readable_formats_are_as_agreed),
        cmocka_unit_test(a_text_keeps_to_its_width),
        cmocka_unit_test(colour_adds_nothing_but_colour),
        cmocka_unit_test(an_ascii_text_is_ascii_for_ascii_names),
        cmocka_unit_test(every_format_is_utf8_whatever_the_names),
        cmocka_unit_test(the_path_of_a_json_adds_up_to_the_wall_time),
        cmocka_unit_test(a_json_of_many_stages_is_bounded_and_says_so),
        cmocka_unit_test(no_name_becomes_markup),
        cmocka_unit_test(a_page_of_many_tracks_is_bounded_and_says_so),
        cmocka_unit_test(the_page_holds_all_parts),
        cmocka_unit_test(names_without_meaning_are_not_told),
        cmocka_unit_test(a_gain_without_bound_is_told_in_words),
        cmocka_unit_test(an_unknown_format_lists_those_there_are),
    };
    return cmocka_run_group_tests_name("exporter", tests, NULL, NULL);
}
