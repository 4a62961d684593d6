/* SPDX-License-Identifier: Apache-2.0 */
/* Each sample in each format against tests/data/master/<sample>.<extension>; UPDATE=1 rewrites those files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "master/digest.h"
#include "master/master_words.h"
#include "master/sample_investigation.h"
#include "report/text_checks.h"

typedef int write_function(const struct investigation *, const struct master_options *, struct str *,
                           struct err *);

static const struct {
    const char *name;
    void (*make)(struct sample *);
} samples[] = {
    {"pipeline", sample_pipeline}, {"there", sample_there},   {"unaimed", sample_unaimed},
    {"serving", sample_serving},   {"silent", sample_silent}, {"nothing", sample_nothing},
    {"wild", sample_wild},
};

static const struct {
    const char *extension;
    write_function *write;
    bool is_golden;
} formats[] = {{"txt", master_text, true},
               {"md", master_markdown, true},
               {"json", master_json, true},
               {"html", master_html, false}};

#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])
#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

static void render(void (*make)(struct sample *), write_function *write, const struct export_options *look,
                   struct str *ret_text)
{
    struct sample sample;
    struct err err = {0};

    make(&sample);
    if (look)
        sample.options.look = *look;
    assert_int_equal(write(&sample.investigation, &sample.options, ret_text, &err), 0);
    sample_free(&sample);
}

static void the_readable_formats_are_as_agreed(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t f = 0; f < FORMAT_COUNT; f++) {
            struct str text = {0}, name = {0};
            if (!formats[f].is_golden || samples[i].make == sample_wild)
                continue;
            render(samples[i].make, formats[f].write, NULL, &text);
            str_printf(&name, "%s.%s", samples[i].name, formats[f].extension);
            check_golden(str_text(&name), &text);
            str_free(&text);
            str_free(&name);
        }
}

static void the_same_investigation_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t f = 0; f < FORMAT_COUNT; f++) {
            struct str first = {0}, second = {0};
            render(samples[i].make, formats[f].write, NULL, &first);
            render(samples[i].make, formats[f].write, NULL, &second);
            assert_true(first.length > 0);
            assert_string_equal(str_text(&first), str_text(&second));
            str_free(&first);
            str_free(&second);
        }
}

static void every_format_is_utf8_whatever_the_names(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORMAT_COUNT; f++) {
        struct str text = {0};
        render(sample_wild, formats[f].write, NULL, &text);
        check_utf8(&text);
        for (const char *at = str_text(&text); *at; at++)
            assert_true((unsigned char)*at >= 0x20 || *at == '\n');
        str_free(&text);
    }
}

static void no_name_becomes_markup(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str text = {0};
        render(samples[i].make, master_html, NULL, &text);
        check_page(str_text(&text));
        size_t flames = text_occurrences(str_text(&text), "id=\"flame\"");
        size_t timelines = text_occurrences(str_text(&text), "id=\"timeline\"");
        assert_int_equal(text_occurrences(str_text(&text), "<script>"), 1 + flames + timelines);
        /* http-equiv, and the names of XHTML and SVG in our script */
        assert_int_equal(text_occurrences(str_text(&text), "http"), 1 + 2 * flames);
        assert_int_equal(text_occurrences(str_text(&text), "href="), 1); /* #top */
        str_free(&text);
    }
}

static void a_text_keeps_to_its_width(void **state)
{
    (void)state;
    static const unsigned widths[] = {40, 60, 80, 120, 200};
    static const char *const to_be_copied[] = {"    toll ", "    set:", "    workers:", NULL};

    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            struct str text = {0};
            if (samples[i].make == sample_wild)
                continue;
            render(samples[i].make, master_text, &(struct export_options){.width = widths[w]}, &text);
            assert_in_range(text_longest_line(str_text(&text), to_be_copied), 1, widths[w]);
            str_free(&text);
        }
}

