/* SPDX-License-Identifier: Apache-2.0 */
/* import_profile: a file of another profiler or tracer, as a recording. */
#ifndef TOLL_DECIDE_IMPORT_PROFILE_H
#define TOLL_DECIDE_IMPORT_PROFILE_H

#include <stdbool.h>

#include "base/str.h"
#include "ingest/ingest.h"

struct profile_request {
    const char *path; /* "-": stdin */
    const char *from; /* the reader's name; NULL: found out */
    const char *event;
    const char *output; /* NULL: the name is made from the path */
    bool compress;
};

struct profile_result {
    struct str output;
    struct ingest_result ingested;
};

/* Whether a reader knows the file. One that cannot be opened is known to none. */
bool import_profile_knows(const char *path);

/* The recording appears whole or not at all: what its name held before stays where that fails. ERR_USAGE for an unknown
 * reader, ERR_INPUT with the place for what cannot be read. The result is ended with profile_result_deinit. */
WARN_UNUSED int ops_import_profile(const struct profile_request *request, struct profile_result *ret_result,
                                   struct err *err);
void profile_result_deinit(struct profile_result *result);

#endif
