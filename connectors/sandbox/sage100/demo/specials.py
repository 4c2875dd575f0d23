"""Kits, and the records that are difficult on purpose: what a connector must carry, warn about or refuse."""

from decimal import Decimal
from typing import Any

from connectors.sandbox.sage100.ean import check_digit

from .lines import add_amount_brackets
from .shop import Shop, Variant, cents

PECULIAR: dict[str, str] = {
    "REGLAGE-FIX": "no tax: its family has no accounting row",
    "OCC-PIOLET": "tax code CMARG (margin scheme), which nobody maps",
    "OCC-SKIS": "tax code CMARG (margin scheme), which nobody maps",
    "LOT-ECOLE": "designation with &, quotes, < and >",
    "SANS-NOM": "empty designation",
    "DOUBLON-A": "same bar code as DOUBLON-B",
    "DOUBLON-B": "same bar code as DOUBLON-A",
    "CB-FAUX": "bar code with a wrong check digit",
    "CB-LETTRES": "bar code that is not a number",
    "PRIX-NUL": "published, no price anywhere",
    "PRIX-6-DEC": "price of six decimals",
    "POIDS-TONNE": "weight in tonnes",
    "POIDS-QUINTAL": "weight in quintals",
    "POIDS-MG": "weight in milligrams",
    "GAMME-VIDE": "range values but not one variant",
    "GAMME-DOUBLE": "two variants with the same reference, one without reference",
    "GAMME-CONFLIT": "a variant whose reference is the one of the article TENTE3P",
    "CAT-PERDUE": "catalogue number 999 does not exist",
    "réf é/12": "reference in lower case with an accent, a space and a slash",
    "NOM-LONG": "designation of 69 characters",
    "ESPACES": "designation with spaces around, doubled, and a tab",
    "SANGLE-METRE": "sold by the metre, stock 152.35",
    "STOCK-NEG": "negative stock",
    "STOCK-AUCUN": "tracked but no stock row",
    "DEPOT-EXCLU": "stock only in the excluded warehouse 3",
    "TVA-FUTURE": "rate goes from 5.5 to 10 on 2031-01-01",
    "TVA-PASSEE": "rate went from 20 to 10 on 2025-01-01",
    "PRIX-FUTUR": "new price 59.00 from 2031-01-01, base and category 1",
    "PRIX-ECHU": "new price 45.00 since 2025-01-01, old one 39.00",
    "DEVISE-CHF": "category 2 and customer ALPINSTORE priced in CHF",
    "HORS-REMISE": "category price marked « hors remise »",
    "FIN-SERIE": "dormant, replaced by SAC35-BELLEDONNE",
    "INTERNE": "not published",
    "SUR-COMMANDE": "contremarque: bought per sale",
    "TEXTE-LONG": "description of about 4,000 characters with HTML signs, plus an expired text",
    "LOT-VAISSELLE": "kit whose quantities are given for 4 parents",
    "KIT-ANCIEN": "kit with a dormant component (LANTERNE)",
}
"""Articles of the demo that a test or a demonstration can point at, and what is peculiar about them."""

