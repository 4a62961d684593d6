/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/dataset.h"
#include "model/meta.h"
#include "record/traffic.h"

#define MESSAGE_COUNT 50
#define OPENED_COUNT  40

/* This process's own traffic, told as if it had begun a second ago. */
struct watched {
    struct dataset data;
    struct emit emit;
    struct usage usage;
    struct traffic traffic;
    struct traffic_owner owner;
    uint64_t now_ns;
};

static void begin(struct watched *watched)
{
    memset(watched, 0, sizeof *watched);
    dataset_init(&watched->data);
    watched->emit.sink = &watched->data.sink;
    watched->now_ns = clock_monotonic_ns();
    watched->owner = (struct traffic_owner){.emit = &watched->emit,
                                            .pid = (uint64_t)getpid(),
                                            .track = 1,
                                            .start_ns = watched->now_ns - NS_PER_S,
                                            .is_counting = true};
}

/* Two seconds pass at each look. */
static void look(struct watched *watched)
{
    traffic_tick(&watched->traffic, &watched->owner, &watched->usage, watched->now_ns);
    watched->now_ns += 2 * NS_PER_S;
}

static void finish(struct watched *watched)
{
    traffic_end(&watched->traffic, &watched->owner, &watched->usage, watched->now_ns);
    dataset_deinit(&watched->data);
}

struct sum {
    const struct view *view;
    uint64_t peer, operation; /* of io rows */
    uint64_t count, bytes;
    const char *name; /* of a series */
    uint64_t series;
    double last;
};

static int add_io(void *context, const struct batch *batch, struct err *err)
{
    struct sum *sum = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_io row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.peer == sum->peer && row.operation == sum->operation) {
            sum->count += row.count;
            sum->bytes += row.bytes;
        }
    }
    return 0;
}

static struct sum io_of(const struct watched *watched, uint64_t peer, uint64_t operation)
{
    struct sum sum = {.peer = peer, .operation = operation};
    assert_int_equal(view_scan_all(&watched->data.view, TABLE_IO, add_io, &sum, NULL), 0);
    return sum;
}

static int find_series(void *context, const struct batch *batch, struct err *err)
{
    struct sum *sum = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_series row;
        batch_row(batch, i, (uint64_t *)&row);
        if (strcmp(view_text(sum->view, row.name), sum->name) == 0)
            sum->series = row.id;
    }
    return 0;
}

static int add_point(void *context, const struct batch *batch, struct err *err)
{
    struct sum *sum = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        struct row_point row;
        batch_row(batch, i, (uint64_t *)&row);
        if (row.series == sum->series) {
            sum->count++;
            sum->last = num_double(row.value);
        }
    }
    return 0;
}

static struct sum series_of(const struct watched *watched, const char *name)
{
    struct sum sum = {.view = &watched->data.view, .name = name};
    assert_int_equal(view_scan_all(sum.view, TABLE_SERIES, find_series, &sum, NULL), 0);
    if (sum.series)
        assert_int_equal(view_scan_all(sum.view, TABLE_POINT, add_point, &sum, NULL), 0);
    return sum;
}

