/* SPDX-License-Identifier: Apache-2.0 */
#include "record/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "kernel/bpf.h"
#include "kernel/control_group.h"
#include "kernel/uprobe.h"
#include "record/inside.h"
#include "record/system.h"

#define PERF_FACT      "perf events"
#define PRELOAD_FACT   "preload"
#define BPF_FACT       "eBPF"
#define CAP_SYS_PTRACE 19
#define CAP_SYS_ADMIN  21
#define CAP_PERFMON    38
#define CAP_BPF        39
#define CONTAINER_HINT "in a container: --cap-add PERFMON, or --security-opt seccomp=unconfined"

static void text_set(char *text, size_t capacity, const char *format, ...) PRINTF_LIKE(3, 4);
static void text_set(char *text, size_t capacity, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, capacity, format, arguments);
    va_end(arguments);
}

#define FOUND(fact, ...)   text_set((fact)->found, sizeof(fact)->found, __VA_ARGS__)
#define LOST(fact, ...)    text_set((fact)->lost, sizeof(fact)->lost, __VA_ARGS__)
#define COMMAND(fact, ...) text_set((fact)->command, sizeof(fact)->command, __VA_ARGS__)

/* A number in a file of /proc/sys, -100 when it is not there. */
static long setting(const char *path)
{
    char text[64];
    return fs_read_small(path, text, sizeof text) > 0 ? strtol(text, NULL, 10) : -100;
}

static bool has_capability(unsigned number)
{
    char text[4096];
    if (fs_read_small("/proc/self/status", text, sizeof text) <= 0)
        return false;
    const char *found = strstr(text, "CapEff:");
    return found && (strtoull(found + 7, NULL, 16) >> number & 1);
}