_KITS: tuple[tuple[str, str, str, int, str, str, tuple[tuple[str, int], ...]], ...] = (
    ("KIT-REFUGE", "Pack nuit en refuge", "Hut night pack", 2, "BIVOUAC", "219.00",
     (("SAC35-BELLEDONNE", 1), ("DRAP-SOIE", 1), ("FRONT200-LUIRE", 1), ("BATONS-ALU-3", 1))),
    ("KIT-SKI-SECU", "Pack sécurité avalanche", "Avalanche safety pack", 2, "SKI", "379.00",
     (("DVA-3A", 1), ("PELLE-ALU", 1), ("SONDE-240", 1))),
    ("KIT-VIA-FERRATA", "Pack via ferrata (à la carte)", "Via ferrata pack (à la carte)", 3, "SECURITE", "134.00",
     (("LONGE-VIA", 1), ("MOUSQ-HMS", 2))),
    ("REPAS-3JOURS", "Autonomie trois jours", "Three-day food pack", 2, "EPICERIE", "59.00",
     (("LYO-CURRY", 3), ("LYO-MUESLI", 3), ("BARRE-NOIX", 6))),
    ("COFFRET-TERROIR", "Coffret terroir du Vercors", "Vercors hamper", 1, "EPICERIE", "29.00",
     (("MIEL-MONTAGNE", 1), ("TISANE-RANDO", 1), ("NOIX-GRENOBLE", 1))),
    ("LOT-VAISSELLE", "Vaisselle de camp pour un", "Camp tableware for one", 2, "CUISINE", "39.90",
     (("TASSE-TITANE", 4), ("COUVERTS-3", 4))),
    ("KIT-ANCIEN", "Pack campement (ancien modèle)", "Camp pack (old model)", 2, "BIVOUAC", "89.00",
     (("LANTERNE", 1), ("MAT-MOUSSE", 2))),
)  # fmt: skip


def add_kits(shop: Shop) -> None:
    """Kits of every kind: 2 sold as the parent, 3 as components, 1 manufactured, 4 linked articles."""
    for reference, french, english, kind, family, gross, components in _KITS:
        rate = Decimal("1.055") if family == "EPICERIE" else Decimal("1.2")
        net = cents(Decimal(gross) / rate)
        shop.article(
            reference, french, family, AR_Langue1=english, AR_PrixVen=net, AR_Nomencl=kind,
            AR_SuiviStock=2 if kind == 1 else 0, AR_QteComp=4 if reference == "LOT-VAISSELLE" else 1,
            **shop.categories(("Randonnée", "Packs et coffrets")),
        )  # fmt: skip
        shop.price_row(reference, 3, Decimal(gross))
        _add_components(shop, reference, components)
        if kind == 1:
            shop.stock(reference, 1, shop.random(reference).randrange(5, 30), cost=cents(net / 2))
    _article(shop, "PELLE-ALU")["AR_Nomencl"] = 4
    _add_components(shop, "PELLE-ALU", (("SONDE-240", 1),))


def _add_components(shop: Shop, reference: str, components: tuple[tuple[str, int], ...]) -> None:
    for component, quantity in components:
        shop.dataset.add(
            "F_NOMENCLAT", AR_Ref=reference, NO_RefDet=component, NO_Qte=quantity,
            NO_Ordre=shop.dataset.next_number("F_NOMENCLAT", "NO_Ordre"), NO_Operation="",
        )  # fmt: skip


def add_specials(shop: Shop) -> None:
    """The articles of PECULIAR that are neither kits nor made by the lines."""
    _add_names(shop)
    _add_barcodes(shop)
    _add_taxes(shop)
    _add_prices(shop)
    _add_weights(shop)
    _add_ranges(shop)
    _add_stocks(shop)
    _add_states(shop)
    _add_texts(shop)
    add_amount_brackets(shop, "ALTIMETRE-ANA")


def _simple(shop: Shop, reference: str, french: str, gross: str, family: str = "BIVOUAC", **columns: Any) -> Decimal:
    """A plain article with a price in every usual category and stock in warehouse 1; returns its price HT."""
    net = cents(Decimal(gross) / (Decimal("1.055") if family == "EPICERIE" else Decimal("1.2")))
    place = {} if "CL_No1" in columns else shop.categories(("Bonnes affaires",))
    values = {
        "AR_PrixAch": cents(net / 2),
        "AR_PrixVen": net,
        "AR_PoidsNet": 250,
        "AR_PoidsBrut": 280,
        **place,
        **columns,
    }
    shop.article(reference, french, family, **values)
    shop.price_row(reference, 1, net)
    shop.price_row(reference, 3, Decimal(gross))
    if values.get("AR_SuiviStock", 2) and not values.get("AR_Gamme1"):
        shop.stock(reference, 1, shop.random(reference).randrange(3, 30), cost=cents(net / 2))
    return net


