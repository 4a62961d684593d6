/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/collapse.h"

#include <stdlib.h>
#include <string.h>

#include "collapse/collapse_state.h"
#include "collapse/event_line.h"
#include "collapse/tidy_frame.h"

#define EVENT_BYTES_MAX 65536u
#define RESTS_MAX       (1u << 20) /* that are known; others are read line by line */
#define FRAME_NONE      0u
#define FRAME_STRANGE   UINT32_MAX /* the line is none of a frame */
#define BLOCK_BYTES     16u
#define BLOCKS          4u

/* Texts of one table are told apart by what else decides what they stand for. */
enum seed { SEED_PLAIN, SEED_JAVA, SEED_IGNORED };

int collapse_create(const struct collapse_options *options, struct collapse **ret_collapse, struct err *err)
{
    struct collapse *collapse = calloc(1, sizeof *collapse);
    if (!collapse)
        return err_memory(err);
    collapse->options = *options;
    if (options->event && !(collapse->event = strdup(options->event))) {
        free(collapse);
        return err_memory(err);
    }
    collapse->event_length = options->event ? strlen(options->event) : 0;
    *ret_collapse = collapse;
    return 0;
}

void collapse_tell(struct collapse *collapse, const struct collapse_watch *watch)
{
    collapse->watch = *watch;
}

void collapse_destroy(struct collapse *collapse)
{
    if (!collapse)
        return;
    text_table_free(&collapse->lines);
    text_table_free(&collapse->programs);
    text_table_free(&collapse->rests);
    intern_free(&collapse->frames);
    intern_free(&collapse->rest_frames);
    vec_free(&collapse->stacks);
    free(collapse->slots);
    vec_free(&collapse->counts);
    vec_free(&collapse->open);
    str_free(&collapse->text);
    free(collapse->event);
    free(collapse);
}

static int frame_of_text(struct collapse *collapse, const char *text, size_t length, uint32_t *ret_frame,
                         struct err *err)
{
    uint64_t id;
    if (intern_put(&collapse->frames, text, length, &id, NULL))
        return err_memory(err);
    *ret_frame = (uint32_t)id;
    return 0;
}

/* --- the end of a sample --- */

