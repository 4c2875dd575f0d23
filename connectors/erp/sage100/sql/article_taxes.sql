SELECT x.AR_Ref, x.ACP_ComptaCPT_Taxe1, x.ACP_ComptaCPT_Taxe2, x.ACP_ComptaCPT_Taxe3, x.ACP_ComptaCPT_Date1, x.ACP_ComptaCPT_TaxeAnc1, x.ACP_ComptaCPT_Date2, x.ACP_ComptaCPT_TaxeAnc2, x.ACP_ComptaCPT_Date3, x.ACP_ComptaCPT_TaxeAnc3
FROM F_ARTCOMPTA x
WHERE x.ACP_Type = 0 AND x.ACP_TypeFacture = 0 AND x.ACP_Champ = ? AND x.AR_Ref IN (?)
