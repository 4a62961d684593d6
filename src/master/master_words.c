/* SPDX-License-Identifier: Apache-2.0 */
#include "master/master_words.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "report/agents_report.h"
#include "report/escape.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

#define NAMES_MAX 16 /* told in a row of names */

/* Nanoseconds of one unit of time, 0 when it is none. */
static double unit_ns(const char *unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].ns;
    return 0;
}

static bool is_bytes(const char *unit)
{
    return strcmp(unit, "bytes") == 0 || strcmp(unit, "B") == 0;
}

/* Three digits: nothing here is known better. */
static void append_number(struct str *str, double amount)
{
    double size = fabs(amount);

    if (!isfinite(amount)) {
        str_append(str, "?");
    } else if (size >= 99.95) {
        double step = pow(10, floor(log10(size)) - 2);
        str_append(str, unit_count(step > 1 ? round(amount / step) * step : amount).text);
    } else {
        str_printf(str, "%.3g", amount);
    }
}

void word_amount(struct str *str, double amount, const char *unit)
{
    double ns = unit ? unit_ns(unit) : 0;

    if (ns > 0 && amount >= 0 && amount * ns < 1e18) {
        str_append(str, unit_duration(num_u64(amount * ns)).text);
    } else if (unit && is_bytes(unit) && amount >= 0 && amount < 1e18) {
        str_append(str, unit_bytes(num_u64(amount)).text);
    } else {
        append_number(str, amount);
        if (unit && unit[0])
            str_printf(str, " %s", unit);
    }
}

/* Without its unit where one behind the last amount is enough. */
static void append_bare(struct str *str, double amount, const char *unit)
{
    if (unit && (unit_ns(unit) > 0 || is_bytes(unit)))
        word_amount(str, amount, unit);
    else
        append_number(str, amount);
}

void word_capital(struct str *str, size_t from)
{
    if (str->length > from && str->text[from] >= 'a' && str->text[from] <= 'z')
        str->text[from] = (char)(str->text[from] - 'a' + 'A');
}

void word_subject(struct str *str, const struct digest *digest, size_t columns)
{
    struct str subject = {0};

    phrase_subject(&subject, digest->verdict);
    if (!subject.length)
        str_append(&subject, "the run");
    /* A name says more than the middle of a long command. */
    if (columns && digest->investigation->name && escape_columns(str_text(&subject)) > columns) {
        str_clear(&subject);
        str_append(&subject, digest->investigation->name);
    }
    if (columns)
        escape_plain_cut(str, str_text(&subject), columns, digest->options->look.ascii);
    else
        str_append(str, str_text(&subject));
    str_free(&subject);
}

void word_gap(struct str *str, const struct objective *objective)
{
    if (!objective->metric || objective->is_met || !(objective->measured > 0) || !(objective->wanted > 0))
        return;
    if (objective->more_is_better && objective->measured < objective->wanted)
        str_printf(str, "%s short", unit_ratio(1 - objective->measured / objective->wanted).text);
    else if (!objective->more_is_better && objective->measured > objective->wanted)
        str_printf(str, "%s over", unit_ratio(objective->measured / objective->wanted - 1).text);
}

static bool is_metric(const struct objective *objective, const char *metric)
{
    return strcmp(objective->metric, metric) == 0;
}

static void append_measured(struct str *str, const struct digest *digest, size_t columns)
{
    const struct objective *objective = &digest->investigation->objective;

    word_subject(str, digest, columns);
    if (is_metric(objective, "wall"))
        str_append(str, " takes ");
    else if (is_metric(objective, "throughput"))
        str_append(str, digest->verdict->service ? ": " : " does ");
    else
        str_printf(str, ": %s ", objective->metric);
    word_amount(str, objective->measured, objective->unit);
}

/* What there is to say when nobody said what is wanted. */
static void append_unaimed(struct str *str, const struct digest *digest, size_t columns)
{
    word_subject(str, digest, columns);
    if (digest->verdict->service) {
        str_append(str, ": ");
        phrase_service(str, digest->verdict);
        str_append(str, ".");
    } else {
        str_printf(str, " took %s", unit_duration(digest->verdict->run.wall_ns).text);
        phrase_bill(str, digest->verdict->agents);
        str_append(str, ".");
    }
}

