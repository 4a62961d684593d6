/* SPDX-License-Identifier: Apache-2.0 */
#include "option/parse.h"

#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/suggest.h"

/* Where the parser stands. */
struct reader {
    const struct verb *verb;
    char *const *next; /* the argument to read */
    char *options;     /* the verb's options struct, by offset */
    struct parsed parsed;
};

static int usage_hint(const struct verb *verb, struct err *err)
{
    err_hint(err, "usage: toll %s%s%s", verb->name, *verb->usage ? " " : "", verb->usage);
    return -(int)ERR_USAGE;
}

/* `name` has no dashes and may end at '='. */
static const struct option_row *find_name(const struct verb *verb, const char *name, size_t length)
{
    for (size_t i = 0; i < verb->option_count; i++)
        if (strlen(verb->options[i].name) == length && strncmp(verb->options[i].name, name, length) == 0)
            return &verb->options[i];
    return NULL;
}

static const struct option_row *find_letter(const struct verb *verb, char letter)
{
    for (size_t i = 0; i < verb->option_count; i++)
        if (verb->options[i].letter == letter)
            return &verb->options[i];
    return NULL;
}

static int unknown_option(const struct verb *verb, const char *word, size_t length, struct err *err)
{
    char name[SUGGEST_LENGTH_MAX + 1] = "";
    const char *nearest = NULL;

    if (length > 2 && length - 2 < sizeof name)
        memcpy(name, word + 2, length - 2);
    for (size_t i = 0; *name && i < verb->option_count; i++) {
        const char *candidate = verb->options[i].name;
        if (suggest_is_near(name, candidate) &&
            (!nearest || suggest_distance(name, candidate) < suggest_distance(name, nearest)))
            nearest = candidate;
    }
    err_set(err, ERR_USAGE, "could not understand option '%.*s': 'toll %s' has no such option", (int)length,
            word, verb->name);
    if (nearest)
        err_hint(err, "did you mean '--%s'? 'toll %s --help' lists the options", nearest, verb->name);
    else
        err_hint(err, "'toll %s --help' lists the options", verb->name);
    return -(int)ERR_USAGE;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (const char *at = choices; *at;) {
        size_t word = strcspn(at, " ");
        if (word == length && strncmp(at, value, length) == 0)
            return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

static int store_list(struct option_list *list, const struct option_row *row, const char *value,
                      struct err *err)
{
    if (list->count == OPTION_LIST_MAX)
        return err_set(err, ERR_USAGE, "could not take option '--%s': it is given more than %d times",
                       row->name, OPTION_LIST_MAX);
    list->items[list->count++] = value;
    return 0;
}

static int store_divider(const struct reader *reader, const struct option_row *row, uint64_t *field,
                         struct err *err)
{
    if (*field || !reader->parsed.operand_count) {
        err_set(err, ERR_USAGE, "could not take option '--%s': %s", row->name,
                *field ? "it is given twice" : "nothing stands before it");
        return usage_hint(reader->verb, err);
    }
    *field = reader->parsed.operand_count;
    return 0;
}

static bool takes_value(const struct option_row *row)
{
    return row->type != OPTION_FLAG && row->type != OPTION_DIVIDER;
}

static int store(const struct reader *reader, const struct option_row *row, const char *value,
                 struct err *err)
{
    void *field = reader->options + row->offset;

    if (row->choices && !is_choice(row->choices, value)) {
        err_set(err, ERR_USAGE, "could not take option '--%s': '%s' is not one of its values", row->name,
                value);
        err_hint(err, "choose one of: %s", row->choices);
        return -(int)ERR_USAGE;
    }
    switch (row->type) {
    case OPTION_FLAG: *(bool *)field = true; return 0;
    case OPTION_TEXT: *(const char **)field = value; return 0;
    case OPTION_LIST: return store_list(field, row, value, err);
    case OPTION_DIVIDER: return store_divider(reader, row, field, err);
    case OPTION_COUNT:
        if (num_parse_u64(value, field) == 0)
            return 0;
        err_set(err, ERR_USAGE, "could not take option '--%s': '%s' is not a whole number", row->name, value);
        return usage_hint(reader->verb, err);
    case OPTION_NUMBER:
        if (num_parse_double(value, field) == 0)
            return 0;
        err_set(err, ERR_USAGE, "could not take option '--%s': '%s' is not a number", row->name, value);
        return usage_hint(reader->verb, err);
    case OPTION_DURATION:
        if (num_parse_duration(value, field) == 0 && *(const uint64_t *)field > 0)
            return 0;
        err_set(err, ERR_USAGE,
                "could not take option '--%s': '%s' is not a duration such as 30s, 5m or 500ms", row->name,
                value);
        return usage_hint(reader->verb, err);
    }
    return err_set(err, ERR_BUG, "could not take option '--%s': its table row has no type", row->name);
}

/* The value is what follows '=' or the letter, else the next argument. */
static int take_value(struct reader *reader, const struct option_row *row, const char *attached,
                      struct err *err)
{
    const char *value = attached ? attached : *reader->next;

    if (!value) {
        err_set(err, ERR_USAGE, "could not take option '--%s': its %s is missing", row->name, row->argument);
        return usage_hint(reader->verb, err);
    }
    if (!attached)
        reader->next++;
    return store(reader, row, value, err);
}

static int read_long(struct reader *reader, const char *word, struct err *err)
{
    size_t length = strcspn(word, "=");
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    const struct option_row *row = find_name(reader->verb, word + 2, length - 2);

    if (!row)
        return unknown_option(reader->verb, word, length, err);
    if (takes_value(row))
        return take_value(reader, row, value, err);
    if (value)
        return err_set(err, ERR_USAGE, "could not take option '--%s': it takes no value", row->name);
    return store(reader, row, "", err);
}

static int read_letters(struct reader *reader, const char *word, struct err *err)
{
    for (const char *letter = word + 1; *letter; letter++) {
        const struct option_row *row = find_letter(reader->verb, *letter);
        if (!row)
            return unknown_option(reader->verb, word, strlen(word), err);
        if (takes_value(row))
            return take_value(reader, row, letter[1] ? letter + 1 : NULL, err);
        int status = store(reader, row, "", err);
        if (status)
            return status;
    }
    return 0;
}

static int take_operand(struct reader *reader, char *word, struct err *err)
{
    const struct verb *verb = reader->verb;

    if (reader->parsed.operand_count == verb->operand_max) {
        err_set(err, ERR_USAGE, "could not run 'toll %s': '%s' is one argument too many", verb->name, word);
        return usage_hint(verb, err);
    }
    reader->parsed.operands[reader->parsed.operand_count++] = word;
    return 0;
}

static void take_command(struct reader *reader, char *const *first)
{
    reader->parsed.command = first;
    while (*first++)
        reader->parsed.command_count++;
    reader->next = first - 1;
}

static int read_word(struct reader *reader, struct err *err)
{
    char *const *at = reader->next++;
    char *word = *at;

    if (strcmp(word, "--") == 0 && reader->verb->takes_command) {
        take_command(reader, reader->next);
        return 0;
    }
    if (strcmp(word, "--") == 0) {
        int status = 0;
        while (!status && *reader->next)
            status = take_operand(reader, *reader->next++, err);
        return status;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        reader->parsed.wants_help = true;
        return 0;
    }
    if (str_starts(word, "--"))
        return read_long(reader, word, err);
    if (word[0] == '-' && word[1])
        return read_letters(reader, word, err);
    if (reader->verb->takes_command && reader->parsed.operand_count == reader->verb->operand_max) {
        take_command(reader, at);
        return 0;
    }
    return take_operand(reader, word, err);
}

int parse_arguments(const struct verb *verb, char *const *arguments, void *options, struct parsed *ret_parsed,
                    struct err *err)
{
    struct reader reader = {.verb = verb, .next = arguments, .options = options};

    while (*reader.next && !reader.parsed.wants_help) {
        int status = read_word(&reader, err);
        if (status)
            return status;
    }
    if (!reader.parsed.wants_help && reader.parsed.operand_count < verb->operand_min) {
        err_set(err, ERR_USAGE, "could not run 'toll %s': an argument is missing", verb->name);
        return usage_hint(verb, err);
    }
    if (!reader.parsed.wants_help && verb->takes_command && !verb->command_optional &&
        reader.parsed.command_count == 0) {
        err_set(err, ERR_USAGE, "could not run 'toll %s': the command is missing", verb->name);
        return usage_hint(verb, err);
    }
    *ret_parsed = reader.parsed;
    return 0;
}
