/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/collapse.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "collapse/tidy_frame.h"

#define PENDING_MAX      64
#define EVENT_BYTES      65536u
#define HALVES_BYTES_MIN (1u << 20)
#define FRAME_NONE       0u

/* A text is known by 128 bits of hash: no two of a file's have the same. */
struct line_slot {
    XXH128_hash_t hash;
    uint32_t frame;
    bool is_taken;
};

/* A frame's line, its text from `at` on hashed. */
struct pending {
    const char *line;
    size_t length, at;
    XXH128_hash_t hash;
};

struct collapse {
    struct collapse_options options;
    char *event; /* that counts; NULL: none seen yet */
    bool event_by_default;

    /* What follows a frame's address, and the frame that it stands for. */
    struct line_slot *slots;
    size_t slot_count, line_count;
    struct intern frames; /* tidied texts, names of programs among them */
    struct intern stacks; /* of frames: uint32_t, innermost first */
    VEC(uint64_t) counts; /* by stack */

    /* Lines whose slots are on their way into the cache. */
    struct pending pending[PENDING_MAX];
    size_t pending_count;

    /* The sample that is open. */
    VEC(uint32_t) stack;
    uint32_t program; /* 0: none is open */
    bool is_java;
    uint64_t period;
    struct str text;

    struct collapse_watch watch;
    struct collapse_facts facts;
};

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
    free(collapse->slots);
    intern_free(&collapse->frames);
    intern_free(&collapse->stacks);
    vec_free(&collapse->counts);
    vec_free(&collapse->stack);
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

/* The numbers of the stack's frames are its name. A sample without frames is its program alone. */
static int end_sample(struct collapse *collapse, struct err *err)
{
    uint64_t id;
    bool is_new;
    if (!collapse->program)
        return 0;
    if (vec_push(&collapse->stack, collapse->program) ||
        intern_put(&collapse->stacks, (const char *)collapse->stack.items,
                   collapse->stack.count * sizeof(uint32_t), &id, &is_new) ||
        (is_new && vec_push(&collapse->counts, 0)))
        return err_memory(err);
    collapse->counts.items[id - 1] += collapse->period;
    collapse->facts.sample_count++;
    collapse->stack.count = 0;
    collapse->program = 0;
    return collapse->watch.sample ? collapse->watch.sample(collapse->watch.context, id, collapse->period, err)
                                  : 0;
}

/* Parts of an event's line: a name, blanks, a number, slashes, perhaps a number, a blank. */
struct event_line {
    size_t name_length;
    const char *first, *second; /* the numbers behind the name; second NULL when there is none */
    size_t first_length, second_length;
};

static size_t skip_digits(const char *line, size_t at, size_t length)
{
    while (at < length && is_digit(line[at]))
        at++;
    return at;
}

static bool event_numbers(const char *line, size_t length, size_t at, struct event_line *ret_event)
{
    size_t end = skip_digits(line, at, length), second;
    if (end == at)
        return false;
    for (second = end; second < length && line[second] == '/'; second++)
        ;
    size_t second_end = skip_digits(line, second, length);
    if (second_end == length || !is_blank(line[second_end]))
        return false;
    ret_event->first = line + at;
    ret_event->first_length = end - at;
    ret_event->second = second_end > second ? line + second : NULL;
    ret_event->second_length = second_end - second;
    return true;
}

/* The shortest name, of two characters at least, that blanks and numbers follow. */
static bool event_line_read(const char *line, size_t length, struct event_line *ret_event)
{
    for (size_t end = 2; end < length; end++) {
        if (!is_blank(line[end]))
            continue;
        size_t at = end;
        while (at < length && is_blank(line[at]))
            at++;
        if (event_numbers(line, length, at, ret_event)) {
            ret_event->name_length = end;
            return true;
        }
    }
    return false;
}

/* The end of such a line: a colon, perhaps a number, the event and its colon, blanks between. */
struct event_end {
    const char *event;
    size_t event_length;
    const char *period; /* NULL: not told */
    size_t period_length;
};

