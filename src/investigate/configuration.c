/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configuration: which settings of what the run talks to, and of the machine, are development defaults (docs/configuration.md).
 *
 * A rule's impact is what it brings where the server has all of the run; here it is bounded by the server's share of the
 * critical path (server_places.h): Amdahl's law. A server that hardly matters is cleared, whatever its settings. A
 * kernel's setting is bounded by the waits that it can shorten. Rules of one's own may promise without that bound
 * (`bound: no`): then the others have the recording to contradict them with.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "investigate/investigators.h"
#include "investigate/path_vote.h"
#include "investigate/server_places.h"
#include "model/change.h"
#include "pipeline/pipeline_file.h"
#include "report/units.h"
#include "settings/advice.h"

/* A promise below this is noise; what cannot bring more than that is cleared. */
#define CLAIM_FACTOR_MIN   1.03
#define CLEARED_FACTOR_MAX 1.05
/* Of one server; what is behind is listed. */
#define CLAIMS_MAX         5
#define KEYS_TOLD_MAX      6
#define PROPOSALS_TOLD_MAX 12
#define VOTE_TOLERANCE     1.05

#define DOING(reason) (1u << ((reason) + 1))

struct asking {
    const struct question *question;
    struct answers *answers;
    struct rule_set rules;
    struct server_places places;
    size_t claim_count;
    /* By the place's index: each is read once, by the first vote that wants to know. */
    struct settings known[SERVER_PLACES_MAX];
    bool is_known[SERVER_PLACES_MAX];
    struct err *err;
};

/* What of a run the kernel's settings of that kind can shorten. */
static uint32_t doings_of(enum acts_on acts_on)
{
    switch (acts_on) {
    case ACTS_ON_WRITES: return DOING(WAIT_DISK_WRITE) | DOING(WAIT_DISK_SYNC);
    case ACTS_ON_READS: return DOING(WAIT_DISK_READ);
    case ACTS_ON_CONNECTIONS: return DOING(WAIT_NETWORK) | DOING(WAIT_REMOTE);
    case ACTS_ON_CPU: return DOING(DOING_CPU) | DOING(WAIT_CPU_QUEUE);
    case ACTS_ON_MEMORY: return DOING(WAIT_PAGE_FAULT) | DOING(WAIT_RECLAIM);
    case ACTS_ON_COUNT: break;
    }
    return 0;
}

static const char *doings_text(enum acts_on acts_on)
{
    switch (acts_on) {
    case ACTS_ON_WRITES: return "writing to disk";
    case ACTS_ON_READS: return "reading from disk";
    case ACTS_ON_CONNECTIONS: return "waiting for the network";
    case ACTS_ON_CPU: return "on a CPU, or queueing for one";
    case ACTS_ON_MEMORY: return "waiting for memory";
    case ACTS_ON_COUNT: break;
    }
    return "there";
}

/* What a claim is about: a server, or with `place` NULL the kernel or the control group. */
struct subject {
    const struct settings *settings;
    const struct server_place *place;
    const char *name; /* "PostgreSQL at 127.0.0.1:5432", "the kernel" */
};

/* What of a server that was recorded itself a setting can shorten: what it acts on, and the work for it. Connections are
 * everywhere. */
static uint32_t doings_inside(enum acts_on acts_on)
{
    switch (acts_on) {
    case ACTS_ON_WRITES:
        return doings_of(acts_on) | DOING(WAIT_LOCK) | DOING(DOING_CPU) | DOING(WAIT_CPU_QUEUE);
    case ACTS_ON_READS:
    case ACTS_ON_MEMORY:
        return doings_of(acts_on) | DOING(WAIT_DISK_READ) | DOING(DOING_CPU) | DOING(WAIT_CPU_QUEUE);
    case ACTS_ON_CPU: return doings_of(acts_on);
    case ACTS_ON_CONNECTIONS:
    case ACTS_ON_COUNT: break;
    }
    return UINT32_MAX;
}

static double share_of(const struct asking *asking, const struct subject *subject, const struct rule *rule)
{
    const struct verdict *verdict = &asking->question->opened->verdict;
    if (!subject->place)
        return path_share_doing(verdict, doings_of(rule->acts_on));
    /* What makes it compute faster cannot save more than it computed. */
    if (!subject->place->process)
        return rule->acts_on == ACTS_ON_CPU && subject->place->cores_used >= 0
                   ? fmin(subject->place->share, subject->place->cores_used)
                   : subject->place->share;
    return server_place_share(verdict, subject->place, doings_inside(rule->acts_on));
}

