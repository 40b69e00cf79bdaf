# Needs Python 3.11 to 3.13, make and git. uv is used if there is one.
PYTHON = python3 python3.13 python3.12 python3.11
COLAB_PYTHON = python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python \
	python3.12 python3.11 python3
UV_VERSION = 0.13.9
CELL_SECONDS = 600
TESTS = tests book
# Debian's; Google Chrome does as well: make CHROMIUM=/usr/bin/google-chrome
CHROMIUM ?= /usr/bin/chromium
EXE =
CHAPTERS =

# What a reader has set for pip, uv and Python stays outside, but for where
# packages come from and are kept; so does what would replace what is locked.
unexport $(filter-out PYTHON PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE \
	PYTHONPYCACHEPREFIX PYTHONIOENCODING PYTHONUTF8 \
	PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_FIND_LINKS PIP_PROXY \
	PIP_CERT PIP_CLIENT_CERT PIP_TRUSTED_HOST PIP_KEYRING_PROVIDER \
	PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES PIP_CONFIG_FILE \
	PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_NO_INPUT \
	PIP_DISABLE_PIP_VERSION_CHECK \
	UV_INDEX% UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_NO_INDEX UV_FIND_LINKS \
	UV_SYSTEM_CERTS UV_NATIVE_TLS UV_INSECURE_HOST UV_KEYRING_PROVIDER \
	UV_CREDENTIALS_DIR UV_OFFLINE UV_HTTP% UV_REQUEST_TIMEOUT UV_CONCURRENT% \
	UV_CONFIG_FILE UV_NO_CONFIG UV_CACHE_DIR UV_NO_CACHE UV_LINK_MODE, \
	$(filter PIP_% PYTEST_% PYTHON% TF_CONFIG TF_CPP_% TF_USE_LEGACY_KERAS \
	UV_% KERAS_BACKEND MATPLOTLIBRC MPLBACKEND VIRTUAL_ENV,$(.VARIABLES)))
export UV_PYTHON_DOWNLOADS = never

# Paths as they were written, whatever is in them.
override PYTHON := $(value PYTHON)
override CHROMIUM := $(value CHROMIUM)
export PYTHON COLAB_PYTHON CHROMIUM

BIN = .venv/bin
ifeq ($(OS),Windows_NT)
BIN = .venv/Scripts
EXE = .exe
else ifdef VAE_TF_DATA
# From the folder that make was called in.
override VAE_TF_DATA := $(if $(filter x/% x~%,$(firstword \
	x$(value VAE_TF_DATA))),,$(CURDIR)/)$(value VAE_TF_DATA)
export VAE_TF_DATA
endif

# An environment whose Python has gone away is made anew.
$(shell for folder in .venv*; do test -x $$folder/bin/python \
	-o -x $$folder/Scripts/python.exe || rm -f $$folder/full $$folder/html; done)
# With TensorFlow, if it is there already.
RENDERER := $(or $(wildcard .venv/full),.venv/html)

# uv with the certificates that the system trusts, where it has any: a company
# may have its own. A reader who has chosen is heard. A home that cannot be
# written to, as in containers, has no room for a cache.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv || \
	echo .venv/uv/uv-$(UV_VERSION).data/scripts/uv$(EXE))
define uv
	@test -n "$$UV_CACHE_DIR$$XDG_CACHE_HOME" -o -w "$${HOME-.}" \
		|| export UV_NO_CACHE=1; \
	$(if $(UV_SYSTEM_CERTS)$(UV_NATIVE_TLS),,UV_SYSTEM_CERTS=true \
		UV_NATIVE_TLS=true $(UV) pip $(1) ||) $(UV) pip $(1)
endef

# pip with its own certificates or the reader's, then with the system's.
define pip
	for certificates in "" --cert="$$($(1) -c 'import ssl; \
		paths = ssl.get_default_verify_paths(); \
		print(paths.cafile or paths.capath)')" --use-feature=truststore; do \
		$(1) -m pip $(2) --quiet $${certificates:+"$$certificates"} && break; \
	done
endef

# Chapters are imported from where they are: by a path that a move keeps.
define package
	$(BIN)/python -c 'import os, sysconfig; \
		place = sysconfig.get_path("purelib"); \
		open(place + "/vae_tf.pth", "w").write(os.path.relpath(".", place))'
endef

