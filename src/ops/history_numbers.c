/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers that scripts put into a history. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/num.h"
#include "ops/history_query.h"
#include "ops/keep_results.h"
#include "store/fingerprint.h"
#include "store/moment.h"
#include "store/results_csv.h"
#include "store/revision.h"

#define CSV_BYTES_MAX ((size_t)1 << 30)

/* What results have in common when they do not say it themselves. */
struct common {
    char machine[FINGERPRINT_MAX];
    char revision[REVISION_MAX];
    struct history_result result;
};

static int common_fill(const struct history_number *number, struct common *common, struct err *err)
{
    struct history_result *result = &common->result;
    *result = keep_blank(number->kind ? number->kind : "value", number->name,
                         number->metric ? number->metric : "value", 0);
    result->unit = number->unit;
    result->tags = number->tags;
    fingerprint_of_machine(common->machine);
    result->machine = number->machine ? number->machine : common->machine;
    if (number->revision)
        result->revision = number->revision;
    else if (revision_of_folder(NULL, common->revision))
        result->revision = common->revision;
    if (number->better && !history_better_parse(number->better, &result->better))
        return err_set(err, ERR_USAGE,
                       "could not take option '--better': '%.40s' is neither lower nor higher",
                       number->better);
    return number->at ? moment_parse(number->at, result->at_ns, &result->at_ns, err) : 0;
}

static int add_all(const char *store, const struct history_result *results, size_t count, struct err *err)
{
    struct history *history;
    int status = history_open(&history, store, err);
    if (status)
        return status;
    status = history_add(history, results, count, err);
    history_close(history);
    return status;
}

int ops_history_add(const struct history_number *number, struct err *err)
{
    struct common common;
    int status = common_fill(number, &common, err);
    if (status)
        return status;
    if (num_parse_double(number->value, &common.result.value))
        return err_set(err, ERR_USAGE, "could not add to the history: '%.60s' is no number", number->value);
    return add_all(number->store, &common.result, 1, err);
}

int ops_history_import(const char *path, const struct history_number *number, uint64_t *ret_count,
                       struct err *err)
{
    struct common common;
    struct str text = {0};
    struct results_csv results = {0};
    int status = common_fill(number, &common, err);
    if (!status)
        status = fs_read(path[0] == '-' && !path[1] ? "/dev/stdin" : path, CSV_BYTES_MAX, &text, err);
    if (!status && text.length)
        status = results_csv_parse(text.text, &common.result, &results, err);
    if (!status)
        status = add_all(number->store, results.results.items, results.results.count, err);
    if (!status)
        *ret_count = results.results.count;
    results_csv_free(&results);
    str_free(&text);
    return status;
}
