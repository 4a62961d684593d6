/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * watch_python: the Python frames of the running thread, read in place. Part of watch.bpf.c.
 *
 * A thread's state in the interpreter is found by its number among the interpreter's threads once, and believed as long as
 * that number stands there. The frames are a list from the innermost on. Each stack has a key made of its frames' code
 * objects, instructions and tables of lines; a stack whose key was not told before is written out whole, at once: the
 * reader then asks the process for the names. All of it is the thread's own memory, while it stands still: what is torn by
 * other threads (the list of threads) does not match, and what is no code object the reader finds out.
 */
#ifndef TOLL_KERNEL_WATCH_PYTHON_H
#define TOLL_KERNEL_WATCH_PYTHON_H

#ifdef __bpf__

#include "kernel/watch_maps.h"

#define CALL_FUTEX_X86 202
#define CALL_FUTEX_ARM 98
#if defined(__TARGET_ARCH_arm64)
#define CALL_FUTEX CALL_FUTEX_ARM
#else
#define CALL_FUTEX CALL_FUTEX_X86
#endif

BPF_INLINE __u64 python_word(__u64 address)
{
    __u64 word = 0;
    if (bpf_probe_read_user(&word, sizeof word, (const void *)address))
        return 0;
    return word;
}

/* Whether that thread state is of the running thread. The C library's number of a thread is the same in every namespace;
 * the kernel's is not. Not static: the kernel's checker looks at it once, not for each turn of a loop. */
__noinline int python_is_thread(const struct bpf_python *python, __u64 state)
{
    const struct task_struct *task = bpf_get_current_task_btf();
    if (!python)
        return 0;
#if defined(__TARGET_ARCH_arm64)
    return python_word(state + python->thread_native_id) == (__u32)task->pid;
#else
    return python_word(state + python->thread_id) == task->thread.fsbase;
#endif
}

/* The thread state behind another; of the last one that of the next interpreter's first thread. */
__noinline __u64 python_thread_next(const struct bpf_python *python, __u64 state, __u64 interpreter)
{
    if (!python)
        return 0;
    __u64 next = python_word(state + python->thread_next);
    if (next)
        return next;
    interpreter = python_word(interpreter + python->interpreter_next);
    return interpreter ? python_word(interpreter + python->threads_head) : 0;
}

static __noinline __u64 python_thread_search(struct bpf_python *python)
{
    if (!python)
        return 0;
    __u64 interpreter = python_word(python->interpreters);
    __u64 state = interpreter ? python_word(interpreter + python->threads_head) : 0;
    for (unsigned i = 0; i < PYTHON_THREAD_MAX && state; i++) {
        if (python_is_thread(python, state))
            return state;
        state = python_thread_next(python, state, interpreter);
    }
    return 0;
}

BPF_INLINE __u64 python_thread_of(struct bpf_python *python, struct bpf_thread *thread, __u64 now_ns)
{
    if (thread->python_thread && python_is_thread(python, thread->python_thread))
        return thread->python_thread;
    if (now_ns < thread->python_due_ns)
        return 0;
    thread->python_thread = python_thread_search(python);
    thread->python_due_ns = thread->python_thread ? 0 : now_ns + PYTHON_RETRY_NS;
    return thread->python_thread;
}

/* A word of the frame that was read; offsets are multiples of 8 where a word is asked for. */
BPF_INLINE __u64 frame_word(const struct scratch *scratch, __u32 offset)
{
    return scratch->python_frame[(offset / 8) & (PYTHON_FRAME_WORDS - 1)];
}

BPF_INLINE __u8 frame_byte(const struct scratch *scratch, __u32 offset)
{
    return (__u8)(frame_word(scratch, offset) >> (8 * (offset % 8)));
}

BPF_INLINE __u64 key_add(__u64 key, __u64 value)
{
    key = (key ^ value) * PYTHON_KEY_FACTOR;
    return key ^ key >> 29;
}

