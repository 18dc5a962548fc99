/* describe.h - the API described: OpenAPI and reference, from the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_DESCRIBE_H
#define ORF_API_DESCRIBE_H

#include "api/wish.h"

#include <gio/gio.h>

GResource *orf_api_get_resource(void); /* of the build: schemas.json */

json_t *orf_schema_number(double value);
json_t *orf_schema_of_param(const OrfParam *param);
/* Every named schema; caller owns. */
json_t *orf_schemas(void);

/* Rows that belong into a description: not the page's. */
bool orf_endpoint_is_described(const OrfEndpoint *endpoint);
/* The groups in order, with what they are about; a NULL name ends it. */
typedef struct {
    const char *name, *help;
} OrfGroup;
const OrfGroup *orf_groups(void);

#endif