static struct stack_slot *stack_slot(struct stack_slot *slots, size_t slot_count, const struct stack *wanted)
{
    size_t at = map_hash(((uint64_t)wanted->first << 32 | wanted->rest) ^ (uint64_t)wanted->program << 48) &
                (slot_count - 1);
    while (slots[at].id && (slots[at].stack.first != wanted->first || slots[at].stack.rest != wanted->rest ||
                            slots[at].stack.program != wanted->program))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

/* Half of the slots are free. */
static int make_room(struct collapse *collapse, struct err *err)
{
    if (collapse->stacks.count * 2 < collapse->slot_count)
        return 0;
    size_t slot_count = collapse->slot_count ? collapse->slot_count * 2 : 1024;
    struct stack_slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return err_memory(err);
    for (size_t i = 0; i < collapse->slot_count; i++)
        if (collapse->slots[i].id)
            *stack_slot(slots, slot_count, &collapse->slots[i].stack) = collapse->slots[i];
    free(collapse->slots);
    collapse->slots = slots;
    collapse->slot_count = slot_count;
    return 0;
}

/* The sample that is open has this stack. */
static int count_sample(struct collapse *collapse, uint32_t first, uint32_t rest, struct err *err)
{
    struct stack stack = {.first = first, .rest = rest, .program = collapse->program};
    int status = make_room(collapse, err);
    if (status)
        return status;
    struct stack_slot *slot = stack_slot(collapse->slots, collapse->slot_count, &stack);
    if (!slot->id) {
        if (collapse->stacks.count >= UINT32_MAX - 1 || vec_push(&collapse->stacks, stack) ||
            vec_push(&collapse->counts, 0))
            return err_memory(err);
        *slot = (struct stack_slot){.stack = stack, .id = (uint32_t)collapse->stacks.count};
    }
    collapse->counts.items[slot->id - 1] += collapse->period;
    collapse->facts.sample_count++;
    collapse->open.count = 0;
    collapse->program = 0;
    return collapse->watch.sample
               ? collapse->watch.sample(collapse->watch.context, slot->id, collapse->period, err)
               : 0;
}

/* The number of the open stack's frames from the second on. */
static int number_rest(struct collapse *collapse, uint32_t *ret_rest, struct err *err)
{
    uint64_t id;
    size_t count = collapse->open.count > 1 ? collapse->open.count - 1 : 0;
    if (intern_put(&collapse->rest_frames, count ? (const char *)(collapse->open.items + 1) : "",
                   count * sizeof(uint32_t), &id, NULL))
        return err_memory(err);
    *ret_rest = (uint32_t)id;
    return 0;
}

static int end_sample(struct collapse *collapse, struct err *err)
{
    uint32_t rest;
    if (!collapse->program)
        return 0;
    int status = number_rest(collapse, &rest, err);
    return status ? status
                  : count_sample(collapse, collapse->open.count ? collapse->open.items[0] : FRAME_NONE, rest,
                                 err);
}

/* --- the line that begins a sample --- */

/* Whether samples of this event count: the first kind does. */
static int take_event(struct collapse *collapse, const struct event_end *end, bool *ret_is_taken,
                      struct err *err)
{
    if (!collapse->event_length) {
        free(collapse->event);
        collapse->event = calloc(end->event_length + 1, 1);
        if (!collapse->event)
            return err_memory(err);
        memcpy(collapse->event, end->event, end->event_length);
        collapse->event_length = end->event_length;
        collapse->event_by_default = true;
    }
    *ret_is_taken = collapse->event_length == end->event_length &&
                    memcmp(collapse->event, end->event, end->event_length) == 0;
    collapse->facts.other_event_count += !*ret_is_taken;
    return 0;
}

static void name_program(struct collapse *collapse, const char *line, const struct event_line *event)
{
    struct str *text = &collapse->text;
    bool has_both = event_is_true(event->second, event->second_length);
    str_clear(text);
    str_append_bytes(text, line, event->name_length);
    if (collapse->options.with_tid || collapse->options.with_pid) {
        str_append(text, "-");
        str_append_bytes(text, has_both ? event->first : "?", has_both ? event->first_length : 1);
    }
    if (collapse->options.with_tid) {
        str_append(text, "/");
        str_append_bytes(text, has_both ? event->second : event->first,
                         has_both ? event->second_length : event->first_length);
    }
    for (size_t i = 0; i < text->length; i++)
        if (text->text[i] == ' ')
            text->text[i] = '_';
}

/* Where in the line the numbers that are a part of the program's name end. */
static size_t named_length(const struct collapse_options *options, const char *line,
                           const struct event_line *event)
{
    if (!options->with_pid && !options->with_tid)
        return event->name_length;
    return event->second ? (size_t)(event->second - line) + event->second_length
                         : (size_t)(event->first - line) + event->first_length;
}

static int find_program(struct collapse *collapse, const char *line, const struct event_line *event,
                        struct err *err)
{
    if (text_table_room(&collapse->programs, 1))
        return err_memory(err);
    /* The text does not say where the name ends: "a 1" of "a 1 2". */
    XXH128_hash_t hash =
        XXH3_128bits_withSeed(line, named_length(&collapse->options, line, event), event->name_length);
    struct text_slot *slot = text_table_slot(&collapse->programs, hash);
    if (!slot->is_taken) {
        uint32_t program = 0;
        name_program(collapse, line, event);
        int status = collapse->text.failed ? err_memory(err)
                                           : frame_of_text(collapse, str_text(&collapse->text),
                                                           collapse->text.length, &program, err);
        if (status)
            return status;
        text_slot_take(&collapse->programs, slot, hash, program);
    }
    collapse->program = slot->value;
    collapse->is_java = event->name_length >= 4 && memcmp(line, "java", 4) == 0;
    return 0;
}

static int tell_event(struct collapse *collapse, const struct event_line *event, struct collapse_event *told,
                      struct err *err)
{
    bool has_both = event_is_true(event->second, event->second_length);
    if (!collapse->watch.event)
        return 0;
    told->name_length = event->name_length;
    told->pid = has_both ? event_number(event->first, event->first_length) : 0;
    told->tid = has_both ? event_number(event->second, event->second_length)
                         : event_number(event->first, event->first_length);
    return collapse->watch.event(collapse->watch.context, told, err);
}

static int begin_sample(struct collapse *collapse, const char *line, size_t length,
                        const struct event_line *event, struct err *err)
{
    struct event_end end;
    struct collapse_event told = {.line = line, .length = length, .is_counted = true};
    uint64_t period = 1;
    int status = 0;
    if (event_end_read(line, length, &end)) {
        status = take_event(collapse, &end, &told.is_counted, err);
        told.event = end.event;
        told.event_length = end.event_length;
        if (event_is_true(end.period, end.period_length))
            period = event_number(end.period, end.period_length);
    }
    if (!status)
        status = tell_event(collapse, event, &told, err);
    /* One of another event leaves the open sample as it is. */
    if (!status && told.is_counted) {
        collapse->period = period;
        status = find_program(collapse, line, event, err);
    }
    collapse->is_fresh = !collapse->open.count && (told.is_counted || !collapse->program);
    return status;
}

/* --- lines of frames --- */

/* Code that has a file: not compiled at run time, not the kernel's. */
static bool has_file(const struct frame_line *frame)
{
    const char *module = frame->module, *end = module + frame->module_length;
    for (const char *at = module; (at = memmem(at, (size_t)(end - at), "perf-", 5)) != NULL; at += 5) {
        const char *behind = at + 5;
        while (behind < end && is_digit(*behind))
            behind++;
        /* "perf-12.map", and any character for the dot. */
        if (behind > at + 5 && end - behind >= 4 && memcmp(behind + 1, "map", 3) == 0)
            return false;
    }
    if (memmem(module, frame->module_length, "kernel.", 7))
        return false;
    for (const char *at = module; (at = memchr(at, '[', (size_t)(end - at))) != NULL; at++)
        if (at + 1 < end && at[1] != ']' && memchr(at + 1, ']', (size_t)(end - at - 1)))
            return false;
    return true;
}

static int find_inlined(struct collapse *collapse, const struct frame_line *frame, bool *ret_is_inlined,
                        struct err *err)
{
    if (!collapse->options.inline_of || !has_file(frame))
        return 0;
    struct collapse_place place = {.address = frame->address,
                                   .address_length = frame->address_length,
                                   .function = frame->function,
                                   .function_length = frame->function_length,
                                   .module = frame->module,
                                   .module_length = frame->module_length};
    int status = collapse->options.inline_of(collapse->options.inline_context, &place, &collapse->text, err);
    *ret_is_inlined = collapse->text.length > 0;
    return status;
}

static int tidy_frame(struct collapse *collapse, const struct frame_line *frame, uint32_t *ret_frame,
                      struct err *err)
{
    bool is_inlined = false;
    str_clear(&collapse->text);
    *ret_frame = FRAME_NONE;
    int status = find_inlined(collapse, frame, &is_inlined, err);
    if (status)
        return status;
    if (!is_inlined && !frame_line_tidy(frame, &collapse->options, collapse->is_java, &collapse->text))
        return 0;
    if (collapse->options.with_modules) {
        str_append_bytes(&collapse->text, "", 1);
        str_append_bytes(&collapse->text, frame->module, frame->module_length);
    }
    if (collapse->text.failed)
        return err_memory(err);
    return frame_of_text(collapse, str_text(&collapse->text), collapse->text.length, ret_frame, err);
}

static int frame_anew(struct collapse *collapse, const char *line, size_t length, uint32_t *ret_frame,
                      struct err *err)
{
    struct frame_line frame;
    *ret_frame = FRAME_STRANGE;
    return frame_line_read(line, length, &frame) ? tidy_frame(collapse, &frame, ret_frame, err) : 0;
}

static int push_frame(struct collapse *collapse, uint32_t frame, struct err *err)
{
    if (frame == FRAME_STRANGE)
        collapse->facts.strange_count++;
    else if (frame != FRAME_NONE && vec_push(&collapse->open, frame))
        return err_memory(err);
    return 0;
}

/* The frames of the lines that are pending, which may be known. */
static int push_pending(struct collapse *collapse, struct err *err)
{
    size_t count = collapse->pending_count;
    collapse->pending_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct pending *pending = &collapse->pending[i];
        struct text_slot *slot = text_table_slot(&collapse->lines, pending->hash);
        int status = 0;
        if (!slot->is_taken) {
            uint32_t frame = FRAME_STRANGE;
            status = frame_anew(collapse, pending->line, pending->length, &frame, err);
            if (!status)
                text_slot_take(&collapse->lines, slot, pending->hash, frame);
        }
        if (!status)
            status = push_frame(collapse, slot->value, err);
        if (status)
            return status;
    }
    return 0;
}

