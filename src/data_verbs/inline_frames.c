/* SPDX-License-Identifier: Apache-2.0 */
#include "data_verbs/inline_frames.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/map.h"
#include "base/num.h"
#include "base/vec.h"

#define UNKNOWN       "??\n??:0"
#define RUNNING_MAX   64u           /* programs of addr2line at once */
#define ANSWER_BYTES  (16u << 20)   /* of one address */
#define NM_BYTES_MAX  (1024u << 20) /* of nm's list */
#define ADDRESS_BYTES 80u

extern char **environ;

struct module {
    char *path;
    bool is_unreadable, has_names;
    struct map names; /* by hash of a function's name: its address + 1, as nm tells it first */
};

/* An address that was asked for. */
struct question {
    char address[ADDRESS_BYTES];
    char *function; /* the place in it is tried where the address is unknown; NULL: it was */
    size_t module;  /* index */
    char *text;     /* the answer; NULL: none */
    bool is_found;
};

struct inline_frames {
    bool with_places;
    size_t running_max;
    VEC(struct module) modules;
    VEC(struct question) questions;
    struct intern paths; /* ids are index + 1 */
    struct intern known; /* "address module": ids are index + 1 of questions */
};

static bool is_there(const char *program)
{
    const char *words[] = {program, "--version", NULL};
    struct child_options options = {.words = words};
    struct child_result result = {0};
    struct err ignored;
    if (child_run(&options, &result, &ignored))
        return false;
    bool ran = result.exit_status == 0;
    child_result_free(&result);
    return ran;
}

int inline_frames_create(bool with_places, struct inline_frames **ret_frames, struct err *err)
{
    if (!is_there("addr2line")) {
        err_set(err, ERR_ENVIRONMENT, "could not look for inlined calls: there is no addr2line");
        err_hint(err, "apt install binutils; without --inline the calls that perf script printed are told");
        return -ERR_ENVIRONMENT;
    }
    struct inline_frames *frames = calloc(1, sizeof *frames);
    if (!frames)
        return err_memory(err);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    frames->with_places = with_places;
    frames->running_max = (size_t)(processors < 1 ? 1 : processors);
    frames->running_max = num_min(frames->running_max, RUNNING_MAX);
    *ret_frames = frames;
    return 0;
}

/* --- addr2line --- */

struct running {
    pid_t pid;
    int fd;
    size_t question; /* index */
};

static int start(const struct inline_frames *frames, size_t index, struct running *ret_running,
                 struct err *err)
{
    const struct question *question = &frames->questions.items[index];
    char address[ADDRESS_BYTES];
    char *words[] = {"addr2line", "-a", address, "-e", frames->modules.items[question->module].path,
                     "-i",        "-f", "-s",    "-C", NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    memcpy(address, question->address, sizeof address);
    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, errno, "could not start addr2line");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawnp(&ret_running->pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed) {
        close(ends[0]);
        return err_errno(err, failed, "could not start addr2line");
    }
    ret_running->fd = ends[0];
    ret_running->question = index;
    return 0;
}

