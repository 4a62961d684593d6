/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigate_run.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analyze/whatif_replay.h"
#include "base/clock.h"
#include "base/num.h"
#include "decide/experiment_settle.h"
#include "decide/investigation_folder.h"
#include "decide/investigation_jobs.h"
#include "decide/investigation_objective.h"
#include "decide/investigation_past.h"
#include "decide/master_files.h"
#include "decide/record_pipeline.h"
#include "investigate/consensus.h"
#include "investigate/investigation.h"
#include "investigate/verify_advice.h"
#include "judge/opened.h"
#include "pipeline/pipeline_command.h"
#include "report/exporter.h"
#include "settings/rules.h"

#define EXIT_INTERRUPTED 130
#define DEADLINE_NS      (60 * NS_PER_S)
#define DEADLINE_RUNS    20 /* of the pipeline, in the deadline where none is given */
#define DEADLINE_NS_MAX  (15 * 60 * NS_PER_S)
#define RECORDING_REPORT "evidence/recording.report.json"
#define PIPELINE_PRINTED "evidence/recording.stdout.txt"

/* An investigation under way. */
struct inquest {
    const struct investigate_request *request;
    const char *subject;
    bool has_file; /* a pipeline file, else a recording */
    struct pipeline_file file;
    char file_path[PATH_MAX], recording[PATH_MAX], report[PATH_MAX], rules[PATH_MAX];
    struct investigation_folder folder;
    struct investigation_jobs jobs;
    struct opened opened;
    bool is_open;
    struct recorded_pipeline recorded;
    struct investigation investigation;
    struct str *warning;
};

static void say(const struct inquest *inquest, const char *what)
{
    if (inquest->request->say)
        inquest->request->say(inquest->request->context, what);
}

/* --- what is investigated --- */

static bool is_recording_name(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".toll") == 0;
}

static bool is_yaml_name(const char *name)
{
    size_t length = strlen(name);
    return (length > 5 && strcmp(name + length - 5, ".yaml") == 0) ||
           (length > 4 && strcmp(name + length - 4, ".yml") == 0);
}

/* Of a folder its pipeline file is meant. */
static int look_in_folder(struct inquest *inquest, const char **subject, struct err *err)
{
    struct stat about;
    if (!*subject || stat(*subject, &about) || !S_ISDIR(about.st_mode))
        return 0;
    const char *folder = *subject, *slash = str_ends(folder, "/") ? "" : "/";
    *subject = arena_printf(&inquest->investigation.arena, "%s%s" PIPELINE_FILE_DEFAULT, folder, slash);
    if (!*subject)
        return err_memory(err);
    if (access(*subject, F_OK) == 0)
        return 0;
    bool is_report = master_files_exist(folder);
    err_set(err, ERR_ENVIRONMENT, "could not investigate folder '%s': %s", folder,
            is_report ? "it is the report of an investigation"
                      : "there is no " PIPELINE_FILE_DEFAULT " in it");
    if (is_report)
        err_hint(
            err,
            "'toll report %.200s' shows it; 'toll investigate %.200s/evidence/recording.toll' looks again",
            folder, folder);
    else
        err_hint(err,
                 "'toll init -- COMMAND' writes one; 'toll investigate FILE.toll' looks at a recording, "
                 "'toll diagnose "
                 "%.200s' at a folder",
                 folder);
    return -(int)ERR_ENVIRONMENT;
}

