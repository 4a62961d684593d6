/* SPDX-License-Identifier: Apache-2.0 */
/* hook_process: threads and children: their starts, and waiting for their ends. */
#include "preload/hook.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>

#include "guest/guest_listing.h"

/* What a new thread is to do, from pthread_create to its start. A block is free when `function` is NULL. */
#define START_COUNT 256

struct start {
    uint32_t is_taken;
    uint32_t maker;
    uint64_t stack_bytes;
    void *(*function)(void *);
    void *argument;
};
static struct start starts[START_COUNT];

static void *thread_main(void *given)
{
    struct start *start = given, mine = *start;

    __atomic_store_n(&start->is_taken, 0, __ATOMIC_RELEASE);
    /* The C library's frame above this one is still of use: it is where every thread starts. */
    calls_thread_begin(mine.maker, (uint64_t)__builtin_frame_address(0) + 16, mine.stack_bytes);
    return mine.function(mine.argument);
}

static struct start *start_take(void)
{
    unsigned i;

    for (i = 0; i < START_COUNT; i++)
        if (!__atomic_load_n(&starts[i].is_taken, __ATOMIC_RELAXED) &&
            !__atomic_exchange_n(&starts[i].is_taken, 1, __ATOMIC_ACQUIRE))
            return &starts[i];
    return NULL;
}

HOOK int pthread_create(pthread_t *ret_thread, const pthread_attr_t *attributes, void *(*function)(void *),
                        void *argument)
{
    struct start *start = calls_on() ? start_take() : NULL;
    size_t stack_bytes = 0; /* unknown: then no stack is its own */
    pthread_attr_t standard;
    int result;

    if (!start)
        return REAL(pthread_create)(ret_thread, attributes, function, argument);
    if (attributes) {
        pthread_attr_getstacksize(attributes, &stack_bytes);
    } else if (pthread_attr_init(&standard) == 0) { /* its size is that of threads without attributes */
        pthread_attr_getstacksize(&standard, &stack_bytes);
        pthread_attr_destroy(&standard);
    }
    start->maker = calls_tid();
    start->stack_bytes = stack_bytes;
    start->function = function;
    start->argument = argument;
    result = REAL(pthread_create)(ret_thread, attributes, thread_main, start);
    if (result != 0)
        __atomic_store_n(&start->is_taken, 0, __ATOMIC_RELEASE);
    return result;
}

HOOK int pthread_join(pthread_t thread, void **ret_value)
{
    struct call call = CALL_INIT(CALL_JOIN, -1, 0, 0);
    struct waker_seen seen = {0};
    int result;

    if (!calls_on())
        return REAL(pthread_join)(thread, ret_value);
    call_begin(&call);
    result = REAL(pthread_join)(thread, ret_value);
    if (waker_find(call_key(CALL_KEY_THREAD, (uint64_t)thread, calls->pid), &seen))
        call.value = seen.who & UINT32_MAX;
    call_end_waker(&call, &seen);
    return result;
}

/* Children */

HOOK pid_t wait4(pid_t pid, int *ret_status, int options, struct rusage *ret_usage)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, pid > 0 ? pid : 0, 0);
    pid_t result;

    if (!calls_on() || (options & WNOHANG))
        return REAL(wait4)(pid, ret_status, options, ret_usage);
    call_begin(&call);
    result = REAL(wait4)(pid, ret_status, options, ret_usage);
    call.value = result > 0 ? (uint64_t)result : 0;
    call_end(&call, 0);
    return result;
}

HOOK pid_t wait3(int *ret_status, int options, struct rusage *ret_usage)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, 0, 0);
    pid_t result;

    if (!calls_on() || (options & WNOHANG))
        return REAL(wait3)(ret_status, options, ret_usage);
    call_begin(&call);
    result = REAL(wait3)(ret_status, options, ret_usage);
    call.value = result > 0 ? (uint64_t)result : 0;
    call_end(&call, 0);
    return result;
}

HOOK pid_t waitpid(pid_t pid, int *ret_status, int options)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, pid > 0 ? pid : 0, 0);
    pid_t result;

    if (!calls_on() || (options & WNOHANG))
        return REAL(waitpid)(pid, ret_status, options);
    call_begin(&call);
    result = REAL(waitpid)(pid, ret_status, options);
    call.value = result > 0 ? (uint64_t)result : 0;
    call_end(&call, 0);
    return result;
}

HOOK pid_t wait(int *ret_status)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, 0, 0);
    pid_t result;

    if (!calls_on())
        return REAL(wait)(ret_status);
    call_begin(&call);
    result = REAL(wait)(ret_status);
    call.value = result > 0 ? (uint64_t)result : 0;
    call_end(&call, 0);
    return result;
}

HOOK int waitid(idtype_t type, id_t id, siginfo_t *ret_info, int options)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, type == P_PID ? id : 0, 0);
    siginfo_t own = {0};
    int result;

    if (!calls_on() || (options & WNOHANG))
        return REAL(waitid)(type, id, ret_info, options);
    call_begin(&call);
    result = REAL(waitid)(type, id, ret_info ? ret_info : &own, options);
    call.value = result == 0 ? (uint64_t)(ret_info ? ret_info : &own)->si_pid : 0;
    call_end(&call, 0);
    return result;
}

/* A shell's whole run; which process it was is not told. */
HOOK int system(const char *command)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, 0, 0);
    int result;

    if (!calls_on() || !command)
        return REAL(system)(command);
    call_begin(&call);
    self.outer_frame = (uint64_t)call.frame;
    result = REAL(system)(command);
    self.outer_frame = 0;
    call_end(&call, 0);
    return result;
}

HOOK int pclose(FILE *stream)
{
    struct call call = CALL_INIT(CALL_CHILD, -1, 0, 0);
    int result;

    if (!calls_on())
        return REAL(pclose)(stream);
    fd_forget(fileno(stream));
    call_begin(&call);
    result = REAL(pclose)(stream);
    call_end(&call, 0);
    return result;
}

HOOK int dl_iterate_phdr(int (*each)(struct dl_phdr_info *, size_t, void *), void *context)
{
    return guest_listing_iterate(REAL(dl_iterate_phdr), each, context);
}
