"""What people of SnapOtter's API have before an upgrade, and still have afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from tests.system.pictures import disc, encoded
from tests.system.snapotter import PASSWORD, SnapOtter

PICTURE = encoded(disc(64, 48), "PNG")


@dataclass(frozen=True)
class Settled:
    """The administrator and somebody else, each with a session and a key."""

    admin: SnapOtter
    """With a session."""
    person: SnapOtter
    """With a session."""
    name: str
    """That person's."""
    keys: tuple[str, str]
    """Of the administrator, for everything, and of the person, for tools."""
    file: str
    """A file in the person's library, with a second version."""
    download: str
    """Where an upload of the person's is."""


async def settle(url: str) -> Settled:
    """Add them, and give them something to lose."""
    admin = await SnapOtter(url).admin()
    added, person = await admin.person("editor")
    keys = [
        (await caller.post("/api/v1/api-keys", body)).json()["key"]
        for caller, body in ((admin, {}), (person, {"permissions": ["tools:use"]}))
    ]
    uploaded = await person.form("/api/v1/files/upload", ("file", PICTURE, "kept.png"))
    assert uploaded.status_code == 201, uploaded.text
    [file] = uploaded.json()["files"]
    saved = await person.form("/api/v1/files/save-result", ("file", PICTURE, "kept.png"), ("parentId", file["id"]), ("toolId", "resize"))
    assert saved.status_code == 201, saved.text
    sent = await person.form("/api/v1/upload", ("file", PICTURE, "sent.png"))
    assert sent.status_code == 200, sent.text
    return Settled(admin, person, added["username"], (keys[0], keys[1]), file["id"], f"/api/v1/download/{sent.json()['jobId']}/sent.png")


async def check(settled: Settled) -> None:
    """All of it is there, whoever calls and however."""
    admin, person = settled.admin, settled.person
    for caller, role in ((admin, "admin"), (person, "editor"), (await admin.signed_in(settled.name, PASSWORD), "editor")):
        session = await caller.get("/api/auth/session")
        assert (session.status_code, session.json()["user"]["role"]) == (200, role), session.text
    full, limited = (admin.of(key) for key in settled.keys)
    assert settled.name in [user["username"] for user in (await full.get("/api/auth/users")).json()["users"]]
    assert (await limited.get("/api/auth/users")).status_code == 403
    for caller in (person, limited):
        found = (await caller.get(f"/api/v1/files/{settled.file}")).json()
        assert [version["toolChain"] for version in found["versions"]] == [[], ["resize"]]
        assert (await caller.get(f"/api/v1/files/{settled.file}/download")).content == PICTURE
    assert await person.download(settled.download) == PICTURE
    assert (await person.get("/api/v1/api-keys")).json()["apiKeys"]
