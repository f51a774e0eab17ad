"""Which model does which job: the settings, and what operations are given of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from services.platform.environment import EnvironmentSettings


@dataclass(frozen=True, slots=True)
class Models:
    """Which model does which job."""

    cutout: str
    """Empty: the installed one that suits the device."""
    text: str
    """Finds text."""
    upscale: dict[int, str]
    """By factor, 2 to 4."""
    upscale_tile: int
    """Longest side of a tile, in input pixels."""
    paint: str = ""
    """Finds the paint of marks in a picture; empty: none."""
    inpaint: str = ""
    """Fills what marks have hidden; empty: the installed one, if any."""
    colorize: str = ""
    """Gives gray pictures colours; empty: `ddcolor`, if it is installed."""
    restore_face: str = ""
    """Restores faces; empty: the installed one, if any."""
    upscale_batch: int = 1
    """Tiles in one request."""
    upscale_faithful: Mapping[int, str] = field(default_factory=dict)
    """By factor, 2 to 4: one that gets the noise level and stays closer to the original, used where it is fast enough; empty: none."""
    upscale_faithful_megapixels: float = 0.0
    """Largest picture that it is given on a CPU, in millions of input pixels."""
    upscale_fine: str = ""
    """A slower one for every factor, for faces; empty: none."""
    upscale_face_megapixels: float = 0.0
    """Most that it is given of a picture's faces on a CPU, in millions of pixels."""
    reading: str = ""
    """Reads a line of text."""
    denoise: str = ""
    """Removes noise in the higher tiers; empty: the installed one, if any."""
    denoise_megapixels: float = 0.0
    """Most that it is given of a picture on a CPU, all passes together, in millions of pixels."""


class ModelSettings(EnvironmentSettings):
    """The name of each model in the model server's repository, and how much each is given."""

    model_cutout: str = Field("", description="Model for remove_background. If empty, `birefnet` if it runs on a GPU, otherwise `isnet`.")
    model_text: str = Field("ppocr_det", description="Model that detects text for read_text, redraw_pdf and upscale.")
    model_paint: str = Field("mark_paint", description="Model that finds marks for remove_watermark and redraw_pdf. If empty, none.")
    model_inpaint: str = Field(
        "",
        description="Model with which erase, and remove_watermark over detail, fill. If empty, `lama` if installed, otherwise `migan` if "
        "installed, otherwise none.",
    )
    model_colorize: str = Field(
        "", description="Model for colorize. If empty, `ddcolor` if the operator has installed one, otherwise none."
    )
    model_restore_face: str = Field(
        "",
        description="Model with which enhance_faces and restore_photo restore faces. If empty, `gfpgan` if installed, otherwise "
        "`codeformer` if installed, otherwise none: then faces are enlarged and brought back to their size.",
    )
    model_denoise: str = Field(
        "",
        description="Model for the higher tiers of remove_noise. If empty, `srmd_x2` if installed, otherwise none.",
    )
    denoise_megapixels: float = Field(
        1.0,
        ge=0,
        description="Maximum total size of what the model of remove_noise is given per picture on a CPU, in megapixels; `maximum` gives it "
        "every picture four times if that fits, too. Filters alone remove the noise of larger ones.",
    )
    model_reading: str = Field(
        "ppocr_rec", description="Model that recognises text for read_text, and that of scanned pages for redraw_pdf."
    )
    model_upscale_2: str = Field("realesr_animevideov3_x2", description="Model for upscale by 2.")
    model_upscale_3: str = Field("realesr_animevideov3_x3", description="Model for upscale by 3.")
    model_upscale_4: str = Field("realesr_animevideov3_x4", description="Model for upscale by 4.")
    model_upscale_fine: str = Field(
        "realesrgan_x4plus",
        description="Finer model, which enlarges faces together with the others. If empty, none.",
    )
    model_upscale_faithful_2: str = Field(
        "srmd_upscale_x2",
        description="Model for upscale by 2 that gets the noise level: used instead of the other one if it is installed, on a GPU for "
        "every picture, otherwise for small ones. If empty, none.",
    )
    model_upscale_faithful_4: str = Field("srmd_upscale_x4", description="The same for upscale by 3 and 4.")
    upscale_faithful_megapixels: float = Field(
        0.15,
        ge=0,
        description="Largest picture that these two models are given on a CPU, in megapixels. Each pass of an upscale counts.",
    )
    upscale_face_megapixels: float = Field(
        0.5,
        ge=0,
        description="Maximum total size of the faces that the finer model enhances per picture on a CPU, in megapixels; the smallest "
        "come first.",
    )
    upscale_batch: int = Field(4, ge=1, le=8, description="Number of tiles per request to the model server in an upscale.")
    upscale_tile: int = Field(
        256, ge=96, le=2048, description="Maximum side of the tiles that an upscale splits a picture into, in pixels."
    )

    @property
    def models(self) -> Models:
        """The names of the models that operations get."""
        return Models(
            cutout=self.model_cutout,
            text=self.model_text,
            paint=self.model_paint,
            inpaint=self.model_inpaint,
            colorize=self.model_colorize,
            restore_face=self.model_restore_face,
            reading=self.model_reading,
            denoise=self.model_denoise,
            denoise_megapixels=self.denoise_megapixels,
            upscale={2: self.model_upscale_2, 3: self.model_upscale_3, 4: self.model_upscale_4},
            upscale_tile=self.upscale_tile,
            upscale_batch=self.upscale_batch,
            upscale_fine=self.model_upscale_fine,
            upscale_faithful={2: self.model_upscale_faithful_2, 3: self.model_upscale_faithful_4, 4: self.model_upscale_faithful_4},
            upscale_faithful_megapixels=self.upscale_faithful_megapixels,
            upscale_face_megapixels=self.upscale_face_megapixels,
        )
