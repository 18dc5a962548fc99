/* endpoints.h - every endpoint, by the file it is in; api.c puts them into the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_ENDPOINTS_H
#define ORF_API_ENDPOINTS_H

#include "api/api-priv.h"

/* probes.c */
extern const OrfEndpoint orf_endpoint_livez, orf_endpoint_readyz, orf_endpoint_health,
    orf_endpoint_problems, orf_endpoint_problem;

#endif
