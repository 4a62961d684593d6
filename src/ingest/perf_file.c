/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/perf_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"

#define HEAD_BYTES        8u /* of a record */
#define FILE_HEADER       104u
#define PIPE_HEADER       16u
#define BUILD_ID_HAS_SIZE (1u << 15)
#define UPDATE_NAME       2u
#define WORDS_MAX         4096u

enum feature {
    FEATURE_BUILD_ID = 2,
    FEATURE_HOSTNAME = 3,
    FEATURE_OSRELEASE = 4,
    FEATURE_ARCH = 6,
    FEATURE_NRCPUS = 7,
    FEATURE_CMDLINE = 11,
    FEATURE_EVENT_DESC = 12,
    FEATURE_CLOCK_DATA = 29,
    FEATURE_COUNT = 256
};

/* Bytes that are read from the front; what is not there reads as 0, and marks it. */
struct span {
    const char *bytes;
    size_t length;
    bool is_short;
};

static void take(struct span *span, void *ret_value, size_t size)
{
    memset(ret_value, 0, size);
    if (span->length < size) {
        span->is_short = true;
        span->length = 0;
        return;
    }
    memcpy(ret_value, span->bytes, size);
    span->bytes += size;
    span->length -= size;
}

static uint32_t take_u32(struct span *span)
{
    uint32_t value;
    take(span, &value, sizeof value);
    return value;
}

static uint64_t take_u64(struct span *span)
{
    uint64_t value;
    take(span, &value, sizeof value);
    return value;
}

/* A length, then so many bytes, of which the text is what stands before the first NUL. "" when it is not there. */
static const char *take_text(struct span *span, struct arena *arena)
{
    uint32_t length = take_u32(span);
    if (span->is_short || length > span->length) {
        span->is_short = true;
        return "";
    }
    const char *text = arena_copy(arena, span->bytes, strnlen(span->bytes, length));
    span->bytes += length;
    span->length -= length;
    return text ? text : "";
}

static int part_of(const struct ingest_input *input, uint64_t offset, uint64_t size, const char *what,
                   struct span *ret_span, struct err *err)
{
    if (offset > input->length || size > input->length - offset)
        return err_set(err, ERR_INPUT, "byte 0x%zx: %s would end at byte %" PRIu64 " of %zu: the file is cut",
                       input->length, what, offset + size, input->length);
    *ret_span = (struct span){.bytes = input->bytes + offset, .length = (size_t)size};
    return 0;
}

/* --- attributes --- */

static const char *event_name(const struct perf_event_attr *attr, struct arena *arena)
{
    static const char *const software[] = {"cpu-clock", "task-clock", "page-faults", "context-switches",
                                           "cpu-migrations"};
    static const char *const hardware[] = {"cycles",       "instructions", "cache-references",
                                           "cache-misses", "branches",     "branch-misses"};
    const char *name = NULL;
    if (attr->type == PERF_TYPE_SOFTWARE && attr->config < sizeof software / sizeof software[0])
        return software[attr->config];
    if (attr->type == PERF_TYPE_HARDWARE && attr->config < sizeof hardware / sizeof hardware[0])
        return hardware[attr->config];
    name = arena_printf(arena, "event %u:%" PRIx64, attr->type, (uint64_t)attr->config);
    return name ? name : "event";
}

/* `length` bytes of an attribute, of a perf that may be older or newer. */
static int add_attribute(struct perf_file *file, const char *bytes, size_t length, struct err *err)
{
    struct perf_attribute attribute = {0};
    size_t size = num_min(length, sizeof attribute.attr);
    if (length < PERF_ATTR_SIZE_VER0)
        return err_set(err, ERR_INPUT, "byte 0x%zx: an attribute has %zu bytes, the smallest has %d",
                       (size_t)(bytes - file->input->bytes), length, PERF_ATTR_SIZE_VER0);
    if (file->attributes.count >= PERF_FILE_ATTRIBUTES_MAX)
        return err_set(err, ERR_INPUT, "it has more than %u events", PERF_FILE_ATTRIBUTES_MAX);
    memcpy(&attribute.attr, bytes, size);
    attribute.name = event_name(&attribute.attr, file->arena);
    return vec_push(&file->attributes, attribute) ? err_memory(err) : 0;
}

static int add_ids(struct perf_file *file, const char *bytes, size_t count, size_t attribute, struct err *err)
{
    struct span ids = {.bytes = bytes, .length = count * sizeof(uint64_t)};
    for (size_t i = 0; i < count; i++)
        if (map_put(&file->attribute_of, take_u64(&ids), attribute))
            return err_memory(err);
    return 0;
}

