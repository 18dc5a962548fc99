# SPDX-License-Identifier: Apache-2.0
"""What must hold of every answer, whatever was asked."""
import json
import os
import pathlib
import re
import sys

VENV = pathlib.Path(__file__).resolve().parent.parent / ".venv"
try:
    import jsonschema
except ImportError:
    if (VENV / "bin" / "python3").exists() and not os.environ.get("ORFEAS_IN_VENV"):
        os.environ["ORFEAS_IN_VENV"] = "1"
        os.execv(VENV / "bin" / "python3", [str(VENV / "bin" / "python3"), *sys.argv])
    jsonschema = None

CRASHED = [rb"0x[0-9a-f]{7,}", rb"\.c:\d+", rb"Traceback", rb"\(nil\)", rb"SIG[A-Z]{3,}", rb"assertion", rb"sqlite",
           rb"libvips", rb"GLib"]
OLD = ("/generate", "/send", "/status/")  # bodies of the Hunyuan3D server


class Judge:
    def __init__(self, server, secrets):
        """`secrets` are paths of the machine, which no answer may name."""
        self.secrets = [secret.encode() for secret in secrets]
        answer = server.get("/api/v1/openapi.json")
        self.document = answer.json() if answer.status == 200 else {"paths": {}}
        self.routes = []
        for path, methods in self.document["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
            self.routes.append((path.count("{"), re.compile(pattern), methods))
        self.routes.sort(key=lambda route: route[0])
        self.schemas = self._schemas() if jsonschema else None

    def _schemas(self):
        import referencing
        import referencing.jsonschema
        resource = referencing.Resource.from_contents(
            self.document, default_specification=referencing.jsonschema.DRAFT202012)
        return referencing.Registry().with_resource("openapi:", resource)

    def operation(self, method, target):
        path = target.partition("?")[0]
        for _, pattern, methods in self.routes:
            if pattern.fullmatch(path):
                return methods.get("get" if method == "HEAD" else method.lower())
        return None

    def look(self, method, target, answer):
        self.no_secrets(answer)
        request_id = answer.header("X-Request-Id")
        assert request_id and re.fullmatch(r"[0-9a-f]{32}", request_id), f"X-Request-Id: {request_id} of {answer}"
        trace = answer.header("traceparent")
        assert trace and re.fullmatch(rf"00-{request_id}-[0-9a-f]{{16}}-0[01]", trace), f"traceparent: {trace}"
        if answer.status >= 400 and method != "HEAD" and not target.startswith(OLD):
            problem(answer, request_id)
        if self.schemas is not None and answer.status not in (101, 426):
            self.as_described(method, target, answer)

    def no_secrets(self, answer):
        texts = [answer.body if b"\0" not in answer.body[:4000] else b""]
        texts += [f"{name}: {value}".encode() for name, value in answer.headers.items()]
        document = b'"openapi"' in answer.body[:200]
        for text in texts:
            found = next((secret for secret in self.secrets if secret in text), None)
            assert not found, f"names {found!r}: {text[:300]!r}"
        for pattern in CRASHED if answer.status >= 400 and not document else []:
            found = re.search(pattern, answer.body, re.I)
            assert not found, f"looks like {found[0]!r} of the inside: {answer}"

    def as_described(self, method, target, answer):
        """The status, the type and the shape are those of the OpenAPI document."""
        operation = self.operation(method, target)
        if operation is None:
            return
        described = operation["responses"].get(str(answer.status)) or operation["responses"].get("default")
        assert described, f"{method} {target}: {answer.status} is not described"
        if "$ref" in described:
            described = self.document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        kind = (answer.header("Content-Type") or "").partition(";")[0].strip()
        content = described.get("content") or {}
        if not answer.body or method == "HEAD":
            return
        told = content.get(kind) or content.get(kind.partition("/")[0] + "/*") or content.get("*/*")
        assert told is not None, f"{method} {target}: {kind} is not described for {answer.status}"
        schema = told.get("schema")
        if schema and kind in ("application/json", "application/problem+json"):
            self.valid(answer.json(), schema, f"{method} {target} {answer.status}")

    def valid(self, value, schema, where):
        where_to = {"$schema": "https://json-schema.org/draft/2020-12/schema", **absolute(schema)}
        validator = jsonschema.Draft202012Validator(where_to, registry=self.schemas)
        for error in validator.iter_errors(value):
            path = "/".join(map(str, error.absolute_path))
            raise AssertionError(f"{where}: not as described at #/{path}: {error.message[:300]}")


def absolute(schema):
    """References of the document, seen from a schema that was taken out of it."""
    return json.loads(json.dumps(schema).replace('"$ref": "#/', '"$ref": "openapi:#/'))


def problem(answer, request_id):
    kind = (answer.header("Content-Type") or "").partition(";")[0]
    assert kind == "application/problem+json", f"a problem is told as {kind}: {answer}"
    told = answer.json()
    for name in ("type", "title", "status", "detail", "instance", "code", "retryable", "trace_id"):
        assert name in told, f"the problem says no {name}: {told}"
    assert told["status"] == answer.status and told["trace_id"] == request_id, told
    assert told["detail"].strip() and told["title"].strip() and isinstance(told["retryable"], bool), told
    if answer.status in (429, 503) or told["retryable"]:
        assert (answer.header("Retry-After") or "").isdigit(), f"no Retry-After: {told}"
    for fault in told.get("errors", []):
        assert fault["pointer"] and fault["detail"], told
