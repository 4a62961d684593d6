/* SPDX-License-Identifier: Apache-2.0 */
/* ping_pong: two processes on one core pass a byte to and fro, COUNT times; prints the wall time in ns. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void pass(int from, int to, unsigned long count)
{
    char byte = 0;

    for (unsigned long i = 0; i < count; i++)
        if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
            _exit(1);
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    int there[2], back[2];
    struct timespec start, end;
    char byte = 0;
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(0, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0 || pipe(there) != 0 || pipe(back) != 0)
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child == 0) {
        pass(there[0], back[1], count);
        _exit(0);
    }
    for (unsigned long i = 0; i < count; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            return 1;
    waitpid(child, NULL, 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%lld\n",
           (long long)(end.tv_sec - start.tv_sec) * 1000000000 + (long long)(end.tv_nsec - start.tv_nsec));
    return 0;
}
