/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/infer.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "heap_detect/gc_pauses.h"
#include "heap_detect/heap_facts.h"
#include "judge/agents_verdict.h"
#include "judge/unnamed_code.h"
#include "model/meta.h"
#include "picture/picture.h"
#include "rank/rank.h"
#include "run/stage.h"
#include "service/service.h"

#define REMARK_MAX 16

static uint64_t meta_number(const struct view *view, const char *key)
{
    uint64_t value;
    const char *text = view_meta(view, key);
    return text && !num_parse_u64(text, &value) ? value : 0;
}

static const char *meta_text(const struct view *view, const char *key, const char *otherwise)
{
    const char *text = view_meta(view, key);
    return text ? text : otherwise;
}

/* Samples of another tool alone: where CPU time went, and no word of what was waited for. No cause can be told of it. */
static bool is_profile(const struct view *view)
{
    return strcmp(meta_text(view, META_SCOPE, ""), SCOPE_PROFILE) == 0;
}

/* --- the command: a JSON array of strings, as the recorder wrote it --- */

static const char *read_string(const char *at, struct str *ret_text)
{
    for (at++; *at && *at != '"'; at++) {
        if (*at != '\\') {
            str_append_bytes(ret_text, at, 1);
            continue;
        }
        at++;
        static const char codes[] = "nrtbf", plain[] = "\n\r\t\b\f";
        const char *code = *at ? strchr(codes, *at) : NULL;
        if (code) {
            str_append_bytes(ret_text, plain + (code - codes), 1);
        } else if (*at == 'u') {
            /* Only control characters are written so. */
            unsigned value = 0;
            for (int i = 0; i < 4 && at[1]; i++) {
                at++;
                value = value * 16 + (unsigned)(*at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10);
            }
            char byte = value < 128 ? (char)value : '?';
            str_append_bytes(ret_text, &byte, 1);
        } else if (*at) {
            str_append_bytes(ret_text, at, 1);
        } else {
            break;
        }
    }
    return *at ? at + 1 : at;
}

static int read_command(const char *json, struct arena *arena, struct run_facts *facts)
{
    size_t quotes = 0;
    for (const char *at = json; *at; at++)
        quotes += *at == '"';
    const char **words = arena_alloc(arena, (quotes / 2 + 1) * sizeof *words);
    size_t count = 0;
    for (const char *at = json; words && *at && count < quotes / 2 + 1;) {
        if (*at != '"') {
            at++;
            continue;
        }
        struct str text = {0};
        at = read_string(at, &text);
        words[count] = text.failed ? NULL : arena_string(arena, str_text(&text));
        str_free(&text);
        if (!words[count++])
            return -1;
    }
    facts->command = words;
    facts->command_count = count;
    return words ? 0 : -1;
}

/* --- facts --- */

static const char *iso_time(struct arena *arena, uint64_t realtime_ns)
{
    time_t seconds = (time_t)(realtime_ns / NS_PER_S);
    struct tm parts;
    if (!realtime_ns || !gmtime_r(&seconds, &parts))
        return "";
    char text[40];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    const char *copy = arena_string(arena, text);
    return copy ? copy : "";
}

static void count_tracks(const struct run *run, struct run_facts *facts)
{
    for (size_t i = 0; i < run->tracks.count; i++) {
        const struct run_track *track = &run->tracks.items[i];
        if (!track->present)
            continue;
        facts->process_count += track->kind == TRACK_PROCESS;
        facts->thread_count += track->kind == TRACK_THREAD;
        if (track->kind == TRACK_PROCESS)
            facts->rss_bytes_max = num_max(facts->rss_bytes_max, track->rss_bytes_max);
        facts->cpu_ns += track->run_ns;
    }
}

static int fill_facts(const struct run *run, struct verdict *verdict)
{
    const struct view *view = run->view;
    struct run_facts *facts = &verdict->run;
    facts->id = meta_text(view, META_ID, "");
    facts->host = meta_text(view, META_HOST, "");
    facts->started_at = iso_time(&verdict->arena, meta_number(view, META_STARTED_REALTIME));
    facts->scope = meta_text(view, META_SCOPE, "command");
    facts->cpu_count = run->cpu_count;
    facts->wall_ns = run->end_ns - run->start_ns;
    facts->exit_status = meta_number(view, META_EXIT_STATUS);
    facts->recorder_cpu = meta_text(view, META_RECORDER_CPU, "none");
    facts->recorder_wait = meta_text(view, META_RECORDER_WAIT, "none");
    /* The ring is always open; it counts when something came through it. */
    facts->recorder_spans = run->has_spans ? meta_text(view, META_RECORDER_SPANS, "none") : "none";
    facts->recorder_heap = meta_text(view, META_RECORDER_HEAP, "none");
    facts->recorder_io = meta_text(view, META_RECORDER_IO, "none");
    facts->sample_unit = meta_text(view, META_SAMPLE_UNIT, "ns");
    facts->sample_event = meta_text(view, META_CPU_EVENT, "");
    facts->is_timeless = str_starts(meta_text(view, META_IMPORT_CLOCK, ""), "none");
    facts->sample_count = meta_number(view, META_SAMPLE_COUNT);
    count_tracks(run, facts);
    return read_command(meta_text(view, META_COMMAND, "[]"), &verdict->arena, facts);
}

