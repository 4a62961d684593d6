/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/collectors.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"
#include "collector/gc_probes.h"
#include "collector/gc_rows.h"
#include "collector/hsperf.h"

#define SEEK_NS (2 * NS_PER_MS) /* the first look at a process, which may be about to run another program */
#define SEEK_OTHER_NS                                                                                        \
    (100 * NS_PER_MS)      /* a program of another name may have a runtime as a library by then */
#define SEEK_OTHER_PARTS 3 /* and again after so many times that age */
#define SEEK_NS_MAX      (10 * NS_PER_S)
#define SEEK_PROBE_NS    (2 * NS_PER_S) /* a JVM that has no counters by then will have none */
#define MAPS_BYTES_MAX   (16u << 20)
#define JVM_MAX          256 /* at once */

#define LATE_NS_MIN    (100 * NS_PER_MS) /* and the first so much of a program may be without its pauses */
#define READ_NS_MIN    (2 * NS_PER_MS)
#define READ_NS_MAX    (20 * NS_PER_MS)
#define READ_PARTS     4 /* of the time between two pauses */
#define PROBE_NS       (50 * NS_PER_MS)
#define PROBE_NS_BUSY  (10 * NS_PER_MS)
#define CLOCK_ERROR_NS 200000         /* pauses are held back until their times are known so well, */
#define HOLD_NS        (2 * NS_PER_S) /* or for so long */

struct jvm {
    uint64_t pid, track;
    int fd;
    bool is_over;
    uint64_t first_ns, gap_ns, last_ns; /* between its pauses, about; when one was seen last */
    struct hsperf_watch watch;
    uint64_t missed_count, missed_ns; /* as told last */
};

struct collectors {
    struct collectors_options options;
    VEC(struct jvm *) jvms;
    struct gc_probes probes;
    struct gc_rows rows;
    uint64_t due_ns;
    uint64_t jvm_left_count; /* beyond JVM_MAX */
    uint8_t bytes[HSPERF_BYTES_MAX];
};

int collectors_create(const struct collectors_options *options, struct collectors **ret_collectors,
                      struct err *err)
{
    struct collectors *collectors = calloc(1, sizeof *collectors);
    if (!collectors)
        return err_memory(err);
    collectors->options = *options;
    collectors->due_ns = UINT64_MAX;
    *ret_collectors = collectors;
    return 0;
}

void collectors_destroy(struct collectors *collectors)
{
    if (!collectors)
        return;
    for (size_t i = 0; i < collectors->jvms.count; i++) {
        hsperf_watch_free(&collectors->jvms.items[i]->watch);
        fs_close(&collectors->jvms.items[i]->fd);
        free(collectors->jvms.items[i]);
    }
    vec_free(&collectors->jvms);
    gc_probes_free(&collectors->probes);
    gc_rows_free(&collectors->rows);
    free(collectors);
}

/* --- which runtime a process has --- */

