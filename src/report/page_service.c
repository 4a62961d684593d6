/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_service: how much of each resource of a service is in use, and what a request's time goes into, near the median
 * and among the slowest hundredth.
 */
#include <math.h>

#include "report/page.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define PATH_MAX_TOLD 12

static void write_resource(struct str *str, const struct service_resource *resource, bool is_limit)
{
    struct str text = {0};

    phrase_resource(&text, resource);
    str_append(str, "<tr>");
    page_element(str, "td", is_limit ? " class=\"limit\"" : "", str_text(&text));
    str_printf(
        str,
        "<td style=\"width:40%%\"><div class=\"bar\"><i class=\"%s\" style=\"width:%.1f%%\"></i></div></td>",
        is_limit ? "d-lock" : "d-cpu", fmin(fmax(100 * resource->utilisation_ratio, 0.3), 100));
    page_element(str, "td", " class=\"number\"", unit_ratio(resource->utilisation_ratio).text);
    str_clear(&text);
    phrase_demand(&text, resource);
    page_element(str, "td", "", str_text(&text));
    str_append(str, "</tr>\n");
    str_free(&text);
}

static void write_path(struct str *str, const char *which, const struct path_entry *path, size_t count)
{
    uint64_t sum_ns = 0;
    struct str text = {0};

    for (size_t i = 0; i < count; i++)
        sum_ns += path[i].ns;
    if (!sum_ns)
        return;
    str_printf(&text, "%s: %s", which, unit_duration(sum_ns).text);
    page_element(str, "h3", " style=\"margin:1.2em 0 0.4em\"", str_text(&text));
    str_append(str, "<div class=\"bar\">");
    for (size_t i = 0; i < count; i++)
        str_printf(str, "<i class=\"d-%s\" style=\"width:%.2f%%\"></i>", doing_name(path[i].doing),
                   100 * path[i].ratio);
    str_append(str, "</div>\n<table><tbody>\n");
    for (size_t i = 0; i < count && i < PATH_MAX_TOLD; i++) {
        const char *detail = phrase_detail(&path[i].where);
        str_append(str, "<tr>");
        page_element(str, "td", "", path[i].where.process ? path[i].where.process : "");
        str_clear(&text);
        detail = detail == path[i].where.process ? NULL : detail;
        str_printf(&text, "%s%s%s", phrase_doing(path[i].doing), detail ? ", " : "", detail ? detail : "");
        page_element(str, "td", "", str_text(&text));
        page_element(str, "td", " class=\"number\"", unit_duration(path[i].ns).text);
        page_element(str, "td", " class=\"number\"", unit_ratio(path[i].ratio).text);
        str_append(str, "</tr>\n");
    }
    str_append(str, "</tbody></table>\n");
    str_free(&text);
}

void page_service(struct str *str, const struct verdict *verdict)
{
    const struct service *service = verdict->service;

    if (!phrase_serves(verdict))
        return;
    str_append(
        str,
        "<section id=\"resources\"><h2>What is in use</h2>\n<p class=\"note\">Of each resource, the part "
        "of the time it is in use, without what it spends queueing for another. The one that is used up "
        "first limits the service.</p>\n<table><tbody>\n");
    for (size_t i = 0; i < service->resource_count; i++)
        write_resource(str, &service->resources[i], i == 0 && verdict->finding_count);
    str_append(str, "</tbody></table></section>\n");
    if (!service->path_p50_count)
        return;
    str_append(str, "<section id=\"request\"><h2>Where a request's time goes</h2>\n");
    write_path(str, "Near the median", service->path_p50, service->path_p50_count);
    write_path(str, "Among the slowest hundredth", service->path_p99, service->path_p99_count);
    str_append(str, "</section>\n");
}
