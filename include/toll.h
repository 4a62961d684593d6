/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toll.h: spans, counters and usage of a program, for `toll run`. C99 and C++11, GCC and Clang.
 *
 *     #include <toll.h>
 *
 *     void parse(struct file *file)
 *     {
 *         TOLL_SPAN("parse");                 (until the end of the block)
 *         toll_rows(read_rows(file));         (usage of the innermost open span)
 *     }
 *
 * Link with -ltoll (`pkg-config --cflags --libs toll`). Under `toll run` the calls write to memory that
 * the recorder shares, and what was written survives even a kill -9. Without a recorder each call is one
 * branch on `toll_state`. With -DTOLL_DISABLE everything here vanishes and nothing needs linking.
 *
 * Rules:
 * - Spans nest per thread. Ending a span also ends those begun inside it and still open; ending one that
 *   is not open, or on another thread than it was begun on, does nothing. What is open when its thread or
 *   process ends, ends there.
 * - Names and kinds are UTF-8, at most 255 bytes (the rest is cut), a few thousand different ones a
 *   process: name the work, not the item.
 * - Any thread may call anything at any time; calls from signal handlers are allowed (they may be dropped).
 *   Nothing here fails, blocks on a lock, allocates from the heap or changes errno. A forked child records
 *   as a process of its own. When the recorder falls behind, spans are dropped whole and counted.
 */
#ifndef TOLL_H
#define TOLL_H