static int find_subject(struct inquest *inquest, struct err *err)
{
    const char *subject = inquest->request->subject;
    int found = look_in_folder(inquest, &subject, err);
    if (found)
        return found;
    inquest->subject = subject ? subject : PIPELINE_FILE_DEFAULT;
    inquest->has_file = !is_recording_name(inquest->subject) && (!subject || is_yaml_name(subject));
    if (access(inquest->subject, R_OK)) {
        int status = err_errno(err, errno, "could not open %s '%s'",
                               inquest->has_file ? "pipeline file" : "recording", inquest->subject);
        if (!subject)
            err_hint(err, "'toll init' writes one; 'toll investigate FILE.toll' looks at a recording alone");
        else
            err_hint(err, inquest->has_file ? "'toll init' writes one" : "'toll run -- COMMAND' makes one");
        return status;
    }
    if (inquest->request->rules && !realpath(inquest->request->rules, inquest->rules))
        return err_errno(err, errno, "could not open folder of rules '%s'", inquest->request->rules);
    /* A wrong file is told before anything runs. */
    int wrong = inquest->request->rules ? rules_check_folder(inquest->request->rules, err) : 0;
    if (wrong)
        return wrong;
    char *absolute = inquest->has_file ? inquest->file_path : inquest->recording;
    if (!realpath(inquest->subject, absolute))
        return err_errno(err, errno, "could not find file '%s'", inquest->subject);
    return inquest->has_file ? pipeline_file_read(inquest->subject, &inquest->file, err) : 0;
}

static int choose_jobs(struct inquest *inquest, struct err *err)
{
    const struct investigate_request *request = inquest->request;
    struct arena *arena = &inquest->investigation.arena;
    size_t known_count = inquest->has_file ? inquest->file.investigators.count : 0;
    struct external_investigator *known = arena_alloc(arena, (known_count + 1) * sizeof *known);
    if (!known)
        return err_memory(err);
    for (size_t i = 0; i < known_count; i++)
        known[i] = (struct external_investigator){.name = inquest->file.investigators.items[i].name,
                                                  .command = inquest->file.investigators.items[i].command,
                                                  .directory = inquest->file.folder};
    struct investigation_choice choice = {.only = request->only,
                                          .only_count = request->only_count,
                                          .known = known,
                                          .known_count = known_count,
                                          .always = request->externals,
                                          .always_count = request->external_count};
    return investigation_jobs_choose(&choice, arena, &inquest->jobs, err);
}

/* --- the recording and its verdict --- */

static int get_recording(struct inquest *inquest, struct err *err)
{
    if (!inquest->has_file)
        return investigation_folder_keep(&inquest->folder, inquest->recording, err);
    if (snprintf(inquest->recording, sizeof inquest->recording, "%s/recording.toll",
                 inquest->folder.evidence) >= (int)sizeof inquest->recording)
        return err_set(err, ERR_USAGE, "could not write folder '%s': its name is too long",
                       inquest->folder.path);
    struct record_pipeline_request request = {.file = &inquest->file,
                                              .recording = inquest->recording,
                                              .rung = inquest->request->rung,
                                              .limit_ns = inquest->request->limit_ns,
                                              .say = inquest->request->say,
                                              .context = inquest->request->context};
    int status = record_pipeline(&request, &inquest->recorded, err);
    if (!status && inquest->recorded.printed.length)
        status =
            investigation_folder_write(&inquest->folder, PIPELINE_PRINTED, &inquest->recorded.printed, err);
    inquest->investigation.run_count = inquest->recorded.run_count;
    return status;
}

static int judge(struct inquest *inquest, struct err *err)
{
    const struct exporter *exporter;
    struct export_options options = {.file = inquest->subject};
    struct str text = {0};
    say(inquest, "judging the recording");
    const char *objective = inquest->has_file && inquest->file.has_objective
                                ? pipeline_objective_verdict(&inquest->file.objective)
                                : NULL;
    /* What a run costs is told of a job that ends. */
    if (objective && strcmp(objective, "throughput") != 0 && strcmp(objective, "latency") != 0)
        objective = NULL;
    int status = opened_open_whole(inquest->recording, objective, &inquest->opened, err);
    if (status)
        return status;
    inquest->is_open = true;
    status = exporter_find("json", &exporter, err);
    if (!status)
        status = exporter_write(exporter, &inquest->opened.verdict, &options, &text, err);
    if (!status)
        status = investigation_folder_write(&inquest->folder, RECORDING_REPORT, &text, err);
    if (!status && snprintf(inquest->report, sizeof inquest->report, "%s/recording.report.json",
                            inquest->folder.evidence) >= (int)sizeof inquest->report)
        status = err_set(err, ERR_USAGE, "could not write folder '%s': its name is too long",
                         inquest->folder.path);
    str_free(&text);
    return status;
}

