/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook_lock: locks, conditions, semaphores, barriers, and the futex call of other runtimes.
 *
 * A lock that is free is taken here, as glibc takes it: an ordinary mutex (kind 0) is a word that is 0 free, 1 held, 2
 * held with waiters, an owner and a count of users; of all other kinds, and with a glibc that was not looked into, the
 * trylock function takes it. Only when it is held the clock is read; and only when the lock's own word says that
 * somebody waits, letting it go is published. The words are glibc's: a mutex at 2 has
 * waiters (robust ones: the FUTEX_WAITERS bit), `__wrefs` of a condition counts waiters from bit 3 on, the high
 * half of a semaphore does (nptl/descr.h, bits/struct_mutex.h). They are only looked at: another C library's
 * words cost a name of a waker or add one publication.
 */
#include "preload/hook.h"

#include <gnu/libc-version.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>

#define GLIBC_MINOR_MIN 31 /* those whose mutexes were looked into */
#define GLIBC_MINOR_MAX 42

static bool mutex_is_wanted(const pthread_mutex_t *mutex)
{
    unsigned word = (unsigned)__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED);

    return word == 2 || (word & FUTEX_WAITERS);
}

static uint64_t lock_key(const void *lock)
{
    return call_key(CALL_KEY_LOCK, (uint64_t)lock, calls->pid);
}

static uint64_t signal_key(const void *object)
{
    return call_key(CALL_KEY_SIGNAL, (uint64_t)object, calls->pid);
}

/* The last one who let it go, or who held it when the wait began. */
static void lock_waited(struct call *call, uint32_t owner)
{
    struct waker_seen seen = {0};

    if (!waker_find(lock_key((const void *)call->value), &seen) || seen.time < call->start)
        seen = (struct waker_seen){.who = owner ? (uint64_t)calls->pid << 32 | owner : 0, .time = 0};
    call_end_waker(call, &seen);
}

__attribute__((noinline)) static int mutex_wait(struct call *call, pthread_mutex_t *mutex,
                                                const struct timespec *limit)
{
    uint32_t owner = (uint32_t)__atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
    int result;

    call_begin(call);
    result = limit ? REAL(pthread_mutex_timedlock)(mutex, limit) : REAL(pthread_mutex_lock)(mutex);
    lock_waited(call, owner);
    return result;
}

/* Whether mutexes of kind 0 are known to be what this file takes them for. */
static bool is_plain_known;

__attribute__((constructor(102))) static void libc_look(void)
{
    const char *version = gnu_get_libc_version();
    char *end;
    long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

    is_plain_known = major == 2 && minor >= GLIBC_MINOR_MIN && minor <= GLIBC_MINOR_MAX;
}

static inline bool plain_take(pthread_mutex_t *mutex)
{
    int expected = 0;

    if (__libc_single_threaded) {
        if (mutex->__data.__lock != 0)
            return false;
        mutex->__data.__lock = 1;
    } else if (!__atomic_compare_exchange_n(&mutex->__data.__lock, &expected, 1, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED)) {
        return false;
    }
    mutex->__data.__owner = (int)calls_tid();
    mutex->__data.__nusers++;
    return true;
}

static inline void plain_give(pthread_mutex_t *mutex)
{
    int before = 1;

    mutex->__data.__owner = 0;
    mutex->__data.__nusers--;
    if (__libc_single_threaded)
        mutex->__data.__lock = 0;
    else
        before = __atomic_exchange_n(&mutex->__data.__lock, 0, __ATOMIC_RELEASE);
    if (__builtin_expect(before > 1, 0)) {
        int error = errno;
        REAL(syscall)(SYS_futex, &mutex->__data.__lock, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
        errno = error;
    }
}

static inline bool is_plain(const pthread_mutex_t *mutex)
{
    return is_plain_known && mutex->__data.__kind == 0;
}

HOOK int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (__builtin_expect(is_plain(mutex), 1)) {
        if (__builtin_expect(plain_take(mutex), 1))
            return 0;
        if (!calls_on())
            return REAL(pthread_mutex_lock)(mutex);
        struct call held = CALL_INIT(CALL_LOCK, -1, mutex, 0);
        return mutex_wait(&held, mutex, NULL);
    }
    int result = REAL(pthread_mutex_trylock)(mutex);

    if (__builtin_expect(result != EBUSY, 1))
        return result;
    if (!calls_on())
        return REAL(pthread_mutex_lock)(mutex);
    struct call call = CALL_INIT(CALL_LOCK, -1, mutex, 0);
    return mutex_wait(&call, mutex, NULL);
}

HOOK int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *limit)
{
    int result = REAL(pthread_mutex_trylock)(mutex);

    if (__builtin_expect(result != EBUSY, 1))
        return result;
    if (!calls_on())
        return REAL(pthread_mutex_timedlock)(mutex, limit);
    struct call call = CALL_INIT(CALL_LOCK, -1, mutex, 0);
    return mutex_wait(&call, mutex, limit);
}

