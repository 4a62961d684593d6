/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/process_look.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/str.h"

#define MAPS_BYTES_MAX ((size_t)8 << 20)
#define DEPTH_MAX      64

const char *const process_variables[] = {
    "NODE_ENV",
    "RAILS_ENV",
    "RACK_ENV",
    "APP_ENV",
    "FLASK_ENV",
    "FLASK_DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "ENVIRONMENT",
    "ENV",
    "STAGE",
    "DEBUG",
    "ASPNETCORE_ENVIRONMENT",
    "GIN_MODE",
    "MIX_ENV",
    "SPRING_PROFILES_ACTIVE",
    NULL,
};

static ssize_t proc_read(const char *root, uint64_t pid, const char *file, char *text, size_t capacity)
{
    char path[320];
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/%s", root, pid, file);
    return fs_read_small(path, text, capacity);
}

/* pid (name) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime … (proc(5)) */
static bool stat_parse(const char *text, struct process_row *row)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    uint64_t parent, major, user, system, threads, start, rss, waited = 0;
    long terminal;
    char state;
    if (!open || !close || close < open)
        return false;
    size_t length = (size_t)(close - open - 1);
    length = length < sizeof row->name - 1 ? length : sizeof row->name - 1;
    memcpy(row->name, open + 1, length);
    row->name[length] = '\0';
    int got = sscanf(close + 1,
                     " %c %" SCNu64 " %*d %*d %ld %*d %*u %*u %*u %" SCNu64 " %*u %" SCNu64 " %" SCNu64
                     " %*d %*d %*d %*d %" SCNu64 " %*d %" SCNu64 " %*u %" SCNu64
                     " %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %*u %*u %" SCNu64,
                     &state, &parent, &terminal, &major, &user, &system, &threads, &start, &rss, &waited);
    if (got < 9)
        return false;
    row->state = state;
    row->parent_pid = parent;
    row->has_terminal = terminal != 0;
    row->major_fault_count = major;
    row->cpu_ticks = user + system;
    row->thread_count = threads;
    row->start_ticks = start;
    row->rss_bytes = rss * (uint64_t)sysconf(_SC_PAGESIZE);
    row->disk_wait_ticks = waited;
    return true;
}

static int row_compare(const void *a, const void *b)
{
    const struct process_row *left = a, *right = b;
    return left->pid < right->pid ? -1 : left->pid > right->pid;
}

/* "12345.67 …" seconds */
static uint64_t uptime_ticks(const char *root)
{
    char path[320], text[64];
    snprintf(path, sizeof path, "%s/proc/uptime", root);
    return fs_read_small(path, text, sizeof text) > 0 ? num_u64(strtod(text, NULL) * PROCESS_TICKS_PER_S) : 0;
}

int process_list_read(const char *root, struct process_list *ret_list)
{
    char path[320], text[1024];
    struct process_list list = {.at_ns = clock_monotonic_ns(), .at_ticks = uptime_ticks(root)};
    int status = 0;
    snprintf(path, sizeof path, "%s/proc", root);
    DIR *folder = opendir(path);
    for (struct dirent *entry;
         folder && !status && list.rows.count < PROCESS_MAX && (entry = readdir(folder));) {
        struct process_row row = {0};
        if (num_parse_u64(entry->d_name, &row.pid) ||
            proc_read(root, row.pid, "stat", text, sizeof text) <= 0)
            continue;
        if (stat_parse(text, &row))
            status = vec_push(&list.rows, row);
    }
    if (folder)
        closedir(folder);
    if (list.rows.count)
        qsort(list.rows.items, list.rows.count, sizeof *list.rows.items, row_compare);
    *ret_list = list;
    return status;
}

void process_list_free(struct process_list *list)
{
    vec_free(&list->rows);
}

const struct process_row *process_find(const struct process_list *list, uint64_t pid)
{
    struct process_row wanted = {.pid = pid};
    if (list->rows.count == 0)
        return NULL;
    return bsearch(&wanted, list->rows.items, list->rows.count, sizeof wanted, row_compare);
}

bool process_is_below(const struct process_list *list, uint64_t pid, uint64_t ancestor)
{
    for (unsigned depth = 0; depth < DEPTH_MAX && pid; depth++) {
        if (pid == ancestor)
            return true;
        const struct process_row *row = process_find(list, pid);
        pid = row ? row->parent_pid : 0;
    }
    return false;
}

static const char *link_read(const char *root, uint64_t pid, const char *file, struct arena *arena)
{
    char path[320], target[PATH_MAX];
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/%s", root, pid, file);
    ssize_t length = readlink(path, target, sizeof target - 1);
    const char *copy = length > 0 ? arena_copy(arena, target, (size_t)length) : NULL;
    return copy ? copy : "";
}

