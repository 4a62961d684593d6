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
    return !words->is_short;
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
