# SPDX-License-Identifier: Apache-2.0
# The front door. Meson and ninja do the work, in build/.

PREFIX ?= /usr/local
BUILD := build

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@command -v meson >/dev/null && command -v ninja >/dev/null || tools/setup build
	@meson setup $(BUILD)

clean:
	rm -rf $(BUILD) build-*

.PHONY: all clean
