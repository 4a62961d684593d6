/* SPDX-License-Identifier: Apache-2.0 */
#include "stacks/stacks.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/dataset.h"
#include "stacks/stacks_state.h"

int stacks_test(void);

#define PID 4000000000u /* no such process: nothing is read from /proc */

struct fixture {
    struct stacks *stacks;
    struct dataset dataset;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || stacks_create(&(struct stacks_options){.cache_folder = "", .node_count_max = 100000},
                                  &fixture->stacks, NULL))
        return -1;
    dataset_init(&fixture->dataset);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    stacks_destroy(fixture->stacks);
    dataset_deinit(&fixture->dataset);
    free(fixture);
    return 0;
}

static uint64_t add(struct fixture *fixture, uint32_t pid, const uint64_t *chain, size_t count)
{
    uint64_t id = UINT64_MAX;
    assert_int_equal(stacks_add(fixture->stacks, pid, chain, count, &id, NULL), 0);
    return id;
}

static void note(struct fixture *fixture, struct perf_event event)
{
    assert_int_equal(stacks_note(fixture->stacks, &event, NULL), 0);
}

static void note_map(struct fixture *fixture, uint32_t pid, uint64_t address, uint64_t length,
                     const char *path)
{
    note(fixture, (struct perf_event){.kind = PERF_MAP,
                                      .pid = pid,
                                      .map = {.address = address, .length_bytes = length, .path = path}});
}

static void finish(struct fixture *fixture)
{
    assert_int_equal(stacks_finish(fixture->stacks, &fixture->dataset.sink, NULL), 0);
}

static uint64_t row_count(const struct fixture *fixture, enum table_id table)
{
    return fixture->dataset.view.row_count(&fixture->dataset.view, table);
}

/* The cell of the row with an id. */
static uint64_t cell(const struct fixture *fixture, enum table_id table, uint64_t id, size_t column)
{
    const struct dataset *dataset = &fixture->dataset;
    for (size_t i = 0; i < dataset->columns[table][0].count; i++)
        if (dataset->columns[table][0].items[i] == id)
            return dataset->columns[table][column].items[i];
    fail_msg("no row %llu", (unsigned long long)id);
    return 0;
}

/* "outer;inner" with [ ] around the inlined ones. */
static const char *names(const struct fixture *fixture, uint64_t stack, char *buffer, size_t capacity)
{
    if (!stack) {
        buffer[0] = 0;
        return buffer;
    }
    names(fixture, cell(fixture, TABLE_STACK, stack, COLUMN(stack, parent)), buffer, capacity);
    uint64_t frame = cell(fixture, TABLE_STACK, stack, COLUMN(stack, frame));
    const char *name =
        view_text(&fixture->dataset.view, cell(fixture, TABLE_FRAME, frame, COLUMN(frame, function)));
    size_t length = strlen(buffer);
    bool inlined = cell(fixture, TABLE_FRAME, frame, COLUMN(frame, inlined));
    snprintf(buffer + length, capacity - length, inlined ? "%s[%s]" : "%s%s", length ? ";" : "", name);
    return buffer;
}

static void an_empty_chain_has_no_stack(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(add(fixture, PID, NULL, 0), 0);
    const uint64_t markers[] = {PERF_CONTEXT_KERNEL, PERF_CONTEXT_USER};
    assert_int_equal(add(fixture, PID, markers, 2), 0);
    finish(fixture);
    assert_int_equal(row_count(fixture, TABLE_STACK), 0);
    assert_int_equal(stacks_counts(fixture->stacks).stack_count, 0);
}

static void equal_chains_have_one_stack_and_ids_are_dense(void **state)
{
    struct fixture *fixture = *state;
    note_map(fixture, PID, 0x10000, 0x10000, "/nonexistent/libdata.so");
    const uint64_t one[] = {PERF_CONTEXT_USER, 0x10100, 0x10200, 0x10300};
    const uint64_t two[] = {PERF_CONTEXT_USER, 0x10110, 0x10200, 0x10300};
    uint64_t first = add(fixture, PID, one, 4);
    assert_int_equal(add(fixture, PID, one, 4), first);
    assert_int_not_equal(add(fixture, PID, two, 4), first);
    note(fixture, (struct perf_event){.kind = PERF_FORK, .pid = 7, .tid = 7, .ppid = PID});
    assert_int_equal(add(fixture, 7, one, 4), first);
    finish(fixture);
    assert_int_equal(row_count(fixture, TABLE_STACK), 4);
    bool seen[5] = {false};
    for (size_t i = 0; i < 4; i++) {
        uint64_t id = fixture->dataset.columns[TABLE_STACK][0].items[i];
        assert_true(id >= 1 && id <= 4 && !seen[id]);
        seen[id] = true;
    }
    char text[256];
    assert_string_equal(names(fixture, first, text, sizeof text), "[libdata.so];[libdata.so];[libdata.so]");
    assert_int_equal(stacks_counts(fixture->stacks).truncated_count, 4);
}

