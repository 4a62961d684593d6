/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firefox_write: a processed profile of the Firefox Profiler (github.com/firefox-devtools/profiler, docs-developer/CHANGELOG-formats.md),
 * in version 60 of its format, the first with tables shared by all threads; viewers bring older versions up to theirs.
 *
 * Each thread has samples (weight in milliseconds of CPU time) and markers: waits, with where they waited, and spans. Series are
 * counters (firefox_counters.h). The tables of
 * strings, stacks, frames and functions come last: they are found on the way. Stacks are numbered anew, callers before what they call.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "export/firefox_counters.h"
#include "export/internal.h"
#include "export/track_rows.h"
#include "model/meta.h"

#define FORMAT_VERSION 60
#define GECKO_VERSION  24 /* of the format that this one was made from */
#define MS_DIGITS      6
#define PHASE_INTERVAL 1

enum category { CATEGORY_OTHER, CATEGORY_USER, CATEGORY_KERNEL, CATEGORY_WAIT };

static const char categories[] = "[{\"name\":\"Other\",\"color\":\"grey\",\"subcategories\":[\"Other\"]},"
                                 "{\"name\":\"User\",\"color\":\"yellow\",\"subcategories\":[\"Other\"]},"
                                 "{\"name\":\"Kernel\",\"color\":\"orange\",\"subcategories\":[\"Other\"]},"
                                 "{\"name\":\"Waiting\",\"color\":\"blue\",\"subcategories\":[\"Other\"]}]";

static const char marker_schema[] =
    "[{\"name\":\"Wait\",\"tooltipLabel\":\"{marker.data.reason}\",\"tableLabel\":\"{marker.data.reason} "
    "{marker.data.peer}\",\"chartLabel\":\"{marker.data.peer}\","
    "\"display\":[\"marker-chart\",\"marker-table\",\"timeline-overview\"],\"fields\":["
    "{\"key\":\"reason\",\"label\":\"Reason\",\"format\":\"string\"},"
    "{\"key\":\"peer\",\"label\":\"For\",\"format\":\"string\"},"
    "{\"key\":\"count\",\"label\":\"Waits in a row\",\"format\":\"integer\"}]},"
    "{\"name\":\"Span\",\"tooltipLabel\":\"{marker.data.name}\",\"tableLabel\":\"{marker.data.name}\","
    "\"chartLabel\":\"{marker.data.name}\",\"display\":[\"marker-chart\",\"marker-table\",\"timeline-"
    "overview\"],"
    "\"fields\":[{\"key\":\"name\",\"label\":\"Name\",\"format\":\"string\"}]}]";

struct firefox {
    const struct cast *cast;
    struct byte_stream *stream;
    struct intern strings;   /* a string's index is its id here - 1 */
    struct intern modules;   /* likewise of libs and resources */
    struct intern functions; /* name and module, file and line: struct function */
    struct intern sources;
    VEC(struct firefox_thread) threads; /* in the order of the file */
    uint32_t *new_stacks;               /* by stack: its index in the file + 1 */
    VEC(uint32_t) stacks;               /* in the order of the file */
    bool failed;
};

struct function {
    uint64_t name, module, source; /* ids, 0: none */
};

static uint64_t id_of(struct firefox *firefox, struct intern *intern, const void *bytes, size_t length)
{
    uint64_t id = 0;
    if (intern_put(intern, bytes, length, &id, NULL))
        firefox->failed = true;
    return id;
}

static uint64_t string_of(struct firefox *firefox, const char *text)
{
    return id_of(firefox, &firefox->strings, text, strlen(text)) - 1;
}