HOOK int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (__builtin_expect(mutex_is_wanted(mutex), 0) && calls_on())
        waker_publish_stack(lock_key(mutex), __builtin_frame_address(0), __builtin_return_address(0));
    if (__builtin_expect(!is_plain(mutex), 0))
        return REAL(pthread_mutex_unlock)(mutex);
    plain_give(mutex);
    return 0;
}

/* Readers and writers */

__attribute__((noinline)) static int rwlock_wait(struct call *call, pthread_rwlock_t *lock, bool is_write,
                                                 const struct timespec *limit)
{
    uint32_t owner = (uint32_t)__atomic_load_n(&lock->__data.__cur_writer, __ATOMIC_RELAXED);
    int result;

    call_begin(call);
    if (limit)
        result = is_write ? REAL(pthread_rwlock_timedwrlock)(lock, limit)
                          : REAL(pthread_rwlock_timedrdlock)(lock, limit);
    else
        result = is_write ? REAL(pthread_rwlock_wrlock)(lock) : REAL(pthread_rwlock_rdlock)(lock);
    lock_waited(call, owner);
    return result;
}

#define HOOK_RWLOCK(name, try, is_write)                                                                     \
    HOOK int name(pthread_rwlock_t *lock)                                                                    \
    {                                                                                                        \
        int result = REAL(try)(lock);                                                                        \
                                                                                                             \
        if (__builtin_expect(result != EBUSY, 1))                                                            \
            return result;                                                                                   \
        if (!calls_on())                                                                                     \
            return REAL(name)(lock);                                                                         \
        struct call call = CALL_INIT(CALL_LOCK, -1, lock, 0);                                                \
        return rwlock_wait(&call, lock, is_write, NULL);                                                     \
    }
HOOK_RWLOCK(pthread_rwlock_rdlock, pthread_rwlock_tryrdlock, false)
HOOK_RWLOCK(pthread_rwlock_wrlock, pthread_rwlock_trywrlock, true)

#define HOOK_RWLOCK_TIMED(name, try, is_write)                                                               \
    HOOK int name(pthread_rwlock_t *lock, const struct timespec *limit)                                      \
    {                                                                                                        \
        int result = REAL(try)(lock);                                                                        \
                                                                                                             \
        if (__builtin_expect(result != EBUSY, 1))                                                            \
            return result;                                                                                   \
        if (!calls_on())                                                                                     \
            return REAL(name)(lock, limit);                                                                  \
        struct call call = CALL_INIT(CALL_LOCK, -1, lock, 0);                                                \
        return rwlock_wait(&call, lock, is_write, limit);                                                    \
    }
HOOK_RWLOCK_TIMED(pthread_rwlock_timedrdlock, pthread_rwlock_tryrdlock, false)
HOOK_RWLOCK_TIMED(pthread_rwlock_timedwrlock, pthread_rwlock_trywrlock, true)

#define RWLOCK_FUTEX_USED 2u
#define RWLOCK_WAITING    4u /* of __readers: readers wait for writers that go first (PTHREAD_RWLOCK_RWAITING) */

HOOK int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    bool is_wanted = ((lock->__data.__wrphase_futex | lock->__data.__writers_futex) & RWLOCK_FUTEX_USED) ||
                     (lock->__data.__readers & RWLOCK_WAITING) || lock->__data.__writers;

    if (is_wanted && calls_on())
        waker_publish_stack(lock_key(lock), __builtin_frame_address(0), __builtin_return_address(0));
    return REAL(pthread_rwlock_unlock)(lock);
}

/* Conditions */

/* A wait lets its mutex go, and has it again at the end. */
static void cond_begin(struct call *call, const pthread_mutex_t *mutex)
{
    if (mutex_is_wanted(mutex))
        waker_publish_stack(lock_key(mutex), call->frame, call->caller);
    call_begin(call);
}

static void cond_end(struct call *call)
{
    struct waker_seen seen = {0};

    if (call->kind == CALL_CONDITION_LATE || !waker_find(signal_key((const void *)call->value), &seen) ||
        seen.time < call->start)
        seen = (struct waker_seen){0};
    call_end_waker(call, &seen);
}

/* A wait with a time limit, which passed or not. */
static void cond_end_timed(struct call *call, bool is_late)
{
    if (is_late)
        call->kind = CALL_CONDITION_LATE;
    cond_end(call);
}

HOOK int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, condition, 0);
    int result;

    if (!calls_on())
        return REAL(pthread_cond_wait)(condition, mutex);
    cond_begin(&call, mutex);
    result = REAL(pthread_cond_wait)(condition, mutex);
    cond_end(&call);
    return result;
}

HOOK int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                const struct timespec *limit)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, condition, 0);
    int result;

    if (!calls_on())
        return REAL(pthread_cond_timedwait)(condition, mutex, limit);
    cond_begin(&call, mutex);
    result = REAL(pthread_cond_timedwait)(condition, mutex, limit);
    cond_end_timed(&call, result == ETIMEDOUT);
    return result;
}

