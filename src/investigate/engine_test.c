/* SPDX-License-Identifier: Apache-2.0 */
/* Investigators of every bad kind, beside a good one: the good one's word comes, the others' failures are told. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "investigate/engine.h"

int engine_test(void);

#define LONG_NS   (60 * NS_PER_S)
#define SHORT_NS  (1 * NS_PER_S)
#define MEGABYTE  ((size_t)1 << 20)
#define MEMORY    (128 * MEGABYTE)
#define TAKEN_MAX 4096

/* --- investigators --- */

static int say_one(const struct question *question, struct answers *answers, struct err *err)
{
    struct claim claim = {.id = "1", .finding = {.cause = "cpu-hot", .title = "it is hot"}};
    (void)question;
    answers_claim(answers, &claim);
    return answers_status(answers, err);
}

static int support_all(const struct question *question, struct answers *answers, struct err *err)
{
    for (size_t i = 0; i < question->claim_count; i++) {
        char name[200];
        snprintf(name, sizeof name, "%s/%s", question->claims[i].investigator, question->claims[i].id);
        struct vote vote = {.claim = name, .stance = STANCE_SUPPORT, .why = "so it is"};
        answers_vote(answers, &vote);
    }
    struct vote own = {.claim = "good/1", .stance = STANCE_CONTRADICT}, none = {.claim = "nobody/1"};
    answers_vote(answers, &own);
    answers_vote(answers, &none);
    return answers_status(answers, err);
}

static int crash(const struct question *question, struct answers *answers, struct err *err)
{
    (void)say_one(question, answers, err);
    kill(getpid(), SIGKILL);
    return 0;
}

static int hang(const struct question *question, struct answers *answers, struct err *err)
{
    (void)question;
    (void)err;
    answers_progress(answers, "waiting for nothing", 0.5);
    for (;;)
        pause();
    return 0;
}

/* Takes no more than a fixed number, so that a limit that does not hold ends in a failed test and not in a dead machine. */
static int eat(const struct question *question, struct answers *answers, struct err *err)
{
    (void)question;
    (void)answers;
    for (size_t i = 0; i < TAKEN_MAX; i++) {
        char *bytes = malloc(MEGABYTE);
        if (!bytes)
            return err_memory(err);
        memset(bytes, (int)i, MEGABYTE);
        __asm__ volatile("" : : "r"(bytes) : "memory"); /* or clang takes none of it */
    }
    return 0;
}

static int babble(const struct question *question, struct answers *answers, struct err *err)
{
    (void)question;
    return fs_write_all(answers->fd, "I think that it is slow.\n", 25, err);
}

static int refuse(const struct question *question, struct answers *answers, struct err *err)
{
    (void)question;
    (void)answers;
    return err_set(err, ERR_ENVIRONMENT, "could not look: it is dark");
}

static int count_others(const struct question *question, struct answers *answers, struct err *err)
{
    answers_note(answers, "%zu claims of others", question->claim_count);
    return answers_status(answers, err);
}

static const struct investigator good = {.name = "good", .claims = say_one, .votes = support_all};
static const struct investigator mute = {.name = "mute", .claims = say_one};
static const struct investigator crashes = {.name = "crashes", .claims = crash};
static const struct investigator hangs = {.name = "hangs", .claims = hang};
static const struct investigator eats = {.name = "eats", .claims = eat};
static const struct investigator babbles = {.name = "babbles", .claims = babble};
static const struct investigator refuses = {.name = "refuses", .claims = refuse};
static const struct investigator silent_voter = {.name = "silent-voter", .claims = say_one, .votes = hang};
static const struct investigator reader = {
    .name = "reader", .flags = INVESTIGATOR_READS_OTHERS, .claims = count_others};

/* --- asking them --- */

struct asked {
    char folder[64];
    struct arena arena;
    struct statement *statements;
    struct err err;
};

static int ask_with(struct asked *asked, const struct engine_job *jobs, size_t count, uint64_t each_ns)
{
    struct question question = {.recording = "/none.toll", .arena = &asked->arena};
    struct engine_options options = {.jobs = jobs,
                                     .job_count = count,
                                     .question = &question,
                                     .report = "/none.json",
                                     .evidence = asked->folder,
                                     .deadline_ns = LONG_NS,
                                     .deadline_each_ns = each_ns,
                                     .memory_bytes = MEMORY};
    return engine_run(&options, &asked->statements, &asked->err);
}

