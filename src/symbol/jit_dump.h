/* SPDX-License-Identifier: Apache-2.0 */
/* jit_dump: the records of a jitdump file into struct jit_code. Of native byte order alone. */
#ifndef TOLL_SYMBOL_JIT_DUMP_H
#define TOLL_SYMBOL_JIT_DUMP_H

#include <stddef.h>

#include "symbol/jit_code.h"

/* Whether the bytes begin as a jitdump file does. */
bool jit_dump_is(const char *bytes, size_t length);
/* Entries in the order of the file; what is broken ends it, what is unknown is passed over. */
WARN_UNUSED int jit_dump_parse(struct jit_code *code, const char *bytes, size_t length, struct err *err);

#endif
