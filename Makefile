# SPDX-License-Identifier: Apache-2.0
#
# The front door. Meson and ninja do the work, in build/.
#
#   make           build/toll, libtoll beside it
#   make demo      the example pipeline: recorded, judged, fixed, confirmed
#   make check     every test; the last line is `N passed, N failed`
#   make accuracy  the planted suites on every rung, into docs/accuracy.md
#   make bench     every benchmark, as ratios in one table
#   make fuzz      each fuzz target for FUZZ_SECONDS
#   make lint      tidy, format, shellcheck, clang-tidy
#   make format    rewrites the sources in the house format
#   make install   PREFIX=/usr/local, DESTDIR= honoured

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
BUILD := build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/setup build
	@meson setup $(BUILD)

demo:
	@tools/setup build demo
	@$(MAKE) --no-print-directory all
	@examples/market-data/demo

check:
	@tools/setup build demo test lint
	@tools/check

lint:
	@tools/setup build test lint
	@tools/check lint

bench:
	@tools/setup build test bench
	@$(MAKE) --no-print-directory all
	@bench/run

fuzz:
	@tools/setup build test
	@tools/fuzz $(FUZZ_SECONDS)

accuracy: all
	@tools/setup build demo test
	@tests/planted/accuracy.py
	@tests/planted/agents/run.py
	@tests/planted/agents/run.py --otlp

soak: all
	@tools/setup test
	@tests/planted/service/attach_often.py --seconds 30

install: all
	@meson configure $(BUILD) -Dprefix="$(abspath $(PREFIX))"
	@meson install -C $(BUILD)

format:
	@find src include tests examples bench -name '*.[ch]' -exec clang-format -i {} +

clean:
	rm -rf $(BUILD) build-*

.PHONY: all demo check lint bench fuzz accuracy soak install format clean