static void gain_of(const struct rule *rule, double share, bool is_server, struct gain *ret_gain)
{
    struct impact_factor impact = impact_factor(rule->impact);
    *ret_gain = (struct gain){.factor = impact.factor, .factor_low = impact.low, .factor_high = impact.high};
    if (rule->is_bounded) {
        ret_gain->factor = impact_bounded(impact.factor, share);
        ret_gain->factor_low = impact_bounded(impact.low, share);
        ret_gain->factor_high = impact_bounded(impact.high, share);
    }
    ret_gain->factor_max = path_factor_max(share);
    /* A setting of the machine can do no more than what is expected of it. */
    if (!is_server || (!rule->is_bounded && ret_gain->factor_max < ret_gain->factor_high))
        ret_gain->factor_max = ret_gain->factor_high;
}

/* --- a change that can be tried --- */

/* A knob of the pipeline that sets this key: of that name, or in a file's key or a variable of that name. */
static const char *knob_for(const struct question *question, const char *key)
{
    const struct pipeline_file *file = question->file;
    for (size_t i = 0; file && i < file->knobs.count; i++) {
        const struct pipeline_knob *knob = &file->knobs.items[i];
        if (strcmp(knob->name, key) == 0 || (knob->key && strcmp(knob->key, key) == 0) ||
            (knob->variable && strcmp(knob->variable, key) == 0))
            return knob->name;
    }
    return NULL;
}

/* set:knob/KEY=VALUE; NULL when it cannot be written so. */
static const char *change_of(const struct asking *asking, const struct advice *advice)
{
    struct change change;
    struct err ignored;
    const char *knob = knob_for(asking->question, advice->rule->key);
    const char *text = arena_printf(asking->question->arena, "set:knob/%s=%s",
                                    knob ? knob : advice->rule->key, advice->proposed);
    return text && !change_parse(text, &change, &ignored) ? text : NULL;
}

static const char *verify_of(const struct asking *asking, const struct advice *advice, const char *change)
{
    const struct question *question = asking->question;
    if (question->pipeline && change && knob_for(question, advice->rule->key))
        return arena_printf(question->arena, "toll experiment %s %s", change, question->pipeline);
    return arena_printf(question->arena,
                        "set it, record the same run again, then: toll compare %s AFTER.toll",
                        question->recording);
}

/* --- claims --- */

static const char *filled(const struct asking *asking, const char *form, const struct advice *advice)
{
    struct str text = {0};
    if (!form)
        return NULL;
    advice_text(form, advice, &text);
    const char *copy = arena_string(asking->question->arena, str_text(&text));
    str_free(&text);
    return copy;
}

static void claim_texts(const struct asking *asking, const struct subject *subject,
                        const struct advice *advice, struct finding *finding)
{
    struct arena *arena = asking->question->arena;
    const struct rule_file *file = subject->settings->rules;
    const struct rule *rule = advice->rule;
    const char *apply = filled(asking, file->apply, advice);
    double share = share_of(asking, subject, rule);
    finding->title = arena_printf(arena, "%s: %s is %s, a development default; production would use %s.",
                                  subject->name, rule->key, advice->setting->value, advice->proposed);
    finding->fix =
        arena_printf(arena, "Set %s to %s%s%s%s%s.", rule->key, advice->proposed, apply ? ": " : "",
                     apply ? apply : "", rule->needs_restart ? "; it needs a restart" : "",
                     rule->caution ? arena_printf(arena, "; %s", rule->caution) : "");
    if (rule->is_bounded)
        finding->rationale =
            arena_printf(arena, "%s; expected %s on %s, with %s of the critical path there: at most %s",
                         rule->why, impact_phrase(rule->impact), acts_on_name(rule->acts_on),
                         unit_ratio(share).text, unit_factor(finding->gain.factor_max).text);
    else
        finding->rationale = arena_printf(arena, "%s; %s promises %s, without regard to the critical path",
                                          rule->why, file->path, impact_phrase(rule->impact));
}

