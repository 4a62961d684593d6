/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/conf_walk.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"

static int take(void *context, const char *key, const char *value, unsigned line, struct err *err);

static int include_one(struct conf_walk *walk, const char *pattern, struct err *err)
{
    glob_t found;
    char name[1024], keep[sizeof walk->path];
    int status = 0;
    bool read;
    memcpy(keep, walk->path, sizeof keep);
    const char *slash = strrchr(walk->path, '/');
    if (*pattern == '/')
        snprintf(name, sizeof name, "%s", server_path(walk->server, walk->settings, pattern));
    else if (walk->include_folder)
        snprintf(name, sizeof name, "%.400s/%.500s", walk->include_folder, pattern);
    else
        snprintf(name, sizeof name, "%.*s/%.500s", slash ? (int)(slash - walk->path) : 1,
                 slash ? walk->path : ".", pattern);
    if (glob(name, 0, NULL, &found))
        return 0;
    for (size_t i = 0; i < found.gl_pathc && !status; i++) {
        struct stat about;
        bool is_folder = !stat(found.gl_pathv[i], &about) && S_ISDIR(about.st_mode);
        status = is_folder ? conf_walk_folder(walk, found.gl_pathv[i], ".conf", err)
                           : conf_walk(walk, found.gl_pathv[i], true, &read, err);
    }
    globfree(&found);
    memcpy(walk->path, keep, sizeof walk->path);
    return status;
}

static bool is_include(const struct conf_walk *walk, const char *key)
{
    for (size_t i = 0; walk->include_keys && walk->include_keys[i]; i++)
        if (strcmp(walk->include_keys[i], key) == 0)
            return true;
    return false;
}

static int take(void *context, const char *key, const char *value, unsigned line, struct err *err)
{
    struct conf_walk *walk = context;
    const char *dot = walk->by_last_name ? strrchr(key, '.') : NULL, *name = dot ? dot + 1 : key;
    char origin[600], renamed[CONF_KEY_MAX * 2];
    if (is_include(walk, name))
        return walk->file_count < SETTINGS_FILES_MAX ? include_one(walk, value, err) : 0;
    if (walk->port_key && strcmp(walk->port_key, name) == 0)
        snprintf(walk->port, sizeof walk->port, "%.31s", value);
    if (walk->rename && !walk->rename(name, renamed))
        return 0;
    name = walk->rename ? renamed : name;
    snprintf(origin, sizeof origin, line ? "%s:%u" : "%s", walk->path, line);
    return walk->last_counts ? settings_override(walk->settings, name, value, origin, err)
                             : settings_put(walk->settings, name, value, origin, err);
}

int conf_walk(struct conf_walk *walk, const char *path, bool is_expected, bool *ret_read, struct err *err)
{
    struct str text = {0};
    struct err why = {0};
    *ret_read = false;
    if (++walk->file_count > SETTINGS_FILES_MAX)
        return 0;
    if (fs_read(path, SETTINGS_BYTES_MAX, &text, &why)) {
        if (is_expected)
            settings_note(walk->settings, "%s", why.what);
        str_free(&text);
        return 0;
    }
    snprintf(walk->path, sizeof walk->path, "%s", path);
    int status = conf_text(str_text(&text), text.length, walk->form, take, walk, err);
    *ret_read = !status;
    str_free(&text);
    return status;
}

int conf_walk_folder(struct conf_walk *walk, const char *folder, const char *ending, struct err *err)
{
    char pattern[600];
    glob_t found;
    int status = 0;
    bool read;
    snprintf(pattern, sizeof pattern, "%.500s/*%.32s", folder, ending);
    if (glob(pattern, 0, NULL, &found))
        return 0;
    for (size_t i = 0; i < found.gl_pathc && !status; i++)
        status = conf_walk(walk, found.gl_pathv[i], true, &read, err);
    globfree(&found);
    return status;
}
