"""Its modules are those of `model_service`."""

import model_service

__path__ = model_service.__path__
