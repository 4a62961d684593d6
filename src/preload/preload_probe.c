/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preload_probe: does what a library before the C library could get wrong, and prints what it sees. The test compares
 * what it prints with the library and without.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf jump;
static volatile sig_atomic_t alarm_count;
static volatile unsigned long work;

static void say(const char *what, long value)
{
    printf("%s %ld\n", what, value);
}

static void on_alarm(int number)
{
    (void)number;
    alarm_count++;
}

static void on_jump(int number)
{
    (void)number;
    siglongjmp(jump, 1);
}

/* Again and again until alarm_stop: on a busy machine the first may come before the call that it is to interrupt. */
static void alarm_in(void (*handler)(int), long us)
{
    struct sigaction action = {.sa_handler = handler};
    struct itimerval timer = {.it_value = {.tv_usec = us}, .it_interval = {.tv_usec = us}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void alarm_stop(void)
{
    static const struct itimerval never = {.it_value = {.tv_usec = 0}};

    setitimer(ITIMER_REAL, &never, NULL);
}

static void errors(void)
{
    char byte;

    errno = 77;
    say("write to a pipe leaves errno", (write(1, "", 0), errno));
    say("read of a closed descriptor", read(900, &byte, 1));
    say("is EBADF", errno == EBADF);
    errno = 5;
    say("close of it", close(900));
    say("is EBADF", errno == EBADF);
    say("open of what is not there", open("/nowhere/at/all", O_RDONLY));
    say("is ENOENT", errno == ENOENT);
    say("dup2 of it", dup2(900, 901));
    say("poll for nothing", poll(NULL, 0, 1));
}

static void interrupted(void)
{
    int ends[2];
    char byte;
    struct timespec rest = {.tv_sec = 5}, left = {0};
    bool is_broken;

    if (pipe(ends) != 0)
        exit(1);
    alarm_in(on_alarm, 20000);
    is_broken = read(ends[0], &byte, 1) == -1 && errno == EINTR;
    alarm_stop();
    say("read is interrupted", is_broken);
    alarm_in(on_alarm, 20000);
    struct pollfd polled = {.fd = ends[0], .events = POLLIN};
    is_broken = poll(&polled, 1, 5000) == -1 && errno == EINTR;
    alarm_stop();
    say("poll is interrupted", is_broken);
    alarm_in(on_alarm, 20000);
    is_broken = nanosleep(&rest, &left) == -1 && errno == EINTR;
    alarm_stop();
    say("sleep is interrupted", is_broken);
    say("and says what is left", left.tv_sec == 4);
    alarm_in(on_alarm, 20000);
    is_broken = pause() == -1 && errno == EINTR;
    alarm_stop();
    say("pause returns", is_broken);
    alarm_in(on_alarm, 20000);
    unsigned seconds = sleep(5);
    alarm_stop();
    say("sleep tells seconds", seconds >= 4);
    say("alarms", alarm_count >= 5);
    if (sigsetjmp(jump, 1) == 0) {
        alarm_in(on_jump, 20000);
        say("never", read(ends[0], &byte, 1));
    }
    alarm_stop();
    say("jumped out of read", 1);
    say("write and read", write(ends[1], "x", 1) + read(ends[0], &byte, 1));
    close(ends[0]);
    close(ends[1]);
}

static void *read_for_ever(void *given)
{
    char byte;

    return (void *)read(*(int *)given, &byte, 1); /* NOLINT(performance-no-int-to-ptr) */
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void unlock(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&lock);
}

static void *wait_for_ever(void *unused)
{
    pthread_mutex_lock(&lock);
    pthread_cleanup_push(unlock, NULL);
    for (;;)
        pthread_cond_wait(&condition, &lock);
    pthread_cleanup_pop(1);
    return unused;
}

static void *die_with_lock(void *given)
{
    pthread_mutex_lock(given);
    return NULL;
}

static void cancelled(void)
{
    pthread_t thread;
    void *value;
    int ends[2];

    if (pipe(ends) != 0)
        exit(1);
    pthread_create(&thread, NULL, read_for_ever, &ends[0]);
    usleep(20000);
    pthread_cancel(thread);
    pthread_join(thread, &value);
    say("read is a cancellation point", value == PTHREAD_CANCELED);
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    usleep(20000);
    pthread_cancel(thread);
    pthread_join(thread, &value);
    say("a condition is one", value == PTHREAD_CANCELED);
    say("and its lock is free", pthread_mutex_trylock(&lock));
    pthread_mutex_unlock(&lock);
}

#define SMALL_BYTES (256u << 10)

static ucontext_t coroutine, thread_context;
static int coroutine_slept;

static void sleep_a_little(void)
{
    struct timespec brief = {.tv_nsec = 2000000};

    coroutine_slept = nanosleep(&brief, NULL) == 0;
}

/* On a stack right below the thread's own: above its end is what may not be read. */
static void *run_coroutine(void *unused)
{
    pthread_attr_t own;
    size_t bytes, guard;
    void *low;

    if (pthread_getattr_np(pthread_self(), &own) || pthread_attr_getstack(&own, &low, &bytes) ||
        pthread_attr_getguardsize(&own, &guard))
        exit(1);
    pthread_attr_destroy(&own);
    char *stack = mmap((char *)low - guard - SMALL_BYTES, SMALL_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED || getcontext(&coroutine))
        exit(1);
    coroutine.uc_stack = (stack_t){.ss_sp = stack, .ss_size = SMALL_BYTES};
    coroutine.uc_link = &thread_context;
    makecontext(&coroutine, sleep_a_little, 0);
    if (swapcontext(&thread_context, &coroutine))
        exit(1);
    munmap(stack, SMALL_BYTES);
    return unused;
}

static void small_stacks(void)
{
    pthread_attr_t small;
    pthread_t thread;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, SMALL_BYTES);
    pthread_setattr_default_np(&small);
    pthread_attr_destroy(&small);
    if (pthread_create(&thread, NULL, run_coroutine, NULL) != 0)
        exit(1);
    pthread_join(thread, NULL);
    say("a coroutine sleeps", coroutine_slept);
}

static void locks(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t strict, again, robust;
    struct timespec past = {0};
    pthread_t thread;
    sem_t semaphore;

    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&strict, &kind);
    pthread_mutex_lock(&strict);
    say("a strict lock knows its owner", pthread_mutex_lock(&strict) == EDEADLK);
    pthread_mutex_unlock(&strict);
    say("and who is none", pthread_mutex_unlock(&strict) == EPERM);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&again, &kind);
    say("a recursive lock", pthread_mutex_lock(&again) + pthread_mutex_lock(&again) +
                                pthread_mutex_unlock(&again) + pthread_mutex_unlock(&again));
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_NORMAL);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &kind);
    pthread_create(&thread, NULL, die_with_lock, &robust);
    pthread_join(thread, NULL);
    say("a robust lock tells of the dead", pthread_mutex_lock(&robust) == EOWNERDEAD);
    pthread_mutex_lock(&lock);
    say("a lock that is held is busy", pthread_mutex_trylock(&lock) == EBUSY);
    say("and times out", pthread_mutex_timedlock(&lock, &past) == ETIMEDOUT);
    pthread_mutex_unlock(&lock);
    say("and is free again", pthread_mutex_trylock(&lock) + pthread_mutex_unlock(&lock));
    sem_init(&semaphore, 0, 0);
    say("a semaphore times out", sem_timedwait(&semaphore, &past) == -1 && errno == ETIMEDOUT);
    sem_post(&semaphore);
    say("and has what was posted", sem_wait(&semaphore));
}

