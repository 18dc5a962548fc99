#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients made from the OpenAPI document do the one thing: clients_test.py ORFEAS SOURCE_ROOT. Prints TAP.

Each is generated anew, creates a job of a file, waits, downloads. A generator that is not installed is a skipped test."""
import os
import pathlib
import shutil
import subprocess
import sys

import server as servers
import tap

ORFEAS, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
VENV, MODULES = ROOT / ".venv" / "bin", ROOT / "node_modules"


def tool(path):
    if not path.exists():
        raise tap.Skip(f"needs {path.name}; make tools-js venv")
    return str(path)


def must(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, (done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


def speak(folder, generate, program, run):
    """The description to `generate`, then `program` beside what it made, with the server's address and a picture."""
    with servers.Server(ORFEAS, folder / "data") as server:
        (folder / "openapi.json").write_bytes(server.get("/api/v1/openapi.json").body)
        (folder / "disc.png").write_bytes(servers.disc())
        generate(folder)
        file = folder / program[0]
        file.write_text(program[1])
        said = must([*run, str(file), f"http://127.0.0.1:{server.port}", str(folder / "disc.png")], cwd=folder)
        assert said.strip() == "succeeded glTF", said


@tap.sentence("/clients/openapi-python-client-makes-a-model-of-a-file")
def python_client(folder):
    program = tool(VENV / "openapi-python-client")
    speak(folder, lambda at: must([program, "generate", "--meta", "none", "--path", str(at / "openapi.json"),
                                   "--output-path", str(at / "orfeas_client")]), ("use.py", """
import sys, time
from orfeas_client import Client
from orfeas_client.api.generate import generate3d, upload
from orfeas_client.api.jobs import get_job, get_result
from orfeas_client.models import UploadForm, WishForm
from orfeas_client.types import File
client = Client(sys.argv[1])
with open(sys.argv[2], "rb") as picture:
    job = generate3d.sync(client=client, body=WishForm(image=File(picture, "disc.png", "image/png")))
with open(sys.argv[2], "rb") as picture:
    assert upload.sync(client=client, body=UploadForm(image=File(picture, "disc.png", "image/png"))).width == 64
while job.status in ("queued", "running"):
    time.sleep(0.05)
    job = get_job.sync(job.id, client=client)
print(job.status, get_result.sync(job.id, client=client).payload.read()[:4].decode())
"""), [str(VENV / "python3")])


@tap.sentence("/clients/openapi-generator-makes-a-model-of-a-file")
def generator(folder):
    program = tool(VENV / "openapi-generator-cli")
    speak(folder, lambda at: must([program, "generate", "-g", "python", "-i", str(at / "openapi.json"), "-o", str(at)]),
          ("use.py", """
import base64, sys, time
import openapi_client
client = openapi_client.ApiClient(openapi_client.Configuration(host=sys.argv[1]))
generate, jobs = openapi_client.GenerateApi(client), openapi_client.JobsApi(client)
with open(sys.argv[2], "rb") as picture:
    image = picture.read()
job = generate.generate3d(image=("disc.png", image))
assert generate.upload(image=("disc.png", image)).width == 64
assert generate.generate_by_mode(wish=openapi_client.Wish(image_b64=base64.b64encode(image).decode()))
while job.status in ("queued", "running"):
    time.sleep(0.05)
    job = jobs.get_job(job.id)
print(job.status, jobs.get_result(job.id)[:4].decode())
"""), [str(VENV / "python3")])


@tap.sentence("/clients/openapi-typescript-and-openapi-fetch-make-a-model-of-a-file")
def typescript(folder):
    own = ROOT / "tests" / "clients" / "node_modules"
    program, esbuild = tool(own / ".bin" / "openapi-typescript"), tool(MODULES / ".bin" / "esbuild")
    checker = tool(own / ".bin" / "tsc")

    def generate(at):
        must([program, str(at / "openapi.json"), "-o", str(at / "api.d.ts")])
        (at / "node_modules").symlink_to(own)

    if not shutil.which("node"):
        raise tap.Skip("needs node")
    runner = folder / "run.sh"
    runner.write_text(f'#!/bin/sh\nset -e\n"{checker}" --noEmit --strict --skipLibCheck --module esnext --target es2022 '
                      f'--moduleResolution bundler --lib es2022,dom "$1"\n"{esbuild}" --bundle --platform=node --format=esm --log-level=error '
                      '--outfile=use.mjs "$1"\nshift\nexec node use.mjs "$@"\n')
    runner.chmod(0o755)
    speak(folder, generate, ("use.ts", """
declare const process: any;
// @ts-ignore: the types of node are not installed
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./api";
const [address, file] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address });
const form = new FormData();
form.append("image", new Blob([readFileSync(file)], { type: "image/png" }), "disc.png");
const made = await client.POST("/api/v1/generate-3d", { body: form as never });
if (!made.data || !("id" in made.data)) throw new Error("no job");
let job = made.data;
while (["queued", "running"].includes(job.status))
    job = (await client.GET("/api/v1/jobs/{id}", { params: { path: { id: job.id } } })).data!;
const { data } = await client.GET("/api/v1/jobs/{id}/result",
    { params: { path: { id: job.id } }, parseAs: "arrayBuffer" });
console.log(job.status, new TextDecoder().decode(new Uint8Array(data as never).slice(0, 4)));
"""), [str(runner)])


sys.exit(tap.main())
