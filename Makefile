# Every target sets up its own environment first (.venv), pinned by constraints.txt.
PYTHON ?= $(shell for each in python3.11 python3.12 python3.13; do \
            $$each -c "" 2> /dev/null && echo $$each && exit; done; echo python3)
VENV   ?= .venv
BIN     = $(VENV)/bin
READY   = $(VENV)/.ready
TENSORFLOW = $(shell sed -n 's/^tensorflow==//p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help demo test quick test-oldest test-newest test-hub lab release site lint format clean

help:                 ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(READY)        ## grade a class of twelve, from the LMS's zip to the grade sheet
	@$(BIN)/course demo

# Four workers on two cores: with two, a third of the time is waiting for browsers and containers.
# The programs that tests start find the course compiled, also where a shell asks for no such files.
test: $(READY)        ## run every test
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

quick: $(READY)       ## run what takes under a minute: networks, checks, evidence, docs; at every save
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -k "not graded" \
	  tests/network tests/evidence tests/check tests/diagnosis/test_explanations.py \
	  tests/test_docs.py tests/test_rooms.py

lab: $(READY)         ## open JupyterLab on the assignments (formgrader for the instructor)
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url=/lab/tree/start.ipynb

release: $(READY)     ## write assignments/ anew from solutions/
	@$(BIN)/course release

# Twins of Colab: its packages at the oldest and the newest version, and nothing of ours.
OLDEST = tensorflow-cpu==2.18.* keras==3.8.* numpy==2.0.* matplotlib==3.8.* tensorflow-datasets==4.9.7 tensorflow-metadata==1.16.*
NEWEST = tensorflow-cpu keras numpy matplotlib tensorflow-datasets
TWIN   = pip importlib_resources scikit-learn ipykernel ipywidgets nbformat

test-oldest: $(READY) ## notebooks in a twin of Colab with the oldest Keras that is supported
	@$(PYTHON) -m venv .twin-oldest && .twin-oldest/bin/pip install --quiet --upgrade $(OLDEST) $(TWIN)
	@COURSE_TWIN=$(CURDIR)/.twin-oldest/bin/python $(BIN)/python -m pytest tests/notebooks/test_twin.py

test-newest: $(READY) ## notebooks in a twin of Colab with the newest
	@$(PYTHON) -m venv .twin-newest && .twin-newest/bin/pip install --quiet --upgrade $(NEWEST) $(TWIN)
	@COURSE_TWIN=$(CURDIR)/.twin-newest/bin/python $(BIN)/python -m pytest tests/notebooks/test_twin.py

test-hub: $(READY)    ## a class on a JupyterHub, in a browser (needs root and npm)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt jupyterhub
	@npm install --silent --no-fund --no-audit --prefix build/hub configurable-http-proxy@5.3.0
	@PATH="$(CURDIR)/build/hub/node_modules/.bin:$$PATH" $(BIN)/python -m pytest tests/notebooks/test_hub.py

site: $(READY)        ## build the website into build/site (REPOSITORY=https://github.com/... for Colab)
	@rm -rf build/site build/site-source && mkdir -p build/site-source
	@cp -r docs/. notebooks assignments build/site-source/
	@REPOSITORY="$(REPOSITORY)" $(BIN)/sphinx-build -W --keep-going -q build/site-source build/site
	@echo "The website: build/site/index.html"

# The browser tests make it, to look at pages with it.
build/axe: Makefile
	@npm install --loglevel=error --no-fund --no-audit --prefix $@ axe-core@4.14.1
	@touch $@

lint: $(READY)        ## look for what ruff would mend or format otherwise, and change nothing
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: $(READY)      ## mend and format
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:                ## remove the environment and everything that was generated
	rm -rf $(VENV) .twin-oldest .twin-newest build

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed: for others there is no TensorFlow $(TENSORFLOW)."; \
	    echo "Install one of them, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up $(VENV) (about 3 GB and two to three minutes, only the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile \
	  --constraint constraints.txt --editable ".[tensorflow,digits,lab,grading,site,test]"
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib  # pip would use one core for it
	@for part in assignment-list course-list; do \
	  $(BIN)/jupyter labextension disable --level=sys_prefix "@jupyter/nbgrader:$$part" 2> /dev/null; done
	@touch $@
