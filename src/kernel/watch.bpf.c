/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * watch: follows a process tree inside the kernel and tells each wait of its threads: when, why, and who ended it.
 *
 * A thread is in the map of threads or it is none of ours: its children are put there by sched_process_fork. When it
 * leaves a CPU, what it waits for is read from where it stands: the system call and its arguments lie in its
 * registers, so no call has to be traced. sched_waking says who ends the wait and when; between that and its next
 * turn it waited for a CPU. Equal short waits are added up in the thread's entry and written as one record when one
 * differs, or after 10 ms: a ping-pong of 200,000 waits a second writes 100 records.
 *
 * Order: a thread may be woken by another CPU while it is still on its way off this one, so `wake_ns` is always
 * overwritten and judged when the thread comes back: a wake belongs to the wait that it falls into. Every wait ends
 * by a wake, so an older one never passes for it.
 */
#include "kernel/watch_maps.h"

#define STATE_RUNNING       0
#define STATE_INTERRUPTIBLE 1
#define STATE_STOPPED       0x4
#define STATE_TRACED        0x8
#define STATE_DEAD          0x80
#define TASK_KTHREAD        0x00200000
#define TASK_EXITING        0x00000004
#define TASK_MEMALLOC       0x00000800
#define GROUP_EXIT          0x4
#define KERNEL_STACK_BYTES  0x4000
#define STACK_BYTES_MAX     (8ull << 20) /* farther off the end of a stack is no end of it */
#define PAGE_BYTES          4096ull
#define POLLED_MAX          4u
#define COMPAT              0x2
#define PYTHON_FRAME_WORDS  16u /* a power of two */
#define PYTHON_FRAME_BYTES  80u /* of an interpreter's frame */
#define PYTHON_THREAD_MAX   128u
#define PYTHON_SHIM_OWNER   3u
#define PYTHON_TAG_BITS     7ull /* of the address of a code object: how the frame holds it */
#define PYTHON_SHIM_MAX     16u
#define PYTHON_RETRY_NS     20000000ull
#define PYTHON_PARK_BYTES   1024u /* so far above the end of the stack is the place where a thread parks */
#define PYTHON_KEY_FACTOR   0x9e3779b97f4a7c15ull
#define WAKE_SLACK_NS       20000ull /* a wake may come while the thread is still leaving */

char LICENSE[] SEC("license") = "GPL";

/* Set before the programs are loaded. */
const volatile bool with_stacks = true;
const volatile bool with_dumps = true;
const volatile bool whole_machine = false;
const volatile __u64 ring_half_bytes = 0;
const volatile __u8 call_kinds[BPF_CALL_COUNT] = {0};

/* Thread 0 is each CPU's idle one, and never marked. */
volatile __u8 marks[BPF_MARK_COUNT] = {0};

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4 << 20); /* the loader may change it */
} ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_STACK_TRACE);
    __uint(max_entries, BPF_STACK_COUNT);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, BPF_STACK_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

/* By process. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, BPF_PYTHON_COUNT);
    __type(key, __u32);
    __type(value, struct bpf_python);
} pythons SEC(".maps");

/* Keys of stacks that were told. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, BPF_PYTHON_KNOWN);
    __type(key, __u64);
    __type(value, __u8);
} python_known SEC(".maps");

/* Without one nothing is asked for. Set when the first is put into the map. */
volatile __u32 has_python = 0;

/* Values too large for a program's own stack. */
struct scratch {
    struct bpf_python_stack python;
    __u64 python_frame[PYTHON_FRAME_WORDS];
    __u32 is_reading; /* a sample may interrupt a switch */
    __u32 reserved;
    struct bpf_thread thread; /* stays zero but for what is set before each use */
    struct bpf_exec exec;
    char arguments[2 * BPF_ARGUMENTS_BYTES];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

BPF_INLINE struct scratch *scratch_here(void)
{
    __u32 zero = 0;
    return bpf_map_lookup_elem(&scratches, &zero);
}

/* A record of a stack on its way; no program's own stack has room for it. */
struct dump {
    struct bpf_stack stack;
    __u8 bytes[BPF_DUMP_BYTES];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct dump);
} dumps SEC(".maps");

