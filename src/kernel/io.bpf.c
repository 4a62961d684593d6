/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * io: counts what each process does to each other end: calls, bytes, time, and how both are spread. Attached to the
 * entry and exit of every system call of the machine, so it costs all of them, also those of other programs, and
 * toll attaches it for a few milliseconds at a time unless it is asked for every call.
 *
 * A call is counted when it returns. One that was entered before the programs were attached took at least since the
 * thread left the CPU in it, or else since they were attached.
 *
 * Sockets are added up by the end that does not change from one connection to the next: a client's by the server's
 * address and port, a server's by its own port and the client's address.
 */
#include "kernel/watch_maps.h"

#define PATH_DEPTH     12
#define PORT_EPHEMERAL 32768 /* net.ipv4.ip_local_port_range begins here, unless it is changed */

/* Set before the programs are loaded: enum bpf_io_rule of each call. */
const volatile __u8 io_rules[BPF_CALL_COUNT] = {0};
/* Set before they are attached. */
volatile __u64 io_start_ns = 0;

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH); /* no CPU waits for another's cache line */
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, BPF_IO_COUNT);
    __type(key, struct bpf_io_key);
    __type(value, struct bpf_io);
} ios SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, BPF_IO_COUNT);
    __type(key, __u64);
    __type(value, struct bpf_io_file);
} io_files SEC(".maps");

/* Values too large for a program's own stack; `zero` stays so. */
struct io_scratch {
    struct bpf_io zero;
    struct bpf_io_file file;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct io_scratch);
} io_scratches SEC(".maps");

BPF_INLINE struct bpf_thread *thread_here(void)
{
    return thread_find((__u32)bpf_get_current_pid_tgid());
}

SEC("raw_tracepoint/sys_enter")
int on_enter(struct bpf_raw_tracepoint_args *context)
{
    __u64 call = context->args[1];

    if (call >= BPF_CALL_COUNT || !io_rules[call])
        return 0;
    struct bpf_thread *thread = thread_here();
    if (thread)
        thread->io_enter_ns = bpf_ktime_get_ns();
    return 0;
}

BPF_INLINE __u64 mix(__u64 value)
{
    value ^= value >> 32;
    return value * 0x9e3779b97f4a7c15ull;
}

/* What stays the same of the other end from one connection to the next. */
BPF_INLINE __u64 socket_key(const struct bpf_file *file)
{
    const __u32 *remote = (const __u32 *)file->remote;
    bool is_accepted = file->local_port < PORT_EPHEMERAL && file->remote_port >= PORT_EPHEMERAL;
    __u64 key = mix((__u64)remote[0] << 32 | remote[1]) ^ mix((__u64)remote[2] << 32 | remote[3]);

    return mix(key + (is_accepted ? file->local_port : (__u64)file->remote_port << 16)) ^ file->family;
}

BPF_INLINE __u64 file_key(const struct bpf_file *file)
{
    __u16 kind = file->mode & S_IFMT;
    if (kind == S_IFSOCK && (file->family == FAMILY_IPV4 || file->family == FAMILY_IPV6))
        return socket_key(file);
    return mix(file->inode) ^ mix((__u64)file->device << 16 | kind);
}

BPF_INLINE void path_read(struct bpf_io_file *told, const struct file *file)
{
    const struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
    __u32 at = 0;

    for (int depth = 0; depth < PATH_DEPTH; depth++) {
        const struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
        if (parent == dentry || at > BPF_PATH_BYTES - BPF_PATH_PART_BYTES)
            break;
        long length = bpf_probe_read_kernel_str(told->path + at, BPF_PATH_PART_BYTES,
                                                BPF_CORE_READ(dentry, d_name.name));
        if (length <= 0 || length > BPF_PATH_PART_BYTES)
            break;
        at += (__u32)length;
        dentry = parent;
    }
    told->path_bytes = at;
}

