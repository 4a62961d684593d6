/* SPDX-License-Identifier: Apache-2.0 */
/* page_io: input and output by the other end, as a table. */
#include <string.h>

#include "base/num.h"
#include "report/page.h"
#include "report/units.h"

static void number(struct str *str, const char *text)
{
    page_element(str, "td", " class=\"number\"", text);
}

static void write_row(struct str *str, const struct io_entry *entry, bool is_first, uint64_t wall_ns)
{
    bool is_timed = entry->time_ns != 0;
    str_printf(str, "<tr%s>", is_first ? "" : " class=\"more\"");
    page_element(str, "td", "", !is_first ? "" : entry->peer ? entry->peer : "others, not told apart");
    page_element(str, "td", " class=\"kind\"", is_first && entry->kind ? entry->kind : "");
    page_element(str, "td", " class=\"call\"", entry->operation);
    number(str, unit_count((double)entry->count).text);
    number(str, entry->bytes ? unit_bytes(entry->bytes).text : "");
    number(str, is_timed ? unit_duration(entry->time_ns).text : "");
    number(str, is_timed ? unit_duration(entry->time_ns / num_max(entry->count, 1)).text : "");
    number(str, entry->latency_ns_p99 ? unit_duration(entry->latency_ns_p99).text : "");
    number(str,
           is_first && entry->critical_ns ? unit_ratio(num_ratio(entry->critical_ns, wall_ns)).text : "");
    str_append(str, "</tr>\n");
}

static bool same_peer(const struct io_entry *x, const struct io_entry *y)
{
    return x->peer && y->peer ? strcmp(x->peer, y->peer) == 0 : x->peer == y->peer;
}

void page_io(struct str *str, const struct verdict *verdict)
{
    const struct io_table *io = &verdict->io;

    if (!io->entry_count)
        return;
    str_append(
        str,
        "<section id=\"io\"><h2>Input and output</h2>\n<p class=\"note\">By the other end: what was read and "
        "written, how long such a call took, and which part of the run waited for it.</p>\n"
        "<div class=\"wide\"><table class=\"io\"><thead><tr><th>other end</th><th></th><th>call</th>"
        "<th class=\"number\">calls</th><th class=\"number\">bytes</th><th class=\"number\">time</th>"
        "<th class=\"number\">mean</th><th class=\"number\">99 %&nbsp;within</th><th "
        "class=\"number\">critical "
        "path</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < io->entry_count; i++)
        write_row(str, &io->entries[i], i == 0 || !same_peer(&io->entries[i], &io->entries[i - 1]),
                  verdict->run.wall_ns);
    str_append(str, "</tbody></table></div>\n");
    if (io->entry_hidden_count)
        str_printf(str, "<p class=\"note below\">%s rows that cost less are left out.</p>\n",
                   unit_count((double)io->entry_hidden_count).text);
    str_append(str, "</section>\n");
}
