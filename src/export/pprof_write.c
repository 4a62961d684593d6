/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pprof_write: a gzipped profile.proto (github.com/google/pprof, proto/profile.proto; the numbers of fields are those of that file).
 *
 * Each sample is one thread, stack and kind of wait with three values: how often, CPU time, time waited. Locations are what the
 * processor was at: a function and, before it, those that the compiler put into it. A stack that waited ends in a location without an
 * address whose function says for what. Labels: thread, tid, pid, reason, peer.
 *
 * Of allocations (stack_kind_is_heap) a sample is a row of the heap table: what Go's heap profiles have (alloc_objects, alloc_space,
 * inuse_objects, inuse_space: what was never freed), what it had at the peak and how many were temporary; the kind says what is
 * shown first. Labels: process, pid, memory (malloc, pages).
 *
 * The texts, which samples refer to by number, come last: they are found on the way.
 */
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "codec/gzip.h"
#include "codec/protobuf_write.h"
#include "export/internal.h"
#include "export/stack_sum.h"
#include "model/meta.h"
#include "report/escape.h"

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME = 9,
    PROFILE_DURATION = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14
};

/* A location is the frames of it, the innermost first; or a name alone. */
struct pprof {
    const struct cast *cast;
    struct byte_stream *stream; /* what is packed */
    struct intern strings;      /* a text's number in the file is its id here */
    struct intern functions;    /* name's and file's numbers, line 0 */
    struct intern locations;    /* frame indexes, or PLAIN and a string's number */
    struct intern mappings;     /* module names; by id */
    struct str sample, part, packed;
};

#define PLAIN UINT32_MAX

static uint64_t string_of(struct pprof *pprof, const char *text)
{
    uint64_t id = 0;
    if (text[0] && intern_put(&pprof->strings, text, strlen(text), &id, NULL))
        pprof->sample.failed = true;
    return id;
}

static uint64_t location_of(struct pprof *pprof, const uint32_t *frames, size_t count)
{
    uint64_t id = 0;
    if (intern_put(&pprof->locations, (const char *)frames, count * sizeof *frames, &id, NULL))
        pprof->sample.failed = true;
    return id;
}

static uint64_t plain_location(struct pprof *pprof, const char *name)
{
    const uint32_t key[] = {PLAIN, (uint32_t)string_of(pprof, name)};
    return location_of(pprof, key, 2);
}

static void put_locations(struct pprof *pprof, const struct stack_entry *entry)
{
    uint32_t frames[CAST_DEPTH_MAX];
    size_t depth = cast_chain(pprof->cast, entry->stack, frames);
    if (entry->reason != STACK_ON_CPU) {
        struct str wait = {0};
        cast_wait_frame(pprof->cast, (uint64_t)entry->reason, entry->peer, &wait);
        protobuf_put_varint(&pprof->packed, plain_location(pprof, str_text(&wait)));
        str_free(&wait);
    } else if (!depth) {
        protobuf_put_varint(&pprof->packed, plain_location(pprof, cast_function(pprof->cast, CAST_NONE)));
    }
    for (size_t from = 0, to; from < depth; from = to) {
        to = from + 1;
        while (to < depth && pprof->cast->frames.items[frames[to - 1]].is_inlined)
            to++;
        protobuf_put_varint(&pprof->packed, location_of(pprof, frames + from, to - from));
    }
    protobuf_put_message(&pprof->sample, 1, &pprof->packed);
}

static void put_label(struct pprof *pprof, const char *key, const char *text, uint64_t number)
{
    protobuf_put_number(&pprof->part, 1, string_of(pprof, key));
    if (text)
        protobuf_put_number(&pprof->part, 2, string_of(pprof, text));
    else
        protobuf_put_number(&pprof->part, 3, number);
    protobuf_put_message(&pprof->sample, 3, &pprof->part);
}

static void put_process(struct pprof *pprof, const struct stack_entry *entry)
{
    put_label(pprof, "process", entry->program, 0);
    put_label(pprof, "pid", NULL, pprof->cast->tracks.items[entry->track].pid);
}

static void put_labels(struct pprof *pprof, const struct stack_entry *entry)
{
    const struct cast *cast = pprof->cast;
    const struct cast_track *track = &cast->tracks.items[entry->track];
    put_process(pprof, entry);
    put_label(pprof, "thread", track->name, 0);
    put_label(pprof, "tid", NULL, track->tid);
    if (entry->reason == STACK_ON_CPU)
        return;
    put_label(pprof, "reason", wait_reason_name((uint64_t)entry->reason), 0);
    if (entry->peer != CAST_NONE && cast->peers.items[entry->peer].label[0])
        put_label(pprof, "peer", cast->peers.items[entry->peer].label, 0);
}

