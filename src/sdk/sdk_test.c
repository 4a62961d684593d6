/* SPDX-License-Identifier: Apache-2.0 */
/* The files that programs leave in a session's folder, read back raw; sdk_probe is the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/ring.h"

struct session {
    char folder[64];
};

static int session_make(void **state)
{
    struct session *session = malloc(sizeof *session);
    struct session_file file = {.magic = SESSION_MAGIC,
                                .version = WIRE_VERSION,
                                .clock = WIRE_CLOCK_MONOTONIC,
                                .ring_bytes = RING_BYTES_MIN,
                                .id = 0xfeedbeef};
    char path[128];
    int fd;

    if (!session)
        return -1;
    snprintf(session->folder, sizeof session->folder, "/tmp/toll-sdk-test-XXXXXX");
    if (!mkdtemp(session->folder))
        return -1;
    snprintf(path, sizeof path, "%s/session", session->folder);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, &file, sizeof file) != (ssize_t)sizeof file)
        return -1;
    close(fd);
    *state = session;
    return 0;
}

static int session_remove(void **state)
{
    struct session *session = *state;
    DIR *folder = opendir(session->folder);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(session->folder);
    free(session);
    return 0;
}

/* Runs the probe with the words in `what`; its wait status. */
static int probe(const struct session *session, const char *what)
{
    const char *program = getenv("TOLL_SDK_PROBE");
    char words[256], *argv[16];
    int argc = 0, status;
    pid_t child;

    if (!program) {
        fail_msg("TOLL_SDK_PROBE is not set");
        return -1;
    }
    snprintf(words, sizeof words, "%s", what);
    argv[argc++] = strdup(program);
    for (char *word = strtok(words, " "); word && argc < 15; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    child = fork();
    if (child == 0) {
        setenv(WIRE_SESSION_VARIABLE, session->folder, 1);
        execv(program, argv);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    free(argv[0]);
    return status;
}

static unsigned file_count(const struct session *session, const char *prefix)
{
    DIR *folder = opendir(session->folder);
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(folder);
    return count;
}

struct content {
    struct ring_file header;
    struct ring_slot slots[RING_BYTES_MIN / sizeof(struct ring_slot)];
    uint64_t count;
    struct ring_slot ordered[RING_BYTES_MIN / sizeof(struct ring_slot)]; /* from tail to head */
    uint64_t kinds[RING_KIND_COUNT];
};

/* The content of the ring whose file name ends so. */
static void ring_read(const struct session *session, const char *suffix, struct content *content)
{
    DIR *folder = opendir(session->folder);
    struct dirent *entry;
    struct ring_event event;
    uint64_t position = 0, broken_count = 0, i;
    bool is_broken;
    int fd = -1;

    assert_non_null(folder);
    while (fd < 0 && (entry = readdir(folder)))
        if (strncmp(entry->d_name, "ring-", 5) == 0 &&
            strcmp(entry->d_name + strlen(entry->d_name) - strlen(suffix), suffix) == 0)
            fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
    closedir(folder);
    assert_true(fd >= 0);
    memset(content, 0, sizeof *content);
    assert_int_equal(pread(fd, &content->header, sizeof content->header, 0), sizeof content->header);
    assert_int_equal(pread(fd, content->slots, sizeof content->slots, RING_SLOTS_OFFSET),
                     sizeof content->slots);
    close(fd);
    assert_true(ring_is_valid(&content->header, RING_BYTES_MIN));
    content->count =
        ring_readable(content->header.head, content->header.tail, content->header.slot_count, &is_broken);
    assert_false(is_broken);
    for (i = 0; i < content->count; i++)
        content->ordered[i] = content->slots[(content->header.tail + i) % content->header.slot_count];
    while (
        ring_next(content->ordered, content->count, content->header.tail, &position, &event, &broken_count))
        content->kinds[event.kind]++;
    assert_int_equal(broken_count, 0);
}

static void spans_and_usage_reach_the_ring_in_order(void **state)
{
    const enum ring_kind expected[] = {RING_ATTACH, RING_BEGIN, RING_USAGE, RING_BEGIN,
                                       RING_USAGE,  RING_END,   RING_END};
    struct content content;
    unsigned i;

    assert_int_equal(probe(*state, "spans 1"), 0);
    ring_read(*state, "-0", &content);
    assert_int_equal(content.count, sizeof expected / sizeof expected[0]);
    for (i = 0; i < content.count; i++)
        assert_int_equal(content.ordered[i].word & 0xff, expected[i]);
    assert_true(content.ordered[1].value <= content.ordered[3].value);
    assert_true(content.ordered[3].value <= content.ordered[5].value);
    assert_int_equal(content.ordered[6].word >> 32, (content.header.start + 1) & 0xffffffff);
}

static void what_was_written_survives_a_kill(void **state)
{
    struct content content;
    int status = probe(*state, "spans 2 open unfinished kill");

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ring_read(*state, "-0", &content);
    assert_int_equal(content.kinds[RING_BEGIN], 5);
    assert_int_equal(content.kinds[RING_END], 4);
}

static void a_full_ring_drops_whole_spans_and_counts_them(void **state)
{
    struct content content;

    assert_int_equal(probe(*state, "spans 5000"), 0);
    ring_read(*state, "-0", &content);
    assert_true(content.kinds[RING_BEGIN] < 5000);
    assert_int_equal(content.kinds[RING_BEGIN], content.kinds[RING_END]);
    assert_true(content.header.lost_count >= 10000 - content.kinds[RING_BEGIN]);
}

static void usage_leaves_room_for_the_end(void **state)
{
    struct content content;

    assert_int_equal(probe(*state, "rows 5000"), 0);
    ring_read(*state, "-0", &content);
    assert_int_equal(content.kinds[RING_BEGIN], 1);
    assert_int_equal(content.kinds[RING_END], 1);
    assert_true(content.header.lost_count > 0);
}

static void a_child_writes_files_of_its_own(void **state)
{
    assert_int_equal(probe(*state, "fork 1 rawfork"), 0);
    assert_int_equal(file_count(*state, "names-"), 3);
    assert_int_equal(file_count(*state, "ring-"), 3);
}

static void a_ring_is_taken_over_when_its_thread_ends(void **state)
{
    struct content content;

    assert_int_equal(probe(*state, "spans 1 serial 50"), 0);
    assert_int_equal(file_count(*state, "ring-"), 2);
    ring_read(*state, "-1", &content);
    assert_int_equal(content.kinds[RING_ATTACH], 50);
    assert_int_equal(content.kinds[RING_DETACH], 50);
    assert_int_equal(content.kinds[RING_BEGIN], 50);
}

static void threads_at_once_have_rings_of_their_own(void **state)
{
    assert_int_equal(probe(*state, "threads 8 10"), 0);
    assert_int_equal(file_count(*state, "names-"), 1);
    assert_int_equal(file_count(*state, "ring-"), 8);
}

static void a_folder_that_is_not_there_leaves_the_program_alone(void **state)
{
    const struct session nowhere = {"/nowhere/at/all"}, relative = {"tmp"};
    struct session *session = *state;
    char path[128];

    assert_int_equal(probe(&nowhere, "spans 3 threads 2 3 fork 1 cross"), 0);
    assert_int_equal(probe(&relative, "spans 3"), 0);
    snprintf(path, sizeof path, "%s/session", session->folder);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(probe(session, "spans 3"), 0);
    assert_int_equal(file_count(session, "ring-"), 0);
}

static void more_names_than_fit_become_one(void **state)
{
    struct content content;

    assert_int_equal(probe(*state, "names 20000"), 0);
    ring_read(*state, "-0", &content);
    assert_true(content.kinds[RING_BEGIN] > 0);
}

int sdk_test(void);
int sdk_test(void)
{
#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, session_make, session_remove)
    const struct CMUnitTest tests[] = {
        SESSION_TEST(spans_and_usage_reach_the_ring_in_order),
        SESSION_TEST(what_was_written_survives_a_kill),
        SESSION_TEST(a_full_ring_drops_whole_spans_and_counts_them),
        SESSION_TEST(usage_leaves_room_for_the_end),
        SESSION_TEST(a_child_writes_files_of_its_own),
        SESSION_TEST(a_ring_is_taken_over_when_its_thread_ends),
        SESSION_TEST(threads_at_once_have_rings_of_their_own),
        SESSION_TEST(a_folder_that_is_not_there_leaves_the_program_alone),
        SESSION_TEST(more_names_than_fit_become_one),
    };
    return cmocka_run_group_tests_name("sdk", tests, NULL, NULL);
}
