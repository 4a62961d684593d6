/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/debug_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/clock.h"

#define DEBUG_ROOT    "/usr/lib/debug"
#define PATH_BYTES    4096u
#define CHECK_BYTES   (64u << 10)
#define CHECK_MAX     (8ll << 30) /* a file that is longer (a hole of exabytes) is no debug file */
#define SERVER_SONAME "libdebuginfod.so.1"

static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* "/usr/lib/debug/.build-id/ab/cdef….debug"; false when the build-id is too short to have one. */
static bool path_by_id(const uint8_t *build_id, size_t size, char *path, size_t capacity)
{
    if (size < 2 || size > ELF_BUILD_ID_MAX)
        return false;
    int length = snprintf(path, capacity, DEBUG_ROOT "/.build-id/%02x/", build_id[0]);
    for (size_t i = 1; i < size; i++)
        length += snprintf(path + length, capacity - (size_t)length, "%02x", build_id[i]);
    snprintf(path + length, capacity - (size_t)length, ".debug");
    return true;
}

bool debug_file_is_installed(const uint8_t *build_id, size_t size)
{
    char path[256];
    return path_by_id(build_id, size, path, sizeof path) && access(path, R_OK) == 0;
}

static bool has_same_id(const struct elf_image *a, const struct elf_image *b)
{
    return a->build_id_size && a->build_id_size == b->build_id_size &&
           memcmp(a->build_id, b->build_id, a->build_id_size) == 0;
}

/* Takes the descriptor, which may be -1. A file that belongs to another program is none. */
static int take_if_same(int fd, const struct elf_image *image, struct elf_image *ret_debug, struct err *err)
{
    if (fd < 0)
        return 0;
    int status = elf_image_open(fd, ret_debug, err);
    if (status) {
        close(fd);
        return status;
    }
    if (!has_same_id(image, ret_debug))
        elf_image_close(ret_debug);
    return 0;
}

static bool checksum_fits(int fd, uint32_t wanted)
{
    unsigned char *bytes = malloc(CHECK_BYTES);
    if (!bytes)
        return false;
    uLong sum = crc32(0, NULL, 0);
    ssize_t got;
    for (off_t at = 0; (got = pread(fd, bytes, CHECK_BYTES, at)) > 0 && at < CHECK_MAX; at += got)
        sum = crc32(sum, bytes, (uInt)got);
    free(bytes);
    return got == 0 && sum == wanted;
}

/* A build-id tells without reading the whole file whether it is the right one. */
static int try_linked(const struct elf_image *image, const struct elf_debug_link *link, const char *path,
                      struct elf_image *ret_debug, struct err *err)
{
    int fd = open_file(path);
    if (fd < 0 || image->build_id_size)
        return take_if_same(fd, image, ret_debug, err);
    if (!checksum_fits(fd, link->checksum)) {
        close(fd);
        return 0;
    }
    int status = elf_image_open(fd, ret_debug, err);
    if (status)
        close(fd);
    return status;
}

static int open_linked(const struct elf_image *image, const char *program, struct elf_image *ret_debug,
                       struct err *err)
{
    static const struct {
        const char *before, *behind; /* the program's folder */
    } forms[] = {{"", ""}, {"", "/.debug"}, {DEBUG_ROOT, ""}};
    struct elf_debug_link link;
    const char *slash = strrchr(program, '/');
    if (!slash || !elf_image_debug_link(image, &link) || strchr(link.name, '/'))
        return 0;
    int status = 0;
    for (size_t i = 0; !status && !ret_debug->elf && i < sizeof forms / sizeof *forms; i++) {
        char path[PATH_BYTES];
        int length = snprintf(path, sizeof path, "%s%.*s%s/%s", forms[i].before, (int)(slash - program),
                              program, forms[i].behind, link.name);
        if (length < (int)sizeof path && strcmp(path, program) != 0)
            status = try_linked(image, &link, path, ret_debug, err);
    }
    return status;
}

/* elfutils' debuginfod.h, of which nothing else is used; opened at run time, so that toll runs without it. */
struct debug_server {
    bool tried;
    void *client; /* NULL: there is no library */
    int (*find)(void *client, const unsigned char *build_id, int size, char **ret_path);
    uint64_t spent_ns;
    uint64_t start_ns; /* of the download that runs */
};

static struct debug_server server; /* one for all resolvers of the process, as its limit is */

bool debug_file_may_download(void)
{
    const char *urls = getenv("DEBUGINFOD_URLS"); /* NOLINT(concurrency-mt-unsafe): toll never sets it */
    return urls && *urls && server.spent_ns < DEBUG_FILE_DOWNLOAD_SECONDS * NS_PER_S;
}

static int stop_when_late(void *client, long done, long total)
{
    (void)client;
    (void)done;
    (void)total;
    return server.spent_ns + (clock_monotonic_ns() - server.start_ns) >
           DEBUG_FILE_DOWNLOAD_SECONDS * NS_PER_S;
}

static void open_server(void)
{
    void *(*begin)(void);
    void (*set_progress)(void *client, int (*progress)(void *, long, long));
    server.tried = true;
    void *library = dlopen(SERVER_SONAME, RTLD_LAZY | RTLD_LOCAL); /* never closed: curl does not like it */
    if (!library)
        return;
    *(void **)&begin = dlsym(library, "debuginfod_begin");
    *(void **)&server.find = dlsym(library, "debuginfod_find_debuginfo");
    *(void **)&set_progress = dlsym(library, "debuginfod_set_progressfn");
    if (!begin || !server.find || !set_progress)
        return;
    server.client = begin();
    if (server.client)
        set_progress(server.client, stop_when_late);
}

static int download(const struct elf_image *image, struct elf_image *ret_debug, struct err *err)
{
    if (!image->build_id_size || !debug_file_may_download())
        return 0;
    if (!server.tried)
        open_server();
    if (!server.client)
        return 0;
    char *path = NULL;
    server.start_ns = clock_monotonic_ns();
    int fd = server.find(server.client, image->build_id, (int)image->build_id_size, &path);
    server.spent_ns += clock_monotonic_ns() - server.start_ns;
    free(path);
    return take_if_same(fd, image, ret_debug, err);
}

int debug_file_open(const struct elf_image *image, const char *path, bool may_download,
                    struct elf_image *ret_debug, struct err *err)
{
    char installed[256];
    int status = 0;
    *ret_debug = (struct elf_image){.fd = -1};
    if (path_by_id(image->build_id, image->build_id_size, installed, sizeof installed))
        status = take_if_same(open_file(installed), image, ret_debug, err);
    if (!status && !ret_debug->elf)
        status = open_linked(image, path, ret_debug, err);
    if (!status && !ret_debug->elf && may_download)
        status = download(image, ret_debug, err);
    return status;
}
