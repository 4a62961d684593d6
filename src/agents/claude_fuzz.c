/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a transcript: read for usage alone and with all events. Whatever is told keeps to what a sink may expect. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agents/source.h"
#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    (void)sink;
    (void)err;
    assert(call->session && call->agent && call->project && call->task && call->id && call->model &&
           call->provider && call->region && call->tools);
    assert(call->is_partial || call->output_high == call->tokens.output);
    assert(call->output_high >= call->tokens.output);
    assert(call->start_ns <= call->end_ns);
    return 0;
}

static int on_tool(struct agent_sink *sink, const struct tool_call *call, struct err *err)
{
    (void)sink;
    (void)err;
    assert(call->id && call->name && strlen(call->text) < 4096 && call->child_agent && call->agent);
    return 0;
}

static int on_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    (void)sink;
    (void)err;
    assert(facts->agent && facts->kind && facts->title && facts->spawn_id && facts->parent);
    return 0;
}

static int on_wait(struct agent_sink *sink, const struct agent_wait *wait, struct err *err)
{
    (void)sink;
    (void)err;
    assert(wait->start_ns < wait->end_ns && wait->session && wait->agent);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_sink sink = {.llm_call = on_call, .tool_call = on_tool, .agent = on_agent, .wait = on_wait};
    struct source_position resume = {0};
    char path[64];
    struct err err;
    FS_CLEANUP int fd = memfd_create("transcript", MFD_CLOEXEC);
    if (fd < 0 || fs_write_all(fd, data, size, &err))
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct source_request all = {.path = path};
    struct source_request calls = {.path = path, .calls_only = true, .ret_resume = &resume};
    assert(claude_source.read(&all, &sink, &err) == 0);
    assert(claude_source.read(&calls, &sink, &err) == 0);
    assert(resume.offset <= size);
    calls.from = resume;
    assert(claude_source.read(&calls, &sink, &err) == 0);
    return 0;
}
