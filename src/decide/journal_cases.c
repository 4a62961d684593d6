/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/journal_cases.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "judge/symptom.h"
#include "store/fingerprint.h"
#include "store/journal_show.h"
#include "store/revision.h"

#define FINDINGS_LOOKED_AT 3u  /* the most important ones say what a case is about */
#define HITS_LOOKED_AT     60u /* of the search; several may be of one cause and change */

static void add_warning(struct str *warning, const char *what, const struct err *err)
{
    str_printf(warning, "toll: %s: %s\n", what, err->what);
}

/* What tells a recording from others, wherever its file lies; an importer may give it no id. */
static void recording_id(const struct verdict *verdict, struct str *id)
{
    const struct run_facts *run = &verdict->run;
    if (run->id && *run->id)
        str_append(id, run->id);
    else
        str_printf(id, "%s %llu ns", run->started_at ? run->started_at : "",
                   (unsigned long long)run->wall_ns);
}

/* --- similar cases --- */

struct picking {
    struct similar_cases *cases;
    const struct verdict *verdict;
    size_t limit;
    bool has_no_memory;
};

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_of_cause(const struct verdict *verdict, const char *cause)
{
    for (size_t i = 0; cause && i < verdict->finding_count && i < FINDINGS_LOOKED_AT; i++)
        if (strcmp(verdict->findings[i].cause, cause) == 0)
            return true;
    return false;
}

/* The change without its value: ten workers and twelve are one case. */
static bool is_same_change(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    size_t length = strcspn(a, "=");
    return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

/* The entry that tells of the same case; NULL. */
static struct journal_entry *same_case(const struct similar_cases *cases, const struct journal_entry *entry)
{
    for (size_t i = 0; i < cases->entries.count; i++)
        if (is_same(cases->entries.items[i].cause, entry->cause) &&
            is_same_change(cases->entries.items[i].change, entry->change))
            return &cases->entries.items[i];
    return NULL;
}

/* Its texts into the arena; false when memory ran out. */
static bool keep_texts(struct journal_entry *entry, struct arena *arena)
{
    const char **const fields[] = {&entry->key,     &entry->kind,      &entry->finding, &entry->symptom,
                                   &entry->cause,   &entry->place,     &entry->change,  &entry->fix,
                                   &entry->outcome, &entry->agreement, &entry->name,    &entry->recording,
                                   &entry->machine, &entry->revision};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!*fields[i])
            continue;
        *fields[i] = arena_string(arena, *fields[i]);
        if (!*fields[i])
            return false;
    }
    return true;
}

/* The nearest of each case, but for one that was measured: that says what came of it. */
static int pick(const struct journal_hit *hit, void *data)
{
    struct picking *picking = data;
    struct similar_cases *cases = picking->cases;
    struct journal_entry entry = hit->entry;
    if (!is_of_cause(picking->verdict, entry.cause))
        return 0;
    struct journal_entry *same = same_case(cases, &entry);
    bool is_better = same && !isfinite(same->measured) && isfinite(entry.measured);
    if ((same && !is_better) || (!same && cases->entries.count >= picking->limit))
        return 0;
    picking->has_no_memory = !keep_texts(&entry, &cases->arena);
    if (!picking->has_no_memory && same)
        *same = entry;
    else if (!picking->has_no_memory)
        picking->has_no_memory = vec_push(&cases->entries, entry) != 0;
    return picking->has_no_memory;
}

/* The words of a case: its causes first, since a search takes only so many. */
static void case_words(const struct verdict *verdict, struct str *text)
{
    for (size_t i = 0; i < verdict->finding_count && i < FINDINGS_LOOKED_AT; i++)
        str_printf(text, "%s ", verdict->findings[i].cause);
    for (size_t i = 0; i < verdict->finding_count && i < FINDINGS_LOOKED_AT; i++) {
        symptom_place(&verdict->findings[i].where, text);
        str_append(text, " ");
    }
    symptom_of_verdict(verdict, text);
}

void journal_similar(const char *store, const struct verdict *verdict, size_t limit,
                     struct similar_cases *ret_cases, struct str *ret_warning)
{
    struct str words = {0}, expression = {0}, id = {0};
    struct journal *journal = NULL;
    struct err err = {0};
    *ret_cases = (struct similar_cases){0};
    struct picking picking = {
        .cases = ret_cases, .verdict = verdict, .limit = limit ? limit : SIMILAR_DEFAULT};
    case_words(verdict, &words);
    recording_id(verdict, &id);
    size_t count = journal_words(str_text(&words), " OR ", &expression);
    int status = words.failed || expression.failed || id.failed ? err_memory(&err) : 0;
    if (!status && count && verdict->finding_count)
        status = journal_open_to_read(&journal, store, &err);
    if (!status && journal) {
        struct journal_search search = {
            .text = expression.text, .limit = HITS_LOOKED_AT, .but_not = str_text(&id)};
        status = journal_search(journal, &search, pick, &picking, &err);
        status = picking.has_no_memory ? err_memory(&err) : status < 0 ? status : 0;
    }
    if (status)
        add_warning(ret_warning, "past cases were not looked at", &err);
    journal_close(journal);
    str_free(&words);
    str_free(&expression);
    str_free(&id);
}

