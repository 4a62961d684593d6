/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * bpf_layout: what the eBPF programs (watch.bpf.c, io.bpf.c) and toll tell each other, byte for byte: the records in
 * the ring buffer and the values of the maps. Both sides are built from this header, on the same machine, so it has
 * no version; static asserts keep the layout the same for both compilers.
 *
 * Every record begins with struct bpf_head. Times are CLOCK_MONOTONIC nanoseconds; head.time_ns is when the record
 * was written, which for a wait is after it ended.
 */
#ifndef TOLL_KERNEL_BPF_LAYOUT_H
#define TOLL_KERNEL_BPF_LAYOUT_H

#include <linux/types.h>

#define BPF_STACK_DEPTH     64    /* addresses of a stack, innermost first */
#define BPF_STACK_COUNT     16384 /* different stacks; more are lost, and counted */
#define BPF_THREAD_COUNT    65536
#define BPF_MARK_COUNT      131072 /* a power of two */
#define BPF_CALL_COUNT      512    /* system calls that have a rule */
#define BPF_MEMORY_BYTES    64
#define BPF_NAME_BYTES      32
#define BPF_ARGUMENTS_BYTES 4096 /* of a command line */
#define BPF_IO_COUNT        4096
#define BPF_IO_BUCKETS      32
#define BPF_PATH_BYTES      192
#define BPF_PATH_PART_BYTES 64
#define BPF_PYTHON_COUNT    4096 /* processes */
#define BPF_PYTHON_DEPTH    48
#define BPF_PYTHON_KNOWN    16384 /* stacks that are not told again */
#define BPF_PYTHON_ENTRY    (1ull << 63)
#define BPF_PYTHON_EARLY_NS                                                                                  \
    100000ull /* that much earlier than it is the Python stack of a sample says it is */
#define BPF_PYTHON_ABSENT   0xffffffffu
#define BPF_CALL_OUTSIDE    (-1)        /* not in a system call: a page fault */
#define BPF_CALL_FOREIGN    (-2)        /* of another instruction set (a 32-bit program) */
#define BPF_RUN_NS          10000000ull /* the longest run of equal waits, and of a slice with bridged gaps */
#define BPF_SHORT_NS        1000000ull  /* longer waits stand alone */
#define BPF_SLICE_GAP_NS    50000ull    /* shorter gaps between two slices on one CPU are bridged */
#define BPF_FAST_NS         50000ull /* waits of a thread that come faster (20,000/s) have a stack now and then: */
#define BPF_STACK_PERIOD_NS 1000000ull /* so often */
#define BPF_DUMP_BYTES      16384u     /* of a stack, copied, at most; a power of two */
#define BPF_DUMP_FEW_BYTES  4096u      /* of a stack whose end is not known */
#define BPF_DUMP_FAST_NS                                                                                     \
    1000000ull /* stacks of waits that come faster (1,000/s) are copied only when none alike was */
#define BPF_DUMP_PERIOD_NS 5000000ull /* for so long */
#define BPF_ALIKE_COUNT    16384      /* 2 to the power of: */
#define BPF_ALIKE_BITS     14

enum bpf_record_kind {
    BPF_RECORD_FORK = 1, /* struct bpf_fork */
    BPF_RECORD_EXEC,     /* struct bpf_exec and behind it the arguments */
    BPF_RECORD_COMM,     /* struct bpf_comm */
    BPF_RECORD_EXIT,     /* struct bpf_exit */
    BPF_RECORD_SLICE,    /* struct bpf_slice */
    BPF_RECORD_WAIT,     /* struct bpf_wait, without its memory when there is none */
    BPF_RECORD_PYTHON, /* struct bpf_python_stack with as many frames as it has, or struct bpf_python_news */
    BPF_RECORD_PYTHON_SAMPLE, /* struct bpf_python_sample, just before the sample itself */
    BPF_RECORD_STACK          /* struct bpf_stack and behind it the bytes */
};

struct bpf_head {
    __u32 kind;
    __u32 pid;
    __u32 tid;
    __u32 reserved;
    __u64 time_ns;
};

struct bpf_fork {
    struct bpf_head head; /* of the new thread */
    __u32 parent_pid;
    __u32 parent_tid;
};

struct bpf_exec {
    struct bpf_head head;
    char comm[16];
    __u32 old_tid; /* the thread that called it, which has the process's number from now on */
    __u32 arguments_bytes;
};

struct bpf_comm {
    struct bpf_head head;
    char comm[16];
};

struct bpf_exit {
    struct bpf_head head;
    __u32 status;                               /* as wait(2) tells it */
    __u32 is_last;                              /* of its process */
    __u64 user_ns, system_ns;                   /* of the process; 0 unless is_last */
    __u64 fault_minor_count, fault_major_count; /* the same */
    __u64 rss_pages_max;
};

