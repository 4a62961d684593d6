/* SPDX-License-Identifier: Apache-2.0 */
/* Which product a server is, and what its process says: its command line, its folders, what it may use of the machine. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "settings/cgroup.h"
#include "settings/internal.h"

/* The kernel cuts a program's name there. */
#define COMM_LENGTH_MAX 15u

bool settings_is_local(const char *address)
{
    return address && (*address == '/' || *address == '@' || str_starts(address, "127.") ||
                       str_starts(address, "[::1]") || str_starts(address, "localhost:") ||
                       str_starts(address, "[::ffff:127."));
}

static bool name_matches(const char *known, const char *process)
{
    size_t length = strlen(process);
    return strcmp(known, process) == 0 ||
           (length == COMM_LENGTH_MAX && strncmp(known, process, COMM_LENGTH_MAX) == 0);
}

/* "io.questdb": of a program that an interpreter runs, part of its command line. */
static bool word_matches(const char *known, const char *const *words, size_t word_count)
{
    for (size_t i = 0; strchr(known, '.') && i < word_count; i++)
        if (strstr(words[i], known))
            return true;
    return false;
}

static bool process_matches(const struct rule_file *file, const char *process, const char *const *words,
                            size_t word_count)
{
    for (size_t i = 0; process && i < file->process_count; i++)
        if (name_matches(file->processes[i], process) || word_matches(file->processes[i], words, word_count))
            return true;
    return false;
}

static bool address_matches(const struct rule_file *file, const char *address)
{
    bool is_socket = *address == '/' || *address == '@';
    const char *colon = strrchr(address, ':');
    for (size_t i = 0; is_socket && i < file->socket_count; i++)
        if (strstr(address, file->sockets[i]))
            return true;
    for (size_t i = 0; !is_socket && colon && i < file->port_count; i++)
        if (strcmp(colon + 1, file->ports[i]) == 0)
            return true;
    return false;
}

const char *settings_product(const struct rule_set *set, const char *process, const char *const *words,
                             size_t word_count, const char *address)
{
    /* Own files were read last and are asked first. A program's name says more than a port. */
    for (size_t i = set->files.count; i-- > 0;)
        if (process_matches(&set->files.items[i], process, words, word_count))
            return set->files.items[i].product;
    for (size_t i = set->files.count; address && !process && i-- > 0;)
        if (address_matches(&set->files.items[i], address))
            return set->files.items[i].product;
    return NULL;
}

int settings_words(uint64_t pid, struct arena *arena, const char *const **ret_words, size_t *ret_count,
                   struct err *err)
{
    char path[64], text[16384];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/cmdline", pid);
    ssize_t length = fs_read_small(path, text, sizeof text);
    size_t count = 0;
    *ret_words = NULL;
    *ret_count = 0;
    if (length <= 0)
        return 0;
    /* A title that a server wrote over its arguments ("nginx: master process nginx -c /a") is one line of words. */
    bool is_title = strstr(text, ": ") && strlen(text) + 2 >= (size_t)length;
    const char **words = arena_alloc(arena, SETTINGS_WORDS_MAX * sizeof *words);
    if (!words)
        return err_memory(err);
    for (char *at = text, *end = text + length; at < end && count < SETTINGS_WORDS_MAX;) {
        size_t size = is_title ? strcspn(at, " ") : strlen(at);
        if (size && !(words[count++] = arena_copy(arena, at, size)))
            return err_memory(err);
        at += size + 1;
    }
    *ret_words = words;
    *ret_count = count;
    return 0;
}

const char *server_option(const struct server *server, const char *option)
{
    size_t length = strlen(option);
    for (size_t i = 0; i < server->word_count; i++) {
        const char *word = server->words[i];
        if (strcmp(word, option) == 0)
            return i + 1 < server->word_count ? server->words[i + 1] : NULL;
        if (strncmp(word, option, length) == 0 && word[length] == '=')
            return word + length + 1;
        /* One letter takes its value with it. */
        if (length == 2 && strncmp(word, option, 2) == 0 && option[1] != '-')
            return word + 2;
    }
    return NULL;
}

int server_host(const char *address, char *ret_host, unsigned *ret_port)
{
    const char *colon = address ? strrchr(address, ':') : NULL;
    uint64_t port;
    if (!colon || num_parse_u64(colon + 1, &port) || !port || port > UINT16_MAX)
        return -1;
    size_t length = (size_t)(colon - address);
    bool has_brackets = length > 2 && *address == '[' && address[length - 1] == ']';
    if (length >= 64)
        return -1;
    snprintf(ret_host, 64, "%.*s", (int)(has_brackets ? length - 2 : length), address + has_brackets);
    *ret_port = (unsigned)port;
    return 0;
}

const char *server_path(const struct server *server, struct settings *settings, const char *path)
{
    struct stat there, through;
    if (!server->pid || !server->may_ask)
        return path;
    if (*path != '/')
        return settings_printf(settings, "/proc/%" PRIu64 "/cwd/%s", server->pid, path);
    /* In a container the same name is another file; else the plain name reads better. */
    const char *inside = settings_printf(settings, "/proc/%" PRIu64 "/root%s", server->pid, path);
    if (stat(inside, &through) || (!stat(path, &there) && there.st_ino == through.st_ino))
        return path;
    return inside;
}

void settings_facts(uint64_t pid, struct setting_facts *ret_facts)
{
    cpu_set_t set;
    struct cgroup_limits limits;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    double ram = pages > 0 && page > 0 ? (double)pages * (double)page : 0;
    double cores = sched_getaffinity((pid_t)pid, sizeof set, &set) ? (double)sysconf(_SC_NPROCESSORS_ONLN)
                                                                   : (double)CPU_COUNT(&set);
    cgroup_limits(pid, &limits);
    if (limits.memory_bytes_max > 0 && limits.memory_bytes_max < ram)
        ram = limits.memory_bytes_max;
    if (limits.cores > 0 && limits.cores < cores)
        cores = limits.cores;
    *ret_facts = (struct setting_facts){.ram_bytes = ram, .cores = cores < 1 ? 1 : cores};
}
