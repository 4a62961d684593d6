/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callgrind_file: what `valgrind --tool=callgrind` writes, and others in its format (valgrind.org, "Callgrind Format Specification"):
 * the cost of each function by line, and of each call the cost of all that came of it.
 *
 * Whole stacks are not in it: who called whom, and how much of the cost came of that. What each function cost itself is exact here. Its
 * callers are apportioned, as gprof does: walking down from the functions that nobody calls, a function's cost is divided among its
 * callers as the costs of their calls are. Recursion and shares below a millionth end the walk; what was not given a stack that way
 * stands without callers, so that sums stay.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"
#include "ingest/internal.h"
#include "ingest/timeless.h"

#define EVENTS_MAX    64u
#define POSITIONS_MAX 2u
#define DEPTH_MAX     256u
#define SHARE_MIN     1e-6
#define STEPS_MAX     2000000u           /* of the walk over who called whom */
#define LOOKS_MAX     (100u * STEPS_MAX) /* at calls, most of which are too small for a step */

struct text {
    const char *bytes;
    size_t length;
};

struct call {
    size_t callee;
    uint64_t cost; /* of all calls from here to there, with all that came of them */
};

struct function {
    uint64_t name, file, object; /* ids of strings */
    uint64_t line;               /* the first that was seen */
    uint64_t frame;
    uint64_t self, incoming, told; /* told: what stacks were given of self */
    uint64_t down;                 /* self and all calls out of it */
    VEC(struct call) calls;
    bool is_open; /* on the way down from the root to where the walk is */
};

/* The three things that a cost line belongs to: names by number, as `fn=(3) main` defines them. */
enum { SPACE_OBJECT, SPACE_FILE, SPACE_FUNCTION, SPACE_COUNT };

struct place {
    uint64_t object, file, function; /* string ids */
};

struct reading {
    const struct ingest_input *input;
    struct tables *tables;
    struct ingest_notes *notes;
    struct intern strings;
    struct map numbered[SPACE_COUNT];
    struct map function_of, call_of; /* by hash to index + 1 */
    VEC(struct function) functions;
    struct place here, callee;
    uint64_t line_count, position[POSITIONS_MAX], position_count;
    size_t event_count, event_index;
    uint64_t step_count, look_count;
    bool is_call; /* the next cost line is that of a call */
    struct str events, command;
    uint64_t pid;
    struct timeless timeless;
    uint32_t thread;
};

static int refuse(const struct reading *reading, const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT, "line %llu: %s", (unsigned long long)reading->line_count, what);
}

static bool next_line(const struct ingest_input *input, size_t *at, struct text *ret_line)
{
    if (*at >= input->length)
        return false;
    const char *start = input->bytes + *at, *end = memchr(start, '\n', input->length - *at);
    size_t length = end ? (size_t)(end - start) : input->length - *at;
    *at += length + 1;
    while (length && (start[length - 1] == '\r' || start[length - 1] == ' '))
        length--;
    *ret_line = (struct text){start, length};
    return true;
}

static bool starts(const struct text *text, const char *prefix)
{
    return text->length >= strlen(prefix) && memcmp(text->bytes, prefix, strlen(prefix)) == 0;
}

static void skip(struct text *text, size_t count)
{
    text->bytes += count;
    text->length -= count;
}

static void skip_blanks(struct text *text)
{
    while (text->length && (*text->bytes == ' ' || *text->bytes == '\t'))
        skip(text, 1);
}

/* A decimal or 0x number; false when there is none. */
static bool take_number(struct text *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    bool is_hex = starts(text, "0x"), has_digit = false;
    if (is_hex)
        skip(text, 2);
    for (; text->length; skip(text, 1)) {
        char c = *text->bytes;
        int digit = c >= '0' && c <= '9' ? c - '0' : is_hex && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            break;
        if (num_mul_u64(value, is_hex ? 16 : 10, &value) || num_add_u64(value, (uint64_t)digit, &value))
            return false;
        has_digit = true;
    }
    *ret_value = value;
    return has_digit;
}

