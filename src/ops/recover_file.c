/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/recover_file.h"

#include <string.h>

#define SUFFIX ".toll"

int ops_check(const char *path, struct check_result *ret_result, struct err *err)
{
    return check_recording(path, ret_result, err);
}

int ops_recover(const char *path, const char *output, struct ops_recovered *ret_recovered, struct err *err)
{
    struct ops_recovered recovered = {.path = {0}};
    size_t length = strlen(path) - (str_ends(path, SUFFIX) ? strlen(SUFFIX) : 0);
    if (output)
        str_append(&recovered.path, output);
    else
        str_printf(&recovered.path, "%.*s.recovered" SUFFIX, (int)length, path);
    if (recovered.path.failed)
        return err_memory(err);
    struct recover_options options = {.path = path, .output = str_text(&recovered.path)};
    int status = recover_recording(&options, &recovered.result, err);
    if (status)
        str_free(&recovered.path);
    else
        *ret_recovered = recovered;
    return status;
}