/* --- the grade --- */

struct remarks {
    const struct view *view;
    const char **texts;
    size_t count;
};

static void remark(struct remarks *remarks, const char *text)
{
    if (text && remarks->count < REMARK_MAX)
        remarks->texts[remarks->count++] = text;
}

static int read_remarks(void *context, const struct batch *batch, struct err *err)
{
    struct remarks *remarks = context;
    (void)err;
    for (size_t i = 0; i < batch->row_count; i++) {
        if (strcmp(view_text(remarks->view, batch->columns[COLUMN(meta, key)][i]), META_REMARK) == 0)
            remark(remarks, view_text(remarks->view, batch->columns[COLUMN(meta, value)][i]));
    }
    return 0;
}

static void grade_by(struct grade *grade, struct remarks *remarks, double factor, const char *text)
{
    if (factor >= 1)
        return;
    grade->score_ratio *= factor < 0 ? 0 : factor;
    remark(remarks, text);
}

/* The score is a product: each weakness takes its share, none can hide another. */
static int fill_grade(const struct run *run, struct verdict *verdict, double explained_ratio, struct err *err)
{
    const struct view *view = run->view;
    struct grade *grade = &verdict->run.grade;
    struct arena *arena = &verdict->arena;
    struct remarks remarks = {.view = view, .texts = arena_alloc(arena, REMARK_MAX * sizeof(char *))};
    if (!remarks.texts)
        return err_memory(err);
    grade->lost_count = meta_number(view, META_LOST_COUNT);
    grade->stack_truncated_ratio =
        num_ratio(meta_number(view, META_STACK_TRUNCATED_COUNT), meta_number(view, META_STACK_COUNT));
    grade->critical_path_explained_ratio = explained_ratio;
    grade->overhead_ratio = num_ratio(meta_number(view, META_OVERHEAD_CPU), verdict->run.wall_ns);
    grade->missed_process_count_max = meta_number(view, META_MISSED_PROCESS_COUNT_MAX);
    grade->score_ratio = 1;
    if (explained_ratio < 0.99)
        grade_by(grade, &remarks, explained_ratio,
                 arena_printf(arena, "%.0f %% of %s", 100 * (1 - explained_ratio),
                              is_profile(view) ? "the busiest thread's time lies between samples"
                                               : "the path could not be explained"));
    if (grade->lost_count)
        grade_by(grade, &remarks, 0.9,
                 arena_printf(arena, "%llu events were lost", (unsigned long long)grade->lost_count));
    if (grade->stack_truncated_ratio > 0.1)
        grade_by(grade, &remarks, 1 - grade->stack_truncated_ratio / 4,
                 arena_printf(arena, "%.0f %% of the call stacks lack callers (built without frame pointers)",
                              100 * grade->stack_truncated_ratio));
    if (verdict->baseline_drift_ratio > 0.05 && !is_profile(view))
        grade_by(grade, &remarks, 1 - verdict->baseline_drift_ratio,
                 arena_printf(arena, "the replay of the unchanged run is off by %.0f %%: gains are bounds",
                              100 * verdict->baseline_drift_ratio));
    if (grade->overhead_ratio > 0.05)
        grade_by(grade, &remarks, 1 - grade->overhead_ratio,
                 arena_printf(arena, "recording used %.0f %% of a CPU", 100 * grade->overhead_ratio));
    if (grade->missed_process_count_max * 20 > verdict->run.process_count)
        grade_by(grade, &remarks, 0.9,
                 arena_printf(arena, "up to %llu short-lived processes were not seen",
                              (unsigned long long)grade->missed_process_count_max));
    if (!view_meta(view, META_END))
        grade_by(grade, &remarks, 0.8, "the recorder was stopped before the run ended");
    double unnamed_ratio;
    const char *unnamed = unnamed_code_remark(run, arena, &unnamed_ratio);
    grade_by(grade, &remarks, 1 - unnamed_ratio / 4, unnamed);
    int status = view_scan_all(view, TABLE_META, read_remarks, &remarks, err);
    grade->remarks = remarks.texts;
    grade->remark_count = remarks.count;
    return status;
}