static void a_file_has_its_build_id_once(void **state)
{
    struct fixture *fixture = *state;
    note(fixture, (struct perf_event){.kind = PERF_MAP,
                                      .pid = PID,
                                      .map = {.address = 0x10000,
                                              .length_bytes = 0x10000,
                                              .build_id = {0xab, 0x01, 0xff},
                                              .build_id_size = 3,
                                              .path = "/nonexistent/libdata.so"}});
    note_map(fixture, PID, 0x30000, 0x10000, "/nonexistent/libother.so");
    const uint64_t chain[] = {PERF_CONTEXT_USER, 0x10100, 0x10200, 0x30300};
    add(fixture, PID, chain, 4);
    finish(fixture);
    const struct dataset *dataset = &fixture->dataset;
    assert_int_equal(row_count(fixture, TABLE_ATTR), 1);
    assert_int_equal(dataset->columns[TABLE_ATTR][COLUMN(attr, owner_table)].items[0], TABLE_FRAME);
    uint64_t frame = dataset->columns[TABLE_ATTR][COLUMN(attr, owner)].items[0];
    assert_string_equal(view_text(&dataset->view, cell(fixture, TABLE_FRAME, frame, COLUMN(frame, module))),
                        "/nonexistent/libdata.so");
    assert_string_equal(view_text(&dataset->view, dataset->columns[TABLE_ATTR][COLUMN(attr, value)].items[0]),
                        "ab01ff");
}

static void callers_are_looked_up_one_byte_before_their_return(void **state)
{
    struct fixture *fixture = *state;
    note_map(fixture, PID, 0x10000, 0x10000, "/nonexistent/libdata.so");
    const uint64_t chain[] = {PERF_CONTEXT_USER, 0x10100, 0x10200};
    uint64_t leaf = add(fixture, PID, chain, 3);
    finish(fixture);
    uint64_t frame = cell(fixture, TABLE_STACK, leaf, COLUMN(stack, frame));
    assert_int_equal(cell(fixture, TABLE_FRAME, frame, COLUMN(frame, address)), 0x100);
    uint64_t parent = cell(fixture, TABLE_STACK, leaf, COLUMN(stack, parent));
    frame = cell(fixture, TABLE_STACK, parent, COLUMN(stack, frame));
    assert_int_equal(cell(fixture, TABLE_FRAME, frame, COLUMN(frame, address)), 0x1ff);
}

static void an_exec_forgets_the_old_program(void **state)
{
    struct fixture *fixture = *state;
    note_map(fixture, PID, 0x10000, 0x10000, "/nonexistent/before");
    note(fixture, (struct perf_event){.kind = PERF_EXEC, .pid = PID, .tid = PID, .name = "after"});
    note_map(fixture, PID, 0x20000, 0x10000, "/nonexistent/after (deleted)");
    const uint64_t chain[] = {0x20100, 0x10100}; /* the second is no code any more: no caller */
    char text[256];
    uint64_t stack = add(fixture, PID, chain, 2);
    finish(fixture);
    assert_string_equal(names(fixture, stack, text, sizeof text), "[after]");
}

static void functions_of_a_running_process_are_named(void **state)
{
    struct fixture *fixture = *state;
    uint32_t pid = (uint32_t)getpid();
    assert_int_equal(stacks_read_maps(fixture->stacks, pid, NULL), 0);
    const uint64_t chain[] = {PERF_CONTEXT_USER, (uint64_t)(uintptr_t)&stacks_test + 1,
                              (uint64_t)(uintptr_t)&functions_of_a_running_process_are_named + 1};
    uint64_t stack = add(fixture, pid, chain, 3);
    assert_int_equal(stacks_advance(fixture->stacks, &fixture->dataset.sink, UINT64_MAX / 2, NULL), 0);
    uint64_t written = row_count(fixture, TABLE_STACK);
    finish(fixture);
    assert_true(written == 2 || row_count(fixture, TABLE_STACK) == 2); /* or the test program is large */
    char text[256];
    assert_string_equal(names(fixture, stack, text, sizeof text),
                        "functions_of_a_running_process_are_named;stacks_test");
    assert_int_equal(stacks_counts(fixture->stacks).unknown_count, 0);
    finish(fixture);
    assert_int_equal(row_count(fixture, TABLE_STACK), 2);
}

