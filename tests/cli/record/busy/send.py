# SPDX-License-Identifier: Apache-2.0
"""While most of what may be under way is, a second large request is told to come again; the first is taken all the same."""
import http.client
import os
import socket
import urllib.parse

at = urllib.parse.urlparse(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
span = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"00000000000000AA","name":"a"}]}]}]}' % (b"ab" * 16)
blanks = b" " * (60 << 20)
head = b"POST /v1/traces HTTP/1.1\r\nHost: toll\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

first = socket.create_connection((at.hostname, at.port))
first.sendall(head % (len(blanks) + len(span)) + blanks)
second = http.client.HTTPConnection(at.hostname, at.port)
second.request("POST", "/v1/traces", blanks[:50 << 20], {"Content-Type": "application/json"})
answer = second.getresponse()
print(answer.status, "Retry-After:", answer.getheader("Retry-After"), answer.read().decode())
first.sendall(span)
print(first.recv(100).split(b"\r\n")[0].decode())
second.request("POST", "/v1/traces", b"{}", {"Content-Type": "application/json"})
print(second.getresponse().status)
