/* api.h - the HTTP API: endpoints, their table, OpenAPI.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table (api.c) lists every endpoint; the router, validation, GET /api/v1/openapi.json and
 * docs/guide/api.md are made from it. Thread-safe. */
#ifndef ORF_API_H
#define ORF_API_H

#include "base/base.h"
#include "device/device.h"
#include "http/http.h"
#include "job/job.h"
#include "meter/meter.h"
#include "rest/rest.h"
#include "store/store.h"
#include "work/work.h"

/* --- API ---------------------------------------------------------------------------------- */

typedef struct {
    OrfStore *store; /* these four are borrowed; store and queue are NULL in safe mode */
    OrfQueue *queue;
    OrfMeter *meter;
    OrfDevices *devices;
    OrfRunner *runner;     /* borrowed; NULL: nothing is told of it, and no file is made */
    OrfEngine *engine;     /* borrowed; what is installed decides results, too; NULL: nothing */
    const char *safe_mode; /* why nothing can be stored; NULL: all is well */
    unsigned rate; /* jobs and uploads one client address may create in a minute; 0: no limit */
    bool loopback; /* it listens on loopback: a Host that names another machine is refused */
    bool proxied;  /* the client's address is the last of X-Forwarded-For */
    uint64_t max_upload; /* bytes of one body; 0: 64 MiB */
    uint64_t max_pixels; /* of one picture; 0: 64 million */
    const char *const
        *origins; /* "https://a.example": further sites whose pages may use it; NULL: none */
    /* As in OrfRestOptions; NULL: one local identity that may do everything. */
    bool (*identify)(OrfCall *call, OrfIdentity *ret);
    bool (*verify)(OrfCall *call, const char *body_digest);
} OrfApiOptions;

OrfApi *orf_api_new(const OrfApiOptions *options, GError **error);
const OrfHttpApp *orf_api_app(OrfApi *api);
/* For the statistics of the transport; borrowed, may be NULL. */
void orf_api_set_http(OrfApi *api, OrfHttp *http);
/* Free bytes of the disk; under 256 MiB new jobs are refused. */
void orf_api_set_disk(OrfApi *api, uint64_t free_bytes);
/* From now on /readyz says 503 and new jobs are refused (`draining`). */
void orf_api_drain(OrfApi *api);
/* Streams and sockets get a `reconnect` and end, waits are answered; after the queue has
 * drained. */
void orf_api_end_streams(OrfApi *api);
void orf_api_free(OrfApi *api); /* after orf_http_free */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OrfApi, orf_api_free)

/* How an error is told in a job: by the table of problems. */
void orf_api_describe_error(const GError *error, OrfJobError *ret, void *data);

/* The OpenAPI 3.1 document and the Markdown reference; caller owns. */
char *orf_api_openapi(void);
char *orf_api_reference(void);

#endif
