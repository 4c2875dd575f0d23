"""Behaviour of the Sage driver on writes, as triggers: optional, for tests and demonstrations that write orders.

Sure: nothing but the row clock, which every company of the stand-in has. Seen in integrations: internal numbers given
when a row says 0, net amounts of a line computed when they are left at 0, a deposit that makes the payment and its
allocation, a deposit of type 2 refused. Inferred: lines move reserved, prepared and real stock; the totals of the
header follow its lines, its fees and its deposits; a line with several taxes in percent adds them up, each in cents,
by their kinds (the description of the columns says what each kind counts on, nobody said how they round); a document
that was validated, closed or posted refuses to be changed, but not to be transformed. Not done: F_DOCCURRENTPIECE,
which the writer moves on itself.

The rules are written once as SQL expressions over a line (``{row}``) and rendered for both databases.
"""

from .schema import EMPTY_DATE, Dialect

_NUMBERS = {
    "F_LIVRAISON": "LI_No",
    "F_CREGLEMENT": "RG_No",
    "F_DOCLIGNETEXT": "DT_No",
    "F_CONTACTT": "CT_No",
    "F_CONDITION": "CO_No",
    "F_ARTGAMME": "AG_No",
    "F_GLOSSAIRE": "GL_No",
}
"""Tables whose internal number the driver gives when it is 0. Lines and deposits have richer triggers of their own."""

_REFUSED = "un reglement (type 2) ne s'insere pas dans F_DOCREGL : seul un acompte (type 0) est accepte"

_SEALED = "le document est valide, cloture ou comptabilise : il ne peut plus etre modifie"
_OF_HEADER = "DO_Tiers, DO_Date, DO_Ref, DO_Statut, DO_ValFrais, DO_TypeLigneFrais, DO_Taxe1, DO_Expedit, LI_No"
_OF_LINE = "AR_Ref, DL_Ligne, DL_Design, DL_Qte, DL_PrixUnitaire, DL_PUTTC"
"""Columns a user sees; the row clock and the totals follow the document whatever its state."""


def emulation_statements(dialect: Dialect) -> list[str]:
    """Statements to run once, after the load (the triggers would count the loaded documents again)."""
    if dialect is Dialect.SQLITE:
        return [
            *(_sqlite_number(table) for table in _NUMBERS),
            *_sqlite_lines(),
            *_sqlite_header(),
            *_sqlite_deposits(),
            *_sqlite_sealed(),
        ]
    return [
        _PG_NUMBER, *(_pg_number(table) for table in _NUMBERS),
        _pg_totals(), _pg_line_before(), _pg_line_after(), _pg_header(), _pg_deposit_before(), _pg_deposit_after(),
        *_pg_sealed(), *_PG_TRIGGERS,
    ]  # fmt: skip


def older_driver_statements(dialect: Dialect) -> list[str]:
    """Statements that make the emulated driver one of before i7 v8, which takes instalments (type 2) of a document."""
    if dialect is Dialect.SQLITE:
        number = _body(_next_number("F_DOCREGL", "DR_No"))
        return [
            "DROP TRIGGER TG_CHK_F_DOCREGL",
            f"CREATE TRIGGER TG_NUM_F_DOCREGL AFTER INSERT ON F_DOCREGL WHEN NEW.DR_TypeRegl = 2 {number}",
        ]
    return [_pg_function("sage_deposit_before", _PG_DEPOSIT_NUMBER)]


# Expressions shared by both databases


def _discounted(base: str, row: str) -> str:
    """Amount after the three discounts in cascade: type 0 an amount, 1 a percentage, 2 an amount per unit."""
    amount = base
    for rank in ("01", "02", "03"):
        value = f"COALESCE({row}.DL_Remise{rank}REM_Valeur, 0)"
        kind = f"COALESCE({row}.DL_Remise{rank}REM_Type, 0)"
        share = f"(1 - CASE {kind} WHEN 1 THEN {value} ELSE 0 END / 100.0)"
        flat = f"CASE {kind} WHEN 0 THEN {value} WHEN 2 THEN {value} * {row}.DL_Qte ELSE 0 END"
        amount = f"({amount} * {share} - {flat})"
    return amount


def _vat(row: str) -> str:
    """1 + VAT rate of a line with a single tax in percent, the first one."""
    return f"(1 + {_percent(f'{row}.DL_', 1)} / 100.0)"


