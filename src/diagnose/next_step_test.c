/* SPDX-License-Identifier: Apache-2.0 */
/* From what was measured to a symptom, and from a symptom to a command. */
#include "diagnose/next_step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

int next_step_test(void);

struct scene {
    struct arena arena;
    struct use_table machine;
    struct technologies found;
    struct deployment deployment;
    struct profilers profilers;
    struct process_use use;
    struct plan_facts facts;
};

static void scene_init(struct scene *scene, enum target_kind target)
{
    *scene = (struct scene){.use = {.queue_ratio = 0, .look_count = 50, .rss_bytes = 100000000}};
    scene->machine.rows[scene->machine.count++] = (struct use_row){
        .resource = "cpu", .utilisation_ratio = 0.2, .saturation_ratio = 0, .error_count = -1};
    scene->machine.rows[scene->machine.count++] = (struct use_row){
        .resource = "memory", .utilisation_ratio = 0.4, .saturation_ratio = 0, .error_count = 0};
    scene->found.arena = &scene->arena;
    scene->facts = (struct plan_facts){.target = target,
                                       .machine = &scene->machine,
                                       .found = &scene->found,
                                       .deployment = &scene->deployment,
                                       .profilers = &scene->profilers,
                                       .pid = 4711,
                                       .name = "shop",
                                       .use = &scene->use,
                                       .is_root = true,
                                       .arena = &scene->arena};
}

static struct plan planned(struct scene *scene, const char *word)
{
    struct plan plan;
    enum symptom symptom = SYMPTOM_SLOW;
    if (word)
        assert_true(symptom_read(word, &symptom));
    assert_int_equal(plan_make(&scene->facts, word ? &symptom : NULL, &plan), 0);
    assert_int_equal(plan.is_given, word != NULL);
    return plan;
}

static void scene_free(struct scene *scene)
{
    technologies_free(&scene->found);
    arena_free(&scene->arena);
}

static void what_a_process_does_tells_its_symptom(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_PROCESS);
    scene.use.core_count = 0.98;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_CPU);
    assert_string_equal(planned(&scene, NULL).command, "toll attach --for 30s --objective wall 4711");
    scene.use.core_count = 0.01;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_STALL);
    scene.facts.port = 80;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_TAIL);
    assert_string_equal(planned(&scene, NULL).command, "toll attach --for 30s --objective latency 4711");
    scene.use.disk_ratio = 0.8;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_STALL);
    assert_non_null(strstr(planned(&scene, NULL).command, "--io sampled"));
    scene.use.rss_growth_per_s = 5e6;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_MEMORY);
    scene_free(&scene);
}

/* A build's compilers grow for as long as they live, and end. */
static void what_has_just_started_may_grow(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_MACHINE);
    scene.use.core_count = 0.98;
    scene.use.rss_growth_per_s = 80e6;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_CPU);
    assert_true(planned(&scene, "memory").steps[0].answer);
    scene.use.rss_growth_settled_per_s = 80e6;
    assert_int_equal(planned(&scene, NULL).symptom, SYMPTOM_MEMORY);
    scene_free(&scene);
}

static void every_symptom_ends_in_a_command_on_every_target(void **state)
{
    static const char *const words[] = {"slow", "cpu", "memory", "tail", "throughput", "stall", "cost"};
    (void)state;
    for (int target = TARGET_MACHINE; target <= TARGET_FOLDER; target++)
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            struct scene scene;
            scene_init(&scene, (enum target_kind)target);
            if (target == TARGET_FOLDER) {
                scene.facts.pid = 0;
                scene.facts.use = NULL;
                scene.facts.path = "it's here";
                scene.facts.start = (struct start_command){NULL, "make bench", "Makefile"};
            }
            struct plan plan = planned(&scene, words[i]);
            assert_true(plan.step_count > 0);
            assert_true(plan.steps[plan.step_count - 1].answer);
            assert_true(str_starts(plan.command, target == TARGET_FOLDER ? "cd 'it'\\''s here' && toll run "
                                                                         : "toll attach --for "));
            assert_true(plan.why && plan.why[0]);
            scene_free(&scene);
        }
}

