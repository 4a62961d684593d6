/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_data: perf.data as a recording. Records come in the order of time; mappings and address chains go to stacks/, which
 * looks functions up in the programs that are here, by build-id where perf wrote those down; threads, samples and switches go to
 * tables. Kernel functions are known when the file is of this kernel and boot: a function begins where the file says that the kernel does.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "ingest/internal.h"
#include "ingest/perf_order.h"
#include "stacks/stacks.h"
#include "symbol/kernel_names.h"

#define HEAD_BYTES      8u
#define CHAIN_MAX       1024u
#define NAME_BYTES_MAX  64u
#define PID_NONE        UINT32_MAX
#define UNNAMED         ":?"
#define MISC_MODE(misc) ((misc)&PERF_RECORD_MISC_CPUMODE_MASK)

struct reader {
    struct perf_file file;
    struct tables *tables;
    struct ingest_notes *notes;
    struct stacks *stacks;
    const char *wanted;                 /* event; NULL: that of the first sample */
    const struct perf_attribute *event; /* whose samples count */
    struct map thread_of;               /* by tid: number of the thread that has it now */
    struct map life_of;                 /* by tid: how often it was given */
    uint64_t chain[CHAIN_MAX + 4];
    bool knows_kernel, is_this_kernel, has_kernel_code, has_switches, has_root;
    uint64_t sample_count, other_count, short_count, lost_count, dump_count, deep_count, throttle_count,
        untimed_count;
};

static uint32_t u32_at(const struct perf_record *record, size_t at)
{
    uint32_t value = 0;
    if (at + sizeof value <= record->size)
        memcpy(&value, record->bytes + at, sizeof value);
    return value;
}

static uint64_t u64_at(const struct perf_record *record, size_t at)
{
    uint64_t value = 0;
    if (at + sizeof value <= record->size)
        memcpy(&value, record->bytes + at, sizeof value);
    return value;
}

/* The text that begins there, NULL when none ends in the record. */
static const char *text_at(const struct perf_record *record, size_t at)
{
    if (at >= record->size || !memchr(record->bytes + at, '\0', record->size - at))
        return NULL;
    return record->bytes + at;
}

/* --- threads --- */

static int thread_new(struct reader *reader, uint32_t pid, uint32_t tid, const char *name,
                      uint32_t *ret_thread, struct err *err)
{
    const uint64_t *life = map_get(&reader->life_of, tid);
    struct tables_who who = {.pid = pid,
                             .tid = tid,
                             .name = name,
                             .name_length = strnlen(name, NAME_BYTES_MAX),
                             .life = life ? *life : 0};
    /* All threads of a process live the life of their first. */
    const uint64_t *process = tid != pid ? map_get(&reader->life_of, pid) : NULL;
    if (process)
        who.life = *process;
    int status = tables_thread(reader->tables, &who, ret_thread, err);
    if (!status && map_put(&reader->thread_of, tid, *ret_thread))
        status = err_memory(err);
    return status;
}

static int thread_find(struct reader *reader, uint32_t pid, uint32_t tid, uint32_t *ret_thread,
                       struct err *err)
{
    const uint64_t *known = map_get(&reader->thread_of, tid);
    if (known) {
        *ret_thread = (uint32_t)*known;
        return 0;
    }
    return thread_new(reader, pid, tid, tid ? UNNAMED : "swapper", ret_thread, err);
}

