/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: sleep-poll. For each of five parts the program starts a child that works for
 * some 40 to 120 ms and leaves a file; the parent looks for the file every 300 ms. Fix: the parent
 * is told of the file (inotify). In both it then reaps the child.
 */
#include "planted.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PART_COUNT 5
#define POLL_NS    (300 * PLANTED_MS_NS)
#define PART_UNITS 10000u

PLANTED_NOINLINE static uint64_t render_part(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

PLANTED_NOINLINE static uint64_t pack_part(uint64_t state, uint64_t units)
{
    planted_work(state, units);
    return state;
}

/* The child: works, then lets the whole file appear at once. */
_Noreturn static void produce(const char *path, int part)
{
    char draft[4096 + 8];
    uint64_t units = PART_UNITS + (uint64_t)(part * 7 % PART_COUNT) * PART_UNITS / 2;
    uint64_t state = pack_part(render_part((uint64_t)part, units), units);

    snprintf(draft, sizeof draft, "%s.draft", path);
    FILE *file = fopen(draft, "w");
    if (file == NULL || fprintf(file, "%016llx\n", (unsigned long long)state) < 0 || fclose(file) != 0 ||
        rename(draft, path) != 0)
        planted_fail("write part");
    _exit(0);
}

static void poll_file(const char *path)
{
    struct stat info;

    while (stat(path, &info) != 0)
        planted_sleep(POLL_NS);
}

static void await_file(int watch, const char *path)
{
    _Alignas(struct inotify_event) char events[4096];
    struct stat info;

    while (stat(path, &info) != 0) {
        if (read(watch, events, sizeof events) < 0 && errno != EINTR)
            planted_fail("wait for part");
    }
}

int main(int argc, char **argv)
{
    const char *folder = planted_word(argc, argv, "sleep_poll FOLDER [--fixed]");
    bool fixed = planted_flag(argc, argv, "--fixed");
    int watch = inotify_init1(IN_CLOEXEC);
    int part_count = (int)planted_scaled(argc, argv, PART_COUNT);
    char path[4096];

    if (watch < 0 || inotify_add_watch(watch, folder, IN_MOVED_TO) < 0)
        planted_fail("watch folder");
    for (int part = 0; part < part_count; part++) {
        if (snprintf(path, sizeof path, "%s/part%d", folder, part) >= (int)sizeof path)
            return 1;
        pid_t child = fork();
        if (child < 0)
            planted_fail("start child");
        if (child == 0)
            produce(path, part);
        if (fixed)
            await_file(watch, path);
        else
            poll_file(path);
        unlink(path);
        if (waitpid(child, NULL, 0) != child)
            planted_fail("wait for child");
    }
    close(watch);
    printf("%d parts\n", part_count);
    return 0;
}