static void children(void)
{
    int status = 0;
    char text[16] = "";

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        usleep(20000);
        _exit(7);
    }
    say("a child is waited for", waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
    child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): shells do */
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 3", (char *)NULL);
        _exit(127);
    }
    say("a child of vfork", waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
    say("system", WEXITSTATUS(system("exit 4"))); /* NOLINT(cert-env33-c): a fixed text */
    FILE *stream = popen("echo word", "r");       /* NOLINT(cert-env33-c): a fixed text */
    say("popen", stream && fgets(text, sizeof text, stream) && strcmp(text, "word\n") == 0);
    say("pclose", pclose(stream));
    say("no child is left", wait(&status) == -1 && errno == ECHILD);
}

/* All signals blocked, and all waited for: only what was sent may come. */
static void signals(void)
{
    struct sigaction old;
    sigset_t all, pending;
    int number = 0;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (unsigned long i = 0; i < 60000000; i++)
        work = work + i;
    sigpending(&pending);
    for (int i = 1; i <= SIGRTMAX; i++)
        number += sigismember(&pending, i) == 1;
    say("pending signals", number);
    raise(SIGUSR1);
    say("sigwait", sigwait(&all, &number));
    say("finds the one that was sent", number == SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
        if (sigaction(i, NULL, &old) != 0 || old.sa_handler != SIG_DFL)
            say("a handler that is not mine", i);
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
        signal(i, on_alarm);
    alarm_count = 0;
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++)
        raise(i);
    for (unsigned long i = 0; i < 60000000; i++)
        work = work + i;
    say("realtime signals", alarm_count == SIGRTMAX - SIGRTMIN + 1);
}

