/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbol_bench: the time to name 1,000 places of one program, with lines and inlined calls, against
 * `addr2line -f -i` and again from the cache. The program is toll itself, whose debug information is that of any
 * program of its size; and a large library without debug information, when there is one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "symbol/elf_image.h"
#include "symbol/resolver.h"

#define PLACE_COUNT 1000u
#define ROUND_COUNT 5u

struct program_places {
    const char *path;
    uint64_t addresses[PLACE_COUNT];
    uint64_t offsets[PLACE_COUNT];
    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;
};

static int by_value(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Places spread over all functions; false when the file has none. */
static bool choose(const char *path, struct program_places *places)
{
    struct elf_image image;
    struct err err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || elf_image_open(fd, &image, &err) || elf_image_load_symbols(&image, &image, &err) ||
        image.symbols.count == 0)
        return false;
    places->path = path;
    places->build_id_size = image.build_id_size;
    memcpy(places->build_id, image.build_id, image.build_id_size);
    srand(1);
    uint64_t offset;
    for (size_t i = 0; i < PLACE_COUNT;) { /* a symbol without a size may reach out of the file */
        const struct elf_symbol *symbol = &image.symbols.items[(size_t)rand() % image.symbols.count];
        uint64_t address = symbol->low + (uint64_t)rand() % (symbol->high - symbol->low);
        if (elf_image_offset(&image, address, &offset))
            places->addresses[i++] = address;
    }
    qsort(places->addresses, PLACE_COUNT, sizeof *places->addresses, by_value);
    for (size_t i = 0; i < PLACE_COUNT; i++)
        if (elf_image_offset(&image, places->addresses[i], &offset))
            places->offsets[i] = offset;
    elf_image_close(&image);
    return true;
}

/* Milliseconds of one cold process-wide lookup; named tells how many places have a function. */
static double ours_ms(const struct program_places *places, const char *cache, size_t *ret_named)
{
    struct resolver *resolver;
    struct symbol_answer answer = {0};
    struct err err;
    struct symbol_module module = {places->path, -1, places->build_id, places->build_id_size};
    struct symbol_request request = {.offsets = places->offsets, .count = PLACE_COUNT};
    uint64_t start_ns = clock_monotonic_ns();
    if (resolver_create(cache, &resolver, &err) ||
        resolver_lookup(resolver, &module, &request, &answer, &err)) {
        fprintf(stderr, "symbol_bench: %s\n", err.what);
        exit(70);
    }
    double ms = (double)(clock_monotonic_ns() - start_ns) / 1e6;
    *ret_named = 0;
    for (size_t i = 0; i < answer.places.count; i++)
        *ret_named += answer.places.items[i].count > 0;
    symbol_answer_deinit(&answer);
    resolver_destroy(resolver);
    return ms;
}

/* The same places through addr2line; negative when it is not installed. */
static double addr2line_ms(const struct program_places *places)
{
    char command[4200];
    snprintf(command, sizeof command, "addr2line -f -i -e '%s' >/dev/null", places->path);
    uint64_t start_ns = clock_monotonic_ns();
    FILE *out = popen(command, "w");
    if (!out)
        return -1;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        fprintf(out, "0x%llx\n", (unsigned long long)places->addresses[i]);
    int status = pclose(out);
    return status == 0 ? (double)(clock_monotonic_ns() - start_ns) / 1e6 : -1;
}

static int by_ms(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static double median(double *values)
{
    qsort(values, ROUND_COUNT, sizeof *values, by_ms);
    return values[ROUND_COUNT / 2];
}

static void measure(const char *name, const struct program_places *places, const char *folder)
{
    double cold[ROUND_COUNT], cached[ROUND_COUNT], peer[ROUND_COUNT];
    size_t named = 0;
    ours_ms(places, folder, &named); /* fills the cache */
    for (size_t i = 0; i < ROUND_COUNT; i++) {
        peer[i] = addr2line_ms(places);
        cold[i] = ours_ms(places, "", &named);
        cached[i] = ours_ms(places, folder, &named);
    }
    double cold_ms = median(cold), cached_ms = median(cached), peer_ms = median(peer);
    fprintf(stderr,
            "symbol_bench: %s: %zu of %u places named; %.1f ms, from the cache %.2f ms, addr2line %.1f ms\n",
            places->path, named, PLACE_COUNT, cold_ms, cached_ms, peer_ms);
    if (peer_ms > 0)
        printf("naming 1,000 places of %s | %.1f x faster | at least 1 x | addr2line -f -i\n", name,
               peer_ms / cold_ms);
    else
        printf(
            "naming 1,000 places of %s | skip: addr2line is not installed | at least 1 x | addr2line -f -i\n",
            name);
}

int main(int argc, char **argv)
{
    static const char *const large[] = {"/usr/lib/llvm-14/lib/libLLVM-14.so.1", "/usr/bin/gdb",
                                        "/usr/lib/x86_64-linux-gnu/libc.so.6"};
    static struct program_places places;
    char folder[] = "/tmp/toll-symbols-XXXXXX", command[64];
    const char *toll = getenv("TOLL");
    if (!mkdtemp(folder))
        return 3;
    if (argc > 1 && choose(argv[1], &places))
        measure(argv[1], &places, folder);
    else if (toll && choose(toll, &places))
        measure("toll", &places, folder);
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        if (!choose(large[i], &places))
            continue;
        measure("a large library", &places, folder);
        break;
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : 3;
}