/* Cases like this one from before are said first: one of them may be all that one needs to know. */
static int look_back(struct inquest *inquest, struct err *err)
{
    struct investigation *investigation = &inquest->investigation;
    struct str line = {0};
    investigation->verdict = &inquest->opened.verdict;
    if (inquest->request->no_store)
        return 0;
    int status = past_cases_find(investigation, inquest->request->store, inquest->warning, err);
    for (size_t i = 0; !status && i < investigation->similar_count; i++) {
        past_case_line(&investigation->similar[i], &line);
        say(inquest, str_text(&line));
        str_clear(&line);
    }
    str_free(&line);
    return status;
}

/* --- asking --- */

static uint64_t deadline_ns(const struct inquest *inquest)
{
    if (inquest->request->deadline_ns)
        return inquest->request->deadline_ns;
    if (!inquest->has_file)
        return DEADLINE_NS;
    return num_min(DEADLINE_NS + DEADLINE_RUNS * inquest->recorded.wall_ns, DEADLINE_NS_MAX);
}

static int ask(struct inquest *inquest, struct err *err)
{
    struct investigation *investigation = &inquest->investigation;
    struct question question = {.recording = inquest->recording,
                                .pipeline = inquest->has_file ? inquest->file_path : NULL,
                                .rules = inquest->request->rules ? inquest->rules : NULL,
                                .opened = &inquest->opened,
                                .file = inquest->has_file ? &inquest->file : NULL,
                                .arena = &investigation->arena};
    struct engine_options options = {.jobs = inquest->jobs.items,
                                     .job_count = inquest->jobs.count,
                                     .question = &question,
                                     .report = inquest->report,
                                     .evidence = inquest->folder.evidence,
                                     .deadline_ns = deadline_ns(inquest),
                                     .deadline_each_ns = inquest->request->deadline_each_ns,
                                     .memory_bytes = inquest->request->memory_bytes,
                                     .show = inquest->request->show,
                                     .context = inquest->request->context};
    int status = engine_run(&options, &investigation->statements, err);
    if (!status)
        investigation->statement_count = inquest->jobs.count;
    return status;
}

/* What a change brings with the number that a knob can be set to, where that is not the number that was claimed. */
static void replay_as(const struct inquest *inquest, const char *claimed, const char *knob_change,
                      struct finding *finding)
{
    struct gain *gain = &finding->gain;
    struct change change, knob;
    struct whatif_result result;
    if (!inquest->opened.whatif || change_parse(claimed, &change, NULL) ||
        change_parse(knob_change, &knob, NULL))
        return;
    const struct pipeline_knob *about = pipeline_file_knob(&inquest->file, knob.name);
    double value = about && change.op == CHANGE_BATCH ? knob.value / about->now_number : knob.value;
    if (!(value >= 1) || fabs(value - change.value) < 1e-9)
        return;
    change.value = value;
    snprintf(change.text, sizeof change.text, "%.15g", value);
    if (whatif_predict(inquest->opened.whatif, &change, 1, &result, NULL) || !result.wall_ns_low ||
        !result.wall_ns_high)
        return;
    double before = (double)result.wall_ns_before;
    gain->factor = result.factor;
    gain->factor_low = before / (double)result.wall_ns_high;
    gain->factor_high = before / (double)result.wall_ns_low;
    gain->wall_ns_after = result.wall_ns_after;
    finding->priority = priority_of(gain->factor_low);
}

