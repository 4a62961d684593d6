/* SPDX-License-Identifier: Apache-2.0 */
/* import_files: what other programs left behind, as a recording. */
#ifndef TOLL_DECIDE_IMPORT_FILES_H
#define TOLL_DECIDE_IMPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "workflow/workflow.h"

struct import_request {
    const char *const *paths;  /* files and folders */
    size_t path_count;         /* 0: the source's own default places */
    const char *source;        /* "claude"; NULL: found out file by file; needed where there are no paths */
    const char *output;        /* NULL: the name is made from the first path */
    const char *const *prices; /* files of prices on top of the user's own */
    size_t price_count;
    bool compress, overwrite;
};

struct import_result {
    struct str output; /* the recording's name */
    struct workflow_facts facts;
    uint64_t file_count;
    uint64_t span_count, trace_count, service_count; /* of traces without agents: then the facts are 0 */
    uint64_t skipped_count;                          /* files below a folder that no source knows */
    char malformed[512];                             /* the first piece that could not be read; "" */
    double cost_usd;
    uint64_t tokens_total;
};

/* ERR_USAGE for an unknown source, ERR_INPUT where no file is of a known format or nothing in them has a time. The result is
 * ended with import_result_deinit. */
WARN_UNUSED int ops_import(const struct import_request *request, struct import_result *ret_result,
                           struct err *err);
void import_result_deinit(struct import_result *result);

#endif
