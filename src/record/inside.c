/* SPDX-License-Identifier: Apache-2.0 */
#include "record/inside.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "model/meta.h"

#define DNS_PORT 53

#define RUNNABLE_NS_MIN (50 * NS_PER_US)  /* between the wake and the return: less is the way back */
#define MISSING_NS_MIN  (200 * NS_PER_US) /* time between two waits that the CPU clock does not explain */
#define MISSING_RATIO   50                /* and at least one part in so many */
#define TURN_NS         (4 * NS_PER_MS)   /* a guess at one stay on a run queue */
#define SAME_EXEC_NS    (20 * NS_PER_MS)
#define STACK_ID_COUNT_MAX                                                                                   \
    (1u << 18) /* what lies on a stack without being a caller makes many of one: those of late are kept */

/* The library */

bool inside_library(const char *name, char *ret_path, size_t capacity)
{
    static const char *const places[] = {"", "../lib/toll/", "../lib/x86_64-linux-gnu/toll/",
                                         "../lib/aarch64-linux-gnu/toll/", "../lib64/toll/"};
    char program[1024];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (!slash)
        return false;
    slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int count = snprintf(ret_path, capacity, "%s%s%s", program, places[i], name);
        /* The loader splits LD_PRELOAD at blanks and colons. */
        if (count > 0 && (size_t)count < capacity && access(ret_path, R_OK) == 0 && !strpbrk(ret_path, ": "))
            return true;
    }
    ret_path[0] = '\0';
    return false;
}

/* Descriptors */

/* "127.0.0.1:8080", "[::1]:8080" or a path; returns the port. */
static unsigned address_text(const void *bytes, size_t size, char *ret_text, size_t capacity)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_storage storage = {0};

    memcpy(&storage, bytes, num_min(size, sizeof storage));
    const struct sockaddr_in *in = (const struct sockaddr_in *)&storage;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&storage;
    const struct sockaddr_un *un = (const struct sockaddr_un *)&storage;
    if (storage.ss_family == AF_INET && size >= sizeof *in) {
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(ret_text, capacity, "%s:%u", text, (unsigned)ntohs(in->sin_port));
        return ntohs(in->sin_port);
    }
    if (storage.ss_family == AF_INET6 && size >= sizeof *in6) {
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        inet_ntop(is_mapped ? AF_INET : AF_INET6, in6->sin6_addr.s6_addr + (is_mapped ? 12 : 0), text,
                  sizeof text);
        snprintf(ret_text, capacity, is_mapped ? "%s:%u" : "[%s]:%u", text, (unsigned)ntohs(in6->sin6_port));
        return ntohs(in6->sin6_port);
    }
    if (storage.ss_family == AF_UNIX && size > sizeof un->sun_family) {
        bool is_abstract = un->sun_path[0] == '\0';
        size_t length = num_min(size - sizeof un->sun_family, sizeof un->sun_path) - is_abstract;
        snprintf(ret_text, capacity, "%s%.*s", is_abstract ? "@" : "", (int)length,
                 un->sun_path + is_abstract);
    }
    return 0;
}

static void from_socket(const struct call_peer *peer, struct reason_fd *fd)
{
    sa_family_t family = AF_UNSPEC;

    memcpy(&family, peer->local, peer->local_size >= sizeof family ? sizeof family : 0);
    address_text(peer->local, peer->local_size, fd->path, sizeof fd->path);
    fd->kind = family == AF_UNIX ? REASON_FD_UNIX : REASON_FD_SOCKET;
    if (peer->is_listening) {
        fd->kind = REASON_FD_LISTENING;
        snprintf(fd->address, sizeof fd->address, "%s", fd->path);
        return;
    }
    fd->is_dns = address_text(peer->remote, peer->remote_size, fd->address, sizeof fd->address) == DNS_PORT &&
                 family != AF_UNIX;
    if (family == AF_UNIX && !fd->address[0])
        snprintf(fd->address, sizeof fd->address, "unix:[%" PRIu64 "]", peer->inode);
}

static void from_device(const char *path, struct reason_fd *fd)
{
    fd->kind = REASON_FD_EVENT;
    if (str_starts(path, "/dev/pts/") || str_starts(path, "/dev/tty") || !strcmp(path, "/dev/console"))
        fd->kind = REASON_FD_TERMINAL;
    else if (str_starts(path, "/dev/nvidia") || str_starts(path, "/dev/dri/") || !strcmp(path, "/dev/kfd"))
        fd->kind = REASON_FD_GPU;
}

