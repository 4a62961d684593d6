/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct http {
    CURL *curl;
    struct curl_slist *headers;
    char reason[CURL_ERROR_SIZE];
};

struct receiver {
    struct buffer *out;
    struct problem problem;
};

int http_init(struct problem *problem)
{
    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
        return problem_set(problem, "could not start libcurl");
    return 0;
}

int http_open(struct http **ret_http, struct problem *problem)
{
    struct http *http = calloc(1, sizeof(*http));

    if (http == NULL)
        return problem_set(problem, "could not open an HTTP client: out of memory");
    http->curl = curl_easy_init();
    /* Without it a POST waits for the server's permission. */
    http->headers = curl_slist_append(NULL, "Expect:");
    if (http->curl == NULL || http->headers == NULL) {
        http_close(http);
        return problem_set(problem, "could not open an HTTP client: out of memory");
    }
    *ret_http = http;
    return 0;
}

static size_t http_receive(char *bytes, size_t size, size_t count, void *user)
{
    struct receiver *receiver = user;

    if (buffer_append(receiver->out, bytes, size * count, &receiver->problem) < 0)
        return 0;
    return size * count;
}

static int http_perform(struct http *http, const char *url, struct buffer *out, long *ret_status,
                        struct problem *problem)
{
    struct receiver receiver = {.out = out};
    CURLcode code;

    out->length = 0;
    http->reason[0] = '\0';
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, http->reason);
    curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(http->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(http->curl, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(http->curl, CURLOPT_CONNECTTIMEOUT, 10L);
    /* A server that sends less than a byte a second for half a minute is gone. */
    curl_easy_setopt(http->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(http->curl, CURLOPT_LOW_SPEED_TIME, 30L);
    curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, http_receive);
    curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &receiver);
    code = curl_easy_perform(http->curl);
    if (code != CURLE_OK)
        return problem_set(problem, "could not fetch '%s': %s", url,
                           receiver.problem.text[0] != '\0' ? receiver.problem.text
                           : http->reason[0] != '\0'        ? http->reason
                                                            : curl_easy_strerror(code));
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

int http_get(struct http *http, const char *url, struct buffer *out, struct problem *problem)
{
    long status = 0;

    curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    if (http_perform(http, url, out, &status, problem) < 0)
        return -1;
    if (status != 200)
        return problem_set(problem, "could not fetch '%s': the server answered %ld", url, status);
    return 0;
}

int http_post(struct http *http, const char *url, const struct buffer *body, struct problem *problem)
{
    struct buffer answer = {0};
    long status = 0;
    int result;

    curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body->data);
    curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
    result = http_perform(http, url, &answer, &status, problem);
    if (result == 0 && status / 100 != 2)
        result = problem_set(problem, "could not post to '%s': the server answered %ld: %.*s", url, status,
                             (int)(answer.length < 120 ? answer.length : 120),
                             answer.data != NULL ? answer.data : "");
    buffer_deinit(&answer);
    return result;
}

char *http_escape(struct http *http, const char *text)
{
    return curl_easy_escape(http->curl, text, 0);
}

void http_free(char *escaped)
{
    curl_free(escaped);
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    curl_slist_free_all(http->headers);
    curl_easy_cleanup(http->curl);
    free(http);
}
