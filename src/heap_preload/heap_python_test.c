/* SPDX-License-Identifier: Apache-2.0 */
/* heap_python_test: heap_python in a program that has Python's symbols, and a thread's state of its own making. */
#include "heap_preload/internal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int heap_python_test(void);

#define PAGE_BYTES  4096u
#define PAGE_COUNT  8u
#define IMAGE_BYTES (PAGE_COUNT * PAGE_BYTES)
#define RING_WORDS  4096u
/* where things lie in the image; behind it nothing is mapped */
#define STATE     0u
#define CFRAME    1024u
#define FRAME(i)  (PAGE_BYTES + 128u * (i))
#define CODE(i)   (2 * PAGE_BYTES + 256u * (i))
#define NAME(i)   (3 * PAGE_BYTES + 256u * (i))
#define FILE_NAME (4 * PAGE_BYTES)
#define LINES     (5 * PAGE_BYTES)
#define NOWHERE   IMAGE_BYTES

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): Python's own names */
extern char _PyRuntime[], PyCode_Type[];
extern const unsigned long Py_Version;
void *PyGILState_GetThisThreadState(void);
void *_PyThreadState_UncheckedGet(void);
int _Py_IsFinalizing(void);

char _PyRuntime[1024], PyCode_Type[16];
const unsigned long Py_Version = 0x030b02f0;
static uint8_t *image;
static bool has_lock, has_no_state, is_finalizing;

void *PyGILState_GetThisThreadState(void)
{
    return has_no_state ? NULL : image + STATE;
}

void *_PyThreadState_UncheckedGet(void)
{
    return has_lock ? image + STATE : NULL;
}

