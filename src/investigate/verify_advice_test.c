/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/verify_advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "objective: wall < 1 s\n"
                           "run: bash fetch.sh -j {J}\n"
                           "knobs:\n"
                           "  P: {env: P, values: [1, 2, 5, 10], now: 1}\n"
                           "  J: {values: [1, 2], now: 1}\n"
                           "  size: {file: pool.conf, key: pool.size, values: [1, 8], now: 1}\n";

struct scene {
    struct pipeline_file file;
    struct verify_advice_facts facts;
    struct arena arena;
    struct claim claim;
};

static void advise(struct scene *scene, const char *change)
{
    scene->claim.finding.change = change;
    scene->claim.finding.gain.factor = 2;
    scene->claim.verify = scene->claim.revert = NULL;
    assert_int_equal(verify_advice_fill(&scene->facts, &scene->arena, &scene->claim, NULL), 0);
}

static int scene_make(void **state)
{
    static struct scene scene;
    scene = (struct scene){0};
    *state = &scene;
    scene.facts.file = &scene.file;
    scene.facts.pipeline = "my toll.yaml";
    return pipeline_file_read_text(text, sizeof text - 1, "toll.yaml", &scene.file, NULL);
}

static int scene_free(void **state)
{
    struct scene *scene = *state;
    pipeline_file_free(&scene->file);
    arena_free(&scene->arena);
    return 0;
}

static void a_knob_is_verified_by_its_values_and_set_back(void **state)
{
    struct scene *scene = *state;
    advise(scene, "set:knob/P=10");
    assert_string_equal(scene->claim.verify, "toll verify --env P=1,10 --predict 2x -- bash fetch.sh -j 1");
    assert_string_equal(scene->claim.revert, "set P back to 1");
    advise(scene, "set:knob/J=2");
    assert_string_equal(scene->claim.verify,
                        "toll verify 'bash fetch.sh -j 1' --vs 'bash fetch.sh -j 2' --predict 2x");
    advise(scene, "set:knob/size=8");
    assert_string_equal(scene->claim.verify, "toll experiment set:knob/size=8 --predict 2x 'my toll.yaml'");
}

static void a_change_of_the_program_is_verified_between_commits(void **state)
{
    struct scene *scene = *state;
    static const char *const command[] = {"./load", "big file.csv"};
    scene->facts.file = NULL;
    scene->facts.pipeline = NULL;
    scene->facts.recording = "a.toll";
    scene->facts.command = command;
    scene->facts.command_count = 2;
    advise(scene, "batch:peer/db=100");
    assert_string_equal(
        scene->claim.verify,
        "toll verify --revisions HEAD~1..HEAD --recording a.toll --change batch:peer/db=100 -- "
        "./load 'big file.csv'");
    assert_string_equal(scene->claim.revert, "git revert HEAD, the commit that made the change");
    /* A pipeline file says it in fewer words. */
    scene->facts.pipeline = "toll.yaml";
    advise(scene, "batch:peer/db=100");
    assert_string_equal(
        scene->claim.verify,
        "toll verify --revisions HEAD~1..HEAD --recording a.toll --change batch:peer/db=100 toll.yaml");
}

static void a_change_of_agents_is_verified_by_another_run_of_them(void **state)
{
    struct scene *scene = *state;
    static const char *const command[] = {"my-team"};
    scene->facts = (struct verify_advice_facts){
        .is_agents = true, .recording = "my team.toll", .command = command, .command_count = 1};
    advise(scene, "cached:agent/coder=1");
    assert_string_equal(scene->claim.verify,
                        "toll import TRANSCRIPTS -o after.toll && toll compare 'my team.toll' after.toll");
    assert_null(scene->claim.revert);
}

/* Twice the whole of it in one line is nothing that a person reads. */
static void the_knob_of_a_shell_line_is_verified_by_its_name(void **state)
{
    struct scene *scene = *state;
    static const char piped[] = "run: cat {J} | sort | uniq -c > counts\n"
                                "knobs:\n"
                                "  J: {values: [1, 2], now: 1}\n"
                                "  P: {env: P, values: [1, 2], now: 1}\n";
    pipeline_file_free(&scene->file);
    assert_int_equal(pipeline_file_read_text(piped, sizeof piped - 1, "toll.yaml", &scene->file, NULL), 0);
    advise(scene, "set:knob/J=2");
    assert_string_equal(scene->claim.verify, "toll experiment set:knob/J=2 --predict 2x 'my toll.yaml'");
    advise(scene, "set:knob/P=2");
    assert_string_equal(scene->claim.verify, "toll experiment set:knob/P=2 --predict 2x 'my toll.yaml'");
}

static void what_the_claim_says_itself_stays(void **state)
{
    struct scene *scene = *state;
    scene->claim.finding.change = "set:knob/P=10";
    scene->claim.verify = "mine";
    scene->claim.revert = "mine too";
    assert_int_equal(verify_advice_fill(&scene->facts, &scene->arena, &scene->claim, NULL), 0);
    assert_string_equal(scene->claim.verify, "mine");
    assert_string_equal(scene->claim.revert, "mine too");
    /* A server's settings are no program of ours. */
    scene->claim.finding.cause = "config";
    advise(scene, NULL);
    assert_null(scene->claim.verify);
}

int verify_advice_test(void);
int verify_advice_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_knob_is_verified_by_its_values_and_set_back, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(a_change_of_agents_is_verified_by_another_run_of_them, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(a_change_of_the_program_is_verified_between_commits, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(the_knob_of_a_shell_line_is_verified_by_its_name, scene_make,
                                        scene_free),
        cmocka_unit_test_setup_teardown(what_the_claim_says_itself_stays, scene_make, scene_free),
    };
    return cmocka_run_group_tests_name("verify_advice", tests, NULL, NULL);
}
