/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up /proc and /sys, read twice: what a machine, a container and an old kernel show. */
#include "diagnose/machine_use.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/clock.h"
#include "base/fs.h"

int machine_use_test(void);

struct machine {
    char root[32];
    struct machine_reading before, after;
    struct use_table table;
};

static void put(const struct machine *machine, const char *path, const char *text)
{
    char file[400];
    snprintf(file, sizeof file, "%s%s", machine->root, path);
    for (char *slash = strchr(file + strlen(machine->root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(file, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    assert_int_equal(fs_replace(file, text, strlen(text), 0600, NULL), 0);
}

static int setup(void **state)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine)
        return -1;
    snprintf(machine->root, sizeof machine->root, "/tmp/toll-use-XXXXXX");
    *state = machine;
    return mkdtemp(machine->root) ? 0 : -1;
}

static int teardown(void **state)
{
    struct machine *machine = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -r '%s'", machine->root);
    int status = system(command); /* NOLINT(cert-env33-c) */
    free(machine);
    return status;
}

static void read_before(struct machine *machine)
{
    machine_read(machine->root, 0, &machine->before);
}

/* The second reading, as if it were made two seconds later. */
static void read_after(struct machine *machine)
{
    machine_read(machine->root, 0, &machine->after);
    machine->after.at_ns = machine->before.at_ns + 2 * NS_PER_S;
    use_table_make(&machine->before, &machine->after, &machine->table);
}

static const struct use_row *row_of(const struct machine *machine, const char *resource)
{
    const struct use_row *row = use_worst(&machine->table, resource);
    assert_non_null(row);
    return row;
}

static void utilisation_is_what_was_busy_in_the_window(void **state)
{
    struct machine *machine = *state;
    put(machine, "/proc/stat",
        "cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\nprocs_running 2\n");
    put(machine, "/proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n");
    read_before(machine);
    put(machine, "/proc/stat",
        "cpu  350 0 150 1080 20 0 0 0 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\nprocs_running 2\n");
    put(machine, "/proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n");
    read_after(machine);
    const struct use_row *cpu = row_of(machine, "cpu");
    assert_near(cpu->utilisation_ratio, 0.75, 1e-9);
    assert_near(cpu->saturation_ratio, 0.5, 1e-9);
    assert_int_equal(cpu->state, USE_SATURATED);
    assert_non_null(strstr(cpu->note, "2 cores"));
    assert_non_null(strstr(cpu->note, "5 % idle for a disk"));
}

static void a_disk_with_a_queue_is_saturated(void **state)
{
    struct machine *machine = *state;
    put(machine, "/proc/diskstats",
        " 254 0 vda 100 0 0 0 100 0 0 0 0 1000 5000\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n");
    read_before(machine);
    put(machine, "/proc/diskstats",
        " 254 0 vda 300 0 0 0 300 0 0 0 3 2800 12000\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n");
    read_after(machine);
    const struct use_row *disk = row_of(machine, "disk");
    assert_string_equal(disk->name, "vda");
    assert_near(disk->utilisation_ratio, 0.9, 1e-9);
    assert_near(disk->saturation_ratio, 2.6, 1e-9);
    assert_true(disk->error_count < 0);
    assert_int_equal(disk->state, USE_SATURATED);
    assert_string_equal(disk->note, "200 operations/s");
}

static void lost_packets_and_full_listeners_are_told(void **state)
{
    struct machine *machine = *state;
    static const char head[] = "Inter-| Receive | Transmit\n face |bytes packets errs drop\n";
    char text[512];
    snprintf(text, sizeof text, "%s  eth0: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\n", head);
    put(machine, "/proc/net/dev", text);
    put(machine, "/sys/class/net/eth0/speed", "100\n");
    put(machine, "/proc/net/netstat", "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 0 5\n");
    put(machine, "/proc/net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 1000 10\n");
    read_before(machine);
    snprintf(text, sizeof text, "%s  eth0: 20001000 1 3 9 0 0 0 0 1000 1 0 0 0 0 0 0\n", head);
    put(machine, "/proc/net/dev", text);
    put(machine, "/proc/net/netstat", "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 0 7\n");
    put(machine, "/proc/net/snmp", "Tcp: OutSegs RetransSegs\nTcp: 2000 60\n");
    read_after(machine);
    const struct use_row *link = row_of(machine, "network");
    assert_near(link->utilisation_ratio, 0.8, 1e-9);
    assert_near(link->error_count, 3, 1e-9);
    assert_int_equal(link->state, USE_ERRORS);
    assert_near(row_of(machine, "tcp")->error_count, 2, 1e-9);
    assert_near(row_of(machine, "tcp")->saturation_ratio, 0.05, 1e-9);
}

static void the_limits_of_a_control_group_have_rows(void **state)
{
    struct machine *machine = *state;
    put(machine, "/proc/self/cgroup", "0::/job\n");
    put(machine, "/sys/fs/cgroup/job/cpu.max", "50000 100000\n");
    put(machine, "/sys/fs/cgroup/job/cpu.stat", "usage_usec 1000000\nthrottled_usec 0\n");
    put(machine, "/sys/fs/cgroup/job/memory.current", "950000000\n");
    put(machine, "/sys/fs/cgroup/memory.max", "max\n");
    put(machine, "/sys/fs/cgroup/job/memory.max", "1000000000\n");
    put(machine, "/sys/fs/cgroup/job/memory.events", "low 0\noom 0\noom_kill 1\n");
    read_before(machine);
    put(machine, "/sys/fs/cgroup/job/cpu.stat", "usage_usec 1800000\nthrottled_usec 600000\n");
    read_after(machine);
    assert_near(row_of(machine, "cgroup-cpu")->utilisation_ratio, 0.8, 1e-9);
    assert_near(row_of(machine, "cgroup-cpu")->saturation_ratio, 0.3, 1e-9);
    assert_int_equal(row_of(machine, "cgroup-cpu")->state, USE_SATURATED);
    assert_near(row_of(machine, "cgroup-memory")->utilisation_ratio, 0.95, 1e-9);
    assert_near(row_of(machine, "cgroup-memory")->error_count, 0, 1e-9);
}

static void what_cannot_be_read_is_unknown_and_says_why(void **state)
{
    struct machine *machine = *state;
    read_before(machine);
    read_after(machine);
    assert_null(use_worst(&machine->table, "disk"));
    size_t told = 0;
    for (size_t i = 0; i < machine->table.count; i++) {
        assert_int_equal(machine->table.rows[i].state, USE_NOT_KNOWN);
        assert_true(machine->table.rows[i].utilisation_ratio < 0);
        told += machine->table.rows[i].note[0] != '\0';
    }
    assert_int_equal(told, machine->table.count);
    assert_true(told >= 5);
}

int machine_use_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(utilisation_is_what_was_busy_in_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_with_a_queue_is_saturated, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_packets_and_full_listeners_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(the_limits_of_a_control_group_have_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_unknown_and_says_why, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
