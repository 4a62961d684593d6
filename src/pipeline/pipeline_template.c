/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/pipeline_template.h"

#include <string.h>

#include "codec/yaml_write.h"
#include "report/units.h"

/* Nothing that would end the line. */
static void plain(struct str *text, const char *note)
{
    for (; *note; note++)
        str_append_bytes(text, (unsigned char)*note < ' ' || *note == 0x7f ? "?" : note, 1);
}

static void comment(struct str *text, const char *note)
{
    str_append(text, "    # ");
    plain(text, note);
}

static void stages(const struct pipeline_template *template, struct str *text)
{
    if (!template->stage_count)
        return;
    str_append(text, "\n# What it consists of; 'after: NAME' says whose results a stage takes.\nstages:\n");
    for (size_t i = 0; i < template->stage_count; i++) {
        const struct template_stage *stage = &template->stages[i];
        str_append(text, "  ");
        yaml_write_text(text, stage->name);
        str_printf(text, ": {%s: ", stage->is_span ? "span" : "process");
        yaml_write_text(text, stage->name);
        str_append(text, "}");
        str_printf(text, "    # %s of the time\n", unit_ratio(stage->critical_ratio).text);
    }
}

static void knob(const struct knob_guess *guess, struct str *text)
{
    str_append(text, "  ");
    yaml_write_text(text, guess->name);
    str_append(text, ": {");
    if (guess->variable) {
        str_append(text, "env: ");
        yaml_write_text(text, guess->variable);
        str_append(text, ", ");
    }
    str_printf(text, "range: %llu..%llu, now: %s", guess->low, guess->high, guess->now);
    if (guess->role == KNOB_ROLE_WORKERS && strlen(guess->name) == 1)
        str_append(text, ", kind: workers");
    str_append(text, "}");
    comment(text, guess->why);
    str_append(text, "\n");
}

static void knobs(const struct pipeline_template *template, struct str *text)
{
    bool has_knobs = template->knobs && template->knobs->count;
    str_append(
        text, "\n# What can be turned, and how: {NAME} in the run, {env: VARIABLE}, or {file: F, key: K}.\n");
    if (template->proposal) {
        str_append(text, "# toll proposes ");
        plain(text, template->proposal);
        if (template->proposal_note)
            str_printf(text, " (%s)", template->proposal_note);
        str_append(text, ": a knob that sets that number lets it be tried.\n");
    }
    if (!has_knobs) {
        str_append(text,
                   "# knobs:\n#   workers: {env: WORKERS, range: 1..16, now: 1}\n"
                   "#   batch: {file: conf.json, key: insert.batch, values: [10, 100, 1000], now: 100}\n");
        return;
    }
    str_append(text, "knobs:\n");
    for (size_t i = 0; i < template->knobs->count; i++)
        knob(&template->knobs->items[i], text);
}

void pipeline_template_write(const struct pipeline_template *template, struct str *text)
{
    str_append(text, "# What this run is to reach, how to run it, and what can be turned: `toll investigate` "
                     "works by it.\n"
                     "# docs/pipeline.md has every key.");
    if (template->made_of) {
        str_append(text, " Made of ");
        plain(text, template->made_of);
        str_append(text, ".");
    }
    if (template->folder) {
        str_append(text, "\n# It worked in ");
        plain(text, template->folder);
        str_append(text, ": this file belongs there, for the run works in its folder.");
    }
    str_append(text, "\n\nobjective: ");
    yaml_write_text(text, template->objective);
    if (template->objective_note)
        comment(text, template->objective_note);
    str_append(text, "\nrun: ");
    yaml_write_text(text, template->line);
    if (template->is_redacted)
        comment(text, "what looked like a secret was not recorded: put it back, best as a variable");
    str_append(text, "\nwarmup: 3    # runs before those that count\n");
    if (template->rows > 0) {
        str_printf(text, "rows: %.15g", template->rows);
        if (template->rows_note)
            comment(text, template->rows_note);
        str_append(text, "\n");
    }
    stages(template, text);
    knobs(template, text);
}
