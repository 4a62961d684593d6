/* SPDX-License-Identifier: Apache-2.0 */
/* guest_text: the names of files, put together without the C library's stdio. Each puts a '\0' behind and returns its place. */
#ifndef TOLL_GUEST_TEXT_H
#define TOLL_GUEST_TEXT_H

#include <stdint.h>
#include <string.h>

#define GUEST_NAME_BYTES 96 /* of a ring's file, with the '/' before it */

static inline char *guest_put_text(char *end, const char *text)
{
    size_t length = strlen(text);

    memcpy(end, text, length + 1);
    return end + length;
}

static inline char *guest_put_number(char *end, uint64_t number, unsigned base)
{
    char digits[24];
    unsigned count = 0;

    do
        digits[count++] = "0123456789abcdef"[number % base];
    while ((number /= base) > 0);
    while (count > 0)
        *end++ = digits[--count];
    *end = '\0';
    return end;
}

/* "FOLDER/KIND-<pid>-<nonce>", where a process's files begin; `path` has room for the folder and GUEST_NAME_BYTES. */
static inline char *guest_put_process(char *path, const char *folder, const char *kind, uint32_t pid,
                                      uint64_t nonce)
{
    char *end = guest_put_text(guest_put_text(guest_put_text(path, folder), "/"), kind);

    end = guest_put_number(guest_put_text(end, "-"), pid, 10);
    return guest_put_number(guest_put_text(end, "-"), nonce, 16);
}

#endif
