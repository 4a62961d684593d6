/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu_timer: samples of what a thread does, by a timer on its own CPU time and a signal to it alone.
 *
 * The signal is a realtime one that the program has no handler for. When the program later wants it, the timers
 * end. A signal meets only a thread on a CPU, and the kernel restarts most calls that it interrupts (SA_RESTART); the
 * hooks of those that it does not restart call again when self.sample_count moved. An exec drops timers and
 * their signals.
 */
#include "preload/internal.h"

#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define SIGNAL_TRIES 8
#define TIMER_NAME   0x746f6c6c /* sigev_value of ours */

static int signal_number; /* 0: none could be had */

int cpu_timer_signal(void)
{
    return signal_number;
}

/* `missed`: periods that passed while an event was written. */
static void sample_write(struct lane *lane, const ucontext_t *context, uint32_t count, uint32_t missed)
{
    uint64_t stack = 0;
    bool is_own = false;
    uint32_t own;

#if defined(__x86_64__)
    const greg_t *registers = context->uc_mcontext.gregs;
    const struct stack_at at = {{[CALL_REGISTER_PLACE] = (uint64_t)registers[REG_RIP],
                                 [CALL_REGISTER_STACK] = (uint64_t)registers[REG_RSP],
                                 [CALL_REGISTER_FRAME] = (uint64_t)registers[REG_RBP],
                                 [CALL_REGISTER_BASE] = (uint64_t)registers[REG_RBX]}};
#elif defined(__aarch64__)
    const struct stack_at at = {{[CALL_REGISTER_PLACE] = context->uc_mcontext.pc,
                                 [CALL_REGISTER_STACK] = context->uc_mcontext.sp,
                                 [CALL_REGISTER_FRAME] = context->uc_mcontext.regs[29],
                                 [CALL_REGISTER_BASE] = context->uc_mcontext.regs[19],
                                 [CALL_REGISTER_LINK] = context->uc_mcontext.regs[30]}};
#endif
    stack = stack_tell_sample(lane, &at, &is_own);
    if (!lane_begin(lane, 3))
        return;
    own = missed + (is_own ? count : 0);
    lane_put(lane, 0, call_head(CALL_SAMPLE, 3, own < UINT16_MAX ? own : UINT16_MAX, count + missed));
    lane_put(lane, 1, calls_clock());
    lane_put(lane, 2, stack);
    lane_commit(lane, 3);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    int error = errno;
    uint32_t count = 1;
    struct lane *lane;

    (void)number;
    self.sample_count++;
    if (info->si_code != SI_TIMER || info->si_value.sival_int != TIMER_NAME || !calls->is_on) {
        errno = error;
        return;
    }
    if (info->si_overrun > 0)
        count += (uint32_t)info->si_overrun;
    lane = self.lane ? self.lane : lane_get();
    if (lane && lane->is_busy) {
        lane->missed_count += count;
    } else if (lane) {
        uint32_t missed = lane->missed_count;

        lane->missed_count = 0;
        sample_write(lane, context, count, missed);
    }
    errno = error;
}

static bool signal_take(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    struct sigaction old;
    int number;

    sigfillset(&action.sa_mask);
    for (number = SIGRTMAX - 3; number > SIGRTMAX - 3 - SIGNAL_TRIES; number--) {
        if (REAL(sigaction)(number, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) &&
            old.sa_handler == SIG_DFL && REAL(sigaction)(number, &action, NULL) == 0) {
            signal_number = number;
            return true;
        }
    }
    return false;
}

void cpu_timer_start_thread(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signal_number};
    struct itimerspec every = {0};
    uint64_t period_ns = calls_session->sample_ns, first_ns;
    int id, slot;

    if (!signal_number || !period_ns || self.timer)
        return;
    event.sigev_value.sival_int = TIMER_NAME;
    event._sigev_un._tid = (int)calls_tid();
    if (syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &id) != 0)
        return;
    for (slot = 0; slot < (int)LANE_COUNT_MAX; slot++) {
        int32_t expected = 0;

        if (!__atomic_load_n(&calls->timers[slot], __ATOMIC_RELAXED) &&
            __atomic_compare_exchange_n(&calls->timers[slot], &expected, id + 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            break;
    }
    if (slot == (int)LANE_COUNT_MAX) {
        syscall(SYS_timer_delete, id);
        return;
    }
    self.timer = slot + 1;
    /* A first period of any length: threads shorter than one have their share of samples. */
    first_ns = call_key(0, calls_tid(), calls_clock()) % period_ns + 1;
    every.it_interval.tv_sec = (time_t)(period_ns / 1000000000u);
    every.it_interval.tv_nsec = (long)(period_ns % 1000000000u);
    every.it_value.tv_sec = (time_t)(first_ns / 1000000000u);
    every.it_value.tv_nsec = (long)(first_ns % 1000000000u);
    syscall(SYS_timer_settime, id, 0, &every, NULL);
}

void cpu_timer_start_process(void)
{
    if (!calls_session->sample_ns)
        return;
    maps_start();
    if (signal_number || signal_take())
        cpu_timer_start_thread();
}

static void timer_end(int slot)
{
    int32_t id = __atomic_exchange_n(&calls->timers[slot], 0, __ATOMIC_ACQ_REL);

    if (id)
        syscall(SYS_timer_delete, id - 1);
}

void cpu_timer_stop_thread(void)
{
    if (self.timer)
        timer_end(self.timer - 1);
    self.timer = 0;
}

void cpu_timer_stop_all(void)
{
    int slot;

    for (slot = 0; slot < (int)LANE_COUNT_MAX; slot++)
        if (calls->timers[slot])
            timer_end(slot);
    self.timer = 0;
}

/* The program's own wish for the signal: what waits of ours is dropped first. */
static void signal_give_back(void)
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    int number = signal_number;

    signal_number = 0;
    cpu_timer_stop_all();
    REAL(sigaction)(number, &action, NULL);
    action.sa_handler = SIG_DFL;
    REAL(sigaction)(number, &action, NULL);
}

