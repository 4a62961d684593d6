/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revision: what git has checked out, read from its files (gitrepository-layout(5)): no program is started, nothing is changed.
 * Whether files differ from it is not looked at; that would mean to read them all.
 */
#ifndef TOLL_STORE_REVISION_H
#define TOLL_STORE_REVISION_H

#include <stdbool.h>

#define REVISION_MAX 72 /* 64 hexadecimal digits of SHA-256, or 40 of SHA-1 */

/* The commit of the work tree that `folder` (NULL: the current one) is in. False when it is in none, or none can be read. */
bool revision_of_folder(const char *folder, char ret_revision[REVISION_MAX]);

#endif