def _percent(columns: str, number: int) -> str:
    """Percentage of one of the three taxes of a line or header (``columns``: how their names begin), 0 for amounts."""
    rate, kind = f"COALESCE({columns}Taxe{number}, 0)", f"COALESCE({columns}TypeTaux{number}, 0)"
    return f"(CASE WHEN {kind} = 0 THEN {rate} ELSE 0 END)"


def _stacked(columns: str) -> str:
    """Whether a second or a third tax is one in percent."""
    return f"({_percent(columns, 2)} <> 0 OR {_percent(columns, 3)} <> 0)"


def _parts(columns: str) -> list[str]:
    """What each tax comes to for an amount of 1 without tax, by its kind.

    A parafiscal tax on HT (2) bears VAT itself, one on TTC (3) counts on the amount with all others, any other counts
    on the amount with the parafiscal taxes on HT.
    """
    kinds = {number: f"COALESCE({columns}TypeTaxe{number}, 0)" for number in (1, 2, 3)}
    percents = {number: _percent(columns, number) for number in (1, 2, 3)}

    def summed(kind: str) -> str:
        terms = (f"CASE WHEN {kinds[number]} {kind} THEN {percents[number]} ELSE 0 END" for number in (1, 2, 3))
        return f"(({' + '.join(terms)}) / 100.0)"

    raised = f"(1 + {summed('= 2')})"
    whole = f"({raised} + {summed('NOT IN (2, 3)')} * {raised})"
    return [
        f"({percents[number]} / 100.0 * CASE {kinds[number]} WHEN 2 THEN 1.0 WHEN 3 THEN {whole} ELSE {raised} END)"
        for number in (1, 2, 3)
    ]


def _levied(net: str, columns: str) -> str:
    """The taxes of an amount without tax: each is one in cents."""
    return "(" + " + ".join(f"ROUND({net} * {part}, 2)" for part in _parts(columns)) + ")"


def _contained(gross: str, columns: str) -> str:
    """The taxes inside an amount with tax: each is one in cents, rounded half down so that the rest is half up."""
    parts = _parts(columns)
    exact = f"({gross} / (1.0 + {' + '.join(parts)}))"
    edge = f"(CASE WHEN {gross} < 0 THEN -0.0000005 ELSE 0.0000005 END)"
    return "(" + " + ".join(f"ROUND({exact} * {part} - {edge}, 2)" for part in parts) + ")"


def _eco(row: str) -> str:
    """Eco-participation of a line: an amount per piece on the price HT (tax type 2), itself subject to VAT."""
    return (
        f"(CASE WHEN {row}.DL_TypeTaxe2 = 2 AND {row}.DL_TypeTaux2 IN (1, 2) "
        f"THEN COALESCE({row}.DL_Taxe2, 0) * {row}.DL_Qte ELSE 0 END)"
    )


def _amounts(row: str) -> tuple[str, str]:
    """Net and gross amount of a line, from the price that leads (DL_TTC)."""
    net = f"ROUND({_discounted(f'({row}.DL_Qte * {row}.DL_PrixUnitaire)', row)}, 2)"
    gross = f"ROUND({_discounted(f'({row}.DL_Qte * {row}.DL_PUTTC)', row)}, 2)"
    columns, eco = f"{row}.DL_", _eco(row)
    stacked = _stacked(columns)
    return (
        f"CASE WHEN {row}.DL_TTC = 1 AND {stacked} THEN ROUND({gross} - {_contained(gross, columns)} - {eco}, 2) "
        f"WHEN {row}.DL_TTC = 1 THEN ROUND({gross} / {_vat(row)} - {eco}, 2) ELSE {net} END",
        f"CASE WHEN {row}.DL_TTC = 1 THEN {gross} "
        f"WHEN {stacked} THEN ROUND({net} + {eco} + {_levied(f'({net} + {eco})', columns)}, 2) "
        f"ELSE ROUND(({net} + {eco}) * {_vat(row)}, 2) END",
    )


def _needs_amounts(row: str) -> str:
    return f"{row}.AR_Ref IS NOT NULL AND {row}.DL_Valorise = 1 AND COALESCE({row}.DL_MontantHT, 0) = 0"


def _sealed(row: str) -> str:
    """Whether the sales document a row belongs to may not be changed any more."""
    return (
        f"EXISTS (SELECT 1 FROM F_DOCENTETE e WHERE e.DO_Type = {row}.DO_Type AND e.DO_Piece = {row}.DO_Piece "  # noqa: S608
        "AND e.DO_Domaine = 0 AND (e.DO_Type = 7 OR COALESCE(e.DO_Valide, 0) = 1 OR COALESCE(e.DO_Cloture, 0) = 1))"
    )


