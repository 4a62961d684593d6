/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/json_file.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_BYTES 65536u

struct json_slice json_part_whole(const struct ingest_input *input)
{
    return (struct json_slice){.bytes = input->bytes, .length = input->length};
}

struct json_slice json_part_find(const struct json_slice *part, const char *key)
{
    struct json_scan scan = json_part(part);
    struct json_slice found = {.bytes = "", .length = 0}, name;
    if (!part->length || !scan_object(&scan))
        return found;
    while (scan_key(&scan, &name)) {
        if (scan_is(&name, key)) {
            scan_raw(&scan, &found);
            break;
        }
        scan_skip(&scan);
    }
    return scan.failed ? (struct json_slice){.bytes = "", .length = 0} : found;
}

void json_part_text(const struct json_slice *text, struct str *str)
{
    str_clear(str);
    if (!text->is_escaped) {
        str_append_bytes(str, text->bytes, text->length);
        return;
    }
    char *copy = malloc(text->length + 1);
    if (copy)
        str_append_bytes(str, copy, scan_copy(text, copy, text->length + 1));
    else
        str->failed = true;
    free(copy);
}

int json_part_broken(const struct ingest_input *input, const struct json_scan *scan, const char *what,
                     struct err *err)
{
    size_t at = scan->at >= input->bytes && scan->at <= input->bytes + input->length
                    ? (size_t)(scan->at - input->bytes)
                    : 0;
    return err_set(err, ERR_INPUT, "byte 0x%zx: %s", at, what);
}

bool json_file_is(const struct ingest_input *input, const char *text)
{
    size_t at = 0, length = input->length < PROBE_BYTES ? input->length : PROBE_BYTES;
    while (at < length && strchr(" \t\r\n", input->bytes[at]) && input->bytes[at])
        at++;
    return at < length && input->bytes[at] == '{' &&
           memmem(input->bytes + at, length - at, text, strlen(text)) != NULL;
}
