/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/answers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "investigate/claim_json.h"

static struct json_writer begin(struct answers *answers)
{
    struct json_writer json = {.str = &answers->line, .is_line = true};
    str_clear(&answers->line);
    json_open(&json, NULL, '{');
    return json;
}

/* Each line is out before the next is made: what was said before a crash is known. */
static void end(struct answers *answers, struct json_writer *json)
{
    json_close(json, '}');
    json_end(json);
    if (answers->status)
        return;
    answers->status = answers->line.failed ? err_memory(&answers->failure)
                                           : fs_write_all(answers->fd, answers->line.text,
                                                          answers->line.length, &answers->failure);
}

void answers_progress(struct answers *answers, const char *doing, double done_ratio)
{
    struct json_writer json = begin(answers);
    json_text(&json, "progress", doing);
    if (done_ratio >= 0)
        json_number(&json, "done_ratio", done_ratio);
    end(answers, &json);
}

void answers_claim(struct answers *answers, const struct claim *claim)
{
    struct json_writer json = begin(answers);
    json_claim(&json, "claim", claim);
    end(answers, &json);
}

void answers_cleared(struct answers *answers, const struct cleared *cleared, const char *why)
{
    struct json_writer json = begin(answers);
    struct cleared_by said = {.cleared = *cleared, .why = why};
    json_cleared_by(&json, "cleared", &said);
    end(answers, &json);
}

void answers_vote(struct answers *answers, const struct vote *vote)
{
    struct json_writer json = begin(answers);
    json_vote(&json, "vote", vote);
    end(answers, &json);
}

void answers_note(struct answers *answers, const char *format, ...)
{
    struct json_writer json = begin(answers);
    char *words = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&words, format, arguments);
    va_end(arguments);
    json_text(&json, "note", length >= 0 ? words : NULL);
    end(answers, &json);
    free(length >= 0 ? words : NULL);
}

int answers_status(const struct answers *answers, struct err *err)
{
    if (answers->status && err)
        *err = answers->failure;
    return answers->status;
}

void answers_deinit(struct answers *answers)
{
    str_free(&answers->line);
}