/* When a stack was last copied that frame pointers tell the same of, and that ends at the same place. */
struct alike {
    __u64 key, time_ns;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BPF_ALIKE_COUNT);
    __type(key, __u32);
    __type(value, struct alike);
} alikes SEC(".maps");

/* Interrupts, and the network's work after them, run on a stack of the CPU's own; the tracepoint's arguments lie on
 * the stack that it was hit on. (The count of interrupts is a variable whose address few kernels tell.) */
BPF_INLINE bool is_interrupt(void *context, const struct task_struct *task, struct bpf_thread *thread)
{
    thread->context_address = (__u64)context; /* a pointer becomes a number on its way through memory */
    __u64 address = *(volatile __u64 *)&thread->context_address;
    return address - (__u64)task->stack >= KERNEL_STACK_BYTES;
}

BPF_INLINE void record_write(void *record, __u64 bytes)
{
    __u64 wake = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > ring_half_bytes ? BPF_RB_FORCE_WAKEUP
                                                                               : BPF_RB_NO_WAKEUP;
    if (bpf_ringbuf_output(&ring, record, bytes, wake))
        count_add(BPF_COUNT_RING_FULL);
}

/* The reader has to see these at once: what they tell of may soon be gone. */
BPF_INLINE bool record_hurry(void *record, __u64 bytes)
{
    if (!bpf_ringbuf_output(&ring, record, bytes, BPF_RB_FORCE_WAKEUP))
        return true;
    count_add(BPF_COUNT_RING_FULL);
    return false;
}

#include "kernel/watch_python.h"

static __noinline void run_write(struct bpf_thread *thread, __u64 now_ns)
{
    if (!thread)
        return;
    struct bpf_wait *run = &thread->run;
    run->head.kind = BPF_RECORD_WAIT;
    run->head.pid = thread->pid;
    run->head.tid = thread->tid;
    run->head.time_ns = now_ns;
    if (run->memory_bytes)
        record_write(run, sizeof *run);
    else
        record_write(run, __builtin_offsetof(struct bpf_wait, memory));
    run->count = 0;
}

static __noinline void slice_write(struct bpf_thread *thread, __u64 now_ns)
{
    if (!thread)
        return;
    struct bpf_slice *slice = &thread->slice;
    slice->head.kind = BPF_RECORD_SLICE;
    slice->head.pid = thread->pid;
    slice->head.tid = thread->tid;
    slice->head.time_ns = now_ns;
    record_write(slice, sizeof *slice);
    slice->end_ns = 0;
}

BPF_INLINE __s32 stack_take(void *context)
{
    long id = bpf_get_stackid(context, &stacks, BPF_F_USER_STACK);
    if (id < 0 && id != -14) { /* EFAULT: it has none */
        count_add(BPF_COUNT_STACK_LOST);
        return -1;
    }
    return (__s32)id;
}

BPF_INLINE __u64 stack_pointer(struct task_struct *task)
{
    return ((const struct pt_regs *)bpf_task_pt_regs(task))->sp;
}

/* How much of the running thread's stack is in use: up to where the kernel put the program's arguments, or the C library
 * what belongs to the thread. */
BPF_INLINE __u64 stack_bytes(const struct task_struct *task, __u64 sp)
{
    __u64 first = BPF_CORE_READ(task, mm, start_stack), own;
#if defined(__TARGET_ARCH_arm64)
    own = BPF_CORE_READ(task, thread.uw.tp_value);
#else
    own = BPF_CORE_READ(task, thread.fsbase);
#endif
    if (first - sp < STACK_BYTES_MAX)
        return first - sp + 8;
    return own - sp < STACK_BYTES_MAX ? own - sp : BPF_DUMP_FEW_BYTES;
}