/* A stack's index in the file; those that call it are numbered before it. */
static void put_stack(struct firefox *firefox, uint32_t stack)
{
    uint32_t chain[CAST_DEPTH_MAX];
    size_t depth = 0;
    const struct cast *cast = firefox->cast;
    for (uint32_t at = stack; at < cast->stacks.count && depth < CAST_DEPTH_MAX && !firefox->new_stacks[at];
         at = cast->stacks.items[at].parent)
        chain[depth++] = at;
    while (depth--) {
        if (vec_push(&firefox->stacks, chain[depth]))
            firefox->failed = true;
        firefox->new_stacks[chain[depth]] = (uint32_t)firefox->stacks.count;
    }
    if (stack < cast->stacks.count)
        stream_u64(firefox->stream, firefox->new_stacks[stack] - 1);
    else
        stream_text(firefox->stream, "null");
}

static void put_ms(struct firefox *firefox, uint64_t ns)
{
    stream_decimal(firefox->stream, ns, MS_DIGITS);
}

/* One column of a table: its items are written by `put`, for rows of some kinds. */
struct column_of {
    struct firefox *firefox;
    const struct track_row *rows;
    size_t count;
    bool is_marker;
};

typedef void put_item_fn(struct firefox *firefox, const struct track_row *row);

static size_t put_column(const struct column_of *of, const char *name, put_item_fn *put)
{
    struct byte_stream *stream = of->firefox->stream;
    size_t written = 0;
    stream_printf(stream, "\"%s\":[", name);
    for (size_t i = 0; i < of->count; i++) {
        if ((of->rows[i].kind != ROW_SAMPLE) != of->is_marker)
            continue;
        stream_text(stream, written++ ? "," : "");
        put(of->firefox, &of->rows[i]);
    }
    stream_text(stream, "],");
    return written;
}

static void put_row_stack(struct firefox *firefox, const struct track_row *row)
{
    put_stack(firefox, row->stack);
}

static void put_row_time(struct firefox *firefox, const struct track_row *row)
{
    put_ms(firefox, cast_since(firefox->cast, row->time_ns));
}

static void put_row_end(struct firefox *firefox, const struct track_row *row)
{
    put_ms(firefox, cast_since(firefox->cast, row->time_ns + row->length_ns));
}

/* Milliseconds of CPU time; of an import in other units, so many of them. */
static void put_row_weight(struct firefox *firefox, const struct track_row *row)
{
    if (cast_has_time(firefox->cast))
        put_ms(firefox, row->length_ns);
    else
        stream_u64(firefox->stream, row->length_ns / firefox->cast->unit_scale);
}

static void put_row_ns(struct firefox *firefox, const struct track_row *row)
{
    stream_u64(firefox->stream, row->length_ns);
}

static void put_row_name(struct firefox *firefox, const struct track_row *row)
{
    const char *name =
        row->kind == ROW_SPAN ? span_category_name(row->reason) : wait_reason_name(row->reason);
    stream_u64(firefox->stream, string_of(firefox, name));
}

static void put_row_phase(struct firefox *firefox, const struct track_row *row)
{
    (void)row;
    stream_u64(firefox->stream, PHASE_INTERVAL);
}

static void put_row_category(struct firefox *firefox, const struct track_row *row)
{
    stream_u64(firefox->stream, row->kind == ROW_SPAN ? CATEGORY_OTHER : CATEGORY_WAIT);
}

static void put_row_data(struct firefox *firefox, const struct track_row *row)
{
    struct byte_stream *stream = firefox->stream;
    const struct cast *cast = firefox->cast;
    if (row->kind == ROW_SPAN) {
        stream_text(stream, "{\"type\":\"Span\",\"name\":");
        stream_json(stream, view_text(cast->view, row->stack));
        stream_text(stream, "}");
        return;
    }
    stream_printf(stream, "{\"type\":\"Wait\",\"reason\":\"%s\",\"peer\":", wait_reason_name(row->reason));
    stream_json(stream, row->peer < cast->peers.count ? cast->peers.items[row->peer].label : "");
    if (row->count > 1)
        stream_printf(stream, ",\"count\":%u", (unsigned)row->count);
    if (row->stack < cast->stacks.count) {
        stream_text(stream, ",\"cause\":{\"time\":");
        put_ms(firefox, cast_since(cast, row->time_ns));
        stream_text(stream, ",\"stack\":");
        put_stack(firefox, row->stack);
        stream_text(stream, "}");
    }
    stream_text(stream, "}");
}