void word_problem(struct str *str, const struct digest *digest, size_t columns)
{
    const struct objective *objective = &digest->investigation->objective;

    if (!objective->metric) {
        append_unaimed(str, digest, columns);
        return;
    }
    if (!(objective->measured > 0)) {
        append_unaimed(str, digest, columns);
        str_printf(str, " Whether it meets the objective, %s, could not be measured.",
                   objective->text ? objective->text : objective->metric);
        return;
    }
    if (objective->is_met)
        str_append(str, "You are there: ");
    append_measured(str, digest, columns);
    if (!(objective->wanted > 0)) {
        str_printf(str, "; the objective is as %s as can be had.",
                   objective->more_is_better ? "much" : "little");
        return;
    }
    str_append(str, objective->is_met ? ", the objective is " : "; the objective is ");
    str_append(str, objective->more_is_better ? "at least " : "at most ");
    word_amount(str, objective->wanted, objective->unit);
    struct str gap = {0};
    word_gap(&gap, objective);
    if (gap.length)
        str_printf(str, ": %s", str_text(&gap));
    str_append(str, ".");
    str_free(&gap);
}

/* What was tried names the knob as its place: that has no share of the time. */
static bool is_knob(const struct conclusion *conclusion)
{
    const char *change = conclusion->claim.finding.change;

    return conclusion->claim.evidence_class == EVIDENCE_EXPERIMENT && change &&
           str_starts(change, "set:knob/");
}

void word_title(struct str *str, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;

    if (is_knob(conclusion) && finding->title)
        phrase_sentence(str, finding->title);
    else
        phrase_title(str, finding);
}

void word_discovery(struct str *str, const struct digest *digest)
{
    if (digest->ordered.count) {
        if (digest->ordered.items[0]->agreement == AGREEMENT_CONTRADICTED)
            str_append(str, "Disputed: ");
        word_title(str, digest->ordered.items[0]);
        return;
    }
    if (!digest->finished_count && digest->investigation->statement_count) {
        str_append(str, "No investigator finished: nothing was found, and nothing was cleared.");
        return;
    }
    size_t from = str->length;
    phrase_no_finding(str, digest->verdict);
    word_capital(str, from);
    str_append(str, ".");
}

/* Whether the text names the place by any of its names. */
static bool names_place(const char *text, const struct where *where)
{
    const char *names[] = {where->function, where->peer, where->path, where->stage, where->process};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i] && names[i][0] && strstr(text, names[i]))
            return true;
    return false;
}

void word_action(struct str *str, const struct conclusion *conclusion)
{
    const struct finding *finding = &conclusion->claim.finding;
    struct str text = {0}, place = {0};

    phrase_fix(&text, finding);
    if (!text.length)
        phrase_bare(&text, finding->title ? finding->title : finding->cause);
    bool is_disputed = conclusion->agreement == AGREEMENT_CONTRADICTED;
    if (is_disputed)
        str_append(str, "Settle: ");
    else
        word_capital(&text, 0);
    phrase_where(&place, &finding->where);
    bool has_place = finding->where.stage || finding->where.process || finding->where.peer;
    str_append(str, str_text(&text));
    if (has_place && !is_knob(conclusion) && !names_place(str_text(&text), &finding->where))
        str_printf(str, " (%s)", str_text(&place));
    str_free(&text);
    str_free(&place);
}

void word_move(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct objective *objective = &digest->investigation->objective;
    const struct gain *gain = &conclusion->claim.finding.gain;
    double low = fmin(conclusion->objective_after_low, conclusion->objective_after_high);
    double high = fmax(conclusion->objective_after_low, conclusion->objective_after_high);
    const char *unit = objective->unit;

    if (!(conclusion->objective_before > 0) || !(conclusion->objective_after > 0) || !(gain->factor > 0)) {
        struct finding finding = digest_finding(digest, conclusion);
        phrase_gain(str, digest->verdict, &finding);
        return;
    }
    append_bare(str, conclusion->objective_before, unit);
    str_append(str, " -> ");
    word_amount(str, conclusion->objective_after, unit);
    if (low > 0 && low < high) {
        str_append(str, " (");
        append_bare(str, low, unit);
        str_append(str, " to ");
        append_bare(str, high, unit);
        str_append(str, ")");
    }
    str_printf(str, ", about %s", unit_factor(gain->factor).text);
    phrase_behind(str, &conclusion->claim.finding);
    phrase_money(str, &conclusion->claim.finding, false);
}

