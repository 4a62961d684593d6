/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_probe: allocates what its arguments say, and nothing else: heap_drain_test and the command-line cases know the sums.
 *
 *   known           100 blocks of 4096 left; 5000 of 64 temporary; 1000 of 1000 at once, then freed; a block of 100 made 200 and
 *                   100000 large, then freed; 1 MiB of pages, the first half given back
 *   threads N       N threads that each make 1000 times two blocks of 50; one is freed at once, one by the next thread
 *   asks            a thread that asks for its own stack before all else, then makes a block of 50 and frees it
 *   fork            a block of 3000 left; then a child that leaves one of 5000 and frees its parent's
 *   exec            a block of 7000 left, then this program again with "left 1 11000"
 *   left COUNT SIZE so many blocks left
 *   churn COUNT     so many blocks of 16 to 1015 bytes, freed at once
 *   remap           1 MiB of pages, moved to be 3 MiB, the first of which is given back; a page of a file, moved too
 *   load FILE       loads a library; ends by a signal when that takes a minute
 *   new             10 blocks of 5000 left; 20 of 6000 by operator new, of which 5 are deleted; 8 of 7000 by that of arrays
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREAD_MAX 64

/* Stored where no compiler sees it away. */
static void *volatile kept[4096];

__attribute__((noinline)) static void leave_blocks(unsigned count, size_t size)
{
    for (unsigned i = 0; i < count; i++)
        kept[i % 4096] = memset(malloc(size), 1, size);
}

__attribute__((noinline)) static void make_temporary(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        kept[4000] = malloc(64);
        free(kept[4000]);
    }
}

__attribute__((noinline)) static void make_peak(void)
{
    for (unsigned i = 0; i < 1000; i++)
        kept[1000 + i] = malloc(1000);
    for (unsigned i = 0; i < 1000; i++)
        free(kept[1000 + i]);
}

static void known(void)
{
    leave_blocks(100, 4096);
    make_temporary(5000);
    make_peak();
    kept[4001] = malloc(100);
    kept[4001] = realloc(kept[4001], 200);
    kept[4001] = realloc(kept[4001], 100000);
    free(kept[4001]);
    char *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages, 1 << 19))
        _exit(2);
}

#define PASSED_COUNT 1000
static void *passed[THREAD_MAX][PASSED_COUNT];
static unsigned thread_count;
static pthread_barrier_t all_have;

static void *pass_on(void *number)
{
    unsigned own = (unsigned)(uintptr_t)number, next = (own + 1) % thread_count;

    for (unsigned i = 0; i < PASSED_COUNT; i++) {
        void *volatile other;
        passed[own][i] = malloc(50);
        other = malloc(50);
        free(other);
    }
    pthread_barrier_wait(&all_have);
    for (unsigned i = 0; i < PASSED_COUNT; i++)
        free(passed[next][i]);
    return NULL;
}

static void threads(unsigned count)
{
    pthread_t made[THREAD_MAX];

    thread_count = count < THREAD_MAX ? count : THREAD_MAX;
    if (pthread_barrier_init(&all_have, NULL, thread_count))
        _exit(2);
    for (unsigned i = 0; i < thread_count; i++)
        if (pthread_create(&made[i], NULL, pass_on, (void *)(uintptr_t)i))
            _exit(2);
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(made[i], NULL);
}

static void *ask_first(void *unused)
{
    void *volatile block;
    pthread_attr_t about;

    (void)unused;
    if (pthread_getattr_np(pthread_self(), &about))
        _exit(2);
    pthread_attr_destroy(&about);
    block = malloc(50);
    free(block);
    return NULL;
}

static void asks(void)
{
    pthread_t made;

    if (pthread_create(&made, NULL, ask_first, NULL))
        _exit(2);
    pthread_join(made, NULL);
}

static int fork_one(void)
{
    kept[0] = malloc(3000);
    pid_t child = fork();
    int status;

    if (child == 0) {
        free(kept[0]);
        kept[1] = malloc(5000);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : 2;
}

static void churn(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        kept[0] = malloc(16 + i % 1000);
        free(kept[0]);
    }
}

static void remap(void)
{
    const int access = PROT_READ | PROT_WRITE;
    char *pages = mmap(NULL, 1 << 20, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char *of_file = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

    if (pages == MAP_FAILED || of_file == MAP_FAILED ||
        mremap(of_file, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED)
        _exit(2);
    pages = mremap(pages, 1 << 20, 3 << 20, MREMAP_MAYMOVE);
    if (pages == MAP_FAILED || mremap(pages, 3 << 20, (size_t)1 << 46, 0) != MAP_FAILED ||
        munmap(pages, 1 << 20))
        _exit(2);
}

static void by_new(void)
{
    void *(*new)(size_t) = NULL, *(*new_array)(size_t) = NULL;
    void (*delete)(void *) = NULL;

    *(void **)&new = dlsym(RTLD_DEFAULT, "_Znwm");
    *(void **)&new_array = dlsym(RTLD_DEFAULT, "_Znam");
    *(void **)&delete = dlsym(RTLD_DEFAULT, "_ZdlPv");
    if (!new || !new_array || !delete)
        _exit(2);
    leave_blocks(10, 5000);
    for (unsigned i = 0; i < 20; i++)
        kept[100 + i] = new (6000);
    for (unsigned i = 0; i < 5; i++)
        delete (kept[100 + i]);
    for (unsigned i = 0; i < 8; i++)
        kept[200 + i] = new_array(7000);
}

static void load(const char *path)
{
    alarm(60);
    if (!dlopen(path, RTLD_NOW))
        _exit(2);
    alarm(0);
}

int main(int argument_count, char **arguments)
{
    const char *what = argument_count > 1 ? arguments[1] : "";
    unsigned number = argument_count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 0;

    if (!strcmp(what, "known"))
        known();
    else if (!strcmp(what, "threads"))
        threads(number);
    else if (!strcmp(what, "asks"))
        asks();
    else if (!strcmp(what, "left") && argument_count > 3)
        leave_blocks(number, strtoul(arguments[3], NULL, 10));
    else if (!strcmp(what, "churn"))
        churn(number);
    else if (!strcmp(what, "remap"))
        remap();
    else if (!strcmp(what, "load"))
        load(argument_count > 2 ? arguments[2] : "");
    else if (!strcmp(what, "new"))
        by_new();
    else if (!strcmp(what, "fork"))
        return fork_one();
    else if (!strcmp(what, "exec")) {
        kept[0] = malloc(7000);
        execl("/proc/self/exe", arguments[0], "left", "1", "11000", (char *)NULL);
        return 2;
    }
    return 0;
}
