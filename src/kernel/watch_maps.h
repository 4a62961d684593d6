/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * watch_maps: the maps and helpers that the eBPF programs share. They are linked into one object, so a map that both
 * sources declare is one map.
 */
#ifndef TOLL_KERNEL_WATCH_MAPS_H
#define TOLL_KERNEL_WATCH_MAPS_H

#ifdef __bpf__

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel/bpf_layout.h"
#include "kernel/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define BPF_INLINE   static __always_inline
#define S_IFMT       0170000
#define S_IFREG      0100000
#define S_IFCHR      0020000
#define S_IFIFO      0010000
#define S_IFSOCK     0140000
#define FAMILY_IPV4  2
#define FAMILY_IPV6  10
#define STATE_LISTEN 10

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, BPF_THREAD_COUNT);
    __type(key, __u32);
    __type(value, struct bpf_thread);
} threads SEC(".maps") __weak;

/* Whether a thread of a number that ends alike was ever put into the map. Every switch, wake-up and counted call of the
 * machine asks for two threads or one: for those of other programs this is all that they pay. Defined by watch.bpf.c. */
extern volatile __u8 marks[BPF_MARK_COUNT];

BPF_INLINE struct bpf_thread *thread_find(__u32 tid)
{
    if (!marks[tid & (BPF_MARK_COUNT - 1)])
        return NULL;
    return bpf_map_lookup_elem(&threads, &tid);
}

struct bpf_counts {
    __u64 of[BPF_COUNT_END];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bpf_counts);
} counts SEC(".maps") __weak;

BPF_INLINE struct bpf_counts *counts_here(void)
{
    __u32 zero = 0;
    return bpf_map_lookup_elem(&counts, &zero);
}

BPF_INLINE void count_add(enum bpf_count which)
{
    struct bpf_counts *here = counts_here();
    if (here)
        here->of[which]++;
}

/*
 * The kernel's struct file behind a descriptor of the running thread; 0 when there is none. A global function, which the
 * kernel's checker looks at once and not for each way that leads here: for each load of a pointer it searches all names of
 * the kernel's types, four times.
 */
__weak __noinline __u64 file_address_of(__u64 number)
{
    const struct task_struct *task = bpf_get_current_task_btf();
    __u64 address = 0;
    const struct fdtable *table = task->files->fdt; /* checked loads: NULL reads as 0 */
    if (number >= table->max_fds)
        return 0;
    struct file **entries = table->fd;
    if (bpf_probe_read_kernel(&address, sizeof address, entries + number))
        return 0;
    return address;
}

/* Whether it is a socket of the network that does not listen. */
BPF_INLINE bool is_connection(__u64 address)
{
    const struct file *file = (const struct file *)address;
    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
        return false;
    const struct socket *socket = BPF_CORE_READ(file, private_data);
    const struct sock *sock = BPF_CORE_READ(socket, sk);
    __u16 family = BPF_CORE_READ(sock, __sk_common.skc_family);
    return (family == FAMILY_IPV4 || family == FAMILY_IPV6) &&
           BPF_CORE_READ(sock, __sk_common.skc_state) != STATE_LISTEN;
}

BPF_INLINE void socket_read(struct bpf_file *ret_file, const struct file *file)
{
    const struct socket *socket = BPF_CORE_READ(file, private_data);
    const struct sock *sock = BPF_CORE_READ(socket, sk);
    if (!sock)
        return;
    ret_file->type = (__u16)BPF_CORE_READ(socket, type);
    ret_file->family = BPF_CORE_READ(sock, __sk_common.skc_family);
    ret_file->state = BPF_CORE_READ(sock, __sk_common.skc_state);
    if (ret_file->family == FAMILY_IPV4) {
        BPF_CORE_READ_INTO((__u32 *)ret_file->local, sock, __sk_common.skc_rcv_saddr);
        BPF_CORE_READ_INTO((__u32 *)ret_file->remote, sock, __sk_common.skc_daddr);
    } else if (ret_file->family == FAMILY_IPV6) {
        BPF_CORE_READ_INTO((struct in6_addr *)ret_file->local, sock, __sk_common.skc_v6_rcv_saddr);
        BPF_CORE_READ_INTO((struct in6_addr *)ret_file->remote, sock, __sk_common.skc_v6_daddr);
    } else {
        return;
    }
    ret_file->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
    ret_file->remote_port = __builtin_bswap16(BPF_CORE_READ(sock, __sk_common.skc_dport));
}

/* ret_file is all zero before. */
BPF_INLINE void file_read(struct bpf_file *ret_file, __u64 address, __u64 number)
{
    const struct file *file = (const struct file *)address;
    const struct inode *inode = BPF_CORE_READ(file, f_inode);
    ret_file->number = (__s32)number;
    ret_file->inode = BPF_CORE_READ(inode, i_ino);
    ret_file->mode = BPF_CORE_READ(inode, i_mode);
    if ((ret_file->mode & S_IFMT) == S_IFCHR)
        ret_file->device = BPF_CORE_READ(inode, i_rdev);
    else
        ret_file->device = BPF_CORE_READ(inode, i_sb, s_dev);
    if ((ret_file->mode & S_IFMT) == S_IFSOCK) {
        socket_read(ret_file, file);
        return;
    }
    const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
    bpf_probe_read_kernel_str(ret_file->name, sizeof ret_file->name, name);
}

#endif

#endif
