/* SPDX-License-Identifier: Apache-2.0 */
#include "usage/usage_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/fs.h"

#define FILE_MAGIC "TOLLUSE1"
#define PAUSE_MS   5u

static void note(struct usage_index *index, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(struct usage_index *index, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(index->note, sizeof index->note, format, arguments);
    va_end(arguments);
}

/* --- the file's place --- */

/* $XDG_DATA_HOME/toll/usage, else ~/.local/share/toll/usage. False without a home. */
static bool index_folder(struct str *ret_path)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && *data == '/')
        str_printf(ret_path, "%s/toll/usage", data);
    else if (home && *home)
        str_printf(ret_path, "%s/.local/share/toll/usage", home);
    return ret_path->length && !ret_path->failed;
}

static bool make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        bool is_there = mkdir(path, 0700) == 0 || errno == EEXIST;
        *at = '/';
        if (!is_there)
            return false;
    }
    return true;
}

static bool choose_path(struct usage_index *index, const struct usage_shelf *shelf)
{
    struct str path = {0};
    if (!index_folder(&path)) {
        note(index, "what was read is not kept: neither XDG_DATA_HOME nor HOME is set");
        str_free(&path);
        return false;
    }
    str_printf(&path, "/%s-%016llx.index", shelf->source->name,
               (unsigned long long)XXH3_64bits(shelf->place, strlen(shelf->place)));
    index->path = path.text;
    return true;
}

/* Waits for another toll, which reads the same now: what it has found is then there. */
static void lock(struct usage_index *index)
{
    struct str path = {0};
    str_printf(&path, "%.*s.lock", (int)(strlen(index->path) - strlen(".index")), index->path);
    if (path.failed || !make_folders(path.text)) {
        note(index, "what was read is not kept: could not make the folder of '%s': %s", index->path,
             strerror(errno));
        str_free(&path);
        return;
    }
    int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        note(index, "what was read is not kept: could not write '%s': %s", path.text, strerror(errno));
    for (unsigned waited = 0; fd >= 0; waited += PAUSE_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            index->lock_fd = fd;
            break;
        }
        if (waited >= INDEX_WAIT_MS) {
            note(index, "what was read is not kept this time: another toll reads the same for over %u s",
                 INDEX_WAIT_MS / 1000);
            fs_close(&fd);
            break;
        }
        clock_sleep_until(clock_monotonic_ns() + PAUSE_MS * NS_PER_MS);
    }
    str_free(&path);
}

/* --- reading --- */

/* What is damaged is put aside: it may be looked into, and a new one begins. */
static void put_aside(struct usage_index *index)
{
    struct str aside = {0};
    str_printf(&aside, "%s.damaged", index->path);
    bool is_aside = index->lock_fd >= 0 && !aside.failed && rename(index->path, aside.text) == 0;
    note(index, "the index '%s' was damaged%s; all is read again, what agents have removed since is lost",
         index->path, is_aside ? " and is now beside it, with .damaged behind its name" : "");
    str_free(&aside);
    index->end_bytes = index->segment_count = 0;
}

static void forget(struct usage_shelf *shelf)
{
    struct usage_shelf empty = {.source = shelf->source, .place = shelf->place};
    shelf_free(shelf);
    *shelf = empty;
}

static int read_segments(struct usage_index *index, const char *bytes, size_t length,
                         struct usage_shelf *shelf, struct err *err)
{
    size_t at = strlen(FILE_MAGIC), used = 0;
    bool no_memory = false;
    if (length < at)
        return 0; /* killed when it was made */
    if (memcmp(bytes, FILE_MAGIC, at) != 0) {
        put_aside(index);
        return 0;
    }
    while (at < length) {
        enum segment_state state = usage_segment_read(bytes + at, length - at, shelf, &used, &no_memory);
        if (no_memory)
            return err_memory(err);
        if (state == SEGMENT_TORN)
            break;
        if (state == SEGMENT_WRONG) {
            forget(shelf);
            put_aside(index);
            return 0;
        }
        at += used;
        index->segment_count++;
    }
    index->end_bytes = at;
    return 0;
}

