"""Customers the demo merchant has on top of the sample."""

from dataclasses import dataclass

from .shop import Shop

_PEOPLE = (
    ("Camille", "ROUSSET", "14 rue de Turenne", "38000", "Grenoble", "France"),
    ("Nadia", "BELKACEM", "6 place Bellecour", "69002", "Lyon", "France"),
    ("Théo", "GARNIER", "Le Bourg", "38112", "Méaudre", "France"),
    ("Inès", "DA SILVA", "31 cours Mirabeau", "13100", "Aix-en-Provence", "France"),
    ("Gaël", "LE GOFF", "2 venelle du Port", "29200", "Brest", "France"),
    ("Apolline", "D'HAUTERIVES", "9 rue des Remparts", "73000", "Chambéry", "France"),
    ("Maël", "PETIT-JEAN", "48 boulevard Vauban", "59000", "Lille", "France"),
    ("Jeanne", "VAN DAMME", "Rue Neuve 77", "1000", "Bruxelles", "Belgique"),
    ("Karim", "OUEDRAOGO", "5 allée des Tilleuls", "31000", "Toulouse", "France"),
    ("Françoise", "L'HÔTE", "17 faubourg de Pierre", "67000", "Strasbourg", "France"),
)
_COMPANIES = (
    ("SECOURS38", "Secours en montagne de l'Isère", "Adj. Morin", "38420", "Le Versoud", 4),
    ("LYCEELANS", "Lycée polyvalent de Lans", "Intendance", "38250", "Lans-en-Vercors", 4),
    ("REFUGE02", "Refuge de la Jasse", "Marion Col", "38650", "Gresse-en-Vercors", 1),
    ("MAGDIE", "Diois Sport & Nature", "Élise Bouvier", "26150", "Die", 2),
)


@dataclass(frozen=True, slots=True)
class _Customer:
    """A customer to write; ``place`` is street, postcode, town, country."""

    code: str
    title: str
    contact: str
    place: tuple[str, str, str, str]
    mail: str
    category: int

    @property
    def web(self) -> bool:
        """Whether the customer came through the shop."""
        return self.category == 3


def add_customers(shop: Shop) -> None:
    """Ten people of the web shop (category 3) and four companies (categories 1, 2 and 4), each with an address."""
    for number, (first, last, *place) in enumerate(_PEOPLE, 106):
        name = f"{first}.{last}".lower().replace(" ", "").replace("'", "")
        _add(
            shop,
            _Customer(
                code=f"WEB{number:07d}",
                title=f"{last} {first}",
                contact=f"{first} {last}",
                place=(place[0], place[1], place[2], place[3]),
                mail=f"{_ascii(name)}@exemple.example",
                category=3,
            ),
        )
    for code, title, contact, postcode, town, category in _COMPANIES:
        place_of = ("Zone artisanale", postcode, town, "France")
        _add(shop, _Customer(code, title, contact, place_of, f"contact@{code.lower()}.example", category))


def _add(shop: Shop, customer: _Customer) -> None:
    code, (street, postcode, town, country) = customer.code, customer.place
    account = "4110100" if customer.web else "4110000"
    row = shop.dataset.add(
        "F_COMPTET", CT_Num=code, CT_Intitule=customer.title, CT_Type=0, CG_NumPrinc=account,
        CT_Classement=customer.title[:17], CT_Contact=customer.contact, CT_Adresse=street, CT_CodePostal=postcode,
        CT_Ville=town, CT_Pays=country, CT_EMail=customer.mail, N_CatTarif=customer.category,
        N_CatCompta=1 if country == "France" else 2, N_Expedition=1, N_Condition=1, N_Period=1, N_Risque=1,
        CT_Facture=1, CT_Lettrage=1, CT_Saut=1, DE_No=1, CO_No=2 if customer.web else 1, CT_NumPayeur=code,
        cbModification=shop.stamp(code),
    )  # fmt: skip
    if customer.web:
        row["Origine client"] = "Boutique"
    shop.dataset.add("F_COMPTETG", CT_Num=code, CG_Num=account)
    terms = {"N_Reglement": 3} if customer.web else {"N_Reglement": 2, "RT_Condition": 2, "RT_NbJour": 30}
    shop.dataset.add("F_REGLEMENTT", CT_Num=code, RT_TRepart=1, **terms)
    shop.dataset.add(
        "F_LIVRAISON", LI_No=shop.dataset.next_number("F_LIVRAISON", "LI_No"), CT_Num=code, LI_Intitule=customer.title,
        LI_Adresse=street, LI_CodePostal=postcode, LI_Ville=town, LI_Pays=country, LI_Contact=customer.contact,
        N_Expedition=1, N_Condition=1, LI_Principal=1, LI_EMail=customer.mail,
    )  # fmt: skip


def _ascii(text: str) -> str:
    plain = str.maketrans("éèêëàâäîïôöùûüç", "eeeeaaaiioouuuc")
    return text.translate(plain)
