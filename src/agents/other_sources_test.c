/* SPDX-License-Identifier: Apache-2.0 */
/* Codex, Gemini, OpenCode, Langfuse and LangSmith: the traps of each format, with totals that were computed by hand (tests/data/agents). */
#include "agents/source.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/fs.h"

int other_sources_test(void);

struct heard {
    struct agent_sink sink;
    struct tokens tokens;
    size_t calls, wrong, errors;
    double cost_usd;
    char text[4096];
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

/* Seconds of the hour. */
static int second_of(int64_t ns)
{
    return (int)(ns / (int64_t)NS_PER_S % 3600);
}

static int on_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    struct heard *heard = (struct heard *)sink;
    (void)err;
    heard->calls++;
    heard->errors += call->is_error;
    heard->tokens.input += call->tokens.input;
    heard->tokens.output += call->tokens.output;
    heard->tokens.cache_read += call->tokens.cache_read;
    heard->tokens.cache_write_5m += call->tokens.cache_write_5m;
    heard->tokens.cache_write_1h += call->tokens.cache_write_1h;
    heard->tokens.reasoning += call->tokens.reasoning;
    heard->cost_usd += isnan(call->cost_usd) ? 0 : call->cost_usd;
    say(heard, "call %s/%s '%s' %s %d-%d\n", call->session, call->agent, call->task, call->model,
        second_of(call->start_ns), second_of(call->end_ns));
    return 0;
}

static int on_tool(struct agent_sink *sink, const struct tool_call *call, struct err *err)
{
    (void)err;
    say((struct heard *)sink, "tool %s/%s %s %d-%d %llu bytes\n", call->session, call->agent, call->name,
        second_of(call->start_ns), second_of(call->end_ns), (unsigned long long)call->result_bytes);
    return 0;
}

static int on_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    (void)err;
    say((struct heard *)sink, "agent %s/%s by '%s' %s\n", facts->session, facts->agent, facts->parent,
        facts->kind);
    return 0;
}

static int on_wait(struct agent_sink *sink, const struct agent_wait *wait, struct err *err)
{
    (void)err;
    say((struct heard *)sink, "wait %d %d-%d\n", wait->reason, second_of(wait->start_ns),
        second_of(wait->end_ns));
    return 0;
}

static int on_malformed(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                        struct err *err)
{
    struct heard *heard = (struct heard *)sink;
    (void)file, (void)why, (void)err;
    heard->wrong = heard->wrong * 100 + line;
    return 0;
}

static struct heard listen(const char *source_name, const char *below, bool calls_only)
{
    struct heard heard = {.sink = {.llm_call = on_call,
                                   .tool_call = on_tool,
                                   .agent = on_agent,
                                   .wait = on_wait,
                                   .malformed = on_malformed}};
    const struct agent_source *source = source_find(source_name), *probed = NULL;
    struct str path = {0};
    struct err err = {0};
    assert_non_null(source);
    if (*below == '/')
        str_append(&path, below);
    else
        str_printf(&path, "%s/%s", getenv("TOLL_AGENTS_DATA"), below);
    assert_int_equal(source_probe(str_text(&path), &probed, &err), 0);
    assert_ptr_equal(probed, source);
    struct source_request request = {.path = str_text(&path), .calls_only = calls_only};
    if (source->read(&request, &heard.sink, &err))
        fail_msg("%s", err.what);
    str_free(&path);
    return heard;
}

static void assert_tokens(const struct heard *heard, struct tokens expected)
{
    assert_int_equal(heard->tokens.input, expected.input);
    assert_int_equal(heard->tokens.output, expected.output);
    assert_int_equal(heard->tokens.cache_read, expected.cache_read);
    assert_int_equal(heard->tokens.cache_write_5m, expected.cache_write_5m);
    assert_int_equal(heard->tokens.cache_write_1h, expected.cache_write_1h);
    assert_int_equal(heard->tokens.reasoning, expected.reasoning);
}

#define ROLLOUT "codex/sessions/2026/11/20/rollout-2026-11-20T"

static void codex_counts_how_far_the_total_went(void **state)
{
    (void)state;
    struct heard heard = listen("codex", ROLLOUT "10-00-00-parent.jsonl", false);
    /* 1000/100, told twice; then 2000 of which 800 were cached/150; then the counters began anew: 500 of which 400/50. */
    assert_tokens(&heard, (struct tokens){.input = 2300, .output = 300, .cache_read = 1200, .reasoning = 70});
    assert_int_equal(heard.calls, 3);
    assert_int_equal(heard.wrong, 11);
    assert_string_equal(heard.text, "call parent/ 'count the orders' gpt-5.5 0-10\n"
                                    "tool parent/ shell 9-12 4 bytes\n"
                                    "call parent/ 'count the orders' gpt-5.5 12-20\n"
                                    "wait 0 22-50\n"
                                    "call parent/ 'and the customers' gpt-5.5 50-60\n");
    struct heard calls = listen("codex", ROLLOUT "10-00-00-parent.jsonl", true);
    assert_tokens(&calls, heard.tokens);
}

