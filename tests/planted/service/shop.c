/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shop: the application between nginx and PostgreSQL. A fixed number of workers, each with one request at a time:
 * accept, read the request, ask something outside (a wait of its own), book the sale under the one lock, query the
 * database over a connection of the pool, answer, close. Its options plant one limit; service.py has them.
 *
 *     shop PORT WORKERS POOL OUTSIDE_US LOCK_US LEDGERS CONNECTION QUERY
 *
 * Prints "ready" when it listens; ends with SIGTERM or when its standard input does.
 */
#include "planted.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libpq-fe.h>

#define POOL_MAX          256
#define LEDGERS_MAX       256
#define REQUEST_BYTES_MAX 4096

static struct {
    int listener;
    uint64_t outside_ns, lock_ns;
    size_t ledgers;
    const char *query;
} shop;

/* One for all workers, or split: each worker books in its own. */
static struct ledger {
    pthread_mutex_t lock;
    uint64_t count;
} ledgers[LEDGERS_MAX];

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pool_free = PTHREAD_COND_INITIALIZER;
static PGconn *pool[POOL_MAX];
static size_t pool_count;

PLANTED_NOINLINE static PGconn *pool_take(void)
{
    pthread_mutex_lock(&pool_lock);
    while (pool_count == 0)
        pthread_cond_wait(&pool_free, &pool_lock);
    PGconn *connection = pool[--pool_count];
    pthread_mutex_unlock(&pool_lock);
    return connection;
}

PLANTED_NOINLINE static void pool_give(PGconn *connection)
{
    pthread_mutex_lock(&pool_lock);
    pool[pool_count++] = connection;
    pthread_cond_signal(&pool_free);
    pthread_mutex_unlock(&pool_lock);
}

PLANTED_NOINLINE static void ledger_book(size_t worker)
{
    struct ledger *ledger = &ledgers[worker % shop.ledgers];

    pthread_mutex_lock(&ledger->lock);
    ledger->count++;
    if (shop.lock_ns)
        planted_sleep(shop.lock_ns);
    pthread_mutex_unlock(&ledger->lock);
}

PLANTED_NOINLINE static void query_run(char *value, size_t capacity)
{
    PGconn *connection = pool_take();
    PGresult *result = PQexec(connection, shop.query);

    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fprintf(stderr, "shop: %s", PQerrorMessage(connection));
        exit(1);
    }
    snprintf(value, capacity, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    pool_give(connection);
}

PLANTED_NOINLINE static void answer(int fd, size_t worker)
{
    char request[REQUEST_BYTES_MAX], value[64], text[256];
    size_t used = 0;

    for (;;) {
        ssize_t got = recv(fd, request + used, sizeof request - 1 - used, 0);
        if (got <= 0)
            return;
        used += (size_t)got;
        request[used] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL)
            break;
    }
    if (shop.outside_ns)
        planted_sleep(shop.outside_ns);
    ledger_book(worker);
    query_run(value, sizeof value);
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                          "Content-Length: %zu\r\n\r\n%s\n",
                          strlen(value) + 1, value);
    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        fprintf(stderr, "shop: an answer was not taken\n");
}

static void *work(void *argument)
{
    size_t worker = (size_t)(uintptr_t)argument;

    for (;;) {
        int fd = accept(shop.listener, NULL, NULL);
        if (fd < 0)
            planted_fail("accept connection");
        answer(fd, worker);
        close(fd);
    }
    return NULL;
}

static void listen_on(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;

    shop.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (shop.listener < 0 || setsockopt(shop.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(shop.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(shop.listener, 1024) != 0)
        planted_fail("listen on the port");
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: shop PORT WORKERS POOL OUTSIDE_US LOCK_US LEDGERS CONNECTION QUERY\n");
        return 2;
    }
    size_t worker_count = strtoul(argv[2], NULL, 10), connection_count = strtoul(argv[3], NULL, 10);
    shop.outside_ns = strtoull(argv[4], NULL, 10) * 1000;
    shop.lock_ns = strtoull(argv[5], NULL, 10) * 1000;
    shop.ledgers = strtoul(argv[6], NULL, 10);
    if (shop.ledgers < 1 || shop.ledgers > LEDGERS_MAX)
        return 2;
    for (size_t i = 0; i < shop.ledgers; i++)
        pthread_mutex_init(&ledgers[i].lock, NULL);
    shop.query = argv[8];
    for (size_t i = 0; i < connection_count && i < POOL_MAX; i++) {
        pool[i] = PQconnectdb(argv[7]);
        if (PQstatus(pool[i]) != CONNECTION_OK) {
            fprintf(stderr, "shop: %s", PQerrorMessage(pool[i]));
            return 1;
        }
        pool_count++;
    }
    listen_on(argv[1]);
    for (size_t i = 0; i < worker_count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)(uintptr_t)i) != 0)
            planted_fail("start a worker");
    }
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    return 0;
}
