/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guest_listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest/guest_file.h"
#include "guest/guest_text.h"

int guest_listing_test(void);

/* Whether the library that each() was called with has this test's code. */
struct seen {
    unsigned count, own_at;
};

static int see(struct dl_phdr_info *info, size_t size, void *context)
{
    struct seen *seen = context;
    uint64_t here = (uint64_t)(uintptr_t)&see;

    (void)size;
    seen->count++;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && here >= start &&
            here - start < info->dlpi_phdr[i].p_memsz)
            seen->own_at = seen->count;
    }
    return 0;
}

static void the_own_library_is_listed_once_and_last(void **state)
{
    struct seen plain = {0}, last = {0};

    (void)state;
    dl_iterate_phdr(see, &plain);
    assert_int_equal(guest_listing_iterate(dl_iterate_phdr, see, &last), 0);
    assert_true(plain.count > 1);
    assert_int_equal(last.count, plain.count);
    assert_int_equal(plain.own_at, 1); /* this test is the program */
    assert_int_equal(last.own_at, last.count);
}

static int stop(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)info;
    (void)size;
    return ++*(int *)context == 1 ? 7 : 0;
}

static void who_stops_the_listing_is_asked_no_more(void **state)
{
    int count = 0;

    (void)state;
    assert_int_equal(guest_listing_iterate(dl_iterate_phdr, stop, &count), 7);
    assert_int_equal(count, 1);
}

static void a_file_of_a_process_is_made_once_and_holds_zeros(void **state)
{
    char path[64 + GUEST_NAME_BYTES], folder[] = "/tmp/toll-guest-test-XXXXXX";
    char expected[64 + GUEST_NAME_BYTES];
    unsigned char *bytes;

    (void)state;
    assert_non_null(mkdtemp(folder));
    guest_put_number(guest_put_text(guest_put_process(path, folder, "ring", 1234567890, 0xabcdef), "-"), 0,
                     10);
    guest_put_text(guest_put_text(expected, folder), "/ring-1234567890-abcdef-0");
    assert_string_equal(path, expected);
    bytes = guest_file_make(path, 8192, mmap);
    assert_non_null(bytes);
    assert_int_equal(bytes[0] + bytes[8191], 0);
    bytes[8191] = 5;
    assert_null(guest_file_make(path, 8192, mmap)); /* it is there */
    assert_int_equal(munmap(bytes, 8192), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_null(guest_file_make(path, 8192, mmap)); /* the folder is gone */
}

int guest_listing_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_library_is_listed_once_and_last),
        cmocka_unit_test(who_stops_the_listing_is_asked_no_more),
        cmocka_unit_test(a_file_of_a_process_is_made_once_and_holds_zeros),
    };
    return cmocka_run_group_tests_name("guest_listing", tests, NULL, NULL);
}
