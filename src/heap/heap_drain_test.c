/* SPDX-License-Identifier: Apache-2.0 */
/* heap_drain_test: the library in a real program whose allocations are known, and what is made of what it tells. */
#include "heap/heap_drain.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/dataset.h"

int heap_drain_test(void);

#define RUN_NS_MAX (120 * NS_PER_S)

struct session {
    char folder[64];
    struct heap_drain *drain;
    struct dataset rows;
    uint64_t series_count, track_count, module_count, stack_count, code_count;
    pid_t pid;
    bool is_over;
    const char *allocator; /* a library to preload behind; NULL: none */
};

static const char *needed(const char *name)
{
    const char *value = getenv(name);

    if (!value)
        fail_msg("%s is not set", name);
    return value;
}

static uint64_t on_image(void *context, uint32_t pid, uint64_t time_ns)
{
    struct session *session = context;

    assert_true(pid > 0 && time_ns > 0);
    return ++session->track_count;
}

static void on_module(void *context, uint32_t pid, const struct heap_module *module)
{
    assert_true(pid > 0 && module->path[0] && module->length_bytes);
    ((struct session *)context)->module_count++;
}

static uint64_t on_stack(void *context, uint32_t pid, const struct heap_told_stack *stack)
{
    assert_true(pid > 0 && stack->count > 0 && stack->addresses[0] && stack->sp && stack->top_bytes >= 64);
    return ++((struct session *)context)->stack_count;
}

static uint64_t on_code(void *context, const char *name, const char *file)
{
    struct session *session = context;

    assert_true(name[0] && file[0]);
    return ++session->code_count;
}

static uint64_t on_series(void *context)
{
    return ++((struct session *)context)->series_count;
}

static bool is_there(void *context, uint32_t pid)
{
    const struct session *session = context;
    return pid != (uint32_t)session->pid || !session->is_over;
}

static struct heap_host host_of(struct session *session)
{
    return (struct heap_host){.context = session,
                              .image = on_image,
                              .module = on_module,
                              .code = on_code,
                              .stack = on_stack,
                              .series = on_series,
                              .is_there = is_there};
}

static void session_open(struct session *session, const struct heap_drain_options *like)
{
    struct heap_drain_options options = *like;
    struct err err = {0};

    *session = (struct session){0};
    snprintf(session->folder, sizeof session->folder, "/tmp/toll-heap-test-XXXXXX");
    assert_non_null(mkdtemp(session->folder));
    dataset_init(&session->rows);
    options.folder = session->folder;
    if (heap_drain_create(&options, &session->drain, &err))
        fail_msg("%s", err.what);
}

