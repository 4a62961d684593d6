/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spans: the session's folder, its processes and rings. What the slots mean is in span_rows.c.
 *
 * Files are read with pread and the tails written with pwrite: a program that cuts its files short, or writes into
 * them whatever it likes, gives short reads and strange numbers here, never a signal. A head is read again until
 * two looks agree, since copying it out is not atomic.
 */
#include "rings/spans.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "rings/span_rows.h"
#include "wire/call_ring.h"

#define FOLDER_PREFIX     "toll-session-"
#define FOLDER_ROOM_BYTES (16ull << 20) /* less free than this, and the next place is tried */
#define PROCESS_COUNT_MAX 65536
#define RING_COUNT_MAX    65536 /* of one process */
#define HEAD_TRY_COUNT    4
#define PAUSE_NS_MIN      NS_PER_MS
#define PAUSE_NS_MAX      (100 * NS_PER_MS)
#define FOLDER_SETTLE_NS  (20 * NS_PER_MS) /* coarser than the clock of a folder's mtime */
#define END_GRACE_NS      NS_PER_S         /* how long the host may take to learn when a process ended */

struct span_drain {
    char folder[WIRE_PATH_BYTES_MAX];
    int folder_fd;
    int session_fd; /* locked as long as the drain lives */
    bool is_folder_ours;
    uint32_t slot_count;
    uint64_t folder_mtime_ns;
    uint64_t folder_changed_ns; /* when a new mtime was seen */
    bool is_file_pending;       /* one that could not be taken yet */
    uint64_t polled_ns;
    uint64_t pause_ns;
    struct ring_slot *slots; /* slot_count of them, copied out */
    struct span_clock clock;
    struct span_rows rows;
    VEC(struct span_process *) processes;
    struct map known; /* hash of a file's name → 1 */
};

/* The folder */

static void folder_empty(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;

    if (!folder) {
        if (copy >= 0)
            close(copy);
        return;
    }
    rewinddir(folder);
    while ((entry = readdir(folder)))
        if (strncmp(entry->d_name, "names-", 6) == 0 || strncmp(entry->d_name, "ring-", 5) == 0 ||
            strncmp(entry->d_name, "calls-", 6) == 0 || strcmp(entry->d_name, CALLS_FILE) == 0 ||
            strcmp(entry->d_name, "session") == 0)
            unlinkat(fd, entry->d_name, 0);
    closedir(folder);
}

/* Removes the folders of recorders that were killed: those whose session file nobody holds locked. */
static void stale_remove(const char *base)
{
    DIR *places = opendir(base);
    struct dirent *entry;

    while (places && (entry = readdir(places))) {
        struct stat status;
        FS_CLEANUP int fd = -1;
        FS_CLEANUP int session_fd = -1;

        if (strncmp(entry->d_name, FOLDER_PREFIX, strlen(FOLDER_PREFIX)) != 0)
            continue;
        fd = openat(dirfd(places), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &status) || status.st_uid != geteuid())
            continue;
        session_fd = openat(fd, "session", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (session_fd < 0 || flock(session_fd, LOCK_EX | LOCK_NB))
            continue;
        folder_empty(fd);
        unlinkat(dirfd(places), entry->d_name, AT_REMOVEDIR);
    }
    if (places)
        closedir(places);
}

static bool folder_make_in(struct span_drain *drain, const char *base)
{
    struct statvfs room;
    int length;

    if (!base || base[0] != '/' || statvfs(base, &room) ||
        (uint64_t)room.f_bavail * room.f_frsize < FOLDER_ROOM_BYTES)
        return false;
    stale_remove(base);
    length = snprintf(drain->folder, sizeof drain->folder, "%s/%sXXXXXX", base, FOLDER_PREFIX);
    return length > 0 && (size_t)length < sizeof drain->folder && mkdtemp(drain->folder) != NULL;
}

