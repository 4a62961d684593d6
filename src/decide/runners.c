/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/runner.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/fs.h"
#include "base/str.h"
#include "decide/perf_marks.h"

#define TEXT_BYTES_MAX ((size_t)128 << 20)

/*
 * What `python3 -m cProfile` does, but for the exit status and the module's name, which that loses: the program's SystemExit and
 * exceptions go on, sys.modules['__main__'] is its own, and code given with -c is profiled as well.
 */
static const char python_start[] =
    "import sys, os, types, cProfile\n"
    "out, how, what = sys.argv[1:4]\n"
    "sys.argv = ['-c' if how == '-c' else what] + sys.argv[4:]\n"
    "main = types.ModuleType('__main__')\n"
    "main.__builtins__ = __builtins__\n"
    "if how == 'file':\n"
    "    if not (sys.flags.isolated or getattr(sys.flags, 'safe_path', False)):\n"
    "        sys.path[0] = os.path.dirname(os.path.realpath(what))\n"
    "    main.__file__ = what\n"
    "    with open(what, 'rb') as file:\n"
    "        code = compile(file.read(), what, 'exec')\n"
    "elif how == '-c':\n"
    "    code = compile(what, '<string>', 'exec')\n"
    "pid = os.getpid()\n"
    "profile = cProfile.Profile()\n"
    "try:\n"
    "    if how == '-m':\n"
    "        import runpy\n"
    "        profile.enable()\n"
    "        runpy.run_module(what, run_name='__main__', alter_sys=True)\n"
    "    else:\n"
    "        sys.modules['__main__'] = main\n"
    "        profile.enable()\n"
    "        exec(code, main.__dict__)\n"
    "finally:\n"
    "    profile.disable()\n"
    "    if os.getpid() == pid:\n" /* a fork's child has a copy, and is another program */
    "        profile.dump_stats(out)\n";

void runner_add(struct runner_words *words, const char *word)
{
    words->failed |= !word || vec_push(&words->items, word) != 0;
}

static void runner_add_all(struct runner_words *words, char *const *command)
{
    for (; *command; command++)
        runner_add(words, *command);
}

static const char *program_of(char *const *command)
{
    const char *slash = strrchr(command[0], '/');
    return slash ? slash + 1 : command[0];
}

/* Whether a name is `name`, or that and a version: python, python3, python3.11. */
static bool is_program(const char *program, const char *name)
{
    size_t length = strlen(name);
    return strncmp(program, name, length) == 0 &&
           program[length + strspn(program + length, "0123456789.")] == '\0';
}

/* Whether the command is a script whose first line names a program. */
static bool is_script_of(const char *path, const char *name)
{
    char head[128];
    if (!strchr(path, '/') || fs_read_small(path, head, sizeof head) < 3 || !str_starts(head, "#!"))
        return false;
    head[strcspn(head, "\n")] = '\0';
    const char *at = strstr(head, name);
    return at && !isalpha((unsigned char)at[strlen(name)]);
}

static bool python_fits(char *const *command)
{
    return is_program(program_of(command), "python") || is_script_of(command[0], "python");
}

/* Options of python3 that take a word of their own. */
static bool takes_word(const char *option)
{
    return strcmp(option, "-X") == 0 || strcmp(option, "-W") == 0 ||
           strcmp(option, "--check-hash-based-pycs") == 0;
}

static int python_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                       struct err *err)
{
    size_t at = 1;
    const char *how = "file";
    if (!is_program(program_of(command), "python")) {
        runner_add(words, "python3");
        at = 0;
    } else {
        runner_add(words, command[0]);
        for (; command[at] && command[at][0] == '-' && strcmp(command[at], "-c") != 0 &&
               strcmp(command[at], "-m") != 0;
             at++) {
            runner_add(words, command[at]);
            if (takes_word(command[at]) && command[at + 1])
                runner_add(words, command[++at]);
        }
        if (command[at] && command[at][0] == '-')
            how = command[at++];
    }
    if (!command[at]) {
        err_set(err, ERR_USAGE, "could not profile '%s' with cProfile: it runs no script, module or -c",
                command[0]);
        err_hint(err, "toll run --profiler cprofile -- python3 SCRIPT");
        return -ERR_USAGE;
    }
    runner_add(words, "-c");
    runner_add(words, python_start);
    runner_add(words, place->raw);
    runner_add(words, how);
    runner_add_all(words, command + at);
    return 0;
}

static bool node_fits(char *const *command)
{
    return is_program(program_of(command), "node") || is_program(program_of(command), "nodejs") ||
           is_script_of(command[0], "node");
}

