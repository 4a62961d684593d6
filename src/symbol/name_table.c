/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/name_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/search.h"
#include "base/sort.h"
#include "base/str.h"

#define KERNEL_PATH    "/proc/kallsyms"
#define TEXT_BYTES_MAX (128u << 20)
#define ENTRY_MAX      (4u << 20)
#define KERNEL_REACH   (1u << 20) /* how far behind the last symbol its function may go */

/* Reads hex digits; false when there are none or too many. */
static bool take_hex(const char **at, const char *end, uint64_t *ret_value)
{
    const char *start = *at;
    uint64_t value = 0;
    for (; *at < end; (*at)++) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            break;
        value = value << 4 | digit;
    }
    *ret_value = value;
    return *at > start && *at - start <= 16;
}

static bool take_blank(const char **at, const char *end)
{
    const char *start = *at;
    while (*at < end && (**at == ' ' || **at == '\t'))
        (*at)++;
    return *at > start;
}

static int push(struct name_table *table, struct name_entry entry, const char *name, size_t length,
                struct err *err)
{
    entry.name = arena_copy(&table->arena, name, length);
    if (!entry.name || vec_push(&table->entries, entry))
        return err_memory(err);
    return 0;
}

static int sort(struct name_table *table, struct err *err)
{
    if (sort_by_u64(table->entries.items, table->entries.count, sizeof *table->entries.items,
                    offsetof(struct name_entry, low)))
        return err_memory(err);
    return 0;
}

/* "ffffffff81000000 T name" and for modules "\t[module]" behind it; the type t or T, w or W is code. */
static int parse_kernel_line(struct name_table *table, const char *at, const char *end, struct err *err)
{
    struct name_entry entry = {0};
    if (!take_hex(&at, end, &entry.low) || entry.low == 0 || !take_blank(&at, end) || at >= end)
        return 0;
    char type = *at++;
    if ((type | 0x20) != 't' && (type | 0x20) != 'w')
        return 0;
    if (!take_blank(&at, end) || at >= end)
        return 0;
    const char *tab = memchr(at, '\t', (size_t)(end - at));
    const char *module = tab ? tab + 1 : NULL;
    size_t length = (size_t)((tab ? tab : end) - at);
    if (module) {
        const struct name_entry *last =
            table->entries.count ? &table->entries.items[table->entries.count - 1] : NULL;
        size_t module_length = (size_t)(end - module);
        if (last && last->module && strlen(last->module) == module_length &&
            memcmp(last->module, module, module_length) == 0)
            entry.module = last->module;
        else
            entry.module = arena_copy(&table->arena, module, module_length);
    }
    return push(table, entry, at, length, err);
}

int name_table_parse_kernel(struct name_table *table, const char *text, size_t length, struct err *err)
{
    const char *end = text + length;
    for (const char *line = text; line < end && table->entries.count < ENTRY_MAX;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (!line_end)
            break;
        int status = parse_kernel_line(table, line, line_end, err);
        if (status)
            return status;
        line = line_end + 1;
    }
    int status = sort(table, err);
    if (status)
        return status;
    for (size_t i = 0; i < table->entries.count; i++) {
        struct name_entry *entry = &table->entries.items[i];
        entry->high = i + 1 < table->entries.count ? entry[1].low : UINT64_MAX;
        entry->high = num_min(entry->high, entry->low + KERNEL_REACH);
    }
    return 0;
}

bool name_table_kernel_is_readable(void)
{
    char text[64];
    uint64_t address = 0;
    const char *at = text;
    ssize_t length = fs_read_small(KERNEL_PATH, text, sizeof text);
    return length > 0 && take_hex(&at, text + length, &address) && address != 0;
}

int name_table_read_kernel(struct name_table *table, struct err *err)
{
    struct str text = {0};
    struct err ignored;
    int status = 0;
    if (name_table_kernel_is_readable() && fs_read(KERNEL_PATH, TEXT_BYTES_MAX, &text, &ignored) == 0)
        status = name_table_parse_kernel(table, str_text(&text), text.length, err);
    str_free(&text);
    return status;
}

const struct name_entry *name_table_find(const struct name_table *table, uint64_t address)
{
    size_t behind = search_first(i, table->entries.count, table->entries.items[i].low > address);
    if (behind == 0 || address >= table->entries.items[behind - 1].high)
        return NULL;
    return &table->entries.items[behind - 1];
}

void name_table_free(struct name_table *table)
{
    vec_free(&table->entries);
    arena_free(&table->arena);
}
