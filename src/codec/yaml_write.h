/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_write: a text as a YAML file holds it. */
#ifndef TOLL_CODEC_YAML_WRITE_H
#define TOLL_CODEC_YAML_WRITE_H

#include "base/str.h"

/* As it is, in single quotes where it could be something else, in double ones where it holds newlines and their like. It is
 * read back as the same bytes by yaml_read_text, alone behind "key: ", in a list and in [a, b]. */
void yaml_write_text(struct str *text, const char *value);

#endif