static void ask(struct asked *asked, const struct engine_job *jobs, size_t count, uint64_t each_ns)
{
    *asked = (struct asked){.folder = "/tmp/toll-engine.XXXXXX"};
    assert_non_null(mkdtemp(asked->folder));
    if (ask_with(asked, jobs, count, each_ns))
        fail_msg("%s", asked->err.what);
}

static void forget(struct asked *asked)
{
    char command[100];
    arena_free(&asked->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", asked->folder);
    assert_int_equal(system(command), 0); /* NOLINT: a fixed command, of a test */
}

static void failed_with(const struct statement *statement, const char *words)
{
    if (statement->outcome != STATEMENT_DID_NOT_FINISH)
        fail_msg("%s finished", statement->investigator);
    if (!strstr(statement->why_not, words))
        fail_msg("%s: '%s' does not say '%s'", statement->investigator, statement->why_not, words);
}

static void good_ones_are_heard_beside_bad_ones(void **state)
{
    (void)state;
    const struct engine_job jobs[] = {
        {.name = "good", .builtin = &good},
        {.name = "crashes", .builtin = &crashes},
        {.name = "hangs", .builtin = &hangs},
        {.name = "babbles", .builtin = &babbles},
        {.name = "refuses", .builtin = &refuses},
        {.name = "mute", .builtin = &mute},
        {.name = "reader", .builtin = &reader, .flags = INVESTIGATOR_READS_OTHERS},
    };
    struct asked asked;
    ask(&asked, jobs, sizeof jobs / sizeof jobs[0], SHORT_NS);
    const struct statement *said = asked.statements;
    assert_int_equal(said[0].outcome, STATEMENT_FINISHED);
    assert_int_equal(said[0].claim_count, 1);
    failed_with(&said[1], "was ended by signal 9 (SIGKILL)");
    failed_with(&said[2], "took longer than the 1");
    failed_with(&said[3], "talked nonsense: line 1 of its answers");
    failed_with(&said[4], "could not look: it is dark");
    assert_int_equal(said[5].outcome, STATEMENT_FINISHED);
    /* Of who crashed the claim is kept, and not passed on: the reader hears of the good and of the mute one. */
    assert_int_equal(said[1].claim_count, 1);
    assert_string_equal(said[6].notes[0], "2 claims of others");
    /* Votes on one's own claims, and on claims that nobody made, are none. */
    assert_true(said[0].has_voted);
    assert_int_equal(said[0].vote_count, 1);
    assert_string_equal(said[0].votes[0].claim, "mute/1");
    assert_true(said[5].has_voted); /* neutral to all */
    forget(&asked);
}

static void who_uses_too_much_memory_ran_out(void **state)
{
    (void)state;
    const struct engine_job jobs[] = {{.name = "good", .builtin = &good}, {.name = "eats", .builtin = &eats}};
    struct asked asked;
    ask(&asked, jobs, 2, 0);
    assert_int_equal(asked.statements[0].outcome, STATEMENT_FINISHED);
    failed_with(&asked.statements[1], "ran out of memory");
    forget(&asked);
}

static void who_fails_to_vote_has_claimed_all_the_same(void **state)
{
    (void)state;
    const struct engine_job jobs[] = {{.name = "good", .builtin = &good},
                                      {.name = "silent-voter", .builtin = &silent_voter}};
    struct asked asked;
    ask(&asked, jobs, 2, SHORT_NS);
    assert_int_equal(asked.statements[1].outcome, STATEMENT_FINISHED);
    assert_int_equal(asked.statements[1].claim_count, 1);
    assert_false(asked.statements[1].has_voted);
    assert_non_null(strstr(asked.statements[1].why_no_votes, "took longer"));
    forget(&asked);
}

static void a_program_is_asked_as_well(void **state)
{
    (void)state;
    const struct engine_job jobs[] = {
        {.name = "shell",
         .command = "read -r line; case $line in *'\"round\":\"claims\"'*) echo "
                    "'{\"claim\":{\"id\":\"1\",\"cause\":\"config\",\"title\":"
                    "\"a\"}}';; *) echo '{\"vote\":{\"claim\":\"good/1\",\"stance\":\"support\"}}';; esac; "
                    "echo talk >&2"},
        {.name = "good", .builtin = &good},
        {.name = "absent", .command = "/no/such/program"},
        {.name = "wordless", .command = "true"},
        {.name = "angry", .command = "echo 'it broke' >&2; exit 7"},
    };
    struct asked asked;
    ask(&asked, jobs, sizeof jobs / sizeof jobs[0], 0);
    const struct statement *said = asked.statements;
    assert_int_equal(said[0].outcome, STATEMENT_FINISHED);
    assert_int_equal(said[0].claim_count, 1);
    assert_int_equal(said[0].vote_count, 1);
    assert_int_equal(said[0].votes[0].stance, STANCE_SUPPORT);
    failed_with(&said[2], "could not be started");
    failed_with(&said[3], "ended without a word");
    failed_with(&said[4], "ended with status 7: it broke");
    char path[128], text[64];
    snprintf(path, sizeof path, "%s/shell/claims-stderr.txt", asked.folder);
    assert_int_equal(fs_read_small(path, text, sizeof text), 5);
    snprintf(path, sizeof path, "%s/shell/votes-answers.jsonl", asked.folder);
    assert_true(access(path, R_OK) == 0);
    forget(&asked);
}

/* The line leaves its session; its process writes its own number first, which is looked for afterwards. */
static void what_a_program_leaves_behind_is_ended(void **state)
{
    (void)state;
    struct engine_job job = {.name = "leaver",
                             .command =
                                 "setsid sh -c 'echo $$ > \"$0\"; exec sleep 600' \"$PWD/left\" & "
                                 "while [ ! -s left ]; do sleep 0.01; done; echo '{\"note\":\"gone\"}'"};
    struct asked asked = {.folder = "/tmp/toll-engine.XXXXXX"};
    char path[128], text[64];
    assert_non_null(mkdtemp(asked.folder));
    job.directory = asked.folder;
    assert_int_equal(ask_with(&asked, &job, 1, 0), 0);
    assert_int_equal(asked.statements[0].outcome, STATEMENT_FINISHED);
    snprintf(path, sizeof path, "%s/left", asked.folder);
    assert_true(fs_read_small(path, text, sizeof text) > 0);
    assert_int_equal(kill((pid_t)strtol(text, NULL, 10), 0), -1);
    forget(&asked);
}

/* --- who runs beside whom --- */

static int mark(const struct question *question, struct answers *answers, struct err *err)
{
    static char path[200];
    struct err ignored;
    snprintf(path, sizeof path, "%s/../../busy", question->scratch);
    if (access(path, F_OK) == 0)
        return err_set(err, ERR_BUG, "another one was running");
    if (fs_replace(path, "x", 1, 0600, &ignored))
        return err_set(err, ERR_BUG, "%s", ignored.what);
    clock_sleep_until(clock_monotonic_ns() + 50 * NS_PER_MS);
    unlink(path);
    answers_note(answers, "alone");
    return 0;
}

static void those_that_run_the_pipeline_are_alone(void **state)
{
    (void)state;
    static const struct investigator runs = {.name = "runs", .claims = mark};
    const struct engine_job jobs[] = {
        {.name = "a", .builtin = &runs, .flags = INVESTIGATOR_RUNS_PIPELINE},
        {.name = "b", .builtin = &runs, .flags = INVESTIGATOR_RUNS_PIPELINE},
        {.name = "c", .builtin = &runs, .flags = INVESTIGATOR_RUNS_PIPELINE},
    };
    struct asked asked = {.folder = "/tmp/toll-engine.XXXXXX"};
    assert_non_null(mkdtemp(asked.folder));
    /* Never looked into here: that there is one is what counts. */
    struct question question = {.recording = "/none.toll",
                                .file = (const struct pipeline_file *)(uintptr_t)asked.folder,
                                .arena = &asked.arena};
    struct engine_options options = {.jobs = jobs,
                                     .job_count = 3,
                                     .question = &question,
                                     .report = "/none.json",
                                     .evidence = asked.folder,
                                     .parallel_max = 8,
                                     .deadline_ns = LONG_NS};
    assert_int_equal(engine_run(&options, &asked.statements, &asked.err), 0);
    for (size_t i = 0; i < 3; i++)
        if (asked.statements[i].outcome != STATEMENT_FINISHED)
            fail_msg("%s", asked.statements[i].why_not);
    forget(&asked);
}

int engine_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_heard_beside_bad_ones),
        cmocka_unit_test(who_uses_too_much_memory_ran_out),
        cmocka_unit_test(who_fails_to_vote_has_claimed_all_the_same),
        cmocka_unit_test(a_program_is_asked_as_well),
        cmocka_unit_test(what_a_program_leaves_behind_is_ended),
        cmocka_unit_test(those_that_run_the_pipeline_are_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