_SEALED_HEADER = (
    "OLD.DO_Domaine = 0 AND NEW.DO_Type = OLD.DO_Type "
    "AND (OLD.DO_Type = 7 OR COALESCE(OLD.DO_Valide, 0) = 1 OR COALESCE(OLD.DO_Cloture, 0) = 1)"
)


def _stock(row: str, sign: str) -> list[str]:
    """UPDATE statements that add (+) or take back (-) what a sales line does to the stock."""
    moved = f"{row}.DO_Domaine = 0 AND AR_Ref = {row}.AR_Ref AND DE_No = {row}.DE_No"
    variant = f" AND {row}.AG_No1 <> 0 AND AG_No1 = {row}.AG_No1 AND AG_No2 = {row}.AG_No2"
    statements = []
    for table, prefix, where in (("F_ARTSTOCK", "AS_", moved), ("F_GAMSTOCK", "GS_", moved + variant)):
        sets = ", ".join(
            f"{prefix}{column} = {prefix}{column} {sign} ({effect})"
            for column, effect in (
                ("QteRes", f"CASE WHEN {row}.DO_Type = 1 THEN {row}.DL_Qte ELSE 0 END"),
                ("QtePrepa", f"CASE WHEN {row}.DO_Type = 2 THEN {row}.DL_Qte ELSE 0 END"),
                (
                    "QteSto",
                    f"CASE WHEN {row}.DO_Type IN (3, 6, 7) THEN 0 - {row}.DL_Qte "
                    f"WHEN {row}.DO_Type = 4 THEN {row}.DL_Qte ELSE 0 END",
                ),
            )
        )
        statements.append(f"UPDATE {table} SET {sets} WHERE {where}")  # noqa: S608 names of ours
    return statements


def _totals(document: str) -> list[str]:
    """UPDATE statements that add a document up again; ``document`` names a row with DO_Type and DO_Piece."""
    same = "DO_Type = F_DOCENTETE.DO_Type AND {0}.DO_Piece = F_DOCENTETE.DO_Piece"
    lines = f"FROM F_DOCLIGNE l WHERE l.{same.format('l')} AND l.DL_Valorise = 1"
    paid = (
        f"(SELECT COALESCE(SUM(r.DR_Montant), 0) FROM F_DOCREGL r WHERE r.{same.format('r')} "  # noqa: S608
        "AND r.DR_TypeRegl = 0)"
    )
    rate = "(1 + COALESCE(DO_Taxe1, 0) / 100.0)"
    fees_net = (
        f"CASE WHEN DO_TypeLigneFrais = 1 AND {_stacked('DO_')} "
        f"THEN ROUND(DO_ValFrais - {_contained('DO_ValFrais', 'DO_')}, 2) "
        f"WHEN DO_TypeLigneFrais = 1 THEN ROUND(DO_ValFrais / {rate}, 2) ELSE DO_ValFrais END"
    )
    fees_gross = (
        f"CASE WHEN DO_TypeLigneFrais = 1 THEN DO_ValFrais "
        f"WHEN {_stacked('DO_')} THEN ROUND(DO_ValFrais + {_levied('DO_ValFrais', 'DO_')}, 2) "
        f"ELSE ROUND(DO_ValFrais * {rate}, 2) END"
    )
    where = f"WHERE DO_Type = {document}.DO_Type AND DO_Piece = {document}.DO_Piece"
    net, gross = (f"(SELECT COALESCE(SUM(l.DL_Montant{kind}), 0) {lines})" for kind in ("HT", "TTC"))
    discounted = "DO_TotalHT * (1 - COALESCE(DO_TxEscompte, 0) / 100.0)"
    first = f"DO_TotalHT = ROUND({net}, 2), DO_TotalTTC = ROUND({gross} + {fees_gross}, 2)"
    then = (
        f"DO_TotalHTNet = ROUND({discounted} + {fees_net}, 2), DO_MontantRegle = {paid}, "
        f"DO_NetAPayer = ROUND(DO_TotalTTC - {paid}, 2)"
    )
    return [f"UPDATE F_DOCENTETE SET {sets} {where}" for sets in (first, then)]  # noqa: S608 names of ours


