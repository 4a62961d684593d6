/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigator_process.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "codec/json.h"
#include "investigate/engine.h"
#include "investigate/protocol.h"
#include "pipeline/pipeline_file.h"

#define DEADLINE_S 60.0

static int read_all(int fd, struct str *ret_text, struct err *err)
{
    char bytes[65536];
    for (;;) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "could not read the request from stdin");
        if (got == 0)
            return ret_text->failed ? err_memory(err) : 0;
        if (ret_text->length > JSON_BYTES_MAX)
            return err_set(err, ERR_INPUT, "could not read the request: it is over %zu bytes",
                           JSON_BYTES_MAX);
        str_append_bytes(ret_text, bytes, (size_t)got);
    }
}

static int find(const char *name, const struct investigator **ret_investigator, struct err *err)
{
    struct str names = {0};
    *ret_investigator = investigator_find(name);
    if (*ret_investigator)
        return 0;
    for (size_t i = 0; i < investigator_count; i++)
        str_printf(&names, "%s%s", i ? ", " : "", investigators[i]->name);
    err_set(err, ERR_USAGE, "could not find investigator '%s'", name);
    err_hint(err, "there are: %s", str_text(&names));
    str_free(&names);
    return -(int)ERR_USAGE;
}

static int ask(const struct investigator *investigator, const struct request *request,
               struct question *question, int answers_fd, struct err *err)
{
    struct answers answers = {.fd = answers_fd};
    struct opened opened;
    struct pipeline_file file;
    int status = opened_open_whole(request->recording, NULL, &opened, err);
    if (status)
        return status;
    question->opened = &opened;
    if (request->pipeline) {
        status = pipeline_file_read(request->pipeline, &file, err);
        question->file = status ? NULL : &file;
    }
    if (!status && request->round == ROUND_CLAIMS)
        status = investigator->claims(question, &answers, err);
    else if (!status && investigator->votes)
        status = investigator->votes(question, &answers, err);
    if (!status)
        status = answers_status(&answers, err);
    answers_deinit(&answers);
    if (question->file)
        pipeline_file_free(&file);
    opened_close(&opened);
    question->file = NULL;
    question->opened = NULL;
    return status;
}

int investigator_process(const char *name, int request_fd, int answers_fd, struct err *err)
{
    const struct investigator *investigator;
    struct arena arena = {0};
    struct str text = {0};
    struct request request;
    int status = find(name, &investigator, err);
    if (!status)
        status = read_all(request_fd, &text, err);
    if (!status)
        status = request_read(str_text(&text), text.length, &arena, &request, err);
    if (!status) {
        double deadline_s = request.deadline_s > 0 ? request.deadline_s : DEADLINE_S;
        struct question question = {
            .recording = request.recording,
            .pipeline = request.pipeline,
            .rules = request.rules,
            .scratch = request.scratch ? request.scratch : ".",
            .claims = request.claims,
            .claim_count = request.claim_count,
            .cleared = request.cleared,
            .cleared_count = request.cleared_count,
            .deadline_ns = clock_monotonic_ns() + num_u64(deadline_s * (double)NS_PER_S),
            .memory_bytes = request.memory_bytes ? request.memory_bytes : ENGINE_MEMORY_BYTES,
            .arena = &arena};
        status = ask(investigator, &request, &question, answers_fd, err);
    }
    str_free(&text);
    arena_free(&arena);
    return status;
}
