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

static bool claude_probe(const char *path, const char *head, size_t length)
{
    const char *newline = memchr(head, '\n', length);
    size_t first = newline ? (size_t)(newline - head) : length;
    (void)path;
    /* What every line has, and no other program's: looked for in the start of the first. */
    return first > 2 && head[0] == '{' &&
           (memmem(head, first, "\"sessionId\"", 11) || memmem(head, first, "\"parentUuid\"", 12) ||
            memmem(head, first, "\"leafUuid\"", 10) || memmem(head, first, "\"isSidechain\"", 13) ||
            memmem(head, first, "\"type\":\"file-history-snapshot\"", 30)) &&
           !memmem(head, first, "\"payload\"", 9) && !memmem(head, first, "\"projectHash\"", 13);
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

static bool is_object(const struct line *line)
{
    struct json_scan scan = {.at = line->bytes, .end = line->bytes + line->length};
    struct json_slice key;
    if (!scan_object(&scan))
        return false;
    while (scan_key(&scan, &key))
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
    if (file->request->calls_only && !line->has_usage && !is_first && !file->is_journal)
        return is_object(line) ? 0 : not_an_object(file, line, err);
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
