/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/claim_json.h"

#include <stdio.h>
#include <string.h>

#include "report/escape.h"
#include "report/json_report.h"

/* --- writing --- */

static void text_if(struct json_writer *json, const char *key, const char *text)
{
    if (text)
        json_text(json, key, text);
}

void json_claim(struct json_writer *json, const char *key, const struct claim *claim)
{
    json_open(json, key, '{');
    text_if(json, "investigator", claim->investigator);
    json_text(json, "id", claim->id);
    json_text(json, "evidence_class", evidence_class_name(claim->evidence_class));
    json_report_finding(json, &claim->finding, NULL);
    json_report_texts(json, "rows", claim->rows, claim->row_count);
    json_text(json, "verify", claim->verify);
    json_text(json, "revert", claim->revert);
    json_close(json, '}');
}

void json_vote(struct json_writer *json, const char *key, const struct vote *vote)
{
    json_open(json, key, '{');
    text_if(json, "investigator", vote->investigator);
    json_text(json, "claim", vote->claim);
    json_text(json, "stance", stance_name(vote->stance));
    json_text(json, "why", vote->why);
    json_report_texts(json, "rows", vote->rows, vote->row_count);
    if (vote->factor_max > 0)
        json_number(json, "factor_max", vote->factor_max);
    json_close(json, '}');
}

void json_cleared_by(struct json_writer *json, const char *key, const struct cleared_by *cleared)
{
    json_open(json, key, '{');
    text_if(json, "investigator", cleared->investigator);
    json_report_where(json, "where", &cleared->cleared.where);
    json_number(json, "critical_ratio", cleared->cleared.critical_ratio);
    json_number(json, "factor_max", cleared->cleared.factor_max);
    json_text(json, "why", cleared->why);
    json_close(json, '}');
}

/* --- reading --- */

/* What is read, for messages, and the first failure. */
struct reading {
    const struct json_value *object;
    struct arena *arena;
    char what[80]; /* "claim '1'" */
    int status;
    struct err *err;
};

static void refuse(struct reading *reading, const char *member, const char *expected)
{
    if (!reading->status)
        reading->status =
            err_set(reading->err, ERR_INPUT, "%s: %s should be %s", reading->what, member, expected);
}

/* A text of the arena, cut at a character where it is too long. */
static const char *keep_text(struct reading *reading, const char *text)
{
    size_t length = strlen(text);
    if (length > CLAIM_TEXT_BYTES_MAX) {
        length = CLAIM_TEXT_BYTES_MAX;
        while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    }
    const char *copy = arena_copy(reading->arena, text, length);
    if (!copy && !reading->status)
        reading->status = err_memory(reading->err);
    return copy;
}

static const char *text_of(struct reading *reading, const char *path)
{
    const struct json_value *value = json_find(reading->object, path);
    const char *text;
    if (json_kind(value) == JSON_KIND_NULL)
        return NULL;
    if (json_find_text(value, NULL, &text))
        return keep_text(reading, text);
    refuse(reading, path, "a text");
    return NULL;
}

static const char *needed_text(struct reading *reading, const char *path)
{
    const char *text = text_of(reading, path);
    if (!text || !*text)
        refuse(reading, path, "a text that is not empty");
    return text;
}

/* 0 when it is not there. */
static double number_of(struct reading *reading, const char *path, double least, const char *expected)
{
    const struct json_value *value = json_find(reading->object, path);
    double number;
    if (json_kind(value) == JSON_KIND_NULL)
        return 0;
    if (json_find_number(value, NULL, &number) && number >= least && number <= 1e12)
        return number;
    refuse(reading, path, expected);
    return 0;
}

static double ratio_of(struct reading *reading, const char *path)
{
    double ratio = number_of(reading, path, 0, "a number from 0 to 1");
    if (ratio > 1)
        refuse(reading, path, "a number from 0 to 1");
    return ratio;
}

/* 0 stands for one that is not said, as when it is not there. */
static double factor_of(struct reading *reading, const char *path)
{
    return number_of(reading, path, 0, "a number above 0");
}

static uint64_t count_of(struct reading *reading, const char *path)
{
    const struct json_value *value = json_find(reading->object, path);
    uint64_t count = 0;
    if (json_kind(value) != JSON_KIND_NULL && !json_find_count(value, NULL, &count))
        refuse(reading, path, "a whole number");
    return count;
}

static const char *const *texts_of(struct reading *reading, const char *path, size_t *ret_count)
{
    const struct json_value *list = json_find(reading->object, path);
    size_t count = json_count(list);
    *ret_count = 0;
    if (json_kind(list) == JSON_KIND_NULL)
        return NULL;
    if (json_kind(list) != JSON_KIND_ARRAY || count > CLAIM_LIST_MAX) {
        refuse(reading, path, "a list of at most 1000 texts");
        return NULL;
    }
    const char **texts = arena_alloc(reading->arena, (count + 1) * sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        const char *text;
        if (!json_find_text(json_item(list, i), NULL, &text)) {
            refuse(reading, path, "a list of at most 1000 texts");
            return NULL;
        }
        texts[i] = keep_text(reading, text);
        if (!texts[i])
            return NULL;
    }
    if (!texts && !reading->status)
        reading->status = err_memory(reading->err);
    *ret_count = texts ? count : 0;
    return texts;
}

static void read_where(struct reading *reading, const char *path, struct where *where)
{
    struct reading place = *reading;
    const struct json_value *value = json_find(reading->object, path);
    if (json_kind(value) == JSON_KIND_NULL)
        return;
    if (json_kind(value) != JSON_KIND_OBJECT) {
        refuse(reading, path, "an object");
        return;
    }
    place.object = value;
    *where = (struct where){.stage = text_of(&place, "stage"),
                            .process = text_of(&place, "process"),
                            .function = text_of(&place, "function"),
                            .file = text_of(&place, "file"),
                            .line = (uint32_t)count_of(&place, "line"),
                            .peer = text_of(&place, "peer"),
                            .path = text_of(&place, "path")};
    reading->status = place.status;
}

static void read_gain(struct reading *reading, struct gain *gain)
{
    gain->factor = factor_of(reading, "gain.factor");
    gain->factor_low = factor_of(reading, "gain.factor_low");
    gain->factor_high = factor_of(reading, "gain.factor_high");
    gain->factor_max = factor_of(reading, "gain.factor_max");
    gain->wall_ns_after = count_of(reading, "gain.wall_ns_after");
    gain->throughput_per_s_after = number_of(reading, "gain.throughput_per_s_after", 0, "a number from 0 on");
    gain->latency_ns_after = count_of(reading, "gain.latency_ns_after");
    if (!(gain->factor > 0)) {
        gain->factor_low = gain->factor_high = 0;
        return;
    }
    if (!(gain->factor_low > 0))
        gain->factor_low = gain->factor;
    if (!(gain->factor_high > 0))
        gain->factor_high = gain->factor;
    if (gain->factor_low > gain->factor || gain->factor_high < gain->factor)
        refuse(reading, "gain.factor", "between gain.factor_low and gain.factor_high");
}

static enum effort effort_of(struct reading *reading)
{
    const char *name = text_of(reading, "effort");
    for (int i = EFFORT_LOW; name && i <= EFFORT_HIGH; i++)
        if (strcmp(name, effort_name((enum effort)i)) == 0)
            return (enum effort)i;
    if (name)
        refuse(reading, "effort", "low, medium or high");
    return EFFORT_MEDIUM;
}

/* "claim '1'", with only what cannot steer a terminal. */
static void name_reading(struct reading *reading, const char *kind, const char *name)
{
    struct str plain = {0};
    if (name)
        escape_plain_cut(&plain, name, 40, true);
    snprintf(reading->what, sizeof reading->what, name ? "%s '%s'" : "a %s", kind, str_text(&plain));
    str_free(&plain);
}

static int check_object(const struct json_value *object, const char *kind, struct err *err)
{
    if (json_kind(object) == JSON_KIND_OBJECT)
        return 0;
    return err_set(err, ERR_INPUT, "a %s should be an object, not %s", kind, json_kind_name(object));
}

static void read_finding(struct reading *reading, struct finding *finding)
{
    finding->cause = needed_text(reading, "cause");
    finding->title = needed_text(reading, "title");
    read_where(reading, "where", &finding->where);
    read_where(reading, "where_waiting", &finding->where_waiting);
    finding->waiter_count = count_of(reading, "waiter_count");
    finding->acquisition_count = count_of(reading, "acquisition_count");
    finding->objective = text_of(reading, "objective");
    if (!finding->objective)
        finding->objective = "wall";
    finding->critical_ratio = ratio_of(reading, "critical_ratio");
    finding->change = text_of(reading, "change");
    finding->assumption = text_of(reading, "assumption");
    read_gain(reading, &finding->gain);
    finding->behind = text_of(reading, "gain_behind.change");
    finding->factor_behind = factor_of(reading, "gain_behind.factor");
    finding->fix = text_of(reading, "fix");
    finding->rationale = text_of(reading, "rationale");
    finding->effort = effort_of(reading);
    finding->evidence = texts_of(reading, "evidence", &finding->evidence_count);
    finding->sources = texts_of(reading, "sources", &finding->source_count);
    finding->priority = priority_of(finding->gain.factor_low);
}

int claim_read(const struct json_value *object, struct arena *arena, struct claim *ret_claim, struct err *err)
{
    struct reading reading = {.object = object, .arena = arena, .err = err};
    struct claim claim = {.evidence_class = EVIDENCE_INFERRED};
    if (check_object(object, "claim", err))
        return -(int)ERR_INPUT;
    name_reading(&reading, "claim", NULL);
    claim.id = needed_text(&reading, "id");
    if (claim.id && strlen(claim.id) > CLAIM_ID_BYTES_MAX)
        refuse(&reading, "id", "a text of at most 80 bytes");
    if (claim.id)
        name_reading(&reading, "claim", claim.id);
    claim.investigator = text_of(&reading, "investigator");
    const char *name = text_of(&reading, "evidence_class");
    if (name && !evidence_class_find(name, &claim.evidence_class))
        refuse(&reading, "evidence_class", "measured, experiment, rule or inferred");
    read_finding(&reading, &claim.finding);
    claim.rows = texts_of(&reading, "rows", &claim.row_count);
    claim.verify = text_of(&reading, "verify");
    claim.revert = text_of(&reading, "revert");
    if (!reading.status)
        *ret_claim = claim;
    return reading.status;
}

int vote_read(const struct json_value *object, struct arena *arena, struct vote *ret_vote, struct err *err)
{
    struct reading reading = {.object = object, .arena = arena, .err = err};
    struct vote vote = {0};
    if (check_object(object, "vote", err))
        return -(int)ERR_INPUT;
    name_reading(&reading, "vote", NULL);
    vote.claim = needed_text(&reading, "claim");
    if (vote.claim)
        name_reading(&reading, "vote on", vote.claim);
    vote.investigator = text_of(&reading, "investigator");
    const char *name = needed_text(&reading, "stance");
    if (name && !stance_find(name, &vote.stance))
        refuse(&reading, "stance", "support, neutral or contradict");
    vote.why = text_of(&reading, "why");
    vote.rows = texts_of(&reading, "rows", &vote.row_count);
    vote.factor_max = factor_of(&reading, "factor_max");
    if (!reading.status)
        *ret_vote = vote;
    return reading.status;
}

int cleared_read(const struct json_value *object, struct arena *arena, struct cleared_by *ret_cleared,
                 struct err *err)
{
    struct reading reading = {.object = object, .arena = arena, .err = err};
    struct cleared_by cleared = {0};
    if (check_object(object, "cleared", err))
        return -(int)ERR_INPUT;
    snprintf(reading.what, sizeof reading.what, "cleared");
    cleared.investigator = text_of(&reading, "investigator");
    read_where(&reading, "where", &cleared.cleared.where);
    cleared.cleared.critical_ratio = ratio_of(&reading, "critical_ratio");
    cleared.cleared.factor_max = factor_of(&reading, "factor_max");
    cleared.why = text_of(&reading, "why");
    if (!reading.status)
        *ret_cleared = cleared;
    return reading.status;
}
