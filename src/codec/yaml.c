/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include <libfyaml.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"

struct yaml_value {
    enum yaml_kind kind;
    unsigned line, column;
    struct yaml_place place;
    bool is_quoted;
    const char *text;
    const char *key;
    struct yaml_value *first, *last, *next;
    size_t count;
    unsigned height; /* levels below it, through aliases too */
};

/* The root comes first, so that its pointer is the tree's. */
struct tree {
    struct yaml_value root;
    struct arena arena;
};

struct anchor {
    const char *name;
    const struct yaml_value *value;
};

struct reader {
    const char *name; /* for messages */
    const char *source;
    struct tree *tree;
    struct yaml_value *open[YAML_DEPTH_MAX]; /* lists and maps that have not ended */
    const char *open_anchors[YAML_DEPTH_MAX];
    size_t depth;
    const char *key; /* read, its value still to come */
    unsigned key_line, key_column;
    struct anchor anchors[YAML_ANCHORS_MAX];
    size_t anchor_count;
    size_t value_count;
    size_t document_count;
    bool has_root;
};

/* `line_number` and a format with what it holds. */
#define REFUSED(reader, line_number, err, format, ...)                                                       \
    err_set((err), ERR_INPUT, "could not read YAML '%s': line %u: " format, (reader)->name, (line_number),   \
            ##__VA_ARGS__)

/* The length of the character at `at`, 0 when it is none (RFC 3629) or steers a terminal. */
static size_t character_length(const unsigned char *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    if (length == 1)
        return (*at >= ' ' && *at != 0x7f) || *at == '\n' || *at == '\r' || *at == '\t';
    if (*at < 0xc2 || *at > 0xf4 || length > left)
        return 0;
    uint32_t code = *at & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff, is_control = code < 0xa0;
    return code < least[length] || code > 0x10ffff || is_surrogate || is_control ? 0 : length;
}

static int check_characters(const struct reader *reader, const char *text, size_t length, struct err *err)
{
    unsigned line = 1;
    for (size_t at = 0; at < length;) {
        size_t step = character_length((const unsigned char *)text + at, length - at);
        if (!step)
            return REFUSED(reader, line, err, "a byte 0x%02x that is no text", (unsigned char)text[at]);
        line += text[at] == '\n';
        at += step;
    }
    return 0;
}

static char *token_copy(struct reader *reader, struct fy_token *token)
{
    size_t length = 0;
    const char *text = token ? fy_token_get_text(token, &length) : NULL;
    return arena_copy(&reader->tree->arena, text ? text : "", text ? length : 0);
}

static unsigned token_line(struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    return mark ? (unsigned)mark->line + 1 : 0;
}

static struct yaml_place token_place(struct fy_token *token)
{
    const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL,
                         *end = token ? fy_token_end_mark(token) : NULL;
    struct yaml_place place = {0};
    if (start)
        place = (struct yaml_place){.line = (unsigned)start->line + 1, .column = (unsigned)start->column + 1};
    if (start && end && end->input_pos >= start->input_pos) {
        place.start = start->input_pos;
        place.end = end->input_pos;
    }
    return place;
}

/* Of a list or a map: its bytes are nobody's to change. */
static struct yaml_place start_place(struct fy_token *token)
{
    struct yaml_place place = token_place(token);
    return (struct yaml_place){.line = place.line, .column = place.column};
}

static struct yaml_value *parent_of(const struct reader *reader)
{
    return reader->depth ? reader->open[reader->depth - 1] : NULL;
}

static bool waits_for_key(const struct reader *reader)
{
    const struct yaml_value *parent = parent_of(reader);
    return parent && parent->kind == YAML_MAP && !reader->key;
}

/* Puts a copy of `value` where the document is now. */
static int place(struct reader *reader, const struct yaml_value *value, struct yaml_value **ret_placed,
                 struct err *err)
{
    struct yaml_value *parent = parent_of(reader), *placed = &reader->tree->root;
    if (++reader->value_count > YAML_VALUES_MAX)
        return REFUSED(reader, value->line, err, "over %u values", YAML_VALUES_MAX);
    if (waits_for_key(reader))
        return REFUSED(reader, value->line, err, "a key that is no text");
    if (reader->depth + value->height > YAML_DEPTH_MAX)
        return REFUSED(reader, value->line, err, "nested over %u deep", YAML_DEPTH_MAX);
    if (parent) {
        placed = arena_alloc(&reader->tree->arena, sizeof *placed);
        if (!placed)
            return err_memory(err);
    }
    *placed = *value;
    placed->next = NULL;
    placed->key = reader->key;
    if (reader->key || !placed->line) {
        placed->line = reader->key_line;
        placed->column = reader->key_column;
    }
    if (!placed->place.line) {
        placed->place.line = placed->line;
        placed->place.column = placed->column;
    }
    reader->key = NULL;
    reader->has_root = true;
    if (parent) {
        if (parent->last)
            parent->last->next = placed;
        else
            parent->first = placed;
        parent->last = placed;
        parent->count++;
    }
    *ret_placed = placed;
    return 0;
}

static int remember(struct reader *reader, const char *anchor, const struct yaml_value *value,
                    struct err *err)
{
    if (!anchor || !value)
        return 0;
    if (reader->anchor_count == YAML_ANCHORS_MAX)
        return REFUSED(reader, value->line, err, "over %u anchors", YAML_ANCHORS_MAX);
    reader->anchors[reader->anchor_count++] = (struct anchor){anchor, value};
    return 0;
}

static int anchor_copy(struct reader *reader, struct fy_token *token, const char **ret_anchor,
                       struct err *err)
{
    *ret_anchor = token ? token_copy(reader, token) : NULL;
    return token && !*ret_anchor ? err_memory(err) : 0;
}

static bool is_nothing(const char *text)
{
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* libfyaml 0.7 makes three quotes of four in a single-quoted text, which are two, and does not free what it made them in. Such a text is
 * what stands there, with each two quotes for one, and lines folded as in YAML 1.2, 6.5: blanks around a line's end go, one end is a
 * blank, and of several all but the first stay. */
static char *single_quoted(struct reader *reader, const struct yaml_place *place)
{
    const char *raw = reader->source + place->start;
    size_t length = place->end - place->start, count = 0, kept = 0;
    char *text = arena_copy(&reader->tree->arena, raw, length);
    for (size_t i = 0; text && i < length;) {
        size_t ends = 0, at = i;
        for (; at < length && strchr(" \t\r\n", raw[at]); at++)
            ends += raw[at] == '\n' || (raw[at] == '\r' && (at + 1 == length || raw[at + 1] != '\n'));
        if (ends) {
            for (count = kept; ends > 1; ends--)
                text[count++] = '\n';
            if (count == kept)
                text[count++] = ' ';
            i = at;
        } else {
            text[count++] = raw[i];
            i += raw[i] == '\'' && i + 1 < length && raw[i + 1] == '\'' ? 2 : 1;
        }
        if (!strchr(" \t", text[count - 1]) || ends)
            kept = count;
    }
    if (text)
        text[count] = '\0';
    return text;
}

static bool is_misread(const struct reader *reader, struct fy_token *token, const struct yaml_place *place)
{
    return token && fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED &&
           memmem(reader->source + place->start, place->end - place->start, "''''", 4);
}

static char *token_text(struct reader *reader, struct fy_token *token, const struct yaml_place *place)
{
    return is_misread(reader, token, place) ? single_quoted(reader, place) : token_copy(reader, token);
}

static int take_key(struct reader *reader, struct fy_token *token, struct err *err)
{
    const struct yaml_value *map = parent_of(reader);
    struct yaml_place at_key = token_place(token);
    unsigned line = at_key.line;
    char *key = token_text(reader, token, &at_key);
    if (!key)
        return err_memory(err);
    for (const struct yaml_value *at = map->first; at; at = at->next)
        if (strcmp(at->key, key) == 0)
            return REFUSED(reader, line, err, "key '%.64s' is there already, on line %u", key, at->line);
    if (map->count >= YAML_MEMBERS_MAX)
        return REFUSED(reader, line, err, "over %u keys", YAML_MEMBERS_MAX);
    reader->key = key;
    reader->key_line = line;
    reader->key_column = at_key.column;
    return 0;
}

static int take_scalar(struct reader *reader, const struct fy_event_scalar_data *scalar, struct err *err)
{
    struct yaml_place stands = token_place(scalar->value);
    struct yaml_value value = {.kind = YAML_TEXT,
                               .line = stands.line,
                               .column = stands.column,
                               .place = stands},
                      *placed = NULL;
    const char *anchor = NULL;
    if (scalar->tag)
        return REFUSED(reader, token_line(scalar->tag), err, "tags mean nothing here");
    if (waits_for_key(reader))
        return take_key(reader, scalar->value, err);
    int status = anchor_copy(reader, scalar->anchor, &anchor, err);
    if (status)
        return status;
    value.text = token_text(reader, scalar->value, &stands);
    if (!value.text)
        return err_memory(err);
    value.is_quoted = scalar->value && fy_token_scalar_style(scalar->value) != FYSS_PLAIN;
    if (!value.is_quoted && is_nothing(value.text)) {
        value.kind = YAML_NOTHING;
        value.text = NULL;
    }
    status = place(reader, &value, &placed, err);
    return status ? status : remember(reader, anchor, placed, err);
}

static int take_alias(struct reader *reader, struct fy_token *token, struct err *err)
{
    struct yaml_value value, *placed;
    struct yaml_place stands = start_place(token);
    unsigned line = stands.line;
    const char *name = token_copy(reader, token);
    if (!name)
        return err_memory(err);
    for (size_t i = reader->anchor_count; i-- > 0;) {
        if (strcmp(reader->anchors[i].name, name) == 0) {
            value = *reader->anchors[i].value;
            value.line = line;
            value.column = stands.column;
            value.place = stands;
            return place(reader, &value, &placed, err);
        }
    }
    return REFUSED(reader, line, err, "no value is named '&%.64s' before it", name);
}

static int open_collection(struct reader *reader, enum yaml_kind kind, const struct fy_event *event,
                           struct err *err)
{
    bool is_map = kind == YAML_MAP;
    struct fy_token *start =
                        is_map ? event->mapping_start.mapping_start : event->sequence_start.sequence_start,
                    *tag = is_map ? event->mapping_start.tag : event->sequence_start.tag,
                    *anchor = is_map ? event->mapping_start.anchor : event->sequence_start.anchor;
    struct yaml_place stands = start_place(start);
    struct yaml_value value = {.kind = kind, .line = stands.line, .column = stands.column, .place = stands},
                      *placed = NULL;
    if (tag)
        return REFUSED(reader, token_line(tag), err, "tags mean nothing here");
    if (reader->depth == YAML_DEPTH_MAX)
        return REFUSED(reader, value.line, err, "nested over %u deep", YAML_DEPTH_MAX);
    int status = anchor_copy(reader, anchor, &reader->open_anchors[reader->depth], err);
    if (!status)
        status = place(reader, &value, &placed, err);
    if (!status)
        reader->open[reader->depth++] = placed;
    return status;
}

static int close_collection(struct reader *reader, struct err *err)
{
    struct yaml_value *closed = reader->open[--reader->depth];
    for (const struct yaml_value *at = closed->first; at; at = at->next)
        closed->height = at->height + 1 > closed->height ? at->height + 1 : closed->height;
    return remember(reader, reader->open_anchors[reader->depth], closed, err);
}

static int take(struct reader *reader, struct fy_event *event, struct err *err)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (reader->document_count++)
            return REFUSED(reader, token_line(event->document_start.document_start), err,
                           "a second document");
        return 0;
    case FYET_MAPPING_START: return open_collection(reader, YAML_MAP, event, err);
    case FYET_SEQUENCE_START: return open_collection(reader, YAML_LIST, event, err);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END: return close_collection(reader, err);
    case FYET_SCALAR: return take_scalar(reader, &event->scalar, err);
    case FYET_ALIAS: return take_alias(reader, event->alias.anchor, err);
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END: break;
    }
    return 0;
}

