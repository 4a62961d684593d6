/* SPDX-License-Identifier: Apache-2.0 */
/* What an ELF file (System V ABI, chapter 4) says about its compiler: names of sections, and the texts of .comment. */
#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "diagnose/technology.h"

#define SECTION_MAX       512u
#define NAMES_BYTES_MAX   65536u
#define COMMENT_BYTES_MAX 4096u

static bool bytes_at(int fd, uint64_t offset, void *bytes, size_t length)
{
    return offset < INT64_MAX && pread(fd, bytes, length, (off_t)offset) == (ssize_t)length;
}

/* One item of the list that the text has: a name that is equal, or a text that holds it ('*' at its end is dropped). */
static const char *item_in(const char *list, const char *text, bool is_name, struct arena *arena)
{
    while (list && *list) {
        size_t length = strcspn(list, "|");
        char item[64];
        size_t used = length && list[length - 1] == '*' ? length - 1 : length;
        used = used < sizeof item - 1 ? used : sizeof item - 1;
        memcpy(item, list, used);
        item[used] = '\0';
        if (is_name ? strcmp(text, item) == 0 : strstr(text, item) != NULL)
            return arena_string(arena, item);
        list += length + (list[length] == '|');
    }
    return NULL;
}

static const char *comment_mark(int fd, const Elf64_Shdr *section, const char *list, struct arena *arena)
{
    char comment[COMMENT_BYTES_MAX + 1];
    size_t length = section->sh_size < COMMENT_BYTES_MAX ? (size_t)section->sh_size : COMMENT_BYTES_MAX;
    if (!bytes_at(fd, section->sh_offset, comment, length))
        return NULL;
    for (size_t i = 0; i < length; i++)
        comment[i] = comment[i] ? comment[i] : ' ';
    comment[length] = '\0';
    return item_in(list, comment, false, arena);
}

static const char *file_mark(int fd, const char *list, struct arena *arena)
{
    Elf64_Ehdr head;
    Elf64_Shdr names_section, section;
    char names[NAMES_BYTES_MAX + 1];
    if (!bytes_at(fd, 0, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_shentsize != sizeof section ||
        head.e_shoff > INT64_MAX / 2 || head.e_shstrndx >= head.e_shnum ||
        !bytes_at(fd, head.e_shoff + (uint64_t)head.e_shstrndx * sizeof section, &names_section,
                  sizeof names_section))
        return NULL;
    size_t length = names_section.sh_size < NAMES_BYTES_MAX ? (size_t)names_section.sh_size : NAMES_BYTES_MAX;
    if (!bytes_at(fd, names_section.sh_offset, names, length))
        return NULL;
    names[length] = '\0';
    for (unsigned i = 0; i < head.e_shnum && i < SECTION_MAX; i++) {
        if (!bytes_at(fd, head.e_shoff + (uint64_t)i * sizeof section, &section, sizeof section))
            return NULL;
        if (section.sh_name >= length)
            continue;
        const char *name = names + section.sh_name;
        const char *mark = item_in(list, name, true, arena);
        if (!mark && strcmp(name, ".comment") == 0)
            mark = comment_mark(fd, &section, list, arena);
        if (mark)
            return mark;
    }
    return NULL;
}

bool technology_mark(const char *path, const char *list, struct arena *arena, const char **ret_mark)
{
    struct stat about;
    FS_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        return false;
    const char *mark = file_mark(fd, list, arena);
    if (mark)
        *ret_mark = mark;
    return mark != NULL;
}