/* The running thread's stack as a record of its own; its number, 0 when it could not be copied. */
static __noinline __u32 dump_write(struct bpf_thread *thread, __u64 now_ns, __s32 stack, __u64 python)
{
    struct task_struct *task = bpf_get_current_task_btf();
    __u32 zero = 0;
    struct dump *dump = bpf_map_lookup_elem(&dumps, &zero);

    if (!dump || !thread || !BPF_CORE_READ(task, mm))
        return 0;
    /* The other half of the ring is for the waits themselves: when the reader is behind, copies give way. */
    if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > ring_half_bytes)
        return 0;
    const struct pt_regs *registers = (const struct pt_regs *)bpf_task_pt_regs(task);
    __u64 sp = registers->sp;
    __u64 bytes = stack_bytes(task, sp);
    if (bytes > BPF_DUMP_BYTES)
        bytes = BPF_DUMP_BYTES;
    if (bpf_probe_read_user(dump->bytes, (__u32)bytes, (const void *)sp)) {
        bytes = PAGE_BYTES - sp % PAGE_BYTES; /* what follows is not there */
        if (bpf_probe_read_user(dump->bytes, (__u32)bytes, (const void *)sp))
            return 0;
    }
    if (++thread->dump_number == 0)
        thread->dump_number = 1;
    dump->stack.head.kind = BPF_RECORD_STACK;
    dump->stack.head.pid = thread->pid;
    dump->stack.head.tid = thread->tid;
    dump->stack.head.time_ns = now_ns;
    dump->stack.number = thread->dump_number;
    dump->stack.bytes = (__u32)bytes;
    dump->stack.sp = sp;
#if defined(__TARGET_ARCH_arm64)
    dump->stack.ip = registers->pc;
    dump->stack.bp = registers->regs[29];
    dump->stack.base = registers->regs[19];
#else
    dump->stack.ip = registers->ip;
    dump->stack.bp = registers->bp;
    dump->stack.base = registers->bx;
#endif
    dump->stack.stack = stack;
    dump->stack.python = python;
    record_write(dump, sizeof dump->stack + bytes);
    return thread->dump_number;
}

/* `before_ns`: when it waited last. */
BPF_INLINE bool is_dump_due(const struct bpf_thread *thread, __u64 now_ns, __u64 before_ns, __s32 stack,
                            __u64 sp)
{
    if (!with_dumps)
        return false;
    __u64 key = (sp ^ (__u64)(__u32)stack << 32 ^ thread->pid) * 0x9e3779b97f4a7c15ull;
    __u32 place = (__u32)(key >> (64 - BPF_ALIKE_BITS));
    struct alike *alike = bpf_map_lookup_elem(&alikes, &place);
    if (!alike)
        return false;
    bool is_known = alike->key == key && now_ns - alike->time_ns < BPF_DUMP_PERIOD_NS;
    if (is_known && now_ns - before_ns < BPF_DUMP_FAST_NS)
        return false;
    alike->key = key;
    alike->time_ns = now_ns;
    return true;
}

BPF_INLINE __u32 task_state(const struct task_struct *task)
{
    if (bpf_core_field_exists(task->__state))
        return task->__state;
    return (__u32)BPF_CORE_READ((const struct task_struct___old *)task, state);
}

BPF_INLINE __s32 call_read(struct task_struct *task, __u64 arguments[6])
{
    const struct pt_regs *registers = (const struct pt_regs *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_arm64)
    arguments[0] = registers->orig_x0;
    arguments[1] = registers->regs[1];
    arguments[2] = registers->regs[2];
    arguments[3] = registers->regs[3];
    arguments[4] = registers->regs[4];
    arguments[5] = registers->regs[5];
    return registers->syscallno;
#else
    arguments[0] = registers->di;
    arguments[1] = registers->si;
    arguments[2] = registers->dx;
    arguments[3] = registers->r10;
    arguments[4] = registers->r8;
    arguments[5] = registers->r9;
    if (task->thread_info.status & COMPAT)
        return BPF_CALL_FOREIGN;
    return (__s32)registers->orig_ax;
#endif
}

/* What the arguments point to, as much as there is room for. */
BPF_INLINE void memory_read(struct bpf_wait *wait, __u8 kind)
{
    __u64 address = wait->arguments[0], bytes = 0;

    if (kind == BPF_CALL_POLL) {
        bytes = wait->arguments[1] * 8;
    } else if (kind == BPF_CALL_SELECT) {
        address = wait->arguments[1];
        bytes = 8;
    } else if (kind == BPF_CALL_CONNECT) {
        address = wait->arguments[1];
        bytes = wait->arguments[2];
    } else if (kind == BPF_CALL_PATH0 || kind == BPF_CALL_PATH1) {
        if (kind == BPF_CALL_PATH1)
            address = wait->arguments[1];
        long length = bpf_probe_read_user_str(wait->memory, sizeof wait->memory, (const void *)address);
        wait->memory_address = address;
        wait->memory_bytes = length > 0 ? BPF_MEMORY_BYTES : 0;
        return;
    }
    if (bytes > BPF_MEMORY_BYTES)
        bytes = BPF_MEMORY_BYTES;
    if (!bytes || bpf_probe_read_user(wait->memory, bytes, (const void *)address))
        return;
    wait->memory_address = address;
    wait->memory_bytes = (__u32)bytes;
}

