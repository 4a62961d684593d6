/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/protocol.h"

#include <stdio.h>
#include <string.h>

#include "investigate/claim_json.h"
#include "report/escape.h"

#define PATH_BYTES_MAX 4096
#define DEADLINE_S_MAX (365 * 86400.0)

const char *round_name(enum round round)
{
    return round == ROUND_VOTES ? "votes" : "claims";
}

/* --- the request --- */

void request_write(const struct request *request, struct str *ret_line)
{
    struct json_writer json = {.str = ret_line, .is_line = true};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", PROTOCOL_SCHEMA);
    json_text(&json, "round", round_name(request->round));
    json_text(&json, "investigator", request->investigator);
    json_text(&json, "recording", request->recording);
    json_text(&json, "report", request->report);
    json_text(&json, "pipeline", request->pipeline);
    json_text(&json, "rules", request->rules);
    json_text(&json, "scratch", request->scratch);
    json_number(&json, "deadline_s", request->deadline_s);
    json_u64(&json, "memory_bytes", request->memory_bytes);
    json_open(&json, "claims", '[');
    for (size_t i = 0; i < request->claim_count; i++)
        json_claim(&json, NULL, &request->claims[i]);
    json_close(&json, ']');
    json_open(&json, "cleared", '[');
    for (size_t i = 0; i < request->cleared_count; i++)
        json_cleared_by(&json, NULL, &request->cleared[i]);
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}

static int request_text(const struct json_value *root, const char *key, bool is_needed, struct arena *arena,
                        const char **ret_text, struct err *err)
{
    const char *text = NULL;
    bool is_there = json_find_text(root, key, &text) && *text;
    if (!is_there && (is_needed || json_kind(json_find(root, key)) != JSON_KIND_NULL))
        return err_set(err, ERR_INPUT, "%s should be a text", key);
    if (!is_there)
        return 0;
    if (strlen(text) >= PATH_BYTES_MAX)
        return err_set(err, ERR_INPUT, "%s is over %d bytes", key, PATH_BYTES_MAX);
    *ret_text = arena_string(arena, text);
    return *ret_text ? 0 : err_memory(err);
}

static int request_lists(const struct json_value *root, struct arena *arena, struct request *request,
                         struct err *err)
{
    const struct json_value *claims = json_find_array(root, "claims"),
                            *cleared = json_find_array(root, "cleared");
    size_t claim_count = json_count(claims), cleared_count = json_count(cleared);
    struct claim *claim_items = arena_alloc(arena, (claim_count + 1) * sizeof *claim_items);
    struct cleared_by *cleared_items = arena_alloc(arena, (cleared_count + 1) * sizeof *cleared_items);
    int status = claim_items && cleared_items ? 0 : err_memory(err);
    for (size_t i = 0; !status && i < claim_count; i++) {
        status = claim_read(json_item(claims, i), arena, &claim_items[i], err);
        if (!status && !claim_items[i].investigator)
            status = err_set(err, ERR_INPUT, "claim '%.40s' should have an investigator", claim_items[i].id);
    }
    for (size_t i = 0; !status && i < cleared_count; i++)
        status = cleared_read(json_item(cleared, i), arena, &cleared_items[i], err);
    request->claims = claim_items;
    request->claim_count = claim_count;
    request->cleared = cleared_items;
    request->cleared_count = cleared_count;
    return status;
}

static int read_root(const struct json_value *root, struct arena *arena, struct request *request,
                     struct err *err)
{
    const char *schema = NULL, *round = NULL;
    if (!json_find_text(root, "schema", &schema) || strcmp(schema, PROTOCOL_SCHEMA) != 0)
        return err_set(err, ERR_INPUT, "schema should be \"%s\"", PROTOCOL_SCHEMA);
    if (!json_find_text(root, "round", &round) ||
        (strcmp(round, "claims") != 0 && strcmp(round, "votes") != 0))
        return err_set(err, ERR_INPUT, "round should be claims or votes");
    request->round = strcmp(round, "votes") == 0 ? ROUND_VOTES : ROUND_CLAIMS;
    int status = request_text(root, "investigator", false, arena, &request->investigator, err);
    if (!status)
        status = request_text(root, "recording", true, arena, &request->recording, err);
    if (!status)
        status = request_text(root, "report", false, arena, &request->report, err);
    if (!status)
        status = request_text(root, "pipeline", false, arena, &request->pipeline, err);
    if (!status)
        status = request_text(root, "rules", false, arena, &request->rules, err);
    if (!status)
        status = request_text(root, "scratch", false, arena, &request->scratch, err);
    if (status)
        return status;
    if (json_find(root, "deadline_s") && (!json_find_number(root, "deadline_s", &request->deadline_s) ||
                                          !(request->deadline_s > 0) || request->deadline_s > DEADLINE_S_MAX))
        return err_set(err, ERR_INPUT, "deadline_s should be a number above 0");
    if (json_find(root, "memory_bytes") && !json_find_count(root, "memory_bytes", &request->memory_bytes))
        return err_set(err, ERR_INPUT, "memory_bytes should be a whole number");
    return request_lists(root, arena, request, err);
}