static int add_pending(struct collapse *collapse, const char *line, size_t length, size_t at, struct err *err)
{
    int status = collapse->pending_count == PENDING_MAX ? push_pending(collapse, err) : 0;
    if (!status && !collapse->pending_count && text_table_room(&collapse->lines, PENDING_MAX))
        status = err_memory(err);
    if (status)
        return status;
    /* Programs whose names begin with "java" have their names tidied in another way. */
    struct pending pending = {.line = line, .length = length, .at = at};
    pending.hash = XXH3_128bits_withSeed(line + at, length - at, collapse->is_java ? SEED_JAVA : SEED_PLAIN);
    text_table_fetch(&collapse->lines, pending.hash);
    collapse->pending[collapse->pending_count++] = pending;
    return 0;
}

/* Without stacks perf script writes names of programs to the right: such a line is none of a sample for the scripts, but
 * the scheduler's events are of use to who watches. */
static int tell_scheduler(struct collapse *collapse, const char *line, size_t length, bool *ret_is_told,
                          struct err *err)
{
    struct event_line event;
    while (length && is_blank(*line)) {
        line++;
        length--;
    }
    struct collapse_event told = {.line = line, .length = length, .is_counted = true, .has_no_sample = true};
    *ret_is_told = collapse->watch.event && memmem(line, length, ": sched:sched_", 14) &&
                   event_line_read(line, length, &event);
    collapse->told_count += *ret_is_told;
    return *ret_is_told ? tell_event(collapse, &event, &told, err) : 0;
}

