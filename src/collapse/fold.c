/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/fold.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/num.h"
#include "base/sort.h"
#include "base/str.h"
#include "base/vec.h"

#define FLUSH_BYTES (1u << 18)

/* Words are fold.parts from `first` on. */
struct fold_words {
    uint32_t first, count;
};

struct fold_line {
    uint64_t key; /* of its first two words */
    uint64_t weight;
    uint32_t program, chain, first;
};

/* A word with the ';' behind it, or without as the last of a line. A ';' can only be the last byte, so that lists of such texts are in
 * the order of what they say when one puts them together. */
struct fold_text {
    uint64_t key; /* its first bytes */
    const char *bytes;
    size_t length;
    uint32_t variant; /* twice the word, and 1 more without the ';' */
};

/* Of a chain, in fold.texts, a ';' behind each frame; length 0: not written yet. */
struct chain_text {
    size_t at, length;
};

struct fold {
    struct intern words;  /* with their ';' */
    struct intern frames; /* texts */
    struct intern chains; /* frames, the innermost first */
    VEC(uint32_t) parts;  /* words, from 0 on */
    VEC(struct fold_words) words_of_frames;
    VEC(struct fold_words) words_of_chains; /* the outermost first */
    VEC(struct fold_line) lines;
    VEC(uint32_t) ranks; /* by variant; 0: there is none such */
    VEC(struct chain_text) chain_texts;
    VEC(char) texts;
    struct str text;
};

int fold_create(struct fold **ret_fold, struct err *err)
{
    struct fold *fold = calloc(1, sizeof *fold);
    if (!fold)
        return err_memory(err);
    *ret_fold = fold;
    return 0;
}

void fold_destroy(struct fold *fold)
{
    if (!fold)
        return;
    intern_free(&fold->words);
    intern_free(&fold->frames);
    intern_free(&fold->chains);
    vec_free(&fold->parts);
    vec_free(&fold->words_of_frames);
    vec_free(&fold->words_of_chains);
    vec_free(&fold->lines);
    vec_free(&fold->ranks);
    vec_free(&fold->chain_texts);
    vec_free(&fold->texts);
    str_free(&fold->text);
    free(fold);
}

static int add_word(struct fold *fold, const char *text, size_t length, struct err *err)
{
    uint64_t id;
    str_clear(&fold->text);
    str_append_bytes(&fold->text, text, length);
    str_append_bytes(&fold->text, ";", 1);
    if (fold->text.failed || intern_put(&fold->words, str_text(&fold->text), length + 1, &id, NULL) ||
        id > UINT32_MAX / 2 || fold->parts.count >= UINT32_MAX || vec_push(&fold->parts, (uint32_t)id - 1))
        return err_memory(err);
    return 0;
}

int fold_frame(struct fold *fold, const char *text, size_t length, uint32_t *ret_frame, struct err *err)
{
    struct fold_words words = {.first = (uint32_t)fold->parts.count};
    const char *end = text + length;
    uint64_t id;
    bool is_new;
    int status = intern_put(&fold->frames, text, length, &id, &is_new) ? err_memory(err) : 0;
    for (bool is_more = is_new; is_more && !status;) {
        const char *semicolon = memchr(text, ';', (size_t)(end - text));
        status = add_word(fold, text, (size_t)((semicolon ? semicolon : end) - text), err);
        is_more = semicolon != NULL;
        text = semicolon ? semicolon + 1 : end;
    }
    words.count = (uint32_t)(fold->parts.count - words.first);
    if (!status && is_new && vec_push(&fold->words_of_frames, words))
        status = err_memory(err);
    if (!status)
        *ret_frame = (uint32_t)id - 1;
    return status;
}

int fold_chain(struct fold *fold, const uint32_t *frames, size_t count, uint32_t *ret_chain, struct err *err)
{
    struct fold_words words = {.first = (uint32_t)fold->parts.count};
    uint64_t id;
    bool is_new;
    if (intern_put(&fold->chains, count ? (const char *)frames : "", count * sizeof *frames, &id, &is_new))
        return err_memory(err);
    *ret_chain = (uint32_t)id - 1;
    if (!is_new)
        return 0;
    for (size_t i = count; i-- > 0;) {
        const struct fold_words *frame = &fold->words_of_frames.items[frames[i]];
        if (fold->parts.count + frame->count > UINT32_MAX ||
            vec_reserve(&fold->parts, fold->parts.count + frame->count))
            return err_memory(err);
        for (uint32_t k = 0; k < frame->count; k++)
            fold->parts.items[fold->parts.count++] = fold->parts.items[frame->first + k];
    }
    words.count = (uint32_t)(fold->parts.count - words.first);
    return vec_push(&fold->words_of_chains, words) ? err_memory(err) : 0;
}

