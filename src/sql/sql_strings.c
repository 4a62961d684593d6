/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_strings.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

int sql_strings_init(struct sql_strings *strings, const struct reader *reader, struct err *err)
{
    *strings = (struct sql_strings){.view = reader_view(reader)};
    uint64_t block_count = reader_block_count(reader, TABLE_STRING);
    for (uint64_t block = 0; block < block_count; block++) {
        struct reader_block about;
        int status = reader_block_about(reader, TABLE_STRING, block, COLUMN(string, id), &about, err);
        if (status)
            return status;
        strings->id_max = about.max > strings->id_max ? about.max : strings->id_max;
    }
    if (!sql_strings_can_unify(strings))
        return 0;
    strings->texts = calloc(strings->id_max + 1, sizeof *strings->texts);
    return strings->texts ? 0 : err_memory(err);
}

void sql_strings_deinit(struct sql_strings *strings)
{
    free(strings->texts);
    free(strings->same);
    free(strings->slots);
    *strings = (struct sql_strings){0};
}

const char *sql_strings_text(struct sql_strings *strings, uint64_t id)
{
    if (!strings->texts || id > strings->id_max)
        return view_text(strings->view, id);
    if (!strings->texts[id])
        strings->texts[id] = view_text(strings->view, id);
    return strings->texts[id];
}

bool sql_strings_can_unify(const struct sql_strings *strings)
{
    return strings->id_max <= SQL_STRINGS_MAX;
}

/* The slot of a text: its own, or the free one where it belongs. */
static uint32_t *slot_of(struct sql_strings *strings, const char *text)
{
    uint64_t at = map_hash_bytes(text, strlen(text)) & (strings->slot_count - 1);
    while (strings->slots[at] && strcmp(sql_strings_text(strings, strings->slots[at]), text) != 0)
        at = (at + 1) & (strings->slot_count - 1);
    return &strings->slots[at];
}

int sql_strings_unify(struct sql_strings *strings, struct err *err)
{
    if (strings->same)
        return 0;
    strings->slot_count = 64;
    while (strings->slot_count < strings->id_max * 2)
        strings->slot_count *= 2;
    strings->same = calloc(strings->id_max + 1, sizeof *strings->same);
    strings->slots = calloc(strings->slot_count, sizeof *strings->slots);
    if (!strings->same || !strings->slots)
        return err_memory(err);
    for (uint64_t id = 1; id <= strings->id_max; id++) {
        const char *text = sql_strings_text(strings, id);
        if (!*text) {
            strings->has_doubles = true; /* 0 is "" too */
            continue;
        }
        uint32_t *slot = slot_of(strings, text);
        strings->has_doubles |= *slot != 0;
        if (!*slot)
            *slot = (uint32_t)id;
        strings->same[id] = *slot;
    }
    return 0;
}

bool sql_strings_find(struct sql_strings *strings, const char *text, uint32_t *ret_id)
{
    uint32_t id = *text ? *slot_of(strings, text) : 0;
    if (*text && !id)
        return false;
    *ret_id = id;
    return true;
}
