"""What the errors of ODBC drivers and of sqlite3 mean, told by their SQLSTATE and their text.

Texts and states as seen on unixODBC 2.3, libsqliteodbc, psqlODBC 13 and sqlite3; those of SQL Server and of the Sage
driver as published or as quoted by integrators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.core.problems import ConnectorError, CredentialsRefused, ItemRefused, Misconfigured, Problem, Transient
from connectors.core.redaction import redact


@dataclass(frozen=True, slots=True)
class _Rule:
    code: str
    kind: type[ConnectorError]
    pattern: re.Pattern[str]
    sentence: str
    advice: str
    connecting: bool | None = None
    """Restricts the rule to the opening of a connection (True) or to statements (False)."""


def _rule(
    code: str,
    kind: type[ConnectorError],
    pattern: str,
    sentence: str,
    advice: str,
    *,
    connecting: bool | None = None,
) -> _Rule:
    return _Rule(code, kind, re.compile(pattern, re.IGNORECASE), sentence, advice, connecting)


_RULES: tuple[_Rule, ...] = (
    _rule(
        "driver_missing",
        Misconfigured,
        r"can't open lib '[^']*'|\[IM003\]|no default driver specified.*driver=",
        "Le pilote ODBC « %(name)s » n’est pas installé sur ce serveur.",
        "Vérifiez son nom ou son chemin, ou demandez à l’hébergeur de l’installer.",
    ),
    _rule(
        "source_unknown",
        Misconfigured,
        r"\[IM002\]|data source name not found|\[IM010\]",
        "La source de données ODBC n’existe pas sur ce serveur.",
        "Vérifiez le nom de la source (DSN), ou demandez à l’hébergeur de la déclarer.",
    ),
    _rule(
        "credentials_refused",
        CredentialsRefused,
        r"\[28\w{3}\]|password authentication failed|no password supplied|role \"[^\"]*\" does not exist"
        r"|login failed|invalid authorization|authentication failed|not permitted to log in|no pg_hba.conf entry"
        r"|utilisateur ou mot de passe|invalid user|mot de passe incorrect",
        "L’utilisateur ou le mot de passe est refusé par la base.",
        "Vérifiez l’utilisateur et le mot de passe dans les réglages de connexion.",
    ),
    _rule(
        "database_unknown",
        Misconfigured,
        r"\[3D000\]|database \"[^\"]*\" does not exist|cannot open database \"?[^\s\"]*",
        "La base de données « %(name)s » n’existe pas sur ce serveur ou n’est pas ouverte à cet utilisateur.",
        "Vérifiez le nom de la base (société) et les droits de l’utilisateur.",
    ),
    _rule(
        "host_unknown",
        Misconfigured,
        r"could not translate host name \"[^\"]*\"|name or service not known|no such host|unknown host"
        r"|server (?:is )?not found or not accessible.*11001",
        "Le serveur « %(name)s » est inconnu.",
        "Vérifiez le nom ou l’adresse du serveur.",
    ),
    _rule(
        "not_a_database",
        Misconfigured,
        r"file is not a database|file is encrypted|malformed",
        "Le fichier n’est pas une base de données lisible.",
        "Vérifiez que le chemin désigne bien le fichier de la société.",
    ),
    _rule(
        "file_missing",
        Misconfigured,
        r"unable to open database file|connect failed \(14\)|no such file or directory",
        "Le fichier de la base n’existe pas ou n’est pas lisible.",
        "Vérifiez le chemin du fichier et les droits du serveur.",
    ),
    _rule(
        "locked",
        Transient,
        r"record is lock|database (?:table )?is locked|\[40001\]|\[40P01\]|\[55P03\]|deadlock|lock request time",
        "Une fiche ou la base est ouverte par un autre utilisateur.",
        "Fermez la fiche dans Sage ; un nouvel essai est fait tout seul.",
    ),
    _rule(
        "too_many_connections",
        Transient,
        r"\[53300\]|too many (?:connections|clients)|remaining connection slots"
        r"|nombre (?:maximum|maximal) d.utilisateurs",
        "Le serveur n’accepte plus de connexion : le nombre d’utilisateurs autorisé est atteint.",
        "Fermez une session de Sage, ou attendez le prochain essai.",
    ),
    _rule(
        "query_timeout",
        Transient,
        r"\[HYT00\].*query|query timeout|\[57014\]|statement timeout|timeout expired",
        "Le serveur n’a pas répondu à temps.",
        "Un nouvel essai est fait tout seul ; allongez le délai dans les réglages avancés si cela se répète.",
        connecting=False,
    ),
    _rule(
        "server_unreachable",
        Transient,
        r"\[08001\]|\[08004\]|\[HYT0[01]\]|connection refused|could not connect|timed? ?out|unable to connect"
        r"|network is unreachable|no route to host|\[57P03\]|starting up",
        "Le serveur de la base ne répond pas.",
        "Vérifiez qu’il est démarré, que l’adresse et le port sont justes et que le pare-feu laisse passer.",
        connecting=True,
    ),
    _rule(
        "connection_lost",
        Transient,
        r"\[08\w{3}\]|\[57P0[123]\]|server closed the connection|communication link failure|connection (?:reset|was"
        r" closed|lost|not open)|broken pipe|terminating connection|could not (?:receive|send) data|no connection to",
        "La connexion à la base a été coupée.",
        "Un nouvel essai est fait tout seul.",
    ),
    _rule(
        "table_missing",
        Misconfigured,
        r"\[42S02\]|\[42P01\]|relation \"[^\"]*\" does not exist|no such table: \S+"
        r"|invalid object name '[^']*'",
        "La table %(name)s est introuvable.",
        "Vérifiez que la source désigne bien la base d’une société Sage 100.",
    ),
    _rule(
        "column_missing",
        Misconfigured,
        r"\[42S22\]|\[42703\]|column [^ ]+ does not exist|no such column: \S+"
        r"|invalid column name '[^']*'",
        "La colonne %(name)s est introuvable.",
        "La version de Sage est plus ancienne que prévu, ou la base n’est pas celle d’une société Sage 100.",
    ),
    _rule(
        "right_missing",
        Misconfigured,
        r"\[42501\]|permission denied(?: for (?:table|relation|view|schema) \S+)?"
        r"|permission was denied on the object '[^']*'",
        "L’utilisateur n’a pas le droit de lire %(name)s.",
        "Donnez à cet utilisateur le droit de lecture (SELECT ; db_datareader sous SQL Server).",
    ),
    _rule(
        "statement_refused",
        Misconfigured,
        r"\[42\w{3}\]|\[37000\]|\[22\w{3}\]|syntax error|conversion failed|type mismatch|no such function",
        "La base refuse la requête.",
        "Si un filtre est saisi, vérifiez qu’il compare des champs à des valeurs du même type.",
        connecting=False,
    ),
)

_WRITING_RULES: tuple[_Rule, ...] = (
    _rule(
        "record_locked",
        Transient,
        r"record is lock|\[55P03\]|lock timeout",
        "Une fiche est ouverte dans Sage par un autre utilisateur.",
        "Fermez la fiche dans Sage ; un nouvel essai est fait tout seul.",
    ),
    _rule(
        "already_exists",
        ItemRefused,
        r"\[23505\]|unique constraint|duplicate key|unique key constraint",
        "Une fiche de même identifiant existe déjà dans l’ERP.",
        "Vérifiez dans l’ERP la fiche nommée dans le détail technique.",
    ),
    _rule(
        "reference_missing",
        ItemRefused,
        r"\[23503\]|foreign key constraint",
        "Une fiche désignée par l’enregistrement n’existe pas dans l’ERP.",
        "Actualisez la configuration de l’ERP et vérifiez les correspondances du profil.",
    ),
    _rule(
        "value_missing",
        ItemRefused,
        r"\[23502\]|not null constraint|cannot insert the value null|null value in column",
        "L’ERP exige une valeur qui n’est pas remplie.",
        "Signalez-le au support avec le détail technique.",
    ),
    _rule(
        "value_too_long",
        ItemRefused,
        r"\[22001\]|value too long|data would be truncated|string or binary data",
        "Un texte est trop long pour un champ de l’ERP.",
        "Raccourcissez-le dans la boutique, puis recommencez.",
    ),
    _rule(
        "source_read_only",
        Misconfigured,
        r"\[25006\]|read-?only (?:transaction|database)|connection is read-?only",
        "La source d’écriture n’accepte que la lecture.",
        "Choisissez une source ouverte en écriture, ou donnez à l’utilisateur le droit d’écrire.",
    ),
    _rule(
        "write_right_missing",
        Misconfigured,
        r"\[42501\]|permission denied(?: for (?:table|relation|view|schema) \S+)?|permission was denied on the object"
        r" '[^']*'",
        "L’utilisateur n’a pas le droit d’écrire dans %(name)s.",
        "Donnez à cet utilisateur le droit d’écriture dans l’ERP.",
    ),
)
"""Rules that come first for a statement that writes."""

_ROW_REFUSED = _rule(
    "row_refused",
    ItemRefused,
    "",
    "L’ERP refuse l’enregistrement.",
    "Lisez le détail technique : il contient le message de l’ERP.",
)

_NAMED = re.compile(
    r"""open lib '([^']*)'|relation "([^"]+)"|no such table: (\S+)|object name '([^']+)'"""
    r"""|column "?([\w. ]+?)"? does not|no such column: (\S+)|column name '([^']+)'|on the object '([^']+)'"""
    r"""|for (?:table|relation|view|schema) (\S+)"""
    r"""|database "([^"]+)"|host name "([^"]+)\"""",
    re.IGNORECASE,
)
"""Where drivers put the name of what is missing."""

_FAILED_TO_CONNECT = _rule(
    "connection_failed",
    Misconfigured,
    "",
    "La connexion à la base a échoué.",
    "Lisez le détail technique ci-dessous et vérifiez les réglages de connexion.",
)
_FAILED = _rule(
    "odbc_error", Transient, "", "La base a signalé une erreur inattendue.", "Un nouvel essai est fait tout seul."
)


def problem_of(error: BaseException, *, connecting: bool, writing: bool = False) -> ConnectorError:
    """The error to raise for what a driver reported, with its technical text redacted.

    ``writing``: a statement that changes something; what no rule knows is then the ERP's own refusal of the row.
    """
    text = _text_of(error)
    for rule in (*_WRITING_RULES, *_RULES) if writing else _RULES:
        if rule.connecting not in (None, connecting):
            continue
        if rule.pattern.search(text):
            return _made(rule, text)
    if writing:
        return _made(_ROW_REFUSED, text)
    return _made(_FAILED_TO_CONNECT if connecting else _FAILED, text)


def _text_of(error: BaseException) -> str:
    arguments = [str(argument) for argument in error.args] or [str(error)]
    state = arguments[0] if len(arguments) > 1 and re.fullmatch(r"\w{5}", arguments[0]) else ""
    body = arguments[-1]
    return body if not state or f"[{state}]" in body else f"[{state}] {body}"


def _made(rule: _Rule, text: str) -> ConnectorError:
    found = _NAMED.search(text)
    name = next((value for value in found.groups() if value), "?").strip("\"'.;") if found else "?"
    values = {"name": redact(name)} if "%(name)s" in rule.sentence else {}
    return rule.kind(Problem(rule.code, rule.sentence, rule.advice, redact(text)[:500], values))
