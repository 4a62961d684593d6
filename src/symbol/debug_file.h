/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug_file: where the debug information of a stripped program is, looked for in the order of gdb:
 *
 *     /usr/lib/debug/.build-id/ab/cdef.debug               by its build-id
 *     FOLDER/NAME, FOLDER/.debug/NAME, /usr/lib/debug/FOLDER/NAME
 *                                                          by the name in .gnu_debuglink; its checksum must fit
 *     a debuginfod server                                  by its build-id, when DEBUGINFOD_URLS is set
 *
 * Servers are asked through elfutils' libdebuginfod, opened when it is first needed; all downloads of a process together
 * may take DEBUG_FILE_DOWNLOAD_SECONDS, then servers are left alone. What several debug files share (dwz,
 * .gnu_debugaltlink) is found by libdw.
 */
#ifndef TOLL_SYMBOL_DEBUG_FILE_H
#define TOLL_SYMBOL_DEBUG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "symbol/elf_image.h"

#define DEBUG_FILE_DOWNLOAD_SECONDS 60

/* Opens the debug file of the program at `path` ("" when that is not known) that `image` was read from; without
 * `may_download` no server is asked. elf is NULL in ret_debug when there is none; only memory can run out. */
WARN_UNUSED int debug_file_open(const struct elf_image *image, const char *path, bool may_download,
                                struct elf_image *ret_debug, struct err *err);

/* Whether a debug file is installed for a build-id. */
bool debug_file_is_installed(const uint8_t *build_id, size_t size);
/* Whether the user wants servers asked. */
bool debug_file_may_download(void);

#endif
