"""A custom runtime of MLServer, as its documentation writes one."""

import predict
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Served(MLModel):
    async def load(self) -> bool:
        self.model = predict.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        if predict.KIND == "echo":
            given = payload.inputs[0]
            output = ResponseOutput(name="output", shape=given.shape, datatype=given.datatype, data=given.data)
        else:
            rows = NumpyCodec.decode_input(payload.inputs[0])
            output = NumpyCodec.encode_output("output", self.model(rows))
        return InferenceResponse(model_name=self.name, outputs=[output])
