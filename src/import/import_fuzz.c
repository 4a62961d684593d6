/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes, by the importer that recognises them and by one that their length chooses, and written. */
#include <stdint.h>
#include <stdlib.h>

#include "import/profile_show.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_importer(const struct import_bytes *all, const char *importer)
{
    static const struct profile_look look = {.width = 80};
    struct profile profile;
    struct str text = {0};
    struct err err;
    if (import_bytes(all, importer, &profile, &err))
        return;
    profile_text(&profile, &look, &text);
    profile_json(&profile, &text);
    for (size_t i = 1; i < profile.functions.count; i++)
        if (profile.functions.items[i].self > profile.functions.items[i - 1].self)
            abort();
    str_free(&text);
    profile_free(&profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const struct import_bytes all = {(const char *)bytes, count, "fuzz"};
    try_importer(&all, NULL);
    if (count)
        try_importer(&all, importers[count % importer_count].name);
    return 0;
}
