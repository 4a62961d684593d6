/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/diagnosis.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "base/redact.h"
#include "codec/json.h"
#include "diagnose/listeners.h"

#define WINDOW_NS      NS_PER_S
#define LOOK_NS        (20 * NS_PER_MS)
#define PARENTS_MAX    32
#define OF_MACHINE_MAX 64 /* processes whose technology is looked for */

/* What is read over the window, and freed behind it. */
struct scene {
    const struct diagnosis_request *request;
    struct diagnosis *diagnosis;
    struct machine_reading machine[2];
    struct process_list processes[2];
    struct process_watch watch;
    struct listeners listeners;
    struct process_about about; /* of TARGET_PROCESS */
    struct process_use use;     /* of what the plan is about */
    uint64_t subject;           /* its pid; 0: none */
    unsigned port;
};

static void scene_free(struct scene *scene)
{
    process_list_free(&scene->processes[0]);
    process_list_free(&scene->processes[1]);
    listeners_free(&scene->listeners);
}

static int window_watch(struct scene *scene, struct err *err)
{
    const struct diagnosis_request *request = scene->request;
    uint64_t length_ns = request->window_ns ? request->window_ns : WINDOW_NS;
    machine_read(request->root, request->pid, &scene->machine[0]);
    if (process_list_read(request->root, &scene->processes[0]))
        return err_memory(err);
    if (request->pid)
        process_watch_open(&scene->watch, request->root, request->pid);
    uint64_t now_ns = clock_monotonic_ns(), end_ns = now_ns + length_ns;
    while (now_ns < end_ns) {
        clock_sleep_until(num_min(now_ns + LOOK_NS, end_ns));
        if (request->pid)
            process_watch_look(&scene->watch);
        now_ns = clock_monotonic_ns();
    }
    machine_read(request->root, request->pid, &scene->machine[1]);
    use_table_make(&scene->machine[0], &scene->machine[1], &scene->diagnosis->use);
    if (process_list_read(request->root, &scene->processes[1]))
        return err_memory(err);
    if (request->pid)
        process_watch_close(&scene->watch, &scene->processes[0], &scene->processes[1], &scene->use);
    return listeners_read(request->root, request->pid, &scene->processes[1], &scene->listeners)
               ? err_memory(err)
               : 0;
}

static int no_process(const struct diagnosis_request *request, struct err *err)
{
    err_set(err, ERR_USAGE, "could not diagnose process %llu: there is no such process",
            (unsigned long long)request->pid);
    err_hint(err, "'pgrep -f NAME' finds the number of a program that runs");
    return -ERR_USAGE;
}

/* The command line for people, without secrets. */
static const char *command_text(const struct process_about *about, struct arena *arena)
{
    struct str line = {0}, redacted = {0};
    for (size_t i = 0; i < about->word_count && line.length < REDACT_BYTES_MAX; i++)
        str_printf(&line, "%s%s", i ? " " : "", about->words[i]);
    redact_line(str_text(&line), &redacted);
    const char *copy = arena_string(arena, str_text(&redacted));
    str_free(&line);
    str_free(&redacted);
    return copy ? copy : "";
}

static int process_look(struct scene *scene, struct err *err)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    if (!process_find(&scene->processes[1], scene->request->pid))
        return err_set(err, ERR_ENVIRONMENT,
                       "could not diagnose process %llu: it ended while it was looked at",
                       (unsigned long long)scene->request->pid);
    const char *root = scene->request->root;
    char path[600];
    diagnosis->name = scene->about.name;
    diagnosis->command = command_text(&scene->about, &diagnosis->arena);
    if (technologies_of_process(&diagnosis->found, root, &scene->about))
        return err_memory(err);
    /* What it runs from names its frameworks; a folder of everything (/, a home) does not. */
    snprintf(path, sizeof path, "%s%s", root, scene->about.folder);
    if (strlen(scene->about.folder) > 1 && strcmp(scene->about.folder, "/root") != 0 &&
        strcmp(scene->about.folder, "/tmp") != 0) {
        struct technologies named = {.arena = &diagnosis->arena};
        int status = technologies_of_folder(&named, path, 1);
        for (size_t i = 0; i < named.items.count && !status; i++)
            if (named.items.items[i].kind == TECHNOLOGY_FRAMEWORK ||
                named.items.items[i].kind == TECHNOLOGY_DATABASE)
                status = technology_add(&diagnosis->found, &named.items.items[i]);
        technologies_free(&named);
        if (status)
            return err_memory(err);
    }
    diagnosis->process = scene->use;
    diagnosis->is_hidden = scene->about.is_hidden;
    scene->subject = scene->request->pid;
    return 0;
}

