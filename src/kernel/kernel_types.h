/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * kernel_types: the few fields of the kernel's structs that the eBPF programs read. Only names and types matter: where a
 * field lies is looked up in the running kernel's own description (BTF) when the programs are loaded, so one build
 * fits every kernel that has these fields. A name behind three underscores is another form of the same struct, of
 * other kernels.
 */
#ifndef TOLL_KERNEL_KERNEL_TYPES_H
#define TOLL_KERNEL_KERNEL_TYPES_H

#include <linux/types.h>

#ifdef __bpf__
#define KERNEL_TYPE __attribute__((preserve_access_index))
#else
#define KERNEL_TYPE
#endif

struct qstr {
    const unsigned char *name;
} KERNEL_TYPE;

struct dentry {
    struct dentry *d_parent;
    struct qstr d_name;
} KERNEL_TYPE;

struct path {
    struct dentry *dentry;
} KERNEL_TYPE;

struct super_block {
    __u32 s_dev;
} KERNEL_TYPE;

struct inode {
    __u16 i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    __u32 i_rdev;
} KERNEL_TYPE;

struct file {
    void *private_data;
    struct inode *f_inode;
    struct path f_path;
} KERNEL_TYPE;

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
} KERNEL_TYPE;

struct files_struct {
    struct fdtable *fdt;
} KERNEL_TYPE;

struct in6_addr {
    __u8 bytes[16];
};

struct sock_common {
    __u32 skc_daddr;
    __u32 skc_rcv_saddr;
    __u16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
} KERNEL_TYPE;

struct sock {
    struct sock_common __sk_common;
} KERNEL_TYPE;

struct socket {
    short type;
    struct sock *sk;
} KERNEL_TYPE;

struct mm_struct {
    unsigned long start_stack, arg_start, arg_end;
    struct file *exe_file;
} KERNEL_TYPE;

struct signal_struct {
    struct {
        int counter;
    } live;
    int group_exit_code;
    unsigned int flags;
    __u64 utime, stime;
    unsigned long min_flt, maj_flt;
    unsigned long maxrss;
} KERNEL_TYPE;

struct thread_info {
    unsigned long flags;
    __u32 status;
    struct {
        __u32 count;
    } preempt;
} KERNEL_TYPE;

/* What the C library knows its thread by: where it keeps what belongs to it, above its stack. */
struct thread_struct {
#if defined(__TARGET_ARCH_arm64)
    struct {
        unsigned long tp_value;
    } uw;
#else
    unsigned long fsbase;
#endif
} KERNEL_TYPE;

struct task_struct {
    struct thread_info thread_info;
    unsigned int __state;
    void *stack;
    unsigned int flags;
    int pid;
    int tgid;
    int exit_code;
    unsigned in_iowait : 1;
    __u64 utime, stime;
    unsigned long min_flt, maj_flt;
    struct mm_struct *mm;
    struct files_struct *files;
    struct signal_struct *signal;
    struct task_struct *group_leader;
    struct thread_struct thread;
    char comm[16];
} KERNEL_TYPE;

/* Before Linux 5.14 */
struct task_struct___old {
    long state;
} KERNEL_TYPE;

struct linux_binprm {
    const char *filename;
} KERNEL_TYPE;

#if defined(__TARGET_ARCH_arm64)
struct pt_regs {
    __u64 regs[31];
    __u64 sp, pc;
    __u64 orig_x0;
    __s32 syscallno;
} KERNEL_TYPE;
#else
struct pt_regs {
    unsigned long bp, bx, r10, r9, r8, dx, si, di, orig_ax, ip, sp;
} KERNEL_TYPE;
#endif

#endif
