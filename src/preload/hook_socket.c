/* SPDX-License-Identifier: Apache-2.0 */
/* hook_socket: sockets, and names of machines. */
#include "preload/hook.h"

#include <string.h>

HOOK_CALL(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags),
          CALL_WRITE, fd, fd, size)
HOOK_CALL(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags), CALL_READ,
          fd, fd, size)
HOOK_CALL(ssize_t, sendto,
          (int fd, const void *bytes, size_t size, int flags, __CONST_SOCKADDR_ARG to, socklen_t length),
          (fd, bytes, size, flags, to, length), CALL_WRITE, fd, fd, size)
HOOK_CALL(ssize_t, recvfrom,
          (int fd, void *bytes, size_t size, int flags, __SOCKADDR_ARG from, socklen_t *length),
          (fd, bytes, size, flags, from, length), CALL_READ, fd, fd, size)
HOOK_CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags),
          CALL_WRITE, fd, fd, 0)
HOOK_CALL(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), CALL_READ, fd,
          fd, 0)
HOOK_CALL(ssize_t, __recv_chk, (int fd, void *bytes, size_t size, size_t room, int flags),
          (fd, bytes, size, room, flags), CALL_READ, fd, fd, size)
HOOK_CALL(ssize_t, __recvfrom_chk,
          (int fd, void *bytes, size_t size, size_t room, int flags, __SOCKADDR_ARG from, socklen_t *length),
          (fd, bytes, size, room, flags, from, length), CALL_READ, fd, fd, size)

/* What a call counts are bytes, not messages. */
static int64_t message_bytes(const struct mmsghdr *messages, int count)
{
    int64_t bytes = count < 0 ? count : 0;
    int i;

    for (i = 0; i < count; i++)
        bytes += messages[i].msg_len;
    return bytes;
}

HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    struct call call = CALL_INIT(CALL_WRITE, fd, fd, 0);
    int result;

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(sendmmsg)(fd, messages, count, flags);
    call_begin(&call);
    result = REAL(sendmmsg)(fd, messages, count, flags);
    call_end(&call, message_bytes(messages, result));
    return result;
}

HOOK int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    struct call call = CALL_INIT(CALL_READ, fd, fd, 0);
    int result;

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(recvmmsg)(fd, messages, count, flags, timeout);
    call_begin(&call);
    result = REAL(recvmmsg)(fd, messages, count, flags, timeout);
    call_end(&call, message_bytes(messages, result));
    return result;
}

/* It gets its address only now; who accepts at that port learns who came. */
HOOK int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t length)
{
    struct call call = CALL_INIT(CALL_CONNECT, fd, fd, 0);
    uint64_t key;
    int result;

    if (!calls_on() || call_is_inner(call.frame))
        return REAL(connect)(fd, to, length);
    key = to.__sockaddr__ ? fd_port_key(to.__sockaddr__, length) : 0;
    call_begin(&call);
    if (key)
        waker_publish_at(key, call.start, 0);
    result = REAL(connect)(fd, to, length);
    {
        int error = errno;
        fd_forget(fd);
        call.entry = fd_find(fd);
        errno = error;
    }
    call_end(&call, result);
    return result;
}

HOOK int accept(int fd, __SOCKADDR_ARG from, socklen_t *length)
{
    struct call call = CALL_INIT(CALL_ACCEPT, fd, fd, 0);
    int result;

    if (!calls_on())
        return REAL(accept)(fd, from, length);
    call_begin(&call);
    result = REAL(accept)(fd, from, length);
    fd_forget(result);
    call_end(&call, result);
    return result;
}

HOOK int accept4(int fd, __SOCKADDR_ARG from, socklen_t *length, int flags)
{
    struct call call = CALL_INIT(CALL_ACCEPT, fd, fd, 0);
    int result;

    if (!calls_on())
        return REAL(accept4)(fd, from, length, flags);
    call_begin(&call);
    result = REAL(accept4)(fd, from, length, flags);
    fd_forget(result);
    call_end(&call, result);
    return result;
}

HOOK int socketpair(int domain, int type, int protocol, int ret_ends[2])
{
    int result = REAL(socketpair)(domain, type, protocol, ret_ends);

    if (result == 0 && calls_on())
        fd_pair(ret_ends[0], ret_ends[1]);
    return result;
}

/* These call hooked functions themselves (in the modules that know names): the whole is one wait. */
/* NOLINTBEGIN(bugprone-macro-parentheses): types and arguments */
#define HOOK_NAME(type, name, parameters, arguments)                                                         \
    HOOK type name parameters                                                                                \
    {                                                                                                        \
        struct call call = CALL_INIT(CALL_DNS, -1, 0, 0);                                                    \
        type result;                                                                                         \
                                                                                                             \
        if (!calls_on() || call_is_inner(call.frame))                                                        \
            return REAL(name) arguments;                                                                     \
        call.busy_start = calls_cpu();                                                                       \
        call_begin(&call);                                                                                   \
        self.outer_frame = (uint64_t)call.frame;                                                             \
        result = REAL(name) arguments;                                                                       \
        self.outer_frame = 0;                                                                                \
        call_end(&call, 0);                                                                                  \
        return result;                                                                                       \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

HOOK_NAME(int, getaddrinfo,
          (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list),
          (name, service, hints, ret_list))
HOOK_NAME(struct hostent *, gethostbyname, (const char *name), (name))
HOOK_NAME(int, gethostbyname_r,
          (const char *name, struct hostent *entry, char *buffer, size_t size, struct hostent **ret_entry,
           int *ret_error),
          (name, entry, buffer, size, ret_entry, ret_error))
HOOK_NAME(struct hostent *, gethostbyaddr, (const void *address, socklen_t size, int type),
          (address, size, type))
HOOK_NAME(int, getnameinfo,
          (const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size, char *service,
           socklen_t service_size, int flags),
          (address, length, host, host_size, service, service_size, flags))
