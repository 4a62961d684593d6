/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults of a recording's writer and damage of its file: killed at random moments, every write failing once, every
 * allocation failing once, a file size limit, and a thousand damaged files.
 *
 * malloc, calloc and realloc of what is linked in statically are this file's (ld --wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "recording/fixture.h"
#include "recording/integrity.h"
#include "recording/reader.h"
#include "recording/reseal.h"
#include "recording/salvage.h"
#include "recording/writer.h"

#define KILL_COUNT      50
#define DAMAGE_COUNT    1000
#define DAMAGE_LIMIT_S  120
#define FLUSH_STEPS     500 /* a flush every so many steps: some milliseconds */
#define KILL_NS_MAX     (60 * NS_PER_MS)
#define FAULT_COUNT_MAX 10000

static char folder[64];
static char path[96];
static char copy[96];

static uint64_t random_state = 11;

/* splitmix64 (S. Vigna, public domain). */
static uint64_t random_u64(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/toll-faults-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.toll", folder);
    snprintf(copy, sizeof copy, "%s/b.toll", folder);
    return 0;
}

/* Fails when something is left behind that has no business here. */
static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(copy);
    return rmdir(folder);
}

/* Which call of its kind fails; 0: none. */
static uint64_t allocation_fails, allocation_count;
static uint64_t write_fails, write_count;
static int write_errno;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool allocation_is_refused(void)
{
    return ++allocation_count == allocation_fails;
}

void *__wrap_malloc(size_t size)
{
    return allocation_is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return allocation_is_refused() ? NULL : __real_realloc(old, size);
}

/* Half of the bytes land before the disk is full, and it stays full. */
static ssize_t failing_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    if (!write_fails || ++write_count < write_fails)
        return pwrite(fd, bytes, length, offset);
    if (write_count == write_fails && length > 1)
        return pwrite(fd, bytes, length / 2, offset);
    errno = write_errno;
    return -1;
}

static int write_fixture(struct writer *writer, uint64_t step_count, struct err *err)
{
    int status = fixture_begin(writer_sink(writer), err);
    for (uint64_t step = 0; !status && step < step_count; step++) {
        status = fixture_step(writer_sink(writer), step, err);
        if (!status && step % FLUSH_STEPS == FLUSH_STEPS - 1)
            status = writer_flush(writer, err);
    }
    return status ? status : writer_seal(writer, err);
}

static int write_recording(uint64_t step_count, bool compress, struct err *err)
{
    struct writer *writer;
    struct writer_options options = {
        .path = path, .overwrite = true, .compress = compress, .pwrite = failing_pwrite};
    int status = writer_create(&options, &writer, err);
    if (status)
        return status;
    status = write_fixture(writer, step_count, err);
    writer_destroy(writer);
    return status;
}

/* Recovers `path`; every recovered file must pass the check. Returns the rows of samples. */
static uint64_t recover_and_check(void)
{
    struct recover_options options = {.path = path, .output = copy, .overwrite = true};
    struct recover_result recovered;
    struct check_result checked = {0};
    struct err err;
    int status = recover_recording(&options, &recovered, &err);
    if (!status)
        status = check_recording(copy, &checked, &err);
    if (status)
        print_error("%s\n", err.what);
    assert_int_equal(status, 0);
    if (checked.problem_count)
        print_error("%s\n", checked.problems[0].what);
    assert_int_equal(checked.problem_count, 0);
    return checked.row_counts[TABLE_SAMPLE];
}

/* What the writer's process tells through shared memory: steps appended, and steps that a flush returned from. */
struct progress {
    volatile uint64_t appended;
    volatile uint64_t flushed;
};

static void write_until_killed(struct progress *progress)
{
    struct writer *writer;
    struct err err;
    struct writer_options options = {.path = path, .overwrite = true};
    if (writer_create(&options, &writer, &err) || fixture_begin(writer_sink(writer), &err))
        _exit(1);
    for (uint64_t step = 0;; step++) {
        progress->appended = step + 1;
        if (fixture_step(writer_sink(writer), step, &err))
            _exit(1);
        if (step % FLUSH_STEPS != FLUSH_STEPS - 1)
            continue;
        if (writer_flush(writer, &err))
            _exit(1);
        progress->flushed = step + 1;
    }
}

static void a_killed_writer_loses_only_what_was_not_flushed(void **state)
{
    (void)state;
    uint64_t with_rows_count = 0;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    for (int i = 0; i < KILL_COUNT; i++) {
        progress->appended = progress->flushed = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_until_killed(progress);
        int status;
        struct stat about;
        /* Not before there is a file with a header in it. */
        while (stat(path, &about) || about.st_size < 64 || !progress->appended)
            clock_sleep_until(clock_monotonic_ns() + NS_PER_MS);
        clock_sleep_until(clock_monotonic_ns() + random_u64() % KILL_NS_MAX);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        uint64_t sample_count = recover_and_check();
        assert_true(sample_count >= progress->flushed);
        assert_true(sample_count <= progress->appended);
        with_rows_count += progress->flushed > 0;
        unlink(path);
    }
    /* Else the moments were too early to prove anything. */
    assert_true(with_rows_count >= KILL_COUNT / 2);
    munmap(progress, sizeof *progress);
}

