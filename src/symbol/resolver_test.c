/* SPDX-License-Identifier: Apache-2.0 */
/* Small programs of tests/data/programs, every place of their code, held against binutils' addr2line. */
#include "symbol/resolver.h"

#include <fcntl.h>
#include <gelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/str.h"
#include "symbol/elf_image.h"
#include "symbol/name_table.h"

int resolver_test(void);

#define ADDRESS_MAX 4096u
#define DEPTH_MAX   16u

struct places {
    size_t count;
    uint64_t addresses[ADDRESS_MAX];
    uint64_t offsets[ADDRESS_MAX];
};

/* All addresses of the functions whose linker name holds `part`. */
static void places_of(const char *path, const char *part, struct places *places)
{
    struct elf_image image;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(elf_image_open(fd, &image, NULL), 0);
    assert_int_equal(elf_image_load_symbols(&image, &image, NULL), 0);
    places->count = 0;
    for (size_t i = 0; i < image.symbols.count; i++) {
        const struct elf_symbol *symbol = &image.symbols.items[i];
        if (!strstr(symbol->name, part))
            continue;
        for (uint64_t at = symbol->low; at < symbol->high && places->count < ADDRESS_MAX; at++) {
            assert_true(elf_image_offset(&image, at, &places->offsets[places->count]));
            places->addresses[places->count++] = at;
        }
    }
    elf_image_close(&image);
}

static int lookup(struct resolver *resolver, const struct symbol_module *module, const uint64_t *offsets,
                  size_t count, struct symbol_answer *answer)
{
    struct symbol_request request = {.offsets = offsets, .count = count};
    return resolver_lookup(resolver, module, &request, answer, NULL);
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "?";
}

/* addr2line leaves out the namespace of a static function. */
static const char *last_name(const char *name)
{
    for (const char *next; (next = strstr(name, "::"));)
        name = next + 2;
    return name;
}

/* One line "function file:line" per frame, innermost first, and "@" before each place. */
static void print_answer(const struct symbol_answer *answer, struct str *text)
{
    for (size_t i = 0; i < answer->places.count; i++) {
        const struct symbol_place *place = &answer->places.items[i];
        str_append(text, "@\n");
        for (size_t k = place->count; k-- > 0;) {
            const struct symbol_frame *frame = &answer->frames.items[place->first + k];
            char line[16] = "?";
            if (frame->line)
                snprintf(line, sizeof line, "%u", frame->line);
            str_printf(text, "%s %s:%s\n", frame->function ? last_name(frame->function) : "?",
                       base_name(frame->file), line);
        }
    }
}

/* The same from addr2line; false when it is not installed. */
static bool print_addr2line(const char *path, const struct places *places, struct str *text)
{
    char list[] = "/tmp/toll-addresses-XXXXXX";
    int fd = mkstemp(list);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    assert_non_null(out);
    for (size_t i = 0; i < places->count; i++)
        fprintf(out, "0x%llx\n", (unsigned long long)places->addresses[i]);
    fclose(out);
    char command[512], function[1024], line[1024];
    snprintf(command, sizeof command, "addr2line -f -i -a -C -e %s <%s", path, list);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    while (fgets(function, sizeof function, in)) {
        if (strncmp(function, "0x", 2) == 0) {
            str_append(text, "@\n");
            continue;
        }
        assert_non_null(fgets(line, sizeof line, in));
        function[strcspn(function, "\n(")] = 0; /* without parameters, as toll writes it */
        line[strcspn(line, "\n ")] = 0;         /* without " (discriminator N)" */
        str_printf(text, "%s %s\n", last_name(function), base_name(line));
    }
    unlink(list);
    return pclose(in) == 0;
}

static void compare(const char *variable, const char *part)
{
    const char *path = getenv(variable);
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    struct places *places = malloc(sizeof *places);
    assert_non_null(places);
    places_of(path, part, places);
    assert_true(places->count > 10);
    struct str ours = {0}, theirs = {0};
    if (!print_addr2line(path, places, &theirs)) {
        print_message("# skipped: addr2line (binutils) is not installed\n");
        free(places);
        skip();
    }
    struct resolver *resolver;
    struct symbol_answer answer = {0};
    struct symbol_module module = {.path = path, .fd = -1};
    assert_int_equal(resolver_create("", &resolver, NULL), 0);
    assert_int_equal(lookup(resolver, &module, places->offsets, places->count, &answer), 0);
    assert_int_equal(answer.places.count, places->count);
    print_answer(&answer, &ours);
    assert_string_equal(str_text(&ours), str_text(&theirs));
    symbol_answer_deinit(&answer);
    resolver_destroy(resolver);
    str_free(&ours);
    str_free(&theirs);
    free(places);
}

