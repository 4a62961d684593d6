/* SPDX-License-Identifier: Apache-2.0 */
/* built_in_rules: the files of share/rules as texts (tools/embed_rules.py). */
#ifndef TOLL_SETTINGS_BUILT_IN_RULES_H
#define TOLL_SETTINGS_BUILT_IN_RULES_H

#include <stddef.h>

struct built_in_rules {
    const char *path; /* "share/rules/redis.yaml" */
    const char *text;
};

extern const struct built_in_rules built_in_rules[];
extern const size_t built_in_rules_count;

#endif
