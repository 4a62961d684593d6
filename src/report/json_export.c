/* SPDX-License-Identifier: Apache-2.0 */
/* json_export: schema toll.report/1, specified in docs/report.md. */
#include "report/agents_report.h"
#include "report/heap_report.h"
#include "report/internal.h"
#include "report/json_report.h"

#define LIST_MAX 1000u /* entries of each list: they come largest first */

void json_report_texts(struct json_writer *json, const char *key, const char *const *texts, size_t count)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < count; i++)
        json_text(json, NULL, texts[i]);
    json_close(json, ']');
}

void json_report_where(struct json_writer *json, const char *key, const struct where *where)
{
    const struct {
        const char *key;
        const char *text;
    } parts[] = {
        {"stage", where->stage}, {"process", where->process}, {"function", where->function},
        {"file", where->file},   {"peer", where->peer},       {"path", where->path},
    };

    json_open(json, key, '{');
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].text)
            json_text(json, parts[i].key, parts[i].text);
    if (where->line)
        json_u64(json, "line", where->line);
    json_close(json, '}');
}

static void write_grade(struct json_writer *json, const struct grade *grade)
{
    json_open(json, "grade", '{');
    json_number(json, "score_ratio", grade->score_ratio);
    json_u64(json, "lost_count", grade->lost_count);
    json_number(json, "stack_truncated_ratio", grade->stack_truncated_ratio);
    json_number(json, "critical_path_explained_ratio", grade->critical_path_explained_ratio);
    json_number(json, "overhead_ratio", grade->overhead_ratio);
    json_u64(json, "missed_process_count_max", grade->missed_process_count_max);
    json_report_texts(json, "remarks", grade->remarks, grade->remark_count);
    json_close(json, '}');
}

static void write_run(struct json_writer *json, const struct run_facts *run)
{
    json_open(json, "run", '{');
    json_text(json, "id", run->id);
    json_report_texts(json, "command", run->command, run->command_count);
    json_text(json, "scope", run->scope ? run->scope : "command");
    json_text(json, "objective", run->objective ? run->objective : "wall");
    json_text(json, "started_at", run->started_at);
    json_text(json, "host", run->host);
    json_u64(json, "cpu_count", run->cpu_count);
    json_u64(json, "wall_ns", run->wall_ns);
    json_u64(json, "cpu_ns", run->cpu_ns);
    json_u64(json, "exit_status", run->exit_status);
    json_u64(json, "process_count", run->process_count);
    json_u64(json, "thread_count", run->thread_count);
    json_u64(json, "rss_bytes_max", run->rss_bytes_max);
    json_open(json, "recorders", '{');
    json_text(json, "cpu", run->recorder_cpu);
    json_text(json, "wait", run->recorder_wait);
    json_text(json, "spans", run->recorder_spans);
    json_text(json, "heap", run->recorder_heap);
    json_text(json, "io", run->recorder_io);
    json_close(json, '}');
    write_grade(json, &run->grade);
    json_close(json, '}');
}

static void write_stage(struct json_writer *json, const struct stage *stage)
{
    json_open(json, NULL, '{');
    json_text(json, "name", stage->name);
    json_u64(json, "call_count", stage->call_count);
    json_u64(json, "wall_ns", stage->wall_ns);
    json_u64(json, "covered_ns", stage->covered_ns);
    json_u64(json, "critical_ns", stage->critical_ns);
    json_number(json, "critical_ratio", stage->critical_ratio);
    json_u64(json, "cpu_ns", stage->cpu_ns);
    json_open(json, "wait_ns", '{');
    for (int reason = 0; reason < WAIT_REASON_COUNT; reason++)
        if (stage->wait_ns[reason])
            json_u64(json, doing_name(reason), stage->wait_ns[reason]);
    json_close(json, '}');
    json_u64(json, "rss_bytes_max", stage->rss_bytes_max);
    json_open(json, "usage", '{');
    for (size_t i = 0; i < stage->usage_count; i++)
        json_number(json, stage->usage[i].kind, stage->usage[i].amount);
    json_close(json, '}');
    json_close(json, '}');
}

size_t json_report_shown(size_t count)
{
    return count < LIST_MAX ? count : LIST_MAX;
}

static void write_path_entry(struct json_writer *json, const struct path_entry *entry)
{
    json_open(json, NULL, '{');
    json_report_where(json, "where", &entry->where);
    json_text(json, "doing", doing_name(entry->doing));
    json_u64(json, "ns", entry->ns);
    json_number(json, "ratio", entry->ratio);
    json_number(json, "ratio_low", entry->ratio_low);
    json_number(json, "ratio_high", entry->ratio_high);
    json_close(json, '}');
}

