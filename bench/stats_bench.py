#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""toll's statistics against R's, live, on seeded random data: how many digits agree at the worst."""

import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["BUILD"])
SEED = int(os.environ.get("SEED", "4"))
CASES = int(os.environ.get("CASES", "40"))

ORACLE = r"""
options(digits = 15)
lines <- readLines(commandArgs(TRUE)[1])
say <- function(...) cat(sprintf("%.15g", c(...)), "\n")
for (line in lines) {
  words <- strsplit(line, " ")[[1]]
  n <- as.integer(words[2]); m <- as.integer(words[3])
  x <- as.numeric(words[-(1:3)]); a <- x[seq_len(n)]; b <- x[n + seq_len(m)]
  switch(words[1],
    pairs = { w <- wilcox.test(a, conf.int = TRUE, exact = TRUE); say(w$p.value, w$estimate, w$conf.int) },
    samples = { w <- wilcox.test(b, a, conf.int = TRUE, exact = TRUE); say(w$p.value, w$estimate, w$conf.int) },
    quantiles = { v <- c(); for (t in c(1, 6, 7, 8)) v <- c(v, quantile(a, b, type = t, names = FALSE))
      say(v, mad(a, constant = 1), mean(a), sd(a)) },
    distributions = { v <- c(); f <- b[1]
      for (p in a) { z <- qnorm(p); v <- c(v, z, pnorm(z * 1.1), qt(p, f), pt(z, f), qbeta(p, f, f / 3),
        pbeta(p, f / 2, 3), pbinom(floor(p * 40), 40, 1 - p)) }
      say(v) },
    adjusted = say(p.adjust(a, "holm"), p.adjust(a, "BH")),
    sequences = { k <- cor.test(seq_along(a), a, method = "kendall", exact = FALSE, continuity = TRUE)
      slopes <- outer(seq_along(a), seq_along(a), function(i, j) ifelse(j > i, (a[j] - a[i]) / (j - i), NA))
      say(acf(a, plot = FALSE)$acf[2], median(slopes, na.rm = TRUE), k$p.value) },
    usl = { f <- nls(b ~ g * a / (1 + s * (a - 1) + k * a * (a - 1)), start = list(g = max(b / a), s = 0.02, k = 1e-4),
      control = nls.control(tol = 1e-7, maxiter = 500, minFactor = 1e-10, warnOnly = TRUE))
      say(coef(f), sigma(f)) })
}
"""


def cases():
    draw = random.Random(SEED)
    rows = []
    for _ in range(CASES):
        n, m = draw.randint(6, 45), draw.randint(5, 45)
        a = [draw.gauss(0.02, 0.1) for _ in range(n)]
        b = [draw.gauss(0.1, 0.2) for _ in range(m)]
        rows += [("pairs", a, []), ("samples", a, b), ("sequences", a, []), ("quantiles", a, [0.01, 0.1, 0.5, 0.9, 0.99]),
                 ("adjusted", [draw.random() ** 3 for _ in range(n)], []),
                 ("distributions", [draw.random() for _ in range(5)], [draw.uniform(1, 60)])]
        loads = [1, 2, 5, 10, 20, 50, 100]
        sigma, kappa = draw.uniform(0.01, 0.1), draw.uniform(5e-5, 1e-3)
        rows.append(("usl", loads, [1000 * w / (1 + sigma * (w - 1) + kappa * w * (w - 1)) * draw.gauss(1, 0.02) for w in loads]))
    return rows


def digits(got, wanted):
    if got == wanted or abs(got - wanted) < 1e-300:
        return 15.0
    return min(15.0, -math.log10(abs(got - wanted) / max(abs(wanted), 1e-12)))


def main():
    if not shutil.which("Rscript"):
        print("statistics, digits that agree with R | skip: R is not installed | at least 6 digits | R")
        return
    rows = cases()
    with tempfile.TemporaryDirectory(prefix="toll-stats-") as name:
        folder = pathlib.Path(name)
        text = "".join(f"{op} {len(a)} {len(b)} {' '.join(repr(float(v)) for v in a + b)}\n" for op, a, b in rows)
        (folder / "cases").write_text(text)
        (folder / "oracle.R").write_text(ORACLE)
        mine = subprocess.run([str(BUILD / "bench" / "stats_values")], input=text, capture_output=True, text=True, check=True).stdout
        done = subprocess.run(["Rscript", "--vanilla", str(folder / "oracle.R"), str(folder / "cases")], capture_output=True,
                              text=True, check=False)
    if done.returncode:
        sys.exit(f"stats_bench: R ended with {done.returncode}: {done.stderr[-500:]}")
    worst = {}
    for (op, _, _), got, wanted in zip(rows, mine.splitlines(), done.stdout.splitlines(), strict=True):
        for x, y in zip(got.split(), wanted.split(), strict=True):
            worst[op] = min(worst.get(op, 15.0), digits(float(x), float(y)))
    for op, least in worst.items():
        # nls itself stops short of the minimum: four digits are its own
        limit = "at least 4 digits" if op == "usl" else "at least 6 digits"
        print(f"{op}: the least that agrees with R | {least:.1f} digits | {limit} | R, {CASES} random cases, seed {SEED}")


main()
