/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/worktree.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

static char repository[64], temporary[80], started_in[PATH_MAX], *temporary_before;

static int shell(const char *line)
{
    int status = system(line); /* NOLINT: the tests' own lines */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Two commits, the newer one with a folder `sub`; what is not committed must stay. */
static int repository_make(void **state)
{
    (void)state;
    assert_non_null(getcwd(started_in, sizeof started_in));
    snprintf(repository, sizeof repository, "/tmp/toll-worktree-test-XXXXXX");
    assert_non_null(mkdtemp(repository));
    snprintf(temporary, sizeof temporary, "%s/tmp", repository);
    temporary_before = getenv("TMPDIR");
    temporary_before = temporary_before ? strdup(temporary_before) : NULL;
    setenv("TMPDIR", temporary, 1);
    assert_int_equal(chdir(repository), 0);
    return shell("git init -q . && git config user.email a@b && git config user.name a && "
                 "mkdir -p tmp .git/hooks && echo tmp > .gitignore && echo old > file && git add -A && "
                 "git commit -qm one && echo new > file && mkdir sub && echo in > sub/inner && git add -A && "
                 "git commit -qm two && echo mine > file && "
                 "printf '#!/bin/sh\\necho hooked > \"$(git rev-parse --show-toplevel)/hooked\"\\n' "
                 "> .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout");
}

static int repository_remove(void **state)
{
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "rm -rf '%s'", repository);
    if (temporary_before)
        setenv("TMPDIR", temporary_before, 1);
    else
        unsetenv("TMPDIR");
    free(temporary_before);
    return chdir(started_in) || shell(line);
}

/* No folder, nothing that git knows of, and the user's files as they were. */
static void assert_nothing_is_left(void)
{
    assert_int_equal(shell("test -z \"$(ls -A tmp)\" && test -z \"$(ls .git/worktrees 2>/dev/null)\" && "
                           "test \"$(cat file)\" = mine"),
                     0);
}

static void a_revision_is_checked_out_and_built_and_goes_away(void **state)
{
    (void)state;
    struct worktree old = {0}, new = {0};
    struct err err = {0};
    char line[3 * PATH_MAX + 256];
    if (worktree_make(&old, "HEAD~1", "cp file built", &err) ||
        worktree_make(&new, "HEAD", "cp file built", &err))
        fail_msg("%s: %s", err.what, err.hint);
    snprintf(line, sizeof line,
             "test \"$(cat %s/built)\" = old && test \"$(cat %s/built)\" = new && test ! -e %s/hooked",
             old.folder, new.folder, new.folder);
    assert_int_equal(shell(line), 0);
    worktree_remove(&new);
    assert_int_equal(access(old.folder, F_OK), 0);
    worktree_remove(&old);
    worktree_remove(&old);
    assert_nothing_is_left();
}

static void it_is_the_folder_that_toll_runs_in(void **state)
{
    (void)state;
    struct worktree worktree = {0};
    struct err err = {0};
    assert_int_equal(chdir("sub"), 0);
    assert_int_equal(worktree_make(&worktree, "HEAD", "test -e inner", &err), 0);
    assert_string_equal(worktree.folder + strlen(worktree.folder) - 4, "/sub");
    worktree_remove(&worktree);
    assert_int_equal(worktree_make(&worktree, "HEAD~1", NULL, &err), -ERR_USAGE);
    assert_int_equal(chdir(repository), 0);
    assert_nothing_is_left();
}

/* A checkout for a test often has no branch but origin's. */
static void where_no_branch_has_the_name_origins_is_taken(void **state)
{
    (void)state;
    char ours[WORKTREE_COMMIT_MAX], origins[WORKTREE_COMMIT_MAX];
    struct err err = {0};
    assert_int_equal(shell("git update-ref refs/remotes/origin/release HEAD~1 && git branch other && "
                           "git update-ref refs/remotes/origin/other HEAD~1"),
                     0);
    if (worktree_commit("release", origins, &err) || worktree_commit("HEAD~1", ours, &err))
        fail_msg("%s", err.what);
    assert_string_equal(origins, ours);
    if (worktree_commit("other", origins, &err) || worktree_commit("HEAD", ours, &err))
        fail_msg("%s", err.what);
    assert_string_equal(origins, ours);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
    (void)state;
    struct worktree worktree = {0};
    struct err err = {0};
    assert_int_equal(worktree_make(&worktree, "nonsense", NULL, &err), -ERR_USAGE);
    assert_non_null(strstr(err.what, "'nonsense'"));
    assert_int_equal(worktree_make(&worktree, "--help", NULL, &err), -ERR_USAGE);
    assert_int_equal(worktree_make(&worktree, "HEAD", "echo why it failed; exit 7", &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "status 7"));
    assert_non_null(strstr(err.hint, "why it failed"));
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(worktree_make(&worktree, "HEAD", NULL, &err), -ERR_ENVIRONMENT);
    assert_int_equal(chdir(repository), 0);
    assert_nothing_is_left();
}

static void a_signal_while_building_leaves_nothing(void **state)
{
    (void)state;
    struct worktree worktree = {0};
    struct err err = {0};
    assert_int_equal(worktree_make(&worktree, "HEAD", "kill -INT $PPID; exec sleep 30", &err),
                     -ERR_ENVIRONMENT);
    assert_true(worktree.was_interrupted);
    assert_nothing_is_left();
}

/* The guard survives what kills toll; also a folder made read-only goes. */
static void being_killed_leaves_nothing(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct worktree worktree = {0};
        if (worktree_make(&worktree, "HEAD", "mkdir deep && touch deep/file && chmod 500 deep", NULL))
            _exit(1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    for (int i = 0; i < 100 && shell("test -z \"$(ls -A tmp)\""); i++)
        usleep(50000);
    usleep(100000);
    assert_nothing_is_left();
}

static void a_signal_during_a_question_that_may_fail_ends_toll(void **state)
{
    (void)state;
    static const char *const words[] = {"status", NULL};
    char folder[] = "/tmp/toll-git-XXXXXX", program[64];
    struct err err = {0};
    int wait_status;
    assert_non_null(mkdtemp(folder));
    snprintf(program, sizeof program, "%s/git", folder);
    const char script[] = "#!/bin/sh\nkill -INT $PPID\n";
    assert_int_equal(fs_replace(program, script, sizeof script - 1, 0700, &err), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct str text;
        setenv("PATH", folder, 1);
        _exit(worktree_git(NULL, words, "ask git", &text, NULL) ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &wait_status, 0), pid);
    assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGINT);
    unlink(program);
    rmdir(folder);
}

int worktree_test(void);
int worktree_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revision_is_checked_out_and_built_and_goes_away),
        cmocka_unit_test(it_is_the_folder_that_toll_runs_in),
        cmocka_unit_test(where_no_branch_has_the_name_origins_is_taken),
        cmocka_unit_test(what_cannot_be_made_leaves_nothing),
        cmocka_unit_test(a_signal_while_building_leaves_nothing),
        cmocka_unit_test(being_killed_leaves_nothing),
        cmocka_unit_test(a_signal_during_a_question_that_may_fail_ends_toll),
    };
    return cmocka_run_group_tests_name("worktree", tests, repository_make, repository_remove);
}
