/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collapse_all: a whole text by several threads, and what they found as one. Who has nothing to do reads the next part under the lock:
 * what is left of the part before, and as much as fits, up to the end of the last sample. Which part is whose makes no difference: between
 * samples nothing is open, and what is found is summed up and sorted.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "collapse/collapse.h"
#include "collapse/collapse_state.h"
#include "collapse/fold.h"

#define PART_BYTES     (256u << 10)
#define LINE_BYTES_MAX (64u << 20)

/* What the threads share. */
struct reading {
    const struct collapse_input *input;
    pthread_mutex_t lock;
    char *left; /* behind the last sample that was handed out */
    size_t left_length, left_capacity;
    bool is_end, has_failed;
};

struct worker {
    struct reading *reading;
    struct collapse *collapse;
    char *bytes;
    size_t held, capacity;
    bool is_whole_part; /* the last part filled its room: there may be more for others */
    int status;
    struct err err;
};

/* Behind the last empty line; 0 when there is none. */
static size_t find_cut(const char *bytes, size_t length)
{
    while (length > 1 && !(bytes[length - 1] == '\n' && bytes[length - 2] == '\n'))
        length--;
    return length > 1 ? length : 0;
}

static int grow(struct worker *worker, struct err *err)
{
    if (worker->held < worker->capacity)
        return 0;
    if (worker->capacity >= LINE_BYTES_MAX)
        return err_set(err, ERR_INPUT, "could not read the text: a line is longer than %zu bytes",
                       worker->capacity);
    size_t capacity = worker->capacity ? worker->capacity * 2 : PART_BYTES;
    char *grown = realloc(worker->bytes, capacity);
    if (!grown)
        return err_memory(err);
    worker->bytes = grown;
    worker->capacity = capacity;
    return 0;
}

static int fill(struct worker *worker, struct err *err)
{
    struct reading *reading = worker->reading;
    int status = grow(worker, err);
    while (!status && !reading->is_end && worker->held < worker->capacity) {
        size_t got = 0;
        status = reading->input->read(reading->input->context, worker->bytes + worker->held,
                                      worker->capacity - worker->held, &got, err);
        reading->is_end = !status && !got;
        worker->held += got;
    }
    return status;
}

/* What is behind the cut waits for who comes next. */
static int leave(struct worker *worker, size_t cut, struct err *err)
{
    struct reading *reading = worker->reading;
    size_t length = worker->held - cut;
    if (length > reading->left_capacity) {
        char *grown = realloc(reading->left, length);
        if (!grown)
            return err_memory(err);
        reading->left = grown;
        reading->left_capacity = length;
    }
    if (length)
        memcpy(reading->left, worker->bytes + cut, length);
    reading->left_length = length;
    worker->held = cut;
    return 0;
}

/* A sample that is longer than the part is one thread's, line by line: it keeps the lock. */
static int read_on(struct worker *worker, size_t *ret_cut, struct err *err)
{
    size_t used = 0, cut = 0;
    int status = 0;
    while (!status && !cut && !worker->reading->is_end) {
        status = collapse_text(worker->collapse, worker->bytes, worker->held, false, &used, err);
        worker->held -= used;
        memmove(worker->bytes, worker->bytes + used, worker->held);
        if (!status)
            status = fill(worker, err);
        cut = find_cut(worker->bytes, worker->held);
    }
    *ret_cut = worker->reading->is_end ? worker->held : cut;
    return status;
}

static int take_part(struct worker *worker, struct err *err)
{
    struct reading *reading = worker->reading;
    size_t cut = 0;
    worker->held = 0;
    while (worker->capacity <= reading->left_length) {
        worker->held = worker->capacity;
        int status = grow(worker, err);
        if (status)
            return status;
    }
    if (reading->left_length)
        memcpy(worker->bytes, reading->left, reading->left_length);
    worker->held = reading->left_length;
    reading->left_length = 0;
    int status = fill(worker, err);
    if (status)
        return status;
    cut = reading->is_end ? worker->held : find_cut(worker->bytes, worker->held);
    if (!cut && !reading->is_end)
        status = read_on(worker, &cut, err);
    worker->is_whole_part = !reading->is_end;
    return status ? status : leave(worker, cut, err);
}

/* The others need not go on. */
static void fail(struct reading *reading)
{
    pthread_mutex_lock(&reading->lock);
    reading->has_failed = true;
    pthread_mutex_unlock(&reading->lock);
}

/* Parts until there are none, or, with `is_first`, until the event is known. */
static void work(struct worker *worker, bool is_first)
{
    struct reading *reading = worker->reading;
    size_t used;
    while (!worker->status) {
        pthread_mutex_lock(&reading->lock);
        bool is_done = reading->has_failed || (reading->is_end && !reading->left_length);
        if (!is_done)
            worker->status = take_part(worker, &worker->err);
        reading->has_failed = reading->has_failed || worker->status;
        pthread_mutex_unlock(&reading->lock);
        if (is_done || worker->status)
            return;
        worker->status =
            collapse_text(worker->collapse, worker->bytes, worker->held, true, &used, &worker->err);
        if (worker->status)
            fail(reading);
        if (is_first && worker->is_whole_part && worker->collapse->event_length)
            return;
    }
}

static void *work_on(void *context)
{
    work(context, false);
    return NULL;
}

