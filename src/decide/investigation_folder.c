/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigation_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/num.h"
#include "codec/json.h"

#define FOLDERS_OPEN 16
#define COPY_BYTES   ((size_t)1 << 30)
#define NAMES_MAX    1000

static const char *const own_names[] = {"report.json", "report.md", "report.html", "report.txt", "evidence"};

static bool is_own_name(const char *name)
{
    for (size_t i = 0; i < sizeof own_names / sizeof own_names[0]; i++)
        if (strcmp(own_names[i], name) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_toll_report(const char *folder)
{
    char path[PATH_MAX];
    struct json_value *root = NULL;
    struct err ignored;
    const char *schema = "";
    if (snprintf(path, sizeof path, "%s/report.json", folder) >= (int)sizeof path ||
        json_read_file(path, &root, &ignored))
        return false;
    bool is_one = json_find_text(root, "schema", &schema) && strncmp(schema, "toll.report/", 12) == 0;
    json_free(root);
    return is_one;
}

/* A folder that does not exist, that is empty, or that an earlier investigation left. */
static int check_free(const char *path, struct err *err)
{
    DIR *folder = opendir(path);
    bool is_empty = true;
    if (!folder && errno == ENOENT)
        return 0;
    if (!folder)
        return err_errno(err, errno, "could not write folder '%s'", path);
    char stranger[256] = "";
    for (struct dirent *entry; (entry = readdir(folder));) {
        is_empty = is_empty && entry->d_name[0] == '.' && is_own_name(entry->d_name);
        if (!is_own_name(entry->d_name))
            snprintf(stranger, sizeof stranger, "%s", entry->d_name);
    }
    closedir(folder);
    if (is_empty || (!stranger[0] && is_toll_report(path)))
        return 0;
    if (stranger[0])
        err_set(err, ERR_ENVIRONMENT, "could not write folder '%s': it holds '%s', which toll did not write",
                path, stranger);
    else
        err_set(err, ERR_ENVIRONMENT, "could not write folder '%s': what it holds was not written by toll",
                path);
    err_hint(err, "name another folder with -o");
    return -(int)ERR_ENVIRONMENT;
}

static void name_folder(char *path, size_t size)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm parts;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &parts));
    snprintf(path, size, "toll-investigation-%s", stamp);
    for (int i = 2; access(path, F_OK) == 0 && i < NAMES_MAX; i++)
        snprintf(path, size, "toll-investigation-%s-%d", stamp, i);
}

/* DIR's own folder, absolute, with DIR's name behind: renaming stays within a file system. */
static int name_part(struct investigation_folder *folder, struct err *err)
{
    char above[PATH_MAX], real[PATH_MAX];
    size_t length = strlen(folder->path);
    while (length > 1 && folder->path[length - 1] == '/')
        folder->path[--length] = '\0';
    const char *slash = strrchr(folder->path, '/');
    int above_length = slash == folder->path ? 1 : slash ? (int)(slash - folder->path) : 1;
    snprintf(above, sizeof above, "%.*s", above_length, slash ? folder->path : ".");
    const char *name = slash ? slash + 1 : folder->path;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(err, ERR_USAGE, "could not write folder '%s': it needs a name of its own",
                       folder->path);
    if (!realpath(above, real))
        return err_errno(err, errno, "could not find folder '%s'", above);
    if (snprintf(folder->part, sizeof folder->part, "%s/%s.%d.part", real, name, (int)getpid()) >=
            (int)sizeof folder->part ||
        snprintf(folder->evidence, sizeof folder->evidence, "%s/evidence", folder->part) >=
            (int)sizeof folder->evidence)
        return err_set(err, ERR_USAGE, "could not write folder '%s': its name is too long", folder->path);
    return 0;
}

int investigation_folder_open(const char *path, struct investigation_folder *ret_folder, struct err *err)
{
    struct investigation_folder folder = {0};
    if (!path)
        name_folder(folder.path, sizeof folder.path);
    else if (snprintf(folder.path, sizeof folder.path, "%s", path) >= (int)sizeof folder.path)
        return err_set(err, ERR_USAGE, "could not write folder '%.100s…': its name is too long", path);
    int status = name_part(&folder, err);
    if (!status)
        status = check_free(folder.path, err);
    if (status)
        return status;
    if (mkdir(folder.part, 0755) || mkdir(folder.evidence, 0700)) {
        status = err_errno(err, errno, "could not make folder '%s'", folder.path);
        investigation_folder_close(&folder);
        return status;
    }
    folder.lock = open(folder.part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder.lock >= 0)
        (void)flock(folder.lock, LOCK_EX | LOCK_NB); /* without it only the process's id says that it lives */
    *ret_folder = folder;
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path) && errno != ENOENT ? -1 : 0;
}

