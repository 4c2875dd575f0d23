"""Sage 100 Gestion Commerciale, read and given orders through ODBC."""

from connectors.canonical.keys import Aspect, Entity, Side
from connectors.core.capabilities import Capability, Changes, Verb
from connectors.core.spec import ConnectorSpec
from connectors.erp.sage100.articles import check_expression
from connectors.erp.sage100.choices import LABELS
from connectors.erp.sage100.connection import open_connection
from connectors.erp.sage100.options import Sage100Options

_READ = frozenset({Verb.READ})

SPEC = ConnectorSpec(
    key="sage100",
    label="Sage 100 Gestion Commerciale",
    side=Side.ERP,
    options=Sage100Options,
    capabilities={
        (Entity.CATEGORY, Aspect.DATA): Capability(verbs=_READ),
        (Entity.PRODUCT, Aspect.DATA): Capability(verbs=_READ, changes=Changes.BY_DATE),
        (Entity.PRODUCT, Aspect.STATE): Capability(verbs=_READ),
        (Entity.PRODUCT, Aspect.PICTURES): Capability(verbs=_READ),
        (Entity.VARIANT, Aspect.STOCK): Capability(verbs=_READ),
        (Entity.VARIANT, Aspect.PRICE): Capability(verbs=_READ),
        (Entity.ORDER, Aspect.STATE): Capability(verbs=_READ, changes=Changes.BY_DATE),
        (Entity.ORDER, Aspect.DATA): Capability(verbs=frozenset({Verb.CREATE, Verb.FIND}), parallel=8),
        (Entity.ORDER, Aspect.QUOTE): Capability(verbs=frozenset({Verb.CREATE, Verb.FIND}), parallel=8),
        (Entity.CUSTOMER, Aspect.DATA): Capability(verbs=frozenset({Verb.CREATE, Verb.FIND})),
    },
    open=open_connection,
    choices=LABELS,
    check_expression=check_expression,
    summary="Articles, prix et stocks lus par ODBC (pilote Sage ou SQL Server), commandes écrites par le pilote Sage,"
    " de la v14 à la version actuelle.",
)
