/* SPDX-License-Identifier: Apache-2.0 */
#include "extract.h"

#include <archive.h>
#include <archive_entry.h>

static int extract_entry(struct archive *archive, struct buffer *out, struct problem *problem)
{
    struct archive_entry *entry;
    la_ssize_t read_bytes;

    if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        return problem_set(problem, "could not read the archive: %s", archive_error_string(archive));
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0 &&
        buffer_reserve(out, (size_t)archive_entry_size(entry) + 1, problem) < 0)
        return -1;
    do {
        if (buffer_reserve(out, 65536, problem) < 0)
            return -1;
        read_bytes = archive_read_data(archive, out->data + out->length, out->capacity - out->length);
        if (read_bytes < 0)
            return problem_set(problem, "could not extract the archive: %s", archive_error_string(archive));
        out->length += (size_t)read_bytes;
    } while (read_bytes > 0);
    return 0;
}

int extract(const struct buffer *zip, struct buffer *out, struct problem *problem)
{
    struct archive *archive = archive_read_new();
    int result;

    out->length = 0;
    if (archive == NULL)
        return problem_set(problem, "could not open the archive: out of memory");
    archive_read_support_format_zip(archive);
    if (archive_read_open_memory(archive, zip->data, zip->length) != ARCHIVE_OK)
        result = problem_set(problem, "could not open the archive: %s", archive_error_string(archive));
    else
        result = extract_entry(archive, out, problem);
    archive_read_free(archive);
    return result;
}
