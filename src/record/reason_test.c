/* SPDX-License-Identifier: Apache-2.0 */
#include "record/reason.h"

#include <linux/futex.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

int reason_test(void);

/* A process by tables: descriptors by number, memory at the test's own addresses. */
static const struct reason_fd descriptors[] = {
    [0] = {.kind = REASON_FD_TERMINAL, .path = "/dev/pts/1"},
    [3] = {.kind = REASON_FD_FILE, .path = "/data/wal.log"},
    [4] = {.kind = REASON_FD_PIPE, .address = "pipe:[77]"},
    [5] = {.kind = REASON_FD_SOCKET, .address = "10.0.0.1:80", .path = "10.0.0.2:5555"},
    [6] = {.kind = REASON_FD_SOCKET, .address = "10.0.0.9:53", .is_dns = true},
    [7] = {.kind = REASON_FD_EVENT},
    [8] = {.kind = REASON_FD_LISTENING, .address = "0.0.0.0:80"},
    [9] = {.kind = REASON_FD_EPOLL},
    [10] = {.kind = REASON_FD_SOCKET, .address = "10.0.0.3:80"},
    [11] = {.kind = REASON_FD_UNIX, .address = "/run/db.sock"},
    [12] = {.kind = REASON_FD_TIMER},
};

static bool fake_descriptor(void *context, int fd, struct reason_fd *ret_fd)
{
    (void)context;
    if (fd < 0 || (size_t)fd >= sizeof descriptors / sizeof descriptors[0])
        return false;
    *ret_fd = descriptors[fd];
    return true;
}

static bool fake_socket_address(void *context, uint64_t address, size_t length, struct reason_fd *ret_fd)
{
    (void)context;
    if (!address || length != 16)
        return false;
    *ret_fd = (struct reason_fd){.kind = REASON_FD_SOCKET, .address = "10.0.0.7:443"};
    return true;
}

static bool fake_memory(void *context, uint64_t address, void *ret_bytes, size_t length)
{
    (void)context;
    if (!address)
        return false;
    memcpy(ret_bytes, (const void *)(uintptr_t)address, length);
    return true;
}

static size_t fake_watched(void *context, int fd, int *ret_fds, size_t capacity)
{
    (void)context;
    (void)capacity;
    if (fd != 9)
        return 0;
    ret_fds[0] = 7;
    ret_fds[1] = 5;
    return 2;
}

static bool fake_is_thread(void *context, uint64_t tid)
{
    (void)context;
    return tid == 4242;
}

static bool fake_has_children(void *context)
{
    return context != NULL;
}

static void fake_kernel_function(void *context, char *ret_name, size_t capacity)
{
    snprintf(ret_name, capacity, "%s", context ? (const char *)context : "");
}

static struct reason_found find_with(void *context, long number, const uint64_t *arguments)
{
    struct reason_source source = {.context = context,
                                   .pid = 100,
                                   .descriptor = fake_descriptor,
                                   .socket_address = fake_socket_address,
                                   .memory = fake_memory,
                                   .watched = fake_watched,
                                   .is_thread = fake_is_thread,
                                   .has_children = fake_has_children,
                                   .kernel_function = fake_kernel_function};
    struct reason_call call = {.number = number};
    struct reason_found found;
    memcpy(call.arguments, arguments, sizeof call.arguments);
    reason_find(&call, &source, &found);
    return found;
}

#define FIND(number, ...) find_with(NULL, number, (uint64_t[6]){__VA_ARGS__})
#define AT(pointer)       ((uint64_t)(uintptr_t)(pointer))

