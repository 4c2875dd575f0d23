SELECT l.DL_No, l.DL_Ligne, l.AR_Ref, l.AG_No1, l.AG_No2, l.DL_Qte, l.DL_Valorise, l.DL_TTC, l.DL_PUDevise, l.DL_MontantHT, l.DL_MontantTTC, l.DL_Taxe1, l.DL_TypeTaux1, l.DL_TypeTaxe1, l.DL_Taxe2, l.DL_TypeTaux2, l.DL_TypeTaxe2, l.DL_Taxe3, l.DL_TypeTaux3, l.DL_TypeTaxe3
FROM F_DOCLIGNE l
WHERE l.DO_Domaine = 0 AND l.DO_Type = ? AND l.DO_Piece = ?
ORDER BY l.DL_Ligne, l.DL_No