static void from_anonymous(const char *path, struct reason_fd *fd)
{
    fd->kind = REASON_FD_EVENT;
    if (str_starts(path, "anon_inode:[eventpoll]"))
        fd->kind = REASON_FD_EPOLL;
    else if (str_starts(path, "anon_inode:[timerfd]"))
        fd->kind = REASON_FD_TIMER;
    else if (str_starts(path, "anon_inode:[pidfd]") || str_starts(path, "pidfd:["))
        fd->kind = REASON_FD_PROCESS;
}

/* As descriptors.c tells the same descriptor from outside, so that both name one peer. */
static void descriptor_from(const struct call_peer *peer, struct reason_fd *ret_fd)
{
    *ret_fd = (struct reason_fd){.kind = REASON_FD_FILE};
    if (S_ISSOCK(peer->mode)) {
        from_socket(peer, ret_fd);
        return;
    }
    snprintf(ret_fd->path, sizeof ret_fd->path, "%.255s", peer->path);
    size_t length = strlen(ret_fd->path);
    if (str_ends(ret_fd->path, " (deleted)"))
        ret_fd->path[length - strlen(" (deleted)")] = '\0';
    if (S_ISFIFO(peer->mode)) {
        ret_fd->kind = REASON_FD_PIPE;
        if (str_starts(peer->path, "pipe:["))
            ret_fd->path[0] = '\0';
        snprintf(ret_fd->address, sizeof ret_fd->address, "%.255s", peer->path);
    } else if (S_ISCHR(peer->mode)) {
        from_device(peer->path, ret_fd);
    } else if (!S_ISREG(peer->mode) && !S_ISDIR(peer->mode) && !S_ISBLK(peer->mode)) {
        from_anonymous(peer->path, ret_fd);
    }
}

static uint64_t on_peer(void *context, uint32_t pid, const struct call_peer *peer)
{
    struct inside *inside = context;
    struct reason_fd fd;

    (void)pid;
    memset(&fd, 0, sizeof fd);
    descriptor_from(peer, &fd);
    uint64_t hash = map_hash_bytes(fd.address, strlen(fd.address)) ^
                    map_hash(map_hash_bytes(fd.path, strlen(fd.path)) + (uint64_t)fd.kind);
    const uint64_t *known = map_get(&inside->peer_ids, hash);
    if (known)
        return *known;
    if (inside->descriptors.count >= INSIDE_PEER_COUNT_MAX || vec_push(&inside->descriptors, fd))
        return 0;
    if (map_put(&inside->peer_ids, hash, inside->descriptors.count))
        inside->descriptors.count--;
    return inside->descriptors.count;
}

/* Reasons: the call told is put as the system call that it is, for reason_find */

struct asked {
    const struct inside *inside;
    const struct reason_fd *fd; /* NULL: none was told */
    bool has_children;
};

static bool asked_descriptor(void *context, int number, struct reason_fd *ret_fd)
{
    const struct asked *asked = context;

    (void)number;
    if (!asked->fd)
        return false;
    *ret_fd = *asked->fd;
    return true;
}

static bool asked_address(void *context, uint64_t address, size_t length, struct reason_fd *ret_fd)
{
    (void)address;
    (void)length;
    return asked_descriptor(context, 0, ret_fd);
}

/* There is nothing in memory to be read: one descriptor, number 0, stands for a poll's array. */
static bool asked_memory(void *context, uint64_t address, void *ret_bytes, size_t length)
{
    (void)context;
    (void)address;
    memset(ret_bytes, 0, length);
    return true;
}

static size_t asked_watched(void *context, int fd, int *ret_fds, size_t capacity)
{
    (void)context;
    (void)fd;
    (void)ret_fds;
    (void)capacity;
    return 0;
}

static bool asked_thread(void *context, uint64_t tid)
{
    (void)context;
    (void)tid;
    return true;
}

static bool asked_children(void *context)
{
    return ((const struct asked *)context)->has_children;
}

static void asked_function(void *context, char *ret_name, size_t capacity)
{
    (void)context;
    snprintf(ret_name, capacity, "%s", "");
}

