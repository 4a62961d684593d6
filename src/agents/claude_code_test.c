/* SPDX-License-Identifier: Apache-2.0 */
/* All events of a conversation with a subagent: what the totals of tests/cli/usage do not show. */
#include "agents/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"

int claude_code_test(void);

#define HEAD "\"sessionId\":\"s1\",\"cwd\":\"/w\",\"timestamp\":\"2026-11-20T10:00:"
#define USAGE(out)                                                                                           \
    "\"usage\":{\"input_tokens\":10,\"output_tokens\":" out ",\"cache_read_input_tokens\":100,"              \
    "\"cache_creation_input_tokens\":5}"

/* Second 0 asked, 4 the tool's call, 9 its result, 12 done; 40 the next prompt, which the API refuses once. */
static const char main_file[] =
    "{\"type\":\"user\"," HEAD "00.000Z\",\"message\":{\"role\":\"user\",\"content\":\"look into it\"}}\n"
    "{\"type\":\"assistant\"," HEAD "02.000Z\",\"message\":{\"id\":\"m1\",\"model\":\"claude-opus-4-5\","
    "\"role\":\"assistant\",\"stop_reason\":null,\"content\":[{\"type\":\"text\",\"text\":\"I "
    "shall\"}]," USAGE(
        "1") "}}\n"
             "{\"type\":\"assistant\"," HEAD
             "04.000Z\",\"message\":{\"id\":\"m1\",\"model\":\"claude-opus-4-5\","
             "\"role\":\"assistant\",\"stop_reason\":\"tool_use\",\"content\":[{\"type\":\"tool_use\",\"id\":"
             "\"t1\",\"name\":"
             "\"Task\",\"input\":{\"description\":\"read "
             "all\",\"subagent_type\":\"Explore\",\"prompt\":\"read\"}}]," USAGE(
                 "60") "}}\n"
                       "{\"type\":\"user\"," HEAD
                       "09.000Z\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
                       "\"tool_use_id\":\"t1\",\"content\":\"found\"}]},\"toolUseResult\":{\"agentId\":"
                       "\"a1\",\"totalTokens\":999,"
                       "\"usage\":{\"input_tokens\":3,\"output_tokens\":400,\"cache_read_input_tokens\":70}}}"
                       "\n"
                       "{\"type\":\"assistant\"," HEAD
                       "12.000Z\",\"message\":{\"id\":\"m2\",\"model\":\"claude-opus-4-5\","
                       "\"role\":\"assistant\",\"stop_reason\":\"end_turn\",\"content\":[{\"type\":\"text\","
                       "\"text\":\"Done.\"}]," USAGE(
                           "4") "}}\n"
                                "{\"type\":\"user\"," HEAD
                                "40.000Z\",\"message\":{\"role\":\"user\",\"content\":\"and now?\"}}\n"
                                "{\"type\":\"system\",\"subtype\":\"api_error\"," HEAD
                                "41.000Z\",\"retryInMs\":2500,\"retryAttempt\":1,"
                                "\"error\":{\"status\":429}}\n";

static const char agent_file[] =
    "{\"type\":\"user\",\"isSidechain\":true,\"agentId\":\"a1\"," HEAD
    "04.100Z\",\"message\":{\"role\":\"user\",\"content\":\"read\"}}\n"
    "{\"type\":\"assistant\",\"isSidechain\":true,\"agentId\":\"a1\"," HEAD
    "08.000Z\",\"message\":{\"id\":\"m3\",\"model\":\"claude-haiku-4-5\",\"role\":\"assistant\",\"stop_"
    "reason\":null,"
    "\"content\":[{\"type\":\"text\",\"text\":\"It is in the file that was changed last, by the look of "
    "it.\"}],"
    "\"usage\":{\"input_tokens\":3,\"output_tokens\":1,\"cache_read_input_tokens\":70}}}\n";

struct heard {
    struct agent_sink sink;
    char text[4096];
    uint64_t output[8]; /* by the digit of the answer's id */
    bool is_partial[8];
};

static void say(struct heard *heard, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct heard *heard, const char *format, ...)
{
    size_t length = strlen(heard->text);
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start did */
    vsnprintf(heard->text + length, sizeof heard->text - length, format, arguments);
    va_end(arguments);
}

static int second_of(int64_t ns)
{
    return (int)(ns / (int64_t)NS_PER_S % 60);
}

static int on_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    struct heard *heard = (struct heard *)sink;
    (void)err;
    heard->output[call->id[1] - '0'] = call->tokens.output;
    heard->is_partial[call->id[1] - '0'] = call->is_partial;
    say(heard, "call %s agent '%s' task '%s' tools '%s' %d-%d\n", call->id, call->agent, call->task,
        call->tools, second_of(call->start_ns), second_of(call->end_ns));
    return 0;
}