/* What of its mappings matters. */
struct mapped {
    char counters[256]; /* a JVM's file */
    char runtime[512];  /* python3.11, node, libnode.so */
    char jvm[512];      /* libjvm.so */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_runtime(const char *path)
{
    const char *name = base_name(path);
    return str_starts(name, "python3") || str_starts(name, "libpython3") || strcmp(name, "node") == 0 ||
           strcmp(name, "nodejs") == 0 || str_starts(name, "libnode.so");
}

/* Its number where it sees itself: in a container another. */
static uint64_t own_pid(uint64_t pid)
{
    char path[64], text[4096];
    uint64_t last = pid;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/status", pid);
    ssize_t length = fs_read_small(path, text, sizeof text);
    char *rest = length > 0 ? strstr(text, "\nNSpid:") : NULL;
    if (!rest)
        return pid;
    rest += strlen("\nNSpid:");
    rest[strcspn(rest, "\n")] = '\0';
    for (char *word; (word = strsep(&rest, " \t"));)
        if (*word && num_parse_u64(word, &last))
            return pid;
    return last;
}

/* A JVM's own are called by its number; jps, jstat and other monitors map those of others too. */
static bool is_own_counters(uint64_t pid, const char *path)
{
    uint64_t number;
    return strstr(path, "/hsperfdata_") && !num_parse_u64(base_name(path), &number) && number == own_pid(pid);
}

/* "low-high rwxp offset device inode   path" */
static void line_note(struct mapped *mapped, uint64_t pid, const char *line)
{
    static const char deleted[] = " (deleted)";
    const char *path = strchr(line, '/');
    if (!path || strstr(path, deleted))
        return;
    const char *mode = strchr(line, ' ');
    bool is_text = mode && mode < path && strlen(mode) > 3 && mode[3] == 'x';
    if (is_own_counters(pid, path))
        snprintf(mapped->counters, sizeof mapped->counters, "%s", path);
    else if (is_text && strcmp(base_name(path), "libjvm.so") == 0)
        snprintf(mapped->jvm, sizeof mapped->jvm, "%s", path);
    else if (is_text && is_runtime(path) && !str_starts(base_name(mapped->runtime), "lib"))
        snprintf(mapped->runtime, sizeof mapped->runtime, "%s", path);
}

static bool maps_read(uint64_t pid, struct mapped *ret_mapped)
{
    char path[64];
    struct str text = {0};
    struct err ignored;
    struct mapped mapped = {0};

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/maps", pid);
    int status = fs_read(path, MAPS_BYTES_MAX, &text, &ignored);
    char *rest = status ? NULL : text.text;
    for (char *line; rest && (line = strsep(&rest, "\n"));)
        line_note(&mapped, pid, line);
    str_free(&text);
    *ret_mapped = mapped;
    return !status;
}

/* One that is over makes room. NULL: none, or no memory. */
static struct jvm *jvm_place(struct collectors *collectors)
{
    for (size_t i = 0; i < collectors->jvms.count; i++) {
        struct jvm *jvm = collectors->jvms.items[i];
        if (!jvm->is_over)
            continue;
        hsperf_watch_free(&jvm->watch);
        fs_close(&jvm->fd); /* open still where its track was never known */
        return jvm;
    }
    struct jvm *jvm = collectors->jvms.count < JVM_MAX ? calloc(1, sizeof *jvm) : NULL;
    if (jvm && vec_push(&collectors->jvms, jvm)) {
        free(jvm);
        return NULL;
    }
    return jvm;
}

static void jvm_add(struct collectors *collectors, uint64_t pid, const char *counters)
{
    char path[400];
    struct stat about;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/root%s", pid, counters);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return;
    bool is_file = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    struct jvm *jvm = is_file ? jvm_place(collectors) : NULL;
    if (!jvm) {
        collectors->jvm_left_count += is_file;
        close(fd);
        return;
    }
    *jvm = (struct jvm){.pid = pid, .fd = fd, .gap_ns = READ_PARTS * READ_NS_MIN};
    collectors->due_ns = 0;
}

/* Asking for the name of its program costs less than listing all that a process has mapped. */
static bool is_named(uint64_t pid)
{
    char link[64], target[512];

    snprintf(link, sizeof link, "/proc/%" PRIu64 "/exe", pid);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return is_runtime(target) || strcmp(base_name(target), "java") == 0 ||
           strstr(target, "/jvm/"); /* javac … */
}

/* Whether to look at its mappings now. A program of another name may have a runtime as a library: it is looked at less often. */
static bool is_worth_it(uint64_t pid, uint64_t now_ns, uint64_t age_ns, struct collector_seek *seek)
{
    bool is_known = is_named(pid), is_due = is_known || age_ns >= SEEK_OTHER_NS;

    seek->due_ns = now_ns + SEEK_NS + (is_due && !is_known ? SEEK_OTHER_PARTS * age_ns : age_ns);
    seek->is_over = age_ns >= SEEK_NS_MAX;
    return is_due;
}

/* A fork of a pool, the hundredth script: what it has mapped need not be read. */
static bool is_of_watched(const struct collectors *collectors, uint64_t pid)
{
    char link[64];
    struct stat about;

    snprintf(link, sizeof link, "/proc/%" PRIu64 "/exe", pid);
    return collectors->probes.files.count && stat(link, &about) == 0 &&
           gc_probes_knows(&collectors->probes, about.st_dev, about.st_ino);
}

void collectors_look(struct collectors *collectors, uint64_t pid, uint64_t now_ns,
                     struct collector_seek *seek)
{
    struct mapped mapped = {0};

