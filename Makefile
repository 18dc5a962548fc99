# SPDX-License-Identifier: Apache-2.0
# The front door of the build; Meson and Ninja do the work. "make help" lists the targets.
# The first use on a new machine is ./bootstrap, which installs what is missing.

SUITE ?=
FUZZ_SECONDS ?= 60
FAULT_ROUNDS ?= 200
NINJA = ninja -C

all: tools-js build/build.ninja ## build/orfeas
	@$(NINJA) build

demo: all ## turn the sample pictures into models in out/, with a contact sheet to look at
	@tools/demo out

studio: all ## the server and its page at http://127.0.0.1:8080/, with its data in out/studio
	@build/orfeas serve --data out/studio

test: all venv ## every test, the ones with outside judges too; ends "N passed, N failed"
	@tools/run-tests build $(SUITE)

check: lint all ## the quick round before a commit: rooms, layout, unit tests
	@tools/run-tests build --no-suite judge --no-suite slow

asan: tools-js ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/sanitize address,undefined

tsan: tools-js ## tests of what runs in parallel under ThreadSanitizer
	@tools/sanitize thread

fuzz: ## every fuzz target for FUZZ_SECONDS (60) each
	@tools/fuzz $(FUZZ_SECONDS)

fault: all ## the server killed FAULT_ROUNDS (200) times under load, and every other fault; FAULT_SEED repeats a run
	@FAULT_ROUNDS=$(FAULT_ROUNDS) tools/run-tests build --suite fault

bench: all venv ## the numbers of docs/benchmarks.md, beside the peers a user would pick
	@$(NINJA) build benches
	@bench/server
	@bench/run

format: ## lay the sources out
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: tools-js ## rooms, layout, types, shell scripts; says what to mend
	@tools/lint

install: all ## into /usr/local, or DESTDIR
	@meson install -C build

clean: ## remove what was built
	@rm -rf build build-* out

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build/build.ninja:
	@meson setup build

# From npm (what the page is built of, judges) and PyPI (judges), into folders of this checkout only.
tools-js: node_modules/.done
node_modules/.done: package-lock.json
	@npm ci --silent && touch $@
venv: .venv/.done
.venv/.done: tests/requirements.txt
	@tools/venv

.PHONY: all demo studio test check asan tsan fuzz fault bench format lint install clean help tools-js venv