static void inlined_calls_are_those_of_addr2line(void **state)
{
    (void)state;
    compare("TOLL_TEST_INLINED", "outermost");
    compare("TOLL_TEST_INLINED", "plain");
}

static void methods_and_templates_are_those_of_addr2line(void **state)
{
    (void)state;
    compare("TOLL_TEST_MANGLED", "market");
}

/* Lookups of all of `part`, in an order that is not sorted; the number of cache hits. */
static uint64_t ask(const char *folder, const struct symbol_module *module, const struct places *places,
                    struct str *text)
{
    struct resolver *resolver;
    struct symbol_answer answer = {0};
    assert_int_equal(resolver_create(folder, &resolver, NULL), 0);
    for (size_t i = 0; i < places->count; i++) {
        size_t index = i * 7919 % places->count;
        assert_int_equal(lookup(resolver, module, &places->offsets[index], 1, &answer), 0);
        print_answer(&answer, text);
    }
    uint64_t hits = resolver_hit_count(resolver);
    symbol_answer_deinit(&answer);
    resolver_destroy(resolver);
    return hits;
}

static void the_cache_gives_the_same_answers(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_TEST_INLINED");
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    struct places *places = malloc(sizeof *places);
    assert_non_null(places);
    places_of(path, "outermost", places);
    struct elf_image image;
    assert_int_equal(elf_image_open(open(path, O_RDONLY | O_CLOEXEC), &image, NULL), 0);
    struct symbol_module module = {path, -1, image.build_id, image.build_id_size};
    if (!image.build_id_size) { /* a compiler may not ask for one */
        elf_image_close(&image);
        free(places);
        skip();
    }
    char folder[] = "/tmp/toll-symbols-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct str first = {0}, second = {0}, third = {0};
    assert_true(ask(folder, &module, places, &first) < places->count);
    assert_int_equal(ask(folder, &module, places, &second), places->count);
    assert_string_equal(str_text(&first), str_text(&second));
    module.path = "/nonexistent/moved"; /* the build-id says which it was */
    assert_int_equal(ask(folder, &module, places, &third), places->count);
    assert_string_equal(str_text(&first), str_text(&third));
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    str_free(&first);
    str_free(&second);
    str_free(&third);
    elf_image_close(&image);
    free(places);
}

static size_t known_count(const struct symbol_module *module, const uint64_t *offsets, size_t count)
{
    struct resolver *resolver;
    struct symbol_answer answer = {0};
    size_t known = 0;
    assert_int_equal(resolver_create("", &resolver, NULL), 0);
    assert_int_equal(lookup(resolver, module, offsets, count, &answer), 0);
    assert_int_equal(answer.places.count, count);
    for (size_t i = 0; i < count; i++)
        known += answer.places.items[i].count > 0;
    symbol_answer_deinit(&answer);
    resolver_destroy(resolver);
    return known;
}

/* How many of the places have a line. */
static size_t lines_count(struct resolver *resolver, const struct symbol_module *module,
                          const struct symbol_request *request)
{
    struct symbol_answer answer = {0};
    size_t count = 0;
    assert_int_equal(resolver_lookup(resolver, module, request, &answer, NULL), 0);
    assert_int_equal(answer.places.count, request->count);
    for (size_t i = 0; i < request->count; i++) {
        const struct symbol_place *place = &answer.places.items[i];
        assert_true(place->count > 0 && answer.frames.items[place->first].function);
        count += answer.frames.items[place->first + place->count - 1].line > 0;
    }
    symbol_answer_deinit(&answer);
    return count;
}