def _article(shop: Shop, reference: str) -> dict[str, Any]:
    return next(row for row in shop.dataset.rows("F_ARTICLE") if row["AR_Ref"] == reference)


def _stock_row(shop: Shop, reference: str) -> dict[str, Any]:
    return next(row for row in shop.dataset.rows("F_ARTSTOCK") if row["AR_Ref"] == reference)


def _drop_stock(shop: Shop, reference: str) -> None:
    rows = shop.dataset.rows("F_ARTSTOCK")
    rows[:] = [row for row in rows if row["AR_Ref"] != reference]


def _add_names(shop: Shop) -> None:
    _simple(
        shop, "LOT-ECOLE", "Lot corde & sangle \"école\" <débutant> « Père & Fils »", "69.00", "SECURITE",
        AR_Langue1="Rope & sling set \"school\" <beginner> “Père & Fils”",
    )  # fmt: skip
    _simple(shop, "SANS-NOM", "", "12.00")
    _simple(shop, "réf é/12", "Étui étanche pour téléphone", "14.90", AR_Langue1="Waterproof phone pouch")
    _simple(
        shop, "NOM-LONG", "Housse de transport renforcée pour skis de randonnée et bâtons 178 cm", "79.00", "SKI",
        AR_Langue1="Reinforced carry bag for touring skis and poles",
    )  # fmt: skip
    _simple(shop, "ESPACES", "  Gourde  souple\t500 mL  ", "13.90", AR_Langue1=" Soft flask  500 mL ")


def _add_barcodes(shop: Shop) -> None:
    shared = shop.barcode()
    _simple(shop, "DOUBLON-A", "Sardines aluminium (lot de 6)", "9.90", AR_CodeBarre=shared)
    _simple(shop, "DOUBLON-B", "Sardines titane (lot de 6)", "24.90", AR_CodeBarre=shared)
    digits = shop.barcode()[:12]
    wrong = f"{digits}{(check_digit(digits) + 5) % 10}"
    _simple(shop, "CB-FAUX", "Briquet tempête", "8.90", AR_CodeBarre=wrong)
    _simple(shop, "CB-LETTRES", "Sifflet de secours", "4.90", AR_CodeBarre="VERC-2041")


def _add_taxes(shop: Shop) -> None:
    _simple(shop, "REGLAGE-FIX", "Réglage de fixations de ski", "25.00", "ATELIER", AR_SuiviStock=0, AR_CodeBarre="")
    _simple(shop, "OCC-PIOLET", "Piolet de randonnée d'occasion, révisé", "39.00", "OCCASION")
    _simple(shop, "OCC-SKIS", "Skis de randonnée d'occasion 164 cm", "219.00", "OCCASION")
    _simple(shop, "TVA-FUTURE", "Boisson chaude en poudre 200 g", "7.90", "EPICERIE")
    shop.tax_row("TVA-FUTURE", "C10", ACP_ComptaCPT_Date1="2031-01-01 00:00:00", ACP_ComptaCPT_TaxeAnc1="C055")
    _simple(
        shop,
        "TVA-PASSEE",
        "Entrée au mur d'escalade (carnet de 10)",
        "95.00",
        "SERVICE",
        AR_SuiviStock=0,
        AR_CodeBarre="",
    )
    shop.tax_row("TVA-PASSEE", "C10", ACP_ComptaCPT_Date1="2025-01-01 00:00:00", ACP_ComptaCPT_TaxeAnc1="C20")


