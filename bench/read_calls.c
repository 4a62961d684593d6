/* SPDX-License-Identifier: Apache-2.0 */
/* read_calls: reads 64 bytes of its own program, COUNT times; prints the CPU time in ns. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct timespec start, end;
    char bytes[64];

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    for (unsigned long i = 0; i < count; i++)
        if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
            return 1;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    printf("%lld\n",
           (long long)(end.tv_sec - start.tv_sec) * 1000000000 + (long long)(end.tv_nsec - start.tv_nsec));
    return 0;
}
