/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: disk-read. The program visits the 256 KB blocks of a 16 MB file 2,560 times in
 * random order and reads each from the disk every time (O_DIRECT, so no cache hides it). Fix: the
 * file is read once, in order, and the blocks are visited in memory. Blocks are large so that a
 * read is mostly waiting, little of it the kernel's own CPU time, which a fix saves and a
 * prediction of removed waits does not. `--prepare` makes the file.
 */
#include "planted.h"

#include <fcntl.h>
#include <unistd.h>

#define VISIT_COUNT 2560u
#define BLOCK_COUNT 64u /* a power of two: the order below then visits all blocks equally often */
#define BLOCK_BYTES (256u << 10)
#define FILE_BYTES  ((size_t)BLOCK_COUNT * BLOCK_BYTES)
#define ALIGN_BYTES 4096u
#define BLOCK_UNITS 75u

PLANTED_NOINLINE static uint64_t decode_block(const char *block, uint64_t state)
{
    uint64_t word;

    memcpy(&word, block, sizeof word);
    state ^= word;
    planted_work(state, BLOCK_UNITS);
    return state;
}

PLANTED_NOINLINE static uint64_t index_block(uint64_t state)
{
    planted_work(state, BLOCK_UNITS);
    return state;
}

static void *aligned(size_t bytes)
{
    void *memory = NULL;

    errno = posix_memalign(&memory, ALIGN_BYTES, bytes);
    if (errno != 0)
        planted_fail("allocate");
    return memory;
}

static void prepare(const char *path)
{
    char *block = aligned(BLOCK_BYTES);
    uint64_t state = 1;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        planted_fail("make file");
    for (size_t at = 0; at < FILE_BYTES; at += BLOCK_BYTES) {
        planted_work(state, 1);
        memset(block, (int)(state & 0xff), BLOCK_BYTES);
        if (write(fd, block, BLOCK_BYTES) != (ssize_t)BLOCK_BYTES)
            planted_fail("write file");
    }
    if (fsync(fd) != 0)
        planted_fail("sync file");
    close(fd);
    free(block);
}

static void read_at(int fd, char *into, size_t bytes, size_t offset)
{
    if (pread(fd, into, bytes, (off_t)offset) != (ssize_t)bytes)
        planted_fail("read file");
}

int main(int argc, char **argv)
{
    const char *path = planted_word(argc, argv, "disk_reader FILE [--prepare | --fixed]");
    bool fixed = planted_flag(argc, argv, "--fixed");
    uint64_t state = 1;
    uint32_t index = 1;

    if (planted_flag(argc, argv, "--prepare")) {
        prepare(path);
        return 0;
    }
    int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd < 0)
        planted_fail("open file");
    char *memory = aligned(fixed ? FILE_BYTES : BLOCK_BYTES);
    for (size_t at = 0; fixed && at < FILE_BYTES; at += BLOCK_BYTES)
        read_at(fd, memory + at, BLOCK_BYTES, at);
    for (uint32_t visit = 0; visit < VISIT_COUNT; visit++) {
        char *block = fixed ? memory + (size_t)index * BLOCK_BYTES : memory;
        if (!fixed)
            read_at(fd, block, BLOCK_BYTES, (size_t)index * BLOCK_BYTES);
        state = index_block(decode_block(block, state));
        index = (index * 1664525u + 1013904223u) % BLOCK_COUNT;
    }
    close(fd);
    free(memory);
    printf("%016llx\n", (unsigned long long)state);
    return 0;
}
