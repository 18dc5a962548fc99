/* client.c - which address a client has, and how much of it may be on its way at one time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A body that comes slowly holds a connection, and in memory what has come of it. Nobody may
 * hold so many that others find none: one address has a share of bodies, and of the bytes that
 * are kept in memory until they are whole (JSON; pictures go to the disk as they come). */
#include "rest/rest-priv.h"

#include <arpa/inet.h>
#include <string.h>

#define MOST_BODIES 256u
#define MOST_MEMORY ((uint64_t)128 << 20) /* half of what the transport keeps of all */

/* --- Address ------------------------------------------------------------------------------ */

/* "7.7.7.1:443" and "[::1]:443" lose their ports. */
static void
cut_port(char *text)
{
    char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    char *colon = strchr(text, ':');
    if (end) {
        *end = '\0';
        memmove(text, text + 1, strlen(text + 1) + 1);
    } else if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
    }
}

bool
orf_client_forwarded(const char *list, char *ret_address, size_t size)
{
    const char *last = strrchr(list, ',');
    g_autofree char *text = g_strstrip(g_strdup(last ? last + 1 : list));
    cut_port(text);
    struct in6_addr any;
    if (inet_pton(AF_INET, text, &any) != 1 && inet_pton(AF_INET6, text, &any) != 1)
        return false;
    g_strlcpy(ret_address, text, size);
    return true;
}

void
orf_client_key(const OrfCall *call, char ret_key[ORF_ADDRESS_KEY])
{
    char address[INET6_ADDRSTRLEN];
    /* What stands before the proxy's own line, or before its own word in it, the client wrote.
     */
    const char *list = call->rest->options.proxied
                           ? orf_request_last_header(call->request, "X-Forwarded-For")
                           : NULL;
    bool forwarded = list && orf_client_forwarded(list, address, sizeof address);
    orf_limit_address(forwarded ? address : orf_request_peer(call->request), ret_key);
}

/* --- Bodies on their way ------------------------------------------------------------------ */

typedef struct {
    unsigned bodies;
    uint64_t memory;
} Share;

struct OrfArrivals {
    GMutex lock;
    GHashTable *shares; /* key -> Share */
};

typedef struct {
    OrfFollower follower;
    OrfArrivals *arrivals;
    char key[ORF_ADDRESS_KEY];
    uint64_t memory;
} Arrival;

OrfArrivals *
orf_arrivals_new(void)
{
    OrfArrivals *arrivals = g_new0(OrfArrivals, 1);
    g_mutex_init(&arrivals->lock);
    arrivals->shares = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return arrivals;
}

void
orf_arrivals_free(OrfArrivals *arrivals)
{
    if (!arrivals)
        return;
    g_hash_table_unref(arrivals->shares);
    g_mutex_clear(&arrivals->lock);
    g_free(arrivals);
}

static void
arrived(OrfFollower *self, OrfCall *call, bool early)
{
    (void)call, (void)early;
    Arrival *arrival = (Arrival *)self;
    OrfArrivals *arrivals = arrival->arrivals;
    g_mutex_lock(&arrivals->lock);
    Share *share = g_hash_table_lookup(arrivals->shares, arrival->key);
    share->memory -= arrival->memory;
    if (--share->bodies == 0)
        g_hash_table_remove(arrivals->shares, arrival->key);
    g_mutex_unlock(&arrivals->lock);
    g_free(arrival);
}

static bool
take_share(OrfArrivals *arrivals, const Arrival *arrival)
{
    g_mutex_lock(&arrivals->lock);
    Share *share = g_hash_table_lookup(arrivals->shares, arrival->key);
    if (!share) {
        share = g_new0(Share, 1);
        g_hash_table_insert(arrivals->shares, g_strdup(arrival->key), share);
    }
    bool fits = !share->bodies ||
                (share->bodies < MOST_BODIES && share->memory + arrival->memory <= MOST_MEMORY);
    if (fits) {
        share->bodies++;
        share->memory += arrival->memory;
    }
    g_mutex_unlock(&arrivals->lock);
    return fits;
}

/* Programs of this machine come from one address and are trusted with what it has. */
static bool
is_this_machine(const OrfCall *call)
{
    const char *peer = orf_request_peer(call->request);
    return !call->rest->options.proxied &&
           (g_str_has_prefix(peer, "127.") || g_str_equal(peer, "::1"));
}

bool
orf_client_may_send(OrfCall *call)
{
    int64_t length = orf_request_length(call->request);
    bool chunked = orf_request_header(call->request, "Transfer-Encoding") != NULL;
    const char *type = orf_request_header(call->request, "Content-Type");
    if ((length <= 0 && !chunked) || is_this_machine(call))
        return true;
    Arrival *arrival = g_new0(Arrival, 1);
    arrival->follower.gone = arrived;
    arrival->arrivals = call->rest->arrivals;
    if (type && strstr(type, "json"))
        arrival->memory = chunked ? call->rest->options.max_upload : (uint64_t)length;
    orf_client_key(call, arrival->key);
    if (take_share(arrival->arrivals, arrival)) {
        orf_call_follow(call, &arrival->follower);
        return true;
    }
    g_free(arrival);
    orf_call_problem(call, &(OrfProblem){ .code = ORF_PROBLEM_RATE_LIMITED,
                                          .detail = "Too many bodies from this address are on "
                                                    "their way.",
                                          .hint = "Send fewer at a time.",
                                          .retry_after = 1 });
    return false;
}

void
orf_client_has_sent(OrfCall *call)
{
    orf_call_release(call, arrived);
}
