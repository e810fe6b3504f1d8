"""Modelyard serves machine-learning models and changes them live."""

__version__ = "0.1.0"
