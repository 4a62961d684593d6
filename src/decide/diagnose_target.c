/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/diagnose_target.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "decide/profile_command.h"
#include "diagnose/diagnosis.h"
#include "import/profile_show.h"

#define WINDOW_NS_MAX (UINT64_C(600) * 1000000000)

static mode_t kind_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? about.st_mode & S_IFMT : 0;
}

static int profile_show(const struct diagnose_request *request, struct str *ret_text, struct err *err)
{
    struct profile profile;
    const struct profile_look look = {
        .width = request->width, .colour = request->colour, .ascii = request->ascii};
    int status = decide_profile_open(request->target, &profile, err);
    if (status)
        return status;
    if (request->is_json)
        profile_json(&profile, ret_text);
    else
        profile_text(&profile, &look, ret_text);
    profile_free(&profile);
    return ret_text->failed ? err_memory(err) : 0;
}

static int target_read(const struct diagnose_request *request, struct diagnosis_request *target,
                       struct err *err)
{
    uint64_t pid;
    if (!request->target)
        return 0;
    if (num_parse_u64(request->target, &pid) == 0 && pid > 0 && pid <= INT_MAX) {
        target->pid = pid;
        return 0;
    }
    if (kind_of(request->target) != S_IFDIR) {
        err_set(err, ERR_USAGE,
                "could not diagnose '%s': that is neither a process's number nor a folder nor a profile",
                request->target);
        err_hint(err, "'toll diagnose $(pgrep -o NAME)' looks at a program that runs, 'toll diagnose .' at "
                      "this folder");
        return -ERR_USAGE;
    }
    target->path = request->target;
    return 0;
}

int decide_diagnose(const struct diagnose_request *request, struct str *ret_text, struct err *err)
{
    enum symptom symptom = SYMPTOM_SLOW;
    struct diagnosis diagnosis;
    struct diagnosis_request target = {.root = "", .window_ns = request->window_ns};
    if (request->window_ns > WINDOW_NS_MAX)
        return err_set(err, ERR_USAGE, "could not take option '--for': ten minutes at most");
    if (request->symptom) {
        if (!symptom_read(request->symptom, &symptom))
            return err_set(err, ERR_USAGE, "could not take symptom '%s'", request->symptom);
        target.symptom = &symptom;
    }
    if (request->target && kind_of(request->target) == S_IFREG)
        return profile_show(request, ret_text, err);
    int status = target_read(request, &target, err);
    if (!status)
        status = diagnosis_make(&target, &diagnosis, err);
    if (status)
        return status;
    const struct diagnosis_look look = {request->width, request->colour, request->ascii};
    if (request->is_json)
        diagnosis_json(&diagnosis, ret_text);
    else
        diagnosis_text(&diagnosis, &look, ret_text);
    diagnosis_free(&diagnosis);
    return ret_text->failed ? err_memory(err) : 0;
}