/* On one CPU from start_ns to end_ns; run_ns of it really, the rest in gaps too short to tell. */
struct bpf_slice {
    struct bpf_head head;
    __u32 cpu;
    __u32 reserved;
    __u64 start_ns, end_ns;
    __u64 run_ns;
};

/* The registers of a thread where it entered the kernel, and what lay on its stack from `sp` on. */
struct bpf_stack {
    struct bpf_head head;
    __u32 number; /* among those of the thread, from 1 */
    __u32 bytes;
    __u64 ip, sp, bp;
    __u64 base;  /* rbx of x86-64, x19 of AArch64 */
    __s32 stack; /* what frame pointers tell: a number in the map of stacks; negative: nothing */
    __u32 reserved;
    __u64 python; /* key of the Python stack there; 0: none */
};

/* What a descriptor is. Addresses in network order; ports in the machine's. */
struct bpf_file {
    __u64 inode;
    __u32 device; /* of the file system; of a character device: its own */
    __u16 mode;
    __u16 family; /* of a socket; 0: no socket */
    __u16 type, protocol;
    __u16 local_port, remote_port;
    __u8 local[16], remote[16]; /* the first four bytes for IPv4 */
    __u32 state;                /* of a TCP socket */
    __s32 number;               /* the descriptor; -1: the file is not known */
    char name[BPF_NAME_BYTES];  /* the last part of its path */
};

enum bpf_wait_flag {
    BPF_WAIT_QUEUE = 1,         /* it could have gone on: it waited for a CPU alone */
    BPF_WAIT_IO = 2,            /* for a disk, says the kernel (in_iowait) */
    BPF_WAIT_RECLAIM = 4,       /* it looks for memory to free */
    BPF_WAIT_STOPPED = 8,       /* by a signal or a tracer */
    BPF_WAIT_INTERRUPTIBLE = 16 /* a signal would have ended it */
};

enum bpf_context {
    BPF_CONTEXT_NONE,
    BPF_CONTEXT_TASK,
    BPF_CONTEXT_SENDING, /* an interrupt hit the waker in a call that may send to a neighbour: the network of this
                           * machine delivers in the sender's name */
    BPF_CONTEXT_INTERRUPT /* it hit an innocent thread, and waker_tid is 0 */
};

/* `count` equal waits from start_ns to end_ns: blocked_ns and runnable_ns of that time, the rest running. */
struct bpf_wait {
    struct bpf_head head;
    __u64 start_ns, end_ns;
    __u64 count;
    __u64 blocked_ns, runnable_ns;
    __s32 call; /* number of the system call, BPF_CALL_OUTSIDE, BPF_CALL_FOREIGN */
    __u32 flags;
    __u64 arguments[6];
    __u64 python, waker_python; /* keys of the Python stacks there; 0: none */
    __s32 stack, waker_stack;   /* numbers in the map of stacks; negative: none */
    __u32 waker_pid, waker_tid;
    __u32 waker_context; /* enum bpf_context */
    /* it waits for the lock of a Python interpreter, which this thread has; 0: it does not */
    __u32 gil_holder;
    __u32 dump; /* number of the bpf_stack of this wait; 0: none */
    __u32 reserved0;
    /* Where the stacks end that have no such number: equal ones are equal stacks, most likely. */
    __u64 sp, waker_sp;
    struct bpf_file file;
    /* A piece of the thread's memory: what the arguments point to; of a thread that parks the address of what it parks for. */
    __u64 memory_address;
    __u32 memory_bytes;
    __u32 waker_dump; /* the same among those of waker_tid */
    __u8 memory[BPF_MEMORY_BYTES];
};

/* Where a process's Python interpreter keeps what its threads run: the value of the map of those processes. Offsets in
 * bytes; BPF_PYTHON_ABSENT for fields that its version does not have. */
struct bpf_python {
    __u64 interpreters; /* address of the first interpreter's address */
    __u64 gil_holder;   /* address of that of the thread state that has the lock */
    __u64 runtime_low, runtime_high;
    __u64 salt; /* makes keys of stacks differ between programs that run one after another */
    __u32 interpreter_next, threads_head;
    __u32 thread_next, thread_id, thread_native_id;
    __u32 thread_frame, cframe_frame;
    __u32 frame_code, frame_previous, frame_instruction, frame_owner, frame_entry;
    __u32 code_lines;
    __u32 parks; /* its threads wait for locks at a place on their own stacks, behind the lock's address */
};

struct bpf_python_frame {
    __u64 code; /* address; BPF_PYTHON_ENTRY is added for the outermost frame of a call of the interpreter */
    __u64 instruction;
    __u64 lines;
};

/* The beginning of the next, alone when its process has just begun to run a program named after Python. */
struct bpf_python_news {
    struct bpf_head head;
    __u64 key;    /* 0 */
    __u32 count;  /* 0 */
    __u32 is_cut; /* the stack was deeper */
};

