/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap_plugin: a library as plug-ins in C++ are: while it is loaded, with the loader's lock held, it makes a thread and waits
 * for it. The thread is the first that deletes. heap_probe loads it.
 */
#include <pthread.h>
#include <stddef.h>

void *_Znwm(size_t size); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): operator new */
void _ZdlPv(
    void *block); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): operator delete */

static void *drop(void *block)
{
    _ZdlPv(block);
    return NULL;
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, drop, _Znwm(16)) == 0)
        pthread_join(thread, NULL);
}
