"""Options of a connection to Sage 100: where to write, where to read, and how to understand what is read."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr, field_validator, model_validator

from connectors.core.odbc import (
    Encoding,
    Source,
    connection_string,
    connection_string_joined,
    installed_drivers,
    keywords_of,
    sqlite_source,
)
from connectors.core.odbc_policy import require_permitted
from connectors.core.options import OptionsSection, ValueRefused, option
from connectors.core.ports import Runtime
from connectors.core.problems import Misconfigured
from connectors.core.texts import Text

Kind = Literal["sage", "sqlserver", "connection_string", "sqlite"]
TaxRole = Literal["auto", "vat", "eco", "ignored"]
HeaderTexts = Literal["none", "billing", "delivery"]
VariantPictures = Literal["none", "comment", "name"]

CONNECTION = "Connexion"
READING = "Source de lecture"
ARTICLES = "Articles"
PICTURES = "Images"
DOCUMENTS = "Documents"
ADVANCED = "Options avancées"

_KINDS = {
    "sage": "Pilote ODBC de Sage 100 (source de données)",
    "sqlserver": "Base SQL Server de Sage 100",
    "connection_string": "Chaîne de connexion ODBC complète",
    "sqlite": "Fichier SQLite (démonstration)",
}
_ENCODINGS = {"auto": "Automatique", "cp1252": "Windows (cp1252)", "utf-8": "UTF-8"}
_ROLES = {"auto": "Selon le type de la taxe", "vat": "TVA", "eco": "Éco-participation", "ignored": "Ignorée"}
_HEADER_TEXTS = {"none": "Rien", "billing": "Adresse de facturation", "delivery": "Adresse de livraison"}
_VARIANT_PICTURES = {
    "none": "Aucune",
    "comment": "Par le commentaire du fichier",
    "name": "Par le nom du fichier",
}
_SERVER_DRIVERS = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server", "FreeTDS")
_NEEDED = {
    "sage": ("dsn",),
    "sqlserver": ("server", "database"),
    "connection_string": ("connection_string",),
    "sqlite": ("path",),
}


def _kind_option(default: str, *, label: str, help: str, group: str, **rest: Any) -> Any:
    return option(default, label=label, help=help, group=group, choices=_KINDS, **rest)


def _tax_role(*, label: str, help: str) -> Any:
    return option(
        "auto",
        label=label,
        help=help,
        group=ARTICLES,
        choices=_ROLES,
        advanced=True,
    )


class Sage100Options(OptionsSection):
    """Connection to one Sage 100 company, with an optional second source used for reading only."""

    section: ClassVar[str] = "sage100"
    title: ClassVar[str] = "Sage 100 Gestion Commerciale"

    kind: Kind = _kind_option(
        "sage", label="Type de connexion", help="Par où atteindre la société Sage 100.", group=CONNECTION
    )
    dsn: str = option(
        "",
        label="Source de données (DSN)",
        help="Nom de la source de données ODBC déclarée sur le serveur, qui désigne le fichier commercial (.gcm).",
        group=CONNECTION,
        visible_if={"kind": "sage"},
        needed_by=("*",),
        max_length=200,
    )
    server: str = option(
        "",
        label="Serveur",
        help="Nom ou adresse du serveur SQL Server, avec l’instance ou le port : SRV01\\SAGE100 ou 10.0.0.5,1433.",
        group=CONNECTION,
        visible_if={"kind": "sqlserver"},
        needed_by=("*",),
        max_length=200,
    )
    database: str = option(
        "",
        label="Base de données",
        help="Nom de la base de la société, par exemple BIJOU.",
        group=CONNECTION,
        visible_if={"kind": "sqlserver"},
        needed_by=("*",),
        max_length=200,
    )
    connection_string: SecretStr = option(
        SecretStr(""),
        label="Chaîne de connexion",
        help="Chaîne ODBC complète ; l’utilisateur et le mot de passe ci-dessous la complètent s’ils n’y sont pas.",
        group=CONNECTION,
        visible_if={"kind": "connection_string"},
        needed_by=("*",),
        max_length=2000,
    )
    path: str = option(
        "",
        label="Fichier",
        help="Chemin du fichier SQLite sur le serveur de la plate-forme ; il est ouvert en lecture seule.",
        group=CONNECTION,
        visible_if={"kind": "sqlite"},
        needed_by=("*",),
        max_length=1000,
    )
    user: str = option(
        "",
        label="Utilisateur",
        help="Utilisateur Sage ou SQL Server ; un compte réservé à la plate-forme est préférable.",
        group=CONNECTION,
        visible_if={"kind": ["sage", "sqlserver", "connection_string"]},
        max_length=200,
    )
    password: SecretStr = option(
        SecretStr(""),
        label="Mot de passe",
        help="Mot de passe de cet utilisateur.",
        group=CONNECTION,
        visible_if={"kind": ["sage", "sqlserver", "connection_string"]},
        max_length=500,
    )
    driver: str = option(
        "",
        label="Pilote ODBC",
        help="Nom du pilote ou chemin de sa bibliothèque ; vide : le meilleur pilote SQL Server installé.",
        group=CONNECTION,
        visible_if={"kind": "sqlserver"},
        advanced=True,
        max_length=500,
    )

    separate_read_source: bool = option(
        False,
        label="Lire sur une autre source",
        help="Lit les articles, prix et stocks sur une seconde source (par exemple SQL Server), plus rapide.",
        group=READING,
    )
    read_kind: Kind = _kind_option(
        "sqlserver",
        label="Type de connexion (lecture)",
        help="Par où lire la société Sage 100.",
        group=READING,
        visible_if={"separate_read_source": True},
    )
    read_dsn: str = option(
        "",
        label="Source de données (lecture)",
        help="Nom de la source de données ODBC utilisée pour lire.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": "sage"},
        max_length=200,
    )
    read_server: str = option(
        "",
        label="Serveur (lecture)",
        help="Nom ou adresse du serveur SQL Server utilisé pour lire.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": "sqlserver"},
        max_length=200,
    )
    read_database: str = option(
        "",
        label="Base de données (lecture)",
        help="Nom de la base de la société utilisée pour lire.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": "sqlserver"},
        max_length=200,
    )
    read_connection_string: SecretStr = option(
        SecretStr(""),
        label="Chaîne de connexion (lecture)",
        help="Chaîne ODBC complète de la source de lecture.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": "connection_string"},
        max_length=2000,
    )
    read_path: str = option(
        "",
        label="Fichier (lecture)",
        help="Chemin du fichier SQLite utilisé pour lire.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": "sqlite"},
        max_length=1000,
    )
    read_user: str = option(
        "",
        label="Utilisateur (lecture)",
        help="Un utilisateur qui n’a que le droit de lire (db_datareader sous SQL Server).",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": ["sage", "sqlserver", "connection_string"]},
        max_length=200,
    )
    read_password: SecretStr = option(
        SecretStr(""),
        label="Mot de passe (lecture)",
        help="Mot de passe de l’utilisateur de lecture.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": ["sage", "sqlserver", "connection_string"]},
        max_length=500,
    )
    read_driver: str = option(
        "",
        label="Pilote ODBC (lecture)",
        help="Nom du pilote ou chemin de sa bibliothèque ; vide : le meilleur pilote SQL Server installé.",
        group=READING,
        visible_if={"separate_read_source": True, "read_kind": "sqlserver"},
        advanced=True,
        max_length=500,
    )

    packagings: bool = option(
        False,
        label="Vendre les conditionnements",
        help="Chaque conditionnement d’un article (boîte de 12…) devient une déclinaison, à côté de l’unité.",
        group=ARTICLES,
    )
    tax_role_1: TaxRole = _tax_role(
        label="Rôle du code taxe 1",
        help="Ce que signifie le code taxe 1 de la passerelle comptable des articles et des familles.",
    )
    tax_role_2: TaxRole = _tax_role(
        label="Rôle du code taxe 2",
        help="Ce que signifie le code taxe 2 de la passerelle comptable des articles et des familles.",
    )
    tax_role_3: TaxRole = _tax_role(
        label="Rôle du code taxe 3",
        help="Ce que signifie le code taxe 3 de la passerelle comptable des articles et des familles.",
    )

    media_folder: str = option(
        "",
        label="Dossier multimédia",
        help="Dossier des images de la société, tel que la plate-forme le voit : son chemin sur la machine où elle"
        " tourne, par exemple /partages/sage/Multimedia. Nécessaire seulement pour « Exporter les images ».",
        group=PICTURES,
        needed_by=("pictures",),
        max_length=1000,
    )
    pictures_by_name: bool = option(
        False,
        label="Chercher les images par leur nom",
        help="Pour un article sans photo ni fichier joint dans Sage, prend les images du dossier multimédia nommées"
        " d’après sa référence : REF.jpg, puis REF_1.jpg, REF-2.png… Un caractère interdit dans un nom de fichier"
        " s’écrit « _ ».",
        group=PICTURES,
    )
    variant_pictures: VariantPictures = option(
        "comment",
        label="Image de la déclinaison",
        help="Sage ne donne pas d’image aux valeurs de gamme. Par le commentaire : le commentaire du fichier joint à"
        " l’article est une valeur de gamme (« Bleu »), plusieurs (« Bleu, M ») ou la référence de la déclinaison. Par"
        " le nom : un fichier du dossier multimédia porte la référence de la déclinaison (REF.jpg, REF_1.jpg…).",
        group=PICTURES,
        choices=_VARIANT_PICTURES,
    )

    header_texts: HeaderTexts = option(
        "billing",
        label="Lignes d’en-tête des documents",
        help="Adresse de la commande recopiée dans les quatre lignes d’en-tête du document. « Rien » si une de ces"
        " lignes reçoit le numéro de suivi.",
        group=DOCUMENTS,
        choices=_HEADER_TEXTS,
    )

    text_encoding: Encoding = option(
        "auto",
        label="Encodage des textes",
        help="Automatique convient ; choisissez cp1252 si les accents arrivent abîmés avec le pilote Sage.",
        group=ADVANCED,
        choices=_ENCODINGS,
        advanced=True,
    )
    timezone: str = option(
        "Europe/Paris",
        label="Fuseau horaire du serveur",
        help="Fuseau de l’heure du serveur Sage, pour les dates d’application des prix et des taxes.",
        group=ADVANCED,
        advanced=True,
    )
    connect_timeout: int = option(
        8,
        label="Délai de connexion",
        help="Temps laissé au serveur pour répondre à l’ouverture.",
        group=ADVANCED,
        unit="s",
        advanced=True,
        ge=1,
        le=60,
    )
    query_timeout: int = option(
        120,
        label="Délai des requêtes",
        help="Temps laissé à une lecture, quand le pilote sait l’arrêter.",
        group=ADVANCED,
        unit="s",
        advanced=True,
        ge=5,
        le=3600,
    )
    page_size: int = option(
        500,
        label="Taille des paquets lus",
        help="Nombre d’articles lus à la fois.",
        group=ADVANCED,
        unit="articles",
        advanced=True,
        ge=50,
        le=5000,
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("Ce fuseau horaire n’existe pas ; écrivez par exemple Europe/Paris.") from None
        return value

    @model_validator(mode="after")
    def _complete(self) -> Sage100Options:
        prefixes: Sequence[str] = ("", "read_") if self.separate_read_source else ("",)
        for prefix in prefixes:
            kind = getattr(self, f"{prefix}kind")
            for name in _NEEDED[kind]:
                if not _plain(getattr(self, prefix + name)):
                    label = type(self).infos()[prefix + name].label
                    sentence = "Le réglage « %(label)s » est obligatoire pour ce type de connexion."
                    raise ValueRefused(sentence, label=Text(label))
        return self

    def write_source(self) -> Source:
        """The source the company is reached by. Holds secrets."""
        return self._source("")

    def read_source(self) -> Source:
        """The source articles are read from: the second one when there is one. Holds secrets."""
        return self._source("read_" if self.separate_read_source else "")

    def secrets(self) -> tuple[str, ...]:
        """Every secret in use, for the scrubber of logs, passwords inside connection strings included."""
        texts = [_plain(self.connection_string), _plain(self.read_connection_string)]
        inside = [keywords_of(text).get(name, "") for text in texts for name in ("pwd", "password")]
        return tuple(value for value in (_plain(self.password), _plain(self.read_password), *inside) if value)

    def _source(self, prefix: str) -> Source:
        kind: Kind = getattr(self, f"{prefix}kind")
        if kind == "sqlite":
            return sqlite_source(getattr(self, f"{prefix}path"), query_timeout=self.query_timeout)
        return Source(
            text=self._odbc_text(kind, prefix),
            encoding=self.text_encoding,
            connect_timeout=self.connect_timeout,
            query_timeout=self.query_timeout,
        )

    def _odbc_text(self, kind: Kind, prefix: str) -> str:
        def value(name: str) -> str:
            return _plain(getattr(self, prefix + name))

        login = [("UID", value("user")), ("PWD", value("password"))]
        if kind == "sage":
            return connection_string([("DSN", value("dsn")), *login])
        if kind == "sqlserver":
            return _sql_server(value("driver") or _best_driver(), value("server"), value("database"), login)
        given = keywords_of(value("connection_string"))
        missing = [
            (key, text)
            for (key, text), names in zip(login, (("uid", "user id", "username"), ("pwd", "password")), strict=True)
            if not any(given.get(name) for name in names)
        ]
        return connection_string_joined(value("connection_string"), missing)


def permitted(source: Source, runtime: Runtime) -> Source:
    """The source, once the host's policy has been asked. Raises what :func:`require_permitted` raises."""
    require_permitted(source, local_files=runtime.local_files, allowed_addresses=runtime.allowed_addresses)
    return source


def _sql_server(driver: str, server: str, database: str, login: Sequence[tuple[str, str]]) -> str:
    base = [("Driver", "{" + driver.strip("{}") + "}" if "/" not in driver else driver)]
    if "freetds" in driver.lower() or "tdsodbc" in driver.lower():
        host, _, port = server.partition(",")
        extra = [("Server", host), ("Port", port or "1433"), ("TDS_Version", "7.4"), ("ClientCharset", "UTF-8")]
    else:
        extra = [("Server", server), ("Encrypt", "yes"), ("TrustServerCertificate", "yes")]
    return f"{base[0][0]}={base[0][1]};" + connection_string([*extra, ("Database", database), *login])


def _best_driver() -> str:
    with contextlib.suppress(Misconfigured):
        installed = installed_drivers()
        for name in _SERVER_DRIVERS:
            if name in installed:
                return name
    return _SERVER_DRIVERS[0]


def _plain(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
