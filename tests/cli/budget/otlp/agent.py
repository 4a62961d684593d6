# An agent that goes round in circles and sends a span for each call of its model, until it is stopped; it has a child that would go on.
import json, os, subprocess, time, urllib.request

open("child", "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
url = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"
for number in range(1, 100000):
    now = time.time_ns()
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "claude-opus-5"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 2000}}]
    span = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": f"{number:016x}", "parentSpanId": "00000000000f0000", "name": "chat",
            "startTimeUnixNano": str(now - 1000000), "endTimeUnixNano": str(now), "attributes": attributes}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})).read()
    with open("sent", "a") as sent:  # a byte for each, whatever it is stopped in
        sent.write("x")
    time.sleep(0.01)