static void every_write_that_fails_leaves_a_file_that_recovers(void **state)
{
    (void)state;
    static const int reasons[] = {ENOSPC, EFBIG, EIO};
    struct err err;
    int status = -1;
    for (write_fails = 1; status && write_fails < FAULT_COUNT_MAX; write_fails++) {
        write_count = 0;
        write_errno = reasons[write_fails % 3];
        status = write_recording(2000, write_fails % 2, &err);
        if (!status)
            break;
        assert_int_equal(status, -ERR_ENVIRONMENT);
        assert_non_null(strstr(err.what, "could not write recording"));
        assert_non_null(strstr(err.what, strerror(write_errno)));
        assert_int_equal(write_errno != EIO, strstr(err.hint, "toll recover") != NULL);
        struct reader *reader;
        assert_int_equal(reader_open(path, &reader, &err), -ERR_INPUT);
        /* Without the header there is nothing to recover. */
        if (write_fails > 1)
            (void)recover_and_check();
    }
    assert_int_equal(status, 0);
    assert_true(write_fails > 20);
    write_fails = 0;
    assert_int_equal(recover_and_check(), 2000);
}

static void every_allocation_that_fails_is_an_error_and_no_crash(void **state)
{
    (void)state;
    struct err err;
    int status = -1;
    uint64_t number = 1;
    for (; status && number < FAULT_COUNT_MAX; number++) {
        struct check_result checked;
        allocation_count = 0;
        allocation_fails = number;
        status = write_recording(1200, true, &err);
        if (!status)
            status = check_recording(path, &checked, &err);
        struct recover_options options = {.path = path, .output = copy, .overwrite = true};
        struct recover_result recovered;
        if (!status)
            status = recover_recording(&options, &recovered, &err);
        allocation_fails = 0;
        if (status)
            assert_int_equal(status, -ERR_ENVIRONMENT);
    }
    assert_int_equal(status, 0);
    assert_true(number > 20);
}

static void a_file_size_limit_is_told_and_the_file_recovers(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 200000, .rlim_max = 200000};
        struct err err;
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit))
            _exit(100);
        status = write_recording(100000, false, &err);
        _exit(status == -ERR_ENVIRONMENT && strstr(err.what, strerror(EFBIG)) && err.hint[0] ? 0 : 101);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(recover_and_check() > 0);
}

static int sum_batch(void *context, const struct batch *batch, struct err *err)
{
    uint64_t *sum = context;
    (void)err;
    for (size_t column = 0; column < TABLE_COLUMN_MAX; column++) {
        for (size_t row = 0; batch->columns[column] && row < batch->row_count; row++)
            *sum += batch->columns[column][row];
    }
    return 0;
}

/* Returns whether it was read to the end. */
static bool read_everything(const char *file)
{
    struct reader *reader;
    struct err err;
    uint64_t sum = 0;
    int status = reader_open(file, &reader, &err);
    if (status) {
        assert_int_equal(status, -ERR_INPUT);
        return false;
    }
    const struct view *view = reader_view(reader);
    for (enum table_id table = TABLE_META; !status && table < TABLE_END; table++)
        status = view_scan_all(view, table, sum_batch, &sum, &err);
    for (uint64_t id = 0; id < 1000; id++)
        sum += strlen(view_text(view, id));
    reader_close(reader);
    assert_true(status == 0 || status == -ERR_INPUT);
    return status == 0;
}

/* Cut, changed bits, or both; half of the files get checksums that fit what they became. */
static void damage(const struct str *whole, uint64_t number)
{
    struct str bytes = {0};
    struct err err;
    size_t length = number % 3 == 0 ? random_u64() % whole->length : whole->length;
    str_append_bytes(&bytes, whole->text, length);
    assert_false(bytes.failed);
    if (length && number % 3 != 0) {
        for (uint64_t flips = 1 + random_u64() % 8; flips; flips--)
            bytes.text[random_u64() % length] ^= (char)(1u << random_u64() % 8);
    }
    if (number % 2)
        reseal((uint8_t *)bytes.text, length);
    assert_int_equal(fs_replace(path, bytes.text ? bytes.text : "", length, 0600, &err), 0);
    str_free(&bytes);
}

static void a_thousand_damaged_files_are_errors_or_are_recovered(void **state)
{
    (void)state;
    struct str whole = {0};
    struct err err;
    uint64_t read_count = 0, recovered_count = 0;
    assert_int_equal(write_recording(FLUSH_STEPS * 2, false, &err), 0);
    assert_int_equal(fs_read(path, 10u << 20, &whole, &err), 0);
    alarm(DAMAGE_LIMIT_S);
    for (uint64_t number = 0; number < DAMAGE_COUNT; number++) {
        struct check_result checked;
        struct recover_options options = {.path = path, .output = copy, .overwrite = true};
        struct recover_result recovered;
        damage(&whole, number);
        read_count += read_everything(path);
        int status = check_recording(path, &checked, &err);
        assert_true(status == 0 || status == -ERR_INPUT);
        status = recover_recording(&options, &recovered, &err);
        assert_true(status == 0 || status == -ERR_INPUT);
        recovered_count += status == 0;
        if (!status) {
            assert_int_equal(check_recording(copy, &checked, &err), 0);
            (void)read_everything(copy);
        }
        /* Without resealing, what is recovered has nothing wrong in it. */
        if (!status && number % 2 == 0)
            assert_int_equal(checked.problem_count, 0);
    }
    alarm(0);
    print_message("# of %d damaged files %d could be read to the end, %d recovered\n", DAMAGE_COUNT,
                  (int)read_count, (int)recovered_count);
    assert_true(recovered_count > DAMAGE_COUNT / 2);
    str_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_writer_loses_only_what_was_not_flushed, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(every_write_that_fails_leaves_a_file_that_recovers, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(every_allocation_that_fails_is_an_error_and_no_crash, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_file_size_limit_is_told_and_the_file_recovers, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_thousand_damaged_files_are_errors_or_are_recovered, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests_name("recording_faults", tests, NULL, NULL);
}
