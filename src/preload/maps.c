/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps: which file's code lies where, told when the process has its first stack and again when a new stack is looked at
 * after libraries were loaded; unwind.c reads it too. This library's own code is kept as a range.
 */
#include "preload/internal.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

uint64_t maps_own_low, maps_own_high;
static uint64_t told_adds; /* of dlpi_adds: libraries ever loaded */
static uint32_t told_pid;
static uint32_t telling_pid; /* the process of which a thread is telling; a fork's child is another */

/* One is read by all threads, while the other is filled by one that tells. */
static struct guest_code codes[2];
const struct guest_code *maps_code = &codes[0];

struct telling {
    struct lane *lane;
    struct guest_code *code;
    bool is_failed;
    bool is_first;
};

static unsigned program_path(char *path)
{
    ssize_t length = readlink("/proc/self/exe", path, CALL_PATH_BYTES_MAX);

    return length > 0 ? (unsigned)length : 0;
}

static void segment_tell(struct telling *telling, const struct dl_phdr_info *info, unsigned index,
                         const char *path, unsigned length)
{
    const ElfW(Phdr) *segment = &info->dlpi_phdr[index];
    uint64_t page = 4095, start = info->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
    unsigned words = 6 + (length + 7) / 8;
    struct stat status = {0};

    guest_code_add(telling->code, start, end);
    if (length && stat(path, &status) < 0)
        status = (struct stat){0};
    if (!lane_begin(telling->lane, words)) {
        telling->is_failed = true;
        return;
    }
    lane_put(telling->lane, 0, call_head(CALL_MAP, words, length, 0));
    lane_put(telling->lane, 1, start & ~page);
    lane_put(telling->lane, 2, ((end + page) & ~page) - (start & ~page));
    lane_put(telling->lane, 3, segment->p_offset & ~page);
    lane_put(telling->lane, 4, status.st_dev);
    lane_put(telling->lane, 5, status.st_ino);
    lane_put_bytes(telling->lane, 6, path, length);
    lane_commit(telling->lane, words);
}

/* A library that was asked for by a relative name: as the folder is now. */
static unsigned library_path(char *path, const char *name)
{
    size_t length = strlen(name), folder;

    if (syscall(SYS_getcwd, path, (unsigned long)CALL_PATH_BYTES_MAX) <= 0)
        return 0;
    folder = strlen(path);
    if (path[0] != '/' || folder + 1 + length > CALL_PATH_BYTES_MAX)
        return 0;
    path[folder] = '/';
    memcpy(path + folder + 1, name, length + 1);
    return (unsigned)(folder + 1 + length);
}

static int tell_one(struct dl_phdr_info *info, size_t size, void *context)
{
    struct telling *telling = context;
    char own[CALL_PATH_BYTES_MAX + 1] = "";
    const char *path = info->dlpi_name;
    unsigned length, i;

    (void)size;
    if (!path || !path[0]) {
        length = telling->is_first ? program_path(own) : 0;
        path = own;
    } else if (strncmp(path, "linux-", 6) == 0) { /* the kernel's, which has no file */
        path = "[vdso]";
        length = 6;
    } else if (path[0] != '/') {
        length = library_path(own, path);
        path = own;
    } else {
        length = (unsigned)strnlen(path, CALL_PATH_BYTES_MAX);
    }
    for (i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X))
            segment_tell(telling, info, i, path, length);
    telling->is_first = false;
    return 0;
}

static int adds_read(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(uint64_t *)context = info->dlpi_adds;
    return 1;
}

static int own_find(struct dl_phdr_info *info, size_t size, void *context)
{
    uint64_t inside = (uint64_t)context;
    unsigned i;

    (void)size;
    for (i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type != PT_LOAD || inside < start || inside - start >= segment->p_memsz)
            continue;
        maps_own_low = start;
        maps_own_high = start + segment->p_memsz;
        return 1;
    }
    return 0;
}

void maps_start(void)
{
    if (!maps_own_high)
        REAL(dl_iterate_phdr)(own_find, (void *)(uint64_t)maps_start);
}

static void tell(struct lane *lane, uint64_t adds)
{
    struct telling telling = {.lane = lane, .is_first = true};

    told_pid = calls->pid;
    told_adds = adds;
    telling.code = maps_code == &codes[0] ? &codes[1] : &codes[0];
    guest_code_clear(telling.code);
    REAL(dl_iterate_phdr)(tell_one, &telling);
    if (telling.is_failed)
        told_adds = 0;
    __atomic_store_n(&maps_code, telling.code, __ATOMIC_RELEASE);
}

bool maps_tell(struct lane *lane)
{
    bool is_told = false;
    uint32_t before = __atomic_load_n(&telling_pid, __ATOMIC_RELAXED);
    struct calls_guard guard;
    uint64_t adds = 0;

    REAL(dl_iterate_phdr)(adds_read, &adds);
    if ((told_pid == calls->pid && told_adds == adds) || before == calls->pid)
        return false;
    calls_guard_enter(&guard); /* no handler may jump out of this */
    if (__atomic_compare_exchange_n(&telling_pid, &before, calls->pid, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        tell(lane, adds);
        is_told = true;
        __atomic_store_n(&telling_pid, 0, __ATOMIC_RELEASE);
    }
    calls_guard_leave(&guard);
    return is_told;
}
