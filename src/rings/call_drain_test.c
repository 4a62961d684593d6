/* SPDX-License-Identifier: Apache-2.0 */
#include "rings/call_drain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rings/call_events.h"

int call_drain_test(void);

#define TOLD_MAX 64

/* What was told, copied. */
struct log {
    struct call_told told[TOLD_MAX];
    size_t count;
    char path[CALL_PATH_BYTES_MAX + 1]; /* of the last peer */
    size_t remote_size;
    bool is_gone;
};

static int log_told(void *context, const struct call_told *told, struct err *err)
{
    struct log *log = context;

    (void)err;
    if (log->count < TOLD_MAX)
        log->told[log->count++] = *told;
    return 0;
}

static uint64_t log_peer(void *context, uint32_t pid, const struct call_peer *peer)
{
    struct log *log = context;

    (void)pid;
    snprintf(log->path, sizeof log->path, "%s", peer->path);
    log->remote_size = peer->remote_size;
    return 77;
}

static bool log_is_there(void *context, uint32_t pid)
{
    (void)pid;
    return !((const struct log *)context)->is_gone;
}

/* A ring's words, written as a program does. */
struct writer {
    uint64_t words[256];
    size_t count;
};

static uint64_t *event(struct writer *writer, enum call_event_kind kind, unsigned words, unsigned extra,
                       uint32_t argument)
{
    uint64_t *at = writer->words + writer->count;

    at[0] = call_head(kind, words, extra, argument);
    writer->count += words;
    return at;
}

static void wait_write(struct writer *writer, enum call_kind call, uint64_t start, uint64_t end)
{
    uint64_t *words = event(writer, CALL_WAIT, CALL_WAIT_WORDS, call, 5);

    words[CALL_WAIT_START] = start;
    words[CALL_WAIT_END] = end;
    words[CALL_WAIT_WAKER] = (uint64_t)8 << 32 | 9;
}

static size_t tell(const struct writer *writer, struct log *log, struct call_totals *ret_totals)
{
    struct span_clock clock = {.kind = WIRE_CLOCK_MONOTONIC};
    struct call_events events = {.clock = &clock, .start_ns = 100, .now_ns = 10000, .sample_ns = 50};
    struct call_host host = {.context = log, .told = log_told, .peer = log_peer, .is_there = log_is_there};
    struct call_ring file = {.start = 0};
    struct call_lane *lane = call_lane_create(4, 2, -1, &file);
    struct err err = {0};

    assert_non_null(lane);
    assert_int_equal(call_events_tell(&events, lane, writer->words, writer->count, true, &host, &err), 0);
    assert_int_equal(call_events_tell(&events, lane, writer->words, writer->count, false, &host, &err), 0);
    call_lane_destroy(lane);
    if (ret_totals)
        *ret_totals = events.totals;
    return log->count;
}

static void a_wait_has_the_thread_that_attached_its_peer_and_its_waker(void **state)
{
    struct writer writer = {0};
    struct log log = {0};
    uint64_t *words;

    (void)state;
    event(&writer, CALL_ATTACH, 3, 0, 42)[1] = 200;
    words = event(&writer, CALL_PEER, CALL_PEER_WORDS + 1, 0, 5);
    words[CALL_PEER_TYPE] = S_IFIFO;
    words[CALL_PEER_SIZES] = (uint64_t)4 << 32;
    memcpy(words + CALL_PEER_WORDS, "pipe", 4);
    wait_write(&writer, CALL_READ, 300, 900);
    assert_int_equal(tell(&writer, &log, NULL), 2);
    assert_int_equal(log.told[0].kind, CALL_TOLD_ATTACH);
    assert_int_equal(log.told[1].kind, CALL_TOLD_WAIT);
    assert_int_equal(log.told[1].tid, 42);
    assert_int_equal(log.told[1].start_ns, 300);
    assert_int_equal(log.told[1].time_ns, 900);
    assert_int_equal(log.told[1].peer, 77);
    assert_int_equal(log.told[1].waker_pid, 8);
    assert_int_equal(log.told[1].waker_tid, 9);
    assert_string_equal(log.path, "pipe");
}