/* What a long path leaves out is one entry for each thing done, nowhere: the sum stays what it was. */
static void write_path_rest(struct json_writer *json, const struct verdict *verdict)
{
    struct path_entry rest[WAIT_REASON_COUNT + 1] = {0};
    for (size_t i = LIST_MAX; i < verdict->path_count; i++) {
        const struct path_entry *entry = &verdict->path[i];
        struct path_entry *sum = &rest[entry->doing - DOING_CPU];
        sum->ns += entry->ns;
        sum->ratio += entry->ratio;
        sum->ratio_low += entry->ratio_low;
        sum->ratio_high += entry->ratio_high;
    }
    for (int doing = DOING_CPU; doing < WAIT_REASON_COUNT; doing++) {
        rest[doing - DOING_CPU].doing = doing;
        if (rest[doing - DOING_CPU].ns)
            write_path_entry(json, &rest[doing - DOING_CPU]);
    }
}

static void write_path(struct json_writer *json, const struct verdict *verdict)
{
    json_open(json, "path", '[');
    for (size_t i = 0; i < json_report_shown(verdict->path_count); i++)
        write_path_entry(json, &verdict->path[i]);
    write_path_rest(json, verdict);
    json_close(json, ']');
    json_open(json, "via", '[');
    for (size_t i = 0; i < json_report_shown(verdict->via_count); i++) {
        const struct via_entry *entry = &verdict->via[i];
        json_open(json, NULL, '{');
        json_report_where(json, "where", &entry->where);
        json_text(json, "reason", doing_name((int)entry->reason));
        json_u64(json, "ns", entry->ns);
        json_number(json, "ratio", entry->ratio);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* What it could bring at most still stands. */
void json_report_gain(struct json_writer *json, const struct gain *gain)
{
    json_open(json, "gain", '{');
    if (gain->factor > 0) {
        json_number(json, "factor", gain->factor);
        json_number(json, "factor_low", gain->factor_low);
        json_number(json, "factor_high", gain->factor_high);
    } else {
        json_nothing(json, "factor");
        json_nothing(json, "factor_low");
        json_nothing(json, "factor_high");
    }
    json_number(json, "factor_max", gain->factor_max);
    if (gain->wall_ns_after)
        json_u64(json, "wall_ns_after", gain->wall_ns_after);
    else
        json_nothing(json, "wall_ns_after");
    if (gain->throughput_per_s_after > 0)
        json_number(json, "throughput_per_s_after", gain->throughput_per_s_after);
    if (gain->latency_ns_after)
        json_u64(json, "latency_ns_after", gain->latency_ns_after);
    json_close(json, '}');
}

void json_report_finding(struct json_writer *json, const struct finding *finding, const char *agreement)
{
    json_text(json, "cause", finding->cause);
    json_text(json, "title", finding->title);
    json_report_where(json, "where", &finding->where);
    if (finding->waiter_count) {
        json_report_where(json, "where_waiting", &finding->where_waiting);
        json_u64(json, "waiter_count", finding->waiter_count);
        json_u64(json, "acquisition_count", finding->acquisition_count);
    }
    json_text(json, "objective", finding->objective);
    json_number(json, "critical_ratio", finding->critical_ratio);
    json_text(json, "priority", priority_name(finding->priority));
    json_text(json, "severity", priority_severity(finding->priority));
    json_text(json, "change", finding->change);
    json_text(json, "assumption", finding->assumption);
    json_report_gain(json, &finding->gain);
    if (finding->behind) {
        json_open(json, "gain_behind", '{');
        json_text(json, "change", finding->behind);
        json_number(json, "factor", finding->factor_behind);
        json_close(json, '}');
    }
    json_text(json, "fix", finding->fix);
    json_text(json, "rationale", finding->rationale);
    json_text(json, "effort", effort_name(finding->effort));
    json_report_texts(json, "evidence", finding->evidence, finding->evidence_count);
    json_report_texts(json, "sources", finding->sources, finding->source_count);
    json_text(json, "agreement", agreement ? agreement : "single");
    if (finding->has_savings)
        json_savings(json, &finding->savings);
}

static void write_resource(struct json_writer *json, const char *key, const struct service_resource *resource)
{
    json_open(json, key, '{');
    json_text(json, "kind", resource->kind);
    json_text(json, "name", resource->name);
    if (resource->process)
        json_text(json, "process", resource->process);
    json_number(json, "utilisation_ratio", resource->utilisation_ratio);
    json_u64(json, "demand_ns", resource->demand_ns);
    json_u64(json, "capacity", resource->capacity);
    json_close(json, '}');
}

static void write_request_path(struct json_writer *json, const char *key, const struct path_entry *path,
                               size_t count)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_report_where(json, "where", &path[i].where);
        json_text(json, "doing", doing_name(path[i].doing));
        json_u64(json, "ns", path[i].ns);
        json_number(json, "ratio", path[i].ratio);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_service(struct json_writer *json, const struct service *service)
{
    json_open(json, "service", '{');
    json_text(json, "entry", service->entry);
    json_text(json, "serving", service->serving);
    json_text(json, "request_source", service->request_source);
    json_number(json, "throughput_per_s", service->throughput_per_s);
    json_u64(json, "request_count", service->request_count);
    json_u64(json, "latency_ns_p50", service->latency_ns_p50);
    json_u64(json, "latency_ns_p99", service->latency_ns_p99);
    json_u64(json, "client_count", service->client_count);
    json_number(json, "queue_count", service->queue_count);
    write_resource(json, "saturated", &service->saturated);
    json_open(json, "resources", '[');
    for (size_t i = 0; i < service->resource_count; i++)
        write_resource(json, NULL, &service->resources[i]);
    json_close(json, ']');
    write_request_path(json, "path_p50", service->path_p50, service->path_p50_count);
    write_request_path(json, "path_p99", service->path_p99, service->path_p99_count);
    json_number(json, "drift_ratio", service->drift_ratio);
    json_close(json, '}');
}

static void write_io(struct json_writer *json, const struct io_table *io)
{
    json_open(json, "io", '[');
    for (size_t i = 0; i < io->entry_count; i++) {
        const struct io_entry *entry = &io->entries[i];
        json_open(json, NULL, '{');
        json_text(json, "peer", entry->peer);
        json_text(json, "kind", entry->kind);
        json_text(json, "operation", entry->operation);
        json_u64(json, "call_count", entry->count);
        json_u64(json, "bytes", entry->bytes);
        json_u64(json, "time_ns", entry->time_ns);
        json_u64(json, "latency_ns_p99", entry->latency_ns_p99);
        json_u64(json, "critical_ns", entry->critical_ns);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void json_report_cleared(struct json_writer *json, const struct cleared *cleared)
{
    json_report_where(json, "where", &cleared->where);
    json_number(json, "critical_ratio", cleared->critical_ratio);
    json_number(json, "factor_max", cleared->factor_max);
}

void json_report_run(struct json_writer *json, const struct verdict *verdict)
{
    json_text(json, "schema", "toll.report/1");
    write_run(json, &verdict->run);
    json_open(json, "stages", '[');
    for (size_t i = 0; i < json_report_shown(verdict->stage_count); i++)
        write_stage(json, &verdict->stages[i]);
    json_close(json, ']');
    write_path(json, verdict);
    if (verdict->io.entry_count)
        write_io(json, &verdict->io);
    if (verdict->service)
        write_service(json, verdict->service);
    if (verdict->heap)
        json_heap(json, verdict->heap);
    if (verdict->gc_count)
        json_gc(json, verdict);
    if (verdict->agents)
        json_agents(json, verdict->agents);
}

void json_report_end(struct json_writer *json, const struct verdict *verdict,
                     struct json_report_counts counts)
{
    json_open(json, "left_out", '{');
    json_u64(json, "stages", verdict->stage_count - json_report_shown(verdict->stage_count));
    json_u64(json, "path", verdict->path_count - json_report_shown(verdict->path_count));
    json_u64(json, "via", verdict->via_count - json_report_shown(verdict->via_count));
    json_u64(json, "findings", counts.finding_count - json_report_shown(counts.finding_count));
    json_u64(json, "cleared", counts.cleared_count - json_report_shown(counts.cleared_count));
    json_close(json, '}');
    json_open(json, "replay", '{');
    json_number(json, "baseline_drift_ratio", verdict->baseline_drift_ratio);
    json_close(json, '}');
}

EXPORT_FUNCTION(json_export_write)
{
    struct json_writer json = {.str = ret_text};

    (void)options;
    (void)err;
    json_open(&json, NULL, '{');
    json_report_run(&json, verdict);
    json_open(&json, "findings", '[');
    for (size_t i = 0; i < json_report_shown(verdict->finding_count); i++) {
        json_open(&json, NULL, '{');
        json_report_finding(&json, &verdict->findings[i], NULL);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_open(&json, "cleared", '[');
    for (size_t i = 0; i < json_report_shown(verdict->cleared_count); i++) {
        json_open(&json, NULL, '{');
        json_report_cleared(&json, &verdict->cleared[i]);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_report_end(&json, verdict,
                    (struct json_report_counts){verdict->finding_count, verdict->cleared_count});
    json_close(&json, '}');
    json_end(&json);
    return 0;
}