int _Py_IsFinalizing(void)
{
    return is_finalizing;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static struct python_layout layout;
static struct heap_python python;
static struct heap_ring ring_head;
static uint64_t ring[RING_WORDS];
static struct heap_lane lane = {.ring = &ring_head, .words = ring, .mask = RING_WORDS - 1, .python = &python};

static uint64_t at(unsigned offset)
{
    return (uint64_t)(uintptr_t)image + offset;
}

static void put(unsigned offset, uint64_t value)
{
    memcpy(image + offset, &value, sizeof value);
}

static void text_put(unsigned offset, const char *text)
{
    put(offset + layout.text_length, strlen(text));
    put(offset + layout.text_state, (1u | 8u | 16u) << layout.text_kind_shift);
    for (size_t i = 0; text[i]; i++)
        image[offset + layout.text_data + i] = (uint8_t)text[i];
}

static void function_put(unsigned index, const char *name, unsigned first_line)
{
    unsigned code = CODE(index);

    put(code + layout.object_type, (uint64_t)(uintptr_t)PyCode_Type);
    put(code + layout.code_qualname, at(NAME(index)));
    put(code + layout.code_filename, at(FILE_NAME));
    put(code + layout.code_linetable, at(LINES));
    put(code + layout.code_firstlineno, first_line);
    text_put(NAME(index), name);
}

static void frame_put(unsigned index, unsigned code, unsigned instruction, unsigned previous)
{
    put(FRAME(index) + layout.frame_code, at(CODE(code)));
    put(FRAME(index) + layout.frame_instruction, at(CODE(code)) + layout.code_instructions + instruction);
    put(FRAME(index) + layout.frame_previous, previous ? at(previous) : 0);
    image[FRAME(index) + layout.frame_owner] = 0;
    image[FRAME(index) + layout.frame_entry] = previous == 0;
}

/* grow(), at its second instruction, called by serve(). A table of lines that is larger than what is read of one at once. */
static void python_make(void)
{
    memset(image, 0, IMAGE_BYTES);
    put(STATE + layout.thread_frame, at(CFRAME));
    put(STATE + layout.thread_id, (uint64_t)pthread_self());
    put(CFRAME + layout.cframe_frame, at(FRAME(0)));
    function_put(0, "Cache.grow", 10);
    function_put(1, "serve", 40);
    text_put(FILE_NAME, "/srv/app.py");
    put(LINES + layout.bytes_size, 2000);
    for (unsigned i = 0; i < 1000; i++) { /* a line an instruction, and columns */
        image[LINES + layout.bytes_data + 2 * i] = 0x80 | 11 << 3;
        image[LINES + layout.bytes_data + 2 * i + 1] = 0x11;
    }
    frame_put(0, 0, 2, FRAME(1));
    frame_put(1, 1, 1600, 0);
}

static int setup(void **state)
{
    uint8_t *memory;

    (void)state;
    memory = mmap(NULL, IMAGE_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(munmap(memory + IMAGE_BYTES, PAGE_BYTES), 0);
    image = memory;
    memset(heap, 0, sizeof *heap);
    self.tid = (uint32_t)gettid();
    memset(&python, 0, sizeof python);
    memset(ring, 0, sizeof ring);
    lane.head = 0;
    heap_is_exact = has_lock = has_no_state = is_finalizing = false;
    heap_python_find();
    assert_true(heap_python_is_here);
    assert_true(python_layout_find(Py_Version, NULL, 0, &layout));
    python_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    heap_python_is_here = heap_is_exact = false;
    return munmap(image, IMAGE_BYTES);
}

/* The next HEAP_CODE of the ring from *word on. */
static void assert_code(unsigned *word, const char *name, uint64_t key)
{
    unsigned name_bytes = (unsigned)(ring[*word + 1] >> 48), file_bytes = (unsigned)ring[*word + 2];
    const char *file = (const char *)&ring[*word + 3 + heap_text_words(name_bytes)];

    assert_int_equal(ring[*word] & 15, HEAP_CODE);
    assert_int_equal(ring[*word + 1] & HEAP_KEY_MASK, key & HEAP_KEY_MASK);
    assert_int_equal(name_bytes, strlen(name));
    assert_memory_equal(&ring[*word + 3], name, name_bytes);
    assert_int_equal(file_bytes, strlen("/srv/app.py"));
    assert_memory_equal(file, "/srv/app.py", file_bytes);
    *word += heap_event_words(&ring[*word], RING_WORDS - *word);
}

static void functions_are_told_once_with_names_and_lines(void **state)
{
    unsigned word = 0;
    uint64_t key = heap_python_read(&lane);

    (void)state;
    assert_int_not_equal(key, 0);
    assert_int_equal(python.stack.count, 2);
    heap_python_name(&lane);
    assert_int_equal(python.lines[0], 12);
    assert_int_equal(python.lines[1], 841); /* far on in the table */
    assert_false(python.keys[0] & HEAP_ENTRY);
    assert_true(python.keys[1] & HEAP_ENTRY);
    assert_code(&word, "Cache.grow", python.keys[0]);
    assert_code(&word, "serve", python.keys[1]);
    assert_int_equal(lane.head, word);
    put(FRAME(0) + layout.frame_instruction, at(CODE(0)) + layout.code_instructions + 8);
    assert_int_not_equal(heap_python_read(&lane), key);
    heap_python_name(&lane);
    assert_int_equal(python.lines[0], 15);
    assert_int_equal(lane.head, word);
}

/* exec of small sources, one after the other: each function's code lies where the one before lay, with another name or file. */
static void another_function_at_the_same_place_is_another(void **state)
{
    unsigned word = 0;
    uint64_t key = heap_python_read(&lane), named;

    (void)state;
    heap_python_name(&lane);
    assert_code(&word, "Cache.grow", python.keys[0]);
    assert_code(&word, "serve", python.keys[1]);
    text_put(NAME(2), "render");
    put(CODE(0) + layout.code_qualname, at(NAME(2)));
    named = heap_python_read(&lane);
    assert_true(named && named != key);
    heap_python_name(&lane);
    assert_code(&word, "render", python.keys[0]);
    put(CODE(0) + layout.code_filename, at(FILE_NAME + 64));
    text_put(FILE_NAME + 64, "/srv/app.py"); /* another one's of the same name */
    assert_int_not_equal(heap_python_read(&lane), named);
    heap_python_name(&lane);
    assert_code(&word, "render", python.keys[0]);
    assert_int_equal(lane.head, word);
}

static void what_is_no_function_has_no_name(void **state)
{
    (void)state;
    put(CODE(0) + layout.object_type, 0);
    put(CODE(1) + layout.code_qualname, at(NOWHERE));
    assert_int_not_equal(heap_python_read(&lane), 0);
    heap_python_name(&lane);
    assert_int_equal(python.keys[0], 0);
    assert_true(python.keys[1] == HEAP_ENTRY);
    assert_int_equal(lane.head, 0);
}

static void a_state_of_another_thread_is_not_this_ones(void **state)
{
    (void)state;
    put(STATE + layout.thread_id, (uint64_t)pthread_self() + 8);
    assert_int_equal(heap_python_read(&lane), 0);
}

static void where_nothing_is_mapped_there_is_no_stack(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < 4; mode++) {
        heap_is_exact = mode & 1;
        has_lock = mode & 2;
        python_make();
        put(FRAME(1) + layout.frame_previous, at(NOWHERE - 8));
        errno = 7;
        assert_int_equal(heap_python_read(&lane), 0);
        put(FRAME(1) + layout.frame_previous, UINT64_MAX - 3);
        assert_int_equal(heap_python_read(&lane), 0);
        put(CFRAME + layout.cframe_frame, 8);
        assert_int_equal(heap_python_read(&lane), 0);
        assert_int_equal(errno, 7);
    }
}

/* Exact mode reads again what lies on pages that it has read: not when pages were unmapped since. */
static void a_page_that_was_unmapped_is_not_read_by_a_pointer(void **state)
{
    uint64_t key;

    (void)state;
    heap_is_exact = has_lock = true;
    key = heap_python_read(&lane);
    assert_int_not_equal(key, 0);
    assert_int_equal(heap_python_read(&lane), key);
    assert_int_equal(mprotect(image + FRAME(0), PAGE_BYTES, PROT_NONE), 0);
    heap->unmap_count++;
    assert_int_equal(heap_python_read(&lane), 0);
    assert_int_equal(mprotect(image + FRAME(0), PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
    has_lock = false; /* then each time anew */
    assert_int_equal(heap_python_read(&lane), key);
    assert_int_equal(mprotect(image + FRAME(0), PAGE_BYTES, PROT_NONE), 0);
    assert_int_equal(heap_python_read(&lane), 0);
}

static uint64_t mix(uint64_t *seed)
{
    *seed += GUEST_MULTIPLY;
    return guest_mix(*seed);
}

/* A word: of the image, of what is behind it, or of anything. */
static uint64_t any_word(uint64_t *seed)
{
    uint64_t value = mix(seed);

    switch (value >> 61) {
    case 0: return value;
    case 1: return at(NOWHERE) - (value & 255);
    case 2: return value & 0xffff;
    default: return at((unsigned)(value % IMAGE_BYTES) & ~7u);
    }
}

static void a_state_that_was_written_over_does_no_harm(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (unsigned round = 0; round < 600; round++) {
        python_make();
        for (unsigned i = 0; i < 1 + round % 40; i++)
            put((unsigned)(mix(&seed) % (5 * PAGE_BYTES)) & ~7u, any_word(&seed));
        for (unsigned i = 0; i < round % 4; i++)
            put(FRAME(i % 2) + 8 * (unsigned)(mix(&seed) % 10), any_word(&seed));
        put(STATE + layout.thread_id, (uint64_t)pthread_self());
        heap_is_exact = round & 1;
        has_lock = round & 2;
        for (unsigned i = 0; i < 2; i++)
            if (heap_python_read(&lane)) {
                assert_in_range(python.stack.count, 1, PYTHON_DEPTH_MAX);
                heap_python_name(&lane);
            }
    }
}

static void an_interpreter_that_ends_is_seen(void **state)
{
    (void)state;
    assert_false(heap_python_is_ending());
    is_finalizing = true;
    assert_true(heap_python_is_ending());
    has_no_state = true; /* a thread that runs no Python, or one that is through with it */
    assert_false(heap_python_is_ending());
    has_no_state = false;
    heap_python_is_here = false; /* another program has none */
    assert_false(heap_python_is_ending());
}

static void *key_read(void *ret_key)
{
    self.tid = (uint32_t)gettid();
    put(STATE + layout.thread_id, (uint64_t)pthread_self());
    *(uint64_t *)ret_key = heap_python_read(&lane);
    return NULL;
}

/* The first thread leaves (pthread_exit) and its process goes on: in a child, which says by its status what the other one read. */
static void *key_read_alone(void *unused)
{
    char path[64], text[512] = "";
    uint64_t key = 0;
    bool is_alone = false;

    (void)unused;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    for (unsigned tries = 0; tries < 100000 && !is_alone; tries++) {
        FILE *file = fopen(path, "re");
        is_alone = file && fgets(text, sizeof text, file) && strstr(text, ") Z ");
        if (file)
            fclose(file);
        sched_yield();
    }
    key_read(&key);
    _exit(is_alone ? key != 0 ? 0 : 1 : 2);
}

static void stacks_are_read_when_the_first_thread_has_left(void **state)
{
    pthread_t thread;
    pid_t child = fork();
    int status = -1;

    (void)state;
    if (child == 0) {
        if (pthread_create(&thread, NULL, key_read_alone, NULL) == 0)
            pthread_exit(NULL);
        _exit(3);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int heap_python_test(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(functions_are_told_once_with_names_and_lines),
        TEST(another_function_at_the_same_place_is_another),
        TEST(what_is_no_function_has_no_name),
        TEST(a_state_of_another_thread_is_not_this_ones),
        TEST(where_nothing_is_mapped_there_is_no_stack),
        TEST(a_page_that_was_unmapped_is_not_read_by_a_pointer),
        TEST(a_state_that_was_written_over_does_no_harm),
        TEST(an_interpreter_that_ends_is_seen),
        TEST(stacks_are_read_when_the_first_thread_has_left),
    };
    return cmocka_run_group_tests_name("heap_python", tests, NULL, NULL);
}
