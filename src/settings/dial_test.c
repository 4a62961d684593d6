/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "settings/answering.h"

int dial_test(void);

static void assert_body(const char *answer, const char *wanted)
{
    struct str body = {0};
    struct err err = {0};
    unsigned status = 0;
    if (http_body(answer, strlen(answer), &status, &body, &err))
        fail_msg("%s", err.what);
    assert_int_equal(status, 200);
    assert_string_equal(str_text(&body), wanted);
    str_free(&body);
}

static void a_body_comes_whole_or_in_chunks(void **state)
{
    (void)state;
    struct str body = {0};
    struct err err = {0};
    unsigned status;
    assert_body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab");
    assert_body("HTTP/1.0 200 OK\r\n\r\n", "");
    assert_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n",
                "abcd");
    static const char *const broken[] = {
        "", "ERR wrong", "HTTP/1.1 200 OK\r\nA: b\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(http_body(broken[i], strlen(broken[i]), &status, &body, &err), -ERR_INPUT);
    str_free(&body);
}

static void a_page_is_asked_for_and_read(void **state)
{
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\n\r\nhello",
                                          "HTTP/1.1 401 Unauthorized\r\n\r\nno"};
    struct answering server;
    struct str body = {0};
    struct err err = {0};
    answering_start(&server, answers, 2);
    assert_int_equal(dial_get(server.address, "/flags", 20000, 1000, &body, &err), 0);
    assert_string_equal(str_text(&body), "hello");
    assert_int_equal(dial_get(server.address, "/flags", 20000, 1000, &body, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "401"));
    str_free(&body);
    answering_stop(&server);
}

static void who_is_silent_or_says_too_much_is_given_up(void **state)
{
    (void)state;
    static const char *const answers[] = {NULL, "HTTP/1.1 200 OK\r\n\r\n0123456789"};
    struct answering server;
    struct str body = {0};
    struct err err = {0};
    answering_start(&server, answers, 2);
    assert_int_equal(dial_get(server.address, "/", 50, 1000, &body, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "in time"));
    assert_int_equal(dial_get(server.address, "/", 20000, 20, &body, &err), -ERR_ENVIRONMENT);
    assert_non_null(strstr(err.what, "over 20 bytes"));
    str_free(&body);
    answering_stop(&server);
}

static void another_machine_is_never_called(void **state)
{
    (void)state;
    static const char *const places[] = {"192.0.2.1:80", "[2001:db8::1]:80", "example.org:80",  "0.0.0.0:80",
                                         "127.0.0.1",    "127.0.0.1:0",      "127.0.0.1:99999", ""};
    struct dial dial;
    struct err err = {0};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_int_equal(dial_open(places[i], 1000, &dial, &err), -ERR_ENVIRONMENT);
}

int dial_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_whole_or_in_chunks),
        cmocka_unit_test(a_page_is_asked_for_and_read),
        cmocka_unit_test(who_is_silent_or_says_too_much_is_given_up),
        cmocka_unit_test(another_machine_is_never_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