/* The facts: what was found where, which rule, which share. -1 when memory ran out. */
static int claim_evidence(const struct asking *asking, const struct subject *subject,
                          const struct advice *advice, const char **ret_evidence, size_t *ret_count)
{
    struct arena *arena = asking->question->arena;
    const struct rule *rule = advice->rule;
    double share = share_of(asking, subject, rule);
    size_t count = 0;
    ret_evidence[count++] =
        arena_printf(arena, "%s = %s (%s)", rule->key, advice->setting->value, advice->setting->origin);
    ret_evidence[count++] = arena_printf(arena, "rule %s:%u: proposed %s, expected %s, acts on %s",
                                         subject->settings->rules->path, rule->line, advice->proposed,
                                         impact_phrase(rule->impact), acts_on_name(rule->acts_on));
    if (subject->place)
        ret_evidence[count++] =
            arena_printf(arena, "%s has %s of the critical path", subject->name, unit_ratio(share).text);
    else
        ret_evidence[count++] = arena_printf(arena, "%s of the critical path is %s", unit_ratio(share).text,
                                             doings_text(rule->acts_on));
    for (size_t i = 0; i < count; i++)
        if (!ret_evidence[i])
            return -1;
    *ret_count = count;
    return 0;
}

static int claim_tell(struct asking *asking, const struct subject *subject, const struct advice *advice)
{
    const struct rule *rule = advice->rule;
    const char *evidence[4], *sources[1] = {rule->source};
    char id[24];
    snprintf(id, sizeof id, "%zu", ++asking->claim_count);
    struct claim claim = {.id = id, .evidence_class = EVIDENCE_RULE};
    struct finding *finding = &claim.finding;
    *finding = (struct finding){.cause = "config",
                                .objective = asking->question->opened->verdict.run.objective,
                                .critical_ratio = share_of(asking, subject, rule),
                                .change = change_of(asking, advice),
                                .assumption = "what the rule expects holds for this load",
                                .effort = EFFORT_LOW,
                                .evidence = evidence,
                                .sources = sources,
                                .source_count = 1};
    gain_of(rule, finding->critical_ratio, subject->place != NULL, &finding->gain);
    if (!asking->question->opened->verdict.service)
        finding->gain.wall_ns_after =
            num_u64((double)asking->question->opened->verdict.run.wall_ns / finding->gain.factor);
    if (subject->place) {
        finding->where = subject->place->where;
        claim.rows = subject->place->rows;
        claim.row_count = subject->place->row_count;
    } else {
        finding->where.path = advice->setting->origin;
    }
    claim_texts(asking, subject, advice, finding);
    claim.revert = filled(asking, subject->settings->rules->revert, advice);
    claim.verify = verify_of(asking, advice, finding->change);
    if (claim_evidence(asking, subject, advice, evidence, &finding->evidence_count) || !finding->title ||
        !finding->fix || !finding->rationale)
        return err_memory(asking->err);
    answers_claim(asking->answers, &claim);
    return 0;
}

static bool is_worth_a_claim(const struct asking *asking, const struct subject *subject,
                             const struct rule *rule)
{
    struct gain gain;
    gain_of(rule, share_of(asking, subject, rule), subject->place != NULL, &gain);
    /* Of the machine there are many settings and few that matter: they must be worth it on average. */
    return !rule->is_bounded || (subject->place ? gain.factor_high : gain.factor) >= CLAIM_FACTOR_MIN;
}

static int by_impact(const void *a, const void *b)
{
    const struct advice *x = a, *y = b;
    if (x->rule->is_bounded != y->rule->is_bounded)
        return x->rule->is_bounded - y->rule->is_bounded;
    return (x->rule->impact < y->rule->impact) - (x->rule->impact > y->rule->impact);
}

/* "a, b, c and 4 more" */
static void keys_list(const struct advice_list *list, struct str *text)
{
    for (size_t i = 0; i < list->items.count && i < KEYS_TOLD_MAX; i++)
        str_printf(text, "%s%s", i ? ", " : "", list->items.items[i].rule->key);
    if (list->items.count > KEYS_TOLD_MAX)
        str_printf(text, " and %zu more", list->items.count - KEYS_TOLD_MAX);
}