int request_read(const char *text, size_t length, struct arena *arena, struct request *ret_request,
                 struct err *err)
{
    struct request request = {0};
    struct json_value *root = NULL;
    int status = json_read_text(text, length, "request", &root, err);
    if (status)
        return status;
    status = read_root(root, arena, &request, err);
    json_free(root);
    if (status)
        return err_wrap(err, "could not read the request");
    *ret_request = request;
    return 0;
}

/* --- the answers --- */

void protocol_init(struct protocol *protocol, enum round round, const char *investigator, struct arena *arena)
{
    *protocol =
        (struct protocol){.arena = arena, .investigator = investigator, .round = round, .done_ratio = -1};
}

void protocol_deinit(struct protocol *protocol)
{
    str_free(&protocol->line);
    vec_free(&protocol->claims);
    vec_free(&protocol->votes);
    vec_free(&protocol->cleared);
    vec_free(&protocol->notes);
}

static int too_many(struct err *err, unsigned most, const char *what)
{
    return err_set(err, ERR_INPUT, "more than %u %s", most, what);
}

static int take_claim(struct protocol *protocol, const struct json_value *value, struct err *err)
{
    struct claim claim;
    if (protocol->claims.count >= PROTOCOL_CLAIMS_MAX)
        return too_many(err, PROTOCOL_CLAIMS_MAX, "claims");
    int status = claim_read(value, protocol->arena, &claim, err);
    if (status)
        return status;
    for (size_t i = 0; i < protocol->claims.count; i++)
        if (strcmp(protocol->claims.items[i].id, claim.id) == 0)
            return err_set(err, ERR_INPUT, "there are two claims with the id '%.40s'", claim.id);
    claim.investigator = protocol->investigator;
    return vec_push(&protocol->claims, claim) ? err_memory(err) : 0;
}

static int take_cleared(struct protocol *protocol, const struct json_value *value, struct err *err)
{
    struct cleared_by cleared;
    if (protocol->cleared.count >= PROTOCOL_CLAIMS_MAX)
        return too_many(err, PROTOCOL_CLAIMS_MAX, "places cleared");
    int status = cleared_read(value, protocol->arena, &cleared, err);
    if (status)
        return status;
    cleared.investigator = protocol->investigator;
    return vec_push(&protocol->cleared, cleared) ? err_memory(err) : 0;
}

static int take_vote(struct protocol *protocol, const struct json_value *value, struct err *err)
{
    struct vote vote;
    if (protocol->votes.count >= PROTOCOL_VOTES_MAX)
        return too_many(err, PROTOCOL_VOTES_MAX, "votes");
    int status = vote_read(value, protocol->arena, &vote, err);
    if (status)
        return status;
    vote.investigator = protocol->investigator;
    return vec_push(&protocol->votes, vote) ? err_memory(err) : 0;
}

static int take_note(struct protocol *protocol, const struct json_value *value, struct err *err)
{
    const char *text;
    if (!json_find_text(value, NULL, &text))
        return err_set(err, ERR_INPUT, "a note should be a text");
    if (protocol->notes.count >= PROTOCOL_NOTES_MAX)
        return too_many(err, PROTOCOL_NOTES_MAX, "notes");
    size_t length = strnlen(text, CLAIM_TEXT_BYTES_MAX);
    const char *copy = arena_copy(protocol->arena, text, length);
    return !copy || vec_push(&protocol->notes, copy) ? err_memory(err) : 0;
}