static struct reason_call call_of(const struct call_told *told, const struct reason_fd *fd)
{
    static const int numbers[CALL_KIND_COUNT] = {
        [CALL_READ] = SYS_read,           [CALL_WRITE] = SYS_write,
        [CALL_SYNC] = SYS_fsync,          [CALL_SYNC_ALL] = SYS_sync,
        [CALL_CONNECT] = SYS_connect,     [CALL_ACCEPT] = SYS_accept,
        [CALL_POLL] = SYS_ppoll,          [CALL_POLL_NONE] = SYS_nanosleep,
        [CALL_SLEEP] = SYS_nanosleep,     [CALL_SIGNAL] = SYS_rt_sigsuspend,
        [CALL_CHILD] = SYS_wait4,         [CALL_LOCK] = SYS_futex,
        [CALL_CONDITION] = SYS_futex,     [CALL_JOIN] = SYS_futex,
        [CALL_FILE_LOCK] = SYS_flock,     [CALL_IPC] = SYS_semop,
        [CALL_DNS] = SYS_sendto,          [CALL_OPEN] = SYS_read,
        [CALL_CLOSE] = SYS_close,         [CALL_MEMORY] = SYS_mmap,
        [CALL_CONDITION_LATE] = SYS_futex};
    struct reason_call call = {.number = numbers[told->call]};

    switch (told->call) {
    case CALL_POLL:
        call.arguments[1] = 1;
        if (fd && fd->kind == REASON_FD_EPOLL)
            call.number = SYS_epoll_pwait;
        break;
    case CALL_CHILD: call.arguments[0] = told->value; break;
    case CALL_LOCK:
    case CALL_CONDITION:
    case CALL_CONDITION_LATE:
        call.arguments[0] = told->value;
        call.arguments[1] = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
        call.arguments[2] = told->call == CALL_LOCK ? 2 : 0;
        break;
    case CALL_JOIN:
        call.arguments[1] = FUTEX_WAIT;
        call.arguments[2] = told->value;
        break;
    case CALL_NONE:
    case CALL_READ:
    case CALL_WRITE:
    case CALL_SYNC:
    case CALL_SYNC_ALL:
    case CALL_CONNECT:
    case CALL_ACCEPT:
    case CALL_POLL_NONE:
    case CALL_SLEEP:
    case CALL_SIGNAL:
    case CALL_FILE_LOCK:
    case CALL_IPC:
    case CALL_DNS:
    case CALL_OPEN:
    case CALL_CLOSE:
    case CALL_MEMORY:
    case CALL_KIND_COUNT: break;
    }
    return call;
}

static void reason_of(struct inside *inside, const struct call_told *told, struct wait_told *wait)
{
    const struct reason_fd *fd = told->peer ? &inside->descriptors.items[told->peer - 1] : NULL;
    struct asked asked = {.inside = inside, .fd = fd, .has_children = true};
    struct reason_source source = {.context = &asked,
                                   .pid = told->pid,
                                   .descriptor = asked_descriptor,
                                   .socket_address = asked_address,
                                   .memory = asked_memory,
                                   .watched = asked_watched,
                                   .is_thread = asked_thread,
                                   .has_children = asked_children,
                                   .kernel_function = asked_function};
    struct reason_call call = call_of(told, fd);
    struct reason_found found;

    reason_find(&call, &source, &found);
    if (found.peer_kind == PEER_LOCK && inside->observe->python &&
        python_is_gil(inside->observe->python, told->pid, call.arguments[0]))
        reason_set_gil(&found, told->pid);
    wait->reason = told->call == CALL_DNS ? WAIT_DNS : found.reason;
    if (told->call == CALL_JOIN && !told->value)
        wait->reason = WAIT_CHILD;
    wait->peer = told->call == CALL_JOIN && !told->value ? 0 : peers_put(inside->peers, &found);
}

/* Wakers */

static uint64_t track_of(const struct inside *inside, uint64_t tid, uint64_t time_ns)
{
    const struct task *task = tracks_find(inside->tracks, tid);

    if (task && task->start_ns <= time_ns)
        return task->track;
    const struct track_ended *ended = tracks_ended(inside->tracks, tid, time_ns);
    return ended ? ended->track : task ? task->track : 0;
}

static uint64_t stack_key(uint64_t pid, uint64_t stack)
{
    return map_hash(stack ^ map_hash(pid));
}

static uint64_t stack_of(struct inside *inside, uint64_t pid, uint64_t stack)
{
    return stack ? map_recent_get(&inside->stack_ids, stack_key(pid, stack), STACK_ID_COUNT_MAX) : 0;
}

/* Without memory it is one like the others. */
static uint64_t stack_of_wait(struct inside *inside, uint64_t pid, uint64_t stack)
{
    uint64_t key = stack_key(pid, stack);
    uint64_t id = stack ? map_recent_get(&inside->wait_ids, key, STACK_ID_COUNT_MAX) : 0;

    if (id)
        return id;
    id = stack_of(inside, pid, stack);
    if (id)
        (void)!map_recent_put(&inside->wait_ids, key, id, STACK_ID_COUNT_MAX);
    return id;
}

static bool is_timed(enum call_kind call)
{
    return call == CALL_SLEEP || call == CALL_POLL_NONE;
}

static void waker_of(struct inside *inside, const struct call_told *told, struct wait_told *wait)
{
    if (told->call == CALL_CHILD && told->value) {
        wait->waker_track = track_of(inside, told->value, told->time_ns);
    } else if (told->waker_tid) {
        wait->waker_track =
            track_of(inside, told->waker_tid, told->waker_ns ? told->waker_ns : told->start_ns);
        wait->waker_stack = stack_of_wait(inside, told->waker_pid, told->waker_stack);
    }
    if (wait->waker_track)
        wait->waker_source = WAKER_EXACT;
    else if (is_timed(told->call) || told->call == CALL_CONDITION_LATE || wait->reason == WAIT_DISK_READ ||
             wait->reason == WAIT_DISK_WRITE || wait->reason == WAIT_DISK_SYNC)
        wait->waker_source = WAKER_INTERRUPT;
    if (told->call == CALL_CHILD && told->value && !wait->waker_track)
        inside->unseen_child_count++;
}

/* How much of it the thread could have gone on: from its waker's word, or from when it wanted to be woken. */
static uint64_t runnable_of(const struct call_told *told)
{
    uint64_t wake_ns = 0;

    if (is_timed(told->call) && told->value && told->value < told->time_ns - told->start_ns)
        wake_ns = told->start_ns + told->value;
    else if ((told->call == CALL_LOCK || told->call == CALL_READ) && told->waker_ns > told->start_ns)
        wake_ns = told->waker_ns;
    if (!wake_ns || told->time_ns < wake_ns + 2 * RUNNABLE_NS_MIN)
        return 0;
    return told->time_ns - wake_ns - RUNNABLE_NS_MIN;
}

/* Waits */

/* What passed between the last thing told and `start_ns` while the thread used `cpu_ns` in all. */
static void gap_fill(struct inside *inside, struct task *task, uint64_t start_ns, uint64_t cpu_ns)
{
    struct task_inside *own = &task->inside;
    uint64_t gap_ns = start_ns > own->told_ns ? start_ns - own->told_ns : 0;
    uint64_t ran_ns = cpu_ns > own->cpu_ns ? cpu_ns - own->cpu_ns : 0;
    uint64_t missing_ns = gap_ns > ran_ns ? gap_ns - ran_ns : 0;

    if (missing_ns < MISSING_NS_MIN || missing_ns < gap_ns / MISSING_RATIO)
        return;
    struct wait_told wait = {.interval = {.start_ns = own->told_ns, .end_ns = start_ns, .count = 1}};
    /* In what may not be known (/proc refuses to tell): it was blocked, and queued for nothing. */
    bool is_seen = own->seen_ns >= own->told_ns && own->seen_ns <= start_ns;
    uint64_t *part = is_seen ? &wait.interval.blocked_ns : &wait.interval.runnable_ns;
    if (missing_ns < gap_ns - gap_ns / MISSING_RATIO)
        wait.interval.count = num_max(missing_ns / TURN_NS, 2);
    *part = missing_ns;
    wait.reason = is_seen ? own->seen.reason : WAIT_CPU_QUEUE;
    wait.peer = is_seen ? own->seen.peer : 0;
    waits_tell(inside->waits, task, &wait);
}

static void cpu_note(struct task *task, uint64_t cpu_ns)
{
    task->inside.cpu_ns = num_max(cpu_ns, task->inside.cpu_ns);
    if (cpu_ns > task->cpu_ns && cpu_ns - task->cpu_ns < NS_PER_S * 3600) {
        task->process->cpu_ns += cpu_ns - task->cpu_ns;
        task->cpu_ns = cpu_ns;
    }
}

/* Python code tells more than the interpreter's. A wait that no look met was in what the last one like it was in: with the same
 * native stack, for the same other end. */
static void python_tell(struct task_inside *own, const struct call_told *told, struct wait_told *wait)
{
    if (own->seen.stack && own->seen_ns >= wait->interval.start_ns && own->seen_ns <= told->time_ns) {
        own->like_stack = wait->stack;
        own->like_peer = wait->peer;
        own->like_python = own->seen.stack;
    }
    if (own->like_python && own->like_stack == wait->stack && own->like_peer == wait->peer)
        wait->stack = own->like_python;
}

static void on_wait(struct inside *inside, struct task *task, const struct call_told *told)
{
    struct wait_told wait = {
        .interval = {.start_ns = told->start_ns + told->busy_ns, .end_ns = told->time_ns, .count = 1},
        .stack = stack_of_wait(inside, told->pid, told->stack)};
    uint64_t span_ns = told->time_ns - told->start_ns - told->busy_ns;

    gap_fill(inside, task, told->start_ns, told->cpu_ns - num_min(told->busy_ns, told->cpu_ns));
    reason_of(inside, told, &wait);
    python_tell(&task->inside, told, &wait);
    waker_of(inside, told, &wait);
    wait.interval.runnable_ns = num_min(runnable_of(told), span_ns);
    wait.interval.blocked_ns = span_ns - wait.interval.runnable_ns;
    waits_tell(inside->waits, task, &wait);
    task->inside.told_ns = told->time_ns;
    cpu_note(task, told->cpu_ns);
}

/* The process tree */

static void on_fork(struct inside *inside, const struct call_told *told)
{
    struct task *task = tracks_find(inside->tracks, told->tid);
    struct track_fork fork = {.pid = told->pid,
                              .tid = told->tid,
                              .parent_pid = told->kind == CALL_TOLD_THREAD ? told->pid : told->maker_pid,
                              .parent_tid = told->maker_tid,
                              .time_ns = told->time_ns};

    if (!task && told->kind == CALL_TOLD_THREAD && !tracks_process(inside->tracks, told->pid))
        return; /* its process is not of the tree */
    if (task)
        tracks_made(inside->tracks, task, &fork);
    else if ((task = tracks_fork(inside->tracks, &fork)))
        observe_first(task);
    if (task)
        task->process->is_inside = true;
}

static int on_exec(struct inside *inside, const struct call_told *told, struct err *err)
{
    struct process *process = tracks_process(inside->tracks, told->pid);
    struct perf_event event = {
        .kind = PERF_EXEC, .time_ns = told->time_ns, .pid = told->pid, .tid = told->pid, .name = told->name};

    if (!process) {
        struct track_fork fork = {.pid = told->pid,
                                  .tid = told->pid,
                                  .parent_pid = told->maker_pid,
                                  .time_ns = told->time_ns,
                                  .is_orphan = !tracks_process(inside->tracks, told->maker_pid)};
        struct task *task = tracks_fork(inside->tracks, &fork);
        if (!task)
            return 0;
        observe_first(task);
        process = task->process;
    }
    bool is_known =
        strncmp(process->image, told->name, 15) == 0 && told->time_ns < process->span_start_ns + SAME_EXEC_NS;
    if (!is_known)
        tracks_exec(inside->tracks, process, told->name, told->time_ns);
    process->is_inside = true;
    process->scan_due_ns = 0;
    return stacks_note(inside->stacks, &event, err);
}

/* The last word of a process. What it leaves undone (buffers written at the very end) takes no time worth telling. */
static void on_exit_of(struct inside *inside, const struct call_told *told)
{
    struct process *process = tracks_process(inside->tracks, told->pid);

    if (!process)
        return;
    process->exit_status = told->status;
    process->told_end_ns = told->time_ns;
}