/* Of the few descriptors of a poll the only connection: the others are there to wake it up. By the time its end is read the
 * program may have closed it. */
BPF_INLINE __u64 polled_connection(const struct bpf_wait *wait)
{
    __u64 found = ~0ull;

    if (wait->arguments[1] > POLLED_MAX || wait->memory_bytes < 8 * wait->arguments[1])
        return ~0ull;
#pragma unroll
    for (unsigned i = 0; i < POLLED_MAX; i++) {
        __u64 number = ((const __u32 *)wait->memory)[2 * i];
        if (i >= wait->arguments[1] || !is_connection(file_address_of(number)))
            continue;
        if (found != ~0ull)
            return ~0ull;
        found = number;
    }
    return found;
}

/* The descriptor that a call is about; ~0 when it is about none, or about several. */
BPF_INLINE __u64 descriptor_of(const struct bpf_wait *wait, __u8 kind)
{
    if (kind == BPF_CALL_FD || kind == BPF_CALL_CONNECT)
        return wait->arguments[0];
    if (kind == BPF_CALL_POLL && wait->arguments[1] == 1 && wait->memory_bytes >= 8)
        return *(const __u32 *)wait->memory;
    if (kind == BPF_CALL_POLL && wait->arguments[1] > 1)
        return polled_connection(wait);
    return ~0ull;
}

/* Waits that differ in more than what is compared are never added up. */
BPF_INLINE bool is_plain(__u8 kind)
{
    return kind == BPF_CALL_PLAIN || kind == BPF_CALL_FD;
}

BPF_INLINE __u32 wait_flags(const struct task_struct *task, __u32 state)
{
    __u32 flags = 0;
    if (BPF_CORE_READ_BITFIELD(task, in_iowait))
        flags |= BPF_WAIT_IO;
    if (task->flags & TASK_MEMALLOC)
        flags |= BPF_WAIT_RECLAIM;
    if (state & (STATE_STOPPED | STATE_TRACED))
        flags |= BPF_WAIT_STOPPED;
    if (state & STATE_INTERRUPTIBLE)
        flags |= BPF_WAIT_INTERRUPTIBLE;
    return flags;
}

/* Every wait has its stack, but for a thread whose waits come too fast for that. */
BPF_INLINE bool is_stack_due(__u64 now_ns, __u64 before_ns, __u64 taken_ns)
{
    return now_ns - before_ns >= BPF_FAST_NS || now_ns - taken_ns >= BPF_STACK_PERIOD_NS;
}

/* The thread blocks: `wait` tells why, unless it is equal to what `run` adds up. */
BPF_INLINE void wait_begin(void *context, struct bpf_thread *thread, struct task_struct *task, __u32 state,
                           __u64 before_ns)
{
    struct bpf_wait *wait = &thread->wait;
    const struct bpf_wait *run = &thread->run;

    wait->flags = wait_flags(task, state);
    wait->call = call_read(task, wait->arguments);
    wait->stack = -1;
    wait->dump = 0;
    wait->sp = stack_pointer(task);
    bool is_taken = with_stacks && is_stack_due(thread->out_ns, before_ns, thread->stack_ns);
    if (is_taken) {
        wait->stack = stack_take(context);
        thread->stack_ns = thread->out_ns;
    }
    wait->python = is_taken ? python_take(thread, thread->out_ns) : 0;
    if (is_taken && is_dump_due(thread, thread->out_ns, before_ns, wait->stack, wait->sp ^ wait->python))
        wait->dump = dump_write(thread, thread->out_ns, wait->stack, wait->python);
    wait->gil_holder = 0;
    if (wait->python && wait->call == CALL_FUTEX)
        wait->gil_holder = python_gil_holder(thread, wait->arguments[0]);
    __u8 kind = BPF_CALL_PLAIN;
    __u32 call = (__u32)wait->call;
    if (call < BPF_CALL_COUNT)
        kind = call_kinds[call] & BPF_CALL_KIND;
    wait->memory_bytes = 0;
    if (!is_plain(kind))
        memory_read(wait, kind);
    else if (has_python && wait->call == CALL_FUTEX)
        python_park_read(thread, wait->arguments[0]);
    __u64 number = descriptor_of(wait, kind), file = 0;
    if (number <= 0x7fffffff)
        file = file_address_of(number);
    thread->is_same =
        run->count && is_plain(kind) && run->call == wait->call && run->flags == wait->flags &&
        run->arguments[0] == wait->arguments[0] && thread->file_address == file && run->sp == wait->sp &&
        run->memory_bytes == wait->memory_bytes &&
        (!wait->memory_bytes || *(const __u64 *)run->memory == *(const __u64 *)wait->memory) &&
        (!is_taken || run->stack < 0 ||
         (run->stack == wait->stack && run->python == wait->python && run->gil_holder == wait->gil_holder));
    if (thread->is_same)
        return;
    thread->file_address = file;
    __builtin_memset(&wait->file, 0, sizeof wait->file);
    wait->file.number = -1;
    if (file)
        file_read(&wait->file, file, number);
}