static void a_fork_does_not_count_its_parent_s_history(void **state)
{
    (void)state;
    struct heard heard = listen("codex", ROLLOUT "10-05-00-fork.jsonl", false);
    assert_tokens(&heard, (struct tokens){.input = 500, .output = 70, .cache_read = 500, .reasoning = 20});
    assert_string_equal(heard.text, "call fork/ 'try it another way' gpt-5.5 360-370\n");
    /* The parent's file is gone: a turn that began before the session did is not the session's. */
    heard = listen("codex", ROLLOUT "10-10-00-orphan.jsonl", false);
    assert_tokens(&heard, (struct tokens){.input = 500, .output = 100, .cache_read = 500});
    assert_int_equal(heard.calls, 1);
}

static void an_agent_of_codex_belongs_to_its_parent_s_session(void **state)
{
    (void)state;
    struct heard heard = listen("codex", ROLLOUT "10-00-12-child.jsonl", false);
    assert_tokens(&heard, (struct tokens){.input = 200, .output = 20, .reasoning = 5});
    assert_string_equal(heard.text, "agent parent/child by '' explorer\n"
                                    "call parent/child '' gpt-5.5 18-18\n");
}

static void gemini_takes_the_last_telling_and_sees_what_is_within_what(void **state)
{
    (void)state;
    struct heard heard = listen("gemini", "gemini/tmp/shop/chats/session-one.jsonl", false);
    /* m1 800 + 200 cached / 60 + 30; m2 500 + 70 of tools + 1500 cached / 100 + 40; m3 450 / 50, its thoughts within. */
    assert_tokens(&heard, (struct tokens){.input = 1820, .output = 280, .cache_read = 1700, .reasoning = 90});
    assert_int_equal(heard.calls, 3);
    assert_int_equal(heard.wrong, 7);
    assert_string_equal(heard.text, "call g1/ 'find the slow query' gemini-3-pro-preview 0-5\n"
                                    "tool g1/ run_shell_command 5-7 4 bytes\n"
                                    "call g1/ 'find the slow query' gemini-3-pro-preview 7-12\n"
                                    "wait 0 12-60\n"
                                    "call g1/ 'thanks, and now?' gemini-3-pro-preview 60-64\n");
    heard = listen("gemini", "gemini/tmp/shop/chats/session-two.json", false);
    assert_tokens(&heard, (struct tokens){.input = 200, .output = 30, .cache_read = 100});
    heard = listen("gemini", "gemini/tmp/shop/chats/g1/sub.jsonl", false);
    assert_string_equal(heard.text, "agent g1/sub by '' \ncall g1/sub '' gemini-3-pro-preview 6-6\n");
}

static void opencode_reads_messages_of_files(void **state)
{
    (void)state;
    struct heard heard = listen("opencode", "opencode/storage/message/ses_1/msg_1.json", false);
    /* The total is the sum of all five: reasoning stands beside output, the cache beside input. */
    assert_tokens(&heard,
                  (struct tokens){
                      .input = 100, .output = 25, .cache_read = 1000, .cache_write_5m = 50, .reasoning = 5});
    assert_true(fabs(heard.cost_usd - 0.01) < 1e-12);
    assert_int_equal(heard.calls, 1);
}

static const char database_text[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, title TEXT, directory TEXT);"
    "CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, data TEXT);"
    "CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, data TEXT);"
    "INSERT INTO session VALUES ('ses_1', NULL, 'the orders', '/srv/shop'), ('ses_2', 'ses_1', 'count', "
    "'/srv/shop');"
    "INSERT INTO message VALUES ('msg_0', 'ses_1', 1, '{\"role\":\"user\"}'),"
    " ('msg_1', 'ses_1', 2, "
    "'{\"role\":\"assistant\",\"modelID\":\"claude-sonnet-4-5\",\"providerID\":\"anthropic\","
    "\"time\":{\"created\":1795165203000,\"completed\":1795165209000},\"tokens\":{\"input\":100,\"output\":"
    "20,"
    "\"reasoning\":5,\"cache\":{\"read\":1000,\"write\":50},\"total\":1175}}'),"
    " ('msg_2', 'ses_2', 3, '{\"role\":\"assistant\",\"modelID\":\"gpt-5.5\",\"providerID\":\"openai\","
    "\"time\":{\"created\":1795165204000},\"tokens\":{\"input\":10,\"output\":8,\"reasoning\":3,\"cache\":{"
    "\"read\":"
    "0,\"write\":0}}}'),"
    " ('msg_3', 'ses_2', 4, 'not JSON');"
    "INSERT INTO part VALUES ('p1', 'msg_1', 'ses_1', "
    "'{\"type\":\"tool\",\"tool\":\"bash\",\"callID\":\"c1\","
    "\"state\":{\"status\":\"completed\",\"output\":\"abc\",\"time\":{\"start\":1795165205000,\"end\":"
    "1795165206000}}}');";