static void functions_of_little_weight_are_named_without_lines(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_TEST_INLINED");
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    struct places *places = malloc(sizeof *places);
    uint64_t weights[3] = {4, 0, 5};
    assert_non_null(places);
    places_of(path, "outermost", places);
    uint64_t offsets[3] = {places->offsets[0], places->offsets[1], places->offsets[places->count - 1]};
    struct symbol_request request = {.offsets = offsets, .count = 3, .weights = weights, .weight_min = 10};
    struct symbol_module module = {.path = path, .fd = -1};
    struct resolver *resolver;
    assert_int_equal(resolver_create("", &resolver, NULL), 0);
    assert_int_equal(lines_count(resolver, &module, &request), 0);
    request.weight_min = 9; /* what its places weigh together */
    assert_int_equal(lines_count(resolver, &module, &request), 3);
    uint64_t hits = resolver_hit_count(resolver);
    request = (struct symbol_request){.offsets = places->offsets, .count = places->count};
    lines_count(resolver, &module, &request); /* the whole function was learnt */
    assert_int_equal(resolver_hit_count(resolver) - hits, places->count);
    resolver_destroy(resolver);
    free(places);
}

static void a_file_with_another_build_id_is_refused(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_TEST_INLINED");
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    struct places *places = malloc(sizeof *places);
    assert_non_null(places);
    places_of(path, "outermost", places);
    static const uint8_t other[20] = {1, 2, 3};
    struct symbol_module module = {path, -1, other, sizeof other};
    assert_int_equal(known_count(&module, places->offsets, 5), 0);
    module.build_id = NULL;
    assert_int_equal(known_count(&module, places->offsets, 5), 5);
    free(places);
}

static void what_is_no_program_is_unknown(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {0, 1, 4096, UINT64_MAX};
    const char *const paths[] = {"/nonexistent", "/etc/passwd", "/", "/dev/null", "//anon", "[heap]", ""};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct symbol_module module = {.path = paths[i], .fd = -1};
        assert_int_equal(known_count(&module, offsets, 4), 0);
    }
    struct symbol_module vdso = {.path = "[vdso]", .fd = -1};
    assert_true(known_count(&vdso, offsets, 4) <= 4);
}

static void kernel_functions_are_named_and_kept_for_this_boot(void **state)
{
    (void)state;
    struct name_table kernel = {0};
    assert_int_equal(name_table_read_kernel(&kernel, NULL), 0);
    uint64_t address = 0;
    for (size_t i = 0; i < kernel.entries.count && !address; i++)
        if (strcmp(kernel.entries.items[i].name, "vfs_read") == 0)
            address = kernel.entries.items[i].low + 5;
    name_table_free(&kernel);
    if (!address) {
        print_message("# skipped: the kernel's addresses are hidden here\n");
        skip();
    }
    char folder[] = "/tmp/toll-symbols-XXXXXX", command[128];
    assert_non_null(mkdtemp(folder));
    struct symbol_module module = {.path = SYMBOL_PATH_KERNEL, .fd = -1};
    for (uint64_t round = 0; round < 2; round++) {
        struct resolver *resolver;
        struct symbol_answer answer = {0};
        assert_int_equal(resolver_create(folder, &resolver, NULL), 0);
        assert_int_equal(lookup(resolver, &module, &address, 1, &answer), 0);
        assert_int_equal(answer.places.items[0].count, 1);
        assert_string_equal(answer.frames.items[0].function, "vfs_read");
        assert_int_equal(resolver_hit_count(resolver), round);
        symbol_answer_deinit(&answer);
        resolver_destroy(resolver);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

/* Overwrites the last byte, which ends the last string, of the sections whose names hold `name`. */
static size_t unend(struct str *file, const char *name)
{
    size_t names, count = 0;
    Elf *elf = elf_memory(file->text, file->length);
    assert_non_null(elf);
    assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        assert_non_null(gelf_getshdr(section, &header));
        if (strcmp(elf_strptr(elf, names, header.sh_name), name) != 0 || !header.sh_size)
            continue;
        file->text[header.sh_offset + header.sh_size - 1] = 'x';
        count++;
    }
    elf_end(elf);
    return count;
}

/* Makes a section of the file at hand a compressed one, in its place. */
static bool compress(int fd, const char *name)
{
    size_t names;
    bool is_smaller = false;
    Elf *elf = elf_begin(fd, ELF_C_RDWR, NULL);
    assert_non_null(elf);
    elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
    assert_int_equal(elf_getshdrstrndx(elf, &names), 0);
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        assert_non_null(gelf_getshdr(section, &header));
        if (strcmp(elf_strptr(elf, names, header.sh_name), name) != 0)
            continue;
        is_smaller = elf_compress(section, ELFCOMPRESS_ZLIB, 0) > 0;
        elf_flagshdr(section, ELF_C_SET, ELF_F_DIRTY);
        elf_flagdata(elf_getdata(section, NULL), ELF_C_SET, ELF_F_DIRTY);
    }
    assert_true(elf_update(elf, ELF_C_WRITE) > 0);
    elf_end(elf);
    return is_smaller;
}

