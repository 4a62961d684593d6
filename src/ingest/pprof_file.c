/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof_file: profile.proto of github.com/google/pprof, gzipped or not, as Go and many others write it. The numbers of fields are those of
 * that file.
 *
 * Of several values of a sample one is taken: that of `--event-filter`, else the default one, else the last, as `go tool pprof` does.
 * There are no times: a thread's samples stand one behind the other. Labels pid, tid, process and thread tell threads apart, as toll
 * writes them; else all are one thread, named after the first mapping.
 *
 * What a message refers to may come later in the file: samples are read in a second pass.
 */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "codec/gzip.h"
#include "codec/protobuf.h"
#include "ingest/internal.h"
#include "ingest/timeless.h"
#include "model/meta.h"

#define UNPACKED_BYTES_MAX ((size_t)2 << 30)
#define PROBE_BYTES        4096u
#define PROBE_UNPACKED_MAX ((size_t)16 << 20)
#define PROBE_FIELDS       16u
#define VALUES_MAX         32u
#define LOCATIONS_MAX      4096u /* of one sample */
#define LINES_MAX          256u  /* of one location */

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME = 9,
    PROFILE_DEFAULT_TYPE = 14,
    PROFILE_FIELD_MAX = 15
};

struct text {
    const char *bytes;
    size_t length;
};

struct function {
    uint64_t name, file;
};

struct location {
    size_t first, count; /* frames of it, the outermost first, once they are made */
    struct protobuf_field field;
    bool is_made;
};

struct reading {
    const char *bytes; /* of the message */
    size_t length;
    struct tables *tables;
    struct ingest_notes *notes;
    VEC(struct text) strings;
    VEC(struct function) functions;
    VEC(struct location) locations;
    VEC(uint64_t) frames;
    struct map function_of, location_of, mapping_of; /* by id; a mapping: its file's string */
    size_t depth;                                    /* of the sample so far */
    uint64_t main_file;
    uint64_t types[VALUES_MAX], units[VALUES_MAX];
    size_t type_count, value_index;
    uint64_t default_type, time_ns;
    uint64_t negative_count, empty_count;
    struct timeless timeless;
    struct str name;
};

static unsigned long long place(const struct reading *reading, const struct protobuf_field *field)
{
    return (unsigned long long)(field->bytes - reading->bytes);
}

static int broken(const struct reading *reading, const struct protobuf_field *field, const char *what,
                  struct err *err)
{
    return err_set(err, ERR_INPUT, "byte 0x%llx: the message of a %s does not hold together",
                   place(reading, field), what);
}

/* A copy with a NUL behind it, valid until the next one. */
static const char *string_at(struct reading *reading, uint64_t index)
{
    str_clear(&reading->name);
    if (index < reading->strings.count)
        str_append_bytes(&reading->name, reading->strings.items[index].bytes,
                         reading->strings.items[index].length);
    return str_text(&reading->name);
}

static bool string_is(const struct reading *reading, uint64_t index, const char *text)
{
    return index < reading->strings.count && reading->strings.items[index].length == strlen(text) &&
           memcmp(reading->strings.items[index].bytes, text, strlen(text)) == 0;
}

/* The numbers of up to three fields of a message; fields that are not there stay 0. */
static bool numbers_of(const struct protobuf_field *message, const uint32_t *fields, size_t count,
                       uint64_t *ret_values)
{
    struct protobuf_cursor at = {.bytes = message->bytes, .length = message->length};
    struct protobuf_field field;
    while (protobuf_next(&at, &field))
        for (size_t i = 0; i < count; i++)
            if (field.number == fields[i] && field.kind == PROTOBUF_NUMBER)
                ret_values[i] = field.value;
    return !at.is_broken;
}

static int take_type(struct reading *reading, const struct protobuf_field *field, struct err *err)
{
    uint64_t values[2] = {0};
    if (!numbers_of(field, (const uint32_t[]){1, 2}, 2, values))
        return broken(reading, field, "sample type", err);
    if (reading->type_count < VALUES_MAX) {
        reading->types[reading->type_count] = values[0];
        reading->units[reading->type_count++] = values[1];
    }
    return 0;
}

