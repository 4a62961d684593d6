/* SPDX-License-Identifier: Apache-2.0 */
#include "agents/claude_line.h"

#include <math.h>

#include "agents/iso_time.h"
#include "base/map.h"
#include "base/num.h"

#define HEAD_BYTES 4096u /* in which a long line has said what it is */

/* --- usage --- */

static void read_split(struct json_scan *scan, uint64_t *ret_5m, uint64_t *ret_1h)
{
    struct json_slice key;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        if (scan_is(&key, "ephemeral_5m_input_tokens"))
            scan_u64(scan, ret_5m);
        else if (scan_is(&key, "ephemeral_1h_input_tokens"))
            scan_u64(scan, ret_1h);
        else
            scan_skip(scan);
}

static void read_server_tools(struct json_scan *scan, struct claude_usage *usage)
{
    struct json_slice key;
    uint64_t count = 0;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        if (!scan_is(&key, "web_search_requests"))
            scan_skip(scan);
        else if (scan_u64(scan, &count))
            usage->web_searches = (uint32_t)num_min(count, UINT32_MAX);
}

static enum service_tier tier_of(const struct json_slice *text)
{
    if (scan_is(text, "batch"))
        return SERVICE_BATCH;
    if (scan_is(text, "priority"))
        return SERVICE_PRIORITY;
    return scan_is(text, "flex") ? SERVICE_FLEX : SERVICE_STANDARD;
}

static void read_usage_text(struct json_scan *scan, const struct json_slice *key, struct claude_usage *usage)
{
    struct json_slice text;
    if (!scan_text(scan, &text))
        return;
    if (scan_is(key, "service_tier"))
        usage->tier = tier_of(&text);
    else if (scan_is(key, "speed"))
        usage->is_fast = scan_is(&text, "fast");
    else if (!scan_is(&text, "not_available") && !scan_is(&text, "global"))
        usage->region = text;
}

/* `write` is the whole of what went to the cache; what the split does not explain lives for 5 minutes. */
static void share_cache_write(struct tokens *tokens, uint64_t write)
{
    uint64_t split = 0;
    if (num_add_u64(tokens->cache_write_5m, tokens->cache_write_1h, &split) == 0 && split < write)
        tokens->cache_write_5m += write - split;
}

static void read_usage(struct json_scan *scan, struct claude_usage *usage)
{
    struct json_slice key;
    struct tokens *tokens = &usage->tokens;
    uint64_t write = 0;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    usage->is_there = true;
    while (scan_key(scan, &key))
        if (scan_is(&key, "input_tokens"))
            scan_u64(scan, &tokens->input);
        else if (scan_is(&key, "output_tokens"))
            scan_u64(scan, &tokens->output);
        else if (scan_is(&key, "cache_read_input_tokens"))
            scan_u64(scan, &tokens->cache_read);
        else if (scan_is(&key, "cache_creation_input_tokens"))
            scan_u64(scan, &write);
        else if (scan_is(&key, "cache_creation"))
            read_split(scan, &tokens->cache_write_5m, &tokens->cache_write_1h);
        else if (scan_is(&key, "server_tool_use"))
            read_server_tools(scan, usage);
        else if (scan_is(&key, "service_tier") || scan_is(&key, "speed") || scan_is(&key, "inference_geo"))
            read_usage_text(scan, &key, usage);
        else
            scan_skip(scan);
    share_cache_write(tokens, write);
}

/* --- content --- */