/* libfyaml's own word for what is wrong; its texts are its own, without the file's bytes in them. */
static int syntax_error(const struct reader *reader, struct fy_diag *diag, struct err *err)
{
    void *place = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &place);
    if (!error || !error->msg)
        return err_set(err, ERR_INPUT, "could not read YAML '%s': it is none", reader->name);
    char text[192];
    size_t length = 0;
    for (const char *at = error->msg; *at && length + 1 < sizeof text; at++)
        text[length++] = *at < ' ' || *at > '~' ? '?' : *at;
    text[length] = '\0';
    return err_set(err, ERR_INPUT, "could not read YAML '%s': line %d, column %d: %s", reader->name,
                   error->line, error->column, text);
}

static int read_events(struct reader *reader, struct fy_parser *parser, struct fy_diag *diag, struct err *err)
{
    int status = 0;
    for (struct fy_event *event; !status && (event = fy_parser_parse(parser));) {
        status = take(reader, event, err);
        fy_parser_event_free(parser, event);
    }
    if (!status && fy_parser_get_stream_error(parser))
        status = syntax_error(reader, diag, err);
    return status;
}

static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t length)
{
    (void)diag, (void)user, (void)text, (void)length;
}

static int read_tree(struct reader *reader, const char *text, size_t length, struct err *err)
{
    struct fy_diag_cfg quiet = {.output_fn = say_nothing, .level = FYET_ERROR};
    struct fy_diag *diag = fy_diag_create(&quiet);
    if (!diag)
        return err_memory(err);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2 |
                                           FYPCF_DISABLE_MMAP_OPT,
                                  .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    int status = !parser || fy_parser_set_string(parser, text, length)
                     ? err_memory(err)
                     : read_events(reader, parser, diag, err);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return status;
}

