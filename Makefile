# Every target sets up its own environment first (.venv), pinned by constraints.txt.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lab release site lint clean

help:                 ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(READY)        ## grade a class of twelve, from the LMS's zip to the grade sheet
	@$(BIN)/course demo

test: $(READY)        ## run every test
	@$(BIN)/python -m pytest -n 2

lab: $(READY)         ## open JupyterLab on the assignments (formgrader for the instructor)
	@$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/start.ipynb

release: $(READY)     ## write assignments/ anew from solutions/
	@$(BIN)/course release

site: $(READY)        ## build the website into build/site (REPOSITORY=https://github.com/... for Colab)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[site]"
	@rm -rf build/site build/site-source && mkdir -p build/site-source
	@cp -r docs/. notebooks assignments build/site-source/
	@REPOSITORY="$(REPOSITORY)" $(BIN)/sphinx-build -W --keep-going -q build/site-source build/site
	@echo "The website: build/site/index.html"

lint: $(READY)        ## check and format the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:                ## remove the environment and everything that was generated
	rm -rf $(VENV) build

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed. Install it, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (about 2.5 GB and two minutes, only the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  --editable ".[tensorflow,digits,lab,grading,test]"
	@touch $@
