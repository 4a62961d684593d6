/* SPDX-License-Identifier: Apache-2.0 */
#include "record/watch_reason.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/num.h"
#include "record/watch.h"
#include "record/watch_io.h"

#define ROW_PERIOD_NS  NS_PER_S
#define PORT_EPHEMERAL 32768 /* as in io.bpf.c */
#define NOT_DUE_NS     UINT64_MAX

#define TCP_LISTEN 10

void watch_reason_init(struct watch_reason *reasons)
{
    reasons->files.count = 0;
}

void watch_reason_deinit(struct watch_reason *reasons)
{
    map_free(&reasons->by_file);
    vec_free(&reasons->files);
}

static void endpoint(const struct bpf_file *file, const uint8_t address[16], uint16_t port,
                     struct reason_fd *ret_fd)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memcpy(&in.sin_addr, address, sizeof in.sin_addr);
    memcpy(&in6.sin6_addr, address, sizeof in6.sin6_addr);
    if (file->family == AF_INET)
        resolve_address(&in, sizeof in, ret_fd);
    else
        resolve_address(&in6, sizeof in6, ret_fd);
}

static void from_network(const struct bpf_file *file, struct reason_fd *ret_fd)
{
    struct reason_fd local = {0};

    endpoint(file, file->local, file->local_port, &local);
    *ret_fd = (struct reason_fd){.kind = REASON_FD_SOCKET};
    if (file->remote_port)
        endpoint(file, file->remote, file->remote_port, ret_fd);
    memcpy(ret_fd->path, local.address, sizeof ret_fd->path);
    if (file->type == SOCK_STREAM && file->state == TCP_LISTEN) {
        ret_fd->kind = REASON_FD_LISTENING;
        memcpy(ret_fd->address, local.address, sizeof ret_fd->address);
    }
}

/* The last part of a path, as far as the kernel's record has it. */
static bool is_named(const struct reason_fd *fd, const struct bpf_file *file)
{
    const char *slash = strrchr(fd->path, '/');
    const char *name = slash ? slash + 1 : fd->path;

    return strncmp(name, file->name, sizeof file->name - 1) == 0;
}

/* The parts of a path come from the last to the first, below the root of its file system. */
static void path_text(const struct bpf_io_file *io, char *ret_text, size_t capacity)
{
    size_t length = 0, end = io->path_bytes;

    ret_text[0] = '\0';
    while (end > 0 && length + 1 < capacity) {
        size_t start = end - 1; /* at its NUL */
        while (start > 0 && io->path[start - 1])
            start--;
        length += (size_t)snprintf(ret_text + length, capacity - length, "/%s", io->path + start);
        end = start;
    }
}

/* Documentation/admin-guide/devices.txt of the Linux kernel */
static void from_character_device(const struct bpf_file *file, struct reason_fd *ret_fd)
{
    unsigned number = file->device >> 20; /* the kernel's own form: major << 20 | minor */
    bool is_pts = number >= 136 && number <= 143;

    ret_fd->kind = REASON_FD_EVENT;
    if (is_pts || number == 4 || number == 5)
        ret_fd->kind = REASON_FD_TERMINAL;
    else if (number == 195 || number == 226)
        ret_fd->kind = REASON_FD_GPU;
    snprintf(ret_fd->path, sizeof ret_fd->path, "/dev/%s%s", is_pts ? "pts/" : "", file->name);
}

/* The kernel's own form of a file system's number: major << 20 | minor. */
static bool is_proc(uint32_t device)
{
    struct stat status;
    return stat("/proc", &status) == 0 && device == (major(status.st_dev) << 20 | minor(status.st_dev));
}

static void record_path(const struct bpf_file *file, const struct bpf_io_file *io, char *ret_path,
                        size_t capacity)
{
    static const char proc[] = "/proc";
    size_t skip = is_proc(file->device) ? sizeof proc - 1 : 0;
    memcpy(ret_path, proc, skip);
    path_text(io, ret_path + skip, capacity - skip);
}

/* What the record alone tells of a file, when its process is gone or has gone on. */
static void from_record(const struct bpf_file *file, const struct bpf_io_file *io, struct reason_fd *ret_fd)
{
    *ret_fd = (struct reason_fd){.kind = REASON_FD_FILE, .is_regular = S_ISREG(file->mode)};
    snprintf(ret_fd->path, sizeof ret_fd->path, "%s", file->name);
    if (io && io->path_bytes)
        record_path(file, io, ret_fd->path, sizeof ret_fd->path);
    if (S_ISSOCK(file->mode)) {
        ret_fd->kind = file->family == AF_UNIX ? REASON_FD_UNIX : REASON_FD_UNKNOWN;
        snprintf(ret_fd->address, sizeof ret_fd->address, "unix:[%" PRIu64 "]", (uint64_t)file->inode);
        ret_fd->path[0] = '\0';
    } else if (S_ISFIFO(file->mode)) {
        ret_fd->kind = REASON_FD_PIPE;
        snprintf(ret_fd->address, sizeof ret_fd->address, "%s", file->name);
    } else if (S_ISCHR(file->mode)) {
        from_character_device(file, ret_fd);
    } else if (!strcmp(file->name, "[eventpoll]")) {
        ret_fd->kind = REASON_FD_EPOLL;
    } else if (!strcmp(file->name, "[timerfd]")) {
        ret_fd->kind = REASON_FD_TIMER;
    } else if (!strcmp(file->name, "[pidfd]")) {
        ret_fd->kind = REASON_FD_PROCESS;
    } else if (file->name[0] == '[') {
        ret_fd->kind = REASON_FD_EVENT;
    } else if (!file->name[0]) {
        ret_fd->kind = REASON_FD_UNKNOWN;
    }
}

/* Whether what /proc shows now under that number is still the file of the record. */
static bool is_same(const struct bpf_file *file, const struct reason_fd *fd, uint64_t pid)
{
    char link[64];
    struct stat status;

    snprintf(link, sizeof link, "/proc/%" PRIu64 "/fd/%d", pid, file->number);
    if (stat(link, &status) == 0 && status.st_ino == file->inode)
        return true;
    return file->name[0] && is_named(fd, file);
}

static uint64_t file_key(const struct bpf_file *file)
{
    return map_hash(file->inode ^ (uint64_t)file->device << 40) ^
           map_hash_bytes(file->name, strnlen(file->name, sizeof file->name)) ^ file->mode;
}

static void file_keep(struct watch_reason *reasons, uint64_t key, const struct reason_fd *fd)
{
    if (reasons->files.count >= WATCH_FILE_MAX) {
        reasons->files.count = 0;
        map_free(&reasons->by_file);
    }
    if (!vec_push(&reasons->files, *fd) && map_put(&reasons->by_file, key, reasons->files.count - 1))
        reasons->files.count--;
}

void watch_reason_file(struct watch_reason *reasons, uint64_t pid, const struct bpf_file *file,
                       const struct bpf_io_file *io, struct reason_fd *ret_fd)
{
    if (file->family == AF_INET || file->family == AF_INET6) {
        from_network(file, ret_fd);
        return;
    }
    if (S_ISFIFO(file->mode) && !file->name[0]) {
        *ret_fd = (struct reason_fd){.kind = REASON_FD_PIPE};
        snprintf(ret_fd->address, sizeof ret_fd->address, "pipe:[%" PRIu64 "]", (uint64_t)file->inode);
        return;
    }
    uint64_t key = file_key(file);
    const uint64_t *known = map_get(&reasons->by_file, key);
    if (known) {
        *ret_fd = reasons->files.items[*known];
        return;
    }
    if (!resolve_fd(reasons->resolve, pid, file->number, ret_fd) || !is_same(file, ret_fd, pid)) {
        from_record(file, io, ret_fd);
        return; /* another process may tell more */
    }
    if (ret_fd->kind == REASON_FD_UNIX ? ret_fd->address[0] != '\0' : ret_fd->kind != REASON_FD_UNKNOWN)
        file_keep(reasons, key, ret_fd);
}

static bool source_descriptor(void *context, int fd, struct reason_fd *ret_fd)
{
    struct watch_reason *reasons = context;

    if (fd >= 0 && fd == reasons->wait->file.number) {
        watch_reason_file(reasons, reasons->pid, &reasons->wait->file, NULL, ret_fd);
        return true;
    }
    return reasons->base.descriptor(reasons->base.context, fd, ret_fd);
}