static int folder_look(struct scene *scene, struct err *err)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    struct stat about;
    if (stat(scene->request->path, &about) != 0)
        return err_errno(err, errno, "could not diagnose folder '%s'", scene->request->path);
    char full[PATH_MAX];
    const char *path = realpath(scene->request->path, full) ? full : scene->request->path;
    const char *slash = strrchr(path, '/');
    diagnosis->path = arena_string(&diagnosis->arena, scene->request->path);
    diagnosis->name = arena_string(&diagnosis->arena, slash && slash[1] ? slash + 1 : path);
    if (!diagnosis->path || !diagnosis->name ||
        technologies_of_folder(&diagnosis->found, scene->request->path, FOLDER_DEPTH_MAX))
        return err_memory(err);
    return 0;
}

static double cores_of(const struct scene *scene, const struct process_row *row)
{
    const struct process_row *was = process_find(&scene->processes[0], row->pid);
    uint64_t before = was && was->start_ticks == row->start_ticks ? was->cpu_ticks : 0;
    double seconds = (double)(scene->processes[1].at_ns - scene->processes[0].at_ns) / (double)NS_PER_S;
    return (double)(row->cpu_ticks - num_min(before, row->cpu_ticks)) / PROCESS_TICKS_PER_S /
           (seconds > 0 ? seconds : 1);
}

/* Keeps the busiest, and of equals the largest. */
static void top_add(struct diagnosis *diagnosis, const struct diagnosis_process *process)
{
    size_t at = diagnosis->top_count;
    while (at > 0 && (diagnosis->top[at - 1].core_count < process->core_count ||
                      (diagnosis->top[at - 1].core_count <= process->core_count &&
                       diagnosis->top[at - 1].rss_bytes < process->rss_bytes)))
        at--;
    if (at == DIAGNOSIS_TOP_MAX)
        return;
    size_t moved = diagnosis->top_count - at - (diagnosis->top_count == DIAGNOSIS_TOP_MAX);
    memmove(&diagnosis->top[at + 1], &diagnosis->top[at], moved * sizeof *process);
    diagnosis->top[at] = *process;
    diagnosis->top_count += diagnosis->top_count < DIAGNOSIS_TOP_MAX;
}

static int technology_of(struct scene *scene, uint64_t pid, struct err *err)
{
    struct process_about about;
    if (!process_about_read(scene->request->root, pid, &scene->diagnosis->arena, &about))
        return 0;
    return technologies_of_process(&scene->diagnosis->found, scene->request->root, &about) ? err_memory(err)
                                                                                           : 0;
}

/* Of a machine: who does most, who serves; the plan is about the first of them that does something. */
static int machine_look(struct scene *scene, struct err *err)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    char host[64] = "this machine";
    int status = 0;
    (void)gethostname(host, sizeof host - 1);
    diagnosis->name = arena_string(&diagnosis->arena, host);
    if (!diagnosis->name)
        return err_memory(err);
    for (size_t i = 0; i < scene->processes[1].rows.count; i++) {
        const struct process_row *row = &scene->processes[1].rows.items[i];
        struct diagnosis_process process = {
            .pid = row->pid, .core_count = cores_of(scene, row), .rss_bytes = row->rss_bytes};
        snprintf(process.name, sizeof process.name, "%s", row->name);
        if (row->pid != (uint64_t)getpid() && row->rss_bytes)
            top_add(diagnosis, &process);
    }
    for (size_t i = 0; i < diagnosis->top_count && !status; i++)
        status = technology_of(scene, diagnosis->top[i].pid, err);
    for (size_t i = 0; i < scene->listeners.items.count && i < OF_MACHINE_MAX && !status; i++)
        if (scene->listeners.items.items[i].pid)
            status = technology_of(scene, scene->listeners.items.items[i].pid, err);
    return status;
}