static int add_ignored(struct collapse *collapse, const char *line, size_t length, struct err *err)
{
    struct frame_line ignored;
    bool is_told = false;
    int status = tell_scheduler(collapse, line, length, &is_told, err);
    if (!status && !is_told)
        collapse->facts.strange_count += !frame_line_read(line, length, &ignored);
    return status;
}

static int add_frame(struct collapse *collapse, const char *line, size_t length, struct err *err)
{
    size_t at = 0;
    uint32_t frame;
    if (!collapse->program)
        return add_ignored(collapse, line, length, err);
    while (at < length && is_blank(line[at]))
        at++;
    size_t address = at;
    while (at < length && is_word(line[at]))
        at++;
    /* An address that one blank ends has no part in how the rest is read. */
    bool is_usual =
        at > address && at + 1 < length && line[at] == ' ' && line[at + 1] != '(' && !is_blank(line[at + 1]);
    /* Where addresses have a part in it, they are a part of what a line is known by. */
    if (is_usual && !collapse->options.with_addresses)
        return add_pending(collapse, line, length, collapse->options.inline_of ? address : at, err);
    int status = push_pending(collapse, err);
    if (!status)
        status = frame_anew(collapse, line, length, &frame, err);
    return status ? status : push_frame(collapse, frame, err);
}

static int collapse_line(struct collapse *collapse, const char *line, size_t length, struct err *err)
{
    struct event_line event;
    if (length && is_blank(line[0]))
        return add_frame(collapse, line, length, err);
    int status = push_pending(collapse, err);
    if (status || (length && line[0] == '#'))
        return status;
    if (!length)
        return end_sample(collapse, err);
    if (event_line_read(line, length, &event))
        return begin_sample(collapse, line, length, &event, err);
    return add_frame(collapse, line, length, err);
}