static void on_thread_end(struct inside *inside, const struct call_told *told)
{
    struct task *task = tracks_find(inside->tracks, told->tid);

    if (task && task->process->pid == told->pid && task->tid != told->pid)
        tracks_exit(inside->tracks, inside->waits, task, told->time_ns);
}

/* Rings */

static int on_stack(struct inside *inside, const struct call_told *told, struct err *err)
{
    const uint64_t *registers = told->copy.registers;
    const struct stacks_dumped dumped = {.chain = told->addresses,
                                         .chain_count = told->address_count,
                                         .dump = {.ip = registers[CALL_REGISTER_PLACE],
                                                  .sp = registers[CALL_REGISTER_STACK],
                                                  .bp = registers[CALL_REGISTER_FRAME],
                                                  .base = registers[CALL_REGISTER_BASE],
                                                  .lr = registers[CALL_REGISTER_LINK],
                                                  .bytes = (const uint8_t *)told->copy.words,
                                                  .size = told->copy.word_count * sizeof(uint64_t)}};
    uint64_t id = 0;
    stacks_set_time(inside->stacks, told->time_ns);
    int code = stacks_add_dumped(inside->stacks, told->pid, &dumped, &id, err);

    if (code || !id)
        return code;
    uint64_t key = stack_key(told->pid, told->stack);
    int status = map_recent_put(&inside->stack_ids, key, id, STACK_ID_COUNT_MAX);
    if (!status && map_recent_get(&inside->wait_ids, key, STACK_ID_COUNT_MAX)) /* a later process's number */
        status = map_recent_put(&inside->wait_ids, key, id, STACK_ID_COUNT_MAX);
    return status ? err_memory(err) : 0;
}

static int on_map(struct inside *inside, const struct call_told *told, struct err *err)
{
    struct perf_event event = {.kind = PERF_MAP,
                               .time_ns = told->time_ns,
                               .pid = told->pid,
                               .tid = told->pid,
                               .map = {.address = told->map.address,
                                       .length_bytes = told->map.length_bytes,
                                       .offset_bytes = told->map.offset_bytes,
                                       .path = told->map.path,
                                       .device_major = major(told->map.device),
                                       .device_minor = minor(told->map.device),
                                       .inode = told->map.inode}};
    return stacks_note(inside->stacks, &event, err);
}

static void on_io(struct inside *inside, const struct task *task, const struct call_told *told)
{
    const struct reason_fd *fd = &inside->descriptors.items[told->peer - 1];
    char sizes[HISTOGRAM_TEXT_MAX], latencies[HISTOGRAM_TEXT_MAX];
    struct reason_found found;

    if (!peers_found(fd, &found))
        return;
    histogram_print(&told->io.sizes, sizes);
    histogram_print(&told->io.latencies, latencies);
    struct row_io row = {.track = task->track,
                         .peer = peers_put(inside->peers, &found),
                         .operation = told->io.operation,
                         .start_ns = num_max(told->io.start_ns, task->start_ns),
                         .end_ns = told->time_ns,
                         .count = told->io.count,
                         .bytes = told->io.bytes,
                         .time_ns = told->io.time_ns,
                         .size_histogram = emit_string(inside->emit, sizes),
                         .latency_histogram = emit_string(inside->emit, latencies)};
    if (row.peer && row.end_ns >= row.start_ns)
        emit_append(inside->emit, io, &row);
}

/* Until a thread tells of itself, looks from outside did: what they have settled is told, and the wait that they saw last goes on
 * (a program may first tell of something when it ends: what the C library reads for it is no call of its own). */
static void looks_take(struct task *task)
{
    const struct ledger *ledger = &task->ledger;

    task->inside =
        (struct task_inside){.told_ns = num_max(ledger->open_ns, task->start_ns), .cpu_ns = ledger->cpu_ns};
    if (ledger->blocked) {
        task->inside.seen = task->wait.seen;
        task->inside.seen_ns = ledger->seen_ns;
    }
}

/* A thread's CPU clock runs from its start on, through every program that it executes: it tells of the time until the library
 * was there too, in which a program is loaded. */
