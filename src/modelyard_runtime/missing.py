"""What to tell the author of a package whose model needs a library that is not there: what to write, and where."""

import json

PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost-cpu",
    "yaml": "pyyaml",
}
"""Packages whose name is not that of the module. (The package xgboost is xgboost-cpu with CUDA of some 300 MB.)"""


def needs(subject: str, module: str) -> str:
    """That `subject` needs `module`, and what to do about it."""
    return f"{subject} needs {module}, which is not installed: {hint(module)}"


def hint(module: str) -> str:
    """What to add to config.json so that the server installs a module."""
    root = module.split(".", maxsplit=1)[0]
    entry = [{"installer": "pip", "packages": [{"package_name": PACKAGES.get(root, root)}]}]
    return f'add it to config.json: "dependencies": {json.dumps(entry)}'
