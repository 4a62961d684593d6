/* SPDX-License-Identifier: Apache-2.0 */
#include "base/redact.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HIDDEN REDACT_HIDDEN

/* Within an option's or a variable's name, '-' and '_' left out. */
static const char *const secret_words[] = {"password", "passwd", "passphrase", "secret",     "token",
                                           "apikey",   "auth",   "credential", "privatekey", "accesskey",
                                           "cookie",   "bearer", "sessionkey", "signature"};

/* A bit for each letter that is there. */
static uint32_t letters(const char *text)
{
    uint32_t mask = 0;
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z')
            mask |= 1u << (*text - 'a');
    return mask;
}

/* The name says that a secret follows. "author" is no "auth". Most names lack a letter of every secret word. */
static bool name_is_secret(const char *name, size_t length)
{
    char plain[64];
    size_t used = 0;

    for (size_t i = 0; i < length && used + 1 < sizeof plain; i++) {
        char c = name[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            plain[used++] = c;
    }
    plain[used] = '\0';
    if (!strcmp(plain, "pass") || !strcmp(plain, "pwd") || !strcmp(plain, "pw"))
        return true;
    uint32_t there = letters(plain);
    for (size_t i = 0; i < sizeof secret_words / sizeof secret_words[0]; i++) {
        uint32_t needed = letters(secret_words[i]);
        const char *found = (there & needed) == needed ? strstr(plain, secret_words[i]) : NULL;
        if (found && !(str_starts(found, "author") && !str_starts(found, "authoriz")))
            return true;
    }
    return false;
}

static void json_escaped(struct str *json, const char *text, size_t length)
{
    size_t plain = 0; /* from here on nothing needs a backslash so far */
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool quoted = byte == '"' || byte == '\\';
        if (!quoted && byte >= 0x20 && byte != 0x7f)
            continue;
        str_append_bytes(json, text + plain, i - plain);
        plain = i + 1;
        str_printf(json, quoted ? "\\%c" : "\\u%04x", byte);
    }
    str_append_bytes(json, text + plain, length - plain);
}

/* scheme://user:password@host: the user's name stays. Returns false when the text holds none. */
static bool url_redacted(struct str *json, const char *text)
{
    const char *scheme = strstr(text, "://");
    if (!scheme)
        return false;
    const char *begin = scheme + 3;
    size_t authority = strcspn(begin, "/?# ");
    const char *at = memrchr(begin, '@', authority);
    const char *colon = at ? memchr(begin, ':', (size_t)(at - begin)) : NULL;
    if (!colon)
        return false;
    json_escaped(json, text, (size_t)(colon + 1 - text));
    str_append(json, HIDDEN);
    json_escaped(json, at, strlen(at));
    return true;
}

/* A query's ?token=… and &api_key=…; everything else as it is. */
static void query_redacted(struct str *json, const char *text)
{
    const char *rest = text;
    for (;;) {
        size_t lead = strcspn(rest, "?&");
        if (!rest[lead]) {
            json_escaped(json, rest, lead);
            return;
        }
        json_escaped(json, rest, lead + 1);
        rest += lead + 1;
        size_t name = strcspn(rest, "=&");
        if (rest[name] == '=' && name_is_secret(rest, name)) {
            json_escaped(json, rest, name + 1);
            str_append(json, HIDDEN);
            rest += name + 1;
            rest += strcspn(rest, "&");
        }
    }
}

/* "Authorization: Bearer x", "--password=x", "API_KEY=x". */
static bool assignment_redacted(struct str *json, const char *text)
{
    size_t name = strcspn(text, "=: '\"\t\n");
    bool is_header = text[name] == ':' && text[name + 1] == ' ';
    if ((text[name] != '=' && !is_header) || !name_is_secret(text, name))
        return false;
    json_escaped(json, text, name + 1);
    str_append(json, is_header ? " " HIDDEN : HIDDEN);
    return true;
}

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(text, *list))
            return true;
    return false;
}

/* mysql's and sshpass's -pSECRET (glued); -u user:password of curl and wget. */
static bool glued_redacted(struct str *json, const char *program, const char *text)
{
    static const char *const glued[] = {"mysql",        "mysqldump", "mysqladmin", "mariadb",
                                        "mariadb-dump", "sshpass",   "mongo",      NULL};
    if (strncmp(text, "-p", 2) != 0 || !text[2] || !is_one_of(program, glued))
        return false;
    str_append(json, "-p" HIDDEN);
    return true;
}

