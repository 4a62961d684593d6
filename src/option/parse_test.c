/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "option/parse.h"

struct sample_options {
    const char *out;
    bool quiet;
    bool verbose;
    uint64_t rate_hz;
    double share;
    struct option_list changes;
    const char *format;
    uint64_t versus;
};

static const struct option_row sample_rows[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "where",
     .offset = offsetof(struct sample_options, out)},
    {.name = "quiet", .letter = 'q', .help = "less", .offset = offsetof(struct sample_options, quiet)},
    {.name = "verbose", .letter = 'v', .help = "more", .offset = offsetof(struct sample_options, verbose)},
    {.name = "rate",
     .type = OPTION_COUNT,
     .argument = "HZ",
     .help = "rate",
     .offset = offsetof(struct sample_options, rate_hz)},
    {.name = "share",
     .type = OPTION_NUMBER,
     .argument = "RATIO",
     .help = "share",
     .offset = offsetof(struct sample_options, share)},
    {.name = "change",
     .letter = 'c',
     .type = OPTION_LIST,
     .argument = "CHANGE",
     .help = "change",
     .offset = offsetof(struct sample_options, changes)},
    {.name = "format",
     .type = OPTION_TEXT,
     .argument = "FORMAT",
     .choices = "text json",
     .help = "format",
     .offset = offsetof(struct sample_options, format)},
    {.name = "vs",
     .type = OPTION_DIVIDER,
     .help = "between",
     .offset = offsetof(struct sample_options, versus)},
};

static const struct verb plain = {
    .name = "sample",
    .usage = "A [B]",
    .options = sample_rows,
    .option_count = sizeof sample_rows / sizeof sample_rows[0],
    .options_size = sizeof(struct sample_options),
    .operand_min = 1,
    .operand_max = 2,
};

static const struct verb runner = {
    .name = "runner",
    .usage = "NAME -- CMD…",
    .options = sample_rows,
    .option_count = sizeof sample_rows / sizeof sample_rows[0],
    .options_size = sizeof(struct sample_options),
    .operand_min = 1,
    .operand_max = 1,
    .takes_command = true,
};

static struct sample_options options;
static struct parsed parsed;
static struct err error;

#define ARGUMENTS(...)                                                                                       \
    (char *const[])                                                                                          \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static int parse(const struct verb *verb, char *const *arguments)
{
    options = (struct sample_options){.rate_hz = 99};
    parsed = (struct parsed){0};
    error = (struct err){0};
    return parse_arguments(verb, arguments, &options, &parsed, &error);
}

static void every_form_of_an_option_is_read(void **state)
{
    (void)state;
    char a[] = "-qv", b[] = "file", c[] = "--output=x", d[] = "--rate", e[] = "500", f[] = "-c1", g[] = "-c",
         h[] = "2", i[] = "--share=0.5", j[] = "--", k[] = "-odd";
    assert_int_equal(parse(&plain, ARGUMENTS(a, b, c, d, e, f, g, h, i, j, k)), 0);
    assert_true(options.quiet && options.verbose);
    assert_string_equal(options.out, "x");
    assert_int_equal(options.rate_hz, 500);
    assert_true(options.share > 0.49 && options.share < 0.51);
    assert_int_equal(options.changes.count, 2);
    assert_string_equal(options.changes.items[1], "2");
    assert_int_equal(parsed.operand_count, 2);
    assert_string_equal(parsed.operands[1], "-odd");
}

static void what_is_not_given_keeps_its_default(void **state)
{
    (void)state;
    char a[] = "file";
    assert_int_equal(parse(&plain, ARGUMENTS(a)), 0);
    assert_int_equal(options.rate_hz, 99);
    assert_null(options.out);
}

