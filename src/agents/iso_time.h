/* SPDX-License-Identifier: Apache-2.0 */
/* iso_time: points in time as programs write them (ISO 8601, RFC 3339), into Unix nanoseconds. */
#ifndef TOLL_AGENTS_ISO_TIME_H
#define TOLL_AGENTS_ISO_TIME_H

#include <stddef.h>
#include <stdint.h>

/* "2026-11-20T14:03:05.123Z", "2026-11-20 14:03:05", "2026-11-20T14:03:05+02:00"; without a zone it is UTC. 0 for what is no such
 * time. */
int64_t iso_time_ns(const char *text, size_t length);

#endif