static int start_others(const struct collapse_options *options, struct worker *workers, pthread_t *threads,
                        size_t count, size_t *ret_started, struct err *err)
{
    struct collapse_options others = *options;
    others.event = workers[0].collapse->event;
    for (size_t i = 1; i < count; i++) {
        int status = collapse_create(&others, &workers[i].collapse, err);
        if (status)
            return status;
        /* Without the thread the others do its work. */
        if (pthread_create(&threads[i], NULL, work_on, &workers[i]))
            return 0;
        *ret_started = i;
    }
    return 0;
}

int collapse_read(const struct collapse_options *options, const struct collapse_input *input,
                  size_t thread_count, struct collapse *ret_all[COLLAPSE_THREADS_MAX], struct err *err)
{
    struct reading reading = {.input = input, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker workers[COLLAPSE_THREADS_MAX] = {0};
    pthread_t threads[COLLAPSE_THREADS_MAX];
    size_t started = 0, count = num_min(thread_count, COLLAPSE_THREADS_MAX);
    for (size_t i = 0; i < COLLAPSE_THREADS_MAX; i++)
        workers[i].reading = &reading;
    int status = collapse_create(options, &workers[0].collapse, err);
    if (!status) {
        work(&workers[0], count > 1);
        if (!workers[0].status && (!reading.is_end || reading.left_length))
            status = start_others(options, workers, threads, count, &started, err);
        work(&workers[0], false);
    }
    for (size_t i = 1; i <= started; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < COLLAPSE_THREADS_MAX; i++) {
        if (!status && workers[i].status) {
            *err = workers[i].err;
            status = workers[i].status;
        }
        ret_all[i] = workers[i].collapse;
        free(workers[i].bytes);
    }
    free(reading.left);
    pthread_mutex_destroy(&reading.lock);
    return status;
}

size_t collapse_thread_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        return 1;
    return num_min((uint64_t)CPU_COUNT(&allowed), COLLAPSE_THREADS_MAX);
}

/* --- what they found --- */

/* The numbers in a fold of what a collapse knows. */
struct folding {
    const struct collapse *collapse;
    struct fold *fold;
    VEC(uint32_t) frames; /* by id - 1 */
    VEC(uint32_t) chains; /* of rests, likewise */
    VEC(uint32_t) chain;
};

static int fold_frames(struct folding *folding, struct err *err)
{
    const struct intern *frames = &folding->collapse->frames;
    uint32_t frame;
    int status = 0;
    for (size_t i = 0; i < frames->entries.count && !status; i++) {
        const struct intern_entry *entry = &frames->entries.items[i];
        status = fold_frame(folding->fold, entry->bytes, entry->length, &frame, err);
        if (!status && vec_push(&folding->frames, frame))
            status = err_memory(err);
    }
    return status;
}

static int fold_rests(struct folding *folding, struct err *err)
{
    const struct intern *rests = &folding->collapse->rest_frames;
    uint32_t chain;
    int status = 0;
    for (size_t i = 0; i < rests->entries.count && !status; i++) {
        const uint32_t *frames = (const uint32_t *)(const void *)rests->entries.items[i].bytes;
        size_t count = rests->entries.items[i].length / sizeof *frames;
        if (vec_reserve(&folding->chain, count))
            return err_memory(err);
        for (size_t k = 0; k < count; k++)
            folding->chain.items[k] = folding->frames.items[frames[k] - 1];
        status = fold_chain(folding->fold, folding->chain.items, count, &chain, err);
        if (!status && vec_push(&folding->chains, chain))
            status = err_memory(err);
    }
    return status;
}

static int fold_all(const struct collapse *collapse, struct fold *fold, struct err *err)
{
    struct folding folding = {.collapse = collapse, .fold = fold};
    int status = fold_frames(&folding, err);
    if (!status)
        status = fold_rests(&folding, err);
    /* Each stack has a program, and each program a rest. */
    VEC_HAS_ITEMS(&folding.frames);
    VEC_HAS_ITEMS(&folding.chains);
    for (size_t i = 0; i < collapse->stacks.count && !status; i++) {
        const struct stack *stack = &collapse->stacks.items[i];
        struct fold_stack folded = {.program = folding.frames.items[stack->program - 1],
                                    .chain = folding.chains.items[stack->rest - 1],
                                    .first =
                                        stack->first ? folding.frames.items[stack->first - 1] : FOLD_NONE,
                                    .weight = collapse->counts.items[i]};
        status = fold_stack(fold, &folded, err);
    }
    vec_free(&folding.frames);
    vec_free(&folding.chains);
    vec_free(&folding.chain);
    return status;
}

static int write_out(void *context, const char *bytes, size_t length, struct err *err)
{
    FILE *out = context;
    (void)err;
    /* Who owns the stream looks at its state in the end. */
    fwrite(bytes, 1, length, out);
    return 0;
}

int collapse_write(struct collapse *const *all, size_t count, FILE *out, struct err *err)
{
    struct fold *fold = NULL;
    int status = fold_create(&fold, err);
    for (size_t i = 0; i < count && !status; i++)
        if (all[i])
            status = fold_all(all[i], fold, err);
    if (!status)
        status = fold_write(fold, 1, write_out, out, err);
    fold_destroy(fold);
    return status;
}
