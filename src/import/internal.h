/* SPDX-License-Identifier: Apache-2.0 */
/* internal: the readers behind importers[], one file each. */
#ifndef TOLL_IMPORT_INTERNAL_H
#define TOLL_IMPORT_INTERNAL_H

#include "import/profile.h"

#define IMPORT_READER(name)                                                                                  \
    bool name##_recognise(const struct import_bytes *bytes);                                                 \
    WARN_UNUSED int name##_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)

IMPORT_READER(cprofile);
IMPORT_READER(cpuprofile);
IMPORT_READER(explain);
IMPORT_READER(folded);
IMPORT_READER(jfr_print);
IMPORT_READER(perf_script);
IMPORT_READER(pprof);

/* Whether the first bytes that are no blanks are `text`. */
bool import_begins(const struct import_bytes *bytes, const char *text);
/* Whether the first 64 KB hold a text. */
bool import_holds(const struct import_bytes *bytes, const char *text);
/* ERR_INPUT with the reader's noun. */
int import_not(const struct import_bytes *bytes, const char *noun, const char *why, struct err *err);

#endif