static void the_way_of_asking_shows_each_answer(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_PROCESS);
    scene.facts.port = 80;
    struct plan plan = planned(&scene, "slow");
    assert_int_equal(plan.step_count, 5);
    for (size_t i = 0; i + 1 < plan.step_count; i++)
        assert_false(plan.steps[i].answer);
    assert_string_equal(plan.steps[4].evidence, "port 80");
    assert_int_equal(plan.advice, ADVICE_LATENCY);
    scene_free(&scene);
}

static void nothing_to_look_at_ends_in_a_command_too(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_MACHINE);
    scene.facts.pid = 0;
    scene.facts.use = NULL;
    assert_string_equal(planned(&scene, NULL).command, "toll run --system --for 30s");
    scene.facts.is_root = false;
    assert_string_equal(planned(&scene, NULL).command, "toll doctor");
    scene_free(&scene);
}

static void another_users_process_needs_root(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_PROCESS);
    scene.facts.is_root = false;
    scene.facts.needs_root = true;
    assert_string_equal(planned(&scene, "cpu").command, "sudo toll attach --for 30s --objective wall 4711");
    scene_free(&scene);
}

static void an_objective_is_investigated(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_FOLDER);
    scene.facts.pid = 0;
    scene.facts.use = NULL;
    scene.facts.path = ".";
    scene.facts.has_pipeline = true;
    assert_string_equal(planned(&scene, NULL).command, "toll investigate toll.yaml");
    assert_string_equal(planned(&scene, "cpu").command, "toll investigate toll.yaml");
    scene.facts.start = (struct start_command){"make", "./mill", "Makefile"};
    assert_string_equal(planned(&scene, "throughput").command, "toll investigate toll.yaml");
    assert_string_equal(planned(&scene, "cpu").command, "make && toll run -- ./mill");
    scene_free(&scene);
}

/* A profiler of the table, as if it were installed. */
static void profiler_put(struct scene *scene, const char *name, bool safe)
{
    static struct profiler_rule rule;
    rule = (struct profiler_rule){.name = name};
    scene->profilers.items[0] = (struct profiler){.rule = &rule, .path = "/usr/bin/it", .is_safe = safe};
    scene->profilers.count = 1;
}

static void a_runtimes_own_profiler_is_taken_where_it_is_safe(void **state)
{
    struct scene scene;
    (void)state;
    scene_init(&scene, TARGET_PROCESS);
    scene.use.core_count = 1;
    const struct technology python = {TECHNOLOGY_LANGUAGE, "Python", "3.11", "program python3.11", 4711};
    assert_int_equal(technology_add(&scene.found, &python), 0);
    assert_true(str_starts(planned(&scene, NULL).command, "toll attach "));
    profiler_put(&scene, "py-spy", false);
    assert_true(str_starts(planned(&scene, NULL).command, "toll attach "));
    profiler_put(&scene, "py-spy", true);
    assert_true(str_starts(planned(&scene, NULL).command, "py-spy record --nonblocking "));
    assert_non_null(strstr(planned(&scene, NULL).command, "--pid 4711"));
    scene_free(&scene);
}

int next_step_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_process_does_tells_its_symptom),
        cmocka_unit_test(what_has_just_started_may_grow),
        cmocka_unit_test(every_symptom_ends_in_a_command_on_every_target),
        cmocka_unit_test(the_way_of_asking_shows_each_answer),
        cmocka_unit_test(nothing_to_look_at_ends_in_a_command_too),
        cmocka_unit_test(another_users_process_needs_root),
        cmocka_unit_test(an_objective_is_investigated),
        cmocka_unit_test(a_runtimes_own_profiler_is_taken_where_it_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