/* A Python stack that was not told before. */
struct bpf_python_stack {
    struct bpf_head head;
    __u64 key;
    __u32 count;
    __u32 is_cut;
    struct bpf_python_frame frames[BPF_PYTHON_DEPTH]; /* innermost first */
};

struct bpf_python_sample {
    struct bpf_head head;
    __u64 key;
};

/* The value of the map of threads. */
struct bpf_thread {
    __u32 pid, tid;
    __u64 in_ns;   /* on a CPU since; 0: it is not on one */
    __u64 out_ns;  /* off the CPU since; 0: not known */
    __u64 wake_ns; /* when it was last woken, and by whom */
    __u32 waker_pid, waker_tid;
    __s32 waker_stack;
    __u32 waker_context;
    __u64 context_address;
    __u32 cpu;
    __u32 dump_number; /* the last one */
    __u64 waker_sp;
    __u32 waker_dump;
    __u32 reserved;
    __u64 stack_ns, waker_stack_ns; /* when they were last taken */
    __u64 waker_python;
    __u64 python_thread; /* the address of its state in the interpreter, as it was found last */
    __u64 python_due_ns; /* it was not found: when it is looked for again */
    __u64 file_address;  /* of the kernel's struct file that `wait` is about */
    __u32 is_same;       /* the wait that it is in is equal to those of `run`, and `wait` is not filled */
    __u32 is_waiting;    /* `wait` or `run` tells of a wait that goes on since out_ns */
    __u64 io_enter_ns;   /* of the system call that it is in, when that is counted */
    __u64 io_file, io_inode, io_key; /* the last file that it did something to, and its key */
    struct bpf_slice slice;          /* collected, not written yet; end_ns 0: none */
    struct bpf_wait run;             /* the same; count 0: none */
    struct bpf_wait wait;
};

/* How a system call's arguments are read when a thread blocks in it. */
enum bpf_call_kind {
    BPF_CALL_PLAIN = 0,
    BPF_CALL_FD,      /* argument 0 is a descriptor */
    BPF_CALL_POLL,    /* argument 0: struct pollfd[], argument 1: how many */
    BPF_CALL_SELECT,  /* argument 0: how many, 1: bits of those to be read */
    BPF_CALL_CONNECT, /* argument 1: an address of argument 2 bytes */
    BPF_CALL_PATH0,   /* argument 0 is a path */
    BPF_CALL_PATH1,
    BPF_CALL_KIND = 0x3f,
    BPF_CALL_SENDS = 0x80 /* besides */
};

enum bpf_count {
    BPF_COUNT_RING_FULL,   /* records dropped */
    BPF_COUNT_THREAD_FULL, /* threads not followed */
    BPF_COUNT_STACK_LOST,  /* stacks that could not be kept */
    BPF_COUNT_IO_FULL,     /* calls not counted by peer */
    BPF_COUNT_RUN_NS,      /* CPU time of the threads followed, up to their last switch */
    BPF_COUNT_ON_CPU_NS,   /* since when this CPU runs one of them; 0: it does not */
    BPF_COUNT_END
};

/* What a system call does to a descriptor: the operation, and: */
enum bpf_io_rule {
    BPF_IO_OPERATION = 0x0f, /* enum io_operation of the model; 0: not counted */
    BPF_IO_BYTES = 0x10,     /* it returns how many bytes */
    BPF_IO_RESULT = 0x20     /* the descriptor is what it returns, not its first argument */
};

struct bpf_io_key {
    __u64 file; /* the same for everything that is one other end */
    __u32 pid;
    __u32 operation;
};

/* Calls that returned since it was read last; one for each CPU. */
struct bpf_io {
    __u64 bytes;
    __u64 time_ns;
    __u32 sizes[BPF_IO_BUCKETS];     /* by power of two; the last holds all above too */
    __u32 latencies[BPF_IO_BUCKETS]; /* all of them are the number of calls */
};

/* What is behind a file's key: the first that was met. */
struct bpf_io_file {
    struct bpf_file file;
    /* The parts of its path from the last to the first below its file system's root, each with its NUL. */
    char path[BPF_PATH_BYTES];
    __u32 path_bytes;
    __u32 reserved;
};

_Static_assert(sizeof(struct bpf_head) == 24, "layout");
_Static_assert(sizeof(struct bpf_stack) == 80, "layout");
_Static_assert(sizeof(struct bpf_file) == 96, "layout");
_Static_assert(sizeof(struct bpf_wait) % 8 == 0, "layout");
_Static_assert(sizeof(struct bpf_thread) % 8 == 0, "layout");
_Static_assert(sizeof(struct bpf_python) % 8 == 0, "layout");
_Static_assert(sizeof(struct bpf_python_frame) == 24, "layout");
_Static_assert(sizeof(struct bpf_python_news) == __builtin_offsetof(struct bpf_python_stack, frames),
               "layout");
_Static_assert(sizeof(struct bpf_io_key) == 16, "layout");
_Static_assert(sizeof(struct bpf_io) % 8 == 0, "layout");

#endif