static void a_descriptor_tells_reason_and_peer(void **state)
{
    (void)state;
    struct reason_found found = FIND(SYS_read, 5);
    assert_int_equal(found.reason, WAIT_NETWORK);
    assert_int_equal(found.peer_kind, PEER_SOCKET);
    assert_string_equal(found.address, "10.0.0.1:80");
    assert_string_equal(found.path, "10.0.0.2:5555");
    assert_int_equal(FIND(SYS_recvfrom, 6).reason, WAIT_DNS);
    found = FIND(SYS_write, 4);
    assert_int_equal(found.reason, WAIT_PIPE);
    assert_string_equal(found.address, "pipe:[77]");
    assert_int_equal(FIND(SYS_read, 3).reason, WAIT_DISK_READ);
    assert_int_equal(FIND(SYS_pwrite64, 3).reason, WAIT_DISK_WRITE);
    found = FIND(SYS_fdatasync, 3);
    assert_int_equal(found.reason, WAIT_DISK_SYNC);
    assert_int_equal(found.peer_kind, PEER_FILE);
    assert_string_equal(found.name, "wal.log");
    assert_string_equal(found.path, "/data/wal.log");
    assert_int_equal(FIND(SYS_read, 0).reason, WAIT_HUMAN);
    assert_int_equal(FIND(SYS_read, 11).reason, WAIT_IPC);
    assert_int_equal(FIND(SYS_accept4, 8).reason, WAIT_IDLE);
    found = FIND(SYS_connect, 5, 1, 16); /* whom it calls, not whom it called before */
    assert_int_equal(found.reason, WAIT_NETWORK);
    assert_string_equal(found.address, "10.0.0.7:443");
    assert_int_equal(FIND(SYS_connect, 5, 0, 16).peer_kind, 0);
    assert_int_equal(FIND(SYS_read, 99).reason, WAIT_UNKNOWN);
}

static void a_poll_is_told_by_what_it_waits_on(void **state)
{
    struct pollfd one[] = {{.fd = 5, .events = POLLIN}};
    struct pollfd several[] = {{.fd = 7}, {.fd = 5}, {.fd = 4}};
    struct pollfd two[] = {{.fd = 5}, {.fd = 10}};
    struct pollfd wake[] = {{.fd = 7}};
    (void)state;
    struct reason_found found = FIND(SYS_ppoll, AT(one), 1);
    assert_int_equal(found.reason, WAIT_NETWORK);
    assert_string_equal(found.address, "10.0.0.1:80");
    found = FIND(SYS_ppoll, AT(several), 3); /* the socket before the pipe and the wake-up descriptor */
    assert_int_equal(found.reason, WAIT_NETWORK);
    assert_string_equal(found.address, "10.0.0.1:80");
    found = FIND(SYS_ppoll, AT(two), 2);
    assert_int_equal(found.reason, WAIT_NETWORK);
    assert_int_equal(found.peer_kind, 0);
    assert_int_equal(FIND(SYS_ppoll, AT(wake), 1).reason, WAIT_POLL);
    assert_int_equal(FIND(SYS_ppoll, 0, 0).reason, WAIT_SLEEP);
    assert_int_equal(FIND(SYS_ppoll, 0, 3).reason, WAIT_POLL);
    found = FIND(SYS_epoll_pwait, 9);
    assert_int_equal(found.reason, WAIT_NETWORK);
    assert_string_equal(found.address, "10.0.0.1:80");
    assert_false(found.has_listening);
    const struct pollfd server[] = {{.fd = 11}, {.fd = 8}};
    found = FIND(SYS_ppoll, AT(server), 2);
    assert_int_equal(found.reason, WAIT_IPC);
    assert_true(found.has_listening);
    uint64_t set[16] = {1u << 4};
    found = FIND(SYS_pselect6, 5, AT(set));
    assert_int_equal(found.reason, WAIT_PIPE);
}

static void futexes_are_told_apart(void **state)
{
    (void)state;
    struct reason_found found = FIND(SYS_futex, 0x7000, FUTEX_WAIT_PRIVATE, 2);
    assert_int_equal(found.reason, WAIT_LOCK);
    assert_string_equal(found.name, "lock");
    assert_string_equal(found.address, "100:0x7000");
    found = FIND(SYS_futex, 0x7000, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0);
    assert_int_equal(found.reason, WAIT_LOCK);
    assert_string_equal(found.name, "condition");
    found = FIND(SYS_futex, 0x7000, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 4242);
    assert_int_equal(found.reason, WAIT_CHILD);
    assert_int_equal(found.peer_kind, PEER_PROCESS);
    assert_string_equal(found.address, "4242");
}

