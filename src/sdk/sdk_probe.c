/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdk_probe: does with the SDK what its arguments say, one after the other, for the tests of both ends:
 *
 *   spans N          N times an "outer" span with an "inner" one in it; 1 row, 2 bytes each
 *   cross            ends spans in the wrong order, twice and never
 *   threads T N      T threads at once, each as worker "worker <i>", each N spans "thread span"
 *   serial T         T threads one after the other, each one span "short life"
 *   fork N           a child (fork) that makes N spans "child span", waited for, inside a span "parent span"
 *   rawfork          the same by the system call alone
 *   rows N           a span "heavy" with N times one row
 *   signals N        N times a span "interrupted", with a span "handler" in a signal handler ten thousand times a second
 *   foreign          a span "foreign" that another thread tries to end
 *   exec WORD...     becomes the probe once more, with the words
 *   counter N        the values 1 to N of "queue depth"
 *   token FILE       writes a token of a span "producer" to FILE
 *   depends FILE     declares, in a span "consumer", that it depends on it
 *   names N          N different names
 *   open NAME        begins a span and never ends it
 *   sleep MS         waits
 *   kill             kills itself with SIGKILL
 */
#include <toll.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREAD_COUNT_MAX 64

static unsigned long span_count;
static pthread_barrier_t all_here;

static void spans(unsigned long count)
{
    unsigned long i;

    for (i = 0; i < count; i++) {
        TOLL_SPAN("outer");
        toll_bytes(2);
        {
            TOLL_SPAN("inner");
            toll_rows(1);
        }
    }
}

static void cross(void)
{
    struct toll_span a = toll_span_begin("cross a");
    struct toll_span b = toll_span_begin("cross b");
    struct toll_span c;

    toll_span_end(a); /* ends b too */
    toll_span_end(b);
    c = toll_span_begin("cross c");
    toll_span_end(a);
    toll_usage("pages", 0.5);
    toll_usage("pages", 1);
    toll_span_end(c);
    toll_span_end(c);
}

static void *worker(void *argument)
{
    char name[32];
    unsigned long i;

    snprintf(name, sizeof name, "worker %d", *(int *)argument);
    pthread_barrier_wait(&all_here);
    toll_worker_begin(name);
    for (i = 0; i < span_count; i++) {
        TOLL_SPAN("thread span");
        toll_rows(1);
    }
    toll_worker_end();
    pthread_barrier_wait(&all_here);
    return NULL;
}

static void *short_life(void *argument)
{
    TOLL_SPAN("short life");
    return argument;
}

static void threads(unsigned long count)
{
    pthread_t ids[THREAD_COUNT_MAX];
    int numbers[THREAD_COUNT_MAX];
    unsigned long i;

    if (count > THREAD_COUNT_MAX || pthread_barrier_init(&all_here, NULL, (unsigned)count) != 0)
        abort();
    for (i = 0; i < count; i++) {
        numbers[i] = (int)i;
        if (pthread_create(&ids[i], NULL, worker, &numbers[i]) != 0)
            abort();
    }
    for (i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
}

static void serial(unsigned long count)
{
    pthread_t id;

    while (count-- > 0)
        if (pthread_create(&id, NULL, short_life, NULL) != 0 || pthread_join(id, NULL) != 0)
            abort();
}

static void fork_spans(int raw, unsigned long count)
{
    TOLL_SPAN("parent span");
    long child = raw ? syscall(SYS_fork) : fork();

    if (child == 0) {
        while (count-- > 0) {
            TOLL_SPAN("child span");
        }
        _exit(0);
    }
    waitpid((pid_t)child, NULL, 0);
}

static void rows(unsigned long count)
{
    TOLL_SPAN("heavy");
    while (count-- > 0)
        toll_rows(1);
}

static void handler(int number)
{
    TOLL_SPAN("handler");
    (void)number;
}

static void signals(unsigned long count)
{
    const struct sigaction action = {.sa_handler = handler};
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (count-- > 0) {
        TOLL_SPAN("interrupted");
    }
    setitimer(ITIMER_REAL, &never, NULL);
}

static void *end_of_another(void *span)
{
    TOLL_SPAN("not foreign");
    toll_span_end(*(struct toll_span *)span);
    return NULL;
}

static void foreign(void)
{
    struct toll_span span = toll_span_begin("foreign");
    pthread_t id;

    if (pthread_create(&id, NULL, end_of_another, &span) != 0 || pthread_join(id, NULL) != 0)
        abort();
    toll_span_end(span);
}

static void token_write(const char *path)
{
    struct toll_span span = toll_span_begin("producer");
    char token[TOLL_TOKEN_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    toll_token(token);
    if (fd < 0 || write(fd, token, strlen(token)) < 0 || close(fd) != 0)
        abort();
    toll_span_end(span);
}

static void token_read(const char *path)
{
    struct toll_span span = toll_span_begin("consumer");
    char token[TOLL_TOKEN_BYTES] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, token, sizeof token - 1) < 0 || close(fd) != 0)
        abort();
    toll_depends(token);
    toll_depends("toll1-00000000-00000001-00000001-0000000000000001");
    toll_depends("nonsense");
    toll_depends(NULL);
    toll_span_end(span);
}

static void pause_ms(unsigned long ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static void timed(unsigned long ms)
{
    TOLL_SPAN("timed");
    pause_ms(ms);
}

static void counter(unsigned long count)
{
    unsigned long i;

    for (i = 1; i <= count; i++)
        toll_counter("queue depth", (double)i);
}

static void names(unsigned long count)
{
    char name[40];

    while (count-- > 0) {
        snprintf(name, sizeof name, "name number %lu", count);
        toll_span_end(toll_span_begin(name));
    }
}

/* Returns how many arguments it took. */
static int perform(const char *what, const char *first, const char *second)
{
    unsigned long number = first ? strtoul(first, NULL, 10) : 0;

    if (strcmp(what, "cross") == 0)
        return cross(), 1;
    if (strcmp(what, "rawfork") == 0)
        return fork_spans(1, 1), 1;
    if (strcmp(what, "foreign") == 0)
        return foreign(), 1;
    if (strcmp(what, "kill") == 0)
        return kill(getpid(), SIGKILL), 1;
    if (!first)
        abort();
    if (strcmp(what, "spans") == 0)
        spans(number);
    else if (strcmp(what, "serial") == 0)
        serial(number);
    else if (strcmp(what, "fork") == 0)
        fork_spans(0, number);
    else if (strcmp(what, "rows") == 0)
        rows(number);
    else if (strcmp(what, "signals") == 0)
        signals(number);
    else if (strcmp(what, "counter") == 0)
        counter(number);
    else if (strcmp(what, "token") == 0)
        token_write(first);
    else if (strcmp(what, "depends") == 0)
        token_read(first);
    else if (strcmp(what, "names") == 0)
        names(number);
    else if (strcmp(what, "open") == 0)
        (void)toll_span_begin(first);
    else if (strcmp(what, "sleep") == 0)
        pause_ms(number);
    else if (strcmp(what, "timed") == 0)
        timed(number);
    else if (strcmp(what, "threads") != 0 || !second)
        abort();
    else {
        span_count = strtoul(second, NULL, 10);
        threads(number);
        return 3;
    }
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;

    while (at < argc) {
        if (strcmp(argv[at], "exec") == 0)
            return execv("/proc/self/exe", argv + at);
        at += perform(argv[at], at + 1 < argc ? argv[at + 1] : NULL, at + 2 < argc ? argv[at + 2] : NULL);
    }
    return 0;
}
