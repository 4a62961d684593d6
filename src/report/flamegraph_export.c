/* SPDX-License-Identifier: Apache-2.0 */
/* flamegraph_export: a standalone SVG, callers below, callees above, as flame graphs are drawn. No script. */
#include "report/escape.h"
#include "report/flame_layout.h"
#include "report/internal.h"
#include "report/phrases.h"
#include "report/units.h"

#define WIDTH_PX    1200
#define MARGIN_PX   12
#define ROW_PX      18
#define HEAD_PX     56
#define FOOT_PX     16
#define BOX_PX_MIN  0.3
#define LETTER_PX   6.7 /* of 11 px sans-serif, on the wide side */
#define LETTERS_MIN 3

static void write_style(struct str *str)
{
    str_append(str,
               "<style>\n"
               "text { font: 11px system-ui, \"Noto Sans\", \"DejaVu Sans\", sans-serif; fill: #1d2329; }\n"
               ".title { font-size: 17px; font-weight: 600; }\n.note { fill: #57606a; }\n"
               "g rect { stroke: #fbfaf8; stroke-width: .6; }\n"
               "g:hover rect { stroke: #1d2329; stroke-width: 1.2; }\n"
               "g text { pointer-events: none; }\n</style>\n");
}

static void write_box(struct str *str, const struct verdict *verdict, const struct flame_box *box,
                      unsigned base_px)
{
    const double inner = WIDTH_PX - 2 * MARGIN_PX;
    double x = MARGIN_PX + box->left * inner, width = box->width * inner;
    unsigned y = base_px - box->depth * ROW_PX;
    struct str label = {0};

    flame_box_label(&label, &verdict->flame, box->node);
    str_append(str, "<g><title>");
    escape_markup(str, str_text(&label));
    str_printf(str,
               "</title><rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" rx=\"2\" "
               "fill=\"hsl(%u,78%%,%u%%)\"/>",
               x, y, width, ROW_PX - 1, flame_hue(box->node), 70 + box->depth % 2 * 4);
    size_t letters = width > 2 * LETTER_PX ? (size_t)((width - LETTER_PX) / LETTER_PX) : 0;
    if (letters >= LETTERS_MIN) {
        struct str name = {0};
        escape_plain_cut(&name, box->node->name, letters, false);
        str_printf(str, "<text x=\"%.2f\" y=\"%u\">", x + 4, y + ROW_PX - 5);
        escape_markup(str, str_text(&name));
        str_append(str, "</text>");
        str_free(&name);
    }
    str_append(str, "</g>\n");
    str_free(&label);
}

static void write_frame(struct str *str, const struct verdict *verdict, unsigned height)
{
    struct str command = {0}, cut = {0};

    str_printf(str,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
               "viewBox=\"0 0 %d %u\" width=\"%d\" height=\"%u\">\n",
               WIDTH_PX, height, WIDTH_PX, height);
    write_style(str);
    str_printf(
        str, "<rect width=\"%d\" height=\"%u\" fill=\"#fbfaf8\"/>\n<text class=\"title\" x=\"%d\" y=\"26\">",
        WIDTH_PX, height, MARGIN_PX);
    phrase_command(&command, &verdict->run);
    escape_plain_cut(&cut, command.length ? str_text(&command) : "CPU time", 110, false);
    escape_markup(str, str_text(&cut));
    str_append(str, "</text>\n");
    str_free(&command);
    str_free(&cut);
}

EXPORT_FUNCTION(flamegraph_export_write)
{
    const struct flame *flame = &verdict->flame;
    bool is_empty = !flame->node_count || !flame->nodes[0].total_ns;
    struct flame_layout layout;
    int status = flame_layout_make(flame, BOX_PX_MIN / WIDTH_PX, &layout, err);

    (void)options;
    if (status)
        return status;
    unsigned base = HEAD_PX + layout.depth_max * ROW_PX, height = base + ROW_PX + FOOT_PX;
    write_frame(ret_text, verdict, height);
    str_printf(ret_text, "<text class=\"note\" x=\"%d\" y=\"44\">", MARGIN_PX);
    if (is_empty)
        str_append(ret_text, "no CPU time was sampled");
    else
        str_printf(ret_text, "%s of CPU time; a box is a function, what it called stands on it",
                   unit_duration(flame->nodes[0].total_ns).text);
    if (layout.hidden_count && !is_empty)
        str_printf(ret_text, "; %zu boxes are too narrow to draw", layout.hidden_count);
    str_append(ret_text, "</text>\n");
    for (size_t i = 0; i < layout.boxes.count && !is_empty; i++)
        if (layout.boxes.items[i].is_shown)
            write_box(ret_text, verdict, &layout.boxes.items[i], base);
    str_append(ret_text, "</svg>\n");
    vec_free(&layout.boxes);
    return 0;
}
