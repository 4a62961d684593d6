/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/conf_file.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/json.h"

struct walk {
    const char *at, *end;
    unsigned line;
    conf_fn *each;
    void *context;
    struct err *err;
    char path[CONF_KEY_MAX]; /* of open sections */
    size_t ends[CONF_DEPTH_MAX];
    size_t depth;
};

/* Appends what there is room for. */
static void add(char *text, size_t size, const char *more)
{
    size_t at = strlen(text), length = strlen(more), left = size - 1 - at;
    length = length < left ? length : left;
    memcpy(text + at, more, length);
    text[at + length] = '\0';
}

static int tell(const struct walk *walk, const char *key, const char *value, unsigned line)
{
    char name[CONF_KEY_MAX * 2] = "";
    if (!*key)
        return 0;
    add(name, sizeof name, walk->path);
    add(name, sizeof name, *name ? "." : "");
    add(name, sizeof name, key);
    return walk->each(walk->context, name, value, line, walk->err);
}

/* What is too deep is walked but keeps its parent's name. */
static void section_open(struct walk *walk, const char *name)
{
    size_t length = strlen(walk->path);
    if (walk->depth < CONF_DEPTH_MAX) {
        walk->ends[walk->depth] = length;
        add(walk->path, sizeof walk->path, length ? "." : "");
        add(walk->path, sizeof walk->path, name);
    }
    walk->depth++;
}

static void section_close(struct walk *walk)
{
    if (!walk->depth)
        return;
    walk->depth--;
    if (walk->depth < CONF_DEPTH_MAX)
        walk->path[walk->ends[walk->depth]] = '\0';
}

/* The next line without its end and its blanks at both sides, cut to the room; false behind the last. */
static bool line_next(struct walk *walk, char *ret_line, size_t size)
{
    if (walk->at >= walk->end)
        return false;
    const char *stop = memchr(walk->at, '\n', (size_t)(walk->end - walk->at));
    const char *from = walk->at, *to = stop ? stop : walk->end;
    walk->at = stop ? stop + 1 : walk->end;
    walk->line++;
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    size_t length = (size_t)(to - from) < size - 1 ? (size_t)(to - from) : size - 1;
    memcpy(ret_line, from, length);
    ret_line[length] = '\0';
    return true;
}

/* A value out of its quotes, and without the comment behind it; in place. */
static char *value_clean(char *value)
{
    value += strspn(value, " \t");
    if (*value == '\'' || *value == '"') {
        char quote = *value++, *write = value;
        /* '' within '…' is one quote. */
        for (char *read = value; *read; read++) {
            if (*read == quote && read[1] != quote)
                break;
            read += *read == quote;
            *write++ = *read;
        }
        *write = '\0';
        return value;
    }
    char *comment = value;
    while ((comment = strchr(comment, '#')) && comment > value && !isspace((unsigned char)comment[-1]))
        comment++;
    if (comment)
        *comment = '\0';
    for (size_t length = strlen(value); length && isspace((unsigned char)value[length - 1]); length--)
        value[length - 1] = '\0';
    return value;
}

/* `key = value`, `key value` and sections. */
static int lines_read(struct walk *walk, enum conf_form form)
{
    char line[CONF_VALUE_MAX + CONF_KEY_MAX];
    int status = 0;
    while (!status && line_next(walk, line, sizeof line)) {
        if (!*line || *line == '#' || *line == ';')
            continue;
        if (form == CONF_INI && *line == '[') {
            line[strcspn(line, "]")] = '\0';
            snprintf(walk->path, sizeof walk->path, "%.*s", (int)sizeof walk->path - 1,
                     line + strspn(line, "["));
            continue;
        }
        size_t length = strcspn(line, form == CONF_BLANK ? " \t" : "= \t");
        char *value = line + length;
        value += strspn(value, " \t");
        /* PostgreSQL's '=' may be left out. */
        if (form != CONF_BLANK && *value == '=')
            value++;
        else if (form == CONF_INI)
            continue;
        if (!*value && form == CONF_BLANK)
            continue;
        line[length] = '\0';
        status = tell(walk, line, value_clean(value), walk->line);
    }
    return status;
}

/* One word of nginx: in quotes, or up to a blank or one of ; { }. Comments are passed. The sign alone for ; { }, '\0' at the
 * end. */
static char nginx_word(struct walk *walk, char *ret_word, size_t size)
{
    size_t length = 0;
    for (;;) {
        while (walk->at < walk->end && isspace((unsigned char)*walk->at))
            walk->line += *walk->at++ == '\n';
        if (walk->at >= walk->end || *walk->at != '#')
            break;
        while (walk->at < walk->end && *walk->at != '\n')
            walk->at++;
    }
    if (walk->at >= walk->end)
        return '\0';
    if (strchr(";{}", *walk->at))
        return *walk->at++;
    char quote = *walk->at == '\'' || *walk->at == '"' ? *walk->at++ : '\0';
    for (; walk->at < walk->end; walk->at++) {
        char c = *walk->at;
        if (c == '\\' && walk->at + 1 < walk->end)
            c = *++walk->at;
        else if (quote ? c == quote : isspace((unsigned char)c) || c == ';' || c == '{' || c == '}')
            break;
        walk->line += c == '\n';
        if (length < size - 1)
            ret_word[length++] = c;
    }
    if (quote && walk->at < walk->end)
        walk->at++;
    ret_word[length] = '\0';
    return 'w';
}

