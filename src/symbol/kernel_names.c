/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/kernel_names.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/cache_folder.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/num.h"
#include "base/str.h"
#include "symbol/symbol_cache.h"

#define FILE_NAME       "kernel.names"
#define FILE_BYTES_MAX  (128u << 20)
#define ENTRY_COUNT_MAX (4u << 20)
#define MODULES_MAX     (4u << 20)
#define PATH_BYTES      4096u
#define PAGE_BYTES      4096u

struct file_header {
    char magic[8];
    uint8_t boot_id[KERNEL_BOOT_ID_BYTES];
    uint64_t modules_hash;
    uint64_t entry_count;
    uint64_t text_bytes;
    uint64_t hash;
};
static_assert(sizeof(struct file_header) == 56, "as documented");

struct file_entry {
    uint64_t low, high;
    uint32_t name, module;
};
static_assert(sizeof(struct file_entry) == 24, "as documented");

bool kernel_boot_id(uint8_t ret_id[KERNEL_BOOT_ID_BYTES])
{
    char text[64];
    size_t count = 0;
    if (fs_read_small("/proc/sys/kernel/random/boot_id", text, sizeof text) < 36)
        return false;
    for (const char *at = text; at[0] && at[1] && count < KERNEL_BOOT_ID_BYTES; at += at[0] == '-' ? 1 : 2) {
        unsigned value;
        if (*at == '-')
            continue;
        if (sscanf(at, "%2x", &value) != 1) /* NOLINT(cert-err34-c): two digits fit */
            return false;
        ret_id[count++] = (uint8_t)value;
    }
    return count == KERNEL_BOOT_ID_BYTES;
}

/* What a kept file must be for; false when that cannot be told. */
static bool header_wanted(struct file_header *ret_header)
{
    struct file_header header = {.magic = {'T', 'O', 'L', 'L', 'K', 'S', 'Y', '1'}};
    struct str modules = {0};
    struct err ignored;
    if (!kernel_boot_id(header.boot_id))
        return false;
    if (fs_read("/proc/modules", MODULES_MAX, &modules, &ignored) == 0)
        header.modules_hash = map_hash_bytes(str_text(&modules), modules.length);
    str_free(&modules);
    *ret_header = header;
    return true;
}

static bool file_path(const char *folder, char *path)
{
    return *folder && snprintf(path, PATH_BYTES, "%s/" FILE_NAME, folder) < (int)PATH_BYTES;
}

static const char *text_at(const char *texts, uint64_t text_bytes, uint32_t place)
{
    return place && place <= text_bytes ? texts + place - 1 : NULL;
}

/* The file's texts live in the table's arena, in one piece. */
static int table_fill(struct name_table *table, const struct file_header *header, const char *bytes,
                      struct err *err)
{
    const char *body = bytes + sizeof *header;
    const char *stored = body + header->entry_count * sizeof(struct file_entry);
    const char *texts = arena_copy(&table->arena, stored, header->text_bytes);
    uint64_t low = 0;
    if (!texts || vec_reserve(&table->entries, header->entry_count))
        return err_memory(err);
    for (uint64_t i = 0; i < header->entry_count; i++) {
        struct file_entry entry;
        memcpy(&entry, body + i * sizeof entry, sizeof entry);
        struct name_entry known = {.low = entry.low,
                                   .high = entry.high,
                                   .name = text_at(texts, header->text_bytes, entry.name),
                                   .module = text_at(texts, header->text_bytes, entry.module)};
        if (!known.name || known.low < low)
            continue;
        low = known.low;
        table->entries.items[table->entries.count++] = known;
    }
    return 0;
}

static bool file_is_sound(const struct str *file, const struct file_header *wanted,
                          struct file_header *ret_header)
{
    struct file_header header;
    if (file->length < sizeof header)
        return false;
    memcpy(&header, file->text, sizeof header);
    if (memcmp(&header, wanted, offsetof(struct file_header, entry_count)) != 0 ||
        header.entry_count > ENTRY_COUNT_MAX || header.text_bytes > FILE_BYTES_MAX ||
        sizeof header + header.entry_count * sizeof(struct file_entry) + header.text_bytes != file->length)
        return false;
    if (map_hash_bytes(file->text + sizeof header, file->length - sizeof header) != header.hash)
        return false;
    *ret_header = header;
    return true;
}

static int names_load(struct kernel_names *names, const char *folder, const struct file_header *wanted,
                      struct err *err)
{
    char path[PATH_BYTES];
    struct str file = {0};
    struct err ignored;
    struct file_header header;
    int status = 0;
    if (file_path(folder, path) && fs_read(path, FILE_BYTES_MAX, &file, &ignored) == 0 &&
        file_is_sound(&file, wanted, &header))
        status = table_fill(&names->table, &header, file.text, err);
    str_free(&file);
    names->is_kept = !status && names->table.entries.count > 0;
    return status;
}

/* "[bpf]", and what the kernel lists as its own builtin trampolines, come and go. */
static bool is_lasting(const struct name_entry *entry)
{
    return !entry->module || (strcmp(entry->module, "[bpf]") != 0 && strncmp(entry->module, "[__", 3) != 0);
}

/* Nobody tells how far a module's last function goes; something new may come to lie behind its page. */
static uint64_t lasting_high(const struct name_entry *entry, const struct name_entry *next)
{
    bool is_last = entry->module && (!next || next->module != entry->module);
    return is_last ? num_min(entry->high, (entry->low | (PAGE_BYTES - 1)) + 1) : entry->high;
}

static uint32_t text_put(struct str *texts, const char *text)
{
    uint64_t place = texts->length + 1;
    str_append_bytes(texts, text, strlen(text) + 1);
    texts->failed = texts->failed || texts->length > UINT32_MAX;
    return (uint32_t)place;
}

static void names_save(const struct name_table *table, const char *folder, const struct file_header *wanted)
{
    char path[PATH_BYTES];
    struct str body = {0}, texts = {0};
    struct file_header header = *wanted;
    struct err ignored;
    const char *module = NULL;
    uint32_t module_place = 0;
    if (!file_path(folder, path))
        return;
    str_append_bytes(&body, (const char *)&header, sizeof header); /* its place */
    for (size_t i = 0; i < table->entries.count; i++) {
        const struct name_entry *entry = &table->entries.items[i];
        const struct name_entry *next = i + 1 < table->entries.count ? entry + 1 : NULL;
        if (!is_lasting(entry))
            continue;
        if (entry->module != module)
            module_place = entry->module ? text_put(&texts, entry->module) : 0;
        module = entry->module;
        struct file_entry kept = {entry->low, lasting_high(entry, next), text_put(&texts, entry->name),
                                  module_place};
        str_append_bytes(&body, (const char *)&kept, sizeof kept);
        header.entry_count++;
    }
    header.text_bytes = texts.length;
    str_append_bytes(&body, str_text(&texts), texts.length);
    if (!body.failed && !texts.failed) {
        header.hash = map_hash_bytes(body.text + sizeof header, body.length - sizeof header);
        memcpy(body.text, &header, sizeof header);
        if (cache_folder_make(folder, &ignored) == 0)
            (void)!fs_replace(path, body.text, body.length, 0600, &ignored); /* then it is read again */
    }
    str_free(&body);
    str_free(&texts);
}

int kernel_names_open(struct kernel_names *names, const char *folder, struct err *err)
{
    struct file_header wanted;
    if (!name_table_kernel_is_readable())
        return 0;
    bool can_keep = *folder && header_wanted(&wanted);
    int status = can_keep ? names_load(names, folder, &wanted, err) : 0;
    if (status || names->is_kept)
        return status;
    name_table_free(&names->table);
    status = name_table_read_kernel(&names->table, err);
    if (!status && can_keep && names->table.entries.count)
        names_save(&names->table, folder, &wanted);
    return status;
}

int kernel_names_find(struct kernel_names *names, uint64_t address, const struct name_entry **ret_entry,
                      struct err *err)
{
    const struct name_entry *entry = name_table_find(&names->table, address);
    if (!entry && names->is_kept) {
        name_table_free(&names->table);
        names->is_kept = false;
        int status = name_table_read_kernel(&names->table, err);
        if (status)
            return status;
        entry = name_table_find(&names->table, address);
    }
    *ret_entry = entry;
    return 0;
}

void kernel_names_close(struct kernel_names *names)
{
    name_table_free(&names->table);
    *names = (struct kernel_names){0};
}
