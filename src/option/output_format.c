/* SPDX-License-Identifier: Apache-2.0 */
#include "option/output_format.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"

static bool has_format(const char *formats, const char *format)
{
    size_t length = strlen(format);
    for (const char *at = formats; *at; at += strcspn(at, " "), at += *at == ' ') {
        if (strcspn(at, " ") == length && strncmp(at, format, length) == 0)
            return true;
    }
    return false;
}

const char *output_format(const struct output_choice *choice)
{
    static const struct {
        const char *end, *format;
    } known[] = {{".html", "html"},
                 {".htm", "html"},
                 {".speedscope.json", "speedscope"},
                 {".profile.json", "firefox"},
                 {".trace.json", "trace-event"},
                 {".json", "json"},
                 {".md", "markdown"},
                 {".adoc", "asciidoc"},
                 {".csv", "csv"},
                 {".svg", "flamegraph"},
                 {".folded", "folded"},
                 {".pb.gz", "pprof"},
                 {".pftrace", "perfetto"},
                 {".perfetto-trace", "perfetto"},
                 {".pprof", "pprof"}};
    if (choice->format)
        return choice->format;
    if (choice->json)
        return "json";
    for (size_t i = 0; choice->output && i < sizeof known / sizeof known[0]; i++) {
        if (str_ends(choice->output, known[i].end) && has_format(choice->formats, known[i].format))
            return known[i].format;
    }
    return "text";
}
