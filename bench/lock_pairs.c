/* SPDX-License-Identifier: Apache-2.0 */
/* lock_pairs: takes and lets go of a free mutex, COUNT times, in a process with two threads; prints the CPU time in ns. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void *rest(void *unused)
{
    pause();
    return unused;
}

int main(int argc, char **argv)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000000;
    struct timespec start, end;
    volatile unsigned long done = 0;
    pthread_t thread;

    if (pthread_create(&thread, NULL, rest, NULL) != 0)
        return 1;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (unsigned long i = 0; i < count; i++) {
        pthread_mutex_lock(&lock);
        done = done + 1;
        pthread_mutex_unlock(&lock);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    printf("%lld\n",
           (long long)(end.tv_sec - start.tv_sec) * 1000000000 + (long long)(end.tv_nsec - start.tv_nsec));
    return 0;
}
