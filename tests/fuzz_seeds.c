/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives a fuzz target without a fuzzer, as a test: fuzz_seeds FILE|FOLDER...
 *
 * Each file is given to LLVMFuzzerTestOneInput whole, cut short at CUTS places, and with
 * bits flipped FLIPS times. The places come from a fixed generator, so a crash repeats. The
 * real search is `make fuzz`, which links the same target with libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { CUTS = 500, FLIPS = 500, FLIPS_AT_ONCE_MAX = 8 };

static uint64_t random_state = 0x9e3779b97f4a7c15u;
static unsigned case_count;

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return limit == 0 ? 0 : (size_t)(random_state % limit);
}

/* The target gets a heap copy of exactly the size, so that a sanitizer sees one byte too far. */
static void give(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count == 0 ? 1 : count);

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, count);
    LLVMFuzzerTestOneInput(copy, count);
    free(copy);
}

static void flip_some(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count == 0 ? 1 : count);
    size_t flips = 1 + random_below(FLIPS_AT_ONCE_MAX);

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, count);
    for (; flips > 0 && count > 0; flips--)
        copy[random_below(count)] ^= (uint8_t)(1u << random_below(8));
    LLVMFuzzerTestOneInput(copy, count);
    free(copy);
}

static uint8_t *read_all(const char *path, size_t *ret_count)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    size_t count = 0, room = 0, got = 0;

    if (file == NULL)
        return NULL;
    do {
        count += got;
        if (room - count < 4096) {
            room = room * 2 + 65536;
            bytes = realloc(bytes, room);
            if (bytes == NULL)
                abort();
        }
        got = fread(bytes + count, 1, room - count, file);
    } while (got > 0);
    fclose(file);
    *ret_count = count;
    return bytes;
}

static void run_file(const char *path)
{
    size_t count = 0;
    uint8_t *bytes = read_all(path, &count);
    int i;

    if (bytes == NULL) {
        printf("not ok %u - could not read seed '%s'\n", ++case_count, path);
        exit(1);
    }
    give(bytes, count);
    for (i = 0; i < CUTS && count > 0; i++)
        give(bytes, random_below(count));
    for (i = 0; i < FLIPS; i++)
        flip_some(bytes, count);
    free(bytes);
    printf("ok %u - survives %s whole, cut %d times, flipped %d times\n", ++case_count, path, CUTS, FLIPS);
    fflush(stdout);
}

static void run_path(const char *path)
{
    struct dirent **entries;
    struct stat info;
    char name[4096];
    int count, i;

    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        run_file(path);
        return;
    }
    count = scandir(path, &entries, NULL, alphasort);
    for (i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (stat(name, &info) == 0 && S_ISREG(info.st_mode))
            run_file(name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("1..%u\n", case_count);
    return case_count == 0;
}