static int read_attributes(struct perf_file *file, uint64_t entry_size, struct span entries, struct err *err)
{
    if (entry_size < PERF_ATTR_SIZE_VER0 + 16 || entry_size > 4096)
        return err_set(err, ERR_INPUT, "byte 0x10: an attribute's entry has %" PRIu64 " bytes", entry_size);
    size_t id_bytes = 0;
    for (size_t i = 0; (i + 1) * entry_size <= entries.length; i++) {
        const char *entry = entries.bytes + i * entry_size;
        struct span section = {.bytes = entry + entry_size - 16, .length = 16}, ids = {0};
        uint64_t offset = take_u64(&section), size = take_u64(&section);
        int status = part_of(file->input, offset, size, "the ids of an event", &ids, err);
        /* Each event has its own: the same ones for thousands of events would be read for hours. */
        id_bytes += ids.length;
        if (!status && id_bytes > file->input->length)
            status = err_set(err, ERR_INPUT, "byte 0x%zx: the ids of the events overlap",
                             (size_t)(entry - file->input->bytes));
        if (!status)
            status = add_attribute(file, entry, entry_size - 16, err);
        if (!status)
            status = add_ids(file, ids.bytes, ids.length / sizeof(uint64_t), i, err);
        if (status)
            return status;
    }
    return 0;
}

/* --- features --- */

static int add_build_id(struct perf_file *file, const struct perf_record *record, struct err *err)
{
    /* pid, 20 bytes of id, its size, 3 of padding, the path */
    struct span span = {.bytes = record->bytes + HEAD_BYTES, .length = record->size - HEAD_BYTES};
    struct perf_build_id id = {.size = PERF_FILE_BUILD_ID_MAX};
    uint8_t size[4];
    (void)take_u32(&span);
    take(&span, id.bytes, sizeof id.bytes);
    take(&span, size, sizeof size);
    if (span.is_short)
        return 0;
    if (record->misc & BUILD_ID_HAS_SIZE)
        id.size = num_min(size[0], PERF_FILE_BUILD_ID_MAX);
    id.path = arena_copy(file->arena, span.bytes, strnlen(span.bytes, span.length));
    if (!id.path ||
        map_put(&file->build_id_of, map_hash_bytes(id.path, strlen(id.path)), file->build_ids.count) ||
        vec_push(&file->build_ids, id))
        return err_memory(err);
    return 0;
}

/* A sequence of such records, without others between. */
static int read_build_ids(struct perf_file *file, struct span span, struct err *err)
{
    int status = 0;
    while (span.length > HEAD_BYTES && !status) {
        struct perf_record record = {.bytes = span.bytes};
        memcpy(&record.misc, span.bytes + 4, sizeof record.misc);
        memcpy(&record.size, span.bytes + 6, sizeof record.size);
        if (record.size <= HEAD_BYTES || record.size > span.length)
            break;
        status = add_build_id(file, &record, err);
        span.bytes += record.size;
        span.length -= record.size;
    }
    return status;
}

/* "perf record -g -- ls -l" as a JSON array: what stands behind "--", else all of it. */
static void read_command(struct perf_file *file, struct span span)
{
    uint32_t count = take_u32(&span);
    struct str json = {0};
    size_t told = 0;
    str_append(&json, "[");
    for (uint32_t i = 0; i < count && i < WORDS_MAX && !span.is_short; i++) {
        const char *word = take_text(&span, file->arena);
        if (strcmp(word, "--") == 0 && told) {
            str_clear(&json);
            str_append(&json, "[");
            told = 0;
            continue;
        }
        str_append(&json, told++ ? ",\"" : "\"");
        for (; *word; word++) {
            if ((unsigned char)*word < 0x20)
                str_printf(&json, "\\u%04x", (unsigned)(unsigned char)*word);
            else
                str_printf(&json, "%s%c", *word == '"' || *word == '\\' ? "\\" : "", *word);
        }
        str_append(&json, "\"");
    }
    str_append(&json, "]");
    if (told && !json.failed)
        file->command = arena_string(file->arena, str_text(&json));
    str_free(&json);
}

/* Names and ids of the events. */
static int read_event_names(struct perf_file *file, struct span span, struct err *err)
{
    uint32_t count = take_u32(&span), size = take_u32(&span);
    for (uint32_t i = 0; i < count && !span.is_short && size <= span.length; i++) {
        span.bytes += size;
        span.length -= size;
        uint32_t id_count = take_u32(&span);
        const char *name = take_text(&span, file->arena);
        if (span.is_short || id_count > span.length / sizeof(uint64_t))
            break;
        if (i < file->attributes.count && name[0])
            file->attributes.items[i].name = name;
        /* Of a pipe they come here for the first time. */
        int status = i < file->attributes.count ? add_ids(file, span.bytes, id_count, i, err) : 0;
        if (status)
            return status;
        span.bytes += id_count * sizeof(uint64_t);
        span.length -= id_count * sizeof(uint64_t);
    }
    return 0;
}