static int send_field(struct pprof *pprof, uint32_t field, struct err *err)
{
    struct str framed = {0};
    protobuf_put_message(&framed, field, &pprof->sample);
    int status = framed.failed ? err_memory(err) : 0;
    stream_bytes(pprof->stream, str_text(&framed), framed.length);
    str_free(&framed);
    return status ? status : stream_status(pprof->stream, err);
}

static int write_samples(struct pprof *pprof, enum stack_kind kind, struct err *err)
{
    struct stack_sum sum;
    int status = stack_sum_make(pprof->cast, kind, STACK_SUM_BY_TRACK, &sum, err);
    if (status)
        return status;
    for (size_t i = 0; i < sum.entries.count && !status; i++) {
        const struct stack_entry *entry = &sum.entries.items[i];
        bool is_wait = entry->reason != STACK_ON_CPU;
        put_locations(pprof, entry);
        protobuf_put_varint(&pprof->packed, entry->count);
        protobuf_put_varint(&pprof->packed, is_wait ? 0 : entry->ns / pprof->cast->unit_scale);
        protobuf_put_varint(&pprof->packed, is_wait ? entry->ns : 0);
        protobuf_put_message(&pprof->sample, 2, &pprof->packed);
        put_labels(pprof, entry);
        status = send_field(pprof, PROFILE_SAMPLE, err);
    }
    stack_sum_free(&sum);
    return status;
}

/* --- allocations --- */

#define HEAP_TYPE_COUNT 6

static const char *const heap_types[HEAP_TYPE_COUNT][2] = {
    {"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"},
    {"inuse_space", "bytes"},   {"peak_space", "bytes"},  {"temporary_objects", "count"}};

static const char *heap_type_first(enum stack_kind kind)
{
    if (kind == STACKS_PEAK)
        return "peak_space";
    if (kind == STACKS_LEAK)
        return "inuse_space";
    return kind == STACKS_TEMPORARY ? "temporary_objects" : "alloc_space";
}

static int write_allocation(struct pprof *pprof, const struct row_heap *row, struct err *err)
{
    const struct cast *cast = pprof->cast;
    struct stack_entry entry = {.track = cast_track(cast, row->track),
                                .stack = cast_stack(cast, row->stack),
                                .peer = CAST_NONE,
                                .reason = STACK_ON_CPU};
    const uint64_t values[HEAP_TYPE_COUNT] = {
        row->count,      row->bytes,      row->count - num_min(row->freed_count, row->count),
        row->left_bytes, row->peak_bytes, row->temporary_count};
    if (entry.track == CAST_NONE)
        return 0;
    entry.program = cast_program(cast, entry.track, row->end_ns);
    put_locations(pprof, &entry);
    for (size_t i = 0; i < HEAP_TYPE_COUNT; i++)
        protobuf_put_varint(&pprof->packed, values[i]);
    protobuf_put_message(&pprof->sample, 2, &pprof->packed);
    put_process(pprof, &entry);
    put_label(pprof, "memory", row->kind == ALLOCATION_PAGES ? "pages" : "malloc", 0);
    return send_field(pprof, PROFILE_SAMPLE, err);
}

static int write_allocations(void *context, const struct batch *batch, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < batch->row_count && !status; i++) {
        struct row_heap row;
        batch_row(batch, i, (uint64_t *)&row);
        status = write_allocation(context, &row, err);
    }
    return status;
}

/* --- what samples refer to --- */

static uint64_t function_of(struct pprof *pprof, const char *name, const char *file)
{
    const uint64_t key[] = {string_of(pprof, name), string_of(pprof, file)};
    uint64_t id = 0;
    if (intern_put(&pprof->functions, (const char *)key, sizeof key, &id, NULL))
        pprof->sample.failed = true;
    return id;
}

static void put_line(struct pprof *pprof, const char *name, const char *file, uint64_t line)
{
    protobuf_put_number(&pprof->part, 1, function_of(pprof, name, file));
    protobuf_put_number(&pprof->part, 2, line);
    protobuf_put_message(&pprof->sample, 4, &pprof->part);
}