BPF_INLINE void exit_write(struct bpf_thread *thread, const struct task_struct *task, __u64 now_ns)
{
    struct bpf_exit exit = {.head = {.kind = BPF_RECORD_EXIT, .pid = thread->pid, .tid = thread->tid}};
    const struct signal_struct *shared = BPF_CORE_READ(task, signal);

    exit.head.time_ns = now_ns;
    exit.status = (__u32)task->exit_code;
    if (BPF_CORE_READ(shared, flags) & GROUP_EXIT)
        exit.status = (__u32)BPF_CORE_READ(shared, group_exit_code);
    exit.is_last = BPF_CORE_READ(shared, live.counter) == 0;
    exit.rss_pages_max = BPF_CORE_READ(shared, maxrss);
    exit.user_ns = BPF_CORE_READ(shared, utime) + task->utime;
    exit.system_ns = BPF_CORE_READ(shared, stime) + task->stime;
    exit.fault_minor_count = BPF_CORE_READ(shared, min_flt) + task->min_flt;
    exit.fault_major_count = BPF_CORE_READ(shared, maj_flt) + task->maj_flt;
    record_write(&exit, sizeof exit);
}

BPF_INLINE void thread_end(struct bpf_thread *thread, const struct task_struct *task, __u64 now_ns)
{
    __u32 tid = thread->tid;

    if (thread->run.count)
        run_write(thread, now_ns);
    if (thread->slice.end_ns)
        slice_write(thread, now_ns);
    exit_write(thread, task, now_ns);
    python_exit(thread, task);
    bpf_map_delete_elem(&threads, &tid);
}

BPF_INLINE void thread_out(struct bpf_raw_tracepoint_args *context, struct bpf_thread *thread,
                           struct task_struct *task, __u64 now_ns)
{
    __u32 state = task_state(task);
    __u64 before_ns = thread->out_ns;

    if (thread->in_ns) {
        if (!thread->slice.end_ns) {
            thread->slice.start_ns = thread->in_ns;
            thread->slice.run_ns = 0;
            thread->slice.cpu = thread->cpu;
        }
        thread->slice.end_ns = now_ns;
        thread->slice.run_ns += now_ns - thread->in_ns;
    }
    thread->in_ns = 0;
    thread->out_ns = now_ns;
    thread->is_waiting = 1;
    if (state & STATE_DEAD) {
        thread_end(thread, task, now_ns);
    } else if (context->args[0] || state == STATE_RUNNING) {
        thread->wait.flags = BPF_WAIT_QUEUE;
        thread->is_same = 0;
    } else {
        wait_begin(context, thread, task, state, before_ns);
    }
}

/* What `run` was of goes on, or something new begins: `wait` is copied, or for a wait for a CPU made here. */
BPF_INLINE void run_start(struct bpf_thread *thread, bool is_queue)
{
    if (thread->is_same)
        return;
    if (!is_queue) {
        __builtin_memcpy(&thread->run, &thread->wait, sizeof thread->run);
        return;
    }
    thread->run.flags = BPF_WAIT_QUEUE;
    thread->run.call = BPF_CALL_OUTSIDE;
    thread->run.stack = -1;
    thread->run.python = 0;
    thread->run.gil_holder = 0;
    thread->run.dump = 0;
    thread->run.memory_bytes = 0;
    thread->run.file.number = -1;
    thread->file_address = 0;
}