/* "(3) name" gives number 3 a name, "(3)" is that name, "name" is itself. */
static int take_name(struct reading *reading, int space, struct text text, uint64_t *ret_string,
                     struct err *err)
{
    uint64_t number = 0;
    bool has_number = text.length && *text.bytes == '(';
    if (has_number) {
        struct text inner = text;
        skip(&inner, 1);
        if (!take_number(&inner, &number) || !inner.length || *inner.bytes != ')')
            return refuse(reading, "a name's number does not hold", err);
        skip(&inner, 1);
        skip_blanks(&inner);
        text = inner;
        const uint64_t *known = text.length ? NULL : map_get(&reading->numbered[space], number);
        if (known) {
            *ret_string = *known;
            return 0;
        }
        if (!text.length)
            return refuse(reading, "a name is referred to that was not given", err);
    }
    if (intern_put(&reading->strings, text.bytes, text.length, ret_string, NULL) ||
        (has_number && map_put(&reading->numbered[space], number, *ret_string)))
        return err_memory(err);
    return 0;
}

static int function_find(struct reading *reading, const struct place *place, size_t *ret_index,
                         struct err *err)
{
    uint64_t key = map_hash(map_hash(map_hash(place->function) + place->file) + place->object);
    const uint64_t *known = map_get(&reading->function_of, key);
    const struct function function = {.name = place->function, .file = place->file, .object = place->object};
    if (known) {
        *ret_index = (size_t)*known - 1;
        return 0;
    }
    if (vec_push(&reading->functions, function) ||
        map_put(&reading->function_of, key, reading->functions.count))
        return err_memory(err);
    *ret_index = reading->functions.count - 1;
    return 0;
}

/* --- lines --- */

/* A position is a number, the one before (*), or so much behind (+) or before (-) it. */
static bool take_position(struct text *line, uint64_t *position)
{
    uint64_t value;
    skip_blanks(line);
    if (!line->length)
        return false;
    char c = *line->bytes;
    if (c == '*') {
        skip(line, 1);
        return true;
    }
    if (c == '+' || c == '-')
        skip(line, 1);
    if (!take_number(line, &value))
        return false;
    *position = c == '+' ? *position + value : c == '-' ? *position - value : value;
    return true;
}

/* The cost of the event that counts; costs left out at the end are 0. */
static bool take_cost(const struct reading *reading, struct text *line, uint64_t *ret_cost)
{
    uint64_t value;
    *ret_cost = 0;
    for (size_t i = 0;; i++) {
        skip_blanks(line);
        if (!line->length)
            return true;
        if (i == reading->event_count || !take_number(line, &value))
            return false;
        if (i == reading->event_index)
            *ret_cost = value;
    }
}

static int add_call(struct reading *reading, size_t caller, uint64_t cost, struct err *err)
{
    size_t callee = 0;
    int status = function_find(reading, &reading->callee, &callee, err);
    if (status)
        return status;
    uint64_t key = map_hash(map_hash(caller + 1) + callee);
    const uint64_t *known = map_get(&reading->call_of, key);
    struct function *from = &reading->functions.items[caller];
    if (!known) {
        if (vec_push(&from->calls, (struct call){.callee = callee}) ||
            map_put(&reading->call_of, key, from->calls.count))
            return err_memory(err);
        known = map_get(&reading->call_of, key);
    }
    struct call *call = &from->calls.items[*known - 1];

    /* What a function costs when it calls itself is told with its first call. */
    uint64_t more = caller == callee ? 0 : cost;
    struct function *to = &reading->functions.items[callee];
    if (num_add_u64(call->cost, cost, &call->cost) || num_add_u64(from->down, more, &from->down) ||
        num_add_u64(to->incoming, more, &to->incoming))
        return refuse(reading, "the costs add up to more than 64 bits hold", err);
    return 0;
}

