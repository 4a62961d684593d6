/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/collapse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

int collapse_test(void);

static struct collapse_facts facts;
static char event[32]; /* facts.event, which does not outlive its collapse */

/* What a text becomes, to be freed. */
static char *collapsed(const char *text, struct collapse_options options)
{
    struct collapse *collapse = NULL;
    struct err err;
    char *bytes = NULL;
    size_t length = 0, used = 0;
    FILE *out = open_memstream(&bytes, &length);
    assert_int_equal(collapse_create(&options, &collapse, &err), 0);
    assert_int_equal(collapse_text(collapse, text, strlen(text), true, &used, &err), 0);
    assert_int_equal(used, strlen(text));
    assert_int_equal(collapse_write(&collapse, 1, out, &err), 0);
    facts = collapse_facts(collapse);
    snprintf(event, sizeof event, "%s", facts.event ? facts.event : "");
    fclose(out);
    collapse_destroy(collapse);
    return bytes;
}

static void becomes(const char *text, struct collapse_options options, const char *expected)
{
    char *found = collapsed(text, options);
    assert_string_equal(found, expected);
    free(found);
}

#define PLAIN ((struct collapse_options){0})

static void stacks_are_turned_round_and_counted(void **state)
{
    (void)state;
    becomes("# cmdline : /usr/bin/perf record\n"
            "work 12 [001]  5.1: 1 cycles:\n"
            "\t  55f0 inner+0x1c (/usr/bin/work)\n"
            "\t  55a0 main (/usr/bin/work)\n"
            "\n"
            "V8 Worker 7/12 5.2: 250000 cycles:\n"
            "\tffff8 native_halt+0x2 ([kernel.kallsyms])\n"
            "\n"
            "work 12 [001]  5.3: 3 cycles:\n"
            "            7ff inner+0x99 (/usr/bin/work)\n"
            "            7f0 main+0x1 (/usr/bin/work)\n"
            "\n"
            "work 12 [001]  5.4: 1 cycles:\n"
            "\n",
            PLAIN, "V8_Worker;native_halt 250000\nwork 1\nwork;main;inner 4\n");
    assert_int_equal(facts.sample_count, 4);
    assert_string_equal(event, "cycles");
}

static void a_sample_without_an_end_does_not_count(void **state)
{
    (void)state;
    becomes("work 1 5.1: 1 cycles:\n 5 a (m)\n\nwork 1 5.1: 1 cycles:\n 5 b (m)\n", PLAIN, "work;a 1\n");
}

static void only_the_first_kind_of_event_counts(void **state)
{
    (void)state;
    const char *text = "aa 1 5.1: 7 cycles:u:\n 5 x (m)\n\naa 1 5.1: 9 faults:\n 5 y (m)\n\naa 1 5.2: 2 "
                       "cycles:u:\n 5 x (m)\n\n";
    becomes(text, PLAIN, "aa;x 9\n");
    assert_int_equal(facts.other_event_count, 1);
    becomes(text, (struct collapse_options){.event = "faults"}, "aa;y 9\n");
    assert_string_equal(event, "");
}

static void programs_are_told_apart_by_their_numbers(void **state)
{
    (void)state;
    const char *text =
        "aa 3/4 5.1: 1 e:\n 5 x (m)\n\naa 8 5.1: 1 e:\n 5 x (m)\n\naa 0/0 5.1: 1 e:\n 5 x (m)\n\n";
    becomes(text, (struct collapse_options){.with_pid = true}, "aa-3;x 1\naa-?;x 2\n");
    becomes(text, (struct collapse_options){.with_tid = true}, "aa-3/4;x 1\naa-?/0;x 1\naa-?/8;x 1\n");
}

