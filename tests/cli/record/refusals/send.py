# SPDX-License-Identifier: Apache-2.0
"""What a receiver must refuse, and what it must not, over one connection."""
import gzip
import http.client
import os
import urllib.parse

JSON, PROTOBUF = "application/json", "application/x-protobuf"
at = urllib.parse.urlparse(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
connection = http.client.HTTPConnection(at.hostname, at.port)
span = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"00000000000000AA","name":"a"}]}]}]}'


def ask(what, method, path, body=b"", kind=JSON, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Content-Type": kind, **headers} if kind else headers)
    answer = connection.getresponse()
    told = answer.read()
    extra = [f"{name}: {answer.getheader(name)}" for name in ("Allow", "Access-Control-Allow-Origin") if answer.getheader(name)]
    print(f"{what}: {answer.status} {told!r}", *extra)


ask("nothing is fine", "POST", "/v1/traces")
ask("nothing, protobuf", "POST", "/v1/logs", b"", PROTOBUF)
ask("type with parameters", "POST", "/v1/metrics", b"{}", JSON + "; charset=utf-8")
ask("no JSON", "POST", "/v1/traces", b'{"resourceSpans":')
ask("no protobuf", "POST", "/v1/traces", b"\x0a\x7f", PROTOBUF)
ask("no gzip", "POST", "/v1/traces", b"{}", Content_Encoding="gzip")
ask("another type", "POST", "/v1/traces", b"a=b", "application/x-www-form-urlencoded")
ask("another packing", "POST", "/v1/traces", b"{}", Content_Encoding="br")
ask("another path", "POST", "/v1/profiles", b"{}")
ask("another method", "GET", "/v1/traces", b"", None)
ask("another's page", "POST", "/v1/traces", b"{}", Origin="https://example.com")
ask("a page of this machine", "POST", "/v1/traces", b"{}", Origin="http://localhost:3000")
ask("a page asks first", "OPTIONS", "/v1/traces", b"", None, Origin="http://localhost:3000")
ask("a span without identity", "POST", "/v1/traces", (span % "").encode())
ask("one with", "POST", "/v1/traces", (span % ("aB" * 16)).encode())
connection.close()
ask("unpacks to too much", "POST", "/v1/traces", gzip.compress(b" " * (65 << 20), 1), Content_Encoding="gzip")
connection.close()
ask("is too much", "POST", "/v1/traces", b" " * ((64 << 20) + 1))
