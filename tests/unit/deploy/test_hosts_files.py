"""The files for several hosts without Kubernetes: what they set is what the services and the edge read."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
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
UNITS = sorted(FOLDER.glob("*.service"))
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
    """Each of them, and no other: where the unit of a service listens for the edges, for services and for questions about who calls."""
    listeners = dict(re.findall(r"DARKROOM_(\w*LISTEN)=\$\{HOST\}:\$\{PORT_%i\}(\d)", UNIT))
    asked = {"DARKROOM_AUTHORIZATION_ADDRESS": ("accounts", "AUTHORIZATION_LISTEN")}
    for name in SERVICES:
        asked[f"DARKROOM_EDGE_{name.upper()}"] = asked[f"DARKROOM_{name.upper()}_PUBLIC_ADDRESS"] = (name, "LISTEN")
        asked[f"DARKROOM_{name.upper()}_ADDRESS"] = (name, "INTERNAL_LISTEN")
    ports = {
        name: {address.rpartition(":")[2] for address in (value or "").split(",")} for name, value in ADDRESSES.items() if name in asked
    }
    assert ports == {name: {f"{ADDRESSES[f'PORT_{asked[name][0]}']}{listeners[asked[name][1]]}"} for name in ports}
    assert set(ports) == {name for name, value in ADDRESSES.items() if re.search(r":\d{4}$", value or "")}


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


def test_what_the_units_start_is_there() -> None:
    """Programs of the clone and of its packages, and modules that Python runs."""
    programs, modules = set(), set()
    for file in UNITS:
        commands = re.findall(r"^Exec\w+=(.*)$", re.sub(r"\\\n", " ", file.read_text()), re.MULTILINE)
        programs |= {
            word for command in commands for word in shlex.split(command.lstrip("+")) if word.startswith("/opt/darkroom/.venv/bin/")
        }
        modules |= {module for command in commands for module in re.findall(r"python -m (\S+)", command)}
    assert {Path(program).name for program in programs} == {"python", "envoy", "nats-server"}
    assert modules == {"services.%i", "edge.render", "models.serve"}
    for program in programs:
        assert os.access(program.replace("/opt/darkroom", str(REPOSITORY)), os.X_OK), program
    for module in modules:
        for service in SERVICES:
            spec = importlib.util.find_spec(module.replace("%i", service))
            assert spec is not None and (not spec.submodule_search_locations or importlib.util.find_spec(f"{spec.name}.__main__")), module


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_against_the_units(tmp_path: Path) -> None:
    """What it does not know, such as a misspelt key, it says and ignores: its exit status is 0."""
    for file in UNITS:
        (tmp_path / file.name.replace("@", "@tasks")).write_text(file.read_text().replace("/opt/darkroom", str(REPOSITORY)))
    done = subprocess.run(["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [line for line in (done.stdout + done.stderr).splitlines() if "darkroom" in line]