static int take_progress(struct protocol *protocol, const struct json_value *line, struct err *err)
{
    const char *doing;
    double ratio = -1;
    if (!json_find_text(line, "progress", &doing))
        return err_set(err, ERR_INPUT, "progress should be a text");
    if (json_find(line, "done_ratio") &&
        (!json_find_number(line, "done_ratio", &ratio) || ratio < 0 || ratio > 1))
        return err_set(err, ERR_INPUT, "done_ratio should be a number from 0 to 1");
    struct str plain = {0};
    escape_plain_cut(&plain, doing, PROTOCOL_DOING_MAX / 4, true);
    snprintf(protocol->doing, sizeof protocol->doing, "%s", str_text(&plain));
    str_free(&plain);
    protocol->done_ratio = ratio;
    return 0;
}

/* Votes in round one and claims in round two are checked, and left out by protocol_keep: a program may say all it
 * knows each time. */
static int take_line(struct protocol *protocol, const struct json_value *line, struct err *err)
{
    const struct json_value *value;
    if (json_kind(line) != JSON_KIND_OBJECT)
        return err_set(err, ERR_INPUT, "an answer should be an object, not %s", json_kind_name(line));
    if ((value = json_member(line, "claim")))
        return take_claim(protocol, value, err);
    if ((value = json_member(line, "cleared")))
        return take_cleared(protocol, value, err);
    if ((value = json_member(line, "vote")))
        return take_vote(protocol, value, err);
    if ((value = json_member(line, "note")))
        return take_note(protocol, value, err);
    if (json_member(line, "progress"))
        return take_progress(protocol, line, err);
    protocol->unknown_count++;
    return 0;
}

static bool is_blank(const char *text, size_t length)
{
    return strspn(text, " \t\r") >= length;
}

static int take_text(struct protocol *protocol, struct err *err)
{
    struct json_value *root = NULL;
    const char *text = str_text(&protocol->line);
    size_t length = protocol->line.length;
    protocol->line_count++;
    if (is_blank(text, length))
        return 0;
    int status = json_read_text(text, length, "answer", &root, err);
    if (!status)
        status = take_line(protocol, root, err);
    json_free(root);
    if (status == -(int)ERR_INPUT)
        return err_wrap(err, "line %llu of its answers", (unsigned long long)protocol->line_count);
    return status;
}

int protocol_feed(struct protocol *protocol, const char *bytes, size_t count, struct err *err)
{
    protocol->bytes += count;
    if (protocol->bytes > PROTOCOL_BYTES_MAX)
        return err_set(err, ERR_INPUT, "its answers are over %zu MiB", PROTOCOL_BYTES_MAX >> 20);
    while (count) {
        const char *newline = memchr(bytes, '\n', count);
        size_t length = newline ? (size_t)(newline - bytes) : count;
        if (protocol->line.length + length > PROTOCOL_LINE_BYTES_MAX)
            return err_set(err, ERR_INPUT, "line %llu of its answers is over %zu MiB",
                           (unsigned long long)protocol->line_count + 1, PROTOCOL_LINE_BYTES_MAX >> 20);
        str_append_bytes(&protocol->line, bytes, length);
        if (protocol->line.failed)
            return err_memory(err);
        if (!newline)
            return 0;
        int status = take_text(protocol, err);
        str_clear(&protocol->line);
        if (status)
            return status;
        bytes += length + 1;
        count -= length + 1;
    }
    return 0;
}

int protocol_end(struct protocol *protocol, struct err *err)
{
    return protocol->line.length ? take_text(protocol, err) : 0;
}

/* --- what is kept --- */

static void *keep(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *copy = arena_alloc(arena, (count + 1) * size);
    if (copy && count)
        memcpy(copy, items, count * size);
    return copy;
}

int protocol_keep(const struct protocol *protocol, struct statement *statement, struct err *err)
{
    struct arena *arena = protocol->arena;
    if (protocol->round == ROUND_VOTES) {
        statement->votes =
            keep(arena, protocol->votes.items, protocol->votes.count, sizeof *statement->votes);
        statement->vote_count = statement->votes ? protocol->votes.count : 0;
        return statement->votes ? 0 : err_memory(err);
    }
    statement->claims =
        keep(arena, protocol->claims.items, protocol->claims.count, sizeof *statement->claims);
    statement->cleared =
        keep(arena, protocol->cleared.items, protocol->cleared.count, sizeof *statement->cleared);
    statement->notes = keep(arena, protocol->notes.items, protocol->notes.count, sizeof *statement->notes);
    if (!statement->claims || !statement->cleared || !statement->notes)
        return err_memory(err);
    statement->claim_count = protocol->claims.count;
    statement->cleared_count = protocol->cleared.count;
    statement->note_count = protocol->notes.count;
    return 0;
}
