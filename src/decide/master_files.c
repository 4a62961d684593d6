/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/master_files.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "ops/calibrate.h"
#include "verify/calibration.h"

#define REPORT_BYTES_MAX ((size_t)256 << 20)

typedef int write_function(const struct investigation *, const struct master_options *, struct str *,
                           struct err *);

static const struct {
    const char *name; /* what --format takes */
    const char *file;
    write_function *write;
} formats[] = {
    {"text", "report.txt", master_text},
    {"json", "report.json", master_json},
    {"markdown", "report.md", master_markdown},
    {"html", "report.html", master_html},
};
#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

/* false: there is no history to read. */
static bool read_calibration(const char *store, struct master_calibration *ret_calibration)
{
    struct calibration calibration = {0};
    struct err err = {0};
    int status = ops_calibration(&(struct calibrate_request){.store = store}, &calibration, &err);

    if (!status) {
        const struct calibration_group *all = &calibration.all;
        *ret_calibration = (struct master_calibration){.count = all->count,
                                                       .bias_ratio = all->bias,
                                                       .bias_low = all->bias_low,
                                                       .bias_high = all->bias_high,
                                                       .error_ratio = all->error,
                                                       .interval_count = all->interval_count,
                                                       .inside_count = all->inside_count};
    }
    calibration_deinit(&calibration);
    return !status;
}

static int write_file(const struct investigation *investigation, const struct master_options *options,
                      const char *folder, size_t format, struct err *err)
{
    struct str text = {0}, path = {0};
    int status = formats[format].write(investigation, options, &text, err);

    str_printf(&path, "%s/%s", folder, formats[format].file);
    if (!status && path.failed)
        status = err_memory(err);
    /* As what was recorded: for its owner alone. */
    if (!status)
        status = fs_replace(str_text(&path), str_text(&text), text.length, 0600, err);
    str_free(&path);
    str_free(&text);
    return status;
}

int master_files_write(const struct investigation *investigation, const struct master_files *files,
                       struct str *ret_screen, struct err *err)
{
    struct master_calibration calibration;
    struct master_options options = {.folder = files->told ? files->told : files->folder};
    struct str screen = {0};
    int status = 0;

    if (read_calibration(files->store, &calibration))
        options.calibration = &calibration;
    for (size_t i = 0; i < FORMAT_COUNT && !status; i++)
        status = write_file(investigation, &options, files->folder, i, err);
    options.look = files->look;
    if (!status && ret_screen)
        status = master_text(investigation, &options, &screen, err);
    if (status)
        str_free(&screen);
    else if (ret_screen)
        *ret_screen = screen;
    return status;
}

bool master_files_exist(const char *folder)
{
    struct str path = {0};
    struct stat about;
    bool exists = stat(folder, &about) == 0 && S_ISDIR(about.st_mode);

    str_printf(&path, "%s/report.json", folder);
    exists = exists && !path.failed && stat(str_text(&path), &about) == 0 && S_ISREG(about.st_mode);
    str_free(&path);
    return exists;
}

int master_files_read(const char *folder, const char *format, struct str *ret_text, struct err *err)
{
    struct str path = {0};
    const char *file = NULL;

    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(formats[i].name, format) == 0)
            file = formats[i].file;
    if (!file) {
        err_set(err, ERR_USAGE,
                "could not write '%s' as %s: the report of an investigation is text, json, markdown or html",
                folder, format);
        err_hint(err, "the recording it is about has all formats: toll report %s/evidence/*.toll --format %s",
                 folder, format);
        return -(int)ERR_USAGE;
    }
    str_printf(&path, "%s/%s", folder, file);
    int status = path.failed ? err_memory(err) : fs_read(str_text(&path), REPORT_BYTES_MAX, ret_text, err);
    str_free(&path);
    return status;
}
