/* SPDX-License-Identifier: Apache-2.0 */
/* preload_test: the library in a real program: that nothing of it shows, and what it tells. */
#include "preload/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

int preload_test(void);

#define WORD_COUNT   32768u
#define OUTPUT_BYTES 16384

struct session {
    char folder[64];
    int fd; /* of its file */
};

static const char *needed(const char *name)
{
    const char *value = getenv(name);

    if (!value)
        fail_msg("%s is not set", name);
    return value;
}

/* As the recorder makes it, but that nobody reads. */
static void session_make(struct session *session)
{
    struct calls_session file = {.magic = CALLS_MAGIC,
                                 .version = CALLS_VERSION,
                                 .clock = WIRE_CLOCK_MONOTONIC,
                                 .sample_ns = 1000000,
                                 .ticks_per_us = 1000,
                                 .word_count = WORD_COUNT,
                                 .alive = UINT64_MAX / 2};
    char path[96];

    snprintf(session->folder, sizeof session->folder, "/tmp/toll-preload-test-XXXXXX");
    assert_non_null(mkdtemp(session->folder));
    snprintf(path, sizeof path, "%s/" CALLS_FILE, session->folder);
    session->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(session->fd >= 0);
    assert_int_equal(ftruncate(session->fd, CALLS_FILE_BYTES), 0);
    assert_int_equal(pwrite(session->fd, &file, sizeof file, 0), (ssize_t)sizeof file);
}

static void session_remove(struct session *session)
{
    char command[128];

    close(session->fd);
    snprintf(command, sizeof command, "rm -r %s", session->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own folder */
}

/* Runs a shell command; returns its exit status. */
static int output_of(const char *command, char *ret_text, size_t capacity)
{
    FILE *stream = popen(command, "r"); /* NOLINT(cert-env33-c): the test's own command */

    assert_non_null(stream);
    size_t length = fread(ret_text, 1, capacity - 1, stream);
    ret_text[length] = '\0';
    return WEXITSTATUS(pclose(stream));
}

static int run_with(const struct session *session, const char *command, char *ret_text)
{
    char line[1024];

    snprintf(line, sizeof line, "TOLL_SESSION=%s LD_PRELOAD=%s %s 2>&1", session->folder,
             needed("TOLL_PRELOAD"), command);
    return output_of(line, ret_text, OUTPUT_BYTES);
}

static void a_program_does_the_same_with_the_library(void **state)
{
    static char alone[OUTPUT_BYTES], with[OUTPUT_BYTES];
    struct session session;
    char line[1024];

    (void)state;
    session_make(&session);
    snprintf(line, sizeof line, "%s 2>&1", needed("TOLL_PRELOAD_PROBE"));
    assert_int_equal(output_of(line, alone, sizeof alone), 9);
    assert_int_equal(run_with(&session, needed("TOLL_PRELOAD_PROBE"), with), 9);
    assert_string_equal(with, alone);
    session_remove(&session);
}

static void without_a_session_the_library_is_silent(void **state)
{
    static char text[OUTPUT_BYTES];
    struct session nowhere = {.folder = "/nowhere"};

    (void)state;
    assert_int_equal(run_with(&nowhere, "sh -c 'echo fine; exit 6'", text), 6);
    assert_string_equal(text, "fine\n");
}

#define WITH_COPY UINT32_MAX

static bool is_wanted(uint64_t head, enum call_event_kind kind, unsigned extra)
{
    if (call_event_kind(head) != kind)
        return false;
    return extra == WITH_COPY ? call_event_extra(head) > 0 : !extra || call_event_extra(head) == extra;
}

/* The events of one kind in all rings of a session: of an enum call_kind, stacks WITH_COPY, or all (0). */
static unsigned events_count(const struct session *session, enum call_event_kind kind, unsigned extra)
{
    static uint64_t words[WORD_COUNT];
    static char names[OUTPUT_BYTES];
    char command[160];
    unsigned count = 0;

    snprintf(command, sizeof command, "ls %s/calls-*", session->folder);
    output_of(command, names, sizeof names);
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) {
        struct call_ring ring;
        int fd = open(name, O_RDONLY | O_CLOEXEC);

        assert_int_equal(pread(fd, &ring, sizeof ring, 0), (ssize_t)sizeof ring);
        assert_int_equal(ring.magic, CALL_RING_MAGIC);
        assert_true(ring.head <= WORD_COUNT);
        assert_int_equal(pread(fd, words, ring.head * 8, CALL_WORDS_OFFSET), (ssize_t)(ring.head * 8));
        close(fd);
        for (uint64_t at = 0; at < ring.head; at += call_event_words(words[at])) {
            assert_true(call_event_words(words[at]) >= call_event_words_min(call_event_kind(words[at])));
            assert_true(call_event_words_min(call_event_kind(words[at])) > 0);
            count += is_wanted(words[at], kind, extra);
        }
    }
    return count;
}

