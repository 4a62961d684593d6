/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/unnamed_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/scenario.h"
#include "model/meta.h"

int unnamed_code_test(void);

#define TRAMPOLINE "Builtins_InterpreterEntryTrampoline"

/* 100 samples of a program in `inner`, called by `outer`; `module` is where inner lies. */
static void check(const char *program, const char *outer, const char *inner, const char *module,
                  const char *wanted)
{
    struct scenario scenario;
    struct arena arena = {0};
    double ratio = 1;
    scenario_init(&scenario, 2, 100);
    uint64_t thread = scenario_process(&scenario, 0, program, 0, 100);
    scenario_stack_samples(&scenario, thread, scenario_stack(&scenario, outer, inner), 0, 100);
    scenario_walk(&scenario);
    for (size_t i = 0; i < scenario.run.frames.count; i++)
        if (scenario.run.frames.items[i].function &&
            strcmp(scenario.run.frames.items[i].function, inner) == 0)
            scenario.run.frames.items[i].module = module;
    const char *text = unnamed_code_remark(&scenario.run, &arena, &ratio);
    if (wanted) {
        assert_non_null(text);
        assert_non_null(strstr(text, wanted));
        assert_true(ratio > 0.99);
    } else {
        assert_null(text);
        assert_true(ratio <= 0);
    }
    arena_free(&arena);
    scenario_deinit(&scenario);
}

static void code_that_nobody_named_says_how_to_name_it(void **state)
{
    (void)state;
    check("node", TRAMPOLINE, "v8::internal::StringToDouble", "/usr/bin/node",
          "NODE_OPTIONS='--perf-basic-prof ");
    check("node", "node::Start", "[unknown]", "", "100 % of the samples of node are in JavaScript");
    check("java", "JavaMain", "[unknown]", "", "Compiler.perfmap");
}

static void named_code_and_other_programs_need_no_advice(void **state)
{
    (void)state;
    check("node", TRAMPOLINE, "parseRow", MODULE_NAME_JIT, NULL);
    check("node", TRAMPOLINE, "parseRow", MODULE_NAME_INTERPRETED, NULL);
    check("node", "node::Start", "uv__io_poll", "/usr/bin/node", NULL);
    check("other", TRAMPOLINE, "[unknown]", "", NULL);
}

int unnamed_code_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_that_nobody_named_says_how_to_name_it),
        cmocka_unit_test(named_code_and_other_programs_need_no_advice),
    };
    return cmocka_run_group_tests_name("unnamed_code", tests, NULL, NULL);
}
