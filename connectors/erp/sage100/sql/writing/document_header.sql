SELECT e.DO_Type, e.DO_Piece, e.DO_Tiers, e.DO_NoWeb, e.DO_Devise, e.DO_Cours, e.DO_ValFrais, e.DO_TypeLigneFrais, e.DO_Taxe1, e.DO_TypeTaux1, e.DO_TypeTaxe1, e.DO_Taxe2, e.DO_TypeTaux2, e.DO_TypeTaxe2, e.DO_Taxe3, e.DO_TypeTaux3, e.DO_TypeTaxe3, e.DO_Cloture, e.DO_Reliquat, e.DO_Statut
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_Type = ? AND e.DO_Piece = ?
