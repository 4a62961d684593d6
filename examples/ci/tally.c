/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally: reads text, one word a line, and prints how many lines there are, how many words differ and which occurs most. An example to
 * hold to a budget: TALLY_EXTRA_PERCENT, set when it is compiled, makes every look-up that much more work.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS    (1u << 14) /* a power of two */
#define WORD_MAX 64

#ifndef TALLY_EXTRA_PERCENT
#define TALLY_EXTRA_PERCENT 0
#endif

struct slot {
    char word[WORD_MAX];
    unsigned count;
};

static struct slot slots[SLOTS];

/* FNV-1a, several times over: a stand-in for what a real program does with a word. */
static uint64_t hash(const char *word)
{
    uint64_t value = 1469598103934665603u;
    for (unsigned round = 0; round < 2 * (100 + TALLY_EXTRA_PERCENT); round++)
        for (const char *at = word; *at; at++)
            value = (value ^ (unsigned char)*at) * 1099511628211u;
    return value;
}

static struct slot *find(const char *word)
{
    for (uint64_t at = hash(word);; at++) {
        struct slot *slot = &slots[at % SLOTS];
        if (!slot->count || strcmp(slot->word, word) == 0)
            return slot;
    }
}

int main(int argc, char **argv)
{
    char line[WORD_MAX];
    unsigned long lines = 0, words = 0;
    const struct slot *most = NULL;
    FILE *file = argc > 1 ? fopen(argv[1], "r") : stdin;
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        struct slot *slot = find(line);
        if (!slot->count) {
            if (++words == SLOTS)
                return 2;
            memcpy(slot->word, line, sizeof line);
        }
        slot->count++;
        lines++;
        if (!most || slot->count > most->count)
            most = slot;
    }
    printf("lines: %lu\nwords: %lu\nmost: %s\n", lines, words, most ? most->word : "");
    fclose(file);
    return 0;
}