static int write_location(struct pprof *pprof, size_t index, struct err *err)
{
    const struct intern_entry *location = &pprof->locations.entries.items[index];
    uint32_t frames[CAST_DEPTH_MAX];
    size_t count = location->length / sizeof *frames;
    memcpy(frames, location->bytes, location->length);
    protobuf_put_number(&pprof->sample, 1, index + 1);
    if (frames[0] == PLAIN) {
        put_line(pprof, intern_text(&pprof->strings, frames[1]), "", 0);
        return send_field(pprof, PROFILE_LOCATION, err);
    }
    const struct cast_frame *outer = &pprof->cast->frames.items[frames[count - 1]];
    uint64_t mapping = 0;
    if (outer->module[0] &&
        intern_put(&pprof->mappings, outer->module, strlen(outer->module), &mapping, NULL))
        return err_memory(err);
    if (mapping)
        protobuf_put_number(&pprof->sample, 2, mapping);
    protobuf_put_number(&pprof->sample, 3, outer->address);
    for (size_t i = 0; i < count; i++) {
        const struct cast_frame *frame = &pprof->cast->frames.items[frames[i]];
        put_line(pprof, cast_function(pprof->cast, frames[i]), frame->file, frame->line);
    }
    return send_field(pprof, PROFILE_LOCATION, err);
}

static int write_mapping(struct pprof *pprof, size_t index, struct err *err)
{
    protobuf_put_number(&pprof->sample, 1, index + 1);
    protobuf_put_number(&pprof->sample, 3, UINT64_MAX);
    const char *module = pprof->mappings.entries.items[index].bytes;
    uint64_t build_id = string_of(pprof, cast_build_id(pprof->cast, module));
    protobuf_put_number(&pprof->sample, 5, string_of(pprof, module));
    if (build_id)
        protobuf_put_number(&pprof->sample, 6, build_id);
    for (uint32_t has = 7; has <= 10;
         has++) /* functions, files, lines, inlined frames: nothing is left to look up */
        protobuf_put_number(&pprof->sample, has, 1);
    return send_field(pprof, PROFILE_MAPPING, err);
}

static int write_function(struct pprof *pprof, size_t index, struct err *err)
{
    uint64_t key[2];
    memcpy(key, pprof->functions.entries.items[index].bytes, sizeof key);
    protobuf_put_number(&pprof->sample, 1, index + 1);
    protobuf_put_number(&pprof->sample, 2, key[0]);
    protobuf_put_number(&pprof->sample, 3, key[0]);
    protobuf_put_number(&pprof->sample, 4, key[1]);
    return send_field(pprof, PROFILE_FUNCTION, err);
}

static int write_type(struct pprof *pprof, uint32_t field, const char *type, const char *unit,
                      struct err *err)
{
    protobuf_put_number(&pprof->sample, 1, string_of(pprof, type));
    protobuf_put_number(&pprof->sample, 2, string_of(pprof, unit));
    return send_field(pprof, field, err);
}

/* Of an import, weights may be cycles, or instructions. */
static const char *cpu_type(const struct cast *cast)
{
    return cast_has_time(cast) ? "cpu" : cast->unit;
}

static const char *cpu_unit(const struct cast *cast)
{
    return cast_has_time(cast) ? "nanoseconds" : "count";
}

static uint64_t meta_number(const struct pprof *pprof, const char *key)
{
    const char *text = view_meta(pprof->cast->view, key);
    uint64_t value = 0;
    return text && !num_parse_u64(text, &value) ? value : 0;
}

static int write_facts(struct pprof *pprof, enum stack_kind kind, struct err *err)
{
    const struct cast *cast = pprof->cast;
    uint64_t rate_hz = meta_number(pprof, META_RATE_HZ);
    struct str *facts = &pprof->packed;
    protobuf_put_number(facts, PROFILE_TIME, meta_number(pprof, META_STARTED_REALTIME));
    protobuf_put_number(facts, PROFILE_DURATION, cast->end_ns - cast->start_ns);
    bool is_heap = stack_kind_is_heap(kind);
    if (is_heap)
        protobuf_put_number(facts, PROFILE_PERIOD, num_max(meta_number(pprof, META_HEAP_RATE), 1));
    else if (rate_hz)
        protobuf_put_number(facts, PROFILE_PERIOD, 1000000000u / rate_hz);
    protobuf_put_number(facts, PROFILE_DEFAULT_TYPE,
                        string_of(pprof, is_heap                  ? heap_type_first(kind)
                                         : kind == STACKS_OFF_CPU ? "off-cpu"
                                                                  : cpu_type(cast)));
    if (cast->command[0])
        protobuf_put_number(facts, PROFILE_COMMENT, string_of(pprof, cast->command));
    stream_bytes(pprof->stream, str_text(facts), facts->length);
    str_clear(facts);
    return is_heap ? write_type(pprof, PROFILE_PERIOD_TYPE, "space", "bytes", err)
                   : write_type(pprof, PROFILE_PERIOD_TYPE, cpu_type(cast), cpu_unit(cast), err);
}

