/* SPDX-License-Identifier: Apache-2.0 */
/* toll doctor: what this machine lets toll record. */
#include <stdbool.h>
#include <string.h>

#include "ops/examine.h"
#include "verbs/verbs.h"

struct options {
    bool json;
};

static const struct option_row rows[] = {
    {.name = "json",
     .type = OPTION_FLAG,
     .help = "the facts as JSON",
     .offset = offsetof(struct options, json)},
};

/* What is printed here is toll's own ASCII text and paths: quotes and backslashes are all there is to escape. */
static void print_string(const char *name, const char *text, FILE *out)
{
    fprintf(out, "\"%s\": \"", name);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('"', out);
}

static void print_json(const struct examined *examined, FILE *out)
{
    fprintf(out, "{\"schema\": \"toll.doctor/1\", \"rung\": \"%s\", \"facts\": [", examined->rung);
    for (size_t i = 0; i < examined->count; i++) {
        const struct examined_fact *fact = &examined->facts[i];
        fprintf(out, "%s\n  {", i ? "," : "");
        print_string("name", fact->name, out);
        fputs(", ", out);
        print_string("state", fact->state, out);
        fputs(", ", out);
        print_string("found", fact->found, out);
        fputs(", ", out);
        print_string("lost", fact->lost, out);
        fputs(", ", out);
        print_string("command", fact->command, out);
        fputc('}', out);
    }
    fputs("\n]}\n", out);
}

static const char *colour_of(const char *state, bool colour)
{
    if (!colour)
        return "";
    if (strcmp(state, "ok") == 0)
        return "\033[32m";
    return strcmp(state, "limited") == 0 ? "\033[33m" : "\033[31m";
}

static void print_text(const struct examined *examined, bool colour, FILE *out)
{
    size_t width = 0;
    for (size_t i = 0; i < examined->count; i++) {
        size_t length = strlen(examined->facts[i].name);
        width = length > width ? length : width;
    }
    fprintf(out, "toll run records with %s here.\n\n", examined->rung);
    for (size_t i = 0; i < examined->count; i++) {
        const struct examined_fact *fact = &examined->facts[i];
        fprintf(out, "%-*s  %s%-7s%s  %s\n", (int)width, fact->name, colour_of(fact->state, colour),
                fact->state, colour ? "\033[0m" : "", fact->found);
        if (fact->lost[0])
            fprintf(out, "%-*s           lost: %s\n", (int)width, "", fact->lost);
        if (fact->command[0])
            fprintf(out, "%-*s           more: %s\n", (int)width, "", fact->command);
    }
}

static int run(struct verb_context *context, struct err *err)
{
    const struct options *options = context->options;
    struct examined examined;
    int status = ops_examine(&examined, err);
    if (status)
        return status;
    if (options->json)
        print_json(&examined, context->out);
    else
        print_text(&examined, context->colour, context->out);
    examined_deinit(&examined);
    return 0;
}

const struct verb doctor_verb = {
    .name = "doctor",
    .summary = "what this machine lets toll record, and how to allow more",
    .usage = "[--json]",
    .description =
        "Tries each thing that recording can use, as the user who runs it, and says what works, what a "
        "recording lacks where it does not, and the command that allows more. Changes nothing.",
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .options_size = sizeof(struct options),
    .run = run,
};