/* Python 3.13 and newer. */
static void a_thread_that_parks_waits_for_the_lock_behind_its_place(void **state)
{
    (void)state;
    uint64_t stack[4] = {0, 0x5550, 0, 0};
    struct reason_source source = {.pid = 100, .memory = fake_memory, .is_thread = fake_is_thread};
    struct reason_call call = {.number = SYS_futex,
                               .arguments = {AT(&stack[2]), FUTEX_WAIT_BITSET_PRIVATE, 0},
                               .stack_pointer = AT(stack)};
    struct reason_found found;
    char own[64];
    source.parks = true;
    reason_find(&call, &source, &found);
    assert_string_equal(found.address, "100:0x5550");
    snprintf(own, sizeof own, "100:0x%llx", (unsigned long long)AT(&stack[2]));
    source.parks = false; /* another program's semaphore */
    reason_find(&call, &source, &found);
    assert_string_equal(found.address, own);
    source.parks = true;
    call.stack_pointer -= 4096; /* far from the end of the stack */
    reason_find(&call, &source, &found);
    assert_string_equal(found.address, own);
}

static void waits_for_children_name_them(void **state)
{
    (void)state;
    struct reason_found found = FIND(SYS_wait4, 321);
    assert_int_equal(found.reason, WAIT_CHILD);
    assert_string_equal(found.address, "321");
    found = FIND(SYS_wait4, (uint64_t)-1);
    assert_int_equal(found.reason, WAIT_CHILD);
    assert_int_equal(found.peer_kind, 0);
    found = FIND(SYS_waitid, P_PID, 55);
    assert_string_equal(found.address, "55");
    char child[] = "x";
    uint64_t none[6] = {0};
    assert_int_equal(find_with(child, SYS_rt_sigsuspend, none).reason, WAIT_CHILD);
    assert_int_equal(find_with(NULL, SYS_rt_sigsuspend, none).reason, WAIT_IDLE);
}

static void outside_a_call_it_is_a_page_fault_unless_stopped(void **state)
{
    char stopped[] = "do_signal_stop", folio[] = "folio_wait_bit_common", reclaim[] = "shrink_folio_list";
    uint64_t none[6] = {0};
    (void)state;
    assert_int_equal(find_with(folio, -1, none).reason, WAIT_PAGE_FAULT);
    assert_int_equal(find_with(reclaim, -1, none).reason, WAIT_RECLAIM);
    assert_int_equal(find_with(stopped, -1, none).reason, WAIT_UNKNOWN);
}

static void calls_that_free_memory_first_wait_for_that(void **state)
{
    char stack[] = "[<0>] reclaim_throttle+0x184/0x2e0\n[<0>] shrink_lruvec+0xc84/0xe40\n"
                   "[<0>] try_to_free_mem_cgroup_pages+0x101/0x240\n[<0>] vfs_write+0x10/0x20\n";
    char plain[] = "[<0>] folio_wait_bit_common+0x110/0x310\n[<0>] filemap_read+0x739/0x1650\n";
    uint64_t file[6] = {3};
    (void)state;
    assert_int_equal(find_with(stack, SYS_write, file).reason, WAIT_RECLAIM);
    assert_int_equal(find_with(stack, SYS_mmap, file).reason, WAIT_RECLAIM);
    assert_int_equal(find_with(plain, SYS_read, file).reason, WAIT_DISK_READ);
    assert_int_equal(find_with(stack, SYS_clock_nanosleep, file).reason, WAIT_SLEEP);
}

static void paths_and_sleeps(void **state)
{
    static const char path[512] = "/data/in.csv";
    char fifo[] = "wait_for_partner";
    (void)state;
    struct reason_found found = FIND(SYS_openat, 0, AT(path));
    assert_int_equal(found.reason, WAIT_DISK_READ);
    assert_string_equal(found.path, "/data/in.csv");
    found = find_with(fifo, SYS_openat, (uint64_t[6]){0, AT(path)});
    assert_int_equal(found.reason, WAIT_PIPE);
    assert_int_equal(found.peer_kind, PEER_PIPE);
    assert_int_equal(FIND(SYS_clock_nanosleep, 0).reason, WAIT_SLEEP);
    assert_int_equal(FIND(100000, 0).reason, WAIT_UNKNOWN);
}

int reason_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_tells_reason_and_peer),
        cmocka_unit_test(a_poll_is_told_by_what_it_waits_on),
        cmocka_unit_test(futexes_are_told_apart),
        cmocka_unit_test(a_thread_that_parks_waits_for_the_lock_behind_its_place),
        cmocka_unit_test(waits_for_children_name_them),
        cmocka_unit_test(outside_a_call_it_is_a_page_fault_unless_stopped),
        cmocka_unit_test(calls_that_free_memory_first_wait_for_that),
        cmocka_unit_test(paths_and_sleeps),
    };
    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