# The first Python of a list that can be used, as $$python: the list may also
# be one path, with spaces.
define choose
	for python in $(2) "$$$(1)" $$$(1) none; do \
		test "$$python" != none || { echo 'Python 3.11, 3.12 or 3.13 is' \
			"needed; none of these is: $$$(1)." \
			'Name one: make $(1)=/path/to/python'; exit 1; }; \
		"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
			2>/dev/null && break; \
	done
endef

help:
	@sed -n 's/-now:/:/; s/^\([a-z-]*\):.*## /\1 	/p' Makefile | expand -t 13

# In one folder one after the other: the shell's lock on this file lasts as long
# as the shell and what it has started. (6 is exclusive and not blocking.)
book html test accept:
	@$(call choose,PYTHON,$(BIN)/python); exec 9<Makefile; \
	lock() { "$$python" -c "import fcntl; fcntl.flock(9, $$1)" 2>/dev/null; }; \
	lock 6 || { echo 'Waiting for another make in this folder, if there is' \
		'one.'; lock 2 || echo 'It cannot be locked: run one at a time.'; }; \
	exec "$(MAKE)" --no-print-directory $@-now

book-now: .venv/full  ## run every chapter here and now, then render what was run
	$(BIN)/python -m book._tools.run --timeout $(CELL_SECONDS)

html-now: $(RENDERER)  ## render the committed outputs, in seconds
	$(BIN)/python -m book._tools.render

test-now: .venv/full  ## run every chapter, compare with its committed outputs
	$(BIN)/python -m pytest $(TESTS) --nbval --nbval-current-env \
		--nbval-cell-timeout=$(CELL_SECONDS) \
		--numprocesses=auto --dist=loadfile --no-loadscope-reorder

weights: .venv/full
	$(BIN)/python -m book._tools.weights

# Other libraries are in .venv-bench alone; what is missing is skipped.
BESIDE = tests/slow/test_elsewhere.py tests/slow/test_benchmarks.py
test-slow: .venv/full .venv-bench/full
	$(BIN)/python -m pytest tests/slow $(BESIDE:%=--ignore=%)
	.venv-bench/bin/python -m pytest $(BESIDE)

test-all: test html test-pages colab-check test-slow  ## all there is to test, before an issue is closed

accept-now: $(RENDERER)  ## take what `make test` ran as the committed
	@test -e _build/executed/book || \
		{ echo 'Nothing has been run: make test, then make accept.'; exit 1; }
	cd _build/executed && cp $$(ls $$(../../$(BIN)/python -m book._tools.toc) \
		2>/dev/null) ../../book/

# On the newest releases that pyproject.toml allows: in a copy of the last
# commit, whose lock and environment are made anew.
newest:
	rm -rf _build/newest
	git clone --quiet . _build/newest
	rm _build/newest/requirements.lock
	$(MAKE) -C _build/newest lock
	$(MAKE) -C _build/newest test VAE_TF_DATA="$$VAE_TF_DATA"
	$(MAKE) -C _build/newest html

links: $(RENDERER)
	rm -rf _build/links
	$(BIN)/python -c 'from jupyter_book.cli.main import main; main()' build \
		-q -W -n --keep-going --builder linkcheck --path-output _build/links .

test-pages: .venv/full chromium  ## look at the rendered pages in Chromium
	$(BIN)/python -m pytest tests/pages

pdf: .venv/full chromium  ## print the rendered pages as one PDF
	$(BIN)/python -m book._tools.pdf

chromium:
	@command -v "$$CHROMIUM" >/dev/null || { echo 'There is no' \
		"$$CHROMIUM. On Debian, as root: apt-get install chromium." \
		'Or name one: make CHROMIUM=/path/to/chrome'; exit 1; }

sync: $(RENDERER)  ## bring edits of book/*.md into the paired notebooks
	$(BIN)/python -m jupytext --quiet --to notebook --update $(or \
		$(CHAPTERS:=.md),$$($(BIN)/python -m book._tools.toc | sed s/ipynb$$/md/))
	$(BIN)/python -m book._tools.fold

bench: .venv-bench/full
	.venv-bench/bin/python -m benchmarks.speed
	.venv-bench/bin/python -m benchmarks.profile

# Some of them: make colab-check CHAPTERS="book/01_one_image book/06_…"
colab-check: .venv/full .venv-colab/full  ## run the chapters as Colab would
	$(BIN)/python -m tests.colab --timeout $(CELL_SECONDS) \
		--chapters $(CHAPTERS:=.ipynb)