struct ended {
    __u64 blocked_ns, runnable_ns;
    __u64 woken;
};

BPF_INLINE bool run_takes(const struct bpf_thread *thread, const struct ended *ended, __u64 now_ns,
                          bool is_queue)
{
    const struct bpf_wait *run = &thread->run;

    if (!run->count || now_ns - thread->out_ns >= BPF_SHORT_NS || now_ns - run->start_ns > BPF_RUN_NS ||
        now_ns - run->start_ns >= (run->count + 1) * BPF_SHORT_NS) /* mostly running */
        return false;
    if (is_queue)
        return true; /* a short turn of another, in the middle of equal waits */
    if (!thread->is_same || !ended->woken != !run->waker_context)
        return false;
    if (!ended->woken)
        return true;
    return run->waker_tid == thread->waker_tid && run->waker_context == thread->waker_context &&
           (run->waker_stack < 0 || thread->waker_stack < 0 ||
            (run->waker_stack == thread->waker_stack && run->waker_python == thread->waker_python));
}

BPF_INLINE void wait_end(struct bpf_thread *thread, __u64 now_ns)
{
    struct bpf_wait *run = &thread->run;
    bool is_queue = !thread->is_same && thread->wait.flags & BPF_WAIT_QUEUE;
    struct ended ended = {0};
    __u64 wake_ns = thread->wake_ns;

    if (is_queue) {
        ended.runnable_ns = now_ns - thread->out_ns;
    } else if (wake_ns + WAKE_SLACK_NS < thread->out_ns || wake_ns > now_ns) {
        ended.blocked_ns = now_ns - thread->out_ns;
    } else {
        if (wake_ns < thread->out_ns)
            wake_ns = thread->out_ns;
        ended.blocked_ns = wake_ns - thread->out_ns;
        ended.runnable_ns = now_ns - wake_ns;
        ended.woken = 1;
    }
    if (run_takes(thread, &ended, now_ns, is_queue)) {
        run->count++;
        if (run->stack < 0 && !is_queue) {
            run->stack = thread->wait.stack;
            run->python = thread->wait.python;
            run->gil_holder = thread->wait.gil_holder;
        }
        if (!run->dump && !is_queue)
            run->dump = thread->wait.dump;
        if (run->waker_stack < 0 && ended.woken) {
            run->waker_stack = thread->waker_stack;
            run->waker_python = thread->waker_python;
            run->waker_sp = thread->waker_sp;
        }
        if (!run->waker_dump && ended.woken)
            run->waker_dump = thread->waker_dump;
        run->blocked_ns += ended.blocked_ns;
        run->runnable_ns += ended.runnable_ns;
        run->end_ns = now_ns;
        return;
    }
    if (run->count)
        run_write(thread, now_ns);
    run_start(thread, is_queue);
    run->start_ns = thread->out_ns;
    run->end_ns = now_ns;
    run->count = 1;
    run->blocked_ns = ended.blocked_ns;
    run->runnable_ns = ended.runnable_ns;
    run->waker_pid = ended.woken ? thread->waker_pid : 0;
    run->waker_tid = ended.woken ? thread->waker_tid : 0;
    run->waker_stack = ended.woken ? thread->waker_stack : -1;
    run->waker_python = ended.woken ? thread->waker_python : 0;
    run->waker_dump = ended.woken ? thread->waker_dump : 0;
    run->waker_sp = ended.woken ? thread->waker_sp : 0;
    run->waker_context = ended.woken ? thread->waker_context : BPF_CONTEXT_NONE;
    if (now_ns - thread->out_ns >= BPF_SHORT_NS)
        run_write(thread, now_ns); /* nothing is ever added to it */
}

BPF_INLINE void thread_in(struct bpf_thread *thread, __u64 now_ns)
{
    __u32 cpu = bpf_get_smp_processor_id();

    if (thread->is_waiting)
        wait_end(thread, now_ns);
    thread->is_waiting = 0;
    thread->in_ns = now_ns;
    thread->cpu = cpu;
    const struct bpf_slice *slice = &thread->slice;
    bool goes_on = slice->cpu == cpu && now_ns - slice->end_ns < BPF_SLICE_GAP_NS &&
                   now_ns - slice->start_ns <= BPF_RUN_NS;
    if (slice->end_ns && !goes_on)
        slice_write(thread, now_ns);
}

