/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/recover_file.h"

#include <string.h>
#include <unistd.h>

#include "ops/seal_priced.h"
#include "otlp/request_log.h"

#define SUFFIX ".toll"

int ops_check(const char *path, struct check_result *ret_result, struct err *err)
{
    return check_recording(path, ret_result, err);
}

/* What a receiver of OTLP left when it was killed. */
static int recover_spans(const char *path, const char *output, struct recover_result *ret_result,
                         struct err *err)
{
    struct seal_request request = {.paths = &path, .path_count = 1, .output = output};
    struct seal_result sealed;
    if (strcmp(path, output) != 0 && access(output, F_OK) == 0) {
        err_set(err, ERR_ENVIRONMENT, "could not create recording '%s': it is there already", output);
        err_hint(err, "choose another name with -o, or remove the file");
        return -ERR_ENVIRONMENT;
    }
    int status = seal_priced(&request, &sealed, err);
    if (!status)
        *ret_result = (struct recover_result){.row_count = sealed.row_count,
                                              .byte_count_dropped = sealed.byte_count_dropped};
    return status;
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
    int status = request_log_is(path) ? recover_spans(path, options.output, &recovered.result, err)
                                      : recover_recording(&options, &recovered.result, err);
    if (status)
        str_free(&recovered.path);
    else
        *ret_recovered = recovered;
    return status;
}