void word_reach(struct str *str, const struct digest *digest, const struct conclusion *conclusion)
{
    const struct objective *objective = &digest->investigation->objective;
    bool is_disputed = conclusion->agreement == AGREEMENT_CONTRADICTED;

    switch (digest_reach(digest, conclusion)) {
    case REACH_YES:
        str_append(str, is_disputed ? "if true, that meets the objective" : "that meets the objective");
        break;
    case REACH_LIKELY: str_append(str, "that may just meet the objective"); break;
    case REACH_NO:
        str_append(str, is_disputed ? "even if true, alone not enough for " : "alone not enough for ");
        word_amount(str, objective->wanted, objective->unit);
        break;
    case REACH_UNKNOWN: break;
    }
}

void word_with(struct str *str, const struct conclusion *conclusion)
{
    str_printf(str, "with the %s%s", priority_name(conclusion->claim.finding.priority),
               conclusion->agreement == AGREEMENT_CONTRADICTED ? "?" : "");
}

void word_scale(struct str *str, const struct digest *digest, double ratio, double amount)
{
    const struct objective *objective = &digest->investigation->objective;
    bool is_known = objective->metric && amount > 0;

    if (is_known && is_metric(objective, "wall")) {
        word_amount(str, amount, objective->unit);
        return;
    }
    str_append(str, unit_duration(num_u64((double)digest->picture.whole_ns * ratio)).text);
    if (is_known && is_metric(objective, "throughput")) {
        str_append(str, ", ");
        word_amount(str, amount, objective->unit);
    }
}

struct names {
    const char *items[NAMES_MAX];
    size_t count, more_count;
};

static void add_name(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (!name || strcmp(names->items[i], name) == 0)
            return;
    if (!name)
        return;
    if (names->count < NAMES_MAX)
        names->items[names->count++] = name;
    else
        names->more_count++;
}

static void append_names(struct str *str, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        bool is_last = i + 1 == names->count && !names->more_count;
        str_printf(str, "%s%s", i == 0 ? "" : is_last ? " and " : ", ", names->items[i]);
    }
    if (names->more_count)
        str_printf(str, " and %zu more", names->more_count);
}

static void collect_voices(const struct conclusion *conclusion, enum stance stance, struct names *ret_names)
{
    if (stance == STANCE_SUPPORT) {
        add_name(ret_names, conclusion->claim.investigator);
        for (size_t i = 0; i < conclusion->merged_count; i++)
            add_name(ret_names, conclusion->merged[i]->investigator);
    }
    for (size_t i = 0; i < conclusion->vote_count; i++)
        if (conclusion->votes[i]->stance == stance)
            add_name(ret_names, conclusion->votes[i]->investigator);
}

void word_agreement(struct str *str, const struct conclusion *conclusion)
{
    struct names yes = {0}, no = {0};

    collect_voices(conclusion, STANCE_SUPPORT, &yes);
    collect_voices(conclusion, STANCE_CONTRADICT, &no);
    switch (conclusion->agreement) {
    case AGREEMENT_CONSENSUS:
        str_append(str, conclusion->settled_by ? "settled by an experiment: " : "consensus of ");
        append_names(str, &yes);
        break;
    case AGREEMENT_FURTHER:
        append_names(str, &yes);
        str_printf(str, " agree, yet from %zu independent sources, and three are a consensus: confirm it",
                   conclusion->support_count);
        break;
    case AGREEMENT_SINGLE:
        append_names(str, &yes);
        str_append(str, yes.count > 1 ? " say so, all from the same rows" : " alone says so");
        break;
    case AGREEMENT_CONTRADICTED:
        append_names(str, &yes);
        str_append(str, yes.count > 1 ? " say so, contradicted by " : " says so, contradicted by ");
        append_names(str, &no);
        break;
    case AGREEMENT_REJECTED:
        append_names(str, &yes);
        str_append(str, " said so; an experiment says no");
        break;
    case AGREEMENT_COUNT: break;
    }
    if (conclusion->missing_count)
        str_printf(str, " (%zu did not finish)", conclusion->missing_count);
}

