/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claude Code's transcripts: JSON lines, one file a conversation, one a subagent.
 *
 * Only lines with a usage matter for usage alone: of the others the keys, brackets and quotes are held to what JSON is, and nothing is
 * taken. With all events wanted, every line is looked into.
 */
#include <string.h>

#include "agents/claude_tell.h"

static bool claude_takes(const char *path)
{
    return str_ends(path, ".jsonl");
}

/* What lines have that no other program's have, of the keys that lie within the head. */
static bool claude_probe(const char *path, const char *head, size_t length)
{
    static const char *const own[] = {"sessionId", "parentUuid", "leafUuid", "isSidechain"};
    struct json_scan scan = {.at = head, .end = head + length};
    struct json_slice key, text;
    bool is_own = false;
    (void)path;
    if (!length || !scan_object(&scan))
        return false;
    while (scan_key(&scan, &key)) {
        if (scan_is(&key, "payload") || scan_is(&key, "projectHash"))
            return false;
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
            is_own = is_own || scan_is(&key, own[i]);
        if (!scan_is(&key, "type"))
            scan_skip(&scan);
        else if (scan_text(&scan, &text))
            is_own = is_own || scan_is(&text, "file-history-snapshot");
    }
    return is_own;
}

static int malformed(struct claude_file *file, const struct line *line, const char *why, struct err *err)
{
    struct agent_sink *sink = file->sink;
    return sink->malformed ? sink->malformed(sink, file->request->path, line->number, why, err) : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_empty(const struct line *line)
{
    size_t at = 0;
    while (at < line->length && is_blank(line->bytes[at]))
        at++;
    return at == line->length;
}

/* Whether the value that stands next is an object that has the key. Passes it. */
static bool skip_with_key(struct json_scan *scan, const char *wanted)
{
    struct json_slice key;
    bool has_key = false;
    if (!scan_object(scan)) {
        scan_skip(scan);
        return false;
    }
    while (scan_key(scan, &key)) {
        has_key = has_key || scan_is(&key, wanted);
        scan_skip(scan);
    }
    return has_key;
}

/* Whether a line is an object. *ret_names_agent: a tool's result says which agent it made. */
static bool is_object(const struct line *line, bool *ret_names_agent)
{
    struct json_scan scan = {.at = line->bytes, .end = line->bytes + line->length};
    struct json_slice key;
    if (!scan_object(&scan))
        return false;
    while (scan_key(&scan, &key))
        if (scan_is(&key, "toolUseResult"))
            *ret_names_agent = skip_with_key(&scan, "agentId");
        else
            scan_skip(&scan);
    return scan_finish(&scan);
}

/* What may be in the middle of being written is nobody's fault: it is read again later. */
static int not_an_object(struct claude_file *file, const struct line *line, struct err *err)
{
    return line->is_complete ? malformed(file, line, "it is not a JSON object", err) : 0;
}

static int take_line(struct claude_file *file, const struct line *line, struct claude_line *parsed,
                     struct err *err)
{
    if (line->is_cut) {
        bool matters = claude_line_head_matters(line->bytes, line->length);
        return matters ? malformed(file, line, "it is over 8 MiB long", err) : 0;
    }
    if (is_empty(line))
        return 0;
    /* The first line of an agent's file says what it was asked. */
    bool is_first = line->number == 1 && *file->agent;
    if (file->request->calls_only && !line->has_usage && !is_first && !file->is_journal) {
        bool names_agent = false;
        if (!is_object(line, &names_agent))
            return not_an_object(file, line, err);
        if (!names_agent)
            return 0;
    }
    if (!claude_line_read(line->bytes, line->length, parsed))
        return not_an_object(file, line, err);
    return claude_file_line(file, line, parsed, err);
}

static int take_lines(struct claude_file *file, struct line_reader *reader, struct err *err)
{
    struct claude_line parsed;
    struct line line;
    bool is_there = true;
    for (;;) {
        int status = line_reader_next(reader, &line, &is_there, err);
        if (status || !is_there)
            return status;
        status = take_line(file, &line, &parsed, err);
        if (status)
            return status;
        if (line.is_complete) {
            file->end_offset = reader->offset;
            file->end_line = reader->number;
        }
    }
}

static int claude_read(const struct source_request *request, struct agent_sink *sink, struct err *err)
{
    struct claude_file file;
    struct line_reader reader;
    int status = line_reader_open(&reader, request->path, request->from.offset,
                                  request->from.line ? request->from.line : 1, err);
    if (status) {
        line_reader_close(&reader);
        return status;
    }
    status = claude_file_init(&file, request, sink, err);
    if (!status)
        status = take_lines(&file, &reader, err);
    line_reader_close(&reader);
    if (!status)
        status = claude_settle_results(&file, err);
    if (!status)
        status = claude_tell_all(&file, err);
    if (!status && request->ret_resume)
        *request->ret_resume = claude_resume(&file);
    claude_file_deinit(&file);
    return status;
}

static const struct source_place places[] = {
    {.variable = "CLAUDE_CONFIG_DIR", .below = "projects", .home = ".claude/projects", .is_list = true},
    {.variable = "XDG_CONFIG_HOME",
     .below = "claude/projects",
     .home = ".config/claude/projects",
     .unless = "CLAUDE_CONFIG_DIR"},
};

const struct agent_source claude_source = {
    .name = "claude",
    .about = "Claude Code",
    .places = places,
    .place_count = sizeof places / sizeof places[0],
    .can_resume = true,
    .ids_are_global = true,
    .takes = claude_takes,
    .probe = claude_probe,
    .read = claude_read,
};
