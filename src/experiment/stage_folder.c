/* SPDX-License-Identifier: Apache-2.0 */
#include "experiment/stage_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "experiment/stage_binary.h"
#include "experiment/stage_wire.h"

#define COMM_LENGTH     15u /* TASK_COMM_LEN without its NUL */
#define LOG_BYTES_MAX   (64u << 20)
#define OPEN_FOLDERS    16
#define STAND_IN        "toll-stage"
#define FOLDER_TEMPLATE "toll-experiment-XXXXXX"

static int part_make(const struct stage_folder *folder, const char *name, struct err *err)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return mkdir(path, 0700) && errno != EEXIST ? err_errno(err, errno, "could not create folder '%s'", path)
                                                : 0;
}

static int program_write(const struct stage_folder *folder, struct err *err)
{
    FS_CLEANUP int fd = open(folder->program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (fd < 0)
        return err_errno(err, errno, "could not create file '%s'", folder->program);
    int status = fs_write_all(fd, stage_binary, stage_binary_length, err);
    return status ? err_wrap(err, "could not write file '%s'", folder->program) : 0;
}

int stage_folder_open(struct stage_folder *folder, const char *parent, struct err *err)
{
    const char *temporary = getenv("TMPDIR");
    const char *above = parent ? parent : temporary && *temporary ? temporary : "/tmp";
    char path[PATH_MAX];
    *folder = (struct stage_folder){0};
    char *absolute = realpath(above, path);
    int length = absolute ? snprintf(folder->path, sizeof folder->path, "%s/" FOLDER_TEMPLATE, path) : -1;
    if (length < 0 || (size_t)length + 64 > sizeof folder->path || !mkdtemp(folder->path)) {
        folder->path[0] = '\0';
        return err_errno(err, errno, "could not create a folder in '%s'", above);
    }
    if ((size_t)snprintf(folder->program, sizeof folder->program, "%s/" STAND_IN, folder->path) >=
        sizeof folder->program)
        return err_set(err, ERR_ENVIRONMENT, "could not use folder '%s': its path is too long", above);
    int status = part_make(folder, "bin", err);
    if (!status)
        status = part_make(folder, "calls", err);
    if (!status)
        status = part_make(folder, "used", err);
    return status ? status : program_write(folder, err);
}

static int entry_remove(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path) && errno != ENOENT;
}

void stage_folder_close(struct stage_folder *folder)
{
    if (folder->path[0])
        nftw(folder->path, entry_remove, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    folder->path[0] = '\0';
}

static int name_add(const struct stage_folder *folder, const char *name, size_t *count, struct err *err)
{
    char path[PATH_MAX + NAME_MAX + 8];
    snprintf(path, sizeof path, "%s/bin/%s", folder->path, name);
    if (symlink(folder->program, path) && errno != EEXIST)
        return err_errno(err, errno, "could not create file '%s'", path);
    ++*count;
    return 0;
}

/* A name that the kernel cut: all that begin so. */
static int names_of_cut(const struct stage_folder *folder, const char *place, const char *stage,
                        size_t *count, struct err *err)
{
    DIR *listing = opendir(place);
    int status = 0;
    if (!listing)
        return 0;
    for (const struct dirent *entry; !status && (entry = readdir(listing));)
        if (strncmp(entry->d_name, stage, COMM_LENGTH) == 0)
            status = name_add(folder, entry->d_name, count, err);
    closedir(listing);
    return status;
}

int stage_folder_names(const struct stage_folder *folder, const char *stage, const char *search_path,
                       size_t *ret_count, struct err *err)
{
    char place[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
    struct stat about;
    int status = 0;
    *ret_count = 0;
    if (!*stage || strchr(stage, '/') || strlen(stage) > NAME_MAX)
        return 0;
    for (const char *at = search_path; *at && !status;) {
        size_t length = strcspn(at, ":");
        snprintf(place, sizeof place, "%.*s", length ? (int)length : 1, length ? at : ".");
        snprintf(path, sizeof path, "%s/%s", place, stage);
        if (!access(path, X_OK) && !stat(path, &about) && S_ISREG(about.st_mode))
            status = name_add(folder, stage, ret_count, err);
        else if (strlen(stage) == COMM_LENGTH)
            status = names_of_cut(folder, place, stage, ret_count, err);
        at += length + (at[length] == ':');
    }
    return status;
}

static int line_add(char *text, struct arena *arena, struct stage_lines *lines, struct err *err)
{
    struct stage_line line = {.kind = text[0]};
    uint64_t *const numbers[] = {&line.elapsed_ns, &line.added_ns, &line.blocked_ns, &line.running_ns};
    char *name = text[0] && text[1] == ' ' ? text + 2 : NULL;
    /* A name may hold blanks: the numbers are the last four words. */
    for (size_t i = sizeof numbers / sizeof numbers[0]; name && i-- > 0;) {
        char *blank = strrchr(name, ' '), *end;
        if (!blank)
            return 0;
        errno = 0;
        *numbers[i] = strtoull(blank + 1, &end, 10);
        if (end == blank + 1 || *end || errno)
            return 0;
        *blank = '\0';
    }
    if (!name)
        return 0;
    char *colon = line.kind == STAGE_UNKEPT ? strrchr(name, ':') : NULL;
    if (colon) {
        for (char *at = colon; *at; at++)
            if (*at == '_')
                *at = ' ';
        line.why = arena_string(arena, colon + 1);
        if (!line.why)
            return err_memory(err);
    }
    return vec_push(&lines->list, line) ? err_memory(err) : 0;
}

int stage_log_parse(const char *text, struct arena *arena, struct stage_lines *lines, struct err *err)
{
    char line[STAGE_LINE_MAX];
    int status = 0;
    while (*text && !status) {
        size_t length = strcspn(text, "\n");
        if (length < sizeof line) {
            memcpy(line, text, length);
            line[length] = '\0';
            status = line_add(line, arena, lines, err);
        }
        text += length + (text[length] == '\n');
    }
    return status;
}

int stage_log_read(const struct stage_folder *folder, const char *name, struct arena *arena,
                   struct stage_lines *lines, struct err *err)
{
    char path[PATH_MAX + 64];
    struct str text = {0};
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    if (access(path, F_OK))
        return 0;
    int status = fs_read(path, LOG_BYTES_MAX, &text, err);
    if (!status)
        status = stage_log_parse(str_text(&text), arena, lines, err);
    str_free(&text);
    return status;
}

void stage_log_forget(const struct stage_folder *folder, const char *name)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    unlink(path);
}
