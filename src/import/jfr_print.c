/* SPDX-License-Identifier: Apache-2.0 */
/* jfr_print: what `jfr print --json --events jdk.ExecutionSample` prints of a recording of Java's flight recorder. */
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "codec/json.h"
#include "import/internal.h"

static size_t frame_add(struct profile *profile, const struct json_value *frame)
{
    const char *type = "", *method = "";
    double line = 0;
    struct str name = {0};
    (void)json_find_text(frame, "method.type.name", &type);
    (void)json_find_text(frame, "method.name", &method);
    (void)json_find_number(frame, "lineNumber", &line);
    if (!*method) {
        profile->lost_count++;
        method = "(unknown)";
    }
    /* Lines of one method are one function: the file is its class, which is how it is found. */
    str_printf(&name, "%s%s%s", type, *type ? "." : "", method);
    for (char *at = name.text; at && *at; at++)
        *at = *at == '/' ? '.' : *at;
    size_t index = name.failed ? SIZE_MAX : profile_function(profile, str_text(&name), "", 0);
    str_free(&name);
    return index;
}

static int sample_add(struct profile *profile, const struct json_value *event)
{
    const struct json_value *frames = json_find_array(event, "values.stackTrace.frames");
    size_t chain[PROFILE_DEPTH_MAX], count = json_count(frames);
    profile->cut_count += count > PROFILE_DEPTH_MAX;
    count = count > PROFILE_DEPTH_MAX ? PROFILE_DEPTH_MAX : count;
    for (size_t i = 0; i < count; i++)
        if ((chain[i] = frame_add(profile, json_item(frames, i))) == SIZE_MAX)
            return -1;
    if (!count)
        profile->lost_count++;
    return profile_stack(profile, chain, count, 1);
}

bool jfr_print_recognise(const struct import_bytes *bytes)
{
    return import_begins(bytes, "{") && import_holds(bytes, "\"recording\"") &&
           import_holds(bytes, "\"events\"");
}

int jfr_print_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct json_value *root = NULL;
    int status = json_read_text(bytes->bytes, bytes->length, bytes->name, &root, err);
    if (status)
        return status;
    profile->source = "JFR";
    profile->measures = "samples of CPU time";
    profile->unit = PROFILE_SAMPLES;
    const struct json_value *events = json_find_array(root, "recording.events");
    if (!events)
        status = import_not(bytes, "output of jfr print", "it has no events", err);
    for (size_t i = 0; i < json_count(events) && !status; i++) {
        const char *type = "";
        const struct json_value *event = json_item(events, i);
        (void)json_find_text(event, "type", &type);
        if (strcmp(type, "jdk.ExecutionSample") == 0 && sample_add(profile, event))
            status = err_memory(err);
    }
    json_free(root);
    return status;
}
