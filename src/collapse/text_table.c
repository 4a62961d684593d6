/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/text_table.h"

#include <stdlib.h>

#define SLOTS_MIN 1024u

/* Half of the slots are free. */
int text_table_room(struct text_table *table, size_t more)
{
    if ((table->count + more) * 2 <= table->slot_count)
        return 0;
    struct text_table grown = {.slot_count = table->slot_count ? table->slot_count : SLOTS_MIN,
                               .count = table->count};
    while ((table->count + more) * 2 > grown.slot_count)
        grown.slot_count *= 2;
    grown.slots = calloc(grown.slot_count, sizeof *grown.slots);
    if (!grown.slots)
        return -1;
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i].is_taken)
            *text_table_slot(&grown, table->slots[i].hash) = table->slots[i];
    free(table->slots);
    *table = grown;
    return 0;
}

void text_table_free(struct text_table *table)
{
    free(table->slots);
    *table = (struct text_table){0};
}