/* --- stages --- */

static int compare_stages(const void *a, const void *b)
{
    const struct stage *x = a, *y = b;
    if (x->critical_ns != y->critical_ns)
        return x->critical_ns < y->critical_ns ? 1 : -1;
    return (x->wall_ns < y->wall_ns) - (x->wall_ns > y->wall_ns);
}

static int fill_stages(const struct scene *scene, struct verdict *verdict, struct err *err)
{
    struct stage *stages = arena_alloc(&verdict->arena, (scene->run->stages.count + 1) * sizeof *stages);
    if (!stages)
        return err_memory(err);
    size_t count = 0;
    for (size_t i = 0; i < scene->run->stages.count; i++) {
        if (!scene->stages[i].call_count)
            continue;
        stages[count] = scene->stages[i];
        stages[count].critical_ns = scene->attribution->stage_critical_ns[i];
        stages[count].critical_ratio = num_ratio(stages[count].critical_ns, scene->wall_ns);
        count++;
    }
    if (count)
        qsort(stages, count, sizeof *stages, compare_stages);
    verdict->stages = stages;
    verdict->stage_count = count;
    return 0;
}

/* --- all of it --- */

/* A service has no end that something could bring nearer. */
static bool is_service(const struct verdict *verdict)
{
    return strcmp(verdict->run.objective, "wall") != 0;
}

/* A service, a team of agents, or any other run. */
static int find_causes(const struct scene *scene, struct verdict *verdict, struct err *err)
{
    if (is_profile(scene->run->view))
        return 0;
    if (is_service(verdict))
        return service_judge(scene->run, verdict, err);
    if (!team_is(scene->run))
        return rank_findings(scene, verdict, err);
    return agents_verdict(scene->run, scene->whatif, verdict, err);
}

static int picture_allocations(const struct run *run, struct verdict *verdict, struct err *err)
{
    int status = picture_memory(run, &verdict->arena, &verdict->timeline, err);
    for (int i = 0; i < STACK_HEAP_COUNT && !status; i++)
        status = picture_flame_heap(run, (enum stack_kind)(STACKS_ALLOC + i), &verdict->arena,
                                    &verdict->flame_heap[i], err);
    return status;
}

static int judge(const struct run *run, struct path *path, struct whatif *whatif, struct verdict *verdict,
                 struct err *err)
{
    struct attribution attribution;
    struct stage *stages = NULL;
    path_merge_vias(run, path);
    int status = attribute_path(run, path, &verdict->arena, &attribution, err);
    if (!status)
        status = stage_table(run, &verdict->arena, &stages, err);
    if (status)
        return status;
    whatif->unexplained_ratio = 1 - attribution.explained_ratio;
    verdict->path = attribution.entries;
    verdict->path_count = attribution.entry_count;
    verdict->via = attribution.vias;
    verdict->via_count = attribution.via_count;
    verdict->baseline_drift_ratio = whatif->baseline_drift_ratio;
    struct path_index index;
    status = path_index_init(&index, run, path, err);
    if (status)
        return status;
    struct scene scene = {.run = run,
                          .path = path,
                          .path_index = &index,
                          .attribution = &attribution,
                          .stages = stages,
                          .whatif = whatif,
                          .arena = &verdict->arena,
                          .wall_ns = run->end_ns - run->start_ns};
    status = fill_facts(run, verdict) ? err_memory(err) : fill_stages(&scene, verdict, err);
    if (!status)
        status = find_causes(&scene, verdict, err);
    path_index_deinit(&index);
    if (!status)
        status = fill_grade(run, verdict, attribution.explained_ratio, err);
    if (!status)
        status = heap_facts_of(run, &verdict->arena, &verdict->heap, err);
    if (!status)
        status = gc_entries_of(run, path, &verdict->arena, &verdict->gc, &verdict->gc_count, err);
    if (!status)
        status = picture_timeline(run, path, &verdict->arena, &verdict->timeline, err);
    if (!status)
        status = picture_io(run, path, &verdict->arena, &verdict->io, err);
    if (!status)
        status = picture_flame(run, &verdict->arena, &verdict->flame, err);
    if (!status)
        status = picture_flame_waits(run, &verdict->arena, &verdict->flame_waits, err);
    return status || !verdict->heap ? status : picture_allocations(run, verdict, err);
}

