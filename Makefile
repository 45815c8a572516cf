# remixd: `make run` plays the demo song, `make test` tests everything. Both set up what they need.

PYTHON ?= python3
BIN := .venv/bin
SYSTEM_PACKAGES := build-essential libfftw3-dev pkg-config portaudio19-dev python3-dev python3-venv
TEST_PACKAGES := chromium jackd2 libjack-jackd2-0 zam-plugins
KERNEL := $(wildcard ext/*.pyx remixd/_kernel/*.pxd)
PROTOS := $(wildcard proto/remixd/v1/*.proto)
QUICK ?= --quick
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test setup build lint bench-tables bench-record bench-check checked memory soak dist annotate clean

run: build  ## make the demo song, import it, and serve it
	@$(BIN)/remixd demo build/demo
	@$(BIN)/remixd import --warm --library "$${REMIXD_LIBRARY:-$${XDG_DATA_HOME:-$$HOME/.local/share}/remixd}" build/demo
	@printf '%s\n' '' \
	  'The daemon starts. Open the address below that begins with http:// and choose the song.' \
	  'Or, in a second terminal, from this folder, try:' \
	  '' \
	  '    . .venv/bin/activate' \
	  '    remixd tracks' \
	  '    remixd session create your-way' \
	  '    remixd session list' \
	  '    remixd signal SESSION vocals=-18 tempo=1.06 --wait' \
	  '    remixd listen SESSION --seconds 10 -o out.wav' \
	  '    remixd watch SESSION' \
	  ''
	@exec $(BIN)/remixd serve

test: build .make/test-system  ## every test, on up to four cores; a file's tests stay together
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: build  ## style, types, the kernel's style, who may import whom, and whether the protos break anybody
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint ext remixd/_kernel
	$(BIN)/lint-imports --no-cache
	$(BIN)/python proto/check.py

bench-tables: .make/bench  ## build/bench/: remixd beside other stretchers, in Markdown tables and pictures
	@mkdir -p build/bench
	for name in kernel quality; do \
	  $(BIN)/remixd bench $$name --json build/bench/$$name.json --tables build/bench/$$name.md \
	    --plots build/bench || exit; done

bench-record: .make/bench  ## build/bench/history/: every bench (QUICK= for the long forms), beside the last run
	@mkdir -p build/bench
	$(BIN)/remixd bench all $(QUICK) --json build/bench/all.json >build/bench/all.txt || test $$? = 1
	$(BIN)/remixd bench record build/bench/all.json --history build/bench/history
	$(BIN)/remixd bench report build/bench/all.json -o build/bench/report.html

bench-check: .make/bench  ## the ratios that may not get worse, each to what runs beside it: never seconds
	$(BIN)/remixd bench check

checked: build  ## the kernel's tests on a kernel with bounds checks, then the ordinary kernel again
	REMIXD_CHECKED=1 $(BIN)/python setup.py -q build_ext --inplace --force --build-temp build/checked
	status=0; $(BIN)/python -m pytest tests/kernel || status=$$?; \
	  $(BIN)/python setup.py -q build_ext --inplace --force && exit $$status

memory: build  ## the kernel's tests on a kernel under AddressSanitizer, built apart
	mkdir -p build/memory
	REMIXD_CHECKED=1 CFLAGS="-fsanitize=address -fno-omit-frame-pointer" LDFLAGS=-fsanitize=address \
	  $(BIN)/python setup.py -q build --build-base build/memory --build-lib build/memory/lib
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so)" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \
	  PYTHONPATH=build/memory/lib $(BIN)/python -P -m pytest -p no:cacheprovider tests/kernel \
	  --deselect tests/kernel/test_host.py

soak: build  ## an hour of wandering tempo, thousands of damaged songs, a hundred thousand calls
	$(BIN)/python -m pytest -m soak tests/soak tests/control tests/e2e

dist: build  ## dist/: the sdist, and the wheel built from it
	rm -rf dist
	$(BIN)/python -c 'from setuptools.build_meta import build_sdist; build_sdist("dist")' >build/sdist.log
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist dist/remixd-*.tar.gz
	@ls -l dist

annotate:  ## build/cython/ext/*.html: where the kernel touches Python
	touch ext/*.pyx
	REMIXD_ANNOTATE=1 $(BIN)/python setup.py -q build_ext --inplace

setup: .make/venv  ## system libraries, the virtual environment and everything in it

build: .make/build  ## the kernel and the protos

.make/system:
	@mkdir -p .make
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "remixd needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	@if command -v cc >/dev/null && pkg-config --exists fftw3f portaudio-2.0 2>/dev/null && $(PYTHON) -c \
	    'import ensurepip, pathlib, sysconfig; (pathlib.Path(sysconfig.get_path("include")) / "Python.h").stat()' \
	    2>/dev/null; then :; \
	elif ! command -v apt-get >/dev/null; then \
	  echo "remixd needs a C compiler, pkg-config, FFTW in single precision, PortAudio, and Python's headers and venv"; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then sudo=; \
	elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "remixd needs some libraries; run: sudo apt-get install $(SYSTEM_PACKAGES)"; exit 1; fi; \
	if [ -n "$${sudo+x}" ]; then \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o DPkg::Lock::Timeout=500 \
	    --no-install-recommends $(SYSTEM_PACKAGES); fi
	@touch $@

.make/test-system:  # a JACK server, plug-ins and a browser, to test for real; without them those tests are skipped
	@if command -v jackd >/dev/null && command -v chromium >/dev/null && test -e /usr/lib/vst3/ZamTube.vst3; then :; \
	elif ! command -v apt-get >/dev/null; then \
	  echo "no jackd, zam-plugins or chromium: the tests of sound devices, plug-ins or the page will be skipped"; \
	elif [ "$$(id -u)" = 0 ]; then sudo=; \
	elif sudo -n true 2>/dev/null; then sudo=sudo; \
	else echo "for the tests of sound devices, plug-ins and the page: sudo apt-get install $(TEST_PACKAGES)"; fi; \
	if [ -n "$${sudo+x}" ]; then \
	  $$sudo apt-get update -qq && \
	  $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o DPkg::Lock::Timeout=500 \
	    --no-install-recommends $(TEST_PACKAGES); fi
	@touch $@

.make/venv: .make/system pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip "setuptools>=77" wheel "cython>=3.1,<4" "grpcio-tools==1.85.1"
	REMIXD_KERNEL=later $(BIN)/python -m pip install -q --no-build-isolation -e ".[dev]"
	@touch $@

.make/bench: .make/build  # the peers that come from PyPI; where others are missing, the bench says how to get them
	REMIXD_KERNEL=later $(BIN)/python -m pip install -q --no-build-isolation -e ".[bench]"
	@touch $@

.make/build: .make/venv setup.py $(KERNEL) $(PROTOS)
	$(BIN)/python setup.py -q build_ext --inplace
	@touch $@

clean:  ## everything that was built, but not the virtual environment
	rm -rf build dist .make remixd.egg-info remixd/v1 remixd/_kernel/*.so .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
