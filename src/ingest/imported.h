/* SPDX-License-Identifier: Apache-2.0 */
/* imported: a file of another tool, read into tables in memory, for tests. */
#ifndef TOLL_INGEST_IMPORTED_H
#define TOLL_INGEST_IMPORTED_H

#include "ingest/ingest.h"
#include "model/dataset.h"

struct imported {
    struct ingest_file file;
    struct dataset data;
    struct ingest_result result;
    struct err err;
    int status; /* of reading it; that `reader` is the one that knows it is asserted */
};

/* path: below tests/data; event: as in struct ingest_choice. */
void imported_from_path(struct imported *imported, const char *path, const char *reader, const char *event);
void imported_from_text(struct imported *imported, const char *text, const char *reader);
void imported_deinit(struct imported *imported);

#endif
