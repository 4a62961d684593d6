/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook_poll: waiting for several descriptors, and for time.
 *
 * The kernel does not restart these after a signal. Where only the CPU timer's came, the hook calls again for the
 * time that is left: the program never asked for that signal and must not see it.
 */
#include "preload/hook.h"

#include <limits.h>
#include <string.h>

#define NS_PER_S 1000000000ull

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t time_ns(const struct timespec *time)
{
    return time->tv_sec < 0 || time->tv_sec > (time_t)(UINT32_MAX)*4
               ? UINT64_MAX / 4
               : (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_nsec;
}

static struct timespec time_left(uint64_t end_ns)
{
    uint64_t now = now_ns(), left = end_ns > now ? end_ns - now : 0;
    struct timespec time = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};

    return time;
}

/* A signal of ours alone broke the call off, as far as can be told. */
static bool is_again(int64_t result, uint32_t sample_count)
{
    return result < 0 && errno == EINTR && self.sample_count != sample_count && calls->is_on;
}

/* Which one ended the wait, or is waited for. */
static void poll_choose(struct call *call, const struct pollfd *fds, nfds_t count, int result)
{
    nfds_t i;

    for (i = 0; i < count && i < 64; i++) {
        if (fds[i].fd < 0 || (result > 0 && !fds[i].revents))
            continue;
        call->fd = fds[i].fd;
        call->value = (uint64_t)(unsigned)fds[i].fd;
        if (result > 0)
            call->entry = fd_find(call->fd);
        return;
    }
    call->kind = CALL_POLL_NONE;
}

static int poll_call(struct call *call, struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                     const sigset_t *mask)
{
    uint64_t end_ns = timeout ? now_ns() + time_ns(timeout) : 0;
    struct timespec left = timeout ? *timeout : (struct timespec){0};
    uint32_t sample_count;
    int result;

    poll_choose(call, fds, count, 0);
    call->size = !timeout || time_ns(timeout) ? 1 : 0;
    if (call->kind == CALL_POLL_NONE && timeout)
        call->value = time_ns(timeout);
    call_begin(call);
    do {
        sample_count = self.sample_count;
        result = REAL(ppoll)(fds, count, timeout ? &left : NULL, mask);
        if (timeout)
            left = time_left(end_ns);
    } while (is_again(result, sample_count));
    call->size = 0;
    if (result > 0)
        poll_choose(call, fds, count, result);
    call_end(call, -1);
    return result;
}

static int poll_any(struct call *call, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

    return poll_call(call, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

HOOK int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct call call = CALL_INIT(CALL_POLL, -1, 0, 0);

    if (!calls_on() || call_is_inner(call.frame) || !fds)
        return REAL(poll)(fds, count, timeout_ms);
    return poll_any(&call, fds, count, timeout_ms);
}

HOOK int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room);
HOOK int __poll_chk(struct pollfd *fds, nfds_t count, int timeout_ms, size_t room)
{
    struct call call = CALL_INIT(CALL_POLL, -1, 0, 0);

    if (!calls_on() || call_is_inner(call.frame) || !fds || room / sizeof *fds < count)
        return REAL(__poll_chk)(fds, count, timeout_ms, room);
    return poll_any(&call, fds, count, timeout_ms);
}

HOOK int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    struct call call = CALL_INIT(CALL_POLL, -1, 0, 0);

    if (!calls_on() || call_is_inner(call.frame) || !fds)
        return REAL(ppoll)(fds, count, timeout, mask);
    return poll_call(&call, fds, count, timeout, mask);
}

HOOK int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                     size_t room);
HOOK int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                     size_t room)
{
    struct call call = CALL_INIT(CALL_POLL, -1, 0, 0);

    if (!calls_on() || call_is_inner(call.frame) || !fds || room / sizeof *fds < count)
        return REAL(__ppoll_chk)(fds, count, timeout, mask, room);
    return poll_call(&call, fds, count, timeout, mask);
}

/* The first descriptor of the sets. */
static void select_choose(struct call *call, int limit, const fd_set *reads, const fd_set *writes)
{
    int fd;

    for (fd = 0; fd < limit && fd < FD_SETSIZE; fd++) {
        if ((reads && FD_ISSET(fd, reads)) || (writes && FD_ISSET(fd, writes))) {
            call->fd = fd;
            call->value = (uint64_t)fd;
            return;
        }
    }
    call->kind = CALL_POLL_NONE;
}

HOOK int select(int limit, fd_set *reads, fd_set *writes, fd_set *others, struct timeval *timeout)
{
    struct call call = CALL_INIT(CALL_POLL, -1, 0, 0);
    uint32_t sample_count;
    int result;

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(select)(limit, reads, writes, others, timeout);
    select_choose(&call, limit, reads, writes);
    call.size = !timeout || timeout->tv_sec || timeout->tv_usec ? 1 : 0;
    if (call.kind == CALL_POLL_NONE && timeout)
        call.value = (uint64_t)timeout->tv_sec * NS_PER_S + (uint64_t)timeout->tv_usec * 1000;
    call_begin(&call);
    do { /* the kernel leaves the sets and counts the timeout down */
        sample_count = self.sample_count;
        result = REAL(select)(limit, reads, writes, others, timeout);
    } while (is_again(result, sample_count));
    call.size = 0;
    if (result > 0 && call.kind == CALL_POLL) {
        select_choose(&call, limit, reads, writes);
        call.kind = CALL_POLL;
        call.entry = call.fd >= 0 ? fd_find(call.fd) : NULL;
    }
    call_end(&call, -1);
    return result;
}