/* The best of them as claims; how many were told. */
static int claims_tell(struct asking *asking, const struct subject *subject, struct advice_list *list,
                       size_t *ret_told)
{
    *ret_told = 0;
    if (list->items.count)
        qsort(list->items.items, list->items.count, sizeof *list->items.items, by_impact);
    for (size_t i = 0; i < list->items.count && *ret_told < CLAIMS_MAX; i++) {
        if (!is_worth_a_claim(asking, subject, list->items.items[i].rule))
            continue;
        int status = claim_tell(asking, subject, &list->items.items[i]);
        if (status)
            return status;
        ++*ret_told;
    }
    return 0;
}

/* --- servers --- */

/* Its settings are not to blame: the most that they, or without them the server, could bring. */
static void clear_place(struct asking *asking, const struct subject *subject, const struct advice_list *list)
{
    const struct server_place *place = subject->place;
    const struct settings *settings = subject->settings;
    struct cleared cleared = {
        .where = place->where, .critical_ratio = place->share, .factor_max = place->factor_max};
    struct str why = {0};
    if (settings->items.count) {
        double most = 1;
        for (size_t i = 0; i < list->items.count; i++) {
            struct gain gain;
            gain_of(list->items.items[i].rule, share_of(asking, subject, list->items.items[i].rule), true,
                    &gain);
            most = fmax(most, gain.factor_high);
        }
        cleared.factor_max = fmin(most, place->factor_max);
    }
    if (list->items.count) {
        str_printf(&why, "%s: settings are development defaults in %zu key%s (", settings->rules->title,
                   list->items.count, list->items.count == 1 ? "" : "s");
        keys_list(list, &why);
        str_printf(&why, "), yet they can bring at most %s", unit_factor(cleared.factor_max).text);
    } else if (settings->items.count) {
        str_printf(&why, "%s: of %zu settings none is a development default", settings->rules->title,
                   settings->items.count);
    } else {
        str_printf(&why, "%s: its settings could not be read, and it can bring at most %s",
                   settings->rules->title, unit_factor(place->factor_max).text);
    }
    answers_cleared(asking->answers, &cleared, str_text(&why));
    str_free(&why);
}

/* "a: 1 -> 2, b: off -> on and 4 more" */
static void proposals_list(const struct advice_list *list, struct str *text)
{
    for (size_t i = 0; i < list->items.count && i < PROPOSALS_TOLD_MAX; i++)
        str_printf(text, "%s%s: %s -> %s", i ? ", " : "", list->items.items[i].rule->key,
                   list->items.items[i].setting->value, list->items.items[i].proposed);
    if (list->items.count > PROPOSALS_TOLD_MAX)
        str_printf(text, " and %zu more", list->items.count - PROPOSALS_TOLD_MAX);
}

static void notes_tell(struct asking *asking, const struct subject *subject, const struct advice_list *list,
                       size_t told)
{
    const struct settings *settings = subject->settings;
    struct str keys = {0};
    proposals_list(list, &keys);
    for (size_t i = 0; i < settings->notes.count; i++)
        answers_note(asking->answers, "%s", settings->notes.items[i]);
    if (settings->items.count && list->items.count)
        answers_note(asking->answers,
                     "%s: %zu settings %s, %zu of them development defaults (%zu worth a claim here): %s",
                     subject->name, settings->items.count,
                     settings->is_live ? "asked for" : "read from files", list->items.count, told,
                     str_text(&keys));
    else if (settings->items.count && subject->place)
        answers_note(asking->answers, "%s: %zu settings %s, none of them a development default",
                     subject->name, settings->items.count,
                     settings->is_live ? "asked for" : "read from files");
    str_free(&keys);
}

static int place_ask(struct asking *asking, const struct server_place *place)
{
    struct settings settings;
    struct advice_list list = {0};
    size_t told = 0;
    answers_progress(asking->answers, arena_printf(asking->question->arena, "reading %s", place->name), -1);
    int status = settings_read(place->rules, &place->server, &settings, asking->err);
    if (!status)
        status = advice_find(&settings, &list, asking->err);
    struct subject subject = {.settings = &settings, .place = place, .name = place->name};
    if (!status)
        status = claims_tell(asking, &subject, &list, &told);
    if (!status) {
        if (!told && (settings.items.count ||
                      (place->factor_max < CLEARED_FACTOR_MAX && !asking->question->opened->verdict.service)))
            clear_place(asking, &subject, &list);
        notes_tell(asking, &subject, &list, told);
    }
    advice_free(&list);
    settings_free(&settings);
    return status;
}

