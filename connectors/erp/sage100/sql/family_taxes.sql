SELECT x.FA_CodeFamille, x.FCP_ComptaCPT_Taxe1, x.FCP_ComptaCPT_Taxe2, x.FCP_ComptaCPT_Taxe3, x.FCP_ComptaCPT_Date1, x.FCP_ComptaCPT_TaxeAnc1, x.FCP_ComptaCPT_Date2, x.FCP_ComptaCPT_TaxeAnc2, x.FCP_ComptaCPT_Date3, x.FCP_ComptaCPT_TaxeAnc3
FROM F_FAMCOMPTA x
WHERE x.FCP_Type = 0 AND x.FCP_TypeFacture = 0 AND x.FCP_Champ = ?
