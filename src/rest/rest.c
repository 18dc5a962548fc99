/* rest.c - the room's life.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/rest-priv.h"

#define LISTENERS 4
#define DESK_ROOM 512 /* waiting for the desk; the next is told to come back */

OrfRest *
orf_rest_new(const OrfRestOptions *options)
{
    OrfRest *rest = g_new0(OrfRest, 1);
    rest->options = *options;
    rest->origins = g_strdupv((char **)options->origins);
    rest->options.origins = (const char *const *)rest->origins;
    rest->app = (OrfHttpApp){ orf_call_begin, orf_call_complete, orf_call_gone, rest };
    rest->router = orf_router_new(options->table);
    rest->limiter = orf_limiter_new();
    rest->arrivals = orf_arrivals_new();
    rest->desk = orf_workers_new("desk", CLAMP(8 * g_get_num_processors(), 16, 64), DESK_ROOM);
    rest->listeners = orf_workers_new("listeners", LISTENERS, 0); /* one call a socket */
    rest->tallies = orf_tallies_new(options->meter, options->table);
    rest->seed = (uint64_t)g_random_int() << 32 | g_random_int();
    return rest;
}

const OrfHttpApp *
orf_rest_app(OrfRest *rest)
{
    return &rest->app;
}

void
orf_rest_stop(OrfRest *rest)
{
    g_clear_pointer(&rest->desk, orf_workers_free);
    g_clear_pointer(&rest->listeners, orf_workers_free);
}

void
orf_rest_free(OrfRest *rest)
{
    if (!rest)
        return;
    orf_rest_stop(rest);
    orf_tallies_free(rest->tallies);
    orf_limiter_free(rest->limiter);
    orf_arrivals_free(rest->arrivals);
    orf_router_free(rest->router);
    g_strfreev(rest->origins);
    g_free(rest);
}
