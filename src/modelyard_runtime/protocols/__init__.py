"""Protocols beside the declared api: the Open Inference Protocol V2."""