static int node_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                     struct err *err)
{
    bool is_node = is_program(program_of(command), "node") || is_program(program_of(command), "nodejs");
    (void)err;
    runner_add(words, is_node ? command[0] : "node");
    runner_add(words, "--cpu-prof");
    runner_add(words, arena_printf(place->arena, "--cpu-prof-dir=%s", place->folder));
    runner_add_all(words, command + is_node);
    return 0;
}

/* Finds what ends so in the folder: of several (workers write one each) the largest. */
static int file_find(struct runner_place *place, const char *ending, char *ret_path, size_t capacity,
                     struct err *err)
{
    off_t largest = -1;
    char path[512];
    DIR *folder = opendir(place->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat about;
        int length = snprintf(path, sizeof path, "%s/%s", place->folder, entry->d_name);
        if (!str_ends(entry->d_name, ending) || length < 0 || (size_t)length >= capacity ||
            stat(path, &about) != 0 || about.st_size <= largest)
            continue;
        largest = about.st_size;
        snprintf(ret_path, capacity, "%s", path);
    }
    if (folder)
        closedir(folder);
    return largest >= 0 ? 0 : err_set(err, ERR_ENVIRONMENT, "could not find a profile: none was written");
}

static int node_collect(struct runner_place *place, struct err *err)
{
    int status = file_find(place, ".cpuprofile", place->raw, sizeof place->raw, err);
    snprintf(place->text, sizeof place->text, "%s", place->raw);
    return status;
}

static bool java_fits(char *const *command)
{
    return strcmp(program_of(command), "java") == 0;
}

static int java_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                     struct err *err)
{
    (void)err;
    runner_add(words, command[0]);
    runner_add(words, arena_printf(place->arena,
                                   "-XX:StartFlightRecording=filename=%s,settings=profile,dumponexit=true",
                                   place->raw));
    /* It would say on stdout that it has begun. */
    runner_add(words, "-Xlog:jfr+startup=off");
    runner_add_all(words, command + 1);
    return 0;
}

/* Runs a tool that prints what import/ reads, into place->text. */
static int printed(struct runner_place *place, const char *const *words, struct err *err)
{
    struct child_options options = {.words = words, .text_bytes_max = TEXT_BYTES_MAX};
    struct child_result result;
    int status = child_run(&options, &result, err);
    if (status)
        return status;
    if (result.exit_status != 0) {
        char line[256];
        child_last_line(&result.errors, line, sizeof line);
        status = err_set(err, ERR_ENVIRONMENT, "could not read the profile with %s: %s", words[0],
                         line[0] ? line : "it failed");
    } else {
        snprintf(place->text, sizeof place->text, "%s/text", place->folder);
        status = fs_replace(place->text, str_text(&result.text), result.text.length, 0600, err);
    }
    child_result_free(&result);
    return status;
}

static int java_collect(struct runner_place *place, struct err *err)
{
    const char *words[] = {
        "jfr", "print", "--json", "--stack-depth", "64", "--events", "jdk.ExecutionSample", place->raw, NULL};
    return printed(place, words, err);
}

static bool any_fits(char *const *command)
{
    return command[0] != NULL;
}

static int perf_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                     struct err *err)
{
    /* perf 6.1 aborts where it reads the build-id of a kernel newer than it (-B), and needs rights for its samples. */
    static const char *const head[] = {"perf", "record", "-q", "-B", "--all-user", "-g", "-F", "199", "-o"};
    (void)err;
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        runner_add(words, head[i]);
    runner_add(words, place->raw);
    runner_add(words, "--");
    runner_add_all(words, command);
    return 0;
}

static int perf_collect(struct runner_place *place, struct err *err)
{
    const char *words[] = {"perf", "script", "--no-inline", "--max-stack", "127", "-i", place->raw, NULL};
    perf_marks_clear(place->raw);
    return printed(place, words, err);
}

static int heaptrack_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                          struct err *err)
{
    (void)err;
    runner_add(words, "heaptrack");
    runner_add(words, "-o");
    runner_add(words, place->raw);
    runner_add_all(words, command);
    return 0;
}

/* The file's ending says how it was packed: heap.zst, heap.gz. */
static int heaptrack_collect(struct runner_place *place, struct err *err)
{
    char found[512] = "";
    if (file_find(place, ".zst", found, sizeof found, err) &&
        file_find(place, ".gz", found, sizeof found, err))
        return err_set(err, ERR_ENVIRONMENT, "could not find what heaptrack recorded");
    snprintf(place->raw, sizeof place->raw, "%s", found);
    snprintf(place->text, sizeof place->text, "%s/folded", place->folder);
    const char *words[] = {"heaptrack_print",        "-p0",  "-a0", "-T0", "-f", found, "-F", place->text,
                           "--flamegraph-cost-type", "peak", NULL};
    struct child_options options = {.words = words};
    struct child_result result;
    int status = child_run(&options, &result, err);
    if (status)
        return status;
    if (result.exit_status != 0)
        status = err_set(err, ERR_ENVIRONMENT, "could not read the profile with heaptrack_print: it failed");
    child_result_free(&result);
    return status;
}