static int on_comm(struct reader *reader, const struct perf_ordered *ordered, struct err *err)
{
    const struct perf_record *record = &ordered->record;
    uint32_t pid = u32_at(record, HEAD_BYTES), tid = u32_at(record, HEAD_BYTES + 4), thread;
    const char *name = text_at(record, HEAD_BYTES + 8);
    bool is_exec = record->misc & PERF_RECORD_MISC_COMM_EXEC;
    if (!name || pid == PID_NONE)
        return 0;
    const uint64_t *known = map_get(&reader->thread_of, tid);
    struct perf_event event = {.kind = PERF_EXEC, .time_ns = ordered->time_ns, .pid = pid, .tid = tid};
    int status = known ? 0 : thread_new(reader, pid, tid, name, &thread, err);
    thread = known ? (uint32_t)*known : thread;
    if (!status && (known || is_exec))
        status = tables_rename(reader->tables, thread, ordered->time_ns, name, is_exec, err);
    if (!status && is_exec)
        status = stacks_note(reader->stacks, &event, err);
    /* perf starts the command itself, and its events begin when that is executed. */
    if (is_exec && !reader->has_root && reader->file.attributes.count &&
        reader->file.attributes.items[0].attr.enable_on_exec) {
        tables_set_root(reader->tables, pid);
        reader->has_root = true;
    }
    return status;
}

static int put_spawn(struct reader *reader, uint32_t parent, uint32_t child, uint64_t time_ns,
                     struct err *err)
{
    struct row_edge edge = {.from_track = tables_track(reader->tables, parent),
                            .from_ns = time_ns,
                            .to_track = tables_track(reader->tables, child),
                            .to_ns = time_ns,
                            .kind = EDGE_SPAWN,
                            .source = EDGE_RECORDED};
    return sink_append(tables_sink(reader->tables), edge, &edge, err);
}

/* A new thread has its maker's name until it says otherwise. */
static int on_fork(struct reader *reader, const struct perf_ordered *ordered, struct err *err)
{
    const struct perf_record *record = &ordered->record;
    struct perf_event event = {.kind = PERF_FORK,
                               .time_ns = u64_at(record, HEAD_BYTES + 16),
                               .pid = u32_at(record, HEAD_BYTES),
                               .ppid = u32_at(record, HEAD_BYTES + 4),
                               .tid = u32_at(record, HEAD_BYTES + 8),
                               .ptid = u32_at(record, HEAD_BYTES + 12)};
    const uint64_t *parent = map_get(&reader->thread_of, event.ptid),
                   *life = map_get(&reader->life_of, event.tid);
    bool is_used = map_get(&reader->thread_of, event.tid) != NULL;
    uint32_t maker = parent ? (uint32_t)*parent : 0, child;
    bool is_known = parent != NULL;
    if (event.pid == PID_NONE || event.tid == event.ptid)
        return 0;
    if (is_used && map_put(&reader->life_of, event.tid, (life ? *life : 0) + 1))
        return err_memory(err);
    int status = thread_new(reader, event.pid, event.tid, UNNAMED, &child, err);
    if (!status && is_known)
        tables_inherit_name(reader->tables, child, maker);
    /* What perf writes of those that run already has no time. */
    if (!status && ordered->time_ns) {
        tables_life(reader->tables, child, ordered->time_ns, 0);
        if (is_known) {
            tables_life(reader->tables, maker, ordered->time_ns, 0); /* the edge refers to it */
            status = put_spawn(reader, maker, child, ordered->time_ns, err);
        }
    }
    if (!status && is_known)
        tables_set_parent(reader->tables, child, maker);
    return status ? status : stacks_note(reader->stacks, &event, err);
}

static int on_end(struct reader *reader, const struct perf_ordered *ordered, struct err *err)
{
    const struct perf_record *record = &ordered->record;
    struct perf_event event = {.kind = PERF_EXIT,
                               .time_ns = ordered->time_ns,
                               .pid = u32_at(record, HEAD_BYTES),
                               .tid = u32_at(record, HEAD_BYTES + 8)};
    const uint64_t *thread = map_get(&reader->thread_of, event.tid);
    if (thread && ordered->time_ns)
        tables_life(reader->tables, (uint32_t)*thread, 0, ordered->time_ns);
    if (thread && ordered->time_ns && event.pid == event.tid)
        tables_process_ended(reader->tables, (uint32_t)*thread, ordered->time_ns);
    return stacks_note(reader->stacks, &event, err);
}

/* --- code --- */

