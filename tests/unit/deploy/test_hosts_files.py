"""The files for several hosts without Kubernetes: what they set is what the services and the edge read."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from dotenv import dotenv_values

from deploy.installation.creation import create
from deploy.installation.folder import MOUNTED
from deploy.local.config import tool
from deploy.local.layout import REPOSITORY
from deploy.service_settings import known_settings
from edge.settings import EdgeSettings
from edge.topology import SERVICES

FOLDER = REPOSITORY / "deploy" / "hosts"
ADDRESSES = dotenv_values(FOLDER / "hosts.env")
UNIT = (FOLDER / "darkroom@.service").read_text()


def known_to_anyone() -> set[str]:
    services = {name for service in SERVICES for name in known_settings(service)}
    return services | {f"DARKROOM_{field}".upper() for field in EdgeSettings.model_fields}


def test_every_address_is_a_setting_of_somebody() -> None:
    assert {name for name in ADDRESSES if name.startswith("DARKROOM_")} <= known_to_anyone()
    assert {name for name in ADDRESSES if not name.startswith("DARKROOM_")} == {f"PORT_{service}" for service in SERVICES}


def test_every_service_and_the_edge_find_the_others() -> None:
    addresses = {
        name for name in known_to_anyone() if name.endswith("_ADDRESS") and name.split("_")[1].lower() in (*SERVICES, "authorization")
    }
    edge = {f"DARKROOM_EDGE_{service.name.upper()}" for service in SERVICES.values() if service.public}
    assert addresses | edge <= set(ADDRESSES)


def test_addresses_have_the_ports_that_the_units_listen_on() -> None:
    for name, value in ADDRESSES.items():
        if match := re.fullmatch(r"DARKROOM_(EDGE_)?([A-Z]+?)(_PUBLIC)?(_ADDRESS)?", name):
            service = "accounts" if match[2] == "AUTHORIZATION" else match[2].lower()
            if service in SERVICES:
                kind = 2 if match[2] == "AUTHORIZATION" else 0 if match[1] or match[3] else 1
                ports = {address.rpartition(":")[2] for address in (value or "").split(",")}
                assert ports == {f"{ADDRESSES[f'PORT_{service}']}{kind}"}, name


def test_the_units_name_the_secrets_of_an_installation(tmp_path: Path) -> None:
    made = create(tmp_path / "installation", public_url="https://media.example.com")
    wanted = {
        name: value.replace("/secrets/", f"/secrets/{service}/").replace(f"{MOUNTED}/tls", f"{MOUNTED}/tls/{service}")
        for service in SERVICES
        for name, value in made.service_environment(service, MOUNTED).items()
        if name in known_settings(service) | {f"{one}_FILE" for one in known_settings(service)}
    }
    named = dict(line.removeprefix("Environment=").split("=", 1) for line in UNIT.splitlines() if line.startswith("Environment=DARKROOM_"))
    del named["DARKROOM_WORK_DIR"]
    assert set(named) == set(wanted)
    for name, value in named.items():
        assert any(value.replace("%i", service) == wanted[name] for service in SERVICES), name


def test_nats_takes_its_configuration(tmp_path: Path) -> None:
    made = create(tmp_path / "installation", public_url="https://media.example.com", hosts={"nats": ["10.0.0.1"]})
    file = made.folder / "nats.conf"
    file.write_text((FOLDER / "nats.conf").read_text().replace(str(MOUNTED), str(made.folder)).replace("/var/lib/darkroom", str(tmp_path)))
    done = subprocess.run(
        [tool("nats-server"), "-c", str(file), "-t"], env={"NAME": "host1", "HOST": "10.0.0.1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_the_model_server_needs_is_written_by_root() -> None:
    """The folder of the clone is root's, and closed to the user that the server runs as."""
    (line,) = re.findall(r"^ExecStartPre=\+(.*)$", (FOLDER / "darkroom-triton.service").read_text(), re.MULTILINE)
    subprocess.run(shlex.split(line.replace("/opt/darkroom", str(REPOSITORY))), cwd=REPOSITORY, check=True)
    assert list((REPOSITORY / ".venv-triton" / "share").glob("triton-backends-*/python"))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    for file in FOLDER.glob("*.service"):
        text = file.read_text().replace("/opt/darkroom", str(REPOSITORY))
        (tmp_path / file.name.replace("@", "@tasks")).write_text(text)
        assert re.search(r"^ExecStart=", text, re.MULTILINE)
    if verify is not None:
        done = subprocess.run([verify, "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