/* --- stacks as a whole --- */

typedef char byte_block __attribute__((vector_size(BLOCK_BYTES)));

/* The first of two newlines side by side; the length when there are none. */
static size_t find_empty_line(const char *text, size_t length)
{
    const byte_block newlines = (byte_block){0} + '\n';
    size_t at = 0;
    for (; at + (size_t)BLOCK_BYTES * BLOCKS < length; at += (size_t)BLOCK_BYTES * BLOCKS) {
        byte_block found = {0};
#pragma GCC unroll 4
        for (size_t i = 0; i < BLOCKS; i++) {
            byte_block here, next;
            memcpy(&here, text + at + i * BLOCK_BYTES, BLOCK_BYTES);
            memcpy(&next, text + at + i * BLOCK_BYTES + 1, BLOCK_BYTES);
            found |= (byte_block)(here == newlines) & (byte_block)(next == newlines);
        }
        uint64_t halves[2];
        memcpy(halves, &found, sizeof halves);
        if (halves[0] | halves[1])
            break;
    }
    for (; at + 1 < length; at++)
        if (text[at] == '\n' && text[at + 1] == '\n')
            return at;
    return length;
}

/* Lines that begin with a blank, one by one. *ret_used is less than the length where one does not. */
static int add_lines(struct collapse *collapse, const char *text, size_t length, size_t *ret_used,
                     struct err *err)
{
    size_t at = 0;
    int status = 0;
    while (at < length && is_blank(text[at]) && !status) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t line_length = end ? (size_t)(end - text) - at : length - at;
        status = add_frame(collapse, text + at, line_length, err);
        at += line_length + (end != NULL);
    }
    *ret_used = at;
    return status ? status : push_pending(collapse, err);
}

/* A sample that does not count: known by its text, all that is to know is that no line of it is strange. */
static int skip_whole(struct collapse *collapse, const char *text, size_t length, size_t *ret_used,
                      struct err *err)
{
    uint64_t strange_count = collapse->facts.strange_count, told_count = collapse->told_count;
    XXH128_hash_t hash = XXH3_128bits_withSeed(text, length, SEED_IGNORED);
    struct text_slot *slot = text_table_slot(&collapse->rests, hash);
    *ret_used = length;
    if (slot->is_taken)
        return 0;
    int status = add_lines(collapse, text, length, ret_used, err);
    if (!status && *ret_used == length && strange_count == collapse->facts.strange_count &&
        told_count == collapse->told_count && collapse->rests.count < RESTS_MAX)
        text_slot_take(&collapse->rests, slot, hash, 0);
    return status;
}

/* The number of the frames that the lines behind a stack's first make. */
static int find_rest(struct collapse *collapse, const char *text, size_t length, size_t *ret_used,
                     uint32_t *ret_rest, struct err *err)
{
    uint64_t strange_count = collapse->facts.strange_count;
    uint32_t first = collapse->open.count ? collapse->open.items[0] : FRAME_NONE;
    XXH128_hash_t hash = XXH3_128bits_withSeed(text, length, collapse->is_java ? SEED_JAVA : SEED_PLAIN);
    struct text_slot *slot = text_table_slot(&collapse->rests, hash);
    *ret_used = length;
    *ret_rest = slot->value;
    if (slot->is_taken)
        return 0;
    /* Where the first line has no frame, none stands for it. */
    if (first == FRAME_NONE && vec_push(&collapse->open, FRAME_NONE))
        return err_memory(err);
    int status = add_lines(collapse, text, length, ret_used, err);
    if (!status && *ret_used == length)
        status = number_rest(collapse, ret_rest, err);
    if (first == FRAME_NONE) {
        collapse->open.count--;
        memmove(collapse->open.items, collapse->open.items + 1,
                collapse->open.count * sizeof collapse->open.items[0]);
    }
    if (!status && *ret_used == length && strange_count == collapse->facts.strange_count &&
        collapse->rests.count < RESTS_MAX)
        text_slot_take(&collapse->rests, slot, hash, *ret_rest);
    return status;
}

