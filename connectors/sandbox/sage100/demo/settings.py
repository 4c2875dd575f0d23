"""Settings the demo merchant has on top of the sample: families, taxes, ranges, information libres, suppliers."""

from .shop import Shop

COLOURS = (
    "Bleu glacier",
    "Rouge",
    "Noir",
    "Vert lichen",
    "Gris schiste",
    "Jaune gentiane",
    "Orange crépuscule",
    "Prune",
)
SIZES = ("XS", "S", "M", "L", "XL", "XXL")
_FAMILIES = (
    ("SACADOS", "Sacs à dos et portage", "MATERIEL", "C20"),
    ("CUISINE", "Cuisine de bivouac", "MATERIEL", "C20"),
    ("NAVIGATION", "Orientation et mesure", "MATERIEL", "C20"),
    ("SKI", "Ski et neige", "MATERIEL", "C20"),
    ("OPTIQUE", "Lunettes et masques", "MATERIEL", "C20"),
    ("ENTRETIEN", "Entretien", "MATERIEL", "C20"),
    ("ENFANT", "Enfants", "TEXTILE", "C20"),
    ("SOIN", "Soin et secours", "", "C20"),
    ("PRESSE", "Revues", "", "C021"),
    ("OCCASION", "Matériel d'occasion", "", "CMARG"),
    # No accounting row on purpose: the tax of its articles cannot be found.
    ("ATELIER", "Atelier (à paramétrer)", "", ""),
)
_RANGES = (
    ("Remises montant", 2), ("Longueur", 0), ("Taille enfant", 0), ("", 0), ("", 0),
)  # fmt: skip
_LIBRES = (
    ("Prix conseillé", 20, 14),
    ("Dernier contrôle", 14, 8),
    ("Conseil d'entretien", 9, 70),
    ("Ref_Fabricant", 9, 31),
)
_MATERIALS = (
    "Polyamide recyclé", "Polyamide 420 deniers", "Duvet d'oie", "Cuir", "Acier", "Bois de paulownia", "Polycarbonate",
    "Polyamide",
)  # fmt: skip
_LABELS = ((2, "Enfant"), (3, "Trail"), (3, "Escalade"), (3, "Ski de randonnée"))
_SUPPLIERS = (
    ("FOURSAC", "Portage des Baronnies", "4 rue du Moulin", "26110", "Nyons"),
    ("FOURELEC", "Électronique de l'Oisans", "ZA des Sables", "38520", "Le Bourg-d'Oisans"),
    ("FOURPIED", "Chaussures Romanaises", "18 avenue Gambetta", "26100", "Romans-sur-Isère"),
    ("FOURCORDE", "Corderie & Métal SARL", "3 chemin des Forges", "38190", "Froges"),
    ("FOURSKI", "Glisse Haute-Durance", "Route de la Gare", "05100", "Briançon"),
    ("FOURLIVRE", "Diffusion des Éditions du Trièves", "Place de la Halle", "38710", "Mens"),
    ("FOURALIM", "Saveurs du Trièves", "Le Village", "38930", "Clelles"),
)


def add_settings(shop: Shop) -> None:
    """Extend the settings tables of the sample in place."""
    _add_taxes(shop)
    for code, title, group, tax in _FAMILIES:
        _add_family(shop, code, title, group, tax)
    _add_ranges(shop)
    _add_information_libres(shop)
    for number, title in _LABELS:
        shop.dataset.add("F_ENUMSTATART", SA_Champ=number, SA_Enumere=title)
    for number, (code, title, street, postcode, town) in enumerate(_SUPPLIERS):
        _add_supplier(shop, number, (code, title, street, postcode, town))


def _add_taxes(shop: Shop) -> None:
    for number, (code, title, rate, account) in enumerate(
        (
            ("C021", "TVA collectée 2,1 %", "2.1", "4457120"),
            ("C0105", "TVA DROM presse 1,05 %", "1.05", "4457100"),
            ("CMARG", "TVA sur la marge (occasion)", "20", "4457100"),
        ),
        9,
    ):
        shop.dataset.add(
            "F_TAXE", TA_Code=code, TA_Intitule=title, TA_TTaux=0, TA_Taux=rate, TA_Type=0, CG_Num=account,
            TA_No=number, TA_Sens=1, TA_Assujet=100,
        )  # fmt: skip


