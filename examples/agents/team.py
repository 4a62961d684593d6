# SPDX-License-Identifier: Apache-2.0
"""A team of agents that really runs: each agent is a process, asks a stand-in model server over HTTP, and writes the
transcript that Claude Code would and, where a file is named for them, the spans that an OpenTelemetry SDK would send (GenAI
conventions)."""
import datetime
import fcntl
import http.client
import http.server
import json
import os
import pathlib
import sys
import threading
import time

# Seconds a token, generated and read: a model server of the size of a test.
OUT_S = {"claude-opus-5-5": 0.0008, "claude-sonnet-5-5": 0.0004, "claude-haiku-5-5": 0.00016}
IN_S = 0.0000016
CACHED_S = IN_S / 20
BASE_S = 0.03


class Model(http.server.BaseHTTPRequestHandler):
    """Takes as long as its tokens say; with `alone`, one request at a time, as an account with one slot does."""
    protocol_version = "HTTP/1.1"
    slot = threading.Lock()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        usage = asked["usage"]
        seconds = (BASE_S + OUT_S[asked["model"]] * usage["output_tokens"] + CACHED_S * usage["cache_read_input_tokens"]
                   + IN_S * (usage["input_tokens"] + usage["cache_creation_input_tokens"]))
        if asked.get("alone"):
            with Model.slot:
                time.sleep(seconds)
        else:
            time.sleep(seconds if asked.get("status", 200) == 200 else BASE_S)
        body = json.dumps({"usage": usage}).encode()
        self.send_response(asked.get("status", 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def attributes(values):
    kinds = {str: "stringValue", int: "intValue"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def stamp():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Agent:
    """One agent: its transcript, its connection, its children."""

    def __init__(self, team, name="", kind="", title="", spawned_by="", parent="", count=0):
        self.team, self.name, self.kind = team, name, kind
        self.count = count
        self.span, self.parent, self.started = os.urandom(8).hex(), parent, time.time_ns()
        path = team.folder / f"{team.session}.jsonl"
        if name:
            below = team.folder / team.session / "subagents"
            below.mkdir(parents=True, exist_ok=True)
            path = below / f"agent-{name}.jsonl"
            about = {"agentType": kind, "description": title, "toolUseId": spawned_by}
            (below / f"agent-{name}.meta.json").write_text(json.dumps(about))
        self.out = open(path, "a", encoding="utf-8")
        self.write("user", {"role": "user", "content": title or "go"})

    def write(self, kind, message=None, **more):
        self.count += 1
        line = {"type": kind, "uuid": f"{self.name or 'main'}-{self.count}", "sessionId": self.team.session,
                "timestamp": stamp(), "cwd": "/work", "isSidechain": bool(self.name), "version": "2.1.240"}
        if self.name:
            line["agentId"] = self.name
        if message:
            line["message"] = message
        line.update(more)
        self.out.write(json.dumps(line) + "\n")
        self.out.flush()

    def tell_span(self, name, operation, start, span="", status=0, **more):
        """A span that ended now, as a line of its own: lines of all agents go to one file."""
        if not self.team.spans:
            return
        values = {"gen_ai.operation.name": operation, "gen_ai.agent.name": self.name or "main",
                  "gen_ai.conversation.id": self.team.session, **more}
        one = {"traceId": self.team.trace, "spanId": span or os.urandom(8).hex(), "name": name, "kind": 1,
               "parentSpanId": self.parent if span else self.span, "startTimeUnixNano": str(start),
               "endTimeUnixNano": str(time.time_ns()), "attributes": attributes(values), "status": {"code": 2 if status else 0}}
        line = {"resourceSpans": [{"resource": {"attributes": attributes({"service.name": "team"})},
                                   "scopeSpans": [{"scope": {"name": "team"}, "spans": [one]}]}]}
        place = os.open(self.team.spans, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(place, (json.dumps(line) + "\n").encode())
        os.close(place)

    def end(self):
        self.tell_span(f"invoke_agent {self.name or 'main'}", "invoke_agent", self.started, span=self.span)

    def ask(self, model="claude-sonnet-5-5", read=2000, out=200, cached=0, written=0, tools=(), **more):
        """A response; `tools` are (id, name, input) that it asks for. The transcript tells it in parts, as it should."""
        usage = {"input_tokens": read, "output_tokens": out, "cache_read_input_tokens": cached,
                 "cache_creation_input_tokens": written,
                 "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}}
        start = time.time_ns()
        connection = http.client.HTTPConnection("127.0.0.1", self.team.port, timeout=60)
        connection.request("POST", "/v1/messages", json.dumps({"model": model, "usage": usage, **more}))
        answer = connection.getresponse()
        answer.read()
        connection.close()
        self.tell_span(f"chat {model}", "chat", start, status=answer.status != 200, **{
            "gen_ai.provider.name": "anthropic", "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": read + cached + written, "gen_ai.usage.output_tokens": out,
            "gen_ai.usage.cache_read.input_tokens": cached, "gen_ai.usage.cache_creation.input_tokens": written})
        if answer.status != 200:
            return False
        self.count += 1
        identity = f"msg_{self.name or 'main'}_{self.count}"
        content = [{"type": "text", "text": "x" * out * 4}] if not tools else []
        content += [{"type": "tool_use", "id": t, "name": n, "input": i} for t, n, i in tools]
        message = {"id": identity, "model": model, "role": "assistant", "content": content,
                   "stop_reason": "tool_use" if tools else "end_turn", "usage": usage}
        self.write("assistant", message, requestId="req_" + identity)
        return True

    def result(self, tool, text="done", is_error=False, **more):
        block = {"type": "tool_result", "tool_use_id": tool, "content": text, "is_error": is_error}
        self.write("user", {"role": "user", "content": [block]}, **more)

    def tool(self, name, text, seconds=0.02, size=200, is_error=False, **ask):
        """A response that asks for a tool, and the tool."""
        self.count += 1
        tool = f"toolu_{self.name or 'main'}_{self.count}"
        key = {"Bash": "command", "Read": "file_path", "TaskOutput": "task_id"}.get(name, "query")
        self.ask(tools=[(tool, name, {key: text})], **ask)
        start = time.time_ns()
        seconds() if callable(seconds) else time.sleep(seconds)
        self.tell_span(f"execute_tool {name}", "execute_tool", start, status=is_error, **{
            "gen_ai.tool.name": name, "gen_ai.tool.call.id": tool, "gen_ai.tool.call.arguments": text})
        self.result(tool, "y" * size, is_error)

    def consult(self, name, kind, text, **ask):
        """Asks an agent that others may ask too. It does one thing at a time, and goes on where it was."""
        self.count += 1
        tool = f"toolu_{self.name or 'main'}_{self.count}"
        self.ask(tools=[(tool, "Agent", {"subagent_type": kind, "description": text, "prompt": text})], out=80)
        with open(self.team.folder / f"{name}.turn", "a", encoding="utf-8") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            other = Agent(self.team, name, kind, text, tool, self.span, time.monotonic_ns() // 1000)
            other.ask(**ask)
            other.out.close()
        self.result(tool, toolUseResult={"status": "completed", "agentId": name})

    def again(self, seconds, status=529):
        """The API refused; the client waits before it tries again."""
        self.ask(status=status)
        self.write("system", subtype="api_error", retryAttempt=1, retryInMs=round(seconds * 1000),
                   error={"status": status})
        time.sleep(seconds)

    def human(self, seconds, prompt="go on"):
        time.sleep(seconds)
        self.write("user", {"role": "user", "content": prompt})

    def start(self, children, **ask):
        """Children (name, kind, title, work) at once: their processes, and the tool calls that made them."""
        made = []
        for name, kind, title, work in children:
            made.append((f"toolu_{name}", name, kind, title, work))
        self.ask(tools=[(t, "Task", {"subagent_type": k, "description": d, "prompt": d})
                        for t, _, k, d, _ in made], **ask)
        running = []
        for tool, name, kind, title, work in made:
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    agent = Agent(self.team, name, kind, title, tool, self.span)
                    work(agent)
                    agent.end()
                    status = 0
                finally:
                    os._exit(status)
            running.append((pid, tool, name))
        return running

    def join(self, running):
        waiting = {pid: (tool, name) for pid, tool, name in running}
        while waiting:
            pid, status = os.waitpid(-1, 0)
            if status:
                sys.exit(f"an agent ended with {status}")
            if pid in waiting:
                tool, name = waiting.pop(pid)
                self.result(tool, toolUseResult={"status": "completed", "agentId": name})

    def delegate(self, children, **ask):
        self.join(self.start(children, **ask))


class Team:
    def __init__(self, folder, spans=None):
        self.folder, self.spans = pathlib.Path(folder), spans
        self.folder.mkdir(parents=True, exist_ok=True)
        self.session = "11111111-2222-3333-4444-555555555555"
        self.trace = os.urandom(16).hex()
        self.server = Server(("127.0.0.1", 0), Model)
        self.port = self.server.server_address[1]
        # A process of its own: agents are forked, and a lock of a server's thread must not be forked with them.
        self.server_pid = os.fork()
        if self.server_pid == 0:
            self.server.serve_forever()
        self.server.socket.close()

    def run(self, workflow, fixed):
        main = Agent(self, title="ship the change")
        started = time.monotonic()
        workflow(main, fixed)
        seconds = time.monotonic() - started
        main.end()
        os.kill(self.server_pid, 15)
        os.waitpid(self.server_pid, 0)
        return seconds
