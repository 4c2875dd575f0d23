SELECT f.cbMarq, f.FA_CodeFamille, f.FA_Type, f.FA_Intitule, f.FA_Central
FROM F_FAMILLE f
ORDER BY f.cbMarq