static void names_are_tidied(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"f(int, char*)", "f"},
        {"(anonymous namespace)::g(int)", ""}, /* a process's name, as perf wrote it once: left out */
        {"a::(anonymous namespace)::g(int)", "a::(anonymous namespace)::g"},
        {"net/http.(*Client).Do", "net/http.(*Client).Do"},
        {"RegExp:[&<>\"']", "RegExp:[&<>]"},
        {"a;b", "a:b"},
        {"outer->mid->inner+0x1f", "outer;mid_[i];inner_[i]"},
        {"x+0x1g", "x+0x1g"},
        {"Lorg/a/B;.call", "Lorg/a/B:.call"},
        {"[unknown]", "[libm.so]"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[256], expected[256];
        snprintf(text, sizeof text, "aa 1 5.1: 1 e:\n    5f %s (/usr/lib/libm.so)\n\n", names[i][0]);
        snprintf(expected, sizeof expected, "aa%s%s 1\n", *names[i][1] ? ";" : "", names[i][1]);
        becomes(text, PLAIN, expected);
    }
    becomes("java 1 5.1: 1 e:\n 5f Lorg/a/B;.call (/tmp/perf-1.map)\n\n", PLAIN, "java;org/a/B:.call 1\n");
    becomes("aa 1 5.1: 1 e:\n 5f [unknown] ([unknown])\n\n",
            (struct collapse_options){.with_addresses = true}, "aa;[unknown <5f>] 1\n");
}

static void kernel_and_jitted_functions_are_marked(void **state)
{
    (void)state;
    becomes("aa 1 5.1: 1 e:\n 1 k ([kernel.kallsyms])\n 2 v (/boot/vmlinux)\n 3 j (/tmp/perf-12.map)\n 4 u "
            "([unknown])\n"
            " 5 a->b ([nf_nat])\n 6 n (/tmp/perf-.map)\n\n",
            (struct collapse_options){.mark_kernel = true, .mark_jit = true},
            "aa;n;a_[k];b_[i];u;j_[j];v_[k];k_[k] 1\n");
}

static void odd_lines_are_taken_as_by_the_original(void **state)
{
    (void)state;
    /* the address gives its end away where nothing else is left for a name */
    becomes("aa 1 5.1: 1 e:\n 12ab (mod)\n\n", PLAIN, "aa;b 1\n");
    becomes("aa 1 5.1: 1 e:\n 12 f (a) (b) x)y\n\n", PLAIN, "aa;f  1\n");
    becomes("aa 1 5.1: 1 e:\n nothing of the kind\n 1 x (m)\n\n", PLAIN, "aa;x 1\n");
    assert_int_equal(facts.strange_count, 1);
    /* a name of one letter takes what follows, up to the next number between blanks */
    becomes("a 12 [000] 5.1: 1 cycles:\n 1 x (m)\n\n", PLAIN, "a_12_[000]_5.1:;x 1\n");
    becomes("", PLAIN, "");
}

/* Line by line, as where no stack is known as a whole. */
static char *collapsed_by_lines(const char *text, struct collapse_options options)
{
    struct collapse *collapse = NULL;
    struct err err;
    char *bytes = NULL;
    size_t length = 0, used = 0;
    FILE *out = open_memstream(&bytes, &length);
    assert_int_equal(collapse_create(&options, &collapse, &err), 0);
    for (const char *at = text; *at; at += used) {
        const char *end = strchr(at, '\n');
        assert_int_equal(
            collapse_text(collapse, at, end ? (size_t)(end - at) + 1 : strlen(at), true, &used, &err), 0);
    }
    assert_int_equal(collapse_write(&collapse, 1, out, &err), 0);
    facts = collapse_facts(collapse);
    fclose(out);
    collapse_destroy(collapse);
    return bytes;
}

