/* SPDX-License-Identifier: Apache-2.0 */
/* file: settings of a product that toll has no reader for, out of the files that its rules name. */
#include <string.h>

#include "settings/conf_walk.h"
#include "settings/internal.h"

static enum conf_form form_of(const char *format)
{
    return strcmp(format, "key value") == 0 ? CONF_BLANK
           : strcmp(format, "json") == 0    ? CONF_JSON
           : strcmp(format, "ini") == 0     ? CONF_INI
                                            : CONF_EQUALS;
}

int file_files(const struct server *server, struct settings *settings, bool *ret_done, struct err *err)
{
    struct conf_walk walk = {.server = server,
                             .settings = settings,
                             .form = form_of(settings->rules->format),
                             .last_counts = true};
    bool read = false;
    int status = 0;
    for (size_t i = 0; i < settings->rules->file_count && !status; i++) {
        status = conf_walk(&walk, server_path(server, settings, settings->rules->files[i]), true, &read, err);
        *ret_done = *ret_done || read;
    }
    /* Rules that name no file judge what the product does when nothing is set. */
    if (!settings->rules->file_count)
        *ret_done = true;
    return status;
}