static bool is_telling(const struct json_slice *key)
{
    static const char *const keys[] = {"command", "file_path", "pattern", "path",  "query",
                                       "url",     "prompt",    "title",   "skill", "subject"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (scan_is(key, keys[i]))
            return true;
    return false;
}

static void read_input(struct json_scan *scan, struct claude_tool_use *use, uint64_t *ret_bytes)
{
    struct json_slice key, raw;
    struct json_scan inside = *scan;
    scan_raw(scan, &raw);
    *ret_bytes += raw.length;
    if (scan->failed || !scan_object(&inside))
        return;
    while (scan_key(&inside, &key)) {
        struct json_slice text;
        if (scan_is(&key, "subagent_type"))
            scan_text(&inside, &use->agent_kind);
        else if (scan_is(&key, "description"))
            scan_text(&inside, &use->title);
        else if (!is_telling(&key))
            scan_skip(&inside);
        else if (scan_text(&inside, &text) && !use->text.bytes)
            use->text = text;
    }
    scan->failed = inside.failed;
    if (!use->text.bytes)
        use->text = raw;
}

struct block_keys {
    struct json_slice type, text, tool_use_id;
    struct claude_tool_use use;
    uint64_t text_bytes, content_bytes;
    bool is_error;
};

static void read_block_key(struct json_scan *scan, const struct json_slice *key, struct block_keys *block)
{
    struct json_slice slice;
    if (scan_is(key, "type")) {
        scan_text(scan, &block->type);
    } else if (scan_is(key, "text") || scan_is(key, "thinking")) {
        if (scan_text(scan, &slice)) {
            block->text = slice;
            block->text_bytes += slice.length;
        }
    } else if (scan_is(key, "id")) {
        scan_text(scan, &block->use.id);
    } else if (scan_is(key, "name")) {
        if (scan_text(scan, &block->use.name))
            block->text_bytes += block->use.name.length;
    } else if (scan_is(key, "input")) {
        read_input(scan, &block->use, &block->text_bytes);
    } else if (scan_is(key, "tool_use_id")) {
        scan_text(scan, &block->tool_use_id);
    } else if (scan_is(key, "is_error")) {
        scan_bool(scan, &block->is_error);
    } else if (scan_is(key, "content")) {
        scan_raw(scan, &slice);
        block->content_bytes += slice.length;
    } else {
        scan_skip(scan);
    }
}

static void read_block(struct json_scan *scan, struct claude_message *message)
{
    struct block_keys block = {0};
    struct json_slice key;
    const char *start = scan->at;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        read_block_key(scan, &key, &block);
    if (scan->failed)
        return;
    if (message->block_count < CLAUDE_BLOCKS_MAX)
        message->blocks[message->block_count++] = (struct claude_block){
            .hash = map_hash_bytes(start, (size_t)(scan->at - start)), .text_bytes = block.text_bytes};
    if (scan_is(&block.type, "tool_use") || scan_is(&block.type, "server_tool_use")) {
        if (message->use_count < CLAUDE_BLOCKS_MAX)
            message->uses[message->use_count++] = block.use;
    } else if (block.tool_use_id.bytes) {
        if (message->result_count < CLAUDE_BLOCKS_MAX)
            message->results[message->result_count++] = (struct claude_tool_result){
                .id = block.tool_use_id, .bytes = block.content_bytes, .is_error = block.is_error};
    } else if (scan_is(&block.type, "text") && !message->has_prompt) {
        message->has_prompt = true;
        message->prompt = block.text;
    }
}

static void read_content(struct json_scan *scan, struct claude_message *message)
{
    if (scan_array(scan)) {
        while (scan_item(scan))
            read_block(scan, message);
        return;
    }
    const char *start = scan->at;
    if (!scan_text(scan, &message->prompt))
        return;
    message->has_prompt = true;
    message->blocks[0] = (struct claude_block){.hash = map_hash_bytes(start, (size_t)(scan->at - start)),
                                               .text_bytes = message->prompt.length};
    message->block_count = 1;
}

static void read_message(struct json_scan *scan, struct claude_message *message)
{
    struct json_slice key, text;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    message->is_there = true;
    while (scan_key(scan, &key))
        if (scan_is(&key, "id")) {
            scan_text(scan, &message->id);
        } else if (scan_is(&key, "model")) {
            scan_text(scan, &message->model);
        } else if (scan_is(&key, "role")) {
            scan_text(scan, &message->role);
        } else if (scan_is(&key, "stop_reason")) {
            message->has_stop = scan_text(scan, &text);
            message->ends_turn =
                message->has_stop && (scan_is(&text, "end_turn") || scan_is(&text, "stop_sequence"));
        } else if (scan_is(&key, "usage")) {
            read_usage(scan, &message->usage);
        } else if (scan_is(&key, "content")) {
            read_content(scan, message);
        } else {
            scan_skip(scan);
        }
}

/* --- the line --- */

static enum claude_kind kind_of(const struct json_slice *type)
{
    static const struct {
        const char *type;
        enum claude_kind kind;
    } kinds[] = {{"assistant", CLAUDE_ASSISTANT},   {"user", CLAUDE_USER},
                 {"progress", CLAUDE_PROGRESS},     {"system", CLAUDE_SYSTEM},
                 {"queue-operation", CLAUDE_QUEUE}, {"started", CLAUDE_STARTED},
                 {"result", CLAUDE_RESULT}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (scan_is(type, kinds[i].type))
            return kinds[i].kind;
    return CLAUDE_OTHER;
}

static void read_time(struct json_scan *scan, int64_t *ret_at_ns)
{
    struct json_slice text;
    if (scan_text(scan, &text))
        *ret_at_ns = iso_time_ns(text.bytes, text.length);
}

/* data.message: a line of the subagent. */
static void read_nested_line(struct json_scan *scan, struct claude_line *line)
{
    struct json_slice key;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        if (scan_is(&key, "message")) {
            read_message(scan, &line->message);
            line->is_nested = line->message.is_there;
        } else if (scan_is(&key, "timestamp")) {
            read_time(scan, &line->at_ns);
        } else {
            scan_skip(scan);
        }
}

static void read_progress(struct json_scan *scan, struct claude_line *line)
{
    struct json_slice key, text;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        if (scan_is(&key, "message")) {
            read_nested_line(scan, line);
        } else if (scan_is(&key, "agentId")) {
            scan_text(scan, &line->agent);
        } else if (scan_is(&key, "type")) {
            line->is_agent_progress = scan_text(scan, &text) && scan_is(&text, "agent_progress");
        } else {
            scan_skip(scan);
        }
}

static void read_result(struct json_scan *scan, struct claude_line *line)
{
    struct json_slice key;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        if (scan_is(&key, "agentId"))
            scan_text(scan, &line->result_agent);
        else if (scan_is(&key, "usage"))
            read_usage(scan, &line->result_usage);
        else
            scan_skip(scan);
}

static void read_error(struct json_scan *scan, struct claude_line *line)
{
    struct json_slice key;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return;
    }
    while (scan_key(scan, &key))
        if (scan_is(&key, "status"))
            scan_double(scan, &line->error_status);
        else
            scan_skip(scan);
}

#define PLAIN_TEXT(name, where)                                                                              \
    {                                                                                                        \
        (name), sizeof(name) - 1, (where), NULL                                                              \
    }
#define PLAIN_TRUTH(name, where)                                                                             \
    {                                                                                                        \
        (name), sizeof(name) - 1, NULL, (where)                                                              \
    }

/* What is a text or a truth by itself. */
static bool read_plain_key(struct json_scan *scan, const struct json_slice *key, struct claude_line *line)
{
    const struct {
        const char *key;
        size_t length;
        struct json_slice *text;
        bool *truth;
    } plain[] = {PLAIN_TEXT("sessionId", &line->session),
                 PLAIN_TEXT("agentId", line->agent.bytes
                                           ? NULL
                                           : &line->agent), /* of what is nested it is the true one */
                 PLAIN_TEXT("cwd", &line->cwd),
                 PLAIN_TEXT("uuid", &line->uuid),
                 PLAIN_TEXT("subtype", &line->subtype),
                 PLAIN_TEXT("operation", &line->operation),
                 PLAIN_TEXT("key", &line->key),
                 PLAIN_TEXT("parentToolUseID", &line->parent_tool),
                 PLAIN_TRUTH("isSidechain", &line->is_sidechain),
                 PLAIN_TRUTH("isMeta", &line->is_meta),
                 PLAIN_TRUTH("isApiErrorMessage", &line->is_api_error),
                 PLAIN_TRUTH("isCompactSummary", &line->is_summary)};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (key->length != plain[i].length || memcmp(key->bytes, plain[i].key, key->length) != 0)
            continue;
        if (plain[i].text)
            scan_text(scan, plain[i].text);
        else if (plain[i].truth)
            scan_bool(scan, plain[i].truth);
        else
            scan_skip(scan);
        return true;
    }
    return false;
}