static void write_thread_head(struct firefox *firefox, uint32_t index)
{
    const struct cast *cast = firefox->cast;
    const struct cast_track *track = &cast->tracks.items[index],
                            *process = &cast->tracks.items[track->process];
    struct byte_stream *stream = firefox->stream;
    struct firefox_thread thread = {
        .process = track->process, .pid = track->pid, .is_main = track->pid == track->tid};
    stream_text(stream, firefox->threads.count ? ",\n{" : "\n{");
    if (vec_push(&firefox->threads, thread))
        firefox->failed = true;
    stream_text(stream, "\"processType\":\"default\",\"processStartupTime\":");
    put_ms(firefox, cast_since(cast, process->start_ns));
    stream_text(stream, ",\"processShutdownTime\":");
    put_ms(firefox, cast_since(cast, process->end_ns));
    stream_text(stream, ",\"registerTime\":");
    put_ms(firefox, cast_since(cast, track->start_ns));
    stream_text(stream, ",\"unregisterTime\":");
    put_ms(firefox, cast_since(cast, track->end_ns));
    stream_text(stream, ",\"pausedRanges\":[],\"showMarkersInTimeline\":true,\"name\":");
    stream_json(stream, track->name[0] ? track->name : track_kind_name(track->kind));
    stream_text(stream, ",\"processName\":");
    stream_json(stream, cast_program(cast, index, track->end_ns));
    stream_printf(stream, ",\"isMainThread\":%s,\"pid\":\"%llu\",\"tid\":%llu,",
                  thread.is_main ? "true" : "false", (unsigned long long)track->pid,
                  (unsigned long long)track->tid);
}

static int write_thread(void *context, uint32_t index, struct track_row *rows, size_t count, struct err *err)
{
    struct firefox *firefox = context;
    const struct column_of samples = {firefox, rows, count, false}, markers = {firefox, rows, count, true};
    bool has_time = cast_has_time(firefox->cast);
    write_thread_head(firefox, index);
    stream_text(firefox->stream, "\n\"samples\":{");
    size_t length = put_column(&samples, "stack", put_row_stack);
    put_column(&samples, "time", put_row_time);
    put_column(&samples, "weight", put_row_weight);
    if (has_time)
        put_column(&samples, "threadCPUDelta", put_row_ns);
    stream_printf(firefox->stream, "\"weightType\":\"%s\",\"length\":%zu},\n\"markers\":{",
                  has_time ? "tracing-ms" : "samples", length);
    length = put_column(&markers, "name", put_row_name);
    put_column(&markers, "startTime", put_row_time);
    put_column(&markers, "endTime", put_row_end);
    put_column(&markers, "phase", put_row_phase);
    put_column(&markers, "category", put_row_category);
    put_column(&markers, "data", put_row_data);
    stream_printf(firefox->stream, "\"length\":%zu}}", length);
    return firefox->failed ? err_memory(err) : stream_status(firefox->stream, err);
}

/* The function of a frame, its id in the table; a frame without a row is one without a name. */
static uint64_t function_of(struct firefox *firefox, uint32_t frame)
{
    const struct cast_frame *at =
        frame < firefox->cast->frames.count ? &firefox->cast->frames.items[frame] : NULL;
    bool is_known = at && at->function;
    struct function function = {.name = string_of(firefox, cast_function(firefox->cast, frame)) + 1};
    if (is_known && at->module[0])
        function.module = id_of(firefox, &firefox->modules, at->module, strlen(at->module));
    if (is_known && at->file[0])
        function.source = id_of(firefox, &firefox->sources, at->file, strlen(at->file));
    return id_of(firefox, &firefox->functions, &function, sizeof function) - 1;
}