static void known_stacks_are_what_their_lines_are(void **state)
{
    (void)state;
    /* Lines in any order, of which some begin or end something where it is not expected. */
    static const char *const lines[] = {"aa 1 5.1: 1 e:\n",
                                        "java 2/3 5.1: 4 e:\n",
                                        "bb 2 5.2: 7 f:\n",
                                        "aa 1 5.1:\n",
                                        " 5 La/x (m)\n",
                                        "\t6 main+0x1 (/m)\n",
                                        " 7 o->i ([unknown])\n",
                                        "\n",
                                        "\n",
                                        "\n",
                                        " 5 x (m)\n 6 y (m)\n\n",
                                        "odd\n",
                                        " odd\n",
                                        "# note\n",
                                        " 12ab (mod)\n",
                                        "8 at_start (m)\n",
                                        " 9 [unknown] (l)\n"};
    uint64_t random = 7;
    for (unsigned round = 0; round < 300; round++) {
        struct str text = {0};
        struct collapse_options options = {.with_tid = round & 1, .with_addresses = round & 2};
        for (unsigned i = 0; i < 40; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            str_append(&text, lines[(random >> 33) % (sizeof lines / sizeof lines[0])]);
        }
        char *found = collapsed(str_text(&text), options);
        struct collapse_facts of_all = facts;
        char *expected = collapsed_by_lines(str_text(&text), options);
        assert_string_equal(found, expected);
        assert_int_equal(of_all.strange_count, facts.strange_count);
        assert_int_equal(of_all.sample_count, facts.sample_count);
        free(found);
        free(expected);
        str_free(&text);
    }
}

static void each_strange_line_is_counted(void **state)
{
    (void)state;
    becomes("aa 1 5.1: 1 e:\n 5 x\n 6 y (m)\n\naa 1 5.1: 1 e:\n 5 x\n 6 y (m)\n\n", PLAIN, "aa;y 2\n");
    assert_int_equal(facts.strange_count, 2);
}

/* Words are compared with what is behind them: ';' is above digits and below letters. */
static void lines_are_sorted_by_their_bytes(void **state)
{
    (void)state;
    static const char text[] = "%s 1 5.1: 1 e:\n 5 y (m)\n 5 %s (m)\n\n";
    static const char *const names[] = {"ab", "abc", "ab1", "a", "ab_", "ab.x"};
    struct str all = {0};
    char *found, *line, *rest, before[64] = "";
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++)
            if (names[i][1])
                str_printf(&all, text, names[i], names[k]);
    str_append(&all, "ab 1 5.1: 1 e:\n\nab1 1 5.1: 1 e:\n\n");
    found = collapsed(str_text(&all), PLAIN);
    for (line = strtok_r(found, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        *strrchr(line, ' ') = '\0';
        assert_true(strcmp(before, line) < 0);
        snprintf(before, sizeof before, "%s", line);
    }
    free(found);
    str_free(&all);
}

struct source {
    const char *text;
    size_t length, at, piece;
};

static int read_source(void *context, char *bytes, size_t capacity, size_t *ret_got, struct err *err)
{
    struct source *source = context;
    size_t length = source->length - source->at;
    (void)err;
    length = length < source->piece ? length : source->piece;
    length = length < capacity ? length : capacity;
    memcpy(bytes, source->text + source->at, length);
    source->at += length;
    *ret_got = length;
    return 0;
}

static void reads_to(const struct str *text, size_t piece, size_t threads, const char *expected)
{
    struct source source = {.text = str_text(text), .length = text->length, .piece = piece};
    struct collapse_input input = {.read = read_source, .context = &source};
    struct collapse *all[COLLAPSE_THREADS_MAX];
    struct err err;
    uint64_t sample_count = 0;
    char *bytes = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&bytes, &length);
    assert_int_equal(collapse_read(&PLAIN, &input, threads, all, &err), 0);
    assert_int_equal(collapse_write(all, COLLAPSE_THREADS_MAX, out, &err), 0);
    fclose(out);
    for (size_t i = 0; i < COLLAPSE_THREADS_MAX; i++) {
        sample_count += all[i] ? collapse_facts(all[i]).sample_count : 0;
        assert_true(i < threads || !all[i]);
        collapse_destroy(all[i]);
    }
    assert_string_equal(bytes, expected);
    assert_int_equal(sample_count, facts.sample_count);
    free(bytes);
}