static int take_cost_line(struct reading *reading, struct text line, struct err *err)
{
    uint64_t cost;
    size_t index = 0;
    bool is_call = reading->is_call;
    reading->is_call = false;
    for (size_t i = 0; i < reading->position_count; i++)
        if (!take_position(&line, &reading->position[i]))
            return refuse(reading, "a cost line has no position", err);
    if (!take_cost(reading, &line, &cost))
        return refuse(reading, "a cost is no number, or there are more costs than events", err);
    int status = function_find(reading, &reading->here, &index, err);
    if (status)
        return status;
    if (is_call) {
        status = add_call(reading, index, cost, err);
        reading->callee.file = reading->here.file; /* where the next callee is unless told otherwise */
        reading->callee.object = reading->here.object;
        return status;
    }
    struct function *function = &reading->functions.items[index];
    if (!function->line)
        function->line = reading->position[reading->position_count - 1];
    if (num_add_u64(function->self, cost, &function->self) ||
        num_add_u64(function->down, cost, &function->down))
        return refuse(reading, "the costs add up to more than 64 bits hold", err);
    return 0;
}

/* `events: Ir Dr Dw`: which of them counts. */
static int take_events(struct reading *reading, struct text line, const char *wanted, struct err *err)
{
    bool is_found = !wanted;
    str_clear(&reading->events);
    for (reading->event_count = 0; reading->event_count < EVENTS_MAX; reading->event_count++) {
        skip_blanks(&line);
        size_t length = 0;
        while (length < line.length && line.bytes[length] != ' ' && line.bytes[length] != '\t')
            length++;
        if (!length)
            break;
        if (wanted && strlen(wanted) == length && memcmp(wanted, line.bytes, length) == 0) {
            reading->event_index = reading->event_count;
            is_found = true;
        }
        str_append(&reading->events, reading->event_count ? ", " : "");
        str_append_bytes(&reading->events, line.bytes, length);
        skip(&line, length);
    }
    if (!reading->event_count)
        return refuse(reading, "there are no events", err);
    if (is_found)
        return 0;
    err_set(err, ERR_INPUT, "line %llu: there is no event '%s'", (unsigned long long)reading->line_count,
            wanted);
    err_hint(err, "the events are: %s", str_text(&reading->events));
    return -(int)ERR_INPUT;
}

/* `fl=`, `fn=` and their kin. *ret_is_known says whether it was one. */
static int take_place(struct reading *reading, const struct text *line, bool *ret_is_known, struct err *err)
{
    struct place *here = &reading->here, *callee = &reading->callee;
    const struct {
        const char *key;
        int space;
        uint64_t *string;
    } keys[] = {{"fn=", SPACE_FUNCTION, &here->function},
                {"fl=", SPACE_FILE, &here->file},
                {"fi=", SPACE_FILE, NULL},
                {"fe=", SPACE_FILE, NULL},
                {"ob=", SPACE_OBJECT, &here->object},
                {"cfn=", SPACE_FUNCTION, &callee->function},
                {"cfi=", SPACE_FILE, &callee->file},
                {"cfl=", SPACE_FILE, &callee->file},
                {"cob=", SPACE_OBJECT, &callee->object}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint64_t string = 0;
        struct text name = *line;
        if (!starts(line, keys[i].key))
            continue;
        *ret_is_known = true;
        skip(&name, strlen(keys[i].key));
        int status = take_name(reading, keys[i].space, name, &string, err);
        if (keys[i].string)
            *keys[i].string = string; /* fi and fe: lines inlined from another file: the function's own */
        if (keys[i].string == &here->file || keys[i].string == &here->object)
            *(keys[i].string == &here->file ? &callee->file : &callee->object) = string;
        return status;
    }
    *ret_is_known = false;
    return 0;
}