static enum category category_of(const struct cast *cast, uint32_t frame)
{
    const struct cast_frame *at = frame < cast->frames.count ? &cast->frames.items[frame] : NULL;
    if (!at || !at->function)
        return CATEGORY_OTHER;
    return strstr(at->module, "[kernel") || strstr(at->module, "vmlinux") || str_ends(at->module, ".ko")
               ? CATEGORY_KERNEL
               : CATEGORY_USER;
}

/* A table's column over all items: `expression` writes item i. */
#define COLUMN_LIST(name, count, expression)                                                                 \
    do {                                                                                                     \
        stream_text(stream, "\"" name "\":[");                                                               \
        for (size_t i = 0; i < (count); i++) {                                                               \
            stream_text(stream, i ? "," : "");                                                               \
            expression;                                                                                      \
        }                                                                                                    \
        stream_text(stream, "],\n");                                                                         \
    } while (0)

static void put_number_or(struct byte_stream *stream, bool is_known, uint64_t number, const char *otherwise)
{
    if (is_known)
        stream_u64(stream, number);
    else
        stream_text(stream, otherwise);
}

static void write_stacks(struct firefox *firefox)
{
    struct byte_stream *stream = firefox->stream;
    const struct cast_stack *stacks = firefox->cast->stacks.items;
    size_t count = firefox->stacks.count;
    /* A circle, in a damaged file, would lead to a later stack. */
    stream_text(stream, "\"stackTable\":{");
    COLUMN_LIST("frame", count,
                stream_u64(stream, stacks[firefox->stacks.items[i]].frame < firefox->cast->frames.count
                                       ? stacks[firefox->stacks.items[i]].frame
                                       : firefox->cast->frames.count));
    COLUMN_LIST("prefix", count, {
        uint32_t parent = stacks[firefox->stacks.items[i]].parent;
        uint32_t index = parent < firefox->cast->stacks.count ? firefox->new_stacks[parent] : 0;
        put_number_or(stream, index && index - 1 < i, index - 1, "null");
    });
    stream_printf(stream, "\"length\":%zu},\n", count);
}

/* All frames of the recording, and one for frames that have no row. */
static void write_frames(struct firefox *firefox)
{
    struct byte_stream *stream = firefox->stream;
    const struct cast *cast = firefox->cast;
    size_t count = cast->frames.count + 1;
#define FRAME_HAS(field)                                                                                     \
    (i < cast->frames.count && cast->frames.items[i].function && cast->frames.items[i].field)
    stream_text(stream, "\"frameTable\":{");
    COLUMN_LIST("func", count, stream_u64(stream, function_of(firefox, (uint32_t)i)));
    COLUMN_LIST("address", count, stream_text(stream, "-1"));
    COLUMN_LIST("inlineDepth", count, stream_text(stream, FRAME_HAS(is_inlined) ? "1" : "0"));
    COLUMN_LIST("category", count, stream_u64(stream, category_of(cast, (uint32_t)i)));
    COLUMN_LIST("subcategory", count, stream_text(stream, "0"));
    COLUMN_LIST("nativeSymbol", count, stream_text(stream, "null"));
    COLUMN_LIST("innerWindowID", count, stream_text(stream, "null"));
    COLUMN_LIST(
        "line", count,
        put_number_or(stream, FRAME_HAS(line), FRAME_HAS(line) ? cast->frames.items[i].line : 0, "null"));
    COLUMN_LIST("column", count, stream_text(stream, "null"));
    stream_printf(stream, "\"length\":%zu},\n", count);
#undef FRAME_HAS
}

static struct function function_at(const struct firefox *firefox, size_t index)
{
    struct function function;
    memcpy(&function, firefox->functions.entries.items[index].bytes, sizeof function);
    return function;
}