static bool event_end_read(const char *line, size_t length, struct event_end *ret_end)
{
    while (length && is_blank(line[length - 1]))
        length--;
    size_t from = length;
    while (from && !is_blank(line[from - 1]))
        from--;
    if (length - from < 2 || line[length - 1] != ':')
        return false;
    size_t behind = from;
    while (behind && is_blank(line[behind - 1]))
        behind--;
    size_t digits = behind;
    while (digits && is_digit(line[digits - 1]))
        digits--;
    size_t colon = digits;
    while (colon && is_blank(line[colon - 1]))
        colon--;
    if (behind == from || !colon || line[colon - 1] != ':')
        return false;
    *ret_end = (struct event_end){.event = line + from,
                                  .event_length = length - 1 - from,
                                  .period = digits < behind ? line + digits : NULL,
                                  .period_length = behind - digits};
    return true;
}

/* Whether samples of this event count: the first kind does. */
static int take_event(struct collapse *collapse, const struct event_end *end, bool *ret_is_taken,
                      struct err *err)
{
    if (!collapse->event || !*collapse->event) {
        free(collapse->event);
        collapse->event = calloc(end->event_length + 1, 1);
        if (!collapse->event)
            return err_memory(err);
        memcpy(collapse->event, end->event, end->event_length);
        collapse->event_by_default = true;
    }
    *ret_is_taken = strlen(collapse->event) == end->event_length &&
                    memcmp(collapse->event, end->event, end->event_length) == 0;
    collapse->facts.other_event_count += !*ret_is_taken;
    return 0;
}

static uint64_t number_of(const char *digits, size_t length)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++)
        if (num_mul_u64(number, 10, &number) || num_add_u64(number, (uint64_t)(digits[i] - '0'), &number))
            return UINT64_MAX;
    return number;
}

static bool is_true(const char *digits, size_t length)
{
    return digits && !(length == 1 && *digits == '0');
}

static void name_program(struct collapse *collapse, const char *line, const struct event_line *event)
{
    struct str *text = &collapse->text;
    bool has_both = is_true(event->second, event->second_length);
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

static int tell_event(struct collapse *collapse, const struct event_line *event, struct collapse_event *told,
                      struct err *err)
{
    bool has_both = is_true(event->second, event->second_length);
    if (!collapse->watch.event)
        return 0;
    told->name_length = event->name_length;
    told->pid = has_both ? number_of(event->first, event->first_length) : 0;
    told->tid = has_both ? number_of(event->second, event->second_length)
                         : number_of(event->first, event->first_length);
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
        if (is_true(end.period, end.period_length))
            period = number_of(end.period, end.period_length);
    }
    if (!status)
        status = tell_event(collapse, event, &told, err);
    if (status || !told.is_counted)
        return status;
    collapse->period = period; /* one of another event leaves the open sample as it is */
    name_program(collapse, line, event);
    collapse->is_java = str_starts(str_text(&collapse->text), "java");
    if (collapse->text.failed)
        return err_memory(err);
    return frame_of_text(collapse, str_text(&collapse->text), collapse->text.length, &collapse->program, err);
}

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

/* A line whose text behind the address is new, or one of which the address matters. */
static int frame_anew(struct collapse *collapse, const char *line, size_t length, uint32_t *ret_frame,
                      struct err *err)
{
    struct frame_line frame;
    *ret_frame = FRAME_NONE;
    if (frame_line_read(line, length, &frame))
        return tidy_frame(collapse, &frame, ret_frame, err);
    collapse->facts.strange_count++;
    return 0;
}

