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
#include <unistd.h>

#include "base/fs.h"
#include "report/escape.h"
#include "report/exporter.h"
#include "report/sample_verdict.h"

static const struct {
    const char *name;
    void (*make)(struct verdict *);
} samples[] = {
    {"market", sample_market},   {"quiet", sample_quiet}, {"bare", sample_bare},
    {"hostile", sample_hostile}, {"poor", sample_poor},
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

static void compare_golden(const char *name, const struct str *found)
{
    struct str path = {0}, expected = {0};
    struct err err = {0};

    str_printf(&path, "%s/%s", getenv("TOLL_GOLDEN"), name);
    if (getenv("UPDATE"))
        assert_int_equal(fs_replace(str_text(&path), str_text(found), found->length, 0644, &err), 0);
    assert_int_equal(fs_read(str_text(&path), 1 << 20, &expected, &err), 0);
    assert_string_equal(str_text(found), str_text(&expected));
    str_free(&path);
    str_free(&expected);
}

static void the_readable_formats_are_as_agreed(void **state)
{
    (void)state;
    static const char *const formats[] = {"text", "json"};
    const struct export_options options = {.file = "a run.toll"};

    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
            struct str text = {0}, name = {0};
            render_sample(i, formats[f], &options, &text);
            str_printf(&name, "%s.%s", samples[i].name, formats[f]);
            compare_golden(str_text(&name), &text);
            str_free(&text);
            str_free(&name);
        }
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;

    while (*text) {
        struct str line = {0};
        size_t length = strcspn(text, "\n");
        str_append_bytes(&line, text, length);
        size_t columns = escape_columns(str_text(&line));
        longest = columns > longest ? columns : longest;
        str_free(&line);
        text += length + (text[length] == '\n');
    }
    return longest;
}

static void a_text_keeps_to_its_width(void **state)
{
    (void)state;
    static const unsigned widths[] = {40, 60, 80, 120, 200};

    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            struct str text = {0};
            render_sample(i, "text", &(struct export_options){.width = widths[w]}, &text);
            assert_in_range(longest_line(str_text(&text)), 1, widths[w]);
            str_free(&text);
        }
}

static void colour_adds_nothing_but_colour(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str plain = {0}, coloured = {0}, stripped = {0};
        render_sample(i, "text", &(struct export_options){0}, &plain);
        render_sample(i, "text", &(struct export_options){.colour = true}, &coloured);
        assert_null(strchr(str_text(&plain), '\033'));
        for (const char *at = str_text(&coloured); *at; at++)
            if (*at == '\033')
                at = strchr(at, 'm');
            else
                str_append_bytes(&stripped, at, 1);
        assert_string_equal(str_text(&stripped), str_text(&plain));
        str_free(&plain);
        str_free(&coloured);
        str_free(&stripped);
    }
}

static void an_ascii_text_is_ascii_for_ascii_names(void **state)
{
    (void)state;
    struct str text = {0};

    render_sample(0, "text", &(struct export_options){.ascii = true}, &text);
    for (const char *at = str_text(&text); *at; at++)
        assert_in_range((unsigned char)*at, 1, 0x7e);
    str_free(&text);
}

static void every_format_is_utf8_whatever_the_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t f = 0; f < exporter_count; f++) {
            struct str text = {0};
            render_sample(i, exporters[f].name, &(struct export_options){0}, &text);
            assert_int_equal(strlen(str_text(&text)), text.length);
            for (const char *at = str_text(&text); *at; at += escape_utf8_length(at))
                assert_int_not_equal(escape_utf8_length(at), 0);
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
        cmocka_unit_test(an_unknown_format_lists_those_there_are),
    };
    return cmocka_run_group_tests_name("exporter", tests, NULL, NULL);
}
