"""The TypeScript client in a browser: a page that imports it uploads with progress, runs an operation, and reads the result."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, Route

from tests.stacks import Account, StackUnderTest
from tests.system.typescript_project import compiled

_PROGRAM = """async ({ url, apiKey }) => {
    const { Client } = await import("/typescript-client/index.js");
    const client = new Client({ url, apiKey });
    const canvas = new OffscreenCanvas(1500, 1500);
    const context = canvas.getContext("2d");
    const noise = context.createImageData(1500, 1500);
    for (let at = 0; at < noise.data.length; at += 1) noise.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
    context.putImageData(noise, 0, 0);
    const picture = new File([await canvas.convertToBlob()], "noise.png");
    const progress = [], statuses = [];
    const onEvent = ({ status }) => statuses.push(status);
    const task = await client.resize(picture, { width: 50 }, { onUpload: ({ loaded }) => progress.push(loaded), onEvent });
    const { width } = await createImageBitmap(await client.read(task.output_file_ids[0]));
    return { size: picture.size, progress, statuses, width };
}"""


async def test_a_page_uploads_with_progress_and_reads_the_result(
    page: Page, stack: StackUnderTest, account: Account, tmp_path: Path
) -> None:
    dist = await compiled(tmp_path)

    async def serve(route: Route) -> None:
        name = route.request.url.split("/typescript-client/")[1]
        await route.fulfill(path=dist / name, content_type="text/javascript")

    await page.route("**/typescript-client/**", serve)
    await page.goto("/")
    seen = await page.evaluate(_PROGRAM, {"url": stack.url, "apiKey": account.api_key})
    assert seen["size"] > 5 * 1024 * 1024
    assert seen["progress"][-1] == seen["size"]
    # More often than once for each of its two parts.
    assert len(seen["progress"]) > 2
    assert seen["statuses"][-1] == "Succeeded"
    assert seen["width"] == 50
