/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static int holds_any(const struct rule *rule, const struct setting_amount *found,
                     const struct setting_facts *facts, bool *ret_holds, int *ret_direction, struct err *err)
{
    *ret_holds = false;
    for (size_t i = 0; i < rule->development_count && !*ret_holds; i++) {
        int status = expression_holds(rule->development[i], found, facts, ret_holds, ret_direction, err);
        if (status)
            return status;
    }
    return 0;
}

static bool goes_on(const struct setting_amount *found, const struct setting_amount *proposed, int direction)
{
    if (setting_amount_equals(found, proposed))
        return false;
    if (!direction || found->kind == SETTING_WORD || proposed->kind == SETTING_WORD)
        return true;
    return direction > 0 ? proposed->number > found->number : proposed->number < found->number;
}

int advice_find(const struct settings *settings, struct advice_list *ret_list, struct err *err)
{
    const struct rule_file *file = settings->rules;
    for (size_t i = 0; i < file->rules.count; i++) {
        const struct rule *rule = &file->rules.items[i];
        struct advice advice = {.rule = rule, .setting = settings_find(settings, rule->key)};
        struct setting_amount found, proposed, written;
        bool holds;
        int direction;
        if (!advice.setting || settings_is_hidden(advice.setting))
            continue;
        setting_amount_read(advice.setting->value, rule->unit, &found);
        int status = holds_any(rule, &found, &settings->facts, &holds, &direction, err);
        if (!status && holds)
            status = expression_value(rule->production, &settings->facts, &proposed, err);
        if (status)
            return err_wrap(err, "%s:%u", file->path, rule->line);
        if (!holds)
            continue;
        setting_amount_print(&proposed, file->bytes, advice.proposed, sizeof advice.proposed);
        /* As it will stand in the file: rounding may have made it what is there already. */
        setting_amount_read(advice.proposed, proposed.kind == SETTING_BYTES ? NULL : rule->unit, &written);
        if (goes_on(&found, &written, direction) && vec_push(&ret_list->items, advice))
            return err_memory(err);
    }
    return 0;
}

void advice_free(struct advice_list *list)
{
    vec_free(&list->items);
}

struct impact_factor impact_factor(enum impact impact)
{
    switch (impact) {
    case IMPACT_UNDER_5: return (struct impact_factor){1.02, 1, 1.05};
    case IMPACT_ABOUT_10: return (struct impact_factor){1.10, 1.05, 1.15};
    case IMPACT_ABOUT_50: return (struct impact_factor){1.5, 1.25, 1.75};
    case IMPACT_COUNT: break;
    }
    return (struct impact_factor){1, 1, 1};
}

double impact_bounded(double factor, double share)
{
    return factor > 0 ? 1 / (1 - share + share / factor) : 1;
}

void advice_text(const char *form, const struct advice *advice, struct str *text)
{
    static const char *const names[] = {"{key}", "{value}", "{found}"};
    const char *const values[] = {advice->rule->key, advice->proposed, advice->setting->value};
    while (*form) {
        size_t plain = strcspn(form, "{"), i = 0;
        str_append_bytes(text, form, plain);
        form += plain;
        while (*form && i < 3 && !str_starts(form, names[i]))
            i++;
        if (*form && i < 3) {
            str_append(text, values[i]);
            form += strlen(names[i]);
        } else if (*form) {
            str_append_bytes(text, form++, 1);
        }
    }
}
