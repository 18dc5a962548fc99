/* schema.c - the queue's tables, one numbered step after the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "job/rows.h"

static const OrfMigration steps[] = {
    { .script =
          "CREATE TABLE job(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, status INTEGER NOT NULL,"
          " priority INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT, request TEXT, result TEXT, "
          "error TEXT,"
          " attempt INTEGER NOT NULL, spared INTEGER NOT NULL, progress REAL NOT NULL, ceiling REAL "
          "NOT NULL, cached "
          "INTEGER NOT NULL,"
          " coalesced INTEGER NOT NULL, no_cache INTEGER NOT NULL, leader TEXT, webhook_url TEXT,"
          " webhook_events INTEGER NOT NULL, events INTEGER NOT NULL, created INTEGER NOT NULL,"
          " started INTEGER NOT NULL, finished INTEGER NOT NULL, expires INTEGER NOT NULL,"
          " deadline INTEGER NOT NULL, not_before INTEGER NOT NULL, cost_s REAL NOT NULL);"
          "CREATE INDEX job_status ON job(status, id);"
          "CREATE INDEX job_tenant ON job(tenant, id);"
          "CREATE INDEX job_expires ON job(expires) WHERE expires > 0;"
          "CREATE TABLE claim(tenant TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,"
          " job TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY(tenant, key)) WITHOUT ROWID;"
          "CREATE INDEX claim_job ON claim(job);"
          "CREATE INDEX claim_created ON claim(created);"
          "CREATE TABLE cache(key TEXT PRIMARY KEY, result TEXT NOT NULL, bytes INTEGER NOT NULL,"
          " cost_s REAL NOT NULL, stored INTEGER NOT NULL, used INTEGER NOT NULL, expires INTEGER "
          "NOT NULL,"
          " hits INTEGER NOT NULL);"
          "CREATE INDEX cache_expires ON cache(expires);"
          "CREATE INDEX cache_bytes ON cache(bytes);" /* sums without reading the results */
          "CREATE TABLE hook(id INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, url TEXT NOT "
          "NULL,"
          " event TEXT NOT NULL, body TEXT NOT NULL, secret TEXT, attempts INTEGER NOT NULL,"
          " next INTEGER NOT NULL, last_error TEXT);"
          "CREATE INDEX hook_next ON hook(next);"
          "CREATE TABLE duration(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, seconds REAL NOT NULL,"
          " peak INTEGER NOT NULL, happened INTEGER NOT NULL);"
          "CREATE INDEX duration_kind ON duration(kind, id);" },

    /* 2: inputs, stages and results have tables; a cached result is that of a job */
    { .script =
          "CREATE TABLE job_input(job TEXT NOT NULL, place INTEGER NOT NULL, digest TEXT NOT NULL,"
          " PRIMARY KEY(job, place)) WITHOUT ROWID;"
          "CREATE TABLE job_stage(job TEXT NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,"
          " progress REAL NOT NULL, digest TEXT NOT NULL, bytes INTEGER NOT NULL,"
          " vertices INTEGER NOT NULL, triangles INTEGER NOT NULL, took_s REAL NOT NULL,"
          " PRIMARY KEY(job, place)) WITHOUT ROWID;"
          "CREATE TABLE job_result(job TEXT PRIMARY KEY, generator TEXT, reason TEXT,"
          " confidence REAL NOT NULL, runner_up TEXT, runner_up_reason TEXT, seed INTEGER NOT NULL,"
          " measures TEXT, warnings TEXT, took_s REAL NOT NULL, peak_bytes INTEGER NOT NULL,"
          " engine TEXT) WITHOUT ROWID;"
          "INSERT INTO job_input SELECT job.id, i.key, json_extract(i.value, '$.sha256')"
          " FROM job, json_each(job.request, '$.pictures') i WHERE job.request IS NOT NULL;"
          "INSERT INTO job_input SELECT id, 1000, json_extract(request, '$.mask.sha256')"
          " FROM job WHERE json_extract(request, '$.mask.sha256') IS NOT NULL;"
          "INSERT INTO job_stage SELECT job.id, s.key, json_extract(s.value, '$.name'),"
          " COALESCE(json_extract(s.value, '$.progress'), 0), json_extract(s.value, '$.sha256'),"
          " COALESCE(json_extract(s.value, '$.bytes'), 0),"
          " COALESCE(json_extract(s.value, '$.vertices'), 0),"
          " COALESCE(json_extract(s.value, '$.triangles'), 0),"
          " COALESCE(json_extract(s.value, '$.took_s'), 0)"
          " FROM job, json_each(job.result, '$.stages') s WHERE job.result IS NOT NULL;"
          "INSERT INTO job_result SELECT id, json_extract(result, '$.generator'),"
          " json_extract(result, '$.reason'), COALESCE(json_extract(result, '$.confidence'), 0),"
          " json_extract(result, '$.runner_up.generator'),"
          " json_extract(result, '$.runner_up.reason'),"
          " COALESCE(json_extract(result, '$.seed'), 0), json_extract(result, '$.measures'),"
          " (SELECT group_concat(value, char(10)) FROM json_each(job.result, '$.warnings')),"
          " COALESCE(json_extract(result, '$.took_s'), 0),"
          " COALESCE(json_extract(result, '$.peak_bytes'), 0), json_extract(result, '$.engine')"
          " FROM job WHERE json_extract(result, '$.generator') IS NOT NULL;"
          "CREATE INDEX job_input_digest ON job_input(digest);"
          "CREATE INDEX job_stage_digest ON job_stage(digest);"
          "ALTER TABLE job ADD COLUMN error_code TEXT;"
          "ALTER TABLE job ADD COLUMN error_text TEXT;"
          "ALTER TABLE job ADD COLUMN retryable INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE job ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
          "UPDATE job SET error_code = json_extract(error, '$.code'),"
          " error_text = json_extract(error, '$.message'),"
          " retryable = json_extract(error, '$.retryable') WHERE error IS NOT NULL;"
          "UPDATE job SET bytes = (SELECT COALESCE(SUM(s.bytes), 0) FROM job_stage s"
          " WHERE s.job = job.id) WHERE cached = 0 AND coalesced = 0;"
          "ALTER TABLE job DROP COLUMN result;"
          "ALTER TABLE job DROP COLUMN error;"
          "DROP INDEX job_expires;"
          "CREATE INDEX job_expires ON job(expires, bytes) WHERE expires > 0;"
          "CREATE TABLE cached(tenant TEXT NOT NULL, key TEXT NOT NULL, job TEXT NOT NULL,"
          " bytes INTEGER NOT NULL, cost_s REAL NOT NULL, stored INTEGER NOT NULL,"
          " used INTEGER NOT NULL, expires INTEGER NOT NULL, hits INTEGER NOT NULL,"
          " PRIMARY KEY(tenant, key)) WITHOUT ROWID;"
          "INSERT INTO cached SELECT job.tenant, job.key, MAX(job.id), cache.bytes, cache.cost_s,"
          " cache.stored, cache.used, cache.expires, cache.hits FROM cache"
          " JOIN job ON cache.key = job.tenant || '/' || job.key"
          " WHERE job.status = 2 AND job.request IS NOT NULL GROUP BY job.tenant, job.key;"
          "DROP TABLE cache;"
          "ALTER TABLE cached RENAME TO cache;"
          "CREATE INDEX cache_expires ON cache(expires);"
          "CREATE INDEX cache_job ON cache(job);"
          "DELETE FROM hook WHERE job NOT IN (SELECT id FROM job);"
          "CREATE INDEX hook_job ON hook(job);" },

    /* 3: any operation is a job: its file has a type, and it may have found out facts */
    { .script =
          "ALTER TABLE job_stage ADD COLUMN type TEXT NOT NULL DEFAULT 'model/gltf-binary';"
          "ALTER TABLE job_stage ADD COLUMN extension TEXT NOT NULL DEFAULT 'glb';"
          "ALTER TABLE job_result ADD COLUMN facts TEXT;" },
};

static const OrfBlobOwner owners[] = { { "job_input", "digest" }, { "job_stage", "digest" } };

const OrfSchema orf_job_schema = {
    .room = "job",
    .steps = steps,
    .n_steps = G_N_ELEMENTS(steps),
    .owners = owners,
    .n_owners = G_N_ELEMENTS(owners),
};
