"""Settings of a WooCommerce shop, declared once."""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from connectors.core.options import OptionsSection, option

CONNECTION = "Connexion"
CREATION = "Création des articles"
CONTENT = "Contenu des articles"
PICTURES = "Images"
PACE = "Rythme des échanges"
ORDERS = "Commandes"

_OWN_FIELDS = frozenset(
    [
        "_sku", "_price", "_regular_price", "_sale_price", "_stock", "_stock_status", "_manage_stock", "_backorders",
        "_weight", "_length", "_width", "_height", "_tax_class", "_tax_status", "_thumbnail_id", "_global_unique_id",
        "_low_stock_amount", "_product_attributes", "_default_attributes", "total_sales",
    ]
)  # fmt: skip
"""Custom fields that are columns of the shop: writing « _stock » there really changes the stock (recorded)."""


class WooCommerceOptions(OptionsSection):
    """Address, keys, pace, and how articles are written."""

    section: ClassVar[str] = "woocommerce"
    title: ClassVar[str] = "Boutique WooCommerce"

    url: str = option(
        label="Adresse de la boutique",
        help="Adresse de la page d’accueil, telle que réglée dans WordPress, par exemple https://boutique.example.",
        group=CONNECTION,
        min_length=8,
        max_length=300,
    )
    consumer_key: SecretStr = option(
        label="Clé client",
        help="Commence par « ck_ ». Se crée dans WooCommerce › Réglages › Avancé › API REST, avec les droits de lecture"
        " et d’écriture, pour un compte administrateur.",
        group=CONNECTION,
        min_length=1,
        max_length=200,
    )
    consumer_secret: SecretStr = option(
        label="Secret client",
        help="Commence par « cs_ ». N’est montré par WooCommerce qu’à la création de la clé.",
        group=CONNECTION,
        min_length=1,
        max_length=200,
    )
    verify_tls: bool = option(
        True,
        label="Vérifier le certificat",
        help="À décocher seulement pour une boutique d’essai au certificat non reconnu, sur un réseau sûr.",
        group=CONNECTION,
        advanced=True,
    )
    key_in_query: bool = option(
        False,
        label="Clés dans l’adresse",
        help="Pour les hébergeurs qui retirent l’en-tête Authorization. Les clés apparaissent alors dans les journaux"
        " d’accès de la boutique : préférez « Signer les demandes ». Sans effet sur une adresse en http.",
        group=CONNECTION,
        advanced=True,
    )
    sign_requests: bool = option(
        False,
        label="Signer les demandes",
        help="Signature OAuth 1.0a même en https, sans envoyer le secret. En http, les demandes sont toujours signées.",
        group=CONNECTION,
        advanced=True,
    )
    timeout: int = option(
        60,
        label="Délai d’attente",
        help="Temps laissé à la boutique pour répondre à une demande. Un lot qui le dépasse est coupé en deux.",
        group=PACE,
        unit="s",
        ge=1,
        le=600,
        advanced=True,
    )
    connections: int = option(
        4,
        label="Connexions simultanées",
        help="Nombre de demandes en même temps. Deux suffisent à une petite boutique ; au-delà du nombre de"
        " processeurs du serveur, le gain est nul.",
        group=PACE,
        ge=1,
        le=16,
        advanced=True,
    )
    batch_size: int = option(
        100,
        label="Taille maximale des lots",
        help="Nombre d’articles par demande. La taille s’adapte au temps mesuré ; WooCommerce refuse plus de 100.",
        group=PACE,
        ge=1,
        le=100,
        advanced=True,
    )
    batch_seconds: int = option(
        5,
        label="Durée visée d’un lot",
        help="Au-delà, les lots suivants sont plus petits, pour rester loin des délais de l’hébergeur.",
        group=PACE,
        unit="s",
        ge=1,
        le=60,
        advanced=True,
    )
    requests_per_second: int = option(
        0,
        label="Demandes par seconde",
        help="Plafond commun à tous les envois de cette boutique. 0 : pas de plafond.",
        group=PACE,
        ge=0,
        le=100,
        advanced=True,
    )
    settle_seconds: float = option(
        6.0,
        label="Attente après une coupure",
        help="Une boutique continue à travailler après une coupure : temps sans nouveauté au bout duquel on considère"
        " qu’elle a fini, avant de renvoyer ce qui manque.",
        group=PACE,
        unit="s",
        ge=0.1,
        le=120,
        advanced=True,
    )
    new_status: Literal["publish", "draft", "pending", "private"] = option(
        "publish",
        label="État des nouveaux articles",
        help="État donné à la création à un article actif. Un article inactif reçoit toujours l’état des articles"
        " désactivés.",
        group=CREATION,
        choices={
            "publish": "Publié",
            "draft": "Brouillon",
            "pending": "En attente de relecture",
            "private": "Privé",
        },
    )
    inactive_status: Literal["draft", "private", "pending"] = option(
        "draft",
        label="État des articles désactivés",
        help="État donné à un article désactivé. Rien n’est jamais supprimé.",
        group=CONTENT,
        choices={"draft": "Brouillon", "private": "Privé", "pending": "En attente de relecture"},
    )
    features_as: Literal["global", "local"] = option(
        "global",
        label="Caractéristiques",
        help="Attribut global : partagé par toute la boutique, utilisable dans les filtres. Attribut propre à"
        " l’article : texte libre.",
        group=CONTENT,
        choices={"global": "Attributs globaux", "local": "Attributs propres à l’article"},
    )
    clear_attributes: bool = option(
        False,
        label="Vider les caractéristiques d’abord",
        help="À chaque envoi d’un article dont les caractéristiques sont mises à jour, retire tous les attributs que"
        " l’ERP ne donne pas, même ajoutés à la main dans la boutique. Les attributs des variations et celui de la"
        " marque restent. Sinon, seuls les attributs posés par un envoi précédent sont retirés.",
        group=CONTENT,
    )
    default_in_stock: bool = option(
        False,
        label="Présélectionner une déclinaison en stock",
        help="Après l’envoi du stock d’une déclinaison, quand celle que la boutique présélectionne n’est plus en stock,"
        " ou qu’il n’y en a pas, présélectionne la première qui l’est. Deux appels de plus par article touché.",
        group=CONTENT,
    )
    brand_as: Literal["brand", "attribute", "none"] = option(
        "brand",
        label="Marque",
        help="Marques de WooCommerce (depuis la version 9.6), ou attribut global. Si la boutique n’a pas de marques,"
        " l’attribut est utilisé.",
        group=CONTENT,
        choices={"brand": "Marque WooCommerce", "attribute": "Attribut", "none": "Ne pas envoyer"},
    )
    brand_attribute: str = option(
        "Marque",
        label="Nom de l’attribut de marque",
        help="Attribut global qui reçoit la marque.",
        group=CONTENT,
        visible_if={"brand_as": ["brand", "attribute"]},
        min_length=1,
        max_length=100,
    )
    create_brands: bool = option(
        True,
        label="Créer les marques absentes",
        help="Sinon, la marque d’un article n’est envoyée que si elle existe déjà dans la boutique.",
        group=CREATION,
        visible_if={"brand_as": ["brand", "attribute"]},
    )
    rename_categories: bool = option(
        True,
        label="Renommer les catégories",
        help="Le nom de l’ERP remplace celui d’une catégorie déjà liée.",
        group=CONTENT,
    )
    seo_plugin: Literal["none", "yoast"] = option(
        "none",
        label="Extension de référencement",
        help="Reçoit le titre, la description et le mot-clé de référencement.",
        group=CONTENT,
        choices={"none": "Aucune", "yoast": "Yoast SEO"},
    )
    next_delivery_meta: str = option(
        "",
        label="Champ de la prochaine livraison",
        help="Champ personnalisé des articles et des déclinaisons qui reçoit la date de la prochaine livraison"
        " fournisseur demandée dans Stocks, par exemple « _next_delivery_date ». C’est au thème ou à une extension de"
        " l’afficher. Vide : la date n’est pas envoyée. Un appel de plus par lot de stocks.",
        group=CONTENT,
        max_length=100,
    )
    next_delivery_format: Literal["iso", "fr"] = option(
        "iso",
        label="Forme de la prochaine livraison",
        help="Comment la date est écrite dans ce champ. La première forme se trie et se compare ; la seconde s’affiche"
        " telle quelle.",
        group=CONTENT,
        choices={"iso": "AAAA-MM-JJ", "fr": "JJ/MM/AAAA"},
    )
    check_barcodes: bool = option(
        True,
        label="Contrôler les codes-barres",
        help="N’envoie que les codes EAN, UPC, GTIN ou ISBN dont la clé est juste ; les autres sont refusés.",
        group=CONTENT,
    )

    media_user: str = option(
        "",
        label="Identifiant WordPress",
        help="Compte WordPress (auteur ou plus) qui dépose les images dans la médiathèque : les clés de WooCommerce ne"
        " l’ouvrent pas. Nécessaire seulement pour « Exporter les images ».",
        group=PICTURES,
        needed_by=("pictures",),
        max_length=200,
    )
    media_password: SecretStr = option(
        SecretStr(""),
        label="Mot de passe d’application",
        help="Se crée dans WordPress › Comptes › Profil › Mots de passe d’application, pour le compte ci-dessus. Ce"
        " n’est pas le mot de passe avec lequel ce compte se connecte.",
        group=PICTURES,
        needed_by=("pictures",),
        max_length=200,
    )
    media_max_mb: int = option(
        8,
        label="Taille maximale d’une image",
        help="Une image plus lourde est refusée avant l’envoi. Ne dépassez pas la limite de l’hébergement, que"
        " WordPress affiche dans Médias › Ajouter.",
        group=PICTURES,
        unit="Mo",
        ge=1,
        le=64,
    )

    wrapping_names: str = option(
        "emballage cadeau, paquet cadeau, papier cadeau, gift wrap",
        label="Frais d’emballage cadeau",
        help="Parties de noms, séparées par des virgules, qui font reconnaître les frais d’emballage d’une commande.",
        group=ORDERS,
        max_length=500,
        advanced=True,
    )
    eco_names: str = option(
        "éco-participation, éco-contribution, écotaxe, éco-taxe, DEEE",
        label="Frais d’éco-participation",
        help="Parties de noms, séparées par des virgules, qui font reconnaître l’éco-participation d’une commande.",
        group=ORDERS,
        max_length=500,
        advanced=True,
    )
    channel_metas: str = option(
        "_marketplace, marketplace, _sales_channel",
        label="Champs de la place de marché",
        help="Champs personnalisés des commandes, séparés par des virgules, dont le contenu nomme la place de marché.",
        group=ORDERS,
        max_length=500,
        advanced=True,
    )
    marketplaces: str = option(
        "",
        label="Places de marché",
        help="Noms séparés par des virgules. Chacun devient un moyen de paiement dans Règlements, celui des commandes"
        " dont le champ de la place de marché, ou le moyen de paiement, porte ce nom.",
        group=ORDERS,
        max_length=500,
        advanced=True,
    )
    team_notes: bool = option(
        False,
        label="Recopier les notes de l’équipe",
        help="Recopie dans le document, après le message du client, les notes que des personnes ont écrites sur la"
        " commande. Un appel de plus par commande lue.",
        group=ORDERS,
    )
    payment_metas: str = option(
        "",
        label="Champs des autres paiements",
        help="Un par ligne, « champ = moyen » : champ personnalisé des commandes où une extension note un montant payé"
        " autrement (carte cadeau, avoir, acompte), et moyen de paiement qu’il devient dans Règlements. Par exemple"
        " « _ywgc_applied_gift_cards = carte_cadeau ». Un total que l’extension a diminué d’autant est rétabli.",
        group=ORDERS,
        max_length=1000,
        multiline=True,
        advanced=True,
    )
    received_meta: str = option(
        "",
        label="Champ du montant reçu",
        help="Champ personnalisé des commandes qui contient le montant reçu par leur moyen de paiement. Vide, ou absent"
        " d’une commande : son total, moins les autres paiements.",
        group=ORDERS,
        max_length=100,
        advanced=True,
    )
    tracking_meta: str = option(
        "_tracking_number",
        label="Champ du numéro de suivi",
        help="Champ personnalisé des commandes qui reçoit le numéro de suivi du colis.",
        group=ORDERS,
        min_length=1,
        max_length=100,
        advanced=True,
    )
    provider_meta: str = option(
        "_tracking_provider",
        label="Champ du transporteur",
        help="Champ personnalisé des commandes qui reçoit le transporteur du colis.",
        group=ORDERS,
        min_length=1,
        max_length=100,
        advanced=True,
    )
    tracking_note: str = option(
        "",
        label="Note de suivi au client",
        help="Texte ajouté à la commande et envoyé au client par la boutique, une seule fois par numéro de suivi."
        " « {numero} » et « {transporteur} » sont remplacés. Vide : pas de note.",
        group=ORDERS,
        max_length=1000,
        multiline=True,
    )
    document_meta: str = option(
        "_atoosync_piece",
        label="Champ du numéro de pièce",
        help="Champ personnalisé des commandes qui reçoit le numéro de la pièce de l’ERP.",
        group=ORDERS,
        min_length=1,
        max_length=100,
        advanced=True,
    )
    reference_meta: str = option(
        "_order_number",
        label="Champ du numéro de la commande",
        help="Champ personnalisé où une extension de numérotation garde le numéro affiché de la commande. Il reçoit le"
        " numéro de la pièce quand celui-ci le remplace.",
        group=ORDERS,
        min_length=1,
        max_length=100,
        advanced=True,
    )
    invoice_meta: str = option(
        "_atoosync_invoice",
        label="Champ du numéro de facture",
        help="Champ personnalisé des commandes qui reçoit le numéro de la facture de l’ERP.",
        group=ORDERS,
        min_length=1,
        max_length=100,
        advanced=True,
    )
    delivery_meta: str = option(
        "_delivery_date",
        label="Champ de la date de livraison",
        help="Champ personnalisé des commandes qui reçoit la date de livraison, sous la forme AAAA-MM-JJ.",
        group=ORDERS,
        min_length=1,
        max_length=100,
        advanced=True,
    )

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("Saisissez une adresse complète, par exemple https://boutique.example.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("Saisissez seulement l’adresse, sans identifiant, ni « ? », ni « # ».")
        cleaned = value.rstrip("/")
        for tail in ("/wp-json", "/wp-admin", "/index.php"):
            cleaned = cleaned.removesuffix(tail)
        return cleaned

    @field_validator("next_delivery_meta")
    @classmethod
    def _free_field(cls, value: str) -> str:
        if value in _OWN_FIELDS or value.startswith("_atoosync"):
            raise ValueError(
                "Ce champ sert déjà à autre chose ; choisissez-en un autre, comme « _next_delivery_date »."
            )
        if any(sign.isspace() for sign in value):
            raise ValueError("Saisissez le nom d’un seul champ, sans espace.")
        return value

    @field_validator("payment_metas")
    @classmethod
    def _field_and_method(cls, value: str) -> str:
        for line in value.splitlines():
            field, _, method = (part.strip() for part in line.partition("="))
            if line.strip() and not (field and method):
                raise ValueError("Chaque ligne s’écrit « champ = moyen ».")
        return value

    @field_validator("consumer_key", "consumer_secret")
    @classmethod
    def _trimmed(cls, value: SecretStr) -> SecretStr:
        return SecretStr(value.get_secret_value().strip())

    @property
    def next_delivery_place(self) -> str:
        """See the base class."""
        return f"{self.next_delivery_meta} {self.next_delivery_format}" if self.next_delivery_meta else ""

    @property
    def other_payments(self) -> tuple[tuple[str, str], ...]:
        """Custom fields of orders that hold an amount paid otherwise, each with its means of payment."""
        lines = (line.partition("=") for line in self.payment_metas.splitlines() if line.strip())
        return tuple((field.strip(), method.strip()) for field, _, method in lines)

    @property
    def is_https(self) -> bool:
        """Whether the shop's address is an https one."""
        return self.url.lower().startswith("https://")

    def admin_url(self, page: str) -> str:
        """Address of a page of the back office."""
        return f"{self.url}/wp-admin/{page}"
