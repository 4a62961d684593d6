/* SPDX-License-Identifier: Apache-2.0 */
/* heap_fuzz: whatever a program writes into its ring, the drain and its rows come to an end. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap/heap_drain.h"
#include "model/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (HEAP_WORDS_EXACT * 8)

static uint64_t on_image(void *context, uint32_t pid, uint64_t time_ns)
{
    (void)context;
    return pid + (time_ns & 1);
}

static void on_module(void *context, uint32_t pid, const struct heap_module *module)
{
    (void)context;
    if (strlen(module->path) > HEAP_PATH_BYTES_MAX || !pid)
        abort();
}

static uint64_t on_stack(void *context, uint32_t pid, const struct heap_told_stack *stack)
{
    uint64_t sum = pid;

    (void)context;
    for (size_t i = 0; i < stack->frames->count; i++)
        sum += stack->frames->items[i].code + stack->frames->items[i].line;
    for (size_t i = 0; i < stack->count; i++)
        sum += stack->addresses[i];
    for (size_t i = 0; i < stack->top_bytes / 8; i++)
        sum += stack->top[i];
    return sum & 0xff; /* some are the same row, some none */
}

static uint64_t on_code(void *context, const char *name, const char *file)
{
    (void)context;
    if (!name[0] || strlen(name) > HEAP_NAME_BYTES_MAX || strlen(file) > HEAP_PATH_BYTES_MAX)
        abort();
    return (uint64_t)(unsigned char)name[0];
}

static uint64_t on_series(void *context)
{
    return ++*(uint64_t *)context;
}

static bool is_there(void *context, uint32_t pid)
{
    return *(uint64_t *)context + pid > 0;
}

/* The input is the words of one ring. */
static void ring_write(const char *folder, const uint8_t *data, size_t size)
{
    struct heap_ring ring = {.magic = HEAP_RING_MAGIC,
                             .version = HEAP_VERSION,
                             .pid = 7,
                             .nonce = 1,
                             .word_count = HEAP_WORDS_EXACT,
                             .head = size / 8};
    struct heap_session session;
    char path[96];

    snprintf(path, sizeof path, "%s/heap-7-1-0", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || pwrite(fd, &ring, sizeof ring, 0) < 0 || pwrite(fd, data, size, HEAP_WORDS_OFFSET) < 0)
        abort();
    close(fd);
    snprintf(path, sizeof path, "%s/" HEAP_FILE, folder);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || pread(fd, &session, sizeof session, 0) < 0)
        abort();
    session.ring_count = 1;
    if (pwrite(fd, &session, sizeof session, 0) < 0)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/toll-heap-fuzz-XXXXXX", path[96];
    struct heap_drain_options options = {.folder = folder, .mode = HEAP_EXACT, .is_monotonic_forced = true};
    uint64_t count = 0;
    struct heap_host host = {.context = &count,
                             .image = on_image,
                             .module = on_module,
                             .code = on_code,
                             .stack = on_stack,
                             .series = on_series,
                             .is_there = is_there};
    struct heap_drain *drain = NULL;
    struct dataset rows;
    struct err err = {0};

    if (size > INPUT_BYTES_MAX || !mkdtemp(folder))
        return 0;
    dataset_init(&rows);
    if (heap_drain_create(&options, &drain, &err))
        abort();
    ring_write(folder, data, size);
    if (heap_drain_poll(drain, &host, &rows.sink, &err) || heap_drain_finish(drain, &host, &rows.sink, &err))
        abort();
    heap_drain_destroy(drain);
    dataset_deinit(&rows);
    snprintf(path, sizeof path, "%s/" HEAP_FILE, folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/heap-7-1-0", folder);
    unlink(path);
    rmdir(folder);
    return 0;
}