/* The frame that was read; `address` is its caller's and is returned. Not static: the kernel's checker looks at it
 * once, not for each turn of the loop. How many there are stands in memory, not in a variable: the kernel's checker would follow each number of it. */
__noinline __u64 python_frame_take(const struct bpf_python *python, struct scratch *scratch, __u64 address)
{
    if (!python || !scratch)
        return 0;
    volatile struct bpf_python_stack *stack = &scratch->python;
    __u32 count = stack->count;

    bool is_shim = python->frame_entry == BPF_PYTHON_ABSENT &&
                   frame_byte(scratch, python->frame_owner) >= PYTHON_SHIM_OWNER;
    if (is_shim) {
        __u32 before = count - 1;
        if (before < BPF_PYTHON_DEPTH)
            stack->frames[before].code |= BPF_PYTHON_ENTRY;
        return address;
    }
    if (count >= BPF_PYTHON_DEPTH)
        return address;
    volatile struct bpf_python_frame *frame = &stack->frames[count];
    __u64 code = frame_word(scratch, python->frame_code) & ~PYTHON_TAG_BITS;
    __u64 instruction = frame_word(scratch, python->frame_instruction);
    __u64 lines = python_word(code + python->code_lines);
    stack->key = key_add(key_add(key_add(stack->key, code), instruction), lines);
    if (python->frame_entry != BPF_PYTHON_ABSENT && frame_byte(scratch, python->frame_entry))
        code |= BPF_PYTHON_ENTRY;
    frame->code = code;
    frame->instruction = instruction;
    frame->lines = lines;
    stack->count = count + 1;
    return address;
}

/* The frames from the innermost on into scratch->python; returns the key. */
static __noinline __u64 python_frames(struct bpf_python *python, struct scratch *scratch, __u64 address)
{
    if (!python || !scratch)
        return 0;
    volatile struct bpf_python_stack *stack = &scratch->python;

    stack->key = python->salt + stack->head.pid;
    stack->count = 0;
    for (unsigned i = 0; i < BPF_PYTHON_DEPTH + PYTHON_SHIM_MAX && address; i++) {
        if (bpf_probe_read_user(scratch->python_frame, PYTHON_FRAME_BYTES, (const void *)address))
            return 0;
        address = python_frame_take(python, scratch, frame_word(scratch, python->frame_previous));
    }
    stack->is_cut = address != 0;
    stack->key |= 1;
    return stack->count ? stack->key : 0;
}

BPF_INLINE void python_tell(struct bpf_thread *thread, struct scratch *scratch, __u64 key, __u64 now_ns)
{
    struct bpf_python_stack *stack = &scratch->python;
    __u8 one = 1;

    if (bpf_map_lookup_elem(&python_known, &key))
        return;
    stack->head.kind = BPF_RECORD_PYTHON;
    stack->head.tid = thread->tid;
    stack->head.time_ns = now_ns;
    __u32 count = stack->count;
    if (count > BPF_PYTHON_DEPTH)
        return;
    __u64 bytes = __builtin_offsetof(struct bpf_python_stack, frames) + count * sizeof stack->frames[0];
    if (record_hurry(stack, bytes))
        bpf_map_update_elem(&python_known, &key, &one, BPF_ANY);
}

/* The key of what the running thread runs in Python; 0: nothing, or it cannot be told. */
static __noinline __u64 python_read(struct bpf_thread *thread, __u64 now_ns)
{
    struct scratch *scratch = scratch_here();
    if (!thread || !scratch)
        return 0;
    __u32 pid = thread->pid;
    struct bpf_python *python = bpf_map_lookup_elem(&pythons, &pid);
    __u64 state = python ? python_thread_of(python, thread, now_ns) : 0;
    if (!state)
        return 0;
    __u64 head = python_word(state + python->thread_frame);
    if (python->cframe_frame != BPF_PYTHON_ABSENT && head)
        head = python_word(head + python->cframe_frame);
    if (!head || scratch->is_reading)
        return 0;
    scratch->is_reading = 1;
    scratch->python.head.pid = pid;
    __u64 key = python_frames(python, scratch, head);
    if (key)
        python_tell(thread, scratch, key, now_ns);
    scratch->is_reading = 0;
    return key;
}

