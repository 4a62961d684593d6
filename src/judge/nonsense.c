/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/nonsense.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "model/meta.h"

#define RUN_START_NS NS_PER_S
#define RUN_NS       (200 * NS_PER_MS)
#define TEXT_COUNT   12

struct source {
    const uint8_t *bytes;
    size_t count, at;
    struct dataset *dataset;
    uint64_t texts[TEXT_COUNT];
};

static const struct {
    const char *bytes;
    size_t length;
} texts[TEXT_COUNT] = {
    {"", 0},
    {"cp", 2},
    {"worker", 6},
    {"127.0.0.1:80", 12},
    {"127.0.0.1:5000", 14},
    {"pipe:[7]", 8},
    {"5", 1},
    {"18446744073709551615", 20},
    {"\x1b[2J\x07\n\r\t</script>\"'&|`;,", 24},
    {"\xff\xfe\xc0\xaf\xed\xa0\x80", 7},
    {"cpu.outside", 11},
    {"cpu.server:nginx[1]", 19},
};

static uint8_t next(struct source *source)
{
    return source->at < source->count ? source->bytes[source->at++] : 0;
}

static uint64_t next_u64(struct source *source)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | next(source);
    return value;
}

/* Any number at all. */
static uint64_t wild(struct source *source)
{
    switch (next(source) % 6) {
    case 0: return 0;
    case 1: return UINT64_MAX;
    case 2: return 1ull << (next(source) % 64);
    case 3: return UINT64_MAX - next(source);
    case 4: return next_u64(source);
    default: return next(source);
    }
}

static uint64_t some_time(struct source *source)
{
    uint8_t kind = next(source);
    if (kind < 8)
        return wild(source);
    if (kind < 16)
        return RUN_START_NS + RUN_NS + next(source);
    if (kind < 24)
        return RUN_START_NS - next(source) * NS_PER_MS;
    return RUN_START_NS + next(source) * (RUN_NS / 256) + (kind % 4 == 0 ? next(source) : 0);
}

static uint64_t some_id(struct source *source, size_t repeat)
{
    uint8_t kind = next(source);
    if (kind < 4)
        return wild(source);
    return (kind % 2 ? repeat : 0) + kind / 2 % 12;
}

static uint64_t some_double(struct source *source)
{
    static const double values[] = {0, 1, -1, 0.5, 3, 1e9, 1e300, -1e300, 1e-300};
    uint8_t kind = next(source);
    return kind < 16 ? next_u64(source) : num_bits(values[kind % (sizeof values / sizeof values[0])]);
}

static uint64_t cell(struct source *source, const struct column *column, size_t repeat)
{
    switch (column->type) {
    case COLUMN_TIME: return some_time(source);
    case COLUMN_ID:
    case COLUMN_REFERENCE: return some_id(source, repeat);
    case COLUMN_STRING: {
        uint8_t kind = next(source);
        return kind < 4 ? wild(source) : source->texts[kind % TEXT_COUNT];
    }
    case COLUMN_ENUM: {
        uint8_t kind = next(source);
        return kind < 4 ? wild(source) : kind % column->of;
    }
    case COLUMN_F64: return some_double(source);
    case COLUMN_U64: break;
    }
    return next(source) % 4 ? next(source) % 4 : wild(source);
}

/* How many rows one instruction makes: mostly one, seldom very many. */
static size_t repeats(struct source *source)
{
    uint8_t kind = next(source);
    return kind < 200 ? 1 : kind < 250 ? kind % 32 : (size_t)1 << (kind % 16 + 2);
}

static bool is_time(const struct table *table, size_t column)
{
    return table->columns[column].type == COLUMN_TIME;
}

