/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exact_waits: waits of known kinds on the main thread, each timed by the program itself; the sums go to stdout as JSON.
 * What a recording says of the same thread is held against them (exact_waits.py). A call that waits also runs (a sync
 * of some hundred microseconds runs for a fifth of them): the CPU time inside is told as well.
 *
 * usage: exact_waits FOLDER [ROUNDS]. FOLDER is where a file is synced.
 */
#include "tcp.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

#define WAIT_NS (8 * PLANTED_MS_NS)

enum kind { PIPE, LOCK, CHILD, SLEEP, NETWORK, SYNC, POLL, CONDITION, JOIN, KIND_COUNT };
static const char *const names[KIND_COUNT] = {"pipe",      "lock", "child",     "sleep", "network",
                                              "disk_sync", "poll", "condition", "join"};
static uint64_t sums_ns[KIND_COUNT], cpu_ns[KIND_COUNT];

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Times a statement that waits. */
#define TIMED(kind, statement)                                                                               \
    do {                                                                                                     \
        uint64_t busy_ns = now_ns(CLOCK_THREAD_CPUTIME_ID), start_ns = now_ns(CLOCK_MONOTONIC);              \
        statement;                                                                                           \
        sums_ns[kind] += now_ns(CLOCK_MONOTONIC) - start_ns;                                                 \
        cpu_ns[kind] += now_ns(CLOCK_THREAD_CPUTIME_ID) - busy_ns;                                           \
    } while (0)

/* What the helper does for the main thread, one thing after the other. */
struct helper {
    pthread_mutex_t lock;
    pthread_cond_t condition;
    pthread_barrier_t turn;
    bool is_ready;
    int pipe[2];
    int poll_pipe[2];
    int listener;
    unsigned rounds;
};

static void lock_hold(struct helper *helper)
{
    pthread_mutex_lock(&helper->lock);
    pthread_barrier_wait(&helper->turn);
    planted_sleep(WAIT_NS);
    pthread_mutex_unlock(&helper->lock);
}

static void *helper_main(void *given)
{
    struct helper *helper = given;
    char byte = 'x';
    int fd = accept(helper->listener, NULL, NULL);

    for (unsigned i = 0; i < helper->rounds; i++) {
        pthread_barrier_wait(&helper->turn);
        planted_sleep(WAIT_NS);
        if (write(helper->pipe[1], &byte, 1) != 1)
            planted_fail("write to pipe");
        lock_hold(helper);
        if (read(fd, &byte, 1) != 1)
            planted_fail("read from socket");
        planted_sleep(WAIT_NS);
        if (write(fd, &byte, 1) != 1)
            planted_fail("write to socket");
        pthread_barrier_wait(&helper->turn);
        planted_sleep(WAIT_NS);
        if (write(helper->poll_pipe[1], &byte, 1) != 1)
            planted_fail("write to pipe");
        pthread_barrier_wait(&helper->turn);
        planted_sleep(WAIT_NS);
        pthread_mutex_lock(&helper->lock);
        helper->is_ready = true;
        pthread_cond_signal(&helper->condition);
        pthread_mutex_unlock(&helper->lock);
    }
    close(fd);
    return NULL;
}

static void *sleeper_main(void *unused)
{
    planted_sleep(WAIT_NS);
    return unused;
}

static void child_wait(void)
{
    pid_t child = fork();

    if (child == 0) {
        planted_sleep(WAIT_NS);
        _exit(0);
    }
    TIMED(CHILD, waitpid(child, NULL, 0));
}

static void sync_file(int fd, unsigned round)
{
    char block[4096];

    memset(block, (int)round, sizeof block);
    if (pwrite(fd, block, sizeof block, 0) != (ssize_t)sizeof block)
        planted_fail("write to file");
    TIMED(SYNC, fsync(fd));
}

static void condition_wait(struct helper *helper)
{
    pthread_mutex_lock(&helper->lock);
    helper->is_ready = false;
    TIMED(CONDITION, pthread_barrier_wait(&helper->turn));
    while (!helper->is_ready)
        TIMED(CONDITION, pthread_cond_wait(&helper->condition, &helper->lock));
    pthread_mutex_unlock(&helper->lock);
}

static void round_run(struct helper *helper, int socket_fd, int file_fd, unsigned round)
{
    struct pollfd polled = {.fd = helper->poll_pipe[0], .events = POLLIN};
    struct timespec pause = {.tv_nsec = (long)WAIT_NS};
    pthread_t sleeper;
    char byte = 'x';

    TIMED(CONDITION, pthread_barrier_wait(&helper->turn));
    TIMED(PIPE, (void)!read(helper->pipe[0], &byte, 1));
    TIMED(CONDITION, pthread_barrier_wait(&helper->turn));
    TIMED(LOCK, pthread_mutex_lock(&helper->lock));
    pthread_mutex_unlock(&helper->lock);
    if (write(socket_fd, &byte, 1) != 1)
        planted_fail("write to socket");
    TIMED(NETWORK, (void)!read(socket_fd, &byte, 1));
    TIMED(CONDITION, pthread_barrier_wait(&helper->turn));
    TIMED(POLL, poll(&polled, 1, -1));
    if (read(helper->poll_pipe[0], &byte, 1) != 1)
        planted_fail("read from pipe");
    condition_wait(helper);
    child_wait();
    TIMED(SLEEP, nanosleep(&pause, NULL));
    sync_file(file_fd, round);
    if (pthread_create(&sleeper, NULL, sleeper_main, NULL) != 0)
        planted_fail("start thread");
    TIMED(JOIN, pthread_join(sleeper, NULL));
}

static int listen_any(char *ret_port, size_t capacity)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        planted_fail("listen");
    snprintf(ret_port, capacity, "%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    static struct helper helper = {.lock = PTHREAD_MUTEX_INITIALIZER, .condition = PTHREAD_COND_INITIALIZER};
    char path[4096], port[16];
    pthread_t thread;

    if (argc < 2)
        planted_word(argc, argv, "exact_waits FOLDER [ROUNDS]");
    helper.rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 20;
    snprintf(path, sizeof path, "%s/exact_waits.data", argv[1]);
    int file_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file_fd < 0 || pipe(helper.pipe) != 0 || pipe(helper.poll_pipe) != 0)
        planted_fail("open file");
    helper.listener = listen_any(port, sizeof port);
    pthread_barrier_init(&helper.turn, NULL, 2);
    if (pthread_create(&thread, NULL, helper_main, &helper) != 0)
        planted_fail("start thread");
    int socket_fd = tcp_open(port);
    for (unsigned i = 0; i < helper.rounds; i++)
        round_run(&helper, socket_fd, file_fd, i);
    TIMED(JOIN, pthread_join(thread, NULL));
    printf("{\"tid\": %ld, \"rounds\": %u", (long)getpid(), helper.rounds);
    for (unsigned i = 0; i < KIND_COUNT; i++)
        printf(", \"%s\": %llu, \"%s_cpu\": %llu", names[i], (unsigned long long)sums_ns[i], names[i],
               (unsigned long long)cpu_ns[i]);
    printf("}\n");
    return 0;
}