def _payment(deposit: str, hour: str) -> list[str]:
    """Statements that make the payment of a deposit and its allocation; ``deposit`` is the row inserted."""
    journal = "(SELECT MIN(JO_Num) FROM F_JOURNAUX WHERE JO_Reglement = 1)"
    return [
        "INSERT INTO F_CREGLEMENT (RG_No, CT_NumPayeur, CT_NumPayeurOrig, RG_Date, RG_Libelle, RG_Montant, "  # noqa: S608
        "N_Reglement, RG_Impute, JO_Num, CG_Num, RG_Heure, RG_Piece, RG_Impaye, RG_DateEchCont) "
        "SELECT (SELECT COALESCE(MAX(RG_No), 0) + 1 FROM F_CREGLEMENT), e.CT_NumPayeur, e.CT_NumPayeur, "
        f"{deposit}.DR_Date, {deposit}.DR_Libelle, {deposit}.DR_Montant, {deposit}.N_Reglement, 1, {journal}, "
        f"e.CG_Num, {hour}, (SELECT MIN(CR_Numero01) FROM P_COLREGLEMENT), '{EMPTY_DATE}', '{EMPTY_DATE}' "
        f"FROM F_DOCENTETE e WHERE e.DO_Type = {deposit}.DO_Type AND e.DO_Piece = {deposit}.DO_Piece",
        "INSERT INTO F_REGLECH (RG_No, DR_No, DO_Domaine, DO_Type, DO_Piece, RC_Montant) "  # noqa: S608
        "SELECT (SELECT MAX(RG_No) FROM F_CREGLEMENT), r.DR_No, r.DO_Domaine, r.DO_Type, r.DO_Piece, r.DR_Montant "
        f"FROM F_DOCREGL r WHERE r.cbMarq = {deposit}.cbMarq",
        "UPDATE P_COLREGLEMENT SET CR_Numero01 = CAST(CAST(CR_Numero01 AS INTEGER) + 1 AS VARCHAR(13)) "
        "WHERE CR_Numero01 <> ''",
    ]


# SQLite: each event has one trigger, since the order of several on the same event is not promised.


def _body(*statements: str) -> str:
    return "BEGIN " + " ".join(f"{statement};" for statement in statements) + " END"


def _next_number(table: str, column: str) -> str:
    return (
        f"UPDATE {table} SET {column} = (SELECT COALESCE(MAX({column}), 0) + 1 FROM {table}) "  # noqa: S608
        f"WHERE cbMarq = NEW.cbMarq AND COALESCE({column}, 0) = 0"
    )


def _sqlite_number(table: str) -> str:
    column = _NUMBERS[table]
    return (
        f"CREATE TRIGGER TG_INS_{table} AFTER INSERT ON {table} WHEN COALESCE(NEW.{column}, 0) = 0 "
        f"{_body(_next_number(table, column))}"
    )


def _sqlite_lines() -> list[str]:
    net, gross = _amounts("F_DOCLIGNE")
    amounts = (
        f"UPDATE F_DOCLIGNE SET DL_MontantHT = {net}, DL_MontantTTC = {gross} "  # noqa: S608 names of ours
        f"WHERE cbMarq = NEW.cbMarq AND {_needs_amounts('F_DOCLIGNE')}"
    )
    added, removed = _stock("NEW", "+"), _stock("OLD", "-")
    inserted = _body(_next_number("F_DOCLIGNE", "DL_No"), amounts, *added, *_totals("NEW"))
    return [
        f"CREATE TRIGGER TG_INS_F_DOCLIGNE AFTER INSERT ON F_DOCLIGNE {inserted}",
        "CREATE TRIGGER TG_UPD_F_DOCLIGNE AFTER UPDATE OF DO_Type, DO_Piece, DL_Qte, DE_No, AR_Ref, AG_No1, AG_No2, "
        "DL_MontantHT, DL_MontantTTC, DL_Valorise ON F_DOCLIGNE "
        f"{_body(*removed, *added, *_totals('OLD'), *_totals('NEW'))}",
        f"CREATE TRIGGER TG_DEL_F_DOCLIGNE AFTER DELETE ON F_DOCLIGNE {_body(*removed, *_totals('OLD'))}",
    ]


def _sqlite_header() -> list[str]:
    return [
        "CREATE TRIGGER TG_UPD_F_DOCENTETE AFTER UPDATE OF DO_ValFrais, DO_TypeLigneFrais, DO_Taxe1, DO_Taxe2, "
        "DO_Taxe3, DO_TxEscompte "
        f"ON F_DOCENTETE {_body(*_totals('NEW'))}"
    ]