static void write_functions(struct firefox *firefox)
{
    struct byte_stream *stream = firefox->stream;
    size_t count = firefox->functions.entries.count;
    stream_text(stream, "\"funcTable\":{");
    COLUMN_LIST("name", count, stream_u64(stream, function_at(firefox, i).name - 1));
    COLUMN_LIST("isJS", count, stream_text(stream, "false"));
    COLUMN_LIST("relevantForJS", count, stream_text(stream, "false"));
    COLUMN_LIST("resource", count, {
        uint64_t module = function_at(firefox, i).module;
        put_number_or(stream, module, module - 1, "-1");
    });
    COLUMN_LIST("source", count, {
        uint64_t source = function_at(firefox, i).source;
        put_number_or(stream, source, source - 1, "null");
    });
    COLUMN_LIST("lineNumber", count, stream_text(stream, "null"));
    COLUMN_LIST("columnNumber", count, stream_text(stream, "null"));
    stream_printf(stream, "\"length\":%zu},\n", count);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* A resource for each module, and a source for each file. */
static void write_places(struct firefox *firefox)
{
    struct byte_stream *stream = firefox->stream;
    const struct intern *modules = &firefox->modules, *sources = &firefox->sources;
    stream_text(stream, "\"resourceTable\":{");
    COLUMN_LIST("lib", modules->entries.count, stream_u64(stream, i));
    COLUMN_LIST("name", modules->entries.count,
                stream_u64(stream, string_of(firefox, last_part(modules->entries.items[i].bytes))));
    COLUMN_LIST("host", modules->entries.count, stream_text(stream, "null"));
    COLUMN_LIST("type", modules->entries.count, stream_text(stream, "1"));
    stream_printf(stream, "\"length\":%zu},\n", modules->entries.count);
    stream_text(
        stream,
        "\"nativeSymbols\":{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],\"length\":0},\n"
        "\"sources\":{");
    COLUMN_LIST("uuid", sources->entries.count, stream_text(stream, "null"));
    COLUMN_LIST("filename", sources->entries.count,
                stream_u64(stream, string_of(firefox, sources->entries.items[i].bytes)));
    stream_printf(stream, "\"length\":%zu},\n", sources->entries.count);
}

/* As symbol servers know a file: by its build-id, and by the first 16 bytes of it read as a GUID, with a 0 behind. */
static void put_build_id(struct firefox *firefox, const char *path)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    struct byte_stream *stream = firefox->stream;
    uint8_t bytes[BUILD_ID_BYTES_MAX] = {0};
    size_t size = cast_build_id_bytes(firefox->cast, path, bytes);
    stream_text(stream, ",\"breakpadId\":\"");
    for (size_t i = 0; size && i < sizeof order; i++)
        stream_printf(stream, "%02X", bytes[order[i]]);
    stream_text(stream, size ? "0\",\"codeId\":\"" : "\",\"codeId\":null");
    if (size)
        stream_printf(stream, "%s\"", cast_build_id(firefox->cast, path));
}

static void write_shared(struct firefox *firefox)
{
    struct byte_stream *stream = firefox->stream;
    stream_text(stream, "\"shared\":{");
    write_stacks(firefox);
    write_frames(firefox);
    write_functions(firefox);
    write_places(firefox);
    stream_text(stream, "\"stringArray\":[");
    for (size_t i = 0; i < firefox->strings.entries.count; i++) {
        stream_text(stream, i ? "," : "");
        stream_json(stream, firefox->strings.entries.items[i].bytes);
    }
    stream_text(stream, "]},\n\"libs\":[");
    for (size_t i = 0; i < firefox->modules.entries.count; i++) {
        const char *path = firefox->modules.entries.items[i].bytes;
        const char *const parts[][2] = {
            {"name", last_part(path)}, {"path", path}, {"debugName", last_part(path)}, {"debugPath", path}};
        stream_text(stream, i ? ",\n{\"arch\":\"\"" : "\n{\"arch\":\"\"");
        put_build_id(firefox, path);
        for (size_t j = 0; j < sizeof parts / sizeof parts[0]; j++) {
            stream_printf(stream, ",\"%s\":", parts[j][0]);
            stream_json(stream, parts[j][1]);
        }
        stream_text(stream, "}");
    }
    stream_text(stream, "]");
}