HOOK int pselect(int limit, fd_set *reads, fd_set *writes, fd_set *others, const struct timespec *timeout,
                 const sigset_t *mask)
{
    struct call call = CALL_INIT(CALL_POLL, -1, 0, 0);
    uint64_t end_ns = timeout ? now_ns() + time_ns(timeout) : 0;
    struct timespec left = timeout ? *timeout : (struct timespec){0};
    uint32_t sample_count;
    int result;

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(pselect)(limit, reads, writes, others, timeout, mask);
    select_choose(&call, limit, reads, writes);
    call.size = 1;
    if (call.kind == CALL_POLL_NONE && timeout)
        call.value = time_ns(timeout);
    call_begin(&call);
    do {
        sample_count = self.sample_count;
        result = REAL(pselect)(limit, reads, writes, others, timeout ? &left : NULL, mask);
        if (timeout)
            left = time_left(end_ns);
    } while (is_again(result, sample_count));
    call.size = 0;
    call_end(&call, -1);
    return result;
}

/* What an event carries is the program's own, very often the descriptor. */
static void epoll_choose(struct call *call, const struct epoll_event *events, int result)
{
    int fd;

    if (result <= 0)
        return;
    fd = events[0].data.fd;
    if ((unsigned)fd < FD_COUNT_MAX && events[0].data.u64 >> 32 == 0 && fd_table[fd].serial) {
        call->fd = fd;
        call->value = (uint64_t)fd;
        call->entry = fd_find(fd);
    }
}

static int epoll_call(struct call *call, struct epoll_event *events, int limit, int timeout_ms,
                      const sigset_t *mask)
{
    uint64_t end_ns = now_ns() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;
    int epoll_fd = call->fd, left_ms = timeout_ms, result;
    uint32_t sample_count;

    call->size = timeout_ms != 0;
    call_begin(call);
    do {
        sample_count = self.sample_count;
        result = REAL(epoll_pwait)(epoll_fd, events, limit, left_ms, mask);
        if (timeout_ms > 0) {
            uint64_t now = now_ns();
            left_ms = now < end_ns ? (int)((end_ns - now + 999999) / 1000000) : 0;
        }
    } while (is_again(result, sample_count));
    call->size = 0;
    epoll_choose(call, events, result);
    call_end(call, -1);
    return result;
}

HOOK int epoll_wait(int fd, struct epoll_event *events, int limit, int timeout_ms)
{
    struct call call = CALL_INIT(CALL_POLL, fd, fd, 0);

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(epoll_wait)(fd, events, limit, timeout_ms);
    return epoll_call(&call, events, limit, timeout_ms, NULL);
}

HOOK int epoll_pwait(int fd, struct epoll_event *events, int limit, int timeout_ms, const sigset_t *mask)
{
    struct call call = CALL_INIT(CALL_POLL, fd, fd, 0);

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(epoll_pwait)(fd, events, limit, timeout_ms, mask);
    return epoll_call(&call, events, limit, timeout_ms, mask);
}

/* Sleeps */

/* What is left after a signal goes on from where it was. */
static int sleep_call(struct call *call, const struct timespec *time, struct timespec *ret_left)
{
    struct timespec left = *time;
    uint32_t sample_count;
    int result;

    call->value = time_ns(time);
    call_begin(call);
    do {
        sample_count = self.sample_count;
        result = REAL(nanosleep)(&left, &left);
    } while (is_again(result, sample_count));
    call_end(call, 0);
    if (result < 0 && errno == EINTR && ret_left)
        *ret_left = left;
    return result;
}

HOOK int nanosleep(const struct timespec *time, struct timespec *ret_left)
{
    struct call call = CALL_INIT(CALL_SLEEP, -1, 0, 0);

    if (!calls_on() || !time)
        return REAL(nanosleep)(time, ret_left);
    return sleep_call(&call, time, ret_left);
}

HOOK int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *ret_left)
{
    struct call call = CALL_INIT(CALL_SLEEP, -1, 0, 0);
    struct timespec left;
    uint32_t sample_count;
    int result;

    if (!calls_on() || !time)
        return REAL(clock_nanosleep)(clock, flags, time, ret_left);
    left = *time;
    call.value = flags & TIMER_ABSTIME ? 0 : time_ns(time);
    call_begin(&call);
    do {
        sample_count = self.sample_count;
        result = REAL(clock_nanosleep)(clock, flags, &left, flags & TIMER_ABSTIME ? NULL : &left);
    } while (result == EINTR && self.sample_count != sample_count && calls->is_on);
    call_end(&call, 0);
    if (result == EINTR && ret_left && !(flags & TIMER_ABSTIME))
        *ret_left = left;
    return result;
}

HOOK int usleep(useconds_t us)
{
    struct call call = CALL_INIT(CALL_SLEEP, -1, 0, 0);
    struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};

    return calls_on() ? sleep_call(&call, &time, NULL) : REAL(nanosleep)(&time, NULL);
}

HOOK unsigned sleep(unsigned seconds)
{
    struct call call = CALL_INIT(CALL_SLEEP, -1, 0, 0);
    struct timespec time = {.tv_sec = (time_t)seconds}, left = {0};
    int error = errno, result;

    result = calls_on() ? sleep_call(&call, &time, &left) : REAL(nanosleep)(&time, &left);
    if (result < 0)
        return (unsigned)left.tv_sec;
    errno = error;
    return 0;
}
