/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "collector/gc_points.h"

static void arguments_are_read_where_the_probe_says(void **state)
{
    struct uprobe_hit hit = {.registers = {0xffffff80}, .stack_bytes = 128};
    int64_t value = 0;
    (void)state;

#if defined(__x86_64__)
    struct gc_argument argument = gc_argument_of("-4@112(%rsp)");
    int32_t generation = 2;
    memcpy((char *)hit.stack + 112, &generation, sizeof generation);
    assert_true(argument.is_known && argument.is_memory);
    assert_true(gc_argument_value(&argument, &hit, &value));
    assert_int_equal(value, 2);
    hit.stack_bytes = 112;
    assert_false(gc_argument_value(&argument, &hit, &value));
    argument = gc_argument_of("-1@%dil -4@%eax");
    assert_true(argument.is_known && !argument.is_memory);
    assert_true(gc_argument_value(&argument, &hit, &value));
    assert_int_equal(value, -128);
    argument = gc_argument_of("1@%dil");
    assert_true(gc_argument_value(&argument, &hit, &value));
    assert_int_equal(value, 128);
#endif
    static const char *const unknown[] = {"",           "4",      "4@",   "4@%xyz", "4@8(%rip)",
                                          "4@-8(%rsp)", "9@%rax", "4@$5", "0@%rax"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct gc_argument none = gc_argument_of(unknown[i]);
        assert_false(none.is_known);
        assert_false(gc_argument_value(&none, &hit, &value));
    }
}

static void a_program_without_a_collector_has_no_points(void **state)
{
    struct gc_points points;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    (void)state;

    assert_true(fd >= 0);
    gc_points_of(fd, &points);
    assert_int_equal(points.count, 0);
}

/* Debian's Python has the probes; another machine's may not. */
static void the_probes_of_python_are_found(void **state)
{
    struct gc_points points;
    int fd = open("/usr/bin/python3.11", O_RDONLY | O_CLOEXEC);
    (void)state;

    if (fd >= 0)
        gc_points_of(fd, &points);
    if (fd < 0 || !points.count) {
        printf("# there is no /usr/bin/python3.11 with USDT probes\n");
        skip();
        return;
    }
    assert_int_equal(points.count, 2);
    for (size_t i = 0; i < points.count; i++) {
        assert_int_equal(points.items[i].runtime, GC_PYTHON);
        assert_true(points.items[i].counter_offset != 0);
#if defined(__x86_64__)
        assert_int_equal(points.items[i].argument.is_known, points.items[i].role == GC_BEGINS);
#endif
    }
}

int gc_points_test(void);
int gc_points_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_read_where_the_probe_says),
        cmocka_unit_test(a_program_without_a_collector_has_no_points),
        cmocka_unit_test(the_probes_of_python_are_found),
    };
    return cmocka_run_group_tests_name("gc_points", tests, NULL, NULL);
}