static int nginx_read(struct walk *walk)
{
    char key[CONF_KEY_MAX] = "", value[CONF_VALUE_MAX] = "", word[CONF_VALUE_MAX];
    unsigned line = 0;
    int status = 0;
    for (char kind; !status && (kind = nginx_word(walk, word, sizeof word));) {
        if (kind == 'w' && !*key) {
            snprintf(key, sizeof key, "%.*s", (int)sizeof key - 1, word);
            line = walk->line;
            continue;
        }
        if (kind == 'w') {
            add(value, sizeof value, *value ? " " : "");
            add(value, sizeof value, word);
            continue;
        }
        if (kind == ';')
            status = tell(walk, key, value, line);
        else if (kind == '{')
            section_open(walk, key);
        else
            section_close(walk);
        *key = *value = '\0';
    }
    return status;
}

/* Up to `stop`, and past it; false when it does not come. */
static bool xml_pass(struct walk *walk, const char *stop)
{
    size_t length = strlen(stop);
    const char *found = memmem(walk->at, (size_t)(walk->end - walk->at), stop, length);
    if (!found)
        return false;
    for (; walk->at < found + length; walk->at++)
        walk->line += *walk->at == '\n';
    return true;
}

static void xml_text(const char *from, const char *to, char *ret_text, size_t size)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    snprintf(ret_text, size, "%.*s", (int)((size_t)(to - from) < size ? (size_t)(to - from) : size - 1),
             from);
}

/* At a '<'. The root element is no section. */
static int xml_tag(struct walk *walk, const char *text_from, bool *is_leaf)
{
    char name[CONF_KEY_MAX], value[CONF_VALUE_MAX];
    const char *tag = walk->at;
    size_t left = (size_t)(walk->end - tag);
    if (left >= 4 && memcmp(tag, "<!--", 4) == 0)
        return xml_pass(walk, "-->") ? 0 : 1;
    if (!xml_pass(walk, ">"))
        return 1;
    if (tag[1] == '?' || tag[1] == '!')
        return 0;
    bool closes = tag[1] == '/';
    const char *from = tag + 1 + closes;
    size_t length = 0;
    while (from + length < walk->at &&
           (isalnum((unsigned char)from[length]) || strchr("_-.", from[length])) && from[length])
        length++;
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), from);
    if (!closes && walk->at[-2] == '/') {
        *is_leaf = false;
        return 0;
    }
    if (!closes) {
        section_open(walk, walk->depth ? name : "");
        *is_leaf = true;
        return 0;
    }
    section_close(walk);
    xml_text(text_from, tag, value, sizeof value);
    int status = *is_leaf && walk->depth ? tell(walk, name, value, walk->line) : 0;
    *is_leaf = false;
    return status;
}

static int xml_read(struct walk *walk)
{
    bool is_leaf = false;
    int status = 0;
    const char *text = walk->at;
    while (!status && walk->at < walk->end) {
        const char *open = memchr(walk->at, '<', (size_t)(walk->end - walk->at));
        if (!open || walk->end - open < 2)
            break;
        for (; walk->at < open; walk->at++)
            walk->line += *walk->at == '\n';
        status = xml_tag(walk, text, &is_leaf);
        text = walk->at;
    }
    return status > 0 ? 0 : status; /* cut short: what was whole is told */
}

static int json_walk(struct walk *walk, const struct json_value *object)
{
    int status = 0;
    for (struct json_member_at at = json_members(object); at.value && !status; json_members_next(&at)) {
        char text[64];
        double number = 0;
        bool flag = false;
        const char *value = NULL;
        if (json_kind(at.value) == JSON_KIND_OBJECT && walk->depth < CONF_DEPTH_MAX) {
            section_open(walk, at.key);
            status = json_walk(walk, at.value);
            section_close(walk);
        } else if (json_find_text(at.value, NULL, &value)) {
            status = tell(walk, at.key, value, 0);
        } else if (json_find_number(at.value, NULL, &number)) {
            snprintf(text, sizeof text, "%.17g", number);
            status = tell(walk, at.key, text, 0);
        } else if (json_find_bool(at.value, NULL, &flag)) {
            status = tell(walk, at.key, flag ? "true" : "false", 0);
        }
    }
    return status;
}

static int json_read(struct walk *walk)
{
    struct json_value *root = NULL;
    struct err ignored;
    /* What is no JSON has no settings. */
    if (json_read_text(walk->at, (size_t)(walk->end - walk->at), "settings", &root, &ignored))
        return 0;
    int status = json_walk(walk, root);
    json_free(root);
    return status;
}

int conf_text(const char *text, size_t length, enum conf_form form, conf_fn *each, void *context,
              struct err *err)
{
    struct walk walk = {.at = text, .end = text + length, .each = each, .context = context, .err = err};
    switch (form) {
    case CONF_EQUALS:
    case CONF_BLANK:
    case CONF_INI: return lines_read(&walk, form);
    case CONF_NGINX: walk.line = 1; return nginx_read(&walk);
    case CONF_XML: walk.line = 1; return xml_read(&walk);
    case CONF_JSON: return json_read(&walk);
    }
    return 0;
}
