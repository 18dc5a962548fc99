/* endpoints.h - every endpoint, by the file it is in; api.c puts them into the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ORF_API_ENDPOINTS_H
#define ORF_API_ENDPOINTS_H

#include "api/api-priv.h"

/* generators.c, metrics.c, page.c */
extern const OrfEndpoint orf_endpoint_index, orf_endpoint_generators, orf_endpoint_metrics,
    orf_endpoint_openapi, orf_endpoint_page, orf_endpoint_page_file;
/* stats.c */
extern const OrfEndpoint orf_endpoint_gpu_stats, orf_endpoint_cache_stats,
    orf_endpoint_cache_clear, orf_endpoint_performance, orf_endpoint_recommendations;
/* probes.c */
extern const OrfEndpoint orf_endpoint_livez, orf_endpoint_readyz, orf_endpoint_health,
    orf_endpoint_problems, orf_endpoint_problem;
/* jobs.c, events.c, result.c, ws.c */
extern const OrfEndpoint orf_endpoint_jobs, orf_endpoint_job, orf_endpoint_job_cancel,
    orf_endpoint_job_delete, orf_endpoint_job_events, orf_endpoint_job_result,
    orf_endpoint_job_stage, orf_endpoint_job_view, orf_endpoint_ws;
/* mesh-upload.c, meshes.c */
extern const OrfEndpoint orf_endpoint_meshes_post, orf_endpoint_mesh, orf_endpoint_mesh_file,
    orf_endpoint_mesh_view, orf_endpoint_mesh_analysis, orf_endpoint_mesh_convert,
    orf_endpoint_mesh_delete;
/* create.c, replay.c, uploads.c */
extern const OrfEndpoint orf_endpoint_generate_3d, orf_endpoint_generate,
    orf_endpoint_generate_progressive, orf_endpoint_replay, orf_endpoint_upload,
    orf_endpoint_get_upload;
/* webhooks.c */
extern const OrfEndpoint orf_endpoint_webhooks, orf_endpoint_webhook_resend;
/* operations.c */
extern const OrfEndpoint orf_endpoint_operations, orf_endpoint_operate;
/* hunyuan.c */
extern const OrfEndpoint orf_endpoint_hunyuan_generate, orf_endpoint_hunyuan_send,
    orf_endpoint_hunyuan_status;

#endif