def _add_family(shop: Shop, code: str, title: str, group: str, tax: str) -> None:
    shop.dataset.add(
        "F_FAMILLE", FA_CodeFamille=code, FA_Type=0, FA_Intitule=title, FA_Central=group, FA_UniteVen=1,
        FA_SuiviStock=2, FA_UnitePoids=3, FA_Publie=1,
    )  # fmt: skip
    if not tax:
        return
    overseas = "C0105" if tax == "C021" else "C085"
    for field, account, sold in (
        (1, "7070000", tax),
        (2, "7070020", "C00"),
        (3, "7070030", "C00"),
        (4, "7070000", overseas),
    ):
        shop.dataset.add(
            "F_FAMCOMPTA", FA_CodeFamille=code, FCP_Type=0, FCP_Champ=field, FCP_TypeFacture=0,
            FCP_ComptaCPT_CompteG=account, FCP_ComptaCPT_Taxe1=sold,
        )  # fmt: skip


def _add_ranges(shop: Shop) -> None:
    slots = shop.dataset.rows("P_GAMME")
    del slots[5:]
    for position, (title, kind) in enumerate(_RANGES, 6):
        shop.dataset.add("P_GAMME", cbMarq=position, cbIndice=position, G_Intitule=title, G_Type=kind)
    values = shop.dataset.rows("F_ENUMGAMME")
    values[:] = [row for row in values if row["EG_Champ"] in (4, 5)]
    lists = {
        1: SIZES, 2: COLOURS, 3: tuple(str(size) for size in range(36, 48)),
        7: ("30 m", "40 m", "60 m", "70 m", "50 cm", "55 cm", "60 cm", "70 cm", "157 cm", "164 cm", "171 cm", "178 cm"),
        8: ("4 ans", "6 ans", "8 ans", "10 ans", "12 ans"),
    }  # fmt: skip
    for field, titles in lists.items():
        for line, title in enumerate(titles, 1):
            shop.dataset.add("F_ENUMGAMME", EG_Champ=field, EG_Ligne=line, EG_Enumere=title)
    for line, (title, bound) in enumerate(
        (("Jusqu'à 500 €", 500), ("Jusqu'à 2 000 €", 2000), ("Et plus", 99999999999999)), 1
    ):
        shop.dataset.add("F_ENUMGAMME", EG_Champ=6, EG_Ligne=line, EG_Enumere=title, EG_BorneSup=bound)
    for row in values:
        row.pop("cbMarq", None)
    shop.dataset.add("F_ENUMCOND", EC_Champ=1, EC_Enumere="Boîte de 10", EC_Quantite=10)
    shop.dataset.add("F_ENUMCOND", EC_Champ=2, EC_Enumere="Carton de 12", EC_Quantite=12)


def _add_information_libres(shop: Shop) -> None:
    for position, (name, kind, length) in enumerate(_LIBRES, 5):
        shop.dataset.add(
            "cbSysLibre", CB_File="F_ARTICLE", CB_Name=name, CB_Pos=position, CB_Type=kind, CB_Len=length, CB_Flag=0,
            CB_Creator="CIAL",
        )  # fmt: skip
    for title in _MATERIALS:
        shop.dataset.add("F_ENUMLIBRECIAL", N_Info=1, N_File=0, EL_Intitule=title)


def _add_supplier(shop: Shop, number: int, supplier: tuple[str, str, str, str, str]) -> None:
    code, title, street, postcode, town = supplier
    shop.dataset.add(
        "F_COMPTET", CT_Num=code, CT_Intitule=title, CT_Type=1, CG_NumPrinc="4010000", CT_Classement=title[:17],
        CT_Adresse=street, CT_CodePostal=postcode, CT_Ville=town, CT_Pays="France",
        CT_EMail=f"{code[4:].lower()}@fournisseur.example", N_CatTarif=1, N_CatCompta=1, N_Expedition=1, N_Condition=1,
        N_Period=1, N_Risque=1, CT_Facture=1, CT_Lettrage=1, CT_Saut=1, DE_No=1, CO_No=3, CT_NumPayeur=code,
        cbModification=shop.stamp(code),
    )  # fmt: skip
    shop.dataset.add("F_COMPTETG", CT_Num=code, CG_Num="4010000")
    shop.dataset.add(
        "F_REGLEMENTT", CT_Num=code, N_Reglement=2, RT_Condition=2, RT_NbJour=30 + 15 * (number % 2), RT_TRepart=1
    )
