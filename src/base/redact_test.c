/* SPDX-License-Identifier: Apache-2.0 */
#include "base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int redact_test(void);

static void expect(char *const *argv, const char *wanted)
{
    struct str json = {0};
    redact_argv(argv, &json);
    assert_string_equal(str_text(&json), wanted);
    str_free(&json);
}

#define EXPECT(wanted, ...) expect((char *const[]){__VA_ARGS__, NULL}, wanted)

static void ordinary_arguments_stay(void **state)
{
    (void)state;
    EXPECT("[\"sh\", \"-c\", \"echo \\\"a\\\" \\\\ b\"]", "sh", "-c", "echo \"a\" \\ b");
    EXPECT("[\"git\", \"commit\", \"--author=me\", \"-p\"]", "git", "commit", "--author=me", "-p");
    EXPECT("[\"curl\", \"http://host:80/a?b=c&d=e\"]", "curl", "http://host:80/a?b=c&d=e");
    EXPECT("[\"tar\", \"-C\", \"/tmp\", \"\"]", "tar", "-C", "/tmp", "");
    EXPECT("[\"wc\", \"a: b\"]", "wc", "a: b");
}

static void a_secret_is_told_by_its_name(void **state)
{
    (void)state;
    EXPECT("[\"x\", \"--password=***\", \"--user=u\"]", "x", "--password=hunter2", "--user=u");
    EXPECT("[\"x\", \"--api-key\", \"***\", \"y\"]", "x", "--api-key", "hunter2", "y");
    EXPECT("[\"x\", \"--token\", \"--verbose\"]", "x", "--token", "--verbose");
    EXPECT("[\"env\", \"AWS_SECRET_ACCESS_KEY=***\", \"A=b\"]", "env", "AWS_SECRET_ACCESS_KEY=hunter2",
           "A=b");
    EXPECT("[\"curl\", \"-H\", \"Authorization: ***\"]", "curl", "-H", "Authorization: Bearer hunter2");
    EXPECT("[\"curl\", \"http://h/?api_key=***&n=1\"]", "curl", "http://h/?api_key=hunter2&n=1");
}

static void a_secret_is_told_by_its_place(void **state)
{
    (void)state;
    EXPECT("[\"/usr/bin/mysql\", \"-uroot\", \"-p***\"]", "/usr/bin/mysql", "-uroot", "-phunter2");
    EXPECT("[\"curl\", \"-u\", \"***\", \"h\"]", "curl", "-u", "me:hunter2", "h");
    EXPECT("[\"sshpass\", \"-p\", \"***\", \"ssh\"]", "sshpass", "-p", "hunter2", "ssh");
    EXPECT("[\"mkdir\", \"-p\", \"a\"]", "mkdir", "-p", "a");
}

static void a_secret_is_told_by_its_form(void **state)
{
    (void)state;
    EXPECT("[\"psql\", \"postgres://me:***@db/x\"]", "psql", "postgres://me:hunter2@db/x");
    EXPECT("[\"git\", \"--x=https://me:***@h/\"]", "git", "--x=https://me:hunter2@h/");
}

static void secrets_within_a_script_are_hidden(void **state)
{
    (void)state;
    EXPECT("[\"sh\", \"-c\", \"curl -H 'Authorization: ***' h && TOKEN=*** run --password *** x\"]", "sh",
           "-c", "curl -H 'Authorization: Bearer hunter2' h && TOKEN=hunter2 run --password hunter2 x");
    EXPECT("[\"sh\", \"-c\", \"psql postgres://me:***@db/x; echo done\"]", "sh", "-c",
           "psql postgres://me:hunter2@db/x; echo done");
}

static void a_quoted_value_within_a_script_is_hidden(void **state)
{
    (void)state;
    EXPECT("[\"sh\", \"-c\", \"x --password=*** b\"]", "sh", "-c", "x --password='hunter 2' b");
    EXPECT("[\"sh\", \"-c\", \"cd a; TOKEN=*** run a='b'\"]", "sh", "-c",
           "cd a; TOKEN=\"hunter2\" run a='b'");
    EXPECT("[\"sh\", \"-c\", \"x --password=***\"]", "sh", "-c", "x --password='hunter2");
}

static void a_line_keeps_all_but_its_secrets(void **state)
{
    (void)state;
    static const char *const lines[][2] = {{"./run  'a \\\" b'\t--n=1\x01", "./run  'a \\\" b'\t--n=1\x01"},
                                           {"./run --token 'hunter2' x", "./run --token '***' x"},
                                           {"curl -H 'Authorization: Bearer hunter2' https://me:hunter2@h/",
                                            "curl -H 'Authorization: ***' https://me:***@h/"},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct str line = {0};
        redact_line(lines[i][0], &line);
        assert_string_equal(str_text(&line), lines[i][1]);
        str_free(&line);
    }
}

int redact_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_arguments_stay),
        cmocka_unit_test(a_secret_is_told_by_its_name),
        cmocka_unit_test(a_secret_is_told_by_its_place),
        cmocka_unit_test(a_secret_is_told_by_its_form),
        cmocka_unit_test(secrets_within_a_script_are_hidden),
        cmocka_unit_test(a_quoted_value_within_a_script_is_hidden),
        cmocka_unit_test(a_line_keeps_all_but_its_secrets),
    };
    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