static bool source_memory(void *context, uint64_t address, void *ret_bytes, size_t length)
{
    struct watch_reason *reasons = context;
    const struct bpf_wait *wait = reasons->wait;

    if (!wait->memory_bytes || address != wait->memory_address)
        return reasons->base.memory(reasons->base.context, address, ret_bytes, length);
    bool is_text = wait->memory_bytes == BPF_MEMORY_BYTES && memchr(wait->memory, 0, BPF_MEMORY_BYTES);
    if (length > wait->memory_bytes && !is_text)
        return reasons->base.memory(reasons->base.context, address, ret_bytes, length);
    memset(ret_bytes, 0, length);
    memcpy(ret_bytes, wait->memory, length < wait->memory_bytes ? length : wait->memory_bytes);
    return true;
}

static bool source_socket_address(void *context, uint64_t address, size_t length, struct reason_fd *ret_fd)
{
    struct sockaddr_storage storage = {0};

    if (length > sizeof storage || !source_memory(context, address, &storage, length))
        return false;
    return resolve_address(&storage, length, ret_fd);
}

static size_t source_watched(void *context, int fd, int *ret_fds, size_t capacity)
{
    struct watch_reason *reasons = context;
    return reasons->base.watched(reasons->base.context, fd, ret_fds, capacity);
}

/* It lives, or did when the wait was. */
static bool source_is_thread(void *context, uint64_t tid)
{
    struct watch_reason *reasons = context;
    const struct task *task = tracks_find(reasons->tracks, tid);

    if (task)
        return task->process->pid == reasons->pid;
    const struct track_ended *ended = tracks_ended(reasons->tracks, tid, reasons->time_ns);
    return ended && ended->end_ns >= reasons->wait->start_ns;
}

static bool source_has_children(void *context)
{
    struct watch_reason *reasons = context;
    const struct tracks *tracks = reasons->tracks;
    const struct task *task = tracks_find(tracks, reasons->tid);

    if (tracks_ended(tracks, reasons->wait->waker_pid, reasons->time_ns))
        return true; /* it was woken by one that ended */
    for (size_t i = 0; task && i < tracks->processes.count; i++)
        if (tracks->processes.items[i]->parent_track == task->process->track)
            return true;
    return false;
}

/* In the words of /proc/PID/wchan, as far as flags and states tell it. */
static void source_kernel_function(void *context, char *ret_name, size_t capacity)
{
    struct watch_reason *reasons = context;
    uint32_t flags = reasons->wait->flags;
    bool opens = reasons->wait->call == SYS_openat;
#ifdef SYS_open
    opens = opens || reasons->wait->call == SYS_open;
#endif

    /* A disk is waited for without an ear for signals; the other end of a FIFO is not. */
    snprintf(ret_name, capacity, "%s",
             flags & BPF_WAIT_STOPPED                  ? "do_signal_stop"
             : flags & BPF_WAIT_RECLAIM                ? "reclaim"
             : opens && flags & BPF_WAIT_INTERRUPTIBLE ? "wait_for_partner"
                                                       : "");
}

void watch_reason_find(struct watch_reason *reasons, const struct task *task, const struct bpf_wait *wait,
                       uint64_t time_ns, struct reason_found *ret_found)
{
    struct reason_call call = {.number = wait->call < 0 ? -1 : wait->call, .stack_pointer = wait->sp};
    const struct reason_source source = {.context = reasons,
                                         .pid = task->process->pid,
                                         .descriptor = source_descriptor,
                                         .socket_address = source_socket_address,
                                         .memory = source_memory,
                                         .watched = source_watched,
                                         .is_thread = source_is_thread,
                                         .has_children = source_has_children,
                                         .kernel_function = source_kernel_function,
                                         .parks = wait->call == SYS_futex && wait->memory_bytes};

    *ret_found = (struct reason_found){.reason = WAIT_UNKNOWN};
    if (wait->call == BPF_CALL_FOREIGN || wait->flags & BPF_WAIT_STOPPED)
        return;
    reasons->wait = wait;
    reasons->pid = task->process->pid;
    reasons->tid = task->tid;
    reasons->time_ns = time_ns;
    reasons->base = resolve_source(reasons->resolve, task->process->pid, task->tid);
    memcpy(call.arguments, wait->arguments, sizeof call.arguments);
    reason_find(&call, &source, ret_found);
    if (wait->flags & BPF_WAIT_RECLAIM)
        *ret_found = (struct reason_found){.reason = WAIT_RECLAIM};
    else if (ret_found->reason == WAIT_UNKNOWN && wait->flags & BPF_WAIT_IO)
        ret_found->reason = WAIT_DISK_READ;
    reasons->wait = NULL;
}