static void on_attach(struct inside *inside, struct task *task, const struct call_told *told)
{
    if (!task->inside.is_attached)
        looks_take(task);
    gap_fill(inside, task, told->time_ns, told->cpu_ns);
    task->inside = (struct task_inside){
        .is_attached = true, .told_ns = told->time_ns, .cpu_ns = told->cpu_ns, .looked_ns = told->time_ns};
    cpu_note(task, told->cpu_ns);
    task->sampled_cpu_ns = task->cpu_ns;
}

static void on_ring(struct inside *inside, struct task *task, const struct call_told *told)
{
    if (told->kind == CALL_TOLD_ATTACH)
        on_attach(inside, task, told);
    if (!task->inside.is_attached)
        return;
    if (told->kind == CALL_TOLD_WAIT) {
        on_wait(inside, task, told);
    } else if (told->kind == CALL_TOLD_IO) {
        on_io(inside, task, told);
    } else if (told->kind == CALL_TOLD_DETACH) {
        gap_fill(inside, task, told->time_ns, told->cpu_ns);
        task->inside.told_ns = told->time_ns;
        cpu_note(task, told->cpu_ns);
    } else if (told->kind == CALL_TOLD_SAMPLE) {
        struct row_sample row = {.time_ns = num_max(told->time_ns, task->start_ns),
                                 .track = task->track,
                                 .stack = stack_of(inside, told->pid, told->stack),
                                 .weight = told->weight_ns,
                                 .kind = SAMPLE_CPU};
        uint64_t python = observe_python(inside->observe, task, row.time_ns);
        row.stack = python ? python : row.stack;
        emit_append(inside->emit, sample, &row);
        task->process->recording_ns += told->own_ns;
        inside->recording_ns += told->own_ns;
        task->sampled_cpu_ns = num_max(task->cpu_ns, task->sampled_cpu_ns);
    }
}

static int on_told(void *context, const struct call_told *told, struct err *err)
{
    struct inside *inside = context;

    switch (told->kind) {
    case CALL_TOLD_FORK:
    case CALL_TOLD_THREAD: on_fork(inside, told); return 0;
    case CALL_TOLD_EXEC: return on_exec(inside, told, err);
    case CALL_TOLD_EXIT: on_exit_of(inside, told); return 0;
    case CALL_TOLD_THREAD_END: on_thread_end(inside, told); return 0;
    case CALL_TOLD_STACK: return on_stack(inside, told, err);
    case CALL_TOLD_MAP: return on_map(inside, told, err);
    case CALL_TOLD_ATTACH:
    case CALL_TOLD_DETACH:
    case CALL_TOLD_WAIT:
    case CALL_TOLD_SAMPLE:
    case CALL_TOLD_IO: break;
    }
    struct task *task = tracks_find(inside->tracks, told->tid);
    if (!task && told->kind == CALL_TOLD_ATTACH && tracks_process(inside->tracks, told->pid)) {
        task = tracks_adopt(inside->tracks, told->pid, told->tid, told->time_ns);
        if (task)
            observe_first(task);
    }
    if (task && task->process->pid == told->pid)
        on_ring(inside, task, told);
    return 0;
}

static bool is_there(void *context, uint32_t pid)
{
    return tracks_process(((const struct inside *)context)->tracks, pid) != NULL;
}

/* The rung */

int inside_open(struct inside *inside, const char *folder, uint64_t sample_ns, struct err *err)
{
    struct call_drain_options calls = {.folder = folder, .sample_ns = sample_ns};
    struct stacks_options stacks = {.left_out = INSIDE_LIBRARY, .is_told_files = true};
    int code = call_drain_create(&calls, &inside->drain, err);

    if (!code)
        code = stacks_create(&stacks, &inside->stacks, err);
    if (code)
        inside_close(inside);
    else
        inside->observe->stacks = inside->stacks;
    return code;
}

void inside_poll(struct inside *inside)
{
    struct call_host host = {.context = inside, .told = on_told, .peer = on_peer, .is_there = is_there};
    struct err err = {0};

    if (!inside->drain || inside->emit->failed)
        return;
    if (call_drain_poll(inside->drain, &host, &err))
        emit_fail(inside->emit, &err);
    inside->due_ns = clock_monotonic_ns() + call_drain_pause_ns(inside->drain);
}