/* Parts of a text give what the whole gives; the event is the first part's. */
static void several_threads_give_what_one_gives(void **state)
{
    (void)state;
    struct str text = {0};
    for (unsigned i = 0; text.length < 2u << 20; i++)
        str_printf(&text, "w%u0 %u 5.1: %u %s:\n\t 5f f%u+0x%x (/m)\n\t 6f main (/m)\n\n", i % 3, i % 7,
                   i % 100, i % 10 == 3 ? "faults" : "cycles", i * i % 997, i % 16);
    char *whole = collapsed(str_text(&text), PLAIN);
    reads_to(&text, SIZE_MAX, 3, whole);
    reads_to(&text, 65536, 2, whole);
    reads_to(&text, 100001, 1, whole);
    free(whole);
    str_free(&text);
}

/* Then it is one thread's, line by line, also where it is the last and never ends. */
static void a_sample_may_be_longer_than_a_part(void **state)
{
    (void)state;
    struct str text = {0};
    str_append(&text, "aa 1 5.1: 1 e:\n 5 x (m)\n\naa 1 5.1: 1 e:\n");
    while (text.length < 600u << 10)
        str_append(&text, " 5 y (m)\n");
    str_append(&text, "\naa 1 5.1: 1 e:\n 5 x (m)\n\naa 1 5.1: 1 e:\n");
    while (text.length < 1500u << 10)
        str_append(&text, " 5 z (m)\n");
    char *whole = collapsed(str_text(&text), PLAIN);
    assert_int_equal(facts.sample_count, 3);
    reads_to(&text, SIZE_MAX, 2, whole);
    free(whole);
    str_free(&text);
}

#define PART (256u << 10) /* what a thread reads at a time */

static void check_parts(struct str *text)
{
    char *whole = collapsed(str_text(text), PLAIN);
    reads_to(text, SIZE_MAX, 3, whole);
    reads_to(text, 4093, 2, whole);
    free(whole);
    str_free(text);
}

static void texts_without_an_end_of_a_sample_are_one_part(void **state)
{
    (void)state;
    struct str crlf = {0}, dense = {0};
    while (crlf.length < 3 * PART)
        str_append(&crlf, "aa 1 5.1: 1 e:\r\n 5 x (m)\r\n\r\n");
    while (dense.length < 3 * PART)
        str_append(&dense, "aa 1 5.1: 1 e:\n 5 x (m)\n");
    str_append(&dense, "\n");
    check_parts(&crlf);
    check_parts(&dense);
}

/* One newline is the last byte of the part, the other the first of what is left. */
static void a_part_may_end_within_an_empty_line(void **state)
{
    (void)state;
    for (size_t before = 0; before < 4; before++) {
        struct str text = {0};
        while (text.length < PART - 100)
            str_append(&text, "aa 1 5.1: 1 e:\n 5 x (m)\n\n");
        str_append(&text, "bb 1 5.1: 1 e:\n 5 ");
        while (text.length < PART - 4 - before)
            str_append(&text, "y");
        str_append(&text, " (m)\n\n");
        while (text.length < 2 * PART)
            str_append(&text, "cc 1 5.1: 1 e:\n 5 x (m)\n\n");
        check_parts(&text);
    }
}

int collapse_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks_are_turned_round_and_counted),
        cmocka_unit_test(a_sample_without_an_end_does_not_count),
        cmocka_unit_test(only_the_first_kind_of_event_counts),
        cmocka_unit_test(programs_are_told_apart_by_their_numbers),
        cmocka_unit_test(names_are_tidied),
        cmocka_unit_test(kernel_and_jitted_functions_are_marked),
        cmocka_unit_test(odd_lines_are_taken_as_by_the_original),
        cmocka_unit_test(known_stacks_are_what_their_lines_are),
        cmocka_unit_test(each_strange_line_is_counted),
        cmocka_unit_test(lines_are_sorted_by_their_bytes),
        cmocka_unit_test(several_threads_give_what_one_gives),
        cmocka_unit_test(a_sample_may_be_longer_than_a_part),
        cmocka_unit_test(texts_without_an_end_of_a_sample_are_one_part),
        cmocka_unit_test(a_part_may_end_within_an_empty_line),
    };
    return cmocka_run_group_tests_name("collapse", tests, NULL, NULL);
}
