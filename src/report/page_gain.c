/* SPDX-License-Identifier: Apache-2.0 */
/* page_gain: what a change brings, as bars of the time now and after it, or of a service in figures. */
#include <math.h>
#include <string.h>

#include "base/num.h"
#include "report/page.h"
#include "report/phrases.h"
#include "report/service_phrases.h"
#include "report/units.h"

static void write_scale(struct str *str, const char *name, double ratio, uint64_t ns)
{
    str_append(str, "<div class=\"scale\">");
    page_element(str, "span", "", name);
    str_printf(str, "<div class=\"track\"><i style=\"width:%.1f%%\"></i></div><b>%s</b></div>\n",
               fmin(fmax(ratio * 100, 0.5), 100), unit_duration(ns).text);
}

/* What it still brings when the first finding's change is made too. */
static void write_behind(struct str *str, const struct finding *finding)
{
    struct str text = {0};

    phrase_behind(&text, finding);
    if (text.length > 2)
        str_printf(str, " <small>%s</small>", str_text(&text) + strlen("; "));
    str_free(&text);
}

/* What the run takes now and after the change; the hatched part is the interval of the prediction. */
static void write_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    const struct gain *gain = &finding->gain;
    uint64_t wall = verdict->run.wall_ns;
    double after = num_ratio(gain->wall_ns_after, wall);

    str_append(str, "<div class=\"gain\">");
    write_scale(str, "now", 1, wall);
    if (gain->factor > 0 && wall) {
        double low = gain->factor_high > 0 ? 1 / gain->factor_high : after;
        double high = gain->factor_low > 0 ? fmin(1 / gain->factor_low, 1) : after;
        str_append(str, "<div class=\"scale after\"><span>after</span><div class=\"track\">");
        str_printf(
            str,
            "<i style=\"width:%.1f%%\"></i><i class=\"range\" style=\"left:%.1f%%;width:%.1f%%\"></i></div>",
            fmin(fmax(after * 100, 0.5), 100), low * 100, fmax(high - low, 0.004) * 100);
        str_printf(str, "<b>%s</b></div>\n<p class=\"factor\"><b>%s</b> faster",
                   unit_duration(gain->wall_ns_after).text, unit_factor(gain->factor).text);
        if (gain->factor_low > 0)
            str_printf(str, " <small>(%s to %s)</small>", unit_factor(gain->factor_low).text,
                       unit_factor(gain->factor_high).text);
        if (verdict->baseline_drift_ratio > DRIFT_BOUND)
            str_append(str, " <small>roughly: the replay of the unchanged run is off</small>");
        write_behind(str, finding);
        str_append(str, "</p>");
    } else if (gain->factor_max > 1 && !finding->has_savings) {
        str_append(str, "<div class=\"scale bound\"><span>at best</span><div class=\"track\">");
        str_printf(str, "<i style=\"width:%.1f%%\"></i></div><b>%s</b></div>\n", 100 / gain->factor_max,
                   unit_duration(num_u64((double)wall / gain->factor_max)).text);
        str_printf(str, "<p class=\"factor\">%s<b>%s</b> faster <small>if it cost nothing</small></p>",
                   gain->factor_max > 1000 ? "" : "at most ", unit_factor(gain->factor_max).text);
    }
    if (finding->has_savings && finding->savings.usd >= 0.005)
        str_printf(str, "<p class=\"factor\"><b>$%.2f</b> less <small>($%.2f to $%.2f)</small></p>",
                   finding->savings.usd, finding->savings.usd_low, finding->savings.usd_high);
    str_append(str, "</div>\n");
}

/* Requests a second now and after the change: more is better, so the longest bar is the best that may come. */
static void write_service_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    const struct gain *gain = &finding->gain;
    struct str text = {0};

    str_append(str, "<div class=\"gain\">");
    if (gain->factor > 0) {
        phrase_service_gain(&text, verdict, finding);
        page_element(str, "p", "", str_text(&text));
        str_printf(str, "<p class=\"factor\"><b>%s</b> <small>(%s to %s)</small></p>",
                   unit_factor(gain->factor).text, unit_factor(gain->factor_low).text,
                   unit_factor(gain->factor_high).text);
    } else if (gain->factor_max > 1) {
        str_printf(str, "<p class=\"factor\">at most <b>%s</b> <small>if it cost nothing</small></p>",
                   unit_factor(gain->factor_max).text);
    }
    str_append(str, "</div>\n");
    str_free(&text);
}

void page_gain(struct str *str, const struct verdict *verdict, const struct finding *finding)
{
    if (verdict->service)
        write_service_gain(str, verdict, finding);
    else
        write_gain(str, verdict, finding);
}
