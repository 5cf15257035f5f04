# make js: rebuild the browser half into the environment; reload the page afterwards.

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)

JUPYTER := $(VENV)/share/jupyter

.PHONY: js
js:
	cd js && npm run --silent build
	rm -rf $(JUPYTER)/labextensions/rnngrad-widgets $(JUPYTER)/nbextensions/rnngrad-widgets
	mkdir -p $(JUPYTER)/labextensions $(JUPYTER)/nbextensions
	cp -r rnngrad_widgets/labextension $(JUPYTER)/labextensions/rnngrad-widgets
	cp js/install.json $(JUPYTER)/labextensions/rnngrad-widgets/
	cp -r rnngrad_widgets/nbextension $(JUPYTER)/nbextensions/rnngrad-widgets
