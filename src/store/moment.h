/* SPDX-License-Identifier: Apache-2.0 */
/* moment: a point in time as a person or a script writes it. */
#ifndef TOLL_STORE_MOMENT_H
#define TOLL_STORE_MOMENT_H

#include <stdint.h>

#include "base/err.h"

/* "2026-11-20", "2026-11-20 14:03", "2026-11-20T14:03:05" (local time), the same with "Z" (UTC), "@1763647385" (seconds, with a
 * fraction if wanted), or an age: "90s", "30min", "12h", "7d", "2w". In nanoseconds of CLOCK_REALTIME; ERR_USAGE for what is
 * none of them. */
WARN_UNUSED int moment_parse(const char *text, int64_t now_ns, int64_t *ret_at_ns, struct err *err);

#endif