int yaml_read_text(const char *text, size_t length, const char *name, struct yaml_value **ret_root,
                   struct err *err)
{
    struct reader reader = {.name = name, .source = text, .tree = calloc(1, sizeof *reader.tree)};
    if (!reader.tree)
        return err_memory(err);
    int status = 0;
    if (length > YAML_BYTES_MAX)
        status =
            err_set(err, ERR_INPUT, "could not read YAML '%s': it is over %zu bytes", name, YAML_BYTES_MAX);
    if (!status)
        status = check_characters(&reader, text, length, err);
    if (!status && length)
        status = read_tree(&reader, text, length, err);
    if (status)
        yaml_free(&reader.tree->root);
    else
        *ret_root = &reader.tree->root;
    return status;
}

int yaml_read_file(const char *path, struct yaml_value **ret_root, struct err *err)
{
    struct str text = {0};
    int status = fs_read(path, YAML_BYTES_MAX, &text, err);
    if (!status)
        status = yaml_read_text(str_text(&text), text.length, path, ret_root, err);
    str_free(&text);
    return status;
}

void yaml_free(struct yaml_value *root)
{
    struct tree *tree = (struct tree *)root;
    if (!tree)
        return;
    arena_free(&tree->arena);
    free(tree);
}

enum yaml_kind yaml_kind(const struct yaml_value *value)
{
    return value ? value->kind : YAML_NOTHING;
}

