/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/symptom.h"

#include <string.h>

#include "base/num.h"
#include "report/phrases.h"
#include "report/units.h"

#define PARTS_MAX 4
#define PART_MIN  0.02

static void part_of_path(const struct path_entry *entry, struct str *str)
{
    const char *detail = phrase_detail(&entry->where);
    const char *outer = entry->where.stage ? entry->where.stage : entry->where.process;
    str_printf(str, "%s %s", unit_ratio(entry->ratio).text, phrase_doing_short(entry->doing));
    if (detail && (!outer || strcmp(detail, outer) != 0))
        str_printf(str, " %s", detail);
    if (outer)
        str_printf(str, " in %s", outer);
}

static void of_job(const struct verdict *verdict, struct str *str)
{
    str_printf(str, "wall %s", unit_duration(verdict->run.wall_ns).text);
    for (size_t i = 0; i < verdict->path_count && i < PARTS_MAX; i++) {
        if (verdict->path[i].ratio < PART_MIN)
            break;
        str_append(str, i ? ", " : ": ");
        part_of_path(&verdict->path[i], str);
    }
}

static void of_service(const struct verdict *verdict, struct str *str)
{
    const struct service *service = verdict->service;
    str_printf(str, "%s requests/s", unit_count(service->throughput_per_s).text);
    if (service->latency_ns_p50)
        str_printf(str, ", p50 %s, p99 %s", unit_duration(service->latency_ns_p50).text,
                   unit_duration(service->latency_ns_p99).text);
    for (size_t i = 0; i < service->resource_count && i < PARTS_MAX; i++) {
        const struct service_resource *resource = &service->resources[i];
        str_printf(str, "%s%s %s %s", i ? ", " : ": ", unit_ratio(resource->utilisation_ratio).text,
                   resource->kind, resource->name ? resource->name : "");
    }
}

void symptom_of_verdict(const struct verdict *verdict, struct str *str)
{
    if (verdict->service)
        of_service(verdict, str);
    else
        of_job(verdict, str);
}

void symptom_place(const struct where *where, struct str *str)
{
    const char *const parts[] = {where->stage, where->process, where->function, where->peer, where->path};
    for (size_t i = 0, said = 0; i < sizeof parts / sizeof parts[0]; i++) {
        bool is_twice = i == 1 && parts[0] && parts[1] && strcmp(parts[0], parts[1]) == 0;
        if (!parts[i] || is_twice)
            continue;
        str_printf(str, "%s%s%s", said++ ? ", " : "", parts[i], i == 2 ? "()" : "");
    }
}

void symptom_command(const struct run_facts *run, struct str *str)
{
    phrase_command(str, run);
}
