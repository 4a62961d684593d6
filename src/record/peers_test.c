/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "model/dataset.h"
#include "model/meta.h"
#include "record/peers.h"

#define TICKS_MAX 100

/* Listens, has a child that computes, and only waits itself, as a server with a process for each client does. */
static void serve(int port_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, 1) ||
        getsockname(fd, (struct sockaddr *)&address, &length))
        _exit(1);
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fd);
        for (volatile uint64_t i = 0;; i++) {
        }
    }
    uint16_t port = ntohs(address.sin_port);
    if (write(port_fd, &port, sizeof port) != sizeof port)
        _exit(1);
    for (;;)
        pause();
}

struct found {
    const struct view *view;
    uint64_t series;
    double most;
};

static int find_server(void *context, const struct batch *batch, struct err *err)
{
    struct found *found = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_series row;
        batch_row(batch, i, (uint64_t *)&row);
        if (str_starts(view_text(found->view, row.name), SERIES_CPU_SERVER))
            found->series = row.id;
    }
    return 0;
}

static int find_most(void *context, const struct batch *batch, struct err *err)
{
    struct found *found = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_point row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.series == found->series && num_double(row.value) > found->most)
            found->most = num_double(row.value);
    }
    return 0;
}

static double most_used(const struct view *view)
{
    struct found found = {.view = view};
    assert_int_equal(view_scan_all(view, TABLE_SERIES, find_server, &found, NULL), 0);
    assert_int_equal(view_scan_all(view, TABLE_POINT, find_most, &found, NULL), 0);
    return found.most;
}

static void the_children_of_a_server_work_for_it(void **state)
{
    (void)state;
    int fds[2];
    uint16_t port = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t server = fork();
    if (server == 0)
        serve(fds[1]);
    assert_int_equal(read(fds[0], &port, sizeof port), sizeof port);

    struct dataset data;
    struct emit emit = {.sink = &data.sink};
    struct peers peers;
    struct reason_found seen = {.reason = WAIT_NETWORK, .peer_kind = PEER_SOCKET, .path = "127.0.0.1:9"};
    dataset_init(&data);
    peers_init(&peers, &emit);
    snprintf(seen.address, sizeof seen.address, "127.0.0.1:%u", port);
    assert_int_equal(peers_put(&peers, &seen), 1);
    for (size_t i = 0; i < TICKS_MAX && !(most_used(&data.view) > 0); i++) {
        peers_tick(&peers, clock_monotonic_ns());
        usleep(50000);
    }
    assert_true(most_used(&data.view) > 0);
    assert_int_equal(data.view.row_count(&data.view, TABLE_ATTR), 1);

    /* Who listens there is known: another connection asks for no look. */
    snprintf(seen.path, sizeof seen.path, "127.0.0.1:11");
    assert_int_equal(peers_put(&peers, &seen), 2);
    assert_int_equal(peers.lookups.count, 0);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    peers_deinit(&peers);
    dataset_deinit(&data);
    close(fds[0]);
    close(fds[1]);
}

static void what_toll_put_into_the_program_is_not_its_own(void **state)
{
    (void)state;
    struct peers peers;
    struct dataset data;
    struct emit emit = {.sink = &data.sink};
    struct reason_fd ring = {.kind = REASON_FD_FILE, .is_regular = true, .path = "/toll-Ab12/heap.71"};
    struct reason_fd other = {.kind = REASON_FD_FILE, .is_regular = true, .path = "/toll-Ab123/orders.csv"};
    dataset_init(&data);
    peers_init(&peers, &emit);
    peers.own_folder = "/dev/shm/toll-Ab12";
    assert_true(peers_is_own(&peers, "/dev/shm/toll-Ab12/spans.9"));
    assert_true(peers_is_own(&peers, "/usr/lib/toll/libtoll_heap.so"));
    assert_false(peers_is_own(&peers, "/usr/lib/libtolerant.so"));
    assert_int_equal(peers_put_fd(&peers, &ring), 0); /* seen from its file system's root */
    assert_int_equal(peers_put_fd(&peers, &other), 1);
    peers.own_folder = NULL;
    assert_int_equal(peers_put_fd(&peers, &ring), 2);
    peers_deinit(&peers);
    dataset_deinit(&data);
}

int peers_test(void);
int peers_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_children_of_a_server_work_for_it),
        cmocka_unit_test(what_toll_put_into_the_program_is_not_its_own),
    };
    return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