/* A claim whose change a knob makes is a claim about the knob: that is what can be set, tried and taken back. */
static int name_knobs(struct inquest *inquest, struct err *err)
{
    struct investigation *investigation = &inquest->investigation;
    if (!inquest->has_file)
        return 0;
    for (size_t i = 0; i < investigation->statement_count; i++)
        for (size_t j = 0; j < investigation->statements[i].claim_count; j++) {
            struct finding *finding = &investigation->statements[i].claims[j].finding;
            const char *change = pipeline_knob_change(&inquest->file, finding, &investigation->arena);
            if (!change || (finding->change && strcmp(change, finding->change) == 0))
                continue;
            const char *before = finding->change;
            finding->change = change;
            if (before && finding->gain.factor > 0)
                replay_as(inquest, before, change, finding);
            if (before && finding->rationale)
                finding->rationale =
                    arena_printf(&investigation->arena, "%s (replayed as %s)", finding->rationale, before);
            if (!finding->rationale && before)
                return err_memory(err);
        }
    return 0;
}

/* --- what stands --- */

/* The folder has its name only at the end; commands that were told before name the one beside it. */
static int name_folder(const struct inquest *inquest, struct arena *arena, const char **text)
{
    const char *part = inquest->folder.part, *at = *text ? strstr(*text, part) : NULL;
    while (at) {
        *text = arena_printf(arena, "%.*s%s%s", (int)(at - *text), *text, inquest->folder.path,
                             at + strlen(part));
        if (!*text)
            return -1;
        at = strstr(*text, part);
    }
    return 0;
}

/* What a change of agents saves in money is the verdict's word, and so is how urgent that makes it. */
static void add_savings(const struct verdict *verdict, struct finding *finding)
{
    for (size_t i = 0; verdict->agents && finding->change && i < verdict->finding_count; i++) {
        const struct finding *judged = &verdict->findings[i];
        if (!judged->has_savings || !judged->change || strcmp(judged->change, finding->change) != 0)
            continue;
        finding->has_savings = true;
        finding->savings = judged->savings;
        if (judged->priority < finding->priority)
            finding->priority = judged->priority;
        return;
    }
}

/* How to verify each claim and how to take it back, where its investigator did not say. */
static int advise(struct inquest *inquest, struct err *err)
{
    struct investigation *investigation = &inquest->investigation;
    const struct run_facts *run = &investigation->verdict->run;
    struct verify_advice_facts facts = {.file = inquest->has_file ? &inquest->file : NULL,
                                        .pipeline = investigation->pipeline,
                                        .recording = investigation->recording,
                                        .is_agents = investigation->verdict->agents != NULL,
                                        .command = run->command,
                                        .command_count = run->command_count};
    int status = 0;
    for (size_t i = 0; i < investigation->statement_count && !status; i++)
        for (size_t j = 0; j < investigation->statements[i].claim_count && !status; j++) {
            struct claim *claim = &investigation->statements[i].claims[j];
            if (name_folder(inquest, &investigation->arena, &claim->verify) ||
                name_folder(inquest, &investigation->arena, &claim->revert))
                return err_memory(err);
            add_savings(investigation->verdict, &claim->finding);
            status = verify_advice_fill(&facts, &investigation->arena, claim, err);
        }
    return status;
}

/* By experiments, in as much time again as the investigators had: a contradiction that is not settled is told with the command
 * that would settle it. */
static int settle(struct inquest *inquest, uint64_t start_ns, struct err *err)
{
    struct settle_options options = {.file = inquest->has_file ? &inquest->file : NULL,
                                     .deadline_ns =
                                         start_ns + inquest->recorded.wall_ns + 2 * deadline_ns(inquest),
                                     .evidence = inquest->folder.evidence,
                                     .scratch = inquest->folder.evidence,
                                     .tell = inquest->request->say,
                                     .context = inquest->request->context};
    return experiment_settle(&inquest->investigation, &options, err);
}

