/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/diagnosis.h"
#include "report/json_writer.h"

static void known(struct json_writer *json, const char *key, double value)
{
    if (value < 0)
        json_nothing(json, key);
    else
        json_number(json, key, value);
}

static void target_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    static const char *const kinds[] = {"machine", "process", "folder"};
    json_open(json, "target", '{');
    json_text(json, "kind", kinds[diagnosis->target]);
    json_text(json, "name", diagnosis->name);
    if (diagnosis->target == TARGET_PROCESS) {
        json_u64(json, "pid", diagnosis->pid);
        json_text(json, "command", diagnosis->command);
        json_bool(json, "is_hidden", diagnosis->is_hidden);
    }
    if (diagnosis->target == TARGET_FOLDER)
        json_text(json, "path", diagnosis->path);
    json_open(json, "ports", '[');
    for (size_t i = 0; i < diagnosis->port_count; i++)
        json_u64(json, NULL, diagnosis->ports[i]);
    json_close(json, ']');
    json_close(json, '}');
}

static void use_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    json_open(json, "use", '[');
    for (size_t i = 0; i < diagnosis->use.count; i++) {
        const struct use_row *row = &diagnosis->use.rows[i];
        json_open(json, NULL, '{');
        json_text(json, "resource", row->resource);
        json_text(json, "name", row->name);
        known(json, "utilisation_ratio", row->utilisation_ratio);
        known(json, "saturation_ratio", row->saturation_ratio);
        known(json, "error_count", row->error_count);
        json_text(json, "state", use_state_name(row->state));
        json_text(json, "note", row->note);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void process_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    const struct process_use *use = &diagnosis->process;
    json_open(json, "process", '{');
    json_number(json, "core_count", use->core_count);
    json_u64(json, "process_count", use->process_count);
    json_u64(json, "thread_count", use->thread_count);
    known(json, "queue_ratio", use->queue_ratio);
    if (use->look_count) {
        json_number(json, "running_ratio", use->running_ratio);
        json_number(json, "disk_ratio", use->disk_ratio);
        json_number(json, "sleeping_ratio", use->sleeping_ratio);
    }
    json_u64(json, "rss_bytes", use->rss_bytes);
    json_number(json, "rss_growth_bytes_per_s", use->rss_growth_per_s);
    json_number(json, "major_faults_per_s", use->major_faults_per_s);
    known(json, "read_bytes_per_s", use->read_bytes_per_s);
    known(json, "write_bytes_per_s", use->write_bytes_per_s);
    json_close(json, '}');
}

static void top_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    json_open(json, "top", '[');
    for (size_t i = 0; i < diagnosis->top_count; i++) {
        json_open(json, NULL, '{');
        json_u64(json, "pid", diagnosis->top[i].pid);
        json_text(json, "name", diagnosis->top[i].name);
        json_number(json, "core_count", diagnosis->top[i].core_count);
        json_u64(json, "rss_bytes", diagnosis->top[i].rss_bytes);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void technologies_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    for (int kind = 0; kind < TECHNOLOGY_KINDS; kind++) {
        json_open(json, technology_tables[kind].plural, '[');
        for (size_t i = 0; i < diagnosis->found.items.count; i++) {
            const struct technology *at = &diagnosis->found.items.items[i];
            if ((int)at->kind != kind)
                continue;
            json_open(json, NULL, '{');
            json_text(json, "name", at->name);
            json_text(json, "version", at->version[0] ? at->version : NULL);
            json_text(json, "evidence", at->evidence);
            if (at->pid)
                json_u64(json, "pid", at->pid);
            json_close(json, '}');
        }
        json_close(json, ']');
    }
}

static void deployment_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    json_open(json, "environment", '{');
    json_text(json, "kind", deployment_name(diagnosis->deployment.kind));
    json_number(json, "weight", diagnosis->deployment.weight);
    json_open(json, "signs", '[');
    for (size_t i = 0; i < diagnosis->deployment.sign_count; i++) {
        json_open(json, NULL, '{');
        json_text(json, "sign", diagnosis->deployment.signs[i].says);
        json_number(json, "weight", diagnosis->deployment.signs[i].weight);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void profilers_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    json_open(json, "profilers", '[');
    for (size_t i = 0; i < diagnosis->profilers.count; i++) {
        const struct profiler *profiler = &diagnosis->profilers.items[i];
        json_open(json, NULL, '{');
        json_text(json, "name", profiler->rule->name);
        json_bool(json, "installed", profiler->path != NULL);
        json_text(json, "path", profiler->path);
        json_text(json, "version", profiler->version[0] ? profiler->version : NULL);
        json_text(json, "measures", profiler->rule->measures);
        json_text(json, "way", profiler_way_name(profiler->rule->way));
        json_bool(json, "fits", profiler->is_fit);
        json_bool(json, "safe", profiler->is_safe);
        json_text(json, "note", profiler->rule->note);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void plan_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    const struct plan *plan = &diagnosis->plan;
    json_open(json, "symptom", '{');
    json_text(json, "name", symptom_name(plan->symptom));
    json_text(json, "source", plan->is_given ? "given" : "measured");
    json_text(json, "evidence", plan->evidence);
    json_close(json, '}');
    json_open(json, "steps", '[');
    for (size_t i = 0; i < plan->step_count; i++) {
        json_open(json, NULL, '{');
        json_text(json, "question", plan->steps[i].question);
        json_bool(json, "answer", plan->steps[i].answer);
        json_text(json, "evidence", plan->steps[i].evidence);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_open(json, "next", '{');
    json_text(json, "command", plan->command);
    json_text(json, "why", plan->why);
    json_close(json, '}');
}

static void disturbers_write(const struct diagnosis *diagnosis, struct json_writer *json)
{
    json_open(json, "disturbed_by", '[');
    for (size_t i = 0; i < diagnosis->disturber_count; i++) {
        const struct diagnosis_disturber *at = &diagnosis->disturbers[i];
        json_open(json, NULL, '{');
        json_text(json, "name", at->name);
        json_u64(json, "pid", at->pid);
        json_text(json, "way", profiler_way_name(at->way));
        json_bool(json, "traces_it", at->is_tracer);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void diagnosis_json(const struct diagnosis *diagnosis, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "schema", "toll.diagnose/1");
    target_write(diagnosis, &json);
    plan_write(diagnosis, &json);
    disturbers_write(diagnosis, &json);
    json_u64(&json, "window_ns", diagnosis->use.window_ns);
    use_write(diagnosis, &json);
    if (diagnosis->target == TARGET_PROCESS)
        process_write(diagnosis, &json);
    if (diagnosis->target == TARGET_MACHINE)
        top_write(diagnosis, &json);
    technologies_write(diagnosis, &json);
    deployment_write(diagnosis, &json);
    profilers_write(diagnosis, &json);
    json_close(&json, '}');
    json_end(&json);
}
