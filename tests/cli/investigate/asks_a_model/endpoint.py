"""A stand-in for a language model's endpoint: OpenAI's and Anthropic's interface, answers that do not change."""
import http.server
import json
import os
import sys

CLAIMS = {"claims": [
    {"id": "a", "cause": "sleep-poll", "title": "it sleeps again and again", "where": {"process": "sleep"},
     "gain": {"factor_max": 20}, "rows": ["path 0"], "evidence": ["six sleeps"]},
    {"id": "b", "cause": "cpu-hot", "title": "the shell computes", "where": {"process": "sh"}, "change": "speed:process/sh=2",
     "gain": {"factor": 9, "factor_low": 8, "factor_high": 10}}]}
VOTES = {"votes": [{"claim": "profiling/1", "stance": "support", "why": "so it looks", "rows": ["path 0"]}]}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_anthropic = self.path == "/v1/messages"
        key = self.headers.get("x-api-key") if is_anthropic else (self.headers.get("Authorization") or "").replace("Bearer ", "")
        assert is_anthropic or self.path == "/v1/chat/completions", self.path
        assert not is_anthropic or (self.headers["anthropic-version"] and body["system"] and body["max_tokens"])
        question = body["messages"][-1]["content"]
        text = "```json\n" + json.dumps(VOTES if "Others made" in question else CLAIMS) + "\n```"
        if body["model"] == "babbler":
            text = "It is slow, I am afraid."
        answer = {"content": [{"type": "text", "text": text}]} if is_anthropic else {"choices": [{"message": {"content": text}}]}
        data = json.dumps(answer).encode()
        self.send_response(200 if key == "secret" else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