/* epoll_wait's fourth argument, in ms; the clock starts a moment before the thread is off its CPU. */
static bool has_timed_out(const struct bpf_wait *wait)
{
    int timeout_ms = (int)(uint32_t)wait->arguments[3];
    uint64_t each_ns = wait->blocked_ns / num_max(wait->count, 1);
    return timeout_ms >= 0 && each_ns + NS_PER_MS >= (unsigned)timeout_ms * NS_PER_MS;
}

uint64_t watch_reason_loop_peer(const struct watch_memo *memo, const struct bpf_wait *wait)
{
    bool is_connection = memo->is_bell && memo->loop_argument == memo->argument &&
                         wait->waker_context != BPF_CONTEXT_TASK && !has_timed_out(wait);
    return is_connection ? memo->loop_peer : 0;
}

bool watch_reason_is_rung(const struct watch_memo *memo, const struct bpf_wait *wait, uint64_t pid)
{
    return memo->reason == WAIT_NETWORK && memo->loop_peer && memo->loop_peer == memo->peer &&
           memo->loop_argument == memo->argument && wait->waker_context == BPF_CONTEXT_TASK &&
           wait->waker_pid == pid;
}

bool watch_io_mode_find(const char *word, enum watch_io_mode *ret_mode)
{
    static const char *const words[] = {
        [WATCH_IO_SAMPLED] = "sampled", [WATCH_IO_ALL] = "all", [WATCH_IO_NONE] = "none"};

    if (!word)
        word = words[WATCH_IO_SAMPLED];
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strcmp(words[i], word)) {
            *ret_mode = (enum watch_io_mode)i;
            return true;
        }
    }
    return false;
}

const char *watch_io_name(const struct watch *watch)
{
    if (!watch->source || watch->io.mode == WATCH_IO_NONE)
        return "proc";
    return watch->io.mode == WATCH_IO_ALL ? "bpf" : "bpf-sampled";
}

/* xorshift64 (G. Marsaglia, 2003) */
static uint64_t random_next(struct watch_io *io)
{
    io->random ^= io->random << 13;
    io->random ^= io->random >> 7;
    io->random ^= io->random << 17;
    return io->random;
}

static void turn_on(struct watch *watch, uint64_t now_ns)
{
    struct watch_io *io = &watch->io;
    struct err err = {0};

    if (bpf_io_start(watch->source, &err)) {
        emit_remark(watch->emit, "I/O by peer is outside view: %s", err.what);
        io->mode = WATCH_IO_NONE;
        return;
    }
    io->is_on = true;
    io->on_ns = clock_monotonic_ns();
    io->due_ns = io->mode == WATCH_IO_ALL ? NOT_DUE_NS : num_max(now_ns, io->on_ns) + WATCH_IO_WINDOW_NS;
}

static void turn_off(struct watch *watch)
{
    struct watch_io *io = &watch->io;

    if (!io->is_on)
        return;
    uint64_t window_ns = clock_monotonic_ns() - io->on_ns;
    bpf_io_stop(watch->source);
    io->is_on = false;
    io->counted_ns += window_ns;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t age_ns = now_ns - num_min(io->start_ns, now_ns);
    uint64_t period_ns =
        num_min(num_max(age_ns / WATCH_IO_WINDOW_COUNT, WATCH_IO_PERIOD_NS), WATCH_IO_PERIOD_NS_MAX);
    /* On a busy machine a window lasts longer than it should. */
    uint64_t pause_ns = num_min(window_ns * period_ns / WATCH_IO_WINDOW_NS, NS_PER_S);
    io->due_ns = now_ns + pause_ns / 2 + random_next(io) % pause_ns;
}

void watch_io_start(struct watch *watch, uint64_t now_ns)
{
    struct watch_io *io = &watch->io;

    io->start_ns = io->from_ns = now_ns;
    io->row_due_ns = now_ns + ROW_PERIOD_NS;
    io->random = now_ns | 1;
    io->due_ns = io->mode == WATCH_IO_NONE ? NOT_DUE_NS : now_ns + random_next(io) % (WATCH_IO_PERIOD_NS / 2);
    watch->tracks->is_io_counted = io->mode != WATCH_IO_NONE;
    if (io->mode == WATCH_IO_ALL)
        turn_on(watch, now_ns);
}

/* A server's clients differ in their ports; their calls were added up by the server's own. */
static void accepted_fix(const struct bpf_file *file, struct reason_fd *fd)
{
    char *colon = strrchr(fd->address, ':');

    if (fd->kind == REASON_FD_SOCKET && colon && file->local_port < PORT_EPHEMERAL &&
        file->remote_port >= PORT_EPHEMERAL)
        *colon = '\0';
}