static void a_new_stack_is_told_with_a_copy_of_its_top(void **state)
{
    static char text[OUTPUT_BYTES];
    struct session session;

    (void)state;
    session_make(&session);
    assert_int_equal(
        run_with(&session, "sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 0.001 | cat; done'", text), 0);
    unsigned all = events_count(&session, CALL_STACK, CALL_NONE);
    assert_true(all > 0);
    assert_int_equal(events_count(&session, CALL_STACK, WITH_COPY), all);
    session_remove(&session);
}

static void waits_stacks_and_mappings_are_told(void **state)
{
    static char text[OUTPUT_BYTES];
    struct session session;

    (void)state;
    session_make(&session);
    assert_int_equal(run_with(&session, "sh -c 'sleep 0.05 | cat; sleep 0.02'", text), 0);
    assert_int_equal(events_count(&session, CALL_WAIT, CALL_SLEEP), 2);
    assert_true(events_count(&session, CALL_WAIT, CALL_READ) >= 1); /* cat, of the pipe */
    assert_true(events_count(&session, CALL_STACK, CALL_NONE) >= 3);
    assert_true(events_count(&session, CALL_MAP, CALL_NONE) >= 3);
    assert_true(events_count(&session, CALL_PEER, CALL_NONE) >= 1);
    session_remove(&session);
}

static void a_wait_for_a_message_is_told(void **state)
{
    static char text[OUTPUT_BYTES];
    struct session session;

    (void)state;
    session_make(&session);
    assert_int_equal(run_with(&session, needed("TOLL_PRELOAD_PROBE"), text), 9);
    if (strstr(text, "no message queues here"))
        print_message("no message queues here\n");
    else
        assert_true(events_count(&session, CALL_WAIT, CALL_IPC) >= 1);
    session_remove(&session);
}

static void every_start_and_end_of_a_process_is_news(void **state)
{
    static char text[OUTPUT_BYTES];
    static struct call_news news[CALL_NEWS_COUNT];
    unsigned counts[CALL_NEWS_KIND_COUNT] = {0};
    struct session session;
    struct calls_session file;

    (void)state;
    session_make(&session);
    assert_int_equal(run_with(&session, "sh -c '(sleep 0.01); cat </dev/null; exit 3'", text), 3);
    assert_int_equal(pread(session.fd, &file, sizeof file, 0), (ssize_t)sizeof file);
    assert_true(file.news_head < CALL_NEWS_COUNT);
    assert_int_equal(pread(session.fd, news, sizeof news, CALLS_NEWS_OFFSET), (ssize_t)sizeof news);
    for (uint64_t i = 0; i < file.news_head; i++) {
        assert_int_equal(news[i].sequence, i + 1);
        assert_true(news[i].kind > CALL_NEWS_NONE && news[i].kind < CALL_NEWS_KIND_COUNT);
        counts[news[i].kind]++;
    }
    assert_int_equal(counts[CALL_NEWS_EXEC], 3);
    assert_true(counts[CALL_NEWS_FORK] >= 1);
    assert_int_equal(counts[CALL_NEWS_EXIT], 3);
    session_remove(&session);
}

/* By exit and by _exit (dash), each process once: what it used of the CPU since it last waited. */
static void who_ends_a_process_tells_its_cpu_time(void **state)
{
    static char text[OUTPUT_BYTES];
    struct session session;

    (void)state;
    session_make(&session);
    assert_int_equal(run_with(&session, "sh -c '(sleep 0.01); cat </dev/null; exit 3'", text), 3);
    assert_int_equal(events_count(&session, CALL_DETACH, 0), 3);
    session_remove(&session);
}

static void a_ring_that_nobody_reads_fills_and_counts(void **state)
{
    static char text[OUTPUT_BYTES];
    struct session session;

    (void)state;
    session_make(&session);
    assert_int_equal(run_with(&session,
                              "sh -c 'i=0; (while [ $i -lt 30000 ]; do echo $i; i=$((i+1)); done) | "
                              "while read x; do :; done; echo done'",
                              text),
                     0);
    assert_string_equal(text, "done\n");
    assert_true(events_count(&session, CALL_WAIT, CALL_NONE) > 0);
    session_remove(&session);
}

int preload_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_does_the_same_with_the_library),
        cmocka_unit_test(without_a_session_the_library_is_silent),
        cmocka_unit_test(a_new_stack_is_told_with_a_copy_of_its_top),
        cmocka_unit_test(waits_stacks_and_mappings_are_told),
        cmocka_unit_test(a_wait_for_a_message_is_told),
        cmocka_unit_test(every_start_and_end_of_a_process_is_news),
        cmocka_unit_test(who_ends_a_process_tells_its_cpu_time),
        cmocka_unit_test(a_ring_that_nobody_reads_fills_and_counts),
    };
    return cmocka_run_group_tests_name("preload", tests, NULL, NULL);
}
