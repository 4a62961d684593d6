/* SPDX-License-Identifier: Apache-2.0 */
#include "store/revision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

#define FIRST  "1111111111111111111111111111111111111111"
#define SECOND "2222222222222222222222222222222222222222"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/toll-revision-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command); /* NOLINT(cert-env33-c): its own folder */
}

/* Writes a file below the folder, its own folders made. */
static void put(const char *name, const char *text)
{
    char path[256], command[320];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(command, sizeof command, "mkdir -p $(dirname %s)", path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): its own folder */
    if (fs_replace(path, text, strlen(text), 0600, &err))
        fail_msg("%s", err.what);
}

static const char *revision_in(const char *name)
{
    static char revision[REVISION_MAX];
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return revision_of_folder(path, revision) ? revision : "none";
}

static void a_branch_is_found_from_a_folder_below(void **state)
{
    (void)state;
    put("tree/.git/HEAD", "ref: refs/heads/main\n");
    put("tree/.git/refs/heads/main", FIRST "\n");
    put("tree/src/deep/file", "");
    assert_string_equal(revision_in("tree"), FIRST);
    assert_string_equal(revision_in("tree/src/deep"), FIRST);
}

static void a_detached_head_is_the_commit_itself(void **state)
{
    (void)state;
    put("tree/.git/HEAD", SECOND "\n");
    assert_string_equal(revision_in("tree"), SECOND);
}

static void a_packed_branch_is_found(void **state)
{
    (void)state;
    put("tree/.git/HEAD", "ref: refs/heads/topic\n");
    put("tree/.git/packed-refs", "# pack-refs with: peeled fully-peeled sorted\n" FIRST
                                 " refs/heads/topic2\n" SECOND " refs/heads/topic\n^" FIRST "\n");
    assert_string_equal(revision_in("tree"), SECOND);
}

static void a_further_work_tree_has_its_own_head_and_shares_branches(void **state)
{
    (void)state;
    char text[256];
    put("tree/.git/HEAD", "ref: refs/heads/main\n");
    put("tree/.git/refs/heads/main", FIRST "\n");
    put("tree/.git/refs/heads/topic", SECOND "\n");
    put("tree/.git/worktrees/other/HEAD", "ref: refs/heads/topic\n");
    put("tree/.git/worktrees/other/commondir", "../..\n");
    snprintf(text, sizeof text, "gitdir: %s/tree/.git/worktrees/other\n", folder);
    put("other/.git", text);
    assert_string_equal(revision_in("other"), SECOND);
    put("other/.git", "gitdir: ../tree/.git/worktrees/other\n");
    assert_string_equal(revision_in("other"), SECOND);
}

static void where_there_is_no_commit_there_is_no_revision(void **state)
{
    (void)state;
    put("plain/file", "");
    put("empty/.git/HEAD", "ref: refs/heads/main\n");
    put("odd/.git/HEAD", "ref: ../../../../etc/passwd\n");
    put("loop/.git/HEAD", "ref: HEAD\n");
    put("noise/.git/HEAD", "what is this\n");
    assert_string_equal(revision_in("plain"), "none");
    assert_string_equal(revision_in("empty"), "none");
    assert_string_equal(revision_in("odd"), "none");
    assert_string_equal(revision_in("loop"), "none");
    assert_string_equal(revision_in("noise"), "none");
    assert_string_equal(revision_in("missing"), "none");
}

#define IN_A_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int revision_test(void);
int revision_test(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_branch_is_found_from_a_folder_below),
        IN_A_FOLDER(a_detached_head_is_the_commit_itself),
        IN_A_FOLDER(a_packed_branch_is_found),
        IN_A_FOLDER(a_further_work_tree_has_its_own_head_and_shares_branches),
        IN_A_FOLDER(where_there_is_no_commit_there_is_no_revision),
    };
    return cmocka_run_group_tests_name("revision", tests, NULL, NULL);
}
