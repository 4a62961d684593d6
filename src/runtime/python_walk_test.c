/* SPDX-License-Identifier: Apache-2.0 */
#include "python/python_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/python_code.h"

int python_walk_test(void);

#define BASE    0x10000u
#define RUNTIME BASE
#define CODE(i) (BASE + 0x4000 + (i)*0x200)

/* Memory with a Python of that version in it. */
struct image {
    uint8_t bytes[0x8000];
    struct python_layout layout;
    struct python_memory memory;
    unsigned read_count, change_at; /* at that reading the thread has gone on */
    uint64_t change_address, change_value;
};

static void put(struct image *image, uint64_t address, uint64_t value)
{
    assert_in_range(address, BASE, BASE + sizeof image->bytes - 8);
    memcpy(image->bytes + (address - BASE), &value, sizeof value);
}

static bool image_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    struct image *image = context;
    if (image->change_at && ++image->read_count == image->change_at)
        put(image, image->change_address, image->change_value);
    if (address < BASE || address > BASE + sizeof image->bytes || size > BASE + sizeof image->bytes - address)
        return false;
    memcpy(ret_bytes, image->bytes + (address - BASE), size);
    return true;
}

#define THREAD(i) (BASE + 0x1000 + (i)*0x200)
#define FRAME(i)  (BASE + 0x2000 + (i)*0x100)

/* Two interpreters, the second with threads 7 and 8. */
static void image_init(struct image *image, uint64_t version_hex)
{
    memset(image, 0, sizeof *image);
    image->memory = (struct python_memory){.context = image, .read = image_read};
    assert_true(python_layout_find(version_hex, &image->memory, RUNTIME, &image->layout));
    const struct python_layout *layout = &image->layout;
    uint64_t first = BASE + 0x600, second = BASE + 0x800;
    put(image, RUNTIME + layout->interpreters_head, first);
    put(image, first + layout->interpreter_next, second);
    put(image, second + layout->threads_head, THREAD(0));
    put(image, THREAD(0) + layout->thread_native_id, 7);
    put(image, THREAD(0) + layout->thread_next, THREAD(1));
    put(image, THREAD(1) + layout->thread_native_id, 8);
}

static void frame_put(struct image *image, unsigned index, uint64_t previous, uint8_t owner)
{
    const struct python_layout *layout = &image->layout;
    put(image, FRAME(index) + layout->frame_code, CODE(index));
    put(image, FRAME(index) + layout->frame_previous, previous);
    put(image, FRAME(index) + layout->frame_instruction, CODE(index) + 200 + index);
    image->bytes[FRAME(index) - BASE + layout->frame_owner] = owner;
    put(image, CODE(index) + layout->code_linetable, 0x77000 + index);
}

static void head_put(struct image *image, uint64_t thread, uint64_t frame)
{
    const struct python_layout *layout = &image->layout;
    if (layout->cframe_frame == PYTHON_ABSENT) {
        put(image, thread + layout->thread_frame, frame);
        return;
    }
    put(image, thread + layout->thread_frame, BASE + 0x3f00);
    put(image, BASE + 0x3f00 + layout->cframe_frame, frame);
}

static void a_thread_is_found_in_any_interpreter(void **state)
{
    struct image image;
    (void)state;
    image_init(&image, 0x030b02f0);
    assert_int_equal(python_thread_find(&image.memory, &image.layout, RUNTIME, 7), THREAD(0));
    assert_int_equal(python_thread_find(&image.memory, &image.layout, RUNTIME, 8), THREAD(1));
    assert_int_equal(python_thread_find(&image.memory, &image.layout, RUNTIME, 9), 0);
    put(&image, THREAD(1) + image.layout.thread_next, THREAD(0)); /* rings, as torn lists may be */
    put(&image, BASE + 0x800 + image.layout.interpreter_next, BASE + 0x800);
    assert_int_equal(python_thread_find(&image.memory, &image.layout, RUNTIME, 9), 0);
}

