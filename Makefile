# Needs Python 3.11 to 3.13, make and git. uv is used if there is one.
PYTHON = python3 python3.13 python3.12 python3.11
COLAB_PYTHON = python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python) \
	python3.12 python3.11 python3
UV_VERSION = 0.13.9
CELL_SECONDS = 600
TESTS = tests book
# Debian's; Google Chrome does as well: make CHROMIUM=/usr/bin/google-chrome
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM

BIN = .venv/bin
ifeq ($(OS),Windows_NT)
BIN = .venv/Scripts
EXE = .exe
endif
UV := $(shell command -v uv || echo .venv/uv/bin/uv$(EXE))
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command 'make lock'
CHAPTERS := $(shell sed -n 's/^ *- file: *\(.*\)\.ipynb.*/\1/p' _toc.yml)

export UV_PYTHON_DOWNLOADS = never
ifdef VAE_TF_DATA
export VAE_TF_DATA := $(abspath $(VAE_TF_DATA))
endif

# From empty folders, so that no page of an earlier build stays.
define render
	rm -rf _build/html _build/.doctrees
	$(BIN)/jupyter-book build -q -W -n --keep-going --path-output . $(1)
endef

# The first Python of a list that can be used, as $$python.
define choose
	for python in $($(1)) none; do \
		test $$python != none || { echo 'Python 3.11, 3.12 or 3.13 is' \
			'needed; none of these is: $($(1)).' \
			'Name one: make $(1)=/path/to/python'; exit 1; }; \
		$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
			2>/dev/null && break; \
	done
endef

# The first page's picture is one that a chapter drew.
define hero
	$(BIN)/python book/hero.py $(1)/05_unit_gaussian.ipynb $(1)/_static
endef

# Before there is an environment, whatever Python there is.
ALONE := $(shell for python in $(PYTHON); do \
	command -v $$python && echo book/alone.py && break; done)

help:
	@sed -n 's/-now:/:/; s/^\([a-z-]*\):.*## /\1 	/p' Makefile | expand -t 13

# In one folder one after the other.
book html test accept:
	@$(ALONE) $(MAKE) --no-print-directory $@-now

book-now: .venv/full  ## run every chapter here and now, then render what was run
	$(BIN)/python book/run.py --timeout $(CELL_SECONDS)
	$(call hero,_build/source/book)
	$(call render,_build/source)
	@cat _build/times.txt
	@echo "The book: file://$(CURDIR)/_build/html/index.html"

html-now: .venv/html  ## render the committed outputs, in seconds
	$(BIN)/python book/whole.py
	$(call render,.)

test-now: .venv/full  ## run every chapter, compare with its committed outputs
	TQDM_DISABLE=1 $(BIN)/python -m pytest $(TESTS) \
		--nbval --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS)