/* Opens and closes an event on this thread; 0 or an errno. */
static int perf_try(uint32_t type, uint64_t config, bool with_kernel)
{
    struct perf_event_attr attr = {.type = type,
                                   .size = sizeof attr,
                                   .config = config,
                                   .disabled = 1,
                                   .inherit = 1,
                                   .context_switch = type == PERF_TYPE_SOFTWARE,
                                   .sample_period = 1000000,
                                   .exclude_kernel = !with_kernel,
                                   .exclude_hv = 1};
    FS_CLEANUP int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static void perf_look(struct doctor_fact *fact)
{
    long paranoid = setting("/proc/sys/kernel/perf_event_paranoid");
    int errnum = perf_try(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY, false);

    fact->name = PERF_FACT;
    fact->state = errnum ? DOCTOR_MISSING : DOCTOR_OK;
    if (!errnum) {
        FOUND(fact, "every fork, exec, exit and switch (kernel.perf_event_paranoid is %ld)", paranoid);
        return;
    }
    FOUND(fact, "refused: %s (kernel.perf_event_paranoid is %ld)", strerror(errnum), paranoid);
    LOST(fact, "exact waits and call stacks; /proc is sampled instead, very short processes may be missed");
    if (paranoid > 2)
        COMMAND(fact, "sudo sysctl kernel.perf_event_paranoid=2");
    else
        COMMAND(fact, "%s", CONTAINER_HINT);
}

static void cpu_look(struct doctor_fact *fact)
{
    int errnum = perf_try(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, false);

    fact->name = "CPU samples";
    fact->state = errnum ? DOCTOR_MISSING : DOCTOR_OK;
    FOUND(fact, "cpu-clock %s", errnum ? strerror(errnum) : "works");
    if (errnum) {
        LOST(fact, "which functions use the CPU; programs are still told apart");
        COMMAND(fact, "sudo sysctl kernel.perf_event_paranoid=2; %s", CONTAINER_HINT);
    }
}

static void kernel_look(struct doctor_fact *fact)
{
    int errnum = perf_try(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true);

    fact->name = "kernel functions";
    fact->state = errnum ? DOCTOR_MISSING : DOCTOR_OK;
    FOUND(fact, "%s", errnum ? "user-only: the kernel is off limits" : "samples reach into the kernel");
    if (errnum) {
        LOST(fact, "which functions of the kernel use the CPU");
        COMMAND(fact,
                "sudo sysctl kernel.perf_event_paranoid=1, or: sudo setcap cap_perfmon=ep $(which toll)");
    }
}

static void counters_look(struct doctor_fact *fact)
{
    int errnum = perf_try(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false);

    fact->name = "hardware counters";
    fact->state = errnum ? DOCTOR_MISSING : DOCTOR_OK;
    FOUND(fact, "%s", errnum ? strerror(errnum) : "cycles work");
    if (!errnum)
        return;
    LOST(fact, "cycles; a clock is sampled instead, and functions that run with interrupts off are blurred");
    if (errnum == ENOENT || errnum == EOPNOTSUPP)
        COMMAND(fact, "none here: this CPU shows no counters (give a virtual machine a PMU)");
    else
        COMMAND(fact, "sudo sysctl kernel.perf_event_paranoid=2");
}

/* A child that sleeps, with what may be read of it. */
struct probe {
    pid_t pid;
    ssize_t syscall_length; /* or -errno */
    bool has_memory;
    bool has_descriptors;
};

static void probe_take(struct probe *ret_probe)
{
    static char word[8] = "toll";
    char path[64], text[256];
    struct iovec local = {.iov_base = text, .iov_len = sizeof word};
    struct iovec remote = {.iov_base = word, .iov_len = sizeof word};

    *ret_probe = (struct probe){.pid = fork(), .syscall_length = -ECHILD};
    if (ret_probe->pid == 0)
        for (;;)
            pause();
    if (ret_probe->pid < 0)
        return;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)ret_probe->pid);
    ret_probe->syscall_length = fs_read_small(path, text, sizeof text);
    ret_probe->has_memory = process_vm_readv(ret_probe->pid, &local, 1, &remote, 1, 0) > 0;
    FS_CLEANUP int pidfd = (int)syscall(SYS_pidfd_open, ret_probe->pid, 0);
    FS_CLEANUP int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 2, 0);
    ret_probe->has_descriptors = fd >= 0;
    kill(ret_probe->pid, SIGKILL);
    while (waitpid(ret_probe->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void reasons_look(struct doctor_fact *fact, const struct probe *probe)
{
    fact->name = "reasons of waits";
    fact->state = probe->syscall_length > 0 ? DOCTOR_OK : DOCTOR_MISSING;
    if (probe->syscall_length > 0) {
        FOUND(fact, "a child's blocked call and arguments are readable");
        return;
    }
    FOUND(fact, "a child's /proc/PID/syscall: %s", strerror((int)-probe->syscall_length));
    LOST(fact, "why a thread waits, and for whom");
    COMMAND(fact,
            "mount /proc without hidepid, as the user that runs the command; CONFIG_HAVE_ARCH_TRACEHOOK");
}

static void memory_look(struct doctor_fact *fact, const struct probe *probe)
{
    long scope = setting("/proc/sys/kernel/yama/ptrace_scope");

    fact->name = "peers of polls";
    fact->state = probe->has_memory && probe->has_descriptors ? DOCTOR_OK : DOCTOR_LIMITED;
    if (scope == -100)
        FOUND(fact, "a child's memory and sockets are %s", fact->state == DOCTOR_OK ? "readable" : "refused");
    else
        FOUND(fact, "a child's memory and sockets are %s (kernel.yama.ptrace_scope is %ld)",
              fact->state == DOCTOR_OK ? "readable" : "refused", scope);
    if (fact->state == DOCTOR_OK)
        return;
    LOST(fact, "which of several descriptors a poll waits for; sockets cost more to look up");
    COMMAND(fact, "%s",
            scope > 1 ? "sudo sysctl kernel.yama.ptrace_scope=1" : "in a container: --cap-add SYS_PTRACE");
}

static void counters_of_threads_look(struct doctor_fact *fact)
{
    char text[128];
    bool works = fs_read_small("/proc/self/schedstat", text, sizeof text) > 0 && text[0] != '0';

    fact->name = "thread counters";
    fact->state = works ? DOCTOR_OK : DOCTOR_MISSING;
    FOUND(fact, "/proc/PID/schedstat %s", works ? "works" : "is not there");
    if (!works) {
        LOST(fact, "waits on the proc rung");
        COMMAND(fact, "a kernel with CONFIG_SCHED_INFO");
    }
}

static void pressure_look(struct doctor_fact *fact)
{
    char text[256];
    ssize_t got = fs_read_small("/proc/pressure/cpu", text, sizeof text);

    fact->name = "pressure";
    fact->state = got > 0 ? DOCTOR_OK : DOCTOR_MISSING;
    FOUND(fact, "/proc/pressure %s", got > 0 ? "works" : strerror((int)-got));
    if (got <= 0) {
        LOST(fact, "how long tasks were stalled for CPU, memory and disks, machine-wide");
        COMMAND(fact, "boot with psi=1");
    }
}

static void cgroup_look(struct doctor_fact *fact)
{
    const struct cgroup_of self = {.root = ""};
    char folder[256];
    int version = 0;
    double quota = cgroup_cpu_quota(&self);

    fact->name = "cgroup";
    if (!cgroup_folder(&self, "cpu", folder, sizeof folder, &version)) {
        fact->state = DOCTOR_MISSING;
        FOUND(fact, "/sys/fs/cgroup is not readable");
        LOST(fact, "limits of CPU and memory, throttling");
        return;
    }
    fact->state = DOCTOR_OK;
    if (quota > 0)
        FOUND(fact, "version %d, limited to %.2f cores", version, quota);
    else
        FOUND(fact, "version %d, no CPU limit", version);
}

static void bpf_look(struct doctor_fact *fact)
{
    struct bpf_source_options options = {.rate_hz = 1, .no_samples = true};
    struct bpf_source *source = NULL;
    struct err err = {0};

    fact->name = BPF_FACT;
    fact->state = bpf_open(&options, &source, &err) ? DOCTOR_MISSING : DOCTOR_OK;
    bpf_close(source);
    if (fact->state == DOCTOR_OK) {
        FOUND(fact, "every wait, what it was for and who ended it");
        return;
    }
    FOUND(fact, "%.199s", err.what);
    LOST(fact, "who ended a wait, and the reason of those too short to be looked at; %s",
         "command lines of very short processes");
    if (!bpf_is_built())
        COMMAND(fact, "tools/setup build, then build toll again");
    else if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
        COMMAND(fact, "a kernel with CONFIG_DEBUG_INFO_BTF (there is no /sys/kernel/btf/vmlinux)");
    else if (!has_capability(CAP_BPF) && !has_capability(CAP_SYS_ADMIN))
        COMMAND(fact,
                "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace=ep $(which toll), or run toll as root; %s",
                "in a container: --cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE");
    else
        COMMAND(fact, "%.230s", err.hint);
}

/* Whether the process that started toll, which is no child of it, may be looked into as toll attach does. */
static bool may_look_at_parent(void)
{
    char path[64], text[256];
    pid_t parent = getppid();

    if (parent <= 1)
        return setting("/proc/sys/kernel/yama/ptrace_scope") <= 0 || has_capability(CAP_SYS_PTRACE);
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)parent);
    FS_CLEANUP int pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
    FS_CLEANUP int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
    return fs_read_small(path, text, sizeof text) > 0 && (fd >= 0 || errno == EBADF);
}

static void attach_look(struct doctor_fact *fact)
{
    long scope = setting("/proc/sys/kernel/yama/ptrace_scope");
    bool is_any = geteuid() == 0 || has_capability(CAP_SYS_PTRACE);

    fact->name = "attach";
    fact->state = may_look_at_parent() ? DOCTOR_OK : DOCTOR_LIMITED;
    if (fact->state == DOCTOR_OK) {
        FOUND(fact, "toll attach records %s",
              is_any ? "every process" : "your own processes; with sudo every process");
        return;
    }
    if (scope == -100)
        FOUND(fact, "calls and sockets of processes that toll did not start are refused");
    else
        FOUND(fact,
              "calls and sockets of processes that toll did not start are refused (kernel.yama.ptrace_scope "
              "is %ld)",
              scope);
    LOST(fact, "with toll attach: why threads wait and for whom, requests over connections; %s",
         "when they run and on what stays");
    if (scope > 0)
        COMMAND(fact,
                "sudo sysctl kernel.yama.ptrace_scope=0, or: sudo setcap cap_sys_ptrace=ep $(which toll)");
    else
        COMMAND(fact, "sudo toll attach PID; in a container: --cap-add SYS_PTRACE");
}

static void system_look(struct doctor_fact *fact)
{
    fact->name = "whole machine";
    fact->state = geteuid() == 0 ? DOCTOR_OK : DOCTOR_MISSING;
    FOUND(fact, "%s", geteuid() == 0 ? "toll run --system works" : "toll run --system is root's");
    if (geteuid() == 0)
        return;
    LOST(fact, "programs that are not yours, and what the machine does beside a command");
    COMMAND(fact, "sudo toll run --system");
}