/* The kernel, the control group, and what rules of one's own say of a file: not a server of the run. */
static int machine_ask(struct asking *asking, const struct rule_file *file)
{
    struct settings settings;
    struct advice_list list = {0};
    struct server server = {.may_ask = true};
    size_t told = 0;
    int status = settings_read(file, &server, &settings, asking->err);
    if (!status)
        status = advice_find(&settings, &list, asking->err);
    struct subject subject = {.settings = &settings, .name = file->title};
    if (!status)
        status = claims_tell(asking, &subject, &list, &told);
    if (!status)
        notes_tell(asking, &subject, &list, told);
    advice_free(&list);
    settings_free(&settings);
    return status;
}

static bool is_of_machine(const struct rule_file *file)
{
    return strcmp(file->reader, "kernel") == 0 || strcmp(file->reader, "cgroup") == 0 ||
           (strcmp(file->reader, "file") == 0 && file->file_count && !file->process_count &&
            !file->port_count && !file->socket_count);
}

static int rules_load(struct asking *asking)
{
    const char *folder = asking->question->rules;
    int status = rules_built_in(&asking->rules, asking->err);
    if (!status && folder)
        status = rules_read_folder(&asking->rules, folder, asking->err);
    return status;
}

static void done(struct asking *asking)
{
    for (size_t i = 0; i < SERVER_PLACES_MAX; i++)
        if (asking->is_known[i])
            settings_free(&asking->known[i]);
    server_places_free(&asking->places);
    rules_free(&asking->rules);
}

/* Those whose settings cannot be read for one reason, in one sentence. */
static void tell_unread(struct asking *asking, const char *why_not)
{
    struct str names = {0};
    size_t count = 0;
    for (size_t i = 0; i < asking->places.items.count; i++) {
        const struct server_place *place = &asking->places.items.items[i];
        if (place->why_not && strcmp(place->why_not, why_not) == 0)
            str_printf(&names, "%s%s", count++ ? ", " : "", place->name);
    }
    if (count)
        answers_note(asking->answers, "not asked for settings, because %s: %s", why_not, str_text(&names));
    str_free(&names);
}

static int all_ask(struct asking *asking)
{
    int status = 0;
    for (size_t i = 0; i < asking->places.items.count && !status; i++)
        status = place_ask(asking, &asking->places.items.items[i]);
    tell_unread(asking, SERVER_IS_GONE);
    tell_unread(asking, SERVER_IS_REMOTE);
    tell_unread(asking, SERVER_WAS_ELSEWHERE);
    if (!status && asking->places.is_elsewhere)
        answers_note(asking->answers,
                     "recorded on another machine: the settings of this one were not looked at");
    for (size_t i = 0; i < asking->rules.files.count && !status && !asking->places.is_elsewhere; i++)
        if (is_of_machine(&asking->rules.files.items[i]))
            status = machine_ask(asking, &asking->rules.files.items[i]);
    if (!status && !asking->places.items.count)
        answers_note(asking->answers, "the run talked to no server that the rules know");
    return status;
}

static int claims(const struct question *question, struct answers *answers, struct err *err)
{
    struct asking asking = {.question = question, .answers = answers, .err = err};
    int status = rules_load(&asking);
    if (!status)
        status = server_places_find(question, &asking.rules, &asking.places, err);
    if (!status)
        status = all_ask(&asking);
    done(&asking);
    return status ? status : answers_status(answers, err);
}

/* --- votes --- */

/* The value of a key that the server has; "" when it cannot be read. */
static int setting_now(struct asking *asking, const struct server_place *place, const char *key,
                       const char **ret_value)
{
    size_t at = (size_t)(place - asking->places.items.items);
    int status = 0;
    *ret_value = "";
    if (key && !asking->is_known[at]) {
        status = settings_read(place->rules, &place->server, &asking->known[at], asking->err);
        asking->is_known[at] = true;
    }
    const struct setting *setting = key && !status ? settings_find(&asking->known[at], key) : NULL;
    if (setting)
        *ret_value = setting->value;
    return status;
}

