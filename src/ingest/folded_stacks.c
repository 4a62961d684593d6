/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folded_stacks: "program;outermost;…;innermost N", one line a stack: what stackcollapse scripts write (B. Gregg), and py-spy, async-profiler,
 * bpftrace and others beside them. N may have a fraction; of two numbers (a difference) the second counts.
 *
 * There are no times: each program is a thread in which its lines stand one behind the other, each as long as its weight. Fractions
 * are kept by scaling all weights up. The file is read line by line where it is mapped: memory grows with what is different.
 */
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "ingest/internal.h"
#include "model/meta.h"

#define FRACTION_SCALE   1000000u
#define FRACTION_DIGITS  6u
#define PROBE_LINES      16u
#define PROBE_LINE_BYTES 65536u

struct folded_line {
    const char *stack;
    size_t stack_length;
    uint64_t whole, fraction; /* the fraction in parts of FRACTION_SCALE */
    bool has_fraction, has_two;
};

/* "12" or "12.5" at the end of a text; *ret_start is where it begins. */
static bool read_number(const char *text, size_t length, size_t *ret_start, struct folded_line *line)
{
    size_t start = length, digits = 0;
    while (start && ((text[start - 1] >= '0' && text[start - 1] <= '9') || text[start - 1] == '.'))
        start--;
    line->whole = line->fraction = 0;
    line->has_fraction = false;
    for (size_t i = start; i < length; i++) {
        if (text[i] == '.') {
            if (line->has_fraction || i == start)
                return false;
            line->has_fraction = true;
            continue;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (!line->has_fraction &&
            (num_mul_u64(line->whole, 10, &line->whole) || num_add_u64(line->whole, digit, &line->whole)))
            return false;
        if (line->has_fraction && digits++ < FRACTION_DIGITS)
            line->fraction = line->fraction * 10 + digit;
    }
    for (; line->has_fraction && digits < FRACTION_DIGITS; digits++)
        line->fraction *= 10;
    *ret_start = start;
    return start < length;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One blank stands before a number; more are a part of the name. */
static bool folded_line_read(const char *text, size_t length, struct folded_line *ret_line)
{
    size_t start, before;
    struct folded_line line = {.stack = text}, other = {0};
    while (length && (is_blank(text[length - 1]) || text[length - 1] == '\r'))
        length--;
    if (!read_number(text, length, &start, &line) || !start || !is_blank(text[start - 1]))
        return false;
    start--;
    if (read_number(text, start, &before, &other) && before && is_blank(text[before - 1])) {
        line.has_two = true;
        start = before - 1;
    }
    line.stack_length = start;
    *ret_line = line;
    return start > 0;
}

/* The next line; false at the end. */
static bool next_line(const struct ingest_input *input, size_t *at, const char **ret_text, size_t *ret_length)
{
    if (*at >= input->length)
        return false;
    const char *text = input->bytes + *at, *end = memchr(text, '\n', input->length - *at);
    *ret_text = text;
    *ret_length = end ? (size_t)(end - text) : input->length - *at;
    *at += *ret_length + 1;
    return true;
}

/* --- rows --- */

struct program {
    uint32_t thread;
    uint64_t time_ns;
};

struct reader {
    struct tables *tables;
    struct ingest_notes *notes;
    struct map program_of; /* by hash of the name */
    VEC(struct program) programs;
    uint64_t scale, line_count, strange_count, second_count;
    struct str name;
};

/* A program's name is known by its hash: two of a file's have different ones. */
static int program_find(struct reader *reader, const char *name, size_t length, size_t *ret_program,
                        struct err *err)
{
    uint64_t key = map_hash_bytes(name, length);
    const uint64_t *known = map_get(&reader->program_of, key);
    struct program program = {.time_ns = NS_PER_S};
    struct tables_who who = {.tid = reader->programs.count + 1, .name = name, .name_length = length};
    if (known) {
        *ret_program = (size_t)*known;
        return 0;
    }
    int status = tables_thread(reader->tables, &who, &program.thread, err);
    if (status)
        return status;
    *ret_program = reader->programs.count;
    return map_put(&reader->program_of, key, reader->programs.count) || vec_push(&reader->programs, program)
               ? err_memory(err)
               : 0;
}

static int add_frame(struct reader *reader, const char *name, size_t length, uint64_t *stack, struct err *err)
{
    bool is_inlined = length >= 4 && memcmp(name + length - 4, "_[i]", 4) == 0;
    uint64_t id = 0;
    str_clear(&reader->name);
    str_append_bytes(&reader->name, name, is_inlined ? length - 4 : length);
    struct tables_frame row = {.function = str_text(&reader->name), .is_inlined = is_inlined};
    int status = reader->name.failed ? err_memory(err) : tables_frame(reader->tables, &row, &id, err);
    return status ? status : tables_stack(reader->tables, *stack, id, stack, err);
}

static int too_large(const struct reader *reader, struct err *err)
{
    return err_set(err, ERR_INPUT, "line %llu: the weights add up to more than 64 bits hold",
                   (unsigned long long)reader->line_count);
}

static int add_line(struct reader *reader, const struct folded_line *line, struct err *err)
{
    const char *at = line->stack, *end = at + line->stack_length;
    const char *semicolon = memchr(at, ';', line->stack_length);
    size_t length = (size_t)((semicolon ? semicolon : end) - at), program;
    uint64_t weight, stack = 0;
    int status = program_find(reader, at, length, &program, err);
    while (semicolon && !status) {
        at = semicolon + 1;
        semicolon = memchr(at, ';', (size_t)(end - at));
        status = add_frame(reader, at, (size_t)((semicolon ? semicolon : end) - at), &stack, err);
    }
    if (status)
        return status;
    VEC_HAS_ITEMS(&reader->programs);
    struct program *found = &reader->programs.items[program];
    if (num_mul_u64(line->whole, reader->scale, &weight) ||
        num_add_u64(weight, reader->scale > 1 ? line->fraction : 0, &weight) ||
        num_add_u64(found->time_ns, num_max(weight, 1), &found->time_ns))
        return too_large(reader, err);
    struct tables_sample sample = {.thread = found->thread,
                                   .time_ns = found->time_ns,
                                   .stack = stack,
                                   .weight = weight,
                                   .kind = SAMPLE_CPU,
                                   .covers_ns = num_max(weight, 1)};
    return tables_sample(reader->tables, &sample, err);
}

static bool has_fractions(const struct ingest_input *input)
{
    const char *text;
    size_t at = 0, length;
    struct folded_line line;
    while (next_line(input, &at, &text, &length))
        if (folded_line_read(text, length, &line) && line.has_fraction)
            return true;
    return false;
}

static void tell(struct reader *reader)
{
    struct ingest_notes *notes = reader->notes;
    notes->about.unit = SAMPLE_UNIT_COUNT;
    notes->about.scale = reader->scale;
    notes->about.clock = "none: stacks stand one behind the other";
    ingest_remark(notes, "the file has no times: the stacks of a program stand one behind the other");
    if (reader->second_count)
        ingest_remark(notes, "of two numbers in a line the second counts");
    ingest_left_out(notes, "lines without a number", reader->strange_count);
}

static int folded_read(const struct ingest_input *input, const struct ingest_choice *choice,
                       struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reader reader = {.tables = tables, .notes = notes, .scale = 1};
    const char *text;
    size_t at = 0, length;
    uint64_t sample_count = 0;
    int status = 0;
    (void)choice;
    if (has_fractions(input))
        reader.scale = FRACTION_SCALE;
    while (!status && next_line(input, &at, &text, &length)) {
        struct folded_line line;
        reader.line_count++;
        if (!folded_line_read(text, length, &line)) {
            reader.strange_count += length > 0;
            continue;
        }
        reader.second_count += line.has_two;
        sample_count++;
        status = add_line(&reader, &line, err);
    }
    if (!status && !sample_count)
        status = err_set(err, ERR_INPUT, "line 1: it is no stack with a number behind it");
    if (!status)
        tell(&reader);
    map_free(&reader.program_of);
    vec_free(&reader.programs);
    str_free(&reader.name);
    return status;
}

/* The first lines are stacks, and one of them has frames. */
static bool folded_probe(const struct ingest_input *input)
{
    const char *text;
    size_t at = 0, length;
    bool has_frames = false;
    for (size_t lines = 0; lines < PROBE_LINES && next_line(input, &at, &text, &length); lines++) {
        struct folded_line line;
        if (length > PROBE_LINE_BYTES || !folded_line_read(text, length, &line) ||
            memchr(line.stack, '\0', line.stack_length))
            return false;
        has_frames = has_frames || memchr(line.stack, ';', line.stack_length);
    }
    return has_frames;
}

const struct ingest_reader ingest_folded = {
    .name = "folded",
    .about = "folded stacks",
    .probe = folded_probe,
    .read = folded_read,
};