/* What is behind the descriptor is told once for each other end. */
static __noinline void file_learn(struct bpf_thread *thread, __u64 number)
{
    __u32 zero = 0;
    struct io_scratch *scratch = bpf_map_lookup_elem(&io_scratches, &zero);
    if (!thread || !scratch)
        return;
    struct bpf_io_file *told = &scratch->file;
    __builtin_memset(&told->file, 0, sizeof told->file);
    told->path_bytes = 0;
    file_read(&told->file, thread->io_file, number);
    __u64 key = file_key(&told->file);
    thread->io_key = key;
    if (bpf_map_lookup_elem(&io_files, &key))
        return;
    if ((told->file.mode & S_IFMT) == S_IFREG)
        path_read(told, (const struct file *)thread->io_file);
    bpf_map_update_elem(&io_files, &key, told, BPF_ANY);
}

/* The file that the call was about, as a number; most calls of a thread are about the one before's. */
BPF_INLINE bool file_find(struct bpf_thread *thread, __u64 number)
{
    __u64 address = number <= 0x7fffffff ? file_address_of(number) : 0;
    if (!address)
        return false;
    __u64 inode = BPF_CORE_READ((const struct file *)address, f_inode, i_ino);
    if (thread->io_file != address || thread->io_inode != inode) {
        thread->io_file = address;
        thread->io_inode = inode;
        file_learn(thread, number);
    }
    return true;
}

BPF_INLINE __u32 bucket_of(__u64 value)
{
    __u32 bucket = 0;
    if (value >> 32)
        return BPF_IO_BUCKETS - 1;
    if (value >> 16)
        bucket += 16, value >>= 16;
    if (value >> 8)
        bucket += 8, value >>= 8;
    if (value >> 4)
        bucket += 4, value >>= 4;
    if (value >> 2)
        bucket += 2, value >>= 2;
    return (bucket + (value >> 1)) & (BPF_IO_BUCKETS - 1);
}

BPF_INLINE void io_add(struct bpf_io *io, __u64 bytes, __u64 time_ns)
{
    io->time_ns += time_ns;
    io->latencies[bucket_of(time_ns)]++;
    if (!bytes)
        return;
    io->bytes += bytes;
    io->sizes[bucket_of(bytes)]++;
}

static __noinline int io_new(const struct bpf_io_key *key)
{
    __u32 zero = 0;
    struct io_scratch *scratch = bpf_map_lookup_elem(&io_scratches, &zero);

    if (!key || !scratch)
        return 0;
    struct bpf_io_key copy = *key;
    long status = bpf_map_update_elem(&ios, &copy, &scratch->zero, BPF_NOEXIST);
    return status != 0 && status != -17; /* EEXIST: another thread was faster */
}

SEC("raw_tracepoint/sys_exit")
int on_return(struct bpf_raw_tracepoint_args *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    const struct pt_regs *registers = (const struct pt_regs *)bpf_task_pt_regs(task);
    long result = (long)context->args[1];

#if defined(__TARGET_ARCH_arm64)
    __u64 call = (__u64)registers->syscallno, number = registers->orig_x0;
#else
    __u64 call = registers->orig_ax, number = registers->di;
#endif
    if (result < 0 || call >= BPF_CALL_COUNT)
        return 0;
    __u8 rule = io_rules[call];
    struct bpf_thread *thread = rule ? thread_here() : NULL;
    if (!thread)
        return 0;
    __u64 now_ns = bpf_ktime_get_ns(), start_ns = thread->io_enter_ns;
    if (start_ns < io_start_ns) /* entered before */
        start_ns = thread->out_ns && thread->out_ns < io_start_ns && thread->in_ns >= io_start_ns
                       ? thread->out_ns
                       : io_start_ns;
    thread->io_enter_ns = 0;
    if (rule & BPF_IO_RESULT)
        number = (__u64)result;
    if (!file_find(thread, number))
        return 0;
    struct bpf_io_key key = {
        .file = thread->io_key, .pid = thread->pid, .operation = rule & BPF_IO_OPERATION};
    struct bpf_io *io = bpf_map_lookup_elem(&ios, &key);
    if (!io) {
        if (io_new(&key))
            count_add(BPF_COUNT_IO_FULL);
        io = bpf_map_lookup_elem(&ios, &key);
        if (!io)
            return 0;
    }
    io_add(io, rule & BPF_IO_BYTES ? (__u64)result : 0, now_ns - start_ns);
    return 0;
}
