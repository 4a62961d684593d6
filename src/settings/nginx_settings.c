/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nginx: its files. Which they are says the command line of its master process (-c, -p), else what the program was built
 * with (nginx -V), else the usual place. A directive counts wherever it stands first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/fs.h"
#include "settings/conf_walk.h"
#include "settings/internal.h"

#define PARENTS_MAX 3

/* The process above, 0 when there is none: field 4 of /proc/PID/stat, behind the name's last ')'. */
static uint64_t parent_of(uint64_t pid)
{
    char path[64], text[1024];
    unsigned long long parent = 0;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    const char *end = fs_read_small(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    return end && sscanf(end + 1, " %*c %llu", &parent) == 1 ? parent : 0;
}

static bool is_worker(const struct server *server)
{
    return server->word_count > 1 && strcmp(server->words[0], "nginx:") == 0 &&
           strcmp(server->words[1], "worker") == 0;
}

/* The master of a worker: its command line says which files. */
static int master_find(const struct server *server, struct settings *settings, struct server *ret_master,
                       struct err *err)
{
    int status = 0;
    *ret_master = *server;
    for (int i = 0; i < PARENTS_MAX && is_worker(ret_master) && ret_master->pid && !status; i++) {
        ret_master->pid = parent_of(ret_master->pid);
        status = settings_words(ret_master->pid, &settings->arena, &ret_master->words,
                                &ret_master->word_count, err);
    }
    return status;
}

/* Only a program that nobody but root can change is run. */
static bool is_trusted(const char *program)
{
    struct stat about;
    return !stat(program, &about) && S_ISREG(about.st_mode) && about.st_uid == 0 &&
           !(about.st_mode & (S_IWGRP | S_IWOTH));
}

/* What `nginx -V` says behind "--conf-path="; NULL. */
static const char *built_with(const struct server *server, struct settings *settings, const char *option)
{
    char link[64], program[512];
    struct child_result result = {0};
    struct err ignored;
    const char *value = NULL;
    snprintf(link, sizeof link, "/proc/%" PRIu64 "/exe", server->pid);
    ssize_t length = server->pid ? readlink(link, program, sizeof program - 1) : -1;
    if (length <= 0)
        return NULL;
    program[length] = '\0';
    const char *const words[] = {program, "-V", NULL};
    struct child_options options = {.words = words, .is_merged = true};
    if (!is_trusted(program) || child_run(&options, &result, &ignored))
        return NULL;
    const char *found = strstr(str_text(&result.text), option);
    if (found) {
        found += strlen(option);
        value = settings_printf(settings, "%.*s", (int)strcspn(found, " \n"), found);
    }
    child_result_free(&result);
    return value;
}

int nginx_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    static const char *const includes[] = {"include", NULL};
    struct server master;
    int status = master_find(server, settings, &master, err);
    if (status)
        return status;
    const char *file = server_option(&master, "-c"), *prefix = server_option(&master, "-p");
    if (!file)
        file = built_with(&master, settings, "--conf-path=");
    for (size_t i = 0; !file && i < settings->rules->file_count && master.pid; i++)
        file = settings->rules->files[i];
    if (!file)
        return 0;
    if (*file != '/' && !prefix)
        prefix = built_with(&master, settings, "--prefix=");
    if (*file != '/' && prefix)
        file = settings_printf(settings, "%s/%s", prefix, file);
    file = server_path(&master, settings, file);
    /* Relative names of includes are relative to the main file's folder. */
    const char *slash = strrchr(file, '/');
    struct conf_walk walk = {.server = &master,
                             .settings = settings,
                             .form = CONF_NGINX,
                             .by_last_name = true,
                             .include_keys = includes,
                             .include_folder = settings_printf(
                                 settings, "%.*s", slash ? (int)(slash - file) : 1, slash ? file : ".")};
    return conf_walk(&walk, file, true, ret_done, err);
}