/* What a JVM says of its collector its own user may read. */
static void pauses_look(struct doctor_fact *fact)
{
    struct err err = {0};

    fact->name = "collector pauses";
    fact->state = uprobes_try(&err) ? DOCTOR_LIMITED : DOCTOR_OK;
    if (fact->state == DOCTOR_OK) {
        FOUND(fact, "of JVMs, CPython (where it has probes) and Node.js");
        return;
    }
    FOUND(fact, "of JVMs of your own: %.160s", err.what);
    LOST(fact, "pauses of CPython and Node.js; samples inside their collectors are there");
    COMMAND(fact, "%.230s", err.hint);
}

/* The rung without any privilege: a library in each program, and a folder for its rings. */
static void preload_look(struct doctor_fact *fact)
{
    char path[1024];
    bool has_library = inside_library(INSIDE_LIBRARY, path, sizeof path),
         has_folder = access("/dev/shm", W_OK) == 0;

    fact->name = PRELOAD_FACT;
    fact->state = has_library ? DOCTOR_OK : DOCTOR_MISSING;
    if (!has_library) {
        FOUND(fact, "no libtoll_preload.so beside toll or in ../lib/toll");
        LOST(fact, "exact waits and their wakers where perf is refused");
        COMMAND(fact, "make install, on a path without blanks and colons");
        return;
    }
    FOUND(fact,
          "works without privilege: exact waits, wakers and call stacks of dynamically linked programs%s",
          has_folder ? "" : " (rings on disk: /dev/shm is not writable)");
    LOST(fact, "seen by looks at /proc alone: static programs (Go), other users' (sudo), system calls made "
               "without the "
               "C library");
}

size_t doctor_look(struct doctor_fact *ret_facts)
{
    struct probe probe;
    size_t count = 0;

    memset(ret_facts, 0, DOCTOR_FACT_MAX * sizeof *ret_facts);
    probe_take(&probe);
    perf_look(&ret_facts[count++]);
    cpu_look(&ret_facts[count++]);
    kernel_look(&ret_facts[count++]);
    counters_look(&ret_facts[count++]);
    reasons_look(&ret_facts[count++], &probe);
    memory_look(&ret_facts[count++], &probe);
    counters_of_threads_look(&ret_facts[count++]);
    pressure_look(&ret_facts[count++]);
    cgroup_look(&ret_facts[count++]);
    bpf_look(&ret_facts[count++]);
    attach_look(&ret_facts[count++]);
    system_look(&ret_facts[count++]);
    preload_look(&ret_facts[count++]);
    pauses_look(&ret_facts[count++]);
    return count;
}

bool doctor_allows(const struct doctor_fact *facts, size_t count, enum record_rung rung)
{
    static const char *const needed[RUNG_COUNT] = {
        [RUNG_BPF] = BPF_FACT, [RUNG_PERF] = PERF_FACT, [RUNG_PRELOAD] = PRELOAD_FACT};

    if (!needed[rung])
        return true;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(facts[i].name, needed[rung]))
            return facts[i].state == DOCTOR_OK;
    return false;
}

const char *doctor_rung(const struct doctor_fact *facts, size_t count)
{
    unsigned rung = RUNG_FIRST;

    while (rung + 1 < RUNG_COUNT && !doctor_allows(facts, count, (enum record_rung)rung))
        rung++;
    return rung_name((enum record_rung)rung);
}

const char *doctor_state_name(enum doctor_state state)
{
    switch (state) {
    case DOCTOR_OK: return "ok";
    case DOCTOR_LIMITED: return "limited";
    case DOCTOR_MISSING: return "missing";
    }
    return "unknown";
}
