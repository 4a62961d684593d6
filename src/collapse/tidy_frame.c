/* SPDX-License-Identifier: Apache-2.0 */
#include "collapse/tidy_frame.h"

#include <string.h>

/* The expression is ^\s*(\w+)\s*(.+) \((.*)\): the last " (" that a ')' follows, up to the last ')'. What stands before
 * it has at least one character; the address gives up its end for that. */
bool frame_line_read(const char *line, size_t length, struct frame_line *ret_frame)
{
    size_t start = 0, end, from;
    while (start < length && is_blank(line[start]))
        start++;
    for (end = start; end < length && is_word(line[end]); end++)
        ;
    for (from = end; from < length && is_blank(line[from]); from++)
        ;
    const char *close = memrchr(line, ')', length);
    if (end == start || !close)
        return false;
    size_t right = (size_t)(close - line), left = right;
    while (left > start + 1 && !(line[left - 1] == '(' && line[left - 2] == ' '))
        left--;
    if (left <= start + 1)
        return false;
    left -= 2; /* the blank */
    if (from >= left)
        from = left - 1;
    if (left < start + 2)
        return false;
    *ret_frame = (struct frame_line){.address = line + start,
                                     .address_length = (end < from ? end : from) - start,
                                     .function = line + from,
                                     .function_length = left - from,
                                     .module = line + left + 2,
                                     .module_length = right - left - 2};
    return true;
}

static bool has(const char *text, size_t length, const char *part)
{
    return memmem(text, length, part, strlen(part)) != NULL;
}

/* "+0x1c" at the end goes. */
static size_t without_offset(const char *function, size_t length)
{
    size_t at = length;
    while (at > 0 && (is_digit(function[at - 1]) || (function[at - 1] >= 'a' && function[at - 1] <= 'f')))
        at--;
    return at < length && at >= 3 && memcmp(function + at - 3, "+0x", 3) == 0 ? at - 3 : length;
}

/* Names of methods in Go, "net/http.(*Client).Do", keep their parentheses. */
static bool is_go_method(const char *name, size_t length)
{
    const char *open = memmem(name, length, ".(", 2);
    return open && has(open + 2, length - (size_t)(open + 2 - name), ").");
}

static size_t without_arguments(const char *name, size_t length)
{
    static const char kept[] = "(anonymous namespace)";
    size_t kept_length = sizeof kept - 1;
    for (size_t i = 0; i < length; i++)
        if (name[i] == '(' && (length - i < kept_length || memcmp(name + i, kept, kept_length) != 0))
            return i;
    return length;
}

void collapse_tidy(const char *name, size_t length, bool is_java, struct str *ret_text)
{
    if (!is_go_method(name, length))
        length = without_arguments(name, length);
    size_t from = is_java && length && name[0] == 'L' && memchr(name, '/', length) ? 1 : 0;
    /* The quotes go first: an L behind one is the first letter. */
    if (is_java && !from && length && (name[0] == '"' || name[0] == '\'') && memchr(name, '/', length)) {
        while (from < length && (name[from] == '"' || name[from] == '\''))
            from++;
        from += from < length && name[from] == 'L';
    }
    for (size_t start = from, i = from; i <= length; i++) {
        if (i < length && name[i] != ';' && name[i] != '"' && name[i] != '\'')
            continue;
        str_append_bytes(ret_text, name + start, i - start);
        if (i < length && name[i] == ';')
            str_append(ret_text, ":");
        start = i + 1;
    }
}

static bool ends(const char *text, size_t length, const char *end)
{
    size_t wanted = strlen(end);
    return length >= wanted && memcmp(text + length - wanted, end, wanted) == 0;
}

static bool is_kernel(const struct frame_line *frame)
{
    return ((frame->module_length && frame->module[0] == '[') ||
            ends(frame->module, frame->module_length, "vmlinux")) &&
           !has(frame->module, frame->module_length, "unknown");
}

static bool is_jit(const struct frame_line *frame)
{
    static const char start[] = "/tmp/perf-";
    const char *at = frame->module, *end = frame->module + frame->module_length;
    while ((at = memmem(at, (size_t)(end - at), start, sizeof start - 1)) != NULL) {
        at += sizeof start - 1;
        const char *behind = at;
        while (behind < end && is_digit(*behind))
            behind++;
        if (behind > at && end - behind >= 4 && memcmp(behind, ".map", 4) == 0)
            return true;
    }
    return false;
}

/* A function without a name: its module's, "[libc.so.6]". */
static void name_unknown(const struct frame_line *frame, bool with_address, struct str *ret_name)
{
    const char *name = "unknown";
    size_t length = strlen(name);
    if (frame->module_length != 9 || memcmp(frame->module, "[unknown]", 9) != 0) {
        const char *slash = memrchr(frame->module, '/', frame->module_length);
        name = slash ? slash + 1 : frame->module;
        length = (size_t)(frame->module + frame->module_length - name);
    }
    str_append(ret_name, "[");
    str_append_bytes(ret_name, name, length);
    if (with_address) {
        str_append(ret_name, " <");
        str_append_bytes(ret_name, frame->address, frame->address_length);
        str_append(ret_name, ">");
    }
    str_append(ret_name, "]");
}

static void mark(const struct frame_line *frame, const struct collapse_options *options, bool is_inlined,
                 size_t start, struct str *text)
{
    const char *name = str_text(text) + start;
    if (is_inlined)
        str_append(text, strstr(name, "_[i]") ? "" : "_[i]");
    else if (options->mark_kernel && is_kernel(frame))
        str_append(text, "_[k]");
    else if (options->mark_jit && is_jit(frame))
        str_append(text, strstr(name, "_[j]") ? "" : "_[j]");
}

static void add_function(const struct frame_line *frame, const char *name, size_t length, bool is_java,
                         struct str *text, const struct collapse_options *options)
{
    if (length == 9 && memcmp(name, "[unknown]", 9) == 0) {
        struct str unknown = {0};
        name_unknown(frame, options->with_addresses, &unknown);
        collapse_tidy(str_text(&unknown), unknown.length, is_java, text);
        text->failed |= unknown.failed;
        str_free(&unknown);
    } else {
        collapse_tidy(name, length, is_java, text);
    }
}

/* Inlined calls stand in one line, "outer->inner". Empty ones at the end are none. */
bool frame_line_tidy(const struct frame_line *frame, const struct collapse_options *options, bool is_java,
                     struct str *ret_text)
{
    const char *name = frame->function;
    size_t length = without_offset(name, frame->function_length);
    if (length && name[0] == '(')
        return false;
    while (length >= 2 && name[length - 2] == '-' && name[length - 1] == '>')
        length -= 2;
    if (!length)
        return false;
    bool is_inlined = false;
    for (const char *end = name + length; name;) {
        const char *arrow = memmem(name, (size_t)(end - name), "->", 2);
        size_t part = (size_t)((arrow ? arrow : end) - name), start;
        str_append(ret_text, is_inlined ? ";" : "");
        start = ret_text->length;
        add_function(frame, name, part, is_java, ret_text, options);
        mark(frame, options, is_inlined, start, ret_text);
        is_inlined = true;
        name = arrow ? arrow + 2 : NULL;
    }
    return true;
}