def _add_prices(shop: Shop) -> None:
    _simple(shop, "PRIX-NUL", "Porte-clés mousqueton (offert)", "0.00")
    prices = shop.dataset.rows("F_ARTCLIENT")
    prices[:] = [row for row in prices if row["AR_Ref"] != "PRIX-NUL"]
    _simple(shop, "PRIX-6-DEC", "Rivet inox de réparation", "0.15")
    _article(shop, "PRIX-6-DEC")["AR_PrixVen"] = Decimal("0.123457")
    _last_price(shop, "PRIX-6-DEC", 1)["AC_PrixVen"] = Decimal("0.123457")
    _simple(shop, "PRIX-FUTUR", "Chaise pliante « Belvédère »", "58.80")
    _article(shop, "PRIX-FUTUR").update(AR_PrixVenNouv=59, AR_DateApplication="2031-01-01 00:00:00")
    _last_price(shop, "PRIX-FUTUR", 1).update(AC_PrixVenNouv=59, AC_DateApplication="2031-01-01 00:00:00")
    _simple(shop, "PRIX-ECHU", "Table de camp à rouler", "46.80")
    _article(shop, "PRIX-ECHU").update(AR_PrixVenNouv=45, AR_DateApplication="2025-01-01 00:00:00")
    _last_price(shop, "PRIX-ECHU", 1).update(AC_PrixVenNouv=45, AC_DateApplication="2025-01-01 00:00:00")
    _simple(shop, "DEVISE-CHF", "Couteau suisse de randonnée", "48.00")
    shop.price_row("DEVISE-CHF", 2, Decimal(0), AC_PrixDev=Decimal("34.50"), AC_Devise=2)
    shop.price_row("DEVISE-CHF", 0, Decimal(0), CT_Num="ALPINSTORE", AC_PrixDev=Decimal("32.00"), AC_Devise=2)
    net = _simple(shop, "HORS-REMISE", "Carte cadeau de 50 €", "60.00", "DIVERS", AR_SuiviStock=0, AR_CodeBarre="")
    shop.price_row("HORS-REMISE", 4, net, AC_TypeRem=1)


def _last_price(shop: Shop, reference: str, category: int) -> dict[str, Any]:
    return next(
        row
        for row in shop.dataset.rows("F_ARTCLIENT")
        if row["AR_Ref"] == reference and row.get("AC_Categorie", 0) == category
    )


def _add_weights(shop: Shop) -> None:
    for reference, french, gross, unit, weight in (
        ("POIDS-TONNE", "Structure d'escalade mobile", "4900.00", 0, "0.412"),
        ("POIDS-QUINTAL", "Caisse de transport pour refuge", "389.00", 1, "0.28"),
        ("POIDS-MG", "Pastille réfléchissante", "2.90", 4, "450"),
    ):
        net = Decimal(weight)
        _simple(shop, reference, french, gross, AR_UnitePoids=unit, AR_PoidsNet=net, AR_PoidsBrut=net * 11 / 10)
    _simple(shop, "SANGLE-METRE", "Sangle tubulaire 16 mm au mètre", "1.90", "SECURITE", AR_UniteVen=2)
    _stock_row(shop, "SANGLE-METRE")["AS_QteSto"] = Decimal("152.35")


def _add_ranges(shop: Shop) -> None:
    for reference, french in (
        ("GAMME-VIDE", "Maillot de course (à compléter)"),
        ("GAMME-DOUBLE", "Manchons de course"),
        ("GAMME-CONFLIT", "Coupe-vent de course"),
    ):
        _simple(shop, reference, french, "39.00", "VETEMENT", AR_Gamme1=1, AR_Type=1, AR_CodeBarre="")
    shop.range_values("GAMME-VIDE", 0, ("S", "M", "L"))
    names = {"GAMME-DOUBLE": ("MANCHONS", "MANCHONS", ""), "GAMME-CONFLIT": ("COUPEVENT-S", "TENTE3P", "COUPEVENT-L")}
    for reference, references in names.items():
        numbers = shop.range_values(reference, 0, ("S", "M", "L"))
        for number, name in zip(numbers, references, strict=True):
            shop.dataset.add(
                "F_ARTENUMREF", AR_Ref=reference, AG_No1=number, AG_No2=0, AE_Ref=name, AE_CodeBarre=shop.barcode()
            )
            shop.range_stock(reference, Variant(number, 0, ""), 1, shop.random(f"{reference}{number}").randrange(0, 9))