static void session_close(struct session *session)
{
    char command[128];

    heap_drain_destroy(session->drain);
    dataset_deinit(&session->rows);
    snprintf(command, sizeof command, "rm -r %s", session->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own folder */
}

/* Runs the probe to its end and reads all it told; returns its exit status. */
static int probe_run(struct session *session, char *const *arguments)
{
    struct heap_host host = host_of(session);
    struct err err = {0};
    uint64_t begin_ns = clock_monotonic_ns();
    int status = 0;

    session->pid = fork();
    if (session->pid == 0) {
        setenv("TOLL_SESSION", session->folder, 1);
        char libraries[2048];
        snprintf(libraries, sizeof libraries, "%s:%s", needed("TOLL_HEAP"),
                 session->allocator ? session->allocator : "");
        setenv("LD_PRELOAD", libraries, 1);
        execv(needed("TOLL_HEAP_PROBE"), arguments);
        _exit(127);
    }
    assert_true(session->pid > 0);
    while (waitpid(session->pid, &status, WNOHANG) == 0) {
        assert_true(clock_monotonic_ns() - begin_ns < RUN_NS_MAX);
        if (heap_drain_poll(session->drain, &host, &session->rows.sink, &err))
            fail_msg("%s", err.what);
    }
    session->is_over = true;
    if (heap_drain_finish(session->drain, &host, &session->rows.sink, &err))
        fail_msg("%s", err.what);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The site whose blocks are all of that size. */
static const struct heap_site *site_of_size(const struct session *session, double size)
{
    const struct heap_book *book = heap_drain_book(session->drain);

    for (size_t i = 0; i < book->sites.count; i++)
        if (book->sites.items[i].bytes == size * book->sites.items[i].count)
            return &book->sites.items[i];
    fail_msg("nothing allocated blocks of %.0f bytes", size);
    return NULL;
}

static void exact_sums_are_those_of_the_program(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"known"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    const struct heap_book *book = heap_drain_book(session.drain);
    const struct heap_totals totals = heap_drain_totals(session.drain);
    assert_int_equal(totals.lost_count, 0);
    assert_int_equal(totals.broken_count, 0);
    assert_int_equal(totals.image_count, 1);
    assert_true(session.module_count >= 2);
    assert_true(book->count == 100 + 5000 + 1000 + 3);
    assert_true(book->freed_count == 5000 + 1000 + 3);
    assert_true(book->peak_bytes == 100 * 4096 + (1 << 20));
    const struct heap_site *left = site_of_size(&session, 4096), *temporary = site_of_size(&session, 64);
    assert_true(left->count == 100 && left->freed_count == 0 && left->left_bytes == 100 * 4096);
    assert_true(left->peak_bytes == 100 * 4096);
    assert_true(temporary->count == 5000 && temporary->temporary_count == 5000 && temporary->left_bytes == 0);
    assert_true(temporary->peak_bytes == 0);
    const struct heap_site *pages = site_of_size(&session, 1 << 20);
    assert_int_equal(pages->kind, ALLOCATION_PAGES);
    assert_true(pages->peak_bytes == 1 << 20 && pages->left_bytes == 1 << 19 &&
                pages->freed_bytes == 1 << 19);
    const struct heap_site *grown = site_of_size(&session, 100000);
    assert_true(grown->count == 1 && grown->freed_count == 1);
    session_close(&session);
}

static double left_bytes_of(const struct session *session, enum allocation_kind kind)
{
    const struct heap_book *book = heap_drain_book(session->drain);
    double bytes = 0;

    for (size_t i = 0; i < book->sites.count; i++)
        bytes += book->sites.items[i].kind == kind ? book->sites.items[i].left_bytes : 0;
    return bytes;
}

static void pages_that_move_and_grow_are_followed(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"remap"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    assert_true(heap_drain_book(session.drain)->peak_bytes == 3 << 20);
    assert_true(left_bytes_of(&session, ALLOCATION_PAGES) == 2 << 20);
    const struct heap_site *first = site_of_size(&session, 1 << 20);
    assert_true(first->count == 1 && first->freed_count == 1 && first->left_bytes == 0);
    assert_int_equal(heap_drain_totals(session.drain).broken_count, 0);
    session_close(&session);
}

/* Its pages are where its blocks lie, and operator new is its own; that of arrays is made of malloc. */
static void an_allocator_of_another_library_is_counted_once(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"new"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    session.allocator = needed("TOLL_HEAP_ALLOCATOR");
    assert_int_equal(probe_run(&session, arguments), 0);
    assert_true(left_bytes_of(&session, ALLOCATION_PAGES) == 0);
    assert_true(site_of_size(&session, 5000)->left_bytes == 10 * 5000);
    const struct heap_site *by_new = site_of_size(&session, 6000);
    assert_true(by_new->count == 20 && by_new->freed_count == 5 && by_new->left_bytes == 15 * 6000);
    const struct heap_site *arrays = site_of_size(&session, 7000);
    assert_true(arrays->count == 8 && arrays->freed_count == 0 && arrays->left_bytes == 8 * 7000);
    session_close(&session);
}

/* It waits for that thread with the loader's lock, which looking for operators takes too. */
static void a_library_may_make_a_thread_that_deletes_while_it_is_loaded(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char path[512];
    char *const arguments[] = {(char[]){"probe"}, (char[]){"load"}, path, NULL};
    struct session session;

    (void)state;
    snprintf(path, sizeof path, "%s", needed("TOLL_HEAP_PLUGIN"));
    session_open(&session, &exact);
    session.allocator = needed("TOLL_HEAP_ALLOCATOR");
    assert_int_equal(probe_run(&session, arguments), 0);
    session_close(&session);
}

static void blocks_may_be_freed_by_another_thread(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"threads"}, (char[]){"8"}, NULL};
    struct session session;
    double count = 0, left_bytes = 0, temporary_count = 0;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    const struct heap_book *book = heap_drain_book(session.drain);
    for (size_t i = 0; i < book->sites.count; i++) {
        const struct heap_site *site = &book->sites.items[i];
        if (site->bytes != 50 * site->count)
            continue;
        count += site->count;
        left_bytes += site->left_bytes;
        temporary_count += site->temporary_count;
    }
    assert_true(count == 8 * 2000);
    assert_true(left_bytes == 0);
    assert_true(temporary_count == 8 * 1000);
    assert_int_equal(heap_drain_totals(session.drain).lost_count, 0);
    session_close(&session);
}

/* The C library holds the thread's lock while it allocates for the answer. */
static void a_thread_may_ask_for_its_stack_first(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"asks"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    assert_true(site_of_size(&session, 50)->freed_count == 1);
    assert_int_equal(heap_drain_totals(session.drain).lost_count, 0);
    session_close(&session);
}