    if (seek->is_over || now_ns < seek->due_ns)
        return;
    if (!seek->first_ns)
        seek->first_ns = now_ns;
    uint64_t age_ns = now_ns - seek->first_ns;
    if (!is_worth_it(pid, now_ns, age_ns, seek))
        return;
    if (is_of_watched(collectors, pid)) {
        seek->is_over = true;
        return;
    }
    if (!maps_read(pid, &mapped))
        return;
    if (mapped.counters[0]) {
        seek->is_over = true;
        jvm_add(collectors, pid, mapped.counters);
        return;
    }
    if (mapped.jvm[0] && age_ns < SEEK_PROBE_NS)
        return;
    if (!mapped.runtime[0] && !mapped.jvm[0])
        return;
    seek->is_over = true;
    if (!collectors->options.may_probe)
        return;
    enum gc_watching watching =
        gc_probes_file(&collectors->probes, pid, mapped.jvm[0] ? mapped.jvm : mapped.runtime);
    seek->is_over = watching != GC_LATER;
    if (watching == GC_LATER)
        seek->due_ns = num_min(seek->due_ns, now_ns + PROBE_NS);
    if (watching != GC_NOT_WATCHED)
        collectors->due_ns = num_min(collectors->due_ns, now_ns + PROBE_NS_BUSY);
}

/* --- JVMs --- */

static int jvm_read(struct collectors *collectors, struct jvm *jvm, struct err *err)
{
    struct hsperf_reading reading = {
        .bytes = collectors->bytes, .before_ns = clock_monotonic_ns(), .is_new = collectors->options.is_new};
    size_t before = jvm->watch.pauses.count;
    ssize_t got = pread(jvm->fd, collectors->bytes, sizeof collectors->bytes, 0);

    reading.after_ns = clock_monotonic_ns();
    reading.size = got > 0 ? (size_t)got : 0;
    if (hsperf_watch_read(&jvm->watch, &reading))
        return err_memory(err);
    if (!jvm->first_ns)
        jvm->first_ns = reading.before_ns;
    uint64_t missed_before = jvm->missed_count;
    hsperf_missed(&jvm->watch, &jvm->missed_count, &jvm->missed_ns);
    uint64_t new_count = jvm->watch.pauses.count - before + (jvm->missed_count - missed_before);
    uint64_t since_ns = reading.after_ns - (jvm->last_ns ? jvm->last_ns : jvm->first_ns);
    if (new_count || since_ns > jvm->gap_ns)
        jvm->gap_ns = since_ns / (new_count ? new_count : 1);
    if (new_count)
        jvm->last_ns = reading.after_ns;
    return 0;
}

static int jvm_write(struct collectors *collectors, struct jvm *jvm, const struct collectors_host *host,
                     uint64_t end_ns, struct err *err)
{
    int status = 0;

    for (size_t i = 0; i < jvm->watch.pauses.count && !status; i++) {
        const struct hsperf_pause *told = &jvm->watch.pauses.items[i];
        const char *collector = jvm->watch.layout.collectors[told->collector].name;
        char name[32] = "gc";
        struct gc_pause pause = {.start_ns = hsperf_time_ns(&jvm->watch, told->start_ticks),
                                 .end_ns = num_min(hsperf_time_ns(&jvm->watch, told->end_ticks), end_ns),
                                 .track = jvm->track,
                                 .process_track = jvm->track,
                                 .source = GC_HSPERFDATA,
                                 .name = name,
                                 .generation = hsperf_generation(collector),
                                 .cause = told->cause,
                                 .collector = collector};
        if (pause.generation[0])
            snprintf(name, sizeof name, "gc: %s", pause.generation);
        if (pause.end_ns > pause.start_ns)
            status = gc_rows_pause(&collectors->rows, host, &pause, err);
        else /* none of it lies in the run */
            status = gc_rows_missed(
                &collectors->rows,
                &(struct gc_owner){.track = jvm->track, .source = GC_HSPERFDATA, .missed_count = 1}, err);
    }
    jvm->watch.pauses.count = 0;
    return status;
}

static int jvm_end(struct collectors *collectors, struct jvm *jvm, const struct collectors_host *host,
                   uint64_t end_ns, struct err *err)
{
    int status = jvm_read(collectors, jvm, err); /* what it wrote last is there when it is gone */
    if (!status)
        status = jvm_write(collectors, jvm, host, end_ns, err);
    struct gc_owner missed = {.track = jvm->track,
                              .source = GC_HSPERFDATA,
                              .missed_count = jvm->missed_count,
                              .missed_ns = jvm->missed_ns};
    jvm->is_over = true;
    fs_close(&jvm->fd);
    return status || !jvm->watch.is_begun ? status : gc_rows_missed(&collectors->rows, &missed, err);
}

static int jvm_poll(struct collectors *collectors, struct jvm *jvm, const struct collectors_host *host,
                    uint64_t now_ns, struct err *err)
{
    if (!jvm->track)
        jvm->track = host->track_of(host->context, jvm->pid, 0, now_ns);
    if (!jvm->track || !host->is_there(host->context, jvm->pid, jvm->track)) {
        if (jvm->track)
            return jvm_end(collectors, jvm, host, UINT64_MAX, err);
        jvm->is_over = true;
        return 0;
    }
    int status = jvm_read(collectors, jvm, err);
    if (status || (hsperf_error_ns(&jvm->watch) > CLOCK_ERROR_NS && now_ns < jvm->first_ns + HOLD_NS))
        return status;
    return jvm_write(collectors, jvm, host, UINT64_MAX, err);
}

/* --- all of it --- */

int collectors_poll(struct collectors *collectors, const struct collectors_host *host, uint64_t now_ns,
                    struct err *err)
{
    uint64_t due_ns = UINT64_MAX;
    int status = gc_probes_poll(&collectors->probes, &collectors->rows, host, false, err);

