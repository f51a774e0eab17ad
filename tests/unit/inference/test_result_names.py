import pytest

from services.inference.pipeline.encoding import result_name


@pytest.mark.parametrize(
    ("source", "labels", "extension", "expected"),
    [
        ("portrait.jpg", ["cutout"], "png", "portrait-cutout.png"),
        ("portrait.jpg", ["cutout", "2x"], "png", "portrait-cutout-2x.png"),
        ("report.pdf", ["clean"], "pdf", "report-clean.pdf"),
        ("archive.tar.gz", ["clean"], "pdf", "archive.tar-clean.pdf"),
        ("фото 1.HEIC", ["cutout"], "png", "фото 1-cutout.png"),
        ("no extension", [], "png", "no extension.png"),
        ("folder/portrait.jpg", ["4x"], "png", "portrait-4x.png"),
        ("", [], "png", "result.png"),
        ("   .jpg", ["cutout"], "png", "result-cutout.png"),
        ("many.jpg", ["cutout"] * 400, "png", f"many{8 * '-cutout'}.png"),
    ],
)
def test_a_result_is_called_after_its_source_and_what_was_done(source: str, labels: list[str], extension: str, expected: str) -> None:
    assert result_name(source, labels, extension) == expected


def test_a_name_that_is_taken_gets_a_number() -> None:
    taken = {"portrait-cutout.png", "portrait-cutout-2.png"}
    assert result_name("portrait.png", ["cutout"], "png", taken) == "portrait-cutout-3.png"


def test_a_long_name_is_cut_before_its_labels() -> None:
    name = result_name("x" * 400 + ".jpg", ["cutout"], "png")
    assert len(name) == 200
    assert name.endswith("xx-cutout.png")


def test_a_long_name_is_cut_between_characters() -> None:
    name = result_name("水" * 120 + ".jpg", ["cutout"], "png")
    assert len(name.encode()) in (198, 199, 200) and name.removesuffix("-cutout.png") == "水" * 63