HOOK int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                                const struct timespec *limit)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, condition, 0);
    int result;

    if (!calls_on())
        return REAL(pthread_cond_clockwait)(condition, mutex, clock, limit);
    cond_begin(&call, mutex);
    result = REAL(pthread_cond_clockwait)(condition, mutex, clock, limit);
    cond_end_timed(&call, result == ETIMEDOUT);
    return result;
}

static bool cond_is_wanted(const pthread_cond_t *condition)
{
    return __atomic_load_n(&condition->__data.__wrefs, __ATOMIC_RELAXED) >> 3 != 0;
}

HOOK int pthread_cond_signal(pthread_cond_t *condition)
{
    if (cond_is_wanted(condition) && calls_on())
        waker_publish_stack(signal_key(condition), __builtin_frame_address(0), __builtin_return_address(0));
    return REAL(pthread_cond_signal)(condition);
}

HOOK int pthread_cond_broadcast(pthread_cond_t *condition)
{
    if (cond_is_wanted(condition) && calls_on())
        waker_publish_stack(signal_key(condition), __builtin_frame_address(0), __builtin_return_address(0));
    return REAL(pthread_cond_broadcast)(condition);
}

/* Semaphores and barriers */

HOOK int sem_wait(sem_t *semaphore)
{
    int error = errno, result = REAL(sem_trywait)(semaphore);

    if (result == 0 || errno != EAGAIN)
        return result;
    errno = error;
    if (!calls_on())
        return REAL(sem_wait)(semaphore);
    struct call call = CALL_INIT(CALL_CONDITION, -1, semaphore, 0);
    call_begin(&call);
    result = REAL(sem_wait)(semaphore);
    cond_end(&call);
    return result;
}

HOOK int sem_timedwait(sem_t *semaphore, const struct timespec *limit)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, semaphore, 0);
    int result;

    if (!calls_on())
        return REAL(sem_timedwait)(semaphore, limit);
    call_begin(&call);
    result = REAL(sem_timedwait)(semaphore, limit);
    cond_end_timed(&call, result == -1 && errno == ETIMEDOUT);
    return result;
}

HOOK int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *limit)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, semaphore, 0);
    int result;

    if (!calls_on())
        return REAL(sem_clockwait)(semaphore, clock, limit);
    call_begin(&call);
    result = REAL(sem_clockwait)(semaphore, clock, limit);
    cond_end_timed(&call, result == -1 && errno == ETIMEDOUT);
    return result;
}

HOOK int sem_post(sem_t *semaphore)
{
    uint64_t word;

    memcpy(&word, semaphore, sizeof word);
    if (word >> 32 != 0 && calls_on())
        waker_publish_stack(signal_key(semaphore), __builtin_frame_address(0), __builtin_return_address(0));
    return REAL(sem_post)(semaphore);
}

/* The last to come lets the others go. */
HOOK int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, barrier, 0);
    int result;

    if (!calls_on())
        return REAL(pthread_barrier_wait)(barrier);
    waker_publish_stack(signal_key(barrier), call.frame, call.caller);
    call_begin(&call);
    result = REAL(pthread_barrier_wait)(barrier);
    cond_end(&call);
    return result;
}

/* The futex call itself: Rust's locks, and others that do without pthreads */

static bool futex_waits(long operation)
{
    long command = operation & FUTEX_CMD_MASK;

    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI;
}

static bool futex_wakes(long operation)
{
    long command = operation & FUTEX_CMD_MASK;

    return command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET || command == FUTEX_UNLOCK_PI ||
           command == FUTEX_REQUEUE || command == FUTEX_CMP_REQUEUE || command == FUTEX_WAKE_OP;
}

static long futex_wait(struct call *call, const long *arguments)
{
    long result;

    call_begin(call);
    result = REAL(syscall)(SYS_futex, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                           arguments[5]);
    cond_end_timed(call, call->kind == CALL_CONDITION && result == -1 && errno == ETIMEDOUT);
    return result;
}

HOOK long syscall(long number, ...)
{
    struct call call = CALL_INIT(CALL_CONDITION, -1, 0, 0);
    long arguments[6];
    va_list rest;
    int i;

    va_start(rest, number);
    for (i = 0; i < 6; i++)
        arguments[i] = va_arg(rest, long); /* NOLINT(clang-analyzer-valist.Uninitialized): va_start did */
    va_end(rest);
    if (number == SYS_futex && calls->is_on && !call_is_inner(call.frame)) {
        call.value = (uint64_t)arguments[0];
        if (futex_waits(arguments[1]))
            return futex_wait(&call, arguments);
        if (futex_wakes(arguments[1]))
            waker_publish_stack(signal_key((const void *)arguments[0]), call.frame, call.caller);
    }
    return REAL(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                         arguments[5]);
}
