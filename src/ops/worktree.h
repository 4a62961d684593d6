/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worktree: a revision of the git repository that toll runs in, checked out in a folder of its own and built there. The user's
 * files, index and branches are not touched.
 *
 * A process of its own waits for toll to be done with the folder and removes it then: also when toll is killed.
 */
#ifndef TOLL_OPS_WORKTREE_H
#define TOLL_OPS_WORKTREE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/child.h"

#define WORKTREE_COMMIT_MAX 72

struct worktree {
    bool show_output;      /* set before: what the build prints goes to stderr */
    char folder[PATH_MAX]; /* in it, what toll's own folder is in the repository; absolute */
    char tree[PATH_MAX];   /* the whole checkout */
    char commit[WORKTREE_COMMIT_MAX];
    bool was_interrupted; /* set when making it failed because of a signal */
    int guard_fd;
    pid_t guard;
};

/* Checks out a revision and, unless `build_command` is NULL, lets /bin/sh run that line in its folder. The worktree's fields but
 * `show_output` need not be set before. ERR_USAGE for what is no revision, ERR_ENVIRONMENT when there is no git, no
 * repository, or the build fails (the hint holds the end of what it printed). On failure nothing is left. */
WARN_UNUSED int worktree_make(struct worktree *worktree, const char *revision, const char *build_command,
                              struct err *err);

/* Removes it and waits until that is done. NULL and what was never made, or removed before, are fine. */
void worktree_remove(struct worktree *worktree);

/* What `git WORDS…` prints in a folder (NULL: here), its hooks off; the caller frees it. ERR_ENVIRONMENT when it fails; `what` says in
 * the message what could not be done. */
WARN_UNUSED int worktree_git(const char *folder, const char *const *words, const char *what,
                             struct str *ret_text, struct err *err);

/* The commit that a name stands for, into `ret_commit` (WORKTREE_COMMIT_MAX bytes); where there is none of that name,
 * origin's: a checkout for a test often has no branches of its own. ERR_USAGE when there is none either. */
WARN_UNUSED int worktree_commit(const char *revision, char *ret_commit, struct err *err);

#endif