static int add_rows(struct source *source, const struct table *table, size_t count)
{
    uint64_t row[TABLE_COLUMN_MAX] = {0};
    uint64_t step_ns = next(source) * NS_PER_US;
    size_t begin = source->at;
    for (size_t i = 0; i < count; i++) {
        source->at = count > 32 ? begin : source->at; /* very many: the same row, moved on */
        for (size_t column = 0; column < table->column_count; column++) {
            row[column] = cell(source, &table->columns[column], i);
            if (count > 1 && is_time(table, column))
                row[column] += i * step_ns;
        }
        /* Most intervals go forward. */
        for (size_t column = 0; column + 1 < table->column_count; column++) {
            if (is_time(table, column) && is_time(table, column + 1) && row[column] > row[column + 1] &&
                row[column + 1] % 8)
                row[column + 1] = row[column] + row[column + 1] % RUN_NS;
        }
        if (table->id == TABLE_WAIT && row[COLUMN(wait, runnable_ns)] % 2)
            row[COLUMN(wait, blocked_ns)] = UINT64_MAX;
        if (table->id == TABLE_ATTR)
            row[0] = row[0] % 3 == 0 ? row[0] : row[0] % 2 ? TABLE_TRACK : TABLE_PEER;
        if (source->dataset->sink.append(&source->dataset->sink, table->id, row, NULL))
            return -1;
    }
    return 0;
}

static int add_meta(struct source *source)
{
    static const char *const keys[] = {
        META_START,
        META_END,
        META_ROOT_TRACK,
        META_CPU_COUNT,
        META_COMMAND,
        META_LOST_COUNT,
        META_REMARK,
        META_STACK_COUNT,
        META_WAIT_BOUNDARY_ERROR,
        META_STARTED_REALTIME,
        META_OVERHEAD_CPU,
        META_MISSED_PROCESS_COUNT_MAX,
        META_STACK_TRUNCATED_COUNT,
        META_EXIT_STATUS,
    };
    const char *key = keys[next(source) % (sizeof keys / sizeof keys[0])];
    char value[32];
    uint64_t number = next(source) % 2 ? some_time(source) : wild(source);
    snprintf(value, sizeof value, "%llu", (unsigned long long)number);
    static const char *const commands[] = {"[\"a\"", "\"", "[\"\\u00", "\"\\", "[\"\\uzzzz\"]"};
    const char *text = strcmp(key, META_COMMAND) == 0 ? commands[number % 5] : value;
    return sink_meta(&source->dataset->sink, key, text, NULL);
}

/* A run of a process and two threads, for the nonsense to refer to. */
static int add_run(struct source *source)
{
    struct sink *sink = &source->dataset->sink;
    for (uint64_t id = 1; id <= 5; id++) {
        struct row_track row = {.id = id,
                                .parent = id > 1 ? id % 2 ? id - 2 : id - 1 : 0,
                                .kind = id % 2 ? TRACK_PROCESS : TRACK_THREAD,
                                .name = source->texts[1 + id % 2],
                                .pid = id | 1,
                                .tid = id % 2 ? id : id - 1,
                                .start_ns = RUN_START_NS,
                                .end_ns = RUN_START_NS + RUN_NS};
        if (sink_append(sink, track, &row, NULL))
            return -1;
    }
    return 0;
}

int nonsense_fill(struct dataset *dataset, const uint8_t *bytes, size_t count, size_t row_count_max)
{
    struct source source = {.bytes = bytes, .count = count, .dataset = dataset};
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (dataset->sink.intern(&dataset->sink, texts[i].bytes, texts[i].length, &source.texts[i], NULL))
            return -1;
    }
    uint8_t flavour = next(&source);
    if (flavour % 8 && add_run(&source))
        return -1;
    for (size_t rows = 0; source.at < count && rows < row_count_max;) {
        enum table_id id = (enum table_id)(next(&source) % TABLE_END);
        const struct table *table = table_find(id);
        size_t want = repeats(&source), room = row_count_max - rows;
        if (!table || id == TABLE_META || id == TABLE_STRING) {
            if (next(&source) % 8 == 0 && add_meta(&source))
                return -1;
            continue;
        }
        if (add_rows(&source, table, want < room ? want : room))
            return -1;
        rows += want;
    }
    return 0;
}
