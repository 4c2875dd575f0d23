SELECT e.DO_Tiers, e.DO_Date, e.DO_Devise, e.DO_Ref, e.DO_Contact, e.DO_Coord01, e.DO_Coord02, e.DO_Coord03, e.DO_Coord04, e.LI_No, e.DO_Expedit, e.N_CatCompta, e.DO_DateLivr, e.DO_TypeFrais, e.DO_ValFrais, e.DO_TypeLigneFrais, e.DO_Taxe1, e.DO_TypeTaux1, e.DO_TypeTaxe1, e.DO_Taxe2, e.DO_TypeTaux2, e.DO_TypeTaxe2, e.DO_Taxe3, e.DO_TypeTaux3, e.DO_TypeTaxe3
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_Type = ? AND e.DO_Piece = ?