void word_alternative(struct str *str, const struct digest *digest, const struct conclusion *other)
{
    const struct finding *finding = &other->claim.finding;
    struct str move = {0};

    str_printf(str, "%s, ", priority_name(finding->priority));
    word_action(str, other);
    word_move(&move, digest, other);
    if (move.length)
        str_printf(str, ": %s", str_text(&move));
    str_free(&move);
}

bool word_vote_is_told(const struct conclusion *conclusion, size_t index)
{
    const struct vote *vote = conclusion->votes[index];

    for (size_t i = 0; i < index; i++) {
        const struct vote *other = conclusion->votes[i];
        if (vote->investigator && other->investigator && vote->why && other->why &&
            vote->stance == other->stance && strcmp(vote->investigator, other->investigator) == 0 &&
            strcmp(vote->why, other->why) == 0)
            return true;
    }
    return false;
}

void word_side_for(struct str *str, const struct contradiction *contradiction)
{
    const struct claim *claim = contradiction->claim;
    const struct gain *gain = &claim->finding.gain;
    const struct finding *finding = &claim->finding;

    str_printf(str, "%s claims: ", claim->investigator ? claim->investigator : "someone");
    phrase_bare(str, finding->title ? finding->title : finding->cause);
    if (finding->fix) {
        size_t from = str->length + strlen(". ");
        str_append(str, ". ");
        phrase_bare(str, finding->fix);
        word_capital(str, from);
    }
    if (gain->factor > 0)
        str_printf(str, ", about %s", unit_factor(gain->factor).text);
    str_append(str, ".");
}

void word_side_against(struct str *str, const struct contradiction *contradiction)
{
    const struct vote *vote = contradiction->vote;

    if (!vote) {
        str_append(str, "Who contradicts is not known.");
        return;
    }
    str_printf(str, "%s contradicts", vote->investigator ? vote->investigator : "someone");
    if (vote->factor_max > 0)
        str_printf(str, ": at most %s can come of that place", unit_factor(vote->factor_max).text);
    if (vote->why) {
        str_append(str, vote->factor_max > 0 ? "; " : ": ");
        phrase_bare(str, vote->why);
    }
    str_append(str, ".");
}

void word_settled(struct str *str, const struct contradiction *contradiction)
{
    if (contradiction->experiment) {
        str_append(str, "Experiment: ");
        phrase_sentence(str, contradiction->experiment);
        str_append(str, " ");
    }
    const char *outcome = contradiction->outcome ? contradiction->outcome : "no experiment was made";
    size_t from = str->length;
    if (contradiction->is_settled)
        str_append(str, "Outcome: ");
    else if (!str_starts(outcome, "not settled"))
        str_append(str, "Not settled: ");
    phrase_sentence(str, outcome);
    word_capital(str, from);
}

void word_result(struct str *str, const struct statement *statement)
{
    if (statement->outcome != STATEMENT_FINISHED) {
        str_printf(str, "did not finish: %s",
                   statement->why_not ? statement->why_not : "the reason is not known");
        return;
    }
    if (statement->claim_count)
        str_printf(str, "%zu found", statement->claim_count);
    if (statement->cleared_count)
        str_printf(str, "%s%zu cleared", statement->claim_count ? ", " : "", statement->cleared_count);
    if (!statement->claim_count && !statement->cleared_count)
        str_append(str, "nothing found");
    if (statement->why_no_votes)
        str_printf(str, "; did not vote: %s", statement->why_no_votes);
}

const char *word_effort(enum effort effort)
{
    static const char *const words[] = {"low, under a day", "medium, a few days", "high, over a week"};

    return words[effort];
}

