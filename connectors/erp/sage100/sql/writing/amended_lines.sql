SELECT l.DL_No, l.DL_Ligne, l.AR_Ref, l.AG_No1, l.AG_No2, l.AR_RefCompose, l.DL_Valorise, l.DL_Qte, l.EU_Qte, l.DL_TTC, l.DL_PrixUnitaire, l.DL_PUTTC, l.DL_PUDevise, l.DL_Remise01REM_Valeur, l.DL_Remise01REM_Type, l.DL_Taxe1, l.DL_TypeTaux1, l.DL_Taxe2, l.DL_TypeTaux2, l.DL_Taxe3, l.DL_TypeTaux3, l.DL_Design, l.EU_Enumere, l.DT_No
FROM F_DOCLIGNE l
WHERE l.DO_Domaine = 0 AND l.DO_Type = ? AND l.DO_Piece = ?
ORDER BY l.DL_Ligne, l.DL_No
