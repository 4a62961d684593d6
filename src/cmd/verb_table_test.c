/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs is data: these rules keep the help, the man page and the completion of every verb whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "cmd/verb_table.h"

/* Not empty, and no full stop at its end. */
static bool is_phrase(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    return length && text[length - 1] != '.';
}

static void check_row(const struct verb *verb, const struct option_row *row)
{
    static const size_t sizes[] = {
        [OPTION_FLAG] = sizeof(bool),         [OPTION_TEXT] = sizeof(char *),
        [OPTION_COUNT] = sizeof(uint64_t),    [OPTION_NUMBER] = sizeof(double),
        [OPTION_DURATION] = sizeof(uint64_t), [OPTION_LIST] = sizeof(struct option_list),
        [OPTION_DIVIDER] = sizeof(uint64_t),
    };

    assert_true(is_phrase(row->name) && row->name[0] != '-');
    assert_true(is_phrase(row->help));
    assert_true((row->type == OPTION_FLAG || row->type == OPTION_DIVIDER) == (row->argument == NULL));
    assert_true(row->offset + sizes[row->type] <= verb->options_size);
    assert_true(row->letter != 'h' && strcmp(row->name, "help") != 0);
    for (const struct option_row *other = verb->options; other < row; other++) {
        assert_string_not_equal(other->name, row->name);
        assert_false(row->letter && other->letter == row->letter);
    }
}

static void every_verb_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < verb_count; i++) {
        const struct verb *verb = verbs[i];
        assert_true(verb->run && verb->usage && is_phrase(verb->summary));
        assert_false(isupper((unsigned char)verb->summary[0]));
        assert_true(verb->operand_min <= verb->operand_max && verb->operand_max <= VERB_OPERANDS_MAX);
        for (size_t j = 0; j < verb->option_count; j++)
            check_row(verb, &verb->options[j]);
        assert_ptr_equal(verb_find(verb->name), verb);
    }
    assert_null(verb_find("no-such-verb"));
}

int verbs_test(void);
int verbs_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_described),
    };
    return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