lab: .venv/full  ## open the chapters in JupyterLab
	$(BIN)/python -m jupyterlab --LabApp.default_url=/lab/tree/book

# Keeps the versions that still fit; delete requirements.lock for the newest.
lock: | $(filter .venv/%,$(UV))  ## compile requirements.lock and environment.yml anew
	$(call uv,compile --quiet --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command 'make lock' \
		pyproject.toml --group book --group test --group pages \
		-o requirements.lock)
	@{ printf '%s\n' \
		'# By `make lock`, for conda and Binder: the pins of requirements.lock.' \
		'# pip resolves the list (--dry-run); conda and Binder have not run it.' \
		'name: vae-explained' 'channels: [conda-forge]' 'dependencies:'; \
	sed -n 's/^requires-python = ">=\(.*\)"/  - python=\1/p' pyproject.toml; \
	printf '%s\n' '  - pip' '  - pip:'; \
	sed -n 's/^\([a-z0-9].*==.*[^ ]\) *\\$$/      - "\1"/p' requirements.lock; \
	echo '      - "-e ."'; } > environment.yml

clean:  ## remove what was built (the environment stays in .venv)
	rm -rf _build .pytest_cache

$(BIN)/python$(EXE):
	@$(call choose,PYTHON); \
	echo "Making .venv with $$(command -v "$$python")"; \
	"$$python" -m venv --clear --without-pip .venv

# As a file, which no setting of pip's can send elsewhere.
.venv/uv/%: | $(BIN)/python$(EXE)
	@$(BIN)/python -m ensurepip --default-pip >/dev/null || { echo \
		'This Python lacks ensurepip: install python3-venv, or uv.'; exit 1; }
	@$(call pip,$(BIN)/python,download --no-deps --only-binary :all: \
		--dest .venv/uv uv==$(UV_VERSION))
	@$(BIN)/python -m zipfile -e .venv/uv/uv-$(UV_VERSION)-*.whl .venv/uv
	@chmod +x $@

.venv/full: requirements.lock pyproject.toml | $(BIN)/python$(EXE) \
		$(filter .venv/%,$(UV))
	$(call uv,sync --python $(BIN)/python$(EXE) --compile-bytecode \
		--require-hashes $<)
	@$(package)
	@touch $@

# What rendering needs, in the versions of the same lock: no TensorFlow.
.venv/html: requirements.lock pyproject.toml | $(BIN)/python$(EXE) \
		$(filter .venv/%,$(UV))
	$(call uv,install --python $(BIN)/python$(EXE) --exact --require-hashes \
		--group book --constraint $<)
	@$(package)
	@touch $@

# Sees what .venv has and adds the group `bench`, each package on its own: one
# that cannot be had is a contender that is not measured. Not uv, whose PyTorch
# may bring gigabytes for a GPU; a machine's own pip may know a smaller one.
.venv-bench/full: .venv/full pyproject.toml
	$(BIN)/python -m venv --clear .venv-bench
	cd ./.venv-bench/lib/python*/site-packages && \
		echo ../../../../.venv/lib/python*/site-packages > reader.pth
	for package in $$($(BIN)/python -c 'import tomllib; print(*tomllib.load( \
		open("pyproject.toml", "rb"))["dependency-groups"]["bench"])'); do \
		{ $(call pip,.venv-bench/bin/python,install "$$package"); } || \
			echo "$$package cannot be had: it will not be measured."; \
	done
	@touch $@

# Colab's own versions and a package of its name, beside them pip as there. Not
# uv, which is not what installs the package there.
.venv-colab/full: tests/colab-constraints.txt
	@$(call choose,COLAB_PYTHON); \
	echo "Making .venv-colab with $$("$$python" --version); Colab has 3.13"; \
	"$$python" -m venv --clear .venv-colab
	@$(call pip,.venv-colab/bin/python,install --requirement $<)
	colab="$$(echo .venv-colab/lib/python*/site-packages)/google/colab" && \
		mkdir -p "$$colab" && touch "$$colab/__init__.py"
	@touch $@

.PHONY: help book html test test-all test-pages test-slow pdf chromium accept \
	bench weights newest links sync colab-check lock lab clean book-now html-now \
	test-now accept-now
.NOTPARALLEL:
