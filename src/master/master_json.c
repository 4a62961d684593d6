/* SPDX-License-Identifier: Apache-2.0 */
/* master_json: toll.report/1 with the investigation's own fields, specified in docs/investigate.md. */
#include "master/master_words.h"
#include "report/json_report.h"

static void write_vote(struct json_writer *json, const struct vote *vote)
{
    json_open(json, NULL, '{');
    json_text(json, "investigator", vote->investigator);
    json_text(json, "claim", vote->claim);
    json_text(json, "stance", stance_name(vote->stance));
    json_text(json, "why", vote->why);
    json_report_texts(json, "rows", vote->rows, vote->row_count);
    if (vote->factor_max > 0)
        json_number(json, "factor_max", vote->factor_max);
    else
        json_nothing(json, "factor_max");
    json_close(json, '}');
}

static void write_claim_name(struct json_writer *json, const char *key, const struct claim *claim)
{
    struct str name = {0};

    claim_name(claim, &name);
    json_text(json, key, str_text(&name));
    str_free(&name);
}

/* null stands for what was not promised. */
static void write_amount(struct json_writer *json, const char *key, double amount)
{
    if (amount > 0)
        json_number(json, key, amount);
    else
        json_nothing(json, key);
}

static void write_conclusion(struct json_writer *json, const struct investigation *investigation,
                             const struct conclusion *conclusion)
{
    const struct claim *claim = &conclusion->claim;

    json_open(json, NULL, '{');
    json_report_finding(json, &claim->finding, agreement_name(conclusion->agreement));
    write_claim_name(json, "claim", claim);
    json_open(json, "merged", '[');
    for (size_t i = 0; i < conclusion->merged_count; i++)
        write_claim_name(json, NULL, conclusion->merged[i]);
    json_close(json, ']');
    json_text(json, "evidence_class", evidence_class_name(claim->evidence_class));
    json_report_texts(json, "rows", claim->rows, claim->row_count);
    json_open(json, "votes", '[');
    for (size_t i = 0; i < conclusion->vote_count; i++)
        write_vote(json, conclusion->votes[i]);
    json_close(json, ']');
    json_u64(json, "support_count", conclusion->support_count);
    json_u64(json, "neutral_count", conclusion->neutral_count);
    json_u64(json, "contradict_count", conclusion->contradict_count);
    json_u64(json, "missing_count", conclusion->missing_count);
    json_text(json, "settled_by", conclusion->settled_by);
    write_amount(json, "objective_before", conclusion->objective_before);
    write_amount(json, "objective_after", conclusion->objective_after);
    write_amount(json, "objective_after_low", conclusion->objective_after_low);
    write_amount(json, "objective_after_high", conclusion->objective_after_high);
    json_text(json, "objective_unit", investigation->objective.unit);
    json_text(json, "verify", claim->verify);
    json_text(json, "revert", claim->revert);
    json_text(json, "next_command", conclusion->next_command);
    json_close(json, '}');
}

static void write_objective(struct json_writer *json, const struct objective *objective)
{
    if (!objective->metric) {
        json_nothing(json, "objective");
        return;
    }
    json_open(json, "objective", '{');
    json_text(json, "text", objective->text);
    json_text(json, "metric", objective->metric);
    json_text(json, "relation", objective->more_is_better ? "at least" : "at most");
    json_number(json, "wanted", objective->wanted);
    json_text(json, "unit", objective->unit);
    write_amount(json, "measured", objective->measured);
    if (objective->measured > 0)
        json_number(json, "gap_ratio", objective->gap_ratio);
    else
        json_nothing(json, "gap_ratio");
    json_bool(json, "is_met", objective->is_met);
    json_close(json, '}');
}

static void write_findings(struct json_writer *json, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;

    json_open(json, "findings", '[');
    for (size_t i = 0; i < json_report_shown(investigation->conclusion_count); i++)
        write_conclusion(json, investigation, &investigation->conclusions[i]);
    json_close(json, ']');
}