/* The kernel's own mapping says where its text begins; only on the same kernel since the same boot a function begins there. */
static int on_kernel_map(struct reader *reader, uint64_t start, const char *path, struct err *err)
{
    struct kernel_names names = {0};
    const struct name_entry *entry = NULL;
    if (reader->knows_kernel || !str_starts(path, "[kernel.kallsyms]_"))
        return 0;
    reader->knows_kernel = true;
    int status = kernel_names_open(&names, "", err);
    if (!status)
        status = kernel_names_find(&names, start, &entry, err);
    reader->is_this_kernel = entry && entry->low == start;
    kernel_names_close(&names);
    return status;
}

static void identify(struct reader *reader, struct perf_map *map)
{
    const struct perf_build_id *id = perf_file_build_id(&reader->file, map->path);
    if (map->build_id_size || !id)
        return;
    map->build_id_size = num_min(id->size, sizeof map->build_id);
    memcpy(map->build_id, id->bytes, map->build_id_size);
    map->device_major = map->device_minor = 0;
    map->inode = 0;
}

/* Linux marks mappings so, too, that carry device and inode, while another perf on the machine asks for build-ids. */
static bool holds_build_id(const struct reader *reader, const struct perf_record *record)
{
    bool is_wanted = false;
    for (size_t i = 0; i < reader->file.attributes.count && !is_wanted; i++)
        is_wanted = reader->file.attributes.items[i].attr.build_id;
    /* Those that perf itself writes, of what runs already, have one as perf likes. */
    return record->misc & PERF_RECORD_MISC_MMAP_BUILD_ID &&
           record->size > HEAD_BYTES + 36 + PERF_BUILD_ID_MAX &&
           (uint8_t)record->bytes[HEAD_BYTES + 32] <= PERF_BUILD_ID_MAX &&
           (is_wanted || u32_at(record, HEAD_BYTES + 32) == PERF_BUILD_ID_MAX);
}

static int on_map(struct reader *reader, const struct perf_ordered *ordered, struct err *err)
{
    const struct perf_record *record = &ordered->record;
    bool is_second = record->type == PERF_RECORD_MMAP2;
    bool has_id = is_second && holds_build_id(reader, record);
    struct perf_event event = {.kind = PERF_MAP,
                               .time_ns = ordered->time_ns,
                               .pid = u32_at(record, HEAD_BYTES),
                               .tid = u32_at(record, HEAD_BYTES + 4),
                               .map = {.address = u64_at(record, HEAD_BYTES + 8),
                                       .length_bytes = u64_at(record, HEAD_BYTES + 16),
                                       .offset_bytes = u64_at(record, HEAD_BYTES + 24),
                                       .path = text_at(record, HEAD_BYTES + (is_second ? 64 : 32))}};
    bool is_code = is_second ? u32_at(record, HEAD_BYTES + 56) & PROT_EXEC
                             : !(record->misc & PERF_RECORD_MISC_MMAP_DATA);
    if (!event.map.path || !event.map.length_bytes || event.map.length_bytes > UINT64_MAX - event.map.address)
        return 0;
    if (event.pid == PID_NONE || MISC_MODE(record->misc) == PERF_RECORD_MISC_KERNEL)
        return on_kernel_map(reader, event.map.offset_bytes, event.map.path, err);
    if (!is_code)
        return 0;
    if (has_id) {
        event.map.build_id_size = num_min((uint8_t)record->bytes[HEAD_BYTES + 32], PERF_BUILD_ID_MAX);
        memcpy(event.map.build_id, record->bytes + HEAD_BYTES + 36, event.map.build_id_size);
    } else if (is_second) {
        event.map.device_major = u32_at(record, HEAD_BYTES + 32);
        event.map.device_minor = u32_at(record, HEAD_BYTES + 36);
        event.map.inode = u64_at(record, HEAD_BYTES + 40);
    }
    identify(reader, &event.map);
    return stacks_note(reader->stacks, &event, err);
}