BPF_INLINE void on_cpu_note(__u64 run_ns, __u64 since_ns)
{
    struct bpf_counts *here = counts_here();
    if (!here)
        return;
    here->of[BPF_COUNT_RUN_NS] += run_ns;
    here->of[BPF_COUNT_ON_CPU_NS] = since_ns;
}

SEC("raw_tracepoint/sched_switch")
int on_switch(struct bpf_raw_tracepoint_args *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    __u32 out = (__u32)task->pid, in = 0;
    __u64 now_ns = 0;
    const struct task_struct *next = (const struct task_struct *)context->args[2];

    bpf_core_read(&in, sizeof in, &next->pid);
    struct bpf_thread *leaves = thread_find(out);
    if (leaves) {
        now_ns = bpf_ktime_get_ns();
        if (leaves->in_ns)
            on_cpu_note(now_ns - leaves->in_ns, 0);
        thread_out(context, leaves, task, now_ns);
    }
    struct bpf_thread *comes = thread_find(in);
    if (comes) {
        if (!now_ns)
            now_ns = bpf_ktime_get_ns();
        on_cpu_note(0, now_ns);
        thread_in(comes, now_ns);
    }
    return 0;
}

/* An interrupt hit a thread in a call by which it may have sent something over the network to a neighbour. */
BPF_INLINE bool sends(struct task_struct *task)
{
    __u64 ignored[6];
    __u32 call = (__u32)call_read(task, ignored);
    return call < BPF_CALL_COUNT && call_kinds[call] & BPF_CALL_SENDS;
}

/* An interrupt that hits a thread in its own code stays on the thread's stack. Outside a call no thread wakes others, but at
 * its end. */
BPF_INLINE bool is_in_own_code(struct task_struct *task)
{
    __u64 ignored[6];
    return call_read(task, ignored) == -1 && !(task->flags & (TASK_KTHREAD | TASK_EXITING));
}

SEC("raw_tracepoint/sched_waking")
int on_waking(struct bpf_raw_tracepoint_args *context)
{
    const struct task_struct *woken = (const struct task_struct *)context->args[0];
    __u32 tid = 0;

    bpf_core_read(&tid, sizeof tid, &woken->pid);
    struct bpf_thread *thread = thread_find(tid);
    if (!thread)
        return 0;
    struct task_struct *task = bpf_get_current_task_btf();
    __u32 waker_tid = (__u32)task->pid;
    __u64 now_ns = bpf_ktime_get_ns();
    __u64 before_ns = thread->wake_ns;
    thread->waker_stack = -1;
    thread->waker_python = 0;
    thread->waker_dump = 0;
    thread->wake_ns = now_ns;
    thread->waker_context = BPF_CONTEXT_TASK;
    if (is_interrupt(context, task, thread) || is_in_own_code(task)) {
        thread->waker_context = waker_tid && sends(task) ? BPF_CONTEXT_SENDING : BPF_CONTEXT_INTERRUPT;
        if (thread->waker_context == BPF_CONTEXT_INTERRUPT) {
            thread->waker_pid = thread->waker_tid = 0;
            return 0;
        }
    }
    thread->waker_pid = (__u32)task->tgid;
    thread->waker_tid = waker_tid;
    if (!with_stacks || !is_stack_due(now_ns, before_ns, thread->waker_stack_ns))
        return 0;
    thread->waker_stack_ns = now_ns;
    struct bpf_thread *waker = thread_find(waker_tid);
    if (!waker)
        return 0;
    thread->waker_stack = stack_take(context);
    thread->waker_python = python_take(waker, now_ns);
    thread->waker_sp = stack_pointer(task);
    if (is_dump_due(waker, now_ns, now_ns, thread->waker_stack, thread->waker_sp ^ thread->waker_python))
        thread->waker_dump = dump_write(waker, now_ns, thread->waker_stack, thread->waker_python);
    return 0;
}

