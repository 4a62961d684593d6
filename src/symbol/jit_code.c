/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/jit_code.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/search.h"
#include "symbol/jit_dump.h"

#define FILE_BYTES_MAX (1u << 30)
#define ENTRY_MAX      (4u << 20)
#define BACK_MAX       4096u /* blocks before an address that are looked at */

static bool take_hex(const char **at, const char *end, uint64_t *ret_value)
{
    char *behind;
    if (*at >= end || !isxdigit((unsigned char)**at))
        return false;
    *ret_value = strtoull(*at, &behind, 16);
    bool fits = behind - *at <= 18 && behind < end && *behind == ' ';
    *at = behind + 1;
    return fits;
}

/* "START SIZE NAME"; a line of another form is left out, and the last one when it is not finished. */
static int parse_map(struct jit_code *code, const char *text, size_t length, struct err *err)
{
    const char *end = text + length;
    for (const char *line = text, *line_end; line < end && code->entries.count < ENTRY_MAX;
         line = line_end + 1) {
        line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            break;
        const char *at = line;
        struct jit_entry entry = {.from = (uint64_t)(line - text), .to = UINT64_MAX};
        uint64_t size;
        if (!take_hex(&at, line_end, &entry.low) || !take_hex(&at, line_end, &size) || at >= line_end ||
            num_add_u64(entry.low, size, &entry.high))
            continue;
        entry.name = arena_copy(&code->arena, at, (size_t)(line_end - at));
        if (!entry.name || vec_push(&code->entries, entry))
            return err_memory(err);
    }
    return 0;
}

static int by_low_then_from(const void *left, const void *right)
{
    const struct jit_entry *a = left, *b = right;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

static int parse(struct jit_code *code, const char *text, size_t length, struct err *err)
{
    int status = jit_dump_is(text, length) ? jit_dump_parse(code, text, length, err)
                                           : parse_map(code, text, length, err);
    if (!status && code->entries.count)
        qsort(code->entries.items, code->entries.count, sizeof *code->entries.items, by_low_then_from);
    for (size_t i = 0; i < code->entries.count; i++)
        code->size_max = num_max(code->size_max, code->entries.items[i].high - code->entries.items[i].low);
    return status;
}

int jit_code_parse(struct jit_code *code, const char *bytes, size_t length, struct err *err)
{
    char *text = malloc(length + 1); /* with a NUL behind it */
    if (!text)
        return err_memory(err);
    memcpy(text, bytes, length);
    text[length] = 0;
    int status = parse(code, text, length, err);
    free(text);
    return status;
}

int jit_code_read(struct jit_code *code, int fd, struct err *err)
{
    struct stat about;
    if (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_size <= 0)
        return 0;
    size_t length = (size_t)num_min((uint64_t)about.st_size, FILE_BYTES_MAX), got = 0;
    char *text = malloc(length + 1);
    if (!text)
        return err_memory(err);
    for (ssize_t part; got < length && (part = pread(fd, text + got, length - got, (off_t)got)) > 0;)
        got += (size_t)part;
    text[got] = 0;
    int status = parse(code, text, got, err);
    free(text);
    return status;
}

/* Of two entries that cover an address the one that was there at a time, or else came soonest. */
static bool is_nearer(const struct jit_entry *entry, const struct jit_entry *best, uint64_t at)
{
    if (!best)
        return true;
    bool was = entry->from <= at && at < entry->to, best_was = best->from <= at && at < best->to;
    if (was != best_was)
        return was;
    return was ? entry->from > best->from : entry->from < best->from;
}

/* The source line of an address: that of the last row at or before it. */
static void find_line(const struct jit_code *code, const struct jit_entry *entry, uint64_t address,
                      struct jit_place *place)
{
    const struct jit_line *lines = code->lines.items + entry->first_line;
    size_t behind = search_first(i, (size_t)entry->line_count, lines[i].address > address);
    if (!behind)
        return;
    place->file = lines[behind - 1].file;
    place->line = lines[behind - 1].line;
}

bool jit_code_find(const struct jit_code *code, uint64_t address, uint64_t at, struct jit_place *ret_place)
{
    const struct jit_entry *entries = code->entries.items, *best = NULL;
    size_t behind = search_first(i, code->entries.count, entries[i].low > address);
    for (size_t back = 0; back < BACK_MAX && back < behind; back++) {
        const struct jit_entry *entry = &entries[behind - 1 - back];
        if (address - entry->low >= code->size_max)
            break;
        if (address < entry->high && is_nearer(entry, best, at))
            best = entry;
    }
    if (!best)
        return false;
    *ret_place = (struct jit_place){.name = best->name};
    if (best->line_count)
        find_line(code, best, address, ret_place);
    return true;
}

void jit_code_free(struct jit_code *code)
{
    vec_free(&code->entries);
    vec_free(&code->lines);
    arena_free(&code->arena);
    *code = (struct jit_code){0};
}
