#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The exposition of metrics before judges from outside: meter_judges_test.py METER_TEXT SOURCE_ROOT.
Prints TAP. A judge that is not installed is a skipped test."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

WRITER, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
PARSE = """
import importlib, json, sys
parser = importlib.import_module(sys.argv[1])
families = parser.text_string_to_metric_families(sys.stdin.read())
print(json.dumps([[f.name, f.type, f.unit, [[s.name, s.labels, s.value, s.exemplar and s.exemplar.labels]
                                            for s in f.samples]] for f in families]))
"""
HOSTILE = 'hostile"\\\n} 1\n# EOF\n\ufffd'
TESTS = []


class Skip(Exception):
    pass


def sentence(name):
    def add(function):
        TESTS.append((name, function))
        return function
    return add


def exposition(kind):
    return subprocess.run([WRITER, kind], capture_output=True, check=True, timeout=60).stdout.decode()


def parsed(module, kind):
    python = ROOT / ".venv" / "bin" / "python3"
    if not python.exists():
        raise Skip("needs .venv with prometheus_client; make venv")
    done = subprocess.run([python, "-c", PARSE, module], input=exposition(kind), capture_output=True, text=True,
                          timeout=60)
    if "No module named" in done.stderr:
        raise Skip("needs prometheus_client in .venv; make venv")
    assert done.returncode == 0, done.stderr[-400:]
    return {name: (kind, unit, samples) for name, kind, unit, samples in json.loads(done.stdout)}


@sentence("text/promtool-has-nothing-to-say")
def promtool():
    program = shutil.which("promtool") or shutil.which(str(ROOT / ".venv" / "bin" / "promtool"))
    if not program:
        raise Skip("needs promtool; make venv")
    done = subprocess.run([program, "check", "metrics"], input=exposition("text"), capture_output=True, text=True,
                          timeout=60)
    said = (done.stdout + done.stderr).strip()
    assert done.returncode == 0 and not said, said


@sentence("text/the-python-client-reads-it")
def text():
    families = parsed("prometheus_client.parser", "text")
    kind, _, samples = families["orfeas_http_requests"]
    assert kind == "counter" and samples[1][1]["route"] == HOSTILE, samples
    assert samples[0][2] == 1234567
    assert families["orfeas_http_request_duration_seconds"][0] == "histogram"


@sentence("openmetrics/the-strict-parser-reads-it")
def openmetrics():
    families = parsed("prometheus_client.openmetrics.parser", "openmetrics")
    kind, _, samples = families["orfeas_http_requests"]
    assert kind == "counter" and {s[0] for s in samples} == {"orfeas_http_requests_total",
                                                            "orfeas_http_requests_created"}
    assert samples[2][1]["route"] == HOSTILE
    kind, unit, samples = families["orfeas_http_request_duration_seconds"]
    assert (kind, unit) == ("histogram", "seconds")
    buckets = [s for s in samples if s[0].endswith("_bucket")]
    assert len(buckets) == 15 and buckets[-1][1]["le"] == "+Inf" and buckets[-1][2] == 50
    exemplars = [s[3]["trace_id"] for s in buckets if s[3]]
    assert len(exemplars) > 3 and set(exemplars) == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert families["process_cpu_seconds"][0] == "counter"


@sentence("guide/names-every-metric-and-no-other")
def guide():
    code = "".join(p.read_text() for p in ROOT.glob("src/*/*.c") if not re.search("_(test|bench)", p.name))
    code += (ROOT / "src/meter/process.c").read_text()
    told = set(re.findall(r"`((?:orfeas|process)_[a-z_]+)`", (ROOT / "docs/guide/metrics.md").read_text()))
    made = set(re.findall(r'"((?:orfeas|process)_[a-z_]+)", ORF_', re.sub(r"\s+", " ", code)))
    assert told == made, f"not in the guide: {sorted(made - told)}; not in the code: {sorted(told - made)}"
    codes = set(re.findall(r'\{ "([a-z-]+)", [a-z_]+ \}', (ROOT / "src/device/advice.c").read_text()))
    text = (ROOT / "docs/guide/metrics.md").read_text()
    assert len(codes) > 5 and all(f"`{one}`" in text for one in codes), codes


def main():
    print(f"1..{len(TESTS)}")
    failed = 0
    for number, (name, function) in enumerate(TESTS, 1):
        try:
            function()
            print(f"ok {number} /meter/judge/{name}")
        except Skip as why:
            print(f"ok {number} /meter/judge/{name} # SKIP {why}")
        except Exception as why:  # whatever went wrong is the verdict
            failed += 1
            print(f"not ok {number} /meter/judge/{name}")
            print("# " + (str(why) or repr(why)).replace("\n", "\n# "))
    return 1 if failed else 0


sys.exit(main())
