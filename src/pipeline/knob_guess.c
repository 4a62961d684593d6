/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/knob_guess.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

#define NAME_LENGTH_MAX 40u
#define NUMBER_MAX      1000000000ull
#define SEPARATORS      " \t\n'\"|&;()"

/* A part of a text. */
struct part {
    const char *at;
    size_t length;
};

static bool read_number(struct part part, unsigned long long *ret_number)
{
    char digits[24];
    uint64_t number;
    if (!part.length || part.length >= sizeof digits)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)part.length, part.at);
    if (num_parse_u64(digits, &number) || !number || number > NUMBER_MAX)
        return false;
    *ret_number = number;
    return true;
}

static struct knob_guess *find(struct knob_guesses *guesses, const char *name)
{
    for (size_t i = 0; i < guesses->count; i++)
        if (strcmp(guesses->items[i].name, name) == 0)
            return &guesses->items[i];
    return NULL;
}

static void range_fill(struct knob_guess *guess, unsigned long long now)
{
    bool is_batch = guess->role == KNOB_ROLE_BATCH;
    guess->low = is_batch && now >= 10 ? now / 10 : 1;
    guess->high = is_batch ? now * 100 : now < 4 ? 16 : now * 4;
}

static int add(struct knob_guesses *guesses, struct knob_guess guess, unsigned long long now,
               struct arena *arena, struct err *err)
{
    range_fill(&guess, now);
    guess.now = arena_printf(arena, "%llu", now);
    if (!guess.name || !guess.now || !guess.why)
        return err_memory(err);
    guesses->items[guesses->count++] = guess;
    return 0;
}

/* The role of an option, and its name as a knob's; false for one that says nothing of the kind. `last` is the word before it. */
static bool option_role(struct part option, const char *program, char name[NAME_LENGTH_MAX + 1],
                        enum knob_role *ret_role)
{
    static const char *const others[] = {"head", "tail", "ping",   "cut",     "bash", "sh",
                                         "dash", "zsh",  "python", "python3", "wc"};
    if (option.length == 2 && option.at[0] == '-' && strchr("jPc", option.at[1])) {
        for (size_t i = 0; option.at[1] == 'c' && i < sizeof others / sizeof others[0]; i++)
            if (strcmp(program, others[i]) == 0)
                return false;
        snprintf(name, NAME_LENGTH_MAX + 1, "%c", option.at[1]);
        *ret_role = KNOB_ROLE_WORKERS;
        return true;
    }
    if (option.length < 4 || option.length - 2 > NAME_LENGTH_MAX || strncmp(option.at, "--", 2) != 0)
        return false;
    size_t length = option.length - 2;
    for (size_t i = 0; i < length; i++) {
        char letter = option.at[2 + i];
        if (!isalnum((unsigned char)letter) && !strchr("-_", letter))
            return false;
        name[i] = letter == '-' ? '_' : letter;
    }
    name[length] = '\0';
    *ret_role = knob_role_of_name(name);
    return *ret_role != KNOB_ROLE_OTHER;
}

/* The program's name of a word: what follows its last slash. */
static void remember_program(struct part word, char program[NAME_LENGTH_MAX + 1])
{
    size_t start = word.length;
    while (start && word.at[start - 1] != '/')
        start--;
    snprintf(program, NAME_LENGTH_MAX + 1, "%.*s", (int)(word.length - start), word.at + start);
}

/* The number that a word gives to an option: "--workers=4", "-j4", or the word behind it. */
static bool split_option(struct part word, struct part next, struct part *ret_option, struct part *ret_number)
{
    const char *equals = memchr(word.at, '=', word.length);
    unsigned long long number;
    if (equals) {
        *ret_option = (struct part){word.at, (size_t)(equals - word.at)};
        *ret_number = (struct part){equals + 1, word.length - ret_option->length - 1};
    } else if (word.length > 2 && word.at[1] != '-') {
        *ret_option = (struct part){word.at, 2};
        *ret_number = (struct part){word.at + 2, word.length - 2};
    } else {
        *ret_option = word;
        *ret_number = next;
    }
    return read_number(*ret_number, &number);
}

static struct part next_word(const char *text)
{
    text += strspn(text, SEPARATORS);
    return (struct part){text, strcspn(text, SEPARATORS)};
}