static int on_tool(struct agent_sink *sink, const struct tool_call *call, struct err *err)
{
    (void)err;
    say((struct heard *)sink, "tool %s %s '%s' -> '%s' %d-%d\n", call->id, call->name, call->text,
        call->child_agent, second_of(call->start_ns), second_of(call->end_ns));
    return 0;
}

static int on_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    (void)err;
    say((struct heard *)sink, "agent '%s' %s '%s' by %s\n", facts->agent, facts->kind, facts->title,
        facts->spawn_id);
    return 0;
}

static int on_wait(struct agent_sink *sink, const struct agent_wait *wait, struct err *err)
{
    static const char *const reasons[] = {"human", "rate limit", "retry", "agent"};
    (void)err;
    say((struct heard *)sink, "wait %s %d-%d\n", reasons[wait->reason], second_of(wait->start_ns),
        second_of(wait->end_ns));
    return 0;
}

struct folder {
    char path[64], main[128], agent[160];
};

static void put(const char *path, const char *text)
{
    struct err err;
    assert_int_equal(fs_replace(path, text, strlen(text), 0600, &err), 0);
}

static void folder_make(struct folder *folder)
{
    char below[160];
    snprintf(folder->path, sizeof folder->path, "/tmp/toll-claude-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->main, sizeof folder->main, "%s/s1.jsonl", folder->path);
    snprintf(below, sizeof below, "%s/s1", folder->path);
    assert_int_equal(mkdir(below, 0700), 0);
    snprintf(below, sizeof below, "%s/s1/subagents", folder->path);
    assert_int_equal(mkdir(below, 0700), 0);
    snprintf(folder->agent, sizeof folder->agent, "%s/s1/subagents/agent-a1.jsonl", folder->path);
}

static void folder_remove(const struct folder *folder)
{
    char below[160];
    unlink(folder->main);
    unlink(folder->agent);
    snprintf(below, sizeof below, "%s/s1/subagents", folder->path);
    rmdir(below);
    snprintf(below, sizeof below, "%s/s1", folder->path);
    rmdir(below);
    assert_int_equal(rmdir(folder->path), 0);
}

static void hear(const char *path, bool calls_only, struct heard *heard)
{
    struct err err;
    struct source_request request = {.path = path, .calls_only = calls_only};
    heard->sink =
        (struct agent_sink){.llm_call = on_call, .tool_call = on_tool, .agent = on_agent, .wait = on_wait};
    assert_int_equal(claude_source.read(&request, &heard->sink, &err), 0);
}

static void a_conversation_is_told_whole(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct folder folder;
    folder_make(&folder);
    put(folder.main, main_file);
    hear(folder.main, false, &heard);
    assert_string_equal(heard.text, "wait human 12-40\n"
                                    "wait rate limit 41-43\n"
                                    "agent ''  '' by \n"
                                    "agent 'a1' Explore 'read all' by t1\n"
                                    "call m1 agent '' task '' tools 'Task' 0-4\n"
                                    "call m2 agent '' task '' tools '' 9-12\n"
                                    "tool t1 Task 'read' -> 'a1' 4-9\n");
    folder_remove(&folder);
}

static void an_agent_s_last_answer_is_settled_by_its_result(void **state)
{
    (void)state;
    struct heard agent = {0}, both = {0};
    struct folder folder;
    folder_make(&folder);
    put(folder.main, main_file);
    put(folder.agent, agent_file);
    hear(folder.agent, true, &agent);
    assert_int_equal(agent.output[3], 1);
    assert_true(agent.is_partial[3]);
    assert_string_equal(agent.text, "agent 'a1'  '' by \ncall m3 agent 'a1' task 'read' tools '' 8-8\n");
    hear(folder.main, true, &both);
    assert_int_equal(both.output[3], 400);
    assert_false(both.is_partial[3]);
    assert_int_equal(both.output[1], 60);
    folder_remove(&folder);
}

static void a_later_read_begins_before_what_may_go_on(void **state)
{
    (void)state;
    struct err err;
    struct heard heard = {0};
    struct folder folder;
    struct source_position resume = {0};
    folder_make(&folder);
    /* Up to the tool's call: its result, and more of the same answer, may come. */
    const char *third = strstr(main_file, "found");
    while (third[-1] != '\n')
        third--;
    char *text = strndup(main_file, (size_t)(third - main_file));
    assert_non_null(text);
    put(folder.main, text);
    free(text);
    struct source_request request = {.path = folder.main, .calls_only = true, .ret_resume = &resume};
    heard.sink.llm_call = on_call;
    assert_int_equal(claude_source.read(&request, &heard.sink, &err), 0);
    assert_int_equal(resume.line, 2);
    assert_memory_equal(main_file + resume.offset, "{\"type\":\"assistant\"", 19);
    folder_remove(&folder);
}

int claude_code_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_told_whole),
        cmocka_unit_test(an_agent_s_last_answer_is_settled_by_its_result),
        cmocka_unit_test(a_later_read_begins_before_what_may_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
