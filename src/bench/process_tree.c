/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/process_tree.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static bool read_kb(const char *path, const char *field, uint64_t *ret_kb)
{
    char text[8192];
    if (fs_read_small(path, text, sizeof text) <= 0)
        return false;
    const char *at = strstr(text, field);
    if (!at)
        return false;
    *ret_kb = strtoull(at + strlen(field), NULL, 10);
    return true;
}

static uint64_t process_kb(pid_t pid)
{
    char path[64];
    uint64_t kb = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    if (read_kb(path, "\nPss:", &kb))
        return kb;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    return read_kb(path, "\nVmRSS:", &kb) ? kb : 0;
}

struct tree {
    pid_t pids[TREE_PROCESSES_MAX];
    size_t count;
};

static void add_list(struct tree *tree, char *list)
{
    for (char *rest, *word = strtok_r(list, " \n", &rest); word && tree->count < TREE_PROCESSES_MAX;
         word = strtok_r(NULL, " \n", &rest))
        tree->pids[tree->count++] = (pid_t)atoi(word);
}

/* The children of each of its threads. */
static void add_children(struct tree *tree, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        char children[128], list[8192];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(children, sizeof children, "/proc/%d/task/%.20s/children", (int)pid, entry->d_name);
        if (fs_read_small(children, list, sizeof list) > 0)
            add_list(tree, list);
    }
    closedir(tasks);
}

/* For the caller to free, the root first; NULL when memory ran out. */
static struct tree *tree_look(pid_t root)
{
    struct tree *tree = malloc(sizeof *tree);
    if (!tree)
        return NULL;
    tree->pids[0] = root;
    tree->count = 1;
    for (size_t i = 0; i < tree->count; i++)
        add_children(tree, tree->pids[i]);
    return tree;
}

uint64_t process_tree_bytes(pid_t root)
{
    struct tree *tree = tree_look(root);
    uint64_t kb = 0;
    for (size_t i = 0; tree && i < tree->count; i++)
        kb += process_kb(tree->pids[i]);
    free(tree);
    return kb * 1024;
}

void process_tree_signal(pid_t root, int number)
{
    struct tree *tree = tree_look(root);
    for (size_t i = 1; tree && i < tree->count; i++)
        if (tree->pids[i] > 1)
            kill(tree->pids[i], number);
    free(tree);
}
