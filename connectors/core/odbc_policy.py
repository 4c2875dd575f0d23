"""What a source of data may reach from this host: files inside the folders the host opened, servers its guard allows.

A connection string is written by a tenant and read by the host's driver manager, which opens whatever it names:
databases, libraries, logs, key files, other machines. Every driver reads such a string its own way (braces, repeated
keywords), hence each reading that some driver may make is judged, and one refusal is enough.

A server is judged by the addresses its name has now; the driver looks the name up again, which nothing here can fix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from connectors.core.address_guard import AddressGuard, LookupTimedOut, NameUnknown
from connectors.core.odbc import Source
from connectors.core.problems import Misconfigured, Problem, Transient

LOCAL_FILES_SETTING = "ATOOSYNC_LOCAL_FILES"

_SERVERS = frozenset(
    {"server", "servername", "host", "hostname", "hostaddr", "address", "addr", "network address", "failover_partner"}
)
_FILES = frozenset({"filedsn", "savefile", "loadext", "dumpfile", "file", "file2", "dbq", "defaultdir", "fil"})
_DATABASES = frozenset({"database", "dbname", "attachdbfilename"})
_LOGIN = frozenset({"uid", "user", "username", "user id", "pwd", "password"})
_LIBRARY = re.compile(r"[/\\]|\.(?:so|dll|dylib)\b", re.IGNORECASE)
_NETWORK_DRIVER = re.compile(r"postgres|psqlodbc|sql server|msodbcsql|freetds|tdsodbc", re.IGNORECASE)
_FILE_DRIVER = re.compile(r"sqlite", re.IGNORECASE)
_PORTS = {"postgres": 5432, "psqlodbc": 5432}
_DEFAULT_PORT = 1433
_PAIR = re.compile(r"\s*([^=;]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)")


def require_permitted(
    source: Source, *, local_files: Sequence[str] = (), allowed_addresses: Sequence[str] = ()
) -> None:
    """Raises unless the source stays inside what the host allows; opens nothing.

    ``Misconfigured`` with code ``local_file_refused`` for a file or a library outside ``local_files``, with
    ``address_refused`` for a server the guard of outgoing addresses refuses, ``host_unknown`` for one without address;
    ``Transient`` when the name server is silent. Sources declared by the host itself (``DSN=``) and drivers named as
    the host installed them are fine.
    """
    folders = [Path(folder).resolve() for folder in local_files]
    if source.is_file:
        _require_inside(source.path, folders)
        return
    pairs = _every_reading(source.text)
    for path in _paths(pairs):
        _require_inside(path, folders)
    guard = AddressGuard(allowed_addresses)
    for host, port in _servers(pairs):
        _require_allowed(guard, host, port, source.connect_timeout)


def _every_reading(text: str) -> list[tuple[str, str]]:
    """Keywords in lower case with their values, as drivers that know braces and those that do not read them."""
    aware = [(key, value[1:-1].replace("}}", "}") if value[:1] == "{" else value) for key, value in _PAIR.findall(text)]
    naive = [(key, value.strip(" {}")) for key, _, value in (part.partition("=") for part in text.split(";"))]
    return [(key.strip(" {}\t\r\n").lower(), value.strip()) for key, value in dict.fromkeys([*aware, *naive])]


def _paths(pairs: Iterable[tuple[str, str]]) -> list[str]:
    pairs = list(pairs)
    driver = " ".join(value for key, value in pairs if key == "driver")
    calls = _NETWORK_DRIVER.search(driver) or any(key in _SERVERS and value for key, value in pairs)
    of_files = bool(_FILE_DRIVER.search(driver)) or (bool(driver) and not calls)
    return [value for key, value in pairs if value and _names_file(key, value, of_files)]


def _names_file(key: str, value: str, of_files: bool) -> bool:
    if key == "driver":
        return bool(_LIBRARY.search(value))
    if key in _FILES:
        return True
    if key in _DATABASES:
        return of_files or "/" in value or value.lower().startswith("file:")
    if key in _LOGIN:
        return False
    # Key files, logs, Unix sockets, options handed on to a client library: whatever a driver may open.
    return bool(re.search(r"(?:^|[=\s'\"])(?:/|~|\.\.|file:)", value, re.IGNORECASE))


def _servers(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
    named = [value for key, value in pairs if key in _SERVERS and value and not value.startswith("/")]
    options = " ".join(value for key, value in pairs if key == "pqopt")
    handed_on = [host for host in re.findall(r"host\w*\s*=\s*'?([^\s']+)", options) if not host.startswith("/")]
    driver = " ".join(value for key, value in pairs if key == "driver")
    if not named and not handed_on and _NETWORK_DRIVER.search(driver):
        # Client libraries then call this very machine.
        named = ["localhost"]
    usual = next((port for word, port in _PORTS.items() if word in driver.lower()), _DEFAULT_PORT)
    given = next((int(value) for key, value in pairs if key == "port" and value.isdecimal()), usual)
    return [_host_and_port(part, given) for text in (*named, *handed_on) for part in _listed(text, driver)]


def _listed(text: str, driver: str) -> list[str]:
    """PostgreSQL takes several hosts; SQL Server writes its port after a comma."""
    return text.split(",") if "postgres" in driver.lower() or "psqlodbc" in driver.lower() else [text]


def _host_and_port(text: str, port: int) -> tuple[str, int]:
    """Host and port of ``tcp:SRV01\\SAGE100,1433`` and the like."""
    bare = re.sub(r"^(?:tcp|np|lpc|admin):", "", text.strip(), flags=re.IGNORECASE).strip("\\")
    bare, _, after = bare.partition(",")
    host = bare.partition("\\")[0].strip()
    if host.lower() in {"", ".", "(local)"} or host.lower().startswith("(localdb"):
        host = "localhost"
    return host, int(after) if after.strip().isdecimal() else port


def _require_inside(path: str, folders: Sequence[Path]) -> None:
    # "file:" and its query are SQLite's own; the real path decides, wherever links lead.
    plain = re.sub(r"^file:(?://)?", "", path, flags=re.IGNORECASE).partition("?")[0]
    if "%" not in plain and any(Path(plain).resolve().is_relative_to(folder) for folder in folders):
        return
    raise Misconfigured(
        Problem(
            "local_file_refused",
            "Le fichier %(path)s est sur la machine de la plate-forme, hors des dossiers ouverts aux profils.",
            "Choisissez un autre type de connexion, ou demandez à l’hébergeur d’ajouter le dossier du fichier au"
            " réglage %(setting)s.",
            values={"path": Path(plain).name or plain, "setting": LOCAL_FILES_SETTING},
        )
    )


def _require_allowed(guard: AddressGuard, host: str, port: int, timeout: float) -> None:
    try:
        guard.addresses(host, port, timeout)
    except NameUnknown as error:
        raise Misconfigured(
            Problem(
                "host_unknown",
                "Le serveur « %(name)s » est inconnu.",
                "Vérifiez le nom ou l’adresse du serveur.",
                str(error),
                {"name": host},
            )
        ) from error
    except LookupTimedOut as error:
        raise Transient(
            Problem(
                "server_unreachable",
                "Le serveur de noms n’a pas répondu pour « %(name)s ».",
                "Un nouvel essai est fait tout seul.",
                str(error),
                {"name": host},
            )
        ) from error