/* --- samples --- */

/* The chain as stacks/ wants it. Kernel code of another kernel or boot is one unknown frame; a copy of the stack leaves the
 * program's part out, of which the address where it stood is known when that is where it was interrupted. */
static size_t make_chain(struct reader *reader, const struct perf_ordered *ordered)
{
    const struct perf_sample *sample = &ordered->sample;
    bool is_user = MISC_MODE(ordered->record.misc) == PERF_RECORD_MISC_USER, has_user = false;
    uint64_t context = is_user ? (uint64_t)PERF_CONTEXT_USER : (uint64_t)PERF_CONTEXT_KERNEL;
    size_t count = 0;
    reader->chain[count++] = context;
    for (size_t i = 0; i < sample->chain_count && count < CHAIN_MAX; i++) {
        uint64_t address;
        memcpy(&address, sample->chain + i * sizeof address, sizeof address);
        if (address >= PERF_CONTEXT_MAX) {
            context = address;
        } else if (context == PERF_CONTEXT_USER) {
            has_user = true;
        } else if (context == PERF_CONTEXT_KERNEL) {
            reader->has_kernel_code = true;
            address = reader->is_this_kernel ? address : 0;
        }
        reader->chain[count++] = address;
    }
    reader->deep_count += sample->chain_count > CHAIN_MAX;
    if (is_user && !has_user) {
        reader->chain[count++] = PERF_CONTEXT_USER;
        reader->chain[count++] = sample->ip;
    } else if (!is_user && !sample->chain_count) {
        reader->has_kernel_code = true;
        reader->chain[count++] = reader->is_this_kernel ? sample->ip : 0;
    }
    return count;
}

static bool is_counted(struct reader *reader, const struct perf_attribute *attribute)
{
    if (!reader->event && (!reader->wanted || strcmp(reader->wanted, attribute->name) == 0))
        reader->event = attribute;
    /* Of one event there may be several, each for a kind of core or a CPU. */
    return reader->event && (reader->event == attribute || strcmp(reader->event->name, attribute->name) == 0);
}

static bool is_clock(const struct perf_attribute *attribute)
{
    return attribute->attr.type == PERF_TYPE_SOFTWARE && (attribute->attr.config == PERF_COUNT_SW_CPU_CLOCK ||
                                                          attribute->attr.config == PERF_COUNT_SW_TASK_CLOCK);
}

/* A copy of the stack is unwound: the chain lacks the program's callers then. */
static int add_stack(struct reader *reader, const struct perf_ordered *ordered, uint64_t *ret_stack,
                     struct err *err)
{
    const struct perf_sample *sample = &ordered->sample;
    struct stacks_dumped dumped = {
        .chain = reader->chain, .chain_count = make_chain(reader, ordered), .dump = sample->dump};
    return stacks_add_dumped(reader->stacks, sample->pid, &dumped, ret_stack, err);
}

static int on_sample(struct reader *reader, const struct perf_ordered *ordered, struct err *err)
{
    const struct perf_sample *sample = &ordered->sample;
    const struct perf_attribute *attribute = sample->attribute;
    bool has_fixed = attribute && !attribute->attr.freq && attribute->attr.sample_period;
    struct tables_sample row = {.time_ns = ordered->time_ns, .kind = SAMPLE_CPU, .weight = 1};
    if (!attribute || !is_counted(reader, attribute)) {
        reader->other_count++;
        return 0;
    }
    if (!sample->has_time) {
        reader->untimed_count++;
        row.time_ns = NS_PER_S + reader->untimed_count * NS_PER_MS;
    }
    if (sample->has_period || has_fixed)
        row.weight = sample->has_period ? sample->period : attribute->attr.sample_period;
    row.covers_ns = is_clock(attribute) ? row.weight : 0;
    row.time_ns = num_max(row.time_ns, 1);
    reader->sample_count++;
    reader->dump_count +=
        sample->has_dump && !sample->dump.size && MISC_MODE(ordered->record.misc) == PERF_RECORD_MISC_USER;
    int status = thread_find(reader, sample->pid, sample->tid, &row.thread, err);
    if (!status)
        status = add_stack(reader, ordered, &row.stack, err);
    return status ? status : tables_sample(reader->tables, &row, err);
}