static void take_header(struct reading *reading, const struct text *line)
{
    struct text value = *line;
    if (starts(line, "cmd:")) {
        skip(&value, strlen("cmd:"));
        skip_blanks(&value);
        str_clear(&reading->command);
        str_append_bytes(&reading->command, value.bytes, value.length);
    } else if (starts(line, "pid:")) {
        skip(&value, strlen("pid:"));
        skip_blanks(&value);
        (void)take_number(&value, &reading->pid);
    } else if (starts(line, "positions:")) {
        reading->position_count =
            memmem(line->bytes, line->length, "instr", 5) && memmem(line->bytes, line->length, "line", 4) ? 2
                                                                                                          : 1;
    }
}

static int take_line(struct reading *reading, const struct text *line, const char *wanted, struct err *err)
{
    bool is_known = false;
    struct text value = *line;
    if (!line->length || *line->bytes == '#')
        return 0;
    if (strchr("0123456789+-*", *line->bytes) && *line->bytes) {
        if (!reading->event_count)
            return refuse(reading, "there is a cost before the events are told", err);
        return take_cost_line(reading, *line, err);
    }
    int status = take_place(reading, line, &is_known, err);
    if (status || is_known)
        return status;
    if (starts(line, "calls=")) {
        reading->is_call = true;
    } else if (starts(line, "events:")) {
        skip(&value, strlen("events:"));
        return take_events(reading, value, wanted, err);
    } else if (!starts(line, "jump=") && !starts(line, "jcnd=")) {
        take_header(reading, line);
    }
    return 0;
}

/* --- stacks --- */

static const char *module_of(const struct reading *reading, uint64_t object)
{
    const char *name = intern_text(&reading->strings, object);
    return strcmp(name, "???") == 0 ? "" : name;
}

static int make_frames(struct reading *reading, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < reading->functions.count && !status; i++) {
        struct function *function = &reading->functions.items[i];
        const char *file = module_of(reading, function->file), *module = module_of(reading, function->object);
        const struct tables_frame row = {.function = intern_text(&reading->strings, function->name),
                                         .file = file[0] ? file : NULL,
                                         .module = module[0] ? module : NULL,
                                         .line = file[0] ? function->line : 0};
        status = tables_frame(reading->tables, &row, &function->frame, err);
    }
    return status;
}

/* `share` of all that the function cost came of the stack that ends in it. */
static int walk(struct reading *reading, size_t index, uint64_t parent, double share, size_t depth,
                struct err *err)
{
    struct function *function = &reading->functions.items[index];
    uint64_t stack = 0,
             part = num_min(num_u64(round((double)function->self * share)), function->self - function->told);
    int status = tables_stack(reading->tables, parent, function->frame, &stack, err);
    if (!status)
        status = timeless_add(&reading->timeless, reading->tables, reading->thread, stack, part, err);
    function->told += part;
    function->is_open = true;
    for (size_t i = 0; i < function->calls.count && !status && reading->look_count < LOOKS_MAX; i++) {
        reading->look_count++;
        const struct call *call = &function->calls.items[i];
        const struct function *callee = &reading->functions.items[call->callee];
        double down = (double)num_max(callee->down, callee->incoming);
        double inner = down > 0 ? share * (double)call->cost / down : 0;
        if (callee->is_open || inner < SHARE_MIN || depth == DEPTH_MAX || reading->step_count++ >= STEPS_MAX)
            continue;
        status = walk(reading, call->callee, stack, inner, depth + 1, err);
    }
    reading->functions.items[index].is_open = false;
    return status;
}

