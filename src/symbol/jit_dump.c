/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/jit_dump.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"

#define MAGIC           0x4a695444u
#define HEADER_BYTES    40u
#define FLAGS_AT        32u
#define FLAG_ARCH_TIME  1u /* times are the processor's counter, which says nothing here */
#define PREFIX_BYTES    16u
#define LOAD_NAME_AT    40u /* behind the prefix: pid, tid, address, code address, size, index */
#define MOVE_BYTES      48u
#define DEBUG_ROWS_AT   16u
#define DEBUG_ROW_BYTES 16u
#define V8_ROW_SHIFT    0x40u /* V8 tells lines as if an ELF header stood before the code */
#define ENTRY_MAX       (4u << 20)
#define ROW_MAX         (16u << 20)

enum record_id { RECORD_LOAD = 0, RECORD_MOVE = 1, RECORD_DEBUG_INFO = 2 };

struct record {
    uint32_t id;
    uint64_t time;
    const char *body;
    size_t size;
};

/* Lines come before the code that they belong to. */
struct debug_info {
    uint64_t address;
    const char *rows;
    size_t size;
    uint64_t count;
};

struct dump {
    struct jit_code *code;
    bool has_times;
    struct map current; /* code address to index of its entry + 1 */
    struct debug_info pending;
    struct err *err;
};

static uint32_t u32_at(const char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint64_t u64_at(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

bool jit_dump_is(const char *bytes, size_t length)
{
    return length >= HEADER_BYTES && u32_at(bytes) == MAGIC;
}

static int push_row(struct dump *dump, struct jit_line row, const char *file, size_t file_length)
{
    const struct jit_line *last =
        dump->code->lines.count ? &dump->code->lines.items[dump->code->lines.count - 1] : NULL;
    if (file_length == 1 && *file == '\xff') /* the file of the row before */
        row.file = last ? last->file : NULL;
    else
        row.file = arena_copy(&dump->code->arena, file, file_length);
    return vec_push(&dump->code->lines, row) ? err_memory(dump->err) : 0;
}

static int by_address(const void *left, const void *right)
{
    const struct jit_line *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

/* Some versions of V8 write anything for a file, and then no row is where it should be. */
static bool rows_make_sense(const struct jit_line *rows, size_t count, const struct jit_entry *entry)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].address < entry->low || rows[i].address > entry->high || !rows[i].file ||
            !isprint((unsigned char)*rows[i].file))
            return false;
    return true;
}

/* The rows that were told for the code at the entry's address. */
static int take_lines(struct dump *dump, struct jit_entry *entry)
{
    struct debug_info info = dump->pending;
    dump->pending = (struct debug_info){0};
    if (info.address != entry->low)
        return 0;
    size_t first = dump->code->lines.count;
    uint64_t shift = jit_name_is_v8(entry->name) ? V8_ROW_SHIFT : 0;
    const char *at = info.rows, *end = info.rows + info.size;
    for (uint64_t i = 0; i < info.count && dump->code->lines.count < ROW_MAX; i++) {
        if ((size_t)(end - at) <= DEBUG_ROW_BYTES)
            break;
        struct jit_line row = {.address = u64_at(at) - shift, .line = u32_at(at + 8)};
        const char *file = at + DEBUG_ROW_BYTES;
        size_t length = strnlen(file, (size_t)(end - file));
        int status = push_row(dump, row, file, length);
        if (status)
            return status;
        at = file + num_min(length + 1, (uint64_t)(end - file));
    }
    struct jit_line *rows = dump->code->lines.items + first;
    size_t count = dump->code->lines.count - first;
    if (!rows_make_sense(rows, count, entry)) {
        dump->code->lines.count = first;
        return 0;
    }
    entry->first_line = (uint32_t)first;
    entry->line_count = (uint32_t)count;
    if (count)
        qsort(rows, count, sizeof *rows, by_address);
    return 0;
}

static int push_entry(struct dump *dump, const struct jit_entry *entry)
{
    if (dump->code->entries.count >= ENTRY_MAX)
        return 0;
    if (vec_push(&dump->code->entries, *entry) ||
        map_put(&dump->current, entry->low, dump->code->entries.count))
        return err_memory(dump->err);
    return 0;
}

static int note_load(struct dump *dump, const struct record *record)
{
    struct jit_entry entry = {.from = record->time, .to = UINT64_MAX};
    if (record->size <= LOAD_NAME_AT)
        return 0;
    const char *name = record->body + LOAD_NAME_AT;
    entry.low = u64_at(record->body + 16);
    if (num_add_u64(entry.low, u64_at(record->body + 24), &entry.high))
        return 0;
    entry.name = arena_copy(&dump->code->arena, name, strnlen(name, record->size - LOAD_NAME_AT));
    int status = entry.name ? take_lines(dump, &entry) : err_memory(dump->err);
    return status ? status : push_entry(dump, &entry);
}

/* The same code goes on elsewhere; its lines are told by where it was. */
static int note_move(struct dump *dump, const struct record *record)
{
    if (record->size < MOVE_BYTES)
        return 0;
    uint64_t from = u64_at(record->body + 16), to = u64_at(record->body + 24);
    const uint64_t *index = map_get(&dump->current, from);
    if (!index)
        return 0;
    struct jit_entry *old = &dump->code->entries.items[*index - 1], entry = *old;
    if (num_add_u64(to, u64_at(record->body + 32), &entry.high))
        return 0;
    old->to = record->time;
    entry.low = to;
    entry.from = record->time;
    entry.line_count = 0;
    map_remove(&dump->current, from);
    return push_entry(dump, &entry);
}

static void note_debug_info(struct dump *dump, const struct record *record)
{
    if (record->size < DEBUG_ROWS_AT)
        return;
    dump->pending = (struct debug_info){.address = u64_at(record->body),
                                        .count = u64_at(record->body + 8),
                                        .rows = record->body + DEBUG_ROWS_AT,
                                        .size = record->size - DEBUG_ROWS_AT};
}

static int note_record(struct dump *dump, const struct record *record)
{
    switch (record->id) {
    case RECORD_LOAD: return note_load(dump, record);
    case RECORD_MOVE: return note_move(dump, record);
    case RECORD_DEBUG_INFO: note_debug_info(dump, record); return 0;
    default: return 0;
    }
}

int jit_dump_parse(struct jit_code *code, const char *bytes, size_t length, struct err *err)
{
    struct dump dump = {.code = code, .has_times = !(u64_at(bytes + FLAGS_AT) & FLAG_ARCH_TIME), .err = err};
    size_t at = num_max(u32_at(bytes + 8), HEADER_BYTES);
    int status = 0;
    while (!status && at < length && length - at >= PREFIX_BYTES) {
        struct record record = {.id = u32_at(bytes + at), .body = bytes + at + PREFIX_BYTES};
        size_t size = u32_at(bytes + at + 4);
        if (size < PREFIX_BYTES || size > length - at)
            break;
        record.size = size - PREFIX_BYTES;
        record.time = dump.has_times ? u64_at(bytes + at + 8) : at;
        status = note_record(&dump, &record);
        at += size;
    }
    map_free(&dump.current);
    return status;
}