/* Who leaves a CPU, or comes to one, is whom the record is of. */
static int on_switch(struct reader *reader, const struct perf_ordered *ordered, struct err *err)
{
    uint16_t misc = ordered->record.misc;
    uint32_t thread;
    if (!ordered->sample.has_tid || !ordered->time_ns || !ordered->sample.tid)
        return 0;
    int status = thread_find(reader, ordered->sample.pid, ordered->sample.tid, &thread, err);
    reader->has_switches = true;
    if (!status && misc & PERF_RECORD_MISC_SWITCH_OUT)
        return tables_off(reader->tables, thread, ordered->time_ns,
                          misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT, err);
    return status ? status : tables_on(reader->tables, thread, ordered->time_ns, err);
}

static int on_ordered(void *context, const struct perf_ordered *ordered, struct err *err)
{
    struct reader *reader = context;
    stacks_set_time(reader->stacks, ordered->time_ns);
    switch (ordered->record.type) {
    case PERF_RECORD_COMM: return on_comm(reader, ordered, err);
    case PERF_RECORD_FORK: return on_fork(reader, ordered, err);
    case PERF_RECORD_EXIT: return on_end(reader, ordered, err);
    case PERF_RECORD_MMAP:
    case PERF_RECORD_MMAP2: return on_map(reader, ordered, err);
    case PERF_RECORD_SAMPLE: return on_sample(reader, ordered, err);
    case PERF_RECORD_SWITCH:
    case PERF_RECORD_SWITCH_CPU_WIDE: return on_switch(reader, ordered, err);
    case PERF_RECORD_LOST: reader->lost_count += u64_at(&ordered->record, HEAD_BYTES + 8); return 0;
    case PERF_RECORD_LOST_SAMPLES: reader->lost_count += u64_at(&ordered->record, HEAD_BYTES); return 0;
    case PERF_RECORD_THROTTLE: reader->throttle_count++; return 0;
    default: return 0;
    }
}

/* --- the whole --- */

static int read_records(struct reader *reader, struct perf_order *order, struct err *err)
{
    struct perf_record record;
    struct perf_sample sample;
    bool is_there = true, is_cut = false;
    size_t at = 0;
    int status = 0;
    while (!status) {
        status = perf_file_next(&reader->file, &at, &record, &is_there, &is_cut, err);
        if (status || !is_there)
            break;
        if (record.type == PERF_FILE_FINISHED_ROUND)
            status = perf_order_round(order, err);
        else if (record.type >= PERF_FILE_ATTR)
            status = reader->file.is_pipe ? perf_file_note(&reader->file, &record, err) : 0;
        else if (perf_sample_read(&reader->file, &record, &sample))
            status = perf_order_put(order, &record, &sample, err);
        else
            reader->short_count++;
    }
    if (!status)
        status = perf_order_end(order, err);
    if (reader->file.is_open)
        ingest_remark(reader->notes,
                      "perf record did not end: build-ids, host and the last samples may be missing");
    else if (is_cut)
        ingest_remark(reader->notes, "the file is cut: its end is not there");
    return status;
}

