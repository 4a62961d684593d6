/* SPDX-License-Identifier: Apache-2.0 */
#include "store/revision.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/str.h"

#define DEPTH_MAX        64 /* folders above */
#define REFERENCES_MAX   5  /* one that names another */
#define PACKED_BYTES_MAX (16u << 20)

/* The first line of a small file, without the line's end. */
static bool read_line(const char *path, char *line, size_t size)
{
    if (fs_read_small(path, line, size) <= 0)
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return line[0] != '\0';
}

/* path = folder/name, unless name is absolute; false when it is too long. */
static bool join(char path[PATH_MAX], const char *folder, const char *name)
{
    int length =
        *name == '/' ? snprintf(path, PATH_MAX, "%s", name) : snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return length > 0 && length < PATH_MAX;
}

/* The .git of a folder; in a further work tree it is a file that names the folder. */
static bool git_folder(const char *folder, char ret_git[PATH_MAX])
{
    char line[PATH_MAX];
    struct stat about;
    if (!join(ret_git, folder, ".git") || stat(ret_git, &about))
        return false;
    if (S_ISDIR(about.st_mode))
        return true;
    if (!S_ISREG(about.st_mode) || !read_line(ret_git, line, sizeof line) || !str_starts(line, "gitdir: "))
        return false;
    return join(ret_git, folder, line + strlen("gitdir: "));
}

static bool is_revision(const char *text)
{
    size_t length = strspn(text, "0123456789abcdef");
    return text[length] == '\0' && (length == 40 || length == 64);
}

/* packed-refs: "<revision> <name>" a line. */
static bool find_packed(const char *common, const char *name, char ret_revision[REVISION_MAX])
{
    char path[PATH_MAX], wanted[PATH_MAX];
    struct str text = {0};
    struct err ignored; /* then there is none */
    bool is_found = false;
    if (join(path, common, "packed-refs") && fs_read(path, PACKED_BYTES_MAX, &text, &ignored) == 0) {
        snprintf(wanted, sizeof wanted, " %s", name);
        char *rest = text.text;
        for (char *line; !is_found && rest && (line = strsep(&rest, "\n"));) {
            char *blank = strchr(line, ' ');
            if (!blank || strcmp(blank, wanted) != 0)
                continue;
            *blank = '\0';
            is_found = is_revision(line);
            if (is_found)
                snprintf(ret_revision, REVISION_MAX, "%.64s", line);
        }
    }
    str_free(&text);
    return is_found;
}

/* What the reference `name` of this work tree stands for. */
static bool resolve(const char *git, const char *common, char *name, char ret_revision[REVISION_MAX])
{
    for (int i = 0; i < REFERENCES_MAX; i++) {
        char path[PATH_MAX], line[PATH_MAX];
        if (strstr(name, ".."))
            return false;
        bool is_there = join(path, git, name) && read_line(path, line, sizeof line);
        if (!is_there)
            is_there = join(path, common, name) && read_line(path, line, sizeof line);
        if (!is_there)
            return find_packed(common, name, ret_revision);
        if (is_revision(line)) {
            snprintf(ret_revision, REVISION_MAX, "%.64s", line);
            return true;
        }
        if (!str_starts(line, "ref: "))
            return false;
        snprintf(name, PATH_MAX, "%s", line + strlen("ref: "));
    }
    return false;
}

bool revision_of_folder(const char *folder, char ret_revision[REVISION_MAX])
{
    char at[PATH_MAX], git[PATH_MAX], common[PATH_MAX], line[PATH_MAX], name[PATH_MAX] = "HEAD";
    if (!realpath(folder ? folder : ".", at))
        return false;
    bool is_found = git_folder(at, git);
    for (int i = 0; !is_found && i < DEPTH_MAX; i++) {
        char *slash = strrchr(at, '/');
        if (!slash || slash == at)
            return false;
        *slash = '\0';
        is_found = git_folder(at, git);
    }
    if (!is_found)
        return false;
    if (!join(common, git, "commondir") || !read_line(common, line, sizeof line) || !join(common, git, line))
        snprintf(common, sizeof common, "%s", git);
    return resolve(git, common, name, ret_revision);
}
