/* SPDX-License-Identifier: Apache-2.0 */
/* set_keys: knobs that are in files, set before a run: what pipeline_command's `prepare` starts. */
#ifndef TOLL_DECIDE_SET_KEYS_H
#define TOLL_DECIDE_SET_KEYS_H

#include <stddef.h>

#include "base/err.h"

/* FILE KEY VALUE, again and again. */
WARN_UNUSED int decide_set_keys(char *const *words, size_t count, struct err *err);

#endif
