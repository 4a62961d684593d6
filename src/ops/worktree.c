/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/worktree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GIT_WORDS_MAX   32
#define BUILD_TEXT_MAX  65536u
#define GUARD_FD        3
#define REMOVE_TRIES    5
#define REMOVE_PAUSE_US 100000
#define HINT_COLUMNS    400
#define NOT_FOUND       127

/* What a git hook's environment says of its own repository must not lead git elsewhere. */
static const char *const repository_variables[] = {"GIT_DIR",    "GIT_WORK_TREE",  "GIT_INDEX_FILE",
                                                   "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
                                                   NULL};

static void strip_end(struct str *text)
{
    while (text->length && strchr("\n\r ", text->text[text->length - 1]))
        text->text[--text->length] = '\0';
}

static int git_failed(const struct child_result *result, const char *what, struct err *err)
{
    char line[HINT_COLUMNS];
    child_last_line(&result->errors, line, sizeof line);
    const char *why = str_starts(line, "fatal: ") ? line + strlen("fatal: ") : line;
    if (result->was_interrupted)
        return err_set(err, ERR_ENVIRONMENT, "could not %s: interrupted", what);
    if (result->exit_status != NOT_FOUND)
        return err_set(err, ERR_ENVIRONMENT, "could not %s: %s", what, why);
    err_set(err, ERR_ENVIRONMENT, "could not %s: there is no git here", what);
    err_hint(err, "install git (Debian: apt-get install git)");
    return -ERR_ENVIRONMENT;
}

