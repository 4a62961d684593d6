/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_files: the report of an investigation as files of its folder (report.json, report.md, report.html, report.txt), and read
 * back from there.
 */
#ifndef TOLL_DECIDE_MASTER_FILES_H
#define TOLL_DECIDE_MASTER_FILES_H

#include "master/master.h"

struct master_files {
    const char *folder;         /* where the files are written */
    const char *told;           /* the folder's name at the end, as it stands in the report; NULL: `folder` */
    const char *store;          /* the history, for the calibration; NULL: the default one */
    struct export_options look; /* of ret_screen; the files are for anybody */
};

/* Writes the four files, and the first screen for who waits at the terminal (the caller frees it; NULL: not wanted). A history that
 * cannot be read costs nothing but the calibration. */
WARN_UNUSED int master_files_write(const struct investigation *investigation,
                                   const struct master_files *files, struct str *ret_screen, struct err *err);

/* Whether it is a folder with the report of an investigation. */
bool master_files_exist(const char *folder);
/* The report again: text, json, markdown or html. ERR_USAGE for another format, with what can be done instead. */
WARN_UNUSED int master_files_read(const char *folder, const char *format, struct str *ret_text,
                                  struct err *err);

#endif