static void a_command_keeps_its_own_options(void **state)
{
    (void)state;
    char a[] = "-q", b[] = "name", c[] = "--", d[] = "make", e[] = "-j2", f[] = "--", g[] = "--help";
    assert_int_equal(parse(&runner, ARGUMENTS(a, b, c, d, e, f, g)), 0);
    assert_int_equal(parsed.command_count, 4);
    assert_string_equal(parsed.command[0], "make");
    assert_string_equal(parsed.command[3], "--help");
    assert_false(parsed.wants_help);
    assert_int_equal(parse(&runner, ARGUMENTS(b, d, e, a)), 0);
    assert_int_equal(parsed.command_count, 3);
    assert_string_equal(parsed.operands[0], "name");
    assert_false(options.quiet);
}

static void expect_usage_error(const struct verb *verb, char *const *arguments, const char *what)
{
    assert_int_equal(parse(verb, arguments), -ERR_USAGE);
    assert_non_null(strstr(error.what, what));
    assert_int_not_equal(error.hint[0] == '\0' && !strstr(what, "no value"), 1);
}

static void a_wrong_line_is_told_with_a_hint(void **state)
{
    (void)state;
    char a[] = "--ouptut", b[] = "--rate", c[] = "fast", d[] = "one", e[] = "two", f[] = "three",
         g[] = "--quiet=1", h[] = "-x", i[] = "--format=yaml";
    char *none = NULL;
    expect_usage_error(&plain, ARGUMENTS(a, d), "'--ouptut'");
    assert_non_null(strstr(error.hint, "did you mean '--output'?"));
    expect_usage_error(&plain, ARGUMENTS(b, c), "'fast' is not a whole number");
    expect_usage_error(&plain, ARGUMENTS(d, b), "its HZ is missing");
    expect_usage_error(&plain, ARGUMENTS(d, e, f), "'three' is one argument too many");
    expect_usage_error(&plain, ARGUMENTS(g), "it takes no value");
    expect_usage_error(&plain, ARGUMENTS(h), "'-x'");
    expect_usage_error(&plain, ARGUMENTS(i), "'yaml' is not one of its values");
    expect_usage_error(&plain, &none, "an argument is missing");
    expect_usage_error(&runner, ARGUMENTS(d), "the command is missing");
}

static void a_list_has_a_limit(void **state)
{
    (void)state;
    char option[] = "-cX", *arguments[OPTION_LIST_MAX + 2] = {0};
    for (size_t i = 0; i <= OPTION_LIST_MAX; i++)
        arguments[i] = option;
    assert_int_equal(parse(&plain, arguments), -ERR_USAGE);
    assert_non_null(strstr(error.what, "more than 64 times"));
}

static void a_divider_keeps_how_many_stand_before_it(void **state)
{
    (void)state;
    assert_int_equal(parse(&plain, ARGUMENTS("a", "--vs", "b")), 0);
    assert_int_equal(options.versus, 1);
    assert_int_equal(parsed.operand_count, 2);
    assert_int_equal(parse(&plain, ARGUMENTS("a", "b")), 0);
    assert_int_equal(options.versus, 0);
    assert_int_equal(parse(&plain, ARGUMENTS("--vs", "a")), -ERR_USAGE);
    assert_int_equal(parse(&plain, ARGUMENTS("a", "--vs", "b", "--vs")), -ERR_USAGE);
    assert_int_equal(parse(&plain, ARGUMENTS("a", "--vs=b")), -ERR_USAGE);
}

static void help_is_asked_for_anywhere_before_the_command(void **state)
{
    (void)state;
    char a[] = "-q", b[] = "--help", c[] = "--nonsense";
    assert_int_equal(parse(&plain, ARGUMENTS(a, b, c)), 0);
    assert_true(parsed.wants_help);
}

int parse_test(void);
int parse_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_an_option_is_read),
        cmocka_unit_test(what_is_not_given_keeps_its_default),
        cmocka_unit_test(a_command_keeps_its_own_options),
        cmocka_unit_test(a_wrong_line_is_told_with_a_hint),
        cmocka_unit_test(a_list_has_a_limit),
        cmocka_unit_test(a_divider_keeps_how_many_stand_before_it),
        cmocka_unit_test(help_is_asked_for_anywhere_before_the_command),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