static void inlined_functions_have_rows_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    const char *path = getenv("TOLL_TEST_INLINED");
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    note_map(fixture, PID, 0x100000, 0x10000, path);
    uint64_t stacks[0x300];
    for (uint64_t i = 0; i < 0x300; i++) /* .text of this program lies there */
        stacks[i] = add(fixture, PID, &(uint64_t){0x101000 + i}, 1);
    finish(fixture);
    size_t found = 0;
    char text[256];
    for (uint64_t i = 0; i < 0x300; i++)
        found += strcmp(names(fixture, stacks[i], text, sizeof text), "outermost;[middle];[innermost]") == 0;
    assert_true(found > 5);
    uint64_t count = row_count(fixture, TABLE_STACK);
    bool *seen = calloc(count + 1, 1);
    assert_non_null(seen);
    for (size_t i = 0; i < count; i++) {
        uint64_t id = fixture->dataset.columns[TABLE_STACK][0].items[i];
        assert_true(id >= 1 && id <= count && !seen[id]);
        seen[id] = true;
    }
    free(seen);
}

#ifdef __x86_64__
/* The registers here, and a copy of the stack above, as a sample has them. */
static __attribute__((noinline)) struct perf_dump dump_here(uint8_t *bytes, size_t size)
{
    struct perf_dump dump = {.bytes = bytes};
    __asm__ volatile("leaq 0(%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
                     : "=r"(dump.ip), "=r"(dump.sp), "=r"(dump.bp));
    struct iovec here = {bytes, size}, there = {(void *)dump.sp, size};
    ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    dump.size = got > 0 ? (size_t)got : 0;
    return dump;
}

static void callers_are_found_in_a_copy_of_the_stack(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = malloc(32 << 10);
    assert_non_null(bytes);
    struct stacks_dumped dumped = {.dump = dump_here(bytes, 32 << 10)};
    const uint64_t chain[] = {PERF_CONTEXT_USER, dumped.dump.ip};
    dumped.chain = chain;
    dumped.chain_count = 2;
    uint64_t stack = 0;
    char text[4096];
    assert_int_equal(stacks_read_maps(fixture->stacks, (uint32_t)getpid(), NULL), 0);
    assert_int_equal(stacks_add_dumped(fixture->stacks, (uint32_t)getpid(), &dumped, &stack, NULL), 0);
    finish(fixture);
    names(fixture, stack, text, sizeof text);
    assert_non_null(strstr(text, ";callers_are_found_in_a_copy_of_the_stack;dump_here"));
    assert_non_null(strstr(text, "main;"));
    assert_int_equal(stacks_counts(fixture->stacks).truncated_count, 0);
    free(bytes);
}

/* Frame pointers that reach further than the copy: the rest of their chain is put behind what both know. */
static void a_copy_that_is_too_short_is_continued_by_frame_pointers(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *bytes = malloc(32 << 10);
    assert_non_null(bytes);
    struct stacks_dumped dumped = {.dump = dump_here(bytes, 32 << 10)};
    uint64_t whole, stack, tail;
    char text[4096];
    assert_int_equal(stacks_read_maps(fixture->stacks, (uint32_t)getpid(), NULL), 0);
    uint64_t chain[] = {PERF_CONTEXT_USER, dumped.dump.ip, 0, (uint64_t)(uintptr_t)&stacks_test + 1};
    dumped.chain = chain;
    dumped.chain_count = 4;
    memcpy(&chain[2], (const uint64_t *)__builtin_frame_address(0) + 1, sizeof chain[2]);
    assert_int_equal(stacks_add_dumped(fixture->stacks, (uint32_t)getpid(), &dumped, &whole, NULL), 0);
    dumped.dump.size =
        (uint64_t)__builtin_frame_address(0) + 16 - dumped.dump.sp; /* this function's frame is there */
    assert_int_equal(stacks_add_dumped(fixture->stacks, (uint32_t)getpid(), &dumped, &stack, NULL), 0);
    finish(fixture);
    names(fixture, stack, text, sizeof text);
    assert_non_null(strstr(text, "stacks_test;"));
    tail = cell(fixture, TABLE_STACK, stack, COLUMN(stack, parent));
    assert_true(tail && stack != whole);
    free(bytes);
}
#endif

