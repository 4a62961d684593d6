/* SPDX-License-Identifier: Apache-2.0 */
#include "investigate/verify_advice.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "model/change.h"
#include "pipeline/pipeline_command.h"

#define COMMAND_BYTES_MAX 60 /* of a command that stands twice in a line */

struct advising {
    const struct verify_advice_facts *facts;
    struct arena *arena;
    struct claim *claim;
    struct str text;
};

static const char *kept(struct advising *advising)
{
    const char *copy =
        advising->text.failed ? NULL : arena_string(advising->arena, str_text(&advising->text));
    str_clear(&advising->text);
    return copy;
}

/* One word as a shell reads it back. */
static void word(struct advising *advising, const char *text)
{
    char *words[2] = {arena_string(advising->arena, text), NULL};
    const char *line = words[0] ? words_join(words, advising->arena) : NULL;
    if (line)
        str_append(&advising->text, line);
    else
        advising->text.failed = true;
}

/* "--predict 8.3x..8.7x..9.0x", where something is promised. */
static void prediction(struct advising *advising)
{
    const struct gain *gain = &advising->claim->finding.gain;
    if (!(gain->factor > 0))
        return;
    if (gain->factor_low > 0 && gain->factor_low < gain->factor && gain->factor_high > gain->factor)
        str_printf(&advising->text, " --predict %.3gx..%.3gx..%.3gx", gain->factor_low, gain->factor,
                   gain->factor_high);
    else
        str_printf(&advising->text, " --predict %.3gx", gain->factor);
}

/* The command of the pipeline with this knob: as words, or all of it as one. */
static int side(struct advising *advising, const struct pipeline_assignment *assignment, bool is_one_word,
                struct err *err)
{
    struct pipeline_command command;
    int status = pipeline_command_fill(advising->facts->file, assignment, assignment ? 1 : 0, advising->arena,
                                       &command, err);
    const char *line = status ? NULL : words_join(command.words, advising->arena);
    if (line && is_one_word)
        word(advising, line);
    else if (line)
        str_append(&advising->text, line);
    return status;
}

/* "toll experiment set:knob/P=10 --predict … toll.yaml" */
static void experiment(struct advising *advising)
{
    const char *file = advising->facts->pipeline;
    str_append(&advising->text, "toll experiment ");
    word(advising, advising->claim->finding.change);
    prediction(advising);
    str_append(&advising->text, " ");
    word(advising, file ? file : PIPELINE_FILE_DEFAULT);
}

/* Two commands that a person can take in: no shell between, and short. */
static bool is_readable(struct advising *advising, struct err *err)
{
    struct pipeline_command command;
    if (pipeline_command_fill(advising->facts->file, NULL, 0, advising->arena, &command, err))
        return true; /* told where it is filled for good */
    bool is_shell = command.words[0] && strcmp(command.words[0], "/bin/sh") == 0;
    return !is_shell && strlen(command.text) <= COMMAND_BYTES_MAX;
}

/* A knob is a variable, a part of the command, or a key of a file. */
static int knob(struct advising *advising, const struct change *change, struct err *err)
{
    const struct verify_advice_facts *facts = advising->facts;
    struct pipeline_assignment assignment = {change->name, change->text};
    const struct pipeline_knob *knob = pipeline_file_knob(facts->file, change->name);
    if (!knob)
        return 0; /* not one of this file's */
    const char *now = knob->now ? knob->now : "";
    int status = 0;
    if (!advising->claim->revert)
        advising->claim->revert = arena_printf(advising->arena, "set %s back to %s", knob->name, now);
    if (advising->claim->verify)
        return 0;
    enum knob_place place = is_readable(advising, err) ? knob->place : KNOB_IN_FILE;
    switch (place) {
    case KNOB_ENVIRONMENT:
        str_printf(&advising->text, "toll verify --env %s=%s,%s", knob->variable, now, change->text);
        prediction(advising);
        str_append(&advising->text, " -- ");
        status = side(advising, NULL, false, err);
        break;
    case KNOB_ARGUMENT:
        str_append(&advising->text, "toll verify ");
        status = side(advising, NULL, true, err);
        str_append(&advising->text, " --vs ");
        if (!status)
            status = side(advising, &assignment, true, err);
        prediction(advising);
        break;
    case KNOB_IN_FILE: experiment(advising); break;
    }
    if (!status)
        advising->claim->verify = kept(advising);
    return status;
}

static void command(struct advising *advising)
{
    const struct verify_advice_facts *facts = advising->facts;
    for (size_t i = 0; i < facts->command_count; i++) {
        str_append(&advising->text, " ");
        word(advising, facts->command[i]);
    }
}

/* The pipeline file says how it is run, in fewer words. */
static void subject(struct advising *advising)
{
    str_append(&advising->text, " ");
    if (advising->facts->pipeline)
        word(advising, advising->facts->pipeline);
    else
        str_append(&advising->text, "--");
    if (!advising->facts->pipeline)
        command(advising);
}

/* The program itself is changed: before and after are commits. */
static void program(struct advising *advising)
{
    const struct verify_advice_facts *facts = advising->facts;
    struct claim *claim = advising->claim;
    if (!claim->revert)
        claim->revert = "git revert HEAD, the commit that made the change";
    if (claim->verify || !facts->command_count)
        return;
    str_append(&advising->text, "toll verify --revisions HEAD~1..HEAD");
    if (facts->recording && claim->finding.change && claim->finding.gain.factor > 0) {
        str_append(&advising->text, " --recording ");
        word(advising, facts->recording);
        str_append(&advising->text, " --change ");
        word(advising, claim->finding.change);
    } else {
        prediction(advising);
    }
    subject(advising);
    claim->verify = kept(advising);
}

static void team(struct advising *advising)
{
    if (advising->claim->verify || !advising->facts->recording)
        return;
    str_append(&advising->text, "toll import TRANSCRIPTS -o after.toll && toll compare ");
    word(advising, advising->facts->recording);
    str_append(&advising->text, " after.toll");
    advising->claim->verify = kept(advising);
}

int verify_advice_fill(const struct verify_advice_facts *facts, struct arena *arena, struct claim *claim,
                       struct err *err)
{
    struct advising advising = {.facts = facts, .arena = arena, .claim = claim};
    struct change change;
    struct err unread;
    bool has_change = claim->finding.change && change_parse(claim->finding.change, &change, &unread) == 0;
    bool is_knob = has_change && change.op == CHANGE_SET && change.kind == CHANGE_KNOB;
    int status = 0;
    if (facts->is_agents)
        team(&advising);
    else if (is_knob && facts->file)
        status = knob(&advising, &change, err);
    else if (!is_knob && (!claim->finding.cause || strcmp(claim->finding.cause, "config") != 0))
        program(&advising);
    bool failed = advising.text.failed;
    str_free(&advising.text);
    return failed && !status ? err_memory(err) : status;
}