def _sqlite_deposits() -> list[str]:
    refusal = _REFUSED.replace("'", "''")
    hour = "'000' || strftime('%H%M%S', 'now', 'localtime')"
    made = _body(_next_number("F_DOCREGL", "DR_No"), *_payment("NEW", hour), *_totals("NEW"))
    return [
        "CREATE TRIGGER TG_CHK_F_DOCREGL BEFORE INSERT ON F_DOCREGL WHEN NEW.DR_TypeRegl = 2 AND NEW.DO_Domaine = 0 "
        f"{_body(f'''SELECT RAISE(ABORT, '{refusal}')''')}",
        "CREATE TRIGGER TG_INS_F_DOCREGL AFTER INSERT ON F_DOCREGL WHEN NEW.DR_TypeRegl = 0 AND NEW.DO_Domaine = 0 "
        f"{made}",
    ]


def _sqlite_sealed() -> list[str]:
    refuse = _body(f"SELECT RAISE(ABORT, '{_SEALED.replace(chr(39), chr(39) * 2)}')")
    rows = [
        ("F_DOCLIGNE", "INSERT", "NEW", ""),
        ("F_DOCLIGNE", "DELETE", "OLD", ""),
        ("F_DOCLIGNE", f"UPDATE OF {_OF_LINE}", "OLD", "NEW.DO_Type = OLD.DO_Type AND "),
        ("F_DOCREGL", "INSERT", "NEW", ""),
    ]
    return [
        *(
            f"CREATE TRIGGER TG_SEAL_{action[:6]}_{table} BEFORE {action} ON {table} WHEN {more}{_sealed(row)} {refuse}"
            for table, action, row, more in rows
        ),
        f"CREATE TRIGGER TG_SEAL_UPDATE_F_DOCENTETE BEFORE UPDATE OF {_OF_HEADER} ON F_DOCENTETE "
        f"WHEN {_SEALED_HEADER} {refuse}",
    ]


# PostgreSQL: functions. Numbers are given under a lock held to the end of the transaction, as two writers may meet.

_PG_NUMBER = """
CREATE OR REPLACE FUNCTION sage_next_number(asked_table text, asked_column text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE following integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(asked_table));
  EXECUTE format('SELECT COALESCE(MAX(%I), 0) + 1 FROM %I', asked_column, asked_table) INTO following;
  RETURN following;
END $$
"""

_PG_TRIGGERS = (
    "CREATE TRIGGER TG_INS_LINE BEFORE INSERT ON F_DOCLIGNE FOR EACH ROW EXECUTE FUNCTION sage_line_before()",
    "CREATE TRIGGER TG_MOV_LINE AFTER INSERT OR DELETE OR UPDATE OF DO_Type, DO_Piece, DL_Qte, DE_No, AR_Ref, AG_No1, "
    "AG_No2, DL_MontantHT, DL_MontantTTC, DL_Valorise ON F_DOCLIGNE FOR EACH ROW EXECUTE FUNCTION sage_line_after()",
    "CREATE TRIGGER TG_UPD_HEADER AFTER UPDATE OF DO_ValFrais, DO_TypeLigneFrais, DO_Taxe1, DO_Taxe2, DO_Taxe3, "
    "DO_TxEscompte ON F_DOCENTETE FOR EACH ROW EXECUTE FUNCTION sage_header_after()",
    "CREATE TRIGGER TG_INS_DEPOSIT BEFORE INSERT ON F_DOCREGL FOR EACH ROW EXECUTE FUNCTION sage_deposit_before()",
    "CREATE TRIGGER TG_PAY_DEPOSIT AFTER INSERT ON F_DOCREGL FOR EACH ROW EXECUTE FUNCTION sage_deposit_after()",
)


_PG_DEPOSIT_NUMBER = (
    "  IF COALESCE(NEW.DR_No, 0) = 0 THEN NEW.DR_No := sage_next_number('f_docregl', 'dr_no'); END IF;\n  RETURN NEW;"
)


def _pg_function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n{body}\nEND $$"


def _pg_number(table: str) -> str:
    column = _NUMBERS[table]
    name = f"sage_number_{table.lower()}"
    give = f"NEW.{column} := sage_next_number('{table.lower()}', '{column.lower()}');"
    function = _pg_function(name, f"IF COALESCE(NEW.{column}, 0) = 0 THEN {give} END IF; RETURN NEW;")
    trigger = f"CREATE TRIGGER TG_INS_{table} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    return f"{function};\n{trigger}"


