/* SPDX-License-Identifier: Apache-2.0 */
#include "law/knob_role.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const together[] = {"worker",    "thread",     "job",     "client", "parallel",
                                       "concurren", "connection", "process", "core",   "cpu",
                                       "shard",     "goroutine",  "agent"};
static const char *const batches[] = {"batch", "chunk", "size", "pipeline", "buffer",
                                      "page",  "block", "rows", "bulk",     "window"};

static bool name_has(const char *name, const char *const *parts, size_t count)
{
    char lower[64];
    size_t length = 0;
    for (; name[length] && length + 1 < sizeof lower; length++)
        lower[length] = (char)tolower((unsigned char)name[length]);
    lower[length] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strstr(lower, parts[i]))
            return true;
    return false;
}

enum knob_role knob_role_of_name(const char *name)
{
    if (name_has(name, together, sizeof together / sizeof together[0]))
        return KNOB_ROLE_WORKERS;
    if (name_has(name, batches, sizeof batches / sizeof batches[0]))
        return KNOB_ROLE_BATCH;
    return KNOB_ROLE_OTHER;
}
