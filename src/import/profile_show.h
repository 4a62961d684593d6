/* SPDX-License-Identifier: Apache-2.0 */
/* profile_show: an imported profile as a short list for a person, and as JSON (schema toll.profile/1; docs/diagnose.md). */
#ifndef TOLL_IMPORT_PROFILE_SHOW_H
#define TOLL_IMPORT_PROFILE_SHOW_H

#include "import/profile.h"

struct profile_look {
    unsigned width;
    bool colour, ascii;
    size_t count_max; /* functions; 0: 12 in text, all in JSON */
};

void profile_text(const struct profile *profile, const struct profile_look *look, struct str *text);
void profile_json(const struct profile *profile, struct str *text);

#endif
