/* SPDX-License-Identifier: Apache-2.0 */
/* What folders and processes show: made-up ones, and this test itself. */
#include "diagnose/technology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "diagnose/deployment.h"

int technology_test(void);

struct place {
    char folder[32];
    struct arena arena;
    struct technologies found;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->folder, sizeof place->folder, "/tmp/toll-tech-XXXXXX");
    place->found.arena = &place->arena;
    *state = place;
    return mkdtemp(place->folder) ? 0 : -1;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -r '%s'", place->folder);
    int status = system(command); /* NOLINT(cert-env33-c) */
    technologies_free(&place->found);
    arena_free(&place->arena);
    free(place);
    return status;
}

static void put(const struct place *place, const char *name, const char *text)
{
    char file[128];
    snprintf(file, sizeof file, "%s/%s", place->folder, name);
    assert_int_equal(fs_replace(file, text, strlen(text), 0600, NULL), 0);
}

static const char *version_of(const struct place *place, const char *name)
{
    for (size_t i = 0; i < place->found.items.count; i++)
        if (strcmp(place->found.items.items[i].name, name) == 0)
            return place->found.items.items[i].version;
    return NULL;
}

static void a_star_stands_for_anything_at_one_end(void **state)
{
    (void)state;
    assert_true(technology_matches("python|python3*", "python3.11"));
    assert_true(technology_matches("a|*.py", "x.py"));
    assert_false(technology_matches("python|python3*", "pythonic"));
    assert_false(technology_matches("*.py", "y.pyc"));
    assert_false(technology_matches("", "y"));
}

static void a_package_is_named_as_a_whole_word(void **state)
{
    (void)state;
    assert_non_null(technology_named("django==4.2\n", PACKAGES_PYTHON, "django"));
    assert_null(technology_named("django-redis==1\n", PACKAGES_PYTHON, "django"));
    assert_null(technology_named("# flask\n", PACKAGES_PYTHON, "flask"));
    assert_null(technology_named("{\"express-session\": \"1\"}", PACKAGES_NODE, "express"));
    assert_non_null(
        technology_named("  image: docker.io/library/postgres:15\n", PACKAGES_COMPOSE, "postgres"));
    assert_null(technology_named("  environment: postgres\n", PACKAGES_COMPOSE, "postgres"));
}

static void package_files_name_frameworks_and_databases(void **state)
{
    struct place *place = *state;
    put(place, "package.json",
        "{\"scripts\": {\"start\": \"node server.js\"},\n"
        " \"dependencies\": {\"express\": \"^4.18.2\", \"pg\": \"8.11\"}}");
    put(place, "server.js", "");
    put(place, "docker-compose.yml", "services:\n  cache:\n    image: redis:7\n");
    assert_int_equal(technologies_of_folder(&place->found, place->folder, 2), 0);
    assert_string_equal(version_of(place, "Express"), "4.18.2");
    assert_string_equal(version_of(place, "PostgreSQL (client)"), "8.11");
    assert_true(technologies_have(&place->found, TECHNOLOGY_DATABASE, "Redis"));
    assert_true(technologies_have(&place->found, TECHNOLOGY_LANGUAGE, "JavaScript"));
    assert_true(technologies_have(&place->found, TECHNOLOGY_RUNTIME, "Node.js"));
    struct start_command start;
    start_command_find(place->folder, &place->arena, &start);
    assert_string_equal(start.command, "npm start");
}

static void a_script_alone_is_how_a_folder_starts(void **state)
{
    struct place *place = *state;
    struct start_command start;
    start_command_find(place->folder, &place->arena, &start);
    assert_null(start.command);
    put(place, "fetch.sh", "true\n");
    start_command_find(place->folder, &place->arena, &start);
    assert_string_equal(start.command, "bash fetch.sh");
    put(place, "toll.yaml", "gates: []\n");
    assert_false(pipeline_is_there(place->folder));
    put(place, "toll.yaml", "objective: wall < 1 s\nrun: bash fetch.sh\n");
    assert_true(pipeline_is_there(place->folder));
    put(place, "go.mod", "module example\n");
    start_command_find(place->folder, &place->arena, &start);
    assert_string_equal(start.command, "go test -bench .");
    put(place, "Cargo.toml", "[package]\nname = \"mill\"\n");
    char path[128];
    snprintf(path, sizeof path, "%s/src", place->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    put(place, "src/main.rs", "");
    start_command_find(place->folder, &place->arena, &start);
    assert_string_equal(start.build, "cargo build --release");
    assert_string_equal(start.command, "target/release/mill");
}

static void this_test_is_written_in_c(void **state)
{
    struct place *place = *state;
    struct process_about about;
    assert_true(process_about_read("", (uint64_t)getpid(), &place->arena, &about));
    assert_int_equal(technologies_of_process(&place->found, "", &about), 0);
    bool is_native = technologies_have(&place->found, TECHNOLOGY_LANGUAGE, "C") ||
                     technologies_have(&place->found, TECHNOLOGY_LANGUAGE, "C++");
    assert_true(is_native);
    assert_false(technologies_have(&place->found, TECHNOLOGY_LANGUAGE, "Go"));
    assert_false(technologies_have(&place->found, TECHNOLOGY_LANGUAGE, "Python"));
}

static void a_broken_executable_shows_nothing(void **state)
{
    struct place *place = *state;
    char path[128];
    const char *mark = NULL;
    put(place, "broken", "\177ELF\2\1\1 and then nothing that holds");
    snprintf(path, sizeof path, "%s/broken", place->folder);
    assert_false(technology_mark(path, ".go.buildinfo", &place->arena, &mark));
    assert_null(mark);
}

static void signs_are_weighed(void **state)
{
    struct place *place = *state;
    struct process_list processes = {0};
    struct process_row row = {.pid = 7, .parent_pid = 1};
    struct process_about about = {
        .pid = 7, .name = "node", .program = "/usr/bin/node", .folder = "/srv/shop", .group = "", .user = 0};
    struct deployment_evidence evidence = {.process = &about,
                                           .row = &row,
                                           .processes = &processes,
                                           .root = place->folder,
                                           .arena = &place->arena};
    struct deployment deployment;
    deployment_judge(&evidence, &deployment);
    assert_int_equal(deployment.kind, DEPLOYMENT_UNKNOWN);
    assert_int_equal(deployment.weight, 2);
    about.variables[about.variable_count++] = (struct process_variable){"NODE_ENV", "production"};
    deployment_judge(&evidence, &deployment);
    assert_int_equal(deployment.kind, DEPLOYMENT_PRODUCTION);
    assert_string_equal(deployment.signs[0].says, "NODE_ENV=production");
    about.variables[0].value = "development";
    about.words[about.word_count++] = "--inspect=0";
    deployment_judge(&evidence, &deployment);
    assert_int_equal(deployment.kind, DEPLOYMENT_DEVELOPMENT);
}

int technology_test(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_stands_for_anything_at_one_end),
        cmocka_unit_test(a_package_is_named_as_a_whole_word),
        cmocka_unit_test_setup_teardown(package_files_name_frameworks_and_databases, setup, teardown),
        cmocka_unit_test_setup_teardown(a_script_alone_is_how_a_folder_starts, setup, teardown),
        cmocka_unit_test_setup_teardown(this_test_is_written_in_c, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_executable_shows_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(signs_are_weighed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
