/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_name.h"

#include <ctype.h>
#include <string.h>

void price_name_start(struct price_name *name, const char *model)
{
    *name = (struct price_name){0};
    for (; *model && name->length + 1 < sizeof name->text; model++) {
        char c = (char)tolower((unsigned char)*model);
        name->text[name->length++] = (char)(c == '.' || c == '_' || c == ':' ? '-' : c);
    }
}

static void cut(struct price_name *name, size_t length)
{
    name->length = length;
    name->text[length] = '\0';
}

static void cut_front(struct price_name *name, size_t count)
{
    memmove(name->text, name->text + count, name->length - count + 1);
    name->length -= count;
}

/* Whether the text ends in this: `9` stands for any digit. */
static bool ends_like(const struct price_name *name, const char *pattern)
{
    size_t length = strlen(pattern);
    if (length >= name->length)
        return false;
    const char *end = name->text + name->length - length;
    for (size_t i = 0; i < length; i++)
        if (pattern[i] == '9' ? !isdigit((unsigned char)end[i]) : end[i] != pattern[i])
            return false;
    return true;
}

static bool cut_like(struct price_name *name, const char *pattern)
{
    if (!ends_like(name, pattern))
        return false;
    cut(name, name->length - strlen(pattern));
    return true;
}

static bool cut_brackets(struct price_name *name)
{
    const char *open = strrchr(name->text, '[');
    if (!open || open == name->text || name->text[name->length - 1] != ']')
        return false;
    cut(name, (size_t)(open - name->text));
    return true;
}

static bool cut_way(struct price_name *name)
{
    const char *slash = strrchr(name->text, '/');
    if (!slash || !slash[1])
        return false;
    cut_front(name, (size_t)(slash + 1 - name->text));
    return true;
}

/* "us-anthropic-", "anthropic-": only with the maker, so that no model's own name is cut. */
static bool cut_maker(struct price_name *name)
{
    static const char *const regions[] = {"",    "us-", "eu-",     "apac-",  "jp-",
                                          "au-", "ca-", "us-gov-", "global-"};
    static const char *const makers[] = {"anthropic-", "openai-", "google-"};
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        size_t region = strlen(regions[i]);
        if (strncmp(name->text, regions[i], region) != 0)
            continue;
        for (size_t j = 0; j < sizeof makers / sizeof *makers; j++) {
            size_t maker = strlen(makers[j]);
            if (strncmp(name->text + region, makers[j], maker) != 0 || !name->text[region + maker])
                continue;
            cut_front(name, region + maker);
            if (!cut_like(name, "-v9-9"))
                cut_like(name, "-v9");
            return true;
        }
    }
    return false;
}

static bool cut_at(struct price_name *name)
{
    const char *at = strrchr(name->text, '@');
    if (!at || at == name->text)
        return false;
    cut(name, (size_t)(at - name->text));
    return true;
}

static bool cut_day(struct price_name *name)
{
    return cut_like(name, "-20999999") || cut_like(name, "-2099-99-99");
}

static bool cut_state(struct price_name *name)
{
    static const char *const states[] = {
        "-latest", "-preview", "-preview-99-99", "-preview-99-9999", "-exp", "-exp-99-99", "-099"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (cut_like(name, states[i]))
            return true;
    return false;
}

bool price_name_next(struct price_name *name)
{
    static bool (*const steps[])(struct price_name *) = {cut_brackets, cut_way, cut_maker,
                                                         cut_at,       cut_day, cut_state};
    while (name->step < sizeof steps / sizeof *steps)
        if (steps[name->step++](name))
            return true;
    return false;
}
