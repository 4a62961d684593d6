/* SPDX-License-Identifier: Apache-2.0 */
#include "heap/heap_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

int heap_book_test(void);

static struct heap_event at(uint64_t time, uint64_t address, uint64_t size, uint32_t stack)
{
    return (struct heap_event){.time = time, .address = address, .size = size, .stack = stack};
}

static void take(struct heap_book *book, uint32_t image, struct heap_event event)
{
    heap_book_alloc(book, image, &event);
}

static void give(struct heap_book *book, uint32_t image, uint64_t time, uint64_t address)
{
    struct heap_event event = {.time = time, .address = address};
    heap_book_free(book, image, &event);
}

static const struct heap_site *site(const struct heap_book *book, uint32_t stack)
{
    for (size_t i = 0; i < book->sites.count; i++)
        if (book->sites.items[i].stack == stack)
            return &book->sites.items[i];
    fail_msg("stack %u allocated nothing", stack);
    return NULL;
}

static void each_site_keeps_what_it_had_at_the_peak(void **state)
{
    struct heap_book book = {0};
    uint32_t image = heap_book_image(&book, 7, 1, 10);

    (void)state;
    take(&book, image, at(11, 0x1000, 100, 1));
    take(&book, image, at(12, 0x2000, 300, 2)); /* 400 */
    give(&book, image, 13, 0x2000);
    take(&book, image, at(14, 0x3000, 250, 3)); /* 350: no peak */
    take(&book, image, at(15, 0x4000, 150, 1)); /* 500: the peak */
    give(&book, image, 16, 0x1000);
    take(&book, image, at(17, 0x5000, 20, 2));
    heap_book_close(&book);
    assert_true(book.peak_bytes == 500);
    assert_int_equal(book.peak_time, 15);
    assert_true(site(&book, 1)->peak_bytes == 250);
    assert_true(site(&book, 2)->peak_bytes == 0);
    assert_true(site(&book, 3)->peak_bytes == 250);
    assert_true(site(&book, 1)->left_bytes == 150);
    assert_true(site(&book, 2)->left_bytes == 20);
    heap_book_deinit(&book);
}

static void a_peak_is_that_of_all_processes_together(void **state)
{
    struct heap_book book = {0};
    uint32_t one = heap_book_image(&book, 7, 1, 10), two = heap_book_image(&book, 8, 2, 10);

    (void)state;
    take(&book, one, at(11, 0x1000, 100, 1));
    take(&book, two, at(12, 0x1000, 200, 2)); /* the same address in another process */
    heap_book_end(&book, one);
    take(&book, two, at(13, 0x2000, 50, 3));
    heap_book_close(&book);
    assert_true(book.peak_bytes == 300);
    assert_true(site(&book, 1)->peak_bytes == 100 && site(&book, 1)->left_bytes == 100);
    assert_true(site(&book, 2)->peak_bytes == 200);
    assert_true(site(&book, 3)->peak_bytes == 0 && site(&book, 3)->left_bytes == 50);
    heap_book_deinit(&book);
}

static void a_free_that_comes_late_is_of_the_block_before(void **state)
{
    struct heap_book book = {0};
    uint32_t image = heap_book_image(&book, 7, 1, 10);

    (void)state;
    take(&book, image, at(11, 0x1000, 100, 1));
    take(&book, image, at(20, 0x1000, 200, 2)); /* its free at 15 was not told yet */
    assert_true(book.live_bytes == 200);
    give(&book, image, 15, 0x1000);
    assert_true(book.live_bytes == 200);
    give(&book, image, 21, 0x1000);
    give(&book, image, 22, 0x1000); /* of nothing */
    heap_book_close(&book);
    assert_true(book.live_bytes == 0);
    assert_true(site(&book, 1)->freed_count == 1 && site(&book, 2)->freed_count == 1);
    heap_book_deinit(&book);
}

static void pages_are_given_back_in_parts(void **state)
{
    struct heap_book book = {0};
    uint32_t image = heap_book_image(&book, 7, 1, 10);
    struct heap_event map = at(11, 0x100000, 0x10000, 1), head = at(12, 0x100000, 0x1000, 0),
                      middle = at(13, 0x104000, 0x2000, 0), over = at(14, 0x10e000, 0x4000, 2),
                      rest = at(15, 0, 0, 0);

    (void)state;
    heap_book_mapped(&book, image, &map);
    heap_book_unmapped(&book, image, &head);
    assert_true(book.live_bytes == 0xf000);
    heap_book_unmapped(&book, image, &middle);
    assert_true(book.live_bytes == 0xd000);
    heap_book_mapped(&book, image, &over); /* over the last two pages, and two more */
    assert_true(book.live_bytes == 0xd000 - 0x2000 + 0x4000);
    rest.address = 0x100000;
    rest.size = 0x20000;
    heap_book_unmapped(&book, image, &rest);
    assert_true(book.live_bytes == 0);
    heap_book_close(&book);
    assert_true(site(&book, 1)->freed_bytes == 0x10000);
    heap_book_deinit(&book);
}

static void many_blocks_come_and_go(void **state)
{
    struct heap_book book = {0};
    uint32_t image = heap_book_image(&book, 7, 1, 10);

    (void)state;
    for (uint64_t i = 1; i <= 20000; i++)
        take(&book, image, at(i, i * 16, 1, (uint32_t)(i % 3)));
    for (uint64_t i = 20000; i >= 1; i -= 2)
        give(&book, image, 30000, i * 16);
    assert_true(book.live_bytes == 10000);
    for (uint64_t i = 1; i <= 19999; i += 2)
        give(&book, image, 30001, i * 16);
    assert_true(book.live_bytes == 0);
    assert_true(book.peak_bytes == 20000);
    heap_book_deinit(&book);
}

int heap_book_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_site_keeps_what_it_had_at_the_peak),
        cmocka_unit_test(a_peak_is_that_of_all_processes_together),
        cmocka_unit_test(a_free_that_comes_late_is_of_the_block_before),
        cmocka_unit_test(pages_are_given_back_in_parts),
        cmocka_unit_test(many_blocks_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
