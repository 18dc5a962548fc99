/* limit.c - how much may be asked for in a minute under one key: an address, an account.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * GCRA (ITU-T I.371): a key is one number, the time at which all of its quota is back. It
 * falls due again by one every minute / quota; what is due further away than a minute is
 * refused. Keys live in a table of fixed size, four places each; a key that was quiet for a
 * minute needs no place, and when all four are taken the one nearest to that gives way. Names
 * of places are keyed hashes, so that nobody can choose them. */
#include "rest/rest-priv.h"

#include <arpa/inet.h>
#include <string.h>

#define SETS 4096
#define WAYS 4
#define MINUTE_US (60 * G_USEC_PER_SEC)

typedef struct {
    uint64_t key;
    int64_t due_us; /* when all of the quota is back */
} Place;

struct OrfLimiter {
    uint64_t secret[2];
    GMutex lock;
    Place places[SETS][WAYS];
};

OrfLimiter *
orf_limiter_new(void)
{
    OrfLimiter *limiter = g_new0(OrfLimiter, 1);
    for (size_t i = 0; i < 2; i++)
        limiter->secret[i] = (uint64_t)g_random_int() << 32 | g_random_int();
    g_mutex_init(&limiter->lock);
    return limiter;
}

void
orf_limiter_free(OrfLimiter *limiter)
{
    if (!limiter)
        return;
    g_mutex_clear(&limiter->lock);
    g_free(limiter);
}

void
orf_limit_address(const char *address, char ret_key[ORF_ADDRESS_KEY])
{
    uint8_t bytes[16] = { 0 };
    if (inet_pton(AF_INET, address, bytes + 12) != 1)
        (void)inet_pton(AF_INET6, address, bytes); /* else: all that is no address is one */
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t plain[12] = { 0 };
    bool v4 = memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, plain, 12) == 0;
    char *at = ret_key + g_snprintf(ret_key, ORF_ADDRESS_KEY, v4 ? "v4 " : "v6 ");
    for (size_t i = 0; i < (v4 ? 4 : 8); i++)
        at += g_snprintf(at, 3, "%02x", bytes[v4 ? 12 + i : i]);
}

static uint64_t
hash_of(const OrfLimiter *limiter, const char *key)
{
    uint64_t x = limiter->secret[0];
    for (; *key; key++)
        x = (x ^ (uint8_t)*key) * 0x100000001b3u; /* FNV-1a from a secret start */
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    x = (x ^ limiter->secret[1] ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    return (x ^ (x >> 32)) | 1; /* 0 is an empty place */
}

static Place *
place_of(OrfLimiter *limiter, uint64_t key)
{
    Place *places = limiter->places[key / 2 % SETS], *least = &places[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (places[i].key == key)
            return &places[i];
        if (places[i].due_us < least->due_us)
            least = &places[i];
    }
    *least = (Place){ .key = key };
    return least;
}

static unsigned
seconds_up(int64_t us)
{
    return us <= 0 ? 0 : (unsigned)((us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
}

OrfLimitTold
orf_limiter_take(OrfLimiter *limiter, const char *key, unsigned quota, unsigned cost,
                 int64_t now_us)
{
    int64_t each = MAX(MINUTE_US / quota, 1), burst = each * quota;
    uint64_t hash = hash_of(limiter, key);
    OrfLimitTold told = { .quota = quota };
    g_mutex_lock(&limiter->lock);
    Place *place = place_of(limiter, hash);
    int64_t due = MAX(place->due_us, now_us), wish = due + each * cost;
    told.allowed = wish - now_us <= burst;
    if (told.allowed)
        place->due_us = due = wish;
    g_mutex_unlock(&limiter->lock);
    told.remaining = (unsigned)((burst - (due - now_us)) / each);
    told.reset_s = seconds_up(due - now_us);
    told.retry_after_s = told.allowed ? 0 : MAX(seconds_up(wish - now_us - burst), 1);
    return told;
}