static void stacks_come_before_the_waits_that_name_them(void **state)
{
    struct writer writer = {0};
    struct log log = {0};
    uint64_t *words;

    (void)state;
    event(&writer, CALL_ATTACH, 3, 0, 42);
    wait_write(&writer, CALL_SLEEP, 300, 900);
    words = event(&writer, CALL_STACK, 4, 0, 2);
    words[1] = 99;
    assert_int_equal(tell(&writer, &log, NULL), 3);
    assert_int_equal(log.told[0].kind, CALL_TOLD_STACK);
    assert_int_equal(log.told[0].stack, 99);
    assert_int_equal(log.told[0].address_count, 2);
}

static void times_are_held_within_the_run_and_go_on(void **state)
{
    struct writer writer = {0};
    struct log log = {0};

    (void)state;
    event(&writer, CALL_ATTACH, 3, 0, 42);
    wait_write(&writer, CALL_SLEEP, 1, UINT64_MAX);
    wait_write(&writer, CALL_SLEEP, 500, 400);
    assert_int_equal(tell(&writer, &log, NULL), 3);
    assert_int_equal(log.told[1].start_ns, 100);
    assert_int_equal(log.told[1].time_ns, 10000);
    assert_int_equal(log.told[2].time_ns, 10000);
}

static void a_copy_of_a_stack_comes_with_its_registers(void **state)
{
    struct writer writer = {0};
    struct log log = {0};
    uint64_t *words;

    (void)state;
    event(&writer, CALL_ATTACH, 3, 0, 42);
    words = event(&writer, CALL_STACK, 4 + CALL_REGISTER_COUNT, 3, 2);
    words[1] = 99;
    words[4 + CALL_REGISTER_STACK] = 0x7000;
    words[4 + CALL_REGISTER_LINK] = 0x8000;
    writer.words[writer.count++] = 1;
    writer.words[writer.count++] = 2;
    writer.words[writer.count++] = call_head(CALL_DETACH, 3, 0, 0); /* a word of the copy, no event */
    assert_int_equal(tell(&writer, &log, NULL), 2);
    assert_int_equal(log.told[0].kind, CALL_TOLD_STACK);
    assert_int_equal(log.told[0].address_count, 2);
    assert_int_equal(log.told[0].copy.word_count, 3);
    assert_int_equal(log.told[0].copy.registers[CALL_REGISTER_STACK], 0x7000);
    assert_int_equal(log.told[0].copy.registers[CALL_REGISTER_LINK], 0x8000);
    assert_ptr_equal(log.told[0].copy.words, writer.words + writer.count - 3);
    assert_int_equal(log.told[1].kind, CALL_TOLD_ATTACH);
}

static void what_makes_no_sense_is_passed_over_and_counted(void **state)
{
    struct writer writer = {0};
    struct log log = {0};
    struct call_totals totals;

    (void)state;
    wait_write(&writer, CALL_SLEEP, 300, 900); /* of no thread */
    event(&writer, CALL_ATTACH, 3, 0, 42);
    wait_write(&writer, CALL_KIND_COUNT, 300, 900);
    event(&writer, CALL_STACK, 3, 0, 60)[1] = 5; /* longer than its event */
    event(&writer, CALL_STACK, 4, 0, 2)[1] = 5;
    writer.words[writer.count - 4] = call_head(CALL_STACK, 4, 9, 2); /* no room for its registers */
    writer.count += 9;
    event(&writer, CALL_PEER, 5, 0, 5)[CALL_PEER_SIZES] = 400; /* likewise */
    event(&writer, CALL_MAP, 6, 0, 0)[1] = 5;                  /* of no length */
    writer.words[writer.count++] = 0xffff;
    writer.words[writer.count++] = call_head(CALL_WAIT, 10, CALL_SLEEP, 0); /* cut off */
    assert_int_equal(tell(&writer, &log, &totals), 1);
    assert_int_equal(totals.broken_count, 8);
}

/* The folder and the library's part of it */

struct session {
    char folder[64];
    struct call_drain *drain;
    struct log log;
};