    if (gc_probes_is_watching(&collectors->probes))
        due_ns = now_ns + (gc_probes_is_busy(&collectors->probes) ? PROBE_NS_BUSY : PROBE_NS);
    for (size_t i = 0; i < collectors->jvms.count && !status; i++) {
        struct jvm *jvm = collectors->jvms.items[i];
        if (jvm->is_over)
            continue;
        status = jvm_poll(collectors, jvm, host, now_ns, err);
        uint64_t pause_ns = num_max(num_min(jvm->gap_ns / READ_PARTS, READ_NS_MAX), READ_NS_MIN);
        due_ns = num_min(due_ns, now_ns + pause_ns);
    }
    collectors->due_ns = due_ns;
    return status;
}

uint64_t collectors_due_ns(const struct collectors *collectors)
{
    return collectors->due_ns;
}

int collectors_finish(struct collectors *collectors, const struct collectors_host *host, uint64_t end_ns,
                      struct err *err)
{
    int status = gc_probes_poll(&collectors->probes, &collectors->rows, host, true, err);

    for (size_t i = 0; i < collectors->jvms.count && !status; i++) {
        struct jvm *jvm = collectors->jvms.items[i];
        if (!jvm->is_over && jvm->track)
            status = jvm_end(collectors, jvm, host, end_ns, err);
    }
    return status ? status : gc_rows_finish(&collectors->rows, host, err);
}

struct collectors_losses collectors_losses(const struct collectors *collectors)
{
    const struct gc_probes *probes = &collectors->probes;
    return (struct collectors_losses){
        .lost_count = gc_probes_lost_count(probes),
        .jvm_count = collectors->jvm_left_count,
        .late_ns = probes->late_ns > LATE_NS_MIN ? probes->late_ns : 0,
        .refusal = probes->is_refused && !probes->is_stopped && probes->refusal.what[0] ? probes->refusal.what
                                                                                        : NULL};
}

const char *collectors_sources(struct collectors *collectors)
{
    return gc_rows_sources(&collectors->rows);
}
