/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gate/gate_export.h"
#include "gate/gate_phrases.h"
#include "report/escape.h"

/* What a workflow command would take for its own syntax; `is_property` for what stands before the `::`. */
static void escaped(struct str *text, const char *value, bool is_property)
{
    struct str safe = {0};
    escape_plain(&safe, value);
    for (const char *at = str_text(&safe); *at; at++) {
        if (*at == '%' || (is_property && (*at == ':' || *at == ',')))
            str_printf(text, "%%%02X", (unsigned char)*at);
        else
            str_append_bytes(text, at, 1);
    }
    str_free(&safe);
}

static void annotate(const struct gate_result *result, size_t index, const char *kind, struct str *text)
{
    const struct gate_check *check = &result->config->checks.items[index];
    const char *gate = result->config->gates.items[check->gate].name;
    struct str sentence = {0};
    gate_sentence(&sentence, result, index);
    str_printf(text, "::%s file=", kind);
    escaped(text, result->config->path, true);
    str_printf(text, ",line=%u,title=", check->line);
    escaped(text, gate, true);
    str_append(text, " ");
    escaped(text, gate_metric_about(check->metric)->key, true);
    str_append(text, "::");
    escaped(text, gate, false);
    str_append(text, ": ");
    escaped(text, str_text(&sentence), false);
    str_append(text, "\n");
    str_free(&sentence);
}

static void annotate_kind(const struct gate_result *result, bool is_error, struct str *text)
{
    size_t shown = 0, count = 0;
    for (size_t i = 0; i < result->config->checks.count; i++) {
        enum gate_verdict verdict = result->checks[i].outcome.verdict;
        if (!result->was_judged[i] || verdict == GATE_PASS || (verdict == GATE_FAIL) != is_error)
            continue;
        count++;
        if (shown < GATE_ANNOTATIONS_MAX) {
            annotate(result, i, is_error ? "error" : "warning", text);
            shown++;
        }
    }
    if (count > shown)
        str_printf(text, "::notice title=toll gate::%zu more are in the summary\n", count - shown);
}

void gate_annotations(const struct gate_result *result, struct str *text)
{
    annotate_kind(result, true, text);
    annotate_kind(result, false, text);
}

void gate_annotate_error(const char *what, struct str *text)
{
    str_append(text, "::error title=toll gate::");
    escaped(text, what, false);
    str_append(text, "\n");
}