int fold_stack(struct fold *fold, const struct fold_stack *stack, struct err *err)
{
    struct fold_line line = {
        .weight = stack->weight, .program = stack->program, .chain = stack->chain, .first = stack->first};
    return vec_push(&fold->lines, line) ? err_memory(err) : 0;
}

/* --- the order --- */

static int compare_texts(const void *a, const void *b)
{
    const struct fold_text *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    int order = memcmp(left->bytes, right->bytes, num_min(left->length, right->length));
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

/* Bytes in front of a text's, as a number. */
static uint64_t text_key(const char *bytes, size_t length)
{
    uint64_t key = 0;
    memcpy(&key, bytes, num_min(length, sizeof key));
    return __builtin_bswap64(key);
}

/* A line's words, in up to three pieces. */
struct line_words {
    const uint32_t *pieces[3];
    uint32_t counts[3];
    size_t count;
};

static struct line_words words_of(const struct fold *fold, const struct fold_line *line)
{
    static const struct fold_words none;
    const struct fold_words *pieces[] = {
        line->program == FOLD_NONE ? &none : &fold->words_of_frames.items[line->program],
        &fold->words_of_chains.items[line->chain],
        line->first == FOLD_NONE ? &none : &fold->words_of_frames.items[line->first]};
    struct line_words words = {0};
    for (size_t i = 0; i < 3; i++) {
        words.pieces[i] = fold->parts.items + pieces[i]->first;
        words.counts[i] = pieces[i]->count;
        words.count += pieces[i]->count;
    }
    return words;
}

/* The variant of the word at `at`, which is below the count. */
static size_t variant_at(const struct line_words *words, size_t at)
{
    size_t piece = 0, in_piece = at;
    while (in_piece >= words->counts[piece])
        in_piece -= words->counts[piece++];
    return (size_t)words->pieces[piece][in_piece] * 2 + (at + 1 == words->count);
}

static int rank_words(struct fold *fold, struct err *err)
{
    VEC(struct fold_text) texts = {0};
    size_t variant_count = fold->words.entries.count * 2;
    if (vec_reserve(&fold->ranks, variant_count) || vec_reserve(&texts, variant_count)) {
        vec_free(&texts);
        return err_memory(err);
    }
    memset(fold->ranks.items, 0, variant_count * sizeof fold->ranks.items[0]);
    for (size_t i = 0; i < fold->parts.count; i++)
        fold->ranks.items[(size_t)fold->parts.items[i] * 2] = 1;
    for (size_t i = 0; i < fold->lines.count; i++) {
        struct line_words words = words_of(fold, &fold->lines.items[i]);
        if (words.count)
            fold->ranks.items[variant_at(&words, words.count - 1)] = 1;
    }
    for (size_t i = 0; i < variant_count; i++) {
        const struct intern_entry *word = &fold->words.entries.items[i / 2];
        struct fold_text text = {
            .bytes = word->bytes, .length = word->length - (i & 1), .variant = (uint32_t)i};
        text.key = text_key(text.bytes, text.length);
        if (fold->ranks.items[i])
            texts.items[texts.count++] = text;
    }
    qsort(texts.items, texts.count, sizeof texts.items[0], compare_texts);
    for (size_t i = 0; i < texts.count; i++)
        fold->ranks.items[texts.items[i].variant] = (uint32_t)i + 1;
    vec_free(&texts);
    return 0;
}

static int compare_lines(const void *a, const void *b, void *context)
{
    const struct fold *fold = context;
    const struct fold_line *left = a, *right = b;
    struct line_words lefts = words_of(fold, left), rights = words_of(fold, right);
    size_t at = 0, count = num_min(lefts.count, rights.count);
    if (left->program == right->program && left->chain == right->chain && left->first != FOLD_NONE &&
        right->first != FOLD_NONE)
        at = left->first == right->first ? count : (size_t)lefts.counts[0] + lefts.counts[1];
    for (; at < count; at++) {
        uint32_t x = fold->ranks.items[variant_at(&lefts, at)],
                 y = fold->ranks.items[variant_at(&rights, at)];
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (lefts.count > rights.count) - (lefts.count < rights.count);
}

static int sort_lines(struct fold *fold, struct err *err)
{
    size_t count = fold->lines.count;
    struct fold_line *lines = fold->lines.items;
    for (size_t i = 0; i < count; i++) {
        struct line_words words = words_of(fold, &lines[i]);
        for (size_t k = 0; k < 2; k++)
            lines[i].key =
                lines[i].key << 32 | (k < words.count ? fold->ranks.items[variant_at(&words, k)] : 0);
    }
    if (sort_by_u64(lines, count, sizeof *lines, offsetof(struct fold_line, key)))
        return err_memory(err);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && lines[to].key == lines[from].key; to++)
            ;
        if (to - from > 1)
            qsort_r(lines + from, to - from, sizeof *lines, compare_lines, fold);
    }
    return 0;
}

