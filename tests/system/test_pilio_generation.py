"""POST /v1/images/gpt-image-2 and nano-banana-2, through the public port."""

from __future__ import annotations

from tests.provider_server import ProviderServer, openai_error
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio

GPT, BANANA = "/v1/images/gpt-image-2", "/v1/images/nano-banana-2"


async def test_two_pictures_are_made_of_a_reference(pilio: Pilio, provider_server: ProviderServer) -> None:
    provider_server.received.clear()
    file_id = await pilio.upload("disc.png", encoded(disc(), "PNG"))
    body = {"prompt": "A poster of this", "image_file_ids": [file_id], "aspect_ratio": "16:9", "output_count": 2, "quality": "low"}
    task_id = await pilio.start(GPT, body)
    assert (await pilio.finish(task_id))["status"] == "Succeeded"
    files = (await pilio.get(f"/v1/tasks/{task_id}/result")).json()["data"]["files"]
    assert [file["name"] for file in files] == ["a-poster-of-this.png", "a-poster-of-this-2.png"]
    for file in files:
        assert opened((await pilio.http.get(file["download_url"])).content).size == (1280, 720)
    [request] = provider_server.received
    assert (request.path, request.fields["quality"], len(request.files)) == ("/v1/images/edits", "low", 1)


async def test_a_refusal_by_content_policy_is_a_failure_of_its_own(pilio: Pilio, provider_server: ProviderServer) -> None:
    provider_server.next.append(openai_error(400, "moderation_blocked"))
    status = await pilio.finish(await pilio.start(GPT, {"prompt": "Something else", "aspect_ratio": "1:1"}))
    assert (status["status"], status["error_type"]) == ("Failed", "content_refused")


async def test_the_other_call_is_served_by_the_other_api(pilio: Pilio, provider_server: ProviderServer) -> None:
    provider_server.received.clear()
    picture = opened(await pilio.run(BANANA, {"prompt": "A cup", "aspect_ratio": "1:8", "resolution": "0.5K"}))
    assert picture.height == 8 * picture.width
    [request] = provider_server.received
    assert request.path.endswith(":generateContent")
