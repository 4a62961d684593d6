/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: from TOLL_SESSION to a process that records; forks, execs and ends of processes; the news.
 *
 * At load: find the functions behind the hooks, map the session's `calls` file, say which program runs here. The
 * process's own state lies on pages that a fork wipes: a child finds itself off, forgets its parent's rings and
 * starts again. A child made by vfork shares the state with its parent, who sleeps meanwhile.
 */
#include "preload/internal.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "guest/guest_file.h"
#include "guest/guest_text.h"

#define START_BYTES 1024u
#define SLACK_BYTES                                                                                          \
    65536u /* a thread's descriptor and storage lie above stack_high: its stack ends so much sooner at most */

static struct calls_process off;
struct calls_process *calls = &off;
struct calls_session *calls_session;
struct call_waker *calls_wakers;
struct fd_entry *fd_table;
bool calls_is_tsc;
__thread struct self self __attribute__((tls_model("initial-exec")));

static char folder[WIRE_PATH_BYTES_MAX];
static pthread_key_t end_key;
static uint32_t parent_pid, parent_tid; /* of the process that forked this one; set just before it did */
static bool is_forked_told;

void calls_guard_enter(struct calls_guard *guard)
{
    sigset_t all;

    guard->error = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &guard->cancel_state);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &guard->signals);
}

void calls_guard_leave(const struct calls_guard *guard)
{
    int ignored;

    pthread_sigmask(SIG_SETMASK, &guard->signals, NULL);
    pthread_setcancelstate(guard->cancel_state, &ignored);
    errno = guard->error;
}

uint32_t calls_tid_ask(void)
{
    self.tid = (uint32_t)syscall(SYS_gettid);
    return self.tid;
}