def _add_stocks(shop: Shop) -> None:
    _simple(shop, "STOCK-NEG", "Gourde publicitaire 0,5 L", "5.90")
    _stock_row(shop, "STOCK-NEG").update(AS_QteSto=-3, AS_MontSto=0)
    _simple(shop, "STOCK-AUCUN", "Autocollant « Vercors Équipement »", "1.50")
    _drop_stock(shop, "STOCK-AUCUN")
    _simple(shop, "DEPOT-EXCLU", "Carillon de balcon en bambou", "22.00", "DIVERS")
    _drop_stock(shop, "DEPOT-EXCLU")
    shop.stock("DEPOT-EXCLU", 3, 14)


def _add_states(shop: Shop) -> None:
    _simple(
        shop, "FIN-SERIE", "Sac à dos 34 L « Belledonne » (2023)", "79.00", "SACADOS", AR_Sommeil=1,
        AR_Substitut="SAC35-BELLEDONNE",
    )  # fmt: skip
    _simple(shop, "INTERNE", "Présentoir de comptoir", "120.00", "DIVERS", AR_Publie=0)
    _simple(shop, "SUR-COMMANDE", "Abri de montagne 8 places", "1890.00", AR_Contremarque=1)
    _drop_stock(shop, "SUR-COMMANDE")
    _simple(shop, "CAT-PERDUE", "Hamac de voyage", "44.90", CL_No1=1, CL_No2=999)


def _first_sentences(shop: Shop, column: str) -> str:
    """First line of every text written so far, each once: a description as long as the worst a merchant types."""
    first = dict.fromkeys(str(row.get(column) or "").split("\r\n")[0] for row in shop.dataset.rows("F_GLOSSAIRE"))
    return "\r\n".join(f"- {line}" for line in first if line)


def _add_texts(shop: Shop) -> None:
    _simple(
        shop,
        "TEXTE-LONG",
        "Tente d'expédition 3 places « Annapurna »",
        "749.00",
        AR_Langue1="“Annapurna” expedition tent",
    )
    french, english = (_first_sentences(shop, column) for column in ("GL_Text", "GL_TextLangue1"))
    head = "Essais : vent > 100 km/h & neige < 40 cm. Cotes en <mm>, tolérance ± 2 %.\r\n"
    shop.text("TEXTE-LONG", head + french + "\r\nŒillets renforcés - 749 € - garantie à vie.", english)
    shop.text(
        "TEXTE-LONG", "Offre de lancement : une housse offerte.", "Launch offer: free cover.", rank=2,
        GL_PeriodeDeb="2024-01-01 00:00:00", GL_PeriodeFin="2024-03-31 00:00:00",
    )  # fmt: skip
    care = shop.text(
        "SAC35-BELLEDONNE", "Entretien : eau tiède, sans détergent.", "Care: lukewarm water, no detergent.", rank=2
    )
    for reference in ("SAC28-CORNAFION", "SAC38-ARCHIANE"):
        shop.share_text(reference, care, rank=2)
    for reference, name, comment in (
        ("SAC35-BELLEDONNE", "SAC35-BELLEDONNE-dos.jpg", "Vue du dos"),
        ("SAC35-BELLEDONNE", "SAC35-BELLEDONNE-notice.pdf", "Notice"),
        ("VESTE-F-OLAN", "veste-f-olan-capuche.JPG", "Capuche"),
        ("GPS-RANDO-200", "GPS-RANDO-200-notice.pdf", "Notice"),
    ):
        shop.dataset.add(
            "F_ARTICLEMEDIA", AR_Ref=reference, ME_Fichier=f".\\Multimedia\\{name}", ME_Commentaire=comment
        )