static void opencode_reads_its_database_and_leaves_it_as_it_is(void **state)
{
    (void)state;
    char folder[] = "/tmp/toll-opencode-XXXXXX", path[64], command[80];
    sqlite3 *database = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/opencode.db", folder);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, database_text, NULL, NULL, NULL), SQLITE_OK);
    /* The writer has it open: what it wrote is in the log beside it. */
    struct heard heard = listen("opencode", path, false);
    sqlite3_close(database);
    assert_tokens(&heard,
                  (struct tokens){
                      .input = 110, .output = 33, .cache_read = 1000, .cache_write_5m = 50, .reasoning = 8});
    assert_int_equal(heard.wrong, 4); /* the row */
    assert_string_equal(heard.text, "agent ses_1/ses_2 by '' \n"
                                    "call ses_1/ 'the orders' claude-sonnet-4-5 3-9\n"
                                    "call ses_1/ses_2 'count' gpt-5.5 4-4\n"
                                    "tool ses_1/ bash 5-6 3 bytes\n");
    assert_int_equal(chmod(path, 0400), 0);
    heard = listen("opencode", path, true);
    assert_int_equal(heard.calls, 2);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a folder of this test */
}

static void langfuse_kinds_beside_or_within_input_are_told_apart(void **state)
{
    (void)state;
    struct heard heard = listen("langfuse", "langfuse/observations.csv", false);
    /* g1: 100 + 1000 read + 20 written / 50 + 10 of reasoning; g2: 1100 with 1000 cached / 60. The span repeats both. */
    assert_tokens(
        &heard, (struct tokens){
                    .input = 200, .output = 120, .cache_read = 2000, .cache_write_5m = 20, .reasoning = 10});
    assert_true(fabs(heard.cost_usd - 0.5) < 1e-12);
    assert_int_equal(heard.wrong, 0);
    assert_string_equal(heard.text, "agent ses/a1 by '' planner\n"
                                    "call ses/a1 'plan, \"first\"' claude-sonnet-4-5 1-5\n"
                                    "call ses/a1 'write' gpt-5.5 6-8\n"
                                    "tool ses/a1 search 5-5 0 bytes\n");
    heard = listen("langfuse", "langfuse/observations.json", false);
    /* The write of h2 is told whole and by its kinds. */
    assert_tokens(&heard,
                  (struct tokens){.input = 12, .output = 7, .cache_write_5m = 100, .cache_write_1h = 200});
}

static void langsmith_counts_calls_and_not_what_is_around_them(void **state)
{
    (void)state;
    struct heard heard = listen("langsmith", "langsmith/runs.jsonl", false);
    assert_tokens(&heard,
                  (struct tokens){
                      .input = 800, .output = 75, .cache_read = 600, .cache_write_5m = 100, .reasoning = 20});
    assert_int_equal(heard.calls, 3);
    assert_int_equal(heard.errors, 1);
    assert_int_equal(heard.wrong, 6);
    assert_string_equal(heard.text, "agent th1/root by '' assistant\n"
                                    "call th1/root 'ChatAnthropic' claude-sonnet-4-5-20250929 1-5\n"
                                    "call th1/root 'ChatOpenAI' gpt-5.5 10-12\n"
                                    "call th1/root 'ChatOpenAI' gpt-5.5 13-13\n"
                                    "tool th1/root search 6-9 7 bytes\n");
}

int other_sources_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codex_counts_how_far_the_total_went),
        cmocka_unit_test(a_fork_does_not_count_its_parent_s_history),
        cmocka_unit_test(an_agent_of_codex_belongs_to_its_parent_s_session),
        cmocka_unit_test(gemini_takes_the_last_telling_and_sees_what_is_within_what),
        cmocka_unit_test(opencode_reads_messages_of_files),
        cmocka_unit_test(opencode_reads_its_database_and_leaves_it_as_it_is),
        cmocka_unit_test(langfuse_kinds_beside_or_within_input_are_told_apart),
        cmocka_unit_test(langsmith_counts_calls_and_not_what_is_around_them),
    };
    return cmocka_run_group_tests_name("other_sources", tests, NULL, NULL);
}