const char *word_phase(enum priority priority)
{
    static const char *const words[] = {"Now", "Next", "Then", "Later"};

    return words[priority];
}

const char *word_next(const struct conclusion *conclusion)
{
    const char *next = conclusion->next_command, *verify = conclusion->claim.verify;

    return next && verify && strcmp(next, verify) == 0 ? NULL : next;
}

const char *word_command(const struct conclusion *conclusion)
{
    bool is_open =
        conclusion->agreement == AGREEMENT_FURTHER || conclusion->agreement == AGREEMENT_CONTRADICTED;

    if (is_open && conclusion->next_command)
        return conclusion->next_command;
    return conclusion->claim.verify ? conclusion->claim.verify : conclusion->next_command;
}

void word_by(struct str *str, const struct digest_cleared *cleared, bool without_reason)
{
    struct names names = {0};

    for (size_t i = 0; i < cleared->reasons.count; i++)
        if (!without_reason || !cleared->reasons.items[i].why)
            add_name(&names, cleared->reasons.items[i].by);
    append_names(str, &names);
    if (!names.count)
        str_append(str, "the recording");
}

void word_bound(struct str *str, const struct digest_cleared *cleared)
{
    if (!cleared->is_of_one_thing)
        str_printf(str, "at most %s faster", unit_factor(cleared->cleared.factor_max).text);
    else
        str_append(str, "what was looked at is fine");
}

void word_unfinished(struct str *str, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;
    size_t count = investigation->statement_count - digest->finished_count;
    struct names names = {0};

    if (!count)
        return;
    for (size_t i = 0; i < investigation->statement_count; i++)
        if (investigation->statements[i].outcome != STATEMENT_FINISHED)
            add_name(&names, investigation->statements[i].investigator);
    append_names(str, &names);
    str_append(str, " did not finish: there may be more.");
}

const char *word_nothing(const struct digest *digest)
{
    if (!digest->finished_count && digest->investigation->statement_count)
        return "Ask again, with a longer --deadline or more --memory: nobody finished.";
    return "Nothing: no single change would bring much.";
}

void word_calibration(struct str *str, const struct master_calibration *calibration)
{
    if (!calibration) {
        str_append(str, "Not known: there is no history to read.");
        return;
    }
    if (!calibration->count) {
        str_append(str,
                   "None yet: `toll verify` after a change keeps the prediction beside what came of it.");
        return;
    }
    str_printf(str, "%llu %s verified. ", (unsigned long long)calibration->count,
               calibration->count == 1 ? "prediction was" : "predictions were");
    str_printf(str, "After the change it took %s %s than said (median",
               unit_ratio(fabs(calibration->bias_ratio)).text, calibration->bias_ratio < 0 ? "less" : "more");
    if (isfinite(calibration->bias_low) && isfinite(calibration->bias_high))
        str_printf(str, ", %+.1f to %+.1f %%", 100 * calibration->bias_low, 100 * calibration->bias_high);
    str_append(str, ")");
    str_printf(str, "; the usual error is %s", unit_ratio(calibration->error_ratio).text);
    if (calibration->interval_count)
        str_printf(str, "; %llu of %llu intervals held what was measured",
                   (unsigned long long)calibration->inside_count,
                   (unsigned long long)calibration->interval_count);
    str_append(str, ".");
}

void word_effort_spent(struct str *str, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;

    if (!investigation->statement_count)
        str_append(str, "nobody was asked");
    else if (digest->finished_count < investigation->statement_count)
        str_printf(str, "%zu of %zu investigators finished", digest->finished_count,
                   investigation->statement_count);
    else
        str_printf(str, "%zu investigator%s", investigation->statement_count,
                   investigation->statement_count == 1 ? "" : "s");
    if (investigation->wall_ns)
        str_printf(str, ", %s", unit_duration(investigation->wall_ns).text);
    if (investigation->run_count)
        str_printf(str, ", %llu run%s of the pipeline", (unsigned long long)investigation->run_count,
                   investigation->run_count == 1 ? "" : "s");
}
