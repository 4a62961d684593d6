/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_seen.h"

#include <stdlib.h>
#include <string.h>

#include "agents/source.h"

struct looking {
    struct agent_sink sink;
    const struct price_book *book;
    const struct agent_source *source;
    struct price_seen *seen;
};

static int gap_of(struct looking *looking, const struct llm_call *call, enum price_answer why,
                  struct price_gap **ret_gap, struct err *err)
{
    struct price_seen *seen = looking->seen;
    uint64_t id;
    if (intern_put(&seen->models, call->model, strlen(call->model), &id, NULL))
        return err_memory(err);
    uint64_t key = id * 64 + (uint64_t)why;
    const uint64_t *place = map_get(&seen->places, key);
    if (!place) {
        struct price_gap gap = {
            .model = arena_string(&seen->arena, call->model), .source = looking->source->name, .why = why};
        if (!gap.model || map_put(&seen->places, key, seen->gaps.count) || vec_push(&seen->gaps, gap))
            return err_memory(err);
        *ret_gap = &seen->gaps.items[seen->gaps.count - 1];
        return 0;
    }
    *ret_gap = &seen->gaps.items[*place];
    return 0;
}

static int take_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    struct looking *looking = (struct looking *)sink;
    struct price_gap *gap = NULL;
    double usd;
    looking->seen->call_count++;
    enum price_answer answer = price_call(looking->book, call, &usd);
    if (price_is_known(answer))
        return 0;
    int status = gap_of(looking, call, answer, &gap, err);
    if (status)
        return status;
    gap->call_count++;
    gap->token_count += tokens_total(&call->tokens);
    return 0;
}

static int take_malformed(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                          struct err *err)
{
    (void)file, (void)line, (void)why, (void)err;
    ((struct looking *)sink)->seen->malformed_count++;
    return 0;
}

static int look_at(struct looking *looking, const char *place, struct err *err)
{
    struct source_files files = {0};
    uint64_t unreadable = 0;
    int status = source_list(looking->source, place, &files, &unreadable, err);
    for (size_t i = 0; i < files.items.count && !status; i++) {
        struct source_request request = {.path = files.items.items[i].path, .calls_only = true};
        struct err why = {0};
        looking->seen->file_count++;
        /* A file that went away, or may not be read, hides nothing of the others. */
        if (looking->source->read(&request, &looking->sink, &why))
            looking->seen->malformed_count++;
    }
    source_files_free(&files);
    return status;
}

static int most_tokens_first(const void *left, const void *right)
{
    const struct price_gap *a = left, *b = right;
    if (a->token_count != b->token_count)
        return a->token_count > b->token_count ? -1 : 1;
    return strcmp(a->model, b->model);
}

int price_seen_look(const struct price_book *book, struct price_seen *seen, struct err *err)
{
    struct looking looking = {
        .sink = {.llm_call = take_call, .malformed = take_malformed}, .book = book, .seen = seen};
    int status = 0;
    for (size_t i = 0; agent_sources[i] && !status; i++) {
        const char *places[SOURCE_PLACES_MAX];
        size_t count = 0;
        looking.source = agent_sources[i];
        status = source_default_places(looking.source, &seen->arena, places, &count, err);
        for (size_t j = 0; j < count && !status; j++)
            status = look_at(&looking, places[j], err);
    }
    if (seen->gaps.count)
        qsort(seen->gaps.items, seen->gaps.count, sizeof *seen->gaps.items, most_tokens_first);
    return status;
}

void price_seen_free(struct price_seen *seen)
{
    vec_free(&seen->gaps);
    map_free(&seen->places);
    intern_free(&seen->models);
    arena_free(&seen->arena);
}
