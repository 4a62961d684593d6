/* SPDX-License-Identifier: Apache-2.0 */
#include "decide/investigate_progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/escape.h"
#include "report/units.h"

#define NAME_COLUMNS 16
#define LINE_MAX     200

void investigate_progress_init(struct investigate_progress *progress, FILE *out, unsigned width, bool colour)
{
    const char *term = getenv("TERM");
    *progress =
        (struct investigate_progress){.out = out,
                                      .is_terminal = isatty(fileno(out)) && term && strcmp(term, "dumb") != 0,
                                      .colour = colour,
                                      .width = width > LINE_MAX ? LINE_MAX : width};
}

/* "3 claims, 1 cleared (0.4 s)" */
static void found(const struct engine_status *status, struct str *str)
{
    str_printf(str, "%zu claim%s", status->claim_count, status->claim_count == 1 ? "" : "s");
    if (status->cleared_count)
        str_printf(str, ", %zu cleared", status->cleared_count);
    str_printf(str, " (%s)", unit_duration(status->wall_ns).text);
}

static void words_of(const struct engine_status *status, struct str *str)
{
    switch (status->state) {
    case ENGINE_WAITS: str_append(str, "waits for its turn"); break;
    case ENGINE_RUNS:
        str_append(str, status->is_voting  ? "votes on the others' claims"
                        : status->doing[0] ? status->doing
                                           : "looks");
        if (status->done_ratio >= 0)
            str_printf(str, ", %.0f %%", 100 * status->done_ratio);
        str_printf(str, " (%s)", unit_duration(status->wall_ns).text);
        break;
    case ENGINE_DONE: found(status, str); break;
    case ENGINE_FAILED: str_printf(str, "did not finish: %s", status->why_not ? status->why_not : ""); break;
    }
}

static void write_line(const struct investigate_progress *progress, const struct engine_status *status)
{
    struct str words = {0}, line = {0};
    words_of(status, &words);
    str_printf(&line, "  %-*s ", NAME_COLUMNS, status->name);
    size_t room = progress->width > NAME_COLUMNS + 13 ? progress->width - NAME_COLUMNS - 3 : 10;
    escape_plain_cut(&line, str_text(&words), room, true);
    bool is_red = progress->colour && status->state == ENGINE_FAILED;
    fprintf(progress->out, "%s%s%s%s\n", is_red ? "\033[31m" : "", str_text(&line), is_red ? "\033[0m" : "",
            progress->is_terminal ? "\033[K" : "");
    str_free(&words);
    str_free(&line);
}

void investigate_progress_show(void *context, const struct engine_status *statuses, size_t count)
{
    struct investigate_progress *progress = context;
    if (progress->is_terminal && progress->drawn_count)
        fprintf(progress->out, "\033[%zuA\r", progress->drawn_count);
    for (size_t i = 0; i < count; i++) {
        bool is_news = statuses[i].state != progress->states[i] && statuses[i].state >= ENGINE_DONE &&
                       !statuses[i].is_voting;
        if (progress->is_terminal || is_news)
            write_line(progress, &statuses[i]);
        progress->states[i] = statuses[i].state;
    }
    progress->drawn_count = progress->is_terminal ? count : 0;
    fflush(progress->out);
}

void investigate_progress_say(void *context, const char *what)
{
    struct investigate_progress *progress = context;
    fprintf(progress->out, "toll: %s\n", what);
    fflush(progress->out);
}