def _pg_totals() -> str:
    statements = "\n".join(f"  {statement};" for statement in _totals("asked"))
    return (
        "CREATE OR REPLACE FUNCTION sage_totals(asked_type smallint, asked_piece text) RETURNS void LANGUAGE plpgsql "
        "AS $$\nDECLARE asked record;\nBEGIN\n  SELECT asked_type AS DO_Type, asked_piece AS DO_Piece INTO asked;\n"
        f"{statements}\nEND $$"
    )


def _pg_line_before() -> str:
    net, gross = _amounts("NEW")
    return _pg_function(
        "sage_line_before",
        "  IF COALESCE(NEW.DL_No, 0) = 0 THEN NEW.DL_No := sage_next_number('f_docligne', 'dl_no'); END IF;\n"
        f"  IF {_needs_amounts('NEW')} THEN\n    NEW.DL_MontantTTC := {gross};\n    NEW.DL_MontantHT := {net};\n"
        "  END IF;\n  RETURN NEW;",
    )


def _pg_line_after() -> str:
    removed = " ".join(f"{statement};" for statement in _stock("OLD", "-"))
    added = " ".join(f"{statement};" for statement in _stock("NEW", "+"))
    return _pg_function(
        "sage_line_after",
        f"  IF TG_OP <> 'INSERT' THEN {removed} PERFORM sage_totals(OLD.DO_Type, OLD.DO_Piece); END IF;\n"
        f"  IF TG_OP <> 'DELETE' THEN {added} PERFORM sage_totals(NEW.DO_Type, NEW.DO_Piece); END IF;\n  RETURN NULL;",
    )


def _pg_header() -> str:
    return _pg_function("sage_header_after", "  PERFORM sage_totals(NEW.DO_Type, NEW.DO_Piece); RETURN NULL;")


def _pg_sealed() -> list[str]:
    refuse = f"RAISE EXCEPTION '{_SEALED.replace(chr(39), chr(39) * 2)}';"
    row = _pg_function(
        "sage_sealed",
        f"  IF TG_OP = 'INSERT' THEN IF {_sealed('NEW')} THEN {refuse} END IF; RETURN NEW; END IF;\n"
        f"  IF TG_OP = 'UPDATE' THEN\n    IF NEW.DO_Type = OLD.DO_Type AND {_sealed('OLD')} THEN {refuse} END IF;\n"
        f"    RETURN NEW;\n  END IF;\n  IF {_sealed('OLD')} THEN {refuse} END IF; RETURN OLD;",
    )
    header = _pg_function("sage_sealed_header", f"  IF {_SEALED_HEADER} THEN {refuse} END IF; RETURN NEW;")
    return [
        row,
        header,
        f"CREATE TRIGGER TG_SEAL_LINE BEFORE INSERT OR DELETE OR UPDATE OF {_OF_LINE} ON F_DOCLIGNE "
        "FOR EACH ROW EXECUTE FUNCTION sage_sealed()",
        "CREATE TRIGGER TG_SEAL_DEPOSIT BEFORE INSERT ON F_DOCREGL FOR EACH ROW EXECUTE FUNCTION sage_sealed()",
        f"CREATE TRIGGER TG_SEAL_HEADER BEFORE UPDATE OF {_OF_HEADER} ON F_DOCENTETE "
        "FOR EACH ROW EXECUTE FUNCTION sage_sealed_header()",
    ]


def _pg_deposit_before() -> str:
    refusal = _REFUSED.replace("'", "''")
    return _pg_function(
        "sage_deposit_before",
        f"  IF NEW.DR_TypeRegl = 2 AND NEW.DO_Domaine = 0 THEN RAISE EXCEPTION '{refusal}'; END IF;\n"
        + _PG_DEPOSIT_NUMBER,
    )


def _pg_deposit_after() -> str:
    made = " ".join(f"{statement};" for statement in _payment("NEW", "'000' || to_char(LOCALTIMESTAMP, 'HH24MISS')"))
    return _pg_function(
        "sage_deposit_after",
        "  IF NEW.DR_TypeRegl <> 0 OR NEW.DO_Domaine <> 0 THEN RETURN NULL; END IF;\n"
        "  PERFORM pg_advisory_xact_lock(hashtext('f_creglement'));\n"
        f"  {made} PERFORM sage_totals(NEW.DO_Type, NEW.DO_Piece);\n  RETURN NULL;",
    )
