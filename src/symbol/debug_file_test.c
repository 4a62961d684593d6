/* SPDX-License-Identifier: Apache-2.0 */
/* A small program, stripped in each way that is usual, must tell the same as before. The tools are binutils' and dwz. */
#include "symbol/debug_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "symbol/resolver.h"

int debug_file_test(void);

#define PLACE_MAX 512u

struct scene {
    char folder[64];
    const char *program; /* as it was built */
    size_t count;
    uint64_t offsets[PLACE_MAX];
};

static bool shell(const struct scene *scene, const char *commands)
{
    char text[1024];
    snprintf(text, sizeof text, "cd %s && PROGRAM=%s && { %s; } >log 2>&1", scene->folder, scene->program,
             commands);
    return system(text) == 0;
}

static void find_places(struct scene *scene)
{
    struct elf_image image;
    assert_int_equal(elf_image_open(open(scene->program, O_RDONLY | O_CLOEXEC), &image, NULL), 0);
    assert_int_equal(elf_image_load_symbols(&image, &image, NULL), 0);
    for (size_t i = 0; i < image.symbols.count; i++) {
        const struct elf_symbol *symbol = &image.symbols.items[i];
        if (strstr(symbol->name, "outermost") == NULL)
            continue;
        for (uint64_t at = symbol->low; at < symbol->high && scene->count < PLACE_MAX; at++)
            assert_true(elf_image_offset(&image, at, &scene->offsets[scene->count++]));
    }
    elf_image_close(&image);
    assert_true(scene->count > 10);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    *state = scene;
    scene->program = getenv("TOLL_TEST_INLINED");
    strcpy(scene->folder, "/tmp/toll-debug-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    if (scene->program)
        find_places(scene);
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", scene->folder);
    int status = system(command);
    free(scene);
    return status;
}

/* What a program tells of all places, with lines and inlined calls. */
static void tell(const struct scene *scene, const char *path, struct str *text)
{
    struct resolver *resolver;
    struct symbol_answer answer = {0};
    struct symbol_module module = {.path = path, .fd = -1};
    struct symbol_request request = {.offsets = scene->offsets, .count = scene->count};
    assert_int_equal(resolver_create("", &resolver, NULL), 0);
    assert_int_equal(resolver_lookup(resolver, &module, &request, &answer, NULL), 0);
    for (size_t i = 0; i < answer.frames.count; i++) {
        const struct symbol_frame *frame = &answer.frames.items[i];
        str_printf(text, "%s %s:%u %d\n", frame->function ? frame->function : "?",
                   frame->file ? frame->file : "?", frame->line, frame->inlined);
    }
    symbol_answer_deinit(&answer);
    resolver_destroy(resolver);
}

/* Whether `name` in the scene's folder tells the same as the program as it was built. */
static bool tells_the_same(const struct scene *scene, const char *name)
{
    char path[160];
    struct str wanted = {0}, got = {0};
    snprintf(path, sizeof path, "%s/%s", scene->folder, name);
    tell(scene, scene->program, &wanted);
    tell(scene, path, &got);
    assert_non_null(strstr(str_text(&wanted), ".c:"));
    bool same = strcmp(str_text(&wanted), str_text(&got)) == 0;
    str_free(&wanted);
    str_free(&got);
    return same;
}

static void require(const struct scene *scene, const char *tool)
{
    char command[64];
    snprintf(command, sizeof command, "command -v %s", tool);
    if (!scene->program || !shell(scene, command)) {
        print_message("# skipped: no test program in the environment (meson test gives it), or no %s\n",
                      tool);
        skip();
    }
}

static void a_debug_link_is_followed_next_to_the_program(void **state)
{
    struct scene *scene = *state;
    require(scene, "objcopy");
    assert_true(shell(scene, "mkdir .debug && objcopy --only-keep-debug $PROGRAM .debug/p.debug && "
                             "strip -o p $PROGRAM && objcopy --add-gnu-debuglink=.debug/p.debug p"));
    assert_true(tells_the_same(scene, "p"));
    assert_true(shell(scene, "mv .debug/p.debug ."));
    assert_true(tells_the_same(scene, "p"));
    assert_true(shell(scene, "mv p.debug .debug/other.debug"));
    assert_false(tells_the_same(scene, "p"));
}

static void without_build_id_the_checksum_decides(void **state)
{
    struct scene *scene = *state;
    require(scene, "objcopy");
    assert_true(shell(
        scene,
        "objcopy --remove-section=.note.gnu.build-id $PROGRAM q && "
        "objcopy --only-keep-debug q p.debug && strip -o p q && objcopy --add-gnu-debuglink=p.debug p"));
    assert_true(tells_the_same(scene, "p"));
    assert_true(shell(scene, "echo >>p.debug"));
    assert_false(tells_the_same(scene, "p"));
}

static void what_dwz_moved_to_a_common_file_is_found(void **state)
{
    struct scene *scene = *state;
    require(scene, "dwz");
    if (!shell(scene, "cp $PROGRAM p && cp $PROGRAM q && dwz -m common.debug -M common.debug p q && "
                      "readelf -S -W p | grep -q gnu_debugaltlink")) {
        print_message("# skipped: dwz does not take what this compiler writes\n");
        skip();
    }
    assert_true(tells_the_same(scene, "p"));
}

int debug_file_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_debug_link_is_followed_next_to_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_build_id_the_checksum_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_dwz_moved_to_a_common_file_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("debug_file", tests, NULL, NULL);
}