/* Python calls Python in one call of the interpreter; a C function between them makes another. */
static void frames_say_where_calls_of_the_interpreter_begin(void **state)
{
    struct image image;
    struct python_stack stack;
    (void)state;
    image_init(&image, 0x030b02f0);
    for (unsigned i = 0; i < 3; i++)
        frame_put(&image, i, i < 2 ? FRAME(i + 1) : 0, 0);
    image.bytes[FRAME(1) - BASE + image.layout.frame_entry] = 1;
    image.bytes[FRAME(2) - BASE + image.layout.frame_entry] = 1;
    head_put(&image, THREAD(0), FRAME(0));
    assert_true(python_stack_read(&image.memory, &image.layout, THREAD(0), &stack));
    assert_int_equal(stack.count, 3);
    assert_false(stack.is_cut);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(stack.frames[i].code, CODE(i));
        assert_int_equal(stack.frames[i].instruction, CODE(i) + 200 + i);
        assert_int_equal(stack.frames[i].lines, 0x77000 + i);
        assert_int_equal(stack.frames[i].is_entry, i > 0);
    }
}

static void from_3_12_on_the_interpreters_own_frames_say_it(void **state)
{
    struct image image;
    struct python_stack stack;
    (void)state;
    image_init(&image, 0x030c01f0);
    frame_put(&image, 0, FRAME(1), 0);
    frame_put(&image, 1, FRAME(2), PYTHON_OWNER_INTERPRETER);
    frame_put(&image, 2, FRAME(3), 0);
    put(&image, FRAME(2) + image.layout.frame_code, CODE(2) | 1); /* as 3.14 marks who owns it */
    frame_put(&image, 3, 0, PYTHON_OWNER_INTERPRETER);
    head_put(&image, THREAD(0), FRAME(0));
    assert_true(python_stack_read(&image.memory, &image.layout, THREAD(0), &stack));
    assert_int_equal(stack.count, 2);
    assert_int_equal(stack.frames[0].code, CODE(0));
    assert_true(stack.frames[0].is_entry);
    assert_int_equal(stack.frames[1].code, CODE(2));
    assert_true(stack.frames[1].is_entry);
}

/* Whenever the thread goes on to another function: that stack, the old one, or none, but no mixture. */
static void a_thread_that_goes_on_has_no_wrong_stack(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 16; at++) {
        struct image image;
        struct python_stack stack;
        image_init(&image, 0x030b02f0);
        frame_put(&image, 0, FRAME(2), 0);
        frame_put(&image, 1, FRAME(2), 0);
        frame_put(&image, 2, 0, 0);
        head_put(&image, THREAD(0), FRAME(0));
        image.change_at = at;
        image.change_address = BASE + 0x3f00 + image.layout.cframe_frame;
        image.change_value = FRAME(1);
        if (!python_stack_read(&image.memory, &image.layout, THREAD(0), &stack))
            continue;
        assert_int_equal(stack.count, 2);
        assert_true(stack.frames[0].code == CODE(0) || at <= 3);
        assert_int_equal(stack.frames[1].code, CODE(2));
    }
}

static void a_list_without_end_is_cut(void **state)
{
    struct image image;
    struct python_stack stack;
    (void)state;
    image_init(&image, 0x030b02f0);
    frame_put(&image, 0, FRAME(0), 0);
    head_put(&image, THREAD(0), FRAME(0));
    assert_true(python_stack_read(&image.memory, &image.layout, THREAD(0), &stack));
    assert_int_equal(stack.count, PYTHON_DEPTH_MAX);
    assert_true(stack.is_cut);
    image_init(&image, 0x030c01f0);
    frame_put(&image, 0, FRAME(0), PYTHON_OWNER_INTERPRETER);
    head_put(&image, THREAD(0), FRAME(0));
    assert_false(python_stack_read(&image.memory, &image.layout, THREAD(0), &stack));
}

static void text_put(struct image *image, uint64_t address, const char *text)
{
    put(image, address + image->layout.text_length, strlen(text));
    put(image, address + image->layout.text_state, (1u | 8u | 16u) << image->layout.text_kind_shift);
    memcpy(image->bytes + (address + image->layout.text_data - BASE), text, strlen(text));
}

