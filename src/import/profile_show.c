/* SPDX-License-Identifier: Apache-2.0 */
#include "import/profile_show.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "report/escape.h"
#include "report/json_writer.h"
#include "report/units.h"

#define SHOWN_COUNT   12u
#define FIGURES_WIDTH 46
#define NAME_MIN      24u
#define JSON_COUNT    10000u

static const char *const unit_names[] = {"ns", "bytes", "samples"};

static struct unit amount(const struct profile *profile, double value)
{
    uint64_t whole = num_u64(value + 0.5);
    if (profile->unit == PROFILE_NS)
        return unit_duration(whole);
    return profile->unit == PROFILE_BYTES ? unit_bytes(whole) : unit_count(value);
}

static double share(const struct profile *profile, double value)
{
    return profile->whole > 0 ? value / profile->whole : 0;
}

static void row_write(const struct profile *profile, const struct profile_function *function,
                      const struct profile_look *look, struct str *text)
{
    struct str place = {0};
    size_t width = look->width > FIGURES_WIDTH + NAME_MIN ? look->width - FIGURES_WIDTH : 80 - FIGURES_WIDTH;
    char calls[48] = "";
    if (function->call_count)
        snprintf(calls, sizeof calls, "%s", unit_count((double)function->call_count).text);
    str_append(&place, function->name);
    if (function->file[0]) {
        const char *slash = strrchr(function->file, '/');
        str_printf(&place, "  %s", slash ? slash + 1 : function->file);
        if (function->line)
            str_printf(&place, ":%llu", (unsigned long long)function->line);
    }
    str_printf(text, "%7s %10s %7s %10s", unit_ratio(share(profile, function->self)).text,
               amount(profile, function->self).text, unit_ratio(share(profile, function->total)).text,
               amount(profile, function->total).text);
    str_printf(text, " %7s  ", calls);
    escape_plain_cut(text, str_text(&place), width, look->ascii);
    str_append(text, "\n");
    str_free(&place);
}

void profile_text(const struct profile *profile, const struct profile_look *look, struct str *text)
{
    size_t most = look->count_max ? look->count_max : SHOWN_COUNT, shown = 0;
    const char *faint = look->colour ? "\033[2m" : "", *strong = look->colour ? "\033[1m" : "",
               *plain = look->colour ? "\033[0m" : "";
    str_printf(text, "%s%s: %s in %s function%s (%s).%s\n", strong, profile->source,
               amount(profile, profile->whole).text, unit_count((double)profile->functions.count).text,
               profile->functions.count == 1 ? "" : "s", profile->measures, plain);
    if (profile->functions.count == 0)
        return;
    str_printf(text, "\n%s%18s %18s %7s%s\n", faint, "self", "with callees", "calls", plain);
    for (; shown < profile->functions.count && shown < most; shown++)
        row_write(profile, &profile->functions.items[shown], look, text);
    if (shown < profile->functions.count)
        str_printf(text, "%s%*s%s more%s\n", faint, FIGURES_WIDTH, "",
                   unit_count((double)(profile->functions.count - shown)).text, plain);
    if (profile->lost_count)
        str_printf(text, "%s entr%s could not be read.\n", unit_count((double)profile->lost_count).text,
                   profile->lost_count == 1 ? "y" : "ies");
    if (profile->cut_count)
        str_printf(text, "%s stack%s cut: too deep.\n", unit_count((double)profile->cut_count).text,
                   profile->cut_count == 1 ? " was" : "s were");
}

void profile_json(const struct profile *profile, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.profile/1");
    json_text(&json, "source", profile->source);
    json_text(&json, "measures", profile->measures);
    json_text(&json, "unit", unit_names[profile->unit]);
    json_number(&json, "whole", profile->whole);
    json_u64(&json, "function_count", profile->functions.count);
    json_u64(&json, "lost_count", profile->lost_count);
    json_u64(&json, "cut_count", profile->cut_count);
    json_open(&json, "functions", '[');
    for (size_t i = 0; i < profile->functions.count && i < JSON_COUNT; i++) {
        const struct profile_function *function = &profile->functions.items[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", function->name);
        json_text(&json, "file", function->file[0] ? function->file : NULL);
        json_u64(&json, "line", function->line);
        json_number(&json, "self", function->self);
        json_number(&json, "total", function->total);
        json_number(&json, "self_ratio", share(profile, function->self));
        json_number(&json, "total_ratio", share(profile, function->total));
        json_u64(&json, "call_count", function->call_count);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}
