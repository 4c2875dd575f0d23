SELECT a.cbMarq, a.cbModification, a.AR_Ref, a.AR_Design, a.FA_CodeFamille, a.AR_UnitePoids, a.AR_PoidsNet, a.AR_PoidsBrut, a.AR_UniteVen, a.AR_PrixAch, a.AR_Coef, a.AR_PrixVen, a.AR_PrixTTC, a.AR_PrixAchNouv, a.AR_CoefNouv, a.AR_PrixVenNouv, a.AR_DateApplication, a.AR_Gamme1, a.AR_Gamme2, a.AR_Condition, a.AR_SuiviStock, a.AR_Nomencl, a.AR_QteComp, a.AR_Type, a.AR_Sommeil, a.AR_Publie, a.AR_CodeBarre
FROM F_ARTICLE a
WHERE a.AR_Ref IN (?)
ORDER BY a.cbMarq
