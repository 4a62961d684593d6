/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"

#define BLANKS " \t\n"

struct splitter {
    const char *at;
    struct str word;
    bool has_word; /* also an empty one, from quotes */
    char shell_character;
};

static int unfinished(const char *line, const char *what, struct err *err)
{
    return err_set(err, ERR_USAGE, "could not split command '%s' into words: %s", line, what);
}

static int single_quotes(struct splitter *splitter, const char *line, struct err *err)
{
    const char *end = strchr(splitter->at, '\'');
    if (!end)
        return unfinished(line, "a ' has no end", err);
    str_append_bytes(&splitter->word, splitter->at, (size_t)(end - splitter->at));
    splitter->at = end + 1;
    return 0;
}

/* Inside, a backslash counts before $, `, ", \ and the end of a line alone. */
static int double_quotes(struct splitter *splitter, const char *line, struct err *err)
{
    for (; *splitter->at != '"'; splitter->at++) {
        if (!*splitter->at)
            return unfinished(line, "a \" has no end", err);
        if (*splitter->at == '\\' && splitter->at[1] && strchr("$`\"\\\n", splitter->at[1])) {
            splitter->at++;
            if (*splitter->at == '\n')
                continue;
        } else if ((*splitter->at == '$' || *splitter->at == '`') && !splitter->shell_character) {
            splitter->shell_character = *splitter->at;
        }
        str_append_bytes(&splitter->word, splitter->at, 1);
    }
    splitter->at++;
    return 0;
}

/* One character or quoted part of a word. */
static int part(struct splitter *splitter, const char *line, struct err *err)
{
    char first = *splitter->at++;
    splitter->has_word = true;
    if (first == '\'')
        return single_quotes(splitter, line, err);
    if (first == '"')
        return double_quotes(splitter, line, err);
    if (first == '\\') {
        if (!*splitter->at)
            return unfinished(line, "a \\ has nothing behind it", err);
        first = *splitter->at++;
        if (first == '\n')
            return 0;
    } else if (strchr("|&;<>$`", first) && !splitter->shell_character) {
        splitter->shell_character = first;
    }
    str_append_bytes(&splitter->word, &first, 1);
    return 0;
}

int words_split(const char *line, struct arena *arena, struct words *ret_words, struct err *err)
{
    struct splitter splitter = {.at = line};
    VEC(char *) words = {0};
    int status = 0;
    while (!status) {
        if (*splitter.at && !strchr(BLANKS, *splitter.at)) {
            status = part(&splitter, line, err);
            continue;
        }
        if (splitter.has_word) {
            char *word = arena_copy(arena, str_text(&splitter.word), splitter.word.length);
            if (!word || vec_push(&words, word))
                status = err_memory(err);
            str_clear(&splitter.word);
            splitter.has_word = false;
        }
        if (!*splitter.at)
            break;
        splitter.at++;
    }
    if (!status && !words.count)
        status = err_set(err, ERR_USAGE, "could not split command '%s' into words: it has none", line);
    char **items = status ? NULL : arena_alloc(arena, (words.count + 1) * sizeof *items);
    if (!status && !items)
        status = err_memory(err);
    if (!status) {
        memcpy(items, words.items, words.count * sizeof *items);
        *ret_words =
            (struct words){.items = items, .count = words.count, .shell_character = splitter.shell_character};
    }
    vec_free(&words);
    str_free(&splitter.word);
    return status;
}

static bool is_plain(const char *word)
{
    return *word &&
           strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%^") ==
               strlen(word);
}

char *words_join(char *const *words, struct arena *arena)
{
    struct str line = {0};
    for (size_t i = 0; words[i]; i++) {
        if (i)
            str_append(&line, " ");
        if (is_plain(words[i])) {
            str_append(&line, words[i]);
            continue;
        }
        str_append(&line, "'");
        for (const char *at = words[i]; *at; at++) {
            if (*at == '\'')
                str_append(&line, "'\\''");
            else
                str_append_bytes(&line, at, 1);
        }
        str_append(&line, "'");
    }
    char *text = line.failed ? NULL : arena_string(arena, str_text(&line));
    str_free(&line);
    return text;
}