static void colour_adds_nothing_but_colour(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str plain = {0}, coloured = {0};
        render(samples[i].make, master_text, NULL, &plain);
        render(samples[i].make, master_text, &(struct export_options){.colour = true}, &coloured);
        check_colours(&plain, &coloured);
        str_free(&plain);
        str_free(&coloured);
    }
}

static void ascii_is_ascii(void **state)
{
    (void)state;
    struct str text = {0};

    render(sample_pipeline, master_text, &(struct export_options){.ascii = true}, &text);
    check_ascii(str_text(&text));
    str_free(&text);
}

/* Who reads the first 24 lines knows what is wrong, what to do, what it brings, and how to confirm it. */
static void the_first_screen_of_a_text_is_one_screen(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "51 % short",          "one after another",     "Do 10 downloads at once", "437,000 rows/s",
        "meets the objective", "toll verify toll.yaml", "set:knob/workers=10"};
    struct str text = {0};
    size_t lines = 0, end = 0;

    render(sample_pipeline, master_text, NULL, &text);
    while (lines < 24 && text.text[end])
        lines += text.text[end++] == '\n';
    text.text[end] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(str_text(&text), parts[i]))
            fail_msg("the first screen has no '%s':\n%s", parts[i], str_text(&text));
    str_free(&text);
}

static void what_failed_is_said_in_every_format(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORMAT_COUNT; f++) {
        struct str text = {0};
        render(sample_silent, formats[f].write, NULL, &text);
        assert_non_null(strstr(str_text(&text), "id not finish"));
        assert_non_null(strstr(str_text(&text), "killed after 60 s"));
        /* What was said before the end counts for nothing. */
        assert_null(strstr(str_text(&text), "rows go in by bulk"));
        str_free(&text);
    }
}

static void an_objective_that_is_met_is_told_first(void **state)
{
    (void)state;
    struct str text = {0};

    render(sample_there, master_text, NULL, &text);
    assert_int_equal(strncmp(str_text(&text), "toll: You are there: ", 21), 0);
    assert_null(strstr(str_text(&text), "short"));
    str_free(&text);
}

static void a_rejected_claim_is_nothing_to_do(void **state)
{
    (void)state;
    struct sample sample;
    struct digest digest;
    struct err err = {0};

    sample_pipeline(&sample);
    assert_int_equal(digest_make(&sample.investigation, &sample.options, &digest, &err), 0);
    assert_int_equal(digest.to_do.count, 3);
    assert_int_equal(digest.rejected.count, 1);
    assert_string_equal(digest.rejected.items[0]->claim.id, "wal");
    assert_int_equal(digest.monday_count, 1);
    assert_int_equal(digest_reach(&digest, digest.to_do.items[0]), REACH_YES);
    assert_int_equal(digest_reach(&digest, digest.to_do.items[1]), REACH_NO);
    digest_free(&digest);
    sample_free(&sample);
}

/* Six times as fast or not: that comes before a change that brings little for certain. */
static void a_large_dispute_is_settled_first(void **state)
{
    (void)state;
    struct sample sample;
    struct conclusion conclusions[2];
    struct str text = {0};
    struct err err = {0};

    sample_pipeline(&sample);
    conclusions[0] = sample.investigation.conclusions[1];
    conclusions[1] = sample.investigation.conclusions[0];
    conclusions[1].agreement = AGREEMENT_CONTRADICTED;
    conclusions[1].next_command = "toll experiment set:knob/workers=10 toll.yaml";
    sample.investigation.conclusions = conclusions;
    sample.investigation.conclusion_count = 2;
    assert_int_equal(master_text(&sample.investigation, &sample.options, &text, &err), 0);
    assert_non_null(strstr(str_text(&text), "On Monday\nP0  Settle: Do 10 downloads at once"));
    assert_non_null(strstr(str_text(&text), "    toll experiment set:knob/workers=10 toll.yaml\nThen\nP2  "));
    assert_non_null(strstr(str_text(&text), "with the P0?"));
    str_free(&text);
    sample_free(&sample);
}