static int read_feature(struct perf_file *file, uint64_t feature, struct span span, struct err *err)
{
    struct utsname here;
    switch (feature) {
    case FEATURE_BUILD_ID: return read_build_ids(file, span, err);
    case FEATURE_HOSTNAME: file->host = take_text(&span, file->arena); return 0;
    case FEATURE_OSRELEASE: file->kernel = take_text(&span, file->arena); return 0;
    case FEATURE_ARCH:
        file->is_other_machine =
            uname(&here) == 0 && strcmp(take_text(&span, file->arena), here.machine) != 0;
        return 0;
    case FEATURE_NRCPUS:
        (void)take_u32(&span); /* those that could be there */
        file->cpu_count = num_min(take_u32(&span), 65536);
        return 0;
    case FEATURE_CMDLINE: read_command(file, span); return 0;
    case FEATURE_EVENT_DESC: return read_event_names(file, span, err);
    case FEATURE_CLOCK_DATA:
        (void)take_u64(&span); /* version, clock */
        file->clock_realtime_ns = take_u64(&span);
        file->clock_ns = take_u64(&span);
        return 0;
    default: return 0;
    }
}

static int read_features(struct perf_file *file, const uint64_t bits[4], uint64_t offset, struct err *err)
{
    for (uint64_t feature = 0; feature < FEATURE_COUNT; feature++) {
        struct span section = {0}, span = {0};
        if (!(bits[feature / 64] >> (feature % 64) & 1))
            continue;
        int status = part_of(file->input, offset, 16, "the list of features", &section, err);
        if (status)
            return status;
        uint64_t at = take_u64(&section), size = take_u64(&section);
        status = part_of(file->input, at, size, "a feature", &span, err);
        if (!status)
            status = read_feature(file, feature, span, err);
        if (status)
            return status;
        offset += 16;
    }
    return 0;
}

/* --- the file --- */

static int read_header(struct perf_file *file, struct err *err)
{
    struct span header = {0}, attributes = {0}, records = {0};
    uint64_t bits[4];
    int status = part_of(file->input, 0, FILE_HEADER, "the header", &header, err);
    if (status)
        return status;
    header.bytes += 16;
    header.length -= 16;
    uint64_t entry_size = take_u64(&header);
    uint64_t attributes_at = take_u64(&header), attributes_size = take_u64(&header);
    uint64_t records_at = take_u64(&header), records_size = take_u64(&header);
    header.bytes += 16;
    header.length -= 16;
    take(&header, bits, sizeof bits);
    /* perf writes the size, and the features, when it ends. */
    file->is_open = records_size == 0;
    if (file->is_open && records_at < file->input->length)
        records_size = file->input->length - records_at;
    status = part_of(file->input, attributes_at, attributes_size, "the list of events", &attributes, err);
    if (!status)
        status = part_of(file->input, records_at, records_size, "the records", &records, err);
    if (!status)
        status = read_attributes(file, entry_size, attributes, err);
    if (status)
        return status;
    file->records = records.bytes;
    file->records_length = records.length;
    return file->is_open ? 0 : read_features(file, bits, records_at + records_size, err);
}

static int refuse(const struct ingest_input *input, struct err *err)
{
    if (input->length >= 8 && memcmp(input->bytes, "2ELIFREP", 8) == 0)
        return err_set(
            err, ERR_INPUT,
            "byte 0x0: it comes from a machine of the other byte order: perf script there writes text");
    if (input->length >= 8 && memcmp(input->bytes, "PERFFILE", 8) == 0)
        return err_set(err, ERR_INPUT, "byte 0x0: it is of a perf before 2.6.33");
    return err_set(err, ERR_INPUT, "byte 0x0: it does not begin with PERFILE2");
}

int perf_file_open(const struct ingest_input *input, struct arena *arena, struct perf_file *ret_file,
                   struct err *err)
{
    struct perf_file file = {.input = input, .arena = arena};
    uint64_t header_size = 0;
    int status = 0;
    if (input->length < PIPE_HEADER || memcmp(input->bytes, "PERFILE2", 8) != 0)
        return refuse(input, err);
    memcpy(&header_size, input->bytes + 8, sizeof header_size);
    file.is_pipe = header_size == PIPE_HEADER;
    /* Samples that wait for their turn point to them, and a pipe may tell of more behind samples: they must not move. */
    if (vec_reserve(&file.attributes, PERF_FILE_ATTRIBUTES_MAX))
        return err_memory(err);
    if (file.is_pipe) {
        file.records = input->bytes + PIPE_HEADER;
        file.records_length = input->length - PIPE_HEADER;
    } else {
        status = read_header(&file, err);
    }
    if (status) {
        perf_file_close(&file);
        return status;
    }
    *ret_file = file;
    return 0;
}

