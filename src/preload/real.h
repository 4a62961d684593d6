/* SPDX-License-Identifier: Apache-2.0 */
/*
 * real: the functions behind the hooks, each found at its first use with dlsym(RTLD_NEXT): the C library's, or those of
 * another library that stands between (a sanitizer's). Most processes use few of them, and many live for a millisecond.
 */
#ifndef TOLL_PRELOAD_REAL_H
#define TOLL_PRELOAD_REAL_H

#include <fcntl.h>
#include <link.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Those that headers declare. */
/* clang-format off */
#define REAL_DECLARED(X)                                                                                   \
    X(read) X(write) X(readv) X(writev) X(pread) X(pwrite) X(preadv) X(pwritev) X(send) X(recv) X(sendto)  \
    X(recvfrom) X(sendmsg) X(recvmsg) X(sendfile) X(splice) X(copy_file_range) X(connect) X(accept)        \
    X(accept4) X(socketpair) X(poll) X(ppoll) X(select) X(pselect) X(epoll_wait) X(epoll_pwait)            \
    X(nanosleep) X(clock_nanosleep) X(pause) X(sigsuspend) X(sigwait) X(sigwaitinfo) X(sigtimedwait)       \
    X(sigaction) X(signal) X(signalfd) X(sigpending) X(fsync) X(fdatasync) X(sync) X(syncfs) X(msync)      \
    X(sync_file_range) X(open) X(openat) X(creat) X(close) X(dup2) X(dup3) X(mmap) X(munmap) X(wait)       \
    X(waitpid) X(wait3) X(wait4) X(waitid) X(system) X(popen) X(pclose) X(_exit) X(getaddrinfo)            \
    X(gethostbyname) X(gethostbyname_r) X(gethostbyaddr) X(getnameinfo) X(pthread_mutex_lock)              \
    X(pthread_mutex_trylock) X(pthread_mutex_unlock) X(pthread_mutex_timedlock) X(pthread_rwlock_rdlock)   \
    X(pthread_rwlock_tryrdlock) X(pthread_rwlock_wrlock) X(pthread_rwlock_trywrlock)                       \
    X(pthread_rwlock_unlock) X(pthread_rwlock_timedrdlock) X(pthread_rwlock_timedwrlock)                   \
    X(pthread_cond_wait) X(pthread_cond_timedwait) X(pthread_cond_clockwait) X(pthread_cond_signal)        \
    X(pthread_cond_broadcast) X(sem_wait) X(sem_trywait) X(sem_timedwait) X(sem_clockwait) X(sem_post)     \
    X(pthread_barrier_wait) X(pthread_join) X(pthread_create) X(flock) X(fcntl) X(lockf) X(syscall)        \
    X(fread) X(fgets) X(getdelim) X(fwrite) X(fputs) X(puts) X(fflush) X(fclose) X(fopen) X(vprintf)       \
    X(vfprintf) X(msgrcv) X(msgsnd) X(semop) X(semtimedop) X(mq_send) X(mq_receive) X(mq_timedsend)     \
    X(mq_timedreceive) X(sendmmsg) X(recvmmsg) X(dl_iterate_phdr)
/* clang-format on */

/* Those that only the C library's own macros know (its checked variants). */
#define REAL_HIDDEN(X)                                                                                       \
    X(ssize_t, __read_chk, (int, void *, size_t, size_t))                                                    \
    X(ssize_t, __pread_chk, (int, void *, size_t, off_t, size_t))                                            \
    X(ssize_t, __recv_chk, (int, void *, size_t, size_t, int))                                               \
    X(ssize_t, __recvfrom_chk, (int, void *, size_t, size_t, int, __SOCKADDR_ARG, socklen_t *))              \
    X(int, __poll_chk, (struct pollfd *, nfds_t, int, size_t))                                               \
    X(int, __ppoll_chk, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t))        \
    X(size_t, __fread_chk, (void *, size_t, size_t, size_t, FILE *))                                         \
    X(char *, __fgets_chk, (char *, size_t, int, FILE *))                                                    \
    X(int, __vprintf_chk, (int, const char *, va_list))                                                      \
    X(int, __vfprintf_chk, (FILE *, int, const char *, va_list))

/* NOLINTBEGIN(bugprone-macro-parentheses): names and parameter lists */
struct real {
#define REAL_FIELD(name) __typeof__(name) *name;
    REAL_DECLARED(REAL_FIELD)
#undef REAL_FIELD
#define REAL_FIELD(type, name, parameters) type(*name) parameters;
    REAL_HIDDEN(REAL_FIELD)
#undef REAL_FIELD
};
/* NOLINTEND(bugprone-macro-parentheses) */
extern struct real real_functions;

enum real_index {
#define REAL_ENTRY(name) REAL_##name,
    REAL_DECLARED(REAL_ENTRY)
#undef REAL_ENTRY
#define REAL_ENTRY(type, name, parameters) REAL_##name,
        REAL_HIDDEN(REAL_ENTRY)
#undef REAL_ENTRY
            REAL_COUNT
};

void real_find(enum real_index index);

#define REAL(name)                                                                                           \
    ((__builtin_expect(real_functions.name != NULL, 1) ? (void)0 : real_find(REAL_##name)),                  \
     real_functions.name)

#endif