static int conclude(struct inquest *inquest, uint64_t start_ns, struct err *err)
{
    struct investigation *investigation = &inquest->investigation;
    char stamp[40];
    time_t now = time(NULL);
    struct tm parts;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
    investigation->started_at = arena_string(&investigation->arena, stamp);
    investigation->verdict = &inquest->opened.verdict;
    investigation->recording =
        inquest->has_file
            ? arena_printf(&investigation->arena, "%s/evidence/recording.toll", inquest->folder.path)
            : inquest->subject;
    investigation->pipeline = inquest->has_file ? inquest->subject : NULL;
    investigation->name = inquest->has_file ? inquest->file.name : NULL;
    if (!investigation->started_at || !investigation->recording)
        return err_memory(err);
    investigation_objective_fill(inquest->has_file ? &inquest->file : NULL, investigation->verdict,
                                 inquest->recorded.unit_count, &investigation->objective);
    int status = name_knobs(inquest, err);
    if (!status)
        status = advise(inquest, err);
    if (!status)
        status = consensus_reach(investigation, err);
    if (!status)
        status = settle(inquest, start_ns, err);
    investigation->wall_ns = clock_monotonic_ns() - start_ns;
    return status;
}

/* All formats into the folder, and what is printed of it. */
static int report(const struct inquest *inquest, struct investigate_outcome *outcome, struct err *err)
{
    const struct investigate_request *request = inquest->request;
    struct master_files files = {
        .folder = inquest->folder.part,
        .told = inquest->folder.path,
        .look = {.width = request->width, .colour = request->colour, .ascii = request->ascii}};
    int status =
        master_files_write(&inquest->investigation, &files, request->json ? NULL : &outcome->text, err);
    if (!status && request->json)
        status = master_files_read(inquest->folder.part, "json", &outcome->text, err);
    return status;
}

/* What an investigation into this folder left that was killed. */
static void sweep(const struct inquest *inquest)
{
    struct str told = {0};
    investigation_folder_sweep(&inquest->folder, &told);
    if (told.length)
        say(inquest, str_text(&told));
    str_free(&told);
}

static int investigate(struct inquest *inquest, struct investigate_outcome *outcome, struct err *err)
{
    uint64_t start_ns = clock_monotonic_ns();
    int status = find_subject(inquest, err);
    if (!status)
        status = choose_jobs(inquest, err);
    if (!status)
        status = investigation_folder_open(inquest->request->output, &inquest->folder, err);
    if (!status)
        sweep(inquest);
    if (!status)
        status = get_recording(inquest, err);
    if (!status)
        status = judge(inquest, err);
    if (!status)
        status = look_back(inquest, err);
    if (!status)
        status = ask(inquest, err);
    if (!status)
        status = conclude(inquest, start_ns, err);
    if (!status)
        status = report(inquest, outcome, err);
    if (!status)
        status = investigation_folder_commit(&inquest->folder, err);
    if (!status && !inquest->request->no_store)
        past_cases_learn(&inquest->investigation, inquest->request->store, inquest->warning);
    return status;
}

int investigate_run(const struct investigate_request *request, struct investigate_outcome *ret_outcome,
                    struct err *err)
{
    struct investigate_outcome outcome = {0};
    struct inquest *inquest = calloc(1, sizeof *inquest);
    if (!inquest)
        return err_memory(err);
    inquest->request = request;
    inquest->warning = &outcome.warning;
    int status = investigate(inquest, &outcome, err);
    if (status == -(int)ERR_THRESHOLD)
        outcome.exit_status = EXIT_INTERRUPTED;
    snprintf(outcome.folder, sizeof outcome.folder, "%s", inquest->folder.path);
    investigation_folder_close(&inquest->folder);
    if (inquest->is_open)
        opened_close(&inquest->opened);
    if (inquest->has_file)
        pipeline_file_free(&inquest->file);
    str_free(&inquest->recorded.printed);
    arena_free(&inquest->investigation.arena);
    free(inquest);
    if (status)
        str_free(&outcome.text);
    *ret_outcome = outcome;
    return status;
}
