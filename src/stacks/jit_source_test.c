/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/jit_source.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

int jit_source_test(void);

static bool map_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool is_written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return is_written;
}

static void map_expect(uint32_t pid, const char *text)
{
    char got[64] = "";
    struct jit_source source;
    jit_source_open(pid, NULL, 0, &source);
    assert_true(source.fd >= 0);
    assert_false(source.is_dump);
    assert_int_equal(source.size, strlen(text));
    assert_int_equal(pread(source.fd, got, sizeof got - 1, 0), (ssize_t)strlen(text));
    assert_string_equal(got, text);
    close(source.fd);
}

static void the_map_of_a_process_is_found_and_its_growth_seen(void **state)
{
    char path[64];
    struct jit_source source;
    (void)state;
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    assert_true(map_write(path, "1000 10 f\n"));
    map_expect((uint32_t)getpid(), "1000 10 f\n");
    jit_source_open((uint32_t)getpid(), NULL, 0, &source);
    uint32_t epoch = source.epoch;
    assert_true(map_write(path, "1000 10 f\n2000 10 g\n"));
    jit_source_refresh(&source);
    assert_int_equal(source.epoch, epoch + 1);
    jit_source_refresh(&source);
    assert_int_equal(source.epoch, epoch + 1);
    close(source.fd);
    assert_true(jit_source_begins_with((uint32_t)getpid(), " 10 g"));
    assert_false(jit_source_begins_with((uint32_t)getpid(), "py::"));
    unlink(path);
    jit_source_open((uint32_t)getpid(), NULL, 0, &source);
    assert_int_equal(source.fd, -1);
}

static void a_dump_is_looked_into_where_runtimes_put_it(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "/tmp/jit-%d.dump", getpid());
    assert_true(map_write(path, "DTiJ py::f:/srv/app.py"));
    assert_true(jit_source_begins_with((uint32_t)getpid(), "py::"));
    unlink(path);
    assert_false(jit_source_begins_with((uint32_t)getpid(), "py::"));
}

static void what_a_process_left_that_has_ended_is_read(void **state)
{
    char map[64], dump[64];
    struct jit_source source;
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    uint64_t begun_ns = clock_realtime_ns();
    snprintf(map, sizeof map, "/tmp/perf-%d.map", child);
    snprintf(dump, sizeof dump, "/tmp/jit-%d.dump", child);
    assert_true(map_write(map, "1000 10 f\n"));
    jit_source_open((uint32_t)child, dump, begun_ns, &source);
    assert_true(source.fd >= 0 && !source.is_dump);
    assert_int_equal(source.size, 10);
    close(source.fd);
    assert_true(map_write(dump, "DTiJ"));
    jit_source_open((uint32_t)child, dump, begun_ns, &source);
    assert_true(source.fd >= 0 && source.is_dump);
    close(source.fd);
    jit_source_open((uint32_t)child, dump, begun_ns + 3600 * NS_PER_S, &source);
    assert_int_equal(source.fd, -1); /* another process's, from before */
    unlink(map);
    unlink(dump);
}

/* As in a container: process 1 of its own, with a /tmp of its own. */
static void live_in_container(int tell)
{
    bool is_ready = mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount("none", "/tmp", "tmpfs", 0, NULL) == 0 &&
                    map_write("/tmp/perf-1.map", "5000 10 inside\n");
    if (write(tell, is_ready ? "y" : "n", 1) == 1)
        pause();
    _exit(0);
}

static void container_start(int tell)
{
    int flags = CLONE_NEWPID | CLONE_NEWNS;
    if (unshare(flags) && unshare(flags | CLONE_NEWUSER))
        _exit(1);
    pid_t first = fork();
    if (first == 0)
        live_in_container(tell);
    if (write(tell, &first, sizeof first) != (ssize_t)sizeof first)
        _exit(1);
    waitpid(first, NULL, 0);
    _exit(0);
}

/* A dump here is not that of a container's process which names one so. */
static void not_taken_from_here(uint32_t inside)
{
    char path[64];
    struct jit_source source;
    snprintf(path, sizeof path, "/tmp/jit-%d.dump", getpid());
    assert_true(map_write(path, "DTiJ"));
    jit_source_open(inside, path, 0, &source);
    unlink(path);
    assert_false(source.is_dump);
    close(source.fd);
}

static void a_container_has_numbers_and_a_tmp_of_its_own(void **state)
{
    int ends[2];
    char bytes[sizeof(pid_t) + 1] = {0};
    size_t got = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        container_start(ends[1]);
    close(ends[1]);
    for (ssize_t part; got < sizeof bytes && (part = read(ends[0], bytes + got, sizeof bytes - got)) > 0;)
        got += (size_t)part;
    close(ends[0]);
    /* The number and the answer come in any order; the last byte of a number is 0. */
    pid_t inside = -1;
    bool is_last = bytes[sizeof inside] != 0;
    if (got == sizeof bytes && bytes[is_last ? sizeof inside : 0] == 'y')
        memcpy(&inside, bytes + !is_last, sizeof inside);
    if (inside <= 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        print_message("# no namespaces of processes and mounts can be made here\n");
        skip();
    }
    map_expect((uint32_t)inside, "5000 10 inside\n");
    not_taken_from_here((uint32_t)inside);
    kill(inside, SIGKILL);
    waitpid(child, NULL, 0);
}

int jit_source_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_of_a_process_is_found_and_its_growth_seen),
        cmocka_unit_test(a_dump_is_looked_into_where_runtimes_put_it),
        cmocka_unit_test(what_a_process_left_that_has_ended_is_read),
        cmocka_unit_test(a_container_has_numbers_and_a_tmp_of_its_own),
    };
    return cmocka_run_group_tests_name("jit_source", tests, NULL, NULL);
}
