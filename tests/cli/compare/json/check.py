import json

data = json.load(open("c.json"))
assert data["schema"] == "toll.compare/1" and data["format"] == "recording"
fields = {"kind", "name", "detail", "metric", "unit", "better", "verdict", "ratio", "ratio_low", "ratio_high",
          "smallest_effect_ratio", "p_value", "p_value_adjusted", "a", "b", "is_paired", "denied_by"}
claimed = []
for comparison in data["comparisons"]:
    assert fields <= set(comparison), comparison
    if comparison["kind"] == "usage":
        assert comparison["verdict"] is None
        continue
    assert comparison["verdict"] in ("faster", "slower", "equivalent", "inconclusive")
    if comparison["kind"] == "function" and comparison["verdict"] in ("faster", "slower"):
        claimed.append(comparison["detail"])
        assert comparison["ratio_low"] < 2 < comparison["ratio_high"]
print("functions", claimed)
print("frames", [frame["function"] for frame in data["frames"]])