void similar_cases_deinit(struct similar_cases *cases)
{
    vec_free(&cases->entries);
    arena_free(&cases->arena);
    *cases = (struct similar_cases){0};
}

void similar_cases_text(const struct similar_cases *cases, unsigned width, bool ascii, struct str *text)
{
    struct journal_look look = {.width = width ? width : 80, .ascii = ascii};
    if (!cases->entries.count)
        return;
    str_append(text, "Similar cases from before (toll journal show N):\n");
    for (size_t i = 0; i < cases->entries.count; i++)
        journal_entry_text(&cases->entries.items[i], NULL, &look, text);
}

void similar_cases_json(const struct similar_cases *cases, const char *key, struct json_writer *json)
{
    json_open(json, key, '[');
    for (size_t i = 0; i < cases->entries.count; i++)
        journal_entry_json(&cases->entries.items[i], NULL, json);
    json_close(json, ']');
}

/* --- what was learned --- */

struct writing {
    const struct lessons *lessons;
    struct arena arena;
    const char *id, *symptom, *name, *recording, *machine, *revision;
    VEC(struct journal_entry) entries;
};

static const char *kept(struct writing *writing, struct str *text)
{
    const char *copy = text->failed || !text->length ? NULL : arena_string(&writing->arena, text->text);
    str_free(text);
    return copy;
}

/* The journal is read from other folders. */
static const char *absolute(struct writing *writing, const char *path)
{
    char folder[4096];
    if (!path || *path == '/' || !getcwd(folder, sizeof folder))
        return path;
    const char *whole = arena_printf(&writing->arena, "%s/%s", folder, path);
    return whole ? whole : path;
}

/* 0 says that nothing was promised. */
static double factor_or_none(double factor)
{
    return factor > 0 ? factor : NAN;
}

/* What makes it the same entry when the same recording is looked at again, wherever its file lies. */
static const char *key_of(struct writing *writing, const char *kind, const struct finding *finding,
                          const char *place)
{
    return arena_printf(&writing->arena, "%s\n%s\n%s\n%s\n%s", kind, writing->id ? writing->id : "",
                        finding->cause, place ? place : "", finding->change ? finding->change : "");
}

static int add_lesson(struct writing *writing, const struct lesson *lesson, struct err *err)
{
    const struct finding *finding = lesson->finding;
    struct str place = {0};
    symptom_place(&finding->where, &place);
    struct journal_entry entry = journal_blank("finding", finding->title ? finding->title : finding->cause);
    entry.place = kept(writing, &place);
    entry.key = key_of(writing, "finding", finding, entry.place);
    entry.symptom = writing->symptom;
    entry.cause = finding->cause;
    entry.change = finding->change;
    entry.fix = finding->fix;
    entry.agreement = lesson->agreement;
    entry.name = writing->name;
    entry.recording = writing->recording;
    entry.machine = writing->machine;
    entry.revision = writing->revision;
    entry.predicted = factor_or_none(finding->gain.factor);
    entry.predicted_low = factor_or_none(finding->gain.factor_low);
    entry.predicted_high = factor_or_none(finding->gain.factor_high);
    if (vec_push(&writing->entries, entry))
        return err_memory(err);
    if (!lesson->settled_by)
        return 0;
    entry.kind = "experiment";
    entry.key = key_of(writing, "experiment", finding, entry.place);
    entry.outcome = lesson->settled_by;
    return vec_push(&writing->entries, entry) ? err_memory(err) : 0;
}

static int write_entries(struct writing *writing, struct err *err)
{
    struct journal *journal = NULL;
    int status = journal_open(&journal, writing->lessons->store, err);
    if (!status)
        status = journal_add(journal, writing->entries.items, writing->entries.count, NULL, err);
    journal_close(journal);
    return status;
}

size_t journal_learn(const struct lessons *lessons, struct str *ret_warning)
{
    struct writing writing = {.lessons = lessons, .name = lessons->name};
    struct str symptom = {0}, command = {0}, id = {0};
    char machine[FINGERPRINT_MAX], revision[REVISION_MAX];
    struct err err = {0};
    int status = 0;
    if (!lessons->count)
        return 0;
    fingerprint_of_machine(machine);
    writing.machine = machine;
    writing.revision = revision_of_folder(NULL, revision) ? revision : NULL;
    recording_id(lessons->verdict, &id);
    writing.id = kept(&writing, &id);
    symptom_of_verdict(lessons->verdict, &symptom);
    writing.symptom = kept(&writing, &symptom);
    symptom_command(&lessons->verdict->run, &command);
    const char *ran = kept(&writing, &command);
    writing.name = writing.name ? writing.name : ran;
    writing.recording = absolute(&writing, lessons->recording);
    for (size_t i = 0; i < lessons->count && i < LESSONS_MAX && !status; i++)
        status = add_lesson(&writing, &lessons->items[i], &err);
    if (!status)
        status = write_entries(&writing, &err);
    if (status)
        add_warning(ret_warning, "what was learned is not in the journal", &err);
    size_t count = status ? 0 : writing.entries.count;
    vec_free(&writing.entries);
    arena_free(&writing.arena);
    return count;
}
