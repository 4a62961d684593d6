/* SPDX-License-Identifier: Apache-2.0 */
#include "report/service_phrases.h"

#include <math.h>
#include <string.h>

#include "report/phrases.h"
#include "report/units.h"

#define PROGRAMS_MAX 3

void phrase_rate(struct str *str, double rate)
{
    double step = rate > 0 ? pow(10, floor(log10(rate)) - 2) : 1;

    if (rate >= 100 || rate == 0)
        str_append(str, unit_count(step > 1 ? round(rate / step) * step : rate).text);
    else
        str_printf(str, "%.*f", rate >= 10 ? 1 : 2, rate);
}

/* The programs of the resources, each once. */
static size_t programs_of(const struct service *service, const char **ret_names)
{
    size_t count = 0;
    const char *named[2] = {service->entry, service->serving};

    for (size_t i = 0; i < service->resource_count + 2 && count < PROGRAMS_MAX; i++) {
        const char *name = i < 2 ? named[i] : service->resources[i - 2].process;
        bool known = name == NULL;
        for (size_t j = 0; j < count && !known; j++)
            known = strcmp(ret_names[j], name) == 0;
        if (!known)
            ret_names[count++] = name;
    }
    return count;
}

void phrase_subject(struct str *str, const struct verdict *verdict)
{
    const char *names[PROGRAMS_MAX];
    const char *scope = verdict->run.scope ? verdict->run.scope : "command";
    size_t count = verdict->service ? programs_of(verdict->service, names) : 0;

    if (strcmp(scope, "machine") == 0)
        str_append(str, "the whole machine");
    else if (strcmp(scope, "attached") != 0 || !count)
        phrase_command(str, &verdict->run);
    else
        for (size_t i = 0; i < count; i++)
            str_printf(str, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
}

bool phrase_serves(const struct verdict *verdict)
{
    return verdict->service && verdict->service->throughput_per_s > 0;
}

void phrase_service(struct str *str, const struct verdict *verdict)
{
    const struct service *service = verdict->service;

    if (!(service->throughput_per_s > 0)) {
        str_printf(str, "no requests seen in %s", unit_duration(verdict->run.wall_ns).text);
        return;
    }
    phrase_rate(str, service->throughput_per_s);
    str_printf(str, " requests/s over %s", unit_duration(verdict->run.wall_ns).text);
    if (service->latency_ns_p50)
        str_printf(str, ", %s each (p99 %s)", unit_duration(service->latency_ns_p50).text,
                   unit_duration(service->latency_ns_p99).text);
}

void phrase_resource(struct str *str, const struct service_resource *resource)
{
    unsigned long long capacity = resource->capacity;
    const char *name = resource->name ? resource->name : "";
    const char *plural = capacity == 1 ? "" : "s";

    if (strcmp(resource->kind, "workers") == 0)
        str_printf(str, "%llu worker%s of %s", capacity, plural, name);
    else if (strcmp(resource->kind, "connections") == 0)
        str_printf(str, "%llu connection%s to %s", capacity, plural, name);
    else if (strcmp(resource->kind, "cores") == 0)
        str_printf(str, "%llu core%s", capacity, plural);
    else if (strcmp(resource->kind, "lock") == 0 && resource->process && strcmp(name, resource->process) == 0)
        str_printf(str, "locks inside %s", name);
    else if (strcmp(resource->kind, "lock") == 0)
        str_printf(str, "lock %s of %s", name, resource->process ? resource->process : "the service");
    else if (strcmp(resource->kind, "peer") == 0 && resource->process)
        str_printf(str, "%s at %s", resource->process, name);
    else
        str_append(str, name);
}

void phrase_most(struct str *str, const struct service_resource *resource)
{
    if (!resource->demand_ns)
        return;
    str_append(str, "at most ");
    phrase_rate(str, 1e9 / (double)resource->demand_ns);
    str_append(str, "/s");
}

void phrase_demand(struct str *str, const struct service_resource *resource)
{
    if (!resource->demand_ns)
        return;
    str_printf(str, "%s a request, ", unit_duration(resource->demand_ns).text);
    phrase_most(str, resource);
}

void phrase_service_limit(struct str *str, const struct service *service)
{
    str_append(str, "not saturated: the load offered is the limit");
    if (service->resource_count) {
        str_append(str, "; the most used, ");
        phrase_resource(str, &service->resources[0]);
        str_printf(str, ", %s %s of the time",
                   service->resources[0].capacity == 1 ? "is in use" : "are in use",
                   unit_ratio(service->resources[0].utilisation_ratio).text);
    }
}

void phrase_service_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    const struct gain *gain = &finding->gain;

    if (gain->latency_ns_after) {
        str_printf(str, "%s -> %s", unit_duration(verdict->service->latency_ns_p50).text,
                   unit_duration(gain->latency_ns_after).text);
        return;
    }
    phrase_rate(str, verdict->service->throughput_per_s);
    str_append(str, " -> ");
    phrase_rate(str, gain->throughput_per_s_after);
    str_append(str, " requests/s");
}