static void tell(struct reader *reader, const struct perf_order *order)
{
    struct ingest_notes *notes = reader->notes;
    struct tables_about *about = &notes->about;
    const struct perf_file *file = &reader->file;
    about->event = reader->event ? arena_string(&notes->arena, reader->event->name) : NULL;
    about->unit = reader->event && is_clock(reader->event) ? "ns" : about->event ? about->event : "samples";
    about->command = file->command;
    about->host = file->host;
    about->kernel = file->kernel;
    about->cpu_count = file->cpu_count;
    about->lost_count = reader->lost_count;
    about->clock =
        "perf's clock, nanoseconds since the recording machine booted; the time of day is not told";
    if (file->clock_realtime_ns && file->clock_ns) {
        about->clock = "the clock that perf record -k named, with the time of day of one moment of it";
        about->realtime_less_ns = file->clock_realtime_ns - file->clock_ns;
    }
    ingest_left_out(notes, "samples of other events (--event-filter takes another)", reader->other_count);
    ingest_left_out(notes, "records that are too short for what they should hold", reader->short_count);
    ingest_left_out(notes,
                    "copies of stacks that cannot be unwound here: callers in programs are missing there",
                    reader->dump_count);
    ingest_left_out(notes, "callers beyond the 1024th of a stack", reader->deep_count);
    if (reader->has_switches)
        ingest_remark(
            notes,
            "perf.data tells when threads waited, not for what; waits that a child's end ended are told");
    if (order->late_count)
        ingest_remark(notes,
                      arena_printf(&notes->arena, "%" PRIu64 " records came later than their time allows",
                                   order->late_count));
    if (reader->throttle_count)
        ingest_remark(notes, "the kernel paused sampling, because it took too much time");
    if (reader->has_kernel_code && !reader->is_this_kernel)
        ingest_remark(
            notes,
            "the file is of another kernel or boot, or this one hides its addresses: kernel functions are "
            "not known");
    if (reader->untimed_count)
        ingest_remark(notes, "samples without a time stand one behind the other");
}

static int finish_stacks(struct reader *reader, struct err *err)
{
    int status = stacks_finish(reader->stacks, tables_sink(reader->tables), err);
    struct stacks_counts counts = stacks_counts(reader->stacks);
    reader->notes->about.stack_count = counts.stack_count;
    reader->notes->about.stack_truncated_count = counts.truncated_count;
    return status;
}

static int read_file(struct reader *reader, struct err *err)
{
    struct perf_order order = {.each = on_ordered, .context = reader};
    struct perf_inflated inflated = {0};
    int status = perf_inflate(&reader->file, NULL, &inflated, err);
    if (!status)
        status = read_records(reader, &order, err);
    if (!status && !reader->sample_count && !reader->has_switches) {
        status = err_set(err, ERR_INPUT, "it has no sample%s%s", reader->wanted ? " of event " : "",
                         reader->wanted ? reader->wanted : "");
    }
    if (!status)
        status = finish_stacks(reader, err);
    if (!status)
        tell(reader, &order);
    perf_order_free(&order);
    perf_inflated_close(&inflated);
    return status;
}

static int perf_data_read(const struct ingest_input *input, const struct ingest_choice *choice,
                          struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reader reader = {
        .tables = tables, .notes = notes, .wanted = choice->event, .knows_kernel = choice->no_kernel};
    struct stacks_options options = {.cache_folder = choice->cache_folder};
    int status = perf_file_open(input, &notes->arena, &reader.file, err);
    if (status)
        return status;
    status = stacks_create(&options, &reader.stacks, err);
    for (size_t i = 0; i < reader.file.attributes.count && !status; i++)
        if (reader.file.attributes.items[i].attr.context_switch)
            tables_has_switches(tables);
    if (!status)
        status = read_file(&reader, err);
    stacks_destroy(reader.stacks);
    map_free(&reader.thread_of);
    map_free(&reader.life_of);
    perf_file_close(&reader.file);
    return status;
}

static bool perf_data_probe(const struct ingest_input *input)
{
    return input->length >= 8 &&
           (memcmp(input->bytes, "PERFILE2", 8) == 0 || memcmp(input->bytes, "2ELIFREP", 8) == 0 ||
            memcmp(input->bytes, "PERFFILE", 8) == 0);
}

const struct ingest_reader ingest_perf_data = {
    .name = "perf-data",
    .about = "perf.data",
    .probe = perf_data_probe,
    .read = perf_data_read,
};
