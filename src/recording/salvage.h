/* SPDX-License-Identifier: Apache-2.0 */
/*
 * salvage: a sealed copy of a recording whose writer was killed, or that was damaged. Whole blocks are copied as
 * they are, whatever does not pass its checksum is left out, the copy is marked as recovered.
 */
#ifndef TOLL_RECORDING_SALVAGE_H
#define TOLL_RECORDING_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct recover_options {
    const char *path;
    const char *output; /* may be the same file: it is replaced once the copy is complete */
    bool overwrite;     /* else another file that exists already is an error */
};

struct recover_result {
    uint64_t block_count; /* kept */
    uint64_t row_count;
    uint64_t byte_count_dropped;
    bool was_sealed; /* there was nothing to recover, if no bytes were dropped either */
};

/* -ERR_INPUT when the file is no recording or its header is damaged; nothing is left behind then. */
WARN_UNUSED int recover_recording(const struct recover_options *options, struct recover_result *ret_result,
                                  struct err *err);

#endif