int knob_guess_line(const char *line, struct arena *arena, struct knob_guesses *ret_guesses, struct err *err)
{
    struct knob_guesses guesses = {0};
    struct str filled = {0};
    const char *copied = line;
    char program[NAME_LENGTH_MAX + 1] = "";
    int status = 0;
    bool starts = true; /* a program's name comes next */
    for (struct part word = next_word(line), next; !status && word.length; word = next) {
        struct part option, number;
        char name[NAME_LENGTH_MAX + 1];
        enum knob_role role;
        unsigned long long now = 0;
        next = next_word(word.at + word.length);
        if (word.at[0] != '-' && starts)
            remember_program(word, program);
        starts = strpbrk(word.at + word.length, "|&;") != NULL && next.length &&
                 strcspn(word.at + word.length, "|&;") < (size_t)(next.at - word.at - (ptrdiff_t)word.length);
        if (guesses.count == KNOB_GUESSES_MAX || word.at[0] != '-' ||
            !split_option(word, next, &option, &number) || !read_number(number, &now) ||
            !option_role(option, program, name, &role) || find(&guesses, name))
            continue;
        str_append_bytes(&filled, copied, (size_t)(number.at - copied));
        str_printf(&filled, "{%s}", name);
        copied = number.at + number.length;
        struct knob_guess guess = {.name = arena_string(arena, name), .role = role};
        guess.why = arena_printf(arena, "%.*s %llu in the command", (int)option.length, option.at, now);
        status = add(&guesses, guess, now, arena, err);
    }
    str_append(&filled, copied);
    guesses.line = filled.failed ? NULL : arena_string(arena, str_text(&filled));
    str_free(&filled);
    if (!status && !guesses.line)
        status = err_memory(err);
    if (!status)
        *ret_guesses = guesses;
    return status;
}

/* Names that say how many or how much; single letters as xargs and make have them. */
static bool variable_role(const char *name, enum knob_role *ret_role)
{
    *ret_role = knob_role_of_name(name);
    if (strlen(name) == 1 && strchr("PpJj", *name))
        *ret_role = KNOB_ROLE_WORKERS;
    return *ret_role != KNOB_ROLE_OTHER;
}

static size_t name_length(const char *text)
{
    size_t length = 0;
    if (isdigit((unsigned char)*text))
        return 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

/* The number behind a name: ":-4", "-4", ":=4" of a shell, `", 4` and `', '4` of Python and others; 0: there is none. */
static unsigned long long default_behind(const char *text)
{
    unsigned long long number = 0;
    text += *text == ':';
    text += strspn(text, "-=\"', ");
    struct part part = {text, strspn(text, "0123456789")};
    return read_number(part, &number) ? number : 0;
}

/* Whether a name at `at` is one of a variable that is read: $NAME, ${NAME, getenv("NAME, environ["NAME, environ.get('NAME. */
static bool is_read(const char *script, const char *at, bool *ret_has_default)
{
    static const char *const before[] = {"getenv(", "environ[", "environ.get(", "ENV["};
    const char *quote = at;
    *ret_has_default = true;
    if (at > script && at[-1] == '$') {
        *ret_has_default = false;
        return true;
    }
    if (at - script >= 2 && at[-1] == '{' && at[-2] == '$')
        return true;
    if (at > script && (at[-1] == '"' || at[-1] == '\''))
        quote = at - 1;
    else
        return false;
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        size_t length = strlen(before[i]);
        if ((size_t)(quote - script) >= length && strncmp(quote - length, before[i], length) == 0)
            return true;
    }
    return false;
}

static int guess_variable(const char *name, unsigned long long fallback, const char *script_name,
                          const char *(*value_of)(const char *), struct arena *arena,
                          struct knob_guesses *guesses, struct err *err)
{
    enum knob_role role;
    unsigned long long now = 0;
    if (guesses->count == KNOB_GUESSES_MAX || !variable_role(name, &role) || find(guesses, name))
        return 0;
    const char *set = value_of(name);
    if (set && !read_number((struct part){set, strlen(set)}, &now))
        return 0;
    struct knob_guess guess = {.name = arena_string(arena, name), .role = role};
    guess.variable = guess.name;
    if (set)
        guess.why = arena_printf(arena, "%s reads it", script_name);
    else if (fallback)
        guess.why =
            arena_printf(arena, "%s reads it, and takes %llu where it is not set", script_name, fallback);
    else
        guess.why =
            arena_printf(arena, "%s reads it; it is not set here: is 1 what it is today?", script_name);
    return add(guesses, guess, now ? now : fallback ? fallback : 1, arena, err);
}

int knob_guess_script(const char *script, const char *name, const char *(*value_of)(const char *),
                      struct arena *arena, struct knob_guesses *guesses, struct err *err)
{
    int status = 0;
    for (const char *at = script; !status && *at;) {
        size_t length = name_length(at);
        bool has_default = false;
        char variable[NAME_LENGTH_MAX + 1];
        if (length && length <= NAME_LENGTH_MAX && is_read(script, at, &has_default)) {
            snprintf(variable, sizeof variable, "%.*s", (int)length, at);
            status = guess_variable(variable, has_default ? default_behind(at + length) : 0, name, value_of,
                                    arena, guesses, err);
        }
        at += length ? length : 1;
    }
    return status;
}

void knob_guess_reach(struct knob_guesses *guesses, double proposed)
{
    for (size_t i = 0; i < guesses->count; i++) {
        struct knob_guess *guess = &guesses->items[i];
        if (guess->role == KNOB_ROLE_WORKERS && proposed * 2 > (double)guess->high && proposed < 1e6)
            guess->high = (unsigned long long)proposed * 2;
    }
}
