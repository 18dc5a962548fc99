#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API before judges from outside: api_judges_test.py ORFEAS SOURCE_ROOT. Prints TAP.

The OpenAPI document is looked at by a validator from npm and used by schemathesis to send what no person would think of
(FUZZ_API_SECONDS, 60; FAULT_SEED asks other questions than the usual ones); metrics of a server that has worked go to
promtool and to the client library of Prometheus. A judge that is not installed is a skipped test."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import conversation
import server as servers
import tap

ORFEAS, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
VENV = ROOT / ".venv" / "bin"
SEED = int(os.environ.get("FAULT_SEED") or 20260101)
SECONDS = int(os.environ.get("FUZZ_API_SECONDS", "60"))
METHODS = {"get", "post", "put", "delete", "patch", "head", "options"}


def tool(name, *places):
    found = shutil.which(name) or next((str(place) for place in places if place.exists()), None)
    if not found:
        raise tap.Skip(f"needs {name}; make tools-js venv")
    return found


def document(server):
    answer = server.get("/api/v1/openapi.json")
    assert answer.status == 200, answer
    return answer.json()


def operations(description):
    return {(method.upper(), path): operation for path, methods in description["paths"].items()
            for method, operation in methods.items() if method in METHODS}


# --- The document ------------------------------------------------------------------------------------------------

@tap.sentence("/judges/the-openapi-document-is-valid")
def valid(folder):
    validator = tool("validate-api", ROOT / "node_modules" / ".bin" / "validate-api")
    with servers.Server(ORFEAS, folder / "data") as server:
        (folder / "openapi.json").write_bytes(server.get("/api/v1/openapi.json").body)
    done = subprocess.run([validator, str(folder / "openapi.json")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[:800] + done.stderr[:400]


@tap.sentence("/judges/every-reference-of-the-document-leads-somewhere")
def references(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        description = document(server)
    text, used = json.dumps(description), set()
    for target in set(re.findall(r'"\$ref": "(#/[^"]+)"', text)):
        at = description
        for step in target[2:].split("/"):
            at = at[step.replace("~1", "/").replace("~0", "~")]
        used.add(target)
    unused = [name for name in description["components"]["schemas"] if f"#/components/schemas/{name}" not in used]
    assert not unused, f"schemas that nothing refers to: {unused}"


@tap.sentence("/judges/every-operation-says-what-it-does-and-how-it-fails")
def told(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        description = document(server)
    names = [operation["operationId"] for operation in operations(description).values()]
    assert len(names) == len(set(names)), "an operationId is used twice"
    for (method, path), operation in operations(description).items():
        assert operation["summary"] and operation["tags"], (method, path)
        codes = set(operation["responses"])
        assert any(code[0] in "123" for code in codes), (method, path, codes)
        named = set(re.findall(r"\{(\w+)\}", path))
        said = {p["name"] for p in operation.get("parameters", []) if p.get("in") == "path"}
        assert named == said, (method, path, said)


@tap.sentence("/judges/every-operation-has-a-conversation")
def spoken(folder):
    with servers.Server(ORFEAS, folder / "data") as server:
        description = document(server)
    silent = set(operations(description)) - {
        ("GET", "/api/v1/ws"),  # tests/sockets_test.py
        ("POST", "/api/v1/webhooks/{id}/resend"),  # a message is dead after two hours: src/api/webhooks_test.c
    }
    for file in sorted((ROOT / "tests" / "api").glob("*.http")):
        for _, exchanges in conversation.Conversation(file).sentences:
            for exchange in exchanges:
                if all(status >= 400 for status in exchange.statuses):
                    continue
                path = re.sub(r"\{\{\w+\}\}", "some", exchange.target).partition("?")[0]
                method = "GET" if exchange.method == "HEAD" else exchange.method
                fits = [key for key in silent if key[0] == method
                        and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(key[1])), path)]
                silent -= set(sorted(fits, key=lambda key: key[1].count("{"))[:1])
    assert not silent, f"never spoken to with success in tests/api: {sorted(silent)}"


# --- Fuzzing by the document --------------------------------------------------------------------------------------

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "unsupported_method", "allow_header_conformance"]


def known_ids(server, job):
    """What is there to be asked for: else most answers would be 404. Erasing is left to ids that are made up."""
    mesh = server.request("POST", "/api/v1/meshes", [("Content-Type", "model/stl")], servers.box_stl()).json()["id"]
    upload = server.request("POST", "/api/v1/uploads", [("Content-Type", "image/png")], servers.disc(red=3)).json()["id"]
    told = ""
    for path, name, value in (("jobs", "id", job), ("meshes", "id", mesh), ("uploads", "id", upload), ("status", "uid", job)):
        for method in ("GET", "POST"):
            told += (f'\n[[operations]]\ninclude-path-regex = "/{path}/[{{]"\ninclude-method = "{method}"\n'
                     f'parameters = {{ "path.{name}" = "{value}" }}\n')
    return told


def summary(text):
    """What failed, in a few lines each."""
    at = min((text.find(word) for word in ("ERRORS =", "FAILURES =") if word in text), default=0)
    lines = [line[:400] for line in text[at:].splitlines() if line.strip() and not line.strip().startswith("st replay")]
    return "\n".join(lines)[:6000]


@tap.sentence("/judges/schemathesis-finds-nothing-undescribed")
def fuzzed(folder):
    schemathesis = tool("schemathesis", VENV / "schemathesis")
    with servers.Server(ORFEAS, folder / "data") as server:
        job = server.generate(servers.disc(), headers=[("Prefer", "wait=60")], generator="inflate").json()["id"]
        config = folder / "schemathesis.toml"
        config.write_text((ROOT / "tests" / "schemathesis.toml").read_text() + known_ids(server, job))
        done = subprocess.run(
            [schemathesis, "--config-file", str(config), "run",
             f"http://127.0.0.1:{server.port}/api/v1/openapi.json", "--seed", str(SEED), "--max-time", str(SECONDS),
             "--checks", ",".join(CHECKS), "--request-timeout", "30", "--workers", "1", "--generation-database", "none",
             "--exclude-path", "/api/v1/ws", "--no-color"],
            capture_output=True, text=True, timeout=20 * SECONDS + 300, cwd=folder,
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(ROOT / "tests" / "schemathesis_hooks.py")})
        tap.comment(f"seed {SEED}; " + " ".join(done.stdout.split("\n")[-6:])[-300:])
        assert server.process.poll() is None, server.errors()[-600:]
        assert done.returncode == 0, f"seed {SEED}: {summary(done.stdout) or done.stdout[-3000:]}{done.stderr[-800:]}"
        assert server.get(f"/api/v1/jobs/{job}").status in (200, 404)
        assert server.stop() == 0
        said = [line for line in server.errors().splitlines() if "CRITICAL" in line]
        assert not said, said[:3]


