/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/budget_guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert_near.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "budget/budget_show.h"
#include "budget/family_stop.h"
#include "model/agent_names.h"

int budget_guard_test(void);

#define LINE                                                                                                 \
    "{\"type\":\"assistant\",\"sessionId\":\"s1\",\"message\":{\"id\":\"m%d\",\"model\":\"claude-opus-5\","  \
    "\"role\":\"assistant\",\"stop_reason\":\"end_turn\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}],"  \
    "\"usage\":{\"input_tokens\":1000,\"output_tokens\":10}},\"timestamp\":\"2099-01-01T00:00:00.000Z\"}\n"

struct place {
    char folder[64], file[96];
};

static struct place place_make(void)
{
    struct place place = {.folder = "/tmp/toll-budget-XXXXXX"};
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.file, sizeof place.file, "%s/s1.jsonl", place.folder);
    return place;
}

static void place_remove(const struct place *place)
{
    unlink(place->file);
    assert_int_equal(rmdir(place->folder), 0);
}

static void append_calls(const struct place *place, int from, int to)
{
    FILE *file = fopen(place->file, "a");
    assert_non_null(file);
    for (int i = from; i < to; i++)
        fprintf(file, LINE, i);
    assert_int_equal(fclose(file), 0);
}

static struct budget_guard *start(const struct place *place, struct budget_limits limits, pid_t root)
{
    static const char *folder;
    struct budget_guard *guard = NULL;
    struct err err = {0};
    folder = place->folder;
    struct budget_guard_options options = {
        .limits = limits,
        .prices = {.built_in_only = true},
        .watch = {.places = &folder, .place_count = 1, .source = source_find("claude")},
        .root = root,
        .with_root = true};
    if (budget_guard_start(&options, &guard, &err))
        fail_msg("%s", err.what);
    return guard;
}

/* A process that writes a call, starts a child that does not listen to SIGTERM, and goes on until it is stopped. */
static pid_t runaway(const struct place *place, pid_t *ret_child)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid) {
        close(ends[1]);
        assert_int_equal(read(ends[0], ret_child, sizeof *ret_child), sizeof *ret_child);
        close(ends[0]);
        return pid;
    }
    for (int i = 0;; i++) {
        if (i == 3) {
            pid_t child = fork();
            if (child == 0) {
                signal(SIGTERM, SIG_IGN);
                for (;;)
                    pause();
            }
            if (write(ends[1], &child, sizeof child) < 0)
                _exit(1);
        }
        append_calls(place, i, i + 1);
        usleep(10000);
    }
}

static void a_runaway_tree_is_stopped_when_its_budget_is_used_up(void **state)
{
    (void)state;
    struct place place = place_make();
    pid_t child, pid = runaway(&place, &child);
    struct budget_guard *guard = start(&place, (struct budget_limits){.tokens = 20000}, pid);
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFSIGNALED(how));
    struct budget_state end;
    budget_guard_finish(guard, &end);
    budget_guard_destroy(guard);
    assert_int_equal(end.exceeded, BUDGET_TOKENS);
    assert_true(end.is_stopped);
    assert_true(end.spent.tokens > 20000 && end.spent.call_count >= 20);
    /* Its child lost its parent, and was found all the same; whoever inherited it may not have waited for it. */
    char path[64], about[256], *name_end;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    if (fs_read_small(path, about, sizeof about) > 0 && (name_end = strrchr(about, ')')))
        assert_int_equal(name_end[2], 'Z');
    place_remove(&place);
}

static void a_last_look_sees_what_was_written_at_the_end(void **state)
{
    (void)state;
    struct place place = place_make();
    struct budget_guard *guard = start(&place, (struct budget_limits){.cost_usd = 0.05}, 0);
    append_calls(&place, 0, 10); /* 10 x (1000 x 5 + 10 x 25) / 1M = 0.0525 */
    struct budget_state end;
    budget_guard_finish(guard, &end);
    assert_int_equal(end.exceeded, BUDGET_COST);
    assert_near(end.spent.cost_usd, 0.0525, 1e-9);
    assert_false(end.is_stopped);
    struct str text = {0};
    budget_verdict(&end, &text);
    if (!strstr(str_text(&text), "the budget of $0.0500 is used up: $0.0525 in 10 calls"))
        fail_msg("%s", str_text(&text));
    str_free(&text);
    budget_guard_destroy(guard);
    place_remove(&place);
}

static int append_none(struct sink *sink, enum table_id table, const uint64_t *row, struct err *err)
{
    (void)sink, (void)table, (void)row, (void)err;
    return 0;
}

static int intern_some(struct sink *sink, const char *bytes, size_t length, uint64_t *ret_id, struct err *err)
{
    (void)sink, (void)err;
    *ret_id = length * 1000 + (unsigned char)bytes[0]; /* one id for each text used here */
    return 0;
}

static void usage_of_spans_counts_through_the_recording_s_sink(void **state)
{
    (void)state;
    struct place place = place_make();
    struct budget_guard *guard = start(&place, (struct budget_limits){.tokens = 1000}, 0);
    struct sink behind = {.append = append_none, .intern = intern_some};
    struct sink *sink = budget_guard_sink(guard, &behind);
    struct row_usage row = {.amount = num_bits(700)};
    struct err err = {0};
    assert_int_equal(sink_intern(sink, USAGE_INPUT, &row.kind, &err), 0);
    assert_int_equal(sink_intern(sink, "claude-opus-5", &row.model, &err), 0);
    assert_int_equal(sink_append(sink, usage, &row, &err), 0);
    assert_int_equal(sink_intern(sink, USAGE_OUTPUT, &row.kind, &err), 0);
    assert_int_equal(sink_append(sink, usage, &row, &err), 0);
    assert_int_equal(sink_intern(sink, "rows", &row.kind, &err), 0);
    assert_int_equal(sink_append(sink, usage, &row, &err), 0);
    struct budget_state end;
    budget_guard_finish(guard, &end);
    budget_guard_destroy(guard);
    assert_int_equal(end.spent.tokens, 1400);
    assert_int_equal(end.exceeded, BUDGET_TOKENS);
    assert_near(end.spent.cost_usd, 0.0035 + 0.0175, 1e-9);
    place_remove(&place);
}

int budget_guard_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_runaway_tree_is_stopped_when_its_budget_is_used_up),
        cmocka_unit_test(a_last_look_sees_what_was_written_at_the_end),
        cmocka_unit_test(usage_of_spans_counts_through_the_recording_s_sink),
    };
    return cmocka_run_group_tests_name("budget_guard", tests, NULL, NULL);
}
