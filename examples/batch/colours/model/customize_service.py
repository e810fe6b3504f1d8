"""What colour a picture has most of: a model of files, as batch services with `mapping_type: file` ask it.

Pictures are PPM files (`P6`, 8 bits), so that it needs nothing but Python. Anything else is refused: that file
fails, with this message.
"""

import model_service
from model_service.model_service import SingleNodeService

COLOURS = ("red", "green", "blue")


class ColourService(SingleNodeService):
    def _preprocess(self, data):
        (file,) = data["image"].values()
        return file.read()

    def _inference(self, content):
        head = content.split(maxsplit=4)
        if len(head) < 5 or head[0] != b"P6":
            raise model_service.BadRequest("this is no PPM picture")
        pixels = content[-3 * int(head[1]) * int(head[2]) :]
        shares = [sum(pixels[n::3]) for n in range(3)]
        return {"colour": COLOURS[shares.index(max(shares))]}