static int git_run(const char *folder, const char *const *words, const char *what,
                   struct child_result *ret_result, struct err *err)
{
    static const char *const head[] = {"git", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=off"};
    size_t count = 0;
    const char *arguments[GIT_WORDS_MAX];
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        arguments[count++] = head[i];
    for (size_t i = 0; words[i] && count + 1 < GIT_WORDS_MAX; i++)
        arguments[count++] = words[i];
    arguments[count] = NULL;
    struct child_options options = {.words = arguments, .folder = folder, .without = repository_variables};
    int status = child_run(&options, ret_result, err);
    /* Who does without an answer would go on: the signal comes once more, to whom it was meant for. */
    if (!status && ret_result->was_interrupted && !err)
        raise(ret_result->signal);
    if (!status && (ret_result->was_interrupted || ret_result->exit_status)) {
        status = git_failed(ret_result, what, err);
        child_result_free(ret_result);
    }
    return status;
}

int worktree_git(const char *folder, const char *const *words, const char *what, struct str *ret_text,
                 struct err *err)
{
    struct child_result result;
    int status = git_run(folder, words, what, &result, err);
    if (status)
        return status;
    strip_end(&result.text);
    str_free(&result.errors);
    *ret_text = result.text;
    return 0;
}

/* One line of git's into a buffer. */
static int git_line(const char *folder, const char *const *words, const char *what, char *ret_line,
                    size_t size, struct err *err)
{
    struct str text;
    int status = worktree_git(folder, words, what, &text, err);
    if (status)
        return status;
    if (text.length >= size)
        status = err_set(err, ERR_ENVIRONMENT, "could not %s: git's answer is too long", what);
    else
        memcpy(ret_line, str_text(&text), text.length + 1);
    str_free(&text);
    return status;
}

static int top_of(char *ret_top, struct err *err)
{
    static const char *const words[] = {"rev-parse", "--show-toplevel", NULL};
    int status = git_line(NULL, words, "find the git repository of this folder", ret_top, PATH_MAX, err);
    if (status && err && !err->hint[0])
        err_hint(err, "revisions are those of the repository around the folder that toll is started in");
    return status;
}

/* A clone without the commits that the revision may be among. */
static bool is_shallow(void)
{
    static const char *const words[] = {"rev-parse", "--is-shallow-repository", NULL};
    char line[16];
    return git_line(NULL, words, "look at the clone", line, sizeof line, NULL) == 0 &&
           strcmp(line, "true") == 0;
}

int worktree_commit(const char *revision, char *ret_commit, struct err *err)
{
    static const char *const places[] = {"", "origin/"};
    char name[1024], top[PATH_MAX];
    const char *const words[] = {"rev-parse", "--verify", "--quiet", name, NULL};
    int status = top_of(top, err);
    if (status)
        return status;
    for (size_t i = 0; *revision && *revision != '-' && i < sizeof places / sizeof places[0]; i++) {
        int length = snprintf(name, sizeof name, "%s%s^{commit}", places[i], revision);
        if (length < (int)sizeof name &&
            git_line(NULL, words, "read a revision", ret_commit, WORKTREE_COMMIT_MAX, NULL) == 0 &&
            *ret_commit)
            return 0;
    }
    err_set(err, ERR_USAGE, "could not find revision '%.100s': the repository '%s' has no such commit",
            revision, top);
    if (is_shallow())
        err_hint(err, "this clone is shallow: 'git fetch --unshallow' brings the rest (actions/checkout: "
                      "fetch-depth: 0; "
                      "GitLab: GIT_DEPTH: 0)");
    else
        err_hint(err, "'git log --oneline' lists commits; branches, tags and HEAD~1 are names for them");
    return -ERR_USAGE;
}

static void run_quietly(const char *const *words)
{
    struct child_options options = {.words = words};
    struct child_result result;
    if (child_run(&options, &result, NULL) == 0)
        child_result_free(&result);
}

static void delete_folder(const char *path)
{
    const char *const forced[] = {"chmod", "-R", "u+rwX", "--", path, NULL};
    const char *const removed[] = {"rm", "-rf", "--", path, NULL};
    /* Programs that a build left running may still write. */
    for (int i = 0; i < REMOVE_TRIES && access(path, F_OK) == 0; i++) {
        if (i)
            usleep(REMOVE_PAUSE_US);
        run_quietly(removed);
        if (access(path, F_OK) == 0)
            run_quietly(forced); /* folders made read-only */
    }
}

/* The folder, and what git knows of it: a plain `worktree prune` would forget the user's own as well. */
static void take_away(struct worktree *worktree, const char *top, const char *common)
{
    const char *const words[] = {"worktree", "remove", "--force", "--force", worktree->tree, NULL};
    struct str text = {0};
    char known[PATH_MAX];
    if (worktree_git(top, words, "remove the worktree", &text, NULL) == 0)
        str_free(&text);
    delete_folder(worktree->tree);
    int length = snprintf(known, sizeof known, "%s/worktrees/%s", common, strrchr(worktree->tree, '/') + 1);
    if (length > 0 && (size_t)length < sizeof known)
        delete_folder(known);
}

/* In the guard: waits for the end of toll's interest, which the kernel tells whatever ends toll. */
static void guard(struct worktree *worktree, const char *top, const char *common, int fd)
{
    char byte;
    int nothing = open("/dev/null", O_RDWR);
    setsid();
    for (int number = 1; number < 32; number++)
        if (number != SIGCHLD && number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_IGN);
    for (int stream = 0; stream < 3; stream++)
        dup2(nothing, stream);
    if (dup2(fd, GUARD_FD) < 0)
        _exit(1);
    syscall(SYS_close_range, GUARD_FD + 1, ~0u, 0);
    if (chdir("/"))
        _exit(1);
    while (read(GUARD_FD, &byte, 1) < 0 && errno == EINTR)
        continue;
    take_away(worktree, top, common);
    _exit(0);
}

static int guard_start(struct worktree *worktree, const char *top, const char *common, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, errno, "could not open a pipe");
    pid_t pid = fork();
    int errnum = errno;
    if (pid == 0) {
        close(ends[1]);
        guard(worktree, top, common, ends[0]);
    }
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return err_errno(err, errnum, "could not start a process that removes the worktree");
    }
    worktree->guard = pid;
    worktree->guard_fd = ends[1];
    return 0;
}

/* An empty folder with a guard. */
static int folder_make(struct worktree *worktree, const char *top, struct err *err)
{
    static const char *const words[] = {"rev-parse", "--path-format=absolute", "--git-common-dir", NULL};
    const char *temporary = getenv("TMPDIR");
    char common[PATH_MAX], base[PATH_MAX], wanted[PATH_MAX];
    int status = git_line(NULL, words, "find the git repository of this folder", common, sizeof common, err);
    if (status)
        return status;
    if (!temporary || !*temporary)
        temporary = "/tmp";
    if (!realpath(temporary, base))
        return err_errno(err, errno, "could not use folder '%s'", temporary);
    int length = snprintf(wanted, sizeof wanted, "%s/toll-tree-XXXXXX", base);
    if (length >= (int)sizeof wanted || !mkdtemp(wanted))
        return err_errno(err, length >= (int)sizeof wanted ? ENAMETOOLONG : errno,
                         "could not create a folder in '%s'", base);
    memcpy(worktree->tree, wanted, (size_t)length + 1);
    status = guard_start(worktree, top, common, err);
    if (status)
        rmdir(worktree->tree);
    return status;
}