static uint64_t meta_number(const struct cast *cast, const char *key)
{
    const char *text = view_meta(cast->view, key);
    uint64_t value = 0;
    return text && !num_parse_u64(text, &value) ? value : 0;
}

static void write_meta(struct firefox *firefox, const struct foreign_input *input)
{
    const struct cast *cast = firefox->cast;
    struct byte_stream *stream = firefox->stream;
    uint64_t rate_hz = meta_number(cast, META_RATE_HZ), cpu_count = meta_number(cast, META_CPU_COUNT);
    stream_printf(stream,
                  "\"meta\":{\"version\":%d,\"preprocessedProfileVersion\":%d,\"interval\":", GECKO_VERSION,
                  FORMAT_VERSION);
    stream_decimal(stream, 1000000000u / (rate_hz ? rate_hz : 1000), MS_DIGITS);
    stream_text(stream, ",\"startTime\":");
    put_ms(firefox, meta_number(cast, META_STARTED_REALTIME));
    stream_text(stream, ",\"endTime\":");
    put_ms(firefox, meta_number(cast, META_STARTED_REALTIME) + cast_since(cast, cast->end_ns));
    stream_text(stream, ",\"profilingStartTime\":0,\"profilingEndTime\":");
    put_ms(firefox, cast_since(cast, cast->end_ns));
    if (cpu_count)
        stream_printf(stream, ",\"logicalCPUs\":%llu", (unsigned long long)cpu_count);
    stream_text(stream, ",\"processType\":0,\"stackwalk\":1,\"debug\":false,\"symbolicated\":true,"
                        "\"symbolicationNotSupported\":true,\"usesOnlyOneStackType\":true,"
                        "\"sourceCodeIsNotOnSearchfox\":true,\"importedFrom\":\"toll\",\"oscpu\":\"Linux\","
                        "\"sampleUnits\":{\"time\":\"ms\",\"eventDelay\":\"ms\",\"threadCPUDelta\":\"ns\"},"
                        "\"product\":");
    stream_json(stream, cast->command[0] ? cast->command : input->title ? input->title : "toll");
    stream_text(stream, ",\n\"categories\":");
    stream_text(stream, categories);
    stream_text(stream, ",\n\"markerSchema\":");
    stream_text(stream, marker_schema);
    stream_text(stream, "},\n");
}

FOREIGN_WRITER(firefox_write)
{
    const struct cast *cast = input->cast;
    struct firefox firefox = {
        .cast = cast, .stream = stream, .new_stacks = calloc(cast->stacks.count + 1, sizeof(uint32_t))};
    const struct track_rows_query query = {.cast = cast, .kind = input->kind, .has_spans = true};
    int status = firefox.new_stacks ? 0 : err_memory(err);
    stream_text(stream, "{");
    write_meta(&firefox, input);
    stream_text(stream, "\"threads\":[");
    if (!status)
        status = track_rows_each(&query, write_thread, &firefox, err);
    stream_text(stream, "],\n");
    if (!status)
        status = firefox_counters_write(cast, firefox.threads.items, firefox.threads.count, stream, err);
    if (!status) {
        write_shared(&firefox);
        status = firefox.failed ? err_memory(err) : 0;
    }
    stream_text(stream, "}\n");
    free(firefox.new_stacks);
    vec_free(&firefox.stacks);
    vec_free(&firefox.threads);
    intern_free(&firefox.strings);
    intern_free(&firefox.modules);
    intern_free(&firefox.functions);
    intern_free(&firefox.sources);
    return status;
}