/* What it printed, behind the first line, which repeats the address. */
static int finish(const struct running *running, struct str *ret_answer, struct err *err)
{
    char piece[4096];
    struct str all = {0};
    ssize_t got;
    while ((got = read(running->fd, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0 && all.length < ANSWER_BYTES)
            str_append_bytes(&all, piece, (size_t)got);
    close(running->fd);
    while (waitpid(running->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    const char *behind = strchr(str_text(&all), '\n');
    str_append(ret_answer, behind ? behind + 1 : "");
    bool failed = all.failed || ret_answer->failed;
    str_free(&all);
    return failed ? err_memory(err) : 0;
}

/* --- nm --- */

/* "0000000000001139 T main" */
static int take_names(struct module *module, const char *text, struct err *err)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), digits = strspn(line, "0123456789abcdef");
        if (digits && digits + 3 < length && line[digits] == ' ' && line[digits + 2] == ' ') {
            const char *name = line + digits + 3;
            uint64_t key = map_hash_bytes(name, length - digits - 3);
            if (!map_get(&module->names, key) && map_put(&module->names, key, strtoull(line, NULL, 16) + 1))
                return err_memory(err);
        }
        line += length + (line[length] == '\n');
    }
    return 0;
}

static int find_name(struct module *module, const char *name, size_t length, uint64_t *ret_address,
                     bool *ret_is_known, struct err *err)
{
    const char *words[] = {"nm", "--", module->path, NULL}; /* a text may name a file "--plugin=…" */
    struct child_options options = {.words = words, .text_bytes_max = NM_BYTES_MAX};
    struct child_result result = {0};
    int status = 0;
    if (!module->has_names && child_run(&options, &result, err) == 0) {
        status = take_names(module, str_text(&result.text), err);
        child_result_free(&result);
    }
    module->has_names = true;
    const uint64_t *known = map_get(&module->names, map_hash_bytes(name, length));
    *ret_is_known = known != NULL;
    *ret_address = known ? *known - 1 : 0;
    return status;
}

/* --- an answer as frames --- */

/* " (discriminator 3)" goes. */
static size_t without_discriminator(char *line, size_t length)
{
    static const char word[] = " (discriminator ";
    char *at = memmem(line, length, word, strlen(word));
    char *end = at ? memchr(at, ')', (size_t)(line + length - at)) : NULL;
    if (!end)
        return length;
    memmove(at, end + 1, (size_t)(line + length - end - 1));
    return length - (size_t)(end + 1 - at);
}

/* Pairs of lines, the innermost call first: functions, the outermost first, with ';' between. */
static int write_frames(const struct inline_frames *frames, char *answer, struct str *ret_text,
                        struct err *err)
{
    struct str text = {0}, longer = {0};
    char *function = NULL;
    size_t function_length = 0;
    for (char *line = answer; *line;) {
        size_t whole = strcspn(line, "\n");
        char *next = line + whole + (line[whole] == '\n');
        size_t length = without_discriminator(line, whole);
        if (!function) {
            function = line;
            function_length = length;
            /* An empty name is taken for none: the next line is the name. */
            function = length ? function : NULL;
        } else {
            str_clear(&longer);
            str_append_bytes(&longer, function, function_length);
            if (frames->with_places) {
                str_append(&longer, ":");
                str_append_bytes(&longer, line, length);
            }
            str_append(&longer, text.length ? ";" : "");
            str_append_bytes(&longer, str_text(&text), text.length);
            struct str swap = text;
            text = longer;
            longer = swap;
            function = NULL;
        }
        line = next;
    }
    str_append_bytes(ret_text, str_text(&text), text.length);
    bool failed = text.failed || longer.failed || ret_text->failed;
    str_free(&text);
    str_free(&longer);
    return failed ? err_memory(err) : 0;
}

/* "name+0x1f": the place is known in the function. */
static bool split_offset(const char *function, size_t *ret_name_length, uint64_t *ret_offset)
{
    size_t length = strlen(function), at = length;
    while (at && strchr("0123456789abcdef", function[at - 1]))
        at--;
    if (at == length || at < 4 || memcmp(function + at - 3, "+0x", 3) != 0)
        return false;
    *ret_name_length = at - 3;
    *ret_offset = strtoull(function + at, NULL, 16);
    return true;
}

/* An unknown address may be known as a place in a function: then it is asked for again. */
static int take_answer(struct inline_frames *frames, size_t index, struct str *answer, struct err *err)
{
    struct question *question = &frames->questions.items[index];
    struct module *module = &frames->modules.items[question->module];
    size_t name_length;
    uint64_t offset, base = 0;
    bool is_known = false;
    int status = 0;
    if (question->function && strstr(str_text(answer), UNKNOWN) &&
        split_offset(question->function, &name_length, &offset))
        status = find_name(module, question->function, name_length, &base, &is_known, err);
    free(question->function);
    question->function = NULL;
    if (status)
        return status;
    if (is_known) {
        snprintf(question->address, sizeof question->address, "0x%" PRIx64, base + offset);
        return 0;
    }
    question->is_found = true;
    struct str text = {0};
    status = answer->length ? write_frames(frames, answer->text, &text, err) : 0;
    question->text = text.text;
    return status;
}

/* All that are not found yet, several at a time; those that have to be asked again are left. */
static int find_round(struct inline_frames *frames, size_t from, size_t *ret_left, struct err *err)
{
    struct running running[RUNNING_MAX] = {{0}};
    size_t count = 0, first = 0, next = from;
    int status = 0;
    *ret_left = 0;
    while (count || (next < frames->questions.count && !status)) {
        struct str answer = {0};
        while (!status && next < frames->questions.count && count < frames->running_max) {
            if (!frames->questions.items[next].is_found)
                status = start(frames, next, &running[(first + count) % RUNNING_MAX], err);
            count += !status && !frames->questions.items[next].is_found;
            next++;
        }
        if (!count)
            break;
        struct err ignored;
        int finished = finish(&running[first], &answer, status ? &ignored : err);
        status = status ? status : finished;
        if (!status)
            status = take_answer(frames, running[first].question, &answer, err);
        *ret_left += !status && !frames->questions.items[running[first].question].is_found;
        str_free(&answer);
        first = (first + 1) % RUNNING_MAX;
        count--;
    }
    return status;
}

static int find_from(struct inline_frames *frames, size_t from, struct err *err)
{
    size_t left = 1;
    int status = 0;
    while (left && !status)
        status = find_round(frames, from, &left, err);
    return status;
}

int inline_frames_find(struct inline_frames *frames, struct err *err)
{
    return find_from(frames, 0, err);
}

/* --- what is asked for --- */

static int module_of(struct inline_frames *frames, const struct collapse_place *place, size_t *ret_module,
                     struct err *err)
{
    uint64_t id;
    bool is_new;
    struct stat about;
    struct module module = {0};
    if (intern_put(&frames->paths, place->module, place->module_length, &id, &is_new))
        return err_memory(err);
    if (is_new) {
        module.path = strndup(place->module, place->module_length);
        if (!module.path || vec_push(&frames->modules, module)) {
            free(module.path);
            return err_memory(err);
        }
        struct module *added = &frames->modules.items[frames->modules.count - 1];
        added->is_unreadable = stat(added->path, &about) || !S_ISREG(about.st_mode);
    }
    *ret_module = (size_t)(id - 1);
    return 0;
}

static int add_question(struct inline_frames *frames, const struct collapse_place *place, struct err *err)
{
    struct question question = {.function = strndup(place->function, place->function_length)};
    int status = question.function ? module_of(frames, place, &question.module, err) : err_memory(err);
    if (!status) {
        question.is_found = frames->modules.items[question.module].is_unreadable;
        snprintf(question.address, sizeof question.address, "%.*s",
                 (int)num_min(place->address_length, ADDRESS_BYTES - 1), place->address);
        if (vec_push(&frames->questions, question))
            status = err_memory(err);
    }
    if (status)
        free(question.function);
    return status;
}

static int note(struct inline_frames *frames, const struct collapse_place *place, size_t *ret_question,
                bool *ret_is_new, struct err *err)
{
    struct str key = {0};
    uint64_t id = 0;
    str_append_bytes(&key, place->address, place->address_length);
    str_append(&key, " ");
    str_append_bytes(&key, place->module, place->module_length);
    bool failed = key.failed || intern_put(&frames->known, str_text(&key), key.length, &id, ret_is_new);
    str_free(&key);
    if (failed)
        return err_memory(err);
    *ret_question = (size_t)(id - 1);
    return *ret_is_new ? add_question(frames, place, err) : 0;
}

int inline_frames_note(void *context, const struct collapse_place *place, struct str *ret_text,
                       struct err *err)
{
    size_t question;
    bool is_new = false;
    (void)ret_text;
    return note(context, place, &question, &is_new, err);
}

int inline_frames_of(void *context, const struct collapse_place *place, struct str *ret_text, struct err *err)
{
    struct inline_frames *frames = context;
    size_t index = 0;
    bool is_new = false;
    int status = note(frames, place, &index, &is_new, err);
    if (!status && is_new)
        status = find_from(frames, index, err);
    const char *text = status ? NULL : frames->questions.items[index].text;
    if (text && strcmp(text, "??") != 0 && strcmp(text, "??:??:0") != 0)
        str_append(ret_text, text);
    return status;
}

void inline_frames_destroy(struct inline_frames *frames)
{
    if (!frames)
        return;
    for (size_t i = 0; i < frames->modules.count; i++) {
        map_free(&frames->modules.items[i].names);
        free(frames->modules.items[i].path);
    }
    for (size_t i = 0; i < frames->questions.count; i++) {
        free(frames->questions.items[i].function);
        free(frames->questions.items[i].text);
    }
    vec_free(&frames->modules);
    vec_free(&frames->questions);
    intern_free(&frames->paths);
    intern_free(&frames->known);
    free(frames);
}