static void session_open(struct session *session)
{
    struct call_drain_options options = {.folder = session->folder, .is_monotonic_forced = true};
    struct err err = {0};

    *session = (struct session){.folder = "/tmp/toll-calls-test-XXXXXX"};
    assert_non_null(mkdtemp(session->folder));
    assert_int_equal(call_drain_create(&options, &session->drain, &err), 0);
}

static void session_close(struct session *session)
{
    char command[128];

    call_drain_destroy(session->drain);
    snprintf(command, sizeof command, "rm -r %s", session->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own folder */
}

static void poll_all(struct session *session)
{
    struct call_host host = {
        .context = &session->log, .told = log_told, .peer = log_peer, .is_there = log_is_there};
    struct err err = {0};

    session->log.count = 0;
    assert_int_equal(call_drain_poll(session->drain, &host, &err), 0);
}

static FILE *calls_open(const struct session *session)
{
    char path[96];

    snprintf(path, sizeof path, "%s/" CALLS_FILE, session->folder);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    return file;
}

static void put(FILE *file, size_t offset, const void *bytes, size_t size)
{
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
}

static void news_put(FILE *file, uint64_t index, struct call_news news, bool is_whole)
{
    uint64_t head = index + 1;

    news.sequence = is_whole ? index + 1 : 0;
    put(file, CALLS_NEWS_OFFSET + index * sizeof news, &news, sizeof news);
    put(file, offsetof(struct calls_session, news_head), &head, sizeof head);
}

static void ends_are_told_behind_all_else(void **state)
{
    struct session session;

    (void)state;
    session_open(&session);
    FILE *file = calls_open(&session);
    news_put(file, 0, (struct call_news){.kind = CALL_NEWS_EXIT, .pid = 5, .number = 3}, true);
    news_put(file, 1, (struct call_news){.kind = CALL_NEWS_EXEC, .pid = 6, .name = "worker"}, true);
    poll_all(&session);
    assert_int_equal(session.log.count, 2);
    assert_int_equal(session.log.told[0].kind, CALL_TOLD_EXEC);
    assert_int_equal(session.log.told[1].kind, CALL_TOLD_EXIT);
    assert_int_equal(session.log.told[1].status, 3);
    poll_all(&session);
    assert_int_equal(session.log.count, 0);
    fclose(file);
    session_close(&session);
}

static void a_slot_whose_writer_died_is_passed_after_a_while(void **state)
{
    struct session session;

    (void)state;
    session_open(&session);
    FILE *file = calls_open(&session);
    news_put(file, 0, (struct call_news){.kind = CALL_NEWS_EXIT, .pid = 5}, false);
    news_put(file, 1, (struct call_news){.kind = CALL_NEWS_EXIT, .pid = 6}, true);
    poll_all(&session);
    assert_int_equal(session.log.count, 0);
    usleep(250000);
    poll_all(&session);
    assert_int_equal(session.log.count, 1);
    assert_int_equal(session.log.told[0].pid, 6);
    assert_int_equal(call_drain_totals(session.drain).lost_count, 1);
    fclose(file);
    session_close(&session);
}

static void a_head_that_no_program_writes_is_no_news(void **state)
{
    struct session session;
    uint64_t head = UINT64_MAX;

    (void)state;
    session_open(&session);
    FILE *file = calls_open(&session);
    put(file, offsetof(struct calls_session, news_head), &head, sizeof head);
    poll_all(&session);
    assert_int_equal(session.log.count, 0);
    assert_true(call_drain_totals(session.drain).broken_count > 0);
    fclose(file);
    session_close(&session);
}

int call_drain_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_has_the_thread_that_attached_its_peer_and_its_waker),
        cmocka_unit_test(stacks_come_before_the_waits_that_name_them),
        cmocka_unit_test(a_copy_of_a_stack_comes_with_its_registers),
        cmocka_unit_test(times_are_held_within_the_run_and_go_on),
        cmocka_unit_test(what_makes_no_sense_is_passed_over_and_counted),
        cmocka_unit_test(ends_are_told_behind_all_else),
        cmocka_unit_test(a_slot_whose_writer_died_is_passed_after_a_while),
        cmocka_unit_test(a_head_that_no_program_writes_is_no_news),
    };
    return cmocka_run_group_tests_name("call_drain", tests, NULL, NULL);
}