accept-now:  ## take what `make test` ran and counted as the committed
	@test -e _build/promises.json || \
		{ echo 'Nothing has been run: make test, then make accept.'; exit 1; }
	cp _build/executed/book/*.ipynb book/
	$(call hero,book)
	cp _build/promises.json book/

# Some of it: make portability SETTINGS="again AVX2" CHAPTERS=book/09_mnist
portability: .venv/full  ## run every chapter as other processors would
	$(BIN)/python -m tests.portability --timeout $(CELL_SECONDS) \
		--settings $(SETTINGS) --chapters $(CHAPTERS:=.ipynb)

# In a copy of the last commit, whose lock and environment are made anew.
newest:  ## run everything on the newest releases that pyproject.toml allows
	rm -rf _build/newest
	git clone --quiet . _build/newest
	rm _build/newest/requirements*.lock
	$(MAKE) -C _build/newest lock
	$(MAKE) -C _build/newest test
	$(MAKE) -C _build/newest html

links: .venv/html  ## see that the links of the pages lead somewhere
	rm -rf _build/links
	$(BIN)/jupyter-book build -q -W -n --keep-going --builder linkcheck \
		--path-output _build/links .

test-pages: .venv/full chromium  ## look at the rendered pages in Chromium
	$(BIN)/python -m pytest tests/pages

pdf: .venv/full chromium  ## print the rendered pages as one PDF
	$(BIN)/python book/pdf.py

chromium:
	@command -v '$(CHROMIUM)' >/dev/null || { echo 'There is no' \
		'$(CHROMIUM). On Debian, as root: apt-get install chromium.' \
		'Or name one: make CHROMIUM=/path/to/chrome'; exit 1; }

sync: .venv/html  ## bring edits of book/*.md into the paired notebooks
	$(BIN)/jupytext --quiet --to notebook --update $(CHAPTERS:=.md)

bench: .venv-bench/full  ## time ours beside six others, which it installs
	.venv-bench/bin/python -m benchmarks.speed
	.venv-bench/bin/python -m benchmarks.profile

quality: .venv/full  ## see what a third of the training time suffices for
	$(BIN)/python -m benchmarks.quality

# Some of it: make seeds SEEDS="1 2" CHAPTERS=book/09_mnist
seeds: .venv/full  ## run the chapters again with four other seeds
	$(BIN)/python -m tests.seeds --timeout $(CELL_SECONDS) \
		--seeds $(SEEDS) --chapters $(CHAPTERS:=.ipynb)

likelihood: .venv/full  ## see how likely it finds the digits, beside others
	$(BIN)/python -m benchmarks.likelihood

address: $(BIN)/python$(EXE)  ## make address URL=https://github.com/…: of a fork
	$(BIN)/python book/address.py '$(URL)'

standalone: .venv/html  ## each chapter as one notebook, the package inside
	$(BIN)/python -m book.standalone

# Some of them: make colab-check CHAPTERS="book/01_one_image book/06_…"
colab-check: .venv/full .venv-colab/full  ## run the chapters as Colab would
	$(BIN)/python -m tests.colab --timeout $(CELL_SECONDS) \
		--chapters $(CHAPTERS:=.ipynb)

lab: .venv/full  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/book

# Keeps the versions that still fit; delete requirements.lock for the newest.
lock: | $(UV)  ## compile requirements*.lock and environment.yml anew
	$(COMPILE) pyproject.toml --group book --group test \
		--group pages -o requirements.lock
	$(COMPILE) --group book -c requirements.lock -o requirements-html.lock
	@{ echo '# By `make lock`, for conda and Binder: the pins of requirements.lock.'; \
	echo '# pip resolves the list (--dry-run); conda and Binder have not run it.'; \
	echo 'name: vae-explained'; \
	echo 'channels: [conda-forge]'; \
	echo 'dependencies:'; \
	sed -n 's/^requires-python = ">=\(.*\)"/  - python=\1/p' pyproject.toml; \
	echo '  - pip'; \
	echo '  - pip:'; \
	sed -n 's/^\([a-z0-9].*==.*[^ ]\) *\\$$/      - "\1"/p' requirements.lock; \
	echo '      - "-e ."'; } > environment.yml

clean:  ## remove what was built (the environment stays in .venv)
	rm -rf _build .pytest_cache

$(BIN)/python$(EXE):
	@$(call choose,PYTHON); \
	echo "Making .venv with $$(command -v $$python)"; \
	$$python -m venv --clear --without-pip .venv

.venv/uv/bin/uv$(EXE): | $(BIN)/python$(EXE)
	@$(BIN)/python -m ensurepip --default-pip >/dev/null || { echo \
		'This Python lacks ensurepip: install python3-venv, or uv.'; exit 1; }
	$(BIN)/python -m pip install --quiet --target .venv/uv uv==$(UV_VERSION)

.venv/full: requirements.lock pyproject.toml | $(BIN)/python$(EXE) $(UV)
	$(UV) pip sync --python $(BIN)/python$(EXE) --compile-bytecode \
		--require-hashes $<
	$(UV) pip install --python $(BIN)/python$(EXE) --no-deps \
		--no-build-isolation --editable .
	@touch $@

# Without TensorFlow, unless it is there already.
.venv/html: requirements-html.lock | $(BIN)/python$(EXE) $(UV)
	@if test -e .venv/full; then $(MAKE) .venv/full; else set -x; \
		$(UV) pip sync --python $(BIN)/python$(EXE) --require-hashes $<; fi
	@touch $@

# Sees what .venv has and adds the group `bench`, each package on its own: one
# that cannot be had is a contender that is not measured. Not uv, whose PyTorch
# may bring gigabytes for a GPU; a machine's own pip may know a smaller one.
.venv-bench/full: .venv/full pyproject.toml
	$(BIN)/python -m venv --clear .venv-bench
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> "$$(echo .venv-bench/lib/python*/site-packages)/reader.pth"
	for package in $$($(BIN)/python -c 'import tomllib; print(*tomllib.load( \
		open("pyproject.toml", "rb"))["dependency-groups"]["bench"])'); do \
		.venv-bench/bin/pip install --quiet "$$package" || \
			echo "$$package cannot be had: it will not be measured."; \
	done
	@touch $@

# Colab's own versions and a package of its name, beside them pip as there. Not
# uv, which is not what installs the package there.
.venv-colab/full: tests/colab-constraints.txt
	@$(call choose,COLAB_PYTHON); \
	echo "Making .venv-colab with $$($$python --version); Colab has 3.13"; \
	$$python -m venv --clear .venv-colab
	.venv-colab/bin/python -m pip install --quiet --requirement $<
	colab="$$(echo .venv-colab/lib/python*/site-packages)/google/colab" && \
		mkdir -p "$$colab" && touch "$$colab/__init__.py"
	@touch $@

.PHONY: help book html test test-pages pdf chromium accept portability bench \
	quality likelihood newest links sync address standalone colab-check lock \
	lab clean book-now html-now test-now accept-now
.NOTPARALLEL:
