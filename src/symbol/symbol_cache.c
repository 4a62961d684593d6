/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/symbol_cache.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cache_folder.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/search.h"
#include "base/str.h"

#define BUILD_ID_MAX    64u
#define FILE_BYTES_MAX  (64u << 20)
#define RANGE_COUNT_MAX (1u << 20)
#define PATH_BYTES      4096u

struct cache_header {
    char magic[8];
    uint32_t has_lines;
    uint32_t build_id_size;
    uint8_t build_id[BUILD_ID_MAX];
    uint32_t range_count;
    uint32_t frame_count;
    uint64_t text_bytes;
    uint64_t hash;
};
static_assert(sizeof(struct cache_header) == 104, "as documented");
static_assert(sizeof(struct place_range) == 24, "as documented");

struct cache_frame {
    uint32_t function, file, line, inlined;
};
static_assert(sizeof(struct cache_frame) == 16, "as documented");

const struct place_range *place_table_find(const struct place_table *table, uint64_t offset)
{
    size_t behind = search_first(i, table->ranges.count, table->ranges.items[i].low > offset);
    if (behind == 0 || offset >= table->ranges.items[behind - 1].high)
        return NULL;
    return &table->ranges.items[behind - 1];
}

static int by_low(const void *left, const void *right)
{
    const struct place_range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

void place_table_sort(struct place_table *table)
{
    if (table->ranges.count)
        qsort(table->ranges.items, table->ranges.count, sizeof *table->ranges.items, by_low);
}

void place_table_free(struct place_table *table)
{
    vec_free(&table->ranges);
    vec_free(&table->frames);
}

static bool cache_path(const struct cache_key *key, char *path)
{
    if (!*key->folder || key->build_id_size < 2 || key->build_id_size > BUILD_ID_MAX)
        return false;
    size_t length = (size_t)snprintf(path, PATH_BYTES, "%s/", key->folder);
    if (length + 2 * (size_t)BUILD_ID_MAX + 8 > PATH_BYTES)
        return false;
    for (size_t i = 0; i < key->build_id_size; i++)
        length += (size_t)snprintf(path + length, PATH_BYTES - length, "%02x", key->build_id[i]);
    snprintf(path + length, PATH_BYTES - length, ".sym");
    return true;
}

static bool header_is_sound(const struct cache_key *key, const struct str *file,
                            struct cache_header *ret_header)
{
    struct cache_header header;
    if (file->length < sizeof header)
        return false;
    memcpy(&header, file->text, sizeof header);
    uint64_t wanted = sizeof header + sizeof(struct place_range) * (uint64_t)header.range_count +
                      sizeof(struct cache_frame) * (uint64_t)header.frame_count;
    if (memcmp(header.magic, "TOLLSYM1", 8) != 0 || header.build_id_size != key->build_id_size ||
        memcmp(header.build_id, key->build_id, key->build_id_size) != 0 ||
        header.range_count > RANGE_COUNT_MAX || header.text_bytes > FILE_BYTES_MAX ||
        wanted + header.text_bytes != file->length)
        return false;
    if (header.text_bytes && file->text[file->length - 1])
        return false;
    if (map_hash_bytes(file->text + sizeof header, file->length - sizeof header) != header.hash)
        return false;
    *ret_header = header;
    return true;
}

static int load_text(struct intern *texts, const struct cache_header *header, const char *bytes,
                     uint32_t offset, const char **ret_text, struct err *err)
{
    uint64_t id;
    *ret_text = NULL;
    if (offset == 0 || offset > header->text_bytes)
        return 0;
    const char *text = bytes + offset - 1;
    if (intern_put(texts, text, strlen(text), &id, NULL))
        return err_memory(err);
    *ret_text = intern_text(texts, id);
    return 0;
}

static int load_tables(const struct cache_header *header, const char *bytes, struct intern *texts,
                       struct place_table *table, struct err *err)
{
    const char *frames = bytes + sizeof(struct place_range) * header->range_count;
    const char *text = frames + sizeof(struct cache_frame) * header->frame_count;
    if (vec_reserve(&table->ranges, header->range_count) || vec_reserve(&table->frames, header->frame_count))
        return err_memory(err);
    for (uint32_t i = 0; i < header->frame_count; i++) {
        struct cache_frame stored;
        memcpy(&stored, frames + i * sizeof stored, sizeof stored);
        struct symbol_frame frame = {.line = stored.line, .inlined = stored.inlined};
        int status = load_text(texts, header, text, stored.function, &frame.function, err);
        if (!status)
            status = load_text(texts, header, text, stored.file, &frame.file, err);
        if (status)
            return status;
        table->frames.items[table->frames.count++] = frame;
    }
    for (uint32_t i = 0; i < header->range_count; i++) {
        struct place_range range;
        memcpy(&range, bytes + i * sizeof range, sizeof range);
        if (range.first <= header->frame_count && range.count <= header->frame_count - range.first)
            table->ranges.items[table->ranges.count++] = range;
    }
    table->has_lines = header->has_lines;
    place_table_sort(table);
    return 0;
}

int cache_load(const struct cache_key *key, struct intern *texts, struct place_table *table, struct err *err)
{
    char path[PATH_BYTES];
    struct str file = {0};
    struct err ignored;
    struct cache_header header;
    if (!cache_path(key, path) || fs_read(path, FILE_BYTES_MAX, &file, &ignored) ||
        !header_is_sound(key, &file, &header)) {
        str_free(&file);
        return 0;
    }
    int status = load_tables(&header, file.text + sizeof header, texts, table, err);
    str_free(&file);
    if (!status)
        cache_file_touch(path);
    return status;
}

/* The offset of a text in `bytes` plus 1, appended when it is new. */
static uint32_t save_text(struct map *places, struct str *bytes, const char *text)
{
    if (!text)
        return 0;
    const uint64_t *known = map_get(places, (uint64_t)(uintptr_t)text);
    if (known)
        return (uint32_t)*known;
    uint64_t place = bytes->length + 1;
    str_append_bytes(bytes, text, strlen(text) + 1);
    if (map_put(places, (uint64_t)(uintptr_t)text, place))
        bytes->failed = true;
    return (uint32_t)place;
}

/* Header, ranges, frames and texts in one piece. False when it is more than is read again. */
static bool save_tables(const struct place_table *table, struct cache_header *header, struct str *file)
{
    struct map places = {0};
    struct str texts = {0};
    size_t range_count = num_min(table->ranges.count, RANGE_COUNT_MAX), frame_count = 0;
    for (size_t i = 0; i < range_count; i++)
        frame_count += table->ranges.items[i].count;
    size_t ranges_at = sizeof *header, frames_at = ranges_at + range_count * sizeof(struct place_range);
    size_t length = frames_at + frame_count * sizeof(struct cache_frame);
    char *bytes = frame_count < UINT32_MAX ? malloc(length) : NULL;
    for (size_t i = 0; bytes && i < range_count; i++) {
        struct place_range range = table->ranges.items[i];
        const struct symbol_frame *items = table->frames.items + range.first;
        range.first = header->frame_count;
        memcpy(bytes + ranges_at + i * sizeof range, &range, sizeof range);
        for (uint32_t k = 0; k < range.count; k++) {
            struct cache_frame frame = {
                .function = save_text(&places, &texts, items[k].function),
                .file = save_text(&places, &texts, items[k].file),
                .line = items[k].line,
                .inlined = items[k].inlined,
            };
            memcpy(bytes + frames_at + header->frame_count++ * sizeof frame, &frame, sizeof frame);
        }
    }
    header->range_count = (uint32_t)range_count;
    header->text_bytes = texts.length;
    if (bytes)
        str_append_bytes(file, bytes, length);
    str_append_bytes(file, str_text(&texts), texts.length);
    file->failed = file->failed || texts.failed || !bytes;
    bool is_kept = length + texts.length <= FILE_BYTES_MAX;
    free(bytes);
    str_free(&texts);
    map_free(&places);
    return is_kept;
}

int cache_save(const struct cache_key *key, const struct place_table *table, struct err *err)
{
    char path[PATH_BYTES];
    if (!cache_path(key, path))
        return 0;
    struct cache_header header = {.magic = {'T', 'O', 'L', 'L', 'S', 'Y', 'M', '1'},
                                  .has_lines = table->has_lines,
                                  .build_id_size = (uint32_t)key->build_id_size};
    memcpy(header.build_id, key->build_id, key->build_id_size);
    struct str file = {0};
    bool is_kept = save_tables(table, &header, &file);
    int status = file.failed ? err_memory(err) : is_kept ? cache_folder_make(key->folder, err) : 0;
    if (!status && is_kept) {
        header.hash = map_hash_bytes(file.text + sizeof header, file.length - sizeof header);
        memcpy(file.text, &header, sizeof header);
        status = fs_replace(path, file.text, file.length, 0600, err);
    }
    str_free(&file);
    return status;
}
