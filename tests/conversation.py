# SPDX-License-Identifier: Apache-2.0
"""Conversations as files: what is asked, what must be answered. See tests/api/README.md for the form."""
import base64
import hashlib
import json
import pathlib
import re
import time

import server as servers

KINDS = {
    "text": lambda v: isinstance(v, str) and v != "",
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "share": lambda v: isinstance(v, (int, float)) and 0 <= v <= 1,
    "bool": lambda v: isinstance(v, bool),
    "list": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "any": lambda v: True,
    "time": lambda v: isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", v),
    "sha256": lambda v: isinstance(v, str) and re.fullmatch(r"[0-9a-f]{64}", v),
    "job": lambda v: isinstance(v, str) and re.fullmatch(r"job_[0-9A-HJKMNP-TV-Z]{26}", v),
}


class Differs(AssertionError):
    pass


# --- Reading ----------------------------------------------------------------------------------------------------

class Exchange:
    """One request and what must be answered; `line` is where it stands in the file."""

    def __init__(self, line, method, target):
        self.line, self.method, self.target = line, method, target
        self.headers, self.fields, self.body = [], [], []
        self.statuses, self.within, self.wanted_headers, self.wanted = [], 0, [], []


class Conversation:
    def __init__(self, path):
        self.path, self.options, self.sentences = pathlib.Path(path), [], []
        at, exchanges = "top", None
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            if line.startswith("### "):
                exchanges = []
                self.sentences.append((line[4:].strip(), exchanges))
                at = "top"
            elif line.startswith("#") and at != "body":
                continue
            elif at == "top" and line.startswith("serve:"):
                self.options = line[6:].split()
            else:
                at = self._line(at, number, line, exchanges)

    def _line(self, at, number, line, exchanges):
        asks = re.fullmatch(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|[A-Z]+) (/\S*|\*|\{\{\w+\}\})", line)
        answers = re.fullmatch(r"HTTP (\d{3}(?:\|\d{3})*)(?: within (\d+) s)?", line)
        if asks and at != "body":
            exchanges.append(Exchange(number, *asks.groups()))
            return "head"
        if not line.strip() and at in ("top", "head", "wanted head"):
            return {"top": "top", "head": "body", "wanted head": "wanted"}[at]
        if answers and at in ("head", "body"):
            exchanges[-1].statuses = [int(status) for status in answers[1].split("|")]
            exchanges[-1].within = int(answers[2] or 0)
            return "wanted head"
        here = exchanges[-1] if exchanges else None
        if at == "head" and line.startswith("+ "):
            here.fields.append(line[2:].partition(": ")[::2])
        elif at in ("head", "wanted head"):
            (here.headers if at == "head" else here.wanted_headers).append(line.partition(": ")[::2])
        elif at == "body":
            here.body.append(line)
        elif at == "wanted":
            here.wanted.append(line)
        else:
            raise ValueError(f"{self.path.name}:{number}: what is {line!r}?")
        return at


# --- Matching -----------------------------------------------------------------------------------------------------

def fill(text, known):
    def value(found):
        name = found[1]
        if name.startswith("base64 "):
            return base64.b64encode(known["files"][name[7:]]).decode()
        if name not in known:
            raise Differs(f"nothing is known as {name}")
        return str(known[name])
    return re.sub(r"\{\{([\w -]+(?:\.\w+)?)\}\}", value, text)


def match_text(pattern, value, known, where):
    """Patterns of text: {{name}} is what is known or becomes so; "~" begins a regular expression."""
    whole = re.fullmatch(r"\{\{(\w+)\}\}", pattern)
    if whole and whole[1] not in known:
        known[whole[1]] = value
        return
    kind = re.fullmatch(r"<(\w+)>", pattern)
    if kind:
        if not KINDS[kind[1]](value):
            raise Differs(f"{where}: {value!r} is no {kind[1]}")
        return
    expression, free = "", pattern.startswith("~")
    for piece in re.split(r"(\{\{\w+\}\})", pattern.removeprefix("~")):
        name = piece[2:-2] if piece.startswith("{{") else None
        if name is None:
            expression += piece if free else re.escape(piece)
        else:
            expression += re.escape(str(known[name])) if name in known else rf"(?P<{name}>[^\s/?#\"]+)"
    found = re.fullmatch(expression, str(value), re.S)
    if not found:
        raise Differs(f"{where}: {value!r} is not {pattern!r}")
    known.update(found.groupdict())


def match(pattern, value, known, where="#"):
    """Objects may hold more than the pattern says; lists may when they end in "..."."""
    if isinstance(pattern, str):
        match_text(pattern, value, known, where)
    elif isinstance(pattern, dict):
        if not isinstance(value, dict):
            raise Differs(f"{where}: {value!r} is no object")
        for name, wanted in pattern.items():
            if wanted == "<absent>":
                if value.get(name) is not None:
                    raise Differs(f"{where}/{name}: is there")
            elif name not in value:
                raise Differs(f"{where}/{name}: is missing among {', '.join(value)}")
            else:
                match(wanted, value[name], known, f"{where}/{name}")
    elif isinstance(pattern, list):
        match_list(pattern, value, known, where)
    elif pattern != value or isinstance(pattern, bool) != isinstance(value, bool):
        raise Differs(f"{where}: {value!r} is not {pattern!r}")


def match_list(pattern, value, known, where):
    if not isinstance(value, list):
        raise Differs(f"{where}: {value!r} is no list")
    if pattern[:1] == ["<each>"]:
        for i, one in enumerate(value):
            match(pattern[1], one, known, f"{where}/{i}")
        return
    if pattern[:1] == ["<some>"]:
        for one in value:
            try:
                return match(pattern[1], one, known, where)
            except Differs:
                continue
        raise Differs(f"{where}: none is {pattern[1]!r} among {value!r}")
    more = pattern[-1:] == ["..."]
    wanted = pattern[:-1] if more else pattern
    if len(value) < len(wanted) or (len(value) > len(wanted) and not more):
        raise Differs(f"{where}: {len(value)} members, not {len(wanted)}: {value!r}")
    for i, one in enumerate(wanted):
        match(one, value[i], known, f"{where}/{i}")


