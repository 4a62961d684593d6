/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: any bytes as a file of Codex, Gemini, OpenCode (a message of its own), Langfuse and LangSmith. What is told keeps to what a
 * sink may expect.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agents/source.h"
#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    (void)sink, (void)err;
    assert(call->session && call->agent && call->project && call->task && call->id && call->model &&
           call->provider && call->region);
    assert(call->output_high == call->tokens.output && call->tokens.reasoning <= call->tokens.output);
    assert(call->start_ns <= call->end_ns);
    return 0;
}

static int on_tool(struct agent_sink *sink, const struct tool_call *call, struct err *err)
{
    (void)sink, (void)err;
    assert(call->id && call->name && strlen(call->text) <= 200 && call->child_agent && call->agent);
    return 0;
}

static int on_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    (void)sink, (void)err;
    assert(facts->agent && facts->kind && facts->title && facts->spawn_id && facts->parent);
    return 0;
}

static int on_wait(struct agent_sink *sink, const struct agent_wait *wait, struct err *err)
{
    (void)sink, (void)err;
    assert(wait->start_ns < wait->end_ns && wait->session && wait->agent);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct agent_source *const sources[] = {&codex_source, &gemini_source, &opencode_source,
                                                         &langfuse_source, &langsmith_source};
    struct agent_sink sink = {.llm_call = on_call, .tool_call = on_tool, .agent = on_agent, .wait = on_wait};
    char path[64];
    struct err err;
    FS_CLEANUP int fd = memfd_create("export", MFD_CLOEXEC);
    if (fd < 0 || fs_write_all(fd, data, size, &err))
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct source_request request = {.path = path, .calls_only = size % 2};
        bool is_database = size > 16 && memcmp(data, "SQLite format 3", 16) == 0;
        err = (struct err){0};
        sources[i]->probe(path, (const char *)data, size < SOURCE_HEAD_BYTES ? size : SOURCE_HEAD_BYTES);
        if (sources[i] == &opencode_source && is_database)
            continue; /* SQLite's own fuzzing */
        if (sources[i]->read(&request, &sink, &err) && !err.what[0])
            abort();
    }
    return 0;
}
