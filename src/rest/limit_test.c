/* SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#define S G_USEC_PER_SEC

static OrfLimitTold
take(OrfLimiter *limiter, const char *address, unsigned quota, unsigned cost, int64_t now_us)
{
    char key[ORF_ADDRESS_KEY];
    orf_limit_address(address, key);
    return orf_limiter_take(limiter, key, quota, cost, now_us);
}

static void
gives_quota(void)
{
    OrfLimiter *limiter = orf_limiter_new();
    for (unsigned i = 0; i < 60; i++) {
        OrfLimitTold told = take(limiter, "10.0.0.1", 60, 1, 1 * S);
        g_assert_true(told.allowed);
        g_assert_cmpuint(told.remaining, ==, 59 - i);
        g_assert_cmpuint(told.reset_s, ==, i + 1);
    }
    OrfLimitTold told = take(limiter, "10.0.0.1", 60, 1, 1 * S);
    g_assert_false(told.allowed);
    g_assert_cmpuint(told.retry_after_s, ==, 1);
    g_assert_true(take(limiter, "10.0.0.2", 60, 1, 1 * S).allowed);
    orf_limiter_free(limiter);
}

static void
gives_back(void)
{
    OrfLimiter *limiter = orf_limiter_new();
    g_assert_true(take(limiter, "::1", 6, 6, 0).allowed);
    OrfLimitTold told = take(limiter, "::1", 6, 1, 3 * S);
    g_assert_false(told.allowed);
    g_assert_cmpuint(told.retry_after_s, ==, 7);
    g_assert_true(take(limiter, "::1", 6, 1, 10 * S).allowed);
    g_assert_false(take(limiter, "::1", 6, 1, 10 * S).allowed);
    g_assert_cmpuint(take(limiter, "::1", 6, 0, 200 * S).remaining, ==, 6);
    orf_limiter_free(limiter);
}

static void
takes_networks(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        { "2001:db8::1", "2001:db8::ffff:2", true },
        { "2001:db8::1", "2001:db8:0:1::1", false },
        { "10.0.0.1", "::ffff:10.0.0.1", true },
        { "10.0.0.1", "10.0.0.2", false },
        { "::ffff:10.0.0.1", "::ffff:10.0.0.2", false },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OrfLimiter *limiter = orf_limiter_new();
        g_assert_true(take(limiter, cases[i].a, 1, 1, S).allowed);
        g_assert_cmpint(take(limiter, cases[i].b, 1, 1, S).allowed, ==, !cases[i].same);
        orf_limiter_free(limiter);
    }
}

static void
stays_small(void)
{
    OrfLimiter *limiter = orf_limiter_new();
    for (unsigned i = 0; i < 200000; i++) {
        g_autofree char *address =
            g_strdup_printf("10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
        g_assert_true(take(limiter, address, 2, 1, S).allowed);
    }
    orf_limiter_free(limiter);
}

static void
reads_trace(void)
{
    static const struct {
        const char *given;
        bool kept;
    } cases[] = {
        { "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true },
        { "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true },
        { "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false },
        { "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false },
        { "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false },
        { "00-00000000000000000000000000000000-b7ad6b7169203331-01", false },
        { "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false },
        { "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false },
        { "", false },
        { NULL, false },
    };
    _Atomic uint64_t seed = 7;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char id[33], parent[TRACEPARENT_SIZE], again[33];
        orf_traceparent_read(cases[i].given, &seed, id);
        g_assert_cmpint(g_str_equal(id, "0af7651916cd43dd8448eb211c80319c"), ==, cases[i].kept);
        orf_traceparent_write(id, &seed, parent);
        orf_traceparent_read(parent, &seed, again);
        g_assert_cmpstr(again, ==, id);
    }
}

static void
reads_forwarded(void)
{
    static const struct {
        const char *list, *address;
    } cases[] = {
        { "1.1.1.1", "1.1.1.1" },
        { "1.1.1.1, 9.9.9.9", "9.9.9.9" },
        { "1.1.1.1,9.9.9.9 ", "9.9.9.9" },
        { "7.7.7.1:443", "7.7.7.1" },
        { "2001:db8::1", "2001:db8::1" },
        { "[2001:db8::1]", "2001:db8::1" },
        { "a, [2001:db8::1]:443", "2001:db8::1" },
        { "unknown", NULL },
        { "1.1.1.1, ", NULL },
        { "1.1.1.1:", "1.1.1.1" },
        { "[::1", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char address[64] = "";
        g_test_message("%s", cases[i].list);
        bool known = orf_client_forwarded(cases[i].list, address, sizeof address);
        g_assert_cmpint(known, ==, cases[i].address != NULL);
        g_assert_cmpstr(address, ==, known ? cases[i].address : "");
    }
}

static void
knows_hosts(void)
{
    static const char *const origins[] = { "https://models.example", NULL };
    static const struct {
        const char *host;
        bool ours;
    } cases[] = {
        { "127.0.0.1:8080", true },
        { "localhost", true },
        { "LOCALHOST:80", true },
        { "[::1]:8080", true },
        { "studio.localhost", true },
        { "models.example", true },
        { "models.example:443", true },
        { "evil.example", false },
        { "notlocalhost", false },
        { "localhost.evil.example", false },
        { "127.0.0.1.evil.example", false },
        { "[evil.example", false },
        { "[evil.example]", false },
        { "[::1", false },
        { "", false },
        { NULL, true },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].host);
        g_assert_cmpint(orf_host_is_ours(cases[i].host, origins), ==, cases[i].ours);
    }
}

static void
scrubs(void)
{
    static const struct {
        const char *text, *clean;
    } cases[] = {
        { "/var/lib/x.db: disk full", "(file): disk full" },
        { "cannot open '/home/a b/c'; look at /api/v1/jobs",
          "cannot open '(file) b/c'; look at /api/v1/jobs" },
        { "size: 3 mm/s, #/parameters/size", "size: 3 mm/s, #/parameters/size" },
        { "plain", "plain" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *clean = orf_problem_scrub(cases[i].text);
        g_assert_cmpstr(clean, ==, cases[i].clean);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/limit/refuses-what-is-over-the-quota-of-an-address", gives_quota);
    g_test_add_func("/rest/limit/gives-back-little-by-little", gives_back);
    g_test_add_func("/rest/limit/counts-ipv6-by-its-64", takes_networks);
    g_test_add_func("/rest/limit/a-flood-of-addresses-needs-no-more-memory", stays_small);
    g_test_add_func("/rest/client/is-the-last-address-forwarded", reads_forwarded);
    g_test_add_func("/rest/traceparent/keeps-what-is-valid-and-begins-anew-else", reads_trace);
    g_test_add_func("/rest/origin/knows-names-of-this-machine", knows_hosts);
    g_test_add_func("/rest/problem/hides-paths-of-the-machine", scrubs);
    return g_test_run();
}