# --- Events ---------------------------------------------------------------------------------------------------------

def read_events(answer):
    """Events of a whole stream, in order; their numbers must rise by one."""
    kind = (answer.header("Content-Type") or "").split(";")[0]
    if kind == "application/x-ndjson":
        events = [json.loads(line) for line in answer.body.splitlines() if line.strip()]
    elif kind == "text/event-stream":
        events = []
        for block in answer.body.decode().replace("\r\n", "\n").split("\n\n"):
            lines = [line.partition(":")[::2] for line in block.split("\n") if line and not line.startswith(":")]
            told = {name: value.removeprefix(" ") for name, value in lines}
            if "data" in told:
                events.append({**json.loads(told["data"]), "event": told.get("event"), "last_id": told.get("id")})
    else:
        raise Differs(f"{kind} is no stream of events")
    numbers = [event["seq"] for event in events if event["event"] not in ("reconnect", "snapshot")]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False:
        raise Differs(f"event numbers do not rise by one: {numbers}")
    return events


def match_events(lines, events, known):
    """Each `event NAME {pattern}` is found, in this order; what lies between is not looked at."""
    rest = iter(events)
    for line in lines:
        _, name, text = (line + "  ").split(" ", 2)
        pattern, tried = json.loads(text.strip() or "{}"), []
        for event in rest:
            try:
                match({"event": name, **pattern}, event, known)
                break
            except Differs as why:
                tried.append(f"{event.get('event')}: {why}")
        else:
            raise Differs(f"no event {name} {text.strip()} follows; {tried[-3:]}")


# --- Speaking -----------------------------------------------------------------------------------------------------

def chunked(body):
    pieces = [body[at:at + 1000] for at in range(0, len(body), 1000)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def request_of(exchange, known):
    """(headers, body) with everything filled in."""
    headers = [(name, fill(value, known)) for name, value in exchange.headers]
    names = {name.lower() for name, _ in headers}
    body = None
    if exchange.fields:
        fields = []
        for name, value in exchange.fields:
            value = fill(value, known)
            file = re.fullmatch(r"@([\w.-]+)(?: as (\S+))?(?: of (\S+))?", value)
            if file:
                name_of_it = file[2] or file[1]
                value = (name_of_it, known["files"][file[1]], file[3] or "application/octet-stream")
            fields.append((name, value))
        kind, body = servers.multipart(fields)
        if "content-type" not in names:
            headers.append(("Content-Type", kind))
    elif exchange.body and any(line.strip() for line in exchange.body):
        text = "\n".join(exchange.body).strip("\n")
        file = re.fullmatch(r"< ([\w.-]+)", text)
        body = known["files"][file[1]] if file else fill(text, known).encode()
        if "multipart/" in dict((n.lower(), v) for n, v in headers).get("content-type", ""):
            body = body.replace(b"\n", b"\r\n") + b"\r\n"
    elif exchange.method in ("POST", "PUT", "PATCH") and "content-length" not in names:
        body = b""
    if "transfer-encoding" in names and body:
        body = chunked(body)
    return headers, body


def check_body(lines, answer, known):
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    text = "\n".join(lines)
    if text[:1] in ("{", "["):
        return match(json.loads(text), answer.json(), known)
    events = [line for line in lines if line.startswith("event ")]
    if events:
        match_events(events, read_events(answer), known)
    for line in lines:
        verb, _, rest = line.partition(" ")
        rest = fill(rest, known) if verb != "sha256" else rest
        if verb == "event":
            continue
        if verb == "sha256":
            match_text(rest, hashlib.sha256(answer.body).hexdigest(), known, "body")
            continue
        holds = {
            "empty": lambda: answer.body == b"",
            "bytes": lambda: len(answer.body) == int(rest),
            "starts": lambda: answer.body.startswith(rest.encode()),
            "holds": lambda: rest.encode() in answer.body,
            "lacks": lambda: rest.encode() not in answer.body,
            "matches": lambda: re.search(rest.encode(), answer.body, re.M),
        }[verb]()
        if not holds:
            raise Differs(f"body: not so: {line}; it begins with {answer.body[:200]!r}")
    return None


def check(exchange, answer, known):
    if answer.status not in exchange.statuses:
        raise Differs(f"answered {answer!r}, wanted {exchange.statuses}")
    for name, pattern in exchange.wanted_headers:
        value = answer.header(name)
        if pattern == "<absent>":
            if value is not None:
                raise Differs(f"{name}: {value} should not be there")
        elif value is None:
            raise Differs(f"{name} is missing")
        else:
            match_text(pattern, value, known, name)
    check_body(exchange.wanted, answer, known)


def speak(exchange, server, known, judge):
    """Asks, repeatedly when the answer may take a while; `judge` looks at every answer."""
    deadline = time.monotonic() + exchange.within
    headers, body = request_of(exchange, known)
    target = fill(exchange.target, known)
    while True:
        answer = server.request(exchange.method, target, headers, body)
        judge(exchange.method, target, answer)
        try:
            before = dict(known)
            return check(exchange, answer, known)
        except Differs as why:
            known.clear()
            known.update(before)
            if time.monotonic() >= deadline:
                late = f" (waited {exchange.within} s)" if exchange.within else ""
                raise Differs(f"line {exchange.line}: {exchange.method} {target}: {why}{late}") from None
        time.sleep(0.02)