static int folder_make(struct span_drain *drain, const char *given, struct err *err)
{
    if (given) {
        if (given[0] != '/' || strlen(given) >= sizeof drain->folder)
            return err_set(err, ERR_ENVIRONMENT,
                           "could not use folder '%s' for spans: not an absolute path under %u bytes", given,
                           WIRE_PATH_BYTES_MAX);
        snprintf(drain->folder, sizeof drain->folder, "%s", given);
    } else {
        drain->is_folder_ours = folder_make_in(drain, "/dev/shm") ||
                                folder_make_in(drain, getenv("XDG_RUNTIME_DIR")) ||
                                folder_make_in(drain, "/tmp");
        if (!drain->is_folder_ours)
            return err_errno(err, errno,
                             "could not make a folder for spans in /dev/shm, XDG_RUNTIME_DIR or /tmp");
    }
    drain->folder_fd = open(drain->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return drain->folder_fd < 0 ? err_errno(err, errno, "could not open folder '%s'", drain->folder) : 0;
}

static int session_write(struct span_drain *drain, const struct span_drain_options *options, struct err *err)
{
    bool is_tsc = !options->is_monotonic_forced && span_clock_is_tsc_good();
    struct session_file session = {.magic = SESSION_MAGIC,
                                   .version = WIRE_VERSION,
                                   .clock = is_tsc ? WIRE_CLOCK_TSC : WIRE_CLOCK_MONOTONIC,
                                   .ring_bytes =
                                       options->ring_bytes ? options->ring_bytes : RING_BYTES_DEFAULT};

    if (getrandom(&session.id, sizeof session.id, GRND_NONBLOCK) != (ssize_t)sizeof session.id)
        session.id = (uint32_t)(clock_monotonic_ns() ^ (uint64_t)getpid() << 16);
    if (!session_is_valid(&session))
        return err_set(err, ERR_BUG, "could not make rings of %u bytes: not a power of two in range",
                       session.ring_bytes);
    drain->slot_count = session.ring_bytes / (uint32_t)sizeof(struct ring_slot);
    drain->slots = malloc(session.ring_bytes);
    if (!drain->slots || span_clock_init(&drain->clock, (enum wire_clock)session.clock))
        return err_memory(err);
    drain->rows.totals.is_clock_tsc = is_tsc;
    drain->session_fd = openat(drain->folder_fd, "session", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (drain->session_fd < 0)
        return err_errno(err, errno, "could not make file '%s/session'", drain->folder);
    if (flock(drain->session_fd, LOCK_EX | LOCK_NB))
        return err_errno(err, errno, "could not lock file '%s/session'", drain->folder);
    return fs_write_all(drain->session_fd, &session, sizeof session, err);
}

int span_drain_create(const struct span_drain_options *options, struct span_drain **ret_drain,
                      struct err *err)
{
    struct span_drain *drain = calloc(1, sizeof *drain);
    int status;

    if (!drain)
        return err_memory(err);
    drain->folder_fd = drain->session_fd = -1;
    drain->pause_ns = PAUSE_NS_MIN;
    drain->rows.clock = &drain->clock;
    drain->rows.start_ns = drain->polled_ns = clock_monotonic_ns();
    status = folder_make(drain, options->folder, err);
    if (!status)
        status = session_write(drain, options, err);
    if (status) {
        span_drain_destroy(drain);
        return status;
    }
    *ret_drain = drain;
    return 0;
}

const char *span_drain_folder(const struct span_drain *drain)
{
    return drain->folder;
}

uint64_t span_drain_pause_ns(const struct span_drain *drain)
{
    return drain->pause_ns;
}

struct span_drain_totals span_drain_totals(const struct span_drain *drain)
{
    struct span_drain_totals totals = drain->rows.totals;

    totals.residual_ns_max = drain->clock.residual_ns_max;
    return totals;
}

/* The files */

struct file_name {
    bool is_ring;
    uint64_t pid;
    uint64_t nonce;
    uint32_t number;
};

static bool file_name_parse(const char *text, struct file_name *ret_name)
{
    struct file_name name = {.is_ring = strncmp(text, "ring-", 5) == 0};
    unsigned long long pid, nonce;
    unsigned number = 0;
    int end = -1;

    if (name.is_ring ? sscanf(text, "ring-%9llu-%16llx-%9u%n", &pid, &nonce, &number, &end) != 3
                     : sscanf(text, "names-%9llu-%16llx%n", &pid, &nonce, &end) != 2)
        return false;
    name.pid = pid;
    name.nonce = nonce;
    name.number = number;
    *ret_name = name;
    return end > 0 && text[end] == '\0' && pid > 0;
}

static void file_name_write(const struct file_name *name, char *text, size_t capacity)
{
    if (name->is_ring)
        snprintf(text, capacity, "ring-%llu-%llx-%u", (unsigned long long)name->pid,
                 (unsigned long long)name->nonce, name->number);
    else
        snprintf(text, capacity, "names-%llu-%llx", (unsigned long long)name->pid,
                 (unsigned long long)name->nonce);
}

static struct span_process *process_find(const struct span_drain *drain, const struct file_name *name)
{
    for (size_t i = drain->processes.count; i-- > 0;)
        if (drain->processes.items[i]->pid == name->pid && drain->processes.items[i]->nonce == name->nonce)
            return drain->processes.items[i];
    return NULL;
}

static void ring_free(struct span_ring *ring)
{
    if (ring->fd >= 0)
        close(ring->fd);
    vec_free(&ring->open);
    vec_free(&ring->binds);
    free(ring);
}

static void process_free(struct span_process *process)
{
    for (size_t i = 0; i < process->rings.count; i++)
        ring_free(process->rings.items[i]);
    if (process->names_fd >= 0)
        close(process->names_fd);
    if (process->pid_fd >= 0)
        close(process->pid_fd);
    vec_free(&process->rings);
    vec_free(&process->names);
    vec_free(&process->logicals);
    map_free(&process->logical_of);
    map_free(&process->series_of);
    free(process);
}

static void process_end_at(struct span_process *process, uint64_t end_ns, uint64_t now_ns)
{
    if (process->end_ns && process->end_ns <= end_ns)
        return;
    process->end_ns = end_ns;
    if (!process->gone_ns)
        process->gone_ns = now_ns;
}

/* A later image of a process ends the one before: exec runs no code of it. Files are found in any order. */
static void process_order(struct span_drain *drain, struct span_process *found)
{
    for (size_t i = 0; i < drain->processes.count; i++) {
        struct span_process *process = drain->processes.items[i];

        if (process->pid != found->pid || process == found)
            continue;
        if (process->nonce < found->nonce) /* the session's clock when it was made */
            process_end_at(process, found->created_ns, drain->rows.now_ns);
        else
            process_end_at(found, process->created_ns, drain->rows.now_ns);
    }
}

/* What a file that cannot be taken now becomes: tried again, or known as none of ours. */
enum take { TAKE_DONE, TAKE_LATER, TAKE_NEVER };

static int process_take(struct span_drain *drain, const struct file_name *name, const char *text,
                        enum take *ret_take, struct err *err)
{
    FS_CLEANUP int fd = openat(drain->folder_fd, text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct span_process *process;
    struct names_file file;

    *ret_take = TAKE_LATER;
    if (fd < 0 || pread(fd, &file, sizeof file, 0) != (ssize_t)sizeof file || file.magic != NAMES_MAGIC)
        return 0;
    if (file.version != WIRE_VERSION || file.pid != name->pid || file.nonce != name->nonce ||
        drain->processes.count >= PROCESS_COUNT_MAX) {
        drain->rows.totals.lost_count++;
        *ret_take = TAKE_NEVER;
        return 0;
    }
    process = calloc(1, sizeof *process);
    if (!process || vec_push(&drain->processes, process)) {
        free(process);
        return err_memory(err);
    }
    process->pid = name->pid;
    process->nonce = name->nonce;
    process->created_ns = num_min(span_clock_ns(&drain->clock, file.created), drain->rows.now_ns);
    process->names_fd = fd;
    fd = -1;
    process_order(drain, process);
    process->pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)process->pid, 0);
    drain->rows.totals.process_count++;
    *ret_take = TAKE_DONE;
    return 0;
}

static int ring_take(struct span_drain *drain, const struct file_name *name, const char *text,
                     enum take *ret_take, struct err *err)
{
    FS_CLEANUP int fd = openat(drain->folder_fd, text, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct span_process *process = process_find(drain, name);
    struct span_ring *ring;
    struct ring_file file;

    *ret_take = TAKE_LATER;
    if (fd < 0 || !process || pread(fd, &file, sizeof file, 0) != (ssize_t)sizeof file ||
        file.magic != RING_MAGIC)
        return 0;
    if (!ring_is_valid(&file, drain->slot_count * (uint32_t)sizeof(struct ring_slot)) ||
        process->rings.count >= RING_COUNT_MAX) {
        drain->rows.totals.lost_count++;
        *ret_take = TAKE_NEVER;
        return 0;
    }
    ring = calloc(1, sizeof *ring);
    if (!ring || vec_push(&process->rings, ring)) {
        free(ring);
        return err_memory(err);
    }
    ring->process = process;
    ring->number = name->number;
    ring->tail = file.start;
    ring->fd = fd;
    fd = -1;
    *ret_take = TAKE_DONE;
    return 0;
}

/* Takes the new files of one kind. */
static int files_take(struct span_drain *drain, DIR *folder, bool is_ring, struct err *err)
{
    struct dirent *entry;
    int status = 0;

    rewinddir(folder);
    while (!status && (entry = readdir(folder))) {
        uint64_t hash = map_hash_bytes(entry->d_name, strlen(entry->d_name));
        struct file_name name;
        enum take take;

        if (!file_name_parse(entry->d_name, &name) || name.is_ring != is_ring || map_get(&drain->known, hash))
            continue;
        status = is_ring ? ring_take(drain, &name, entry->d_name, &take, err)
                         : process_take(drain, &name, entry->d_name, &take, err);
        if (status)
            break;
        drain->is_file_pending = drain->is_file_pending || take == TAKE_LATER;
        if (take != TAKE_LATER && map_put(&drain->known, hash, 1))
            status = err_memory(err);
    }
    return status;
}

static int folder_read(struct span_drain *drain, bool is_forced, struct err *err)
{
    struct stat status;
    uint64_t mtime_ns;
    DIR *folder;
    int copy, result;

    if (fstat(drain->folder_fd, &status))
        return 0;
    mtime_ns = (uint64_t)status.st_mtim.tv_sec * NS_PER_S + (uint64_t)status.st_mtim.tv_nsec;
    if (mtime_ns != drain->folder_mtime_ns) {
        drain->folder_mtime_ns = mtime_ns;
        drain->folder_changed_ns = drain->rows.now_ns;
    }
    if (!is_forced && !drain->is_file_pending &&
        drain->rows.now_ns - drain->folder_changed_ns > FOLDER_SETTLE_NS)
        return 0;
    copy = fcntl(drain->folder_fd, F_DUPFD_CLOEXEC, 0);
    folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (!folder) {
        if (copy >= 0)
            close(copy);
        return 0;
    }
    drain->is_file_pending = false;
    result = files_take(drain, folder, false, err);
    if (!result)
        result = files_take(drain, folder, true, err);
    closedir(folder);
    return result;
}

static void file_forget(struct span_drain *drain, const struct file_name *name)
{
    char text[64];

    file_name_write(name, text, sizeof text);
    map_remove(&drain->known, map_hash_bytes(text, strlen(text)));
    unlinkat(drain->folder_fd, text, 0);
}

/* The rings */

static void tail_write(const struct span_ring *ring)
{
    ssize_t ignored =
        pwrite(ring->fd, &ring->tail, sizeof ring->tail, (off_t)offsetof(struct ring_file, tail));
    (void)ignored; /* the ring stays full then, and counts */
}

static bool look(const struct span_ring *ring, uint64_t ret_look[2])
{
    const size_t size = 2 * sizeof(uint64_t);

    return pread(ring->fd, ret_look, size, (off_t)offsetof(struct ring_file, head)) == (ssize_t)size;
}

/* How many slots the producer has published, and its lost_count; false when the file was cut short or holds no head.
 * Copying out is not atomic, so a look may mix two heads. A first look that a second, later one has reached is good
 * either way: those slots are written by then. */
static bool head_read(const struct span_drain *drain, const struct span_ring *ring, uint64_t *ret_count,
                      uint64_t *ret_lost_count)
{
    for (int i = 0; i < HEAD_TRY_COUNT; i++) {
        uint64_t first[2], second[2]; /* head, lost_count */
        bool is_first_broken, is_second_broken;

        if (!look(ring, first) || (first[0] != ring->tail && !look(ring, second)))
            return false;
        *ret_lost_count = first[1];
        *ret_count = ring_readable(first[0], ring->tail, drain->slot_count, &is_first_broken);
        if (first[0] == ring->tail ||
            (!is_first_broken &&
             *ret_count <= ring_readable(second[0], ring->tail, drain->slot_count, &is_second_broken)))
            return true;
    }
    return false;
}

/* A ring without a sensible head was scribbled over: go on from where it says it is. */
static void ring_resync(struct span_drain *drain, struct span_ring *ring)
{
    uint64_t now[2];

    if (look(ring, now)) {
        drain->rows.totals.lost_count++;
        ring->tail = now[0];
        tail_write(ring);
    }
}

/* Copies slots [tail, tail + count) out; false when the file was cut short. */
static bool slots_read(struct span_drain *drain, const struct span_ring *ring, uint64_t count)
{
    uint64_t first = ring->tail & (drain->slot_count - 1);
    uint64_t here = num_min(count, drain->slot_count - first);
    size_t here_bytes = (size_t)here * sizeof(struct ring_slot);
    size_t rest_bytes = (size_t)(count - here) * sizeof(struct ring_slot);

    return pread(ring->fd, drain->slots, here_bytes,
                 (off_t)(RING_SLOTS_OFFSET + first * sizeof(struct ring_slot))) == (ssize_t)here_bytes &&
           (rest_bytes == 0 ||
            pread(ring->fd, drain->slots + here, rest_bytes, RING_SLOTS_OFFSET) == (ssize_t)rest_bytes);
}

/* Reads what is there; *ret_count slots. */
static int ring_drain(struct span_drain *drain, struct span_ring *ring, const struct span_host *host,
                      uint64_t *ret_count, struct err *err)
{
    uint64_t lost_count = 0, count = 0, position = 0;
    struct ring_event event;
    int status = 0;

    *ret_count = 0;
    if (!head_read(drain, ring, &count, &lost_count)) {
        ring_resync(drain, ring);
        return 0;
    }
    if (lost_count != ring->lost_count && lost_count - ring->lost_count < UINT32_MAX)
        drain->rows.totals.lost_count += lost_count - ring->lost_count;
    ring->lost_count = lost_count;
    if (count == 0 || !slots_read(drain, ring, count))
        return 0;
    while (!status &&
           ring_next(drain->slots, count, ring->tail, &position, &event, &drain->rows.totals.lost_count))
        status = span_rows_event(&drain->rows, ring, &event, host, err);
    ring->tail += count;
    tail_write(ring);
    *ret_count = count;
    return status;
}

static void refused_read(struct span_drain *drain, struct span_process *process)
{
    uint32_t count;

    if (pread(process->names_fd, &count, sizeof count, (off_t)offsetof(struct names_file, refused_count)) ==
            (ssize_t)sizeof count &&
        count > process->refused_count) {
        drain->rows.totals.lost_count += count - process->refused_count;
        process->refused_count = count;
    }
}

static int process_drain(struct span_drain *drain, struct span_process *process, const struct span_host *host,
                         uint64_t *fill_max, struct err *err)
{
    uint64_t count;
    int status = 0;

    for (size_t i = 0; !status && i < process->rings.count; i++) {
        status = ring_drain(drain, process->rings.items[i], host, &count, err);
        if (!status)
            status = span_rows_open(&drain->rows, process->rings.items[i], host, err);
        *fill_max = num_max(*fill_max, count);
    }
    refused_read(drain, process);
    return status;
}

/* The ends */

static bool is_gone(uint64_t pid, int pid_fd)
{
    struct pollfd fd = {.fd = pid_fd, .events = POLLIN};

    if (pid_fd >= 0)
        return poll(&fd, 1, 0) > 0;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* When a process that is gone ended, 0 while the host may still learn it. */
static uint64_t end_of(const struct span_host *host, uint64_t pid, uint64_t start_ns, uint64_t gone_ns,
                       uint64_t now_ns)
{
    uint64_t end_ns = host->end_of ? host->end_of(host->context, pid, start_ns) : 0;

    if (end_ns)
        return end_ns;
    return !host->end_of || now_ns - gone_ns >= END_GRACE_NS ? gone_ns : 0;
}

static int process_close(struct span_drain *drain, struct span_process *process, uint64_t end_ns,
                         const struct span_host *host, struct err *err)
{
    const uint64_t closed = 1;
    struct file_name name = {.pid = process->pid, .nonce = process->nonce};
    int status = 0;

    for (size_t i = 0; i < process->rings.count; i++) {
        struct span_ring *ring = process->rings.items[i];
        ssize_t ignored = pwrite(ring->fd, &closed, sizeof closed, (off_t)offsetof(struct ring_file, closed));
        (void)ignored; /* a program that goes on notices by its ring being full */
        if (!status)
            status = span_rows_thread_end(ring, end_ns, host, err);
        file_forget(drain, &(struct file_name){true, process->pid, process->nonce, ring->number});
    }
    if (!status)
        status = span_rows_process_end(process, end_ns, host, err);
    file_forget(drain, &name);
    return status;
}

/* Closes the processes that ended, once their rings were read after that. */
static int processes_reap(struct span_drain *drain, const struct span_host *host, struct err *err)
{
    uint64_t now_ns = drain->rows.now_ns;
    size_t kept = 0;
    int status = 0;

    for (size_t i = 0; i < drain->processes.count; i++) {
        struct span_process *process = drain->processes.items[i];

        if (process->is_gone_first && !process->end_ns)
            process->end_ns = end_of(host, process->pid, process->created_ns, process->gone_ns, now_ns);
        if (!status && process->is_gone_first && process->end_ns) {
            status = process_close(drain, process, process->end_ns, host, err);
            process_free(process);
        } else {
            drain->processes.items[kept++] = process;
        }
    }
    drain->processes.count = kept;
    return status;
}

static int marks_reap(struct span_drain *drain, const struct span_host *host, struct err *err)
{
    struct span_rows *rows = &drain->rows;
    int status = 0;

    for (size_t i = rows->marks.count; !status && i-- > 0;) {
        struct span_mark *mark = &rows->marks.items[i];
        uint64_t end_ns = 0;

        if (!mark->gone_ns && is_gone(mark->pid, mark->pid_fd))
            mark->gone_ns = rows->now_ns;
        if (mark->gone_ns)
            end_ns = end_of(host, mark->pid, mark->span.start_ns, mark->gone_ns, rows->now_ns);
        if (end_ns)
            status = span_rows_mark_end(rows, i, end_ns, SPAN_STATUS_OK, host, err);
    }
    return status;
}

/* So that a ring that filled at the same rate would be a quarter full. */
static void pause_set(struct span_drain *drain, uint64_t fill_max, uint64_t passed_ns)
{
    uint64_t pause_ns = PAUSE_NS_MAX;

    if (fill_max > 0)
        pause_ns = num_min(passed_ns, NS_PER_S) * drain->slot_count / 4 / fill_max;
    drain->pause_ns = num_min(num_max(pause_ns, PAUSE_NS_MIN), PAUSE_NS_MAX);
}

/* Who is gone is asked first, so that what is read after that is all it wrote. */
static bool gone_look(struct span_drain *drain)
{
    bool is_news = false;

    for (size_t i = 0; i < drain->processes.count; i++) {
        struct span_process *process = drain->processes.items[i];

        if (!process->gone_ns && is_gone(process->pid, process->pid_fd)) {
            process->gone_ns = drain->rows.now_ns;
            is_news = true;
        }
        process->is_gone_first = process->gone_ns != 0;
    }
    return is_news;
}

static int poll_once(struct span_drain *drain, const struct span_host *host, bool is_last, struct err *err)
{
    uint64_t fill_max = 0;
    bool is_news;
    int status;

    if (span_clock_look(&drain->clock))
        return err_memory(err);
    drain->rows.now_ns = clock_monotonic_ns();
    is_news = gone_look(drain);
    status = folder_read(drain, is_news || is_last, err);
    for (size_t i = 0; !status && i < drain->processes.count; i++)
        status = process_drain(drain, drain->processes.items[i], host, &fill_max, err);
    pause_set(drain, fill_max, drain->rows.now_ns - drain->polled_ns);
    drain->polled_ns = drain->rows.now_ns;
    return status;
}

int span_drain_poll(struct span_drain *drain, const struct span_host *host, struct err *err)
{
    int status = poll_once(drain, host, false, err);

    if (!status)
        status = processes_reap(drain, host, err);
    return status ? status : marks_reap(drain, host, err);
}

int span_drain_finish(struct span_drain *drain, const struct span_host *host, uint64_t end_ns,
                      struct err *err)
{
    int status = poll_once(drain, host, true, err);

    while (drain->processes.count > 0) {
        struct span_process *process = drain->processes.items[--drain->processes.count];
        uint64_t end = process->end_ns;

        if (!end && process->gone_ns)
            end = end_of(host, process->pid, process->created_ns, process->gone_ns, UINT64_MAX);
        if (!status)
            status = process_close(drain, process, end ? end : end_ns, host, err);
        process_free(process);
    }
    while (drain->rows.marks.count > 0) {
        struct span_mark *mark = &drain->rows.marks.items[drain->rows.marks.count - 1];
        uint64_t end = 0;

        if (is_gone(mark->pid, mark->pid_fd))
            end = end_of(host, mark->pid, mark->span.start_ns, mark->gone_ns ? mark->gone_ns : end_ns,
                         UINT64_MAX);
        if (!status)
            status = span_rows_mark_end(&drain->rows, drain->rows.marks.count - 1, end ? end : end_ns,
                                        SPAN_STATUS_OK, host, err);
        else
            drain->rows.marks.count--;
    }
    return status;
}

void span_drain_destroy(struct span_drain *drain)
{
    if (!drain)
        return;
    for (size_t i = 0; i < drain->processes.count; i++)
        process_free(drain->processes.items[i]);
    for (size_t i = 0; i < drain->rows.marks.count; i++)
        if (drain->rows.marks.items[i].pid_fd >= 0)
            close(drain->rows.marks.items[i].pid_fd);
    if (drain->folder_fd >= 0) {
        folder_empty(drain->folder_fd);
        close(drain->folder_fd);
    }
    if (drain->is_folder_ours)
        rmdir(drain->folder);
    if (drain->session_fd >= 0)
        close(drain->session_fd);
    vec_free(&drain->processes);
    vec_free(&drain->rows.marks);
    map_free(&drain->known);
    span_clock_deinit(&drain->clock);
    free(drain->slots);
    free(drain);
}