static bool go_fits(char *const *command)
{
    return strcmp(program_of(command), "go") == 0 && command[1] && strcmp(command[1], "test") == 0;
}

static int go_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                   struct err *err)
{
    if (!go_fits(command)) {
        err_set(err, ERR_USAGE, "could not profile '%s' with pprof: only 'go test' can be told to write one",
                command[0]);
        err_hint(
            err,
            "toll run --profiler go-pprof -- go test -bench . ; a program writes one by runtime/pprof or "
            "net/http/pprof, and toll diagnose FILE reads it");
        return -ERR_USAGE;
    }
    runner_add(words, command[0]);
    runner_add(words, "test");
    runner_add(words, "-cpuprofile");
    runner_add(words, place->raw);
    runner_add(words, "-o");
    runner_add(words, arena_printf(place->arena, "%s/test", place->folder));
    runner_add_all(words, command + 2);
    return 0;
}

static bool psql_fits(char *const *command)
{
    return strcmp(program_of(command), "psql") == 0;
}

static const char *explained(const struct runner_place *place, const char *statement)
{
    return arena_printf(place->arena, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) %s", statement);
}

/* psql … -c 'SELECT …': that statement, explained while it runs. */
static int psql_wrap(const struct runner_place *place, char *const *command, struct runner_words *words,
                     struct err *err)
{
    unsigned count = 0;
    runner_add(words, command[0]);
    runner_add(words, "-XqAt");
    runner_add(words, "-o");
    runner_add(words, place->raw);
    for (size_t i = 1; command[i]; i++) {
        const char *word = command[i];
        if ((strcmp(word, "-c") == 0 || strcmp(word, "--command") == 0) && command[i + 1]) {
            runner_add(words, "-c");
            runner_add(words, explained(place, command[++i]));
            count++;
        } else if (str_starts(word, "--command=")) {
            runner_add(words, "-c");
            runner_add(words, explained(place, word + 10));
            count++;
        } else {
            runner_add(words, word);
        }
    }
    if (count == 1)
        return 0;
    err_set(err, ERR_USAGE, "could not explain a query: psql needs one -c STATEMENT, it has %u", count);
    err_hint(err, "toll run --profiler explain -- psql -c 'SELECT …'");
    return -ERR_USAGE;
}

const struct runner runners[] = {
    {.name = "cprofile",
     .package = "python3",
     .importer = "cprofile",
     .raw = "profile.prof",
     .is_automatic = true,
     .fits = python_fits,
     .wrap = python_wrap,
     .measures = "time of the main thread"},
    {.name = "node",
     .package = "nodejs",
     .importer = "cpuprofile",
     .raw = "profile.cpuprofile",
     .is_automatic = true,
     .fits = node_fits,
     .wrap = node_wrap,
     .collect = node_collect},
    {.name = "jfr",
     .tool = "jfr",
     .package = "default-jdk-headless",
     .importer = "jfr",
     .raw = "profile.jfr",
     .is_automatic = true,
     .fits = java_fits,
     .wrap = java_wrap,
     .collect = java_collect},
    {.name = "go-pprof",
     .package = "golang-go",
     .importer = "pprof",
     .raw = "cpu.pprof",
     .is_automatic = true,
     .fits = go_fits,
     .wrap = go_wrap,
     .source = "Go pprof"},
    {.name = "explain",
     .package = "postgresql-client",
     .importer = "explain",
     .raw = "plan.json",
     .is_automatic = true,
     .fits = psql_fits,
     .wrap = psql_wrap},
    {.name = "perf",
     .tool = "perf",
     .package = "linux-perf",
     .importer = "perf",
     .raw = "perf.data",
     .fits = any_fits,
     .measures = "samples of CPU time outside the kernel",
     .wrap = perf_wrap,
     .collect = perf_collect},
    {.name = "heaptrack",
     .tool = "heaptrack",
     .package = "heaptrack",
     .importer = "folded",
     .raw = "heap",
     .fits = any_fits,
     .wrap = heaptrack_wrap,
     .collect = heaptrack_collect,
     .source = "heaptrack",
     .measures = "memory at its peak",
     .is_bytes = true},
};
const size_t runner_count = sizeof runners / sizeof runners[0];

const struct runner *runner_find(const char *name)
{
    for (size_t i = 0; i < runner_count; i++)
        if (strcmp(runners[i].name, name) == 0)
            return &runners[i];
    return NULL;
}

const struct runner *runner_choose(char *const *command)
{
    for (size_t i = 0; i < runner_count; i++)
        if (runners[i].is_automatic && runners[i].fits(command))
            return &runners[i];
    return NULL;
}