static void a_child_has_a_heap_of_its_own(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"fork"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    assert_int_equal(heap_drain_totals(session.drain).image_count, 2);
    const struct heap_site *mother = site_of_size(&session, 3000), *child = site_of_size(&session, 5000);
    assert_true(mother->image != child->image);
    assert_true(mother->left_bytes == 3000 && mother->freed_count == 0); /* the child freed its copy */
    assert_true(child->left_bytes == 5000);
    session_close(&session);
}

static void a_program_that_becomes_another_leaves_what_it_had(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"exec"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    const struct heap_book *book = heap_drain_book(session.drain);
    assert_int_equal(book->images.count, 2);
    assert_int_equal(book->images.items[0].pid, book->images.items[1].pid);
    assert_true(site_of_size(&session, 7000)->left_bytes == 7000);
    assert_true(site_of_size(&session, 11000)->left_bytes == 11000);
    assert_true(book->peak_bytes == 11000); /* never both at once */
    session_close(&session);
}

/* The sum of weights has a variance of at most rate x bytes; that of counts, rate x the sum of 1/size. */
static void samples_add_up_to_what_was_allocated(void **state)
{
    const double rate = 400000, count = 200000; /* so few that a ring holds all, however late they are read */
    char *const arguments[] = {(char[]){"probe"}, (char[]){"churn"}, (char[]){"200000"}, NULL};
    double bytes = 0, inverse = 0, told_bytes = 0, told_count = 0, left_bytes = 0;

    (void)state;
    for (unsigned i = 0; i < (unsigned)count; i++) {
        bytes += 16 + i % 1000;
        inverse += 1. / (16 + i % 1000);
    }
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct heap_drain_options sampled = {
            .mode = HEAP_SAMPLED, .rate_bytes = (uint64_t)rate, .seed = seed};
        struct session session;

        session_open(&session, &sampled);
        assert_int_equal(probe_run(&session, arguments), 0);
        const struct heap_book *book = heap_drain_book(session.drain);
        assert_int_equal(heap_drain_totals(session.drain).lost_count, 0);
        told_bytes = told_count = left_bytes = 0;
        for (size_t i = 0; i < book->sites.count; i++) {
            told_bytes += book->sites.items[i].bytes;
            told_count += book->sites.items[i].count;
            left_bytes += book->sites.items[i].left_bytes;
        }
        assert_true(fabs(told_bytes - bytes) < 3 * sqrt(rate * bytes));
        assert_true(fabs(told_count - count) < 3 * sqrt(rate * inverse));
        assert_true(fabs(left_bytes) < 1); /* every free of a sample was seen */
        session_close(&session);
    }
}

static void a_weight_is_a_size_over_its_chance(void **state)
{
    (void)state;
    assert_true(heap_weight(0, 100) == 100);
    assert_true(fabs(heap_weight(1000, 1) - 1000.5) < 0.01);
    assert_true(fabs(heap_weight(1000, 1000) - 1581.98) < 0.01);
    assert_true(heap_weight(1000, 100000) == 100000);
    assert_true(heap_weight(1000, 0) == 1000);
}

static void the_table_has_the_sums(void **state)
{
    struct heap_drain_options exact = {.mode = HEAP_EXACT};
    char *const arguments[] = {(char[]){"probe"}, (char[]){"left"}, (char[]){"10"}, (char[]){"9000"}, NULL};
    struct session session;

    (void)state;
    session_open(&session, &exact);
    assert_int_equal(probe_run(&session, arguments), 0);
    assert_int_equal(session.rows.view.row_count(&session.rows.view, TABLE_HEAP), 1);
    assert_int_equal(session.rows.view.row_count(&session.rows.view, TABLE_SERIES), 1);
    assert_int_equal(session.rows.view.row_count(&session.rows.view, TABLE_SAMPLE), 1);
    session_close(&session);
}

int heap_drain_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_sums_are_those_of_the_program),
        cmocka_unit_test(pages_that_move_and_grow_are_followed),
        cmocka_unit_test(an_allocator_of_another_library_is_counted_once),
        cmocka_unit_test(a_library_may_make_a_thread_that_deletes_while_it_is_loaded),
        cmocka_unit_test(blocks_may_be_freed_by_another_thread),
        cmocka_unit_test(a_thread_may_ask_for_its_stack_first),
        cmocka_unit_test(a_child_has_a_heap_of_its_own),
        cmocka_unit_test(a_program_that_becomes_another_leaves_what_it_had),
        cmocka_unit_test(samples_add_up_to_what_was_allocated),
        cmocka_unit_test(a_weight_is_a_size_over_its_chance),
        cmocka_unit_test(the_table_has_the_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
