/* hook-guard.c - where messages may go: to the public internet, not into our own network.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A client's webhook must not be a way to talk to what only this machine can reach: itself (by
 * its public address, too), its neighbours, the cloud's metadata service. Names prove nothing,
 * and a name may mean another address a moment later; so the address is looked at when the
 * socket is about to be connected to it (hook-send.c). */
#include "job/hook-priv.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#define MAX_URL 2048

/* IANA's special-purpose registries: nothing of these is a public host. */
static const struct {
    const char *address;
    unsigned bits;
} closed4[] = {
    { "0.0.0.0", 8 },      { "10.0.0.0", 8 },     { "100.64.0.0", 10 }, { "127.0.0.0", 8 },
    { "169.254.0.0", 16 }, { "172.16.0.0", 12 },  { "192.0.0.0", 24 },  { "192.0.2.0", 24 },
    { "192.88.99.0", 24 }, { "192.168.0.0", 16 }, { "198.18.0.0", 15 }, { "198.51.100.0", 24 },
    { "203.0.113.0", 24 }, { "224.0.0.0", 4 },    { "240.0.0.0", 4 },
};

static const struct {
    const char *address;
    unsigned bits;
} closed6[] = {
    { "::", 96 },          /* unspecified, loopback, v4-compatible */
    { "64:ff9b:1::", 48 }, /* local translation */
    { "100::", 64 },       /* discard */
    { "2001::", 23 },      /* protocol assignments: Teredo, ORCHID, benchmarks */
    { "2001:db8::", 32 },  /* documentation */
    { "3fff::", 20 },      /* documentation */
    { "5f00::", 16 },      /* segment routing */
    { "fc00::", 7 },       /* unique local */
    { "fe80::", 10 },      /* link local */
    { "fec0::", 10 },      /* site local */
    { "ff00::", 8 },       /* multicast */
};

static bool
shares_bits(const guint8 *a, const guint8 *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return !rest || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

static bool
is_public4(const guint8 address[4])
{
    for (size_t i = 0; i < G_N_ELEMENTS(closed4); i++) {
        guint8 net[4];
        inet_pton(AF_INET, closed4[i].address, net);
        if (shares_bits(address, net, closed4[i].bits))
            return false;
    }
    return true;
}

/* Addresses that carry a v4 address are as public as that is. */
static bool
carries4(const guint8 address[16], const guint8 **ret_inner)
{
    static const guint8 mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const guint8 translated[12] = { 0, 0x64, 0xff, 0x9b };
    static const guint8 six_to_four[2] = { 0x20, 0x02 };
    if (memcmp(address, mapped, 12) == 0 || memcmp(address, translated, 12) == 0)
        *ret_inner = address + 12;
    else if (memcmp(address, six_to_four, 2) == 0)
        *ret_inner = address + 2;
    else
        return false;
    return true;
}

static bool
is_public6(const guint8 address[16])
{
    const guint8 *inner;
    if (carries4(address, &inner))
        return is_public4(inner);
    for (size_t i = 0; i < G_N_ELEMENTS(closed6); i++) {
        guint8 net[16];
        inet_pton(AF_INET6, closed6[i].address, net);
        if (shares_bits(address, net, closed6[i].bits))
            return false;
    }
    return (address[0] & 0xe0) == 0x20; /* 2000::/3 is all that is handed out */
}

bool
orf_address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public4(
            (const guint8 *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return is_public6(
            (const guint8 *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return false;
}

/* --- Ourselves ---------------------------------------------------------------------------- */

static bool
is_same(const struct sockaddr *a, const struct sockaddr *b)
{
    const void *x = a, *y = b;
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)x)->sin_addr,
                      &((const struct sockaddr_in *)y)->sin_addr, sizeof(struct in_addr)) == 0;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)x)->sin6_addr,
                  &((const struct sockaddr_in6 *)y)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Asked each time: addresses come and go. When they cannot be told it may be ours. */
bool
orf_address_is_ours(const struct sockaddr *address)
{
    struct ifaddrs *all = NULL;
    bool ours = getifaddrs(&all) != 0;
    for (const struct ifaddrs *each = all; each && !ours; each = each->ifa_next)
        ours = each->ifa_addr && is_same(each->ifa_addr, address);
    if (all)
        freeifaddrs(all);
    return ours;
}

bool
orf_address_is_foreign(const struct sockaddr *address)
{
    return orf_address_is_public(address) && !orf_address_is_ours(address);
}

/* --- URLs --------------------------------------------------------------------------------- */

/* A host written as a number is looked at at once, so that the client hears of it. */
static bool
host_is_closed(const char *host)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    g_autofree char *bare = g_strdup(host);
    if (*bare == '[') {
        memmove(bare, bare + 1, strlen(bare));
        bare[strcspn(bare, "]%")] = 0;
    }
    if (inet_pton(AF_INET, bare, &v4.sin_addr) == 1)
        return !orf_address_is_foreign((const struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, bare, &v6.sin6_addr) == 1)
        return !orf_address_is_foreign((const struct sockaddr *)&v6);
    return g_ascii_strcasecmp(host, "localhost") == 0 || g_str_has_suffix(host, ".localhost");
}

static bool
check_parts(const char *scheme, const char *host, const char *user, bool may_be_local,
            GError **error)
{
    if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return ORF_FALSE(error, BAD_INPUT, "webhook: only http and https URLs are called");
    if (user)
        return ORF_FALSE(error, BAD_INPUT,
                         "webhook: a URL with a user name is not called; "
                         "check the signature of the message instead");
    if (!host || !*host || (!may_be_local && host_is_closed(host)))
        return ORF_FALSE(error, BAD_INPUT,
                         "webhook: the address is not a public one of another machine; give a "
                         "URL that the internet can reach");
    return true;
}

bool
orf_hooks_check_url(const char *text, bool may_be_local, GError **error)
{
    if (strlen(text) > MAX_URL)
        return ORF_FALSE(error, BAD_INPUT, "webhook: the URL is longer than %d bytes", MAX_URL);
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *user = NULL;
    bool ok = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    if (ok) {
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
        curl_url_get(url, CURLUPART_HOST, &host, 0);
        curl_url_get(url, CURLUPART_USER, &user, 0);
        ok = check_parts(scheme, host, user, may_be_local, error);
    } else {
        (void)ORF_FALSE(error, BAD_INPUT, "webhook: this is not a URL");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(url);
    return ok;
}