/* --- the text --- */

#define WEIGHT_BYTES 64u /* and a ';' */

/* Digits behind the point are as many as there are. Returns the length. */
static size_t write_weight(char *text, uint64_t weight, uint64_t scale)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t whole = weight / scale, rest = weight % scale;
    do {
        *--at = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole);
    *--at = ' ';
    size_t length = (size_t)(digits + sizeof digits - at);
    memcpy(text, at, length);
    if (rest)
        text[length++] = '.';
    for (uint64_t unit = scale / 10; unit && rest; unit /= 10) {
        text[length++] = (char)('0' + rest / unit % 10);
        rest %= unit;
    }
    text[length++] = '\n';
    return length;
}

struct output {
    VEC(char) text;
    fold_write_fn *write;
    void *context;
};

static int flush(struct output *output, struct err *err)
{
    size_t length = output->text.count;
    output->text.count = 0;
    return length ? output->write(output->context, output->text.items, length, err) : 0;
}

static char *put(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

/* The frames of a chain, each with a ';' behind it. There is one. */
static int write_chain(struct fold *fold, uint32_t chain, struct chain_text *text, struct err *err)
{
    const struct fold_words *words = &fold->words_of_chains.items[chain];
    size_t length = 0;
    for (uint32_t i = 0; i < words->count; i++)
        length += fold->words.entries.items[fold->parts.items[words->first + i]].length;
    if (vec_reserve(&fold->texts, fold->texts.count + length))
        return err_memory(err);
    *text = (struct chain_text){.at = fold->texts.count, .length = length};
    char *at = fold->texts.items + text->at;
    for (uint32_t i = 0; i < words->count; i++) {
        const struct intern_entry *word = &fold->words.entries.items[fold->parts.items[words->first + i]];
        at = put(at, word->bytes, word->length);
    }
    fold->texts.count += length;
    return 0;
}

static int write_line(struct fold *fold, const struct fold_line *line, uint64_t scale, struct output *output,
                      struct err *err)
{
    static const struct intern_entry none = {.bytes = ""};
    const struct intern_entry *program =
        line->program == FOLD_NONE ? &none : &fold->frames.entries.items[line->program];
    const struct intern_entry *first =
        line->first == FOLD_NONE ? &none : &fold->frames.entries.items[line->first];
    struct chain_text *chain = &fold->chain_texts.items[line->chain];
    bool is_new = !chain->length && fold->words_of_chains.items[line->chain].count;
    int status = is_new ? write_chain(fold, line->chain, chain, err) : 0;
    size_t start = output->text.count;
    if (!status &&
        vec_reserve(&output->text, start + program->length + chain->length + first->length + WEIGHT_BYTES))
        status = err_memory(err);
    if (status)
        return status;
    char *at = put(output->text.items + start, program->bytes, program->length);
    if (line->program != FOLD_NONE)
        *at++ = ';';
    if (chain->length)
        at = put(at, fold->texts.items + chain->at, chain->length);
    at = put(at, first->bytes, first->length);
    /* The last frame has no ';' behind it. */
    if (line->first == FOLD_NONE && at > output->text.items + start)
        at--;
    at += write_weight(at, line->weight, scale);
    output->text.count = (size_t)(at - output->text.items);
    return output->text.count < FLUSH_BYTES ? 0 : flush(output, err);
}

int fold_write(struct fold *fold, uint64_t scale, fold_write_fn *write, void *context, struct err *err)
{
    struct output output = {.write = write, .context = context};
    struct fold_line *lines = fold->lines.items;
    size_t count = fold->lines.count, chain_count = fold->words_of_chains.count;
    if (!count)
        return 0;
    if (vec_reserve(&fold->chain_texts, chain_count))
        return err_memory(err);
    memset(fold->chain_texts.items, 0, chain_count * sizeof fold->chain_texts.items[0]);
    int status = rank_words(fold, err);
    if (!status)
        status = sort_lines(fold, err);
    for (size_t i = 0; i < count && !status; i++) {
        if (i + 1 < count && lines[i].key == lines[i + 1].key &&
            compare_lines(&lines[i], &lines[i + 1], fold) == 0)
            lines[i + 1].weight += lines[i].weight;
        else
            status = write_line(fold, &lines[i], scale, &output, err);
    }
    if (!status)
        status = flush(&output, err);
    vec_free(&output.text);
    return status;
}
