/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <asm/perf_regs.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "kernel/uprobe.h"

#define CALL_COUNT 200

/* Not inlined, and the argument is in the first register of the calling convention. */
__attribute__((noinline, used)) static int passed_by(int argument)
{
    __asm__ volatile("" : : "r"(argument) : "memory");
    return argument + 1;
}

#if defined(__x86_64__)
#define FIRST_REGISTER PERF_REG_X86_DI
#elif defined(__aarch64__)
#define FIRST_REGISTER PERF_REG_ARM64_X0
#endif

/* Where in this program's file that function is; 0: not found. */
static uint64_t function_offset(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    uint64_t address = (uint64_t)(uintptr_t)passed_by, offset = 0;
    char line[512];

    while (maps && fgets(line, sizeof line, maps)) {
        uint64_t low, high, at;
        /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it */
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &low, &high, &at) == 3 && address >= low &&
            address < high)
            offset = address - low + at;
    }
    if (maps)
        fclose(maps);
    return offset;
}

struct seen {
    uint64_t count, wrong_count, last_ns, back_count;
};

static int see(void *context, const struct uprobe_hit *hit, struct err *err)
{
    struct seen *seen = context;
    (void)err;
    if (hit->pid != (uint32_t)getpid()) /* others may run this program too */
        return 0;
    seen->wrong_count += (uint32_t)hit->registers[0] != seen->count || hit->stack_bytes != 64;
    seen->back_count += hit->time_ns < seen->last_ns;
    seen->last_ns = hit->time_ns;
    seen->count++;
    return 0;
}

static void each_passing_of_a_place_is_told_with_its_argument(void **state)
{
    struct err err = {0};
    struct uprobes *probes = NULL;
    struct seen seen = {0};
    size_t index = 7;
    char path[512];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    (void)state;

    assert_true(length > 0);
    path[length] = '\0';
#if defined(FIRST_REGISTER)
    struct uprobe_point point = {
        .path = path, .offset = function_offset(), .registers = 1ull << FIRST_REGISTER, .stack_bytes = 60};
    if (!point.offset || uprobes_open(&probes, &err) || uprobes_add(probes, &point, &index, &err)) {
        printf("# %s\n", err.what);
        uprobes_close(probes);
        skip();
        return;
    }
    assert_int_equal(index, 0);
    for (int i = 0; i < CALL_COUNT; i++)
        assert_int_equal(passed_by(i), i + 1);
    assert_int_equal(uprobes_drain(probes, true, see, &seen, &err), 0);
    assert_int_equal(seen.count, CALL_COUNT);
    assert_int_equal(seen.wrong_count, 0);
    assert_int_equal(seen.back_count, 0);
    assert_int_equal(uprobes_lost_count(probes), 0);
    uprobes_close(probes);
    assert_int_equal(passed_by(1), 2);
#else
    (void)probes;
    (void)index;
    (void)err;
    printf("# registers of this machine are not known\n");
    skip();
#endif
}

/* Who may watch can, who may not is told how. */
static void what_is_allowed_can_be_done(void **state)
{
    struct err err = {0};
    (void)state;

    if (uprobes_try(&err)) {
        assert_true(err.what[0] != '\0' && err.hint[0] != '\0');
        printf("# %s\n", err.what);
        skip();
        return;
    }
    struct uprobe_point point = {.path = "/proc/self/exe", .offset = function_offset()};
    struct uprobes *probes = NULL;
    size_t index;
    assert_int_equal(uprobes_open(&probes, &err), 0);
    int status = uprobes_add(probes, &point, &index, &err);
    uprobes_close(probes);
    if (status)
        fail_msg("%s", err.what);
    assert_true(index == 0 && passed_by(1) == 2);
}

/* So that one ring has all passings. */
static int on_one_cpu(void **state)
{
    static cpu_set_t before;
    cpu_set_t one;

    *state = &before;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    return sched_getaffinity(0, sizeof before, &before) || sched_setaffinity(0, sizeof one, &one);
}

static int on_all_cpus(void **state)
{
    return sched_setaffinity(0, sizeof(cpu_set_t), *state);
}