/* The run dies before the verdict: its own texts (stage names) are copied into the verdict's arena. */
static int keep_names(struct run *run, struct arena *arena)
{
    for (size_t i = 0; i < run->stages.count; i++) {
        run->stages.items[i].name = arena_string(arena, run->stages.items[i].name);
        if (!run->stages.items[i].name)
            return -1;
    }
    return 0;
}

const char *verdict_objective(const struct view *view)
{
    return meta_text(view, META_OBJECTIVE, "wall");
}

int analyze_verdict(const struct view *view, struct verdict *ret_verdict, struct err *err)
{
    return analyze_verdict_for(view, NULL, ret_verdict, err);
}

int analyze_verdict_for(const struct view *view, const char *objective, struct verdict *ret_verdict,
                        struct err *err)
{
    struct judged_run *judged = NULL;
    int status = analyze_verdict_keep(view, objective, ret_verdict, &judged, err);
    if (!status)
        judged_run_destroy(judged);
    return status;
}

/* Of a loaded run. */
static int judge_run(struct judged_run *judged, struct verdict *verdict, struct err *err)
{
    struct run *run = &judged->run;
    struct path path = {0};
    int status = keep_names(run, &verdict->arena) ? err_memory(err) : infer_wakers(run, err);
    judged->has_whatif = !is_service(verdict);
    if (!status && judged->has_whatif)
        status = whatif_init(run, &judged->whatif, err);
    if (!status)
        status = judged->has_whatif ? path_walk_spins(run, &judged->whatif.spins, &path, err)
                                    : path_walk(run, &path, err);
    if (!status)
        status = judge(run, &path, &judged->whatif, verdict, err);
    path_deinit(&path);
    return status;
}

int analyze_verdict_keep(const struct view *view, const char *objective, struct verdict *ret_verdict,
                         struct judged_run **ret_run, struct err *err)
{
    struct verdict verdict = {.run.objective = objective ? objective : verdict_objective(view)};
    struct judged_run *judged = calloc(1, sizeof *judged);
    if (!judged)
        return err_memory(err);
    int status = run_load(view, &judged->run, err);
    if (status) {
        free(judged);
        return status;
    }
    status = judge_run(judged, &verdict, err);
    if (status) {
        judged_run_destroy(judged);
        verdict_deinit(&verdict);
        return status;
    }
    *ret_verdict = verdict;
    *ret_run = judged;
    return 0;
}

void judged_run_destroy(struct judged_run *judged)
{
    if (!judged)
        return;
    whatif_deinit(&judged->whatif);
    run_deinit(&judged->run);
    free(judged);
}

/* Samples of toll's own rungs weigh nanoseconds; what weighs something else shares the time that threads ran, which takes
 * the waits. Without the run's end every table's last row is needed. */
static bool samples_are_enough(const struct view *view)
{
    return strcmp(meta_text(view, META_SAMPLE_UNIT, "ns"), "ns") == 0 && view_meta(view, META_END);
}

static int flame_load(const struct view *view, enum stack_kind kind, struct run *ret_run, struct err *err)
{
    bool has_waits = stack_kind_has_waits(kind);
    if (!has_waits && samples_are_enough(view))
        return run_load_samples(view, ret_run, err);
    int status = run_load(view, ret_run, err);
    if (status || !has_waits)
        return status;
    status = infer_wakers(ret_run, err);
    if (status)
        run_deinit(ret_run);
    return status;
}

static int draw_flame(const struct run *run, enum stack_kind kind, struct verdict *verdict, struct err *err)
{
    if (stack_kind_is_heap(kind))
        return picture_flame_heap(run, kind, &verdict->arena,
                                  &verdict->flame_heap[stack_kind_heap_index(kind)], err);
    return kind == STACKS_CPU ? picture_flame(run, &verdict->arena, &verdict->flame, err)
                              : picture_flame_waits(run, &verdict->arena, &verdict->flame_waits, err);
}

int analyze_flame(const struct view *view, enum stack_kind kind, struct verdict *ret_verdict, struct err *err)
{
    struct verdict verdict = {.run.objective = verdict_objective(view)};
    struct run run;
    int status = flame_load(view, kind, &run, err);
    if (status)
        return status;
    if (keep_names(&run, &verdict.arena) || fill_facts(&run, &verdict))
        status = err_memory(err);
    if (!status)
        status = draw_flame(&run, kind, &verdict, err);
    run_deinit(&run);
    if (status)
        verdict_deinit(&verdict);
    else
        *ret_verdict = verdict;
    return status;
}