static void read_key(struct json_scan *scan, const struct json_slice *key, struct claude_line *line)
{
    struct json_slice text;
    if (scan_is(key, "type")) {
        if (scan_text(scan, &text))
            line->kind = kind_of(&text);
    } else if (scan_is(key, "message")) {
        read_message(scan, &line->message);
    } else if (scan_is(key, "timestamp")) {
        int64_t at_ns = 0;
        read_time(scan, &at_ns);
        line->at_ns = line->is_nested && line->at_ns ? line->at_ns : at_ns;
    } else if (scan_is(key, "data")) {
        read_progress(scan, line);
    } else if (scan_is(key, "toolUseResult")) {
        read_result(scan, line);
    } else if (scan_is(key, "costUSD")) {
        scan_double(scan, &line->cost_usd);
    } else if (scan_is(key, "retryInMs")) {
        scan_double(scan, &line->retry_ms);
    } else if (scan_is(key, "error")) {
        read_error(scan, line);
    } else if (!read_plain_key(scan, key, line)) {
        scan_skip(scan);
    }
}

/* The arrays are left as they are: their counts say what of them is there. */
static void line_clear(struct claude_line *line)
{
    struct claude_message *message = &line->message;
    struct json_slice none = {0};
    line->kind = CLAUDE_OTHER;
    line->is_sidechain = line->is_meta = line->is_api_error = line->is_summary = false;
    line->is_nested = line->is_agent_progress = false;
    line->session = line->agent = line->cwd = line->uuid = none;
    line->subtype = line->operation = line->key = line->parent_tool = line->result_agent = none;
    line->at_ns = 0;
    line->cost_usd = NAN;
    line->retry_ms = line->error_status = 0;
    line->result_usage = (struct claude_usage){0};
    message->is_there = message->has_stop = message->ends_turn = message->has_prompt = false;
    message->id = message->model = message->role = message->prompt = none;
    message->usage = (struct claude_usage){0};
    message->block_count = message->use_count = message->result_count = 0;
}

bool claude_line_read(const char *bytes, size_t length, struct claude_line *ret_line)
{
    struct json_scan scan = {.at = bytes, .end = bytes + length};
    struct json_slice key;
    line_clear(ret_line);
    if (!scan_object(&scan))
        return false;
    while (scan_key(&scan, &key))
        read_key(&scan, &key, ret_line);
    return scan_finish(&scan);
}

bool claude_line_head_matters(const char *bytes, size_t length)
{
    struct json_scan scan = {.at = bytes, .end = bytes + num_min(length, HEAD_BYTES)};
    struct json_slice key, type;
    if (!scan_object(&scan))
        return true;
    while (scan_key(&scan, &key)) {
        if (!scan_is(&key, "type")) {
            scan_skip(&scan);
        } else if (scan_text(&scan, &type)) {
            enum claude_kind kind = kind_of(&type);
            return kind == CLAUDE_ASSISTANT || kind == CLAUDE_PROGRESS;
        }
    }
    return true;
}