/* NULL: not here, and why is told. */
static struct uprobes *watched(const struct uprobe_point *point)
{
    struct err err = {0};
    struct uprobes *probes = NULL;
    size_t index;

    if (uprobes_open(&probes, &err) == 0 && uprobes_add(probes, point, &index, &err) == 0)
        return probes;
    printf("# %s\n", err.what);
    uprobes_close(probes);
    return NULL;
}

struct order {
    uint64_t hit_count, before_loss_count, lost_count;
};

static int note(void *context, const struct uprobe_hit *hit, struct err *err)
{
    struct order *order = context;
    (void)err;
    if (hit->point == UPROBE_LOST && !order->lost_count++)
        order->before_loss_count = order->hit_count;
    order->hit_count += hit->point != UPROBE_LOST && hit->pid == (uint32_t)getpid();
    return 0;
}

static void passes(int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(passed_by(i), i + 1);
}

/* A full ring: how many are missing, and between which. */
static void what_is_lost_is_told_in_its_place(void **state)
{
    (void)state;
    struct err err = {0};
    struct order order = {0};
    struct uprobe_point point = {
        .path = "/proc/self/exe", .offset = function_offset(), .stack_bytes = UPROBE_STACK_MAX};
    struct uprobes *probes = watched(&point);
    if (!probes) {
        skip();
        return;
    }
    passes(1000); /* of over a kilobyte each, into 256 KiB */
    assert_int_equal(uprobes_drain(probes, true, note, &order, &err), 0);
    uint64_t first_count = order.hit_count;
    assert_in_range(first_count, 100, 300);
    passes(10);
    assert_int_equal(uprobes_drain(probes, true, note, &order, &err), 0);
    assert_int_equal(order.lost_count, 1);
    assert_int_equal(order.before_loss_count, first_count);
    assert_int_equal(order.hit_count + uprobes_lost_count(probes), 1010);
    uprobes_close(probes);
}

static void what_is_taken_back_is_not_told(void **state)
{
    (void)state;
    struct err err = {0};
    struct order order = {0};
    size_t index = 0;
    struct uprobe_point point = {.path = "/proc/self/exe", .offset = function_offset()},
                        absent = {.path = "/nonexistent/program", .offset = 16};
    struct uprobes *probes = watched(&point);
    if (!probes) {
        skip();
        return;
    }
    assert_int_equal(uprobes_add(probes, &point, &index, &err), 0);
    assert_int_equal(index, 1);
    assert_int_equal(uprobes_add(probes, &absent, &index, &err), -ERR_ENVIRONMENT);
    uprobes_cut(probes, 1);
    passes(5);
    assert_int_equal(uprobes_drain(probes, true, note, &order, &err), 0);
    assert_int_equal(order.hit_count, 5); /* and not each twice */
    uprobes_stop(probes);
    assert_int_equal(uprobes_add(probes, &point, &index, &err), -ERR_ENVIRONMENT);
    uprobes_cut(probes, 0);
    passes(5);
    assert_int_equal(uprobes_drain(probes, true, note, &order, &err), 0);
    assert_int_equal(order.hit_count, 5);
    uprobes_close(probes);
}

static void a_place_that_there_is_not_is_an_error(void **state)
{
    struct err err = {0};
    struct uprobes *probes = NULL;
    struct uprobe_point point = {.path = "/nonexistent/program", .offset = 16};
    size_t index;
    (void)state;

    if (uprobes_open(&probes, &err)) {
        printf("# %s\n", err.what);
        skip();
        return;
    }
    assert_int_equal(uprobes_add(probes, &point, &index, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "/nonexistent/program"));
    uprobes_close(probes);
}

int uprobe_test(void);
int uprobe_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_passing_of_a_place_is_told_with_its_argument),
        cmocka_unit_test(what_is_allowed_can_be_done),
        cmocka_unit_test_setup_teardown(what_is_lost_is_told_in_its_place, on_one_cpu, on_all_cpus),
        cmocka_unit_test_setup_teardown(what_is_taken_back_is_not_told, on_one_cpu, on_all_cpus),
        cmocka_unit_test(a_place_that_there_is_not_is_an_error),
    };
    return cmocka_run_group_tests_name("uprobe", tests, NULL, NULL);
}
