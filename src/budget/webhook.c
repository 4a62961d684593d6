/* SPDX-License-Identifier: Apache-2.0 */
#include "budget/webhook.h"

#include "base/str.h"

int webhook_check(const char *url, struct err *err)
{
    if (str_starts(url, "http://") || str_starts(url, "https://"))
        return 0;
    err_set(err, ERR_USAGE, "could not take webhook '%.100s': it is no address", url);
    err_hint(err, "an address begins with http:// or https://");
    return -ERR_USAGE;
}

#ifdef HAVE_LIBCURL

#include <curl/curl.h>

static size_t ignore(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

static CURLcode perform(CURL *handle, const char *url, const char *json, struct curl_slist *heads, char *why)
{
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, json);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, heads);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, WEBHOOK_WAIT_S);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "toll");
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    return curl_easy_perform(handle);
}

int webhook_post(const char *url, const char *json, struct err *err)
{
    char why[CURL_ERROR_SIZE] = "";
    long answer = 0;
    CURL *handle = curl_easy_init();
    struct curl_slist *heads = curl_slist_append(NULL, "Content-Type: application/json");
    int status = 0;
    if (!handle || !heads) {
        status = err_memory(err);
    } else {
        CURLcode code = perform(handle, url, json, heads, why);
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer);
        if (code != CURLE_OK)
            status = err_set(err, ERR_ENVIRONMENT, "could not tell webhook '%.200s': %s", url,
                             *why ? why : curl_easy_strerror(code));
        else if (answer >= 300)
            status = err_set(err, ERR_ENVIRONMENT, "could not tell webhook '%.200s': it answered %ld", url,
                             answer);
    }
    curl_slist_free_all(heads);
    curl_easy_cleanup(handle);
    return status;
}

#else

int webhook_post(const char *url, const char *json, struct err *err)
{
    (void)json;
    err_set(err, ERR_ENVIRONMENT, "could not tell webhook '%.200s': this toll was built without libcurl",
            url);
    err_hint(err, "install libcurl4-openssl-dev and build again");
    return -ERR_ENVIRONMENT;
}

#endif