static void a_chain_that_reaches_the_c_librarys_start_is_whole(void **state)
{
    struct fixture *fixture = *state;
    note_map(fixture, PID, 0x10000, 0x10000, "/nonexistent/program");
    note_map(fixture, PID, 0x30000, 0x10000, "/nonexistent/libc.so.6");
    const uint64_t whole[] = {PERF_CONTEXT_USER, 0x10100, 0x10200, 0x30100, 0x1};
    const uint64_t cut[] = {PERF_CONTEXT_USER, 0x30100};
    add(fixture, PID, whole, 5);
    finish(fixture);
    assert_int_equal(stacks_counts(fixture->stacks).truncated_count, 0);
    add(fixture, PID, cut, 2);
    finish(fixture);
    assert_int_equal(stacks_counts(fixture->stacks).truncated_count, 1);
    assert_int_equal(stacks_counts(fixture->stacks).stack_count, 2);
}

static void code_that_no_event_told_is_looked_for_in_the_process(void **state)
{
    struct fixture *fixture = *state;
    const struct mapping *found;
    uint32_t own = (uint32_t)getpid();
    char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t address = (uint64_t)(uintptr_t)code;
    assert_true(code != MAP_FAILED);
    stacks_destroy(fixture->stacks);
    assert_int_equal(stacks_create(&(struct stacks_options){.cache_folder = "", .is_told_files = true},
                                   &fixture->stacks, NULL),
                     0);
    stacks_set_time(fixture->stacks, 1000000000);
    assert_null(stacks_map_find(fixture->stacks, own, 16));
    stacks_set_time(fixture->stacks, 5000000000);
    found = stacks_map_find(fixture->stacks, own, address + 5);
    assert_true(found && found->module == MODULE_UNKNOWN);
    found =
        stacks_map_find(fixture->stacks, own, (uint64_t)(uintptr_t)&setup); /* of a file that was not told */
    assert_true(found && found->module > MODULE_MANAGED);
    munmap(code, 4096);
}

static void a_machine_that_runs_for_long_has_pauses_between_looks(void **state)
{
    const uint64_t now_ns = 300ull * 86400 * 1000000000;
    struct fixture *fixture = *state;
    uint32_t own = (uint32_t)getpid();
    stacks_destroy(fixture->stacks);
    assert_int_equal(stacks_create(&(struct stacks_options){.cache_folder = "", .is_told_files = true},
                                   &fixture->stacks, NULL),
                     0);
    stacks_set_time(fixture->stacks, now_ns);
    assert_null(stacks_map_find(fixture->stacks, own, 16));
    char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(code != MAP_FAILED);
    assert_null(stacks_map_find(fixture->stacks, own, (uint64_t)(uintptr_t)code));
    stacks_set_time(fixture->stacks, now_ns + 19000000);
    assert_null(stacks_map_find(fixture->stacks, own, (uint64_t)(uintptr_t)code));
    stacks_set_time(fixture->stacks, now_ns + 20000000);
    assert_non_null(stacks_map_find(fixture->stacks, own, (uint64_t)(uintptr_t)code));
    munmap(code, 4096);
}

/* Its functions stand before those of others: what it does for the program is the program's. */
static void a_library_that_is_left_out_stays_where_it_was_at_work(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    stacks_destroy(fixture->stacks);
    assert_int_equal(stacks_create(&(struct stacks_options){.cache_folder = "", .left_out = "libhooks.so"},
                                   &fixture->stacks, NULL),
                     0);
    note_map(fixture, PID, 0x10000, 0x10000, "/nonexistent/program");
    note_map(fixture, PID, 0x20000, 0x10000, "/nonexistent/libhooks.so");
    note_map(fixture, PID, 0x30000, 0x10000, "/nonexistent/libc.so.6");
    /* The program's read(), in the C library; a hook itself; what it called below another of its functions; a thread's start. */
    const uint64_t through[] = {0x30100, 0x20100, 0x10100}, plain[] = {0x30100, 0x10100};
    const uint64_t hook[] = {0x20100, 0x10100}, below[] = {0x30500, 0x20200, 0x20101, 0x10100};
    const uint64_t thread[] = {0x30100, 0x10100, 0x20300, 0x30700}, without[] = {0x30100, 0x10100, 0x30700};
    uint64_t of_hook = add(fixture, PID, hook, 2);
    assert_int_equal(add(fixture, PID, through, 3), add(fixture, PID, plain, 2));
    assert_int_equal(add(fixture, PID, below, 4), of_hook);
    assert_int_equal(add(fixture, PID, thread, 4), add(fixture, PID, without, 3));
    finish(fixture);
    names(fixture, of_hook, text, sizeof text);
    assert_string_equal(text, "[program];[libhooks.so]");
}