uint64_t calls_cpu(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* The news */

static struct call_news *news_slots(void)
{
    return (struct call_news *)((char *)calls_session + CALLS_NEWS_OFFSET);
}

void calls_news(enum call_news_kind kind, uint32_t tid, uint32_t number, uint64_t value, const char *name)
{
    uint64_t index = __atomic_load_n(&calls_session->news_head, __ATOMIC_RELAXED);
    struct call_news *slot;

    do {
        if (index - __atomic_load_n(&calls_session->news_tail, __ATOMIC_RELAXED) >= CALL_NEWS_COUNT) {
            __atomic_fetch_add(&calls_session->news_lost, 1, __ATOMIC_RELAXED);
            return;
        }
    } while (!__atomic_compare_exchange_n(&calls_session->news_head, &index, index + 1, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    slot = &news_slots()[index & (CALL_NEWS_COUNT - 1)];
    slot->time = calls_clock();
    slot->kind = kind;
    slot->pid = calls->pid;
    slot->tid = tid;
    slot->number = number;
    slot->value = value;
    memset(slot->name, 0, sizeof slot->name);
    if (name)
        memcpy(slot->name, name, strnlen(name, sizeof slot->name - 1));
    __atomic_store_n(&slot->sequence, index + 1, __ATOMIC_RELEASE);
}

/* The files */

void *calls_file_make(uint32_t number)
{
    char path[WIRE_PATH_BYTES_MAX + GUEST_NAME_BYTES];

    guest_put_number(guest_put_text(guest_put_process(path, folder, "calls", calls->pid, calls->nonce), "-"),
                     number, 10);
    return guest_file_make(path, call_ring_file_bytes(calls_session->word_count), REAL(mmap));
}

static bool session_map(void)
{
    char path[WIRE_PATH_BYTES_MAX + GUEST_NAME_BYTES];
    struct calls_session head;
    void *memory;
    int fd;

    guest_put_text(guest_put_text(guest_put_text(path, folder), "/"), CALLS_FILE);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    memory = MAP_FAILED;
    if (syscall(SYS_pread64, fd, &head, sizeof head, 0) == (long)sizeof head &&
        calls_session_is_valid(&head) && !head.closed &&
        (head.clock == WIRE_CLOCK_TSC || head.clock == WIRE_CLOCK_MONOTONIC))
        memory = REAL(mmap)(NULL, CALLS_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (memory == MAP_FAILED)
        return false;
#if !defined(__x86_64__)
    if (head.clock == WIRE_CLOCK_TSC)
        return false;
#endif
    calls_is_tsc = head.clock == WIRE_CLOCK_TSC;
    calls_wakers = (struct call_waker *)((char *)memory + CALLS_WAKERS_OFFSET);
    calls_session = memory;
    return true;
}

static void thread_end(void *unused)
{
    (void)unused;
    if (!calls->is_on)
        return;
    waker_publish_at(call_key(CALL_KEY_THREAD, (uint64_t)pthread_self(), calls->pid), calls_clock(), 0);
    cpu_timer_stop_thread();
    lane_release();
    if (self.tid != calls->pid)
        calls_news(CALL_NEWS_THREAD_END, self.tid, 0, 0, NULL);
}

void calls_thread_begin(uint32_t maker, uint64_t stack_high, uint64_t stack_bytes)
{
    uint64_t top = (uint64_t)pthread_self() & ~(uint64_t)7;

    if (!calls_on())
        return;
    /* The frames of the C library's that every thread starts in lie between this one and the thread's descriptor. */
    if (top > stack_high)
        stack_high = top - stack_high < START_BYTES ? top : stack_high + START_BYTES;
    stack_limits(stack_high, stack_bytes - (stack_bytes / 2 < SLACK_BYTES ? stack_bytes / 2 : SLACK_BYTES));
    calls_news(CALL_NEWS_THREAD, calls_tid(), maker, 0, NULL);
    pthread_setspecific(end_key, &self);
    cpu_timer_start_thread();
}

/* The process, at load and again in a forked child. */
static bool process_start(void)
{
    struct calls_process *process = calls;

    process->pid = (uint32_t)syscall(SYS_getpid);
    process->nonce = calls_clock();
    self = (struct self){
        .tid = (uint32_t)syscall(SYS_gettid), .stack_high = self.stack_high, .stack_low = self.stack_low};
    __atomic_store_n(&process->is_on, 1, __ATOMIC_RELEASE);
    return true;
}

bool calls_start_again(void)
{
    struct calls_guard guard;

    if (!calls_session || calls == &off || __atomic_load_n(&calls_session->closed, __ATOMIC_RELAXED))
        return false;
    calls_guard_enter(&guard);
    if (!calls->is_on) {
        process_start();
        if (!is_forked_told)
            calls_news(CALL_NEWS_FORK, calls->pid, parent_tid, parent_pid, NULL);
        is_forked_told = true;
        cpu_timer_start_process();
    }
    calls_guard_leave(&guard);
    return true;
}

void calls_stop(void)
{
    cpu_timer_stop_all();
    calls_session->closed = 1; /* for every program of the session */
    calls = &off;
}

static void fork_prepare(void)
{
    if (!calls->is_on)
        return;
    parent_pid = calls->pid;
    parent_tid = calls_tid();
    is_forked_told = false;
}

static void fork_child(void)
{
    if (calls_session)
        calls_start_again();
}

/* The thread that ends the process tells what it used of the CPU since it last waited: without it nobody knows how long it
 * queued. */
static void process_end(int status, void *unused)
{
    (void)unused;
    if (!calls->is_on || (uint32_t)syscall(SYS_getpid) != calls->pid)
        return;
    lane_release();
    self.is_refused = true; /* a sample that comes now tells nothing; its timer ends with the process */
    calls_news(CALL_NEWS_EXIT, calls->pid, (uint32_t)status & 0xff, 0, NULL);
}

HOOK void _exit(int status)
{
    process_end(status, NULL);
    REAL(_exit)(status);
    for (;;)
        continue;
}

HOOK void _Exit(int status)
{
    _exit(status);
}

static bool memory_get(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *process = REAL(mmap)(NULL, sizeof *calls, PROT_READ | PROT_WRITE, flags, -1, 0);
    void *table = REAL(mmap)(NULL, FD_COUNT_MAX * sizeof *fd_table, PROT_READ | PROT_WRITE, flags, -1, 0);

    if (process == MAP_FAILED || table == MAP_FAILED || madvise(process, sizeof *calls, MADV_WIPEONFORK) != 0)
        return false;
    fd_table = table;
    calls = process;
    return true;
}

/* As the kernel calls it, which is a script's own name. */
static const char *program_name(char name[16])
{
    return prctl(PR_GET_NAME, name) == 0 ? name : "";
}

extern void *__libc_stack_end;

/* Before the program's own constructors, so that their calls count. */
__attribute__((constructor(101))) static void load(void)
{
    const char *given = getenv(WIRE_SESSION_VARIABLE);
    int error = errno;
    struct rlimit limit = {0};
    char name[16] = "";

    if (given && given[0] == '/' && strlen(given) < sizeof folder) {
        guest_put_text(folder, given);
        if (pthread_key_create(&end_key, thread_end) == 0 && session_map() && memory_get()) {
            getrlimit(RLIMIT_STACK, &limit);
            process_start();
            stack_limits((uint64_t)__libc_stack_end, limit.rlim_cur < 1u << 30 ? limit.rlim_cur : 1u << 30);
            pthread_setspecific(end_key, &self);
            calls_news(CALL_NEWS_EXEC, calls->pid, 0, (uint64_t)getppid(), program_name(name));
            pthread_atfork(fork_prepare, NULL, fork_child);
            on_exit(process_end, NULL);
            cpu_timer_start_process();
        }
    }
    errno = error;
}