static int take_mapping(struct reading *reading, const struct protobuf_field *field, struct err *err)
{
    uint64_t values[2] = {0};
    if (!numbers_of(field, (const uint32_t[]){1, 5}, 2, values))
        return broken(reading, field, "mapping", err);
    if (!reading->main_file)
        reading->main_file = values[1];
    return map_put(&reading->mapping_of, values[0], values[1]) ? err_memory(err) : 0;
}

static int take_location(struct reading *reading, const struct protobuf_field *field, struct err *err)
{
    uint64_t id = 0;
    const struct location location = {.field = *field};
    if (!numbers_of(field, (const uint32_t[]){1}, 1, &id))
        return broken(reading, field, "location", err);
    return map_put(&reading->location_of, id, reading->locations.count) ||
                   vec_push(&reading->locations, location)
               ? err_memory(err)
               : 0;
}

static int take_function(struct reading *reading, const struct protobuf_field *field, struct err *err)
{
    uint64_t values[3] = {0};
    if (!numbers_of(field, (const uint32_t[]){1, 2, 4}, 3, values))
        return broken(reading, field, "function", err);
    const struct function function = {values[1], values[2]};
    return map_put(&reading->function_of, values[0], reading->functions.count) ||
                   vec_push(&reading->functions, function)
               ? err_memory(err)
               : 0;
}

/* All but the samples. */
static int take_table(struct reading *reading, const struct protobuf_field *field, struct err *err)
{
    if (field->kind == PROTOBUF_NUMBER) {
        if (field->number == PROFILE_DEFAULT_TYPE)
            reading->default_type = field->value;
        if (field->number == PROFILE_TIME)
            reading->time_ns = field->value;
        return 0;
    }
    switch (field->number) {
    case PROFILE_SAMPLE_TYPE: return take_type(reading, field, err);
    case PROFILE_MAPPING: return take_mapping(reading, field, err);
    case PROFILE_LOCATION: return take_location(reading, field, err);
    case PROFILE_FUNCTION: return take_function(reading, field, err);
    case PROFILE_STRING:
        return vec_push(&reading->strings, (struct text){field->bytes, field->length}) ? err_memory(err) : 0;
    default: return 0;
    }
}

typedef int take_fn(struct reading *reading, const struct protobuf_field *field, struct err *err);

static int each_field(struct reading *reading, take_fn *take, struct err *err)
{
    struct protobuf_cursor at = {.bytes = reading->bytes, .length = reading->length};
    struct protobuf_field field;
    int status = 0;
    while (!status && protobuf_next(&at, &field))
        status = take(reading, &field, err);
    if (!status && at.is_broken)
        status = err_set(err, ERR_INPUT, "byte 0x%llx: a field of the profile does not hold together",
                         (unsigned long long)(at.bytes - reading->bytes));
    return status;
}

/* --- frames --- */

static int add_line(struct reading *reading, const struct location *location, const uint64_t line[2],
                    uint64_t address, uint64_t mapping, bool is_inlined, struct err *err)
{
    const uint64_t *index = map_get(&reading->function_of, line[0]),
                   *file = map_get(&reading->mapping_of, mapping);
    const struct function *function = index ? &reading->functions.items[*index] : NULL;
    struct str texts[3] = {{0}};
    uint64_t frame;
    if (!function && line[0])
        return err_set(err, ERR_INPUT, "byte 0x%llx: function %llu of a location is not defined",
                       place(reading, &location->field), (unsigned long long)line[0]);
    if (function) {
        str_append(&texts[0], string_at(reading, function->name));
        str_append(&texts[1], string_at(reading, function->file));
    } else {
        str_printf(&texts[0], "0x%llx", (unsigned long long)address);
    }
    str_append(&texts[2], string_at(reading, file ? *file : 0));
    const struct tables_frame row = {.function = str_text(&texts[0]),
                                     .file = texts[1].length ? str_text(&texts[1]) : NULL,
                                     .module = texts[2].length ? str_text(&texts[2]) : NULL,
                                     .line = line[1],
                                     .address = address,
                                     .is_inlined = is_inlined};
    int status = texts[0].failed || texts[1].failed || texts[2].failed
                     ? err_memory(err)
                     : tables_frame(reading->tables, &row, &frame, err);
    if (!status && vec_push(&reading->frames, frame))
        status = err_memory(err);
    for (size_t i = 0; i < 3; i++)
        str_free(&texts[i]);
    return status;
}

