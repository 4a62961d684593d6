#!/usr/bin/env python3
"""A stand-in agent in a loop: asks a stand-in model server again and again and writes what it is told it used into a transcript, as Claude Code
does. agent.py FOLDER [TOKENS_OF_A_CALL [SECONDS_OF_A_CALL [TOKENS_OF_THE_FIRST]]]; the server is a thread of its first process, the loop a child."""

import datetime
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request


def serve(tokens, seconds, first):
    class Model(http.server.BaseHTTPRequestHandler):
        asked = 0

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds)
            Model.asked += 1
            used = first if Model.asked == 1 and first else tokens
            answer = json.dumps({
                "id": f"msg_{Model.asked}", "model": "claude-sonnet-4-5", "role": "assistant", "stop_reason": "tool_use",
                "content": [{"type": "text", "text": "once more"}],
                "usage": {"input_tokens": used - 100, "output_tokens": 100}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def loop(folder, port):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "runaway.jsonl"), "a", encoding="utf-8", buffering=1) as transcript:
        while True:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/messages", data=b'{"messages": []}')
            with urllib.request.urlopen(request) as answer:
                message = json.load(answer)
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            transcript.write(json.dumps({"type": "assistant", "sessionId": "runaway", "cwd": "/srv", "timestamp": now,
                                         "requestId": message["id"], "message": message}) + "\n")


def main():
    if sys.argv[1] == "--loop":
        loop(sys.argv[2], int(sys.argv[3]))
    numbers = [float(word) for word in sys.argv[2:]] + [2000.0, 0.02, 0.0][len(sys.argv) - 2:]
    port = serve(int(numbers[0]), numbers[1], int(numbers[2]))
    sys.exit(subprocess.call([sys.executable, __file__, "--loop", sys.argv[1], str(port)]))


main()
