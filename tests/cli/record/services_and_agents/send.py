# SPDX-License-Identifier: Apache-2.0
"""send.py FILE: posts the JSON twice to where OTEL_EXPORTER_OTLP_ENDPOINT says, plain and as gzip in chunks."""
import gzip
import http.client
import os
import sys
import urllib.parse

body = open(sys.argv[1], "rb").read()
at = urllib.parse.urlparse(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
connection = http.client.HTTPConnection(at.hostname, at.port)
packed = gzip.compress(body)
halves = [packed[:100], packed[100:]]
for content, headers in ((body, {}), (iter(halves), {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})):
    connection.request("POST", "/v1/traces", content, {"Content-Type": "application/json", **headers},
                       encode_chunked="Transfer-Encoding" in headers)
    answer = connection.getresponse()
    print(answer.status, answer.getheader("Content-Type"), answer.read().decode())
