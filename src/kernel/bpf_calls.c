/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/bpf_calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#define SENDING (BPF_CALL_FD | BPF_CALL_SENDS)

static const struct call_rule {
    long number;
    unsigned kind;
} rules[] = {
    {SYS_read, SENDING}, /* the answer to what is read (an acknowledgement, a larger window) is sent, too */
    {SYS_readv, SENDING},
    {SYS_recvfrom, SENDING},
    {SYS_recvmsg, SENDING},
    {SYS_recvmmsg, SENDING},
    {SYS_write, SENDING},
    {SYS_writev, SENDING},
    {SYS_sendto, SENDING},
    {SYS_sendmsg, SENDING},
    {SYS_sendmmsg, SENDING},
    {SYS_sendfile, SENDING},
    {SYS_splice, SENDING},
    {SYS_close, SENDING},
    {SYS_shutdown, SENDING},
    {SYS_accept, SENDING},
    {SYS_accept4, SENDING},
    {SYS_connect, BPF_CALL_CONNECT | BPF_CALL_SENDS},
    {SYS_exit, BPF_CALL_SENDS}, /* closes what is open */
    {SYS_exit_group, BPF_CALL_SENDS},
    {SYS_io_uring_enter, BPF_CALL_SENDS},
    {SYS_pread64, BPF_CALL_FD},
    {SYS_preadv, BPF_CALL_FD},
    {SYS_preadv2, BPF_CALL_FD},
    {SYS_getdents64, BPF_CALL_FD},
    {SYS_pwrite64, BPF_CALL_FD},
    {SYS_pwritev, BPF_CALL_FD},
    {SYS_pwritev2, BPF_CALL_FD},
    {SYS_ftruncate, BPF_CALL_FD},
    {SYS_fallocate, BPF_CALL_FD},
    {SYS_fsync, BPF_CALL_FD},
    {SYS_fdatasync, BPF_CALL_FD},
    {SYS_sync_file_range, BPF_CALL_FD},
    {SYS_syncfs, BPF_CALL_FD},
    {SYS_copy_file_range, BPF_CALL_FD},
    {SYS_tee, BPF_CALL_FD},
    {SYS_flock, BPF_CALL_FD},
    {SYS_fcntl, BPF_CALL_FD},
    {SYS_readahead, BPF_CALL_FD},
    {SYS_ioctl, BPF_CALL_FD},
    {SYS_epoll_pwait, BPF_CALL_FD},
    {SYS_epoll_pwait2, BPF_CALL_FD},
    {SYS_ppoll, BPF_CALL_POLL},
    {SYS_pselect6, BPF_CALL_SELECT},
    {SYS_execve, BPF_CALL_PATH0},
    {SYS_truncate, BPF_CALL_PATH0},
    {SYS_openat, BPF_CALL_PATH1},
    {SYS_newfstatat, BPF_CALL_PATH1},
    {SYS_statx, BPF_CALL_PATH1},
    {SYS_faccessat, BPF_CALL_PATH1},
    {SYS_unlinkat, BPF_CALL_PATH1},
    {SYS_mkdirat, BPF_CALL_PATH1},
    {SYS_renameat2, BPF_CALL_PATH1},
#ifdef SYS_open
    {SYS_open, BPF_CALL_PATH0},
    {SYS_stat, BPF_CALL_PATH0},
    {SYS_lstat, BPF_CALL_PATH0},
    {SYS_access, BPF_CALL_PATH0},
    {SYS_creat, BPF_CALL_PATH0},
    {SYS_unlink, BPF_CALL_PATH0},
    {SYS_mkdir, BPF_CALL_PATH0},
    {SYS_rename, BPF_CALL_PATH0},
    {SYS_poll, BPF_CALL_POLL},
    {SYS_select, BPF_CALL_SELECT},
    {SYS_epoll_wait, BPF_CALL_FD},
#endif
};

void bpf_calls_fill(uint8_t kinds[BPF_CALL_COUNT])
{
    memset(kinds, BPF_CALL_PLAIN, BPF_CALL_COUNT);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].number >= 0 && rules[i].number < BPF_CALL_COUNT)
            kinds[rules[i].number] = (uint8_t)rules[i].kind;
}

#define OPERATION_READ    (1 | BPF_IO_BYTES)
#define OPERATION_WRITE   (2 | BPF_IO_BYTES)
#define OPERATION_SYNC    3
#define OPERATION_CONNECT 4
#define OPERATION_ACCEPT  5
#define OPERATION_OPEN    (6 | BPF_IO_RESULT)

static const struct io_rule {
    long number;
    unsigned rule;
} io_rules[] = {
    {SYS_read, OPERATION_READ},
    {SYS_readv, OPERATION_READ},
    {SYS_pread64, OPERATION_READ},
    {SYS_preadv, OPERATION_READ},
    {SYS_preadv2, OPERATION_READ},
    {SYS_recvfrom, OPERATION_READ},
    {SYS_recvmsg, OPERATION_READ},
    {SYS_recvmmsg, OPERATION_READ & ~BPF_IO_BYTES}, /* it returns how many messages */
    {SYS_getdents64, OPERATION_READ},
    {SYS_write, OPERATION_WRITE},
    {SYS_writev, OPERATION_WRITE},
    {SYS_pwrite64, OPERATION_WRITE},
    {SYS_pwritev, OPERATION_WRITE},
    {SYS_pwritev2, OPERATION_WRITE},
    {SYS_sendto, OPERATION_WRITE},
    {SYS_sendmsg, OPERATION_WRITE},
    {SYS_sendmmsg, OPERATION_WRITE & ~BPF_IO_BYTES},
    {SYS_sendfile, OPERATION_WRITE},
    {SYS_fsync, OPERATION_SYNC},
    {SYS_fdatasync, OPERATION_SYNC},
    {SYS_sync_file_range, OPERATION_SYNC},
    {SYS_syncfs, OPERATION_SYNC},
    {SYS_connect, OPERATION_CONNECT},
    {SYS_accept, OPERATION_ACCEPT},
    {SYS_accept4, OPERATION_ACCEPT},
    {SYS_openat, OPERATION_OPEN},
#ifdef SYS_openat2
    {SYS_openat2, OPERATION_OPEN},
#endif
#ifdef SYS_open
    {SYS_open, OPERATION_OPEN},
    {SYS_creat, OPERATION_OPEN},
#endif
};

void bpf_calls_fill_io(uint8_t filled[BPF_CALL_COUNT])
{
    memset(filled, 0, BPF_CALL_COUNT);
    for (size_t i = 0; i < sizeof io_rules / sizeof io_rules[0]; i++)
        if (io_rules[i].number >= 0 && io_rules[i].number < BPF_CALL_COUNT)
            filled[io_rules[i].number] = (uint8_t)io_rules[i].rule;
}
