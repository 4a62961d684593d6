/* SPDX-License-Identifier: Apache-2.0 */
/* page_flame: the flame graph of the page, boxes placed in parts of the page's width; callers stand above. */
#include "report/flame_layout.h"
#include "report/page.h"

#define ROW_PX    20
#define WIDTH_MIN 0.0008

static void write_box(struct str *str, const struct verdict *verdict, const struct flame_box *box)
{
    struct str label = {0};

    flame_box_label(&label, &verdict->flame, box->node);
    str_printf(str, "<div style=\"left:%.3f%%;width:%.3f%%;top:%upx;--h:%u\" data-l=\"%.6f\" data-w=\"%.6f\"",
               box->left * 100, box->width * 100, box->depth * ROW_PX, flame_hue(box->node), box->left,
               box->width);
    page_title_attribute(str, str_text(&label));
    str_append(str, ">");
    page_text(str, box->node->name);
    str_append(str, "</div>\n");
    str_free(&label);
}

int page_flame(struct str *str, const struct verdict *verdict, struct err *err)
{
    struct flame_layout layout;

    if (!verdict->flame.node_count || !verdict->flame.nodes[0].total_ns)
        return 0;
    int status = flame_layout_make(&verdict->flame, WIDTH_MIN, &layout, err);
    if (status)
        return status;
    str_append(
        str,
        "<section id=\"flame\"><h2>What the CPU did</h2>\n<p class=\"note\">A box is a function, as wide as "
        "its CPU time; below it stands what it called.<span class=\"js\"> Click a box to widen it, the top "
        "one "
        "to go back.</span></p>\n");
    str_printf(str, "<div class=\"flame\" style=\"height:%upx\">\n", (layout.depth_max + 1) * ROW_PX);
    for (size_t i = 0; i < layout.boxes.count; i++)
        if (layout.boxes.items[i].is_shown)
            write_box(str, verdict, &layout.boxes.items[i]);
    str_append(str, "</div>\n");
    if (layout.hidden_count)
        str_printf(str, "<p class=\"note\">%zu boxes are too narrow to draw.</p>\n", layout.hidden_count);
    str_append(str, "</section>\n");
    vec_free(&layout.boxes);
    return 0;
}
