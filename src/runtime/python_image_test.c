/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of real interpreters (tests/data/python), as it was read while a thread waited: each version's own bytes, and no
 * more of them than are asked for. `TOLL_TEST_PYTHON=python3.14 TOLL_TEST_PYTHON_KEEP=FILE runtime_tests python_test`
 * writes one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vec.h"
#include "python/python_walk.h"
#include "runtime/python_code.h"
#include "runtime/python_place.h"

int python_image_test(void);
void python_image_keep(const char *path, uint32_t pid, const struct python_place *place);

#define PIECE_BYTES 1024

struct piece {
    uint64_t address;
    size_t size;
    uint8_t bytes[PIECE_BYTES];
};

struct image {
    uint64_t version, runtime, code_type, thread; /* the thread by the kernel's number */
    VEC(struct piece) pieces;
    const struct python_memory *source; /* what is read of it is kept */
};

static bool source_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    struct image *image = context;
    struct piece piece = {.address = address, .size = size};
    assert_true(size <= sizeof piece.bytes);
    if (!image->source->read(image->source->context, address, ret_bytes, size))
        return false;
    memcpy(piece.bytes, ret_bytes, size);
    assert_false(vec_push(&image->pieces, piece));
    return true;
}

static bool image_read(void *context, uint64_t address, void *ret_bytes, size_t size)
{
    const struct image *image = context;
    for (size_t i = 0; i < image->pieces.count; i++) {
        const struct piece *piece = &image->pieces.items[i];
        if (piece->address == address && piece->size == size) {
            memcpy(ret_bytes, piece->bytes, size);
            return true;
        }
    }
    return false;
}

/* "outer:6 inner:4" of a thread, read as the recorder does. */
static void names_read(const struct image *image, const struct python_memory *memory, char *text,
                       size_t capacity)
{
    struct python_layout layout;
    struct python_stack stack;
    struct python_code code;
    size_t length = 0;

    assert_true(python_layout_find(image->version, memory, image->runtime, &layout));
    uint64_t thread = python_thread_find(memory, &layout, image->runtime, image->thread);
    assert_int_not_equal(thread, 0);
    assert_true(python_stack_read(memory, &layout, thread, &stack));
    assert_true(stack.count > 0);
    text[0] = '\0';
    for (size_t i = stack.count; i-- > 0;) {
        const struct python_frame *frame = &stack.frames[i];
        assert_true(python_code_read(memory, &layout, image->code_type, frame->code, &code));
        uint64_t at = python_code_instruction(memory, &layout, frame->code, frame->instruction);
        length += (size_t)snprintf(text + length, capacity - length, "%s%s:%u%s", length ? " " : "",
                                   code.name, python_code_line(&code, at), frame->is_entry ? "!" : "");
        python_code_free(&code);
        assert_true(length < capacity);
    }
}

void python_image_keep(const char *path, uint32_t pid, const struct python_place *place)
{
    struct python_memory process = python_memory_of(&pid);
    struct image image = {.version = place->version_hex,
                          .runtime = place->runtime.low,
                          .code_type = place->code_type,
                          .thread = pid,
                          .source = &process};
    struct python_memory memory = {.context = &image, .read = source_read};
    char text[256];
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    names_read(&image, &memory, text, sizeof text);
    fprintf(file, "%llx %llx %llx %llx\n", (unsigned long long)image.version,
            (unsigned long long)image.runtime, (unsigned long long)image.code_type,
            (unsigned long long)image.thread);
    for (size_t i = 0; i < image.pieces.count; i++) {
        const struct piece *piece = &image.pieces.items[i];
        fprintf(file, "%llx ", (unsigned long long)piece->address);
        for (size_t at = 0; at < piece->size; at++)
            fprintf(file, "%02x", piece->bytes[at]);
        fputc('\n', file);
    }
    fclose(file);
    vec_free(&image.pieces);
}

