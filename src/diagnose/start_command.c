/* SPDX-License-Identifier: Apache-2.0 */
/* How to start what a folder holds: the package file says so, else the usual names of main programs. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "diagnose/technology.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

struct start {
    const char *path;
    struct arena *arena;
    struct start_command *command;
};

static bool has_file(const struct start *start, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", start->path, name);
    return access(path, R_OK) == 0;
}

static bool text_read(const struct start *start, const char *name, struct str *text)
{
    char path[1024];
    struct err ignored;
    snprintf(path, sizeof path, "%s/%s", start->path, name);
    return access(path, R_OK) == 0 && fs_read(path, FILE_BYTES_MAX, text, &ignored) == 0;
}

static bool told(struct start *start, const char *command, const char *why)
{
    start->command->command = command;
    start->command->why = why;
    return command && why;
}

/* A word that needs no quotes in a shell. */
static bool is_plain(const char *word)
{
    return *word && *word != '-' &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+")] == '\0';
}

static bool node_start(struct start *start)
{
    struct str text = {0};
    struct json_value *root = NULL;
    const char *script = NULL, *main_file = NULL;
    struct err ignored;
    bool found = false;
    if (text_read(start, "package.json", &text) &&
        json_read_text(str_text(&text), text.length, "package.json", &root, &ignored) == 0) {
        if (json_find_text(root, "scripts.start", &script))
            found = told(start, "npm start", "scripts.start in package.json");
        else if (json_find_text(root, "main", &main_file) && is_plain(main_file) &&
                 has_file(start, main_file))
            found = told(start, arena_printf(start->arena, "node %s", main_file), "main in package.json");
    }
    json_free(root);
    str_free(&text);
    static const char *const names[] = {"server.js", "index.js", "app.js", "main.js"};
    for (size_t i = 0; i < 4 && !found; i++)
        if (has_file(start, names[i]))
            found = told(start, arena_printf(start->arena, "node %s", names[i]), names[i]);
    return found;
}

static bool python_start(struct start *start)
{
    static const char *const names[] = {"main.py", "app.py", "run.py", "server.py", "bench.py"};
    if (has_file(start, "manage.py"))
        return told(start, "python3 manage.py runserver --noreload", "manage.py");
    if (has_file(start, "__main__.py"))
        return told(start, "python3 .", "__main__.py");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (has_file(start, names[i]))
            return told(start, arena_printf(start->arena, "python3 %s", names[i]), names[i]);
    return false;
}

/* The value of the first line `name = "…"` */
static const char *toml_name(const char *text, struct arena *arena)
{
    const char *at = strstr(text, "name");
    const char *open = at ? strchr(at, '"') : NULL;
    size_t length = open ? strcspn(open + 1, "\"\n") : 0;
    return length ? arena_copy(arena, open + 1, length) : NULL;
}

static bool rust_start(struct start *start)
{
    struct str text = {0};
    const char *name =
        text_read(start, "Cargo.toml", &text) ? toml_name(str_text(&text), start->arena) : NULL;
    bool found = name && is_plain(name) && has_file(start, "src/main.rs") &&
                 told(start, arena_printf(start->arena, "target/release/%s", name), "Cargo.toml");
    if (found)
        start->command->build = "cargo build --release";
    str_free(&text);
    return found;
}

static bool go_start(struct start *start)
{
    if (!has_file(start, "go.mod"))
        return false;
    if (!has_file(start, "main.go"))
        return told(start, "go test -bench .", "go.mod");
    start->command->build = "go build -o /tmp/toll-go-program .";
    return told(start, "/tmp/toll-go-program", "main.go");
}

static bool java_start(struct start *start)
{
    if (has_file(start, "pom.xml")) {
        start->command->build = "mvn -q package";
        return told(start, "java -jar target/*.jar", "pom.xml");
    }
    return has_file(start, "gradlew") && told(start, "./gradlew run", "gradlew");
}

static bool make_start(struct start *start)
{
    static const char *const targets[] = {"bench", "run", "test", "check"};
    struct str text = {0};
    bool found = false;
    if (text_read(start, "Makefile", &text))
        for (size_t i = 0; i < sizeof targets / sizeof targets[0] && !found; i++) {
            char line[16];
            snprintf(line, sizeof line, "\n%s:", targets[i]);
            if (strstr(str_text(&text), line) || str_starts(str_text(&text), line + 1))
                found = told(start, arena_printf(start->arena, "make %s", targets[i]),
                             arena_printf(start->arena, "target %s in Makefile", targets[i]));
        }
    str_free(&text);
    return found;
}

/* The only script of its kind. */
static bool lone_start(struct start *start, const char *ending, const char *with)
{
    char only[256] = "";
    unsigned count = 0;
    DIR *folder = opendir(start->path);
    for (struct dirent *entry; folder && count < 2 && (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && str_ends(entry->d_name, ending)) {
            snprintf(only, sizeof only, "%s", entry->d_name);
            count++;
        }
    if (folder)
        closedir(folder);
    if (count != 1 || !is_plain(only))
        return false;
    const char *name = arena_string(start->arena, only);
    return name && told(start, arena_printf(start->arena, "%s %s", with, name), name);
}

bool pipeline_is_there(const char *path)
{
    char file[1024];
    struct yaml_value *root = NULL;
    struct err ignored;
    snprintf(file, sizeof file, "%s/toll.yaml", path);
    if (access(file, R_OK) != 0 || yaml_read_file(file, &root, &ignored))
        return false;
    bool found = yaml_member(root, "objective") && yaml_member(root, "run");
    yaml_free(root);
    return found;
}

void start_command_find(const char *path, struct arena *arena, struct start_command *ret_command)
{
    struct start start = {path, arena, ret_command};
    *ret_command = (struct start_command){0};
    if (rust_start(&start) || go_start(&start) || java_start(&start) || node_start(&start) ||
        python_start(&start) || make_start(&start) || lone_start(&start, ".py", "python3") ||
        lone_start(&start, ".js", "node") || lone_start(&start, ".sh", "bash"))
        return;
    *ret_command = (struct start_command){0};
}
