/* SPDX-License-Identifier: Apache-2.0 */
#include "store/journal_lines.h"

#include <string.h>

#include "base/clock.h"
#include "codec/json.h"
#include "store/journal_show.h"

/* The writer's line ends and the blanks behind them are never part of a text, in which they would be escaped. */
void journal_line_write(const struct journal_entry *entry, struct str *text)
{
    struct str indented = {0};
    struct json_writer json = {.str = &indented};
    struct journal_entry alone = *entry;
    alone.id = 0;
    journal_entry_json(&alone, NULL, &json);
    for (const char *at = str_text(&indented); *at;) {
        size_t length = strcspn(at, "\n");
        str_append_bytes(text, at, length);
        at += length;
        at += strspn(at, "\n ");
    }
    str_append(text, "\n");
    text->failed = text->failed || indented.failed;
    str_free(&indented);
}

static int read_texts(const struct json_value *object, struct arena *arena, struct journal_entry *entry,
                      struct err *err)
{
    const struct {
        const char *key, **field;
    } fields[] = {{"key", &entry->key},         {"kind", &entry->kind},
                  {"finding", &entry->finding}, {"symptom", &entry->symptom},
                  {"cause", &entry->cause},     {"where", &entry->place},
                  {"change", &entry->change},   {"fix", &entry->fix},
                  {"outcome", &entry->outcome}, {"agreement", &entry->agreement},
                  {"name", &entry->name},       {"recording", &entry->recording},
                  {"machine", &entry->machine}, {"revision", &entry->revision}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *text;
        if (!json_find_text(object, fields[i].key, &text))
            continue;
        *fields[i].field = arena_string(arena, text);
        if (!*fields[i].field)
            return err_memory(err);
    }
    return 0;
}

static void read_numbers(const struct json_value *object, struct journal_entry *entry)
{
    const struct {
        const char *key;
        double *field;
    } fields[] = {{"predicted", &entry->predicted},           {"predicted_low", &entry->predicted_low},
                  {"predicted_high", &entry->predicted_high}, {"measured", &entry->measured},
                  {"measured_low", &entry->measured_low},     {"measured_high", &entry->measured_high}};
    double at_ns;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        double value;
        if (json_find_number(object, fields[i].key, &value))
            *fields[i].field = value;
    }
    /* A double holds these to 256 ns; a journal's times are whole microseconds. */
    if (json_find_number(object, "at_ns", &at_ns) && at_ns >= 0 && at_ns < 9e18)
        entry->at_ns = (int64_t)(at_ns / (double)NS_PER_US + 0.5) * (int64_t)NS_PER_US;
}

int journal_line_read(const char *line, size_t length, const char *name, struct arena *arena,
                      struct journal_entry *ret_entry, struct err *err)
{
    struct json_value *root = NULL;
    struct journal_entry entry = journal_blank("note", NULL);
    int status = json_read_text(line, length, name, &root, err);
    if (status)
        return status;
    if (json_kind(root) != JSON_KIND_OBJECT)
        status = err_set(err, ERR_INPUT, "could not read %s: it is a JSON %s, an object was expected", name,
                         json_kind_name(root));
    if (!status)
        status = read_texts(root, arena, &entry, err);
    if (!status && (!entry.finding || !*entry.finding))
        status = err_set(err, ERR_INPUT, "could not read %s: it has no \"finding\"", name);
    if (!status) {
        read_numbers(root, &entry);
        *ret_entry = entry;
    }
    json_free(root);
    return status;
}