/*
 * What is behind the line of an event, up to the end of an empty line, is known when it was seen before: its first line by itself,
 * because a function is met at many of its instructions, and the others together, because they are calls. *ret_used is what was used
 * of the text: all, up to the line that does not begin with a blank, where what it is depends on what was before.
 */
static int take_whole(struct collapse *collapse, const char *text, size_t length, size_t *ret_used,
                      struct err *err)
{
    size_t first = 0, used = 0;
    uint32_t rest = 0;
    if (text_table_room(&collapse->rests, 1))
        return err_memory(err);
    if (!collapse->program)
        return skip_whole(collapse, text, length, ret_used, err);
    const char *end = memchr(text, '\n', length);
    int status = add_lines(collapse, text, end ? (size_t)(end - text) + 1 : length, &first, err);
    uint32_t frame = collapse->open.count ? collapse->open.items[0] : FRAME_NONE;
    *ret_used = first;
    if (status || !first)
        return status;
    status = find_rest(collapse, text + first, length - first, &used, &rest, err);
    *ret_used = first + used;
    return status || *ret_used < length ? status : count_sample(collapse, frame, rest, err);
}

int collapse_text(struct collapse *collapse, const char *text, size_t length, bool is_end, size_t *ret_used,
                  struct err *err)
{
    size_t at = 0, empty = 0; /* up to there no stack is tried as a whole */
    while (at < length) {
        const char *end = memchr(text + at, '\n', length - at);
        if (!end && !is_end)
            break;
        size_t line_length = end ? (size_t)(end - text) - at : length - at;
        collapse->is_fresh = false;
        int status = collapse_line(collapse, text + at, line_length, err);
        if (status)
            return status;
        at += line_length + (end != NULL);
        if (!collapse->is_fresh || at < empty || at >= length || text[at] == '\n')
            continue;
        size_t used = 0, whole = find_empty_line(text + at, length - at);
        empty = at + whole;
        if (empty < length)
            status = take_whole(collapse, text + at, whole + 1, &used, err);
        if (status)
            return status;
        /* All of it: the empty line goes with it. */
        at += used == whole + 1 ? used + 1 : used;
    }
    *ret_used = at;
    return push_pending(collapse, err);
}

bool collapse_recognise(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && (text[at] == '#' || text[at] == '\n')) {
        const char *end = memchr(text + at, '\n', length - at);
        at = end ? (size_t)(end - text) + 1 : length;
    }
    while (at < length && text[at] == ' ')
        at++;
    const char *end = memchr(text + at, '\n', length - at);
    size_t line_length = end ? (size_t)(end - text) - at : length - at;
    struct event_line event;
    while (line_length && is_blank(text[at + line_length - 1]))
        line_length--;
    if (!line_length || line_length > EVENT_BYTES_MAX || is_blank(text[at]) ||
        !event_line_read(text + at, line_length, &event))
        return false;
    return text[at + line_length - 1] == ':' || memmem(text + at, line_length, ": sched:sched_", 14) != NULL;
}

void collapse_stack(const struct collapse *collapse, uint64_t id, struct collapse_stack *ret_stack)
{
    const struct stack *stack = &collapse->stacks.items[id - 1];
    const struct intern_entry *rest = &collapse->rest_frames.entries.items[stack->rest - 1];
    *ret_stack = (struct collapse_stack){.first = stack->first,
                                         .rest = stack->rest,
                                         .program = stack->program,
                                         .rest_frames = (const uint32_t *)(const void *)rest->bytes,
                                         .rest_count = rest->length / sizeof(uint32_t)};
}

const char *collapse_frame(const struct collapse *collapse, uint32_t frame, const char **ret_module)
{
    const struct intern_entry *entry = &collapse->frames.entries.items[frame - 1];
    size_t length = strlen(entry->bytes);
    *ret_module = length < entry->length ? entry->bytes + length + 1 : "";
    return entry->bytes;
}

struct collapse_facts collapse_facts(const struct collapse *collapse)
{
    struct collapse_facts facts = collapse->facts;
    facts.event = collapse->event_by_default ? collapse->event : NULL;
    return facts;
}
