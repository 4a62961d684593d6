/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted cause: queue-growth. A source gives an item every 400 us to the thread that handles them, which needs 800 us
 * for each: the queue between them grows all the time, and is worked off when the source has ended. Its length is told
 * by a counter. Fix: four threads handle them.
 */
#include "planted.h"

#include <pthread.h>

#include "toll.h"

#define ITEM_COUNT   1800
#define ITEM_BYTES   4096
#define ITEM_NS      (PLANTED_MS_NS * 3 / 10)
#define HANDLE_NS    (PLANTED_MS_NS * 6 / 10)
#define HANDLE_UNITS 10u
#define HANDLERS_MAX 4

struct item {
    struct item *next;
    char bytes[ITEM_BYTES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static struct item *first, **last = &first;
static size_t waiting_count;
static bool is_over;

PLANTED_NOINLINE static uint64_t handle(const struct item *item)
{
    uint64_t state = (uint64_t)item->bytes[0];

    planted_work(state, HANDLE_UNITS);
    planted_sleep(HANDLE_NS);
    return state;
}

static void put(struct item *item)
{
    pthread_mutex_lock(&lock);
    *last = item;
    last = &item->next;
    toll_counter("items waiting", (double)++waiting_count);
    pthread_cond_signal(&news);
    pthread_mutex_unlock(&lock);
}

/* NULL when there will be no more. */
static struct item *take(void)
{
    pthread_mutex_lock(&lock);
    while (first == NULL && !is_over)
        pthread_cond_wait(&news, &lock);
    struct item *item = first;
    if (item != NULL) {
        first = item->next;
        if (first == NULL)
            last = &first;
        toll_counter("items waiting", (double)--waiting_count);
    }
    pthread_mutex_unlock(&lock);
    return item;
}

static void *handler_main(void *unused)
{
    uint64_t state = 0;

    (void)unused;
    for (struct item *item = take(); item != NULL; item = take()) {
        state += handle(item);
        free(item);
    }
    return (void *)(uintptr_t)state;
}

static void give_items(void)
{
    for (int i = 0; i < ITEM_COUNT; i++) {
        struct item *item = malloc(sizeof *item);
        if (item == NULL)
            planted_fail("make item");
        memset(item->bytes, i, sizeof item->bytes);
        item->next = NULL;
        put(item);
        planted_sleep(ITEM_NS);
    }
    pthread_mutex_lock(&lock);
    is_over = true;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
    pthread_t handlers[HANDLERS_MAX];
    int count = planted_flag(argc, argv, "--fixed") ? HANDLERS_MAX : 1;

    for (int i = 0; i < count; i++) {
        if (pthread_create(&handlers[i], NULL, handler_main, NULL) != 0)
            planted_fail("start thread");
    }
    give_items();
    for (int i = 0; i < count; i++)
        pthread_join(handlers[i], NULL);
    return 0;
}
