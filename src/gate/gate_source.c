/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/gate_source.h"

#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/num.h"
#include "base/pattern.h"
#include "base/str.h"
#include "codec/json.h"

#define SHOWN_MAX    40
#define FOLDERS_OPEN 32

int gate_source_check_match(const char *match, struct err *err)
{
    regex_t regex;
    int status = pattern_compile(match, REG_NEWLINE, &regex, err);
    if (status)
        return err_wrap(err, "could not use pattern '%.200s'", match);
    size_t groups = regex.re_nsub;
    regfree(&regex);
    if (!groups) {
        err_set(err, ERR_INPUT, "could not use pattern '%.200s': no group says where the number is", match);
        err_hint(err, "put the number's part in (): 'rows/s: ([0-9.]+)'");
        return -ERR_INPUT;
    }
    return 0;
}

/* A number as programs print it: "12,345.6" too, where the commas stand between three digits each. */
static bool number_parse(const char *text, double *ret_number)
{
    char plain[64];
    size_t length = 0, digits = 0;
    bool has_comma = false;
    for (const char *at = text; *at; at++) {
        if (*at == ',') {
            if ((has_comma && digits != 3) || !digits || digits > 3)
                return false;
            has_comma = true;
            digits = 0;
            continue;
        }
        if (has_comma && !isdigit((unsigned char)*at) && digits != 3)
            return false;
        digits = isdigit((unsigned char)*at) ? digits + 1 : 3;
        if (length + 1 == sizeof plain)
            return false;
        plain[length++] = *at;
    }
    plain[length] = '\0';
    return length && !(has_comma && digits < 3) && num_parse_double(plain, ret_number) == 0;
}

/* What was found in a text: an amount with its unit, or a number whose unit the file of budgets says. */
static int amount_of(const struct gate_source *source, enum gate_metric metric, const char *found,
                     const char *name, double *ret_value, struct err *err)
{
    const struct gate_metric_about *about = gate_metric_about(metric);
    double number;
    if (number_parse(found, &number)) {
        if (source->scale > 0) {
            *ret_value = number * source->scale;
        } else if (about->unit == AMOUNT_NS) {
            err_set(err, ERR_INPUT, "could not read %s from %s: '%.*s' has no unit", about->key, name,
                    SHOWN_MAX, found);
            err_hint(err, "say 'unit: ms' (ns, us, ms, s) beside it");
            return -ERR_INPUT;
        } else {
            *ret_value = number;
        }
        if (*ret_value >= 0 && isfinite(*ret_value))
            return 0;
    } else if (amount_parse(found, about->unit, ret_value)) {
        return 0;
    }
    return err_set(err, ERR_INPUT, "could not read %s from %s: '%.*s' is no amount of it", about->key, name,
                   SHOWN_MAX, found);
}

static int number_by_match(const struct gate_source *source, enum gate_metric metric, const char *text,
                           const char *name, double *ret_value, struct err *err)
{
    regex_t regex;
    regmatch_t found[2];
    char number[128];
    if (pattern_compile(source->match, REG_NEWLINE, &regex, err))
        return err_wrap(err, "could not use pattern '%.200s'", source->match);
    bool has_match = regexec(&regex, text, 2, found, 0) == 0 && found[1].rm_so >= 0;
    regfree(&regex);
    if (!has_match)
        return err_set(err, ERR_INPUT, "could not read %s from %s: nothing in it matches '%.200s'",
                       gate_metric_about(metric)->key, name, source->match);
    size_t length = (size_t)(found[1].rm_eo - found[1].rm_so);
    if (length >= sizeof number)
        length = sizeof number - 1;
    memcpy(number, text + found[1].rm_so, length);
    number[length] = '\0';
    return amount_of(source, metric, number, name, ret_value, err);
}

/* One step of a path: a key of an object, or an index of an array. */
static const struct json_value *json_step(const struct json_value *value, const char *key)
{
    uint64_t index;
    if (json_kind(value) == JSON_KIND_ARRAY)
        return num_parse_u64(key, &index) || index > SIZE_MAX ? NULL : json_item(value, (size_t)index);
    return json_member(value, key);
}