/* The frames of a location: its last line is the function around those that were inlined into it. */
static int make_location(struct reading *reading, struct location *location, struct err *err)
{
    struct protobuf_cursor at = {.bytes = location->field.bytes, .length = location->field.length};
    struct protobuf_field field;
    uint64_t about[2] = {0}, lines[LINES_MAX][2];
    size_t count = 0;
    if (!numbers_of(&location->field, (const uint32_t[]){2, 3}, 2, about))
        return broken(reading, &location->field, "location", err);
    while (protobuf_next(&at, &field)) {
        if (field.number != 4 || field.kind != PROTOBUF_BYTES || count == LINES_MAX)
            continue;
        lines[count][0] = lines[count][1] = 0;
        if (!numbers_of(&field, (const uint32_t[]){1, 2}, 2, lines[count++]))
            return broken(reading, &field, "line", err);
    }
    location->first = reading->frames.count;
    location->is_made = true;
    int status = 0;
    if (!count)
        status = add_line(reading, location, (const uint64_t[2]){0}, about[1], about[0], false, err);
    for (size_t i = count; i-- > 0 && !status;)
        status = add_line(reading, location, lines[i], about[1], about[0], i + 1 < count, err);
    location->count = reading->frames.count - location->first;
    return status;
}

static int push_location(struct reading *reading, const struct protobuf_field *sample, uint64_t id,
                         uint64_t *stack, struct err *err)
{
    const uint64_t *index = map_get(&reading->location_of, id);
    if (!index)
        return err_set(err, ERR_INPUT, "byte 0x%llx: location %llu of a sample is not defined",
                       place(reading, sample), (unsigned long long)id);
    struct location *location = &reading->locations.items[*index];
    int status = location->is_made ? 0 : make_location(reading, location, err);
    /* Locations of many inlined calls make a sample of a few KB a stack of a million frames. */
    for (size_t i = 0; i < location->count && !status && reading->depth++ < LOCATIONS_MAX; i++)
        status =
            tables_stack(reading->tables, *stack, reading->frames.items[location->first + i], stack, err);
    return status;
}

/* --- samples --- */

struct sample {
    uint64_t locations[LOCATIONS_MAX]; /* the innermost first */
    size_t location_count, value_count;
    int64_t value;
    uint64_t pid, tid;
    uint64_t process, thread; /* strings */
};

/* Numbers of a field, packed or one by one. */
static bool next_number(struct protobuf_cursor *packed, const struct protobuf_field *field, bool *is_taken,
                        uint64_t *ret_value)
{
    if (field->kind == PROTOBUF_BYTES)
        return protobuf_varint(packed, ret_value);
    *ret_value = field->value;
    bool is_first = !*is_taken;
    *is_taken = true;
    return is_first;
}

static bool take_numbers(const struct reading *reading, const struct protobuf_field *field,
                         struct sample *sample)
{
    struct protobuf_cursor packed = {.bytes = field->bytes, .length = field->length};
    bool is_taken = false;
    uint64_t value;
    if (field->kind == PROTOBUF_NUMBER)
        packed = (struct protobuf_cursor){0};
    while (next_number(&packed, field, &is_taken, &value)) {
        if (field->number == 1 && sample->location_count < LOCATIONS_MAX)
            sample->locations[sample->location_count++] = value;
        if (field->number == 2 && sample->value_count++ == reading->value_index)
            sample->value = (int64_t)value;
    }
    return !packed.is_broken;
}

