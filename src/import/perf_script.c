/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_script: what `perf script` prints: for each sample a line "comm tid time: period event:", then its frames, the innermost first,
 * each "address function+0xoffset (module)" after blanks, then an empty line.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "import/internal.h"

#define LINE_BYTES_MAX 8192u

struct sample {
    size_t chain[PROFILE_DEPTH_MAX];
    size_t count;
    bool is_open, is_cut;
};

static int sample_close(struct profile *profile, struct sample *sample)
{
    int status = sample->is_open ? profile_stack(profile, sample->chain, sample->count, 1) : 0;
    profile->cut_count += sample->is_cut;
    sample->is_open = sample->is_cut = false;
    sample->count = 0;
    return status;
}

/* "    55f0 main+0x1c (/usr/bin/x)" */
static int frame_read(struct profile *profile, struct sample *sample, char *line)
{
    char *at = line + strspn(line, " \t");
    size_t digits = strspn(at, "0123456789abcdef");
    if (digits == 0 || at[digits] != ' ') {
        profile->lost_count++;
        return 0;
    }
    if (sample->count == PROFILE_DEPTH_MAX) {
        sample->is_cut = true;
        return 0;
    }
    char *name = at + digits + 1, *module = strrchr(name, '('), *end;
    const char *file = "";
    if (module && module > name && module[-1] == ' ') {
        module[-1] = '\0';
        file = module + 1;
        end = strrchr(module, ')');
        if (end)
            *end = '\0';
        const char *slash = strrchr(file, '/');
        file = slash ? slash + 1 : file;
    }
    char *offset = strstr(name, "+0x");
    if (offset && offset[3 + strspn(offset + 3, "0123456789abcdef")] == '\0')
        *offset = '\0';
    size_t index = profile_function(profile, name, file, 0);
    if (index == SIZE_MAX)
        return -1;
    sample->chain[sample->count++] = index;
    return 0;
}

static int line_read(struct profile *profile, struct sample *sample, char *line)
{
    if (*line == '\0')
        return sample_close(profile, sample);
    if (*line == '#')
        return 0;
    if (!isspace((unsigned char)*line)) {
        int status = sample_close(profile, sample);
        sample->is_open = true;
        return status;
    }
    return sample->is_open ? frame_read(profile, sample, line) : 0;
}

/* A line of words with a time before a colon, then one that begins with blanks and an address. */
bool perf_script_recognise(const struct import_bytes *bytes)
{
    const char *at = bytes->bytes, *end = at + bytes->length;
    while (at < end && (*at == '#' || *at == '\n')) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        at = line_end ? line_end + 1 : end;
    }
    const char *first_end = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (!first_end || isspace((unsigned char)*at) || !memmem(at, (size_t)(first_end - at), ": ", 2))
        return false;
    const char *frame = first_end + 1;
    if (frame == end || (*frame != '\t' && *frame != ' '))
        return false;
    while (frame < end && (*frame == ' ' || *frame == '\t'))
        frame++;
    return frame < end && isxdigit((unsigned char)*frame);
}

int perf_script_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct sample sample = {.count = 0};
    int status = 0;
    profile->source = "perf";
    profile->measures = "samples of CPU time";
    profile->unit = PROFILE_SAMPLES;
    for (size_t at = 0; at < bytes->length && !status;) {
        char line[LINE_BYTES_MAX];
        const char *end = memchr(bytes->bytes + at, '\n', bytes->length - at);
        size_t length = end ? (size_t)(end - bytes->bytes) - at : bytes->length - at;
        /* A line that is longer loses its end: the module. */
        snprintf(line, sizeof line, "%.*s", (int)num_min(length, sizeof line - 1), bytes->bytes + at);
        status = line_read(profile, &sample, line);
        at += length + 1;
    }
    if (!status)
        status = sample_close(profile, &sample);
    if (status)
        return err_memory(err);
    return profile->stack_count ? 0 : import_not(bytes, "output of perf script", "it has no sample", err);
}