/* From those that cost more than calls into them explain; then what is left of each, without callers. */
static int make_stacks(struct reading *reading, struct err *err)
{
    uint64_t left = 0, all = 0;
    int status = make_frames(reading, err);
    for (size_t i = 0; i < reading->functions.count && !status; i++) {
        const struct function *function = &reading->functions.items[i];
        if (function->down > function->incoming)
            status = walk(reading, i, 0,
                          (double)(function->down - function->incoming) / (double)function->down, 0, err);
    }
    for (size_t i = 0; i < reading->functions.count && !status; i++) {
        const struct function *function = &reading->functions.items[i];
        uint64_t stack = 0, rest = function->self - function->told;
        all += function->self;
        left += rest;
        if (rest)
            status = tables_stack(reading->tables, 0, function->frame, &stack, err);
        if (!status)
            status = timeless_add(&reading->timeless, reading->tables, reading->thread, stack, rest, err);
    }
    if (left && all) {
        char *text = arena_printf(&reading->notes->arena,
                                  "%.2g %% of the cost stands without callers (recursion, small shares)",
                                  100 * (double)left / (double)all);
        ingest_remark(reading->notes, text);
    }
    return status;
}

static const char *program_of(struct reading *reading)
{
    char *text = reading->command.text;
    if (!text || !*text)
        return "program";
    text[strcspn(text, " ")] = '\0';
    char *slash = strrchr(text, '/');
    return slash && slash[1] ? slash + 1 : text;
}

static int finish(struct reading *reading, struct err *err)
{
    struct tables_about *about = &reading->notes->about;
    str_append(&reading->command, "");
    const char *program = program_of(reading);
    const struct tables_who who = {.pid = reading->pid,
                                   .tid = reading->pid ? reading->pid : 1,
                                   .name = program,
                                   .name_length = strlen(program)};
    char *names = arena_string(&reading->notes->arena, str_text(&reading->events));
    int status = tables_thread(reading->tables, &who, &reading->thread, err);
    if (status || !names)
        return status ? status : err_memory(err);
    for (size_t i = 0; i < reading->event_index; i++)
        names = strchr(names, ',') + 2;
    names[strcspn(names, ",")] = '\0';
    about->event = about->unit = names;
    about->clock = "none: stacks stand one behind the other";
    ingest_remark(reading->notes,
                  "the file has who called whom, not whole stacks: costs are divided among callers "
                  "as the costs of their calls are");
    return make_stacks(reading, err);
}

static int callgrind_read(const struct ingest_input *input, const struct ingest_choice *choice,
                          struct tables *tables, struct ingest_notes *notes, struct err *err)
{
    struct reading reading = {.input = input, .tables = tables, .notes = notes, .position_count = 1};
    struct text line;
    size_t at = 0;
    int status = 0;
    while (!status && next_line(input, &at, &line)) {
        reading.line_count++;
        status = take_line(&reading, &line, choice->event, err);
    }
    if (!status && !reading.functions.count)
        status = refuse(&reading, "there is no function with a cost", err);
    if (!status)
        status = finish(&reading, err);
    for (size_t i = 0; i < reading.functions.count; i++)
        vec_free(&reading.functions.items[i].calls);
    vec_free(&reading.functions);
    for (size_t i = 0; i < SPACE_COUNT; i++)
        map_free(&reading.numbered[i]);
    map_free(&reading.function_of);
    map_free(&reading.call_of);
    vec_free(&reading.timeless.ends);
    intern_free(&reading.strings);
    str_free(&reading.events);
    str_free(&reading.command);
    return status;
}

/* It says so in its first line, else it has both of these before its first cost. */
static bool callgrind_probe(const struct ingest_input *input)
{
    struct text line;
    size_t at = 0;
    bool has_events = false;
    for (size_t i = 0; i < 64 && next_line(input, &at, &line); i++) {
        if (starts(&line, "# callgrind format"))
            return true;
        has_events |= starts(&line, "events:");
        if (has_events && (starts(&line, "fn=") || starts(&line, "fl=") || starts(&line, "ob=")))
            return true;
    }
    return false;
}

const struct ingest_reader ingest_callgrind = {
    .name = "callgrind",
    .about = "a callgrind profile",
    .probe = callgrind_probe,
    .read = callgrind_read,
};