static bool take_label(const struct reading *reading, const struct protobuf_field *field,
                       struct sample *sample)
{
    uint64_t values[3] = {0};
    if (!numbers_of(field, (const uint32_t[]){1, 2, 3}, 3, values))
        return false;
    if (string_is(reading, values[0], "pid"))
        sample->pid = values[2];
    else if (string_is(reading, values[0], "tid"))
        sample->tid = values[2];
    else if (string_is(reading, values[0], "process"))
        sample->process = values[1];
    else if (string_is(reading, values[0], "thread"))
        sample->thread = values[1];
    return true;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int find_thread(struct reading *reading, const struct sample *sample, uint32_t *ret_thread,
                       struct err *err)
{
    const char *name = string_at(reading, sample->thread    ? sample->thread
                                          : sample->process ? sample->process
                                                            : reading->main_file);
    name = name[0] ? last_part(name) : "profile";
    const struct tables_who who = {.pid = sample->tid ? sample->pid : 0,
                                   .tid = sample->tid ? sample->tid : 1,
                                   .name = name,
                                   .name_length = strlen(name)};
    int status = tables_thread(reading->tables, &who, ret_thread, err);
    if (!status && sample->process && who.pid)
        status = tables_name_process(reading->tables, who.pid, string_at(reading, sample->process), err);
    return status;
}

static int take_sample(struct reading *reading, const struct protobuf_field *from, struct err *err)
{
    struct protobuf_cursor at = {.bytes = from->bytes, .length = from->length};
    struct protobuf_field field;
    struct sample sample;
    bool holds = true;
    sample.location_count = sample.value_count = 0;
    sample.value = 0;
    sample.pid = sample.tid = sample.process = sample.thread = 0;
    if (from->number != PROFILE_SAMPLE || from->kind != PROTOBUF_BYTES)
        return 0;
    while (holds && protobuf_next(&at, &field)) {
        if (field.number == 1 || field.number == 2)
            holds = take_numbers(reading, &field, &sample);
        else if (field.number == 3 && field.kind == PROTOBUF_BYTES)
            holds = take_label(reading, &field, &sample);
    }
    if (!holds || at.is_broken)
        return broken(reading, from, "sample", err);
    reading->negative_count += sample.value < 0;
    reading->empty_count += sample.value == 0;
    if (sample.value <= 0)
        return 0;
    uint32_t thread;
    uint64_t stack = 0;
    reading->depth = 0;
    int status = find_thread(reading, &sample, &thread, err);
    while (sample.location_count && !status)
        status = push_location(reading, from, sample.locations[--sample.location_count], &stack, err);
    return status ? status
                  : timeless_add(&reading->timeless, reading->tables, thread, stack, (uint64_t)sample.value,
                                 err);
}

/* Which of the values counts. */
static int choose_value(struct reading *reading, const struct ingest_choice *choice, struct err *err)
{
    struct str names = {0};
    bool is_found = !choice->event;
    if (!reading->type_count)
        return err_set(err, ERR_INPUT, "byte 0x0: the profile does not say what its samples are");
    reading->value_index = reading->type_count - 1;
    for (size_t i = 0; i < reading->type_count; i++) {
        bool is_wanted = choice->event ? string_is(reading, reading->types[i], choice->event)
                                       : reading->default_type && reading->types[i] == reading->default_type;
        if (is_wanted)
            reading->value_index = i;
        is_found |= is_wanted;
        str_printf(&names, "%s%s", i ? ", " : "", string_at(reading, reading->types[i]));
    }
    if (!is_found) {
        err_set(err, ERR_INPUT, "the profile has no values of type '%s'", choice->event);
        err_hint(err, "its types are: %s", str_text(&names));
    }
    str_free(&names);
    return is_found ? 0 : -(int)ERR_INPUT;
}

static int tell(struct reading *reading, struct err *err)
{
    struct tables_about *about = &reading->notes->about;
    uint64_t unit = reading->units[reading->value_index];
    const char *name = string_at(reading, reading->types[reading->value_index]);
    about->event = arena_string(&reading->notes->arena, name);
    about->unit = string_is(reading, unit, "nanoseconds") ? "ns"
                  : string_is(reading, unit, "count")
                      ? SAMPLE_UNIT_COUNT
                      : arena_string(&reading->notes->arena, string_at(reading, unit));
    about->clock = "none: the samples of a thread stand one behind the other";
    about->started_realtime_ns = reading->time_ns;
    ingest_remark(reading->notes,
                  "the file has no times: the samples of a thread stand one behind the other");
    ingest_left_out(reading->notes, "samples of a difference, with less than before",
                    reading->negative_count);
    ingest_left_out(reading->notes, "samples with nothing of what was asked for", reading->empty_count);
    return about->event && about->unit ? 0 : err_memory(err);
}

static int read_message(struct reading *reading, const struct ingest_choice *choice, struct err *err)
{
    int status = each_field(reading, take_table, err);
    if (!status)
        status = choose_value(reading, choice, err);
    if (!status)
        status = each_field(reading, take_sample, err);
    if (!status)
        status = tell(reading, err);
    vec_free(&reading->strings);
    vec_free(&reading->functions);
    vec_free(&reading->locations);
    vec_free(&reading->frames);
    vec_free(&reading->timeless.ends);
    map_free(&reading->function_of);
    map_free(&reading->location_of);
    map_free(&reading->mapping_of);
    str_free(&reading->name);
    return status;
}

static int pprof_read(const struct ingest_input *input, const struct ingest_choice *choice,
                      struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading reading = {
        .bytes = input->bytes, .length = input->length, .tables = tables, .notes = notes};
    struct str unpacked = {0};
    int status = 0;
    if (gzip_is(input->bytes, input->length)) {
        status = gzip_unpack(input->bytes, input->length, UNPACKED_BYTES_MAX, input->path, &unpacked, err);
        reading.bytes = str_text(&unpacked);
        reading.length = unpacked.length;
    }
    if (!status)
        status = read_message(&reading, choice, err);
    str_free(&unpacked);
    return status;
}

/* A message of nothing but a type and a unit. */
static bool is_value_type(const struct protobuf_field *field)
{
    struct protobuf_cursor at = {.bytes = field->bytes, .length = field->length};
    struct protobuf_field inner;
    size_t count = 0;
    while (protobuf_next(&at, &inner)) {
        if (inner.kind != PROTOBUF_NUMBER || inner.number < 1 || inner.number > 2)
            return false;
        count++;
    }
    return !at.is_broken && count > 0 && count <= 2;
}

/* Among the first fields, all of which are fields of a profile, is a sample type. */
static bool begins_as_profile(const char *bytes, size_t length)
{
    struct protobuf_cursor at = {.bytes = bytes, .length = length};
    struct protobuf_field field;
    for (size_t i = 0; i < PROBE_FIELDS && protobuf_next(&at, &field); i++) {
        if (field.number > PROFILE_FIELD_MAX)
            return false;
        if (field.number == PROFILE_SAMPLE_TYPE)
            return field.kind == PROTOBUF_BYTES && is_value_type(&field);
    }
    return false;
}

static bool pprof_probe(const struct ingest_input *input)
{
    struct str start = {0};
    if (!gzip_is(input->bytes, input->length))
        return begins_as_profile(input->bytes, input->length);
    /* The start of the file is enough: it is cut short, and what was unpacked of it stays. */
    int status = gzip_unpack(input->bytes, num_min(input->length, PROBE_BYTES), PROBE_UNPACKED_MAX,
                             input->path, &start, NULL);
    bool is_profile = (!status || start.length) && begins_as_profile(str_text(&start), start.length);
    str_free(&start);
    return is_profile;
}

const struct ingest_reader ingest_pprof = {
    .name = "pprof",
    .about = "a pprof profile",
    .probe = pprof_probe,
    .read = pprof_read,
};