static void words_read(const char *root, uint64_t pid, struct arena *arena, struct process_about *about)
{
    char text[16384];
    ssize_t length = proc_read(root, pid, "cmdline", text, sizeof text);
    char *copy = length > 0 ? arena_copy(arena, text, (size_t)length) : NULL;
    for (size_t at = 0; copy && at < (size_t)length && about->word_count < PROCESS_WORD_MAX;) {
        about->words[about->word_count++] = copy + at;
        at += strlen(copy + at) + 1;
    }
    /* Programs that write their title over it leave blanks behind. */
    while (about->word_count && !*about->words[about->word_count - 1])
        about->word_count--;
}

static void library_add(struct process_about *about, struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = about->library_count; i > 0; i--)
        if (strcmp(about->libraries[i - 1], name) == 0)
            return;
    const char *copy = arena_string(arena, name);
    if (copy && about->library_count < PROCESS_LIBRARY_MAX)
        about->libraries[about->library_count++] = copy;
}

/* address permissions offset device inode path */
static bool libraries_read(const char *root, uint64_t pid, struct arena *arena, struct process_about *about)
{
    struct str text = {0};
    char path[320];
    char *save = NULL;
    struct err ignored;
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/maps", root, pid);
    if (fs_read(path, MAPS_BYTES_MAX, &text, &ignored)) {
        str_free(&text);
        return false;
    }
    for (char *line = text.text ? strtok_r(text.text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        const char *blank = strchr(line, ' '), *file = strchr(line, '/');
        /* Archives of classes are mapped without being executable. */
        if (blank && file && (blank[3] == 'x' || str_ends(file, ".jar") || str_ends(file, "modules")))
            library_add(about, arena, file);
    }
    str_free(&text);
    return true;
}

static void variables_read(const char *root, uint64_t pid, struct arena *arena, struct process_about *about)
{
    struct str text = {0};
    char path[320];
    struct err ignored;
    snprintf(path, sizeof path, "%s/proc/%" PRIu64 "/environ", root, pid);
    if (fs_read(path, (size_t)1 << 20, &text, &ignored) == 0)
        for (size_t at = 0; at < text.length; at += strlen(text.text + at) + 1)
            for (size_t i = 0; process_variables[i] && about->variable_count < 16; i++) {
                size_t length = strlen(process_variables[i]);
                if (strncmp(text.text + at, process_variables[i], length) != 0 ||
                    text.text[at + length] != '=')
                    continue;
                const char *value = arena_string(arena, text.text + at + length + 1);
                if (value)
                    about->variables[about->variable_count++] =
                        (struct process_variable){process_variables[i], value};
            }
    str_free(&text);
}

static const char *group_read(const char *root, uint64_t pid, struct arena *arena)
{
    char text[4096];
    if (proc_read(root, pid, "cgroup", text, sizeof text) <= 0)
        return "";
    const char *line = strstr(text, "0::");
    const char *path = line ? line + 3 : strrchr(text, ':');
    if (!path)
        return "";
    path = *path == ':' ? path + 1 : path;
    const char *copy = arena_copy(arena, path, strcspn(path, "\n"));
    return copy ? copy : "";
}

static uint64_t tracer_read(const char *root, uint64_t pid)
{
    char text[4096];
    if (proc_read(root, pid, "status", text, sizeof text) <= 0)
        return 0;
    const char *line = strstr(text, "\nTracerPid:");
    return line ? strtoull(line + 11, NULL, 10) : 0;
}

bool process_about_read(const char *root, uint64_t pid, struct arena *arena, struct process_about *ret_about)
{
    char text[1024], path[320];
    struct process_row row = {.pid = pid};
    struct stat about_folder;
    struct process_about about = {.pid = pid, .name = "", .program = "", .folder = "", .group = ""};
    if (proc_read(root, pid, "stat", text, sizeof text) <= 0 || !stat_parse(text, &row))
        return false;
    const char *name = arena_string(arena, row.name);
    if (!name)
        return false;
    about.name = name;
    about.program = link_read(root, pid, "exe", arena);
    about.folder = link_read(root, pid, "cwd", arena);
    about.group = group_read(root, pid, arena);
    about.tracer = tracer_read(root, pid);
    words_read(root, pid, arena, &about);
    about.is_hidden = !libraries_read(root, pid, arena, &about);
    variables_read(root, pid, arena, &about);
    snprintf(path, sizeof path, "%s/proc/%" PRIu64, root, pid);
    if (stat(path, &about_folder) == 0)
        about.user = about_folder.st_uid;
    *ret_about = about;
    return true;
}