#ifdef __cplusplus
extern "C" {
#endif

/* Room for the text of a token, its NUL included. */
#define TOLL_TOKEN_BYTES 64

#define TOLL_JOIN_(a, b) a##b
#define TOLL_JOIN(a, b)  TOLL_JOIN_(a, b)

/* An open span. Treat as opaque; all zero is "none", and ending that does nothing. */
struct toll_span {
    unsigned long long index;
    void *thread;
};

#ifdef TOLL_DISABLE

#define TOLL_SPAN(name) enum { TOLL_JOIN(toll_disabled_, __LINE__) }

static inline int toll_active(void)
{
    return 0;
}

static inline struct toll_span toll_span_begin(const char *name)
{
    struct toll_span none = {0, 0};
    (void)name;
    return none;
}

static inline void toll_span_end(struct toll_span span)
{
    (void)span;
}

static inline void toll_usage(const char *kind, double amount)
{
    (void)kind, (void)amount;
}

static inline void toll_rows(unsigned long long count)
{
    (void)count;
}

static inline void toll_bytes(unsigned long long count)
{
    (void)count;
}

static inline void toll_requests(unsigned long long count)
{
    (void)count;
}

static inline void toll_tokens_input(unsigned long long count)
{
    (void)count;
}

static inline void toll_tokens_output(unsigned long long count)
{
    (void)count;
}

static inline void toll_counter(const char *name, double value)
{
    (void)name, (void)value;
}

static inline void toll_worker_begin(const char *name)
{
    (void)name;
}

static inline void toll_worker_end(void)
{
}

static inline void toll_agent_begin(const char *name)
{
    (void)name;
}

static inline void toll_agent_end(void)
{
}

static inline void toll_token(char token[TOLL_TOKEN_BYTES])
{
    token[0] = '\0';
}

static inline void toll_depends(const char *token)
{
    (void)token;
}

static inline void toll_message_received(const char *token)
{
    (void)token;
}

#else

#define TOLL_API __attribute__((visibility("default")))

/* What the functions below call when a recorder listens; bindings call them too. */
struct toll_site {
    const char *name;
    unsigned id; /* 0 until the name is registered; libtoll's */
};
enum toll_usage_kind {
    TOLL_USAGE_ROWS,
    TOLL_USAGE_BYTES,
    TOLL_USAGE_REQUESTS,
    TOLL_USAGE_TOKENS_INPUT,
    TOLL_USAGE_TOKENS_OUTPUT,
    TOLL_USAGE_KIND_COUNT
};
enum toll_track_kind { TOLL_TRACK_WORKER = 1, TOLL_TRACK_AGENT };
enum toll_edge_kind { TOLL_EDGE_DEPENDS = 1, TOLL_EDGE_MESSAGE };
TOLL_API extern int toll_state; /* not 0: a recorder listens */
TOLL_API struct toll_span toll_sdk_begin_site(struct toll_site *site);
TOLL_API struct toll_span toll_sdk_begin(const char *name);
TOLL_API void toll_sdk_end(struct toll_span span);
TOLL_API void toll_sdk_usage_known(unsigned kind, double amount);
TOLL_API void toll_sdk_usage(const char *kind, double amount);
TOLL_API void toll_sdk_counter(const char *name, double value);
TOLL_API void toll_sdk_track_begin(unsigned kind, const char *name);
TOLL_API void toll_sdk_track_end(unsigned kind);
TOLL_API void toll_sdk_token(char token[TOLL_TOKEN_BYTES]);
TOLL_API void toll_sdk_edge(unsigned kind, const char *token);
TOLL_API void toll_sdk_mark(unsigned pid, const char *name);

/* Whether a recorder listens: for work that is only done to describe. */
static inline int toll_active(void)
{
    return __builtin_expect(__atomic_load_n(&toll_state, __ATOMIC_RELAXED) != 0, 0) != 0;
}

/* Begins a span; the name may be made at run time (it is copied). TOLL_SPAN is faster. */
static inline struct toll_span toll_span_begin(const char *name)
{
    struct toll_span none = {0, 0};
    return toll_active() ? toll_sdk_begin(name) : none;
}

static inline void toll_span_end(struct toll_span span)
{
    if (__builtin_expect(span.index != 0, 0))
        toll_sdk_end(span);
}

static inline struct toll_span toll_span_begin_site(struct toll_site *site)
{
    struct toll_span none = {0, 0};
    return toll_active() ? toll_sdk_begin_site(site) : none;
}

static inline void toll_span_cleanup(const struct toll_span *span)
{
    toll_span_end(*span);
}

/* Adds to what the innermost open span of this thread used or worked through; amounts of one kind add up.
 * Outside any span it does nothing. */
static inline void toll_usage(const char *kind, double amount)
{
    if (toll_active())
        toll_sdk_usage(kind, amount);
}

static inline void toll_rows(unsigned long long count)
{
    if (toll_active())
        toll_sdk_usage_known(TOLL_USAGE_ROWS, (double)count);
}

static inline void toll_bytes(unsigned long long count)
{
    if (toll_active())
        toll_sdk_usage_known(TOLL_USAGE_BYTES, (double)count);
}

static inline void toll_requests(unsigned long long count)
{
    if (toll_active())
        toll_sdk_usage_known(TOLL_USAGE_REQUESTS, (double)count);
}

static inline void toll_tokens_input(unsigned long long count)
{
    if (toll_active())
        toll_sdk_usage_known(TOLL_USAGE_TOKENS_INPUT, (double)count);
}

static inline void toll_tokens_output(unsigned long long count)
{
    if (toll_active())
        toll_sdk_usage_known(TOLL_USAGE_TOKENS_OUTPUT, (double)count);
}

/* The value of a metric from now on: a queue's depth, a cache's size. One series per name and process. */
static inline void toll_counter(const char *name, double value)
{
    if (toll_active())
        toll_sdk_counter(name, value);
}

/* From now until _end this thread does the work of the named worker (or agent) of this process. The same
 * name on another thread later is the same worker. _end closes the last one begun on this thread. */
static inline void toll_worker_begin(const char *name)
{
    if (toll_active())
        toll_sdk_track_begin(TOLL_TRACK_WORKER, name);
}

static inline void toll_worker_end(void)
{
    if (toll_active())
        toll_sdk_track_end(TOLL_TRACK_WORKER);
}

static inline void toll_agent_begin(const char *name)
{
    if (toll_active())
        toll_sdk_track_begin(TOLL_TRACK_AGENT, name);
}

static inline void toll_agent_end(void)
{
    if (toll_active())
        toll_sdk_track_end(TOLL_TRACK_AGENT);
}

/* Writes a text that names this point of this thread's work: printable, without blanks, NUL-terminated, empty
 * without a recorder. It may travel in memory, in a message header or in an environment variable. */
static inline void toll_token(char token[TOLL_TOKEN_BYTES])
{
    token[0] = '\0';
    if (toll_active())
        toll_sdk_token(token);
}

/* From here on, this thread's work needs what was done up to the point of the token, in whatever process of
 * the run. NULL, empty and foreign tokens do nothing. */
static inline void toll_depends(const char *token)
{
    if (toll_active())
        toll_sdk_edge(TOLL_EDGE_DEPENDS, token);
}

/* The same where the token came with a message that was just received. */
static inline void toll_message_received(const char *token)
{
    if (toll_active())
        toll_sdk_edge(TOLL_EDGE_MESSAGE, token);
}

/* A span from here to the end of the enclosing block. `name` is a string literal. */
#ifdef __cplusplus
#define TOLL_SPAN(name)                                                                                      \
    static struct toll_site TOLL_JOIN(toll_site_, __LINE__) = {name, 0};                                     \
    const toll_scope TOLL_JOIN(toll_scope_, __LINE__)(&TOLL_JOIN(toll_site_, __LINE__))
#else
#define TOLL_SPAN(name)                                                                                      \
    static struct toll_site TOLL_JOIN(toll_site_, __LINE__) = {name, 0};                                     \
    __attribute__((cleanup(toll_span_cleanup), unused)) const struct toll_span TOLL_JOIN(                    \
        toll_span_, __LINE__) = toll_span_begin_site(&TOLL_JOIN(toll_site_, __LINE__))
#endif

#endif /* TOLL_DISABLE */

#ifdef __cplusplus
}

#ifndef TOLL_DISABLE
class toll_scope
{
  public:
    explicit toll_scope(struct toll_site *site) : span(toll_span_begin_site(site))
    {
    }
    ~toll_scope()
    {
        toll_span_end(span);
    }
    toll_scope(const toll_scope &) = delete;
    toll_scope &operator=(const toll_scope &) = delete;

  private:
    const struct toll_span span;
};
#endif
#endif

#endif
