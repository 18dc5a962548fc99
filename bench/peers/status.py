# SPDX-License-Identifier: Apache-2.0
"""The peer of bench/server: the status endpoint as a FastAPI application, run by uvicorn. The job comes from the file
in JOB; a store in memory is the kindest case for it. /api/v1/jobs/ID is written as its guide teaches (a response model,
which also makes its OpenAPI); /bare/ID skips the model and sends the dictionary as it is."""
import hashlib
import json
import os
from typing import Any, Dict, List, Optional

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel


class Stage(BaseModel):
    name: str
    progress: float
    url: str
    sha256: str
    bytes: int
    triangles: Optional[int]
    took_s: Optional[float]


class Job(BaseModel):
    id: str
    status: str
    stage: Optional[str]
    progress: float
    queue_position: Optional[int]
    eta_s: Optional[Dict[str, float]]
    priority: Optional[str]
    created_at: Optional[str]
    started_at: Optional[str]
    finished_at: Optional[str]
    expires_at: Optional[str]
    generator: Optional[str]
    reason: Optional[str]
    confidence: Optional[float]
    seed: Optional[int]
    attempt: Optional[int]
    cached: Optional[bool]
    coalesced: Optional[bool]
    recipe: Optional[str]
    parameters: Optional[Dict[str, Any]]
    warnings: Optional[List[str]]
    stages: Optional[List[Stage]]
    measures: Optional[Dict[str, Any]]
    links: Optional[Dict[str, Optional[str]]]
    error: Optional[Dict[str, Any]]


app = FastAPI()
JOBS = {job["id"]: job for job in [json.load(open(os.environ["JOB"], encoding="utf-8"))]}
TAGS = {key: f'W/"{hashlib.sha256(json.dumps(job).encode()).hexdigest()[:16]}"' for key, job in JOBS.items()}


def known(key: str, request: Request):
    """(headers, whether the client has it already)"""
    if key not in JOBS:
        raise HTTPException(404)
    return {"ETag": TAGS[key], "Cache-Control": "no-store"}, request.headers.get("if-none-match") == TAGS[key]


@app.get("/api/v1/jobs/{key}", response_model=Job)
async def status(key: str, request: Request, response: Response):
    headers, same = known(key, request)
    if same:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return JOBS[key]


@app.get("/bare/{key}")
async def bare(key: str, request: Request):
    headers, same = known(key, request)
    return Response(status_code=304, headers=headers) if same else JSONResponse(JOBS[key], headers=headers)