static void write_cleared(struct json_writer *json, const struct digest *digest)
{
    json_open(json, "cleared", '[');
    for (size_t i = 0; i < json_report_shown(digest->cleared.count); i++) {
        const struct digest_cleared *row = &digest->cleared.items[i];
        json_open(json, NULL, '{');
        json_report_cleared(json, &row->cleared);
        json_open(json, "by", '[');
        for (size_t j = 0; j < row->reasons.count; j++)
            json_text(json, NULL, row->reasons.items[j].by);
        json_close(json, ']');
        json_open(json, "reasons", '[');
        for (size_t j = 0; j < row->reasons.count; j++)
            if (row->reasons.items[j].why) {
                json_open(json, NULL, '{');
                json_text(json, "by", row->reasons.items[j].by);
                json_text(json, "why", row->reasons.items[j].why);
                json_close(json, '}');
            }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_statement(struct json_writer *json, const struct statement *statement)
{
    bool is_finished = statement->outcome == STATEMENT_FINISHED;

    json_open(json, NULL, '{');
    json_text(json, "name", statement->investigator);
    json_text(json, "outcome", is_finished ? "finished" : "did not finish");
    json_text(json, "why_not", is_finished ? NULL : statement->why_not);
    json_bool(json, "has_voted", statement->has_voted);
    json_text(json, "why_no_votes", statement->why_no_votes);
    json_u64(json, "claim_count", statement->claim_count);
    json_u64(json, "cleared_count", statement->cleared_count);
    json_u64(json, "vote_count", statement->vote_count);
    json_u64(json, "wall_ns", statement->wall_ns);
    json_u64(json, "rss_bytes_max", statement->rss_bytes_max);
    json_report_texts(json, "notes", statement->notes, statement->note_count);
    json_close(json, '}');
}

/* A claim as it was made, before those that say the same became one finding. */
static void write_claim(struct json_writer *json, const struct claim *claim, bool is_counted)
{
    json_open(json, NULL, '{');
    write_claim_name(json, "claim", claim);
    json_text(json, "investigator", claim->investigator);
    json_bool(json, "is_counted", is_counted);
    json_text(json, "cause", claim->finding.cause);
    json_text(json, "title", claim->finding.title);
    json_report_where(json, "where", &claim->finding.where);
    json_text(json, "change", claim->finding.change);
    json_report_gain(json, &claim->finding.gain);
    json_text(json, "evidence_class", evidence_class_name(claim->evidence_class));
    json_report_texts(json, "evidence", claim->finding.evidence, claim->finding.evidence_count);
    json_report_texts(json, "rows", claim->rows, claim->row_count);
    json_close(json, '}');
}

static void write_statements(struct json_writer *json, const struct investigation *investigation)
{
    size_t shown = 0;

    json_open(json, "investigators", '[');
    for (size_t i = 0; i < investigation->statement_count; i++)
        write_statement(json, &investigation->statements[i]);
    json_close(json, ']');
    json_open(json, "claims", '[');
    for (size_t i = 0; i < investigation->statement_count; i++) {
        const struct statement *statement = &investigation->statements[i];
        for (size_t j = 0; j < statement->claim_count && shown < json_report_shown(SIZE_MAX); j++, shown++)
            write_claim(json, &statement->claims[j], statement->outcome == STATEMENT_FINISHED);
    }
    json_close(json, ']');
    shown = 0;
    json_open(json, "votes", '[');
    for (size_t i = 0; i < investigation->statement_count; i++)
        for (size_t j = 0; j < investigation->statements[i].vote_count && shown < json_report_shown(SIZE_MAX);
             j++, shown++)
            write_vote(json, &investigation->statements[i].votes[j]);
    json_close(json, ']');
}

/* Of the conclusion that holds the claim; NULL. */
static const struct conclusion *conclusion_of(const struct investigation *investigation,
                                              const struct claim *claim)
{
    struct str name = {0};
    const struct conclusion *found = NULL;

    claim_name(claim, &name);
    for (size_t i = 0; i < investigation->conclusion_count && !found; i++) {
        const struct conclusion *conclusion = &investigation->conclusions[i];
        bool holds = claim_is_named(&conclusion->claim, str_text(&name));
        for (size_t j = 0; j < conclusion->merged_count && !holds; j++)
            holds = claim_is_named(conclusion->merged[j], str_text(&name));
        found = holds ? conclusion : NULL;
    }
    str_free(&name);
    return found;
}

static void write_contradictions(struct json_writer *json, const struct investigation *investigation)
{
    json_open(json, "contradictions", '[');
    for (size_t i = 0; i < json_report_shown(investigation->contradiction_count); i++) {
        const struct contradiction *contradiction = &investigation->contradictions[i];
        const struct conclusion *conclusion = conclusion_of(investigation, contradiction->claim);
        json_open(json, NULL, '{');
        write_claim_name(json, "claim", contradiction->claim);
        json_text(json, "title", contradiction->claim->finding.title);
        json_text(json, "change", contradiction->claim->finding.change);
        json_text(json, "contradicted_by", contradiction->vote ? contradiction->vote->investigator : NULL);
        json_text(json, "why", contradiction->vote ? contradiction->vote->why : NULL);
        json_text(json, "experiment", contradiction->experiment);
        json_text(json, "outcome", contradiction->outcome);
        json_bool(json, "is_settled", contradiction->is_settled);
        json_text(json, "agreement", conclusion ? agreement_name(conclusion->agreement) : NULL);
        json_text(json, "next_command", conclusion ? conclusion->next_command : NULL);
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* Phases of work; a finding is named by its index in "findings". */
static void write_roadmap(struct json_writer *json, const struct digest *digest)
{
    json_open(json, "roadmap", '[');
    for (int priority = PRIORITY_P0; priority <= PRIORITY_P3; priority++) {
        json_open(json, NULL, '{');
        json_text(json, "phase", word_phase((enum priority)priority));
        json_text(json, "priority", priority_name((enum priority)priority));
        json_open(json, "findings", '[');
        for (size_t i = 0; i < digest->to_do.count; i++) {
            const struct conclusion *conclusion = digest->to_do.items[i];
            size_t index = (size_t)(conclusion - digest->investigation->conclusions);
            if ((int)conclusion->claim.finding.priority == priority && index < json_report_shown(SIZE_MAX))
                json_u64(json, NULL, index);
        }
        json_close(json, ']');
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_calibration(struct json_writer *json, const struct master_calibration *calibration)
{
    if (!calibration) {
        json_nothing(json, "calibration");
        return;
    }
    json_open(json, "calibration", '{');
    json_u64(json, "count", calibration->count);
    if (calibration->count) {
        json_number(json, "bias_ratio", calibration->bias_ratio);
        json_number(json, "bias_low", calibration->bias_low);
        json_number(json, "bias_high", calibration->bias_high);
        json_number(json, "error_ratio", calibration->error_ratio);
        json_u64(json, "interval_count", calibration->interval_count);
        json_u64(json, "inside_count", calibration->inside_count);
    }
    json_close(json, '}');
}

static void write_similar(struct json_writer *json, const struct investigation *investigation)
{
    json_open(json, "similar", '[');
    for (size_t i = 0; i < investigation->similar_count; i++) {
        const struct similar_case *similar = &investigation->similar[i];
        json_open(json, NULL, '{');
        json_text(json, "when", similar->when);
        json_text(json, "symptom", similar->symptom);
        json_text(json, "finding", similar->finding);
        json_text(json, "change", similar->change);
        json_text(json, "outcome", similar->outcome);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_investigation(struct json_writer *json, const struct digest *digest)
{
    const struct investigation *investigation = digest->investigation;

    json_report_run(json, digest->verdict);
    write_objective(json, &investigation->objective);
    write_findings(json, digest);
    write_cleared(json, digest);
    json_report_end(json, digest->verdict,
                    (struct json_report_counts){investigation->conclusion_count, digest->cleared.count});
    json_open(json, "investigation", '{');
    json_text(json, "name", investigation->name);
    json_text(json, "recording", investigation->recording);
    json_text(json, "pipeline", investigation->pipeline);
    json_text(json, "started_at", investigation->started_at);
    json_u64(json, "wall_ns", investigation->wall_ns);
    json_u64(json, "run_count", investigation->run_count);
    json_close(json, '}');
    write_statements(json, investigation);
    write_contradictions(json, investigation);
    write_roadmap(json, digest);
    write_calibration(json, digest->options->calibration);
    write_similar(json, investigation);
}

int master_json(const struct investigation *investigation, const struct master_options *options,
                struct str *ret_text, struct err *err)
{
    size_t length = ret_text->length;
    struct json_writer json = {.str = ret_text};
    struct digest digest;
    int status = digest_make(investigation, options, &digest, err);

    if (status)
        return status;
    json_open(&json, NULL, '{');
    write_investigation(&json, &digest);
    json_close(&json, '}');
    json_end(&json);
    digest_free(&digest);
    return master_finish(ret_text, length, err);
}