/* On a CPU much, and in calls that signals break off. */
static void unbroken(void)
{
    struct timespec brief = {.tv_nsec = 200000};
    struct timeval moment;
    long broken = 0;

    for (int i = 0; i < 300; i++) {
        for (unsigned long j = 0; j < 300000; j++)
            work = work + j;
        broken += nanosleep(&brief, NULL) != 0;
        broken += poll(NULL, 0, 0) != 0;
        moment = (struct timeval){.tv_usec = 100};
        broken += select(0, NULL, NULL, NULL, &moment) != 0;
    }
    say("calls that a signal broke off", broken);
}

static void sockets(void)
{
    int ends[2];
    char text[8] = "";

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        exit(1);
    say("send", send(ends[0], "hello", 5, 0));
    say("recv", recv(ends[1], text, sizeof text, 0));
    say("is what was sent", strcmp(text, "hello") == 0);
    close(ends[0]);
    struct iovec parts[2] = {{"many", 4}, {"messages", 8}};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
    char many[16] = "";
    struct iovec room = {many, sizeof many - 1};
    struct mmsghdr got = {.msg_hdr = {.msg_iov = &room, .msg_iovlen = 1}};

    say("sendmmsg", sendmmsg(ends[0], messages, 2, 0));
    say("recvmmsg", recvmmsg(ends[1], &got, 1, 0, NULL));
    say("bytes of it", (long)got.msg_len);
    say("the end of it", recv(ends[1], text, sizeof text, 0));
    close(ends[1]);
}

static void *answer_later(void *given)
{
    struct timespec brief = {.tv_nsec = 20000000};
    const mqd_t *queue = given;

    nanosleep(&brief, NULL);
    return mq_send(*queue, "late", 4, 3) == 0 ? NULL : given;
}

/* Waits for a message, then in vain for another. */
static void queues(void)
{
    struct mq_attr shape = {.mq_maxmsg = 2, .mq_msgsize = 16};
    struct timespec until;
    pthread_t other;
    char name[64], text[16];
    unsigned priority = 0;

    snprintf(name, sizeof name, "/toll-probe-%d", (int)getpid());
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &shape);
    if (queue == (mqd_t)-1) {
        puts("no message queues here");
        return;
    }
    mq_unlink(name);
    if (pthread_create(&other, NULL, answer_later, &queue) != 0)
        exit(1);
    say("mq_receive", mq_receive(queue, text, sizeof text, &priority));
    say("its priority", priority);
    void *failed = &queue;
    pthread_join(other, &failed);
    say("mq_send", failed == NULL);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec = until.tv_nsec / 2 + 1;
    say("mq_timedreceive", mq_timedreceive(queue, text, sizeof text, NULL, &until));
    say("and why", errno == ETIMEDOUT);
    mq_close(queue);
}

int main(void)
{
    say("starts", 1);
    unbroken();
    errors();
    interrupted();
    cancelled();
    small_stacks();
    locks();
    children();
    sockets();
    queues();
    signals();
    printf("%s %d %5.2f\n", "formats", 3, 2.5);
    fprintf(stdout, "%c", 'x');
    puts("");
    return 9;
}
