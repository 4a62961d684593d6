/* SPDX-License-Identifier: Apache-2.0 */
/*
 * investigation_folder: where an investigation's report and its evidence go: DIR/report.json, report.md, report.html, report.txt, evidence/.
 *
 * All of it is made in a folder beside and renamed at the end: DIR is there whole, or as it was. A DIR that toll did not write, or
 * that holds anything else, is refused before anything is run.
 */
#ifndef TOLL_DECIDE_INVESTIGATION_FOLDER_H
#define TOLL_DECIDE_INVESTIGATION_FOLDER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct investigation_folder {
    char path[4096];     /* DIR as it was given, or as it was named */
    char part[4096];     /* absolute: where all goes until then */
    char evidence[4096]; /* absolute: in it */
    int lock;            /* on `part`, held as long as this process is at work; 0: none */
};

/* `path` NULL: toll-investigation-<time> in the current folder. ERR_ENVIRONMENT, with a hint, when it cannot be made or is someone's. */
WARN_UNUSED int investigation_folder_open(const char *path, struct investigation_folder *ret_folder,
                                          struct err *err);
/* Removes what investigations into the same folder left that were killed (SIGKILL, power), and says so in *ret_told; empty when there
 * was nothing. One that is still at work holds a lock on its own. */
void investigation_folder_sweep(const struct investigation_folder *folder, struct str *ret_told);
/* A file of the folder, "report.json", or "evidence/recording.report.json". */
WARN_UNUSED int investigation_folder_write(const struct investigation_folder *folder, const char *name,
                                           const struct str *text, struct err *err);
/* A sealed recording into the evidence, without copying it where that can be helped. */
WARN_UNUSED int investigation_folder_keep(const struct investigation_folder *folder, const char *recording,
                                          struct err *err);
/* Puts it in place of what was there. */
WARN_UNUSED int investigation_folder_commit(struct investigation_folder *folder, struct err *err);
/* Takes away what was not put in place. */
void investigation_folder_close(struct investigation_folder *folder);

#endif