static void too_many_stacks_end_at_a_known_caller(void **state)
{
    struct fixture *fixture = *state;
    stacks_destroy(fixture->stacks);
    assert_int_equal(stacks_create(&(struct stacks_options){.cache_folder = "", .node_count_max = 10},
                                   &fixture->stacks, NULL),
                     0);
    note_map(fixture, PID, 0x10000, 0x10000, "/nonexistent/program");
    uint64_t base = add(fixture, PID, (const uint64_t[]){0x10500}, 1);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t stack = add(fixture, PID, (const uint64_t[]){0x11000 + i, 0x10501}, 2);
        assert_true(i < 9 ? stack != base : stack == base);
    }
    finish(fixture);
    assert_int_equal(row_count(fixture, TABLE_STACK), 10);
    assert_int_equal(stacks_counts(fixture->stacks).overflow_count, 991);
    assert_int_equal(stacks_counts(fixture->stacks).frame_count, 10);
}

static void names_that_a_compiler_wrote_are_found(void **state)
{
    struct fixture *fixture = *state;
    uint32_t pid = (uint32_t)getpid();
    char path[64], text[256];
    snprintf(path, sizeof path, "/tmp/perf-%u.map", pid);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    static const char map[] = "500000 100 py::parse:/app/a.py\n";
    assert_int_equal(write(fd, map, strlen(map)), strlen(map));
    close(fd);
    note_map(fixture, pid, 0x500000, 0x1000, "//anon");
    uint64_t known = add(fixture, pid, (const uint64_t[]){0x500010}, 1);
    uint64_t unknown = add(fixture, pid, (const uint64_t[]){0x500100}, 1);
    finish(fixture);
    unlink(path);
    assert_string_equal(names(fixture, known, text, sizeof text), "parse");
    assert_string_equal(names(fixture, unknown, text, sizeof text), "[jit]");
}

/* An interpreter's calls become what they run; a trampoline without a file does nothing else than call it. */
static void managed_frames_stand_for_the_interpreters_calls(void **state)
{
    struct fixture *fixture = *state;
    struct stacks_managed_frame frames[] = {{.is_entry = false}, {.is_entry = true}, {.is_entry = true}};
    const struct stacks_range interpreter = {0x1100, 0x1200};
    struct stacks_managed managed = {.frames = frames,
                                     .frame_count = 3,
                                     .interpreter = &interpreter,
                                     .interpreter_count = 1,
                                     .has_trampolines = true};
    const uint64_t chain[] = {PERF_CONTEXT_USER, 0x1010, 0x1150, 0x9000, 0x1110, 0x1020};
    struct stacks_dumped dumped = {.chain = chain, .chain_count = 6, .managed = &managed};
    uint64_t whole, cut;
    char text[256];

    note_map(fixture, PID, 0x1000, 0x1000, "/no/such/interpreter");
    assert_int_equal(stacks_managed_frame(fixture->stacks, "next", "/r.py", 7, &frames[0].frame, NULL), 0);
    assert_int_equal(stacks_managed_frame(fixture->stacks, "read", "/r.py", 9, &frames[1].frame, NULL), 0);
    assert_int_equal(stacks_managed_frame(fixture->stacks, "<module>", "", 0, &frames[2].frame, NULL), 0);
    assert_int_equal(stacks_add_dumped(fixture->stacks, PID, &dumped, &whole, NULL), 0);
    dumped.chain_count = 3;
    assert_int_equal(stacks_add_dumped(fixture->stacks, PID, &dumped, &cut, NULL), 0);
    finish(fixture);
    assert_string_equal(names(fixture, whole, text, sizeof text),
                        "[interpreter];<module>;read;next;[interpreter]");
    assert_string_equal(names(fixture, cut, text, sizeof text), "<module>;read;next;[interpreter]");
}

int stacks_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_chain_has_no_stack),
        TEST(equal_chains_have_one_stack_and_ids_are_dense),
        TEST(a_file_has_its_build_id_once),
        TEST(callers_are_looked_up_one_byte_before_their_return),
        TEST(an_exec_forgets_the_old_program),
        TEST(functions_of_a_running_process_are_named),
        TEST(inlined_functions_have_rows_of_their_own),
#ifdef __x86_64__
        TEST(callers_are_found_in_a_copy_of_the_stack),
        TEST(a_copy_that_is_too_short_is_continued_by_frame_pointers),
#endif
        TEST(a_chain_that_reaches_the_c_librarys_start_is_whole),
        TEST(code_that_no_event_told_is_looked_for_in_the_process),
        TEST(a_machine_that_runs_for_long_has_pauses_between_looks),
        TEST(a_library_that_is_left_out_stays_where_it_was_at_work),
        TEST(too_many_stacks_end_at_a_known_caller),
        TEST(names_that_a_compiler_wrote_are_found),
        TEST(managed_frames_stand_for_the_interpreters_calls),
    };
    return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