/* The call that the thread is in, up to now. */
static void pending_tell(struct inside *inside, struct task *task, const struct call_now *now,
                         uint64_t end_ns)
{
    uint64_t start_ns = num_max(now->start_ns, task->inside.told_ns); /* what went before was told */
    struct call_told told = {.kind = CALL_TOLD_WAIT,
                             .pid = (uint32_t)task->process->pid,
                             .tid = (uint32_t)task->tid,
                             .call = now->call,
                             .value = now->call == CALL_OPEN || now->call == CALL_CLOSE ? 0 : now->value,
                             .start_ns = start_ns,
                             .time_ns = end_ns};
    struct wait_told wait = {.interval = {.start_ns = start_ns, .end_ns = end_ns, .count = 1}};

    if (now->call == CALL_NONE || start_ns >= end_ns)
        return;
    wait.interval.blocked_ns = end_ns - start_ns;
    reason_of(inside, &told, &wait);
    if (task->inside.seen.known && task->inside.seen_ns >= now->start_ns) {
        wait.reason = task->inside.seen.reason;
        wait.peer = task->inside.seen.peer;
    }
    waits_tell(inside->waits, task, &wait);
    task->inside.told_ns = end_ns;
}

void inside_settle(struct inside *inside, struct task *task, uint64_t end_ns)
{
    struct ledger_look look;
    struct call_now now;

    if (!inside->drain || !task->inside.is_attached ||
        !call_drain_now(inside->drain, task->process->pid, task->tid, &now))
        return;
    if (look_schedstat(&task->look, task->process->pid, task->tid, &look) != LOOK_RUNNING)
        look.cpu_ns = 0;
    /* Up to the call it is in, as far as the CPU clock tells; the call itself is one wait. */
    if (look.cpu_ns)
        gap_fill(inside, task, now.call == CALL_NONE ? end_ns : num_min(now.start_ns, end_ns), look.cpu_ns);
    pending_tell(inside, task, &now, end_ns);
    task->inside.told_ns = num_max(end_ns, task->inside.told_ns);
    if (look.cpu_ns)
        cpu_note(task, look.cpu_ns);
}

void inside_advance(struct inside *inside, uint64_t budget_ns)
{
    struct err err = {0};

    if (inside->stacks && !inside->emit->failed &&
        stacks_advance(inside->stacks, inside->emit->sink, budget_ns, &err))
        emit_fail(inside->emit, &err);
}

uint64_t inside_missed_count(const struct inside *inside, uint64_t looked_count)
{
    if (!inside->drain || inside->tracks->outside_count || call_drain_totals(inside->drain).lost_count)
        return looked_count;
    return num_min(inside->unseen_child_count, looked_count);
}

uint64_t inside_lost_count(const struct inside *inside)
{
    return inside->drain ? call_drain_totals(inside->drain).lost_count : 0;
}

void inside_finish(struct inside *inside)
{
    struct err err = {0};

    if (!inside->emit->failed && stacks_finish(inside->stacks, inside->emit->sink, &err))
        emit_fail(inside->emit, &err);
    struct stacks_counts stacks = stacks_counts(inside->stacks);
    struct call_totals totals = call_drain_totals(inside->drain);
    emit_meta_u64(inside->emit, META_STACK_COUNT, stacks.stack_count);
    emit_meta_u64(inside->emit, META_STACK_TRUNCATED_COUNT, stacks.truncated_count);
    if (totals.lost_count)
        emit_remark(inside->emit, "%" PRIu64 " events of calls were dropped: a ring was full",
                    totals.lost_count);
    if (totals.broken_count)
        emit_remark(inside->emit, "%" PRIu64 " events of calls made no sense: a program wrote over them",
                    totals.broken_count);
    if (inside->tracks->outside_count)
        emit_remark(
            inside->emit,
            "%" PRIu64 " of %" PRIu64 " processes were seen from outside only, as %s was (static, of another "
            "user, or started with an empty environment): their waits are from looks at /proc",
            inside->tracks->outside_count, inside->tracks->process_count, inside->tracks->outside_name);
}

void inside_close(struct inside *inside)
{
    call_drain_destroy(inside->drain);
    stacks_destroy(inside->stacks);
    map_recent_free(&inside->stack_ids);
    map_recent_free(&inside->wait_ids);
    map_free(&inside->peer_ids);
    vec_free(&inside->descriptors);
    inside->drain = NULL;
    inside->stacks = NULL;
}
