/* origin.c - pages of other sites must not drive the API of this machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A page may send simple requests anywhere; browsers say so in Origin and Sec-Fetch-Site, which
 * pages cannot forge. A page whose name was pointed at this machine after it was loaded (DNS
 * rebinding) counts as same origin, but its Host is still its own name: on loopback a Host must
 * be an address, localhost, or the host of a listed origin. */
#include "rest/rest-priv.h"

#include <string.h>

/* Name and port apart; "[::1]:80" keeps its brackets. */
static size_t
name_size(const char *host)
{
    if (host[0] == '[')
        return strcspn(host, "]") + (strchr(host, ']') != NULL);
    return strcspn(host, ":");
}

static bool
is_address(const char *name, size_t size)
{
    bool v6 = name[0] == '[';
    if (v6 && (size < 3 || name[size - 1] != ']'))
        return false;
    g_autofree char *copy = v6 ? g_strndup(name + 1, size - 2) : g_strndup(name, size);
    return g_hostname_is_ip_address(copy);
}

static bool
is_localhost(const char *name, size_t size)
{
    static const char local[] = "localhost";
    size_t n = sizeof local - 1;
    if (size < n || g_ascii_strncasecmp(name + size - n, local, n) != 0)
        return false;
    return size == n || name[size - n - 1] == '.';
}

/* The part of "https://host:port" after the scheme; NULL: no origin ("null"). */
static const char *
host_of_origin(const char *origin)
{
    const char *at = strstr(origin, "://");
    return at ? at + 3 : NULL;
}

bool
orf_host_is_ours(const char *host, const char *const *origins)
{
    if (!host)
        return true; /* HTTP/1.0: no browser */
    size_t size = name_size(host);
    if (is_localhost(host, size) || is_address(host, size))
        return true;
    for (; origins && *origins; origins++) {
        const char *listed = host_of_origin(*origins);
        if (listed && name_size(listed) == size && g_ascii_strncasecmp(listed, host, size) == 0)
            return true;
    }
    return false;
}

const char *
orf_origin_listed(const OrfRequest *request, const char *const *origins)
{
    const char *origin = origins ? orf_request_header(request, "Origin") : NULL;
    return origin && g_strv_contains(origins, origin) ? origin : NULL;
}

bool
orf_origin_is_ours(const OrfRequest *request, const char *const *origins)
{
    const char *site = orf_request_header(request, "Sec-Fetch-Site");
    const char *origin = orf_request_header(request, "Origin");
    const char *host = orf_request_header(request, "Host");
    if (orf_origin_listed(request, origins))
        return true;
    if (site)
        return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    if (!origin)
        return true;
    const char *from = host_of_origin(origin);
    return from && host && g_ascii_strcasecmp(from, host) == 0;
}