BPF_INLINE __u64 python_take(struct bpf_thread *thread, __u64 now_ns)
{
    return has_python ? python_read(thread, now_ns) : 0;
}

/* The thread that has the lock of the interpreter, when a futex there is waited for. */
static __noinline __u32 python_gil_holder(struct bpf_thread *thread, __u64 futex)
{
    if (!thread)
        return 0;
    __u32 pid = thread->pid;
    const struct bpf_python *python = bpf_map_lookup_elem(&pythons, &pid);
    if (!python || futex < python->runtime_low || futex >= python->runtime_high)
        return 0;
    __u64 holder = python_word(python->gil_holder);
    return holder ? (__u32)python_word(holder + python->thread_native_id) : 0;
}

/* Where a thread of 3.13 and newer waits on its own stack: the word before says for which lock. */
static __noinline int python_park_read(struct bpf_thread *thread, __u64 futex)
{
    if (!thread)
        return 0;
    struct bpf_wait *wait = &thread->wait;
    __u32 pid = thread->pid;
    const struct bpf_python *python = bpf_map_lookup_elem(&pythons, &pid);
    if (!python || !python->parks || futex < wait->sp || futex - wait->sp >= PYTHON_PARK_BYTES)
        return 0;
    if (bpf_probe_read_user(wait->memory, 8, (const void *)(futex - 8)))
        return 0;
    wait->memory_address = futex - 8;
    wait->memory_bytes = 8;
    return 1;
}

/* Some kernels give a sample its time before they run this program, others behind it: this one's is earlier than both. */
BPF_INLINE void python_sample(struct bpf_thread *thread)
{
    struct bpf_python_sample sample = {.head = {.kind = BPF_RECORD_PYTHON_SAMPLE}};

    if (!has_python)
        return;
    __u64 now_ns = bpf_ktime_get_ns();
    sample.key = python_read(thread, now_ns);
    sample.head.time_ns = now_ns - BPF_PYTHON_EARLY_NS;
    if (!sample.key)
        return;
    sample.head.pid = thread->pid;
    sample.head.tid = thread->tid;
    record_write(&sample, sizeof sample);
}

/* A new process goes on with its maker's interpreter. */
BPF_INLINE void python_fork(__u32 parent_pid, __u32 pid)
{
    if (!has_python || parent_pid == pid)
        return;
    const struct bpf_python *python = bpf_map_lookup_elem(&pythons, &parent_pid);
    if (python)
        bpf_map_update_elem(&pythons, &pid, python, BPF_ANY);
}

BPF_INLINE void python_exit(const struct bpf_thread *thread, const struct task_struct *task)
{
    __u32 pid = thread->pid;
    if (has_python && BPF_CORE_READ(task, signal, live.counter) == 0)
        bpf_map_delete_elem(&pythons, &pid);
}

/* Another program; the reader hears at once of one that is named after Python, whatever its file's name in the command. */
BPF_INLINE void python_exec(struct task_struct *task)
{
    struct bpf_python_news news = {.head = {.kind = BPF_RECORD_PYTHON}};
    __u32 pid = (__u32)task->tgid;
    char name[8] = "";

    if (has_python)
        bpf_map_delete_elem(&pythons, &pid);
    const unsigned char *text = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
    bpf_probe_read_kernel_str(name, sizeof name, text);
    if (name[0] != 'p' || name[1] != 'y' || name[2] != 't' || name[3] != 'h' || name[4] != 'o' ||
        name[5] != 'n')
        return;
    news.head.pid = pid;
    news.head.tid = (__u32)task->pid;
    news.head.time_ns = bpf_ktime_get_ns();
    record_hurry(&news, sizeof news);
}

#endif

#endif
