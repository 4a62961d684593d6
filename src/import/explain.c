/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: the plan that PostgreSQL's EXPLAIN (ANALYZE, FORMAT JSON) prints. Each operator is a function: its total is the time of all
 * its loops, its self what its inputs did not take (https://www.postgresql.org/docs/current/using-explain.html).
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "codec/json.h"
#include "import/internal.h"

#define PLAN_DEPTH_MAX 256u

static void name_write(const struct json_value *plan, struct str *name)
{
    static const char *const places[] = {"Relation Name", "Index Name", "CTE Name", "Function Name"};
    const char *type = "operator", *text;
    (void)json_find_text(plan, "Node Type", &type);
    str_append(name, type);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (json_find_text(plan, places[i], &text))
            str_printf(name, " %s %s", i == 1 ? "using" : "on", text);
}

/* Adds an operator and those below it; its total time into *ret_total_ns. */
static int plan_add(struct profile *profile, const struct json_value *plan, unsigned depth,
                    double *ret_total_ns)
{
    double total_ms = 0, loops = 1, rows = 0, inputs_ns = 0;
    struct str name = {0};
    if (depth > PLAN_DEPTH_MAX) {
        profile->cut_count++;
        return 0;
    }
    (void)json_find_number(plan, "Actual Total Time", &total_ms);
    (void)json_find_number(plan, "Actual Loops", &loops);
    (void)json_find_number(plan, "Actual Rows", &rows);
    if (!(total_ms >= 0 && total_ms < 1e12 && loops >= 0 && loops < 1e12)) {
        profile->lost_count++;
        total_ms = loops = 0;
    }
    name_write(plan, &name);
    size_t index = name.failed ? SIZE_MAX : profile_function(profile, str_text(&name), "", 0);
    str_free(&name);
    if (index == SIZE_MAX)
        return -1;
    const struct json_value *inputs = json_find_array(plan, "Plans");
    for (size_t i = 0; i < json_count(inputs); i++) {
        double input_ns = 0;
        if (plan_add(profile, json_item(inputs, i), depth + 1, &input_ns))
            return -1;
        inputs_ns += input_ns;
    }
    double total_ns = total_ms * loops * 1e6, self_ns = total_ns > inputs_ns ? total_ns - inputs_ns : 0;
    struct profile_function *function = &profile->functions.items[index];
    function->self += self_ns;
    function->total += total_ns;
    function->call_count += num_u64(loops);
    profile->whole += self_ns;
    profile->stack_count++;
    *ret_total_ns = total_ns;
    return 0;
}

bool explain_recognise(const struct import_bytes *bytes)
{
    return (import_begins(bytes, "[") || import_begins(bytes, "{")) && import_holds(bytes, "\"Plan\"") &&
           import_holds(bytes, "\"Node Type\"");
}

int explain_read(const struct import_bytes *bytes, struct profile *profile, struct err *err)
{
    struct json_value *root = NULL;
    double total_ns = 0;
    int status = json_read_text(bytes->bytes, bytes->length, bytes->name, &root, err);
    if (status)
        return status;
    profile->source = "EXPLAIN ANALYZE";
    profile->measures = "time in PostgreSQL";
    profile->unit = PROFILE_NS;
    const struct json_value *first = json_kind(root) == JSON_KIND_ARRAY ? json_item(root, 0) : root;
    const struct json_value *plan = json_find_object(first, "Plan");
    double actual;
    if (!plan)
        status = import_not(bytes, "query plan", "it has no 'Plan'", err);
    else if (!json_find_number(plan, "Actual Total Time", &actual))
        status = import_not(bytes, "query plan", "it was not run: EXPLAIN lacks ANALYZE", err);
    else if (plan_add(profile, plan, 0, &total_ns))
        status = err_memory(err);
    json_free(root);
    return status;
}