/* More at once: does the server admit so many? */
static int vote_workers(struct asking *asking, const struct server_place *place, const struct change *change,
                        struct vote *vote)
{
    struct arena *arena = asking->question->arena;
    const char *key = place->rules->connections, *value;
    double limit;
    int status = setting_now(asking, place, key, &value);
    if (status || num_parse_double(value, &limit) || limit <= 0)
        return status;
    vote->stance = change->value > limit ? STANCE_CONTRADICT : STANCE_SUPPORT;
    vote->why = arena_printf(arena, "%s admits %s connections (%s), %s", place->name, value, key,
                             change->value > limit ? "fewer than that" : "enough for it");
    return 0;
}

/* Fewer, larger pieces help most where each is made safe on disk. */
static int vote_batch(struct asking *asking, const struct server_place *place, struct vote *vote)
{
    static const char *const waiting[] = {"on", "always", "sync", "remote_apply", "remote_write", "local"};
    const char *key = place->rules->commits, *value;
    int status = setting_now(asking, place, key, &value);
    for (size_t i = 0; !status && i < sizeof waiting / sizeof *waiting; i++)
        if (strcmp(value, waiting[i]) == 0) {
            vote->stance = STANCE_SUPPORT;
            vote->why =
                arena_printf(asking->question->arena,
                             "%s waits for the disk at each commit (%s is %s): fewer of them wait less",
                             place->name, key, value);
        }
    return status;
}

static int vote_on(struct asking *asking, const struct server_place *place, const struct claim *claim,
                   struct vote *vote)
{
    struct arena *arena = asking->question->arena;
    const struct gain *gain = &claim->finding.gain;
    struct change change = {0};
    struct err ignored;
    bool has_change = claim->finding.change && !change_parse(claim->finding.change, &change, &ignored);
    /* More at once at the server; more of the server's own workers are no connections to it. */
    if (has_change && change.op == CHANGE_WORKERS && !claim->finding.where.peer)
        return 0;
    if (has_change && change.op == CHANGE_WORKERS)
        return vote_workers(asking, place, &change, vote);
    if (has_change && change.op == CHANGE_BATCH)
        return vote_batch(asking, place, vote);
    /* Pieces of work may overlap then, and the gain is elsewhere too; and what was tried knows more than a share. */
    if (claim_reaches_further(claim) || claim->evidence_class == EVIDENCE_EXPERIMENT ||
        asking->question->opened->verdict.service)
        return 0;
    vote->factor_max = place->factor_max;
    bool is_too_much = gain->factor_low > place->factor_max * VOTE_TOLERANCE;
    vote->stance = is_too_much ? STANCE_CONTRADICT : STANCE_NEUTRAL;
    vote->why = is_too_much
                    ? arena_printf(arena, "%s has %s of the critical path: at most %s, not %s", place->name,
                                   unit_ratio(place->share).text, unit_factor(place->factor_max).text,
                                   unit_factor(gain->factor).text)
                    : arena_printf(arena, "%s has %s of the critical path: at most %s", place->name,
                                   unit_ratio(place->share).text, unit_factor(place->factor_max).text);
    return 0;
}

static int vote_claim(struct asking *asking, const struct claim *claim)
{
    struct str name = {0};
    const struct server_place *place = server_places_at(&asking->places, &claim->finding.where);
    claim_name(claim, &name);
    struct vote vote = {.claim = str_text(&name),
                        .stance = STANCE_NEUTRAL,
                        .why = "it is about no server whose settings were looked at"};
    int status = 0;
    if (place) {
        vote.why = "nothing in the server's settings speaks for or against it";
        vote.rows = place->rows;
        vote.row_count = place->row_count;
        status = vote_on(asking, place, claim, &vote);
    }
    if (!status && !vote.why)
        status = err_memory(asking->err);
    if (!status)
        answers_vote(asking->answers, &vote);
    str_free(&name);
    return status;
}

static int votes(const struct question *question, struct answers *answers, struct err *err)
{
    struct asking asking = {.question = question, .answers = answers, .err = err};
    int status = rules_load(&asking);
    if (!status)
        status = server_places_find(question, &asking.rules, &asking.places, err);
    for (size_t i = 0; i < question->claim_count && !status; i++)
        status = vote_claim(&asking, &question->claims[i]);
    done(&asking);
    return status ? status : answers_status(answers, err);
}

const struct investigator configuration_investigator = {
    .name = "configuration",
    .about = "whether servers, kernel and limits are set for production",
    .claims = claims,
    .votes = votes,
};
