/* SPDX-License-Identifier: Apache-2.0 */
/* Every entry that binutils' objdump names in this test must have that name. */
#include "symbol/plt.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

int plt_test(void);

/* The number of entries that objdump names, each held against ours; 0 when it is not installed. */
static size_t compare(const char *path)
{
    char command[512], line[4096];
    struct elf_image image;
    assert_int_equal(elf_image_open(open(path, O_RDONLY | O_CLOEXEC), &image, NULL), 0);
    assert_int_equal(elf_image_load_symbols(&image, &image, NULL), 0);
    snprintf(command, sizeof command, "objdump -d -j .plt -j .plt.sec -j .plt.got %s 2>/dev/null", path);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    size_t count = 0;
    while (fgets(line, sizeof line, in)) {
        char *end, *name = strstr(line, " <"), *mark = strstr(line, "@plt>:\n");
        uint64_t address = strtoull(line, &end, 16), low, high;
        if (!name || !mark || end != name || line[0] == '*' || strchr(name, '*'))
            continue;
        mark[strlen("@plt")] = 0;
        const struct elf_symbol *symbol = elf_image_find(&image, address + 4, &low, &high);
        assert_non_null(symbol);
        assert_string_equal(symbol->name, name + 2);
        assert_int_equal(symbol->low, address);
        count++;
    }
    pclose(in);
    elf_image_close(&image);
    return count;
}

static void entries_are_named_as_objdump_names_them(void **state)
{
    (void)state;
    char path[512] = "";
    assert_true(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    size_t count = compare(path);
    if (!count) {
        print_message("# skipped: objdump (binutils) names no entry here\n");
        skip();
    }
    assert_true(count > 10);
}

int plt_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_named_as_objdump_names_them),
    };
    return cmocka_run_group_tests_name("plt", tests, NULL, NULL);
}
