/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/counters_file.h"

#include <string.h>

#include "base/clock.h"

static void put_u32(struct counters_file *file, size_t at, uint32_t value)
{
    memcpy(file->bytes + at, &value, sizeof value);
}

void counters_file_put(struct counters_file *file, size_t at, uint64_t value)
{
    memcpy(file->bytes + at, &value, sizeof value);
}

/* A prologue, and entries that each hold one counter. */
static size_t entry_add(struct counters_file *file, const char *name, char type, uint32_t elements)
{
    size_t at = file->size, data = (20 + strlen(name) + 1 + 7) / 8 * 8;
    size_t length = (data + (elements ? elements : sizeof(uint64_t)) + 7) / 8 * 8;
    put_u32(file, at, (uint32_t)length);
    put_u32(file, at + 4, 20);
    put_u32(file, at + 8, elements);
    file->bytes[at + 12] = (uint8_t)type;
    put_u32(file, at + 16, (uint32_t)data);
    memcpy(file->bytes + at + 20, name, strlen(name));
    file->size += length;
    put_u32(file, 28, ++file->count);
    return at + data;
}

void counters_file_make(struct counters_file *file)
{
    static const uint8_t prologue[] = {0xca, 0xfe, 0xc0, 0xc0, 1, 2, 0, 1};
    *file = (struct counters_file){.size = 32};
    memcpy(file->bytes, prologue, sizeof prologue);
    put_u32(file, 24, 32);
    file->frequency = entry_add(file, "sun.os.hrt.frequency", 'J', 0);
    file->ticks = entry_add(file, "sun.os.hrt.ticks", 'J', 0);
    file->cause = entry_add(file, "sun.gc.lastCause", 'B', 32);
    size_t name = entry_add(file, "sun.gc.collector.0.name", 'B', 32);
    file->invocations = entry_add(file, "sun.gc.collector.0.invocations", 'J', 0);
    file->time = entry_add(file, "sun.gc.collector.0.time", 'J', 0);
    file->entry = entry_add(file, "sun.gc.collector.0.lastEntryTime", 'J', 0);
    file->exit = entry_add(file, "sun.gc.collector.0.lastExitTime", 'J', 0);
    counters_file_put(file, file->frequency, NS_PER_S);
    memcpy(file->bytes + name, "G1 young collection pauses", 27);
    memcpy(file->bytes + file->cause, "G1 Evacuation Pause", 20);
}

void counters_file_pause(struct counters_file *file, uint64_t count, uint64_t entry, uint64_t exit,
                         uint64_t time)
{
    counters_file_put(file, file->invocations, count);
    counters_file_put(file, file->entry, entry);
    counters_file_put(file, file->exit, exit);
    counters_file_put(file, file->time, time);
}