static void a_place_cleared_by_several_is_one_row(void **state)
{
    (void)state;
    struct sample sample;
    struct digest digest;
    struct str by = {0};
    struct err err = {0};

    sample_pipeline(&sample);
    assert_int_equal(digest_make(&sample.investigation, &sample.options, &digest, &err), 0);
    for (size_t i = 0; i < digest.cleared.count && !by.length; i++)
        if (digest.cleared.items[i].reasons.count == 3)
            word_by(&by, &digest.cleared.items[i], false);
    assert_string_equal(str_text(&by), "configuration, client-library and batch-size");
    str_free(&by);
    digest_free(&digest);
    sample_free(&sample);
}

static void the_picture_says_where_the_objective_lies(void **state)
{
    (void)state;
    struct sample sample;
    struct digest digest;
    struct err err = {0};
    double sum = 0;

    sample_pipeline(&sample);
    assert_int_equal(digest_make(&sample.investigation, &sample.options, &digest, &err), 0);
    for (size_t i = 0; i < digest.picture.pieces.count; i++)
        sum += digest.picture.pieces.items[i].ratio;
    assert_true(sum > 0.999 && sum < 1.001);
    assert_true(digest.picture.goal > 0.489 && digest.picture.goal < 0.491);
    assert_true(digest.picture.after > 0.112 && digest.picture.after < 0.113);
    digest_free(&digest);
    sample_free(&sample);
}

static void amounts_read_as_a_person_writes_them(void **state)
{
    (void)state;
    static const struct {
        double amount;
        const char *unit, *text;
    } rows[] = {{48963, "rows/s", "49,000 rows/s"},
                {0.0312, "s", "31.2 ms"},
                {1.842, "USD", "1.84 USD"},
                {3e9, "bytes", "3 GB"},
                {200, "ms", "200 ms"},
                {12, NULL, "12"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct str text = {0};
        word_amount(&text, rows[i].amount, rows[i].unit);
        assert_string_equal(str_text(&text), rows[i].text);
        str_free(&text);
    }
}

/* A reader of toll.report/1 finds what it knows, and each finding's agreement. */
static void the_json_is_a_report_with_more(void **state)
{
    (void)state;
    static const char *const keys[] = {"schema",        "run",     "stages",   "path",           "via",
                                       "findings",      "cleared", "left_out", "replay",         "objective",
                                       "investigators", "claims",  "votes",    "contradictions", "roadmap",
                                       "calibration"};

    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct str text = {0};
        struct err err = {0};
        struct json_value *root = NULL;
        render(samples[i].make, master_json, NULL, &text);
        assert_int_equal(json_read_text(str_text(&text), text.length, samples[i].name, &root, &err), 0);
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            if (!json_member(root, keys[k]))
                fail_msg("%s has no '%s'", samples[i].name, keys[k]);
        json_free(root);
        str_free(&text);
    }
}

int master_test(void);
int master_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_readable_formats_are_as_agreed),
        cmocka_unit_test(the_same_investigation_gives_the_same_bytes),
        cmocka_unit_test(every_format_is_utf8_whatever_the_names),
        cmocka_unit_test(no_name_becomes_markup),
        cmocka_unit_test(a_text_keeps_to_its_width),
        cmocka_unit_test(colour_adds_nothing_but_colour),
        cmocka_unit_test(ascii_is_ascii),
        cmocka_unit_test(the_first_screen_of_a_text_is_one_screen),
        cmocka_unit_test(what_failed_is_said_in_every_format),
        cmocka_unit_test(an_objective_that_is_met_is_told_first),
        cmocka_unit_test(a_rejected_claim_is_nothing_to_do),
        cmocka_unit_test(a_large_dispute_is_settled_first),
        cmocka_unit_test(a_place_cleared_by_several_is_one_row),
        cmocka_unit_test(the_picture_says_where_the_objective_lies),
        cmocka_unit_test(amounts_read_as_a_person_writes_them),
        cmocka_unit_test(the_json_is_a_report_with_more),
    };
    return cmocka_run_group_tests_name("master", tests, NULL, NULL);
}
