/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/keep_results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/redact.h"
#include "store/fingerprint.h"
#include "store/revision.h"

struct history_result keep_blank(const char *kind, const char *name, const char *metric, double value)
{
    return (struct history_result){.at_ns = (int64_t)clock_realtime_ns(),
                                   .kind = kind,
                                   .name = name,
                                   .metric = metric,
                                   .value = value,
                                   .value_low = NAN,
                                   .value_high = NAN,
                                   .count = 1,
                                   .predicted = NAN,
                                   .predicted_low = NAN,
                                   .predicted_high = NAN};
}

void keep_results(const struct keep_options *options, struct history_result *results, size_t count,
                  struct str *ret_warning)
{
    struct history *history;
    struct err err = {0};
    char machine[FINGERPRINT_MAX], revision[REVISION_MAX];
    if (!options->is_on || !count)
        return;
    fingerprint_of_machine(machine);
    struct str tags = {0};
    for (size_t i = 0; i < options->tag_count; i++)
        str_printf(&tags, "%s%s", i ? "," : "", options->tags[i]);
    bool has_revision = revision_of_folder(NULL, revision);
    for (size_t i = 0; i < count; i++) {
        if (!results[i].machine)
            results[i].machine = machine;
        if (!results[i].revision && has_revision)
            results[i].revision = revision;
        if (!results[i].tags && tags.length)
            results[i].tags = str_text(&tags);
    }
    int status = history_open(&history, options->store, &err);
    if (!status) {
        status = history_add(history, results, count, &err);
        history_close(history);
    }
    /* They lived here. */
    for (size_t i = 0; i < count; i++) {
        results[i].machine = results[i].machine == machine ? NULL : results[i].machine;
        results[i].revision = results[i].revision == revision ? NULL : results[i].revision;
        results[i].tags = tags.length && results[i].tags == str_text(&tags) ? NULL : results[i].tags;
    }
    str_free(&tags);
    if (status)
        str_printf(ret_warning, "toll: the result is not in the history: %s\nhint: --no-store keeps none\n",
                   err.what);
}

/* A word of the JSON array that starts at its quote, single-quoted where it has blanks; returns what follows it. */
static const char *append_word(const char *at, struct str *name)
{
    struct str word = {0};
    for (at++; *at && *at != '"'; at++) {
        if (at[0] == '\\' && at[1] == 'u' && strlen(at) >= 6) {
            at += 5;
            str_append(&word, " ");
        } else {
            at += at[0] == '\\' && at[1];
            str_append_bytes(&word, at, 1);
        }
    }
    bool is_quoted = !word.length || strpbrk(word.text, " \t;|&<>()$`\"*?#~") != NULL;
    str_append(name, is_quoted ? "'" : "");
    str_append(name, str_text(&word));
    str_append(name, is_quoted ? "'" : "");
    name->failed = name->failed || word.failed;
    str_free(&word);
    return *at ? at + 1 : at;
}

int keep_name(char *const *words, struct str *ret_name, struct err *err)
{
    struct str json = {0};
    redact_argv(words, &json);
    for (const char *at = str_text(&json); *at;) {
        if (*at != '"') {
            at++;
            continue;
        }
        str_append(ret_name, ret_name->length ? " " : "");
        at = append_word(at, ret_name);
    }
    bool failed = json.failed || ret_name->failed;
    str_free(&json);
    return failed ? err_memory(err) : 0;
}
