/* SPDX-License-Identifier: Apache-2.0 */
/* Static Analysis Results Interchange Format, version 2.1.0 (OASIS, 2020). */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gate/gate_export.h"
#include "gate/gate_phrases.h"
#include "report/json_writer.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static void rule_id(const struct gate_check *check, char *ret_id, size_t capacity)
{
    const char *series = gate_metric_about(check->metric)->series;
    snprintf(ret_id, capacity, "gate-%s", series);
    for (char *at = ret_id; *at; at++)
        *at = *at == '_' ? '-' : *at;
}

static void message(struct json_writer *json, const char *key, const char *text)
{
    json_open(json, key, '{');
    json_text(json, "text", text);
    json_close(json, '}');
}

/* One rule a metric; its index is the metric. */
static void rules(struct json_writer *json)
{
    json_open(json, "rules", '[');
    for (enum gate_metric metric = 0; metric < GATE_METRIC_COUNT; metric++) {
        struct gate_check check = {.metric = metric};
        char id[48], text[96];
        rule_id(&check, id, sizeof id);
        snprintf(text, sizeof text, "The budget of %s is kept.", gate_metric_about(metric)->key);
        json_open(json, NULL, '{');
        json_text(json, "id", id);
        json_text(json, "name", gate_metric_about(metric)->key);
        message(json, "shortDescription", text);
        json_open(json, "defaultConfiguration", '{');
        json_text(json, "level", "error");
        json_close(json, '}');
        json_close(json, '}');
    }
    json_close(json, ']');
}

/* Relative to the checkout, with the bytes that a URI cannot hold as %XX (RFC 3986). */
static void uri_fill(const char *path, char *ret_uri, size_t capacity)
{
    size_t length = 0;
    while (str_starts(path, "./"))
        path += 2;
    for (; *path && length + 4 < capacity; path++) {
        if (isalnum((unsigned char)*path) || strchr("-._~/", *path))
            ret_uri[length++] = *path;
        else
            length += (size_t)snprintf(ret_uri + length, capacity - length, "%%%02X", (unsigned char)*path);
    }
    ret_uri[length] = '\0';
}

static void location(struct json_writer *json, const struct gate_result *result,
                     const struct gate_check *check)
{
    char uri[4096];
    uri_fill(result->config->path, uri, sizeof uri);
    json_open(json, "locations", '[');
    json_open(json, NULL, '{');
    json_open(json, "physicalLocation", '{');
    json_open(json, "artifactLocation", '{');
    json_text(json, "uri", uri);
    json_close(json, '}');
    json_open(json, "region", '{');
    json_u64(json, "startLine", check->line ? check->line : 1);
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, ']');
}

static void figures(struct json_writer *json, const struct gate_check *check,
                    const struct gate_outcome *outcome)
{
    json_open(json, "properties", '{');
    json_text(json, "verdict", gate_verdict_name(outcome->verdict));
    json_number(json, "value", outcome->value);
    json_number(json, "bound", check->bound);
    json_number(json, "ratio", outcome->ratio);
    json_number(json, "ratioLow", outcome->ratio_low);
    json_number(json, "ratioHigh", outcome->ratio_high);
    json_close(json, '}');
}

static void finding(struct json_writer *json, const struct gate_result *result, size_t index)
{
    const struct gate_check *check = &result->config->checks.items[index];
    const struct gate_outcome *outcome = &result->checks[index].outcome;
    const char *gate = result->config->gates.items[check->gate].name;
    struct str sentence = {0}, identity = {0};
    char id[48];
    rule_id(check, id, sizeof id);
    str_printf(&sentence, "%s: ", gate);
    gate_sentence(&sentence, result, index);
    str_append(&sentence, ".");
    str_printf(&identity, "%s/%s/%s", gate, gate_metric_about(check->metric)->series,
               gate_limit_name(check->limit));
    json_open(json, NULL, '{');
    json_text(json, "ruleId", id);
    json_u64(json, "ruleIndex", (uint64_t)check->metric);
    json_text(json, "level", outcome->verdict == GATE_FAIL ? "error" : "warning");
    message(json, "message", str_text(&sentence));
    location(json, result, check);
    json_open(json, "partialFingerprints", '{');
    json_text(json, "tollGate/v1", str_text(&identity));
    json_close(json, '}');
    figures(json, check, outcome);
    json_close(json, '}');
    str_free(&sentence);
    str_free(&identity);
}

void gate_sarif(const struct gate_result *result, const char *version, struct str *text)
{
    struct json_writer json = {.str = text};
    json_open(&json, NULL, '{');
    json_text(&json, "$schema", SCHEMA);
    json_text(&json, "version", "2.1.0");
    json_open(&json, "runs", '[');
    json_open(&json, NULL, '{');
    json_open(&json, "tool", '{');
    json_open(&json, "driver", '{');
    json_text(&json, "name", "toll gate");
    json_text(&json, "version", version);
    rules(&json);
    json_close(&json, '}');
    json_close(&json, '}');
    json_open(&json, "invocations", '[');
    json_open(&json, NULL, '{');
    json_bool(&json, "executionSuccessful", true);
    json_u64(&json, "exitCode", (uint64_t)gate_exit_status(result->verdict));
    json_close(&json, '}');
    json_close(&json, ']');
    json_open(&json, "results", '[');
    for (size_t i = 0; i < result->config->checks.count; i++)
        if (result->was_judged[i] && result->checks[i].outcome.verdict != GATE_PASS)
            finding(&json, result, i);
    json_close(&json, ']');
    json_close(&json, '}');
    json_close(&json, ']');
    json_close(&json, '}');
    json_end(&json);
}