/* Toll's own folder within the repository, in the checkout. */
static int folder_find(struct worktree *worktree, const char *revision, struct err *err)
{
    static const char *const words[] = {"rev-parse", "--show-prefix", NULL};
    char prefix[PATH_MAX];
    int status = git_line(NULL, words, "find this folder in its repository", prefix, sizeof prefix, err);
    if (status)
        return status;
    size_t length = strlen(prefix);
    if (length && prefix[length - 1] == '/')
        prefix[length - 1] = '\0';
    int needed = snprintf(worktree->folder, sizeof worktree->folder, "%s%s%s", worktree->tree,
                          *prefix ? "/" : "", prefix);
    if (needed >= (int)sizeof worktree->folder)
        return err_errno(err, ENAMETOOLONG, "could not use folder '%s'", prefix);
    if (access(worktree->folder, X_OK)) {
        err_set(err, ERR_USAGE, "could not use folder '%s' of revision '%.100s': it has none", prefix,
                revision);
        err_hint(err, "start toll in a folder that both revisions have");
        return -ERR_USAGE;
    }
    return 0;
}

static int build(struct worktree *worktree, const char *revision, const char *command, struct err *err)
{
    const char *const words[] = {"/bin/sh", "-c", command, NULL};
    struct child_options options = {.words = words,
                                    .folder = worktree->folder,
                                    .without = repository_variables,
                                    .text_bytes_max = BUILD_TEXT_MAX,
                                    .is_merged = true,
                                    .shows = worktree->show_output};
    struct child_result result;
    int status = child_run(&options, &result, err);
    if (status)
        return status;
    strip_end(&result.text);
    worktree->was_interrupted = result.was_interrupted;
    if (result.was_interrupted) {
        status = err_set(err, ERR_ENVIRONMENT, "could not build revision '%.100s': interrupted", revision);
    } else if (result.exit_status) {
        size_t length = result.text.length;
        const char *end = str_text(&result.text) + (length > HINT_COLUMNS ? length - HINT_COLUMNS : 0);
        status =
            err_set(err, ERR_ENVIRONMENT, "could not build revision '%.100s': '%.200s' ended with status %d",
                    revision, command, result.exit_status);
        if (length)
            err_hint(err, "it ended with: %s", end);
        else
            err_hint(err, "--show-output shows what it prints");
    }
    child_result_free(&result);
    return status;
}

static int check_out(struct worktree *worktree, struct err *err)
{
    const char *const words[] = {"worktree",       "add", "--detach", "--quiet", worktree->tree,
                                 worktree->commit, NULL};
    struct child_result result = {0};
    int status = git_run(NULL, words, "check out a revision", &result, err);
    worktree->was_interrupted = result.was_interrupted;
    if (!status)
        child_result_free(&result);
    return status;
}

int worktree_make(struct worktree *worktree, const char *revision, const char *build_command, struct err *err)
{
    char top[PATH_MAX];
    *worktree = (struct worktree){.show_output = worktree->show_output, .guard_fd = -1};
    int status = worktree_commit(revision, worktree->commit, err);
    if (!status)
        status = top_of(top, err);
    if (!status)
        status = folder_make(worktree, top, err);
    if (!status)
        status = check_out(worktree, err);
    if (!status)
        status = folder_find(worktree, revision, err);
    if (!status && build_command)
        status = build(worktree, revision, build_command, err);
    if (status)
        worktree_remove(worktree);
    return status;
}

void worktree_remove(struct worktree *worktree)
{
    if (!worktree || worktree->guard <= 0)
        return;
    close(worktree->guard_fd);
    while (waitpid(worktree->guard, NULL, 0) < 0 && errno == EINTR)
        continue;
    worktree->guard = 0;
    worktree->guard_fd = -1;
}