static struct line_slot *slot_of(struct line_slot *slots, size_t slot_count, XXH128_hash_t hash)
{
    size_t at = hash.low64 & (slot_count - 1);
    while (slots[at].is_taken && (slots[at].hash.low64 != hash.low64 || slots[at].hash.high64 != hash.high64))
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

/* Half of the slots are free. */
static int make_room(struct collapse *collapse, struct err *err)
{
    if (collapse->line_count * 2 < collapse->slot_count)
        return 0;
    size_t slot_count = collapse->slot_count ? collapse->slot_count * 2 : 1024;
    struct line_slot *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return err_memory(err);
    for (size_t i = 0; i < collapse->slot_count; i++)
        if (collapse->slots[i].is_taken)
            *slot_of(slots, slot_count, collapse->slots[i].hash) = collapse->slots[i];
    free(collapse->slots);
    collapse->slots = slots;
    collapse->slot_count = slot_count;
    return 0;
}

static int push_frame(struct collapse *collapse, uint32_t frame, struct err *err)
{
    return frame != FRAME_NONE && vec_push(&collapse->stack, frame) ? err_memory(err) : 0;
}

/* The frames of the lines that are pending, which may be known. */
static int push_pending(struct collapse *collapse, struct err *err)
{
    for (size_t i = 0; i < collapse->pending_count; i++) {
        const struct pending *pending = &collapse->pending[i];
        struct line_slot *slot = slot_of(collapse->slots, collapse->slot_count, pending->hash);
        int status = 0;
        if (!slot->is_taken) {
            status = frame_anew(collapse, pending->line, pending->length, &slot->frame, err);
            slot->hash = pending->hash;
            slot->is_taken = true;
            collapse->line_count++;
        }
        if (!status)
            status = push_frame(collapse, slot->frame, err);
        if (status)
            return status;
    }
    collapse->pending_count = 0;
    return 0;
}

static int add_pending(struct collapse *collapse, const char *line, size_t length, size_t at, struct err *err)
{
    int status = collapse->pending_count == PENDING_MAX ? push_pending(collapse, err) : 0;
    if (!status && !collapse->pending_count)
        status = make_room(collapse, err);
    if (status)
        return status;
    /* Programs whose names begin with "java" have their names tidied in another way. */
    struct pending pending = {.line = line, .length = length, .at = at};
    pending.hash = XXH3_128bits_withSeed(line + at, length - at, collapse->is_java);
    __builtin_prefetch(&collapse->slots[pending.hash.low64 & (collapse->slot_count - 1)]);
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
    return *ret_is_told ? tell_event(collapse, &event, &told, err) : 0;
}

static int add_frame(struct collapse *collapse, const char *line, size_t length, struct err *err)
{
    size_t at = 0;
    uint32_t frame;
    if (!collapse->program) {
        struct frame_line ignored;
        bool is_told = false;
        int status = tell_scheduler(collapse, line, length, &is_told, err);
        if (status || is_told)
            return status;
        collapse->facts.strange_count += !frame_line_read(line, length, &ignored);
        return 0;
    }
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

int collapse_text(struct collapse *collapse, const char *text, size_t length, bool is_end, size_t *ret_used,
                  struct err *err)
{
    size_t at = 0;
    while (at < length) {
        const char *end = memchr(text + at, '\n', length - at);
        if (!end && !is_end)
            break;
        size_t line_length = end ? (size_t)(end - text) - at : length - at;
        int status = collapse_line(collapse, text + at, line_length, err);
        if (status)
            return status;
        at += line_length + (end != NULL);
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
    if (!line_length || line_length > EVENT_BYTES || is_blank(text[at]) ||
        !event_line_read(text + at, line_length, &event))
        return false;
    return text[at + line_length - 1] == ':' || memmem(text + at, line_length, ": sched:sched_", 14) != NULL;
}

void collapse_stack(const struct collapse *collapse, uint64_t stack, const uint32_t **ret_frames,
                    size_t *ret_count)
{
    const struct intern_entry *entry = &collapse->stacks.entries.items[stack - 1];
    *ret_frames = (const uint32_t *)(const void *)entry->bytes;
    *ret_count = entry->length / sizeof(uint32_t);
}

const char *collapse_frame(const struct collapse *collapse, uint32_t frame, const char **ret_module)
{
    const struct intern_entry *entry = &collapse->frames.entries.items[frame - 1];
    size_t length = strlen(entry->bytes);
    *ret_module = length < entry->length ? entry->bytes + length + 1 : "";
    return entry->bytes;
}

struct folded {
    char *text;
    size_t length;
    uint64_t count;
};

static int compare_folded(const void *a, const void *b)
{
    const struct folded *left = a, *right = b;
    int order = memcmp(left->text, right->text, left->length < right->length ? left->length : right->length);
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

static int fold(const struct collapse *collapse, size_t stack, struct arena *arena, struct folded *ret_folded,
                struct err *err)
{
    const struct intern_entry *entry = &collapse->stacks.entries.items[stack];
    size_t count = entry->length / sizeof(uint32_t), length = 0;
    uint32_t frame;
    for (size_t i = 0; i < count; i++) {
        memcpy(&frame, entry->bytes + i * sizeof frame, sizeof frame);
        length += collapse->frames.entries.items[frame - 1].length + 1;
    }
    char *text = arena_alloc(arena, length + 1), *at = text;
    if (!text)
        return err_memory(err);
    for (size_t i = count; i-- > 0;) {
        memcpy(&frame, entry->bytes + i * sizeof frame, sizeof frame);
        const struct intern_entry *name = &collapse->frames.entries.items[frame - 1];
        memcpy(at, name->bytes, name->length);
        at += name->length;
        *at++ = ';';
    }
    *ret_folded = (struct folded){.text = text, .length = length - 1, .count = collapse->counts.items[stack]};
    return 0;
}

/* Different frames, and different parts of a text, can make the same stack. */
static void write_folded(struct folded *stacks, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && compare_folded(&stacks[i], &stacks[i + 1]) == 0) {
            stacks[i + 1].count += stacks[i].count;
            continue;
        }
        fwrite(stacks[i].text, 1, stacks[i].length, out);
        fprintf(out, " %" PRIu64 "\n", stacks[i].count);
    }
}

int collapse_write(struct collapse *const *all, size_t count, FILE *out, struct err *err)
{
    size_t stack_count = 0, at = 0;
    struct arena arena = {0};
    for (size_t part = 0; part < count; part++)
        stack_count += all[part] ? all[part]->stacks.entries.count : 0;
    struct folded *stacks = calloc(stack_count + 1, sizeof *stacks);
    int status = stacks ? 0 : err_memory(err);
    for (size_t part = 0; part < count; part++)
        for (size_t i = 0; all[part] && i < all[part]->stacks.entries.count && !status; i++)
            status = fold(all[part], i, &arena, &stacks[at++], err);
    if (!status && stack_count) {
        qsort(stacks, stack_count, sizeof *stacks, compare_folded);
        write_folded(stacks, stack_count, out);
    }
    free(stacks);
    arena_free(&arena);
    return status;
}

struct half {
    struct collapse *collapse;
    const char *text;
    size_t length;
    int status;
    struct err err;
};

static void *collapse_half(void *context)
{
    struct half *half = context;
    size_t used;
    half->status = collapse_text(half->collapse, half->text, half->length, true, &used, &half->err);
    return NULL;
}

/* Where a second half can begin: behind an empty line. The length when there is none. */
static size_t find_middle(const char *text, size_t length)
{
    const char *empty = memmem(text + length / 2, length - length / 2, "\n\n", 2);
    return empty ? (size_t)(empty - text) + 2 : length;
}

/* The first half up to where its event is known, or all of it. */
static int find_event(struct collapse *collapse, const char *text, size_t length, size_t *ret_used,
                      struct err *err)
{
    size_t at = 0;
    int status = 0;
    while (!status && at < length && !(collapse->event && *collapse->event)) {
        size_t used = 0, part = length - at < EVENT_BYTES ? length - at : EVENT_BYTES;
        status = collapse_text(collapse, text + at, part, at + part == length, &used, err);
        at += used;
        if (!used && part < length - at)
            break; /* a line that is longer: the rest in one piece */
    }
    *ret_used = at;
    return status;
}

static int join_halves(struct half halves[COLLAPSE_HALVES], struct err *err)
{
    pthread_t thread;
    bool is_apart = pthread_create(&thread, NULL, collapse_half, &halves[1]) == 0;
    collapse_half(&halves[0]);
    if (is_apart)
        pthread_join(thread, NULL);
    else
        collapse_half(&halves[1]);
    for (size_t i = 0; i < COLLAPSE_HALVES; i++) {
        if (halves[i].status) {
            *err = halves[i].err;
            return halves[i].status;
        }
    }
    return 0;
}

int collapse_whole(const struct collapse_options *options, const char *text, size_t length,
                   struct collapse *ret_all[COLLAPSE_HALVES], struct err *err)
{
    size_t used = 0, middle = length < HALVES_BYTES_MIN ? length : find_middle(text, length);
    ret_all[1] = NULL;
    int status = collapse_create(options, &ret_all[0], err);
    if (!status)
        status = find_event(ret_all[0], text, middle, &used, err);
    if (status)
        return status;
    struct half halves[COLLAPSE_HALVES] = {
        {.collapse = ret_all[0], .text = text + used, .length = middle - used},
        {.text = text + middle, .length = length - middle},
    };
    if (middle == length) {
        collapse_half(&halves[0]);
        if (halves[0].status)
            *err = halves[0].err;
        return halves[0].status;
    }
    struct collapse_options second = *options;
    second.event = ret_all[0]->event;
    status = collapse_create(&second, &ret_all[1], err);
    halves[1].collapse = ret_all[1];
    return status ? status : join_halves(halves, err);
}

struct collapse_facts collapse_facts(const struct collapse *collapse)
{
    struct collapse_facts facts = collapse->facts;
    facts.event = collapse->event_by_default ? collapse->event : NULL;
    return facts;
}
