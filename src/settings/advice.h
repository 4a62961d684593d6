/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advice: rules held against settings: which values are development defaults, and what production would use here. Pure.
 *
 * A rule says nothing of a value it cannot read, of one that is what it would propose, and where its proposal would go
 * the wrong way (a tenth of a small machine's memory may be less than the default that it calls small).
 */
#ifndef TOLL_SETTINGS_ADVICE_H
#define TOLL_SETTINGS_ADVICE_H

#include "base/str.h"
#include "settings/settings.h"

struct advice {
    const struct rule *rule;
    const struct setting *setting;
    char proposed[EXPRESSION_LENGTH_MAX];
};

struct advice_list {
    VEC(struct advice) items;
};

WARN_UNUSED int advice_find(const struct settings *settings, struct advice_list *ret_list, struct err *err);
void advice_free(struct advice_list *list);

/* What the impact class means for the time that a server needs: how many times faster, and its interval. under-5: 1.00 to
 * 1.05, about-10: 1.05 to 1.15, about-50: 1.25 to 1.75. */
struct impact_factor {
    double factor, low, high;
};
struct impact_factor impact_factor(enum impact impact);
/* What is left of it for a run in which the server has `share` of the critical path: Amdahl's law. */
double impact_bounded(double factor, double share);

/* A template with {key}, {value} and {found} filled in, into the text. */
void advice_text(const char *form, const struct advice *advice, struct str *text);

#endif