static const struct json_value *json_walk(const struct json_value *value, const char *path)
{
    const struct json_value *whole = json_step(value, path); /* a key may hold full stops */
    while (!whole && value && *path) {
        char key[GATE_PATTERN_MAX];
        size_t length = strcspn(path, ".");
        if (length >= sizeof key)
            return NULL;
        memcpy(key, path, length);
        key[length] = '\0';
        value = json_step(value, key);
        path += length + (path[length] == '.');
        if (!*path)
            return value;
        whole = json_step(value, path);
    }
    return whole;
}

static int number_by_json(const struct gate_source *source, enum gate_metric metric, const char *text,
                          size_t length, const char *name, double *ret_value, struct err *err)
{
    struct json_value *root;
    char printed[64];
    double number;
    const char *found = NULL;
    int status = json_read_text(text, length, name, &root, err);
    if (status)
        return status;
    const struct json_value *value = json_walk(root, source->json);
    if (json_find_number(value, NULL, &number)) {
        snprintf(printed, sizeof printed, "%.17g", number);
        found = printed;
    } else {
        json_find_text(value, NULL, &found);
    }
    if (found)
        status = amount_of(source, metric, found, name, ret_value, err);
    else
        status = err_set(err, ERR_INPUT, "could not read %s from %s: no number at '%.200s'",
                         gate_metric_about(metric)->key, name, source->json);
    json_free(root);
    return status;
}

int gate_source_number(const struct gate_source *source, enum gate_metric metric, const char *text,
                       size_t length, const char *name, double *ret_value, struct err *err)
{
    char whole[128];
    if (source->json)
        return number_by_json(source, metric, text, length, name, ret_value, err);
    if (source->match)
        return number_by_match(source, metric, text, name, ret_value, err);
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    while (length && isspace((unsigned char)*text))
        text++, length--;
    snprintf(whole, sizeof whole, "%.*s", (int)(length < sizeof whole ? length : sizeof whole - 1), text);
    return amount_of(source, metric, whole, name, ret_value, err);
}

/* What nftw's callback reaches. */
static struct {
    struct map seen; /* inodes, mixed with their devices */
    double bytes;
    size_t count;
    bool failed;
} counted;

static int count_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)path, (void)where;
    uint64_t identity = map_hash(about->st_ino) ^ about->st_dev;
    if (type != FTW_F || !S_ISREG(about->st_mode) || map_get(&counted.seen, identity))
        return 0;
    if (map_put(&counted.seen, identity, 1) || ++counted.count > GATE_FILES_MAX) {
        counted.failed = true;
        return 1;
    }
    counted.bytes += (double)about->st_size;
    return 0;
}

/* The folder's own characters mean nothing to glob. */
static void pattern_fill(struct str *pattern, const char *folder, const char *text)
{
    for (; folder && *folder; folder++) {
        if (strchr("*?[]\\", *folder))
            str_append(pattern, "\\");
        str_append_bytes(pattern, folder, 1);
    }
    str_printf(pattern, "%s%s", pattern->length ? "/" : "", text);
}

int gate_source_bytes(const char *const *patterns, const char *folder, double *ret_bytes, struct err *err)
{
    int status = 0;
    memset(&counted, 0, sizeof counted);
    for (size_t i = 0; !status && patterns[i]; i++) {
        struct str pattern = {0};
        glob_t found;
        pattern_fill(&pattern, *patterns[i] == '/' ? NULL : folder, patterns[i]);
        int failed = pattern.failed ? GLOB_NOSPACE : glob(str_text(&pattern), GLOB_NOSORT, NULL, &found);
        str_free(&pattern);
        if (failed == GLOB_NOMATCH) {
            err_set(err, ERR_INPUT, "could not measure files '%.200s': there is none", patterns[i]);
            err_hint(err, "they are looked for after the build and the command, in the folder '%.200s'",
                     folder ? folder : ".");
            status = -ERR_INPUT;
            break;
        }
        if (failed) {
            status = err_memory(err);
            break;
        }
        for (size_t at = 0; at < found.gl_pathc && !counted.failed; at++)
            nftw(found.gl_pathv[at], count_one, FOLDERS_OPEN, FTW_PHYS);
        globfree(&found);
    }
    if (!status && counted.failed)
        status = err_set(err, ERR_INPUT, "could not measure files '%.200s': over %u of them", patterns[0],
                         GATE_FILES_MAX);
    if (!status && !counted.count)
        status = err_set(err, ERR_INPUT, "could not measure files '%.200s': no file is in it", patterns[0]);
    if (!status)
        *ret_bytes = counted.bytes;
    map_free(&counted.seen);
    return status;
}