static void debug_strings_without_an_end_are_not_read_on(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_TEST_INLINED");
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    struct places *places = malloc(sizeof *places);
    assert_non_null(places);
    places_of(path, "outermost", places);
    static const struct {
        const char *section;
        bool is_compressed, is_whole;
    } cases[] = {{".debug_str", false, false},
                 {".debug_line_str", false, false},
                 {".debug_str", true, false},
                 {".debug_str", true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str file = {0};
        char copy_path[] = "/tmp/toll-unended-XXXXXX";
        int fd = mkstemp(copy_path);
        assert_true(fd >= 0);
        unlink(copy_path);
        assert_int_equal(fs_read(path, 16 << 20, &file, NULL), 0);
        if (cases[i].is_whole || unend(&file, cases[i].section)) {
            struct symbol_module module = {.path = "unended", .fd = fd};
            const struct symbol_request request = {.offsets = places->offsets, .count = places->count};
            struct resolver *resolver;
            assert_int_equal(pwrite(fd, file.text, file.length, 0), file.length);
            assert_true(!cases[i].is_compressed || compress(fd, cases[i].section));
            assert_int_equal(known_count(&module, places->offsets, places->count), places->count);
            assert_int_equal(resolver_create("", &resolver, NULL), 0);
            assert_int_equal(lines_count(resolver, &module, &request) > 0, cases[i].is_whole);
            resolver_destroy(resolver);
        }
        close(fd);
        str_free(&file);
    }
    free(places);
}

/* Damage everywhere, most of it in the headers; nothing is asked but that we come back. */
static void broken_programs_are_survived(void **state)
{
    (void)state;
    const char *path = getenv("TOLL_TEST_INLINED");
    if (!path) {
        print_message("# skipped: the test programs are not named in the environment (meson test does)\n");
        skip();
    }
    struct places *places = malloc(sizeof *places);
    assert_non_null(places);
    places_of(path, "outermost", places);
    struct str file = {0};
    assert_int_equal(fs_read(path, 16 << 20, &file, NULL), 0);
    char copy_path[] = "/tmp/toll-broken-XXXXXX";
    int fd = mkstemp(copy_path);
    assert_true(fd >= 0);
    unlink(copy_path);
    srand(1);
    char *copy = malloc(file.length);
    assert_non_null(copy);
    for (int round = 0; round < 300; round++) {
        memcpy(copy, file.text, file.length);
        size_t reach = round % 3 == 0 ? 64 : round % 3 == 1 ? 2048 : file.length;
        for (int flip = 0; flip < 1 + round % 20; flip++)
            copy[(size_t)rand() % reach] = (char)rand();
        if (round % 5 == 4) /* the section table and the debug information lie at the end */
            for (int flip = 0; flip < 40; flip++)
                copy[file.length - 1 - (size_t)rand() % (file.length / 2)] = (char)rand();
        size_t length = round % 7 == 6 ? (size_t)rand() % file.length : file.length;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, copy, length, 0), length);
        struct symbol_module module = {.path = "broken", .fd = fd};
        assert_true(known_count(&module, places->offsets, places->count) <= places->count);
    }
    close(fd);
    free(copy);
    str_free(&file);
    free(places);
}

int resolver_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inlined_calls_are_those_of_addr2line),
        cmocka_unit_test(methods_and_templates_are_those_of_addr2line),
        cmocka_unit_test(the_cache_gives_the_same_answers),
        cmocka_unit_test(functions_of_little_weight_are_named_without_lines),
        cmocka_unit_test(a_file_with_another_build_id_is_refused),
        cmocka_unit_test(what_is_no_program_is_unknown),
        cmocka_unit_test(kernel_functions_are_named_and_kept_for_this_boot),
        cmocka_unit_test(debug_strings_without_an_end_are_not_read_on),
        cmocka_unit_test(broken_programs_are_survived),
    };
    return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}