/* A connection over the loopback: [0] listens, [1] connected, [2] was accepted. */
static void connect_pair(int ret_fds[3])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1;
    ret_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(ret_fds[0], (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(ret_fds[0], 16), 0);
    assert_int_equal(getsockname(ret_fds[0], (struct sockaddr *)&address, &length), 0);
    ret_fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ret_fds[1], (struct sockaddr *)&address, length), 0);
    ret_fds[2] = accept(ret_fds[0], NULL, NULL);
    assert_int_equal(setsockopt(ret_fds[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static void calls_that_read_and_write_are_counted_for_all_peers_together(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    look(&watched);
    struct sum before = io_of(&watched, 0, IO_WRITE);
    if (!watched.usage.has_io) {
        print_message("# /proc/PID/io is not to be read here\n");
        close(fd);
        finish(&watched);
        skip();
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "12345", 5), 5);
    look(&watched);
    struct sum after = io_of(&watched, 0, IO_WRITE);
    assert_in_range(after.count - before.count, 1000, 1100);
    assert_in_range(after.bytes - before.bytes, 5000, 20000);
    close(fd);
    finish(&watched);
}

static void a_connection_tells_its_messages_and_what_waits_in_it(void **state)
{
    (void)state;
    struct watched watched;
    int fds[3];
    char bytes[8192] = {0};
    begin(&watched);
    connect_pair(fds);
    struct traffic_socket client = {.number = fds[1], .peer = 7}, server = {.number = fds[2], .peer = 8};
    snprintf(server.address, sizeof server.address, "peer");
    traffic_note(&watched.traffic, &client);
    traffic_note(&watched.traffic, &server);
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        assert_int_equal(send(fds[1], "question", 8, 0), 8);
        assert_int_equal(recv(fds[2], bytes, 8, MSG_WAITALL), 8);
    }
    look(&watched);
    assert_int_equal(send(fds[1], bytes, sizeof bytes, 0), sizeof bytes);
    look(&watched);
    struct sum sent = io_of(&watched, 7, IO_WRITE), received = io_of(&watched, 8, IO_READ);
    if (!sent.count) {
        print_message("# the kernel does not lend descriptors here (pidfd_getfd)\n");
        close_all(fds, 3);
        finish(&watched);
        skip();
    }
    assert_in_range(sent.count, MESSAGE_COUNT + 1, MESSAGE_COUNT + 3);
    assert_in_range(received.count, MESSAGE_COUNT + 1, MESSAGE_COUNT + 3);
    assert_int_equal(received.bytes, MESSAGE_COUNT * 8 + sizeof bytes);
    assert_true(series_of(&watched, SERIES_QUEUE_RECEIVE "peer").last == sizeof bytes);
    close_all(fds, 3);
    finish(&watched);
}

static void clients_that_nobody_accepts_are_a_queue(void **state)
{
    (void)state;
    struct watched watched;
    int fds[3], clients[8];
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    begin(&watched);
    connect_pair(fds);
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &length), 0);
    struct traffic_socket listener = {.number = fds[0], .is_listening = true};
    traffic_note(&watched.traffic, &listener);
    for (size_t i = 0; i < 8; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, length), 0);
    }
    look(&watched);
    if (!watched.traffic.socket_count) {
        print_message("# the kernel does not lend descriptors here (pidfd_getfd)\n");
        skip();
    }
    assert_true(series_of(&watched, SERIES_QUEUE_ACCEPT).last == 8);
    close_all(clients, 8);
    close_all(fds, 3);
    finish(&watched);
}

static void descriptors_become_a_series_once_they_grow(void **state)
{
    (void)state;
    struct watched watched;
    int opened[OPENED_COUNT];
    begin(&watched);
    look(&watched);
    look(&watched);
    assert_int_equal(series_of(&watched, SERIES_DESCRIPTORS).series, 0);
    for (size_t i = 0; i < OPENED_COUNT; i++)
        opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    look(&watched);
    struct sum grown = series_of(&watched, SERIES_DESCRIPTORS);
    assert_int_equal(grown.count, 2);
    assert_true(grown.last > OPENED_COUNT);
    close_all(opened, OPENED_COUNT);
    finish(&watched);
}

/* What an attached program did before is not of the recording. */
static void the_past_of_a_program_is_left_out(void **state)
{
    (void)state;
    struct watched watched;
    int fds[3];
    char byte;
    begin(&watched);
    watched.owner.is_old = true;
    connect_pair(fds);
    struct traffic_socket client = {.number = fds[1], .peer = 7};
    traffic_note(&watched.traffic, &client);
    for (int i = 0; i < MESSAGE_COUNT; i++) {
        assert_int_equal(send(fds[1], "q", 1, 0), 1);
        assert_int_equal(recv(fds[2], &byte, 1, 0), 1);
    }
    look(&watched);
    assert_int_equal(watched.data.view.row_count(&watched.data.view, TABLE_IO), 0);
    assert_int_equal(send(fds[1], "q", 1, 0), 1);
    assert_int_equal(recv(fds[2], &byte, 1, 0), 1);
    look(&watched);
    assert_in_range(io_of(&watched, 7, IO_WRITE).count, 0, 2);
    assert_in_range(io_of(&watched, 0, IO_READ).count, 0, 1000);
    close_all(fds, 3);
    finish(&watched);
}

/* Where each call is counted by a better recorder, no rows come from here. */
static void nothing_is_counted_twice(void **state)
{
    (void)state;
    struct watched watched;
    begin(&watched);
    watched.owner.is_counting = false;
    look(&watched);
    look(&watched);
    assert_int_equal(watched.data.view.row_count(&watched.data.view, TABLE_IO), 0);
    finish(&watched);
}

int traffic_test(void);
int traffic_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_read_and_write_are_counted_for_all_peers_together),
        cmocka_unit_test(a_connection_tells_its_messages_and_what_waits_in_it),
        cmocka_unit_test(clients_that_nobody_accepts_are_a_queue),
        cmocka_unit_test(descriptors_become_a_series_once_they_grow),
        cmocka_unit_test(the_past_of_a_program_is_left_out),
        cmocka_unit_test(nothing_is_counted_twice),
    };
    return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
