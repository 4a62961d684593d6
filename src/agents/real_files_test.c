/* SPDX-License-Identifier: Apache-2.0 */
/* What the coding agents themselves wrote, talking to a stand-in for the model (tests/data/agents/real): the sums are those of that server. */
#include "agents/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/vec.h"

int real_files_test(void);

/* Each call once, by its id. */
struct sums {
    struct agent_sink sink;
    struct intern ids, texts;
    VEC(struct llm_call) calls;
    struct tokens tokens;
    uint64_t wrong, unlike;
    char agents[1024]; /* "kind of session", "tool>child" */
};

static const char *keep(struct sums *sums, const char *text)
{
    uint64_t id;
    assert_int_equal(intern_put(&sums->texts, text, strlen(text), &id, NULL), 0);
    return intern_text(&sums->texts, id);
}

static int on_call(struct agent_sink *sink, const struct llm_call *call, struct err *err)
{
    struct sums *sums = (struct sums *)sink;
    uint64_t id;
    bool is_new;
    (void)err;
    assert_true(*call->id);
    assert_int_equal(intern_put(&sums->ids, call->id, strlen(call->id), &id, &is_new), 0);
    if (!is_new) {
        llm_call_merge(&sums->calls.items[id - 1], call);
        return 0;
    }
    struct llm_call kept = *call;
    kept.project = keep(sums, call->project);
    assert_int_equal(vec_push(&sums->calls, kept), 0);
    return 0;
}

static int on_tool(struct agent_sink *sink, const struct tool_call *call, struct err *err)
{
    struct sums *sums = (struct sums *)sink;
    size_t length = strlen(sums->agents);
    (void)err;
    if (*call->child_agent)
        snprintf(sums->agents + length, sizeof sums->agents - length, "%s>%.8s ", call->name,
                 call->child_agent);
    return 0;
}

static int on_agent(struct agent_sink *sink, const struct agent_facts *facts, struct err *err)
{
    struct sums *sums = (struct sums *)sink;
    size_t length = strlen(sums->agents);
    (void)err;
    if (*facts->kind && *facts->agent)
        snprintf(sums->agents + length, sizeof sums->agents - length, "%s=%.8s ", facts->kind, facts->agent);
    return 0;
}

static int on_malformed(struct agent_sink *sink, const char *file, uint64_t line, const char *why,
                        struct err *err)
{
    (void)file, (void)line, (void)why, (void)err;
    ((struct sums *)sink)->wrong++;
    return 0;
}

static struct sums read_place(const char *name, const char *place)
{
    struct sums sums = {
        .sink = {.llm_call = on_call, .tool_call = on_tool, .agent = on_agent, .malformed = on_malformed}};
    const struct agent_source *source = source_find(name);
    struct source_files files = {0};
    uint64_t unreadable = 0;
    struct err err = {0};
    assert_int_equal(source_list(source, place, &files, &unreadable, &err), 0);
    assert_true(files.items.count > 0);
    for (size_t i = 0; i < files.items.count; i++) {
        struct source_request request = {.path = files.items.items[i].path};
        if (source->read(&request, &sums.sink, &err))
            fail_msg("%s", err.what);
    }
    source_files_free(&files);
    for (size_t i = 0; i < sums.calls.count; i++) {
        const struct llm_call *call = &sums.calls.items[i];
        sums.tokens.input += call->tokens.input;
        sums.tokens.output += call->tokens.output;
        sums.tokens.cache_read += call->tokens.cache_read;
        sums.tokens.cache_write_5m += call->tokens.cache_write_5m;
        sums.tokens.cache_write_1h += call->tokens.cache_write_1h;
        sums.tokens.reasoning += call->tokens.reasoning;
        sums.unlike += strcmp(call->project, "/srv/shop") != 0 || call->is_partial;
    }
    return sums;
}

static struct sums read_real(const char *name)
{
    struct str place = {0};
    str_printf(&place, "%s/real/%s", getenv("TOLL_AGENTS_DATA"), name);
    struct sums sums = read_place(name, str_text(&place));
    str_free(&place);
    return sums;
}