static void remove_tree(const char *path)
{
    if (nftw(path, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS))
        return; /* what stays has a name that says what it is */
}

/* "DIR.1234.part" beside DIR, whose process is gone. */
static bool is_left(const struct investigation_folder *folder, int above, const char *name)
{
    const char *slash = strrchr(folder->path, '/'), *own = slash ? slash + 1 : folder->path;
    size_t length = strlen(own);
    if (strncmp(name, own, length) != 0 || name[length] != '.' || !str_ends(name, ".part"))
        return false;
    const char *digits = name + length + 1;
    size_t digit_count = strspn(digits, "0123456789");
    char number[16];
    uint64_t pid;
    if (!digit_count || digit_count >= sizeof number || strcmp(digits + digit_count, ".part") != 0)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)digit_count, digits);
    if (num_parse_u64(number, &pid) || pid > INT_MAX || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
        return false;
    /* A process of another container has an id of its own: the lock tells. */
    FS_CLEANUP int held = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return held >= 0 && flock(held, LOCK_EX | LOCK_NB) == 0;
}

void investigation_folder_sweep(const struct investigation_folder *folder, struct str *ret_told)
{
    char above[PATH_MAX], path[PATH_MAX];
    size_t count = 0;
    snprintf(above, sizeof above, "%s", folder->part);
    char *slash = strrchr(above, '/');
    if (!slash)
        return;
    slash[slash == above] = '\0';
    DIR *list = opendir(above);
    if (!list)
        return;
    for (struct dirent *entry; (entry = readdir(list));) {
        if (!is_left(folder, dirfd(list), entry->d_name) ||
            snprintf(path, sizeof path, "%s/%s", above, entry->d_name) >= (int)sizeof path)
            continue;
        remove_tree(path);
        str_printf(ret_told, "%s%s",
                   count++ ? ", " : "removed what an investigation that was killed left: ", entry->d_name);
    }
    closedir(list);
}

int investigation_folder_write(const struct investigation_folder *folder, const char *name,
                               const struct str *text, struct err *err)
{
    char path[PATH_MAX];
    if (text->failed)
        return err_memory(err);
    if (snprintf(path, sizeof path, "%s/%s", folder->part, name) >= (int)sizeof path)
        return err_set(err, ERR_USAGE, "could not write folder '%s': its name is too long", folder->path);
    return fs_replace(path, str_text(text), text->length, 0644, err);
}

/* A sealed recording never changes, so a second name for it is as good as a copy. */
int investigation_folder_keep(const struct investigation_folder *folder, const char *recording,
                              struct err *err)
{
    char path[PATH_MAX];
    struct stat about;
    if (snprintf(path, sizeof path, "%s/recording.toll", folder->evidence) >= (int)sizeof path)
        return err_set(err, ERR_USAGE, "could not write folder '%s': its name is too long", folder->path);
    if (link(recording, path) == 0)
        return 0;
    FS_CLEANUP int from = open(recording, O_RDONLY | O_CLOEXEC);
    FS_CLEANUP int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (from < 0 || to < 0 || fstat(from, &about))
        return err_errno(err, errno, "could not copy recording '%s'", recording);
    while (about.st_size > 0) {
        ssize_t copied = sendfile(to, from, NULL, COPY_BYTES);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0)
            return err_errno(err, errno, "could not copy recording '%s'", recording);
        if (copied == 0)
            break;
        about.st_size -= copied;
    }
    return 0;
}

/* --- putting it in place --- */

int investigation_folder_commit(struct investigation_folder *folder, struct err *err)
{
    int status = check_free(folder->path, err);
    if (status)
        return status;
    if (rename(folder->part, folder->path) == 0) {
        folder->part[0] = '\0';
        return 0;
    }
    /* An earlier report is there: both change places, then the old one goes. */
    if (renameat2(AT_FDCWD, folder->part, AT_FDCWD, folder->path, RENAME_EXCHANGE))
        return err_errno(err, errno, "could not write folder '%s'", folder->path);
    remove_tree(folder->part);
    folder->part[0] = '\0';
    return 0;
}

void investigation_folder_close(struct investigation_folder *folder)
{
    if (folder->lock > 0)
        close(folder->lock);
    folder->lock = 0;
    if (folder->part[0])
        remove_tree(folder->part);
    folder->part[0] = '\0';
}
