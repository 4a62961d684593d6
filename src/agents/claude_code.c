/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claude Code's transcripts: JSON lines, one file a conversation, one a subagent.
 *
 * Only lines with a usage matter for usage alone: the others are passed at the speed of a search for their end, held to begin and end
 * like an object. With all events wanted, every line is looked into.
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

enum ends { ENDS_EMPTY, ENDS_OBJECT, ENDS_WRONG };

static enum ends ends_of(const struct line *line)
{
    const char *at = line->bytes, *end = at + line->length;
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    if (at == end)
        return ENDS_EMPTY;
    return *at == '{' && end[-1] == '}' ? ENDS_OBJECT : ENDS_WRONG;
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
    enum ends ends = ends_of(line);
    if (ends == ENDS_EMPTY)
        return 0;
    if (ends == ENDS_WRONG)
        return not_an_object(file, line, err);
    /* The first line of an agent's file says what it was asked. */
    bool is_first = line->number == 1 && *file->agent;
    if (file->request->calls_only && !line->has_usage && !is_first && !file->is_journal)
        return 0;
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
