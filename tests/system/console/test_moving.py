"""Animations and videos in a browser: dropped, looked at before anything is done, worked on, and played next to their originals."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Locator, expect

from tests.system.clips import Moving, animation, looked_at, video
from tests.system.console.console import Console


async def plays(video: Locator) -> bool:
    """Play a video until another frame than the first is shown."""
    script = """async video => {
        await video.play();
        while (video.currentTime < 0.15) await new Promise((resolve) => setTimeout(resolve, 50));
        return video.videoWidth > 0;
    }"""
    return bool(await video.evaluate(script))


async def test_a_video_and_an_animation_go_through_an_operation(console: Console, tmp_path: Path) -> None:
    clip, moving = tmp_path / "clip.webm", tmp_path / "moving.gif"
    clip.write_bytes(video("webm", 10))
    moving.write_bytes(animation(count=10))
    await console.open()
    await console.drop(clip, moving)
    await console.uploaded("clip.webm", "moving.gif")
    await expect(console.file("clip.webm").locator("video")).to_have_count(1)
    settings = await console.pick("Resize")
    await settings.get_by_label("Width", exact=True).fill("80")
    await settings.get_by_role("button", name="Show a preview").click()
    preview = settings.get_by_role("region", name="Preview", exact=True)
    await expect(preview.get_by_text("A preview of the first frame")).to_be_visible()
    await expect(preview.get_by_text("Original 160 × 120, Result 80 × 60")).to_be_visible()
    await console.run()
    await console.finished(2)
    dialog = await console.open_result("clip.webm")
    await expect(dialog.locator("video")).to_have_count(2)
    result = dialog.get_by_label("Result: clip")
    assert await plays(result)
    # Its original plays with it.
    assert await plays(dialog.get_by_label("Original: clip.webm"))
    _, content = await console.download(dialog.get_by_role("button", name="Download", exact=True))
    assert looked_at(content) == Moving(10, 80, 60)
    await console.page.keyboard.press("Escape")
    dialog = await console.open_result("moving.gif")
    await expect(dialog.get_by_text("Original 160 × 120, Result 80 × 60")).to_be_visible()


async def test_what_takes_no_videos_says_so_before_it_runs(console: Console, tmp_path: Path) -> None:
    clip = tmp_path / "clip.webm"
    clip.write_bytes(video("webm"))
    await console.open()
    settings = await console.pick("Read text (OCR)")
    await console.drop(clip)
    await expect(settings.get_by_text("clip.webm is a video. Read text (OCR) takes JPEG,")).to_be_visible()
    await expect(console.run_button).to_be_disabled()