const char *yaml_kind_name(const struct yaml_value *value)
{
    static const char *const names[] = {"nothing", "text", "list", "map"};
    return names[yaml_kind(value)];
}

unsigned yaml_line(const struct yaml_value *value)
{
    return value ? value->line : 0;
}

unsigned yaml_column(const struct yaml_value *value)
{
    return value ? value->column : 0;
}

struct yaml_place yaml_place(const struct yaml_value *value)
{
    return value ? value->place : (struct yaml_place){0};
}

const char *yaml_text(const struct yaml_value *value)
{
    return value ? value->text : NULL;
}

bool yaml_is_quoted(const struct yaml_value *value)
{
    return value && value->is_quoted;
}

size_t yaml_count(const struct yaml_value *value)
{
    return value ? value->count : 0;
}

const struct yaml_value *yaml_first(const struct yaml_value *value)
{
    return value ? value->first : NULL;
}

const struct yaml_value *yaml_next(const struct yaml_value *value)
{
    return value ? value->next : NULL;
}

const char *yaml_key(const struct yaml_value *member)
{
    return member ? member->key : NULL;
}

const struct yaml_value *yaml_member(const struct yaml_value *map, const char *key)
{
    if (yaml_kind(map) != YAML_MAP)
        return NULL;
    for (const struct yaml_value *at = map->first; at; at = at->next)
        if (strcmp(at->key, key) == 0)
            return at;
    return NULL;
}
