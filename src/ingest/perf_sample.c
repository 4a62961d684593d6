/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/perf_sample.h"

#include <string.h>

#define HEAD_BYTES 8u
#define ID_TYPES                                                                                             \
    (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID | PERF_SAMPLE_STREAM_ID | PERF_SAMPLE_CPU |         \
     PERF_SAMPLE_IDENTIFIER)

struct words {
    const char *bytes;
    size_t count, at; /* 8 bytes each */
    bool is_short;
};

static uint64_t next_word(struct words *words)
{
    uint64_t value = 0;
    if (words->at >= words->count) {
        words->is_short = true;
        return 0;
    }
    memcpy(&value, words->bytes + words->at++ * sizeof value, sizeof value);
    return value;
}

static void skip(struct words *words, uint64_t count)
{
    if (count > words->count - words->at)
        words->is_short = true;
    else
        words->at += (size_t)count;
}

/* Two numbers of 32 bits: the first is the lower half, on machines of this byte order. */
static void take_tid(uint64_t word, struct perf_sample *sample)
{
    uint32_t halves[2];
    memcpy(halves, &word, sizeof halves);
    sample->pid = halves[0];
    sample->tid = halves[1];
    sample->has_tid = true;
}

static void take_cpu(uint64_t word, struct perf_sample *sample)
{
    memcpy(&sample->cpu, &word, sizeof sample->cpu);
    sample->has_cpu = true;
}

static void skip_read(struct words *words, uint64_t format)
{
    uint64_t values = 1;
    if (format & PERF_FORMAT_GROUP)
        values = next_word(words);
    uint64_t times =
        (uint64_t) !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED) + !!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);
    /* PERF_FORMAT_LOST is 16. */
    uint64_t each = 1u + !!(format & PERF_FORMAT_ID) + !!(format & 16u);
    if (values > words->count)
        words->is_short = true;
    else
        skip(words, times + values * each);
}

/* The event that a sample is of: all say where their number stands, at the same place. */
static const struct perf_attribute *attribute_of(const struct perf_file *file, struct words words)
{
    const struct perf_attribute *first = file->attributes.count ? &file->attributes.items[0] : NULL;
    uint64_t type = first ? first->attr.sample_type : 0, before = 0;
    if (!first || file->attributes.count == 1)
        return first;
    if (!(type & PERF_SAMPLE_IDENTIFIER)) {
        if (!(type & PERF_SAMPLE_ID))
            return first;
        static const uint64_t types[] = {PERF_SAMPLE_IP, PERF_SAMPLE_TID, PERF_SAMPLE_TIME, PERF_SAMPLE_ADDR};
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            before += !!(type & types[i]);
        skip(&words, before);
    }
    uint64_t id = next_word(&words);
    return words.is_short ? NULL : perf_file_attribute(file, id);
}

/* Where the registers stand that unwinding begins with. */
enum {
#if defined(__aarch64__)
    REGISTER_IP = 32,
    REGISTER_SP = 31,
    REGISTER_BP = 29,
    REGISTER_BASE = 19,
    REGISTER_LR = 30,
#else
    REGISTER_IP = 8,
    REGISTER_SP = 7,
    REGISTER_BP = 6,
    REGISTER_BASE = 1,
    REGISTER_LR = 63, /* there is none */
#endif
};

/* Those of the mask, one word each, in the order of its bits. */
static uint64_t register_at(const struct words *words, uint64_t mask, unsigned number)
{
    uint64_t value = 0;
    if (!(mask >> number & 1))
        return 0;
    size_t at = (size_t)__builtin_popcountll(mask & ((1ull << number) - 1));
    memcpy(&value, words->bytes + (words->at + at) * sizeof value, sizeof value);
    return value;
}

