/* SPDX-License-Identifier: Apache-2.0 */
#include "price/price_book.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "price/built_in_prices.h"
#include "price/internal.h"
#include "price/price_name.h"

const char *price_mode_name(enum price_mode_id mode)
{
    static const char *const names[] = {"batch", "priority", "flex", "fast"};
    return mode < PRICE_MODE_COUNT ? names[mode] : "unknown";
}

struct price_rates price_rates_none(void)
{
    return (struct price_rates){NAN, NAN, NAN, NAN, NAN};
}

struct price_row price_row_none(void)
{
    struct price_row row = {.from_ns = PRICE_FROM_ALWAYS,
                            .until_ns = PRICE_UNTIL_FURTHER,
                            .source = "",
                            .note = "",
                            .set = {.rates = price_rates_none()},
                            .web_search_per_1k = NAN};
    for (unsigned i = 0; i < PRICE_MODE_COUNT; i++)
        row.modes[i].ratio = NAN;
    return row;
}

static int name_take(struct price_book *book, const char *text, uint64_t index, struct err *err)
{
    struct price_name name;
    uint64_t id;
    price_name_start(&name, text);
    if (intern_put(&book->names, name.text, name.length, &id, NULL) || map_put(&book->by_name, id, index))
        return err_memory(err);
    return 0;
}

/* The model of a name just as it is written, but for letters' case and punctuation. */
static struct price_model *model_named(const struct price_book *book, const struct price_name *name)
{
    uint64_t id = intern_find(&book->names, name->text, name->length);
    const uint64_t *index = id ? map_get(&book->by_name, id) : NULL;
    return index ? &book->models.items[*index] : NULL;
}

int price_book_take(struct price_book *book, const struct price_model *model, struct err *err)
{
    struct price_name name;
    if (book->models.count == PRICE_MODELS_MAX)
        return err_set(err, ERR_INPUT, "could not read prices '%s': over %u models", model->file,
                       PRICE_MODELS_MAX);
    price_name_start(&name, model->name);
    struct price_model *old = model_named(book, &name);
    struct price_name old_name;
    if (old) {
        price_name_start(&old_name, old->name);
        old->is_replaced = strcmp(old_name.text, name.text) == 0;
    }
    /* The names of the old one stay names of the new one. */
    int status = 0;
    for (size_t i = 0; old && old->is_replaced && i < old->alias_count && !status; i++)
        status = name_take(book, old->aliases[i], book->models.count, err);
    if (!status)
        status = name_take(book, model->name, book->models.count, err);
    for (size_t i = 0; i < model->alias_count && !status; i++)
        status = name_take(book, model->aliases[i], book->models.count, err);
    if (!status && vec_push(&book->models, *model))
        status = err_memory(err);
    return status;
}

const struct price_model *price_book_find(const struct price_book *book, const char *model)
{
    struct price_name name;
    price_name_start(&name, model);
    do {
        const struct price_model *found = model_named(book, &name);
        if (found)
            return found;
    } while (price_name_next(&name));
    return NULL;
}

const char *price_book_nearest(const struct price_book *book, const char *model)
{
    struct price_name name, other;
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    price_name_start(&name, model);
    while (price_name_next(&name))
        continue;
    for (size_t i = 0; i < book->models.count; i++) {
        price_name_start(&other, book->models.items[i].name);
        if (!suggest_is_near(name.text, other.text))
            continue;
        size_t letters = suggest_distance(name.text, other.text);
        if (letters < distance) {
            distance = letters;
            nearest = book->models.items[i].name;
        }
    }
    return nearest;
}

const struct price_row *price_model_row(const struct price_model *model, int64_t time_ns,
                                        enum price_answer *ret_answer)
{
    const struct price_row *last = &model->rows[model->row_count - 1];
    if (!time_ns)
        return last;
    for (size_t i = model->row_count; i-- > 0;) {
        const struct price_row *row = &model->rows[i];
        if (time_ns >= row->from_ns) {
            if (time_ns < row->until_ns)
                return row;
            *ret_answer = PRICE_AFTER;
            return NULL;
        }
    }
    *ret_answer = PRICE_BEFORE;
    return NULL;
}

int price_book_add(struct price_book *book, const char *text, size_t length, const char *name,
                   struct err *err)
{
    size_t at = 0;
    while (at < length && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
        at++;
    if (at < length && text[at] == '{')
        return price_litellm_add(book, text, length, name, err);
    return price_yaml_add(book, text, length, name, err);
}

int price_book_add_file(struct price_book *book, const char *path, struct err *err)
{
    struct str text = {0};
    int status = fs_read(path, PRICE_FILE_BYTES_MAX, &text, err);
    if (!status)
        status = price_book_add(book, str_text(&text), text.length, path, err);
    str_free(&text);
    return status;
}

int price_user_path(struct str *ret_path)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && *config)
        str_printf(ret_path, "%s/toll/prices.yaml", config);
    else if (home && *home)
        str_printf(ret_path, "%s/.config/toll/prices.yaml", home);
    else
        return -1;
    return ret_path->failed ? -1 : 0;
}

static int add_users(struct price_book *book, struct err *err)
{
    struct str path = {0};
    int status = 0;
    if (price_user_path(&path) == 0 && access(str_text(&path), F_OK) == 0)
        status = price_book_add_file(book, str_text(&path), err);
    str_free(&path);
    return status;
}

int price_book_open(const struct price_book_options *options, struct price_book **ret_book, struct err *err)
{
    struct price_book *book = calloc(1, sizeof *book);
    int status = book ? 0 : err_memory(err);
    for (size_t i = 0; i < built_in_prices_count && !status; i++)
        status = price_book_add(book, built_in_prices[i].text, strlen(built_in_prices[i].text),
                                built_in_prices[i].path, err);
    if (!status && !(options && options->built_in_only))
        status = add_users(book, err);
    for (size_t i = 0; options && i < options->file_count && !status; i++)
        status = price_book_add_file(book, options->files[i], err);
    if (status) {
        price_book_close(book);
        return status;
    }
    *ret_book = book;
    return 0;
}

void price_book_close(struct price_book *book)
{
    if (!book)
        return;
    vec_free(&book->models);
    intern_free(&book->names);
    map_free(&book->by_name);
    arena_free(&book->arena);
    free(book);
}
