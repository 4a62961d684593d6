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
#include "report/phrases.h"
#include "report/sample_verdict.h"

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
    static const char *const formats[] = {"text", "json", "markdown"};
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

/* Changes are there to be copied, so they may be longer than a line. */
static bool is_change(const char *line)
{
    return strncmp(line, "    speed:", 10) == 0 || strncmp(line, "    workers:", 12) == 0;
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;

    while (*text) {
        struct str line = {0};
        size_t length = strcspn(text, "\n");
        str_append_bytes(&line, text, length);
        size_t columns = escape_columns(str_text(&line));
        longest = columns > longest && !is_change(str_text(&line)) ? columns : longest;
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

/* Reads `name="value"` pairs up to '>', which it returns; fails on any other form, on handlers and on addresses. */
static const char *check_attributes(const char *at)
{
    while (*at != '>') {
        size_t blank = strspn(at, " /\n?");
        at += blank;
        if (*at == '>')
            break;
        assert_true(blank > 0);
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-");
        assert_true(length > 0);
        assert_false(strncmp(at, "on", 2) == 0 || strncmp(at, "src", 3) == 0);
        bool is_address = length == 4 && strncmp(at, "href", 4) == 0;
        at += length;
        if (*at != '=')
            continue;
        assert_int_equal(at[1], '"');
        assert_true(!is_address || at[2] == '#');
        at = strchr(at + 2, '"');
        assert_non_null(at);
        at++;
    }
    return at;
}

/* Every '<' begins a tag of ours, and what is between them is text. */
static void check_markup(const char *text, const char *const *tags)
{
    for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
        const char *name = at + 1 + strspn(at + 1, "/!?");
        size_t length = strcspn(name, " />\n?"), i = 0;
        while (tags[i] && !(strlen(tags[i]) == length && strncmp(tags[i], name, length) == 0))
            i++;
        if (!tags[i])
            fail_msg("a tag that is not ours: %.40s", at);
        at = check_attributes(name + length);
        /* Our own style and script. */
        if (strcmp(tags[i], "style") == 0 || strcmp(tags[i], "script") == 0)
            at = name[-1] == '/' ? at : strstr(at, tags[i][1] == 't' ? "</style>" : "</script>");
        assert_non_null(at);
    }
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

static void no_name_becomes_markup(void **state)
{
    (void)state;
    static const char *const html[] = {
        "doctype", "html",    "head",   "meta",   "title",      "style", "body", "header", "main", "footer",
        "section", "article", "script", "a",      "b",          "i",     "p",    "h1",     "h2",   "h3",
        "div",     "span",    "small",  "code",   "button",     "dl",    "dt",   "dd",     "ul",   "li",
        "details", "summary", "table",  "thead",  "tbody",      "tr",    "th",   "td",     "svg",  "rect",
        "path",    "g",       "text",   "figure", "figcaption", NULL};
    static const char *const svg[] = {"xml", "svg", "style", "rect", "text", "g", "title", "script", NULL};

    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str text = {0};
        render_sample(i, "html", &(struct export_options){.file = "<b>.toll"}, &text);
        check_markup(str_text(&text), html);
        bool has_flame = strstr(str_text(&text), "id=\"flame\"") != NULL;
        bool has_timeline = strstr(str_text(&text), "id=\"timeline\"") != NULL;
        assert_int_equal(occurrences(str_text(&text), "<script>"), 1 + has_flame + has_timeline);
        /* http-equiv, and the names of XHTML and SVG in our script */
        assert_int_equal(occurrences(str_text(&text), "http"), 1 + 2 * has_flame);
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
