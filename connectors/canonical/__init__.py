"""The model that both sides of a profile speak: frozen records, Decimal money with currency and tax basis."""