static int write_strings(struct pprof *pprof, struct err *err)
{
    int status = send_field(pprof, PROFILE_STRING, err); /* number 0 is the empty one */
    for (size_t i = 0; i < pprof->strings.entries.count && !status; i++) {
        escape_plain(&pprof->sample, pprof->strings.entries.items[i].bytes);
        status = send_field(pprof, PROFILE_STRING, err);
    }
    return status;
}

static bool is_program(const char *module)
{
    return module && module[0] == '/' && !strstr(module, ".so");
}

/* Readers take the first mapping for the program: that of the command, else, where its file has another name (sh is dash), the
 * first that is no library. */
static void put_program_first(struct pprof *pprof)
{
    const struct cast *cast = pprof->cast;
    uint32_t root = cast_track(cast, meta_number(pprof, META_ROOT_TRACK));
    const char *program = root == CAST_NONE ? "" : cast_program(cast, root, cast->end_ns), *found = NULL;
    for (size_t i = 0; i < cast->frames.count; i++) {
        const char *module = cast->frames.items[i].module ? cast->frames.items[i].module : "";
        const char *slash = strrchr(module, '/');
        if (module[0] && strcmp(slash ? slash + 1 : module, program) == 0) {
            found = module;
            break;
        }
        found = !found && is_program(module) ? module : found;
    }
    uint64_t id;
    if (found && intern_put(&pprof->mappings, found, strlen(found), &id, NULL))
        pprof->sample.failed = true;
}

static int write_types(struct pprof *pprof, enum stack_kind kind, struct err *err)
{
    int status = 0;
    for (size_t i = 0; stack_kind_is_heap(kind) && i < HEAP_TYPE_COUNT && !status; i++)
        status = write_type(pprof, PROFILE_SAMPLE_TYPE, heap_types[i][0], heap_types[i][1], err);
    if (stack_kind_is_heap(kind))
        return status;
    status = write_type(pprof, PROFILE_SAMPLE_TYPE, "samples", "count", err);
    if (!status)
        status = write_type(pprof, PROFILE_SAMPLE_TYPE, cpu_type(pprof->cast), cpu_unit(pprof->cast), err);
    return status ? status : write_type(pprof, PROFILE_SAMPLE_TYPE, "off-cpu", "nanoseconds", err);
}

static int write_profile(struct pprof *pprof, enum stack_kind kind, struct err *err)
{
    int status = write_types(pprof, kind, err);
    put_program_first(pprof);
    if (!status)
        status = stack_kind_is_heap(kind)
                     ? view_scan_all(pprof->cast->view, TABLE_HEAP, write_allocations, pprof, err)
                     : write_samples(pprof, kind, err);
    for (size_t i = 0; i < pprof->locations.entries.count && !status; i++)
        status = write_location(pprof, i, err);
    for (size_t i = 0; i < pprof->mappings.entries.count && !status; i++)
        status = write_mapping(pprof, i, err);
    for (size_t i = 0; i < pprof->functions.entries.count && !status; i++)
        status = write_function(pprof, i, err);
    if (!status)
        status = write_facts(pprof, kind, err);
    return status ? status : write_strings(pprof, err);
}

static int send_packed(void *context, const char *bytes, size_t length, struct err *err)
{
    stream_bytes(context, bytes, length);
    return stream_status(context, err);
}

static int pack_piece(void *context, const char *bytes, size_t length, struct err *err)
{
    return gzip_pack(context, bytes, length, err);
}

FOREIGN_WRITER(pprof_write)
{
    struct gzip_packer *packer;
    int status = gzip_packer_create(send_packed, stream, &packer, err);
    if (status)
        return status;
    struct byte_stream unpacked = {.write = pack_piece, .context = packer};
    struct pprof pprof = {.cast = input->cast, .stream = &unpacked};
    status = write_profile(&pprof, input->kind, err);
    status = stream_finish(&unpacked, status, err);
    if (!status)
        status = gzip_packer_finish(packer, err);
    gzip_packer_destroy(packer);
    intern_free(&pprof.strings);
    intern_free(&pprof.functions);
    intern_free(&pprof.locations);
    intern_free(&pprof.mappings);
    str_free(&pprof.sample);
    str_free(&pprof.part);
    str_free(&pprof.packed);
    return status;
}
