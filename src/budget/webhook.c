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
#include <dlfcn.h>

/* It brings a dozen libraries: whoever tells no webhook must not wait until they are loaded. */
#define LIBCURL "libcurl.so.4"

struct curl {
    __typeof__(&curl_easy_init) init;
    __typeof__(&curl_easy_setopt) setopt;
    __typeof__(&curl_easy_perform) perform;
    __typeof__(&curl_easy_getinfo) getinfo;
    __typeof__(&curl_easy_strerror) strerror;
    __typeof__(&curl_easy_cleanup) cleanup;
    __typeof__(&curl_slist_append) slist_append;
    __typeof__(&curl_slist_free_all) slist_free_all;
};

static bool curl_load(struct curl *curl)
{
    void *library = dlopen(LIBCURL, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    *(void **)&curl->init = dlsym(library, "curl_easy_init");
    *(void **)&curl->setopt = dlsym(library, "curl_easy_setopt");
    *(void **)&curl->perform = dlsym(library, "curl_easy_perform");
    *(void **)&curl->getinfo = dlsym(library, "curl_easy_getinfo");
    *(void **)&curl->strerror = dlsym(library, "curl_easy_strerror");
    *(void **)&curl->cleanup = dlsym(library, "curl_easy_cleanup");
    *(void **)&curl->slist_append = dlsym(library, "curl_slist_append");
    *(void **)&curl->slist_free_all = dlsym(library, "curl_slist_free_all");
    return curl->init && curl->setopt && curl->perform && curl->getinfo && curl->strerror && curl->cleanup &&
           curl->slist_append && curl->slist_free_all;
}

static size_t ignore(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes, (void)context;
    return size * count;
}

/* curl.h checks arguments by macros of the functions' names; members are called past them. */
static CURLcode perform(const struct curl *curl, CURL *handle, const char *url, const char *json,
                        struct curl_slist *heads, char *why)
{
    (curl->setopt)(handle, CURLOPT_URL, url);
    (curl->setopt)(handle, CURLOPT_POSTFIELDS, json);
    (curl->setopt)(handle, CURLOPT_HTTPHEADER, heads);
    (curl->setopt)(handle, CURLOPT_TIMEOUT, WEBHOOK_WAIT_S);
    (curl->setopt)(handle, CURLOPT_NOSIGNAL, 1L);
    (curl->setopt)(handle, CURLOPT_ERRORBUFFER, why);
    (curl->setopt)(handle, CURLOPT_WRITEFUNCTION, ignore);
    (curl->setopt)(handle, CURLOPT_USERAGENT, "toll");
    (curl->setopt)(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    return curl->perform(handle);
}

static int post(const struct curl *curl, const char *url, const char *json, struct err *err)
{
    char why[CURL_ERROR_SIZE] = "";
    long answer = 0;
    CURL *handle = curl->init();
    struct curl_slist *heads = curl->slist_append(NULL, "Content-Type: application/json");
    int status = 0;
    if (!handle || !heads) {
        status = err_memory(err);
    } else {
        CURLcode code = perform(curl, handle, url, json, heads, why);
        (curl->getinfo)(handle, CURLINFO_RESPONSE_CODE, &answer);
        if (code != CURLE_OK)
            status = err_set(err, ERR_ENVIRONMENT, "could not tell webhook '%.200s': %s", url,
                             *why ? why : curl->strerror(code));
        else if (answer >= 300)
            status = err_set(err, ERR_ENVIRONMENT, "could not tell webhook '%.200s': it answered %ld", url,
                             answer);
    }
    curl->slist_free_all(heads);
    curl->cleanup(handle);
    return status;
}

int webhook_post(const char *url, const char *json, struct err *err)
{
    struct curl curl = {0};
    int status;
    if (curl_load(&curl)) {
        status = post(&curl, url, json, err);
    } else {
        status = err_set(err, ERR_ENVIRONMENT,
                         "could not tell webhook '%.200s': " LIBCURL " is not installed", url);
        err_hint(err, "apt-get install libcurl4");
    }
    return status; /* the library stays: what it keeps would be lost without it */
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
