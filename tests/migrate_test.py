#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A data folder that an earlier version wrote, opened by this one: migrate_test.py ORFEAS ROOT. Prints TAP.

tests/data/store/version-0.1.0.tar.xz is a folder whose server was killed in the middle of its work, and answers.json,
what that version said about it."""
import hashlib
import json
import os
import pathlib
import sqlite3
import sys
import tarfile

import server as servers
import tap

ORFEAS = os.path.abspath(sys.argv[1])
FOLDER = pathlib.Path(sys.argv[2]) / "tests/data/store/version-0.1.0.tar.xz"
LATER = 100 * 365 * 86400 * 10**6  # what was kept for a day is kept for long enough
CHANGES = {"expires_at"}


def unpack(folder):
    with tarfile.open(FOLDER) as archive:
        archive.extractall(folder)
    database = sqlite3.connect(folder / "data/orfeas.db")
    with database:
        database.execute("UPDATE job SET expires = expires + ? WHERE expires > 0", (LATER,))
        database.execute("UPDATE file SET expires = expires + ?", (LATER,))
        database.execute("UPDATE cache SET expires = expires + ?", (LATER,))
    database.close()
    return json.loads((folder / "answers.json").read_text())


def same(before, after, path=""):
    """Everything that was said is still said; more may be."""
    if isinstance(before, dict):
        for name, value in before.items():
            if name not in CHANGES:
                same(value, after[name], f"{path}/{name}")
    elif isinstance(before, list):
        assert len(before) == len(after), (path, before, after)
        for number, (left, right) in enumerate(zip(before, after)):
            same(left, right, f"{path}/{number}")
    else:
        assert before == after, (path, before, after)


@tap.sentence("/migrate/every-job-result-and-upload-is-found-again")
def found_again(folder):
    told = unpack(folder)
    with servers.Server(ORFEAS, folder / "data") as server:
        for job, before in told["jobs"].items():
            after = server.job(job)
            same(before, after, job)
            for stage in after["stages"]:
                body = server.get(stage["url"]).body
                assert hashlib.sha256(body).hexdigest() == stage["sha256"], stage
        same(told["upload"], server.get(f"/api/v1/uploads/{told['upload']['id']}").json())
        mesh = f"/api/v1/meshes/{told['mesh']['id']}"
        same(told["mesh"], server.get(mesh).json())
        same(told["analysis"], server.get(mesh + "/analysis").json())
        assert server.get(mesh + "/file").status == 200
        model = server.get(f"/status/{told['hunyuan']}").json()
        assert model["status"] == "completed" and model["model_base64"], model["status"]
        listed = server.get("/api/v1/jobs?limit=100").json()["jobs"]
        assert {job["id"] for job in listed} == set(told["jobs"]) | set(told["left"])
        dead = server.get("/api/v1/webhooks").json()["dead"]
        assert [message["event"] for message in dead] == ["job.started", "job.stage", "job.done"], dead


@tap.sentence("/migrate/what-was-waiting-or-running-is-done")
def done(folder):
    told = unpack(folder)
    with servers.Server(ORFEAS, folder / "data") as server:
        ends = []
        for job in told["left"]:
            after = tap.until(lambda job=job: (j := server.job(job))["finished_at"] and j, 120, f"the end of {job}")
            ends.append(after["status"])
            if after["status"] == "succeeded":
                result = server.get(f"/api/v1/jobs/{job}/result")
                assert result.status == 200 and result.body[:4] == b"glTF", result
        assert ends == ["succeeded"] * 7 + ["canceled"], ends


def take_back(folder):
    """The columns that the version before had not."""
    database = sqlite3.connect(folder / "data/orfeas.db")
    with database:
        for table, columns in {"job_stage": ["type", "extension"], "job_result": ["facts"],
                               "derived": ["type", "extension"]}.items():
            for column in columns:
                database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        database.execute("UPDATE schema_step SET step = 2 WHERE room IN ('job', 'store')")
    database.close()


@tap.sentence("/migrate/requests-of-the-version-before-are-run-and-run-again")
def version_before(folder):
    told = unpack(folder)
    with servers.Server(ORFEAS, folder / "data", "--workers", "1") as server:
        form = [("image", ("disc.png", servers.disc(120), "image/png")), ("generator", "relief")]
        made = server.post("/api/v1/generate-3d", form=form, Prefer="wait=60").json()
        waiting = server.post("/api/v1/generate-3d", form=[*form, ("quality", "high"), ("seed", "7")]).json()["id"]
        server.kill()
    take_back(folder)
    with servers.Server(ORFEAS, folder / "data") as server:
        same(made, server.job(made["id"]))
        assert all(stage["type"] == "model/gltf-binary" for stage in server.job(made["id"])["stages"])
        ended = tap.until(lambda: (j := server.job(waiting))["finished_at"] and j, 120, "the job that waited ends")
        assert ended["status"] == "succeeded" and ended["operation"] == "generate", ended
        again = server.request("POST", f"/api/v1/jobs/{made['id']}/replay", body=b"").json()
        after = tap.until(lambda: (j := server.job(again["id"]))["finished_at"] and j, 120, "the replay ends")
        assert after["recipe"] == made["recipe"], (after, made)
        assert [stage["sha256"] for stage in after["stages"]] == [stage["sha256"] for stage in made["stages"]]
        mesh = f"/api/v1/meshes/{told['mesh']['id']}"
        assert server.get(mesh + "/view").status == 200


@tap.sentence("/migrate/a-second-start-changes-nothing")
def twice(folder):
    told = unpack(folder)
    for _ in range(2):
        with servers.Server(ORFEAS, folder / "data") as server:
            for job, before in told["jobs"].items():
                same(before, server.job(job), job)


@tap.sentence("/migrate/what-is-erased-of-it-is-gone")
def erased(folder):
    told = unpack(folder)
    jobs = list(told["jobs"])
    digests = {stage["sha256"] for job in told["jobs"].values() for stage in job["stages"]}
    with servers.Server(ORFEAS, folder / "data") as server:
        for job in jobs + told["left"]:
            assert server.request("DELETE", f"/api/v1/jobs/{job}").status == 204
        kept = {path.name for path in (folder / "data/blobs").rglob("*") if path.is_file()}
        assert not digests & kept, digests & kept
        assert not server.get("/api/v1/webhooks").json()["dead"]


if __name__ == "__main__":
    tap.main()