static void assert_sums(struct sums *sums, size_t calls, struct tokens expected)
{
    assert_int_equal(sums->calls.count, calls);
    assert_int_equal(sums->tokens.input, expected.input);
    assert_int_equal(sums->tokens.output, expected.output);
    assert_int_equal(sums->tokens.cache_read, expected.cache_read);
    assert_int_equal(sums->tokens.cache_write_5m, expected.cache_write_5m);
    assert_int_equal(sums->tokens.cache_write_1h, expected.cache_write_1h);
    assert_int_equal(sums->tokens.reasoning, expected.reasoning);
    assert_int_equal(sums->wrong, 0);
    assert_int_equal(sums->unlike, 0);
}

static void sums_free(struct sums *sums)
{
    intern_free(&sums->ids);
    intern_free(&sums->texts);
    vec_free(&sums->calls);
}

static void claude_code_wrote_what_the_server_said(void **state)
{
    (void)state;
    struct sums sums = read_real("claude");
    assert_sums(&sums, 13,
                (struct tokens){.input = 1349,
                                .output = 569,
                                .cache_read = 39049,
                                .cache_write_5m = 6500,
                                .cache_write_1h = 19549});
    assert_non_null(strstr(sums.agents, "general-purpose=a8dd68be"));
    assert_non_null(strstr(sums.agents, "Agent>a8dd68be"));
    sums_free(&sums);
}

static void codex_wrote_what_the_server_said(void **state)
{
    (void)state;
    struct sums sums = read_real("codex");
    assert_sums(
        &sums, 8,
        (struct tokens){
            .input = 15694, .output = 536, .cache_read = 24056, .cache_write_5m = 306, .reasoning = 216});
    assert_non_null(strstr(sums.agents, "looker=01a21a67"));
    assert_non_null(strstr(sums.agents, "spawn_agent>01a21a67"));
    sums_free(&sums);
}

static void a_codex_call_ends_when_its_answer_does_not_after_its_tools(void **state)
{
    (void)state;
    struct sums sums = read_real("codex");
    for (size_t i = 0; i < sums.calls.count; i++) {
        const struct llm_call *call = &sums.calls.items[i];
        /* The server took some 60 to 120 ms for each; the token_count behind a tool would make it one. */
        assert_true(call->end_ns - call->start_ns > 30000000);
    }
    sums_free(&sums);
}

static void gemini_cli_wrote_what_the_server_said(void **state)
{
    (void)state;
    struct sums sums = read_real("gemini");
    assert_sums(&sums, 5,
                (struct tokens){.input = 20000, .output = 344, .cache_read = 10072, .reasoning = 122});
    assert_non_null(strstr(sums.agents, "codebase_investigator=11af5b9f"));
    sums_free(&sums);
}

/* The server answered 8 times: OpenCode keeps nothing of the two that gave a session its title. */
static void opencode_wrote_what_the_server_said_of_its_messages(void **state)
{
    (void)state;
    struct str sql = {0}, path = {0};
    struct err err = {0};
    sqlite3 *database = NULL;
    char folder[] = "/tmp/toll-real-XXXXXX";
    assert_non_null(mkdtemp(folder));
    str_printf(&path, "%s/real/opencode/opencode.sql", getenv("TOLL_AGENTS_DATA"));
    assert_int_equal(fs_read(str_text(&path), 1 << 20, &sql, &err), 0);
    str_clear(&path);
    str_printf(&path, "%s/opencode.db", folder);
    assert_int_equal(sqlite3_open(str_text(&path), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, str_text(&sql), NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    struct sums sums = read_place("opencode", folder);
    assert_sums(&sums, 6,
                (struct tokens){.input = 18000, .output = 379, .cache_read = 6079, .reasoning = 139});
    assert_non_null(strstr(sums.agents, "general=ses_de59"));
    assert_int_equal(unlink(str_text(&path)), 0);
    assert_int_equal(rmdir(folder), 0);
    sums_free(&sums);
    str_free(&sql);
    str_free(&path);
}

int real_files_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claude_code_wrote_what_the_server_said),
        cmocka_unit_test(codex_wrote_what_the_server_said),
        cmocka_unit_test(a_codex_call_ends_when_its_answer_does_not_after_its_tools),
        cmocka_unit_test(gemini_cli_wrote_what_the_server_said),
        cmocka_unit_test(opencode_wrote_what_the_server_said_of_its_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