/* A new thread waits for its first turn from now on. */
BPF_INLINE bool thread_add(__u32 pid, __u32 tid, __u64 out_ns, __u64 in_ns)
{
    struct scratch *scratch = scratch_here();

    if (!scratch)
        return false;
    struct bpf_thread *thread = &scratch->thread;
    thread->pid = pid;
    thread->tid = tid;
    thread->out_ns = out_ns;
    thread->in_ns = in_ns;
    thread->is_waiting = !in_ns;
    thread->wait.flags = BPF_WAIT_QUEUE;
    marks[tid & (BPF_MARK_COUNT - 1)] = 1;
    if (bpf_map_update_elem(&threads, &tid, thread, BPF_ANY)) {
        count_add(BPF_COUNT_THREAD_FULL);
        return false;
    }
    return true;
}

SEC("raw_tracepoint/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    const struct task_struct *child = (const struct task_struct *)context->args[1];
    __u32 tid = (__u32)task->pid;

    if (!thread_find(tid) && (!whole_machine || task->flags & TASK_KTHREAD))
        return 0;
    struct bpf_fork fork = {.head = {.kind = BPF_RECORD_FORK}, .parent_tid = tid};
    fork.parent_pid = (__u32)task->tgid;
    bpf_core_read(&fork.head.tid, sizeof fork.head.tid, &child->pid);
    bpf_core_read(&fork.head.pid, sizeof fork.head.pid, &child->tgid);
    fork.head.time_ns = bpf_ktime_get_ns();
    python_fork(fork.parent_pid, fork.head.pid);
    if (thread_add(fork.head.pid, fork.head.tid, fork.head.time_ns, 0))
        record_write(&fork, sizeof fork);
    return 0;
}

SEC("raw_tracepoint/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *context)
{
    struct task_struct *task = bpf_get_current_task_btf();
    __u32 old_tid = (__u32)context->args[1], tid = (__u32)task->pid;
    struct scratch *scratch = scratch_here();

    if (!scratch || !thread_find(old_tid))
        return 0;
    struct bpf_exec *exec = &scratch->exec;
    exec->head.kind = BPF_RECORD_EXEC;
    exec->head.pid = (__u32)task->tgid;
    exec->head.tid = tid;
    exec->head.time_ns = bpf_ktime_get_ns();
    exec->old_tid = old_tid;
    bpf_core_read(exec->comm, sizeof exec->comm, &task->comm);
    if (old_tid != tid) { /* it takes the number of the process's first thread, which is gone */
        bpf_map_delete_elem(&threads, &old_tid);
        thread_add(exec->head.pid, tid, exec->head.time_ns, exec->head.time_ns);
    }
    __u64 start = BPF_CORE_READ(task, mm, arg_start), end = BPF_CORE_READ(task, mm, arg_end);
    __u64 bytes = end > start ? end - start : 0;
    if (bytes > BPF_ARGUMENTS_BYTES - 1)
        bytes = BPF_ARGUMENTS_BYTES - 1;
    bytes &= BPF_ARGUMENTS_BYTES - 1;
    if (bpf_probe_read_user(scratch->arguments, (__u32)bytes, (const void *)start))
        bytes = 0;
    exec->arguments_bytes = (__u32)bytes;
    record_write(exec, sizeof *exec + bytes);
    python_exec(task);
    return 0;
}

SEC("raw_tracepoint/task_rename")
int on_rename(struct bpf_raw_tracepoint_args *context)
{
    const struct task_struct *task = (const struct task_struct *)context->args[0];
    struct bpf_comm comm = {.head = {.kind = BPF_RECORD_COMM}};

    bpf_core_read(&comm.head.tid, sizeof comm.head.tid, &task->pid);
    if (!thread_find(comm.head.tid))
        return 0;
    bpf_core_read(&comm.head.pid, sizeof comm.head.pid, &task->tgid);
    comm.head.time_ns = bpf_ktime_get_ns();
    bpf_probe_read_kernel_str(comm.comm, sizeof comm.comm, (const void *)context->args[1]);
    record_write(&comm, sizeof comm);
    return 0;
}

/* On a sampling event of a whole CPU: 0 leaves the sample out. */
SEC("perf_event")
int on_sample(void *context)
{
    (void)context;
    struct bpf_thread *thread = thread_find((__u32)bpf_get_current_pid_tgid());
    if (!thread)
        return 0;
    python_sample(thread);
    return 1;
}