static void what_is_no_code_object_has_no_name(void **state)
{
    struct image image;
    struct python_code code;
    (void)state;
    image_init(&image, 0x030b02f0);
    uint64_t at = CODE(0), name = BASE + 0x5000, file = BASE + 0x5100;
    put(&image, at + 8, 0x123450);
    put(&image, at + image.layout.code_qualname, name);
    put(&image, at + image.layout.code_filename, file);
    put(&image, at + image.layout.code_firstlineno, 12);
    text_put(&image, name, "Reader.next");
    text_put(&image, file, "/srv/reader.py");
    assert_true(python_code_read(&image.memory, &image.layout, 0x123450, at, &code));
    assert_string_equal(code.name, "Reader.next");
    assert_string_equal(code.file, "/srv/reader.py");
    assert_int_equal(python_code_line(&code, at + 400), 12); /* it has no table */
    python_code_free(&code);
    assert_false(python_code_read(&image.memory, &image.layout, 0x999990, at, &code));
    put(&image, name + image.layout.text_length, UINT64_MAX);
    assert_false(python_code_read(&image.memory, &image.layout, 0x123450, at, &code));
    put(&image, name + image.layout.text_length, 11);
    put(&image, name + image.layout.text_state, 0);
    assert_false(python_code_read(&image.memory, &image.layout, 0x123450, at, &code));
    assert_false(python_code_read(&image.memory, &image.layout, 0, 0x5000000, &code));
}

/* From 3.13 on the process itself tells where things are. */
static void places_that_make_no_sense_are_not_read(void **state)
{
    static const uint32_t sizes[] = {0, 4, 7, 513, UINT32_MAX};
    struct image image;
    struct python_code code;
    (void)state;
    image_init(&image, 0x030b02f0);
    image.layout.code_qualname = 1u << 20;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        image.layout.code_instructions = sizes[i];
        assert_false(python_code_read(&image.memory, &image.layout, 0, CODE(0), &code));
        assert_false(python_code_read(&image.memory, &image.layout, 0x123450, CODE(0), &code));
    }
}

/* Threads of a free-threaded build run copies of the instructions, which the code object lists. */
static void the_line_of_a_copy_is_that_of_the_original(void **state)
{
    struct image image;
    (void)state;
    image_init(&image, 0x030b02f0);
    image.layout.code_copies = 0x60;
    uint64_t at = CODE(0), own = at + image.layout.code_instructions, list = BASE + 0x5000;
    put(&image, at + image.layout.object_size, 50); /* instructions */
    put(&image, at + image.layout.code_copies, list);
    put(&image, list, 3);
    put(&image, list + 8, own);
    put(&image, list + 24, BASE + 0x6000);
    const struct python_memory *memory = &image.memory;
    assert_int_equal(python_code_instruction(memory, &image.layout, at, own + 10), own + 10);
    assert_int_equal(python_code_instruction(memory, &image.layout, at, BASE + 0x6000 + 12), own + 12);
    assert_int_equal(python_code_instruction(memory, &image.layout, at, BASE + 0x6000 + 100),
                     BASE + 0x6000 + 100); /* behind its end */
    image.layout.code_copies = PYTHON_ABSENT;
    assert_int_equal(python_code_instruction(memory, &image.layout, at, BASE + 0x6000 + 12),
                     BASE + 0x6000 + 12);
}

static void a_version_that_is_not_known_has_no_layout(void **state)
{
    struct image image;
    struct python_layout layout;
    (void)state;
    image_init(&image, 0x030b02f0);
    assert_false(python_layout_find(0x030a0df0, &image.memory, RUNTIME, &layout));
    assert_false(python_layout_find(0x030d00f0, &image.memory, RUNTIME, &layout)); /* no cookie there */
    memcpy(image.bytes, "xdebugpy", 8);
    put(&image, RUNTIME + 8, 0x030d00f0);
    put(&image, RUNTIME + 8 * 9, UINT64_MAX); /* an offset that makes no sense */
    assert_false(python_layout_find(0x030d00f0, &image.memory, RUNTIME, &layout));
}

int python_walk_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_found_in_any_interpreter),
        cmocka_unit_test(frames_say_where_calls_of_the_interpreter_begin),
        cmocka_unit_test(from_3_12_on_the_interpreters_own_frames_say_it),
        cmocka_unit_test(a_thread_that_goes_on_has_no_wrong_stack),
        cmocka_unit_test(a_list_without_end_is_cut),
        cmocka_unit_test(what_is_no_code_object_has_no_name),
        cmocka_unit_test(places_that_make_no_sense_are_not_read),
        cmocka_unit_test(the_line_of_a_copy_is_that_of_the_original),
        cmocka_unit_test(a_version_that_is_not_known_has_no_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