static void ports_find(struct scene *scene)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    for (size_t i = 0; i < scene->listeners.items.count && diagnosis->port_count < DIAGNOSIS_PORT_MAX; i++) {
        const struct listener *at = &scene->listeners.items.items[i];
        bool is_known = false;
        if (diagnosis->target == TARGET_PROCESS &&
            !(at->pid && process_is_below(&scene->processes[1], at->pid, diagnosis->pid)))
            continue;
        for (size_t k = 0; k < diagnosis->port_count; k++)
            is_known |= diagnosis->ports[k] == at->port;
        if (!is_known)
            diagnosis->ports[diagnosis->port_count++] = at->port;
    }
    if (diagnosis->target == TARGET_PROCESS)
        scene->port = diagnosis->port_count ? diagnosis->ports[0] : 0;
}

/* The process, or who made it when it is so new that it may be gone in a moment; 0 when that is init. */
static uint64_t lasting_of(const struct scene *scene, uint64_t pid)
{
    for (unsigned depth = 0; depth < PARENTS_MAX && pid > 1; depth++) {
        const struct process_row *now = process_find(&scene->processes[1], pid);
        const struct process_row *was = process_find(&scene->processes[0], pid);
        if (now && was && was->start_ticks == now->start_ticks)
            return pid;
        pid = now ? now->parent_pid : 0;
    }
    return 0;
}

/* What a machine's plan is about: what computes, else the first server that clients of others can reach, else nothing. */
static void subject_find(struct scene *scene)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    const struct listener *chosen = NULL;
    if (diagnosis->top_count && diagnosis->top[0].core_count >= 0.05)
        scene->subject = lasting_of(scene, diagnosis->top[0].pid);
    for (size_t i = 0; i < scene->listeners.items.count; i++) {
        const struct listener *at = &scene->listeners.items.items[i];
        if (at->pid && at->pid != 1 && at->port != 22 && (!chosen || (chosen->is_local && !at->is_local)))
            chosen = at;
        if (at->pid && at->pid == scene->subject)
            scene->port = at->port;
    }
    if (!scene->subject && chosen) {
        scene->subject = chosen->pid;
        scene->port = chosen->port;
    }
    process_watch_open(&scene->watch, scene->request->root, scene->subject);
    process_watch_look(&scene->watch);
    process_watch_close(&scene->watch, &scene->processes[0], &scene->processes[1], &scene->use);
    scene->use.look_count = 0; /* one look tells nothing */
    scene->use.queue_ratio = -1;
}

static uint64_t age_ns(const struct scene *scene, const struct process_row *row)
{
    char path[320], text[64];
    snprintf(path, sizeof path, "%s/proc/uptime", scene->request->root);
    if (fs_read_small(path, text, sizeof text) <= 0)
        return 0;
    double up_s = strtod(text, NULL), start_s = row ? (double)row->start_ticks / PROCESS_TICKS_PER_S : 0;
    return up_s > start_s ? (uint64_t)((up_s - start_s) * 1e9) : 0;
}

static void disturber_add(struct diagnosis *diagnosis, const struct process_row *row,
                          const struct profiler_rule *rule, bool is_tracer)
{
    if (diagnosis->disturber_count == DIAGNOSIS_DISTURBER_MAX)
        return;
    struct diagnosis_disturber *at = &diagnosis->disturbers[diagnosis->disturber_count++];
    *at = (struct diagnosis_disturber){
        .pid = row->pid, .way = rule ? rule->way : PROFILER_STOPS, .is_tracer = is_tracer};
    snprintf(at->name, sizeof at->name, "%s", row->name);
}

/* Profilers that are at work already, but for those that only look from outside: what is measured beside them is not true. */
static void disturbers_find(struct scene *scene)
{
    const struct process_list *processes = &scene->processes[1];
    const struct process_row *tracer =
        scene->about.tracer ? process_find(processes, scene->about.tracer) : NULL;
    if (tracer)
        disturber_add(scene->diagnosis, tracer, NULL, true);
    for (size_t i = 0; i < processes->rows.count; i++) {
        const struct process_row *row = &processes->rows.items[i];
        const struct profiler_rule *rule = profiler_rule_of(row->name);
        if (rule && rule->way != PROFILER_SAMPLES && row != tracer)
            disturber_add(scene->diagnosis, row, rule, false);
    }
}