static uint64_t scaled(const struct watch_io *io, uint64_t value)
{
    return num_u64((double)value * io->scale + 0.5);
}

static uint64_t histogram_text(struct watch *watch, const uint32_t counts[BPF_IO_BUCKETS])
{
    struct histogram histogram = {0};
    char text[HISTOGRAM_TEXT_MAX];

    for (unsigned i = 0; i < BPF_IO_BUCKETS; i++)
        histogram.count[i] = counts[i] ? scaled(&watch->io, counts[i]) : 0;
    histogram_print(&histogram, text);
    return emit_string(watch->emit, text);
}

static uint64_t process_track(const struct watch *watch, uint32_t pid, uint64_t time_ns)
{
    const struct process *process = tracks_process(watch->tracks, pid);
    const struct track_ended *ended = process ? NULL : tracks_ended(watch->tracks, pid, time_ns);

    return process ? process->track : ended ? ended->process_track : 0;
}

static int row_write(void *context, const struct bpf_io_key *key, const struct bpf_io *io,
                     const struct bpf_io_file *file, struct err *err)
{
    struct watch *watch = context;
    struct reason_fd fd;
    struct row_io row = {
        .operation = key->operation, .start_ns = watch->io.from_ns, .end_ns = watch->io.end_ns};

    (void)err;
    row.track = process_track(watch, key->pid, row.end_ns);
    if (!row.track)
        return 0;
    watch_reason_file(&watch->reasons, key->pid, &file->file, file, &fd);
    accepted_fix(&file->file, &fd);
    row.peer = peers_put_fd(watch->peers, &fd);
    if (!row.peer)
        return 0;
    uint64_t count = 0;
    for (unsigned i = 0; i < BPF_IO_BUCKETS; i++)
        count += io->latencies[i];
    row.count = scaled(&watch->io, count);
    row.bytes = scaled(&watch->io, io->bytes);
    row.time_ns = scaled(&watch->io, io->time_ns);
    row.size_histogram = histogram_text(watch, io->sizes);
    row.latency_histogram = histogram_text(watch, io->latencies);
    emit_append(watch->emit, io, &row);
    watch->io.row_count++;
    return 0;
}

static void rows_write(struct watch *watch, uint64_t now_ns)
{
    struct watch_io *io = &watch->io;
    struct err err = {0};

    io->end_ns = now_ns;
    uint64_t counted_ns = io->counted_ns + (io->is_on ? now_ns - num_min(io->on_ns, now_ns) : 0);
    if (!counted_ns)
        return; /* what is counted later stands for this, too */
    uint64_t span_ns = now_ns - io->from_ns;
    io->scale = io->mode == WATCH_IO_ALL ? 1.0 : (double)num_max(span_ns, counted_ns) / (double)counted_ns;
    if (bpf_io_take(watch->source, row_write, watch, &err))
        emit_fail(watch->emit, &err);
    io->all_counted_ns += counted_ns;
    io->all_ns += span_ns;
    io->from_ns = now_ns;
    io->counted_ns = 0;
    if (io->is_on)
        io->on_ns = now_ns;
}

uint64_t watch_io_tick(struct watch *watch, uint64_t now_ns)
{
    struct watch_io *io = &watch->io;

    if (!watch->source || io->mode == WATCH_IO_NONE)
        return NOT_DUE_NS;
    if (now_ns >= io->due_ns) {
        if (io->is_on)
            turn_off(watch);
        else
            turn_on(watch, now_ns);
    }
    if (now_ns >= io->row_due_ns && io->mode != WATCH_IO_NONE) {
        rows_write(watch, clock_monotonic_ns());
        io->row_due_ns = now_ns + ROW_PERIOD_NS;
    }
    return num_min(io->due_ns, io->row_due_ns);
}

void watch_io_finish(struct watch *watch, uint64_t end_ns)
{
    struct watch_io *io = &watch->io;

    if (io->mode == WATCH_IO_NONE)
        return;
    rows_write(watch, num_max(end_ns, io->from_ns));
    turn_off(watch);
    if (io->mode == WATCH_IO_SAMPLED && io->row_count)
        emit_remark(watch->emit,
                    "I/O by peer is sampled: %.1f %% of the time, scaled up; --io all counts each call",
                    100 * num_ratio(io->all_counted_ns, io->all_ns));
}