/* Behind the chain: raw data and branches, which are passed, then registers and the copy of the stack. */
static void read_dump(struct words *words, const struct perf_event_attr *attr, struct perf_sample *sample)
{
    uint64_t type = attr->sample_type, mask = attr->sample_regs_user;
    struct perf_dump dump = {0};
    if (type & PERF_SAMPLE_RAW) {
        uint64_t head = words->at < words->count ? next_word(words) : 0;
        uint32_t size;
        memcpy(&size, &head, sizeof size);
        skip(words, ((uint64_t)size + 4 + 7) / 8 - 1);
    }
    if (type & PERF_SAMPLE_BRANCH_STACK) {
        uint64_t count = next_word(words);
        /* PERF_SAMPLE_BRANCH_HW_INDEX is 1 << 17. */
        skip(words, !!(attr->branch_sample_type & (1u << 17)));
        skip(words, count > words->count ? UINT64_MAX : count * 3);
    }
    if (!(type & PERF_SAMPLE_REGS_USER) || next_word(words) != PERF_SAMPLE_REGS_ABI_64)
        return;
    struct words registers = *words;
    skip(words, (uint64_t)__builtin_popcountll(mask));
    if (words->is_short)
        return;
    dump = (struct perf_dump){.ip = register_at(&registers, mask, REGISTER_IP),
                              .sp = register_at(&registers, mask, REGISTER_SP),
                              .bp = register_at(&registers, mask, REGISTER_BP),
                              .base = register_at(&registers, mask, REGISTER_BASE),
                              .lr = register_at(&registers, mask, REGISTER_LR)};
    uint64_t size = next_word(words);
    dump.bytes = (const uint8_t *)words->bytes + words->at * sizeof(uint64_t);
    if (words->is_short || !size || size % sizeof(uint64_t))
        return;
    skip(words, size / sizeof(uint64_t));
    uint64_t filled = next_word(words);
    if (words->is_short)
        return;
    dump.size = (size_t)(filled < size ? filled : size);
    sample->dump = dump;
}

static bool read_sample(const struct perf_file *file, struct words *words, struct perf_sample *sample)
{
    sample->attribute = attribute_of(file, *words);
    if (!sample->attribute)
        return false;
    uint64_t type = sample->attribute->attr.sample_type;
    skip(words, !!(type & PERF_SAMPLE_IDENTIFIER));
    if (type & PERF_SAMPLE_IP)
        sample->ip = next_word(words);
    if (type & PERF_SAMPLE_TID)
        take_tid(next_word(words), sample);
    sample->has_time = type & PERF_SAMPLE_TIME;
    if (sample->has_time)
        sample->time_ns = next_word(words);
    skip(words, (uint64_t) !!(type & PERF_SAMPLE_ADDR) + !!(type & PERF_SAMPLE_ID) +
                    !!(type & PERF_SAMPLE_STREAM_ID));
    if (type & PERF_SAMPLE_CPU)
        take_cpu(next_word(words), sample);
    sample->has_period = type & PERF_SAMPLE_PERIOD;
    if (sample->has_period)
        sample->period = next_word(words);
    if (type & PERF_SAMPLE_READ)
        skip_read(words, sample->attribute->attr.read_format);
    if (type & PERF_SAMPLE_CALLCHAIN) {
        uint64_t count = next_word(words);
        sample->chain = words->bytes + words->at * sizeof(uint64_t);
        skip(words, count);
        sample->chain_count = words->is_short ? 0 : (size_t)count;
    }
    sample->has_dump = type & PERF_SAMPLE_STACK_USER;
    if (words->is_short)
        return false;
    if (sample->has_dump && !file->is_other_machine)
        read_dump(words, &sample->attribute->attr, sample);
    return true;
}

/* Who and when stand at the end of a record, in the order of the bits of sample_type. */
static bool read_end(const struct perf_file *file, struct words *words, struct perf_sample *sample)
{
    sample->attribute = file->attributes.count ? &file->attributes.items[0] : NULL;
    if (!sample->attribute || !sample->attribute->attr.sample_id_all)
        return true;
    if (sample->attribute->attr.sample_type & PERF_SAMPLE_IDENTIFIER && words->count) {
        words->at = words->count - 1;
        sample->attribute = perf_file_attribute(file, next_word(words));
    }
    uint64_t type = sample->attribute->attr.sample_type & ID_TYPES;
    size_t count = (size_t)__builtin_popcountll(type);
    if (count > words->count)
        return false;
    words->at = words->count - count;
    if (type & PERF_SAMPLE_TID)
        take_tid(next_word(words), sample);
    sample->has_time = type & PERF_SAMPLE_TIME;
    if (sample->has_time)
        sample->time_ns = next_word(words);
    skip(words, (uint64_t) !!(type & PERF_SAMPLE_ID) + !!(type & PERF_SAMPLE_STREAM_ID));
    if (type & PERF_SAMPLE_CPU)
        take_cpu(next_word(words), sample);
    return !words->is_short;
}

bool perf_sample_read(const struct perf_file *file, const struct perf_record *record,
                      struct perf_sample *ret_sample)
{
    struct words words = {.bytes = record->bytes + HEAD_BYTES,
                          .count = (size_t)(record->size - HEAD_BYTES) / sizeof(uint64_t)};
    struct perf_sample sample = {0};
    bool is_whole = record->type == PERF_RECORD_SAMPLE ? read_sample(file, &words, &sample)
                                                       : read_end(file, &words, &sample);
    if (is_whole)
        *ret_sample = sample;
    return is_whole;
}
