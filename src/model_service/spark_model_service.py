"""Spark scripts: `model_path` is the model, `self.spark` a session (needs pyspark)."""

from typing import Any, ClassVar

from model_service.model_service import SingleNodeService


class SparkServingBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = True

    def __init__(self, model_path: str) -> None:
        super().__init__("", model_path)
        from pyspark.sql import SparkSession  # type: ignore[import-not-found]

        self.spark: Any = SparkSession.builder.getOrCreate()