static bool is_ours(int number)
{
    return number && number == signal_number && calls->is_on;
}

HOOK int sigaction(int number, const struct sigaction *action, struct sigaction *ret_old)
{
    if (!is_ours(number))
        return REAL(sigaction)(number, action, ret_old);
    if (action && ((action->sa_flags & SA_SIGINFO) || action->sa_handler != SIG_DFL)) {
        signal_give_back();
        return REAL(sigaction)(number, action, ret_old);
    }
    if (ret_old) /* what the program would find without us */
        memset(ret_old, 0, sizeof *ret_old);
    return 0;
}

HOOK sighandler_t signal(int number, sighandler_t handler)
{
    if (!is_ours(number))
        return REAL(signal)(number, handler);
    if (handler == SIG_DFL)
        return SIG_DFL;
    signal_give_back();
    return REAL(signal)(number, handler);
}

/* Sets of signals that are waited for hold ours only by saying "all". */
static const sigset_t *set_without(const sigset_t *set, sigset_t *storage)
{
    if (!set || !signal_number || !calls->is_on)
        return set;
    *storage = *set;
    sigdelset(storage, signal_number);
    return storage;
}

HOOK int sigwait(const sigset_t *set, int *ret_number)
{
    sigset_t storage;
    struct call call = CALL_INIT(CALL_SIGNAL, -1, 0, 0);
    int result;

    if (!calls_on())
        return REAL(sigwait)(set, ret_number);
    set = set_without(set, &storage);
    call_begin(&call);
    result = REAL(sigwait)(set, ret_number);
    call_end(&call, 0);
    return result;
}

HOOK int sigwaitinfo(const sigset_t *set, siginfo_t *ret_info)
{
    return sigtimedwait(set, ret_info, NULL);
}

HOOK int sigtimedwait(const sigset_t *set, siginfo_t *ret_info, const struct timespec *timeout)
{
    sigset_t storage;
    struct call call = CALL_INIT(CALL_SIGNAL, -1, 0, 0);
    int result;

    if (!calls_on())
        return REAL(sigtimedwait)(set, ret_info, timeout);
    set = set_without(set, &storage);
    call_begin(&call);
    result = REAL(sigtimedwait)(set, ret_info, timeout);
    call_end(&call, 0);
    return result;
}

HOOK int signalfd(int fd, const sigset_t *set, int flags)
{
    sigset_t storage;

    return REAL(signalfd)(fd, set_without(set, &storage), flags);
}

HOOK int sigpending(sigset_t *ret_set)
{
    int result = REAL(sigpending)(ret_set);

    if (result == 0 && signal_number && calls->is_on)
        sigdelset(ret_set, signal_number);
    return result;
}

/* Waits until a signal comes that is not ours: it is blocked meanwhile. */
static int suspend(const sigset_t *mask, struct call *call)
{
    sigset_t storage = *mask;
    int result;

    if (signal_number)
        sigaddset(&storage, signal_number);
    call_begin(call);
    result = REAL(sigsuspend)(&storage);
    call_end(call, 0);
    return result;
}

HOOK int sigsuspend(const sigset_t *mask)
{
    struct call call = CALL_INIT(CALL_SIGNAL, -1, 0, 0);

    return calls_on() ? suspend(mask, &call) : REAL(sigsuspend)(mask);
}

HOOK int pause(void)
{
    struct call call = CALL_INIT(CALL_SIGNAL, -1, 0, 0);
    sigset_t mask;

    if (!calls_on() || pthread_sigmask(SIG_BLOCK, NULL, &mask) != 0)
        return REAL(pause)();
    return suspend(&mask, &call);
}