static bool hides_next(const char *program, const char *text)
{
    static const char *const users[] = {"curl", "wget", "http", NULL};
    static const char *const spaced[] = {"mongo", "sshpass", "redis-cli", NULL};
    if (!strcmp(text, "-u") || !strcmp(text, "--user") || !strcmp(text, "--proxy-user"))
        return is_one_of(program, users);
    if (!strcmp(text, "-p") || !strcmp(text, "-a"))
        return is_one_of(program, spaced);
    return text[0] == '-' && !strchr(text, '=') && !strchr(text, ' ') && name_is_secret(text, strlen(text));
}

static void word_append(struct str *json, const char *program, const char *text, bool *hide)
{
    if (*hide && text[0] != '-') {
        str_append(json, HIDDEN);
        *hide = false;
        return;
    }
    *hide = hides_next(program, text);
    if (assignment_redacted(json, text) || glued_redacted(json, program, text) || url_redacted(json, text))
        return;
    query_redacted(json, text);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A script of a shell: its words are judged like arguments; a header hides all up to the closing quote. */
static void script_append(struct str *json, char *text)
{
    static const char breaks[] = " \t\n\r'\";&|()<>";
    char program[64] = "";
    bool hide = false, is_command = true;

    while (*text) {
        size_t gap = strspn(text, breaks);
        json_escaped(json, text, gap);
        for (size_t i = 0; i < gap; i++)
            is_command = is_command || strchr("\n;&|(", text[i]);
        text += gap;
        size_t length = strcspn(text, breaks);
        char after = text[length];
        text[length] = '\0';
        if (is_command) {
            strncpy(program, base_name(text), sizeof program - 1);
            hide = false;
        }
        bool is_quoted_value = length > 1 && text[length - 1] == '=' && name_is_secret(text, length);
        bool is_header = length > 1 && text[length - 1] == ':' && name_is_secret(text, length);
        if (length)
            word_append(json, program, text, &hide);
        is_command = is_command && (!length || strchr(text, '=')); /* A=b before a command */
        text[length] = after;
        text += length;
        if (is_header && after == ' ') {
            str_append(json, " " HIDDEN);
            text += strcspn(text, "'\"\n");
        } else if (is_quoted_value && (after == '\'' || after == '"')) {
            const char quote[] = {after, '\0'};
            text += 1 + strcspn(text + 1, quote);
            text += *text == after;
        }
    }
}

void redact_line(const char *line, struct str *ret_line)
{
    char copy[REDACT_BYTES_MAX + 1];
    struct str json = {0};
    snprintf(copy, sizeof copy, "%s", line);
    script_append(&json, copy);
    ret_line->failed = ret_line->failed || json.failed;
    /* Out of JSON again: of what json_escaped writes only control characters have more than one letter. */
    for (const char *at = str_text(&json); *at; at++) {
        if (*at == '\\' && at[1] == 'u') {
            char byte = (char)strtol((const char[]){at[4], at[5], '\0'}, NULL, 16);
            str_append_bytes(ret_line, &byte, 1);
            at += 5;
        } else {
            at += *at == '\\';
            str_append_bytes(ret_line, at, 1);
        }
    }
    str_free(&json);
}

static void argument_append(struct str *json, const char *program, char *text, bool *hide)
{
    bool is_script = strpbrk(text, " \n\t") != NULL;

    if (*hide || !is_script) {
        word_append(json, program, text, hide);
    } else if (!assignment_redacted(json, text)) {
        script_append(json, text);
    }
}

void redact_arguments(const char *arguments, size_t length, struct str *ret_json)
{
    char copy[REDACT_BYTES_MAX + 1];
    const char *program = "";
    bool hide = false;

    if (length > REDACT_BYTES_MAX)
        length = REDACT_BYTES_MAX;
    memcpy(copy, arguments, length);
    copy[length] = '\0';
    str_append(ret_json, "[");
    for (size_t at = 0; at < length;) {
        char *text = copy + at;
        size_t size = strlen(text) + 1;
        str_append(ret_json, at ? ", \"" : "\"");
        if (at == 0) {
            program = base_name(text);
            json_escaped(ret_json, text, strlen(text));
        } else {
            argument_append(ret_json, program, text, &hide);
        }
        str_append(ret_json, "\"");
        at += size;
    }
    str_append(ret_json, "]");
}

void redact_argv(char *const *argv, struct str *ret_json)
{
    struct str joined = {0};
    for (; *argv && joined.length <= REDACT_BYTES_MAX; argv++)
        str_append_bytes(&joined, *argv, strlen(*argv) + 1);
    redact_arguments(str_text(&joined), joined.length, ret_json);
    str_free(&joined);
}