static int read_all(struct usage_index *index, struct usage_shelf *shelf, struct err *err)
{
    struct stat about;
    FS_CLEANUP int fd = open(index->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about)) {
        if (errno != ENOENT && errno != ENOTDIR)
            note(index, "what was kept is not used: could not read '%s': %s", index->path, strerror(errno));
        return 0;
    }
    if (!S_ISREG(about.st_mode) || about.st_size <= 0)
        return 0;
    size_t length = (size_t)about.st_size;
    void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        note(index, "what was kept is not used: could not read '%s': %s", index->path, strerror(errno));
        return 0;
    }
    int status = read_segments(index, bytes, length, shelf, err);
    munmap(bytes, length);
    for (size_t i = 0; i < shelf->files.count; i++)
        shelf->files.items[i].is_there = shelf->files.items[i].is_new = 0;
    return status;
}

int usage_index_open(struct usage_index *index, struct usage_shelf *shelf, struct err *err)
{
    *index = (struct usage_index){.lock_fd = -1};
    if (!choose_path(index, shelf))
        return 0;
    lock(index);
    return read_all(index, shelf, err);
}

/* --- writing --- */

static int write_at_end(struct usage_index *index, const struct str *bytes, struct err *err)
{
    FS_CLEANUP int fd = open(index->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "could not write '%s'", index->path);
    /* A torn end of one that was killed goes first. */
    if (ftruncate(fd, (off_t)index->end_bytes) || lseek(fd, 0, SEEK_END) < 0)
        return err_errno(err, errno, "could not write '%s'", index->path);
    return fs_write_all(fd, bytes->text, bytes->length, err);
}

/* One row for each call of a file that counts. */
static int choose_rows(const struct usage_shelf *shelf, struct usage_shelf *chosen)
{
    struct map seen = {0};
    int status = 0;
    for (size_t i = 0; i < shelf->calls.count && !status; i++) {
        const struct usage_call *call = &shelf->calls.items[i];
        uint64_t key = call->id[0] ^ map_hash(call->file + 1);
        bool has_id = call->id[0] || call->id[1];
        if (!shelf_is_current(shelf, call->file, call->generation))
            continue;
        const uint64_t *known = has_id ? map_get(&seen, key) : NULL;
        if (known) {
            usage_call_merge(&chosen->calls.items[*known], call);
            continue;
        }
        if (has_id)
            status = map_put(&seen, key, chosen->calls.count);
        if (!status)
            status = vec_push(&chosen->calls, *call);
    }
    map_free(&seen);
    return status;
}

static int shelf_compact(const struct usage_shelf *shelf, struct usage_shelf *ret_compact)
{
    struct usage_shelf chosen = *shelf; /* shares all but the calls */
    chosen.calls.items = NULL;
    chosen.calls.count = chosen.calls.capacity = 0;
    *ret_compact = (struct usage_shelf){.source = shelf->source, .place = shelf->place};
    int status = choose_rows(shelf, &chosen);
    if (!status)
        status = shelf_add(ret_compact, &chosen);
    vec_free(&chosen.calls);
    return status;
}

static int rewrite(struct usage_index *index, const struct usage_shelf *whole, struct err *err)
{
    struct usage_shelf compact = {0};
    struct str bytes = {0};
    int status = shelf_compact(whole, &compact) ? err_memory(err) : 0;
    str_append(&bytes, FILE_MAGIC);
    if (!status)
        status = usage_segment_write(&compact, &bytes, err);
    if (!status)
        status = fs_replace(index->path, bytes.text, bytes.length, 0600, err);
    shelf_free(&compact);
    str_free(&bytes);
    return status;
}

void usage_index_append(struct usage_index *index, const struct usage_shelf *fresh,
                        const struct usage_shelf *whole)
{
    struct str bytes = {0};
    struct err err = {0};
    int status = 0;
    if (index->lock_fd < 0)
        return;
    if (index->segment_count >= INDEX_SEGMENTS_MAX) {
        status = rewrite(index, whole, &err);
    } else {
        if (!index->end_bytes)
            str_append(&bytes, FILE_MAGIC);
        status = usage_segment_write(fresh, &bytes, &err);
        if (!status)
            status = write_at_end(index, &bytes, &err);
    }
    if (status)
        note(index, "what was read is not kept: %s", err.what);
    str_free(&bytes);
}

void usage_index_close(struct usage_index *index)
{
    fs_close(&index->lock_fd);
    free(index->path);
    index->path = NULL;
}
