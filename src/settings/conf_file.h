/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_file: configuration files as keys and values. Whoever made them, nothing in them is trusted: length, count and depth
 * are limited, what makes no sense is left out.
 *
 * Forms: `key = value` (postgresql.conf, server.conf: quotes, # comments), `key value` (redis.conf), ini (TOML as InfluxDB
 * has it: [section] becomes "section.key"), nginx (blocks become "http.server.key"; several words stay one value), XML
 * (ClickHouse: nested elements become "profiles.default.key", without the root), JSON (members of members: "a.b").
 */
#ifndef TOLL_SETTINGS_CONF_FILE_H
#define TOLL_SETTINGS_CONF_FILE_H

#include <stddef.h>

#include "base/err.h"

enum conf_form { CONF_EQUALS, CONF_BLANK, CONF_INI, CONF_NGINX, CONF_XML, CONF_JSON };

#define CONF_KEY_MAX   256u
#define CONF_VALUE_MAX 1024u
#define CONF_DEPTH_MAX 32u

/* Returns 0 to go on. */
typedef int conf_fn(void *context, const char *key, const char *value, unsigned line, struct err *err);

WARN_UNUSED int conf_text(const char *text, size_t length, enum conf_form form, conf_fn *each, void *context,
                          struct err *err);

#endif