static void piece_take(struct image *image, const char *line)
{
    struct piece piece = {0};
    char *at;
    piece.address = strtoull(line, &at, 16);
    for (at++; at[0] && at[0] != '\n' && at[1]; at += 2) {
        const char digits[] = {at[0], at[1], '\0'};
        assert_true(piece.size < sizeof piece.bytes);
        piece.bytes[piece.size++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    if (!image_read(image, piece.address, (uint8_t[PIECE_BYTES]){0}, piece.size))
        assert_false(vec_push(&image->pieces, piece));
}

static void image_load(struct image *image, const char *name)
{
    char path[512], line[2 * PIECE_BYTES + 64];
    unsigned long long head[4];
    const char *folder = getenv("TOLL_TEST_PYTHON_DATA");
    assert_non_null(folder);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(sscanf(line, "%llx %llx %llx %llx", &head[0], &head[1], &head[2], &head[3]), 4);
    *image = (struct image){.version = head[0], .runtime = head[1], .code_type = head[2], .thread = head[3]};
    while (fgets(line, sizeof line, file))
        piece_take(image, line);
    fclose(file);
}

static void each_versions_memory_tells_functions_and_lines(void **state)
{
    static const char *const names[] = {"3.11.memory", "3.13.memory", "3.14.memory", "3.15.memory"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct image image;
        char text[256];
        image_load(&image, names[i]);
        struct python_memory memory = {.context = &image, .read = image_read};
        names_read(&image, &memory, text, sizeof text);
        assert_string_equal(text, "<module>:7! outer:6 inner:4!");
        vec_free(&image.pieces);
    }
}

/* A word of _PyRuntime, which was read first. */
static void word_put(struct image *image, size_t index, uint64_t value)
{
    struct piece *first = image->pieces.items;
    assert_true(first && first->address == image->runtime);
    if (first)
        memcpy(first->bytes + sizeof value * index, &value, sizeof value);
}

/* A release with other offsets than ours tells them itself; one that says it is another version is not believed. */
static void offsets_are_those_that_the_interpreter_tells(void **state)
{
    struct image image;
    struct python_layout layout;
    (void)state;
    image_load(&image, "3.14.memory");
    struct python_memory memory = {.context = &image, .read = image_read};
    assert_true(python_layout_find(image.version, &memory, image.runtime, &layout));
    assert_int_equal(layout.frame_owner, 74);
    assert_int_equal(layout.gil_holder, 316616 - 225864 + 7792);
    assert_int_equal(layout.gil_enabled, PYTHON_ABSENT);
    assert_int_equal(layout.code_copies, PYTHON_ABSENT);
    word_put(&image, 36, 70);
    assert_true(python_layout_find(image.version, &memory, image.runtime, &layout));
    assert_int_equal(layout.frame_owner, 70);
    assert_false(python_layout_find(0x030f00f0, &memory, image.runtime, &layout));
    word_put(&image, 36, UINT64_MAX);
    assert_false(python_layout_find(image.version, &memory, image.runtime, &layout));
    vec_free(&image.pieces);
}

/* The same bytes as a build without the GIL would tell them. */
static void a_free_threaded_build_says_where_its_lock_may_be(void **state)
{
    struct image image;
    struct python_layout layout;
    (void)state;
    image_load(&image, "3.14.memory");
    struct python_memory memory = {.context = &image, .read = image_read};
    word_put(&image, 2, 1);
    word_put(&image, 17, 4);   /* enabled, in the lock */
    word_put(&image, 49, 192); /* the list of copies, in a code object */
    word_put(&image, 50, 32);
    assert_true(python_layout_find(image.version, &memory, image.runtime, &layout));
    assert_int_equal(layout.gil_enabled, 316616 - 225864 + 7784 + 4);
    assert_int_equal(layout.code_copies, 192);
    assert_int_equal(layout.object_size, 32);
    assert_int_equal(layout.text_kind_shift, 8);
    vec_free(&image.pieces);
}

int python_image_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_versions_memory_tells_functions_and_lines),
        cmocka_unit_test(offsets_are_those_that_the_interpreter_tells),
        cmocka_unit_test(a_free_threaded_build_says_where_its_lock_may_be),
    };
    return cmocka_run_group_tests_name("python_image", tests, NULL, NULL);
}