static void deployment_find(struct scene *scene)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    const struct process_row *row = process_find(&scene->processes[1], scene->request->pid);
    struct deployment_evidence evidence = {.process =
                                               diagnosis->target == TARGET_PROCESS ? &scene->about : NULL,
                                           .row = row,
                                           .processes = &scene->processes[1],
                                           .listeners = &scene->listeners,
                                           .folder = diagnosis->path,
                                           .root = scene->request->root,
                                           .arena = &diagnosis->arena};
    if (diagnosis->target != TARGET_FOLDER)
        evidence.uptime_ns = age_ns(scene, row);
    deployment_judge(&evidence, &diagnosis->deployment);
}

static int plan_find(struct scene *scene, struct err *err)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    bool is_folder = diagnosis->target == TARGET_FOLDER;
    const struct process_row *row = process_find(&scene->processes[1], scene->subject);
    struct plan_facts facts = {.target = diagnosis->target,
                               .machine = &diagnosis->use,
                               .found = &diagnosis->found,
                               .deployment = &diagnosis->deployment,
                               .profilers = &diagnosis->profilers,
                               .pid = scene->subject,
                               .name = row ? arena_string(&diagnosis->arena, row->name) : "",
                               .use = scene->subject ? &scene->use : NULL,
                               .port = scene->port,
                               .path = scene->request->path,
                               .is_root = geteuid() == 0,
                               .needs_root = scene->subject && scene->about.is_hidden,
                               .arena = &diagnosis->arena};
    facts.has_pipeline = is_folder && pipeline_is_there(scene->request->path);
    if (!facts.name)
        return err_memory(err);
    if (is_folder)
        start_command_find(scene->request->path, &diagnosis->arena, &facts.start);
    return plan_make(&facts, scene->request->symptom, &diagnosis->plan) ? err_memory(err) : 0;
}

static int look(struct scene *scene, struct err *err)
{
    struct diagnosis *diagnosis = scene->diagnosis;
    int status = window_watch(scene, err);
    if (status)
        return status;
    if (diagnosis->target == TARGET_PROCESS)
        status = process_look(scene, err);
    else if (diagnosis->target == TARGET_FOLDER)
        status = folder_look(scene, err);
    else
        status = machine_look(scene, err);
    if (status)
        return status;
    if (diagnosis->target != TARGET_FOLDER)
        ports_find(scene);
    if (diagnosis->target == TARGET_MACHINE)
        subject_find(scene);
    disturbers_find(scene);
    deployment_find(scene);
    profilers_find(&diagnosis->found, diagnosis->deployment.kind, &diagnosis->arena, &diagnosis->profilers);
    return plan_find(scene, err);
}

int diagnosis_make(const struct diagnosis_request *request, struct diagnosis *ret_diagnosis, struct err *err)
{
    struct diagnosis *diagnosis = ret_diagnosis;
    struct scene *scene = calloc(1, sizeof *scene);
    int status = 0;
    if (!scene)
        return err_memory(err);
    *diagnosis = (struct diagnosis){.target = request->pid    ? TARGET_PROCESS
                                              : request->path ? TARGET_FOLDER
                                                              : TARGET_MACHINE,
                                    .pid = request->pid,
                                    .name = "",
                                    .command = ""};
    diagnosis->found.arena = &diagnosis->arena;
    scene->request = request;
    scene->diagnosis = diagnosis;
    if (request->pid && !process_about_read(request->root, request->pid, &diagnosis->arena, &scene->about))
        status = no_process(request, err);
    if (!status)
        status = look(scene, err);
    scene_free(scene);
    free(scene);
    if (status)
        diagnosis_free(diagnosis);
    return status;
}

void diagnosis_free(struct diagnosis *diagnosis)
{
    technologies_free(&diagnosis->found);
    arena_free(&diagnosis->arena);
}
