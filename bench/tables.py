# SPDX-License-Identifier: Apache-2.0
"""Tables of docs/benchmarks.md, shared by bench/run and bench/server."""
import json
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER = ROOT / "bench" / "results" / "server.json"


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} cores, {model}"


def table(rows, header):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows]


def server_parts():
    """{part: {"rows", "notes"}} of the last run of bench/server."""
    return json.loads(SERVER.read_text())["parts"] if SERVER.exists() else {}


def server_section():
    """The lines of the section on the server; [] before the first run."""
    parts = server_parts()
    if not parts:
        return []
    lines = ["## The server", "",
             f"Written by `bench/server`; server, peers and load generator share {machine()}. Where a row does not say peak, latency "
             "counts from when a request should have begun.", ""]
    lines += table([row for part in parts.values() for row in part["rows"]], ["what", "must reach", "measured"])
    notes = [note for part in parts.values() for note in part["notes"]]
    return lines + [""] + table([(what, told) for what, _, told in notes], ["beside that", "measured"]) if notes else lines


def write_server(parts):
    """Keeps the figures and renews the section of docs/benchmarks.md."""
    SERVER.write_text(json.dumps({"machine": machine(), "parts": parts}, indent=1) + "\n")
    page = ROOT / "docs" / "benchmarks.md"
    text, section = page.read_text(), "\n".join(server_section()) + "\n\n"
    if "## The server\n" in text:
        text = re.sub(r"## The server\n.*?(?=^## )", lambda _: section, text, count=1, flags=re.S | re.M)
    else:
        text = text.replace("## Growth\n", section + "## Growth\n", 1)
    page.write_text(text)