# --- Metrics ------------------------------------------------------------------------------------------------------------

def worked(server):
    """A server that has made, failed, cancelled, cached, streamed and refused things."""
    for fields in ({}, {}, {"size": "sise"}, {"generator": "nothing"}):
        server.generate(servers.disc(), headers=[("Prefer", "wait=60")], **{"generator": "inflate", **fields})
    slow = server.generate(servers.disc(900), generator="inflate", quality="high").json()["id"]
    server.request("POST", f"/api/v1/jobs/{slow}/cancel", body=b"")
    server.generate(servers.png(32, 32, (b"\0" + bytes(128)) * 32), headers=[("Prefer", "wait=60")])
    for target in ("/livez", "/nonsense", "/api/v1/jobs", f"/api/v1/jobs/{slow}", f"/api/v1/jobs/{slow}/events", "/api/v1/gpu/stats"):
        server.get(target)


@tap.sentence("/judges/promtool-has-nothing-to-say-about-a-server-that-worked")
def promtool(folder):
    program = tool("promtool", VENV / "promtool")
    with servers.Server(ORFEAS, folder / "data") as server:
        worked(server)
        text = server.get("/metrics").body.decode()
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 0 and not said, said[:800]
    for name in ("orfeas_http_requests_total", "orfeas_http_request_duration_seconds_bucket", "orfeas_jobs_total",
                 "orfeas_queue_depth", "orfeas_queue_wait_seconds_bucket", "orfeas_stage_duration_seconds_bucket",
                 "orfeas_first_preview_seconds_bucket", "orfeas_cache_requests_total", "orfeas_stream_clients",
                 "orfeas_build_info"):
        assert f"\n{name}" in text, f"{name} is missing"
    assert not re.search(r"job_[0-9A-Z]{26}", text), "a label names a job"
    routes = set(re.findall(r'route="([^"]*)"', text))
    assert "/api/v1/jobs/{id}" in routes and not any("nonsense" in route for route in routes), routes


PARSE = """
import sys
from prometheus_client.openmetrics import parser
for family in parser.text_string_to_metric_families(sys.stdin.read()):
    print(family.name, family.type, len(family.samples))
"""


@tap.sentence("/judges/openmetrics-of-a-server-that-worked-are-read-by-the-client-library")
def openmetrics(folder):
    if not (VENV / "python3").exists():
        raise tap.Skip("needs .venv with prometheus_client; make venv")
    with servers.Server(ORFEAS, folder / "data") as server:
        worked(server)
        text = server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0").body.decode()
    done = subprocess.run([VENV / "python3", "-c", PARSE], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-600:]
    assert len(done.stdout.splitlines()) > 12, done.stdout


tap.comment(f"seed {SEED}")
sys.exit(tap.main())