void perf_file_close(struct perf_file *file)
{
    vec_free(&file->attributes);
    vec_free(&file->build_ids);
    map_free(&file->attribute_of);
    map_free(&file->build_id_of);
}

/* Some records say how much stands behind them. */
static uint64_t extra_of(const struct perf_record *record)
{
    uint64_t extra = 0;
    uint32_t short_extra = 0;
    if (record->type == PERF_FILE_AUXTRACE && record->size >= HEAD_BYTES + sizeof extra)
        memcpy(&extra, record->bytes + HEAD_BYTES, sizeof extra);
    if (record->type == PERF_FILE_TRACING_DATA && record->size >= HEAD_BYTES + sizeof short_extra) {
        memcpy(&short_extra, record->bytes + HEAD_BYTES, sizeof short_extra);
        extra = ((uint64_t)short_extra + 7) & ~7ull;
    }
    return extra;
}

int perf_file_next(const struct perf_file *file, size_t *at, struct perf_record *ret_record,
                   bool *ret_is_there, bool *ret_is_cut, struct err *err)
{
    size_t left = file->records_length - *at;
    struct perf_record record = {.bytes = file->records + *at};
    *ret_is_there = false;
    *ret_is_cut = left > 0;
    if (left < HEAD_BYTES)
        return 0;
    memcpy(&record.type, record.bytes, sizeof record.type);
    memcpy(&record.misc, record.bytes + 4, sizeof record.misc);
    memcpy(&record.size, record.bytes + 6, sizeof record.size);
    if (record.size < HEAD_BYTES)
        return err_set(err, ERR_INPUT, "byte 0x%zx of the records: one of type %u has %u bytes", *at,
                       record.type, record.size);
    if (record.size > left)
        return 0;
    record.extra = extra_of(&record);
    if (record.extra > left - record.size)
        return 0;
    *at += record.size + (size_t)record.extra;
    *ret_is_there = true;
    *ret_is_cut = false;
    *ret_record = record;
    return 0;
}

static int note_attribute(struct perf_file *file, const struct perf_record *record, struct err *err)
{
    uint32_t size = 0;
    size_t length = record->size - HEAD_BYTES;
    const char *bytes = record->bytes + HEAD_BYTES;
    if (length < PERF_ATTR_SIZE_VER0)
        return err_set(err, ERR_INPUT, "an attribute in the stream has %zu bytes", length);
    memcpy(&size, bytes + 4, sizeof size);
    size = size ? size : PERF_ATTR_SIZE_VER0;
    if (size > length || size < PERF_ATTR_SIZE_VER0)
        return err_set(err, ERR_INPUT, "an attribute in the stream says that it has %u bytes of %zu", size,
                       length);
    int status = add_attribute(file, bytes, size, err);
    return status ? status
                  : add_ids(file, bytes + size, (length - size) / sizeof(uint64_t),
                            file->attributes.count - 1, err);
}

static void note_name(struct perf_file *file, const struct perf_record *record)
{
    struct span span = {.bytes = record->bytes + HEAD_BYTES, .length = record->size - HEAD_BYTES};
    uint64_t kind = take_u64(&span), id = take_u64(&span);
    const uint64_t *attribute = map_get(&file->attribute_of, id);
    if (span.is_short || kind != UPDATE_NAME || !attribute || *attribute >= file->attributes.count)
        return;
    const char *name = arena_copy(file->arena, span.bytes, strnlen(span.bytes, span.length));
    if (name && name[0])
        file->attributes.items[*attribute].name = name;
}

int perf_file_note(struct perf_file *file, const struct perf_record *record, struct err *err)
{
    struct span span = {.bytes = record->bytes + HEAD_BYTES, .length = record->size - HEAD_BYTES};
    uint64_t feature;
    switch (record->type) {
    case PERF_FILE_ATTR: return note_attribute(file, record, err);
    case PERF_FILE_EVENT_UPDATE: note_name(file, record); return 0;
    case PERF_FILE_BUILD_ID: return add_build_id(file, record, err);
    case PERF_FILE_FEATURE:
        feature = take_u64(&span);
        return span.is_short ? 0 : read_feature(file, feature, span, err);
    default: return 0;
    }
}

const struct perf_attribute *perf_file_attribute(const struct perf_file *file, uint64_t id)
{
    const uint64_t *known = map_get(&file->attribute_of, id);
    if (known && *known < file->attributes.count)
        return &file->attributes.items[*known];
    return file->attributes.count ? &file->attributes.items[0] : NULL;
}

const struct perf_build_id *perf_file_build_id(const struct perf_file *file, const char *path)
{
    const uint64_t *known = map_get(&file->build_id_of, map_hash_bytes(path, strlen(path)));
    return known && strcmp(file->build_ids.items[*known].path, path) == 0 ? &file->build_ids.items[*known]
                                                                          : NULL;
}
